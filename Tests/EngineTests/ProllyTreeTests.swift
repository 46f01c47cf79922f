import Testing

@testable import IpldEngine

/// The tree itself, keyed by any bytes, as directories use it.
@Suite struct ProllyTreeTests {
    private func key(_ number: Int) -> [UInt8] { [UInt8(number >> 8 & 255), 0xff, UInt8(number & 255)] }

    @Test(arguments: 1...10) func sortedBytesAreFoundEditedAndCanonical(seed: UInt64) throws {
        var random = LayoutFixture.Random(state: seed)
        let fixture = try NodeFixture()
        var model: [Int: IPLDValue] = [:]
        for _ in 0..<random.below(3000) { model[random.below(5000)] = random.value(depth: 1) }
        func build() throws -> CID {
            var rest = model.sorted { $0.key < $1.key }[...]
            return try fixture.batch.putByteMap(limits: .small) { () throws(StoreError) in
                rest.popFirst().map { (key($0.key), $0.value) }
            }
        }
        var root = try build()
        for _ in 0..<20 {
            let numbers = Set((0..<random.below(10)).map { _ in random.below(5000) }).sorted()
            var changes: [(key: [UInt8], value: IPLDValue?)] = []
            var map = try ByteMap(root, source: fixture.batch)
            for number in numbers {
                let (position, isThere) = try map.position(of: key(number))
                #expect(isThere == (model[number] != nil))
                #expect(try map.value(of: key(number)) == model[number])
                #expect(position == UInt64(model.keys.count { $0 < number }))
                if isThere { #expect(try map.entry(at: position).key == key(number)) }
                changes.append((key(number), random.below(3) == 0 ? nil : random.value(depth: 1)))
            }
            for (number, change) in zip(numbers, changes) { model[number] = change.value }
            root = try fixture.batch.editByteMap(root, limits: .small, changes)
            try #require(try root == build())
            #expect(try ByteMap(root, source: fixture.batch).count == UInt64(model.count))
        }
        #expect(
            thrownCode { _ = try NodeReader(source: fixture.batch).value(root, limit: 1 << 20) }
                == .unsupported)
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
