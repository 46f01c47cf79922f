/// Directories of the host that are open, also those that their owner closed to himself.
import CSystem
import Glibc
import IpldEngine

/// An open directory.
///
/// What always holds: it is the one that was meant (its identity), whatever its name names by now.
/// Permissions that its owner lacked, and that were lent to him, are taken back when it goes, whatever
/// happened; those of a process that was killed, when it is opened here (`HostLoans`).
final class HostDirectory: @unchecked Sendable {
    let descriptor: Int32
    let identity: HostIdentity
    /// What is lent here, and to what is opened in it.
    let loans: HostLoans
    /// As it was before permissions were lent.
    private(set) var status: HostStatus
    private var loan: HostLoans.Loan?

    /// Takes the descriptor.
    init(_ descriptor: Int32, _ loans: HostLoans = .unnoted) throws(HostError) {
        self.descriptor = descriptor
        self.loans = loans
        do throws(HostError) { status = try Host.status(descriptor) } catch {
            Host.close(descriptor)
            throw error
        }
        identity = status.identity
        status = loans.recover(descriptor, status)
    }

    deinit {
        giveBack()
        Host.close(descriptor)
    }

    /// What an owner needs to look into a directory, and to change what is in it.
    static let looking: UInt16 = 0o500
    static let changing: UInt16 = 0o700

    /// Opens a directory in this one, or with ".." the one above. `need` are permissions that its owner, when
    /// the process is he, is lent for as long as it is open, by `loans` or this directory's. ESTALE when it
    /// is not the one expected.
    func open(
        _ name: [UInt8], expecting identity: HostIdentity?, need: UInt16, loans: HostLoans? = nil
    ) throws(HostError) -> HostDirectory {
        let loans = loans ?? self.loans
        let child: HostDirectory
        do throws(HostError) {
            child = try HostDirectory(try Host.open(descriptor, name, [.read, .directory]), loans)
        } catch {
            guard error.code == EACCES else { throw error }
            return try openClosed(name, expecting: identity, need, loans, error)
        }
        guard identity == nil || child.identity == identity else { throw HostError("open", ESTALE) }
        try child.lendToOwner(need)
        return child
    }

    /// Opens what its owner may not read.
    private func openClosed(
        _ name: [UInt8], expecting identity: HostIdentity?, _ need: UInt16, _ loans: HostLoans,
        _ refusal: HostError
    ) throws(HostError) -> HostDirectory {
        let named = HostFile(try Host.open(descriptor, name, [.none, .directory]))
        // Before lending: a note of what has its mode back would be taken for one of what is lent below.
        let status = loans.recover(named.descriptor, try Host.status(named.descriptor))
        guard identity == nil || status.identity == identity else { throw HostError("open", ESTALE) }
        guard status.owner == Host.user, status.mode & need != need else { throw refusal }
        let loan = try loans.lend(named.descriptor, status, need)
        let child: HostDirectory
        do throws(HostError) {
            let open = try Host.open(named.descriptor, [UInt8(ascii: ".")], [.read, .directory])
            child = try HostDirectory(open, loans)
        } catch {
            loans.giveBack(loan, named.descriptor)
            throw error
        }
        child.status = status
        child.loan = loan
        // Who may only not list it needs that for one call: then names are read, whatever its mode is.
        if status.mode & need == need & 0o300 { child.giveBack() }
        return child
    }

    func lendToOwner(_ need: UInt16) throws(HostError) {
        let user = Host.user
        guard user != 0, status.owner == user, status.mode & need != need else { return }
        loan = try loans.lend(descriptor, status, need)
    }

    /// Also those of a directory that its owner may not list.
    func attributes() throws(HostError) -> [(name: [UInt8], value: [UInt8])] {
        var attributes: [(name: [UInt8], value: [UInt8])] = []
        try withPermissions(0o400) { () throws(HostError) in
            attributes = try Host.attributes(.descriptor(descriptor))
        }
        return attributes
    }

    /// Lends for as long as `body` takes, whatever mode the directory has got meanwhile.
    func withPermissions(_ need: UInt16, _ body: () throws(HostError) -> Void) throws(HostError) {
        let status = try Host.status(descriptor)
        let isLacking = Host.user != 0 && status.owner == Host.user && status.mode & need != need
        let loan = isLacking ? try loans.lend(descriptor, status, need) : nil
        defer { if let loan { loans.giveBack(loan, descriptor) } }
        try body()
    }

    /// Takes back what was lent.
    func giveBack() {
        guard let loan else { return }
        self.loan = nil
        loans.giveBack(loan, descriptor)
    }

    /// The owner keeps what he was lent: a directory that is about to go, or to get another mode.
    func keepLent() {
        guard let loan else { return }
        self.loan = nil
        loans.forget(loan)
    }

    /// What a name names, without what a killed process had lent of it.
    func status(of name: [UInt8]) throws(HostError) -> HostStatus {
        let status = try Host.status(descriptor, name)
        guard status.kind == .file || status.kind == .directory, loans.mayConcern(status) else {
            return status
        }
        let named = HostFile(try Host.open(descriptor, name, .none))
        return loans.recover(named.descriptor, try Host.status(named.descriptor))
    }

    /// Names in it that begin with a prefix, in bytewise order, without "." and "..".
    func names(prefix: [UInt8] = []) throws(HostError) -> HostNames {
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
                let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name))
                if prefix.isEmpty || bytes.starts(with: prefix) { names.append(bytes) }
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
    /// Of what its owner closed: read while it was lent to him, since the mode decides at each reading.
    private let lentAttributes: [(name: [UInt8], value: [UInt8])]?

    init(_ descriptor: Int32, lentAttributes: [(name: [UInt8], value: [UInt8])]? = nil) {
        self.descriptor = descriptor
        self.lentAttributes = lentAttributes
    }
    deinit { Host.close(descriptor) }

    func attributes() throws(HostError) -> [(name: [UInt8], value: [UInt8])] {
        if let lentAttributes { return lentAttributes }
        return try Host.attributes(.descriptor(descriptor))
    }

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
        let loan = try directory.loans.lend(named.descriptor, status, 0o400)
        defer { directory.loans.giveBack(loan, named.descriptor) }
        let descriptor = try Host.reopen(named.descriptor, [.read, .untouched])
        do throws(HostError) {
            return HostFile(descriptor, lentAttributes: try Host.attributes(.descriptor(descriptor)))
        } catch {
            Host.close(descriptor)
            throw error
        }
    }
}
