import Foundation
import Testing

@testable import IpldEngine

/// Links to what is not here: legal, so no problem, and counted and named by every verification, because
/// after a loss nothing else tells of it.
@Suite struct MissingLinkTests {
    private let test: TestStore

    init() throws { test = try TestStore() }

    private func leaf(_ seed: UInt64) throws -> (cid: CID, bytes: [UInt8]) {
        let bytes = randomBytes(5000, seed: seed)
        return (try bytes.withUnsafeBytes { try CID(hashing: $0, codec: .raw) }, bytes)
    }

    /// Flips a byte of what has these bytes, in the pack.
    private func spoil(_ bytes: [UInt8]) throws {
        let pack = test.path + "/packs/00000001.pack"
        var content = try Data(contentsOf: URL(fileURLWithPath: pack))
        let place = try #require(content.range(of: Data(bytes)))
        content[place.lowerBound + 2000] ^= 1
        let file = try #require(FileHandle(forUpdatingAtPath: pack))
        try file.write(contentsOf: content)
        try file.close()
    }

    /// Nodes that link to a leaf twice and to another once, under a root.
    private func store(_ lost: (cid: CID, bytes: [UInt8]), _ kept: (cid: CID, bytes: [UInt8])) throws {
        let batch = try test.store.makeBatch()
        for leaf in [lost, kept] {
            _ = try leaf.bytes.withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
        }
        let one = try batch.putNode(.list([.link(lost.cid), .link(kept.cid)]))
        let two = try batch.putNode(.list([.link(one), .link(lost.cid)]))
        try batch.setRoot("top", to: two)
        try batch.commit()
    }

    @Test func whatRepairLostIsNamedByEveryLaterVerification() throws {
        let (lost, kept) = (try leaf(1), try leaf(2))
        try store(lost, kept)
        var report = try test.store.verify()
        #expect(report.isClean && report.missingLinks == 0 && report.missingBlocks == [])
        try test.closed {
            try spoil(lost.bytes)
            #expect(try ContentStore.repair(at: test.path).missingBlocks == 1)
        }
        for _ in 0..<2 {
            report = try test.store.verify()
            #expect(report.isClean && report.missingLinks == 2 && report.missingBlockCount == 1)
            #expect(report.missingBlocks == [lost.cid])
            try test.store.gc()
        }
        // Stored again, it is there; a leaf that nothing links to is not missed.
        _ = try test.store.put(lost.bytes)
        report = try test.store.verify()
        #expect(report.isClean && report.missingLinks == 0 && report.missingBlockCount == 0)
    }

    @Test func linksOfWhatNothingKeepsAreNotCounted() throws {
        let absent = try leaf(1).cid
        let kept = try test.store.putNode(.list([.link(absent), .integer(1)]))
        let dead = try test.store.putNode(.list([.link(absent), .integer(2)]))
        let below = try test.store.putNode(.list([.link(dead), .link(try leaf(2).cid)]))
        try test.store.dereference(dead, budget: 0)
        #expect(try test.store.verify().missingLinks == 3)
        // A reader keeps what is dead from being collected: two nodes are garbage, one of them the other's.
        let reader = try test.store.makeReader(of: try test.store.put([1]))
        defer { reader.close() }
        try test.store.dereference(below, budget: 0)
        #expect(try test.store.stat().blocks >= 3)
        var report = try test.store.verify()
        #expect(report.isClean && report.missingLinks == 1 && report.missingBlocks == [absent])
        try test.store.dereference(kept, budget: 0)
        report = try test.store.verify()
        #expect(report.isClean && report.missingLinks == 0 && report.missingBlocks == [])
    }

    @Test func moreThanOnePageAreAllCountedAndAThousandNamed() throws {
        let batch = try test.store.makeBatch()
        for first in 0..<50 {
            let links = try (0..<100).map { IPLDValue.link(try leaf(UInt64(first * 100 + $0)).cid) }
            try batch.hold(try batch.putNode(.list(links)))
        }
        try batch.commit()
        let report = try test.store.verify()
        #expect(report.isClean && report.missingLinks == 5000 && report.missingBlockCount == 5000)
        #expect(report.missingBlocks.count == 1000 && Set(report.missingBlocks).count == 1000)
    }

    @Test func whatABaseHasIsNotMissing() throws {
        let place = try TemporaryDirectory()
        try ContentStore.create(at: place.path + "/base")
        let base = try ContentStore.open(at: place.path + "/base")
        try LayeredStore.create(at: place.path + "/layer", over: [place.path + "/base"])
        let layer = try ContentStore.open(at: place.path + "/layer")
        let (lent, absent) = (try base.put(randomBytes(5000, seed: 1)), try leaf(2).cid)
        _ = try layer.putNode(.list([.link(lent), .link(absent)]))
        var report = try layer.verify()
        #expect(report.isClean && report.missingLinks == 1 && report.missingBlocks == [absent])
        let memory = try MemoryStore(over: [layer])
        report = try memory.verify()
        #expect(report.isClean && report.missingLinks == 0)
    }
}
