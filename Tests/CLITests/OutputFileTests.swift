import Foundation
import Testing

@Suite struct OutputFileTests {
    @Test func theStandardOutputUnderAnotherNameIsWrittenWhereItStands() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("content\n".utf8))
        // A link of its own, never the machine's: what is wrong here replaces what it is given.
        _ = try line.shell("ln -s /proc/self/fd/1 link")
        for name in ["link", "/proc/self/fd/1", "log"] {
            let result = try line.shell(
                "{ echo before; \"$IPLDSTORE_EXECUTABLE\" get \(cid) -o \(name); echo after; } > log")
            #expect(result.error == "", "\(name)")
            #expect(try String(decoding: line.read("log"), as: UTF8.self) == "before\ncontent\nafter\n")
        }
        let piped = try line.shell(
            "(echo before; \"$IPLDSTORE_EXECUTABLE\" get \(cid) -o link; echo after) | cat")
        #expect(piped.output == "before\ncontent\nafter\n")
        #expect(try line.shell("readlink link").line == "/proc/self/fd/1")
        #expect(try line.names() == [".ipldstore", "link", "log", "put"])
    }

    @Test func aTargetWhoseFileWasRemovedIsAnErrorAndStays() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("content".utf8))
        _ = try line.shell("ln -s /proc/self/fd/5 link")
        for squatter in ["", "; echo other > 'gone (deleted)'"] {
            let result = try line.shell(
                "exec 5> gone; rm gone\(squatter); \"$IPLDSTORE_EXECUTABLE\" get \(cid) -o link")
            #expect(result.status == 3 && result.error.contains("was removed"), "\(result.error)")
        }
        #expect(try line.shell("readlink link").line == "/proc/self/fd/5")
        #expect(try String(decoding: line.read("gone (deleted)"), as: UTF8.self) == "other\n")
        // The standard output needs no name.
        let unlinked = try line.shell(
            "exec 5> gone; rm gone; \"$IPLDSTORE_EXECUTABLE\" get \(cid) -o /proc/self/fd/1 >&5; "
                + "cat /proc/self/fd/5")
        #expect(unlinked.error == "" && unlinked.output == "content")
    }

    @Test func nothingIsReplacedBelowDevOrProc() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("content".utf8))
        for target in ["/proc/self/fd/99", "/proc/self/new", "/proc/self/comm"] {
            let result = try line.run("get", cid, "-o", target, "--json")
            #expect(result.status == 1 && result.error.contains("name another file"), "\(result.error)")
            #expect(try result.errorCode() == "invalid")
        }
    }

    /// A store's files are its own, also those of the stores that it reads through.
    @Test func nothingIsWrittenIntoTheStore() throws {
        let line = try CommandLine(branch: "main")
        try line.write("file", Data("content".utf8))
        #expect(try line.run("cp", "file", "main:/f").status == 0)
        let cid = try line.put(Data("content".utf8), root: "name")
        #expect(try line.run("--store", "layer", "init", "--base", ".ipldstore").status == 0)
        _ = try line.shell("ln -s .ipldstore/journal link; ln -s .ipldstore directory")
        let (journal, names) = (try line.read(".ipldstore/journal"), try line.names(".ipldstore"))
        for target in [
            ".ipldstore/journal", ".ipldstore/new", ".ipldstore/packs/new", "link", "directory/leases",
        ] {
            for words in [
                ["get", cid, "-o", target], ["checkout-file", "main:/f", target],
                ["cp", "main:/f", target], ["--store", "layer", "get", "name", "-o", target],
            ] {
                let result = try line.start(words).wait()
                #expect(result.status == 1, "\(words)")
                #expect(result.error.contains("the directory of the store: name another"), "\(result.error)")
            }
        }
        #expect(try line.read(".ipldstore/journal") == journal && line.names(".ipldstore") == names)
        #expect(try line.isClean())
        // Beside it is not in it.
        #expect(try line.run("get", cid, "-o", ".ipldstore-copy").status == 0)
    }

    @Test func zerosComeBackAsHoles() throws {
        let line = try CommandLine()
        // Blocks of the target, in units of 512 bytes.
        func blocks(_ name: String) throws -> Int {
            var information = stat()
            try #require(stat(line.path(name), &information) == 0)
            return information.st_blocks
        }
        _ = try line.shell("truncate -s 64M zeros")
        let zeros = try line.run("put", "zeros").line
        #expect(try line.run("get", zeros, "-o", "copy").status == 0)
        #expect(try blocks("copy") == 0)
        #expect(try line.shell("cmp zeros copy").status == 0)
        // Runs that begin and end off the file system's blocks, short ones, and an end within a block.
        let mixed =
            Data(count: 10_000) + randomData(5000, seed: 1) + Data(count: 3_000_001)
            + randomData(70_000, seed: 2) + Data(count: 4095) + Data([1]) + Data(count: 2_000_003)
        let cid = try line.put(mixed)
        for offset in [0, 1, 12_345, 2_000_000] {
            #expect(try line.run("get", cid, "-o", "copy", "--offset", "\(offset)").status == 0)
            #expect(try line.read("copy") == mixed[offset...])
            #expect(try blocks("copy") < 120_000 / 512)
        }
        // A pipe and a file that is written to where it stands have no holes to leave.
        #expect(try line.run("get", cid).outputBytes == mixed)
        #expect(try line.run("get", cid, "-o", "/proc/self/fd/1").outputBytes == mixed)
    }
}
