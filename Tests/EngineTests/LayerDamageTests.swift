import Foundation
import Glibc
import Testing

@testable import IpldEngine

/// What is damaged, gone or not agreed upon in a layer or its bases: told by `verify`, not relied upon, and
/// stored or lent again where it is asked for.
@Suite struct LayerDamageTests: LayerSuite {
    let directory: TemporaryDirectory
    private let bytes = randomBytes(5000, seed: 9)
    private let cid: CID

    init() throws {
        directory = try TemporaryDirectory()
        cid = try bytes.withUnsafeBytes { try CID(hashing: $0, codec: .raw) }
    }

    private func put(_ store: ContentStore, _ root: String) throws { try put(bytes, store, root) }
    private func spoil(_ name: String) throws { try spoil(name, bytes) }

    private func giveUp(_ store: ContentStore, _ root: String) throws {
        try store.removeRoot(root)
        try store.gc()
        #expect(try store.roots().isEmpty)
    }

    @Test func whatALayerHasDamagedIsStoredThereAgain() throws {
        let base = try make("base")
        let layer = try make("layer", over: "base")
        try put(layer, "mine")
        try put(base, "theirs")
        try spoil("layer")
        #expect(try layer.verify().problems.map(\.kind) == [.damagedBlock])
        #expect(try layer.block(cid) == bytes)
        try put(layer, "again")
        #expect(try layer.verify().isClean)
        try giveUp(base, "theirs")
        #expect(try layer.block(cid) == bytes)
    }

    /// No base would hold it for the name.
    @Test func whatALayerHasDamagedCannotBeNamedAgain() throws {
        let base = try make("base")
        let layer = try make("layer", over: "base")
        try put(layer, "mine")
        try layer.retain(cid)
        try put(base, "theirs")
        try spoil("layer")
        #expect(try layer.verify().problems.map(\.kind) == [.damagedBlock])
        #expect(code { try layer.setRoot("new", to: cid) } == .notFound)
        #expect(code { try layer.retain(cid, owner: "new") } == .notFound)
        #expect(code { try layer.retain(cid) } == .notFound)
        try put(layer, "again")
        try layer.setRoot("new", to: cid)
        for owner in [layer.owner, "new"] { try layer.retain(cid, owner: owner) }
        try giveUp(base, "theirs")
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
    }

    @Test func whatALayerHasDamagedIsHealed() throws {
        let base = try make("base")
        let layer = try make("layer", over: "base")
        try put(layer, "mine")
        try put(base, "theirs")
        try spoil("layer")
        #expect(try layer.heal(from: [base]).healed == 1)
        try giveUp(base, "theirs")
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
    }

    @Test func whatALayerBelowHasDamagedIsStoredAbove() throws {
        let lowest = try make("lowest")
        let middle = try make("middle", over: "lowest")
        try put(middle, "mine")
        try put(lowest, "theirs")
        let top = try make("top", over: "middle")
        try spoil("middle")
        #expect(try middle.block(cid) == bytes)
        try put(top, "top")
        try giveUp(lowest, "theirs")
        #expect(try top.block(cid) == bytes && top.verify().isClean)
    }

    @Test(arguments: [false, true])
    func whatALenderLostIsLentAgain(byAnother: Bool) throws {
        do {
            try put(try make("base"), "theirs")
            if byAnother { try put(try make("other"), "theirs") }
            let layer = byAnother ? try make("layer", over: "base", "other") : try make("layer", over: "base")
            try layer.setRoot("mine", to: cid)
        }
        try spoil("base")
        try ContentStore.repair(at: path("base"))
        let layer = try open("layer")
        let base = try open("base")
        #expect(try base.roots().isEmpty)
        let lender = byAnother ? try open("other") : base
        if !byAnother {
            // Nowhere: nothing can be named so, as in any store.
            #expect(code { try layer.setRoot("new", to: cid) } == .notFound)
            try put(base, "theirs")
            try put(layer, "again")
        }
        let holds = try lender.holds(owner: nil).filter { $0.owner.hasPrefix(Base.ownerPrefix) }
        #expect(holds.map(\.cid) == [cid])
        try giveUp(lender, "theirs")
        #expect(try layer.block(cid) == bytes)
        #expect(try layer.verify().isClean)
    }

