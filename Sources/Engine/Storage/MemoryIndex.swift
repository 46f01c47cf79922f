import Glibc

/// An index in memory: the tables, snapshots and single writer of the one in LMDB, and nothing of it stays.
///
/// What always holds:
/// - A snapshot is the value that all tables had at one commit. Rows are immutable and shared; a table is
///   copied, a leaf at a time, by the writer that changes it.
/// - One writer at a time, on one thread. What it throws away was never seen by anybody.
final class MemoryIndex: @unchecked Sendable {
    private let published: Lock<[MemoryTable]>
    private let writer = Lock<Void>(())

    init() {
        published = Lock(
            IndexTable.allCases.map { MemoryTable(order: $0.flags == 0 ? .bytes : .integers) })
    }

    func read<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        try run(MemoryTransaction(published.withLock { $0 }), body)
    }

    func write<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        try writer.withLock { (_) throws(StoreError) in
            let transaction = MemoryTransaction(published.withLock { $0 })
            let result = try run(transaction, body)
            published.withLock { $0 = transaction.tables }
            return result
        }
    }

    func alone<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        try writer.withLock { (_) throws(StoreError) in try read(body) }
    }

    private func run<T>(
        _ transaction: MemoryTransaction, _ body: (IndexSnapshot) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        defer { withExtendedLifetime(transaction) {} }
        return try body(IndexSnapshot(transaction))
    }

    /// Bytes of keys and values.
    var usedBytes: UInt64 { published.withLock { $0.reduce(0) { $0 + $1.byteCount } } }
}

/// One view of a memory index, for one thread.
final class MemoryTransaction {
    var tables: [MemoryTable]
    init(_ tables: [MemoryTable]) { self.tables = tables }
}

/// A key and its value, side by side; they stand where they are for as long as a table has the row.
final class MemoryRow: ManagedBuffer<MemoryRow.Lengths, UInt8> {
    struct Lengths {
        let key: Int
        let value: Int
    }

    static func make(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> ManagedBuffer<
        Lengths, UInt8
    > {
        let row = MemoryRow.create(minimumCapacity: key.count + value.count) { _ in
            Lengths(key: key.count, value: value.count)
        }
        row.withUnsafeMutablePointerToElements { start in
            let room = UnsafeMutableRawBufferPointer(start: start, count: key.count + value.count)
            room.copyMemory(from: key)
            UnsafeMutableRawBufferPointer(rebasing: room[key.count...]).copyMemory(from: value)
        }
        return row
    }
}

extension ManagedBuffer<MemoryRow.Lengths, UInt8> {
    var key: UnsafeRawBufferPointer {
        let length = header.key
        return withUnsafeMutablePointerToElements { UnsafeRawBufferPointer(start: $0, count: length) }
    }
    var value: UnsafeRawBufferPointer {
        let lengths = header
        return withUnsafeMutablePointerToElements {
            UnsafeRawBufferPointer(start: $0 + lengths.key, count: lengths.value)
        }
    }
}

/// Rows in the order of their keys, in leaves of some hundreds: no leaf is empty.
struct MemoryTable {
    typealias Row = ManagedBuffer<MemoryRow.Lengths, UInt8>
    enum Order { case bytes, integers }

    private static let longestLeaf = 256
    private let order: Order
    private(set) var leaves: [[Row]] = []
    private(set) var count = 0
    private(set) var byteCount: UInt64 = 0

    init(order: Order) { self.order = order }

    /// Where the first row at or after a key is, or would be: the leaf's number may be one past the last.
    func place(_ key: UnsafeRawBufferPointer) -> (leaf: Int, row: Int, isThere: Bool) {
        // The last leaf that begins at or before the key.
        let leaf = max(0, Self.partition(leaves.count) { precedes(key, leaves[$0][0].key) } - 1)
        guard leaf < leaves.count else { return (0, 0, false) }
        let rows = leaves[leaf]
        let row = Self.partition(rows.count) { !precedes(rows[$0].key, key) }
        guard row < rows.count else { return (leaf + 1, 0, false) }
        return (leaf, row, !precedes(key, rows[row].key))
    }

