/// Every system call that MonoFS makes on files of the host.
///
/// What always holds: nothing is named by more than one component, relative to an open directory; no symbolic
/// link is followed; nothing waits for the other end of a FIFO; an interrupted or short transfer is carried
/// on. So whoever renames things, or puts links in their places, leads nobody out of a tree.
import CSystem
import Glibc
import IpldEngine

enum Host {
    /// Who the kernel takes the process for.
    static var user: UInt32 { geteuid() }

    /// Lends a name, and every other byte string, as C has it.
    static func withName<T>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> T) -> T {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { (text) -> T in
            for (position, byte) in bytes.enumerated() { text[position] = CChar(bitPattern: byte) }
            text[bytes.count] = 0
            // Never empty, so there is a base address.
            guard let base = text.baseAddress else { return body("") }
            return body(base)
        }
    }

    /// Runs a call that returns -1 and sets errno when it fails; one that was interrupted is made again.
    static func check<T: FixedWidthInteger & SignedInteger>(
        _ kind: HostCall.Kind, _ descriptor: Int32, _ action: @autoclosure () -> String, _ call: () -> T
    ) throws(HostError) -> T {
        while true {
            var code: Int32
            if case .fail(let injected) = HostFaults.fault(kind, descriptor) {
                code = injected
            } else {
                let result = call()
                if result != -1 { return result }
                code = errno
            }
            if code != EINTR { throw HostError(action(), code) }
            code = 0
        }
    }

    // MARK: Opening and looking

    struct Access: OptionSet {
        let rawValue: Int32
        static let read = Access([])
        static let write = Access(rawValue: Int32(IPSYS_WRITE))
        static let none = Access(rawValue: Int32(IPSYS_WITHOUT_ACCESS))
        static let directory = Access(rawValue: Int32(IPSYS_DIRECTORY))
        static let create = Access(rawValue: Int32(IPSYS_CREATE))
        static let untouched = Access(rawValue: Int32(IPSYS_UNTOUCHED))
    }

    /// ESTALE for a symbolic link: it was none when it was looked at.
    static func open(_ directory: Int32, _ name: [UInt8], _ access: Access, mode: UInt16 = 0)
        throws(HostError) -> Int32
    {
        do throws(HostError) {
            return try check(.open, directory, access.contains(.create) ? "create" : "open") {
                withName(name) { ipsys_open_at(directory, $0, access.rawValue, UInt32(mode)) }
            }
        } catch { throw error.code == ELOOP ? HostError(error.action, ESTALE) : error }
    }

    /// Opens what a descriptor without access has.
    static func reopen(_ descriptor: Int32, _ access: Access) throws(HostError) -> Int32 {
        let path = Array("/proc/self/fd/\(descriptor)".utf8)
        return try check(.open, descriptor, "open") {
            withName(path) { ipsys_open_at(AT_FDCWD, $0, access.rawValue | Int32(IPSYS_FOLLOW), 0) }
        }
    }

    /// Opens a directory by a path as users give them, links followed.
    static func open(path: String) throws(HostError) -> Int32 {
        try check(.open, AT_FDCWD, "open") {
            ipsys_above_standard(Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        }
    }

    /// As `open(path:)`, without access: it need only be there.
    static func locate(path: String) throws(HostError) -> Int32 {
        try check(.open, AT_FDCWD, "open") {
            ipsys_open_at(AT_FDCWD, path, Access([.none, .directory]).rawValue | Int32(IPSYS_FOLLOW), 0)
        }
    }

    static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    static func status(_ descriptor: Int32) throws(HostError) -> HostStatus {
        var information = stat()
        _ = try check(.status, descriptor, "look at") { fstat(descriptor, &information) }
        return HostStatus(information)
    }

    static func status(_ directory: Int32, _ name: [UInt8]) throws(HostError) -> HostStatus {
        var information = stat()
        _ = try check(.status, directory, "look at") {
            withName(name) { fstatat(directory, $0, &information, AT_SYMLINK_NOFOLLOW) }
        }
        return HostStatus(information)
    }

    /// When what is open was made, in nanoseconds; 0 where the file system does not say.
    static func birth(_ descriptor: Int32) throws(HostError) -> Int64 {
        try check(.status, descriptor, "look at") { ipsys_open_birth_time(descriptor) }
    }

    /// The path by which a directory that is open can be reached now; nil when it is too long for one.
    static func path(of descriptor: Int32) -> [UInt8]? {
        let path = try? target(AT_FDCWD, Array("/proc/self/fd/\(descriptor)".utf8))
        return path.flatMap { $0.first == UInt8(ascii: "/") ? $0 : nil }
    }

    /// Locks what is open for as long as it is open; false when somebody else has it locked.
    static func lock(_ descriptor: Int32) throws(HostError) -> Bool {
        do throws(HostError) {
            _ = try check(.lock, descriptor, "lock") { ipsys_lock_directory(descriptor, true) }
            return true
        } catch {
            guard error.code == EWOULDBLOCK else { throw error }
            return false
        }
    }

    /// ESTALE for what is no symbolic link: it was one when it was looked at.
    static func target(_ directory: Int32, _ name: [UInt8]) throws(HostError) -> [UInt8] {
        var length = 256
        while true {
            var buffer = [UInt8](repeating: 0, count: length)
            let count: Int
            do throws(HostError) {
                count = try check(.readLink, directory, "read") {
                    withName(name) { (name) in
                        buffer.withUnsafeMutableBytes { (bytes) -> Int in
                            guard let base = bytes.baseAddress else { return -1 }
                            let text = base.assumingMemoryBound(to: CChar.self)
                            return readlinkat(directory, name, text, length)
                        }
                    }
                }
            } catch { throw error.code == EINVAL ? HostError(error.action, ESTALE) : error }
            if count < length { return Array(buffer[..<count]) }
            guard length <= Entry.maximumTarget else { throw HostError("read", ENAMETOOLONG) }
            length *= 4
        }
    }

    // MARK: Bytes

    /// How much of a transfer is asked for: all, but for tests of short ones.
    private static func atMost(_ count: Int, _ kind: HostCall.Kind, _ descriptor: Int32) -> Int {
        guard case .short(let limit) = HostFaults.fault(kind, descriptor) else { return count }
        return max(1, min(limit, count))
    }

    /// Bytes from `offset` on, as many as there are and fit.
    static func read(_ descriptor: Int32, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(HostError) -> Int
    {
        guard let base = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let wanted = atMost(buffer.count - done, .read, descriptor)
            let count = try check(.read, descriptor, "read") {
                pread(descriptor, base + done, wanted, off_t(offset) + off_t(done))
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// The first bytes of a file; how many.
    static func read(_ descriptor: Int32, into bytes: inout [UInt8]) throws(HostError) -> Int {
        try bytes.withUnsafeMutableBufferPointer { (bytes) throws(HostError) in
            try read(descriptor, at: 0, into: UnsafeMutableRawBufferPointer(bytes))
        }
    }

    static func write(_ descriptor: Int32, at offset: UInt64, _ bytes: UnsafeRawBufferPointer)
        throws(HostError)
    {
        guard let base = bytes.baseAddress else { return }
        guard offset <= 1 << 62 else { throw HostError("write", EFBIG) }
        var done = 0
        while done < bytes.count {
            let wanted = atMost(bytes.count - done, .write, descriptor)
            let count = try check(.write, descriptor, "write") {
                pwrite(descriptor, base + done, wanted, off_t(offset) + off_t(done))
            }
            guard count > 0 else { throw HostError("write", ENOSPC) }
            done += count
        }
    }

    static func setLength(_ descriptor: Int32, _ length: UInt64) throws(HostError) {
        guard length <= 1 << 62 else { throw HostError("write", EFBIG) }
        _ = try check(.setLength, descriptor, "write") { ftruncate(descriptor, off_t(length)) }
    }

    /// Makes all of the descriptor's file system durable.
    static func flushFileSystem(_ descriptor: Int32) throws(HostError) {
        _ = try check(.flush, descriptor, "flush") { ipsys_flush_file_system(descriptor) }
    }

    static func flush(_ descriptor: Int32) throws(HostError) {
        _ = try check(.flush, descriptor, "flush") { fsync(descriptor) }
    }

    // MARK: Names

    static func makeDirectory(_ directory: Int32, _ name: [UInt8], mode: UInt16) throws(HostError) {
        _ = try check(.make, directory, "create") { withName(name) { mkdirat(directory, $0, mode_t(mode)) } }
    }

    static func makeLink(_ directory: Int32, _ name: [UInt8], to target: [UInt8]) throws(HostError) {
        _ = try check(.make, directory, "create") {
            withName(name) { (name) in withName(target) { symlinkat($0, directory, name) } }
        }
    }

    static func makeNode(
        _ directory: Int32, _ name: [UInt8], _ kind: HostStatus.Kind, mode: UInt16, _ device: DeviceNumber
    ) throws(HostError) {
        let number =
            switch kind {
            case .fifo: IPSYS_FIFO
            case .socket: IPSYS_SOCKET
            case .characterDevice: IPSYS_CHARACTER_DEVICE
            default: IPSYS_BLOCK_DEVICE
            }
        _ = try check(.make, directory, "create") {
            withName(name) {
                ipsys_make_node(
                    directory, $0, Int32(number), UInt32(mode), device.major, device.minor)
            }
        }
    }

    /// Gives a file a second name; a symbolic link is not followed but gets one itself.
    static func link(_ from: Int32, _ old: [UInt8], _ to: Int32, _ new: [UInt8]) throws(HostError) {
        _ = try check(.link, to, "link") {
            withName(old) { (old) in withName(new) { linkat(from, old, to, $0, 0) } }
        }
    }

    static func rename(_ directory: Int32, _ from: [UInt8], to target: Int32, _ to: [UInt8])
        throws(HostError)
    {
        _ = try check(.rename, directory, "rename") {
            withName(from) { (from) in withName(to) { renameat(directory, from, target, $0) } }
        }
    }

    /// Renames where there is nothing yet; EEXIST otherwise.
    static func renameNew(_ directory: Int32, _ from: [UInt8], to target: Int32, _ to: [UInt8])
        throws(HostError)
    {
        _ = try check(.rename, directory, "rename") {
            withName(from) { (from) in withName(to) { ipsys_rename_new(directory, from, target, $0) } }
        }
    }

    /// Swaps what two names name.
    static func swap(_ directory: Int32, _ a: [UInt8], _ b: [UInt8]) throws(HostError) {
        _ = try check(.rename, directory, "rename") {
            withName(a) { (a) in withName(b) { ipsys_rename_swap(directory, a, directory, $0) } }
        }
    }

    static func remove(_ directory: Int32, _ name: [UInt8], isDirectory: Bool = false) throws(HostError) {
        _ = try check(.remove, directory, "remove") {
            withName(name) { unlinkat(directory, $0, isDirectory ? AT_REMOVEDIR : 0) }
        }
    }

    // MARK: Metadata

    static func setMode(_ descriptor: Int32, _ mode: UInt16) throws(HostError) {
        _ = try check(.setMode, descriptor, "set the mode of") { ipsys_set_mode(descriptor, UInt32(mode)) }
    }

    /// Of what a descriptor has open; -1 leaves one as it is.
    static func setOwner(_ descriptor: Int32, _ owner: UInt32, _ group: UInt32) throws(HostError) {
        _ = try check(.setOwner, descriptor, "set the owner of") { ipsys_set_owner(descriptor, owner, group) }
    }

    static func setOwner(_ directory: Int32, _ name: [UInt8], _ owner: UInt32, _ group: UInt32)
        throws(HostError)
    {
        _ = try check(.setOwner, directory, "set the owner of") {
            withName(name) { fchownat(directory, $0, owner, group, AT_SYMLINK_NOFOLLOW) }
        }
    }

    /// Of what a name names, or, with an empty one, of what the descriptor has open for reading or writing.
    static func setTime(_ directory: Int32, _ name: [UInt8], _ time: Timestamp) throws(HostError) {
        _ = try check(.setTime, directory, "set the time of") {
            withName(name) { ipsys_set_time(directory, $0, time.seconds, time.nanoseconds) }
        }
    }
}
