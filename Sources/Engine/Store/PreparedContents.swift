/// Contents of many files, cut, hashed, looked up and compressed by any thread, for the batch's thread to
/// store: what `Ingest` is for one large file, for small ones.
///
/// What always holds: the roots are those that `putBytes` gives; memory is what `capacity` says, whatever
/// the contents; one thread at a time has it. What was prepared must be stored, or the batch ended: the batch
/// counts on its blocks from then on.
package final class PreparedContents: @unchecked Sendable {
    /// The contents, one behind the other, put here before `prepare`.
    package let room: UnsafeMutableRawBufferPointer
    private let input: ByteBuffer
    private let records: RecordBuffer
    private let compressor: Compressor
    private let maximumCount: Int
    private var leaves: [(cid: CID, length: Int)] = []
    /// How many leaves each content has.
    private var leafCounts: [Int] = []

    private static let roomPerHead =
        RecordHeader.recordLength(cidLength: CID.maximumBinaryLength, payload: 0) + 8

    /// For so many bytes at most, in so many contents.
    package init(capacity: Int, contents maximumCount: Int, for batch: Batch) {
        let configuration = batch.core.configuration
        let chunk =
            switch configuration.profile.chunker.rule {
            case .fastCDC(let minimum, _, _, _): max(1, minimum)
            case .fixed(let size): max(1, size)
            }
        compressor = Compressor(configuration.compression)
        input = ByteBuffer(capacity: capacity)
        room = input.bytes
        records = RecordBuffer(
            capacity: capacity + (maximumCount + capacity / chunk + 1) * Self.roomPerHead)
        self.maximumCount = maximumCount
    }

    /// Cuts what stands in `room` into contents of these lengths, hashes, looks up and compresses. A content
    /// of no bytes has one leaf of none.
    package func prepare(_ lengths: [Int], for batch: Batch) throws(StoreError) {
        leaves.removeAll(keepingCapacity: true)
        leafCounts.removeAll(keepingCapacity: true)
        records.clear()
        guard lengths.count <= maximumCount, lengths.reduce(0, +) <= room.count else {
            throw StoreError(.internal, "more contents than there is room for")
        }
        let profile = batch.core.configuration.profile
        let chunker = profile.chunker.makeChunker()
        var chunks: [Range<Int>] = []
        var start = 0
        for length in lengths {
            let end = start + length
            let before = chunks.count
            repeat {
                let rest = UnsafeRawBufferPointer(rebasing: room[start..<end])
                let next = start + (rest.isEmpty ? 0 : chunker.firstChunkLength(of: rest))
                let chunk = UnsafeRawBufferPointer(rebasing: room[start..<next])
                do throws(CIDError) {
                    leaves.append((try CID(hashing: chunk, codec: .raw, hash: profile.hash), chunk.count))
                } catch { throw StoreError(error) }
                chunks.append(start..<next)
                start = next
            } while start < end
            leafCounts.append(chunks.count - before)
        }
        var missing = [Bool](repeating: true, count: leaves.count)
        try batch.claim(leaves.map(\.cid), &missing)
        for (position, chunk) in chunks.enumerated() where missing[position] {
            records.add(
                leaves[position].cid, UnsafeRawBufferPointer(rebasing: room[chunk]), links: [], isTree: false,
                compressor)
        }
    }

    /// Stores what was prepared; the root of each content, and its length. For the batch's thread.
    package func store(in batch: Batch) throws(StoreError) -> [(root: CID, size: UInt64)] {
        try batch.step { () throws(StoreError) in
            try batch.append(records)
            let profile = batch.core.configuration.profile
            var roots: [(root: CID, size: UInt64)] = []
            roots.reserveCapacity(leafCounts.count)
            var next = 0
            for count in leafCounts {
                let builder = profile.makeBuilder { (cid, node, children) throws(StoreError) in
                    try batch.put(treeNode: node, cid, children: children)
                }
                for leaf in leaves[next..<(next + count)] where leaf.length > 0 {
                    try builder.append(leaf: leaf.cid, size: UInt64(leaf.length), count: 1)
                }
                next += count
                roots.append(try builder.finish())
            }
            return roots
        }
    }
}

extension Batch {
    /// Whether the batch may rely on all of these blocks: they are in the store, or on their way there, and
    /// stay for as long as the batch lives.
    package func mayRely(on cids: [CID]) throws(StoreError) -> [Bool] {
        try checkOpen()
        var missing = [Bool](repeating: true, count: cids.count)
        try claim(cids, &missing, claiming: false)
        return missing.map { !$0 }
    }
}
