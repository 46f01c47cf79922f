import Foundation
import Testing

/// Import and export from the command line, as root and as an ordinary user.
@Suite struct TransferCommandTests {
    private let command: CommandLine
    private let isRoot = geteuid() == 0

    init() throws { command = try CommandLine() }

    /// Runs a script as an ordinary user who owns the directory: the one who runs the tests, or, when that is
    /// root, another one. The command line is a copy that he may run.
    private func shell(_ script: String) throws -> CommandLine.Result {
        let prefix = isRoot ? "setpriv --reuid 12345 --regid 12345 --clear-groups " : ""
        let result = try command.shell(
            """
            [ -e ip ] || { cp "$IPLDSTORE_EXECUTABLE" ip; chmod 755 ip . ; \
            [ $(id -u) != 0 ] || chown -R 12345:12345 . ; }
            \(prefix)bash -c 'umask 022; \(script.replacingOccurrences(of: "'", with: "'\\''"))'
            """)
        return result
    }

    /// What no copy of an ordinary user is to lose.
    private static let matrix = """
        mkdir t; cd t
        echo a > f0200; echo b > f0000; ln f0000 f0000b; chmod 0200 f0200; chmod 0000 f0000
        mkdir d0311 d0555 d0000 d0000/d0777 d0444
        echo x > d0000/d0777/f; echo y > d0311/f; echo z > d0555/f; echo w > d0444/f
        chmod 0777 d0000/d0777; chmod 0311 d0311; chmod 0555 d0555; chmod 0000 d0000; chmod 0444 d0444
        mkfifo fifo; ln -s /etc/passwd absolute; ln -s d0000/d0777/f relative; ln -s nowhere dangling
        cd ..
        """

    @Test func onlyADirectoryIsImported() throws {
        try command.write("file", Data("x".utf8))
        #expect(try command.run("import", "file", "--branch", "main").status == 1)
        #expect(try command.run("import", "none", "--branch", "main").status == 3)
    }

    private static func facts(_ directory: String) -> String {
        "find \(directory) -printf '%P %M %n %T@ %l\\n' 2>/dev/null | sort"
    }

