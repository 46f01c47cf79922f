import TestSupport
import Testing

@testable import IpldEngine

/// The tree is a function of the sequence of its leaves.
@Suite struct LayoutBuilderTests {
    private typealias Built = (root: CID, size: UInt64, emitted: [CID])

    private static func build(_ runs: [ChildRun], profile: LayoutProfile) throws -> Built {
        let blocks = LayoutTestBlocks()
        let builder = profile.makeBuilder(sink: blocks.keep)
        for run in runs { try builder.append(leaf: run.cid, size: run.size, count: run.count) }
        let (root, size) = try builder.finish()
        return (root, size, blocks.emitted)
    }

    /// The rule in its plainest words: level by level, over the whole sequence.
    private static func rootOfWholeLevels(_ leaves: [ChildRun], profile: LayoutProfile) throws -> CID {
        guard case .balanced(let nodes) = profile.shape else { throw StoreError(.invalid, "Balanced only") }
        var items = leaves
        while items.count > 1 {
            var level: [ChildRun] = []
            var open: [ChildRun] = []
            for (index, item) in items.enumerated() {
                let ends = nodes.nodeEnd(after: open.count, children: item.cid) == open.count + 1
                open.append(item)
                if ends || index == items.count - 1 {
                    let size = open.reduce(0) { $0 + $1.size }
                    var encoder = TreeNodeEncoder(profile: profile)
                    let cid = try encoder.emit(size: size, children: open) { (_, _, _) in }
                    level.append(ChildRun(cid: cid, size: size, count: 1))
                    open = []
                }
            }
            items = level
        }
        return items[0].cid
    }

    /// Leaves of which neighbours are often equal.
    private static func randomRuns(seed: UInt64) throws -> [ChildRun] {
        var random = SplitMix(state: seed)
        return try (0..<Int.random(in: 1...40, using: &random)).map { (_) in
            let number = UInt64.random(in: 0..<6, using: &random)
            let length = UInt64(1) << UInt64.random(in: 0..<8, using: &random)
            return ChildRun(
                cid: try LayoutFixture.leaf(number), size: 100 + number,
                count: UInt64.random(in: 1...length, using: &random))
        }
    }

    @Test func groupingIntoRunsChangesNothing() throws {
        let profile = try LayoutFixture.smallProfile()
        for seed in 0..<150 as Range<UInt64> {
            let runs = try Self.randomRuns(seed: seed)
            let singles = runs.flatMap { (run) in
                (0..<run.count).map { (_) in ChildRun(cid: run.cid, size: run.size, count: 1) }
            }
            var random = SplitMix(state: ~seed)
            let regrouped = runs.flatMap { (run) in
                let head = UInt64.random(in: 0...run.count, using: &random)
                return [head, run.count - head].map { ChildRun(cid: run.cid, size: run.size, count: $0) }
            }
            let whole = try Self.build(runs, profile: profile)
            for other in [singles, regrouped] {
                let built = try Self.build(other, profile: profile)
                #expect(built.root == whole.root && built.size == whole.size, "seed \(seed)")
                #expect(built.emitted == whole.emitted, "seed \(seed)")
            }
            #expect(whole.size == singles.reduce(0) { $0 + $1.size })
            #expect(try Self.rootOfWholeLevels(singles, profile: profile) == whole.root, "seed \(seed)")
        }
    }

