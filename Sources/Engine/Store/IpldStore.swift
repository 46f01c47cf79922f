/// What every store promises, wherever its index and its payloads live (DESIGN 7 and 9).
///
/// Reading checks every block against its CID; errors tell damage, absence and failing I/O apart.
/// Storing is durable when it returns. A store may be used by many threads at once.
public protocol IpldStore: AnyObject, Sendable, BlockSource {
    var configuration: StoreConfiguration { get }
    /// Whose holds the conveniences use.
    var owner: String { get }
    var isReadOnly: Bool { get }

    // Reading
    func has(_ cid: CID) throws(StoreError) -> Bool
    func block(_ cid: CID) throws(StoreError) -> [UInt8]
    func node(_ cid: CID, limit: UInt64) throws(StoreError) -> IPLDValue
    func value(_ cid: CID, at path: [String], limit: UInt64) throws(StoreError) -> IPLDValue
    func size(of cid: CID) throws(StoreError) -> UInt64
    func links(of cid: CID) throws(StoreError) -> [CID]
    func inspect(_ cid: CID) throws(StoreError) -> BlockInformation
    func read(_ cid: CID, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError)
        -> Int
    func copyBytes(
        of cid: CID, from offset: UInt64, length: UInt64?, progress: ((UInt64) throws(StoreError) -> Void)?,
        to sink: (UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError)
    func makeReader(of cid: CID) throws(StoreError) -> ByteReader
    func diff(from old: CID, to new: CID) throws(StoreError) -> FileDiff

    // Storing
    func makeBatch() throws(StoreError) -> Batch
    func putBytes(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> CID
    func putBytes(from source: any ByteSource, progress: ((UInt64) throws(StoreError) -> Void)?)
        throws(StoreError) -> CID
    func makeWriter(on root: CID?, progress: ((UInt64) throws(StoreError) -> Void)?) throws(StoreError)
        -> ByteWriter
    func putNode(_ value: IPLDValue) throws(StoreError) -> CID
    func putNode(dagCBOR encoded: UnsafeRawBufferPointer) throws(StoreError) -> CID
    func editNode(_ cid: CID, at path: [String], _ changes: [NodeChange]) throws(StoreError) -> CID
    func putBlock(_ bytes: UnsafeRawBufferPointer, codec: CID.Codec) throws(StoreError) -> CID

    // Names
    func root(_ name: String) throws(StoreError) -> CID?
    func roots(from start: String?, limit: Int) throws(StoreError) -> [(name: String, cid: CID)]
    func setRoot(_ name: String, to cid: CID, expecting expected: RootExpectation) throws(StoreError)
    func removeRoot(_ name: String, expecting expected: RootExpectation, budget: UInt64?)
        throws(StoreError) -> CollectionReport
    func retain(_ cid: CID, owner: String?) throws(StoreError)
    func dereference(_ cid: CID, owner: String?, budget: UInt64?) throws(StoreError) -> CollectionReport
    func holds(owner: String?) throws(StoreError) -> [Hold]

    // Space
    func gc(budget: UInt64?, progress: ((UInt64) throws(StoreError) -> Void)?) throws(StoreError)
        -> CollectionReport
    func gcDryRun(progress: ((UInt64) throws(StoreError) -> Void)?) throws(StoreError) -> Usage
    func usage(of names: [String], progress: ((UInt64) throws(StoreError) -> Void)?) throws(StoreError)
        -> Usage
    func stat() throws(StoreError) -> StoreStatistics
    func verify(progress: ((UInt64) throws(StoreError) -> Void)?) throws(StoreError) -> VerifyReport
}

extension ContentStore: IpldStore {}
