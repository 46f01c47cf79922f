extension LayoutProfile {
    /// Bytes of the file under `cid`, whatever its profile: what the root of a tree says, from that one
    /// block; a leaf's length, from none where the source knows it. INVALID for what is no file, such as
    /// another node.
    public static func size(of cid: CID, in source: some BlockSource) throws(StoreError) -> UInt64 {
        switch cid.codec {
        case .raw: return try source.length(ofLeaf: cid)
        case .dagCBOR:
            let size = try source.withContent(of: cid) { (block) throws(StoreError) in
                try TreeNode.size(ofBlock: block)
            }
            guard let size else { throw TreeNode.notAFile(cid) }
            return size
        default:
            throw StoreError(
                .invalid, "neither a raw block nor a tree: a block of codec \(cid.codec.rawValue)")
        }
    }
}
