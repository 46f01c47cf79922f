import Foundation
import Testing

@testable import IpldEngine

/// A store is the directory that was opened, whatever is done to its name meanwhile.
@Suite struct MovedStoreTests {
    private func name(_ bytes: [UInt8], _ name: String, in store: ContentStore) throws {
        let batch = try store.makeBatch()
        try batch.setRoot(name, to: try bytes.withUnsafeBytes { try batch.putBytes($0) })
        try batch.commit()
    }

    @Test func aMovedStoreLeavesTheOneInItsPlaceAlone() throws {
        let test = try TestStore()
        let first = randomBytes(2_000_000, seed: 1)
        let second = randomBytes(3_000_000, seed: 2)
        try name(first, "first", in: test.store)
        let elsewhere = test.path + ".moved"
        try FileManager.default.moveItem(atPath: test.path, toPath: elsewhere)
        try LmdbStore.create(at: test.path)
        let other = try ContentStore.open(at: test.path)
        try name(second, "second", in: other)
        try name(randomBytes(1_000_000, seed: 3), "third", in: test.store)
        try test.store.removeRoot("third")
        try test.store.gc()
        #expect(try test.store.get(try #require(try test.store.root("first"))) == first)
        #expect(try other.get(try #require(try other.root("second"))) == second)
        try LifetimeTests.expectSound(test.store)
        try LifetimeTests.expectSound(other)
        #expect(try test.store.roots().map(\.name) == ["first"] && other.roots().map(\.name) == ["second"])
    }

    @Test func aRenamedStoreIsReadAndWrittenOn() throws {
        let test = try TestStore()
        let bytes = randomBytes(1_000_000, seed: 1)
        try test.closed {
            try name(bytes, "before", in: try ContentStore.open(at: test.path))
        }
        try FileManager.default.moveItem(atPath: test.path, toPath: test.path + ".moved")
        let cid = try #require(try test.store.root("before"))
        #expect(try test.store.get(cid) == bytes)
        try name([1, 2, 3], "after", in: test.store)
        #expect(try test.store.has(cid))
        try LifetimeTests.expectSound(test.store)
    }

    /// Two at once would build one index in one place.
    @Test func aRepairIsAloneEvenWithoutAnIndex() throws {
        let test = try TestStore()
        try name(randomBytes(100_000, seed: 1), "one", in: test.store)
        try test.closed {
            try FileManager.default.removeItem(atPath: test.path + "/index")
            var others: [Bool] = []
            try ContentStore.repair(at: test.path) { (_) throws(StoreError) in
                others.append((try? ContentStore.repair(at: test.path)) != nil)
            }
            #expect(!others.isEmpty && !others.contains(true))
        }
        try LifetimeTests.expectSound(test.store)
    }

    /// LMDB writes to its lock file through a map: a hole in it ends the process when the disk is full.
    @Test func theLockFileHasNoHoles() throws {
        let test = try TestStore()
        var information = stat()
        #expect(stat(test.path + "/index/lock.mdb", &information) == 0)
        #expect(Int(information.st_blocks) * 512 >= Int(information.st_size))
    }
}
