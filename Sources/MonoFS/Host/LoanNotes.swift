/// What stands in a store of permissions that are lent (docs/FORMAT.md).
import CSystem
import Glibc
import IpldEngine

/// One file or directory whose owner has more permissions than he gave himself.
struct LoanNote: Equatable {
    let inode: UInt64
    /// When it was made, in nanoseconds; 0 where that is not known.
    let birth: Int64
    let mode: UInt16
    let lent: UInt16
    /// Where it was, for people; empty where that is too long.
    let path: [UInt8]

    static let length = 4096

    /// In one page, so that nobody is killed in the middle of it.
    fileprivate var encoded: [UInt8] {
        let head = "\(inode) \(birth) \(String(mode, radix: 8)) \(String(lent, radix: 8)) "
        return Array((Array(head.utf8) + path).prefix(Self.length - 1)) + [0]
    }

    /// Nil for what is none: also when it would give anybody anything, or take more than an owner's.
    fileprivate init?(_ bytes: ArraySlice<UInt8>) {
        guard let end = bytes.firstIndex(of: 0) else { return nil }
        let fields = bytes[..<end].split(
            separator: UInt8(ascii: " "), maxSplits: 4, omittingEmptySubsequences: false)
        guard fields.count == 5, let inode = UInt64(FileText.of(Array(fields[0]))),
            let birth = Int64(FileText.of(Array(fields[1]))),
            let mode = UInt16(FileText.of(Array(fields[2])), radix: 8),
            let lent = UInt16(FileText.of(Array(fields[3])), radix: 8),
            mode & ~lent == 0, lent & ~mode & ~0o700 == 0, lent <= 0o7777
        else { return nil }
        self.init(inode: inode, birth: birth, mode: mode, lent: lent, path: Array(fields[4]))
    }

    init(inode: UInt64, birth: Int64, mode: UInt16, lent: UInt16, path: [UInt8]) {
        (self.inode, self.birth, self.mode, self.lent, self.path) = (inode, birth, mode, lent, path)
    }
}

/// The file of a process: a page for each loan that is out, locked as long as the process lives.
struct LoanNotes {
    private let directory: HostFile
    private let name: [UInt8]
    private let file: HostFile
    private var used = 0
    private var free: [Int] = []

    static let prefix = Array("lent-".utf8)

    init(in directory: HostFile) throws(HostError) {
        while true {
            let name = Self.prefix + Array(String(UInt64.random(in: .min ... .max), radix: 16).utf8)
            let file = HostFile(
                try Host.open(directory.descriptor, name, [.write, .create], mode: 0o600))
            // Whoever looks for files that nobody locks may have found it before it was locked.
            guard try Host.lock(file.descriptor), try Host.status(file.descriptor).links == 1 else {
                continue
            }
            (self.directory, self.name, self.file) = (directory, name, file)
            return
        }
    }

    mutating func add(_ note: LoanNote) throws(HostError) -> Int {
        let slot = free.popLast() ?? used
        do throws(HostError) {
            try note.encoded.withBytes { (bytes) throws(HostError) in
                try Host.write(file.descriptor, at: UInt64(slot * LoanNote.length), bytes)
            }
        } catch {
            free.append(slot)
            used = max(used, slot + 1)
            throw error
        }
        used = max(used, slot + 1)
        return slot
    }

    /// A note that cannot be cleared is one of something that has its mode back, and does no harm.
    mutating func clear(_ slot: Int) {
        try? Self.clear(slot, file.descriptor)
        free.append(slot)
    }

    fileprivate static func clear(_ slot: Int, _ descriptor: Int32) throws(HostError) {
        try [UInt8(0)].withBytes { (byte) throws(HostError) in
            try Host.write(descriptor, at: UInt64(slot * LoanNote.length), byte)
        }
    }

    /// At the end: only what could not be given back stays.
    func remove() {
        guard free.count == used else { return }
        try? Host.remove(directory.descriptor, name)
    }

    // MARK: Of others

    /// The loans of processes that are no more.
    static func left(in directory: HostFile) -> [LeftLoan] {
        var found: [LeftLoan] = []
        guard let listed = try? HostDirectory(try Host.reopen(directory.descriptor, [.read, .directory])),
            let names = try? listed.names(prefix: prefix)
        else { return [] }
        for position in 0..<names.count {
            let name = names[position]
            guard let left = try? LeftNotes(directory, name) else { continue }
            let notes = left.notes()
            found += notes.map { LeftLoan(file: name, slot: $0.slot, owner: left.owner, note: $0.note) }
            if notes.isEmpty { left.remove() }
        }
        return found
    }

    /// Takes away notes of what is not there any more, and files without any.
    static func sweep(_ directory: HostFile, _ loans: [LeftLoan]) {
        for loan in loans {
            guard !loan.note.path.isEmpty else { continue }
            do throws(HostError) {
                let status = try Host.status(AT_FDCWD, loan.note.path)
                if status.identity.inode == loan.note.inode { continue }
            } catch { guard error.code == ENOENT || error.code == ENOTDIR else { continue } }
            _ = try? loan.settle(in: directory) {}
        }
        for name in Set(loans.map(\.file)) {
            if let left = try? LeftNotes(directory, name), left.notes().isEmpty { left.remove() }
        }
    }
}

/// A loan of a process that was killed.
struct LeftLoan {
    let file: [UInt8]
    let slot: Int
    /// Who wrote it.
    let owner: UInt32
    let note: LoanNote

    /// Runs `body` and takes the note away, unless somebody else has.
    func settle(in directory: HostFile, _ body: () throws(HostError) -> Void) throws(HostError) {
        guard let left = try LeftNotes(directory, file), left.note(slot) == note else { return }
        try body()
        try left.clear(slot)
    }
}

/// The file of a process that is no more, locked while this looks at it.
private struct LeftNotes {
    private let directory: HostFile
    private let name: [UInt8]
    private let file: HostFile
    let owner: UInt32

    /// More than any process lends at once.
    private static let maximumSlots = 1 << 16

    /// Nil when the process lives, or it is no such file.
    init?(_ directory: HostFile, _ name: [UInt8]) throws(HostError) {
        let file = HostFile(try Host.open(directory.descriptor, name, .read))
        let status = try Host.status(file.descriptor)
        guard status.kind == .file, status.links == 1, status.mode & 0o077 == 0,
            status.size <= UInt64(Self.maximumSlots * LoanNote.length), try Host.lock(file.descriptor)
        else { return nil }
        (self.directory, self.name, self.file, owner) = (directory, name, file, status.owner)
    }

    func note(_ slot: Int) -> LoanNote? {
        var page = [UInt8](repeating: 0, count: LoanNote.length)
        let count = try? page.withUnsafeMutableBytes { (page) throws(HostError) in
            try Host.read(file.descriptor, at: UInt64(slot * LoanNote.length), into: page)
        }
        return LoanNote(page[..<(count ?? 0)])
    }

    func notes() -> [(slot: Int, note: LoanNote)] {
        guard let status = try? Host.status(file.descriptor) else { return [] }
        let slots = (Int(status.size) + LoanNote.length - 1) / LoanNote.length
        return (0..<slots).compactMap { (slot) in note(slot).map { (slot, $0) } }
    }

    func clear(_ slot: Int) throws(HostError) {
        let writing = HostFile(try Host.reopen(file.descriptor, .write))
        try LoanNotes.clear(slot, writing.descriptor)
    }

    func remove() { try? Host.remove(directory.descriptor, name) }
}
