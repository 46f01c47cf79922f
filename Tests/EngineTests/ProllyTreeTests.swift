import Testing

@testable import IpldEngine

/// The tree itself, keyed by any bytes, as directories use it.
@Suite struct ProllyTreeTests {
    private func key(_ number: Int) -> [UInt8] { [UInt8(number >> 8 & 255), 0xff, UInt8(number & 255)] }

    @Test(arguments: 1...10) func sortedBytesAreFoundEditedAndCanonical(seed: UInt64) throws {
        var random = LayoutFixture.Random(state: seed)
        let fixture = try NodeFixture()
        let writer = NodeWriter(batch: fixture.batch, limits: .small)
        var model: [Int: Int] = [:]
        for _ in 0..<random.below(3000) { model[random.below(5000)] = random.below(100) }
        func build() throws -> CID {
            let builder = writer.makeBuilder(.byteMap)
            for (number, value) in model.sorted(by: { $0.key < $1.key }) {
                let encoded = try DagCBOR.encode(.integer(Int128(value)))
                try key(number).withBytes { (key) throws(StoreError) in
                    try encoded.withBytes { (value) throws(StoreError) in
                        try builder.append(key: key, .inline(value))
                    }
                }
            }
            return try builder.finish()
        }
        func cursor(_ root: CID) throws -> ProllyCursor<Batch> {
            let form = try fixture.batch.withBlock(root, SplitForm.decode)
            guard case .tree(let node)? = form else { throw StoreError(.internal, "no tree") }
            return ProllyCursor(root, node, fixture.batch)
        }
        var root = try build()
        for _ in 0..<20 {
            var base = try cursor(root)
            var splices: [ProllySplice] = []
            let old = model
            for number in Set((0..<random.below(10)).map { _ in random.below(5000) }).sorted() {
                let found = try key(number).withBytes { (key) throws(StoreError) in try base.find(key) }
                #expect(found.isThere == (old[number] != nil))
                #expect(found.index == UInt64(old.keys.count { $0 < number }))
                let isRemoval = random.below(3) == 0
                model[number] = isRemoval ? nil : number % 100
                let value = try NodeWriter.encode(.integer(Int128(number % 100)))
                splices.append(
                    ProllySplice(
                        range: found.index..<(found.index + (found.isThere ? 1 : 0)),
                        elements: isRemoval ? [] : [(key(number), .inline(value))]))
            }
            let builder = writer.makeBuilder(.byteMap)
            var edit = ProllyEdit(base, takesNodes: true, into: builder)
            try edit.run(splices)
            root = try builder.finish()
            try #require(try root == build())
            #expect(builder.count == UInt64(model.count))
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
