/// A map of any size from byte strings to values, in bytewise order: what a directory is made of. A tree of
/// kind "bytemap", which is canonical, found in and gone through from any key, and edited at the cost of the
/// path; it is never one plain block.
///
/// Values are given and taken as their strict DAG-CBOR.
package struct ByteMap<Source: BlockSource> {
    private(set) var cursor: ProllyCursor<Source>
    /// The leaf read last, and how many elements come before it.
    private var leaf: (node: ProllyNode, first: UInt64)?

    /// The longest encoding of a value, in bytes, that is read.
    package static var valueLimit: UInt64 { 16 << 20 }

    /// Opens the map under `cid`. INVALID when it is none.
    package init(_ cid: CID, source: Source) throws(StoreError) {
        let form = try source.withContent(of: cid) { (block) throws(StoreError) in
            try SplitForm.decode(block)
        }
        guard case .tree(let node)? = form, node.kind == .byteMap else {
            throw StoreError(.invalid, "\(cid) is no map of byte strings")
        }
        cursor = ProllyCursor(cid, node, source)
    }

    package var root: CID { cursor.root }
    package var count: UInt64 { cursor.count }
    /// Whether its root holds the entries themselves.
    package var isLeaf: Bool { cursor.level == 0 }

    /// How many keys are before `key`, and whether it is one.
    package mutating func position(of key: [UInt8]) throws(StoreError) -> (position: UInt64, isThere: Bool) {
        let found = try key.withBytes { (key) throws(StoreError) in try cursor.find(key) }
        return (found.index, found.isThere)
    }

    /// The encoding of the value that a key has; nil when there is no such key.
    package mutating func value(of key: [UInt8]) throws(StoreError) -> [UInt8]? {
        let found = try key.withBytes { (key) throws(StoreError) in try cursor.find(key) }
        return found.isThere ? try value(found.leaf, found.position) : nil
    }

    /// The key at a position below `count`, and the encoding of its value. One after another costs a block
    /// read a leaf.
    package mutating func entry(at position: UInt64) throws(StoreError) -> (key: [UInt8], value: [UInt8]) {
        let (node, item) = try element(at: position)
        return (node.key(item), try value(node, item))
    }

    /// The leaf that holds the element at a position, and which it is there.
    mutating func element(at position: UInt64) throws(StoreError) -> (leaf: ProllyNode, item: Int) {
        guard position < count else {
            throw StoreError(.invalid, "position \(position) is beyond the end, \(count)")
        }
        if let leaf, position >= leaf.first, position - leaf.first < leaf.node.count {
            return (leaf.node, Int(position - leaf.first))
        }
        let (node, first) = try cursor.node(level: 0, at: position)
        leaf = (node, first)
        return (node, Int(position - first))
    }

    /// The item of the node of `level` around a position below `count`, a node of the level below, if it
    /// begins just there. The level is 1 to the root's.
    mutating func node(beginningAt position: UInt64, level: Int) throws(StoreError) -> ProllyChild? {
        let (parent, first) = try cursor.node(level: level, at: position)
        let item = parent.position(of: position - first)
        guard first + parent.items[item].firstIndex == position else { return nil }
        return try parent.child(item)
    }

    /// Whether the element at a position is in the leaf read last, and not its first.
    func isInsideLeaf(_ position: UInt64) -> Bool {
        guard let leaf else { return false }
        return position > leaf.first && position - leaf.first < leaf.node.count
    }

    func value(_ leaf: ProllyNode, _ item: Int) throws(StoreError) -> [UInt8] {
        switch try leaf.withValue(item, { (value) throws(StoreError) in NodeSlot(value) }) {
        case .inline(let encoded): return encoded
        case .link(let cid, let size):
            guard size <= Self.valueLimit else {
                throw StoreError(.tooLarge, "a value of a map of byte strings has \(size) bytes")
            }
            let memory = NodeMemory(limit: ContentStore.nodeLimit)
            let value = try NodeReader(source: cursor.source, memory: memory)
                .element(.link(cid, size: size), depth: 0)
            return try NodeWriter.encode(value)
        }
    }
}

/// Builds a map of byte strings from its entries, in bytewise order of their keys.
///
/// Like every step of a batch, one that fails ends it.
package final class ByteMapBuilder {
    private let batch: Batch
    private let writer: NodeWriter
    private let builder: ProllyBuilder

    package init(_ batch: Batch, limits: ProllyLimits = .standard) {
        self.batch = batch
        writer = NodeWriter(batch: batch, limits: limits)
        builder = writer.makeBuilder(.byteMap)
    }

    /// Entries so far.
    package var count: UInt64 { builder.count }

    /// Appends an entry, whose key follows all others, and whose value is strict DAG-CBOR. INVALID for
    /// another key.
    package func append(_ key: [UInt8], _ encoded: [UInt8]) throws(StoreError) {
        try batch.step { () throws(StoreError) in
            try encoded.withBytes { (encoded) throws(StoreError) in
                let slot = try writer.slot(encoded)
                try key.withBytes { (key) throws(StoreError) in try builder.append(key: key, slot) }
            }
        }
    }

    /// The root of the map, once.
    package func finish() throws(StoreError) -> CID {
        try batch.step { () throws(StoreError) in try builder.finish() }
    }
}

extension Batch {
    /// Sets the values of keys, given as strict DAG-CBOR, or removes those whose value is nil, in one pass:
    /// what building the result anew gives. Keys ascend bytewise, INVALID otherwise; to remove what is not
    /// there changes nothing. The new root, and how many entries there are.
    package func editByteMap(
        _ cid: CID, limits: ProllyLimits = .standard, _ changes: [(key: [UInt8], value: [UInt8]?)]
    ) throws(StoreError) -> (root: CID, count: UInt64) {
        try step { () throws(StoreError) in
            var map = try ByteMap(cid, source: self)
            let writer = NodeWriter(batch: self, limits: limits)
            var splices: [ProllySplice] = []
            var previous: [UInt8]?
            var count = map.count
            for (key, value) in changes {
                if let previous, ProllyKind.byteMap.compare(previous, key) >= 0 {
                    throw StoreError(.invalid, "keys must ascend, each once")
                }
                previous = key
                let (position, isThere) = try map.position(of: key)
                var elements: [(key: [UInt8], value: NodeSlot)] = []
                if let value {
                    let slot = try value.withBytes { (value) throws(StoreError) in
                        NodeSlot(try writer.slot(value))
                    }
                    elements.append((key, slot))
                }
                count = count - (isThere ? 1 : 0) + (value == nil ? 0 : 1)
                splices.append(
                    ProllySplice(range: position..<(position + (isThere ? 1 : 0)), elements: elements))
            }
            return (try writer.edit(map.cursor, splices).root, count)
        }
    }
}
