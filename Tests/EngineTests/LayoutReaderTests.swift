import TestSupport
import Testing

@testable import IpldEngine

@Suite struct LayoutReaderTests {
    private static func read(
        _ reader: inout TreeReader<LayoutTestBlocks>, at offset: UInt64, count: Int
    ) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xaa, count: count)
        let got = try bytes.withUnsafeMutableBytes { (buffer) throws(StoreError) in
            try reader.read(at: offset, into: buffer)
        }
        return Array(bytes[..<got])
    }

    /// Data with runs of zeros and repeated pieces among what is random.
    private static func mixedBytes(_ count: Int, random: inout SplitMix) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let length = Int.random(in: 1...20_000, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes += [UInt8](repeating: 0, count: length)
            case 1: bytes += LayoutFixture.randomBytes(length, seed: 1)
            default: bytes += LayoutFixture.randomBytes(length, seed: random.next())
            }
        }
        return Array(bytes[..<count])
    }

    @Test func anyRangeReadsAsTheBytes() throws {
        var random = SplitMix(state: 8)
        let profiles = [
            try LayoutFixture.smallProfile(),
            try LayoutProfile(shape: .flat, chunker: .fastCDC(average: 256)),
            try LayoutProfile(
                shape: .balanced(NodeParameters(minimum: 2, expected: 3, maximum: 4)),
                chunker: .fixed(size: 64)),
        ]
        for round in 0..<24 {
            let profile = profiles[round % profiles.count]
            let count = round < 6 ? round : Int.random(in: 1...200_000, using: &random)
            let bytes = Self.mixedBytes(count, random: &random)
            let blocks = LayoutTestBlocks()
            let (root, size) = try blocks.store(bytes, profile: profile)
            #expect(size == UInt64(bytes.count))
            var reader = try TreeReader(root: root, size: size, source: blocks)
            #expect(try Self.read(&reader, at: 0, count: bytes.count + 10) == bytes)
            for _ in 0..<60 {
                let offset = Int.random(in: 0...bytes.count, using: &random)
                let length = Int.random(in: 0...5000, using: &random)
                let expected = bytes[offset..<min(bytes.count, offset + length)]
                #expect(try Self.read(&reader, at: UInt64(offset), count: length) == Array(expected))
            }
            let error = #expect(throws: StoreError.self) {
                try Self.read(&reader, at: size + 1, count: 1)
            }
            #expect(error?.code == .invalid)
        }
    }

    @Test func leavesCoverTheFileOnceAndInOrder() throws {
        var random = SplitMix(state: 80)
        let bytes = Self.mixedBytes(150_000, random: &random)
        let profile = try LayoutFixture.smallProfile()
        let blocks = LayoutTestBlocks()
        let (root, size) = try blocks.store(bytes, profile: profile)
        let lengths = bytes.withUnsafeBytes {
            LayoutFixture.chunkLengths(of: $0, by: profile.chunker.makeChunker())
        }
        var cursor = try TreeCursor(root: root, size: size, source: blocks)
        var found: [Int] = []
        var position: UInt64 = 0
        while let run = try cursor.next() {
            #expect(run.offset == position)
            found += [Int](repeating: Int(run.size), count: Int(run.count))
            position = run.end
        }
        #expect(found == lengths && position == size)

        // A window: from the leaf around its begin to the last leaf that begins before its end.
        for _ in 0..<300 {
            let begin = UInt64.random(in: 0..<size, using: &random)
            let end = UInt64.random(in: begin + 1...size, using: &random)
            try cursor.seek(to: begin)
            var covered: ClosedRange<UInt64>?
            while let run = try cursor.next(before: end) {
                #expect(run.offset + run.size * (run.count - 1) < end)
                if let before = covered {
                    #expect(before.upperBound == run.offset)
                } else {
                    #expect(run.offset <= begin && begin < run.offset + run.size)
                }
                covered = (covered?.lowerBound ?? run.offset)...run.end
            }
            #expect(covered.map { $0.lowerBound <= begin && end <= $0.upperBound } == true)
        }
    }

    @Test func aSeekReadsOneNodeALevel() throws {
        let blocks = LayoutTestBlocks()
        let builder = LayoutProfile.default.makeBuilder(sink: blocks.keep)
        for number in 0..<100_000 as Range<UInt64> {
            try builder.append(leaf: try LayoutFixture.leaf(number), size: 65536)
        }
        let (root, size) = try builder.finish()
        var random = SplitMix(state: 4)
        for _ in 0..<100 {
            var cursor = try TreeCursor(root: root, size: size, source: blocks)
            let before = blocks.reads
            let number = UInt64.random(in: 0..<100_000, using: &random)
            try cursor.seek(to: number * 65536 + 9)
            let run = try cursor.next()
            #expect(run == LeafRun(
                cid: try LayoutFixture.leaf(number), size: 65536, offset: number * 65536, count: 1))
            #expect(blocks.reads - before == 3)
        }
        // Reading through reads every node once.
        var cursor = try TreeCursor(root: root, size: size, source: blocks)
        let before = blocks.reads
        while try cursor.next() != nil {}
        #expect(blocks.reads - before == blocks.emitted.count)
    }

    @Test func aHoleOfATebibyteIsWalkedAtOnce() throws {
        let blocks = LayoutTestBlocks()
        let zeros = [UInt8](repeating: 0, count: 1 << 18)
        let hole = try blocks.put(zeros, codec: .raw)
        let word = try blocks.put(Array("in the middle".utf8), codec: .raw)
        let builder = LayoutProfile.default.makeBuilder(sink: blocks.keep)
        try builder.append(leaf: hole, size: 1 << 18, count: 1 << 22)
        try builder.append(leaf: word, size: 13)
        try builder.append(leaf: hole, size: 1 << 18, count: 1 << 22)
        let (root, size) = try builder.finish()
        var cursor = try TreeCursor(root: root, size: size, source: blocks)
        var runs: [LeafRun] = []
        while let run = try cursor.next() { runs.append(run) }
        #expect(runs.reduce(0) { $0 + $1.count } == 1 << 23 + 1)
        #expect(runs.last?.end == size)
        // One run for each level that the hole fills, and one for each node that it shares.
        #expect(runs.count < 20)
        #expect(blocks.reads < 20)

        var reader = try TreeReader(root: root, size: size, source: blocks)
        let middle = try Self.read(&reader, at: 1 << 40 - 2, count: 17)
        #expect(middle == [0, 0] + Array("in the middle".utf8) + [0, 0])
        let before = blocks.reads
        #expect(try Self.read(&reader, at: 12345, count: 1 << 21) == [UInt8](repeating: 0, count: 1 << 21))
        #expect(blocks.reads - before < 8)
    }

    /// The defect of a gear hash that never forgets: an inserted byte moved every later chunk.
    @Test func anInsertedByteKeepsNearlyAllChunks() throws {
        let bytes = LayoutFixture.randomBytes(64 << 20, seed: 77)
        let profile = try LayoutProfile(
            shape: .balanced(NodeParameters(minimum: 8, expected: 24, maximum: 96)))
        let old = LayoutTestBlocks()
        _ = try old.store(bytes, profile: profile)
        let new = LayoutTestBlocks()
        _ = try new.store([0x55] + bytes, profile: profile)
        let oldLeaves = Set(old.blocks.keys.filter { $0.codec == .raw })
        let newLeaves = Set(new.blocks.keys.filter { $0.codec == .raw })
        #expect(oldLeaves.count > 700)
        #expect(oldLeaves.intersection(newLeaves).count * 100 >= oldLeaves.count * 99)
        let kept = Set(old.emitted).intersection(new.emitted).count
        #expect(old.emitted.count > 25)
        #expect(kept * 100 >= old.emitted.count * 80)
    }

    @Test func theLayoutKnowsAFilesSizeFromItsRoot() throws {
        for profile in try EditProfile.all() {
            let test = try TestStore(StoreConfiguration(profile: profile.profile))
            for size in [0, 1, 5000, min(profile.largestFile, 700_000)] {
                let bytes = LayoutFixture.randomBytes(size, seed: 4)
                let blocks = LayoutTestBlocks()
                let root = try blocks.store(bytes, profile: profile.profile).root
                // Without its leaves: only the root is looked at.
                let rootAlone = LayoutTestBlocks()
                rootAlone.blocks[root] = blocks.blocks[root] ?? []
                #expect(try LayoutProfile.size(of: root, in: rootAlone) == UInt64(size))
                #expect(rootAlone.reads <= 1)
                let stored = try test.store.put(bytes)
                #expect(try LayoutProfile.size(of: stored, in: test.store) == UInt64(size))
                #expect(try test.store.size(of: stored) == UInt64(size))
            }
        }
        let test = try TestStore()
        let value: IPLDValue = .list((0..<300_000).map { .integer(Int128($0) << 32) })
        let split = try test.store.putNode(value)
        #expect(try test.store.size(of: split) == UInt64(DagCBOR.encode(value).count))
        #expect(thrownCode { _ = try LayoutProfile.size(of: split, in: test.store) } == .invalid)
        let plain = try test.store.putNode(["a": 1])
        #expect(thrownCode { _ = try LayoutProfile.size(of: plain, in: test.store) } == .invalid)
        let absent = try LayoutFixture.cid(of: [9])
        #expect(thrownCode { _ = try LayoutProfile.size(of: absent, in: test.store) } == .notFound)
        let batch = try test.store.makeBatch()
        let staged = try LayoutFixture.randomBytes(100, seed: 1).withUnsafeBytes { try batch.putBytes($0) }
        #expect(try LayoutProfile.size(of: staged, in: batch) == 100)
    }
}
