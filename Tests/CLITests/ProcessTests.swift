import Foundation
import Testing

/// What other processes and signals do to a store in the middle of its work.
@Suite struct ProcessTests {
    /// Bytes in the store's packs.
    private func packBytes(_ line: CommandLine) -> Int {
        let packs = line.path(".ipldstore/packs")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: packs)) ?? []
        return names.reduce(0) { sum, name in
            let size = try? FileManager.default.attributesOfItem(atPath: packs + "/" + name)[.size] as? Int
            return sum + (size ?? 0)
        }
    }

    /// Bytes that a process has read so far (proc(5), `rchar`).
    private func bytesRead(by process: Process) -> Int {
        let text = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/io", encoding: .utf8)
        let field = text?.split(separator: "\n").first { $0.hasPrefix("rchar: ") }
        return field.flatMap { Int($0.dropFirst("rchar: ".count)) } ?? 0
    }

    /// Waits until `condition` holds, a minute at most: machines are busy.
    private func wait(until condition: () -> Bool) -> Bool {
        for _ in 0..<6000 {
            if condition() { return true }
            usleep(10_000)
        }
        return false
    }

    /// Gives `count` bytes and then keeps its reader waiting.
    private func stream(_ count: Int, into pipe: Pipe) throws -> Process {
        let source = Process()
        source.executableURL = URL(fileURLWithPath: "/bin/bash")
        source.arguments = ["-c", "head -c \(count) /dev/urandom; exec sleep 60"]
        source.standardOutput = pipe
        try source.run()
        return source
    }

    @Test func aPutThatIsKilledLosesNothingAndLeavesNothing() throws {
        let line = try CommandLine()
        let before = try line.put(randomData(1_000_000, seed: 1), root: "before")
        let pipe = Pipe()
        let put = try line.start(["put", "-", "--root", "killed"], input: pipe)
        let source = try stream(300_000_000, into: pipe)
        let isUnderWay = wait { packBytes(line) > 30_000_000 }
        #expect(isUnderWay)
        kill(put.process.processIdentifier, SIGKILL)
        let result = try put.wait()
        #expect(result.signal == SIGKILL)
        kill(source.processIdentifier, SIGKILL)
        #expect(try line.isClean())
        #expect(try line.run("ls").lines == ["before\t\(before)"])
        #expect(try line.run("get", "before").outputBytes == randomData(1_000_000, seed: 1))
        #expect(try line.run("root", "rm", "before").status == 0)
        #expect(try line.run("gc").status == 0)
        let after = try line.statistics()
        for key in ["blocks", "leases", "packs", "stored_bytes", "dead_bytes"] {
            #expect(after.integer(key) == 0, "\(key)")
        }
        #expect(try line.isClean())
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func aPutThatIsInterruptedNamesNothing(_ signal: Int32) throws {
        let line = try CommandLine()
        let pipe = Pipe()
        let put = try line.start(["put", "-", "--root", "name", "--json"], input: pipe)
        // How much the pipeline holds depends on the machine; what was read does not.
        let source = try stream(12_000_000, into: pipe)
        let isUnderWay = wait { bytesRead(by: put.process) > 11_000_000 }
        #expect(isUnderWay)
        kill(put.process.processIdentifier, signal)
        let result = try put.wait()
        #expect(result.signal == signal && result.output == "")
        #expect(try result.errorCode() == "cancelled")
        kill(source.processIdentifier, SIGKILL)
        #expect(try line.run("ls", "--json").line == "[]")
        #expect(try line.isClean())
        #expect(try line.statistics().integer("leases") == 0)
    }

    @Test func processesStoreReadAndCollectAtOnce() throws {
        let line = try CommandLine()
        let shared = randomData(3_000_000, seed: 1)
        let files = (0..<3).map { shared + randomData(3_000_000, seed: UInt64(10 + $0)) }
        for (number, file) in files.enumerated() { try line.write("file\(number)", file) }
        for round in 0..<3 {
            let puts = try (0..<files.count).map {
                try line.start(["put", "file\($0)", "--root", "root\($0)"])
            }
            let collection = try line.start(["gc"])
            for put in puts {
                let result = try put.wait()
                #expect(result.status == 0, "\(result.error)")
            }
            #expect(try collection.wait().status == 0)
            let reads = try (0..<files.count).map { try line.start(["get", "root\($0)", "-o", "copy\($0)"]) }
            for (number, read) in reads.enumerated() {
                let result = try read.wait()
                #expect(result.status == 0, "\(result.error)")
                #expect(try line.read("copy\(number)") == files[number])
            }
            // The next round stores again what this one drops.
            let drop = try line.start(["root", "rm", "root\(round)"])
            #expect(try drop.wait().status == 0)
        }
        #expect(try line.isClean())
    }

    @Test func onlyOneOfManyComparesAndSets() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("x".utf8))
        let attempts = try (0..<4).map { _ in try line.start(["root", "cas", "name", "none", cid]) }
        let statuses = try attempts.map { try $0.wait().status }.sorted()
        #expect(statuses == [0, 5, 5, 5])
    }

    @Test func helpAndVersionNeedNoStore() throws {
        let line = try CommandLine(isEmpty: true)
        #expect(try line.run("--version").lines.count == 1)
        for arguments in [["--help"], ["help"], ["put", "--help"], ["help", "root", "cas"], []] {
            let result = try line.start(arguments).wait()
            #expect(result.status == 0 && result.error == "" && result.output.contains("USAGE: ipldstore"))
        }
        for arguments in [
            ["nonsense"], ["put"], ["get", "a", "b"], ["stat", "--nonsense"], ["gc", "--budget-ms", "x"],
        ] {
            let result = try line.start(arguments).wait()
            #expect(result.status == 2 && result.output == "", "\(arguments)")
            #expect(result.error.hasPrefix("ipldstore: ") && result.error.split(separator: "\n").count == 1)
            #expect(try line.start(["--json"] + arguments).wait().errorCode() == "usage")
        }
    }
}
