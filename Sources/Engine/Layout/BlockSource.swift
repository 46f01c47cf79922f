/// Where a tree is read from: gives the bytes of a block, checked against its CID.
public protocol BlockSource {
    /// Calls `body` with the block's bytes, which are valid during the call. Throws `.notFound` when the
    /// block is absent, `.corrupt` when its bytes are not what its CID says, and what `body` throws.
    func withBlock<T>(
        _ cid: CID, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T
    ) throws(StoreError) -> T

    /// Bytes of a raw block, which a source may know without reading it. Throws `.notFound` when the block
    /// is absent.
    func length(ofLeaf cid: CID) throws(StoreError) -> UInt64
}

extension BlockSource {
    public func length(ofLeaf cid: CID) throws(StoreError) -> UInt64 {
        try withContent(of: cid) { (block) throws(StoreError) in UInt64(block.count) }
    }

    /// As `withBlock`, but a CID of the identity hash carries its bytes, and nothing is looked up.
    package func withContent<T>(
        of cid: CID, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        if cid.hash == .identity {
            return try cid.withDigest { (bytes) throws(StoreError) -> T in try body(bytes) }
        }
        return try withBlock(cid, body)
    }
}
