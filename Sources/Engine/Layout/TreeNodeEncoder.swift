/// Writes inner nodes, into one buffer that it keeps.
struct TreeNodeEncoder {
    private let profile: LayoutProfile
    private var writer = DagCBORWriter()

    init(profile: LayoutProfile) {
        self.profile = profile
    }

    /// Encodes a node of `children` (which satisfy what `TreeNode` says of them, `size` being their sum),
    /// hands it to `sink` and gives its CID. Throws `.tooLarge` when the node exceeds a block, and what the
    /// sink throws. Runs are written out: the caller bounds them.
    mutating func emit(
        size: UInt64, children: [ChildRun], to sink: TreeNodeSink
    ) throws(StoreError) -> CID {
        writer.removeAll()
        writer.mapHeader(3)
        writer.text("size" as StaticString)
        writer.unsigned(size)
        writer.text("profile" as StaticString)
        writer.text(profile.identifier)
        writer.text("children" as StaticString)
        writer.listHeader(children.reduce(0) { $0 + Int($1.count) })
        for run in children {
            for _ in 0..<run.count {
                writer.listHeader(2)
                writer.link(run.cid)
                writer.unsigned(run.size)
            }
        }
        guard writer.count <= Block.maximumLength else { throw Self.tooLarge }
        return try writer.output.span.withUnsafeBytes { (node) throws(StoreError) -> CID in
            let cid: CID
            do throws(CIDError) {
                cid = try CID(hashing: node, codec: .dagCBOR, hash: profile.hash)
            } catch {
                throw StoreError(error)
            }
            try sink(cid, node, children)
            return cid
        }
    }

    /// Bytes that one child of `run` takes in a node.
    static func encodedLength(of run: ChildRun) -> Int {
        let link = run.cid.binaryLength + 1
        return 1 + 2 + DagCBOR.headLength(UInt64(link)) + link + DagCBOR.headLength(run.size)
    }

    static var tooLarge: StoreError {
        StoreError(.tooLarge, "the layout's node would exceed \(Block.maximumLength) bytes")
    }
}
