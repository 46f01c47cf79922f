import Foundation
import Glibc
import Testing

@testable import IpldEngine

/// Layers and their bases: who holds what, and for how long.
@Suite struct LayerTests {
    /// A base with a file under the root `image`, and layers over it.
    private final class Fixture {
        let directory = try? TemporaryDirectory()
        let base: ContentStore
        let image: CID
        let bytes = randomBytes(1_500_000, seed: 1)
        var path: String { directory?.path ?? "" }

        init() throws {
            let place = directory?.path ?? ""
            try ContentStore.create(at: place + "/base")
            base = try ContentStore.open(at: place + "/base")
            image = try base.put(bytes)
            try base.setRoot("image", to: image)
            try base.dereference(image)
        }

        func layer(_ name: String) throws -> ContentStore {
            try LayeredStore.create(at: path + "/" + name, over: [path + "/base"])
            return try ContentStore.open(at: path + "/" + name)
        }

        /// Holds of all forks.
        func holds() throws -> [Hold] {
            try base.holds(owner: nil).filter { $0.owner.hasPrefix(Base.ownerPrefix) }
        }

        func expectSound(_ layers: ContentStore..., sourceLocation: SourceLocation = #_sourceLocation) throws
        {
            for store in [base] + layers {
                #expect(try store.verify().problems == [], sourceLocation: sourceLocation)
            }
        }
    }

    private func code(_ body: () throws -> Void) -> StoreError.Code? {
        do { try body() } catch { return (error as? StoreError)?.code }
        return nil
    }

    @Test func aForkCostsOneHoldARoot() throws {
        let fixture = try Fixture()
        let layer = try fixture.layer("layer")
        #expect(try fixture.holds().isEmpty)
        #expect(try layer.get(fixture.image) == fixture.bytes && layer.has(fixture.image))
        #expect(try layer.size(of: fixture.image) == 1_500_000)
        try layer.setRoot("mine", to: fixture.image)
        #expect(try fixture.holds().map(\.cid) == [fixture.image])
        #expect(try layer.stat().blocks == 0)
        try fixture.expectSound(layer)
        // Stored again, nothing is written.
        #expect(try layer.put(fixture.bytes) == fixture.image)
        #expect(try layer.stat().blocks == 0 && fixture.holds().count == 1)
        try layer.dereference(fixture.image)
        #expect(try fixture.holds().count == 1)
        try layer.removeRoot("mine")
        #expect(try fixture.holds().isEmpty)
        try fixture.expectSound(layer)
    }

    @Test func whatTheLayerLinksToOutlivesTheBasesRoot() throws {
        let fixture = try Fixture()
        let layer = try fixture.layer("layer")
        let writer = try layer.makeWriter(on: fixture.image)
        try writer.write([1, 2, 3], at: 700_000)
        let edited = try writer.commit()
        var expected = fixture.bytes
        expected.replaceSubrange(700_000..<700_003, with: [1, 2, 3])
        let freed = try fixture.base.removeRoot("image")
        try fixture.base.gc()
        // The image's own root and the leaf that was replaced.
        #expect(freed.blocks >= 1 && freed.blocks <= 3)
        #expect(try layer.get(edited) == expected)
        try fixture.expectSound(layer)
        try layer.dereference(edited)
        try fixture.base.gc()
        #expect(try fixture.base.stat().blocks == 0 && fixture.holds().isEmpty)
        try fixture.expectSound(layer)
    }

    @Test func whatOneBaseHasDamagedIsReadFromTheNext() throws {
        let fixture = try Fixture()
        let other = fixture.path + "/other"
        try ContentStore.create(at: other)
        let second = try ContentStore.open(at: other)
        try second.setRoot("image", to: try second.put(fixture.bytes))
        let pack = open(fixture.path + "/base/packs/00000001.pack", O_RDWR)
        var bytes = [UInt8](repeating: 0, count: 100)
        #expect(pread(pack, &bytes, 100, 700_000) == 100)
        bytes = bytes.map { $0 ^ 1 }
        #expect(pwrite(pack, bytes, 100, 700_000) == 100)
        close(pack)
        let layer = try fixture.layer("layer")
        do {
            _ = try layer.get(fixture.image)
            Issue.record("damage was not seen")
        } catch let error as StoreError {
            #expect(error.code == .corrupt && error.message.hasSuffix("in the base \(fixture.path)/base"))
        }
        try LayeredStore.create(at: fixture.path + "/both", over: [fixture.path + "/base", other])
        let both = try ContentStore.open(at: fixture.path + "/both")
        #expect(try both.get(fixture.image) == fixture.bytes)
    }

