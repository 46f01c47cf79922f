/// IPLD values of any size: one block where it fits, a tree of blocks where it does not.
extension ContentStore {
    /// Bytes of memory that a value may take which is read whole, where nothing else is said: 1 GiB.
    public static let nodeLimit: UInt64 = 1 << 30

    /// The IPLD value under a dag-cbor CID. A raw block is its bytes. TOO_LARGE when it takes more than
    /// `limit` bytes of memory, which may be over sixty times its encoding: `encodedNode` and
    /// `makeNodeIterator` read at the memory of a few blocks.
    public func node(_ cid: CID, limit: UInt64 = nodeLimit) throws(StoreError) -> IPLDValue {
        try NodeReader(source: self).value(cid, limit: limit)
    }

    /// The value at a path: map keys, and list positions in decimal. The path is all that is loaded. It goes
    /// through links; one at its end is the value. NOT_FOUND, with the place where the path ended.
    public func value(_ cid: CID, at path: [String], limit: UInt64 = nodeLimit) throws(StoreError)
        -> IPLDValue
    {
        try NodeReader(source: self).value(cid, at: path, limit: limit)
    }

    /// Opens the map or list at a path. INVALID when there is something else.
    public func makeNodeIterator(of cid: CID, at path: [String] = []) throws(StoreError) -> NodeIterator {
        try NodeIterator(self, cid, at: path)
    }

    /// Stores a value, as `Batch.putNode(_:)`; durable, held by the owner.
    public func putNode(_ value: IPLDValue) throws(StoreError) -> CID {
        try put { (batch) throws(StoreError) in try batch.putNode(value) }
    }

    /// Stores a value, as `Batch.putNode(dagCBOR:)`; durable, held by the owner.
    public func putNode(dagCBOR encoded: UnsafeRawBufferPointer) throws(StoreError) -> CID {
        try put { (batch) throws(StoreError) in try batch.putNode(dagCBOR: encoded) }
    }

    /// Changes a value, as `Batch.editNode`; durable, held by the owner.
    public func editNode(_ cid: CID, at path: [String] = [], _ changes: [NodeChange]) throws(StoreError)
        -> CID
    {
        try put { (batch) throws(StoreError) in try batch.editNode(cid, at: path, changes) }
    }
}

extension Batch {
    /// As `ContentStore.node`, blocks of this batch included.
    public func node(_ cid: CID, limit: UInt64 = ContentStore.nodeLimit) throws(StoreError) -> IPLDValue {
        try checkOpen()
        return try NodeReader(source: self).value(cid, limit: limit)
    }

    /// As `ContentStore.value`, blocks of this batch included.
    public func value(_ cid: CID, at path: [String], limit: UInt64 = ContentStore.nodeLimit)
        throws(StoreError) -> IPLDValue
    {
        try checkOpen()
        return try NodeReader(source: self).value(cid, at: path, limit: limit)
    }
}
