import CSystem
import Glibc
import IpldEngine

/// A call that failed.
struct HostError: Error {
    let code: Int32
    /// What was not possible, as it stands behind "cannot".
    let action: String

    init(_ action: String, _ code: Int32 = errno) {
        self.action = action
        self.code = code
    }

    /// Whether it is the host, or the device, and not one file that fails.
    var isGeneral: Bool { isOfTheProcess || [ENOSPC, EDQUOT, EIO, EROFS].contains(code) }

    /// Whether this process, or the host, has too little of something, which says nothing of the file.
    var isOfTheProcess: Bool { [EMFILE, ENFILE, ENOMEM].contains(code) }

    /// One sentence about a path, with the code that a caller can act on.
    func storeError(_ path: String) -> StoreError {
        let kind: StoreError.Code =
            switch code {
            case ENOSPC, EDQUOT, EFBIG: .full
            case EACCES, EPERM: .permission
            case EROFS: .readOnly
            case ENOENT: .notFound
            case EEXIST, ENOTEMPTY: .exists
            case ESTALE, ELOOP: .conflict
            case EINVAL, ENAMETOOLONG, ENOTDIR: .invalid
            case EOPNOTSUPP, ENOSYS, EXDEV: .unsupported
            default: .io
            }
        let reason =
            switch code {
            case ESTALE: "something else took its place"
            // The host's room, and not the store's: deleting from that would not help.
            case ENOSPC, EDQUOT: String(cString: strerror(code)) + ": free space there"
            default: String(cString: strerror(code))
            }
        return StoreError(kind, "cannot \(action) \(path): \(reason)", systemError: code)
    }
}

/// What the host knows of a file.
struct HostStatus {
    enum Kind { case file, directory, symlink, fifo, socket, characterDevice, blockDevice }

    let kind: Kind
    var mode: UInt16
    let owner: UInt32
    let group: UInt32
    let size: UInt64
    let modified: Timestamp
    /// When anything about it was last changed; nobody can set this one.
    let changed: Timestamp
    let identity: HostIdentity
    let links: UInt64
    let device: DeviceNumber
    /// Whether there is less on the disk than the size says.
    let isSparse: Bool

    init(_ information: stat) {
        kind =
            switch information.st_mode & S_IFMT {
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            case S_IFCHR: .characterDevice
            case S_IFBLK: .blockDevice
            default: .file
            }
        mode = UInt16(truncatingIfNeeded: information.st_mode & 0o7777)
        owner = information.st_uid
        group = information.st_gid
        size = UInt64(max(0, information.st_size))
        modified = Timestamp(information.st_mtim)
        changed = Timestamp(information.st_ctim)
        identity = HostIdentity(
            device: UInt64(truncatingIfNeeded: information.st_dev),
            inode: UInt64(truncatingIfNeeded: information.st_ino))
        links = UInt64(truncatingIfNeeded: information.st_nlink)
        var (major, minor): (UInt32, UInt32) = (0, 0)
        ipsys_device_numbers(UInt64(truncatingIfNeeded: information.st_rdev), &major, &minor)
        device = DeviceNumber(major: major, minor: minor)
        let stored = UInt64(max(0, information.st_blocks)).multipliedReportingOverflow(by: 512)
        isSparse = !stored.overflow && stored.partialValue < size
    }

    /// Whether a file that has become `later` is what it was.
    func isUnchanged(_ later: HostStatus) -> Bool {
        later.kind == kind && later.size == size && later.modified == modified && later.changed == changed
    }
}

/// One file of the host, whatever its names.
struct HostIdentity: Hashable {
    let device: UInt64
    let inode: UInt64
}

extension Timestamp {
    init(_ time: timespec) {
        let nanoseconds = UInt32(clamping: time.tv_nsec)
        self = Timestamp(seconds: Int64(time.tv_sec), nanoseconds: min(nanoseconds, 999_999_999)) ?? .zero
    }
}
