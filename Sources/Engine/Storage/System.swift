/// Every system call that touches a store's files, behind one fault hook.
///
/// What always holds: nothing else in the engine opens, reads, writes, flushes, renames or removes a
/// file (LMDB's own calls apart); a call that fails throws a `StoreError` that tells a full disk, a
/// refused access and a failing device apart; an interrupted or short transfer is carried on, so a
/// caller sees all of it or an error.
import CSystem
import Glibc

/// A call about to be made, as the hook sees it.
package enum SystemCall {
    case open(path: String, flags: Int32)
    case read(descriptor: Int32, offset: UInt64, length: Int)
    case readStream(descriptor: Int32, length: Int)
    case write(descriptor: Int32, offset: UInt64, bytes: UnsafeRawBufferPointer)
    case flush(descriptor: Int32)
    case truncate(descriptor: Int32, length: UInt64)
    case reserve(descriptor: Int32, offset: UInt64, length: UInt64)
    case punch(descriptor: Int32, offset: UInt64, length: UInt64)
    case rename(from: String, to: String)
    case remove(path: String)
    case makeDirectory(path: String)
    case flushDirectory(path: String)
    case flushFileSystem(path: String)
    case link(from: String, to: String)
    /// Seen, and never made to fail.
    case lock(descriptor: Int32, offset: UInt64)
}

/// What the hook makes of it.
package enum Fault {
    case none
    /// The call fails with this errno and has no effect.
    case fail(Int32)
    /// A read or write transfers at most this many bytes, as a signal or a full disk may cause.
    case short(Int)
}

