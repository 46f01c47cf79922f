import Foundation
import Testing

@Suite struct ArgumentTests {
    @Test func whatIsNotUTF8IsRefusedAndNamesNothing() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("x".utf8))
        for command in [
            "put put --root $'bad\\xff'", "get \(cid) -o $'bad\\xff'", "--store $'bad\\xff' init",
            "root set $'bad\\xff' \(cid)",
        ] {
            let result = try line.shell("\"$IPLDSTORE_EXECUTABLE\" \(command)")
            #expect(result.status == 2 && result.output == "", "\(command)")
            #expect(result.error == "ipldstore: an argument is not UTF-8: bad\\xff\n")
        }
        let variable = try line.shell("IPLDSTORE=$'bad\\xff' \"$IPLDSTORE_EXECUTABLE\" init --json")
        #expect(variable.status == 2)
        #expect(try variable.errorCode() == "usage")
        #expect(variable.error.contains("IPLDSTORE is not UTF-8"))
        #expect(try line.names() == [".ipldstore", "put"])
        #expect(try line.run("ls").output == "")
        #expect(try line.run("put", "put", "--root", "gut \u{1F600} ü").status == 0)
    }

    @Test func rootsStandForWhatTheyPointTo() throws {
        let line = try CommandLine()
        let cid = try line.put(randomData(300_000, seed: 1), root: "name")
        #expect(try line.run("root", "set", "copy", "name").line == "copy\t\(cid)")
        #expect(try line.run("root", "get", "copy").line == cid)
        // Branches are no plain roots.
        for words in [["root", "set", "fs/branch/x", cid], ["root", "rm", "fs/branch/x"]] {
            #expect(try line.start(words).wait().status == 2)
        }
        #expect(try line.run("retain", "name", "--owner", "me").line == "\(cid) held by me")
        #expect(try line.run("has", "name").line == "\(cid) here")
        #expect(try line.run("links", "name").lines == line.run("links", cid).lines)
        #expect(try line.run("dereference", "name", "--owner", "me").status == 0)
        #expect(try line.run("dereference", cid, "--owner", "me").status == 3)
        for command in [["root", "set", "new"], ["retain"], ["dereference"], ["has"], ["links"]] {
            #expect(try line.start(command + ["nothing", "--json"]).wait().errorCode() == "not_found")
            #expect(try line.start(command + ["--help"]).wait().output.contains("<cid|root>"))
        }
        #expect(try line.isClean())
    }

    @Test func namesAgainstTheRulesAreUsageErrors() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("x".utf8))
        for command in [
            ["root", "set", "a\u{7}b", cid], ["root", "cas", "", "none", cid], ["root", "get", ""],
            ["root", "rm", cid], ["append", cid, "--root", ""], ["usage", ""], ["get", ""], ["size", "\n"],
        ] {
            let result = try line.start(command + ["--json"]).wait()
            #expect(result.status == 2, "\(command): \(result.error)")
            #expect(try result.errorCode() == "usage")
            #expect(result.error.contains("a root"), "\(result.error)")
        }
        for command in [
            ["branch", "a:b"], ["branch", "-d", ""], ["fork", "main", "a:b"], ["tag", cid, "main"],
            ["import", ".", "--branch", "a:b"], ["copy", "--from", ".", "main", "--branch", "a~1"],
            ["import", ".", "m~1:/"],
            ["prune", "a:b", "--keep-last", "1"], ["merge", "a:b", "main"],
        ] {
            let result = try line.start(command + ["--json"]).wait()
            #expect(result.status == 2, "\(command): \(result.error)")
            #expect(try result.errorCode() == "usage" && result.error.contains("the name of a "))
        }
        // Before its file is read.
        #expect(try line.run("put", "missing", "--root", "").status == 2)
    }

    @Test(arguments: [
        (["init", "new"], "the directory comes after --store: ipldstore init --store new"),
        (["--store"], "--store takes a directory"), (["--json", "--store"], "--store takes a directory"),
        (["frob"], "there is no command ipldstore frob: see ipldstore --help"),
        (["frob", "x", "--bogus"], "there is no command ipldstore frob: see ipldstore --help"),
        (["help", "frob"], "there is no command ipldstore frob: see ipldstore --help"),
        (["root", "frob"], "there is no command ipldstore root frob: see ipldstore root --help"),
        (["init", "--store", "new", "--compression", "lz4"], "none of none, zstd and zstd:LEVEL with"),
        (["put-block", "put", "--codec", "json"], "none of raw, dag-cbor, dag-pb and the numbers of"),
        (["init", "--store", "new", "--chunker", "rabin"], "one of 'fastcdc' and 'fixed': see ipldstore"),
        (["chunk", "put", "--avg", "300000"], "256 and 262144 bytes: the default maximum is four times it"),
        (["init", "--store", "new", "--avg", "5"], "--avg must be between 256 and 262144 bytes"),
        (["truncate", "f", "-1"], ", a number must not be negative: see ipldstore truncate --help"),
        (["get", "f", "--offset", "-5"], ", a number must not be negative: see ipldstore get --help"),
        (["get", "f", "--offset=-5"], ", a number must not be negative: see ipldstore get --help"),
        (["log", "main", "--limit=-1"], "must not be negative"),
    ])
    func usageErrorsSayWhatIsValid(_ arguments: [String], _ message: String) throws {
        let line = try CommandLine()
        let result = try line.start(arguments).wait()
        #expect(result.status == 2 && result.output == "")
        #expect(result.error.contains(message), "\(result.error)")
        #expect(try line.names() == [".ipldstore"])
    }

    @Test func adviceFitsTheFailure() throws {
        let line = try CommandLine()
        let bytes = randomData(3_000_000, seed: 1)
        _ = try line.put(bytes, root: "name")
        _ = try line.shell("mkdir full; touch full/file")
        let full = try line.run("init", "--store", "full")
        #expect(full.error.contains("name an empty directory, or a new one") && full.status == 1)
        #expect(!full.error.contains("use it as it is"))
        let directory = try line.run("put", "full")
        #expect(directory.status == 1)
        #expect(directory.error.contains("pack it, tar -c full | ipldstore put -"), "\(directory.error)")
        _ = try line.shell("mv .ipldstore/journal journal")
        let journal = try line.run("get", "name")
        #expect(journal.error.contains("run ipldstore verify --repair"), "\(journal.error)")
        _ = try line.shell("mv journal .ipldstore/journal")

        let pack = ".ipldstore/packs/" + (try line.names(".ipldstore/packs")[0])
        var stored = try line.read(pack)
        stored[1_500_000] ^= 1
        try line.write(pack, stored)
        #expect(try line.run("verify").error.contains("ipldstore verify --repair, with --from STORE"))
        let repaired = try line.run("verify", "--repair")
        #expect(repaired.status == 4 && repaired.lines.contains("1 damaged record left out"))
        #expect(repaired.lines.contains("1 block missing that others link to"), "\(repaired.output)")
        #expect(repaired.error.contains("or add --from STORE"), "\(repaired.error)")
        let missing = try line.run("verify")
        #expect(missing.status == 4 && missing.output.contains("missing_block: "))
        #expect(missing.error.contains("store the data that is missing again"), "\(missing.error)")
        #expect(missing.error.contains("ipldstore verify --repair --from STORE"))
        try line.write("again", bytes)
        #expect(try line.run("put", "again").status == 0)
        #expect(try line.isClean())
    }
}
