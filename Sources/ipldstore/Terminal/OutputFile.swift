/// A file that a command writes: whole at its place, or not there.
///
/// What always holds: until `finish` the target is as it was; `discard` leaves nothing behind. Like any
/// copy it is not flushed to the device: its bytes are safe in the store. What is no regular file (a
/// device, a pipe) is written to directly.
import Glibc
import IpldEngine

final class OutputFile {
    private let path: String
    private var descriptor: Int32
    /// Nil when written to directly.
    private let temporary: String?

    init(_ path: String) throws(StoreError) {
        var information = stat()
        let exists = stat(path, &information) == 0
        if exists, information.st_mode & S_IFMT != S_IFREG {
            descriptor = open(path, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw SystemFailure.error(errno, "write \(path)") }
            self.path = path
            temporary = nil
            return
        }
        // Through a symbolic link to what it names, which is replaced; the link stays.
        let target = exists ? Self.resolved(path) : path
        self.path = target
        let directory = target.lastIndex(of: "/").map { String(target[...$0]) } ?? ""
        var template = Array((directory + ".ipldstore-XXXXXX").utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw SystemFailure.error(errno, "write \(path)") }
        temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let mask = umask(0)
        umask(mask)
        _ = fchmod(descriptor, exists ? information.st_mode & 0o7777 : 0o666 & ~mask)
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        try writeAll(bytes, to: descriptor, "write \(path)")
    }

    /// Puts it in its place.
    func finish() throws(StoreError) {
        let closed = Glibc.close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw SystemFailure.error(errno, "write \(path)") }
        guard let temporary else { return }
        guard rename(temporary, path) == 0 else { throw SystemFailure.error(errno, "write \(path)") }
    }

    /// Takes away what was written; after a failure of any step.
    func discard() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
        if let temporary { unlink(temporary) }
    }
}
