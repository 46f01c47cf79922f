/// Blocks, bytes and sizes: reading, and storing one thing at a time.
extension ContentStore {
    /// Whether the block is here. Identity CIDs carry their block and always are.
    public func has(_ cid: CID) throws(StoreError) -> Bool {
        try core.check()
        return try core.has(cid)
    }

    /// A copy of the block's bytes, checked.
    public func block(_ cid: CID) throws(StoreError) -> [UInt8] {
        try core.withBlock(cid) { (bytes) throws(StoreError) in [UInt8](bytes) }
    }

    /// Size in bytes of what the CID names, from one block at most: of a tree its data's, of a raw block
    /// its length, of another node the length of its value's encoding, split or not.
    public func size(of cid: CID) throws(StoreError) -> UInt64 { try core.size(of: cid) }

    /// Distinct blocks that a block links to, in order of first appearance.
    public func links(of cid: CID) throws(StoreError) -> [CID] {
        if cid.codec != .dagCBOR, try !has(cid) { throw StoreError(.notFound, "\(cid) is not in the store") }
        return try core.links(of: cid)
    }

    /// What the index says of a block; of one that a base has, the base's.
    public func inspect(_ cid: CID) throws(StoreError) -> BlockInformation { try core.inspect(cid) }

    /// Whether a block is here or in a base, damaged or not.
    package func isHere(_ cid: CID) throws(StoreError) -> Bool {
        do { _ = try core.inspect(cid) } catch  where error.code == .notFound { return false }
        return true
    }

    /// Whether a block is in this store itself, whatever its bases have.
    package func hasItself(_ cid: CID) throws(StoreError) -> Bool {
        try core.read { (snapshot) throws(StoreError) in try snapshot.location(of: cid) != nil }
    }

    // MARK: Storing, held by this handle's owner

    /// Begins a unit of work.
    public func makeBatch() throws(StoreError) -> Batch { try Batch(self) }

    /// Stores bytes as a tree; the root, durable, held by the owner.
    public func putBytes(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> CID {
        try put { (batch) throws(StoreError) in try batch.putBytes(bytes) }
    }

    /// Stores what a source gives; the root, durable, held by the owner.
    public func putBytes(
        from source: any ByteSource, progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> CID {
        try put { (batch) throws(StoreError) in try batch.putBytes(from: source, progress: progress) }
    }

    /// Stores a block of at most 1 MiB; durable, held by the owner.
    public func putBlock(_ bytes: UnsafeRawBufferPointer, codec: CID.Codec = .raw) throws(StoreError) -> CID {
        try put { (batch) throws(StoreError) in try batch.putBlock(bytes, codec: codec) }
    }

    func put(_ body: (Batch) throws(StoreError) -> CID) throws(StoreError) -> CID {
        let batch = try makeBatch()
        do {
            let cid = try body(batch)
            try batch.hold(cid)
            try batch.commit()
            return cid
        } catch {
            batch.abort()
            throw error
        }
    }
}
