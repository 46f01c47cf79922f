import TestSupport
import Testing

@testable import IpldEngine

/// An edited value is the value that is stored afresh, at the cost of the edit.
@Suite struct NodeEditTests {
    /// A random container in a value, and the path to it.
    private func place(_ value: IPLDValue, _ random: inout SplitMix) -> [String] {
        var path: [String] = []
        var here = value
        while random.below(3) > 0 {
            let deeper: [(String, IPLDValue)] =
                switch here {
                case .map(let map): map.map { ($0.key, $0.value) }
                case .list(let list): list.enumerated().map { ("\($0.offset)", $0.element) }
                default: []
                }
            let containers = deeper.filter {
                switch $0.1 {
                case .map, .list: true
                default: false
                }
            }
            guard let (segment, next) = containers.randomElement(using: &random) else { break }
            path.append(segment)
            here = next
        }
        return path
    }

    /// The value with a change made to what is at `path`, by `change`.
    private func changed(
        _ value: IPLDValue, _ path: ArraySlice<String>, _ change: (IPLDValue) -> IPLDValue
    ) -> IPLDValue {
        guard let segment = path.first else { return change(value) }
        switch value {
        case .map(var map):
            if let child = map[segment] { map[segment] = changed(child, path.dropFirst(), change) }
            return .map(map)
        case .list(var list):
            if let index = Int(segment) { list[index] = changed(list[index], path.dropFirst(), change) }
            return .list(list)
        default: return value
        }
    }

    private func changes(of value: IPLDValue, _ random: inout SplitMix) -> (
        [NodeChange], IPLDValue
    ) {
        var changes: [NodeChange] = []
        let most = random.below(3) == 0 ? 40 : 3
        switch value {
        case .map(var map):
            // Sometimes nearly all goes.
            if random.below(8) == 0 {
                for (key, _) in map where random.below(20) > 0 {
                    changes.append(.remove(key: key))
                }
                for case .remove(let key) in changes { map[key] = nil }
            }
            for _ in 0..<(1 + random.below(most)) {
                if random.below(3) == 0, let key = map.randomElement(using: &random)?.key {
                    changes.append(.remove(key: key))
                    map[key] = nil
                } else {
                    let key = random.key()
                    let value = random.below(10) == 0 ? random.largeValue(depth: 0) : random.value(depth: 1)
                    changes.append(.set(key: key, value))
                    map[key] = value
                }
            }
            return (changes, .map(map))
        case .list(var list):
            var position = 0
            var result: [IPLDValue] = []
            let old = list
            for _ in 0..<(1 + random.below(most)) where position <= old.count {
                let start = position + random.below(old.count - position + 1)
                var length = min(random.below(3), old.count - start)
                if random.below(20) == 0 { length = random.below(old.count - start + 1) }
                let values = (0..<random.below(3)).map { _ in
                    random.below(10) == 0 ? random.largeValue(depth: 0) : random.value(depth: 1)
                }
                changes.append(.replace(start..<(start + length), with: values))
                result += old[position..<start] + values
                position = start + length
            }
            list = result + old[position...]
            return (changes, .list(list))
        default: return ([], value)
        }
    }

    /// Random histories of edits: after each the root is that of the value stored afresh.
    @Test(arguments: 1...40) func editsGiveWhatStoringAfreshGives(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let fixture = try NodeFixture()
        var value = random.largeValue()
        switch value {
        case .list, .map: break
        default: value = [value, random.largeValue()]
        }
        var cid = try fixture.put(value)
        for _ in 0..<20 {
            let path = place(value, &random)
            var made: [NodeChange] = []
            value = changed(value, path[...]) { (old) in
                let (changes, new) = changes(of: old, &random)
                made = changes
                return new
            }
            cid = try fixture.edit(cid, path, made)
            try #require(try cid == fixture.put(value), "seed \(seed), path \(path)")
        }
        #expect(try fixture.batch.node(cid) == value)
    }