package enum System {
    /// Set by tests, while no store is in use. Nil costs one load a call.
    nonisolated(unsafe) package static var faultHook: (@Sendable (SystemCall) -> Fault)?

    @inline(__always)
    private static func fault(_ call: @autoclosure () -> SystemCall) -> Fault {
        guard let hook = faultHook else { return .none }
        return hook(call())
    }

    /// Runs a call that returns -1 and sets errno on failure; EINTR is tried again.
    @inline(__always)
    private static func check(
        _ call: @autoclosure () -> SystemCall, _ what: @autoclosure () -> String,
        _ body: () -> Int32
    ) throws(StoreError) -> Int32 {
        while true {
            var code: Int32
            if case .fail(let injected) = fault(call()) {
                code = injected
            } else {
                let result = body()
                if result != -1 { return result }
                code = errno
            }
            if code != EINTR { throw error(code, what()) }
            code = 0
        }
    }

    /// One sentence and the code a caller can act on, for an errno.
    static func error(_ code: Int32, _ what: String) -> StoreError {
        let kind: StoreError.Code =
            switch code {
            case ENOSPC, EDQUOT, EFBIG: .full
            case EACCES, EPERM: .permission
            case EROFS: .readOnly
            case ENOENT, ENOTDIR: .notFound
            case EEXIST, ENOTEMPTY: .exists
            case EAGAIN, EBUSY: .busy
            default: .io
            }
        return StoreError(kind, "\(readable(what)): \(String(cString: strerror(code)))", systemError: code)
    }

    /// What names of files begin with that are reached through an open directory.
    static let descriptorPrefix = "/proc/self/fd/"

    /// A sentence in which a directory that is reached through its descriptor has its name again.
    static func readable(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let prefix = Array(descriptorPrefix.utf8)
        guard bytes.count > prefix.count,
            let start = (0..<(bytes.count - prefix.count)).first(where: {
                bytes[$0..<($0 + prefix.count)].elementsEqual(prefix)
            })
        else { return text }
        let end = bytes[(start + prefix.count)...].firstIndex { !(48...57).contains($0) } ?? bytes.count
        var name = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(String(decoding: bytes[start..<end], as: UTF8.self), &name, name.count)
        guard length > 0 else { return text }
        let place = name[..<length].map { UInt8(bitPattern: $0) }
        return String(decoding: bytes[..<start] + place + bytes[end...], as: UTF8.self)
    }

    /// An offset or a length as the kernel takes it. One beyond all reason comes from damaged bytes.
    private static func fileOffset(_ offset: UInt64) throws(StoreError) -> off_t {
        guard offset <= 1 << 62 else {
            throw StoreError(.corrupt, "a file offset of \(offset) makes no sense")
        }
        return off_t(offset)
    }

    // MARK: Files

    /// Opens without following a symbolic link in the last component, without blocking on a FIFO, and
    /// closed on exec. `regular` refuses everything but regular files as corrupt.
    static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o666, regular: Bool = true)
        throws(StoreError) -> Int32
    {
        let all = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let descriptor: Int32
        do {
            descriptor = try check(.open(path: path, flags: all), "open \(path)") {
                ipsys_above_standard(Glibc.open(path, all, mode))
            }
        } catch  where regular && [ELOOP, EISDIR, ENXIO].contains(error.systemError) {
            throw StoreError(
                .corrupt, "\(readable(path)) is not a regular file", systemError: error.systemError)
        }
        if regular {
            var information = stat()
            if fstat(descriptor, &information) == 0, information.st_mode & S_IFMT != S_IFREG {
                Glibc.close(descriptor)
                throw StoreError(.corrupt, "\(readable(path)) is not a regular file")
            }
        }
        return descriptor
    }

    /// Opens for reading and writing, and makes the file where there is none. What root makes belongs to the
    /// directory's owner, who could not open it otherwise.
    static func openOrMake(_ path: String, _ flags: Int32 = 0) throws(StoreError) -> Int32 {
        let descriptor = try open(path, O_RDWR | O_CREAT | flags)
        var directory = stat()
        if geteuid() == 0, stat(Journal.directory(of: path) + "/.", &directory) == 0, directory.st_uid != 0 {
            fchown(descriptor, directory.st_uid, directory.st_gid)
        }
        return descriptor
    }

    static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    /// Fills `buffer` from `offset` as far as the file reaches; the number of bytes read.
    static func read(_ descriptor: Int32, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(StoreError) -> Int
    {
        guard let base = buffer.baseAddress else { return 0 }
        _ = try fileOffset(offset)
        var done = 0
        while done < buffer.count {
            var want = buffer.count - done
            switch fault(.read(descriptor: descriptor, offset: offset + UInt64(done), length: want)) {
            case .none: break
            case .fail(EINTR): continue
            case .fail(let code): throw error(code, "read")
            case .short(let limit): want = max(1, min(want, limit))
            }
            let count = pread(descriptor, base + done, want, off_t(offset) + off_t(done))
            if count < 0 {
                if errno == EINTR { continue }
                throw error(errno, "read")
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Reads what a stream has next; 0 at its end.
    static func readStream(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer)
        throws(StoreError) -> Int
    {
        while true {
            var want = buffer.count
            switch fault(.readStream(descriptor: descriptor, length: want)) {
            case .none: break
            case .fail(EINTR): continue
            case .fail(let code): throw error(code, "read the source")
            case .short(let limit): want = max(1, min(want, limit))
            }
            let count = Glibc.read(descriptor, buffer.baseAddress, want)
            if count >= 0 { return count }
            guard errno == EINTR || errno == EAGAIN else { throw error(errno, "read the source") }
            if errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                poll(&wait, 1, -1)
            }
        }
    }

    /// Writes all of `bytes` where a stream stands.
    static func writeStream(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, base + done, bytes.count - done)
            if count >= 0 {
                done += count
                continue
            }
            guard errno == EINTR || errno == EAGAIN else { throw error(errno, "write the target") }
            if errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, -1)
            }
        }
    }

    /// Writes all of `bytes` at `offset`.
    static func write(_ descriptor: Int32, at offset: UInt64, _ bytes: UnsafeRawBufferPointer)
        throws(StoreError)
    {
        guard let base = bytes.baseAddress else { return }
        _ = try fileOffset(offset)
        var done = 0
        while done < bytes.count {
            var want = bytes.count - done
            let rest = UnsafeRawBufferPointer(start: base + done, count: want)
            switch fault(.write(descriptor: descriptor, offset: offset + UInt64(done), bytes: rest)) {
            case .none: break
            case .fail(EINTR): continue
            case .fail where Defect.writeErrorsAreSwallowed.isPresent: return
            case .fail(let code): throw error(code, "write")
            case .short(let limit): want = max(1, min(want, limit))
            }
            let count = pwrite(descriptor, base + done, want, off_t(offset) + off_t(done))
            if count < 0 {
                if errno == EINTR { continue }
                throw error(errno, "write")
            }
            guard count > 0 else { throw error(ENOSPC, "write") }
            done += count
        }
    }

    /// Makes the file's bytes, and the length needed to read them, durable.
    static func flush(_ descriptor: Int32) throws(StoreError) {
        _ = try check(.flush(descriptor: descriptor), "flush") { fdatasync(descriptor) }
    }

    static func truncate(_ descriptor: Int32, to length: UInt64) throws(StoreError) {
        let end = try fileOffset(length)
        _ = try check(.truncate(descriptor: descriptor, length: length), "truncate") {
            ftruncate(descriptor, end)
        }
    }

    /// Allocates space ahead without changing the length. UNSUPPORTED where the file system cannot.
    static func reserve(_ descriptor: Int32, at offset: UInt64, length: UInt64) throws(StoreError) {
        let (start, bytes) = (try fileOffset(offset), try fileOffset(length))
        do {
            _ = try check(.reserve(descriptor: descriptor, offset: offset, length: length), "reserve") {
                ipsys_reserve(descriptor, Int64(start), Int64(bytes))
            }
        } catch  where error.systemError == EOPNOTSUPP || error.systemError == ENOSYS {
            throw StoreError(.unsupported, error.message, systemError: error.systemError)
        }
    }

    /// Gives a range back to the file system. UNSUPPORTED where it cannot.
    static func punch(_ descriptor: Int32, at offset: UInt64, length: UInt64) throws(StoreError) {
        let (start, bytes) = (try fileOffset(offset), try fileOffset(length))
        do {
            _ = try check(.punch(descriptor: descriptor, offset: offset, length: length), "punch") {
                ipsys_punch(descriptor, Int64(start), Int64(bytes))
            }
        } catch  where error.systemError == EOPNOTSUPP || error.systemError == ENOSYS {
            throw StoreError(.unsupported, error.message, systemError: error.systemError)
        }
    }

    /// The first offset at or after `offset` that is no hole; nil when only holes follow.
    static func nextData(_ descriptor: Int32, from offset: UInt64) throws(StoreError) -> UInt64? {
        let data = ipsys_next_data(descriptor, Int64(offset))
        if data >= 0 { return UInt64(data) }
        if errno == ENXIO { return nil }
        throw error(errno, "seek")
    }

    /// A hint only: failing costs time, nothing else.
    static func startWriteback(_ descriptor: Int32, at offset: UInt64, length: UInt64) {
        _ = ipsys_start_writeback(descriptor, Int64(offset), Int64(length))
    }

    /// Length in bytes, and (device, inode) as the file's identity.
    static func status(_ descriptor: Int32) throws(StoreError) -> FileStatus {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw error(errno, "stat") }
        return FileStatus(information)
    }

    static func status(ofPath path: String) throws(StoreError) -> FileStatus {
        var information = stat()
        guard lstat(path, &information) == 0 else { throw error(errno, "stat \(path)") }
        return FileStatus(information)
    }

    /// Whether the file system under a descriptor has no room worth mentioning.
    static func isFull(_ descriptor: Int32) -> Bool {
        var magic: Int64 = 0
        var free: UInt64 = 0
        return ipsys_file_system(descriptor, &magic, &free) == 0 && free < 1 << 20
    }

    /// Refuses network file systems, whose locks and maps are not those of one machine.
    static func requireLocal(_ descriptor: Int32) throws(StoreError) {
        var magic: Int64 = 0
        var free: UInt64 = 0
        guard ipsys_file_system(descriptor, &magic, &free) == 0 else { throw error(errno, "statfs") }
        // NFS, SMB, SMB2, CIFS, AFS, Ceph, Coda, 9P: linux/magic.h and statfs(2).
        let network: [Int64] = [
            0x6969, 0x517B, 0xFE53_4D42, 0xFF53_4D42, 0x5346_414F, 0x00C3_6400, 0x7375_7245, 0x0102_1997,
        ]
        guard !network.contains(magic) else {
            throw StoreError(.unsupported, "a store needs a local file system, and this one is a network's")
        }
    }

    /// When a file was made, in nanoseconds since 1970; 0 where that is not known.
    static func birthTime(ofPath path: String) -> Int64 { max(0, ipsys_birth_time(path)) }

    // MARK: Names

    static func rename(_ from: String, _ to: String) throws(StoreError) {
        _ = try check(.rename(from: from, to: to), "rename \(from)") { Glibc.rename(from, to) }
    }

    /// Swaps two names at once.
    static func exchange(_ a: String, _ b: String) throws(StoreError) {
        _ = try check(.rename(from: a, to: b), "exchange \(a)") { ipsys_rename_exchange(a, b) }
    }

    static func remove(_ path: String) throws(StoreError) {
        _ = try check(.remove(path: path), "remove \(path)") { unlink(path) }
    }

    static func removeDirectory(_ path: String) throws(StoreError) {
        _ = try check(.remove(path: path), "remove \(path)") { rmdir(path) }
    }

    static func makeDirectory(_ path: String) throws(StoreError) {
        _ = try check(.makeDirectory(path: path), "create \(path)") { mkdir(path, 0o777) }
    }

    /// Makes the names in a directory durable.
    static func flushDirectory(_ path: String) throws(StoreError) {
        if Defect.directoriesAreNotFlushed.isPresent { return }
        let descriptor = try open(path + "/.", O_RDONLY | O_DIRECTORY, regular: false)
        defer { close(descriptor) }
        _ = try check(.flushDirectory(path: path), "flush \(path)") { fsync(descriptor) }
    }

    /// Makes all that was written to the file system of a directory durable, names included.
    static func flushFileSystem(_ path: String) throws(StoreError) {
        let descriptor = try open(path + "/.", O_RDONLY | O_DIRECTORY, regular: false)
        defer { close(descriptor) }
        _ = try check(.flushFileSystem(path: path), "flush \(path)") { ipsys_flush_file_system(descriptor) }
    }

    /// Gives a file a second name. UNSUPPORTED across file systems, and where there are no such links.
    static func link(_ from: String, _ to: String) throws(StoreError) {
        do {
            _ = try check(.link(from: from, to: to), "link \(to)") { Glibc.link(from, to) }
        } catch  where [EXDEV, EPERM, EMLINK, EOPNOTSUPP].contains(error.systemError) {
            throw StoreError(.unsupported, error.message, systemError: error.systemError)
        }
    }

    /// Names in a directory, without "." and "..", in no order.
    static func list(_ path: String) throws(StoreError) -> [String] {
        guard let directory = opendir(path) else { throw error(errno, "list \(path)") }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw error(errno, "list \(path)") }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    /// The path from the root, without symbolic links as far as it is there.
    static func absolutePath(_ path: String, mayBeMissing: Bool = false) throws(StoreError) -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            guard let text = String(validatingCString: resolved) else {
                throw StoreError(.invalid, "the path of \(path) is not UTF-8")
            }
            return text
        }
        guard mayBeMissing, errno == ENOENT else { throw error(errno, "find \(path)") }
        let trimmed = path.hasSuffix("/") && path.utf8.count > 1 ? String(path.dropLast()) : path
        let name = trimmed.split(separator: "/").last.map(String.init) ?? trimmed
        let directory = try absolutePath(
            Journal.directory(of: trimmed), mayBeMissing: trimmed.contains("/"))
        return directory == "/" ? "/" + name : directory + "/" + name
    }

    // MARK: Locks, randomness, clocks

    enum Lock: Int32 { case unlocked = 0, shared = 1, exclusive = 2 }

    /// Takes or gives back a byte-range lock of this descriptor; false when somebody has it.
    static func lock(_ descriptor: Int32, _ kind: Lock, at offset: UInt64, length: UInt64 = 1)
        throws(StoreError) -> Bool
    {
        _ = fault(.lock(descriptor: descriptor, offset: offset))
        if ipsys_lock(descriptor, kind.rawValue, Int64(offset), Int64(length)) == 0 { return true }
        if errno == EAGAIN { return false }
        throw error(errno, "lock")
    }

    /// Whether another description holds an exclusive lock on the byte.
    static func isLocked(_ descriptor: Int32, at offset: UInt64) throws(StoreError) -> Bool {
        switch ipsys_lock_probe(descriptor, Int64(offset), 1) {
        case 0: return false
        case 1: return true
        default: throw error(errno, "lock")
        }
    }

    static func random(_ count: Int) throws(StoreError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard ipsys_random(&bytes, count) == 0 else { throw error(errno, "random bytes") }
        return bytes
    }

    static func sleep(milliseconds: Int) {
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        nanosleep(&time, nil)
    }

    /// Nanoseconds of a clock that never goes back; for budgets, not for dates.
    static func monotonicNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}

