import Foundation
import Testing

/// What commands that change a branch, and those that look at its history, have in common.
@Suite struct BranchCommandTests: CommandSuite {
    let command: CommandLine

    init() throws {
        command = try CommandLine(branch: "main")
    }

    private func versions(_ place: String = "main") throws -> Int { try run("log", place).lines.count }

    @Test func whatChangesNothingMakesNoVersionAndSaysSo() throws {
        try run("cp", "-", "main:/d", input: "x")
        try run("mkdir", "-p", "main:/e/f")
        try run("chmod", "755", "main:/e")
        let version = try run("tag", "here", "main").line.split(separator: "\t")[1]
        for arguments in [
            ["restore", "main:/e", "--from", "here"], ["restore", "main", "--from", "here"],
            ["mkdir", "-p", "main:/e/f"], ["chmod", "u=rwx,go=rx", "main:/e"], ["rm", "-f", "main:/none"],
            ["mv", "main:/d", "main:/d"], ["touch", "-c", "main:/none"], ["cp", "input", "main:/d"],
        ] {
            if arguments[0] == "cp" { try command.write("input", Data("x".utf8)) }
            let result = try command.start(arguments).wait()
            #expect(result.status == 0 && result.line == version, "\(arguments): \(result.error)")
            #expect(result.error.contains("nothing changed"), "\(arguments)")
        }
        let json = try run("restore", "main:/e", "--from", "here", "--json")
        #expect(try json.object()["unchanged"] as? Bool == true && json.error.isEmpty)
        #expect(try versions() == 3)
        #expect(try run("chmod", "700", "main:/e", "--json").object()["unchanged"] as? Bool == false)
    }

    @Test func aWholeBranchIsRestored() throws {
        try run("cp", "-", "main:/kept", input: "1")
        try run("tag", "v1", "main")
        try run("cp", "-", "main:/kept", input: "2")
        try run("mkdir", "main:/new")
        try run("restore", "main", "--from", "v1")
        #expect(try run("diff", "v1", "main").output.isEmpty)
        #expect(try run("ls", "-a", "main:").lines == ["kept", "new (removed)"])
    }

