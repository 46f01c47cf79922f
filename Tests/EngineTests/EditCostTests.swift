import TestSupport
import Testing

@testable import IpldEngine

/// What an edit costs, counted in blocks.
@Suite struct EditCostTests {
    private func added(
        _ store: ContentStore, _ body: () throws -> Void
    ) throws -> (blocks: UInt64, bytes: UInt64) {
        let before = try store.stat()
        try body()
        let after = try store.stat()
        return (after.blocks - before.blocks, after.rawBytes - before.rawBytes)
    }

    @Test func aByteCostsAFewChunksAndNodes() throws {
        let test = try TestStore()
        let size = 24 << 20
        let base = try test.store.put(randomBytes(size, seed: 1))
        var random = SplitMix(state: 1)
        var sum: UInt64 = 0
        for _ in 0..<10 {
            let cost = try added(test.store) {
                let writer = try test.store.makeWriter(on: base)
                try writer.write([UInt8(truncatingIfNeeded: random.next())], at: UInt64(random.below(size)))
                _ = try writer.commit()
            }
            #expect(cost.blocks <= 16)
            sum += cost.bytes
        }
        #expect(sum < 10 * 400_000)
        let appended = try added(test.store) {
            let writer = try test.store.makeWriter(on: base)
            try writer.append([1, 2, 3])
            _ = try writer.commit()
        }
        #expect(appended.blocks <= 6)
        let cut = try added(test.store) {
            let writer = try test.store.makeWriter(on: base)
            try writer.truncate(to: UInt64(size / 2))
            _ = try writer.commit()
        }
        #expect(cut.blocks <= 8)
    }

    /// Trees of many levels: nodes fall in step again, level by level.
    @Test func aByteInADeepTreeCostsItsHeight() throws {
        let profile = try LayoutFixture.smallProfile()
        let test = try TestStore(StoreConfiguration(profile: profile))
        let size = 2 << 20
        let base = try test.store.put(randomBytes(size, seed: 2))
        var random = SplitMix(state: 2)
        var blocks: UInt64 = 0
        for _ in 0..<20 {
            blocks += try added(test.store) {
                let writer = try test.store.makeWriter(on: base)
                try writer.write([UInt8(truncatingIfNeeded: random.next())], at: UInt64(random.below(size)))
                _ = try writer.commit()
            }.blocks
        }
        // Of about 10,000.
        #expect(blocks < 20 * 40)
    }
}