/// What the engine asks of a file.
struct FileStatus {
    let length: UInt64
    /// Bytes that the file system has allocated for it.
    let allocated: UInt64
    let identity: FileIdentity
    let isDirectory: Bool
    let isRegular: Bool
    /// Names that the file has.
    let links: UInt64

    init(_ information: stat) {
        length = UInt64(max(0, information.st_size))
        allocated = UInt64(max(0, information.st_blocks)) * 512
        identity = FileIdentity(device: UInt64(information.st_dev), inode: UInt64(information.st_ino))
        isDirectory = information.st_mode & S_IFMT == S_IFDIR
        isRegular = information.st_mode & S_IFMT == S_IFREG
        links = UInt64(information.st_nlink)
    }
}

struct FileIdentity: Hashable {
    let device: UInt64
    let inode: UInt64
}

/// A descriptor that carries locks: closed in forked children (see csystem.h).
struct LockingDescriptor {
    let descriptor: Int32
    private let generation = ipsys_fork_generation()

    /// False in a forked child, where the number may be another file's by now.
    var isOurs: Bool { generation == ipsys_fork_generation() }

    init(adopting descriptor: Int32) throws(StoreError) {
        guard ipsys_close_on_fork(descriptor) == 0 else {
            let code = errno
            System.close(descriptor)
            throw System.error(code, "keeping a locked file from forked processes")
        }
        self.descriptor = descriptor
    }

    /// The locks are given back, not left to the last copy of the descriptor: a process that somebody is
    /// starting (posix_spawn) has one until it runs its program, and no handler of ours runs in it.
    func close() {
        guard isOurs else { return }
        ipsys_unlock(descriptor)
        ipsys_keep_on_fork(descriptor)
        System.close(descriptor)
    }
}
