/// Payloads in memory: one endless pack without heads or files.
///
/// What always holds: an extent of places is given out once; what stands at a place never changes until it
/// is freed, two commits after its row has gone.
final class MemoryPayloads: Sendable {
    private struct State {
        var records: [Place: ByteBuffer] = [:]
        var end = Place(pack: 1, offset: UInt64(PackFormat.headerLength))
    }

    private let state = Lock(State())

    func block(
        _ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch, room: UnsafeMutableRawBufferPointer?
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        let raw = Int(location.rawLength)
        guard let stored = state.withLock({ $0.records[location.place] }),
            stored.bytes.count == Int(location.storedLength), raw <= Block.maximumLength
        else { throw Payload.damaged(cid, "its record is not there") }
        var target = scratch.block.mutablePrefix(raw)
        if let room, room.count >= raw { target = UnsafeMutableRawBufferPointer(rebasing: room[..<raw]) }
        if location.flags.contains(.compressed) {
            guard scratch.decompressor.decompress(UnsafeRawBufferPointer(stored.bytes), into: target) else {
                throw Payload.damaged(cid, "its payload does not unpack")
            }
        } else {
            target.copyMemory(from: UnsafeRawBufferPointer(stored.bytes))
        }
        try Payload.check(cid, UnsafeRawBufferPointer(target))
        return UnsafeRawBufferPointer(target)
    }

    /// Copies the payloads of records; the place of the first.
    fileprivate func append(_ records: RecordBuffer) throws(StoreError) -> Place {
        let length = UInt64(records.length)
        let start = try state.withLock { (state) throws(StoreError) in
            if state.end.offset + length >= 1 << Place.offsetBits {
                guard state.end.pack < Place.maximumPack else {
                    throw StoreError(.full, "the store has used all its places")
                }
                state.end = Place(pack: state.end.pack + 1, offset: UInt64(PackFormat.headerLength))
            }
            let start = state.end
            state.end = Place(pack: start.pack, offset: start.offset + length)
            return start
        }
        for entry in records.entries {
            let copy = ByteBuffer(capacity: Int(entry.storedLength))
            copy.bytes.copyMemory(from: records.payload(of: entry))
            let place = Place(pack: start.pack, offset: start.offset + UInt64(entry.offset))
            state.withLock { $0.records[place] = copy }
        }
        return start
    }

    /// Frees the payload at a place; its length in bytes.
    @discardableResult
    func free(_ place: Place) -> UInt64 {
        state.withLock { UInt64($0.records.removeValue(forKey: place)?.bytes.count ?? 0) }
    }

    /// Where the next payload will be.
    fileprivate var end: Place { state.withLock { $0.end } }
}

final class MemoryAppender: PayloadAppender {
    private let payloads: MemoryPayloads
    private var uncommitted: [Place] = []

    init(_ payloads: MemoryPayloads) { self.payloads = payloads }
    deinit { release() }

    func append(_ records: RecordBuffer) throws(StoreError) -> Place {
        let start = try payloads.append(records)
        for entry in records.entries {
            uncommitted.append(Place(pack: start.pack, offset: start.offset + UInt64(entry.offset)))
        }
        return start
    }

    func block(_ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch) throws(StoreError)
        -> UnsafeRawBufferPointer
    {
        try payloads.block(cid, location, scratch, room: nil)
    }

    func flush() throws(StoreError) {}

    func enter(_ transaction: StoreTransaction) throws(StoreError) {
        let end = payloads.end
        for number in 1...end.pack {
            try transaction.setWatermark(
                number == end.pack ? end.offset : 1 << Place.offsetBits - 1, pack: number)
        }
    }

    func didCommit() { uncommitted = [] }

    func release() {
        for place in uncommitted { payloads.free(place) }
        uncommitted = []
    }

    func abandon() { uncommitted = [] }
}
