import TestSupport

@testable import IpldEngine

/// What the chunker and layout tests share: pseudo-random bytes, blocks in memory, and the way from bytes to
/// a tree and back.
enum LayoutFixture {
    static func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SplitMix(state: seed)
        return [UInt8](unsafeUninitializedCapacity: count) { (buffer, initialized) in
            var word: UInt64 = 0
            for index in 0..<count {
                if index % 8 == 0 { word = random.next() }
                buffer[index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * (index % 8)))
            }
            initialized = count
        }
    }

    static func cid(of bytes: [UInt8], codec: CID.Codec = .raw) throws -> CID {
        try bytes.withUnsafeBytes { try CID(hashing: $0, codec: codec, hash: .blake3) }
    }

    /// The CID of a small leaf that stands for `number`.
    static func leaf(_ number: UInt64) throws -> CID {
        try withUnsafeBytes(of: number.littleEndian) { try CID(hashing: $0, codec: .raw, hash: .blake3) }
    }

    /// Small nodes, so that small inputs have high trees.
    static func smallProfile(average: Int = 256) throws -> LayoutProfile {
        try LayoutProfile(
            shape: .balanced(try NodeParameters(minimum: 2, expected: 4, maximum: 8)),
            chunker: try .fastCDC(average: average))
    }

    /// Lengths of the chunks of `bytes`, given to the chunker in one piece.
    static func chunkLengths(of bytes: UnsafeRawBufferPointer, by chunker: any Chunker) -> [Int] {
        var lengths: [Int] = []
        var offset = 0
        while offset < bytes.count {
            let length = chunker.firstChunkLength(of: UnsafeRawBufferPointer(rebasing: bytes[offset...]))
            lengths.append(length)
            offset += length
        }
        return lengths
    }
}

/// Blocks in memory. Counts what is read.
final class LayoutTestBlocks: BlockSource {
    var blocks: [CID: [UInt8]] = [:]
    /// CIDs of the stored nodes, in the order in which they came, repetitions included.
    var emitted: [CID] = []
    private(set) var reads = 0

    func withBlock<T>(
        _ cid: CID, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        reads += 1
        guard let block = blocks[cid] else { throw StoreError(.notFound, "No block \(cid)") }
        var result: Result<T, StoreError>?
        block.withUnsafeBytes { (bytes) in
            do throws(StoreError) { result = .success(try body(bytes)) } catch { result = .failure(error) }
        }
        guard let result else { throw StoreError(.internal, "The body did not run") }
        return try result.get()
    }

    /// A sink that checks what it is told, and keeps it.
    func keep(_ cid: CID, _ node: UnsafeRawBufferPointer, _ children: [ChildRun]) throws(StoreError) {
        guard (try? CID(hashing: node, codec: .dagCBOR, hash: cid.hash)) == cid,
            try TreeNode.decode(node)?.children == children
        else { throw StoreError(.internal, "The sink was told something else than the node's bytes say") }
        guard children.allSatisfy({ $0.isLeaf || blocks[$0.cid] != nil }) else {
            throw StoreError(.internal, "A parent came before its child")
        }
        blocks[cid] = Array(node)
        emitted.append(cid)
    }

    /// Stores a node or leaf as it is.
    @discardableResult
    func put(_ bytes: [UInt8], codec: CID.Codec) throws -> CID {
        let cid = try LayoutFixture.cid(of: bytes, codec: codec)
        blocks[cid] = bytes
        return cid
    }

    /// Chunks `bytes`, stores leaves and nodes, gives the root. Equal leaves in a row are one run.
    func store(_ bytes: [UInt8], profile: LayoutProfile) throws -> (root: CID, size: UInt64) {
        let builder = profile.makeBuilder(sink: keep)
        let chunker = profile.chunker.makeChunker()
        try bytes.withUnsafeBytes { (all) in
            var offset = 0
            for length in LayoutFixture.chunkLengths(of: all, by: chunker) {
                let chunk = UnsafeRawBufferPointer(rebasing: all[offset..<offset + length])
                let cid = try CID(hashing: chunk, codec: .raw, hash: profile.hash)
                blocks[cid] = Array(chunk)
                try builder.append(leaf: cid, size: UInt64(length))
                offset += length
            }
        }
        let (root, size) = try builder.finish()
        if size == 0 { blocks[root] = [] }
        return (root, size)
    }
}
