/// What the elements of a prolly tree are kept by.
public enum ProllyKind: String, Sendable {
    /// Position.
    case list
    /// Text keys, in the canonical order of DAG-CBOR: shorter first, equal lengths bytewise.
    case map
    /// Keys that are any bytes, in bytewise order.
    case byteMap = "bytemap"

    var isKeyed: Bool { self != .list }

    func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
        a.withBytes { (a) in b.withBytes { (b) in compare(a, b) } }
    }

    /// Below, at or above zero, as `a` is before, equal to or after `b`. Keys of a list are all equal.
    func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
        if self == .map { return DagCBOR.compareKeys(a, b) }
        let order = a.compareBytes(b, count: min(a.count, b.count))
        return order != 0 ? Int(order) : a.count - b.count
    }
}

/// Where nodes end, and what they hold themselves. Constants of the format; tests have smaller ones.
package struct ProllyLimits: Sendable {
    /// The largest encoding, in bytes, that stays one block.
    var blockBytes = Block.maximumLength
    /// The largest encoding of an element, in bytes, that stands in the tree itself. As a level of lists or
    /// maps takes a byte at least, such an element is so much less deep than `IPLDValue.maximumDepth` that
    /// the node around it keeps to that too.
    var inlineBytes = 1000
    /// The largest key in bytes: two of them fit a block.
    var keyBytes = 256 << 10
    /// Encoded entries of a node, in bytes: it ends by content from the minimum on, about at the expected
    /// size, at the maximum at the latest, and never with a single entry.
    var minimumBytes = 4 << 10
    var expectedBytes = 16 << 10
    var maximumBytes = 64 << 10

    package static let standard = ProllyLimits()
}

/// A subtree, as its parent knows it.
struct ProllyChild {
    /// The first key below; empty in a list.
    let key: [UInt8]
    let cid: CID
    /// Elements below.
    let count: UInt64
    /// Bytes that these take, with their keys, in the encoding of the whole value.
    let size: UInt64
}

/// An element's value, as a leaf holds it.
enum ProllyValue {
    /// The encoding, where it is short.
    case inline(UnsafeRawBufferPointer)
    /// A node of its own, and the bytes of the value's encoding.
    case link(CID, size: UInt64)
}

/// A node of a prolly tree, read from a block and checked in itself.
///
/// What always holds: keys ascend; every inner item has elements below it; no link but to dag-cbor; `count`
/// and `size` are the sums of what the items say, and below 2^63; a node is not longer than nodes get, and so
/// takes less than 4 MiB of memory. That items tell the truth is for `ProllyCursor` to check.
struct ProllyNode {
    /// More levels than any tree that was built has.
    static let maximumLevel = 63
    /// The largest sum of sizes and counts.
    static let maximumSize = UInt64(Int64.max)

    let kind: ProllyKind
    /// 0: the items are elements; else nodes of the level below.
    let level: Int
    /// Elements below.
    private(set) var count: UInt64 = 0
    /// Bytes that these take, with their keys, in the encoding of the whole value.
    private(set) var size: UInt64 = 0
    private(set) var items: [Item] = []
    private let block: [UInt8]

    struct Item {
        /// Elements of the node before this item.
        let firstIndex: UInt64
        /// As of the node.
        let size: UInt64
        fileprivate let keyStart: UInt32
        fileprivate let keyEnd: UInt32
        fileprivate let valueStart: UInt32
        fileprivate let valueEnd: UInt32
        /// Whether the value is a link to a block of this tree.
        let isLink: Bool
    }

    /// Reads what follows the kind: the level and the list of items, up to the block's end at most.
    init(
        _ kind: ProllyKind, _ block: UnsafeRawBufferPointer, _ reader: inout DagCBORReader
    ) throws(CodecError) {
        self.kind = kind
        self.block = [UInt8](block)
        let start = reader.offset
        guard let level = Int(exactly: try reader.readUnsigned()), level <= Self.maximumLevel else {
            throw CodecError(.integerRange, at: start)
        }
        self.level = level
        let number = try reader.readListHeader()
        guard number > 0 || level == 0 else { throw CodecError(.unexpectedKind, at: start) }
        var previous: UnsafeRawBufferPointer?
        let itemsStart = reader.offset
        for item in 0..<number {
            // Where it would have ended: a block full of the shortest items would take twenty times itself.
            guard item < 2 || reader.offset - itemsStart < ProllyLimits.standard.maximumBytes else {
                throw CodecError(.trailingBytes, at: reader.offset)
            }
            try readItem(&reader, &previous)
        }
    }

