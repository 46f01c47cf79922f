/// Directories of the host that are open, also those that their owner closed to himself.
import CSystem
import Glibc
import IpldEngine

/// An open directory.
///
/// What always holds: it is the one that was meant (its identity), whatever its name names by now.
/// Permissions that its owner lacked, and that were lent to him, are taken back when it goes, whatever
/// happened; those of a process that was killed, when the directory is opened here again (`lentMark`).
final class HostDirectory: @unchecked Sendable {
    let descriptor: Int32
    let identity: HostIdentity
    /// As it was before permissions were lent.
    private(set) var status: HostStatus
    private var lentOver: UInt16?
    private var isMarked = false

    /// An attribute of a directory whose owner has permissions that he was lent: its mode without them, in
    /// octal digits. It is set just after they were lent and removed just before they are taken back, because
    /// only who may write can do either.
    static let lentMark = Array("user.ipldstore.lent".utf8)

    /// Takes the descriptor.
    init(_ descriptor: Int32) throws(HostError) {
        self.descriptor = descriptor
        do throws(HostError) { status = try Host.status(descriptor) } catch {
            Host.close(descriptor)
            throw error
        }
        identity = status.identity
    }

    deinit {
        giveBack()
        Host.close(descriptor)
    }

    /// What an owner needs to look into a directory, and to change what is in it.
    static let looking: UInt16 = 0o500
    static let changing: UInt16 = 0o700

    /// Opens a directory in this one, or with ".." the one above. `need` are permissions that its owner, when
    /// the process is he, is lent for as long as it is open. ESTALE when it is not the one expected.
    func open(_ name: [UInt8], expecting identity: HostIdentity?, need: UInt16) throws(HostError)
        -> HostDirectory
    {
        let child: HostDirectory
        do throws(HostError) {
            child = try HostDirectory(try Host.open(descriptor, name, [.read, .directory]))
        } catch {
            guard error.code == EACCES else { throw error }
            return try openClosed(name, expecting: identity, need, error)
        }
        guard identity == nil || child.identity == identity else { throw HostError("open", ESTALE) }
        child.recoverLent()
        try child.lendToOwner(need)
        return child
    }

    /// Opens what its owner may not read.
    private func openClosed(
        _ name: [UInt8], expecting identity: HostIdentity?, _ need: UInt16, _ refusal: HostError
    ) throws(HostError) -> HostDirectory {
        let named = try Host.open(descriptor, name, [.none, .directory])
        defer { Host.close(named) }
        let status = try Host.status(named)
        guard identity == nil || status.identity == identity else { throw HostError("open", ESTALE) }
        guard status.owner == Host.user, status.mode & need != need else { throw refusal }
        // Who may only not list it needs that for one call: then names are read, whatever its mode is.
        try Host.setMode(named, status.mode | 0o500)
        let child: HostDirectory
        do throws(HostError) {
            child = try HostDirectory(try Host.open(named, [UInt8(ascii: ".")], [.read, .directory]))
        } catch {
            try? Host.setMode(named, status.mode)
            throw error
        }
        child.status = status
        child.lentOver = status.mode
        if status.mode & need == need & 0o300 {
            child.giveBack()
        } else {
            try child.lend(need)
        }
        return child
    }

    func lendToOwner(_ need: UInt16) throws(HostError) {
        let user = Host.user
        guard user != 0, status.owner == user, status.mode & need != need else { return }
        lentOver = status.mode
        try lend(need)
    }

    /// Lends what is needed, and notes it where a killed process could not take it back.
    private func lend(_ need: UInt16) throws(HostError) {
        let mode = status.mode
        try Host.setMode(descriptor, mode | 0o700)
        do throws(HostError) {
            let mark = Array(String(mode, radix: 8).utf8)
            try Host.setAttribute(.descriptor(descriptor), Self.lentMark, mark)
            isMarked = true
        } catch {
            // Some file systems have no attributes of users.
        }
        if need & 0o200 == 0 { try Host.setMode(descriptor, mode | need) }
    }

    /// Finds what was lent by a process that was killed; it is taken back when this goes. Whoever may write
    /// to the directory can set a mark, so only permissions of the owner are taken, and none are given.
    func recoverLent() {
        guard status.owner == Host.user || Host.user == 0, status.mode & 0o500 == 0o500,
            let mark = try? Host.attribute(.descriptor(descriptor), Self.lentMark),
            let mode = UInt16(String(decoding: mark, as: UTF8.self), radix: 8),
            mode & ~status.mode == 0, status.mode & ~mode & ~0o700 == 0
        else { return }
        status.mode = mode
        lentOver = mode
        isMarked = true
    }

