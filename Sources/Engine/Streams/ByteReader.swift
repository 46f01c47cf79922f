import Synchronization

/// From where `seek` counts.
public enum SeekOrigin: Sendable {
    case start, current, end
}

/// A file that is open for reading: in order from a position, and anywhere.
///
/// What always holds:
/// - What was not deleted when it was opened stays readable until it is closed, by a lease. (A block that
///   nothing kept even then is not promised.) A store that is only read gives no lease.
/// - Every byte was checked against the CID of its leaf.
/// - A small read costs one leaf at most, and none beside the last one.
///
/// It may be used by several threads at once: each `read(at:into:)` that runs has a cursor of its own, of
/// which a few are kept; `read(into:)` and `seek` share the one position, and take turns.
public final class ByteReader: @unchecked Sendable {
    public let root: CID
    /// The file's size in bytes.
    public let size: UInt64
    private let store: ContentStore
    private let lease: Lease?
    private let idle = Lock<[LeafReader<ContentStore>]>([])
    private let place = Lock<UInt64>(0)
    private let isOpen = Atomic<Bool>(true)

    /// Cursors kept, each with up to 2 MiB of scratch space.
    private static let kept = 4

    init(_ store: ContentStore, _ root: CID) throws(StoreError) {
        self.store = store
        self.root = root
        lease = try store.core.lease()
        size = try store.size(of: root)
        // Refuses now what is no file.
        let first = try LeafReader(root: root, size: size, source: store)
        if root.codec == .dagCBOR { _ = try first.height(foundAt: 0) }
        idle.withLock { $0.append(first) }
    }

    deinit { close() }

    /// Lets go of the lease. Reading afterwards is INVALID; a read that runs meanwhile may find its blocks
    /// collected.
    public func close() {
        guard isOpen.exchange(false, ordering: .acquiringAndReleasing) else { return }
        if store.core.isOwner { lease?.release() }
        idle.withLock { $0 = [] }
    }

    /// Fills `buffer` with the bytes from `offset` on; how many, fewer than it holds only at the end. INVALID
    /// when `offset` is beyond the end; CORRUPT, NOT_FOUND and IO as the blocks are.
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(StoreError) -> Int
    {
        guard isOpen.load(ordering: .acquiring) else { throw StoreError(.invalid, "the reader is closed") }
        guard offset <= size else {
            throw StoreError(.invalid, "offset \(offset) is beyond the end, \(size)")
        }
        try store.core.check()
        let reader: LeafReader<ContentStore>
        if let taken = take(for: offset) { reader = taken } else {
            reader = try LeafReader(root: root, size: size, source: store)
        }
        defer { idle.withLock { if $0.count < Self.kept { $0.append(reader) } } }
        return try reader.read(at: offset, into: buffer)
    }

    /// As `read(at:into:)` from the current position, which moves behind what was read.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        try place.withLock { (place) throws(StoreError) in
            let count = try read(at: place, into: buffer)
            place += UInt64(count)
            return count
        }
    }

    /// Where `read(into:)` goes on, in bytes from the start.
    public var position: UInt64 { place.withLock { $0 } }

    /// Moves the position to `offset` bytes from `origin`; the new position. The end itself is a place.
    /// INVALID, and nothing moves, beyond it or before the start.
    @discardableResult
    public func seek(to offset: Int64, from origin: SeekOrigin = .start) throws(StoreError) -> UInt64 {
        let moved: UInt64? = place.withLock { (place) in
            let base: UInt64 =
                switch origin {
                case .start: 0
                case .current: place
                case .end: size
                }
            // A size is at most 2^63 - 1.
            let (target, overflowed) = Int64(base).addingReportingOverflow(offset)
            guard !overflowed, target >= 0, UInt64(target) <= size else { return nil }
            place = UInt64(target)
            return place
        }
        guard let moved else {
            throw StoreError(.invalid, "there is no position \(offset) from the \(origin) in \(size) bytes")
        }
        return moved
    }

    /// An idle cursor, best one that has the leaf.
    private func take(for offset: UInt64) -> LeafReader<ContentStore>? {
        idle.withLock { (idle) in
            let position = idle.lastIndex { $0.hasLeaf(at: offset) }
            return position.map { idle.remove(at: $0) } ?? idle.popLast()
        }
    }
}

extension ContentStore {
    /// Opens the file under `cid` for reading. NOT_FOUND when it is not here, INVALID when it is no file.
    public func makeReader(of cid: CID) throws(StoreError) -> ByteReader { try ByteReader(self, cid) }
}
