import Foundation
import Testing

@Suite struct FileCommandTests {
    @Test(arguments: [0, 1, 70_000, 5_000_000])
    func whatIsPutComesBack(_ count: Int) throws {
        let line = try CommandLine()
        let bytes = randomData(count, seed: 1)
        let cid = try line.put(bytes)
        #expect(try line.run("get", cid).outputBytes == bytes)
        #expect(try line.run("size", cid).line == "\(count)")
        #expect(try line.run("get", cid, "-o", "copy").output == "")
        #expect(try line.read("copy") == bytes)
        #expect(try line.names() == [".ipldstore", "copy", "put"])
        #expect(try line.isClean())
    }

    @Test func putReadsFilesPipesAndRedirectedInputAlike() throws {
        let line = try CommandLine()
        let bytes = randomData(3_000_000, seed: 2)
        let cid = try line.put(bytes)
        let file = try line.run("put", "-", input: FileHandle(forReadingAtPath: line.path("put")))
        #expect(file.line == cid)
        let pipe = try line.shell("cat put | \"$IPLDSTORE_EXECUTABLE\" put -")
        #expect(pipe.line == cid)
        // In drips, as a network would give them.
        let drips = try line.shell(
            "(head -c 1000 put; sleep 0.1; tail -c +1001 put) | \"$IPLDSTORE_EXECUTABLE\" put -")
        #expect(drips.line == cid)
        let holds = try line.run("holds", "--json").array()
        #expect(holds.count == 1 && holds[0].integer("count") == 4 && holds[0]["cid"] as? String == cid)
        #expect((holds[0]["owner"] as? String)?.hasPrefix("cli:") == true)
    }