    @Test func aDeletedForkIsReleasedAndAMovedOneIsNot() throws {
        let fixture = try Fixture()
        var layer: ContentStore? = try fixture.layer("layer")
        try layer?.setRoot("mine", to: fixture.image)
        try fixture.base.removeRoot("image")
        layer = nil
        try System.rename(fixture.path + "/layer", fixture.path + "/elsewhere")
        try fixture.base.gc()
        #expect(try fixture.base.forks().map(\.state) == [.present])
        layer = try ContentStore.open(at: fixture.path + "/elsewhere")
        #expect(try layer?.get(fixture.image) == fixture.bytes)
        #expect(try fixture.base.forks().first?.path?.hasSuffix("/elsewhere") == true)
        layer = nil
        StoreCreation.removeTree(fixture.path + "/elsewhere")
        #expect(try fixture.base.forks().map(\.state) == [.gone])
        try fixture.base.gc()
        #expect(try fixture.base.forks().isEmpty && fixture.holds().isEmpty)
        #expect(try fixture.base.stat().blocks == 0)
        try fixture.expectSound()
    }

    /// Two transactions, of at most three flushes each, where it was two a fork.
    @Test func manyForksThatAreGoneAreReleasedTogether() throws {
        let fixture = try Fixture()
        for number in 0..<50 {
            try fixture.layer("\(number)").setRoot("mine", to: fixture.image)
            if number > 0 { StoreCreation.removeTree(fixture.path + "/\(number)") }
        }
        try fixture.base.removeRoot("image")
        let before = try fixture.base.stat()
        // As if the process had died then: who comes next finds the files.
        let gone = fixture.base.core.goneForks()
        try fixture.base.core.releaseAll(of: gone[..<7].map(Base.owner))
        #expect(try fixture.base.stat().holds == before.holds - 7)
        try fixture.base.core.releaseGoneForks()
        let after = try fixture.base.stat()
        #expect(after.epoch - before.epoch <= 4 && gone.count == 49)
        #expect(after.holds == 1 && after.blocks == before.blocks)
        #expect(try fixture.base.forks().map(\.state) == [.present])
        try fixture.expectSound(try ContentStore.open(at: fixture.path + "/0"))
        StoreCreation.removeTree(fixture.path + "/0")
        try fixture.base.gc()
        #expect(try fixture.base.stat().blocks == 0 && fixture.base.forks().isEmpty)
        try fixture.expectSound()
    }

    @Test func aDryRunCountsWhatIsHeldForForksThatAreGone() throws {
        let fixture = try Fixture()
        for name in ["one", "two", "alive"] {
            let layer = try fixture.layer(name)
            try layer.setRoot("mine", to: fixture.image)
            let own = try fixture.base.put(randomBytes(1000, seed: UInt64(name.utf8.count)))
            try layer.setRoot("own", to: own)
            try fixture.base.dereference(own)
        }
        try fixture.base.removeRoot("image")
        for name in ["one", "two"] { StoreCreation.removeTree(fixture.path + "/" + name) }
        // The image is held for one that is there, another block for the two that are gone.
        #expect(try fixture.base.gcDryRun().exclusiveBlocks == 1)
        StoreCreation.removeTree(fixture.path + "/alive")
        let before = try fixture.base.stat()
        let wanted = try fixture.base.gcDryRun()
        #expect(wanted.exclusiveBlocks == before.blocks && wanted.exclusiveBytes == before.storedBytes)
        #expect(try fixture.base.stat() == before && fixture.base.forks().count == 3)
        let report = try fixture.base.gc()
        #expect(report.blocks == wanted.exclusiveBlocks && report.storedBytes == wanted.exclusiveBytes)
        try fixture.expectSound()
    }

    @Test func aCopiedForkTakesANameOfItsOwn() throws {
        let fixture = try Fixture()
        var layer: ContentStore? = try fixture.layer("layer")
        try layer?.setRoot("mine", to: fixture.image)
        layer = nil
        try FileManager.default.copyItem(atPath: fixture.path + "/layer", toPath: fixture.path + "/copy")
        let copy = try ContentStore.open(at: fixture.path + "/copy")
        #expect(try fixture.base.forks().map(\.state) == [.present, .present])
        #expect(try fixture.holds().count == 2)
        try fixture.expectSound(copy)
        StoreCreation.removeTree(fixture.path + "/layer")
        try fixture.base.removeRoot("image")
        try fixture.base.gc()
        #expect(try copy.get(fixture.image) == fixture.bytes && fixture.holds().count == 1)
        try copy.removeRoot("mine")
        try fixture.base.gc()
        #expect(try fixture.base.stat().blocks == 0)
        try fixture.expectSound(copy)
    }

