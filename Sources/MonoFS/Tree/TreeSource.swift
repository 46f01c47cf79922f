import IpldEngine

/// Where a tree's blocks are read from: a store, or a batch that is building on it.
final class TreeSource: BlockSource {
    let store: ContentStore
    /// Once something was changed.
    var batch: Batch?
    /// What a tree relied on when it was opened stays.
    private let lease: SnapshotLease?
    /// Blocks that were asked for.
    private(set) var blocksRead: UInt64 = 0
    /// While a long operation runs, counts them, and stops it where that is safe: before a block is read.
    var steps: StepCounter?

    init(_ store: ContentStore, _ steps: StepCounter? = nil) throws(StoreError) {
        self.store = store
        self.steps = steps
        lease = try SnapshotLease(store)
    }

    /// For a batch of the caller's, which has a lease.
    init(_ store: ContentStore, _ batch: Batch) {
        self.store = store
        self.batch = batch
        lease = nil
    }

    var hash: CID.HashFunction { store.configuration.profile.hash }

    func withBlock<T>(_ cid: CID, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T)
        throws(StoreError) -> T
    {
        blocksRead += 1
        try steps?.step()
        if let batch { return try batch.withBlock(cid, body) }
        return try store.withBlock(cid, body)
    }

    /// The size of what a CID names.
    func size(of cid: CID) throws(StoreError) -> UInt64 {
        blocksRead += 1
        if let batch { return try batch.size(of: cid) }
        return try store.size(of: cid)
    }

    /// The batch, made when it is first needed. READ_ONLY where nothing can be changed.
    func changing() throws(StoreError) -> Batch {
        if let batch { return batch }
        let made = try store.makeBatch()
        batch = made
        return made
    }

    /// The CID that a file's bytes would have as a block.
    func contentCID(_ content: FileContent) throws(StoreError) -> CID {
        switch content {
        case .stored(let cid, _): return cid
        case .inline(let bytes):
            do throws(CIDError) {
                return try bytes.withBytes { (bytes) throws(CIDError) in
                    try CID(hashing: bytes, codec: .raw, hash: hash)
                }
            } catch { throw StoreError(.internal, error.description) }
        }
    }
}
