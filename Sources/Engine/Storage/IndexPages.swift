import Glibc

/// Reads the pages of the index file without LMDB, to find damage before LMDB meets it: its pages carry no
/// checksums, and it believes what they say of lengths and places.
///
/// What always holds: whatever the bytes are, checking ends, in time and memory proportional to the file;
/// a file that passes has every table as a tree of the depth, the page counts and the row count that it
/// claims, each page in one place, keys in order and between their separators, and a list of free pages that
/// names none in use. What rows say is not checked here: they carry checksums of their own.
///
/// Source: the layout of LMDB 0.9 on 64-bit machines (`MDB_page`, `MDB_meta`, `MDB_db`, `MDB_node` in mdb.c).
struct IndexPages {
    private let descriptor: Int32
    private let length: UInt64
    private var pageLength = 4096
    private var lastPage: UInt64 = 0
    /// Pages in use, 64 a word.
    private var used: [UInt64: UInt64] = [:]

    private enum Flags {
        static let branch: UInt16 = 1
        static let leaf: UInt16 = 2
        static let overflow: UInt16 = 4
        static let meta: UInt16 = 8
        /// Of nodes: the value is on pages of its own; the value is a table.
        static let bigValue: UInt16 = 1
        static let subTable: UInt16 = 2
        /// Of tables.
        static let integerKeys: UInt16 = 8
    }

    private static let headLength = 16
    private static let nodeHeadLength = 8
    private static let tableLength = 48
    private static let deepest: UInt16 = 32

    /// One meta page: which commit, and its two tables (free pages, and the table of tables).
    private struct Meta {
        let transaction: UInt64
        let lastPage: UInt64
        let pageLength: Int
        let free: Table
        let main: Table
    }

    private struct Table {
        let flags: UInt16
        let depth: UInt16
        let branches: UInt64
        let leaves: UInt64
        let overflows: UInt64
        let rows: UInt64
        let root: UInt64

