/// Running other programs, without a shell between.
import Glibc

enum Subprocess {
    struct Outcome {
        let cost: Cost
        let status: Int32
        let output: String
    }

    /// The program's path, looked up as a shell does; nil when there is none.
    static func find(_ name: String) -> String? {
        if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        for directory in path.split(separator: ":") {
            let candidate = "\(directory)/\(name)"
            if access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }

    /// Runs a program to its end. Its standard error is dropped; its standard output, which should be
    /// short, is returned.
    static func run(_ arguments: [String], environment: [String: String] = [:], directory: String? = nil)
        throws -> Outcome
    {
        guard let name = arguments.first, find(name) != nil else {
            throw BenchError("\(arguments.first ?? "?") is not installed")
        }
        let command = (directory.map { ["env", "-C", $0] } ?? []) + arguments
        guard let program = find(command[0]) else { throw BenchError("\(command[0]) is not installed") }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0, fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0,
            fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0
        else { throw BenchError("no pipe") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var variables = currentEnvironment()
        for (key, value) in environment { variables[key] = value }
        let start = now()
        var child = pid_t()
        let code = withCStrings(command) { argv in
            withCStrings(variables.map { "\($0)=\($1)" }) { envp in
                posix_spawn(&child, program, &actions, nil, argv, envp)
            }
        }
        close(ends[1])
        defer { close(ends[0]) }
        guard code == 0 else {
            throw BenchError("\(name) does not start: \(String(cString: strerror(code)))")
        }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            output += buffer.prefix(count)
        }
        var status: Int32 = 0
        var usage = rusage()
        while wait4(child, &status, 0, &usage) < 0, errno == EINTR {}
        let result = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + status & 0x7f
        func value(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        return Outcome(
            cost: Cost(
                seconds: now() - start, processorSeconds: value(usage.ru_utime) + value(usage.ru_stime)),
            status: result, output: String(decoding: output, as: UTF8.self))
    }

    /// As `run`, and throws when the program fails.
    @discardableResult
    static func require(_ arguments: [String], environment: [String: String] = [:], directory: String? = nil)
        throws -> Outcome
    {
        let outcome = try run(arguments, environment: environment, directory: directory)
        guard outcome.status == 0 else {
            throw BenchError(
                "\(arguments.prefix(2).joined(separator: " ")) failed with status \(outcome.status)")
        }
        return outcome
    }

    /// The path of this program.
    static func ownPath() throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw BenchError("/proc is not mounted") }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func currentEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry = entry.advanced(by: 1)
        }
        return variables
    }

    private static func withCStrings<T>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> T
    ) -> T {
        var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("never empty") }
            return body(base)
        }
    }
}
