/// A piece of the input on its way through the pipeline. One thread has it at a time.
final class IngestSegment: @unchecked Sendable {
    private let input: ByteBuffer
    let records: RecordBuffer
    private(set) var leaves: [(cid: CID, length: Int)] = []
    private var ends: [Int] = []
    /// How often each leaf follows itself: more than once only where the segment is one chunk of a hole.
    private(set) var repeats: UInt64 = 1
    /// Bytes of the source that this segment deals with, the carried ones not counted.
    private(set) var newLength: UInt64 = 0
    private(set) var isLast = false
    var failure: StoreError?

    /// So that the heads of records fit, however small the chunks.
    private static let maximumChunks = 16 << 10
    private static let roomPerHead =
        RecordHeader.recordLength(cidLength: CID.maximumBinaryLength, payload: 0) + 8

    init(inputLength: Int) {
        input = ByteBuffer(capacity: inputLength)
        records = RecordBuffer(capacity: inputLength + Self.maximumChunks * Self.roomPerHead)
    }

    /// Reads until the segment is full or the source ends, and cuts. What follows the last cut is for the
    /// next segment; it is valid until this one is filled again.
    func fill(_ source: inout any ByteSource, carrying carry: UnsafeRawBufferPointer, _ chunker: any Chunker)
        throws(StoreError) -> UnsafeRawBufferPointer
    {
        leaves.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        records.clear()
        failure = nil
        repeats = 1
        if try fill(hole: &source, behind: carry, chunker) {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        input.mutablePrefix(carry.count).copyMemory(from: carry)
        var length = carry.count
        isLast = false
        while length < input.bytes.count {
            let room = UnsafeMutableRawBufferPointer(rebasing: input.bytes[length...])
            let hole = try source.hole()
            if hole > 0 {
                // So many that a chunk begins among them; then the next segment passes over the rest.
                let zeros = Int(min(hole, UInt64(min(room.count, 2 * chunker.maximumChunkLength))))
                UnsafeMutableRawBufferPointer(rebasing: room[..<zeros])
                    .initializeMemory(as: UInt8.self, repeating: 0)
                try source.skip(UInt64(zeros))
                length += zeros
                if hole - UInt64(zeros) >= Self.shortestHole(chunker) { break }
                continue
            }
            let count = try source.read(into: room)
            if count == 0 {
                isLast = true
                break
            }
            length += count
        }
        newLength = UInt64(length - carry.count)
        var start = 0
        while start < length, isLast || length - start >= chunker.maximumChunkLength,
            ends.count < Self.maximumChunks
        {
            start += chunker.firstChunkLength(
                of: UnsafeRawBufferPointer(rebasing: input.bytes[start..<length]))
            ends.append(start)
        }
        // Many tiny chunks: the rest is cut in the next segment.
        if start < length { isLast = false }
        return UnsafeRawBufferPointer(rebasing: input.bytes[start..<length])
    }

    /// Bytes of a hole that are worth a segment.
    private static func shortestHole(_ chunker: any Chunker) -> UInt64 {
        2 * UInt64(chunker.maximumChunkLength)
    }

    /// Takes the chunk of zeros, as often as it repeats, where such a hole comes next and what is carried
    /// consists of zeros too.
    private func fill(
        hole source: inout any ByteSource, behind carry: UnsafeRawBufferPointer, _ chunker: any Chunker
    ) throws(StoreError) -> Bool {
        guard carry.allSatisfy({ $0 == 0 }) else { return false }
        let hole = try source.hole()
        guard hole >= Self.shortestHole(chunker) else { return false }
        let looked = chunker.maximumChunkLength
        let zeros = input.mutablePrefix(looked)
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        let chunk = chunker.firstChunkLength(of: UnsafeRawBufferPointer(zeros))
        // A chunk is this one as long as all that the chunker may look at lies in the hole.
        repeats = 1 + (UInt64(carry.count) + hole - UInt64(looked)) / UInt64(chunk)
        newLength = repeats * UInt64(chunk) - UInt64(carry.count)
        ends.append(chunk)
        isLast = false
        try source.skip(newLength)
        return true
    }

    /// Hashes, looks up and compresses.
    func process(_ batch: Batch, _ hash: CID.HashFunction, _ compressor: Compressor) throws(StoreError) {
        var start = 0
        for end in ends {
            let chunk = UnsafeRawBufferPointer(rebasing: input.bytes[start..<end])
            do { leaves.append((try CID(hashing: chunk, codec: .raw, hash: hash), end - start)) } catch {
                throw StoreError(error)
            }
            start = end
        }
        var missing = [Bool](repeating: true, count: leaves.count)
        try batch.claim(leaves.map(\.cid), &missing)
        start = 0
        for (position, end) in ends.enumerated() {
            if missing[position] {
                let chunk = UnsafeRawBufferPointer(rebasing: input.bytes[start..<end])
                records.add(leaves[position].cid, chunk, links: [], isTree: false, compressor)
            }
            start = end
        }
    }
}