    /// Blocks that an edit adds, in trees of many levels: a few a level.
    @Test func anEditCostsItsPath() throws {
        let fixture = try NodeFixture()
        var map = IPLDMap()
        for number in 10_000..<20_000 { _ = map.append("key \(number)", .integer(Int128(number))) }
        let list: [IPLDValue] = (0..<10_000).map { .integer($0 << 10) }
        let cids = [try fixture.put(.map(map)), try fixture.put(.list(list))]
        var random = SplitMix(state: 1)
        for cid in cids {
            var old: Set<CID> = []
            try fixture.blocks(cid, &old)
            let level = try #require(try fixture.level(cid))
            #expect(level >= 3 && old.count > 300)
            var added = 0
            for _ in 0..<40 {
                let place = random.below(10_000)
                let change: NodeChange =
                    switch (cid == cids[0], random.below(3)) {
                    case (true, 0): .remove(key: "key \(10_000 + place)")
                    case (true, 1): .set(key: "key \(10_000 + place)+", .null)
                    case (true, _): .set(key: "key \(10_000 + place)", .null)
                    case (false, 0): .replace(place..<(place + 1), with: [])
                    case (false, 1): .replace(place..<place, with: [.null])
                    case (false, _): .replace(place..<(place + 1), with: [.null])
                    }
                var new: Set<CID> = []
                try fixture.blocks(try fixture.edit(cid, [], [change]), &new)
                let cost = new.subtracting(old).count
                #expect(cost <= 6 * (level + 1))
                added += cost
            }
            #expect(added <= 40 * 2 * (level + 1))
        }
    }

    @Test func aPathGoesThroughLinks() throws {
        let test = try TestStore()
        let batch = try test.store.makeBatch()
        let leaf = try batch.putNode(["x": [1, 2, 3]])
        let large: IPLDValue = .map([
            "other": .list((0..<400_000).map { .integer($0) }), "leaf": .link(leaf), "only": "text",
        ])
        let middle = try batch.putNode(large)
        let alias = try batch.putNode(.link(middle))
        let raw = try [UInt8]([7]).withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
        let root = try batch.putNode(["middle": .link(alias), "raw": .link(raw)])
        #expect(try batch.value(root, at: ["middle", "leaf", "x", "1"]) == 2)
        #expect(try batch.value(root, at: ["middle", "leaf"]) == .link(leaf))
        #expect(try batch.value(root, at: ["middle", "other", "399999"]) == 399_999)
        #expect(try batch.value(root, at: ["middle"]) == .link(alias))
        let edited = try batch.editNode(
            root, at: ["middle", "leaf", "x"], [.replace(1..<2, with: [20]), .replace(3..<3, with: [4])])
        #expect(try batch.value(edited, at: ["middle", "leaf", "x"]) == [1, 20, 3, 4])
        let expectedLeaf = try batch.putNode(["x": [1, 20, 3, 4]])
        #expect(try batch.value(edited, at: ["middle", "leaf"]) == .link(expectedLeaf))
        #expect(try batch.value(root, at: ["middle", "leaf", "x"]) == [1, 2, 3])
        for path in [
            ["nothing"], ["middle", "leaf", "x", "3"], ["middle", "leaf", "x", "01"],
            ["middle", "only", "0"],
            ["middle", "leaf", "y"], ["raw", "0"], ["middle", "other", "400000"], ["middle", "other", "-1"],
        ] {
            #expect(thrownCode { _ = try batch.value(root, at: path) } == .notFound, "\(path)")
            let error = #expect(throws: StoreError.self) { try batch.value(root, at: path) }
            #expect(error?.message.contains(path.last ?? "") == true)
        }
        try batch.setRoot("root", to: edited)
        try batch.commit()
        #expect(try test.store.value(edited, at: ["middle", "other", "5"]) == 5)
        #expect(try test.store.verify().isClean)
    }

    @Test func changesThatFitNothingAreRefused() throws {
        let test = try TestStore()
        let list = try test.store.putNode([1, 2, 3])
        let large = try test.store.putNode(.list((0..<400_000).map { .integer($0) }))
        let map = try test.store.putNode(["a": 1])
        func refused(_ cid: CID, _ changes: NodeChange..., at path: [String] = []) -> StoreError.Code? {
            thrownCode { _ = try test.store.editNode(cid, at: path, changes) }
        }
        for cid in [list, large] {
            #expect(refused(cid, .set(key: "a", 1)) == .invalid)
            #expect(refused(cid, .replace(0..<2, with: []), .replace(1..<2, with: [])) == .invalid)
            #expect(refused(cid, .replace(500_000..<500_001, with: [])) == .notFound)
            #expect(refused(cid, .replace(0..<1, with: []), at: ["1"]) == .invalid)
        }
        #expect(refused(map, .replace(0..<0, with: [])) == .invalid)
        #expect(refused(map, .remove(key: "b")) == .notFound)
        #expect(refused(map, .set(key: "b", .float(.infinity))) == .invalid)
        #expect(refused(map, .remove(key: "b"), at: ["c"]) == .notFound)
    }

