import Foundation
import Testing

/// write, append, truncate and diff.
@Suite struct EditCommandTests {
    private func input(_ line: CommandLine, _ bytes: Data) throws -> FileHandle {
        try line.write("input", bytes)
        return try #require(FileHandle(forReadingAtPath: line.path("input")))
    }

    @Test func aChangedFileIsTheOneOfItsBytes() throws {
        let line = try CommandLine()
        var bytes = randomData(2_000_000, seed: 1)
        let cid = try line.put(bytes, root: "disk")
        let hello = Data("hello".utf8)
        let written = try line.run("write", "disk", "--offset", "1000000", input: try input(line, hello))
        #expect(written.status == 0, "\(written.error)")
        bytes.replaceSubrange(1_000_000..<1_000_005, with: hello)
        #expect(try line.put(bytes) == written.line)
        // No root moved; the result is held as what is put is.
        #expect(try line.run("root", "get", "disk").line == cid)
        let holds = try line.run("holds", "--json").array()
        #expect(holds.count == 1 && holds[0].integer("count") == 2)
        #expect(holds[0]["cid"] as? String == written.line)

        let appended = try line.shell(
            "echo more | \"$IPLDSTORE_EXECUTABLE\" append \(written.line) --json"
        ).object()
        bytes += Data("more\n".utf8)
        #expect(try line.put(bytes) == appended["cid"] as? String)
        #expect(appended.integer("size") == 2_000_005 && appended["root"] is NSNull)
        let cut = try line.run("truncate", written.line, "1500000", "--json").object()
        #expect(try line.put(bytes.prefix(1_500_000)) == cut["cid"] as? String)
        let longer = try line.run("truncate", written.line, "1099511627776")
        #expect(try line.run("size", longer.line).line == "1099511627776")
        let far = try line.run("write", written.line, "--offset", "2000010", input: try input(line, hello))
        #expect(try line.run("get", far.line, "--offset", "2000000").outputBytes == Data(count: 10) + hello)
        // Nothing to write changes nothing.
        let none = try line.run("write", "disk", "--offset", "5", input: try input(line, Data()))
        #expect(none.line == cid)
        #expect(try line.isClean())
    }

    @Test func aRootMovesUnlessSomebodyElseMovedIt() throws {
        let line = try CommandLine()
        let cid = try line.put(randomData(300_000, seed: 2), root: "disk")
        let moved = try line.run("truncate", "disk", "100", "--root", "disk", "--json").object()
        #expect(moved["root"] as? String == "disk" && moved.integer("size") == 100)
        #expect(try line.run("root", "get", "disk").line == moved["cid"] as? String)
        #expect(try line.run("holds", "--json").line == "[]")
        // A new root.
        let fork = try line.run("append", cid, "--root", "fork", input: try input(line, Data("x".utf8)))
        #expect(try line.run("root", "get", "fork").line == fork.line)
        // While it waits for its input, the root becomes another.
        let pipe = Pipe()
        let child = try line.start(["append", "disk", "--root", "disk", "--json"], input: pipe)
        // It has begun when it holds a lease.
        while (try line.statistics().integer("leases") ?? 0) < 1, child.process.isRunning {}
        #expect(try line.run("root", "set", "disk", cid).status == 0)
        pipe.fileHandleForWriting.write(Data("late".utf8))
        try pipe.fileHandleForWriting.close()
        let late = try child.wait()
        #expect(late.status == 5 && late.outputBytes.isEmpty)
        #expect(try late.errorCode() == "conflict")
        #expect(try line.run("root", "get", "disk").line == cid)
        #expect(try line.isClean())
    }

    @Test func whatMakesNoSenseIsRefused() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("small".utf8), root: "file")
        #expect(try line.run("write", "file").status == 2)
        #expect(try line.run("write", "file", "--offset", "-1").status == 2)
        #expect(try line.run("truncate", "file").status == 2)
        #expect(try line.run("truncate", "file", "x").status == 2)
        #expect(try line.run("truncate", "nothing", "1").status == 3)
        #expect(try line.run("append", absentCID).status == 3)
        #expect(try line.run("diff", cid, absentCID).status == 3)
        #expect(try line.run("truncate", "file", "9223372036854775808", "--json").errorCode() == "too_large")
        let beyond = try line.run(
            "write", "file", "--offset", "18446744073709551615", "--json", input: try input(line, Data([1])))
        #expect(try beyond.errorCode() == "too_large")
        #expect(try line.shell("\"$IPLDSTORE_EXECUTABLE\" append file <&-").status == 1)
        try line.write("node", Data("[]".utf8))
        let node = try line.run("put-node", "node", "--format", "dag-json").line
        for command in [["truncate", node, "1"], ["diff", node, cid]] {
            let result = try line.start(command + ["--json"]).wait()
            #expect(result.status == 1)
            #expect(try result.errorCode() == "invalid")
        }
        #expect(try line.run("root", "get", "file").line == cid)
        for command in ["write", "append", "truncate", "diff"] {
            #expect(try line.run(command, "--help").output.contains("Example:"), "\(command)")
        }
        #expect(try line.isClean())
    }

    @Test func diffShowsTheBytesThatDiffer() throws {
        let line = try CommandLine()
        var bytes = randomData(3_000_000, seed: 3)
        _ = try line.put(bytes, root: "old")
        bytes[7] ^= 1
        bytes.replaceSubrange(1_000_000..<1_000_100, with: Data(count: 100))
        bytes += Data("more".utf8)
        _ = try line.put(bytes, root: "new")
        let lines = try line.run("diff", "old", "new").lines
        #expect(lines.first == "7 1 7 1" && lines.last == "3000000 0 3000000 4" && lines.count == 3)
        let changes = try line.run("diff", "old", "new", "--json").array()
        #expect(changes.count == 3 && changes[1].integer("old_offset") == 1_000_000)
        #expect(changes[2].integer("new_length") == 4 && changes[2].integer("old_length") == 0)
        #expect(changes[0].integer("new_offset") == 7)
        let equal = try line.run("diff", "old", "old")
        #expect(equal.status == 0 && equal.output == "")
        #expect(try line.run("diff", "old", "old", "--json").line == "[]")
    }
}