    @Test func aForgottenForkLosesAndSaysSo() throws {
        let fixture = try Fixture()
        let layer = try fixture.layer("layer")
        try layer.setRoot("mine", to: fixture.image)
        let fork = try #require(try fixture.base.forks().first)
        #expect(fork.holds == 1)
        #expect(code { try fixture.base.forgetFork(String(repeating: "0", count: 32)) } == .notFound)
        try fixture.base.forgetFork(fork.identity)
        #expect(try layer.verify().problems.map(\.kind) == [.wrongLoan])
        try fixture.base.removeRoot("image")
        try fixture.base.gc()
        #expect(try layer.verify().problems.map(\.kind).contains(.missingBlock))
        #expect(code { _ = try layer.get(fixture.image) } == .notFound)
    }

    @Test func holdsOfForksAreNobodysToChange() throws {
        let fixture = try Fixture()
        let layer = try fixture.layer("layer")
        try layer.setRoot("mine", to: fixture.image)
        let owner = try #require(try fixture.holds().first).owner
        #expect(code { try fixture.base.dereference(fixture.image, owner: owner) } == .invalid)
        #expect(code { try fixture.base.retain(fixture.image, owner: owner) } == .invalid)
        #expect(code { _ = try ContentStore.open(at: fixture.path + "/base", owner: owner) } == .invalid)
    }

    @Test func aSealedBaseStaysAsItIs() throws {
        let fixture = try Fixture()
        try fixture.base.seal()
        let attempts: [() throws -> Void] = [
            { try fixture.base.setRoot("other", to: fixture.image) },
            { try fixture.base.removeRoot("image") },
            { _ = try fixture.base.put([1, 2, 3]) }, { try fixture.base.gc() },
        ]
        // Of a handle that was open before, too.
        for attempt in attempts { #expect(code(attempt) == .readOnly) }
        let layer = try fixture.layer("layer")
        #expect(layer.warning == nil)
        try layer.setRoot("mine", to: fixture.image)
        #expect(try fixture.holds().isEmpty && layer.get(fixture.image) == fixture.bytes)
        #expect(try layer.verify().problems == [])
    }

    @Test func aFlattenedLayerStandsAlone() throws {
        let fixture = try Fixture()
        func edit() throws -> CID {
            let layer = try fixture.layer("layer")
            let writer = try layer.makeWriter(on: fixture.image)
            try writer.write([9], at: 3)
            defer { withExtendedLifetime(layer) {} }
            #expect(code { try ContentStore.flatten(at: fixture.path + "/layer") } == .busy)
            return try writer.commit()
        }
        let edited = try edit()
        let report = try ContentStore.flatten(at: fixture.path + "/layer")
        #expect(report.blocks > 10)
        #expect(try fixture.holds().isEmpty && fixture.base.forks().isEmpty)
        try fixture.base.removeRoot("image")
        StoreCreation.removeTree(fixture.path + "/base")
        let alone = try ContentStore.open(at: fixture.path + "/layer")
        #expect(alone.bases.isEmpty)
        #expect(try alone.get(edited) == [UInt8](fixture.bytes[..<3]) + [9] + fixture.bytes[4...])
        #expect(try alone.verify().problems == [])
        try alone.dereference(edited)
        #expect(try alone.stat().blocks == 0)
    }

    @Test func basesAreAddedMovedAndMissed() throws {
        let fixture = try Fixture()
        let place = fixture.path
        try ContentStore.create(at: place + "/plain")
        // Links to what is nowhere yet.
        var plain: ContentStore? = try ContentStore.open(at: place + "/plain")
        let node = try #require(try plain?.putNode(.list([.link(fixture.image)])))
        #expect(code { try ContentStore.addBase(at: place + "/plain", place + "/base") } == .busy)
        plain = nil
        try ContentStore.addBase(at: place + "/plain", place + "/base")
        #expect(try fixture.holds().map(\.cid) == [fixture.image])
        #expect(code { try ContentStore.addBase(at: place + "/plain", place + "/base") } == .exists)
        #expect(code { try ContentStore.addBase(at: place + "/plain", place + "/plain") } == .invalid)
        #expect(code { try LayeredStore.create(at: place + "/over", over: [place + "/plain"]) } == nil)
        #expect(code { try ContentStore.addBase(at: place + "/plain", place + "/over") } == .invalid)
        try System.rename(place + "/base", place + "/moved")
        do {
            _ = try ContentStore.open(at: place + "/plain")
            Issue.record("a base that is not there was found")
        } catch { #expect(error.code == .notFound && error.message.contains("/base")) }
        #expect(
            try ContentStore.recordedBases(at: place + "/plain").map { $0.path.hasSuffix("/base") } == [true])
        try ContentStore.create(at: place + "/other")
        let old = try #require(try ContentStore.recordedBases(at: place + "/plain").first?.path)
        #expect(
            code { try ContentStore.setBase(at: place + "/plain", old, to: place + "/other") } == .invalid)
        try ContentStore.setBase(at: place + "/plain", old, to: place + "/moved")
        let opened = try ContentStore.open(at: place + "/plain")
        #expect(try opened.links(of: node) == [fixture.image])
        #expect(try opened.get(fixture.image) == fixture.bytes)
        #expect(try opened.verify().problems == [])
    }

