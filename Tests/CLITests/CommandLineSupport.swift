import Foundation
import Testing

/// The built command line, run as a child in a directory of its own.
final class CommandLine {
    let directory: URL
    /// Variables that every run has besides the test's own.
    var environment: [String: String] = [:]

    struct Result {
        let status: Int32
        /// The signal that ended it, if one did.
        let signal: Int32?
        let outputBytes: Data
        let error: String

        var output: String { String(decoding: outputBytes, as: UTF8.self) }
        var lines: [String] { output.split(separator: "\n").map(String.init) }
        /// Standard output without its last line feed.
        var line: String { output.hasSuffix("\n") ? String(output.dropLast()) : output }

        func json() throws -> Any {
            try JSONSerialization.jsonObject(with: outputBytes, options: .fragmentsAllowed)
        }
        func object() throws -> [String: Any] { try #require(try json() as? [String: Any]) }
        func array() throws -> [[String: Any]] { try #require(try json() as? [[String: Any]]) }

        /// The code of the error object on standard error.
        func errorCode() throws -> String {
            let object = try JSONSerialization.jsonObject(with: Data(error.utf8)) as? [String: [String: Any]]
            return try #require(object?["error"]?["code"] as? String)
        }
    }

    /// A fresh directory, with a store in it unless `isEmpty`.
    init(isEmpty: Bool = false) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "ipldstore-cli-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        if !isEmpty { try #require(try run("init").status == 0) }
    }

    /// With a branch in its store.
    convenience init(branch: String) throws {
        try self.init()
        try #require(try run("branch", branch).status == 0)
    }

    deinit {
        _ = try? shell("chmod -R u+w . && rm -rf \"$PWD\"")
    }

    /// Beside the tests, or where IPLDSTORE_EXECUTABLE says.
    static let executable: URL = {
        if let path = ProcessInfo.processInfo.environment["IPLDSTORE_EXECUTABLE"] {
            return URL(fileURLWithPath: path)
        }
        var products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        products.deleteLastPathComponent()
        return products.appendingPathComponent("ipldstore")
    }()

    func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    func write(_ name: String, _ bytes: Data) throws {
        try bytes.write(to: directory.appendingPathComponent(name))
    }

    func read(_ name: String) throws -> Data { try Data(contentsOf: directory.appendingPathComponent(name)) }

    func names(_ path: String = ".") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.path(path)).sorted()
    }

    /// A child that has been started; `input` is its standard input.
    final class Child {
        let process: Process
        private let output: URL
        private let error: URL

        fileprivate init(
            _ executable: URL, _ arguments: [String], in directory: URL, _ environment: [String: String],
            input: Any?,
            output given: FileHandle?
        ) throws {
            let name = UUID().uuidString
            let scratch = FileManager.default.temporaryDirectory
            output = scratch.appendingPathComponent("ipldstore-out-\(name)")
            error = scratch.appendingPathComponent("ipldstore-err-\(name)")
            for url in [output, error] { try Data().write(to: url) }
            process = Process()
            process.executableURL = executable
            process.arguments = arguments
            process.currentDirectoryURL = directory
            process.environment = ProcessInfo.processInfo.environment
                .filter { $0.key != "IPLDSTORE" }.merging(environment) { $1 }
            process.standardInput = input ?? FileHandle.nullDevice
            process.standardOutput = try given ?? FileHandle(forWritingTo: output)
            process.standardError = try FileHandle(forWritingTo: error)
            try process.run()
        }

        deinit { for url in [output, error] { try? FileManager.default.removeItem(at: url) } }

        func wait() throws -> Result {
            process.waitUntilExit()
            let wasKilled = process.terminationReason == .uncaughtSignal
            return Result(
                status: process.terminationStatus, signal: wasKilled ? process.terminationStatus : nil,
                outputBytes: try Data(contentsOf: output),
                error: String(decoding: try Data(contentsOf: error), as: UTF8.self))
        }
    }

    func start(_ arguments: [String], input: Any? = nil, output: FileHandle? = nil) throws -> Child {
        try Child(Self.executable, arguments, in: directory, environment, input: input, output: output)
    }

    @discardableResult
    func run(_ arguments: String..., input: Any? = nil, output: FileHandle? = nil) throws -> Result {
        try start(arguments, input: input, output: output).wait()
    }

    /// Runs a shell command in which $IPLDSTORE_EXECUTABLE is the command line.
    func shell(_ command: String) throws -> Result {
        let environment = environment.merging(["IPLDSTORE_EXECUTABLE": Self.executable.path]) { $1 }
        return try Child(
            URL(fileURLWithPath: "/bin/bash"), ["-c", command], in: directory, environment, input: nil,
            output: nil
        ).wait()
    }

    /// Stores bytes and gives their CID.
    func put(_ bytes: Data, root: String? = nil) throws -> String {
        try write("put", bytes)
        let result = try root.map { try run("put", "put", "--root", $0) } ?? run("put", "put")
        try #require(result.status == 0, "\(result.error)")
        return result.line
    }

    func statistics() throws -> [String: Any] { try run("stat", "--json").object() }

    /// Whether `verify` finds nothing.
    func isClean() throws -> Bool {
        let result = try run("verify", "--json")
        if result.status != 0 { Issue.record("verify: \(result.output)\(result.error)") }
        return result.status == 0
    }
}

/// Bytes that do not compress, the same on every machine.
func randomData(_ count: Int, seed: UInt64) -> Data {
    var state = seed
    var bytes = Data(capacity: count + 8)
    while bytes.count < count {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        withUnsafeBytes(of: z.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes.prefix(count)
}

/// A CID of no block that any test stores.
let absentCID = "bafkr4ihvqzk2y3wlfu2oi6evmhuifiw5zfgxjxxnsxgzrkeqvvaz3u5bsm"

extension [String: Any] {
    /// An integer as it stands in the JSON.
    func integer(_ key: String) -> Int? { self[key] as? Int }
}

/// Tests most of whose commands must go well.
protocol CommandSuite {
    var command: CommandLine { get }
}

extension CommandSuite {
    /// Runs a command that must go well, with `input` as its standard input; what it printed.
    @discardableResult
    func run(_ arguments: String..., input: String = "") throws -> CommandLine.Result {
        try command.write("input", Data(input.utf8))
        let file = FileHandle(forReadingAtPath: command.path("input"))
        let result = try command.start(arguments, input: file).wait()
        #expect(result.status == 0, "\(arguments): \(result.error)")
        return result
    }
}