    /// The name stays in a repair that is to bring the block back, and so does the hold.
    @Test(arguments: [false, true])
    func whatALenderHasDamagedIsLentByAnother(isRepaired: Bool) throws {
        do {
            try put(try make("a"), "theirs")
            try put(try make("b"), "theirs")
            try make("layer", over: "a", "b").setRoot("mine", to: cid)
        }
        try spoil("a")
        if isRepaired {
            try ContentStore.repair(at: path("a"), keepingNames: true)
        } else {
            #expect(code { _ = try open("a").block(cid) } == .corrupt)
        }
        let layer = try open("layer")
        try put(layer, "again")
        let b = try open("b")
        #expect(try b.holds(owner: nil).filter { $0.owner.hasPrefix(Base.ownerPrefix) }.map(\.cid) == [cid])
        for _ in 0..<3 { try layer.gc() }
        try giveUp(b, "theirs")
        #expect(try layer.block(cid) == bytes)
        for name in ["mine", "again"] { try layer.removeRoot(name) }
        for _ in 0..<3 { try layer.gc() }
        try b.gc()
        #expect(try b.stat().blocks == 0)
        #expect(try open("a").holds(owner: nil).allSatisfy { !$0.owner.hasPrefix(Base.ownerPrefix) })
    }

    /// A node is not borrowed from a base that has not all that is below it.
    @Test(arguments: [false, true], [false, true])
    func whatABaseHasDamagedOfAFileIsStoredAgain(isCopied: Bool, hasAnother: Bool) throws {
        let file = randomBytes(12_000_000, seed: 6)
        let base = try make("base")
        let root = try base.put(file)
        let good = try make("good")
        #expect(try good.put(file) == root)
        let another = try make("another")
        #expect(try another.put(file) == root)
        let layer = hasAnother ? try make("layer", over: "base", "another") : try make("layer", over: "base")
        try spoil("base", Array(file[5_000_000..<5_000_064]))
        #expect(code { _ = try base.get(root) } == .corrupt)
        if isCopied {
            try layer.copy(root, from: good, asRoot: "mine")
        } else {
            #expect(try layer.put(file) == root)
            try layer.setRoot("mine", to: root)
            try layer.dereference(root)
        }
        for _ in 0..<3 { try layer.gc() }
        try another.dereference(root)
        try another.gc()
        #expect(try layer.get(root) == file && layer.verify().isClean)
        try base.dereference(root)
        try base.gc()
        #expect(try layer.get(root) == file && layer.verify().isClean)
        try layer.removeRoot("mine")
        for store in [layer, layer, another, base] {
            try store.gc()
        }
        #expect(try layer.stat().blocks + another.stat().blocks + base.stat().blocks == 0)
    }

    @Test func aSealedStoreIsMended() throws {
        let sealed = try make("sealed")
        try put(sealed, "image")
        try sealed.seal()
        let good = try make("good")
        try put(good, "image")
        let layer = try make("layer", over: "sealed")
        try layer.setRoot("mine", to: cid)
        try spoil("sealed")
        #expect(code { _ = try layer.block(cid) } == .corrupt)
        // Known to be damaged there, so stored here.
        try put(layer, "again")
        #expect(try layer.block(cid) == bytes && layer.stat().blocks == 1)
        #expect(try sealed.heal(from: [good]).healed == 1)
        #expect(try sealed.block(cid) == bytes && sealed.verify().isClean)
        #expect(code { try sealed.removeRoot("image") } == .readOnly)
    }

    /// What is dead in a base when a store in memory is put over it is kept by nobody.
    @Test func aStoreInMemoryDoesNotRelyOnTheDead() throws {
        let base = try make("base")
        try put(base, "theirs")
        let older = try base.makeBatch()
        _ = try older.putNode(.integer(1))
        try base.removeRoot("theirs")
        #expect(try base.has(cid))
        let memory = try MemoryStore(over: [base])
        #expect(code { try memory.setRoot("mine", to: cid) } == .notFound)
        #expect(code { try memory.retain(cid) } == .notFound)
        try put(memory, "mine")
        older.abort()
        try base.gc()
        #expect(try memory.block(cid) == bytes)
    }

