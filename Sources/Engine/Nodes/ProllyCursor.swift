/// Finds elements of a prolly tree by position or key.
///
/// What always holds:
/// - The path from the root to the node read last is all that is kept, a node a level.
/// - Nothing is believed: a node must be of its parent's kind, one level below it, have as many elements and
///   bytes as its parent says, begin with the key that its parent says, and end before the next one. So a
///   walk is as long as the levels that the root claims, at most `ProllyNode.maximumLevel`.
struct ProllyCursor<Source: BlockSource> {
    let root: CID
    let source: Source
    private var path: [Step]

    private struct Step {
        let cid: CID
        let node: ProllyNode
        /// Elements of the tree before the node.
        var first: UInt64
    }

    /// `node` is what the block `root` holds.
    init(_ root: CID, _ node: ProllyNode, _ source: Source) {
        self.root = root
        self.source = source
        path = [Step(cid: root, node: node, first: 0)]
    }

    var kind: ProllyKind { path[0].node.kind }
    /// Elements.
    var count: UInt64 { path[0].node.count }
    var size: UInt64 { path[0].node.size }
    /// The root's level.
    var level: Int { path[0].node.level }

    /// The node of `level` that contains element `index`, which there is, and how many come before the node.
    mutating func node(level: Int, at index: UInt64) throws(StoreError) -> (node: ProllyNode, first: UInt64) {
        var depth = 0
        while path[depth].node.level > level {
            let step = path[depth]
            try enter(step.node.position(of: index - step.first), depth: depth)
            depth += 1
        }
        return (path[depth].node, path[depth].first)
    }

    /// The leaf that has `key`, or would have it, and the element there that is the last not after it, or the
    /// leaf's first.
    mutating func find(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Found {
        var depth = 0
        while path[depth].node.level > 0 {
            try enter(path[depth].node.position(of: key).position, depth: depth)
            depth += 1
        }
        let step = path[depth]
        let (position, isThere) = step.node.position(of: key)
        var index = step.first + UInt64(position)
        if !isThere, position < step.node.items.count,
            step.node.withKey(position, { kind.compare($0, key) }) < 0
        {
            index += 1
        }
        return Found(leaf: step.node, position: position, index: index, isThere: isThere)
    }

    struct Found {
        let leaf: ProllyNode
        let position: Int
        /// Elements whose keys are before the key.
        let index: UInt64
        let isThere: Bool
    }

    /// Makes an item of the path's node at `depth` the next of the path.
    private mutating func enter(_ position: Int, depth: Int) throws(StoreError) {
        let parent = path[depth].node
        let child = try parent.child(position)
        if depth + 1 == path.count || path[depth + 1].cid != child.cid {
            path.removeSubrange((depth + 1)...)
            let form = try source.withContent(of: child.cid) { (block) throws(StoreError) in
                try SplitForm.decode(block)
            }
            guard case .tree(let node) = form, node.kind == parent.kind, node.level == parent.level - 1 else {
                throw corrupt("has a child of another kind than it says")
            }
            path.append(Step(cid: child.cid, node: node, first: 0))
        }
        let node = path[depth + 1].node
        guard node.count == child.count, node.size == child.size else {
            throw corrupt("has a child of another size than it says")
        }
        path[depth + 1].first = path[depth].first + parent.items[position].firstIndex
        guard kind.isKeyed else { return }
        guard node.key(0) == child.key else { throw corrupt("has a child of other keys than it says") }
        // The key that the next node begins with is the closest ancestor's that has one.
        for above in stride(from: depth, through: 0, by: -1) {
            let step = path[above]
            let next = step.node.position(of: path[depth + 1].first - step.first) + 1
            guard next < step.node.items.count else { continue }
            let isBefore = node.withKey(node.items.count - 1) { (last) in
                step.node.withKey(next) { kind.compare(last, $0) < 0 }
            }
            guard isBefore else { throw corrupt("has keys out of order") }
            return
        }
    }

    private func corrupt(_ what: String) -> StoreError {
        StoreError(.corrupt, "the split node \(root) \(what)")
    }
}
