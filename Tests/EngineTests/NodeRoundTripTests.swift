import TestSupport
import Testing

@testable import IpldEngine

/// Values of any size come back equal, under a CID that they alone decide.
@Suite struct NodeRoundTripTests {
    @Test(arguments: 1...12) func valuesComeBackEqual(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let fixture = try NodeFixture()
        for _ in 0..<25 {
            let value = random.largeValue()
            let encoded = try DagCBOR.encode(value)
            let cid = try fixture.put(value)
            #expect(try fixture.batch.node(cid) == value)
            #expect(try fixture.batch.size(of: cid) == UInt64(encoded.count))
            if encoded.count <= fixture.limits.blockBytes {
                #expect(try cid == LayoutFixture.cid(of: encoded, codec: .dagCBOR))
            }
            let again = try encoded.withBytes { (bytes) throws(StoreError) in
                try NodeWriter(batch: fixture.batch, limits: fixture.limits).put(bytes)
            }
            #expect(again == cid)
        }
    }

    /// Whatever could be taken for a split node comes back as what it was, and is not it.
    @Test func aValueThatLooksLikeASplitNodeStaysItself() throws {
        let test = try TestStore()
        let large: IPLDValue = .list((0..<300_000).map { .integer(Int128($0)) })
        let split = try test.store.putNode(large)
        let marker = "ipldstore/node"
        let bytes = try test.store.put([1, 2, 3])
        var likes: [IPLDValue] = [
            try DagCBOR.decode(try test.store.block(split)),
            [marker: 1], [marker: ["map", 0, []]], [marker: ["list", 0, []], "other and longer key": true],
            [marker: ["bytes", .link(bytes), 3]], [marker: ["text", .link(bytes), 4]], [marker: .null],
            [marker: ["list", 0, [[1]]]], [marker: ["nothing", 0, []]],
            [marker: .map([marker: ["list", 0, [[1]]]])],
        ]
        for like in likes { likes.append(["a": like]) }
        for like in likes {
            let cid = try test.store.putNode(like)
            #expect(cid != split)
            #expect(try test.store.node(cid) == like)
            #expect(try test.store.size(of: cid) == UInt64(DagCBOR.encode(like).count))
            #expect(try test.store.value(cid, at: []) == like)
        }
        let all: IPLDValue = .list(likes)
        #expect(try test.store.node(try test.store.putNode(all)) == all)
        let block: IPLDValue = .list(likes + [.bytes(randomBytes(Block.maximumLength, seed: 1))])
        #expect(try test.store.node(try test.store.putNode(block)) == block)
        #expect(try test.store.verify().isClean)
    }

    /// An element that has the shape of a file's tree is a value like any other.
    @Test func anElementThatLooksLikeAFileStaysItself() throws {
        let test = try TestStore()
        let file = try test.store.put(randomBytes(8 << 20, seed: 1))
        let like = try DagCBOR.decode(try test.store.block(file))
        let value: IPLDValue = [like, .bytes(randomBytes(2 << 20, seed: 2))]
        let cid = try test.store.putNode(value)
        #expect(try test.store.node(cid) == value)
        #expect(try test.store.value(cid, at: ["0", "size"]) == 8_388_608)
        #expect(try test.store.verify().isClean)
    }

    /// The one block limit: a byte more, and the value is split; all sizes around it come back.
    @Test func theLimitOfABlockIsTheLimitOfNothing() throws {
        let test = try TestStore()
        for length in [-6, -5, -4, 0, 1].map({ Block.maximumLength + $0 }) {
            for value: IPLDValue in [
                .bytes(randomBytes(length, seed: 1)), .text(String(repeating: "x", count: length)),
                .list([.bytes(randomBytes(length, seed: 2))]),
                ["key": .text(String(repeating: "x", count: length))],
            ] {
                let encoded = try DagCBOR.encode(value)
                let cid = try test.store.putNode(value)
                #expect(try test.store.node(cid) == value)
                let isBlock = encoded.count <= Block.maximumLength
                #expect(try (cid == LayoutFixture.cid(of: encoded, codec: .dagCBOR)) == isBlock)
                #expect(try test.store.size(of: cid) == UInt64(encoded.count))
            }
        }
    }

