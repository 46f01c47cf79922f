import TestSupport
import Testing

@testable import IpldEngine

/// Trees that nobody built: each ends in a typed error, quickly.
@Suite struct LayoutHostileTests {
    private static func code(
        reading root: CID, size: UInt64, from blocks: LayoutTestBlocks, at offset: UInt64 = 0
    ) -> StoreError.Code? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        do {
            var reader = try TreeReader(root: root, size: size, source: blocks)
            _ = try bytes.withUnsafeMutableBytes { (buffer) throws(StoreError) in
                try reader.read(at: offset, into: buffer)
            }
            return nil
        } catch {
            return (error as? StoreError)?.code
        }
    }

    private static func put(_ children: [(CID, UInt64)], in blocks: LayoutTestBlocks) throws -> CID {
        try blocks.put(LayoutNodeForm(children).bytes, codec: .dagCBOR)
    }

    @Test func aLeafOfAnotherSizeIsCorrupt() throws {
        let blocks = LayoutTestBlocks()
        let leaf = try blocks.put([1, 2, 3], codec: .raw)
        for size in [1, 2, 4, 1 << 20] as [UInt64] {
            let root = try Self.put([(leaf, size)], in: blocks)
            #expect(Self.code(reading: root, size: size, from: blocks) == .corrupt)
            #expect(Self.code(reading: leaf, size: size, from: blocks) == .corrupt)
        }
        #expect(Self.code(reading: leaf, size: 1 << 62, from: blocks) == .corrupt)
        #expect(Self.code(reading: leaf, size: 1 << 63, from: blocks) == .invalid)
        #expect(Self.code(reading: leaf, size: 3, from: blocks) == nil)
    }

    @Test func aSubtreeOfAnotherSizeIsCorrupt() throws {
        let blocks = LayoutTestBlocks()
        let leaf = try blocks.put([1, 2, 3], codec: .raw)
        let node = try Self.put([(leaf, 3), (leaf, 3)], in: blocks)
        for size in [1, 5, 7, UInt64(Int64.max)] as [UInt64] {
            let root = try Self.put([(node, size)], in: blocks)
            #expect(Self.code(reading: root, size: size, from: blocks) == .corrupt)
        }
        #expect(Self.code(reading: node, size: 5, from: blocks) == .corrupt)
        #expect(Self.code(reading: node, size: 6, from: blocks) == nil)
    }

    @Test func leavesAtSeveralDepthsAreCorrupt() throws {
        let blocks = LayoutTestBlocks()
        let leaf = try blocks.put([1, 2, 3], codec: .raw)
        let low = try Self.put([(leaf, 3)], in: blocks)
        let high = try Self.put([(low, 3)], in: blocks)
        for children in [[(low, 3), (high, 3)], [(high, 3), (low, 3)]] as [[(CID, UInt64)]] {
            #expect(Self.code(reading: try Self.put(children, in: blocks), size: 6, from: blocks) == .corrupt)
        }
        let even = try Self.put([(low, 3), (low, 3)], in: blocks)
        #expect(Self.code(reading: even, size: 6, from: blocks) == nil)
    }

    @Test func absurdDepthIsCorrupt() throws {
        let blocks = LayoutTestBlocks()
        var root = try blocks.put([1, 2, 3], codec: .raw)
        for depth in 1...200 {
            root = try Self.put([(root, 3)], in: blocks)
            let expected: StoreError.Code? = depth > 64 ? .corrupt : nil
            #expect(Self.code(reading: root, size: 3, from: blocks) == expected, "depth \(depth)")
        }
    }

    @Test func aMissingChildIsNotFound() throws {
        let blocks = LayoutTestBlocks()
        let leaf = try blocks.put([1, 2, 3], codec: .raw)
        let absent = try LayoutFixture.cid(of: [0xa0], codec: .dagCBOR)
        let root = try Self.put([(absent, 3), (try Self.put([(leaf, 3)], in: blocks), 3)], in: blocks)
        #expect(Self.code(reading: root, size: 6, from: blocks) == .notFound)
        #expect(Self.code(reading: root, size: 6, from: blocks, at: 3) == nil)
    }

    @Test func aChildThatIsNoTreeIsCorruptAndSuchARootInvalid() throws {
        let blocks = LayoutTestBlocks()
        let node = try blocks.put([0xa0], codec: .dagCBOR)
        #expect(Self.code(reading: try Self.put([(node, 3)], in: blocks), size: 3, from: blocks) == .corrupt)
        #expect(Self.code(reading: node, size: 3, from: blocks) == .invalid)
        let foreign = try blocks.put([0xa0], codec: .dagPB)
        #expect(Self.code(reading: foreign, size: 1, from: blocks) == .invalid)
    }

    /// 2^62 bytes in one small node above a real leaf: what is there can be read, at the price of a read.
    @Test func aTreeMuchLargerThanItsBlocksCostsItsHeight() throws {
        let blocks = LayoutTestBlocks()
        var root = try blocks.put([UInt8](repeating: 7, count: 1 << 18), codec: .raw)
        var size: UInt64 = 1 << 18
        while size < 1 << 62 {
            root = try Self.put([(root, size), (root, size)], in: blocks)
            size *= 2
        }
        for offset in [0, 1 << 61 + 12345, size - 4096] as [UInt64] {
            #expect(Self.code(reading: root, size: size, from: blocks, at: offset) == nil)
        }
        #expect(blocks.reads <= 3 * 45)
        var cursor = try TreeCursor(root: root, size: size, source: blocks)
        #expect(try cursor.next()?.count == 1 << 44)
        #expect(try cursor.next() == nil)
    }

    @Test func identityChildrenAreRead() throws {
        let blocks = LayoutTestBlocks()
        let leaf = try Array("inline".utf8).withUnsafeBytes {
            try CID(hashing: $0, codec: .raw, hash: .identity)
        }
        var form = LayoutNodeForm([(leaf, 6)])
        form.profile = ""
        let node = try form.bytes.withUnsafeBytes { try CID(hashing: $0, codec: .dagCBOR, hash: .identity) }
        let root = try Self.put([(node, 6), (node, 6)], in: blocks)
        var reader = try TreeReader(root: root, size: 12, source: blocks)
        var bytes = [UInt8](repeating: 0, count: 12)
        let got = try bytes.withUnsafeMutableBytes { (buffer) throws(StoreError) in
            try reader.read(at: 0, into: buffer)
        }
        #expect(got == 12 && String(decoding: bytes, as: UTF8.self) == "inlineinline")
        #expect(blocks.reads == 1)
    }

    /// Any bytes in the place of any node: an error or bytes, never a trap.
    @Test func damagedTreesNeverTrap() throws {
        let blocks = LayoutTestBlocks()
        let bytes = LayoutFixture.randomBytes(20_000, seed: 6)
        let (root, size) = try blocks.store(bytes, profile: LayoutFixture.smallProfile())
        var random = SplitMix(state: 7)
        for _ in 0..<3000 {
            guard let victim = blocks.emitted.randomElement(using: &random), let good = blocks.blocks[victim]
            else { break }
            var bad = good
            bad[Int.random(in: 0..<bad.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            blocks.blocks[victim] = bad
            let offset = UInt64.random(in: 0...size, using: &random)
            let code = Self.code(reading: root, size: size, from: blocks, at: offset)
            #expect([nil, .corrupt, .notFound, .invalid, .unsupported].contains(code))
            blocks.blocks[victim] = good
        }
    }
}
