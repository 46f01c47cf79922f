import TestSupport
import Testing

@testable import IpldEngine

/// Split nodes that lie. Reading is an error or the value, soon, and never a trap.
@Suite struct NodeHostileTests {
    private static let marker = "ipldstore/node"

    /// Blocks in memory, and nodes made by hand.
    private final class Forger {
        let blocks = LayoutTestBlocks()

        func put(_ value: IPLDValue) throws -> CID {
            try blocks.put(try DagCBOR.encode(value), codec: .dagCBOR)
        }

        func node(_ kind: IPLDValue, _ rest: IPLDValue...) throws -> CID {
            try put([marker: .list([kind] + rest)])
        }

        func code(_ root: CID, limit: UInt64 = 1 << 20) -> StoreError.Code? {
            thrownCode { _ = try NodeReader(source: blocks).value(root, limit: limit) }
        }

        func code(_ root: CID, at path: String...) -> StoreError.Code? {
            thrownCode { _ = try NodeReader(source: blocks).value(root, at: path, limit: 1 << 20) }
        }
    }

    @Test func aTreeMadeByHandIsRead() throws {
        let forger = Forger()
        let one = try forger.node("map", 0, [["a", 1], ["b", "x"]])
        let long = try forger.put("long")
        let two = try forger.node("map", 0, [["c", 3], ["aa", .link(long), 5]])
        let root = try forger.node("map", 1, [["a", .link(one), 2, 7], ["c", .link(two), 2, 11]])
        let value = try NodeReader(source: forger.blocks).value(root, limit: 1000)
        #expect(value == ["a": 1, "b": "x", "c": 3, "aa": "long"])
        #expect(forger.code(root, at: "aa") == nil && forger.code(root, at: "bb") == .notFound)
        let list = try forger.node("list", 0, [[1], [.link(long), 5]])
        let above = try forger.node("list", 1, [[.link(list), 2, 6], [.link(list), 2, 6]])
        #expect(
            try NodeReader(source: forger.blocks).value(above, limit: 1000) == [1, "long", 1, "long"])
    }

    /// Each case differs from the tree above in one thing.
    @Test func eachLieIsFound() throws {
        let forger = Forger()
        let one = try forger.node("map", 0, [["a", 1], ["b", "x"]])
        let two = try forger.node("map", 0, [["c", 3], ["aa", 4]])
        let list = try forger.node("list", 0, [[1], [2]])
        let long = try forger.put("long")
        let good: [IPLDValue] = ["c", .link(two), 2, 7]
        func root(_ first: [IPLDValue], _ second: [IPLDValue]) throws -> CID {
            try forger.node("map", 1, [.list(first), .list(second)])
        }
        #expect(forger.code(try root(["a", .link(one), 2, 7], good)) == nil)
        let bytes = try forger.blocks.put([1, 2, 3], codec: .raw)
        let most: IPLDValue = .integer(Int128(UInt64.max))
        let cases: [(String, CID)] = [
            ("a count that is too large", try root(["a", .link(one), 3, 7], good)),
            ("a count that is too small", try root(["a", .link(one), 1, 7], good)),
            ("a size that is too large", try root(["a", .link(one), 2, 8], good)),
            ("a size that is too small", try root(["a", .link(one), 2, 6], good)),
            ("another first key", try root(["b", .link(one), 2, 7], good)),
            ("the same keys twice", try root(["a", .link(one), 2, 7], ["a", .link(one), 2, 7])),
            ("keys out of order", try root(good, ["a", .link(one), 2, 7])),
            (
                "keys beyond the next node's",
                try root(
                    ["a", .link(try forger.node("map", 0, [["a", 1], ["d", "x"]])), 2, 7], good)
            ),
            ("a child of another kind", try root(["a", .link(list), 2, 7], good)),
            ("a child that is no node", try root(["a", .link(long), 2, 7], good)),
            (
                "a child of its own level",
                try root(
                    ["a", .link(try forger.node("map", 1, [["a", .link(one), 2, 7]])), 2, 7], good)
            ),
            ("a child that is a leaf of bytes", try root(["a", .link(bytes), 2, 7], good)),
            ("sums beyond 2^63", try root(["a", .link(one), 2, most], good)),
            ("counts beyond 2^63", try root(["a", .link(one), most, most], good)),
            ("a child of nothing", try root(["a", .link(one), 0, 0], good)),
            ("more elements than bytes", try root(["a", .link(one), 8, 7], good)),
            ("an item of too few fields", try root(["a", .link(one), 2], good)),
            ("an item without fields", try root([], good)),
            ("an item of too many fields", try root(["a", .link(one), 2, 7, 1], good)),
            ("an absurd level", try forger.node("map", 64, [.list(good)])),
            ("a level that is none", try forger.node("map", "0", [.list(good)])),
            ("an inner node of nothing", try forger.node("map", 1, [])),
            ("a leaf out of order", try forger.node("map", 0, [["b", 1], ["a", 1]])),
            ("a key twice", try forger.node("map", 0, [["a", 1], ["a", 1]])),
            ("a key that is none", try forger.node("map", 0, [[1, 1]])),
            ("a leaf of anything", try forger.node("list", 0, ["a"])),
            ("elements that are none", try forger.node("list", 0, "a")),
            ("an element's size that is too large", try forger.node("list", 0, [[.link(long), 6]])),
            ("an element's size that is too small", try forger.node("list", 0, [[.link(long), 4]])),
            ("an element's size beyond all", try forger.node("list", 0, [[.link(long), most]])),
            ("an element of another codec", try forger.node("list", 0, [[.link(bytes), 3]])),
            ("bytes that are too many", try forger.node("bytes", .link(bytes), 2)),
            ("bytes that are too few", try forger.node("bytes", .link(bytes), 4)),
            ("bytes beyond all", try forger.node("bytes", .link(bytes), most)),
            ("bytes that are no file", try forger.node("bytes", .link(long), 4)),
            ("bytes without a link", try forger.node("bytes", "abc", 3)),
            (
                "text that is none",
                try forger.node("text", .link(try forger.blocks.put([0x61, 0xff], codec: .raw)), 2)
            ),
        ]
        for (what, cid) in cases {
            #expect(forger.code(cid) == .corrupt, "\(what)")
        }
        // By path too, where the path goes there.
        #expect(forger.code(try root(["a", .link(one), 3, 7], good), at: "a") == .corrupt)
        #expect(forger.code(try root(["a", .link(one), 3, 7], good), at: "aa") == nil)
    }

    @Test func aMissingPartIsNotFound() throws {
        let forger = Forger()
        let absent = try LayoutFixture.cid(of: [9, 9, 9], codec: .dagCBOR)
        let absentBytes = try LayoutFixture.cid(of: [9, 9, 9])
        for cid in [
            try forger.node("list", 1, [[.link(absent), 2, 6]]),
            try forger.node("list", 0, [[.link(absent), 6]]),
            try forger.node("bytes", .link(absentBytes), 3), absent,
        ] {
            #expect(forger.code(cid) == .notFound)
        }
    }

    /// Sizes that are true and beyond all memory: refused before anything is read, and read by path at the
    /// cost of the path.
    @Test func aValueLargerThanItsBlocksCostsItsHeight() throws {
        let forger = Forger()
        var cid = try forger.node("list", 0, [[1], [2]])
        for level in 1..<60 {
            let size: IPLDValue = .integer(1 << Int128(level))
            cid = try forger.node(
                "list", .integer(Int128(level)), [[.link(cid), size, size], [.link(cid), size, size]])
        }
        #expect(forger.code(cid) == .tooLarge)
        let value = try NodeReader(source: forger.blocks).value(cid, at: ["\(1 << 60 - 1)"], limit: 100)
        #expect(value == 2)
        #expect(forger.blocks.reads <= 70)
        var nested: IPLDValue = 1
        var size: UInt64 = 1
        // Nodes of their own in one another: true sizes again, but deeper than any value.
        var inner = try forger.put(nested)
        for _ in 0..<(IPLDValue.maximumDepth + 1) {
            nested = .link(inner)
            inner = try forger.node("list", 0, [[nested, .integer(Int128(size))]])
            size += 1
        }
        #expect(forger.code(inner) == .corrupt)
        // Links that stand for one another.
        var link = try forger.put(1)
        for _ in 0..<2000 { link = try forger.put(.link(link)) }
        #expect(forger.code(link, at: "a") == .notFound)
    }

    /// Every size is true, and all of it is one block of a thousand empty lists, ten thousand times.
    @Test func oneChildManyTimesEndsAtTheLimit() throws {
        let forger = Forger()
        let lists: IPLDValue = .list([IPLDValue](repeating: [], count: 1000))
        let one = try forger.put(lists)
        let size = try DagCBOR.encode(lists).count
        let many: IPLDValue = .list(
            [IPLDValue](repeating: [.link(one), .integer(Int128(size))], count: 1000))
        guard case .list(let items) = many else { return }
        let leaf = try forger.node("list", 0, many)
        let above: IPLDValue = [
            .link(leaf), .integer(Int128(items.count)), .integer(Int128(items.count * size)),
        ]
        let root = try forger.node("list", 1, .list([above, above, above, above, above]))
        let encoded = UInt64(5 * items.count * size)
        // Five million empty lists: as much as their places take, and not a fortieth of that.
        let taken = UInt64(5 * items.count * 1000 * MemoryLayout<IPLDValue>.stride)
        #expect(encoded * 16 < taken)
        #expect(forger.code(root, limit: encoded * 16) == .tooLarge)
        #expect(forger.code(root, limit: taken * 3 / 2) == nil)
        // It ended long before the end: a block of lists takes 32 KiB, and the limit was reached by these.
        let reads = forger.blocks.reads
        #expect(forger.code(root, limit: 1 << 20) == .tooLarge)
        #expect(forger.blocks.reads - reads < 40)
        // A tree that claims elements is asked for their places first.
        let wide: IPLDValue = .integer(1 << 40)
        let absent: IPLDValue = .link(try LayoutFixture.cid(of: [9], codec: .dagCBOR))
        let before = forger.blocks.reads
        #expect(forger.code(try forger.node("list", 1, [[absent, wide, wide]]), limit: 1 << 42) == .tooLarge)
        #expect(forger.code(try forger.node("list", 1, [[absent, wide, wide]]), limit: 1 << 39) == .tooLarge)
        #expect(forger.blocks.reads - before == 2)
    }

    /// What one block can make a reader hold is bounded: a node is not longer than nodes get.
    @Test func aNodeThatShouldHaveEndedIsRefused() throws {
        let forger = Forger()
        // 2 bytes each: the last of these is the one that takes 64 KiB.
        let most = 32 << 10
        let longest = [IPLDValue](repeating: [.null], count: most)
        #expect(forger.code(try forger.node("list", 0, .list(longest))) == nil)
        #expect(forger.code(try forger.node("list", 0, .list(longest + [[.null]]))) == .corrupt)
        let absent: IPLDValue = .link(try LayoutFixture.cid(of: [9, 9, 9], codec: .dagCBOR))
        let wide = [IPLDValue](repeating: [absent, 1, 1], count: 20_000)
        #expect(forger.code(try forger.node("list", 1, .list(wide))) == .corrupt)
        let long = String(repeating: "k", count: 200 << 10)
        let pairs: [IPLDValue] = ["a", "b", "c"].map { [.text(long + $0), 1] }
        #expect(forger.code(try forger.node("map", 0, .list(Array(pairs[..<2])))) == nil)
        #expect(forger.code(try forger.node("map", 0, .list(pairs))) == .corrupt)
    }

    /// Stored trees of which one block was replaced, links and all, by what is still DAG-CBOR.
    @Test func forgedTreesAreEditedAndIteratedOrRefused() throws {
        var random = SplitMix(state: 11)
        let fixture = try NodeFixture()
        var map = IPLDMap()
        for number in 1000..<1400 { _ = map.append("key \(number)", .integer(Int128(number))) }
        let list: IPLDValue = .list((0..<400).map { .integer($0 << 10) })
        let roots = [try fixture.put(.map(map)), try fixture.put(list)]
        var forged = 0
        var failed = 0
        for _ in 0..<3000 {
            let isMap = random.below(2) == 0
            var block = try fixture.block(roots[isMap ? 0 : 1])
            for _ in 0..<(1 + random.below(2)) { block[random.below(block.count)] = UInt8(random.below(256)) }
            let put = try? block.withUnsafeBytes { try fixture.batch.putBlock($0, codec: .dagCBOR) }
            guard let root = put, root != roots[isMap ? 0 : 1] else { continue }
            forged += 1
            let place = random.below(400)
            let change: NodeChange =
                isMap
                ? .set(key: "key \(1000 + place)", "new") : .replace(place..<(place + 1), with: ["new"])
            for code in [
                thrownCode { _ = try fixture.edit(root, [], [change]) },
                thrownCode { _ = try fixture.batch.node(root) },
                thrownCode { _ = try fixture.batch.size(of: root) },
            ] where code != nil {
                failed += 1
                #expect([.corrupt, .notFound, .unsupported, .tooLarge, .invalid].contains(code))
            }
        }
        #expect(forged > 100 && failed > 100)
    }

    /// Any bytes in the place of any block.
    @Test func damagedBlocksNeverTrap() throws {
        var random = SplitMix(state: 5)
        let fixture = try NodeFixture()
        var blocks: [(CID, LayoutTestBlocks, [CID])] = []
        for _ in 0..<8 {
            let cid = try fixture.put(random.largeValue())
            var all: Set<CID> = []
            try fixture.blocks(cid, &all)
            let copies = LayoutTestBlocks()
            for block in all { copies.blocks[block] = try fixture.block(block) }
            blocks.append((cid, copies, copies.blocks.keys.map { $0 }))
        }
        for _ in 0..<1500 {
            let (root, copies, cids) = blocks[random.below(blocks.count)]
            let victim = cids[random.below(cids.count)]
            guard let good = copies.blocks[victim], !good.isEmpty else { continue }
            var bad = good
            for _ in 0..<(1 + random.below(3)) { bad[random.below(bad.count)] = UInt8(random.below(256)) }
            copies.blocks[victim] = bad
            let code = thrownCode { _ = try NodeReader(source: copies).value(root, limit: 1 << 24) }
            #expect([nil, .corrupt, .notFound, .unsupported, .tooLarge].contains(code))
            copies.blocks[victim] = good
        }
    }
}
