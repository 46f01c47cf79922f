import Glibc

/// Children: this program again, with other arguments.
enum Processes {
    struct Child {
        let pid: pid_t
        /// What it prints, to be read to its end.
        let output: Int32
    }

    enum End: Equatable {
        case exited(Int32)
        case killed(Int32)
    }

    static func spawn(_ arguments: [String], through wrapper: [String] = [], program: String? = nil) throws
        -> Child
    {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Violation("no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        let words = wrapper + [try program ?? ownPath()] + arguments
        var vector: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        vector.append(nil)
        defer { for word in vector { free(word) } }
        // The backtracer would take seconds for each child that dies as it should.
        setenv("SWIFT_BACKTRACE", "enable=no", 1)
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, words[0], &actions, nil, vector, environ)
        close(ends[1])
        guard code == 0 else {
            close(ends[0])
            throw Violation("cannot start \(words[0])")
        }
        return Child(pid: pid, output: ends[0])
    }

    static func ownPath() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, 4095)
        guard length > 0 else { throw Violation("cannot find this program") }
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// All that the child prints, and how it ended.
    static func wait(_ child: Child) -> (lines: [String], end: End) {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(child.output, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        close(child.output)
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        return (lines, reap(child.pid))
    }

    static func reap(_ pid: pid_t) -> End {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .killed(status & 0x7f)
    }

    static func sleep(microseconds: Int) {
        var time = timespec(tv_sec: microseconds / 1_000_000, tv_nsec: microseconds % 1_000_000 * 1000)
        var rest = timespec()
        while nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
    }

    /// Runs `body` in a fork of this process, which ends with it: with 0, or with 1 if it throws, or after a
    /// minute. It runs on a thread of its own: in the thread that fork leaves, the locks of Swift's shared
    /// runtime do not work (Lock, in the engine).
    static func fork(_ body: () throws -> Void) throws -> pid_t {
        typealias Call = @convention(c) () -> pid_t
        guard let symbol = dlsym(nil, "fork") else { throw Violation("no fork") }
        let child = unsafeBitCast(symbol, to: Call.self)()
        guard child == 0 else { return child }
        alarm(60)
        withoutActuallyEscaping(body) { body in
            nonisolated(unsafe) let body = body
            do {
                Threads.join(
                    try Threads.start {
                        do { try body() } catch {
                            say("in a fork: \(error)")
                            _exit(1)
                        }
                        _exit(0)
                    })
            } catch { _exit(1) }
        }
        _exit(1)
    }
}

/// A line on standard output, at once and whole: what a child has said, it has done.
func say(_ line: String) {
    var bytes = Array(line.utf8)
    bytes.append(10)
    _ = write(1, bytes, bytes.count)
}
