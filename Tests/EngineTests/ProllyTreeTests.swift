import TestSupport
import Testing

@testable import IpldEngine

/// The tree itself, keyed by any bytes, as directories use it.
@Suite struct ProllyTreeTests {
    private func key(_ number: Int) -> [UInt8] { [UInt8(number >> 8 & 255), 0xff, UInt8(number & 255)] }

    @Test(arguments: 1...10) func sortedBytesAreFoundEditedAndCanonical(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let fixture = try NodeFixture()
        var model: [Int: IPLDValue] = [:]
        for _ in 0..<random.below(3000) { model[random.below(5000)] = random.value(depth: 1) }
        func build() throws -> CID {
            let builder = ByteMapBuilder(fixture.batch, limits: .small)
            for (number, value) in model.sorted(by: { $0.key < $1.key }) {
                try builder.append(key(number), try DagCBOR.encode(value))
            }
            #expect(builder.count == UInt64(model.count))
            return try builder.finish()
        }
        var root = try build()
        for _ in 0..<20 {
            let before = (root, model)
            let numbers = Set((0..<random.below(10)).map { _ in random.below(5000) }).sorted()
            var changes: [(key: [UInt8], value: [UInt8]?)] = []
            var values: [IPLDValue?] = []
            var map = try ByteMap(root, source: fixture.batch)
            for number in numbers {
                let (position, isThere) = try map.position(of: key(number))
                #expect(isThere == (model[number] != nil))
                #expect(try map.value(of: key(number)) == model[number].map { try DagCBOR.encode($0) })
                #expect(position == UInt64(model.keys.count { $0 < number }))
                if isThere { #expect(try map.entry(at: position).key == key(number)) }
                let value = random.below(3) == 0 ? nil : random.value(depth: 1)
                changes.append((key(number), try value.map { try DagCBOR.encode($0) }))
                values.append(value)
            }
            for (number, value) in zip(numbers, values) { model[number] = value }
            let edited = try fixture.batch.editByteMap(root, limits: .small, changes)
            root = edited.root
            #expect(edited.count == UInt64(model.count))
            try #require(try root == build())
            #expect(try ByteMap(root, source: fixture.batch).count == UInt64(model.count))
            try expectDifferences(fixture.batch, before, (root, model))
        }
        #expect(
            thrownCode { _ = try NodeReader(source: fixture.batch).value(root, limit: 1 << 20) }
                == .unsupported)
    }

    private func expectDifferences(
        _ batch: Batch, _ old: (root: CID, model: [Int: IPLDValue]),
        _ new: (root: CID, model: [Int: IPLDValue])
    ) throws {
        var expected = Set(old.model.keys).union(new.model.keys).filter { old.model[$0] != new.model[$0] }
            .sorted()[...]
        var diff = ByteMapDiff(
            from: try ByteMap(old.root, source: batch), to: try ByteMap(new.root, source: batch))
        while let change = try diff.next() {
            let first = expected.popFirst()
            let number = try #require(first)
            #expect(change.key == key(number))
            let values = try [old.model[number], new.model[number]].map {
                try $0.map { try DagCBOR.encode($0) }
            }
            #expect([change.old, change.new] == values)
        }
        #expect(expected.isEmpty)
    }

    /// Two maps of any height are compared, whatever was changed where.
    @Test(arguments: 1...10) func differencesOfAnyTwoMapsAreFound(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let fixture = try NodeFixture()
        func build(_ model: [Int: IPLDValue]) throws -> CID {
            let builder = ByteMapBuilder(fixture.batch, limits: .small)
            for (number, value) in model.sorted(by: { $0.key < $1.key }) {
                try builder.append(key(number), try DagCBOR.encode(value))
            }
            return try builder.finish()
        }
        var old: [Int: IPLDValue] = [:]
        for _ in 0..<random.below(2000) { old[random.below(3000)] = random.value(depth: 1) }
        for _ in 0..<6 {
            var new = old
            let first = random.below(3000)
            switch random.below(3) {
            case 0: for number in first..<(first + random.below(900)) { new[number] = nil }
            case 1: for number in first..<(first + random.below(900)) { new[number] = .integer(7) }
            default: for _ in 0..<20 { new[random.below(3000)] = random.value(depth: 2) }
            }
            try expectDifferences(fixture.batch, (build(old), old), (build(new), new))
            try expectDifferences(fixture.batch, (build(new), new), (build(old), old))
            try expectDifferences(fixture.batch, (build([:]), [:]), (build(new), new))
            old = new
        }
    }

    /// What was not changed is not read.
    @Test func aDifferenceReadsThePathsToTheChanges() throws {
        let test = try TestStore()
        let batch = try test.store.makeBatch()
        let builder = ByteMapBuilder(batch)
        for number in 0..<200_000 { try builder.append(Self.longKey(number), [0x19, 0x12, 0x34]) }
        let root = try builder.finish()
        let changes = stride(from: 500, to: 200_000, by: 20_000).map {
            (Self.longKey($0), [0x01] as [UInt8]?)
        }
        let edited = try batch.editByteMap(root, changes)
        let source = CountingSource(batch)
        var diff = ByteMapDiff(
            from: try ByteMap(root, source: source), to: try ByteMap(edited.root, source: source))
        var found = 0
        while try diff.next() != nil { found += 1 }
        #expect(found == 10)
        // A root, and for each change a leaf and at most two nodes above it, of each map.
        #expect(source.count <= 2 * (1 + 10 * 3))
    }

    private static func longKey(_ number: Int) -> [UInt8] {
        Array("a name of some length \(String(number + 1_000_000))".utf8)
    }

    private final class CountingSource: BlockSource {
        let batch: Batch
        var count = 0
        init(_ batch: Batch) { self.batch = batch }
        func withBlock<T>(_ cid: CID, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T)
            throws(StoreError) -> T
        {
            count += 1
            return try batch.withBlock(cid, body)
        }
    }

    @Test func keysMustAscend() throws {
        let fixture = try NodeFixture()
        let builder = NodeWriter(batch: fixture.batch, limits: .small).makeBuilder(.byteMap)
        func append(_ key: [UInt8]) -> StoreError.Code? {
            thrownCode {
                try key.withBytes { (key) throws(StoreError) in try builder.append(key: key, .inline(key)) }
            }
        }
        #expect(append([1]) == nil)
        #expect(append([1]) == .invalid)
        #expect(append([0, 5]) == .invalid)
        #expect(append([UInt8](repeating: 2, count: 65)) == .tooLarge)
        #expect(append([1, 0]) == nil)
    }

    /// Nodes have about the size they should, whatever the elements.
    @Test func nodesHaveAboutTheExpectedSize() throws {
        let test = try TestStore()
        for (value, elements) in [
            (IPLDValue.list((0..<2_000_000).map { .bool(($0 * 7919) % 31 < 15) }), "bits of a period"),
            (.list((0..<300_000).map { .integer(Int128($0)) }), "numbers"),
            (.list((0..<6_000).map { .bytes(randomBytes(900, seed: UInt64($0))) }), "long elements"),
        ] {
            let root = try test.store.putNode(value)
            var pending = [root]
            var lengths: [Int] = []
            while let cid = pending.popLast() {
                let block = try test.store.block(cid)
                lengths.append(block.count)
                pending += try test.store.links(of: cid)
            }
            let most = ProllyLimits.standard.maximumBytes + 1200
            #expect(lengths.allSatisfy { $0 <= most }, "\(elements)")
            let mean = lengths.reduce(0, +) / lengths.count
            #expect((8 << 10...64 << 10).contains(mean), "\(elements): \(mean)")
        }
    }
}
