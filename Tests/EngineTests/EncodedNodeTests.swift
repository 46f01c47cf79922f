import TestSupport
import Testing

@testable import IpldEngine

extension EncodedNode {
    /// All of it, which is as long as it says.
    fileprivate func bytes() throws -> [UInt8] {
        var bytes: [UInt8] = []
        try write { (piece) throws(StoreError) in
            bytes.append(contentsOf: piece)
            guard UInt64(bytes.count) <= size else { throw StoreError(.internal, "more than it says") }
        }
        #expect(UInt64(bytes.count) == size)
        return bytes
    }
}

/// A value comes out as its DAG-CBOR without being held.
@Suite struct EncodedNodeTests {
    @Test func whatComesOutIsTheEncoding() throws {
        var random = SplitMix(state: 8)
        let fixture = try NodeFixture()
        let values: [IPLDValue] =
            (0..<60).map { _ in random.largeValue() } + [[], [:], 1, "text", .bytes([])]
        let cids = try values.map { try fixture.put($0) }
        try fixture.batch.commit()
        let store = fixture.test.store
        for (value, cid) in zip(values, cids) {
            #expect(try store.encodedNode(cid).bytes() == DagCBOR.encode(value))
            guard case .map(let map) = value, !map.isEmpty else { continue }
            for _ in 0..<3 {
                let element = map[random.below(map.count)]
                guard !element.key.contains("/") else { continue }
                let encoded = try store.encodedNode(cid, at: [element.key]).bytes()
                #expect(try encoded == DagCBOR.encode(element.value))
            }
        }
        let raw = try store.put([1, 2, 3])
        #expect(try store.encodedNode(raw).bytes() == [0x43, 1, 2, 3])
    }

    @Test func elementsComeOutOneByOne() throws {
        var random = SplitMix(state: 9)
        let fixture = try NodeFixture()
        let values = (0..<40).map { _ in random.largeValue() }
        let cids = try values.map { try fixture.put($0) }
        try fixture.batch.commit()
        for (value, cid) in zip(values, cids) {
            let elements: [(String?, IPLDValue)]
            switch value {
            case .map(let map): elements = map.map { ($0.key, $0.value) }
            case .list(let list): elements = list.map { (nil, $0) }
            default: continue
            }
            let iterator = try fixture.test.store.makeNodeIterator(of: cid)
            #expect(iterator.isMap == (elements.first.map { $0.0 != nil } ?? iterator.isMap))
            for (number, element) in elements.enumerated() {
                let found = try #require(try iterator.peek())
                #expect(try found.key == element.0 && found.value.bytes() == DagCBOR.encode(element.1))
                #expect(iterator.position == UInt64(number))
                iterator.skip()
            }
            #expect(try iterator.peek() == nil)
            iterator.skip()
            #expect(iterator.position == iterator.count)
        }
    }

    @Test func textIsCheckedAcrossItsPieces() throws {
        let test = try TestStore()
        for shift in 0..<4 {
            let text = String(repeating: "x", count: shift) + String(repeating: "😀漢é", count: 400_000)
            let cid = try test.store.putNode(.text(text))
            #expect(try test.store.encodedNode(cid).bytes() == DagCBOR.encode(.text(text)))
        }
        // Cut in a character, at its end and where its pieces meet.
        for bad in [
            [UInt8](repeating: 0x78, count: 3 << 20) + [0xf0, 0x9f],
            {
                var bytes = [UInt8](repeating: 0x78, count: 3 << 20)
                bytes[(1 << 20) - 1] = 0xe6
                return bytes
            }(),
        ] {
            let content = try test.store.put(bad)
            let node: IPLDValue = ["ipldstore/node": ["text", .link(content), .integer(Int128(bad.count))]]
            let cid = try test.store.put(DagCBOR.encode(node), codec: .dagCBOR)
            #expect(thrownCode { _ = try test.store.encodedNode(cid).bytes() } == .corrupt)
            #expect(thrownCode { _ = try test.store.node(cid) } == .corrupt)
        }
    }

    /// As the values that are read whole, and no more bytes than the root says.
    @Test func aForgedTreeIsAnError() throws {
        let test = try TestStore()
        func put(_ value: IPLDValue) throws -> CID {
            try test.store.put(DagCBOR.encode(value), codec: .dagCBOR)
        }
        func node(_ kind: IPLDValue, _ rest: IPLDValue...) throws -> CID {
            try put(["ipldstore/node": .list([kind] + rest)])
        }
        let long = try put("long")
        let one = try node("map", 0, [["a", 1], ["b", "x"]])
        let bytes = try test.store.put([1, 2, 3])
        let absent: IPLDValue = .link(try LayoutFixture.cid(of: [9, 9], codec: .dagCBOR))
        for (what, cid) in [
            ("an element that is longer", try node("list", 0, [[.link(long), 4]])),
            ("an element that is shorter", try node("list", 0, [[.link(long), 6]])),
            ("a child of fewer elements", try node("map", 1, [["a", .link(one), 3, 7]])),
            ("a child of other keys", try node("map", 1, [["b", .link(one), 2, 7]])),
            ("bytes that are too many", try node("bytes", .link(bytes), 2)),
            ("bytes that are too few", try node("bytes", .link(bytes), 4)),
            ("bytes that are no file", try node("bytes", .link(long), 4)),
            ("an element that is raw", try node("list", 0, [[.link(bytes), 4]])),
        ] {
            #expect(thrownCode { _ = try test.store.encodedNode(cid).bytes() } == .corrupt, "\(what)")
        }
        let missing = try node("list", 0, [[absent, 6]])
        #expect(thrownCode { _ = try test.store.encodedNode(missing).bytes() } == .notFound)
        var inner = try put(1)
        for size in 1..<(IPLDValue.maximumDepth + 2) {
            inner = try node("list", 0, [[.link(inner), .integer(Int128(size))]])
        }
        #expect(thrownCode { _ = try test.store.encodedNode(inner).bytes() } == .corrupt)
        // An iterator stays at an element that cannot be read, and can pass over it.
        let iterator = try test.store.makeNodeIterator(of: try node("list", 0, [[.link(long), 4], [7]]))
        #expect(thrownCode { _ = try iterator.next() } == .corrupt && iterator.position == 0)
        iterator.skip()
        #expect(try iterator.next()?.value == 7)
        // Or one that is too large.
        let large = try test.store.putNode([.bytes([UInt8](repeating: 1, count: 2 << 20)), 5])
        let elements = try test.store.makeNodeIterator(of: large)
        #expect(thrownCode { _ = try elements.next(limit: 1 << 20) } == .tooLarge)
        #expect(try elements.next(limit: 3 << 20) != nil && elements.next()?.value == 5)
    }
}
