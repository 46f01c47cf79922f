/// What a payload must be before a byte of its block is given out.
enum Payload {
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
        try check(header.cid, block)
        return block
    }

    /// Throws CORRUPT unless the bytes are what the CID names.
    static func check(_ cid: CID, _ block: UnsafeRawBufferPointer) throws(StoreError) {
        if Defect.bytesAreNotChecked.isPresent { return }
        let matches: Bool
        do { matches = try cid.matches(block) } catch { throw StoreError(error) }
        guard matches else { throw damaged(cid, "its bytes are not what its CID says") }
    }

    static func damaged(_ cid: CID, _ how: String) -> StoreError {
        StoreError(.corrupt, "the block \(cid) is damaged: \(how)")
    }
}

extension PackFiles {
    func block(
        _ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch,
        room: UnsafeMutableRawBufferPointer? = nil
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        let headerLength = RecordHeader.fixedLength + cid.binaryLength
        let length = headerLength + Int(location.storedLength)
        guard location.rawLength <= Block.maximumLength, length <= scratch.record.bytes.count else {
            throw Payload.damaged(cid, "its row has an impossible length")
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
            count = try read(location.place.pack, at: location.place.offset, into: record)
        } catch  where error.code == .notFound {
            throw Payload.damaged(cid, "its pack is missing")
        }
        guard count == length else { throw Payload.damaged(cid, "its pack was cut short") }
        return try Payload.check(
            cid, location, UnsafeRawBufferPointer(record), into: target, scratch.decompressor)
    }
}