    private mutating func readItem(
        _ reader: inout DagCBORReader, _ previous: inout UnsafeRawBufferPointer?
    ) throws(CodecError) {
        let start = reader.offset
        let fields = try reader.readListHeader() - (kind.isKeyed ? 1 : 0)
        guard level == 0 ? fields == 1 || fields == 2 : fields == 3 else {
            throw CodecError(.unexpectedKind, at: start)
        }
        let keyItemStart = reader.offset
        var keyEnd = keyItemStart
        var keyLength = 0
        if kind.isKeyed {
            let key = kind == .map ? try reader.readText() : try reader.readBytes()
            if let previous, kind.compare(previous, key) >= 0 {
                throw CodecError(.keyOrder, at: keyItemStart)
            }
            previous = key
            (keyEnd, keyLength) = (reader.offset, key.count)
        }
        let valueStart = reader.offset
        var below: UInt64 = 1
        var valueSize: UInt64
        if fields == 1 {
            try reader.skipValue()
            valueSize = UInt64(reader.offset - valueStart)
        } else {
            guard try reader.readLink().codec == .dagCBOR else {
                throw CodecError(.unexpectedKind, at: valueStart)
            }
            if level > 0 { below = try reader.readUnsigned() }
            valueSize = try reader.readUnsigned()
        }
        if level == 0, valueSize <= Self.maximumSize { valueSize += UInt64(keyEnd - keyItemStart) }
        guard below > 0, valueSize >= below, valueSize <= Self.maximumSize - size else {
            throw CodecError(.integerRange, at: start)
        }
        items.append(
            Item(
                firstIndex: count, size: valueSize, keyStart: UInt32(keyEnd - keyLength),
                keyEnd: UInt32(keyEnd), valueStart: UInt32(valueStart), valueEnd: UInt32(reader.offset),
                isLink: fields > 1))
        // An element has a byte at least, so there are no more elements than bytes.
        count += below
        size += valueSize
    }
}

extension ProllyNode {
    /// Bytes of the encoding of the list or map that the tree is.
    var valueSize: UInt64 { UInt64(DagCBOR.headLength(count)) + size }

    /// The item that contains element `index` of the node.
    func position(of index: UInt64) -> Int {
        var low = 0
        var high = items.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if items[middle].firstIndex <= index { low = middle } else { high = middle }
        }
        return low
    }

    /// The last item whose key is not after `key`, or the first; and whether it has that key.
    func position(of key: UnsafeRawBufferPointer) -> (position: Int, isThere: Bool) {
        var low = 0
        var high = items.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if withKey(middle, { kind.compare($0, key) }) <= 0 { low = middle } else { high = middle }
        }
        guard low < items.count else { return (0, false) }
        return (low, withKey(low) { kind.compare($0, key) } == 0)
    }

    /// The key of an item: the first below it. Empty in a list.
    func withKey<T, E: Error>(_ position: Int, _ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E)
        -> T
    {
        let item = items[position]
        return try block.withBytes { (bytes) throws(E) in
            try body(UnsafeRawBufferPointer(rebasing: bytes[Int(item.keyStart)..<Int(item.keyEnd)]))
        }
    }

    func key(_ position: Int) -> [UInt8] { withKey(position) { [UInt8]($0) } }

    /// Elements below an item.
    func count(_ position: Int) -> UInt64 {
        (position + 1 < items.count ? items[position + 1].firstIndex : count) - items[position].firstIndex
    }

    /// The node of the level below that an item is. The level is not 0.
    func child(_ position: Int) throws(StoreError) -> ProllyChild {
        ProllyChild(
            key: key(position), cid: try link(position), count: count(position), size: items[position].size)
    }

    /// Calls `body` with the value of an element. The level is 0.
    func withValue<T>(_ position: Int, _ body: (ProllyValue) throws(StoreError) -> T) throws(StoreError)
        -> T
    {
        let item = items[position]
        if item.isLink {
            let keySize = kind.isKeyed ? UInt64(item.keyEnd - item.keyStart) : 0
            let keyItem = kind.isKeyed ? UInt64(DagCBOR.headLength(keySize)) + keySize : 0
            return try body(.link(try link(position), size: item.size - keyItem))
        }
        return try block.withBytes { (bytes) throws(StoreError) in
            try body(
                .inline(
                    UnsafeRawBufferPointer(rebasing: bytes[Int(item.valueStart)..<Int(item.valueEnd)])))
        }
    }

    private func link(_ position: Int) throws(StoreError) -> CID {
        try block.withBytes { (bytes) throws(StoreError) in
            let rest = UnsafeRawBufferPointer(rebasing: bytes[Int(items[position].valueStart)...])
            var reader = DagCBORReader(rest)
            do throws(CodecError) { return try reader.readLink() } catch { throw StoreError(error) }
        }
    }
}
