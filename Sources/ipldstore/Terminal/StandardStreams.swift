/// The three standard streams: what is written to them is written, or the command fails.
import Glibc
import IpldEngine

enum StandardStreams {
    /// Run first of all.
    static func prepare() {
        // A closed standard stream would give its number to the next file opened, a store's perhaps, and
        // results would be written into that. Opened the wrong way round, using one still fails.
        for (descriptor, flags) in [
            (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
        ]
        where fcntl(descriptor, F_GETFD) == -1 {
            _ = open("/dev/null", flags)
        }
        // Both become errors of the call, so that temporary files go before the command does.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }
}

/// Results, gathered into pieces of 64 KiB.
enum StandardOutput {
    nonisolated(unsafe) private static var pending: [UInt8] = []
    private static let pieceLength = 64 << 10

    static func write(_ text: String) throws {
        pending.append(contentsOf: text.utf8)
        if pending.count >= pieceLength { try flush() }
    }

    static func write(line: String) throws { try write(line + "\n") }

    static func write(_ json: JSON) throws { try write(line: json.text) }

    /// Bytes as they are, at once.
    static func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        try flush()
        try writeAll(bytes, to: STDOUT_FILENO, "write to the standard output")
    }

    static func flush() throws(StoreError) {
        guard !pending.isEmpty else { return }
        let bytes = pending
        pending.removeAll(keepingCapacity: true)
        var failure: StoreError?
        bytes.withUnsafeBytes { buffer in
            do throws(StoreError) {
                try writeAll(buffer, to: STDOUT_FILENO, "write to the standard output")
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}

enum StandardError {
    static let isTerminal = isatty(STDERR_FILENO) == 1

    /// Best effort: there is nobody left to tell.
    static func write(_ text: String) {
        var text = text
        text.withUTF8 { try? writeAll(UnsafeRawBufferPointer($0), to: STDERR_FILENO, "") }
    }
}

enum Diagnostics {
    /// One sentence, or one object.
    static func error(_ name: String, _ message: String, isJSON: Bool) {
        report("error", [("code", .string(name)), ("message", .string(message))], message, isJSON)
    }

    /// With `fields`, what programs need to know of it besides.
    static func warning(_ message: String, _ fields: [(String, JSON)] = [], isJSON: Bool) {
        report("warning", fields + [("message", .string(message))], "warning: " + message, isJSON)
    }

    /// What people should know, and programs find in the results.
    static func note(_ message: String) { StandardError.write("ipldstore: \(message)\n") }

    private static func report(_ kind: String, _ fields: [(String, JSON)], _ text: String, _ isJSON: Bool) {
        let line = isJSON ? JSON.object([(kind, .object(fields))]).text : "ipldstore: " + text
        StandardError.write(line + "\n")
    }
}

/// Writes all of `bytes`. A reader that has gone ends the command as SIGPIPE would have, once what it made
/// is cleared away; see `Interruption`.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ what: String) throws(StoreError) {
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
        let count = write(descriptor, base + done, bytes.count - done)
        if count > 0 {
            done += count
            continue
        }
        switch errno {
        case EINTR:
            try Interruption.check()
        case EAGAIN:
            var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&wait, 1, -1)
        case EPIPE where descriptor == STDOUT_FILENO:
            Interruption.readerHasGone()
            throw StoreError(.cancelled, "the reader of the standard output has gone", systemError: EPIPE)
        default:
            throw SystemFailure.error(errno, what)
        }
    }
}

enum SystemFailure {
    /// One sentence and the code to act on, for an errno of a call on a user's file.
    static func error(_ code: Int32, _ what: String) -> StoreError {
        let kind: StoreError.Code =
            switch code {
            case ENOSPC, EDQUOT, EFBIG: .full
            case EACCES, EPERM: .permission
            case EROFS: .readOnly
            case ENOENT, ENOTDIR: .notFound
            case EISDIR, EINVAL, ENAMETOOLONG, ELOOP, EBADF: .invalid
            default: .io
            }
        let reason = code == EBADF ? "it is closed" : String(cString: strerror(code))
        // Nothing that is deleted from the store helps.
        let advice = code == ENOSPC || code == EDQUOT ? ": free space there" : ""
        return StoreError(kind, "cannot \(what): \(reason)\(advice)", systemError: code)
    }
}
