import Foundation
import Testing

@Suite struct DifferenceCommandTests: CommandSuite {
    let command: CommandLine

    init() throws {
        command = try CommandLine(branch: "main")
    }

    @Test func theArgumentThatIsMissingIsNamed() throws {
        try command.write("file", Data("x".utf8))
        try run("put", "file", "--root", "plain")
        try run("cp", "file", "main:/file")
        for (arguments, named) in [
            (["main", "nope"], "nope"), (["nope", "main"], "nope"), (["plain", "nope"], "nope"),
            (["nope", "plain"], "nope"), (["main:/file", "nope:/file"], "nope"), (["main", "none"], "none"),
            (["main:/file", "main:/gone"], "gone in main"), (["main~5", "main"], "main"),
        ] {
            let result = try command.start(["diff"] + arguments).wait()
            #expect(result.status == 3 && result.output.isEmpty, "\(arguments)")
            #expect(result.error.contains(named), "\(arguments): \(result.error)")
            #expect(!result.error.contains("main is neither"), "\(arguments): \(result.error)")
        }
        let mixed = try command.run("diff", "main", "plain")
        #expect(mixed.status == 2 && mixed.error.contains("main is a directory"))
    }

    @Test func filesInTreesAreComparedByteForByte() throws {
        let old = randomData(300_000, seed: 1)
        var new = old
        new[200_000] ^= 1
        new.insert(contentsOf: [1, 2, 3], at: 100)
        try command.write("old", old)
        try command.write("new", new)
        try run("put", "old", "--root", "old")
        try run("put", "new", "--root", "new")
        try run("cp", "old", "main:/file")
        try run("fork", "main", "dev")
        try run("cp", "new", "dev:/file")
        let plain = try run("diff", "old", "new").lines
        #expect(plain == ["100 0 100 3", "200000 1 200003 1"])
        // One of them, or both, in a tree.
        #expect(try run("diff", "main:/file", "new").lines == plain)
        #expect(try run("diff", "old", "dev:/file").lines == plain)
        #expect(try run("diff", "--bytes", "main:/file", "dev:/file").lines.dropFirst() == plain[...])
        #expect(try run("diff", "-b", "main", "dev").lines == ["M\tfile\tcontent,time"] + plain)
        let json = try run("diff", "-b", "main", "dev", "--json").array()
        let ranges = try #require(json.first?["bytes"] as? [[String: Any]])
        #expect(ranges.count == 2 && ranges[0]["new_length"] as? Int == 3)
        #expect(try run("diff", "main:/file", "old").output.isEmpty)
    }

    /// Those that stand in their entries have no CID to compare by.
    @Test func shortFilesAreComparedToo() throws {
        try run("cp", "-", "main:/file", input: "one two three")
        try run("fork", "main", "dev")
        try run("cp", "-", "dev:/file", input: "one 2 three")
        try run("cp", "-", "dev:/long", input: String(repeating: "x", count: 1000) + "one two three")
        #expect(try run("diff", "-b", "main:/file", "dev:/file").lines.last == "4 3 4 1")
        #expect(try run("diff", "-b", "main:/file", "dev:/long").lines.last == "0 0 0 1000")
        #expect(try run("diff", "-b", "dev:/long", "main:/file").lines.last == "0 1000 0 0")
        #expect(try run("diff", "-b", "main:/file", "main:/file").output.isEmpty)
        try run("cp", "-", "dev:/file", input: "")
        #expect(try run("diff", "-b", "main:/file", "dev:/file").lines.last == "0 13 0 0")
    }

    @Test func unifiedTextIsInTheJSONToo() throws {
        try run("cp", "-", "main:/file", input: "one\ntwo\nthree\n")
        try run("cp", "-", "main:/binary", input: "a\0b")
        try run("fork", "main", "dev")
        try run("cp", "-", "dev:/file", input: "one\n2\nthree\n")
        try run("cp", "-", "dev:/binary", input: "a\0c")
        let text = "--- a/file\n+++ b/file\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
        let changes = try run("diff", "--json", "-u", "main", "dev").array()
        #expect(changes.map { $0["path"] as? String } == ["binary", "file"])
        #expect(changes[0]["unified"] is NSNull && changes[1]["unified"] as? String == text)
        let one = try run("diff", "-u", "--json", "main:/file", "dev:/file").array()
        #expect(one.first?["unified"] as? String == text)
        #expect(try run("diff", "--json", "main", "dev").array()[1]["unified"] == nil)
        // And of plain files.
        try run("put", "-", "--root", "binary", input: "a\0b")
        try run("put", "-", "--root", "text", input: "one\n")
        try run("put", "-", "--root", "other", input: "1\n")
        #expect(
            try run("diff", "-u", "text", "other").lines == [
                "--- a/text", "+++ b/other", "@@ -1 +1 @@", "-one", "+1",
            ])
        let object = try run("diff", "-u", "text", "other", "--json").object()
        #expect((object["unified"] as? String)?.hasSuffix("-one\n+1\n") == true)
        #expect(try command.run("diff", "-u", "text", "binary").status == 2)
    }

    /// A named defect: a text with CR LF was one line, and lines that differ in how their accents are written
    /// were equal.
    @Test func linesAreComparedByTheirBytes() throws {
        func expect(_ old: String, _ new: String, _ hunks: String) throws {
            try run("cp", "-", "main:/file", input: old)
            try command.run("branch", "-d", "dev")
            try run("fork", "main", "dev")
            try run("cp", "-", "dev:/file", input: new)
            let places = try run("diff", "-u", "main:/file", "dev:/file").output
            for output in [places, try run("diff", "-u", "main", "dev").output] {
                let text = "--- a/file\n+++ b/file\n" + hunks
                #expect(output.utf8.elementsEqual(("M\tfile\tcontent,time\n" + text).utf8), "\(output)")
            }
            try run("put", "-", "--root", "old", input: old)
            try run("put", "-", "--root", "new", input: new)
            let plain = try run("diff", "-u", "old", "new").output
            #expect(plain.utf8.elementsEqual(("--- a/old\n+++ b/new\n" + hunks).utf8), "\(plain)")
            let json = try run("diff", "-u", "--json", "old", "new").object()["unified"] as? String
            #expect(json?.utf8.elementsEqual(("--- a/old\n+++ b/new\n" + hunks).utf8) == true)
        }
        try expect(
            "a\r\nb\r\nc\r\n", "a\r\nB\r\nc\r\n", "@@ -1,3 +1,3 @@\n a\r\n-b\r\n+B\r\n c\r\n")
        try expect(
            "a\r\nb\r", "a\r\nb\r\n",
            "@@ -1,2 +1,2 @@\n a\r\n-b\r\n\\ No newline at end of file\n+b\r\n")
        try expect("e\u{301}\n", "\u{e9}\n", "@@ -1 +1 @@\n-e\u{301}\n+\u{e9}\n")
        try expect(
            "x\ne\u{301}\n", "y\n\u{e9}\n", "@@ -1,2 +1,2 @@\n-x\n-e\u{301}\n+y\n+\u{e9}\n")
        // A line that begins with what joins what is before it.
        try expect("a\n\u{301}b\n", "a\n\u{301}c\n", "@@ -1,2 +1,2 @@\n a\n-\u{301}b\n+\u{301}c\n")
    }
}