        init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
            flags = bytes.integer(at: offset + 4)
            depth = bytes.integer(at: offset + 6)
            branches = bytes.integer(at: offset + 8)
            leaves = bytes.integer(at: offset + 16)
            overflows = bytes.integer(at: offset + 24)
            rows = bytes.integer(at: offset + 32)
            root = bytes.integer(at: offset + 40)
        }
    }

    private typealias FreePages = (page: UInt64, count: UInt64)

    /// What a walk over a table has counted.
    private struct Tally {
        var branches: UInt64 = 0
        var leaves: UInt64 = 0
        var overflows: UInt64 = 0
        var rows: UInt64 = 0
    }

    private static func damaged(_ what: String) -> StoreError {
        StoreError(.corrupt, "the index is damaged (\(what)): run verify --repair")
    }

    // MARK: Entry points

    /// Checks the newest commit of a file that nobody writes.
    static func check(path: String) throws(StoreError) {
        let descriptor = try System.open(path, O_RDONLY)
        defer { System.close(descriptor) }
        var pages = try IndexPages(descriptor)
        let metas = try pages.metas()
        try pages.check(metas.newest)
    }

    /// Checks the commit of a snapshot that is open, so that its pages stay. False when its meta page was
    /// written over meanwhile: try another snapshot.
    static func check(_ descriptor: Int32, transaction: UInt64) throws(StoreError) -> Bool {
        var pages = try IndexPages(descriptor)
        let metas = try pages.metas()
        // A write transaction's own number is one more than that of the commit it began with.
        for meta in [metas.newest, metas.other]
        where meta.transaction == transaction || meta.transaction &+ 1 == transaction {
            try pages.check(meta)
            return true
        }
        return false
    }

    /// Checks what opening a store reads: the meta pages, the table of tables, the table of state and
    /// configuration. Others may be writing.
    static func checkHead(_ descriptor: Int32) throws(StoreError) {
        var attempts = 0
        while true {
            var pages = try IndexPages(descriptor)
            let meta = try pages.metas().newest
            do throws(StoreError) {
                try pages.adopt(meta)
                var none: [FreePages]?
                try pages.walk(try pages.tables(meta)[IndexTable.meta.rawValue], &none) { (_, _) in }
                return
            } catch {
                attempts += 1
                // Pages of a commit are written over by the second one after it.
                guard error.code == .corrupt, attempts < 8,
                    try pages.metas().newest.transaction != meta.transaction
                else { throw error }
            }
        }
    }

    private init(_ descriptor: Int32) throws(StoreError) {
        self.descriptor = descriptor
        length = try System.status(descriptor).length
    }

    // MARK: Meta pages

    private mutating func metas() throws(StoreError) -> (newest: Meta, other: Meta) {
        // The second one's place depends on the length of a page, which the first one says.
        let first = try meta(at: 0)
        pageLength = first.pageLength
        let second = try meta(at: UInt64(first.pageLength))
        guard second.pageLength == first.pageLength else { throw Self.damaged("its meta pages disagree") }
        return first.transaction > second.transaction ? (first, second) : (second, first)
    }

    private func meta(at offset: UInt64) throws(StoreError) -> Meta {
        let bytes = try read(at: offset, count: 152)
        return try bytes.withBytes { (bytes) throws(StoreError) in
            let base = Self.headLength
            guard bytes.integer(at: 10, as: UInt16.self) & Flags.meta != 0,
                bytes.integer(at: base, as: UInt32.self) == 0xBEEF_C0DE
            else { throw Self.damaged("a meta page is none") }
            guard bytes.integer(at: base + 4, as: UInt32.self) == 1 else {
                throw StoreError(.unsupported, "the index has another LMDB's format")
            }
            // The free table's padding holds the length of a page.
            let pageLength = Int(bytes.integer(at: base + 24, as: UInt32.self))
            guard [4096, 8192, 16384, 32768].contains(pageLength) else {
                throw Self.damaged("its pages have no length")
            }
            return Meta(
                transaction: bytes.integer(at: base + 128), lastPage: bytes.integer(at: base + 120),
                pageLength: pageLength, free: Table(bytes, at: base + 24),
                main: Table(bytes, at: base + 24 + Self.tableLength))
        }
    }

    private mutating func adopt(_ meta: Meta) throws(StoreError) {
        pageLength = meta.pageLength
        lastPage = meta.lastPage
        used = [0: 0b11]
        // The largest map that is ever made, by far.
        guard lastPage < 1 << 36 else { throw Self.damaged("it claims \(lastPage) pages") }
    }

    // MARK: Tables

    private mutating func check(_ meta: Meta) throws(StoreError) {
        try adopt(meta)
        var none: [FreePages]?
        for table in try tables(meta) { try walk(table, &none) { (_, _) in } }
        var free: [FreePages]? = []
        try walk(meta.free, &free) { (_, _) in }
        for (first, count) in free ?? [] {
            for page in first..<(first + count) where page < length / UInt64(pageLength) { try use(page) }
        }
    }

    /// Walks the table of tables; the tables, which must be ours.
    private mutating func tables(_ meta: Meta) throws(StoreError) -> [Table] {
        guard meta.main.flags == 0, meta.free.flags == Flags.integerKeys else {
            throw Self.damaged("its tables have other keys")
        }
        var found: [String: Table] = [:]
        var none: [FreePages]?
        try walk(meta.main, &none) { (name, table) in found[name] = table }
        var tables: [Table] = []
        for table in IndexTable.allCases {
            guard let there = found[table.name] else { throw Self.damaged("it has no table \(table.name)") }
            guard UInt32(there.flags) == table.flags else { throw Self.damaged("its tables have other keys") }
            tables.append(there)
        }
        return tables
    }

    /// Walks a table. The free pages that its rows list are added where `free` is an array; `subTable`
    /// hears of tables in its rows.
    private mutating func walk(
        _ table: Table, _ free: inout [FreePages]?, _ subTable: (String, Table) -> Void
    ) throws(StoreError) {
        var tally = Tally()
        if table.root == .max {
            guard table.depth == 0 else { throw Self.damaged("an empty table has pages") }
        } else {
            guard (1...Self.deepest).contains(table.depth) else { throw Self.damaged("a table is too deep") }
            let integers = table.flags & Flags.integerKeys != 0
            try walk(table.root, depth: table.depth, integers, nil, nil, &tally, &free, subTable)
        }
        guard tally.branches == table.branches, tally.leaves == table.leaves,
            tally.overflows == table.overflows,
            tally.rows == table.rows
        else { throw Self.damaged("a table does not have what it counts") }
    }

    // MARK: Pages

    /// A page and what is below it. Keys are at least `lower` and less than `upper`.
    private mutating func walk(
        _ page: UInt64, depth: UInt16, _ integers: Bool, _ lower: [UInt8]?, _ upper: [UInt8]?,
        _ tally: inout Tally,
        _ free: inout [FreePages]?, _ subTable: (String, Table) -> Void
    ) throws(StoreError) {
        try use(page)
        let bytes = try read(at: page * UInt64(pageLength), count: pageLength)
        let isLeaf = depth == 1
        let nodes = try nodes(bytes, page, isLeaf: isLeaf)
        try checkOrder(nodes, bytes, integers, isLeaf: isLeaf, lower, upper, page)
        if isLeaf {
            tally.leaves += 1
            tally.rows += UInt64(nodes.count)
            for node in nodes { try checkValue(node, bytes, page, &tally, &free, subTable) }
            return
        }
        tally.branches += 1
        for (position, node) in nodes.enumerated() {
            let from = position == 0 ? lower : Array(bytes[node.key])
            let to = position + 1 < nodes.count ? Array(bytes[nodes[position + 1].key]) : upper
            try walk(node.child, depth: depth - 1, integers, from, to, &tally, &free, subTable)
        }
    }

    private struct Node {
        let key: Range<Int>
        let flags: UInt16
        /// Of a branch: the page below.
        let child: UInt64
        /// Of a leaf: bytes of the value, and where it, or the number of its first page, stands.
        let valueLength: Int
        let valueOffset: Int
    }

    /// The nodes of a page, each within it.
    private func nodes(_ bytes: [UInt8], _ page: UInt64, isLeaf: Bool) throws(StoreError) -> [Node] {
        try bytes.withBytes { (bytes) throws(StoreError) in
            let lower = Int(bytes.integer(at: 12, as: UInt16.self))
            let upper = Int(bytes.integer(at: 14, as: UInt16.self))
            guard bytes.integer(at: 0, as: UInt64.self) == page,
                bytes.integer(at: 10, as: UInt16.self) == (isLeaf ? Flags.leaf : Flags.branch),
                lower >= Self.headLength, lower % 2 == 0, lower <= upper, upper <= bytes.count
            else { throw Self.damaged("page \(page) is not what it should be") }
            let count = (lower - Self.headLength) / 2
            guard count >= (isLeaf ? 1 : 2) else { throw Self.damaged("page \(page) holds too little") }
            var nodes: [Node] = []
            nodes.reserveCapacity(count)
            for position in 0..<count {
                let offset = Int(bytes.integer(at: Self.headLength + 2 * position, as: UInt16.self))
                guard offset >= upper, offset % 2 == 0, offset + Self.nodeHeadLength <= bytes.count else {
                    throw Self.damaged("page \(page) has a row outside itself")
                }
                let low =
                    UInt64(bytes.integer(at: offset, as: UInt16.self))
                    | UInt64(bytes.integer(at: offset + 2, as: UInt16.self)) << 16
                let flags = bytes.integer(at: offset + 4, as: UInt16.self)
                let keyStart = offset + Self.nodeHeadLength
                let keyLength = Int(bytes.integer(at: offset + 6, as: UInt16.self))
                let inPage = !isLeaf ? 0 : flags & Flags.bigValue != 0 ? 8 : Int(low)
                // The first key of a branch is never looked at.
                guard keyLength <= 511, keyLength > 0 || (!isLeaf && position == 0),
                    keyStart + keyLength <= bytes.count, inPage <= bytes.count - keyStart - keyLength
                else { throw Self.damaged("page \(page) has a row outside itself") }
                nodes.append(
                    Node(
                        key: keyStart..<(keyStart + keyLength), flags: isLeaf ? flags : 0,
                        child: low | UInt64(flags) << 32, valueLength: Int(low),
                        valueOffset: keyStart + keyLength))
            }
            return nodes
        }
    }

    private func checkOrder(
        _ nodes: [Node], _ bytes: [UInt8], _ integers: Bool, isLeaf: Bool, _ lower: [UInt8]?,
        _ upper: [UInt8]?,
        _ page: UInt64
    ) throws(StoreError) {
        let isInOrder = bytes.withBytes { bytes -> Bool in
            var previous: UnsafeRawBufferPointer?
            for (position, node) in nodes.enumerated() where isLeaf || position > 0 {
                let key = UnsafeRawBufferPointer(rebasing: bytes[node.key])
                if integers, key.count != 8, key.count != 4 { return false }
                if let previous, !Self.isBefore(previous, key, integers) { return false }
                if let lower, lower.withBytes({ Self.isBefore(key, $0, integers) }) { return false }
                if let upper, !upper.withBytes({ Self.isBefore(key, $0, integers) }) { return false }
                previous = key
            }
            return true
        }
        guard isInOrder else { throw Self.damaged("the keys of page \(page) are out of order") }
    }

    private static func isBefore(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer, _ integers: Bool)
        -> Bool
    {
        guard integers else { return a.precedes(b) }
        guard a.count == b.count else { return false }
        return a.count == 8
            ? a.integer(at: 0, as: UInt64.self) < b.integer(at: 0, as: UInt64.self)
            : a.count == 4 && a.integer(at: 0, as: UInt32.self) < b.integer(at: 0, as: UInt32.self)
    }

    private mutating func checkValue(
        _ node: Node, _ bytes: [UInt8], _ page: UInt64, _ tally: inout Tally,
        _ free: inout [FreePages]?, _ subTable: (String, Table) -> Void
    ) throws(StoreError) {
        var value: [UInt8] = []
        switch node.flags {
        case 0:
            if free != nil { value = Array(bytes[node.valueOffset..<(node.valueOffset + node.valueLength)]) }
        case Flags.bigValue:
            let first = bytes.withBytes { $0.integer(at: node.valueOffset, as: UInt64.self) }
            value = try bigValue(first, node.valueLength, &tally, isWanted: free != nil)
        case Flags.subTable where node.valueLength == Self.tableLength:
            let table = bytes.withBytes { Table($0, at: node.valueOffset) }
            subTable(String(decoding: bytes[node.key], as: UTF8.self), table)
        default: throw Self.damaged("page \(page) has a row of another kind")
        }
        if free != nil { free?.append(contentsOf: try Self.pages(of: value, lastPage)) }
    }

    private mutating func bigValue(_ first: UInt64, _ length: Int, _ tally: inout Tally, isWanted: Bool)
        throws(StoreError) -> [UInt8]
    {
        guard first <= lastPage else { throw Self.damaged("a value is beyond the end") }
        let head = try read(at: first * UInt64(pageLength), count: Self.headLength)
        let (number, flags, count) = head.withBytes {
            (
                $0.integer(at: 0, as: UInt64.self), $0.integer(at: 10, as: UInt16.self),
                $0.integer(at: 12, as: UInt32.self)
            )
        }
        let needed = (Self.headLength + length + pageLength - 1) / pageLength
        guard number == first, flags == Flags.overflow, Int(count) >= needed,
            UInt64(count) <= lastPage - first + 1,
            first + UInt64(count) <= self.length / UInt64(pageLength)
        else { throw Self.damaged("page \(first) does not hold the value it should") }
        for page in first..<(first + UInt64(count)) { try use(page) }
        tally.overflows += UInt64(count)
        return isWanted
            ? try read(at: first * UInt64(pageLength) + UInt64(Self.headLength), count: length) : []
    }

    /// The pages in a row of the free table: their number, then they themselves, descending.
    private static func pages(of value: [UInt8], _ lastPage: UInt64) throws(StoreError) -> [FreePages] {
        try value.withBytes { (value) throws(StoreError) in
            // LMDB may have made room for more than it listed.
            guard value.count >= 8, value.integer(at: 0, as: UInt64.self) <= UInt64(value.count / 8 - 1)
            else {
                throw Self.damaged("its list of free pages does not count right")
            }
            var ranges: [FreePages] = []
            for position in 1..<(1 + value.integer(at: 0, as: Int.self)) {
                let page: UInt64 = value.integer(at: position * 8)
                guard page >= 2, page <= lastPage else {
                    throw Self.damaged("it has a free page beyond its end")
                }
                if let last = ranges.last, last.page == page + 1 {
                    ranges[ranges.count - 1] = (page, last.count + 1)
                } else {
                    if let last = ranges.last, page >= last.page {
                        throw Self.damaged("its free pages are out of order")
                    }
                    ranges.append((page, 1))
                }
            }
            return ranges
        }
    }

    // MARK: Reading

    private mutating func use(_ page: UInt64) throws(StoreError) {
        guard page >= 2, page <= lastPage else {
            throw Self.damaged("it leads to page \(page), beyond its end")
        }
        let bit = UInt64(1) << (page % 64)
        let word = used[page / 64, default: 0]
        guard word & bit == 0 else { throw Self.damaged("page \(page) is in two places") }
        used[page / 64] = word | bit
    }

    private func read(at offset: UInt64, count: Int) throws(StoreError) -> [UInt8] {
        guard UInt64(count) <= length else { throw Self.damaged("it was cut short") }
        var bytes = [UInt8](repeating: 0, count: count)
        let done = try bytes.withMutableBytes { (buffer) throws(StoreError) in
            try System.read(descriptor, at: offset, into: buffer)
        }
        guard done == count else { throw Self.damaged("it was cut short") }
        return bytes
    }
}