    @Test func everyCountOfLeavesHasTheTreeOfTheRule() throws {
        let profile = try LayoutFixture.smallProfile()
        for count in 1...200 as ClosedRange<UInt64> {
            let leaves = try (0..<count).map {
                ChildRun(cid: try LayoutFixture.leaf($0 + 1000 * count), size: 1 + $0, count: 1)
            }
            let built = try Self.build(leaves, profile: profile)
            #expect(built.root == (try Self.rootOfWholeLevels(leaves, profile: profile)))
            if count > 1 { #expect(built.emitted.last == built.root) }
            #expect(Set(built.emitted).count == built.emitted.count)
        }
    }

    @Test func oneLeafIsItsOwnRoot() throws {
        let leaf = try LayoutFixture.leaf(7)
        for profile in [LayoutProfile.default, try LayoutProfile(shape: .flat)] {
            let built = try Self.build([ChildRun(cid: leaf, size: 8, count: 1)], profile: profile)
            #expect(built.root == leaf && built.size == 8 && built.emitted.isEmpty)
        }
    }

    @Test func nothingIsTheRawBlockOfNoBytes() throws {
        for hash in [CID.HashFunction.blake3, .sha256] {
            for profile in [try LayoutProfile(hash: hash), try LayoutProfile(shape: .flat, hash: hash)] {
                for runs in [[], [ChildRun(cid: try LayoutFixture.leaf(1), size: 8, count: 0)]] {
                    let built = try Self.build(runs, profile: profile)
                    let empty = try [UInt8]().withUnsafeBytes {
                        try CID(hashing: $0, codec: .raw, hash: hash)
                    }
                    #expect(built.root == empty && built.size == 0 && built.emitted.isEmpty)
                }
            }
        }
    }

    @Test func aHoleOfATebibyteIsAFewNodes() throws {
        let leaf = try LayoutFixture.leaf(0)
        for number in 0..<200 as Range<UInt64> {
            let hole = ChildRun(cid: leaf, size: 1 << 18, count: 1 << 22)
            let data = ChildRun(cid: try LayoutFixture.leaf(1 + number), size: 1 << 16, count: 1)
            let built = try Self.build([hole, data, hole], profile: .default)
            #expect(built.size == 1 << 41 + 1 << 16)
            #expect(built.emitted.count <= 24)
        }
    }

    /// Ends of nodes are moved by an edit only until the next one is found again.
    @Test func aNewLeafInFrontKeepsMostNodes() throws {
        let leaves = try (0..<60_000 as Range<UInt64>).map {
            ChildRun(cid: try LayoutFixture.leaf($0), size: 65536, count: 1)
        }
        let old = try Self.build(leaves, profile: .default)
        let inserted = [ChildRun(cid: try LayoutFixture.leaf(1 << 40), size: 1, count: 1)]
        let new = try Self.build(inserted + leaves, profile: .default)
        let kept = Set(old.emitted).intersection(new.emitted).count
        #expect(old.emitted.count > 400)
        #expect(kept > old.emitted.count * 95 / 100)
    }

    @Test func sizesBeyondTheLargestFileAreTooLarge() throws {
        let leaf = try LayoutFixture.leaf(0)
        let builder = LayoutProfile.default.makeBuilder { (_, _, _) in }
        try builder.append(leaf: leaf, size: 1 << 20, count: 1 << 43 - 1)
        try builder.append(leaf: leaf, size: 1 << 20 - 1, count: 1)
        #expect(throws: StoreError.self) { try builder.append(leaf: leaf, size: 1 << 20, count: 1 << 44) }
        #expect(throws: StoreError.self) { try builder.append(leaf: leaf, size: 1 << 20, count: .max) }
        let error = #expect(throws: StoreError.self) { try builder.append(leaf: leaf, size: 1) }
        #expect(error?.code == .tooLarge)
        #expect(try builder.finish().size == UInt64(Int64.max))
        let again = #expect(throws: StoreError.self) { try builder.finish() }
        #expect(again?.code == .invalid)
    }

    @Test func onlyRawBlocksOfABlocksSizeAreLeaves() throws {
        let leaf = try LayoutFixture.leaf(0)
        let node = try LayoutFixture.cid(of: [0xa0], codec: .dagCBOR)
        for (cid, size) in [(leaf, 0), (leaf, 1 << 20 + 1), (leaf, .max), (node, 8)] as [(CID, UInt64)] {
            let builder = LayoutProfile.default.makeBuilder { (_, _, _) in }
            let error = #expect(throws: StoreError.self) { try builder.append(leaf: cid, size: size) }
            #expect(error?.code == .invalid)
        }
    }

    @Test func anErrorOfTheSinkStays() throws {
        for shape in [LayoutProfile.Shape.balanced(.default), .flat] {
            let builder = try LayoutProfile(shape: shape).makeBuilder { (_, _, _) throws(StoreError) in
                throw StoreError(.full, "No room")
            }
            try builder.append(leaf: try LayoutFixture.leaf(0), size: 1, count: 2)
            for _ in 0..<2 {
                let error = #expect(throws: StoreError.self) { try builder.finish() }
                #expect(error?.code == .full)
            }
        }
    }

    @Test func aFlatLayoutEndsWhereItsNodeFillsABlock() throws {
        let leaf = try LayoutFixture.leaf(0)
        let profile = try LayoutProfile(shape: .flat)
        let millions = profile.makeBuilder { (_, _, _) in }
        let error = #expect(throws: StoreError.self) {
            try millions.append(leaf: leaf, size: 1 << 18, count: 1 << 22)
        }
        #expect(error?.code == .tooLarge)

        let runs = [ChildRun(cid: leaf, size: 1 << 18, count: 20_000)]
        let built = try Self.build(runs, profile: profile)
        #expect(built.emitted == [built.root])
        #expect(built.size == 20_000 << 18)
        // The largest count that fits fills the block to less than one more child.
        var fits: UInt64 = 20_000
        var fails: UInt64 = 40_000
        var length = 0
        while fails - fits > 1 {
            let count = (fits + fails) / 2
            let builder = profile.makeBuilder { (_, node, _) in length = node.count }
            do throws(StoreError) {
                try builder.append(leaf: leaf, size: 1 << 18, count: count)
                _ = try builder.finish()
                fits = count
            } catch {
                #expect(error.code == .tooLarge)
                fails = count
            }
        }
        #expect(length <= 1 << 20 && length > 1 << 20 - 128)
    }
}