    @Test func whoWasForgottenRenewsNothingOfWhatWasLent() throws {
        let base = try make("base")
        try put(base, "theirs")
        do {
            let layer = try make("layer", over: "base")
            try layer.setRoot("mine", to: cid)
            try base.forgetFork(try #require(try base.forks().first).identity)
            #expect(code { try layer.setRoot("more", to: cid) } == .conflict)
            #expect(code { try put(layer, "again") } == .conflict)
        }
        let layer = try open("layer")
        try layer.setRoot("more", to: cid)
        try giveUp(base, "theirs")
        #expect(try layer.block(cid) == bytes)
    }

    @Test func repairOfBothLeavesNothingHeldForEver() throws {
        let image = randomBytes(1_500_000, seed: 4)
        do {
            let base = try make("base")
            let root = try base.put(image)
            let layer = try make("layer", over: "base")
            let writer = try layer.makeWriter(on: root)
            try writer.write([1, 2, 3], at: 700_000)
            let edited = try writer.commit()
            try layer.setRoot("disk", to: edited)
            try layer.dereference(edited)
            try base.dereference(root)
            try base.gc()
            #expect(try base.stat().blocks > 5)
        }
        // All that the layer has.
        let pack = path("layer") + "/packs/00000001.pack"
        var data = try Data(contentsOf: URL(filePath: pack))
        for place in stride(from: 100, to: data.count, by: 50) { data[place] ^= 1 }
        try data.write(to: URL(filePath: pack))
        try ContentStore.repair(at: path("base"))
        try ContentStore.repair(at: path("layer"))
        let layer = try open("layer")
        try layer.gc()
        let base = try open("base")
        for _ in 0..<3 { try base.gc() }
        #expect(try base.stat().blocks == 0 && base.holds(owner: nil).isEmpty)
    }

    @Test func aNodeThatTheTargetHasDamagedIsCopiedAgain() throws {
        let source = try make("source")
        try put(source, "leaf")
        let inside = randomBytes(1000, seed: 7)
        let node = try source.putNode(.list([.link(cid), .bytes(inside)]))
        let target = try make("target")
        try target.copy(node, from: source, asRoot: "first")
        try spoil("target", inside)
        #expect(try target.copy(node, from: source, asRoot: "second").blocks == 1)
        #expect(try target.verify().isClean)
    }

    /// Which a base's node may link to, as any node may.
    @Test func aLayerIsFlattenedOverALinkToNowhere() throws {
        let base = try make("base")
        let node = try base.putNode(.list([.link(cid), .integer(7)]))
        do {
            let layer = try make("layer", over: "base")
            try layer.setRoot("mine", to: node)
        }
        try LayeredStore.flatten(at: path("layer"))
        let layer = try open("layer")
        #expect(try layer.has(node) && layer.verify().isClean)
    }

    /// The pack of a batch that was given up is another file than the next one's of the same number.
    @Test func whatABatchHasStagedIsReadFromItsOwnPack() throws {
        let store = try make("store")
        for round in UInt8(0)..<4 {
            let writer = try store.makeWriter()
            try writer.write([round, 2, 3, 4, 5], at: 900_000)
            _ = try writer.flush()
            writer.abort()
        }
        #expect(try store.verify().isClean)
    }

    private func putNode(_ batch: Batch) throws -> CID { try batch.putNode(.list([.link(cid)])) }

    /// A node that waits for collection here keeps nothing that is below it, though a base has the node.
    @Test func aNodeThatIsDeadHereIsStoredAgain() throws {
        let base = try make("base")
        let first = try base.makeBatch()
        let node = try putNode(first)
        try first.setRoot("theirs", to: node)
        try first.commit()
        let layer = try make("layer", over: "base")
        func store() throws -> Batch {
            let batch = try layer.makeBatch()
            _ = try bytes.withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
            #expect(try putNode(batch) == node)
            try batch.setRoot("mine", to: node)
            return batch
        }
        try store().commit()
        // Its lease keeps what dies from collection.
        let older = try layer.makeBatch()
        _ = try [1, 2, 3].withUnsafeBytes { try older.putBlock($0, codec: .raw) }
        try layer.removeRoot("mine")
        let newer = try store()
        older.abort()
        try layer.gc()
        try newer.commit()
        for _ in 0..<3 { try layer.gc() }
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
    }

    /// What a middle store sees in a base, and is not lent, its node does not keep.
    @Test(arguments: [false, true])
    func aNodeKeepsOnlyWhatIsLentToItsStore(isDamaged: Bool) throws {
        let x = try make("x")
        let y = try make("y")
        let middle = try make("middle", over: "x", "y")
        if isDamaged { try put(x, "theirs") }
        let batch = try middle.makeBatch()
        let node = try putNode(batch)
        try batch.setRoot("node", to: node)
        try batch.commit()
        if isDamaged {
            try spoil("x")
            #expect(try !x.verify().isClean)
        }
        try put(y, "theirs")
        let donor = try make("donor")
        let whole = try donor.makeBatch()
        _ = try bytes.withUnsafeBytes { try whole.putBlock($0, codec: .raw) }
        _ = try putNode(whole)
        try whole.setRoot("node", to: node)
        try whole.commit()
        let top = try make("top", over: "middle")
        try top.copy(node, from: donor, asRoot: "mine")
        try giveUp(y, "theirs")
        #expect(try top.block(cid) == bytes && top.verify().isClean)
    }

    @Test func flatteningStopsAtWhatABaseHasLost() throws {
        do {
            let base = try make("base")
            try put(base, "theirs")
            try make("layer", over: "base").setRoot("mine", to: cid)
            try spoil("base")
            #expect(try !base.verify().isClean)
        }
        #expect(code { try ContentStore.flatten(at: path("layer")) } == .corrupt)
        let good = try make("good")
        try put(good, "image")
        try open("layer").heal(from: [good])
        try ContentStore.flatten(at: path("layer"))
        #expect(try open("layer").block(cid) == bytes)
    }

    /// What is found damaged in a base that may not be written to is known for as long as that is open.
    @Test func whatAReadOnlyBaseHasDamagedIsStoredAbove() throws {
        do {
            let base = try make("base")
            try put(base, "theirs")
            try base.seal()
        }
        let base = try ContentStore.open(at: path("base"), readOnly: true)
        try spoil("base")
        let memory = try MemoryStore(over: [base])
        #expect(code { _ = try memory.block(cid) } == .corrupt)
        try put(memory, "mine")
        #expect(try memory.block(cid) == bytes)
    }

    /// A repair forgets who lends, and has the same base lend again.
    @Test func aRepairedLayerKeepsItsLender() throws {
        let file = randomBytes(3_000_000, seed: 8)
        do {
            let x = try make("x")
            let y = try make("y")
            let root = try y.put(file)
            let layer = try make("layer", over: "x", "y")
            try layer.setRoot("mine", to: root)
            #expect(try x.put(file) == root)
            try spoil("x", Array(file[1_000_000..<1_000_064]))
            #expect(try !x.verify().isClean)
        }
        try ContentStore.repair(at: path("layer"))
        let layer = try open("layer")
        let y = try open("y")
        let root = try #require(try layer.root("mine"))
        try y.dereference(root)
        try y.gc()
        #expect(try layer.get(root) == file && layer.verify().isClean)
    }

    /// A base that still holds a file for the layer, from before, may have lost a part of it meanwhile: where
    /// it is looked at is where it is borrowed.
    @Test(arguments: [false, true])
    func whatIsBorrowedIsWhatWasLookedAt(isGivenBack: Bool) throws {
        let file = randomBytes(3_000_000, seed: 8)
        let x = try make("x")
        let y = try make("y")
        let root = try y.put(file)
        let layer = try make("layer", over: "x", "y")
        try layer.setRoot("mine", to: root)
        #expect(try x.put(file) == root)
        // Its hold in y waits to be given back.
        try layer.removeRoot("mine")
        try spoil("y", Array(file[1_000_000..<1_000_064]))
        #expect(try !y.verify().isClean)
        let batch = try layer.makeBatch()
        #expect(try file.withUnsafeBytes { try batch.putBytes($0) } == root)
        if isGivenBack { for _ in 0..<3 { try layer.gc() } }
        try batch.setRoot("again", to: root)
        try batch.commit()
        try layer.gc()
        try x.dereference(root)
        try x.gc()
        #expect(try layer.get(root) == file && layer.verify().isClean)
    }

    /// Once it is known that the lender lost it, in collection, healing, or opening a copy of the layer.
    @Test(arguments: ["gc", "heal", "copy"])
    func aLoanMovesToABaseThatHasIt(by way: String) throws {
        let x = try make("x")
        let y = try make("y")
        try put(x, "theirs")
        try put(y, "theirs")
        do {
            let layer = try make("layer", over: "x", "y")
            try layer.setRoot("mine", to: cid)
            try spoil("x")
            #expect(try !x.verify().isClean)
            if way != "copy" { #expect(try layer.verify().problems.map(\.kind) == [.missingBlock]) }
            if way == "gc" { try layer.gc() }
            if way == "heal" { try layer.heal(from: [y]) }
        }
        if way == "copy" {
            try FileManager.default.moveItem(atPath: path("layer"), toPath: path("moved"))
            try FileManager.default.copyItem(atPath: path("moved"), toPath: path("layer"))
        }
        let layer = try open("layer")
        try giveUp(y, "theirs")
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
    }

    /// Nobody has it when the layer is verified: collection lends it once somebody has.
    @Test func aLoanMovesWhenSomebodyHasItAgain() throws {
        let x = try make("x")
        let y = try make("y")
        try put(x, "theirs")
        let layer = try make("layer", over: "x", "y")
        try layer.setRoot("mine", to: cid)
        try spoil("x")
        #expect(try !x.verify().isClean)
        #expect(try !layer.verify().isClean)
        try layer.gc()
        try put(y, "theirs")
        try layer.gc()
        try giveUp(y, "theirs")
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
    }

    /// What reads right before does so afterwards.
    @Test func whatIsDamagedHereIsFlattenedFromABase() throws {
        let node: CID
        do {
            let base = try make("base")
            let layer = try make("layer", over: "base")
            let batch = try layer.makeBatch()
            _ = try bytes.withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
            node = try putNode(batch)
            try batch.setRoot("mine", to: node)
            try batch.commit()
            try put(base, "theirs")
            try spoil("layer")
            #expect(try !layer.verify().isClean && layer.block(cid) == bytes)
        }
        #expect(try ContentStore.flatten(at: path("layer")).blocks == 1)
        let layer = try open("layer")
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
        try giveUp(layer, "mine")
        #expect(try layer.stat().blocks == 0)
    }

    @Test func aSealedLayersBaseMayMove() throws {
        do {
            let base = try make("base")
            try put(base, "theirs")
            try base.seal()
            let layer = try make("layer", over: "base")
            try layer.setRoot("mine", to: cid)
            try layer.seal()
        }
        try FileManager.default.moveItem(atPath: path("base"), toPath: path("moved"))
        #expect(code { _ = try open("layer") } == .notFound)
        try ContentStore.setBase(at: path("layer"), path("base"), to: path("moved"))
        let layer = try open("layer")
        #expect(try layer.block(cid) == bytes && layer.verify().isClean && layer.isSealed)
        #expect(code { try layer.removeRoot("mine") } == .readOnly)
    }

    /// The base sees that a layer is gone that was copied, or restored, together with it.
    @Test func aLayerThatWasCopiedWithItsBaseIsMissed() throws {
        do {
            try put(try make("base"), "theirs")
            try make("layer", over: "base").setRoot("mine", to: cid)
        }
        let place = path("copy")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        for name in ["base", "layer"] {
            try FileManager.default.copyItem(atPath: path(name), toPath: place + "/" + name)
        }
        // What has two names stays one file, as with cp -a and tar.
        let forks = place + "/base/forks"
        for name in try FileManager.default.contentsOfDirectory(atPath: forks) where !name.contains(".") {
            try FileManager.default.removeItem(atPath: forks + "/" + name)
            try FileManager.default.linkItem(atPath: place + "/layer/fork", toPath: forks + "/" + name)
        }
        try ContentStore.setBase(at: place + "/layer", path("base"), to: place + "/base")
        try ContentStore.open(at: place + "/layer").setRoot("too", to: cid)
        let base = try ContentStore.open(at: place + "/base")
        #expect(try base.forks().map(\.state) == [.present])
        try FileManager.default.removeItem(atPath: place + "/layer")
        #expect(try base.forks().map(\.state) == [.gone])
        try giveUp(base, "theirs")
        #expect(try base.forks().isEmpty && base.stat().blocks == 0)
    }

    /// What the layer itself has, and what its other base has, is there when it stands alone.
    @Test func aLayerWhoseBaseIsLostIsFlattened() throws {
        let own = randomBytes(4000, seed: 10)
        let ownCID: CID
        do {
            try put(try make("gone"), "theirs")
            let kept = try make("kept")
            let whole = try kept.put(randomBytes(300_000, seed: 11))
            let layer = try make("layer", over: "gone", "kept")
            let batch = try layer.makeBatch()
            ownCID = try own.withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
            try batch.setRoot("own", to: ownCID)
            try batch.setRoot("lost", to: cid)
            try batch.setRoot("kept", to: whole)
            try batch.commit()
        }
        try FileManager.default.removeItem(atPath: path("gone"))
        #expect(code { _ = try open("layer") } == .notFound)
        #expect(code { try ContentStore.flatten(at: path("layer")) } == .notFound)
        let kept = try open("kept")
        #expect(try ContentStore.flatten(at: path("layer"), keepingGoing: true).blocks > 1)
        #expect(try kept.forks().isEmpty)
        let layer = try open("layer")
        #expect(try layer.block(ownCID) == own && layer.bases.isEmpty)
        let whole = try #require(try layer.root("kept"))
        #expect(try layer.get(whole) == randomBytes(300_000, seed: 11))
        #expect(code { _ = try layer.block(cid) } == .notFound)
        #expect(try layer.verify().problems.map(\.cid) == [cid])
        // Whoever has it can give it back.
        let donor = try make("donor")
        try put(donor, "theirs")
        #expect(try layer.heal(from: [donor]).healed == 1)
        #expect(try layer.verify().isClean)
    }

    @Test func flatteningGoesOnOverWhatABaseHasLost() throws {
        let node: CID
        do {
            let base = try make("base")
            try put(base, "theirs")
            let layer = try make("layer", over: "base")
            let batch = try layer.makeBatch()
            node = try putNode(batch)
            try batch.setRoot("mine", to: node)
            try batch.commit()
            try spoil("base")
        }
        // Nobody knows of it yet.
        try ContentStore.flatten(at: path("layer"), keepingGoing: true)
        let layer = try open("layer")
        #expect(try layer.has(node) && code { _ = try layer.block(cid) } == .notFound)
        #expect(try layer.verify().missingBlocks == [cid])
    }

    /// A base whose own base is not there is there, with all that it has.
    @Test func aBaseIsNotLostWithItsBase() throws {
        do {
            _ = try make("lowest")
            try put(try make("middle", over: "lowest"), "theirs")
            try make("layer", over: "middle").setRoot("mine", to: cid)
        }
        try FileManager.default.moveItem(atPath: path("lowest"), toPath: path("away"))
        #expect(code { try ContentStore.flatten(at: path("layer"), keepingGoing: true) } == .notFound)
        try ContentStore.flatten(at: path("middle"), keepingGoing: true)
        try ContentStore.flatten(at: path("layer"), keepingGoing: true)
        #expect(try open("layer").block(cid) == bytes)
    }

    /// When a layer that stood alone over a lost base did not come to know it, that holds what it lent still.
    @Test func aLostBaseKeepsWhatItLentUntilTheLayerStandsAlone() throws {
        do {
            try put(try make("base"), "theirs")
            try make("layer", over: "base").setRoot("mine", to: cid)
        }
        try FileManager.default.moveItem(atPath: path("base"), toPath: path("away"))
        let core = try StoreCore.open(path("layer"), readOnly: false, lostAreEmpty: true)
        #expect(core.bases.map(\.isLost) == [true])
        core.release()
        try FileManager.default.moveItem(atPath: path("away"), toPath: path("base"))
        let base = try open("base")
        #expect(try base.forks().map(\.state) == [.present])
        try giveUp(base, "theirs")
        #expect(try open("layer").block(cid) == bytes)
    }

    @Test func theBaseOfASealedLayerStaysSealed() throws {
        do { try put(try make("base"), "theirs") }
        try FileManager.default.copyItem(atPath: path("base"), toPath: path("copy"))
        do {
            try open("base").seal()
            let layer = try make("layer", over: "base")
            try layer.setRoot("mine", to: cid)
            try layer.seal()
        }
        let moved = code { try ContentStore.setBase(at: path("layer"), path("base"), to: path("copy")) }
        #expect(moved == .invalid)
        #expect(try open("layer").block(cid) == bytes)
    }
}
