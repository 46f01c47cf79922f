/// A map of any size from byte strings to values, in bytewise order: what a directory is made of. A tree of
/// kind "bytemap", which is canonical, found in and gone through from any key, and edited at the cost of the
/// path; it is never one plain block.
package struct ByteMap<Source: BlockSource> {
    private(set) var cursor: ProllyCursor<Source>

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

    package var count: UInt64 { cursor.count }

    /// How many keys are before `key`, and whether it is one.
    package mutating func position(of key: [UInt8]) throws(StoreError) -> (position: UInt64, isThere: Bool) {
        let found = try key.withBytes { (key) throws(StoreError) in try cursor.find(key) }
        return (found.index, found.isThere)
    }

    package mutating func value(of key: [UInt8]) throws(StoreError) -> IPLDValue? {
        let found = try key.withBytes { (key) throws(StoreError) in try cursor.find(key) }
        return found.isThere ? try value(found.leaf, found.position) : nil
    }

    /// The key and value at a position below `count`. One after another costs a block read a leaf.
    package mutating func entry(at position: UInt64) throws(StoreError) -> (key: [UInt8], value: IPLDValue) {
        guard position < count else {
            throw StoreError(.invalid, "position \(position) is beyond the end, \(count)")
        }
        let (leaf, first) = try cursor.node(level: 0, at: position)
        return (leaf.key(Int(position - first)), try value(leaf, Int(position - first)))
    }

    private func value(_ leaf: ProllyNode, _ item: Int) throws(StoreError) -> IPLDValue {
        let slot = try leaf.withValue(item) { (value) throws(StoreError) in NodeSlot(value) }
        switch slot {
        case .inline(let encoded):
            return try encoded.withBytes { (encoded) throws(StoreError) in
                try NodeReader<Source>.decode(encoded, depth: 0)
            }
        case .link(let cid, let size):
            let memory = NodeMemory(limit: ContentStore.nodeLimit)
            return try NodeReader(source: cursor.source, memory: memory)
                .element(.link(cid, size: size), depth: 0)
        }
    }
}

extension Batch {
    /// Stores a map of byte strings, whose entries `next` gives in bytewise order of their keys, then nil.
    package func putByteMap(
        limits: ProllyLimits = .standard,
        next: () throws(StoreError) -> (key: [UInt8], value: IPLDValue)?
    ) throws(StoreError) -> CID {
        try step { () throws(StoreError) in
            try NodeWriter(batch: self, limits: limits).build(.byteMap, next: next).root
        }
    }

    /// Sets the values of keys, or removes those whose value is nil, in one pass: what `putByteMap` of the
    /// result gives. Keys ascend bytewise, INVALID otherwise; to remove what is not there changes nothing.
    package func editByteMap(
        _ cid: CID, limits: ProllyLimits = .standard, _ changes: [(key: [UInt8], value: IPLDValue?)]
    ) throws(StoreError) -> CID {
        try step { () throws(StoreError) in
            var map = try ByteMap(cid, source: self)
            let writer = NodeWriter(batch: self, limits: limits)
            var splices: [ProllySplice] = []
            var previous: [UInt8]?
            for (key, value) in changes {
                if let previous, ProllyKind.byteMap.compare(previous, key) >= 0 {
                    throw StoreError(.invalid, "keys must ascend, each once")
                }
                previous = key
                let (position, isThere) = try map.position(of: key)
                var elements: [(key: [UInt8], value: NodeSlot)] = []
                if let value { elements.append((key, try writer.slot(value, depth: 0))) }
                splices.append(
                    ProllySplice(range: position..<(position + (isThere ? 1 : 0)), elements: elements))
            }
            return try writer.edit(map.cursor, splices).root
        }
    }
}