    @Test func aMillionEntriesAndTwoMillionElements() throws {
        let test = try TestStore()
        var map = IPLDMap()
        for number in 1_000_000..<2_000_000 {
            _ = map.append("key \(number)", .integer(Int128(number)))
        }
        let mapCID = try test.store.putNode(.map(map))
        #expect(try test.store.node(mapCID) == .map(map))
        #expect(try test.store.value(mapCID, at: ["key 1654321"]) == 1_654_321)
        #expect(thrownCode { _ = try test.store.value(mapCID, at: ["key 16543210"]) } == .notFound)
        let list: IPLDValue = .list((0..<2_000_000).map { .text("\($0)") })
        let listCID = try test.store.putNode(list)
        #expect(try test.store.node(listCID) == list)
        #expect(try test.store.value(listCID, at: ["1999999"]) == "1999999")
        #expect(thrownCode { _ = try test.store.value(listCID, at: ["2000000"]) } == .notFound)
        // An edit of either costs a few blocks a level.
        let before = try test.store.stat().blocks
        let edited = try test.store.editNode(
            mapCID, [.set(key: "key 1500000", .null), .remove(key: "key 1000000")])
        map["key 1500000"] = .null
        map["key 1000000"] = nil
        #expect(try test.store.stat().blocks - before <= 10)
        #expect(try edited == test.store.putNode(.map(map)))
        #expect(try test.store.verify().isClean)
    }

    @Test func aSequenceOfElementsIsStoredAsItComes() throws {
        let test = try TestStore()
        let batch = try test.store.makeBatch()
        for count in [0, 3, 300_000] {
            let list: IPLDValue = .list((0..<count).map { .integer(Int128($0)) })
            var number = 0
            let streamed = try batch.putList { () throws(StoreError) in
                defer { number += 1 }
                return number < count ? .integer(Int128(number)) : nil
            }
            #expect(try streamed == batch.putNode(list))
            var map = IPLDMap()
            for number in 0..<count { _ = map.append("\(1_000_000 + number)", .null) }
            var index = 0
            let streamedMap = try batch.putMap { () throws(StoreError) in
                defer { index += 1 }
                return index < count ? ("\(1_000_000 + index)", .null) : nil
            }
            #expect(try streamedMap == batch.putNode(.map(map)))
        }
        #expect(thrownCode { _ = try batch.putMap { () throws(StoreError) in ("same", 1) } } == .invalid)
    }

    @Test func hundredsOfMegabytes() throws {
        let test = try TestStore()
        let bytes = randomBytes(200 << 20, seed: 3)
        let cid = try test.store.putNode(.bytes(bytes))
        #expect(try test.store.size(of: cid) == UInt64(bytes.count + 5))
        #expect(try test.store.node(cid) == .bytes(bytes))
        // Elsewhere the same bytes are the same blocks.
        let before = try test.store.stat().rawBytes
        let nested: IPLDValue = ["a": .bytes(bytes), "b": [.bytes(bytes), "text"]]
        let nestedCID = try test.store.putNode(nested)
        #expect(try test.store.stat().rawBytes - before < 2000)
        #expect(try test.store.value(nestedCID, at: ["b", "1"]) == "text")
        #expect(try test.store.value(nestedCID, at: ["b", "0"]) == .bytes(bytes))
        #expect(thrownCode { _ = try test.store.node(nestedCID, limit: 300 << 20) } == .tooLarge)
    }

    /// Each of a thousand levels is larger than a block.
    @Test func aLargeValueAtTheGreatestDepth() throws {
        let test = try TestStore()
        var value: IPLDValue = .list((0..<200_000).map { .integer(Int128($0) << 20) })
        for level in 1..<IPLDValue.maximumDepth {
            value = level % 2 == 0 ? .list([value]) : ["deeper": value]
        }
        let cid = try test.store.putNode(value)
        #expect(try test.store.node(cid) == value)
        let path = (1..<IPLDValue.maximumDepth).reversed().map { $0 % 2 == 0 ? "0" : "deeper" }
        #expect(try test.store.value(cid, at: path + ["199999"]) == .integer(199_999 << 20))
        let edited = try test.store.editNode(cid, at: path, [.replace(0..<200_000, with: [])])
        #expect(try test.store.value(edited, at: path) == .list([]))
        // A block it is again, as it would be anywhere.
        #expect(try edited == LayoutFixture.cid(of: test.store.block(edited), codec: .dagCBOR))
        #expect(thrownCode { _ = try test.store.putNode([value]) } == .invalid)
    }

    @Test func whatHasNoEncodingIsRefused() throws {
        let test = try TestStore()
        #expect(thrownCode { _ = try test.store.putNode(.float(.nan)) } == .invalid)
        let unsorted: [UInt8] = [0xa2, 0x61, 0x62, 1, 0x61, 0x61, 1]
        #expect(
            thrownCode { _ = try unsorted.withUnsafeBytes { try test.store.putNode(dagCBOR: $0) } }
                == .invalid)
        let long = String(repeating: "k", count: ProllyLimits.standard.keyBytes + 1)
        let value: IPLDValue = .map([long: .null, "b": .bytes(randomBytes(1 << 20, seed: 1))])
        #expect(thrownCode { _ = try test.store.putNode(value) } == .tooLarge)
        #expect(try test.store.stat().blocks == 0)
    }
}
