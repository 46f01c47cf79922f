/// What differs between two files: these bytes of the old one are replaced by those of the new one.
public struct FileChange: Hashable, Sendable {
    /// Bytes of the old file; empty where bytes were inserted.
    public let old: Range<UInt64>
    /// Bytes of the new file; empty where bytes were removed.
    public let new: Range<UInt64>

    public init(old: Range<UInt64>, new: Range<UInt64>) {
        self.old = old
        self.new = new
    }
}

/// The changes that make a new file out of an old one, in order, one at a time.
///
/// What always holds:
/// - Replacing each change's old bytes by its new ones turns the old file into the new one: what lies
///   between two changes is equal, byte for byte. A change begins and ends with bytes that differ; changes
///   with fewer than `joinedBytes` equal bytes between them are one.
/// - Subtrees and leaves that both have are passed unread, also where an insertion has shifted them; in
///   ordinary data it costs the change, wherever it is.
/// - Between two leaves that both have, stretches of one length are compared position by position, others
///   are one change, without the bytes that they begin and end with alike (at the end at most 64 MiB).
/// - Memory does not grow with the files. Where no shared leaf is found among the next
///   `DiffSearch.longest` ones, nor a shared node above them, the files are compared position by position
///   as far as that. So are trees that were cut into chunks by other rules, which share no leaf: with them
///   it costs their length, holes excepted, and an insertion changes all that follows.
///
/// For one thread at a time. What was not deleted when it was made stays readable until it goes.
public final class FileDiff {
    private let store: ContentStore
    private let lease: Lease?
    private let old: DiffSide
    private let new: DiffSide
    /// How far both files are dealt with, but for `stretch`, which ends there.
    private var place = DiffPlace(old: 0, new: 0)
    private var stretch: DiffStretch?
    /// The last change found, which may grow.
    private var pending: FileChange?

    /// Equal bytes, fewer than these, between two changes are part of one.
    public static let joinedBytes: UInt64 = 32

    init(_ store: ContentStore, _ old: CID, _ new: CID) throws(StoreError) {
        self.store = store
        lease = try store.core.lease()
        self.old = try DiffSide(store, old)
        self.new = try DiffSide(store, new)
        if old == new { place = DiffPlace(old: self.old.size, new: self.new.size) }
    }

    deinit { if store.core.isOwner { lease?.release() } }

    /// The next change; nil after the last. `progress` hears of the bytes of the new file that are dealt
    /// with, and may throw to stop; the next call goes on. CORRUPT, NOT_FOUND and IO as the blocks are.
    public func next(progress: ((UInt64) throws(StoreError) -> Void)? = nil) throws(StoreError)
        -> FileChange?
    {
        try store.core.check()
        while let found = try find(progress) {
            guard let before = pending else {
                pending = found
                continue
            }
            // What is between them is equal, and so as long in one as in the other.
            guard found.new.lowerBound - before.new.upperBound < Self.joinedBytes else {
                pending = found
                return before
            }
            pending = FileChange(
                old: before.old.lowerBound..<found.old.upperBound,
                new: before.new.lowerBound..<found.new.upperBound)
        }
        defer { pending = nil }
        return pending
    }

    /// The next stretch of bytes that differ.
    private func find(_ progress: ((UInt64) throws(StoreError) -> Void)?) throws(StoreError) -> FileChange? {
        while true {
            if let stretch {
                if let change = try stretch.next(progress) { return change }
                self.stretch = nil
            }
            if let progress { try progress(place.new) }
            if try pass() { continue }
            guard place.old < old.size || place.new < new.size else { return nil }
            let end = try DiffSearch.end(ofStretchAt: place, old, new)
            stretch = DiffStretch(old, new, from: place, to: end)
            place = end
        }
    }

    /// Passes what begins at the place in both; false when nothing does.
    private func pass() throws(StoreError) -> Bool {
        guard place.old < old.size, place.new < new.size else { return false }
        for level in (0...min(old.height, new.height)).reversed() {
            let (left, leftStart) = try old.run(level, around: place.old)
            guard (place.old - leftStart) % left.size == 0 else { continue }
            let (right, rightStart) = try new.run(level, around: place.new)
            guard (place.new - rightStart) % right.size == 0, left.cid == right.cid, left.size == right.size
            else { continue }
            place.advance(
                by: min(
                    leftStart + left.size * left.count - place.old,
                    rightStart + right.size * right.count - place.new))
            return true
        }
        // Inside two runs of one leaf, which need not be in step where all its bytes are the same.
        let left = try old.reader.leafRun(at: place.old)
        let right = try new.reader.leafRun(at: place.new)
        guard left.cid == right.cid, left.size == right.size else { return false }
        let inStep = (place.old - left.offset) % left.size == (place.new - right.offset) % right.size
        if !inStep, try old.repeatedByte(of: left) == nil { return false }
        place.advance(by: min(left.end - place.old, right.end - place.new))
        return true
    }
}

/// A place in each of two files.
struct DiffPlace: Equatable {
    var old: UInt64
    var new: UInt64

    mutating func advance(by count: UInt64) {
        old += count
        new += count
    }
}

/// One of the two files.
struct DiffSide {
    let reader: LeafReader<ContentStore>
    /// Levels above the leaves.
    let height: Int
    /// In bytes.
    var size: UInt64 { reader.size }

    /// Throws `.invalid` when the root is not that of a file.
    init(_ store: ContentStore, _ root: CID) throws(StoreError) {
        reader = try LeafReader(root: root, size: try store.size(of: root), source: store)
        height = root.codec == .dagCBOR ? try reader.height(foundAt: 0) : 0
    }

    /// The run of equal items of a level, leaves being level 0, around an offset inside the file; and where
    /// it begins.
    func run(_ level: Int, around offset: UInt64) throws(StoreError) -> (run: ChildRun, offset: UInt64) {
        try reader.run(atDepth: height - level, around: offset)
    }

    /// The one byte that the leaves of a run consist of; nil when they do not.
    func repeatedByte(of run: LeafRun) throws(StoreError) -> UInt8? {
        let leaf = try reader.rest(at: run.offset)
        guard let first = leaf.first, leaf.last == first else { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: leaf.dropFirst())
        return leaf.compareBytes(rest, count: rest.count) == 0 ? first : nil
    }
}

extension ContentStore {
    /// The changes that make the file under `new` out of the one under `old`. NOT_FOUND when one is not
    /// here, INVALID when one is no file.
    public func diff(from old: CID, to new: CID) throws(StoreError) -> FileDiff {
        try FileDiff(self, old, new)
    }
}
