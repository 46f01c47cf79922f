/// Builds a prolly tree (a search tree whose nodes end by content) from its elements, in order, as they come.
/// Source: Noms, doc/intro.md, "Prolly Trees"; Dolt, architecture, storage engine, "Prolly Trees".
///
/// What always holds:
/// - A level is the sequence of nodes that the level below has completed (elements, at level 0), and holds
///   only the items of the node it is about to complete: memory is 1 MiB × height at most.
/// - Where a node ends is decided by its items since its start alone: by the keys where there are keys, by
///   the last 64 bytes in a list, by the digests of children above. So the tree is a function of the
///   sequence of elements; and as the minimum is more than those 64 bytes, an edited tree falls in step with
///   the old one.
/// - Every node but the last of its level has two items at least.
final class ProllyBuilder {
    /// Takes nodes as they are completed, children before parents, the root last.
    typealias Sink = (_ cid: CID, _ node: UnsafeRawBufferPointer, _ level: Int) throws(StoreError) -> Void

    private let kind: ProllyKind
    private let limits: ProllyLimits
    private let hash: CID.HashFunction
    private let sink: Sink
    private var levels = [Level()]
    private var lastKey: [UInt8]?
    private var block = DagCBORWriter()
    /// Mixed words below this, for each byte of an item, end a node there.
    private let thresholdPerByte: UInt64
    /// Elements so far.
    private(set) var count: UInt64 = 0
    /// Bytes that these take, with their keys, in the encoding of the whole value.
    private(set) var size: UInt64 = 0

    /// Bytes of the encoding of the list or map that the elements so far are.
    var valueSize: UInt64 { UInt64(DagCBOR.headLength(count)) + size }

    private struct Level {
        /// The items of the open node.
        var items = DagCBORWriter()
        var itemCount = 0
        var firstKey: [UInt8] = []
        var count: UInt64 = 0
        var size: UInt64 = 0
        /// Of the last 64 bytes of the open node of a list.
        var window: UInt64 = 0
        /// Items that the level has seen, and the last of them.
        var total: UInt64 = 0
        var last: CID?

        mutating func clear() {
            items.removeAll()
            (itemCount, count, size, window) = (0, 0, 0, 0)
        }
    }

    init(_ kind: ProllyKind, limits: ProllyLimits, hash: CID.HashFunction, sink: @escaping Sink) {
        self.kind = kind
        self.limits = limits
        self.hash = hash
        self.sink = sink
        thresholdPerByte = .max / UInt64(limits.expectedBytes - limits.minimumBytes)
    }

    /// Appends an element; `key` is empty in a list, and after the last one elsewhere, or it is INVALID.
    /// An inline value has at most `limits.inlineBytes`. TOO_LARGE for longer keys than `limits.keyBytes`.
    func append(key: UnsafeRawBufferPointer, _ value: ProllyValue) throws(StoreError) {
        try accept(key)
        let start = levels[0].items.count
        var fields = kind.isKeyed ? 2 : 1
        if case .link = value { fields += 1 }
        levels[0].items.listHeader(fields)
        let keyStart = levels[0].items.count
        try writeKey(key, level: 0)
        var valueSize = UInt64(levels[0].items.count - keyStart)
        switch value {
        case .inline(let encoded):
            levels[0].items.encoded(encoded)
            valueSize += UInt64(encoded.count)
        case .link(let cid, let size):
            levels[0].items.link(cid)
            levels[0].items.unsigned(size)
            guard size <= ProllyNode.maximumSize else { throw Self.tooLarge }
            valueSize += size
        }
        let word: UInt64
        if kind.isKeyed {
            word = NodeParameters.mixedWord(of: key)
        } else {
            let own = levels[0].items.output.withBytes {
                NodeParameters.mixedWord(of: UnsafeRawBufferPointer(rebasing: $0[start...]))
            }
            // A bit for a byte: what is 64 bytes back has left, as in a gear hash.
            levels[0].window = levels[0].window << UInt64(levels[0].items.count - start) &+ own
            word = NodeParameters.mixed(levels[0].window)
        }
        try note(key: key, count: 1, size: valueSize)
        try added(from: start, key: key, count: 1, size: valueSize, word: word, cid: nil, level: 0)
    }

    /// The highest level at which a node may be appended now, because nothing is pending below it. Elements
    /// are level 0.
    var alignedLevel: Int { levels.firstIndex { $0.itemCount > 0 } ?? .max }

