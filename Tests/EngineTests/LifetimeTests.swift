import Foundation
import Glibc
import Testing

@testable import IpldEngine

@Suite struct LifetimeTests {
    /// Everything that must hold of any store at rest.
    static func expectSound(_ store: ContentStore, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let report = try store.verify()
        #expect(report.problems.isEmpty, sourceLocation: sourceLocation)
    }

    @Test func sharedBlocksOutliveOneOfTheirRoots() throws {
        let test = try TestStore()
        let store = test.store
        let first = randomBytes(3_000_000, seed: 1)
        var second = first
        second.replaceSubrange(1_000_000..<1_000_001, with: [first[1_000_000] ^ 1])
        let one = try store.put(first)
        let two = try store.put(second)
        try store.setRoot("one", to: one)
        try store.setRoot("two", to: two)
        try store.dereference(one)
        try store.dereference(two)
        try Self.expectSound(store)
        let usage = try store.usage(of: ["one"])
        let blocks = try store.stat().blocks
        let freed = try store.removeRoot("one")
        #expect(freed.blocks == usage.exclusiveBlocks && freed.storedBytes == usage.exclusiveBytes)
        #expect(usage.logicalBytes == 3_000_000 && usage.sharedBytes > 2_000_000)
        #expect(try store.stat().blocks == blocks - freed.blocks)
        #expect(try store.get(two) == second)
        try Self.expectSound(store)
        try store.removeRoot("two")
        #expect(try store.stat().blocks == 0)
        try Self.expectSound(store)
    }

