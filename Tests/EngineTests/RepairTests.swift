import Foundation
import Testing

@testable import IpldEngine

@Suite struct RepairTests {
    /// A store with shared trees, nodes, holds and roots; closed.
    private func filled() throws -> (test: TestStore, files: [String: [UInt8]], statistics: StoreStatistics) {
        let test = try TestStore()
        let first = randomBytes(3_000_000, seed: 1)
        var second = first
        second[5] ^= 1
        var files = ["one": first, "two": second]
        files["small"] = Array("small".utf8)
        for (name, bytes) in files {
            let batch = try test.store.makeBatch()
            let cid = try bytes.withUnsafeBytes { try batch.putBytes($0) }
            try batch.setRoot(name, to: cid)
            try batch.commit()
        }
        _ = try test.store.putNode(.list([.text("held")]))
        try test.store.gc()
        return (test, files, try test.store.stat())
    }

    @Test func theIndexIsRebuiltFromPacksAndJournal() throws {
        let (test, files, before) = try filled()
        try test.closed {
            try FileManager.default.removeItem(atPath: test.path + "/index")
            let report = try ContentStore.repair(at: test.path)
            #expect(
                report.blocks == before.blocks && report.roots == 3 && report.holds == 1
                    && report.lostNames == 0)
        }
        let after = try test.store.stat()
        #expect(
            after.blocks == before.blocks && after.storedBytes == before.storedBytes && after.deadBlocks == 0)
        for (name, bytes) in files {
            #expect(try test.store.get(try #require(try test.store.root(name))) == bytes)
        }
        try LifetimeTests.expectSound(test.store)
    }

    @Test func withoutAJournalEverythingIsKept() throws {
        let (test, _, before) = try filled()
        try test.closed {
            try FileManager.default.removeItem(atPath: test.path + "/index")
            try FileManager.default.removeItem(atPath: test.path + "/journal")
            let report = try ContentStore.repair(at: test.path)
            #expect(report.recoveredRoots == 4)
        }
        try test.store.gc()
        #expect(try test.store.stat().blocks == before.blocks)
        #expect(try test.store.roots().allSatisfy { $0.name.hasPrefix("recovered/") })
        try LifetimeTests.expectSound(test.store)
    }

    /// Neither index nor journal say how many folders files are below: the files do, wherever one is.
    @Test(arguments: [1, 2])
    func emptyFoldersHideNoFiles(levels: Int) throws {
        let test = try TestStore(StoreConfiguration(payloads: .files(levels: levels)))
        let cid = try test.store.put(randomBytes(1000, seed: 1))
        try test.closed {
            for first in "abcdefghij" {
                try FileManager.default.createDirectory(
                    atPath: "\(test.path)/blocks/\(first)2/\(first)3", withIntermediateDirectories: true)
            }
            try FileManager.default.removeItem(atPath: test.path + "/index")
            try FileManager.default.removeItem(atPath: test.path + "/journal")
            let report = try ContentStore.repair(at: test.path)
            #expect(report.blocks == 1)
        }
        #expect(try test.store.block(cid) == randomBytes(1000, seed: 1))
    }

    @Test func aRepairOfASoundStoreChangesNothing() throws {
        let (test, files, before) = try filled()
        try test.closed { try ContentStore.repair(at: test.path) }
        #expect(try test.store.stat().blocks == before.blocks)
        for (name, bytes) in files {
            #expect(try test.store.get(try #require(try test.store.root(name))) == bytes)
        }
        try LifetimeTests.expectSound(test.store)
    }

    @Test func repairIsRefusedWhileTheStoreIsOpen() throws {
        let (test, _, _) = try filled()
        do {
            try ContentStore.repair(at: test.path)
            Issue.record("an open store was repaired")
        } catch { #expect(error.code == .busy) }
    }

    /// A named defect: a store that had been closed was said to be open, while somebody in the process was
    /// starting another, which has a copy of each descriptor until it runs its program.
    @Test func aClosedStoreIsClosedWhoeverHasCopiesOfItsDescriptors() throws {
        let directory = try TemporaryDirectory()
        let (base, layer) = (directory.path + "/base", directory.path + "/layer")
        try ContentStore.create(at: base)
        try LayeredStore.create(at: layer, over: [base])
        var copies: [Int32] = []
        defer { for copy in copies { close(copy) } }
        do {
            let store = try ContentStore.open(at: layer)
            let batch = try store.makeBatch()
            try batch.setRoot("mine", to: try [1, 2, 3].withUnsafeBytes { try batch.putBytes($0) })
            for descriptor in try System.list("/proc/self/fd").compactMap(Int32.init) {
                let file = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/self/fd/\(descriptor)")
                guard file?.contains(directory.path) == true else { continue }
                let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
                if copy >= 0 { copies.append(copy) }
            }
            try batch.commit()
        }
        // Index, leases, and directory of both at least.
        #expect(copies.count >= 6)
        try ContentStore.flatten(at: layer)
        for path in [base, layer] { try ContentStore.repair(at: path) }
        let store = try ContentStore.open(at: layer)
        #expect(try store.stat().leases == 0)
        try LifetimeTests.expectSound(store)
    }

    /// Swift's strings take them for equal; they are two names.
    @Test func twoSpellingsOfOneTextAreTwoNames() throws {
        let test = try TestStore()
        let names = ["caf\u{e9}", "cafe\u{301}"]
        for (seed, name) in names.enumerated() {
            let batch = try test.store.makeBatch()
            let bytes = randomBytes(10_000, seed: UInt64(seed))
            let cid = try bytes.withUnsafeBytes { try batch.putBytes($0) }
            try batch.setRoot(name, to: cid)
            try batch.hold(cid, owner: name)
            try batch.commit()
        }
        let before = try test.store.stat()
        #expect(try test.store.usage(of: names).logicalBytes == 20_000)
        try LifetimeTests.expectSound(test.store)
        try test.closed {
            let report = try ContentStore.repair(at: test.path)
            #expect(report.roots == 2 && report.holds == 2)
        }
        try test.store.removeRoot(names[0])
        try LifetimeTests.expectSound(test.store)
        try test.closed {
            try FileManager.default.removeItem(atPath: test.path + "/index")
            let report = try ContentStore.repair(at: test.path)
            #expect(report.roots == 1 && report.holds == 2)
        }
        try test.store.gc()
        #expect(try test.store.stat().blocks == before.blocks)
        #expect(try test.store.roots().map { Array($0.name.utf8) } == [Array(names[1].utf8)])
    }

    /// Its number would be another pack's in every place.
    @Test func aPackFileBeyondTheLargestNumberIsNobodys() throws {
        let (test, files, before) = try filled()
        try test.closed {
            try FileManager.default.copyItem(
                atPath: test.path + "/packs/00000001.pack", toPath: test.path + "/packs/16777217.pack")
            try ContentStore.repair(at: test.path)
        }
        try test.store.gc()
        #expect(try test.store.stat().blocks == before.blocks)
        for (name, bytes) in files {
            #expect(try test.store.get(try #require(try test.store.root(name))) == bytes)
        }
        try LifetimeTests.expectSound(test.store)
        _ = try test.store.put(Array("more".utf8))
    }

    @Test func damageIsFoundAndMendedByStoringAgain() throws {
        let (test, files, _) = try filled()
        let store = test.store
        let pack = store.core.packs.path(try #require(try store.core.packs.numbers().first))
        let file = try #require(FileHandle(forUpdatingAtPath: pack))
        try file.seek(toOffset: 200_000)
        let byte = try #require(try file.read(upToCount: 1))
        try file.seek(toOffset: 200_000)
        try file.write(contentsOf: Data([byte[0] ^ 0x10]))
        try file.close()
        #expect(try !store.verify().isClean)
        let root = try #require(try store.root("one"))
        #expect(throws: StoreError.self) { try store.get(root) }
        let again = try store.put(try #require(files["one"]))
        #expect(again == root)
        #expect(try store.get(root) == files["one"])
        try LifetimeTests.expectSound(store)
        try store.gc()
        try LifetimeTests.expectSound(store)
    }
}
