import Foundation
import Testing

@Suite struct TreeCommandTests: CommandSuite {
    let command: CommandLine

    init() throws {
        command = try CommandLine(branch: "main")
    }

    @Test func filesAreMadeChangedAndFound() throws {
        try run("mkdir", "-p", "main:/a/b")
        try run("cp", "-", "main:/a/file", input: "hello\n")
        try command.write("local", Data(repeating: 7, count: 100_000))
        try run("cp", "local", "main:/a/b")
        try run("ln", "-s", "a/file", "main:/link")
        try run("ln", "main:/a/b/local", "main:/hard")
        try run("chmod", "640", "main:/hard")
        #expect(try run("ls", "main:/").lines == ["a", "hard", "link"])
        #expect(try run("cat", "main:/link", "main:/a/file").output == "hello\nhello\n")
        let entries = try run("ls", "--json", "main:/a/b").array()
        #expect(entries.first?["mode"] as? String == "0640" && entries.first?["size"] as? Int == 100_000)
        #expect(
            try run("tree", "main:").lines.dropLast() == [
                "a/", "a/b/", "a/b/local", "a/file", "hard", "link",
            ])
        try run("mv", "main:/a/file", "main:/renamed")
        try run("rm", "-r", "main:/a")
        #expect(try run("ls", "main:/").lines == ["hard", "link", "renamed"])
        #expect(try run("ls", "--all", "main:/").lines == ["a (removed)", "hard", "link", "renamed"])
        #expect(try run("ls", "-lh", "main:/hard").output.contains("\t100 kB\t"))
        #expect(try run("checkout-file", "main:/renamed", "-").output == "hello\n")
        try run("checkout-file", "main:/hard", "out")
        #expect(try command.read("out") == Data(repeating: 7, count: 100_000))
        try run("verify")
    }

    @Test func namesThatAreNoTextAreShownOnOneLine() throws {
        try run("cp", "-", "main:/two\nlines", input: "x")
        #expect(try run("ls", "main:").lines == ["two\\x0alines"])
        #expect(try run("ls", "--json", "main:").array().first?["name"] as? String == "two\nlines")
    }

    /// A named defect: they were not found, and a colon, slash or line feed before them was none.
    @Test func namesMayBeginWithWhatJoinsTheCharacterBefore() throws {
        let name = "\u{301}x"
        try run("cp", "-", "main:\(name)", input: "one")
        #expect(try run("cat", "main:\(name)").output == "one")
        #expect(try run("cat", "main:/\(name)").output == "one")
        try command.write(name, Data("two".utf8))
        try run("cp", "./\(name)", "main:\(name)")
        #expect(try run("cat", "main:\(name)").output == "two")
        try run("export", "main", "out")
        try run("cp", "main:\(name)", "out/more")
        #expect(try command.names("out").contains("more"))
        // Values, branches, tags and roots.
        let value = "{\"\(name)\":{\"\(name)\":7}}"
        try run("put-node", "-", "--format", "dag-json", "--root", "node", input: value)
        #expect(try run("cat-node", "node/\(name)/\(name)").line == "7")
        try run("fork", "main", name)
        #expect(try run("ls", "\(name):").lines.count == 1)
        #expect(try command.run("root", "set", "fs/\(name)", "main").status == 2)
        try run("cp", "-", "main:/file", "-m", "first\r\nsecond", input: "x")
        #expect(try run("log", "-n1", "main").output.hasSuffix("\tfirst\n"))
    }

    @Test func historyIsKeptForkedTaggedAndPruned() throws {
        for number in 1...4 {
            try run("cp", "-", "main:/file", "-m", "version \(number)", input: "\(number)")
        }
        let log = try run("log", "main", "--json").array()
        #expect(
            log.map { $0["message"] as? String }.prefix(4) == [
                "version 4", "version 3", "version 2", "version 1",
            ])
        let old = try #require(log[2]["version"] as? String)
        try run("fork", old, "old")
        try run("tag", "two", old)
        #expect(try run("cat", "old:/file").output == "2" && run("cat", "two:/file").output == "2")
        #expect(try run("log", "main:/file", "-n", "2").lines.count == 2)
        #expect(try run("log", "-n1", "main").lines.count == 1)
        #expect(try run("log", "main", "-n", "0").output == "")
        #expect(try run("branch").lines.count == 2 && run("tag").lines.count == 1)
        #expect(try run("prune", "main", "--keep-last", "1", "-n").lines.count == 3)
        let wanted = try run("prune", "main", "--keep-last", "1", "-n", "--json").object()
        #expect(wanted.integer("kept") == 1 && wanted.integer("kept_by_tags") == 1)
        let pruned = try run("prune", "main", "--keep-last", "1")
        #expect(pruned.lines.count == 3 && pruned.error.contains("1 version stays as long as tagged"))
        #expect(try run("log", "main").lines.count == 1)
        try run("restore", "main:/file", "--from", "two")
        #expect(try run("cat", "main:/file").output == "2")
        #expect(try run("branch", "-d", "old").line == "old removed, 0 blocks of 0 B collected")
        let tag = try run("tag", "-d", "two", "--json").object()
        #expect(tag["name"] as? String == "two" && (tag.integer("blocks") ?? 0) > 0)
        try run("branch", "own")
        try run("cp", "-", "own:/file", input: String(repeating: "content", count: 1000))
        let branch = try run("branch", "-d", "own", "--json").object()
        #expect((branch.integer("blocks") ?? 0) > 3 && branch.integer("remaining") == 0)
        #expect(try command.run("cat", "old:/file").status == 3)
        #expect(try command.run("fork", "nothing", "x").status == 3)
        #expect(try command.run("prune", "main").status == 2)
    }

    @Test func treesAreCompared() throws {
        try run("cp", "-", "main:/file", input: "one\ntwo\nthree\n")
        try run("cp", "-", "main:/same", input: "same")
        try run("cp", "-", "main:/moved", input: "moved")
        try run("fork", "main", "dev")
        #expect(try run("diff", "main", "dev").output.isEmpty)
        try run("cp", "-", "dev:/file", input: "one\n2\nthree\n")
        try run("mv", "dev:/moved", "dev:/there")
        try run("rm", "dev:/same")
        #expect(
            try run("diff", "main", "dev").lines == [
                "M\tfile\tcontent,time", "D\tsame", "R\tmoved\tthere",
            ])
        let unified = try run("diff", "-u", "main:/file", "dev:/file").lines
        #expect(
            unified.dropFirst() == [
                "--- a/file", "+++ b/file", "@@ -1,3 +1,3 @@", " one", "-two", "+2", " three",
            ])
        #expect(try run("diff", "--json", "main", "dev").array().count == 3)
    }

    @Test func conflictsEndWithFiveAndAPolicyDecides() throws {
        try run("cp", "-", "main:/file", input: "base")
        try run("fork", "main", "dev")
        try run("cp", "-", "dev:/file", input: "theirs")
        try run("cp", "-", "main:/file", input: "ours")
        let before = try run("branch").output
        let result = try command.run("merge", "main", "dev")
        #expect(result.status == 5 && result.lines == ["both modified\tfile"])
        #expect(try run("branch").output == before)
        let json = try command.run("merge", "--json", "main", "dev")
        let outcome = try json.object()["outcome"] as? String
        #expect(json.status == 5 && outcome == "conflicts")
        #expect(try json.errorCode() == "conflict")
        try run("merge", "main", "dev", "--policy", "both", "--suffix", "dev")
        #expect(
            try run("cat", "main:/file").output == "ours" && run("cat", "main:/file.dev").output == "theirs")
        #expect(try run("merge", "main", "dev").line.hasSuffix("up to date"))
        #expect(try run("merge", "dev", "main").line.hasSuffix("fast-forward"))
    }

    @Test func mistakesAreSaidInOneSentence() throws {
        for (arguments, status) in [
            (["mkdir", "nowhere:/x"], 3), (["mkdir", "main:/x/y"], 3), (["rm", "main:/x"], 3),
            (["ls", "main:/x"], 3), (["cat", "main:/"], 1), (["mv", "main:/a", "dev:/a"], 2),
            (["chmod", "9", "main:/"], 2), (["ln", "x", "main:/l"], 2), (["mkdir", ":x"], 2),
            (["tag", "x"], 2), (["branch", "main"], 1), (["prune", "main", "--keep-since", "soon"], 2),
        ] {
            let result = try command.start(arguments).wait()
            #expect(result.status == Int32(status), "\(arguments): \(result.error)")
            #expect(result.error.split(separator: "\n").count == 1)
        }
    }

    @Test func whatIsRefusedSaysTheNextStep() throws {
        try run("mkdir", "-p", "main:/full/of")
        try run("ln", "-s", "nowhere", "main:/link")
        for (arguments, status, advice) in [
            (["rm", "main:/full"], 1, "give -r"),
            (["cp", "-", "main:/link"], 1, "it is a symbolic link that leads to nothing"),
            (["restore", "main:/full", "--from", "main:/full"], 2, "--from names a tree"),
            (["export", "main", "none/deep"], 3, "make the directory above it first"),
        ] {
            let result = try command.start(arguments).wait()
            #expect(result.status == Int32(status), "\(arguments)")
            #expect(result.error.contains(advice), "\(arguments): \(result.error)")
        }
        try run("rm", "-r", "main:/full")
    }

    @Test func conflictsAreDecidedPathByPath() throws {
        let command = try CommandLine()
        _ = try command.shell("mkdir t; for f in a b c d; do echo base > t/$f; done")
        #expect(try command.run("import", "t", "--branch", "main").status == 0)
        #expect(try command.run("fork", "main", "dev").status == 0)
        for branch in ["main", "dev"] {
            _ = try command.shell(
                "for f in a b c d; do echo \(branch) | \"$IPLDSTORE_EXECUTABLE\" cp - \(branch):$f; done")
        }
        let some = try command.run("merge", "main", "dev", "--theirs", "a", "--both", "/b")
        #expect(some.status == 5)
        #expect(
            some.lines == [
                "both modified\ta (theirs)", "both modified\tb (both)", "both modified\tc",
                "both modified\td",
            ])
        #expect(try command.run("cat", "main:a").output == "main\n")
        #expect(try command.run("merge", "main", "dev", "--ours", "a", "--theirs", "a").status == 2)
        let all = try command.run(
            "merge", "main", "dev", "--theirs", "a", "--both", "/b", "--ours", "c", "--policy", "theirs",
            "--suffix", "dev", "--ours", "nothing")
        #expect(all.status == 0 && all.lines.count == 5)
        #expect(all.error.contains("no conflict about nothing"))
        let files = ["main:a", "main:b", "main:b.dev", "main:c", "main:d"]
        #expect(try command.start(["cat"] + files).wait().lines == ["dev", "main", "dev", "main", "dev"])
        #expect(try command.run("log", "main", "--json").array()[0]["previous"].map { "\($0)" } != nil)
        #expect(try command.run("merge", "main", "dev").lines[0].hasSuffix("up to date"))
    }

    @Test func whatWasRemovedIsListedAndMarked() throws {
        let command = try CommandLine()
        _ = try command.shell("mkdir -p t/d; echo 1 > t/d/gone; echo 2 > t/d/there")
        #expect(try command.run("import", "t", "--branch", "main").status == 0)
        #expect(try command.run("rm", "main:d/gone").status == 0)
        #expect(try command.run("ls", "main:d").lines == ["there"])
        #expect(try command.run("ls", "--all", "main:d").lines == ["gone (removed)", "there"])
        let restored = try command.run("restore", "main:d/gone", "--from", "main")
        #expect(restored.status == 3 && restored.error.contains("there is no d/gone in main"))
        let time = try command.run("ls", "main:d", "--json").array()[0]["modified"] as? String
        #expect(try #require(time).contains("."))
        let version = try command.run("log", "main", "--json").array()[0]["time"] as? String
        #expect(
            try command.run("prune", "main", "--keep-since", try #require(version), "-n").lines.count == 1)
    }

    /// Whenever it is killed, a commit is there whole, with its hold and the branch's move, or not at all.
    @Test func aCommitThatIsKilledIsThereOrNot() throws {
        let command = try CommandLine()
        #expect(try command.run("branch", "main").status == 0)
        var killed = 0
        for number in 0..<60 {
            let child = try command.start(["mkdir", "main:/d\(number)"])
            usleep(UInt32(number) * 700)
            kill(child.process.processIdentifier, SIGKILL)
            if try child.wait().signal == SIGKILL { killed += 1 }
        }
        let (log, names) = (try command.run("log", "main").lines, try command.run("ls", "main:").lines)
        let holds = try command.run("holds", "--owner", "fs/branch/main").lines
        #expect(killed > 0 && log.count == names.count + 1 && holds.count == log.count)
        #expect(try command.isClean())
    }
}