    @Test func aRootNamesWhatIsPutAndIsReplaced() throws {
        let line = try CommandLine()
        let first = try line.put(randomData(100_000, seed: 3), root: "a root")
        let put = try line.run("put", "put", "--root", "a root", "--json").object()
        #expect(
            put["cid"] as? String == first && put.integer("size") == 100_000
                && put["root"] as? String == "a root")
        let second = try line.put(randomData(100_000, seed: 4), root: "a root")
        #expect(try line.run("ls").lines == ["a root\t\(second)"])
        #expect(try line.run("holds", "--json").line == "[]")
        #expect(try line.run("get", "a root").outputBytes == randomData(100_000, seed: 4))
        #expect(try line.statistics().integer("roots") == 1)
    }

    @Test func rangesAreCutAtTheEndAndMustBeginWithinIt() throws {
        let line = try CommandLine()
        let bytes = randomData(1_000_000, seed: 5)
        let cid = try line.put(bytes)
        #expect(try line.run("get", cid, "--offset", "999000").outputBytes == bytes[999_000...])
        #expect(
            try line.run("get", cid, "--offset", "70000", "--length", "5").outputBytes
                == bytes[70_000..<70_005])
        #expect(
            try line.run("get", cid, "--offset", "999999", "--length", "50").outputBytes == bytes[999_999...])
        #expect(try line.run("get", cid, "--offset", "1000000").outputBytes.isEmpty)
        #expect(try line.run("get", cid, "--length", "0").outputBytes.isEmpty)
        let beyond = try line.run("get", cid, "--offset", "1000001", "-o", "out", "--json")
        #expect(beyond.status == 1 && beyond.outputBytes.isEmpty)
        #expect(try beyond.errorCode() == "invalid")
        #expect(try line.names() == [".ipldstore", "put"])
        #expect(try line.run("get", cid, "--offset", "-1").status == 2)
        let report = try line.run("get", cid, "-o", "out", "--offset", "9", "--json").object()
        #expect(report.integer("length") == 999_991 && report.integer("offset") == 9)
    }

    @Test func aTargetIsReplacedWholeWithItsModeAndThroughLinks() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("new".utf8))
        try line.write("target", Data("old and longer".utf8))
        _ = try line.shell("chmod 640 target; ln -s target link")
        #expect(try line.run("get", cid, "-o", "link").status == 0)
        #expect(try line.read("target") == Data("new".utf8))
        #expect(try line.shell("stat -c %a target; test -L link").line == "640")
        #expect(try line.run("get", cid, "-o", "/dev/null").status == 0)
        #expect(try line.run("get", cid, "-o", ".").status == 1)
        #expect(try line.run("get", cid, "-o", "missing/file").status == 3)
        #expect(try line.names() == [".ipldstore", "link", "put", "target"])
    }

    @Test func chunkNeedsNoStore() throws {
        let line = try CommandLine(isEmpty: true)
        let bytes = randomData(1_000_000, seed: 6)
        try line.write("file", bytes)
        let chunks = try line.run("chunk", "file", "--json").array()
        #expect(chunks.count > 4)
        var end = 0
        for chunk in chunks {
            #expect(chunk.integer("offset") == end)
            end += try #require(chunk.integer("length"))
        }
        #expect(end == bytes.count)
        let lines = try line.run("chunk", "file").lines
        #expect(lines.count == chunks.count)
        #expect(lines.first == "0 \(chunks[0]["length"] ?? "") \(chunks[0]["cid"] ?? "")")
        // Smaller averages give more chunks, of at least a quarter of it.
        let small = try line.run("chunk", "file", "--avg", "4096", "--json").array()
        #expect(small.count > 10 * chunks.count)
        #expect(small.dropLast().allSatisfy { ($0.integer("length") ?? 0) > 1024 })
        try line.write("empty", Data())
        #expect(try line.run("chunk", "empty").output == "")
        #expect(try line.run("chunk", "empty", "--json").line == "[]")
        #expect(try line.run("chunk", "file", "--avg", "1").status == 2)
        #expect(try line.run("chunk", "file", "--avg", "9223372036854775807").status == 2)
        #expect(try line.run("chunk", "file", "--nc", "4").status == 2)
        #expect(try line.run("chunk", "missing").status == 3)
        #expect(try line.names() == ["empty", "file"])
    }

    @Test func chunksAreThoseOfTheStore() throws {
        let line = try CommandLine()
        let cid = try line.put(randomData(1_000_000, seed: 7))
        let chunks = try line.run("chunk", "put", "--json").array().compactMap { $0["cid"] as? String }
        #expect(try line.run("links", cid).lines == chunks)
    }

    @Test func aStoreKeepsTheParametersItWasMadeWith() throws {
        let line = try CommandLine(isEmpty: true)
        let made = try line.run(
            "init", "--chunker", "fixed", "--avg", "1000", "--hash", "sha2-256", "--compression", "none",
            "--json")
        #expect(made.status == 0)
        let parameters = try #require(try line.statistics()["parameters"] as? [String: Any])
        #expect(try made.object()["parameters"] as? NSDictionary == parameters as NSDictionary)
        #expect(parameters["chunker"] as? String == "fixed" && parameters.integer("avg") == 1000)
        #expect(parameters["hash"] as? String == "sha2-256" && parameters["compression"] as? String == "none")
        let digest = try line.shell("printf x | sha256sum").output.prefix(64)
        // Base 16: version 1, raw, SHA2-256, 32 bytes.
        #expect(try line.run("size", "f01551220\(digest)").status == 3)
        _ = try line.put(Data("x".utf8))
        #expect(try line.run("size", "f01551220\(digest)").line == "1")
        let cid = try line.put(Data(count: 3500))
        #expect(try line.run("links", cid).lines.count == 2)
        #expect(
            try line.run("init", "--store", "other", "--avg", "4096", "--min", "64", "--max", "8192").status
                == 0)
        for wrong in [
            ["--avg", "5"], ["--chunker", "fixed", "--min", "64"], ["--compression", "zstd:99"],
            ["--hash", "md5"],
            ["--chunker", "rabin"], ["--compression", "gzip"],
        ] {
            #expect(try line.start(["init", "--store", "third"] + wrong).wait().status == 2, "\(wrong)")
        }
        #expect(try line.names() == [".ipldstore", "other", "put"])
    }

    /// A disk image of 1 TiB: neither reading it nor writing it goes through its holes.
    @Test func aSparseFileGoesInAndComesOutSparse() throws {
        let line = try CommandLine()
        let make = try line.shell(
            """
            truncate -s 1T image && printf data | dd of=image bs=1 seek=549755813888 conv=notrunc 2>&1 &&
            head -c 3000000 /dev/urandom | dd of=image bs=1M seek=200000 conv=notrunc 2>&1
            """)
        #expect(make.status == 0, "\(make.output)")
        let cid = try line.run("put", "image", "--root", "image").line
        #expect(try line.run("size", "image").line == "1099511627776")
        #expect(try line.run("get", "image", "-o", "copy").status == 0)
        #expect(
            try line.run("get", "image", "--offset", "549755813886", "--length", "7").outputBytes
                == Data([0, 0]) + Data("data".utf8) + Data([0]))
        // Few blocks on the disk, the same bytes where they are, and the same file again.
        let kibibytes = try line.shell("stat -c %s copy; du -k copy | cut -f 1").lines
        #expect(kibibytes[0] == "1099511627776" && Int(kibibytes[1]) ?? .max < 8000)
        #expect(
            try line.shell(
                """
                for file in image copy; do
                    dd if=$file bs=1M skip=199999 count=6 status=none
                    dd if=$file bs=1M skip=524288 count=1 status=none
                done | split -b 7M - part && cmp partaa partab
                """
            ).status == 0)
        #expect(try line.run("put", "copy").line == cid)
        #expect(try line.statistics().integer("raw_bytes") ?? .max < 8 << 20)
    }
}
