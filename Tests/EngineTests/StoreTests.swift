import Testing
@testable import IpldEngine

@Suite struct StoreTests {
    @Test(arguments: [0, 1, 1000, 70_000, 5_000_000, 20_000_000])
    func bytesComeBack(_ count: Int) throws {
        let test = try TestStore()
        let bytes = randomBytes(count, seed: UInt64(count))
        let cid = try test.store.put(bytes)
        #expect(try test.store.size(of: cid) == UInt64(count))
        #expect(try test.store.get(cid) == bytes)
        let before = try test.store.stat()
        #expect(try test.store.put(bytes) == cid)
        #expect(try test.store.stat().blocks == before.blocks)
        try test.store.dereference(cid)
        #expect(try test.store.stat().blocks == before.blocks)
        let report = try test.store.dereference(cid)
        #expect(report.blocks == before.blocks)
        let after = try test.store.stat()
        #expect(after.blocks == 0 && after.packs == 0 && after.leases == 0 && after.storedBytes == 0)
    }
}
