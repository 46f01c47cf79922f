/// Where payloads live: in packs, in a file each, or in memory. The index says of all three in the same words
/// where a payload is: a number (a pack's, a lane's) and an offset that no other payload of it ever has.
enum PayloadPlace: Sendable {
    case packs(PackFiles)
    case files(BlockFiles)
    case memory(MemoryPayloads)

    /// The checked bytes of the payload at a location: in `scratch`, until that is used again, or in `room`
    /// where they fit there. CORRUPT when they are not what the row says, or not there.
    @inline(__always)
    func block(
        _ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch, room: UnsafeMutableRawBufferPointer?
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        switch self {
        case .packs(let files): try files.block(cid, location, scratch, room: room)
        case .files(let files): try files.block(cid, location, scratch, room: room)
        case .memory(let payloads): try payloads.block(cid, location, scratch, room: room)
        }
    }

    /// Lets go of what is open of a place, so that it is looked at afresh.
    func forget(_ place: Place) { if case .packs(let files) = self { files.forget(place.pack) } }

    func makeAppender(_ index: IndexPlace) -> any PayloadAppender {
        switch self {
        case .packs(let files): PackAppender(files: files, index: index)
        case .files(let files): FileAppender(files: files, index: index)
        case .memory(let payloads): MemoryAppender(payloads)
        }
    }
}

/// Takes payloads for one writer, and makes them durable.
///
/// The order of calls: `append` as often as wanted; `flush`; inside the transaction that enters the rows
/// `enter`; after its commit `didCommit`, and so on; `release` at the end.
protocol PayloadAppender: AnyObject {
    /// Takes whole records; the place of the first one's first byte. The others follow at their offsets.
    func append(_ records: RecordBuffer) throws(StoreError) -> Place

    /// The checked bytes of what was appended and is not entered yet.
    func block(_ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch) throws(StoreError)
        -> UnsafeRawBufferPointer

    /// Makes all that was appended durable.
    func flush() throws(StoreError)

    /// Settles, before rows are entered, where the payloads of the last flush are.
    func enter(_ transaction: StoreTransaction) throws(StoreError)

    /// The commit that relies on the last flush has happened.
    func didCommit()

    /// Takes back what no commit relies on, and lets the next writer go on.
    func release()

    /// Lets the next writer go on without touching anything: what was committed is not known.
    func abandon()
}
