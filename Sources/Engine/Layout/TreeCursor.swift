/// Leaves that follow each other in a file and are all the same block.
public struct LeafRun: Hashable, Sendable {
    public let cid: CID
    /// Bytes of one leaf.
    public let size: UInt64
    /// Offset in the file of the first byte of the first leaf.
    public let offset: UInt64
    /// How many leaves.
    public let count: UInt64

    /// Offset in the file after the last leaf.
    public var end: UInt64 { offset + size * count }
}

/// Walks the leaves of a tree from any offset on.
///
/// What always holds:
/// - Position is all the state there is; the decoded nodes of the current path are a cache of it, of one
///   node a level. A step down costs a binary search, and a block read only where the path changes.
/// - Nothing is believed: a node's size must be what its parent says, leaves must be at one depth, and
///   depth is bounded. A node whose children are all one block is taken as many times as it follows
///   itself at once, so that a hole costs its height.
///
/// A cursor is a value for one thread; several may read one tree.
public struct TreeCursor<Source: BlockSource> {
    public let root: CID
    /// The file's size in bytes.
    public let size: UInt64
    public let source: Source

    /// Offset of the byte that the next leaf contains.
    public private(set) var position: UInt64 = 0

    private var path: [PathNode] = []
    /// The path's length above every leaf, once one was reached.
    private var leafDepth: Int?

    /// Throws `.invalid` when `root` can name no file, or `size` (bytes) is none.
    public init(root: CID, size: UInt64, source: Source) throws(StoreError) {
        guard root.codec == .raw || root.codec == .dagCBOR else {
            throw StoreError(
                .invalid, "neither a raw block nor a tree: a block of codec \(root.codec.rawValue)")
        }
        guard size <= TreeNode.maximumSize else {
            throw StoreError(.invalid, "a file has at most 2^63 - 1 bytes")
        }
        self.root = root
        self.size = size
        self.source = source
    }

    /// Moves to `offset`, at most `size`: the end is a place. Throws `.invalid` beyond it.
    public mutating func seek(to offset: UInt64) throws(StoreError) {
        guard offset <= size else {
            throw StoreError(.invalid, "offset \(offset) is beyond the end of the file, \(size)")
        }
        position = offset
    }

    /// The leaf that contains `position` and those after it that are the same block, as far as they begin
    /// before `limit` (an offset); moves behind them. Nil at the end of the file or at `limit`.
    ///
    /// Throws `.corrupt` when the tree contradicts itself, `.invalid` when the root is a node that is no
    /// tree, and what the source throws.
    public mutating func next(before limit: UInt64 = .max) throws(StoreError) -> LeafRun? {
        guard position < min(size, limit) else { return nil }
        let run = try locate()
        // From the leaf with `position` to the last that begins before the limit.
        let first = (position - run.offset) / run.size
        let offset = run.offset + first * run.size
        let wanted = (min(limit, run.end) - offset - 1) / run.size + 1
        let found = LeafRun(cid: run.cid, size: run.size, offset: offset, count: wanted)
        position = found.end
        return found
    }

    /// How many levels there are above the leaves: 0 for a file of one leaf, and for an empty one.
    mutating func height() throws(StoreError) -> Int {
        if leafDepth == nil, size > 0 {
            let place = position
            defer { position = place }
            position = min(place, size - 1)
            _ = try locate()
        }
        return leafDepth ?? 0
    }

    /// The run of equal nodes or leaves around `position`, which is inside the file, `depth` levels below
    /// the root, 1 to `height()`; and where the run begins. Reads no node below that depth.
    mutating func run(atDepth depth: Int) throws(StoreError) -> (run: ChildRun, offset: UInt64) {
        let leafDepth = try height()
        var child = ChildRun(cid: root, size: size, count: 1)
        var offset: UInt64 = 0
        for above in 0..<depth {
            guard child.cid.codec == .dagCBOR else { throw corrupt("has leaves at several depths") }
            try enter(child, offset: offset, depth: above)
            (child, offset) = path[above].child(at: position)
        }
        guard (child.cid.codec == .raw) == (depth == leafDepth) else {
            throw corrupt("has leaves at several depths")
        }
        return (child, offset)
    }

    /// The run of leaves around `position`, which is inside the file.
    private mutating func locate() throws(StoreError) -> LeafRun {
        var child = ChildRun(cid: root, size: size, count: 1)
        var offset: UInt64 = 0
        var depth = 0
        while child.cid.codec != .raw {
            try enter(child, offset: offset, depth: depth)
            (child, offset) = path[depth].child(at: position)
            depth += 1
        }
        guard (leafDepth ?? depth) == depth else { throw corrupt("has leaves at several depths") }
        leafDepth = depth
        return LeafRun(cid: child.cid, size: child.size, offset: offset, count: child.count)
    }

    /// Makes the subtree that contains `position` the path's element `depth`. `run` is the run of equal
    /// subtrees it is one of, `offset` where that run begins.
    private mutating func enter(_ run: ChildRun, offset: UInt64, depth: Int) throws(StoreError) {
        guard depth < min(TreeNode.maximumHeight, leafDepth ?? .max) else { throw corrupt("is too deep") }
        if depth == path.count || path[depth].cid != run.cid {
            let node = try source.withContent(of: run.cid) { (block) throws(StoreError) -> TreeNode? in
                try TreeNode.decode(block)
            }
            guard let node else {
                guard depth > 0 else { throw TreeNode.notAFile(root) }
                throw corrupt("has a child that is no tree")
            }
            path.removeSubrange(depth...)
            path.append(PathNode(cid: run.cid, node: node))
        }
        guard path[depth].size == run.size else { throw corrupt("has a child of another size than it says") }
        path[depth].place(run: run, offset: offset, position: position)
    }

    private func corrupt(_ what: String) -> StoreError {
        StoreError(.corrupt, "the tree \(root) \(what)")
    }
}

/// A decoded node of the path and the place where it stands.
private struct PathNode {
    let cid: CID
    /// Bytes under the node.
    let size: UInt64
    private let children: [ChildRun]
    /// Where each run of children begins, in bytes from the node's start.
    private let starts: [UInt64]
    /// Offset in the file where the node, or the run of it that is taken at once, begins.
    private var offset: UInt64 = 0
    /// How often the node is taken at once.
    private var repeats: UInt64 = 1

    init(cid: CID, node: TreeNode) {
        self.cid = cid
        size = node.size
        children = node.children
        var start: UInt64 = 0
        // The sum was checked when the node was decoded.
        starts = node.children.map { (run) in
            defer { start += run.size * run.count }
            return start
        }
    }

    /// Puts the node at that element of a run of it which contains `position`, or at all of them when its
    /// own children are all one block.
    mutating func place(run: ChildRun, offset runOffset: UInt64, position: UInt64) {
        if children.count == 1 {
            offset = runOffset
            repeats = run.count
        } else {
            offset = runOffset + (position - runOffset) / size * size
            repeats = 1
        }
    }

    /// The run of children that contains `position`, and where it begins.
    func child(at position: UInt64) -> (ChildRun, offset: UInt64) {
        var low = 0
        var high = starts.count
        // The last run that begins at or before the position, within one repetition of the node.
        let inside = children.count == 1 ? 0 : position - offset
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= inside { low = middle } else { high = middle }
        }
        var child = children[low]
        child.count *= repeats
        return (child, offset + starts[low])
    }
}
