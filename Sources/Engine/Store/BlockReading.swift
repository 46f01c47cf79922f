/// Reading blocks: not a byte is returned that was not checked against its CID.
///
/// What always holds: a block that collection or compaction moved while it was read is looked up
/// again; only bytes that are wrong at a place that the index still names are corruption; damage,
/// absence and a failing device are three different errors.
extension StoreCore {
    /// The block's bytes, valid during `body`.
    func withBlock<T>(_ cid: CID, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T) throws(StoreError)
        -> T
    {
        if cid.hash == .identity {
            try check()
            return try cid.withDigest(body)
        }
        return try buffers.with { (scratch) throws(StoreError) in
            try body(try block(cid, scratch))
        }
    }

    /// Reads and checks a block into `scratch`, where it stays until that is used again; or into `room`,
    /// the caller's, where its record or its bytes fit there. Room beyond the block may be overwritten.
    func block(_ cid: CID, _ scratch: ReadScratch, room: UnsafeMutableRawBufferPointer? = nil)
        throws(StoreError) -> UnsafeRawBufferPointer
    {
        var tried: Place?
        while true {
            guard let location = try read({ (snapshot) throws(StoreError) in try snapshot.location(of: cid) })
            else { throw StoreError(.notFound, "\(cid) is not in the store") }
            do {
                return try payload(cid, location, scratch, room: room)
            } catch  where error.code == .corrupt {
                // Moved, punched or unlinked meanwhile? Then its row says something else by now.
                guard tried == location.place else {
                    tried = location.place
                    packs.forget(location.place.pack)
                    continue
                }
                noteDamage(cid, location)
                throw error
            }
        }
    }

    /// The checked bytes of one record. CORRUPT when they are not what the row says.
    func payload(
        _ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch,
        room: UnsafeMutableRawBufferPointer? = nil
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        let headerLength = RecordHeader.fixedLength + cid.binaryLength
        let length = headerLength + Int(location.storedLength)
        guard location.rawLength <= Block.maximumLength, length <= scratch.record.bytes.count else {
            throw Self.damaged(cid, "its row has an impossible length")
        }
        // What is stored as it is stays where it is read to; what is compressed is read beside and unpacked
        // there. The record and the block that comes out of it are never in the same memory.
        var record = scratch.record.mutablePrefix(length)
        var target = scratch.block.bytes
        if let room, location.flags.contains(.compressed), room.count >= Int(location.rawLength) {
            target = room
        } else if let room, !location.flags.contains(.compressed), room.count >= length {
            record = UnsafeMutableRawBufferPointer(rebasing: room[..<length])
        }
        let count: Int
        do {
            count = try packs.read(location.place.pack, at: location.place.offset, into: record)
        } catch  where error.code == .notFound {
            throw Self.damaged(cid, "its pack is missing")
        }
        guard count == length else { throw Self.damaged(cid, "its pack was cut short") }
        return try Self.check(
            cid, location, UnsafeRawBufferPointer(record), into: target, scratch.decompressor)
    }

    /// Checks a record's bytes, head and payload, and gives the block's: in `target`, which holds at least
    /// the row's raw length, where they are compressed.
    static func check(
        _ cid: CID, _ location: BlockLocation, _ record: UnsafeRawBufferPointer,
        into target: UnsafeMutableRawBufferPointer, _ decompressor: Decompressor
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        guard let header = RecordHeader(decoding: record), header.cid == cid,
            header.storedLength == location.storedLength, header.rawLength == location.rawLength
        else { throw damaged(cid, "its record is not there") }
        let payload = UnsafeRawBufferPointer(rebasing: record[header.headerLength...])
        return try decode(header, payload, into: target, decompressor)
    }

    /// A payload's block, decompressed into `target` where it is compressed, and checked.
    static func decode(
        _ header: RecordHeader, _ payload: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer,
        _ decompressor: Decompressor
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        var block = payload
        if header.flags.contains(.compressed) {
            let room = UnsafeMutableRawBufferPointer(rebasing: target[..<Int(header.rawLength)])
            guard decompressor.decompress(payload, into: room) else {
                throw damaged(header.cid, "its payload does not unpack")
            }
            block = UnsafeRawBufferPointer(room)
        } else if header.rawLength != header.storedLength {
            throw damaged(header.cid, "its record contradicts itself")
        }
        let matches: Bool
        do { matches = try header.cid.matches(block) } catch { throw StoreError(error) }
        guard matches else { throw damaged(header.cid, "its bytes are not what its CID says") }
        return block
    }

    static func damaged(_ cid: CID, _ how: String) -> StoreError {
        StoreError(.corrupt, "the block \(cid) is damaged: \(how)")
    }

    /// Flags the row, so that storing the same bytes again repairs the block. Best effort.
    private func noteDamage(_ cid: CID, _ location: BlockLocation) {
        guard !isReadOnly, !location.flags.contains(.damaged) else { return }
        try? write(.releasing) { (transaction) throws(StoreError) in
            guard let now = try transaction.index.location(of: cid), now.place == location.place else {
                return
            }
            try transaction.markDamaged(cid, now)
        }
    }
}