    /// Links in the value and links that make up the tree are counted alike, and all go with the last name.
    @Test func linksAreCountedAndNothingIsLeft() throws {
        let test = try TestStore()
        var leaves: [IPLDValue] = []
        for number in 0..<60 {
            leaves.append(.link(try test.store.put(randomBytes(100, seed: UInt64(number)), codec: .raw)))
        }
        let batch = try test.store.makeBatch()
        let value: IPLDValue = .list((0..<40_000).map { leaves[$0 % 60] })
        let cid = try batch.putNode([
            "list": value, "bytes": .bytes(randomBytes(3 << 20, seed: 9)), "k": leaves[0],
        ])
        let edited = try batch.editNode(cid, at: ["list"], [.replace(20_000..<20_001, with: [.null])])
        try batch.setRoot("a", to: cid)
        try batch.setRoot("b", to: edited)
        try batch.commit()
        for hold in try test.store.holds(owner: nil) { _ = try test.store.dereference(hold.cid) }
        #expect(try test.store.verify().isClean)
        #expect(try test.store.value(edited, at: ["list", "20001"]) == leaves[20_001 % 60])
        _ = try test.store.removeRoot("a")
        _ = try test.store.gc()
        #expect(try test.store.verify().isClean)
        #expect(try test.store.value(edited, at: ["list", "20000"]) == .null)
        guard case .link(let leaf) = leaves[1] else { return }
        #expect(try test.store.has(leaf))
        _ = try test.store.removeRoot("b")
        _ = try test.store.gc()
        #expect(try test.store.stat().blocks == 0)
        #expect(try test.store.verify().isClean)
    }

    /// `verify` holds a split node's parts to what it says of them.
    @Test func verifyFindsPartsThatAreNotAsTheNodeSays() throws {
        let test = try TestStore()
        let leaf = try test.store.putNode(["ipldstore/node": 1])
        let lying = try DagCBOR.encode(["ipldstore/node": ["list", 0, [[.link(leaf), 500]]]])
        _ = try test.store.put(lying, codec: .dagCBOR)
        let absent = try LayoutFixture.cid(of: [1], codec: .dagCBOR)
        let broken = try DagCBOR.encode(["ipldstore/node": ["list", 1, [[.link(absent), 1, 5]]]])
        _ = try test.store.put(broken, codec: .dagCBOR)
        let problems = try test.store.verify().problems.map(\.kind)
        #expect(problems.contains(.wrongSize) && problems.contains(.missingBlock))
    }

    @Test func anIteratorBeginsAnywhere() throws {
        let test = try TestStore()
        var map = IPLDMap()
        for number in 100_000..<250_000 { _ = map.append("\(number)", .integer(Int128(number))) }
        let cid = try test.store.putNode(["map": .map(map), "list": [1, 2], "small": ["b": 1, "cc": 2]])
        let large = try test.store.makeNodeIterator(of: cid, at: ["map"])
        #expect(large.count == 150_000)
        try large.seek(toKey: "123456")
        for number in 123_456..<130_000 {
            let (key, value) = try #require(try large.next())
            guard key == "\(number)", value == .integer(Int128(number)) else {
                Issue.record("\(number): \(key ?? "")")
                break
            }
        }
        try large.seek(toKey: "99999")
        #expect(large.position == 0)
        try large.seek(toKey: "9999990")
        #expect(try large.next() == nil)
        try large.seek(to: 149_999)
        #expect(try large.next()?.key == "249999")
        #expect(thrownCode { try large.seek(to: 150_001) } == .invalid)
        let small = try test.store.makeNodeIterator(of: cid, at: ["small"])
        try small.seek(toKey: "c")
        #expect(try small.next()?.value == 2)
        #expect(try small.next() == nil)
        let list = try test.store.makeNodeIterator(of: cid, at: ["list"])
        #expect(try list.next()?.value == 1 && list.position == 1)
        #expect(thrownCode { try list.seek(toKey: "a") } == .invalid)
        #expect(thrownCode { _ = try test.store.makeNodeIterator(of: cid, at: ["list", "0"]) } == .invalid)
    }
}
