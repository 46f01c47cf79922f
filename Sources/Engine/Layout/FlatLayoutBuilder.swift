/// Builds one node above all leaves. Where the node would exceed a block, the file is too large.
public final class FlatLayoutBuilder: LayoutBuilder {
    private let profile: LayoutProfile
    private let sink: TreeNodeSink
    private var state = BuilderState()
    private var children: [ChildRun] = []
    private var encoder: TreeNodeEncoder
    /// Bytes that the encoded children take so far.
    private var childrenLength = 0

    init(profile: LayoutProfile, sink: @escaping TreeNodeSink) {
        self.profile = profile
        self.sink = sink
        encoder = TreeNodeEncoder(profile: profile)
    }

    public func append(leaf: CID, size: UInt64, count: UInt64) throws(StoreError) {
        let run = ChildRun(cid: leaf, size: size, count: count)
        // Checked here, not at the end: a run of millions must not be written out first.
        let (length, overflowed) = UInt64(TreeNodeEncoder.encodedLength(of: run))
            .multipliedReportingOverflow(by: count)
        guard !overflowed, length <= UInt64(Block.maximumLength - childrenLength) else {
            throw TreeNodeEncoder.tooLarge
        }
        try state.accept(leaf: leaf, size: size, count: count)
        guard count > 0 else { return }
        childrenLength += Int(length)
        if let last = children.last, last.cid == leaf, last.size == size {
            children[children.count - 1].count += count
        } else {
            children.append(run)
        }
    }

    public var alignedLevel: Int { 0 }

    public func append(nodes run: ChildRun, level: Int) throws(StoreError) {
        throw StoreError(.invalid, "a flat layout has leaves only")
    }

    public func finish() throws(StoreError) -> (root: CID, size: UInt64) {
        try state.finish()
        guard let first = children.first else {
            return (try TreeNode.emptyRoot(hash: profile.hash), 0)
        }
        if children.count == 1, first.count == 1 { return (first.cid, state.size) }
        do throws(StoreError) {
            let root = try encoder.emit(size: state.size, children: children, to: sink)
            return (root, state.size)
        } catch {
            throw state.end(with: error)
        }
    }
}