    /// A layer whose commit fails after its base's leaves a hold, which verify names and gc drops.
    @Test func surplusIsNamedAndDropped() throws {
        let fixture = try Fixture()
        let layer = try fixture.layer("layer")
        let fork = try #require(
            try layer.core.read { (index) throws(StoreError) in try index.recorded().fork })
        try fixture.base.core.write(.storing(blocks: 0)) { (transaction) throws(StoreError) in
            try transaction.retain(fixture.image, owner: Base.owner(fork))
            try transaction.index.setLoan(77, toFork: fork)
        }
        #expect(try layer.verify().problems.map(\.kind) == [.surplusHold])
        try layer.gc()
        #expect(try fixture.holds().isEmpty)
        try fixture.expectSound(layer)
    }

    @Test func aLayerInMemoryKeepsWithoutHolding() throws {
        let fixture = try Fixture()
        var memory: ContentStore? = try MemoryStore(over: [fixture.base])
        try memory?.setRoot("mine", to: fixture.image)
        let fresh = try #require(try memory?.put(randomBytes(100_000, seed: 5)))
        try fixture.base.removeRoot("image")
        try fixture.base.gc()
        #expect(try memory?.get(fixture.image) == fixture.bytes && fixture.holds().isEmpty)
        // Written through when wanted.
        #expect(try fixture.base.copy(fresh, from: #require(memory), asRoot: "kept").blocks > 0)
        memory = nil
        try fixture.base.gc()
        #expect(try fixture.base.roots().map(\.name) == ["kept"])
        #expect(
            try fixture.base.get(fresh) == randomBytes(100_000, seed: 5) && !fixture.base.has(fixture.image))
        try fixture.expectSound()
    }

    @Test func aBaseInMemoryLivesAsLongAsItsLayers() throws {
        let fixture = try Fixture()
        var below: ContentStore? = try MemoryStore(over: [fixture.base])
        let above = try MemoryStore(over: [#require(below)])
        below = nil
        try fixture.base.removeRoot("image")
        try fixture.base.gc()
        #expect(try above.get(fixture.image) == fixture.bytes)
        #expect(try above.put(fixture.bytes) == fixture.image)
    }

    /// What is found in a base while the layer links to it already is borrowed from then on.
    @Test func aLinkIsBorrowedWhenItsBlockAppears() throws {
        let fixture = try Fixture()
        let layer = try fixture.layer("layer")
        let child = randomBytes(1000, seed: 3)
        let cid = try child.withUnsafeBytes { try CID(hashing: $0, codec: .raw) }
        let node = try layer.putNode(.list([.link(cid)]))
        #expect(try fixture.holds().isEmpty)
        #expect(try fixture.base.put(child, codec: .raw) == cid)
        let batch = try layer.makeBatch()
        #expect(try child.withUnsafeBytes { try batch.putBlock($0, codec: .raw) } == cid)
        try batch.commit()
        #expect(try fixture.holds().map(\.cid) == [cid])
        try fixture.base.dereference(cid)
        try fixture.base.gc()
        #expect(try layer.block(cid) == child)
        try layer.dereference(node)
        try fixture.base.gc()
        #expect(try !fixture.base.has(cid))
        try fixture.expectSound(layer)
    }
}
