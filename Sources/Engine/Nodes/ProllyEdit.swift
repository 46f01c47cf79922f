/// New elements in the place of old ones.
struct ProllySplice {
    /// Old elements, by position, that go.
    let range: Range<UInt64>
    /// What comes in their place, in order; keys are empty in a list.
    let elements: [(key: [UInt8], value: NodeSlot)]
}

/// An element's value that outlives the node it was in.
enum NodeSlot {
    case inline([UInt8])
    case link(CID, size: UInt64)

    init(_ value: ProllyValue) {
        switch value {
        case .inline(let bytes): self = .inline([UInt8](bytes))
        case .link(let cid, let size): self = .link(cid, size: size)
        }
    }
}

/// Builds the tree of changed elements out of the tree they had, at the cost of the change.
///
/// The result is the tree that the new elements give when they are appended one by one: where a node ends is
/// decided by its items since its start alone. So when nothing is pending in the builder below a level, and
/// an old node of that level begins here, all of it unchanged, then building over its elements would give
/// this very node: it is appended unread. It must have ended by its content, though: the last node of a
/// level may not have, and is never taken whole; its children are.
///
/// A tree under another hash offers nothing to take: its elements are all appended anew.
struct ProllyEdit<Source: BlockSource> {
    private var base: ProllyCursor<Source>
    private let builder: ProllyBuilder
    private let takesNodes: Bool
    private var position: UInt64 = 0

    init(_ base: ProllyCursor<Source>, takesNodes: Bool, into builder: ProllyBuilder) {
        self.base = base
        self.takesNodes = takesNodes
        self.builder = builder
    }

    /// Appends all elements of the base, `splices` made: in order, inside the base and not overlapping.
    mutating func run(_ splices: [ProllySplice]) throws(StoreError) {
        for splice in splices {
            try copy(to: splice.range.lowerBound)
            for (key, value) in splice.elements {
                try key.withBytes { (key) throws(StoreError) in
                    switch value {
                    case .link(let cid, let size):
                        try builder.append(key: key, .link(cid, size: size))
                    case .inline(let encoded):
                        try encoded.withBytes { (encoded) throws(StoreError) in
                            try builder.append(key: key, .inline(encoded))
                        }
                    }
                }
            }
            position = splice.range.upperBound
        }
        try copy(to: base.count)
    }

    private mutating func copy(to end: UInt64) throws(StoreError) {
        while position < end {
            if try takeNode(before: end) { continue }
            let (leaf, first) = try base.node(level: 0, at: position)
            let leafEnd = min(end, first + leaf.count)
            for item in Int(position - first)..<Int(leafEnd - first) {
                try leaf.withKey(item) { (key) throws(StoreError) in
                    try leaf.withValue(item) { (value) throws(StoreError) in
                        try builder.append(key: key, value)
                    }
                }
            }
            position = leafEnd
        }
    }

    /// Appends the highest old node that begins at the position, ends by `end` and can be taken; false when
    /// there is none.
    private mutating func takeNode(before end: UInt64) throws(StoreError) -> Bool {
        guard takesNodes else { return false }
        for level in stride(from: min(builder.alignedLevel, base.level), to: 0, by: -1) {
            let (parent, first) = try base.node(level: level, at: position)
            let item = parent.position(of: position - first)
            let node = try parent.child(item)
            guard first + parent.items[item].firstIndex == position, position + node.count <= end,
                position + node.count < base.count
            else { continue }
            try builder.append(node, level: level)
            position += node.count
            return true
        }
        return false
    }
}
