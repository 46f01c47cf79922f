import Foundation
import Testing

@Suite struct NameCommandTests {
    @Test func rootsAreSetComparedReadAndRemoved() throws {
        let line = try CommandLine()
        let first = try line.put(Data("first".utf8))
        let second = try line.put(Data("second".utf8))
        #expect(try line.run("root", "set", "name", first).line == "name\t\(first)")
        #expect(try line.run("root", "get", "name").line == first)
        #expect(
            try line.run("root", "cas", "name", first, second, "--json").object()["cid"] as? String == second)
        let late = try line.run("root", "cas", "name", first, second, "--json")
        #expect(late.status == 5)
        #expect(try late.errorCode() == "conflict")
        #expect(try line.run("root", "cas", "name", "none", second).status == 5)
        #expect(try line.run("root", "cas", "other", "none", second).status == 0)
        #expect(try line.run("ls").lines == ["name\t\(second)", "other\t\(second)"])
        let names = try line.run("ls", "--json").array().compactMap { $0["name"] as? String }
        #expect(names == ["name", "other"])
        let removed = try line.run("root", "rm", "name", "--json").object()
        #expect(removed["name"] as? String == "name" && removed.integer("remaining") == 0)
        for command in [["get", "name"], ["rm", "name"], ["set", "name", absentCID]] {
            let result = try line.start(["root"] + command + ["--json"]).wait()
            #expect(result.status == 3)
            #expect(try result.errorCode() == "not_found")
        }
        #expect(try line.isClean())
    }

    @Test func namesHaveRules() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("x".utf8))
        for name in ["", String(repeating: "n", count: 256), "a\u{7}b", "line\nfeed", cid] {
            #expect(try line.run("root", "set", name, cid).status == 2, "\(name)")
            #expect(try line.run("put", "put", "--root", name).status == 2, "\(name)")
        }
        for name in ["with space", "ü/ö", String(repeating: "n", count: 255), "\"quoted\\"] {
            #expect(try line.run("root", "set", name, cid).status == 0)
            #expect(try line.run("root", "get", name, "--json").object()["name"] as? String == name)
        }
        #expect(try line.run("root", "set", "--", "-dash", cid).status == 0)
        #expect(try line.run("size", "--", "-dash").line == "1")
        #expect(try line.run("get", "no such root").status == 3)
    }

    @Test func holdsBelongToTheirOwners() throws {
        let line = try CommandLine()
        let cid = try line.put(randomData(200_000, seed: 1))
        #expect(try line.run("retain", cid, "--owner", "other").status == 0)
        #expect(try line.run("holds").lines.count == 2)
        #expect(try line.run("holds", "--owner", "other").lines == ["\(cid)\t1\tother"])
        #expect(try line.run("dereference", cid, "--owner", "nobody").status == 3)
        #expect(try line.run("dereference", cid).status == 0)
        let again = try line.run("dereference", cid, "--json")
        #expect(again.status == 3)
        #expect(try again.errorCode() == "not_found")
        #expect(try line.run("get", cid).outputBytes == randomData(200_000, seed: 1))
        let last = try line.run("dereference", cid, "--owner", "other", "--json").object()
        #expect((last.integer("blocks") ?? 0) > 1 && last.integer("remaining") == 0)
        let after = try line.statistics()
        for key in ["blocks", "stored_bytes", "dead_bytes", "holds", "roots", "leases", "packs"] {
            #expect(after.integer(key) == 0, "\(key)")
        }
        #expect(try line.isClean())
    }

    @Test func allHoldsOfAnOwnerAreGivenBackWhateverTheirCount() throws {
        let line = try CommandLine()
        let first = try line.put(randomData(200_000, seed: 1))
        let second = try line.put(Data("second".utf8), root: "named")
        for cid in [first, first, second] {
            #expect(try line.run("retain", cid, "--owner", "me").status == 0)
        }
        #expect(try line.run("branch", "main").status == 0)
        for words in [
            [], ["--all"], ["--all", first, "--owner", "me"], ["--all", "--owner", "fs/branch/main"],
            ["--all", "--owner", "fork:0"],
        ] {
            #expect(try line.start(["dereference"] + words).wait().status == 2, "\(words)")
        }
        #expect(try line.run("dereference", "--all", "--owner", "nobody").status == 3)
        let all = try line.run("dereference", "--all", "--owner", "me", "--json").object()
        #expect(all["owner"] as? String == "me" && all.integer("holds") == 2 && all.integer("blocks") == 0)
        #expect(try line.run("holds", "--owner", "me").output == "")
        // What others hold stays, and so does what a root names.
        #expect(try line.run("has", first).status == 0 && line.run("has", second).status == 0)
        let hold = try line.run("holds", "--json").array().first { $0["cid"] as? String == first }
        let owner = try #require(hold?["owner"] as? String)
        let last = try line.run("dereference", "--all", "--owner", owner)
        #expect(last.line.hasPrefix("1 block held by \(owner) released, "), "\(last.output)\(last.error)")
        #expect(try line.run("has", first).status == 3 && line.run("log", "main").status == 0)
        #expect(try line.isClean())
    }

    @Test func aLinksReferenceIsNobodysToDrop() throws {
        let line = try CommandLine()
        let leaf = try line.put(Data("leaf".utf8))
        try line.write("node", Data("{\"/\":\"\(leaf)\"}".utf8))
        let node = try line.run("put-node", "node", "--format", "dag-json").line
        #expect(try line.run("dereference", leaf).status == 0)
        #expect(try line.run("dereference", leaf).status == 3)
        #expect(try line.run("has", leaf).status == 0)
        #expect(try line.run("dereference", node).status == 0)
        #expect(try line.run("has", leaf).status == 3)
    }

    @Test func usageTellsWhatIsOnesOwnFromWhatIsShared() throws {
        let line = try CommandLine()
        let shared = randomData(2_000_000, seed: 1)
        _ = try line.put(shared + randomData(1_000_000, seed: 2), root: "one")
        _ = try line.put(shared + randomData(1_000_000, seed: 3), root: "two")
        let one = try line.run("usage", "one", "--json").object()
        #expect(one.integer("logical_bytes") == 3_000_000)
        let exclusive = try #require(one.integer("exclusive_bytes"))
        #expect((1_000_000...1_600_000).contains(exclusive))
        #expect((one.integer("shared_bytes") ?? 0) > 1_400_000)
        let both = try line.run("usage", "one", "two", "--json").object()
        #expect(both.integer("shared_bytes") == 0)
        #expect(try line.run("usage", "one", "three").status == 3)
        #expect(try line.run("usage").status == 2)
        #expect(try line.run("usage", "one").lines.first?.hasPrefix("3000000 ") == true)
        #expect(try line.run("root", "rm", "one", "--json").object().integer("stored_bytes") == exclusive)
    }

    @Test func whatIsReplacedIsLeftToCollection() throws {
        let line = try CommandLine()
        _ = try line.put(randomData(2_000_000, seed: 1), root: "name")
        _ = try line.put(randomData(2_000_000, seed: 2), root: "name")
        let planned = try line.run("gc", "--dry-run", "--json").object()
        #expect(try line.run("gc", "-n", "--json").object().integer("blocks") == planned.integer("blocks"))
        #expect((planned.integer("blocks") ?? 0) > 10)
        #expect(try line.statistics().integer("dead_blocks") ?? 0 > 0)
        let done = try line.run("gc", "--budget-ms", "60000", "--json").object()
        #expect(done.integer("blocks") == planned.integer("blocks"))
        #expect(done.integer("stored_bytes") == planned.integer("stored_bytes"))
        #expect(done["complete"] as? Bool == true && (done.integer("reclaimed_bytes") ?? 0) > 1_900_000)
        #expect(try line.run("gc", "--json").object().integer("blocks") == 0)
        #expect(try line.run("get", "name").outputBytes == randomData(2_000_000, seed: 2))
        #expect(try line.isClean())
    }
}