    /// The least position for which `isBehind` holds, as it then does for all that follow.
    private static func partition(_ count: Int, _ isBehind: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func precedes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        if order == .integers, a.count == b.count {
            if a.count == 8 { return a.integer(at: 0, as: UInt64.self) < b.integer(at: 0, as: UInt64.self) }
            if a.count == 4 { return a.integer(at: 0, as: UInt32.self) < b.integer(at: 0, as: UInt32.self) }
        }
        let shared = min(a.count, b.count)
        var comparison: Int32 = 0
        if shared > 0, let first = a.baseAddress, let second = b.baseAddress {
            comparison = memcmp(first, second, shared)
        }
        return comparison != 0 ? comparison < 0 : a.count < b.count
    }

    func row(_ key: UnsafeRawBufferPointer) -> Row? {
        let place = place(key)
        return place.isThere ? leaves[place.leaf][place.row] : nil
    }

    mutating func put(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let row = MemoryRow.make(key, value)
        byteCount += UInt64(key.count + value.count)
        var (leaf, position, isThere) = place(key)
        if isThere {
            byteCount -= UInt64(leaves[leaf][position].key.count + leaves[leaf][position].value.count)
            leaves[leaf][position] = row
            return
        }
        count += 1
        if position == 0, leaf > 0 {
            // Behind the last row of the leaf before, as good as before the first of this one.
            leaf -= 1
            position = leaves[leaf].count
        }
        guard leaf < leaves.count else {
            leaves.append([row])
            return
        }
        leaves[leaf].insert(row, at: position)
        let length = leaves[leaf].count
        guard length > Self.longestLeaf else { return }
        // What only grows at its end keeps full leaves.
        let isEnd = leaf == leaves.count - 1 && position == length - 1
        let middle = isEnd ? length - 1 : length / 2
        leaves.insert(Array(leaves[leaf][middle...]), at: leaf + 1)
        leaves[leaf].removeSubrange(middle...)
    }

    /// False when the key was not there.
    mutating func delete(_ key: UnsafeRawBufferPointer) -> Bool {
        let (leaf, position, isThere) = place(key)
        guard isThere else { return false }
        let row = leaves[leaf].remove(at: position)
        byteCount -= UInt64(row.key.count + row.value.count)
        if leaves[leaf].isEmpty { leaves.remove(at: leaf) }
        count -= 1
        return true
    }
}

/// A position in a table as it was when the cursor was made.
final class MemoryCursor {
    private let table: MemoryTable
    private var leaf = 0
    private var row = 0

    init(_ table: MemoryTable) { self.table = table }

    func seek(_ key: UnsafeRawBufferPointer) -> IndexCursor.Row? {
        let place = table.place(key)
        return at(place.leaf, place.row)
    }
    func first() -> IndexCursor.Row? { at(0, 0) }
    func last() -> IndexCursor.Row? { at(table.leaves.count - 1, (table.leaves.last?.count ?? 0) - 1) }
    func next() -> IndexCursor.Row? {
        guard leaf < table.leaves.count else { return nil }
        return row + 1 < table.leaves[leaf].count ? at(leaf, row + 1) : at(leaf + 1, 0)
    }
    func previous() -> IndexCursor.Row? {
        if row > 0 { return at(leaf, row - 1) }
        return leaf > 0 ? at(leaf - 1, table.leaves[leaf - 1].count - 1) : nil
    }

    private func at(_ leaf: Int, _ row: Int) -> IndexCursor.Row? {
        guard table.leaves.indices.contains(leaf) else { return nil }
        (self.leaf, self.row) = (leaf, row)
        let found = table.leaves[leaf][row]
        return (found.key, found.value)
    }
}
