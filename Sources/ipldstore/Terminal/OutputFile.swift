/// A file that a command writes: whole at its place, or not there.
///
/// What always holds: until `finish` the target is as it was; `discard` leaves nothing behind. Like any
/// copy it is not flushed to the device: its bytes are safe in the store. The standard output, as "-" or
/// under another name, and what is no regular file (a device, a pipe), are written to directly.
import Glibc
import IpldEngine
import MonoFS

final class OutputFile {
    private let path: String
    private var descriptor: Int32
    /// Nil when written to directly.
    private let replacement: Replacement?
    /// Bytes written, zeros that were left out among them.
    private var length = 0

    private struct Replacement {
        let temporary: String
        let target: String
    }

    /// Zeros that fill a piece of this many bytes, at a multiple of it in the file, become a hole.
    private static let holeLength = 4096

    /// INVALID for a place in the directory of the store that the bytes come from, or of one below it.
    init(_ path: String, from store: ContentStore) throws(StoreError) {
        self.path = path
        let information = Self.information { stat(path, &$0) }
        if path == "-"
            || information?.isSameFile(as: Self.information { fstat(STDOUT_FILENO, &$0) }) ?? false
        {
            descriptor = STDOUT_FILENO
            replacement = nil
            return
        }
        if let information, information.st_mode & S_IFMT != S_IFREG {
            descriptor = open(path, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw SystemFailure.error(errno, "write \(path)") }
            replacement = nil
            return
        }
        let target = try Self.target(of: path, information)
        let directory = target.prefix(through: target.lastIndex(of: "/") ?? target.startIndex)
        guard !store.isAround(directory: String(directory)) else {
            throw StoreError(
                .invalid, "cannot write \(path): it is in the directory of the store: name another file")
        }
        var template = Array((directory + ".ipldstore-XXXXXX").utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw SystemFailure.error(errno, "write \(path)") }
        replacement = Replacement(
            temporary: String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self),
            target: target)
        let mask = umask(0)
        umask(mask)
        _ = fchmod(descriptor, information.map { $0.st_mode & 0o7777 } ?? 0o666 & ~mask)
    }

    private static func information(_ call: (inout stat) -> Int32) -> stat? {
        var information = stat()
        return call(&information) == 0 ? information : nil
    }

    /// The absolute name of what is replaced. Through a symbolic link that is what it names; the link stays.
    private static func target(of path: String, _ information: stat?) throws(StoreError) -> String {
        let target: String
        if let information {
            // Descriptors' names below /proc outlive the files they name.
            guard let real = resolved(path), information.isSameFile(as: Self.information { stat(real, &$0) })
            else {
                throw StoreError(
                    .notFound, "cannot write \(path): the file it stands for was removed: name another file")
            }
            target = real
        } else {
            let end = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
            guard let directory = resolved(end == path.startIndex ? "." : String(path[..<end])) else {
                throw SystemFailure.error(errno, "write \(path)")
            }
            target = directory + (directory.hasSuffix("/") ? "" : "/") + path[end...]
        }
        // /dev/shm is memory that anybody may keep files in.
        let isBelowShm = target.hasPrefix("/dev/shm/")
        guard isBelowShm || !target.hasPrefix("/dev/"), !target.hasPrefix("/proc/") else {
            throw StoreError(
                .invalid, "cannot write \(path): no files are made below /dev and /proc: name another file")
        }
        return target
    }

    private static func resolved(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        guard replacement != nil else { return try writeAll(bytes, to: descriptor, "write \(path)") }
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count {
                let next = min(bytes.count, end + Self.holeLength - (length + end) % Self.holeLength)
                if Self.isZero(bytes[end..<next]) {
                    if end > start { break }
                    start = next
                }
                end = next
            }
            // What is left out of a new file reads as zeros.
            if end > start {
                guard lseek(descriptor, length + start, SEEK_SET) >= 0 else {
                    throw SystemFailure.error(errno, "write \(path)")
                }
                let run = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
                try writeAll(run, to: descriptor, "write \(path)")
            }
            start = end
        }
        length += bytes.count
    }

    /// Whether zeros may be left out.
    var takesHoles: Bool { replacement != nil }

    /// Leaves zeros out.
    func skip(_ count: UInt64) { length += Int(count) }

    private static func isZero(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes)
        guard let base = bytes.baseAddress, bytes[0] == 0 else { return false }
        return memcmp(base, base + 1, bytes.count - 1) == 0
    }

    /// Puts it in its place.
    func finish() throws(StoreError) {
        guard descriptor != STDOUT_FILENO else { return }
        if replacement != nil, ftruncate(descriptor, length) != 0 {
            throw SystemFailure.error(errno, "write \(path)")
        }
        let closed = Glibc.close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw SystemFailure.error(errno, "write \(path)") }
        guard let replacement else { return }
        guard rename(replacement.temporary, replacement.target) == 0 else {
            throw SystemFailure.error(errno, "write \(path)")
        }
    }

    /// Takes away what was written; after a failure of any step.
    func discard() {
        if descriptor >= 0, descriptor != STDOUT_FILENO { _ = Glibc.close(descriptor) }
        descriptor = -1
        if let replacement { unlink(replacement.temporary) }
    }
}

extension stat {
    fileprivate func isSameFile(as other: stat?) -> Bool {
        st_dev == other?.st_dev && st_ino == other?.st_ino
    }
}
