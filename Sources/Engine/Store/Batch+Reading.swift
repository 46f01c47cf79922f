/// A batch reads what it has stored so far, before anybody else can.
///
/// What always holds: a block of the open stage is read from where its record was appended, checked as every
/// block is; all others are the store's.
extension Batch: ScratchBlockSource {
    /// The bytes of a block of the store, or of this batch, checked, valid during `body`. On the thread that
    /// uses the batch.
    public func withBlock<T>(_ cid: CID, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T)
        throws(StoreError) -> T
    {
        try core.buffers.with { (scratch) throws(StoreError) in try body(try block(cid, scratch)) }
    }

    func block(_ cid: CID, _ scratch: ReadScratch) throws(StoreError) -> UnsafeRawBufferPointer {
        if cid.hash != .identity, let location = try stagedLocation(of: cid) {
            return try staged(cid, location, scratch)
        }
        return try core.block(cid, scratch)
    }

    /// The size of what a CID names, as `ContentStore.size(of:)`, blocks of this batch included.
    public func size(of cid: CID) throws(StoreError) -> UInt64 {
        guard let location = try stagedLocation(of: cid) else { return try core.size(of: cid) }
        guard cid.codec == .dagCBOR else { return UInt64(location.rawLength) }
        return try withBlock(cid, StoreCore.size(ofNode:))
    }

    /// Whether a block is in the store, its bases or this batch, and stays for as long as the batch lives:
    /// one that died before is about to go.
    package func mayRely(on cid: CID) throws(StoreError) -> Bool {
        if cid.hash == .identity { return true }
        try checkOpen()
        var missing = [true]
        try claim([cid], &missing, claiming: false)
        return !missing[0]
    }
}

/// A source of blocks that can leave one in the caller's memory.
protocol ScratchBlockSource: BlockSource {
    /// The block's bytes, checked; in `scratch`, until that is used again.
    func block(_ cid: CID, _ scratch: ReadScratch) throws(StoreError) -> UnsafeRawBufferPointer

    var buffers: BufferPool { get }
}

extension Batch {
    var buffers: BufferPool { core.buffers }
}

extension ContentStore: ScratchBlockSource {
    func block(_ cid: CID, _ scratch: ReadScratch) throws(StoreError) -> UnsafeRawBufferPointer {
        try core.block(cid, scratch)
    }

    var buffers: BufferPool { core.buffers }
}

extension ScratchBlockSource {
    /// As `block`, but a CID of the identity hash carries its bytes.
    func content(of cid: CID, _ scratch: ReadScratch) throws(StoreError) -> UnsafeRawBufferPointer {
        guard cid.hash == .identity else { return try block(cid, scratch) }
        let room = scratch.block.mutablePrefix(Int(cid.digestLength))
        cid.withDigest { room.copyMemory(from: $0) }
        return UnsafeRawBufferPointer(room)
    }
}