    @Test func whatItsOwnerClosedToHimselfIsCopiedAndRemoved() throws {
        let made = try shell(
            """
            \(Self.matrix)
            \(Self.facts("t")) > before
            export IPLDSTORE=.ipldstore
            ./ip import t --branch main; echo $?
            \(Self.facts("t")) > after
            ./ip export main out --json; echo $?
            \(Self.facts("out")) > copied
            cmp before after && cmp before copied && echo same
            ./ip export main out --overwrite; echo $?
            ./ip export main out --into; echo $?
            \(Self.facts("out")) > copied
            cmp before copied && echo same again
            ls -A | grep ipldstore- ; echo
            """)
        #expect(made.error == "")
        let lines = made.lines
        #expect(lines.count == 8, "\(lines)")
        #expect(
            Array(lines.dropFirst()).filter { !$0.hasPrefix("{") } == [
                "0", "0", "same", "0", "0", "same again",
            ])
        // Root reads everything, and finds both the same.
        let compared = try command.shell(
            "chmod -R u+rwX t out && diff -r --no-dereference -x fifo t out && echo equal")
        #expect(compared.line == "equal", "\(compared.output)\(compared.error)")
        #expect(try command.run("verify").status == 0)
    }

    /// The mode decides at each reading of a user attribute, not only at the opening.
    @Test func attributesOfWhatItsOwnerClosedAreKept() throws {
        let made = try shell(
            """
            \(Self.matrix)
            cat > set.py <<E
            import os
            for name in ["f0200", "f0000", "d0311", "d0000", "."]:
                path = "t/" + name
                mode = os.stat(path).st_mode & 0o7777
                os.chmod(path, 0o700); os.setxattr(path, "user.q", name.encode()); os.chmod(path, mode)
            E
            python3 set.py
            chmod 0311 t
            export IPLDSTORE=.ipldstore
            ./ip import t --branch main; echo $?
            stat -c %a t t/f0200 t/f0000 t/d0311 t/d0000
            """)
        #expect(made.error == "" && made.lines.suffix(6) == ["0", "311", "200", "0", "311", "0"])
        #expect(try command.run("export", "main", "out").status == 0)
        let kept = try command.shell(
            """
            cat > get.py <<E
            import os
            for name in ["f0200", "f0000", "f0000b", "d0311", "d0000", "."]:
                print(os.getxattr("out/" + name, "user.q").decode())
            E
            python3 get.py
            """)
        #expect(kept.lines == ["f0200", "f0000", "f0000", "d0311", "d0000", "."], "\(kept.error)")
    }

    @Test func whatMayNotBeReadIsReportedAndTheRestGoesOn() throws {
        guard isRoot else { return }
        _ = try shell(Self.matrix)
        _ = try command.shell(
            """
            cd t; echo secret > foreign; chmod 600 foreign; echo open > readable; chmod 4755 readable
            mkdir closed; echo q > closed/q; chmod 700 closed; mkdir empty; mknod device c 1 3
            """)
        let result = try shell("export IPLDSTORE=.ipldstore; ./ip import t --branch main --json")
        #expect(result.status == 1)
        #expect(try result.object()["unread"] as? Int == 2)
        let problems = result.error.split(separator: "\n")
        #expect(problems.count == 3)
        #expect(problems[0].contains("\"path\":\"closed\"") && problems[0].contains("\"kind\":\"unread\""))
        #expect(problems[1].contains("\"path\":\"foreign\""))
        #expect(problems[2].contains("\"code\":\"permission\""))
        let names = try command.run("ls", "main:").lines
        #expect(names.contains("closed") && !names.contains("foreign") && names.contains("device"))
        let stopped = try shell("./ip import t --branch other --stop --store .ipldstore")
        #expect(stopped.status == 1 && stopped.output == "")
        #expect(try command.run("ls", "other:").status == 3)
        // Ownership and devices are data: here they cannot be made, and are not lost.
        let exported = try shell("./ip export main out --store .ipldstore")
        #expect(exported.status == 1)
        #expect(exported.error.contains("device: Operation not permitted"))
        #expect(try command.shell("stat -c '%a %u' out/readable").line == "755 12345")
        let kept = try shell("./ip export main kept --stat-xattr --store .ipldstore")
        #expect(kept.status == 0)
        let before = try command.run("tree", "main:", "--json").output
        let again = try shell("./ip import kept --branch back --stat-xattr --store .ipldstore")
        #expect(again.status == 0, "\(again.error)")
        #expect(try command.run("tree", "back:", "--json").output == before)
        // Root makes them as they are.
        #expect(try command.run("export", "main", "all").status == 0)
        #expect(
            try command.shell("stat -c '%a %u %F' all/readable all/device").lines == [
                "4755 0 regular file", "644 0 character special file",
            ])
    }

    @Test func whatCannotBeReadAnyMoreStaysInTheBranch() throws {
        guard isRoot else { return }
        _ = try shell(
            "mkdir t; echo a > t/file; echo b > t/other; ./ip import t --branch main --store .ipldstore")
        _ = try command.shell("chown 0:0 t/file; chmod 600 t/file")
        let result = try shell("echo c > t/other; ./ip import t --branch main --store .ipldstore")
        #expect(result.status == 1)
        #expect(try command.run("cat", "main:file", "main:other").output == "a\nc\n")
    }

    @Test func aSignalLeavesPermissionsAsTheyWere() throws {
        // A directory that is open to its owner only for as long as it is read, and takes its time.
        let result = try shell(
            """
            mkdir -p t/closed; for i in $(seq 300); do head -c 300000 /dev/urandom > t/closed/$i; done
            chmod 0 t/closed t
            for wait in 0.02 0.05 0.1 0.2; do
                ./ip import t --store .ipldstore > /dev/null 2>&1 & pid=$!
                sleep $wait; kill -INT $pid; wait $pid
                stat -c %a t; chmod 700 t; stat -c %a t/closed; chmod 0 t
            done
            chmod 700 t; chmod 700 t/closed
            """)
        #expect(result.lines == [String](repeating: "0", count: 8), "\(result.error)")
    }

    /// Nobody takes back what was lent by a process that was killed, until the directory is imported again.
    @Test func whatAKilledImportLentIsGivenBackByTheNextOne() throws {
        let result = try shell(
            """
            mkdir -p t/closed; for i in $(seq 200); do head -c 300000 /dev/urandom > t/closed/$i; done
            chmod 0 t/closed
            for round in 1 2 3; do
                ./ip import t --branch main --full --store .ipldstore > /dev/null 2>&1 & pid=$!
                while [ $(stat -c %a t/closed) = 0 ]; do kill -0 $pid || break; done
                kill -KILL $pid; wait $pid 2> /dev/null
                stat -c %a t/closed; ls .ipldstore | grep -c lent-
                ./ip verify --store .ipldstore 2>&1 | grep -c 't/closed .* its mode, 0:'
            done
            ./ip import t --branch main --store .ipldstore > /dev/null; echo $?
            stat -c %a t/closed
            ./ip ls -l main: --store .ipldstore | cut -c 1-10
            ls .ipldstore | grep -c lent-
            """)
        let lines = result.lines
        try #require(lines.count == 13, "\(lines) \(result.error)")
        // Each round was killed while it had lent, or not; what it had lent is noted, and named.
        #expect(lines[0..<9].contains("500"), "\(lines)")
        for round in stride(from: 0, to: 9, by: 3) where lines[round] == "500" {
            #expect(lines[round + 1] != "0" && lines[round + 2] != "0", "\(lines)")
        }
        #expect(Array(lines[9...]) == ["0", "0", "d---------", "0"], "\(lines) \(result.error)")
        #expect(try command.run("verify").status == 0)
    }

    @Test func nothingIsLeftOfAnExportThatIsInterrupted() throws {
        _ = try command.shell(
            "mkdir t; for i in $(seq 300); do head -c 300000 /dev/urandom > t/$i; done")
        #expect(try command.run("import", "t", "--branch", "main").status == 0)
        let result = try command.shell(
            """
            for wait in 0.02 0.05 0.1; do
                "$IPLDSTORE_EXECUTABLE" export main out > /dev/null 2>&1 & pid=$!
                sleep $wait; kill -TERM $pid; wait $pid || [ ! -e out ] || echo half; rm -rf out
                ls -A | grep ipldstore-
            done; true
            """)
        #expect(result.output == "")
    }

    /// Who asked for a path knows no blocks.
    @Test func whatIsLostIsNamedByItsPathAndLeftOutWhereThatIsAskedFor() throws {
        let line = try CommandLine(isEmpty: true)
        #expect(try line.run("init", "--compression", "none").status == 0)
        let lost = randomData(5000, seed: 1)
        _ = try line.shell("mkdir -p t/d t/gone; echo x > t/gone/name-of-what-is-in-gone; echo rest > t/rest")
        try line.write("t/d/lost", lost)
        try line.write("t/d/kept", randomData(5000, seed: 2))
        _ = try line.shell("ln t/d/lost t/d/other-name")
        #expect(try line.run("import", "t", "--branch", "main").status == 0)
        let pack = ".ipldstore/packs/" + (try line.names(".ipldstore/packs")[0])
        var stored = try line.read(pack)
        for part in [lost[100..<200], Data("name-of-what-is-in-gone".utf8)] {
            stored[try #require(stored.range(of: part)).lowerBound] ^= 1
        }
        try line.write(pack, stored)

        for words in [["cat", "main:/d/lost"], ["cp", "main:/d/lost", "out"],
            ["checkout-file", "main:/d/lost", "out"]]
        {
            let result = try line.start(words).wait()
            #expect(result.status == 4, "\(words)")
            #expect(result.error.contains("the file main:/d/lost: the block b"), "\(result.error)")
            #expect(try line.start(words + ["--json"]).wait().errorCode() == "corrupt")
        }
        for (words, path) in [
            (["export", "main", "out"], "d/"), (["export", "main:/d", "out"], ""),
            (["cp", "-r", "main:/d", "out"], ""),
        ] {
            let result = try line.start(words).wait()
            #expect(result.status == 4, "\(words)")
            #expect(result.error.contains("the file \(path)lost: the block b"), "\(result.error)")
            #expect(result.error.contains("--keep-going"))
        }
        let directory = try line.run("export", "main:/gone", "out")
        #expect(directory.status == 4 && directory.error.contains("the directory /: the block b"))
        // Nothing came of any of them.
        #expect(try line.names() == [".ipldstore", "t"])

        let rest = try line.run("export", "main", "out", "--keep-going", "--json")
        #expect(rest.status == 4 && rest.error.contains("3 entries are damaged in the store: all else is"))
        let report = try rest.object()
        #expect(report.integer("damaged") == 3 && report.integer("unmade") == 3, "\(rest.error)")
        #expect(report.integer("without_metadata") == 0)
        for path in ["d/lost", "d/other-name", "gone"] {
            #expect(rest.error.contains("\"kind\":\"unmade\",\"path\":\"\(path)\",\"code\":\"corrupt\""))
        }
        #expect(try line.names("out") == ["d", "rest"] && line.names("out/d") == ["kept"])
        // What was there is left alone where a tree that is not whole was to take its place.
        #expect(try line.run("export", "main", "out", "--overwrite").status == 4)
        #expect(try line.read("out/rest") == Data("rest\n".utf8))

        // A block that is missing is as lost as one that is damaged.
        _ = try line.run("verify", "--repair")
        let missing = try line.run("cat", "main:/d/lost")
        #expect(missing.status == 4 && missing.error.contains("the file main:/d/lost: b"))
        #expect(missing.error.contains("is not in the store"), "\(missing.error)")
        #expect(try line.run("export", "main", "new").error.contains("the file d/lost: b"))
        #expect(try line.run("export", "main", "new", "--keep-going").status == 4)
        #expect(try line.names("new") == ["d", "rest"])
    }

    @Test func importSaysWhatItDid() throws {
        _ = try command.shell("mkdir -p t/d; echo a > t/d/a; echo b > t/b; ln -s b t/l")
        let first = try command.run("import", "t", "--branch", "main", "-m", "first", "--json").object()
        #expect(first.integer("entries") == 4 && first.integer("files") == 2 && first.integer("bytes") == 4)
        #expect(first["unchanged"] as? Bool == false && first.integer("unread") == 0)
        let again = try command.run("import", "t", "--branch", "main", "--full", "--json").object()
        #expect(
            again["unchanged"] as? Bool == true && again["version"] as? String == first["version"] as? String)
        #expect(
            try command.run("log", "main", "--json").array().map { $0["message"] as? String } == ["first"])
        let held = try command.run("import", "t", "--json").object()
        #expect(held["tree"] as? String == first["tree"] as? String && held["version"] is NSNull)
        #expect(try command.run("holds").output.contains(try #require(held["tree"] as? String)))
        #expect(try command.run("export", "main:d", "out").output == "")
        #expect(try command.read("out/a") == Data("a\n".utf8))
        #expect(try command.run("export", "main", "out").status == 1)
        #expect(try command.run("export", "main", "out", "--into", "--overwrite").status == 2)
        #expect(try command.run("export", "gone", "new").status == 3)
        #expect(try command.run("import", "gone").status == 3)
        #expect(try command.run("import", "t", "--branch", "a:b").status == 2)
        #expect(try command.names() == [".ipldstore", "out", "t"])
    }
}
