import Foundation
import Testing

@Suite struct BadInputTests {
    @Test func aMissingStoreIsNotFound() throws {
        let line = try CommandLine(isEmpty: true)
        try line.write("file", Data("x".utf8))
        for command in [
            ["stat"], ["ls"], ["gc"], ["verify"], ["verify", "--repair"], ["put", "file"], ["get", "name"],
            ["has", absentCID], ["holds"], ["usage", "name"],
        ] {
            let result = try line.start(command + ["--json"]).wait()
            #expect(result.status == 3 && result.output == "", "\(command): \(result.error)")
            #expect(try result.errorCode() == "not_found")
        }
        let text = try line.run("stat", "--store", "nowhere")
        #expect(
            text.error == "ipldstore: there is no store at nowhere: make one with ipldstore init, "
                + "or name another with --store\n")
        #expect(try line.names() == ["file"])
    }

    @Test func theStoreIsThatOfTheOptionOrTheEnvironment() throws {
        let line = try CommandLine(isEmpty: true)
        line.environment["IPLDSTORE"] = line.path("from environment")
        #expect(try line.run("init").status == 0)
        #expect(try line.run("--store", "before", "init").status == 0)
        #expect(try line.run("init", "--store", "after").status == 0)
        #expect(try line.names() == ["after", "before", "from environment"])
        #expect(try line.run("--json", "--store=after", "stat").object()["store"] as? String == "after")
    }

    @Test func initLeavesWhatIsThere() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("kept".utf8))
        let again = try line.run("init", "--json")
        #expect(again.status == 1)
        #expect(try again.errorCode() == "exists")
        #expect(try line.run("get", cid).output == "kept")
        try FileManager.default.createDirectory(atPath: line.path("full"), withIntermediateDirectories: true)
        try line.write("full/file", Data())
        #expect(try line.run("init", "--store", "full").status == 1)
        #expect(try line.names("full") == ["file"])
        try FileManager.default.createDirectory(atPath: line.path("empty"), withIntermediateDirectories: true)
        #expect(try line.run("init", "--store", "empty").status == 0)
        #expect(try line.run("init", "--store", "no/such/directory").status == 3)
    }

    @Test func aDirectoryThatHoldsNoStoreIsNone() throws {
        let line = try CommandLine(isEmpty: true)
        let result = try line.run("stat", "--store", ".", "--json")
        #expect(result.status == 1)
        #expect(try result.errorCode() == "not_a_store")
        try line.write("journal", randomData(5000, seed: 1))
        #expect(try line.run("stat", "--store", ".", "--json").errorCode() == "not_a_store")
        #expect(try line.run("put", "journal", "--store", "journal", "--json").errorCode() == "not_a_store")
    }

    @Test func aNewerFormatIsRefused() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("x".utf8))
        // The journal's version is a 32-bit number at 8 (docs/FORMAT.md).
        var journal = try line.read(".ipldstore/journal")
        journal[8] = 2
        try line.write(".ipldstore/journal", journal)
        for command in [["get", cid], ["put", "put"], ["gc"]] {
            let result = try line.start(command + ["--json"]).wait()
            #expect(result.status == 1)
            #expect(try result.errorCode() == "unsupported")
            #expect(result.error.contains("newer"))
        }
    }

    @Test func aSourceThatEndsEarlyOrFailsNamesNothing() throws {
        let line = try CommandLine()
        // A file that says it is longer than it is; and one whose first read fails.
        for (file, code) in [("/sys/kernel/mm/transparent_hugepage/enabled", "io"), ("/proc/self/mem", "io")]
        {
            guard FileManager.default.fileExists(atPath: file) else {
                print("Skipped: there is no \(file) here")
                continue
            }
            let result = try line.run("put", file, "--root", "name", "--json")
            #expect(result.status == 1 && result.output == "")
            #expect(try result.errorCode() == code)
        }
        for (file, status) in [("missing", Int32(3)), (".", 1), ("put/x", 3)] {
            #expect(try line.run("put", file, "--root", "name").status == status, "\(file)")
        }
        #expect(try line.run("ls", "--json").line == "[]")
        #expect(try line.statistics().integer("blocks") == 0)
        #expect(try line.isClean())
    }

    @Test func outputThatCannotBeWrittenIsAnError() throws {
        let line = try CommandLine()
        let cid = try line.put(randomData(300_000, seed: 1), root: "name")
        for command in [
            ["get", cid], ["get-block", cid], ["stat"], ["ls", "--json"], ["--help"], ["put", "put"],
        ] {
            let full = try line.start(command, output: FileHandle(forWritingAtPath: "/dev/full")).wait()
            #expect(full.status == 1, "\(command)")
            #expect(full.error.contains("No space left on device: free space there"), "\(full.error)")
            #expect(!full.error.contains("gc"))
            let closed = try line.shell("\"$IPLDSTORE_EXECUTABLE\" \(command.joined(separator: " ")) >&-")
            #expect(closed.status == 1, "\(command)")
            #expect(closed.error.contains("closed"))
        }
        // Nothing went where the first files of a store would have had the number of the closed stream.
        #expect(try line.isClean())
        // A reader that goes away is no error to speak of.
        let gone = try line.shell(
            "\"$IPLDSTORE_EXECUTABLE\" get \(cid) | head -c 10 | wc -c; echo ${PIPESTATUS[0]}")
        #expect(gone.error == "" && gone.lines.first == "10")
        #expect(try line.run("get", cid, "-o", "/dev/full").status == 1)
        #expect(try line.shell("\"$IPLDSTORE_EXECUTABLE\" put - <&-").status == 1)
        #expect(try line.shell("\"$IPLDSTORE_EXECUTABLE\" get nothing 2>&-").status == 3)
    }

    @Test func aFileSizeLimitIsAnErrorAndLosesNothing() throws {
        let line = try CommandLine()
        let before = try line.put(randomData(500_000, seed: 1))
        try line.write("large", randomData(20_000_000, seed: 2))
        let limited = try line.shell("ulimit -f 4000; \"$IPLDSTORE_EXECUTABLE\" put large --json")
        #expect(limited.status == 1 && limited.signal == nil)
        #expect(try limited.errorCode() == "full")
        #expect(limited.error.contains("(ulimit -f)") && !limited.error.contains("gc"), "\(limited.error)")
        let copy = try line.shell("ulimit -f 100; \"$IPLDSTORE_EXECUTABLE\" get \(before) -o copy --json")
        #expect(copy.status == 1)
        #expect(try copy.errorCode() == "full")
        // Nothing that is deleted from the store raises the limit.
        #expect(copy.error.contains("(ulimit -f)") && !copy.error.contains("gc"), "\(copy.error)")
        #expect(try line.names() == [".ipldstore", "large", "put"])
        #expect(try line.run("get", before).outputBytes == randomData(500_000, seed: 1))
        #expect(try line.isClean())
        #expect(try line.run("put", "large").status == 0)
    }

    @Test func tooFewOpenFilesAreAnErrorThatNamesTheLimit() throws {
        let line = try CommandLine()
        let cid = try line.put(randomData(500_000, seed: 1))
        for limit in 6...8 {
            let limited = try line.shell("ulimit -n \(limit); \"$IPLDSTORE_EXECUTABLE\" get \(cid) -o copy")
            #expect(limited.status == 1, "\(limit)")
            #expect(limited.error.contains("open files (ulimit -n)"), "\(limited.error)")
        }
        #expect(try line.names() == [".ipldstore", "put"])
        #expect(try line.isClean())
    }

    @Test func damageIsFoundAndAFailedReadLeavesNoFile() throws {
        let line = try CommandLine()
        let bytes = randomData(3_000_000, seed: 1)
        let cid = try line.put(bytes, root: "name")
        let pack = ".ipldstore/packs/" + (try line.names(".ipldstore/packs")[0])
        var stored = try line.read(pack)
        stored[1_500_000] ^= 1
        try line.write(pack, stored)
        let get = try line.run("get", cid, "-o", "copy", "--json")
        #expect(get.status == 4)
        #expect(try get.errorCode() == "corrupt")
        #expect(try line.names() == [".ipldstore", "put"])
        let verify = try line.run("verify", "--json")
        #expect(verify.status == 4)
        let report = try verify.object()
        #expect(report["clean"] as? Bool == false && (report.integer("problem_count") ?? 0) >= 1)
        let problems = try #require(report["problems"] as? [[String: Any]])
        #expect(problems.contains { $0["kind"] as? String == "damaged_block" && $0["cid"] is String })
        let text = try line.run("verify")
        #expect(text.status == 4 && text.lines.first?.hasPrefix("damaged_block: ") == true)
        // Storing the same bytes again mends it.
        #expect(try line.put(bytes) == cid)
        #expect(try line.run("get", cid).outputBytes == bytes)
    }

    @Test func linksToWhatIsNotHereAreCountedAndNamed() throws {
        let line = try CommandLine()
        let leaf = Data(randomData(4000, seed: 3))
        try line.write("leaf", leaf)
        let cid = try line.run("put-block", "leaf").line
        try line.write("node.json", Data(#"[{"/":"\#(cid)"}]"#.utf8))
        let node = try line.run("put-node", "node.json", "--format", "dag-json").line
        try line.run("verify").lines.forEach { #expect(!$0.contains("not here")) }
        let pack = ".ipldstore/packs/" + (try line.names(".ipldstore/packs")[0])
        var stored = try line.read(pack)
        stored[try #require(stored.range(of: leaf)).lowerBound + 1000] ^= 1
        try line.write(pack, stored)
        // Repair loses the leaf, and fails; from then on every verification says what is missing, and that
        // all is well.
        let repaired = try line.run("verify", "--repair")
        #expect(repaired.status == 4, "\(repaired.output)")
        #expect(repaired.error.contains("1 link leads to what is not here"), "\(repaired.error)")
        for _ in 0..<2 {
            let text = try line.run("verify")
            #expect(text.status == 0 && text.lines.first == "not here: \(cid)", "\(text.output)")
            #expect(text.lines.dropFirst().first == "1 link to 1 block not here: lost, or never stored")
            let report = try line.run("verify", "--json").object()
            #expect(report["clean"] as? Bool == true && report.integer("missing_links") == 1)
            #expect(report.integer("missing_block_count") == 1)
            #expect(report["missing_blocks"] as? [String] == [cid])
        }
        #expect(try line.run("put-block", "leaf").line == cid)
        #expect(try line.run("verify", "--json").object().integer("missing_links") == 0)
        #expect(try line.run("links", node).status == 0)
    }

    @Test func anIndexThatIsLostIsRebuilt() throws {
        let line = try CommandLine()
        let bytes = randomData(2_000_000, seed: 1)
        let cid = try line.put(bytes, root: "name")
        _ = try line.shell("rm .ipldstore/index/*")
        let missing = try line.run("get", cid, "--json")
        #expect(missing.status == 4)
        #expect(missing.error.contains("verify --repair"))
        let repaired = try line.run("verify", "--repair", "--json")
        #expect(repaired.status == 0, "\(repaired.error)")
        let report = try repaired.object()
        #expect((report["repair"] as? [String: Any])?.integer("roots") == 1)
        #expect(try line.run("get", "name").outputBytes == bytes)
        #expect(try line.isClean())
    }

    @Test(.enabled(if: geteuid() == 0, "needs to run as root, to become somebody else"))
    func readingCommandsWorkWhereNothingMayBeWritten() throws {
        let line = try CommandLine()
        let bytes = randomData(1_000_000, seed: 1)
        let cid = try line.put(bytes, root: "name")
        // Where the user nobody can reach it.
        let there = try line.shell("cp \"$IPLDSTORE_EXECUTABLE\" tool; chmod -R go=rX .")
        try #require(there.status == 0)
        func asNobody(_ arguments: String) throws -> CommandLine.Result {
            try line.shell("exec setpriv --reuid=65534 --regid=65534 --clear-groups ./tool \(arguments)")
        }
        guard try asNobody("--version").status == 0 else {
            print("Skipped: the user nobody cannot run the command line here")
            return
        }
        for access in ["as it is", "without a lock file"] {
            if access != "as it is" {
                _ = try line.shell("rm .ipldstore/index/lock.mdb; chmod go-w .ipldstore")
            }
            #expect(try asNobody("get name").outputBytes == bytes, "\(access)")
            for command in [
                "ls", "stat", "holds", "size name", "inspect name", "links \(cid)", "has \(cid)",
                "usage name",
                "gc --dry-run", "verify", "get-block \(cid)", "root get name",
            ] {
                let result = try asNobody(command)
                #expect(result.status == 0, "\(access): \(command): \(result.error)")
            }
            for command in [
                "put tool", "root rm name", "retain \(cid)", "dereference \(cid)", "gc", "root set n \(cid)",
            ] {
                let result = try asNobody(command + " --json")
                #expect(result.status == 1, "\(access): \(command): \(result.error)")
                #expect(result.error.contains("\"code\":\"read_only\""), "\(result.error)")
            }
            #expect(try asNobody("init --store new").status == 1)
        }
        #expect(try line.isClean())
    }
}
