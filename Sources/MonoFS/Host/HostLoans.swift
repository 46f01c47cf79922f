/// Permissions that owners are lent, so that what they closed to themselves can be copied.
import Glibc
import IpldEngine

/// The one place that changes a mode for a while, and changes it back.
///
/// What always holds: before a mode changes, what it was stands in a file of the store (`LoanNotes`), and it
/// stands there until the mode is back. A process that is killed leaves its file, and no longer locks it; the
/// next import or export of the store that meets what is noted there gives it back: that very file, when it
/// has the mode that lending gave it, and nothing but permissions of its owner. Where nobody can write to
/// the store, and in stores in memory, nothing is noted.
final class HostLoans: Sendable {
    struct Loan {
        let mode: UInt16
        fileprivate let slot: Int?
    }

    /// Notes nothing: what it is for goes, or has no store.
    static let unnoted = HostLoans()

    /// The store's directory.
    private let directory: HostFile?
    /// Of this process; made with the first loan.
    private let notes = Lock<LoanNotes?>(nil)
    /// What processes left that were killed, by inode.
    private let left: [UInt64: [LeftLoan]]

    private init() { (directory, left) = (nil, [:]) }

    init(_ store: ContentStore) {
        guard !store.isInMemory, let open = try? Host.open(path: store.path) else {
            (directory, left) = (nil, [:])
            return
        }
        let directory = HostFile(open)
        self.directory = directory
        left = Dictionary(grouping: LoanNotes.left(in: directory), by: \.note.inode)
    }

    deinit {
        notes.withLock { $0?.remove() }
        guard let directory, !left.isEmpty else { return }
        LoanNotes.sweep(directory, left.values.flatMap { $0 })
    }

    /// Lends the owner `permissions` of what is open, whose status is `status`.
    func lend(_ descriptor: Int32, _ status: HostStatus, _ permissions: UInt16) throws(HostError) -> Loan {
        let lent = status.mode | permissions
        let slot = try note(descriptor, status, lent)
        let loan = Loan(mode: status.mode, slot: slot)
        do throws(HostError) { try Host.setMode(descriptor, lent) } catch {
            forget(loan)
            throw error
        }
        return loan
    }

    func giveBack(_ loan: Loan, _ descriptor: Int32) {
        for _ in 0..<3 where (try? Host.setMode(descriptor, loan.mode)) != nil { return forget(loan) }
        // It stays noted, and the next import tries again.
    }

    /// Takes the note away: the mode is back, or to be another one.
    func forget(_ loan: Loan) {
        guard let slot = loan.slot else { return }
        notes.withLock { $0?.clear(slot) }
    }

    private func note(_ descriptor: Int32, _ status: HostStatus, _ lent: UInt16) throws(HostError) -> Int? {
        guard let directory else { return nil }
        let note = LoanNote(
            inode: status.identity.inode, birth: try Host.birth(descriptor), mode: status.mode, lent: lent,
            path: Host.path(of: descriptor) ?? [])
        return try notes.withLock { (notes) throws(HostError) in
            if notes == nil {
                do throws(HostError) { notes = try LoanNotes(in: directory) } catch {
                    guard [EACCES, EPERM, EROFS].contains(error.code) else { throw error }
                    return nil
                }
            }
            return try notes?.add(note)
        }
    }

    // MARK: Those of others

    /// Whether something may have been lent by a process that was killed.
    func mayConcern(_ status: HostStatus) -> Bool { left[status.identity.inode] != nil }

    /// Gives back what a process that was killed had lent of what is open; its status then.
    func recover(_ descriptor: Int32, _ status: HostStatus) -> HostStatus {
        guard let directory, let found = left[status.identity.inode] else { return status }
        let user = Host.user
        for loan in found where loan.owner == status.owner && (user == 0 || user == status.owner) {
            guard let birth = try? Host.birth(descriptor), birth == loan.note.birth else { continue }
            // Another mode than that which was lent is one that somebody gave it later.
            _ = try? loan.settle(in: directory) { () throws(HostError) in
                guard status.mode == loan.note.lent else { return }
                try Host.setMode(descriptor, loan.note.mode)
            }
        }
        return (try? Host.status(descriptor)) ?? status
    }
}

/// What a process that was killed had lent, and what has not been met since.
public struct LeftPermissions: Equatable, Sendable {
    /// Where it was; empty where that is too long to be noted.
    public let path: String
    /// The mode that it is to have.
    public let mode: UInt16
}

extension FileSystem {
    /// Files and directories whose owner may still have permissions that a transfer lent which was killed: an
    /// import of them, or an export over them, takes these back.
    public func leftPermissions() -> [LeftPermissions] {
        guard !store.isInMemory, let directory = try? Host.open(path: store.path) else { return [] }
        return LoanNotes.left(in: HostFile(directory)).map {
            LeftPermissions(path: FileText.of($0.note.path), mode: $0.note.mode)
        }
    }
}