    /// Messages are the commands, with all that matters.
    @Test func aMessageKeepsFlagsAndLeavesOutWhereAndWho() throws {
        try run("ln", "-s", "a target", "main:/link", "--author", "me")
        try run("--store", ".ipldstore", "mkdir", "-p", "main:/a/b", "--json")
        try run("rm", "-rf", "main:/a", "main:/none")
        try run("cp", "-", "main:/it's", input: "x")
        try run("chmod", "--", "-x", "main:/it's", "main:/it's")
        try run("cp", "-", "main:/x", "-m", "given", input: "x")
        let messages = try run("log", "main", "--json").array().compactMap { $0["message"] as? String }
        #expect(
            messages.dropLast() == [
                "given", "cp - 'main:/it'\\''s'", "rm -rf main:/a main:/none", "mkdir -p main:/a/b",
                "ln -s 'a target' main:/link",
            ])
        let places = (0..<400).map { "main:/a-name-of-some-length-\($0)" }
        #expect(try command.start(["touch"] + places).wait().status == 0)
        let long = try #require(try run("log", "main", "--json").array()[0]["message"] as? String)
        #expect(long.hasSuffix(" …") && long.utf8.count < 2100)
    }

    @Test func aPathThatNeverWasHasNoHistory() throws {
        try run("cp", "-", "main:/was", input: "x")
        try run("rm", "main:/was")
        try run("cp", "-", "main:/file", input: "x")
        #expect(try versions("main:/was") == 2)
        for path in ["nope", "file/below", "was/below"] {
            for arguments in [["log", "main:/\(path)"], ["log", "main:/\(path)", "--json"]] {
                let result = try command.start(arguments).wait()
                #expect(result.status == 3 && result.output.isEmpty, "\(arguments): \(result.error)")
            }
        }
        #expect(try command.run("log", "main:/nope").error.contains("no version that leads to main has nope"))
    }

    /// A named defect: an array without an end, and no history beyond a link to itself.
    @Test func aHistoryIsReadableUpToWhereItFails() throws {
        try run("mkdir", "main:/d")
        for content in ["1", "content-of-the-second", "3", "4"] {
            try run("cp", "-", "main:/d/f", input: content)
        }
        try run("rm", "-r", "main:/d")
        try run("ln", "-s", "d", "main:/d")
        try run("rm", "main:/d")
        try run("mkdir", "main:/d")
        try run("cp", "-", "main:/d/f", input: "5")
        #expect(try versions("main:/d/f") == 6)
        let pack = ".ipldstore/packs/" + (try command.names(".ipldstore/packs")[0])
        var stored = try command.read(pack)
        while let found = stored.range(of: Data("content-of-the-second".utf8)) {
            stored[found.lowerBound] ^= 1
        }
        try command.write(pack, stored)
        let result = try command.run("log", "main:/d/f", "--json")
        #expect(try result.status == 4 && result.errorCode() == "corrupt", "\(result.error)")
        #expect(try result.array().count == 3)
    }

    @Test func aBranchAndATagDoNotShareAName() throws {
        try run("tag", "v1", "main")
        for arguments in [["tag", "main", "v1"], ["branch", "v1"], ["fork", "main", "v1"]] {
            let result = try command.start(arguments).wait()
            #expect(result.status == 1 && result.error.contains("exists"), "\(arguments): \(result.error)")
        }
        try command.write("one", Data("x".utf8))
        _ = try command.shell("mkdir dir")
        #expect(try command.run("import", "dir", "--branch", "v1").status == 1)
        #expect(try run("branch").lines.count == 1)
    }

    /// Whoever loses the race tries again, on what is there then.
    @Test func manyMayChangeABranchAtOnce() throws {
        let children = try (0..<12).map { try command.start(["mkdir", "main:/d\($0)"]) }
        for child in children {
            let result = try child.wait()
            #expect(result.status == 0, "\(result.error)")
        }
        #expect(try run("ls", "main:").lines.count == 12 && versions() == 13)
        #expect(try run("holds", "--owner", "fs/branch/main").lines.count == 13)
        // The bytes of a stream, which come once, too.
        let copies = try command.shell(
            """
            for n in 1 2 3 4 5 6; do
                head -c 100000 /dev/zero | "$IPLDSTORE_EXECUTABLE" cp - main:/f$n >/dev/null || echo failed &
            done
            wait
            """)
        #expect(copies.output.isEmpty)
        let files = try run("ls", "--json", "main:").array().filter { $0["kind"] as? String == "file" }
        #expect(files.count == 6 && files.allSatisfy { $0["size"] as? Int == 100_000 })
        #expect(try command.isClean())
    }

    @Test func versionsAreNamedByHowFarBackAndByTheBeginningOfACID() throws {
        for number in 1...3 { try run("cp", "-", "main:/file", input: "\(number)") }
        #expect(try run("cat", "main~1:/file", "main~2:/file").output == "21")
        #expect(try run("diff", "main~", "main").lines == ["M\tfile\tcontent,time"])
        #expect(try command.run("cat", "main~9:/file").status == 3)
        let version = try #require(try run("log", "main~2", "--json").array()[0]["version"] as? String)
        #expect(try run("cat", "\(version.prefix(20)):/file").output == "1")
        #expect(
            try run("inspect", String(version.prefix(20)), "--json").object()["cid"] as? String == version)
        #expect(try command.run("cat", "bzzzzzzzzzzzzzzz:/file").status == 3)
    }

    /// Blocks, roots and files on one side, trees and what is in them on the other: each command says which
    /// other one was meant.
    @Test func whatIsMeantOfATreeIsSaid() throws {
        try run("cp", "-", "main:/file", input: "1")
        try run("tag", "v1", "main")
        for (words, advice) in [
            (["get", "main:/file"], "main is a branch: ipldstore cat main:/file writes that file"),
            (["size", "main"], "main is a branch: ipldstore ls main: lists it, ipldstore cat main:/FILE"),
            (["links", "v1"], "v1 is a tag: ipldstore ls v1:"),
            (["get", "main~1:/file"], "main~1 is a tree: ipldstore cat main~1:/file"),
            (["put-block", "main:/file"], "main is a branch: ipldstore cat main:/file"),
            (["put", "main:/file"], "main is a branch: ipldstore cat main:/file"),
            (["size", "other"], "ipldstore ls lists the roots"),
            (["cat", "main:/c"], "there is no c in main\n"), (["stat", "v1:/c"], "there is no c in v1\n"),
            (["ls", "main:/c"], "there is no c in main\n"), (["tree", "main:/c"], "there is no c in main\n"),
            (["cp", "main:/c", "out"], "there is no c in main\n"),
            (["rm", "main:/c"], "there is no c in main\n"),
            (["mv", "main:/c", "main:/d"], "there is no c in main\n"),
            (["chmod", "644", "main:/c"], "there is no c in main\n"),
            (["mkdir", "main:/c/d"], "there is no c on the way to c/d in main\n"),
            (["checkout-file", "main:/c/d", "out"], "there is no c on the way to c/d in main\n"),
            (["fork", "main~9", "new"], "goes back 1 version, not 9: ipldstore log main lists it\n"),
            (["fork", "nothing", "new"], "ipldstore ls, branch and tag list what there is\n"),
            (["import", ".", "nothing:/d"], "there is no branch nothing: ipldstore branch lists them"),
        ] {
            let result = try command.start(words).wait()
            #expect(result.status == 3 && result.error.contains(advice), "\(words): \(result.error)")
        }
        #expect(try run("help", "merge").output.replacing("\n", with: " ").contains("merged line by"))
    }

    @Test func usageOfABranchCountsItsHistory() throws {
        try command.write("local", randomData(50_000, seed: 1))
        try run("cp", "local", "main:/file")
        try command.write("local", randomData(60_000, seed: 2))
        try run("cp", "local", "main:/file")
        let usage = try run("usage", "main", "--json").object()
        #expect(usage.integer("logical_bytes") == 60_000 && usage.integer("shared_bytes") == 0)
        #expect(try #require(usage.integer("exclusive_bytes")) > 110_000)
        #expect(try run("usage", "fs/branch/main").lines == run("usage", "main").lines)
        try run("fork", "main", "dev")
        #expect(try run("usage", "main", "--json").object().integer("shared_bytes") == 60_000)
        #expect(try command.run("usage", "main", "dev").status == 2)
        #expect(try command.run("usage", "fs/branch/none").status == 3)
        try run("tag", "v1", "main")
        #expect(try run("usage", "v1").lines == run("usage", "fs/tag/v1").lines)
        // A root of the name comes first, as ever.
        try run("put", "local", "--root", "main")
        let root = try run("usage", "main", "--json")
        #expect(root.error.contains("fs/branch/main"))
    }

    @Test func aBranchIsCopiedWithItsHistoryAndForwardOnly() throws {
        for number in 1...3 { try run("cp", "-", "main:/file", input: "\(number)") }
        try run("tag", "v1", "main~1")
        try run("--store", "other", "init")
        let first = try run("--store", "other", "copy", "--from", ".ipldstore", "main", "v1", "--json")
            .object()
        #expect(first.integer("versions") == 5)
        func log() throws -> [String] { try run("--store", "other", "log", "main").lines }
        #expect(try log() == run("log", "main").lines)
        try run("cp", "-", "main:/file", input: "4")
        #expect(
            try run("--store", "other", "copy", "--from", ".ipldstore", "fs/branch/main").lines.last?
                .hasPrefix(
                    "1 version, ") == true)
        #expect(try log() == run("log", "main").lines)
        // Both go on.
        try run("--store", "other", "cp", "-", "main:/theirs", input: "x")
        try run("cp", "-", "main:/file", input: "5")
        let (before, refused) = (
            try log(), try command.run("--store", "other", "copy", "--from", ".ipldstore", "main")
        )
        #expect(refused.status == 5 && refused.error.contains("--branch NAME"))
        #expect(try log() == before)
        // What was made is named.
        let made = try run("--store", "other", "copy", "--from", ".ipldstore", "main", "--branch", "upstream")
        #expect(made.lines.first?.hasPrefix("upstream\t") == true, "\(made.output)")
        try run("--store", "other", "merge", "main", "upstream")
        #expect(try run("--store", "other", "cat", "main:/file", "main:/theirs").output == "5x")
        #expect(try command.run("--store", "other", "copy", "--from", ".ipldstore", "main").status == 5)
        try run("--store", "other", "copy", "--from", ".ipldstore", "main", "--force")
        #expect(try log() == run("log", "main").lines)
        try run("--store", "other", "copy", "--from", ".ipldstore", "main", "--branch", "tip", "--depth", "1")
        #expect(try run("--store", "other", "verify").status == 0)
        // A tag is moved when that is said.
        try run("tag", "-f", "v1", "main")
        #expect(try command.run("--store", "other", "copy", "--from", ".ipldstore", "v1").status == 1)
        try run("--store", "other", "copy", "--from", ".ipldstore", "v1", "--force")
        #expect(try run("--store", "other", "cat", "v1:/file").output == "5")
        #expect(try command.run("--store", "other", "copy", "--from", ".ipldstore", "none").status == 3)
    }
}