    /// What waits for collection keeps nothing.
    @Test func garbageIsNothingThatKeeps() throws {
        let test = try TestStore()
        let store = test.store
        let bytes = randomBytes(500_000, seed: 3)
        try store.setRoot("one", to: try store.put(bytes))
        try store.dereference(try #require(try store.root("one")))
        let alone = try store.usage(of: ["one"])
        try store.setRoot("node", to: try store.putNode(.list([.link(try #require(try store.root("one")))])))
        try store.dereference(try #require(try store.root("node")))
        // Whose lease keeps it from collection.
        let batch = try store.makeBatch()
        _ = try [1, 2, 3].withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
        try store.removeRoot("node")
        batch.abort()
        #expect(try store.stat().deadBlocks == 1)
        let usage = try store.usage(of: ["one"])
        #expect(usage == alone && usage.exclusiveBytes > 500_000 && usage.sharedBytes == 0)
        #expect(try store.gcDryRun().exclusiveBlocks == 1)
    }

    /// LMDB's own lock that says so goes when the process closes any descriptor of the file.
    @Test func nobodyTakesHimselfForTheFirstOpenerWhileAStoreIsOpen() throws {
        let test = try TestStore()
        let lockFile = test.store.path + "/index/lock.mdb"
        close(open(lockFile, O_RDONLY))
        let other = open(lockFile, O_RDWR)
        defer { close(other) }
        #expect(try !System.lock(other, .exclusive, at: 0))
    }

    /// As `cp -al` makes it: written to, it would share its index with the store, and not its packs.
    @Test func aCopyThatIsMadeOfHardLinksIsOnlyRead() throws {
        let test = try TestStore()
        let cid = try test.store.put([1, 2, 3])
        try test.store.setRoot("root", to: cid)
        let path = test.store.path
        let copy = path + "-linked"
        let cp = try Process.run(URL(filePath: "/bin/cp"), arguments: ["-al", path, copy])
        cp.waitUntilExit()
        for own in ["", "journal"] {
            if !own.isEmpty {
                try FileManager.default.removeItem(atPath: "\(copy)/\(own)")
                try FileManager.default.copyItem(atPath: "\(path)/\(own)", toPath: "\(copy)/\(own)")
            }
            let error = #expect(throws: StoreError.self) { try ContentStore.open(at: copy) }
            #expect(error?.code == .invalid && error?.message.contains("hard links") == true)
        }
    }

    @Test func parentStoredBeforeItsChildCountsIt() throws {
        let test = try TestStore()
        let store = test.store
        let child = Array("child".utf8)
        let cid = try child.withUnsafeBytes { try CID(hashing: $0, codec: .raw) }
        let parent = try store.putNode(.list([.link(cid), .link(cid)]))
        try Self.expectSound(store)
        #expect(try !store.has(cid))
        #expect(try store.put(child, codec: .raw) == cid)
        #expect(try store.inspect(cid).references == 2)
        try store.dereference(cid)
        #expect(try store.inspect(cid).references == 1)
        #expect(throws: StoreError.self) { try store.dereference(cid) }
        #expect(try store.inspect(cid).references == 1)
        try Self.expectSound(store)
        try store.dereference(parent)
        #expect(try store.stat().blocks == 0)
    }

    @Test func usageOfImmenseFilesEndsInANumber() throws {
        let test = try TestStore()
        let names = ["a", "b", "c"]
        for (position, name) in names.enumerated() {
            let writer = try test.store.makeWriter()
            try writer.truncate(to: TreeNode.maximumSize - UInt64(position))
            try test.store.setRoot(name, to: try writer.commit())
        }
        let usage = try test.store.usage(of: names)
        #expect(usage.logicalBytes == .max && usage.sharedBytes == .max)
    }

    @Test func anOwnersNameIsCheckedWhereverItComesIn() throws {
        let test = try TestStore()
        let cid = try test.store.put([1], codec: .raw)
        for owner in ["", String(repeating: "x", count: 600), "a\0b"] {
            do {
                try test.store.dereference(cid, owner: owner)
                Issue.record("an owner of \(owner.utf8.count) bytes was taken")
            } catch { #expect(error.code == .invalid) }
            do {
                _ = try test.store.holds(owner: owner)
                Issue.record("an owner of \(owner.utf8.count) bytes was taken")
            } catch { #expect(error.code == .invalid) }
        }
    }

    @Test func aDryRunLeavesOutWhatCannotBeRead() throws {
        let test = try TestStore()
        let store = test.store
        let node = try store.putNode(.list([.link(try store.put([1, 2, 3], codec: .raw))]))
        let location = try #require(
            try store.core.read { (index) throws(StoreError) in try index.location(of: node) })
        let file = try System.open(store.core.packs.path(location.place.pack), O_RDWR)
        defer { System.close(file) }
        try [UInt8](repeating: 0, count: 8).withUnsafeBytes {
            try System.write(file, at: location.place.offset + 60, $0)
        }
        try store.dereference(node)
        #expect(try store.stat().setAsideBlocks == 1)
        #expect(try store.gcDryRun().exclusiveBlocks == 0)
    }

    @Test func aHandleForReadingOnlyReadsBesideOneThatWrites() throws {
        let test = try TestStore()
        let cid = try test.store.put([1, 2, 3], codec: .raw)
        let reading = try ContentStore.open(at: test.path, readOnly: true)
        #expect(reading.isReadOnly && !test.store.isReadOnly)
        #expect(try reading.block(cid) == [1, 2, 3])
        let attempts: [() throws -> Void] = [
            { _ = try reading.put([4], codec: .raw) }, { _ = try reading.makeWriter() },
            { try reading.setRoot("root", to: cid) }, { try reading.removeRoot("root") },
            { try reading.retain(cid) }, { try reading.dereference(cid) }, { try reading.gc() },
        ]
        for attempt in attempts {
            do {
                try attempt()
                Issue.record("a handle for reading wrote")
            } catch let error as StoreError { #expect(error.code == .readOnly) }
        }
        #expect(try test.store.inspect(cid).references == 1)
    }

    @Test func dereferenceNeverTakesALinksCount() throws {
        let test = try TestStore()
        let store = test.store
        let batch = try store.makeBatch()
        let leaf = try Array("leaf".utf8).withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
        let node = try batch.putNode(.list([.link(leaf)]))
        try batch.setRoot("r", to: node)
        try batch.commit()
        for cid in [leaf, node] {
            do {
                try store.dereference(cid)
                Issue.record("a count that nobody held was dropped")
            } catch { #expect(error.code == .notFound) }
        }
        try Self.expectSound(store)
        #expect(try store.stat().blocks == 2)
    }

    @Test func anAbortedBatchLeavesNothingAlive() throws {
        let test = try TestStore()
        let store = test.store
        let batch = try store.makeBatch()
        _ = try randomBytes(9_000_000, seed: 3).withUnsafeBytes { try batch.putBytes($0) }
        #expect(try store.stat().leases == 1)
        batch.abort()
        #expect(try store.stat().leases == 0)
        try store.gc()
        let statistics = try store.stat()
        #expect(statistics.blocks == 0 && statistics.packs == 0)
        #expect(try store.core.packs.numbers().isEmpty)
        try Self.expectSound(store)
    }

    @Test func aLeaseProtectsWhatABatchFound() throws {
        let test = try TestStore()
        let store = test.store
        let bytes = randomBytes(2_000_000, seed: 4)
        let cid = try store.put(bytes)
        let batch = try store.makeBatch()
        #expect(try bytes.withUnsafeBytes { try batch.putBytes($0) } == cid)
        // Its only hold goes while the batch relies on it.
        let report = try store.dereference(cid)
        #expect(report.blocks == 0)
        try store.gc()
        try batch.setRoot("kept", to: cid)
        try batch.commit()
        #expect(try store.get(cid) == bytes)
        try Self.expectSound(store)
    }

    @Test func whatDiedBeforeABatchIsStoredAgain() throws {
        let test = try TestStore()
        let store = test.store
        let bytes = randomBytes(500_000, seed: 5)
        let aborted = try store.makeBatch()
        _ = try bytes.withUnsafeBytes {
            try aborted.putBlock(UnsafeRawBufferPointer(rebasing: $0[..<1000]), codec: .raw)
        }
        try aborted.commit()
        #expect(try store.stat().deadBlocks == 1)
        let cid = try store.put(Array(bytes[..<1000]), codec: .raw)
        #expect(try store.stat().deadBlocks == 0)
        try store.gc()
        #expect(try store.block(cid) == Array(bytes[..<1000]))
        try Self.expectSound(store)
    }

    @Test func rootsMoveByCompareAndSet() throws {
        let test = try TestStore()
        let store = test.store
        let a = try store.put([1])
        let b = try store.put([2])
        try store.setRoot("r", to: a, expecting: .absent)
        #expect(throws: StoreError.self) { try store.setRoot("r", to: b, expecting: .absent) }
        try store.setRoot("r", to: b, expecting: .cid(a))
        do { try store.setRoot("r", to: a, expecting: .cid(a)) } catch { #expect(error.code == .conflict) }
        #expect(try store.root("r") == b)
        for name in ["", "a\u{0}b", String(repeating: "x", count: 256), a.description] {
            do {
                try store.setRoot(name, to: a)
                Issue.record("the name \(name) was taken")
            } catch { #expect(error.code == .invalid) }
        }
        let missing = try [UInt8](repeating: 9, count: 9).withUnsafeBytes {
            try CID(hashing: $0, codec: .raw)
        }
        do { try store.setRoot("m", to: missing) } catch { #expect(error.code == .notFound) }
        try Self.expectSound(store)
    }

    /// They were counted as one, and `verify` found wrong counts where there were none.
    @Test func verifyTellsCIDsApartThatDifferInTheHashFunctionOnly() throws {
        let test = try TestStore()
        let here = try test.store.putNode(.integer(1))
        let digest = here.withDigest { Array($0) }
        let elsewhere = try #require(
            digest.withUnsafeBytes {
                CID(version: 1, codec: here.codec, hash: CID.HashFunction(rawValue: 0xC100_001E), digest: $0)
            })
        #expect(here.hashValue != elsewhere.hashValue)
        _ = try test.store.putNode(.list([.link(here), .link(elsewhere)]))
        #expect(try test.store.verify().problems.isEmpty)
    }

    @Test func manySmallBlocksAreCompacted() throws {
        let test = try TestStore(StoreConfiguration(compression: .none))
        let store = test.store
        let batch = try store.makeBatch()
        for index in 0..<20_000 {
            let block = randomBytes(200, seed: UInt64(index))
            let cid = try block.withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
            if index % 10 == 0 { try batch.hold(cid) }
        }
        try batch.commit()
        try Self.expectSound(store)
        try store.gc()
        #expect(try store.stat().blocks == 2000)
        try Self.expectSound(store)
        var allocated: UInt64 = 0
        for number in try store.core.packs.numbers() {
            allocated += try System.status(ofPath: store.core.packs.path(number)).allocated
        }
        #expect(allocated < 1_000_000)
        for index in stride(from: 0, to: 20_000, by: 10) {
            let block = randomBytes(200, seed: UInt64(index))
            let cid = try block.withUnsafeBytes { try CID(hashing: $0, codec: .raw) }
            #expect(try store.block(cid) == block)
        }
    }

    @Test func deepChainsAreCollected() throws {
        let test = try TestStore()
        let store = test.store
        let batch = try store.makeBatch()
        var cid = try batch.putNode(.integer(0))
        for _ in 0..<300 { cid = try batch.putNode(.list([.link(cid)])) }
        try batch.setRoot("deep", to: cid)
        try batch.commit()
        try store.removeRoot("deep", budget: nil)
        #expect(try store.stat().blocks == 0)
        try Self.expectSound(store)
    }

    @Test func identityBlocksAreAnsweredFromTheirCid() throws {
        let test = try TestStore()
        let store = test.store
        let cid = try Array("hello".utf8).withUnsafeBytes {
            try CID(hashing: $0, codec: .raw, hash: .identity)
        }
        #expect(try store.has(cid) && store.block(cid) == Array("hello".utf8) && store.size(of: cid) == 5)
        #expect(try store.get(cid) == Array("hello".utf8))
        try store.setRoot("identity", to: cid)
        try store.retain(cid)
        #expect(try store.stat().blocks == 0)
        try Self.expectSound(store)
        try store.removeRoot("identity")
    }
}