    /// Appends a stored node as an item of `level`, 1 to `alignedLevel`. The caller knows that it was
    /// completed by its content under the same limits and hash, and so was all below it.
    func append(_ node: ProllyChild, level: Int) throws(StoreError) {
        guard level > 0, level <= alignedLevel, level <= ProllyNode.maximumLevel else {
            throw StoreError(.internal, "no node of level \(level) can follow here")
        }
        while levels.count <= level { levels.append(Level()) }
        // It has two items at least, and so has every level below it.
        for below in 0..<level { levels[below].total = max(levels[below].total, 2) }
        try node.key.withBytes { (key) throws(StoreError) in
            try note(key: key, count: node.count, size: node.size)
        }
        try add(node, level: level)
    }

    /// Completes the tree: its root, which for no elements is a node of none.
    func finish() throws(StoreError) -> CID {
        if levels[0].itemCount > 0 || levels[0].total == 0 { try complete(level: 0) }
        var level = 1
        // A node completed by content has two items, so a level of one item holds it still.
        while levels[level].total > 1 {
            if levels[level].itemCount > 0 { try complete(level: level) }
            level += 1
        }
        guard let root = levels[level].last else { throw StoreError(.internal, "a tree without a root") }
        return root
    }

    static var tooLarge: StoreError { StoreError(.tooLarge, "a value has at most 2^63 - 1 bytes") }

    private func accept(_ key: UnsafeRawBufferPointer) throws(StoreError) {
        guard kind.isKeyed else { return }
        guard key.count <= limits.keyBytes else {
            throw StoreError(
                .tooLarge, "a key of a map larger than a block has at most \(limits.keyBytes) bytes")
        }
        guard let lastKey else { return }
        guard lastKey.withBytes({ kind.compare($0, key) }) < 0 else {
            throw StoreError(.invalid, "keys must ascend, each once")
        }
    }

    /// Takes account of elements.
    private func note(key: UnsafeRawBufferPointer, count: UInt64, size: UInt64) throws(StoreError) {
        guard size <= ProllyNode.maximumSize - self.size else { throw Self.tooLarge }
        if kind.isKeyed {
            // In the memory it has.
            if lastKey == nil { lastKey = [] }
            lastKey?.removeAll(keepingCapacity: true)
            lastKey?.append(contentsOf: key)
        }
        self.count += count
        self.size += size
    }

    private func writeKey(_ key: UnsafeRawBufferPointer, level: Int) throws(StoreError) {
        switch kind {
        case .list: return
        case .byteMap: levels[level].items.bytes(key)
        case .map:
            do { try levels[level].items.text(utf8: key) } catch { throw StoreError(error) }
        }
    }

    private func add(_ node: ProllyChild, level: Int) throws(StoreError) {
        if level == levels.count { levels.append(Level()) }
        let start = levels[level].items.count
        levels[level].items.listHeader(kind.isKeyed ? 4 : 3)
        try node.key.withBytes { (key) throws(StoreError) in
            try writeKey(key, level: level)
            levels[level].items.link(node.cid)
            levels[level].items.unsigned(node.count)
            levels[level].items.unsigned(node.size)
            try added(
                from: start, key: key, count: node.count, size: node.size,
                word: NodeParameters.mixedWord(of: node.cid), cid: node.cid, level: level)
        }
    }

    /// Takes account of an item that was written, and ends the node where that is decided.
    private func added(
        from start: Int, key: UnsafeRawBufferPointer, count: UInt64, size: UInt64, word: UInt64, cid: CID?,
        level: Int
    ) throws(StoreError) {
        if levels[level].itemCount == 0, kind.isKeyed { levels[level].firstKey = [UInt8](key) }
        levels[level].itemCount += 1
        levels[level].total += 1
        levels[level].count += count
        levels[level].size += size
        levels[level].last = cid
        let length = levels[level].items.count
        guard levels[level].itemCount >= 2, length >= limits.minimumBytes else { return }
        let (bound, overflowed) = thresholdPerByte.multipliedReportingOverflow(by: UInt64(length - start))
        guard length >= limits.maximumBytes || overflowed || word < bound else { return }
        try complete(level: level)
    }

    /// Ends the open node of a level, and makes it an item of the next.
    private func complete(level: Int) throws(StoreError) {
        guard level <= ProllyNode.maximumLevel else { throw Self.tooLarge }
        block.removeAll()
        block.mapHeader(1)
        block.text(SplitForm.marker)
        block.listHeader(3)
        block.text(kind.rawValue)
        block.unsigned(UInt64(level))
        block.listHeader(levels[level].itemCount)
        levels[level].items.output.withBytes { block.encoded($0) }
        let cid = try block.output.withBytes { (node) throws(StoreError) -> CID in
            let cid: CID
            do throws(CIDError) { cid = try CID(hashing: node, codec: .dagCBOR, hash: hash) } catch {
                throw StoreError(error)
            }
            try sink(cid, node, level)
            return cid
        }
        let node = ProllyChild(
            key: levels[level].firstKey, cid: cid, count: levels[level].count, size: levels[level].size)
        levels[level].clear()
        try add(node, level: level + 1)
    }
}
