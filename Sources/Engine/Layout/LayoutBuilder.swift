/// Takes the nodes of a tree as they are completed: the node's CID, its bytes (valid during the call), and
/// its children with equal neighbours as one run. Children come before their parents, the root last.
/// Equal nodes that follow each other on a level come once; a node may come again later.
/// What it throws ends the building and reaches the caller of the builder, to which it must not come back
/// while it is called.
public typealias TreeNodeSink = (
    _ cid: CID, _ node: UnsafeRawBufferPointer, _ children: [ChildRun]
) throws(StoreError) -> Void

/// Builds the tree over a sequence of leaves, in order, at bounded memory. The caller stores the leaves.
///
/// The tree depends on the sequence alone, not on how it was grouped into runs. A leaf that is refused
/// changes nothing. After an error in writing a node, or of the sink, the builder is of no further use and
/// repeats that error.
public protocol LayoutBuilder: AnyObject {
    /// Appends `count` leaves that are all `leaf`, a raw block of `size` bytes, 1 to `Block.maximumLength`.
    ///
    /// Throws `.invalid` for what is no leaf, `.tooLarge` when the whole exceeds 2^63 - 1 bytes or, in a
    /// flat layout, one node; and what the sink throws.
    func append(leaf: CID, size: UInt64, count: UInt64) throws(StoreError)

    /// The highest level at which a node may be appended now, because nothing is pending below it; leaves are
    /// level 0. A flat layout has no other.
    var alignedLevel: Int { get }

    /// Appends `run.count` nodes that are all `run.cid` as items of `level`, 1 to `alignedLevel`, as if all
    /// that is below them had been appended.
    ///
    /// The caller knows that each was completed by its content under this profile, and so were the nodes
    /// below it: no such node is the last of its level. It was stored before, and does not reach the sink.
    /// Errors as of `append(leaf:size:count:)`.
    func append(nodes run: ChildRun, level: Int) throws(StoreError)

    /// Completes the tree, once. One leaf alone is its own root. The root of nothing is the raw block of
    /// no bytes, which the caller stores as it stores other leaves.
    func finish() throws(StoreError) -> (root: CID, size: UInt64)
}

extension LayoutBuilder {
    public func append(leaf: CID, size: UInt64) throws(StoreError) {
        try append(leaf: leaf, size: size, count: 1)
    }
}

/// What both builders keep account of: that leaves are leaves, how many bytes there are, and whether the
/// builder is still of use.
struct BuilderState {
    /// Bytes of all leaves so far, at most `TreeNode.maximumSize`.
    private(set) var size: UInt64 = 0
    private var ended: StoreError?

    /// Checks a run of leaves and counts its bytes.
    mutating func accept(leaf: CID, size leafSize: UInt64, count: UInt64) throws(StoreError) {
        if let ended { throw ended }
        guard leaf.codec == .raw, leafSize > 0, leafSize <= UInt64(Block.maximumLength) else {
            throw StoreError(.invalid, "a leaf of a tree is a raw block of 1 to \(Block.maximumLength) bytes")
        }
        try add(size: leafSize, count: count)
    }

    /// Checks a run of nodes and counts its bytes.
    mutating func accept(nodes run: ChildRun) throws(StoreError) {
        if let ended { throw ended }
        guard run.cid.codec == .dagCBOR, run.size > 0 else {
            throw StoreError(.invalid, "a node of a tree is a dag-cbor block above some bytes")
        }
        try add(size: run.size, count: run.count)
    }

    private mutating func add(size itemSize: UInt64, count: UInt64) throws(StoreError) {
        let (run, overflowed) = itemSize.multipliedReportingOverflow(by: count)
        // Both sides of the sum are at most 2^63 - 1 when the first test passes.
        guard !overflowed, run <= TreeNode.maximumSize, size + run <= TreeNode.maximumSize else {
            throw StoreError(.tooLarge, "a file has at most 2^63 - 1 bytes")
        }
        size += run
    }

    /// Notes that a change failed half-way: from here on the builder only repeats the error.
    mutating func end(with error: StoreError) -> StoreError {
        ended = error
        return error
    }

    /// Marks the tree as complete.
    mutating func finish() throws(StoreError) {
        if let ended { throw ended }
        ended = StoreError(.invalid, "this tree is complete")
    }
}