    /// Takes back what was lent.
    func giveBack() {
        guard let mode = lentOver else { return }
        lentOver = nil
        forgetMark()
        // Nobody else does it.
        for _ in 0..<3 {
            if (try? Host.setMode(descriptor, mode)) != nil { return }
        }
    }

    private func forgetMark() {
        guard isMarked else { return }
        isMarked = false
        try? Host.setMode(descriptor, status.mode | 0o700)
        try? Host.removeAttribute(.descriptor(descriptor), Self.lentMark)
    }

    /// Closes it to everybody but its owner, for as long as it is open, when the process is he.
    func closeToOthers() throws(HostError) {
        guard status.owner == Host.user, lentOver == nil else { return }
        try Host.setMode(descriptor, 0o700)
        lentOver = status.mode
    }

    /// The owner keeps what he was lent: a directory that is about to go, or to get another mode.
    func keepLent() {
        forgetMark()
        lentOver = nil
    }

    /// Names in it, in bytewise order, without "." and "..".
    func names() throws(HostError) -> HostNames {
        _ = try Host.check(.list, descriptor, "list") { lseek(descriptor, 0, SEEK_SET) }
        var names = HostNames()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            let length = try Host.check(.list, descriptor, "list") {
                ipsys_directory_entries(descriptor, buffer.baseAddress, buffer.count)
            }
            if length == 0 { break }
            var offset: Int64 = 0
            while offset < length {
                var name: UnsafePointer<CChar>?
                offset = ipsys_directory_entry(buffer.baseAddress, Int(length), Int(offset), &name)
                guard offset > 0, let name else { throw HostError("list", EIO) }
                names.append(UnsafeRawBufferPointer(start: name, count: strlen(name)))
            }
        }
        names.sort()
        return names
    }
}

/// Many names, at the cost of their bytes and sixteen more each.
struct HostNames {
    private var bytes: [UInt8] = []
    private var ranges: [Range<Int>] = []

    var count: Int { ranges.count }

    subscript(position: Int) -> [UInt8] { Array(bytes[ranges[position]]) }

    fileprivate mutating func append(_ name: UnsafeRawBufferPointer) {
        if name.count <= 2, name.allSatisfy({ $0 == UInt8(ascii: ".") }) { return }
        let start = bytes.count
        bytes.append(contentsOf: name)
        ranges.append(start..<bytes.count)
    }

    fileprivate mutating func sort() {
        bytes.withUnsafeBytes { (bytes) in
            ranges.sort {
                UnsafeRawBufferPointer(rebasing: bytes[$0])
                    .precedes(UnsafeRawBufferPointer(rebasing: bytes[$1]))
            }
        }
    }
}

/// A file that is open, closed when it goes.
final class HostFile: @unchecked Sendable {
    let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { Host.close(descriptor) }

    /// Opens a regular file for reading: its owner also where he closed it to himself, for as long as that
    /// takes. The time of the last access stays where the host allows it.
    static func open(_ directory: HostDirectory, _ name: [UInt8], _ status: HostStatus) throws(HostError)
        -> HostFile
    {
        let user = Host.user
        do throws(HostError) {
            if user == 0 || user == status.owner {
                do throws(HostError) {
                    return HostFile(try Host.open(directory.descriptor, name, [.read, .untouched]))
                } catch { guard error.code == EPERM else { throw error } }
            }
            return HostFile(try Host.open(directory.descriptor, name, .read))
        } catch {
            guard error.code == EACCES, status.owner == user else { throw error }
            return try openClosed(directory, name, error)
        }
    }

    private static func openClosed(_ directory: HostDirectory, _ name: [UInt8], _ refusal: HostError)
        throws(HostError) -> HostFile
    {
        let named = HostFile(try Host.open(directory.descriptor, name, .none))
        let status = try Host.status(named.descriptor)
        guard status.kind == .file, status.owner == Host.user, status.mode & 0o400 == 0 else { throw refusal }
        try Host.setMode(named.descriptor, status.mode | 0o400)
        defer { try? Host.setMode(named.descriptor, status.mode) }
        return HostFile(try Host.reopen(named.descriptor, [.read, .untouched]))
    }
}
