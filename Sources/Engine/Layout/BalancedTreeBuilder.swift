/// Builds a balanced tree from its leaves, one level above the other, as they come.
///
/// What always holds:
/// - A level is the sequence of nodes that the level below has completed (leaves, at level 0), and holds
///   only the children of the node it is about to complete: memory is maximum × height.
/// - Where a node ends is decided by `NodeParameters.nodeEnd` alone, so the tree is a function of the
///   sequence of leaves.
/// - Children are handled as runs. A run passes through a level in a constant number of steps and comes
///   out as at most three runs: the node it fills up, the nodes it makes up alone, all equal, and what
///   is left. So a hole of 1 TiB costs fan-out × height.
public final class BalancedTreeBuilder: LayoutBuilder {
    private let profile: LayoutProfile
    private let nodes: NodeParameters
    private let sink: TreeNodeSink
    private var state = BuilderState()
    private var levels: [Level] = [Level()]
    private var encoder: TreeNodeEncoder

    init(profile: LayoutProfile, nodes: NodeParameters, sink: @escaping TreeNodeSink) {
        self.profile = profile
        self.nodes = nodes
        self.sink = sink
        encoder = TreeNodeEncoder(profile: profile)
    }

    public func append(leaf: CID, size: UInt64, count: UInt64) throws(StoreError) {
        try state.accept(leaf: leaf, size: size, count: count)
        do throws(StoreError) {
            try append(ChildRun(cid: leaf, size: size, count: count), level: 0)
        } catch {
            throw state.end(with: error)
        }
    }

    public var alignedLevel: Int { levels.firstIndex { !$0.children.isEmpty } ?? .max }

    /// The levels below have nothing pending, and a node that was completed by its content leaves nothing
    /// pending: so they are now as they would be after the leaves below the nodes, but for their totals.
    public func append(nodes run: ChildRun, level: Int) throws(StoreError) {
        guard level > 0, level <= alignedLevel, level < TreeNode.maximumHeight else {
            throw StoreError(.invalid, "no node of level \(level) can follow here")
        }
        try state.accept(nodes: run)
        guard run.count > 0 else { return }
        while levels.count <= level { levels.append(Level()) }
        // A node that content completed has two children at least: all that `finish` asks for.
        for below in 0..<level { levels[below].total = max(levels[below].total, 2) }
        do throws(StoreError) {
            try append(run, level: level)
        } catch {
            throw state.end(with: error)
        }
    }

    public func finish() throws(StoreError) -> (root: CID, size: UInt64) {
        try state.finish()
        guard state.size > 0 else {
            return (try TreeNode.emptyRoot(hash: profile.hash), 0)
        }
        do throws(StoreError) {
            var level = 0
            // A node completed by content has at least two children, so a level of one item holds it still,
            // and a level of more items has a level above it once its last node is completed.
            while levels[level].total > 1 {
                if !levels[level].children.isEmpty {
                    try append(try complete(level: level), level: level + 1)
                }
                level += 1
            }
            return (levels[level].children[0].cid, state.size)
        } catch {
            throw state.end(with: error)
        }
    }

    /// Appends a run of leaves (level 0) or of completed nodes of the level below.
    private func append(_ run: ChildRun, level: Int) throws(StoreError) {
        if level == levels.count { levels.append(Level()) }
        levels[level].total += run.count
        var rest = run.count
        while rest > 0 {
            let before = levels[level].count
            let end = nodes.nodeEnd(after: before, children: run.cid)
            let room = UInt64(end - before)
            guard rest >= room else {
                levels[level].add(run, count: rest)
                return
            }
            levels[level].add(run, count: room)
            rest -= room
            var node = try complete(level: level)
            if before == 0 {
                // The node consists of this child alone, and so do the next ones.
                node.count += rest / room
                rest %= room
            }
            try append(node, level: level + 1)
        }
    }

    /// Ends the open node of a level and hands it to the sink, unless it equals the one before it.
    private func complete(level: Int) throws(StoreError) -> ChildRun {
        let children = levels[level].children
        if let last = levels[level].lastCompleted, last.children == children {
            levels[level].clear()
            return last.node
        }
        let size = levels[level].size
        let cid = try encoder.emit(size: size, children: children, to: sink)
        let node = ChildRun(cid: cid, size: size, count: 1)
        levels[level].lastCompleted = (children, node)
        levels[level].clear()
        return node
    }
}

/// The node that a level is about to complete.
private struct Level {
    /// The open node's children so far, equal neighbours merged.
    private(set) var children: [ChildRun] = []
    /// Number of children of the open node.
    private(set) var count = 0
    /// Bytes under the open node. Bounded, like every sum here, by the size of the whole.
    private(set) var size: UInt64 = 0
    /// Items that this level has seen.
    var total: UInt64 = 0
    /// The node completed last, so that equal nodes in a row are stored once.
    var lastCompleted: (children: [ChildRun], node: ChildRun)?

    mutating func add(_ run: ChildRun, count added: UInt64) {
        size += run.size * added
        count += Int(added)
        if let last = children.last, last.cid == run.cid, last.size == run.size {
            children[children.count - 1].count += added
        } else {
            children.append(ChildRun(cid: run.cid, size: run.size, count: added))
        }
    }

    mutating func clear() {
        children.removeAll(keepingCapacity: true)
        count = 0
        size = 0
    }
}
