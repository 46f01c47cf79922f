import Foundation
import Glibc
import Testing

@testable import IpldEngine

/// How a layer and its bases know each other when either of them is a copy, a backup, away, or damaged.
@Suite struct LayerBaseTests: LayerBlockSuite {
    let directory: TemporaryDirectory
    let blocks: LayerBlocks

    init() throws {
        directory = try TemporaryDirectory()
        blocks = try LayerBlocks()
    }

    /// A named defect: the second copy took the first one's place in the base, which let go of its blocks.
    @Test(arguments: [false, true])
    func copiesOfALayerAreGivenTheSameBase(isSealed: Bool) throws {
        do {
            let base = try make("base")
            try put(bytes, base, "theirs")
            if isSealed { try base.seal() }
            try put(other, try make("added"), "theirs")
            _ = try make("layer", over: "base")
        }
        try copy("layer", "copy")
        try ContentStore.addBase(at: path("layer"), path("added"))
        try open("layer").setRoot("mine", to: otherCID)
        try ContentStore.addBase(at: path("copy"), path("added"))
        let (layer, second, added) = (try open("layer"), try open("copy"), try open("added"))
        #expect(try holds(added) == [otherCID])
        try second.setRoot("mine", to: otherCID)
        #expect(try holds(added) == [otherCID, otherCID])
        try giveUp(added, "theirs")
        for store in [layer, second] { try store.gc() }
        try added.gc()
        #expect(try added.forks().map(\.state) == [.present, .present])
        for store in [layer, second] {
            #expect(try store.block(otherCID) == other)
            #expect(try store.verify().isClean)
        }
        #expect(try added.verify().isClean)
    }

    /// A named defect: the base that had what was lent saw the layer go, which was only opened over a backup.
    @Test(arguments: [false, true])
    func aBaseThatLacksWhatItLentIsNotTheOnlyOne(isSet: Bool) throws {
        do {
            let base = try make("base")
            try put(other, base, "other")
            try base.gc()
        }
        try copy("base", "backup")
        do {
            let base = try open("base")
            try put(bytes, base, "theirs")
            let layer = try make("layer", over: "base")
            try layer.setRoot("mine", to: cid)
            try layer.setRoot("too", to: otherCID)
            try base.removeRoot("theirs")
        }
        if isSet {
            try ContentStore.setBase(at: path("layer"), path("base"), to: path("backup"))
        } else {
            try move("base", "away")
            try move("backup", "base")
        }
        do {
            let layer = try open("layer")
            #expect(try !layer.has(cid) && layer.block(otherCID) == other)
            #expect(try layer.verify().problems.map(\.cid) == [cid])
            let real = try open(isSet ? "base" : "away")
            #expect(try real.forks().map(\.state) == [.present])
            try real.gc()
        }
        // As often as it is opened so.
        for _ in 0..<2 { _ = try open("layer") }
        if isSet {
            try ContentStore.setBase(at: path("layer"), path("backup"), to: path("base"))
        } else {
            try move("base", "backup")
            try move("away", "base")
        }
        let (layer, base) = (try open("layer"), try open("base"))
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
        try base.gc()
        #expect(try base.forks().map(\.state) == [.present])
        #expect(try holds(base).count == 2 && base.verify().isClean)
        #expect(try keptFiles("layer") == 0)
        let backup = try open("backup")
        try backup.gc()
        #expect(try backup.forks().isEmpty && holds(backup).isEmpty)
    }

    /// A named defect: what a base has damaged was not held for a copy, and went when it was stored again.
    @Test func whatABaseHasDamagedIsHeldForACopy() throws {
        do {
            let base = try make("base")
            try put(bytes, base, "theirs")
            try make("layer", over: "base").setRoot("mine", to: cid)
            try giveUp(base, "theirs")
        }
        try spoil("base", bytes)
        #expect(try !open("base").verify().isClean)
        try copy("layer", "copy")
        let base = try open("base")
        _ = try open("copy")
        StoreCreation.removeTree(path("layer"))
        try base.gc()
        #expect(try holds(base) == [cid])
        try put(bytes, base, "again")
        let layer = try open("copy")
        #expect(try layer.block(cid) == bytes && keptFiles("copy") == 0)
        try giveUp(base, "again")
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
    }

    /// A named defect: nothing was held in the backup of a base that had been sealed since.
    @Test func theBackupOfASealedBaseHolds() throws {
        do { try put(bytes, try make("base"), "theirs") }
        try copy("base", "backup")
        do {
            try open("base").seal()
            try make("layer", over: "base").setRoot("mine", to: cid)
        }
        StoreCreation.removeTree(path("base"))
        try move("backup", "base")
        let (layer, base) = (try open("layer"), try open("base"))
        #expect(try holds(base) == [cid])
        try giveUp(base, "theirs")
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
    }

    /// A named defect: one that knew the layer was not compared with what that had borrowed since.
    @Test func theBackupOfASealedBaseThatKnowsTheLayerHolds() throws {
        do {
            let base = try make("base")
            try put(bytes, base, "theirs")
            try put(other, base, "other")
            let layer = try make("layer", over: "base")
            try layer.setRoot("before", to: otherCID)
        }
        try copy("base", "backup")
        do {
            try open("base").seal()
            let layer = try open("layer")
            try layer.setRoot("mine", to: cid)
            for _ in 0..<3 { try giveUp(layer, "before"); try layer.setRoot("before", to: otherCID) }
            try giveUp(layer, "before")
            for _ in 0..<3 { try layer.gc() }
        }
        // In place, so that the layer's file keeps its name there.
        for name in try System.list(path("base")) where name != "forks" {
            StoreCreation.removeTree(path("base/" + name))
        }
        for name in try System.list(path("backup")) where name != "forks" {
            try copy("backup/" + name, "base/" + name)
        }
        let (layer, base) = (try open("layer"), try open("base"))
        #expect(try holds(base) == [cid])
        try giveUp(base, "theirs")
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
    }

    /// A named defect: a layer that had been opened in between did not see it.
    @Test func whatARepairedBaseStoresAgainIsHeldAtTheNextOpening() throws {
        do {
            try put(bytes, try make("base"), "theirs")
            try make("layer", over: "base").setRoot("mine", to: cid)
        }
        try spoil("base", bytes)
        try ContentStore.repair(at: path("base"))
        _ = try open("layer")
        try put(bytes, try open("base"), "again")
        let (layer, base) = (try open("layer"), try open("base"))
        #expect(try holds(base) == [cid] && layer.verify().isClean)
        try giveUp(base, "again")
        #expect(try layer.block(cid) == bytes)
    }

    /// Named defects: what a backup lacks was left out without a word; a repaired layer was kept nothing.
    @Test func whatABackupLacksIsNotLeftOut() throws {
        _ = try make("base")
        try copy("base", "backup")
        do {
            let layer = try make("layer", over: "base")
            let base = try open("base")
            try put(bytes, base, "theirs")
            try layer.setRoot("mine", to: cid)
            try base.removeRoot("theirs")
        }
        try move("base", "away")
        try move("backup", "base")
        StoreCreation.removeTree(path("layer/index"))
        try ContentStore.repair(at: path("layer"))
        #expect(code { try ContentStore.flatten(at: path("layer")) } == .corrupt)
        let away = try open("away")
        try away.gc()
        #expect(try away.forks().map(\.state) == [.present] && holds(away) == [cid])
        #expect(try open("layer").heal(from: [away]).healed == 1)
        // Nothing is missing any more.
        try open("layer").gc()
        #expect(try keptFiles("layer") == 0)
        try away.gc()
        #expect(try away.forks().isEmpty && holds(away).isEmpty)
        try ContentStore.flatten(at: path("layer"))
        #expect(try open("layer").block(cid) == bytes)
    }

    /// A named defect: a backup that is damaged below what the layer links to was taken for as good.
    @Test(arguments: ["damaged", "lost", "damaged below"])
    func whatABackupHasDamagedBelowIsKeptElsewhere(damage: String) throws {
        let image = randomBytes(1_500_000, seed: 23)
        let root: CID
        do {
            let below = try make(damage == "damaged below" ? "lowest" : "base")
            root = try below.put(image)
            let base = try damage == "damaged below" ? make("base", over: "lowest") : below
            try base.setRoot("theirs", to: root)
            try below.dereference(root)
        }
        try copy("base", "backup")
        do {
            try make("layer", over: "base").setRoot("mine", to: root)
            try open("base").removeRoot("theirs")
        }
        if damage == "damaged below" {
            try copy("lowest", "lower")
            try spoil("lower", Array(image.prefix(64)))
            #expect(try !open("lower").verify().isClean)
            try ContentStore.setBase(at: path("backup"), path("lowest"), to: path("lower"))
        } else {
            try spoil("backup", Array(image.prefix(64)))
            #expect(try !open("backup").verify().isClean)
            if damage == "lost" { try ContentStore.repair(at: path("backup")) }
        }
        try move("base", "away")
        try move("backup", "base")
        for _ in 0..<2 { try open("layer").gc() }
        let away = try open("away")
        try away.gc()
        #expect(try away.forks().map(\.state) == [.present] && keptFiles("layer") == 1)
        let lacking = try open(damage == "damaged below" ? "lower" : "base")
        #expect(try lacking.heal(from: [away]).healed == 1)
        let layer = try open("layer")
        #expect(try keptFiles("layer") == 0)
        #expect(try layer.get(root) == image)
        try away.gc()
        #expect(try away.forks().isEmpty && holds(away).isEmpty)
    }

    /// A named defect: the base of another file system was left with the fork of an opening that died.
    @Test(arguments: ["known", "unknown", "renamed"])
    func anOpeningThatDiedLeavesNoFork(layer state: String) throws {
        do {
            let base = try make("base")
            try put(bytes, base, "theirs")
            try make("layer", over: "base").setRoot("mine", to: cid)
            let recorded = try recorded("layer")
            if state == "unknown" { StoreCreation.removeTree(path("layer/fork")) }
            // As by a renewal that died before its commit.
            let left = try StoreIdentity.random()
            let file = path("layer/fork") + (state == "renamed" ? "" : ".new")
            try ForkFile.create(file, left, recorded)
            try ForkFile.write(path("base/forks/") + left.text, try ForkFile.external(file))
            #expect(try base.core.lend([cid], to: left, loan: nil) == nil)
            #expect(try base.forks().contains { $0.state == .external })
        }
        _ = try open("layer")
        let base = try open("base")
        #expect(try keptFiles("layer") == 0 && !System.list(path("layer")).contains("fork.new"))
        try giveUp(base, "theirs")
        #expect(try base.forks().map(\.state) == [.present] && holds(base) == [cid])
        #expect(try open("layer").block(cid) == bytes && base.verify().isClean)
    }

    /// A named defect: the next renewal removed the fork file of a sealed base, and the layer was none.
    @Test func aSealedBaseHasItsForkFile() throws {
        let names = { try System.list(path("layer")).filter(ForkFile.isOne).sorted() }
        do {
            let base = try make("base")
            try put(bytes, base, "theirs")
            _ = try make("layer", over: "base")
            try base.seal()
        }
        _ = try make("more")
        try ContentStore.addBase(at: path("layer"), path("more"))
        #expect(try open("base").forks().map(\.state) == [.present])
        #expect(try names() == ["fork", "fork.1"])
        try System.remove(path("layer/fork"))
        _ = try open("layer")
        #expect(try names() == ["fork", "fork.1"])
        let recorded = try recorded("layer")
        for name in try names() {
            #expect(ForkFile.configuration(of: path("layer/" + name)) == recorded, "\(name)")
        }
    }

    /// A named defect: nobody saw that the layer went, once it had been on another file system.
    @Test func aLayerThatCameToItsBaseIsSeen() throws {
        do {
            let base = try make("base")
            try put(bytes, base, "theirs")
            try make("layer", over: "base").setRoot("mine", to: cid)
            let fork = try #require(try base.forks().first).identity
            // As of one that was on another file system when it was made.
            try System.remove(path("base/forks/") + fork)
            try ForkFile.write(path("base/forks/") + fork, try ForkFile.external(path("layer/fork")))
            #expect(try base.forks().map(\.state) == [.external])
        }
        _ = try open("layer")
        let base = try open("base")
        #expect(try base.forks().map(\.state) == [.present])
        StoreCreation.removeTree(path("layer"))
        try base.gc()
        #expect(try base.forks().isEmpty && holds(base).isEmpty)
    }

    /// A named defect: where more than the last name of a path was gone, it was not known for that of a base.
    @Test func aPathThatIsGoneIsStillOne() throws {
        let whole = try System.absolutePath(path("."))
        for name in ["gone", "gone/base", "gone/a/base/"] {
            let trimmed = name.hasSuffix("/") ? String(name.dropLast()) : name
            let found = try System.absolutePath(path(name), mayBeMissing: true)
            #expect(found == whole + "/" + trimmed)
        }
        #expect(code { _ = try System.absolutePath(path("gone/base")) } == .notFound)
    }

    /// A named defect: repair gave the copy an index and a journal of its own, and both wrote into one pack.
    @Test func aCopyOfHardLinksIsNotRepaired() throws {
        try put(bytes, try make("store"), "name")
        let files = try System.list(path("store/packs"))
        try System.makeDirectory(path("copy"))
        for name in ["index", "packs"] { try System.makeDirectory(path("copy/" + name)) }
        let whole = ["journal", "leases", "index/data.mdb", "index/lock.mdb"]
        for name in whole + files.map({ "packs/" + $0 }) {
            try System.link(path("store/" + name), path("copy/" + name))
        }
        for name in ["store", "copy"] {
            #expect(code { try ContentStore.repair(at: path(name)) } == .invalid, "\(name)")
            #expect(code { _ = try open(name) } == .invalid, "\(name)")
        }
        // Those that repair would have made anew.
        for name in ["journal", "leases", "index/data.mdb"] { try System.remove(path("copy/" + name)) }
        #expect(code { try ContentStore.repair(at: path("copy")) } == .invalid)
        StoreCreation.removeTree(path("copy"))
        #expect(try open("store").block(cid) == bytes)
    }

    /// A named defect: a base that was back forgot what it had damaged, and let go what is below that.
    @Test func whatABaseThatIsBackHasDamagedIsHeld() throws {
        let image = randomBytes(600_000, seed: 26)
        let root: CID
        do {
            let base = try make("base")
            try copy("base", "backup")
            root = try base.put(image)
            try make("layer", over: "base").setRoot("mine", to: root)
            try base.dereference(root)
        }
        let node = try open("base").block(root)
        try spoil("base", node)
        #expect(try !open("base").verify().isClean)
        try move("base", "away")
        try move("backup", "base")
        _ = try open("layer")
        try move("base", "backup")
        try move("away", "base")
        let (layer, base) = (try open("layer"), try open("base"))
        try base.gc()
        #expect(try holds(base) == [root])
        let donor = try make("donor")
        _ = try donor.put(image)
        #expect(try base.heal(from: [donor]).healed == 1)
        try layer.gc()
        #expect(try layer.get(root) == image && layer.verify().isClean && keptFiles("layer") == 0)
    }

    /// A named defect: the other base kept everything for ever.
    @Test(arguments: [false, true]) func aSealedBackupLetsTheOtherGo(isLayerSealed: Bool) throws {
        do {
            let base = try make("base")
            try copy("base", "backup")
            try put(bytes, base, "theirs")
            try make("layer", over: "base").setRoot("mine", to: cid)
            try base.removeRoot("theirs")
        }
        try move("base", "away")
        try move("backup", "base")
        _ = try open("layer")
        try open("base").seal()
        do {
            let layer = try open("layer")
            #expect(try keptFiles("layer") == 1)
            try put(bytes, layer, "again")
            if isLayerSealed { try layer.seal() } else { try layer.gc() }
        }
        #expect(try keptFiles("layer") == 0)
        let away = try open("away")
        try away.gc()
        #expect(try away.forks().isEmpty)
    }

    /// A named defect: a link to what was never there kept the old name in the base for ever.
    @Test func aBaseThatIsBackKnowsOneName() throws {
        _ = try make("base")
        try copy("base", "backup")
        do {
            let layer = try make("layer", over: "base")
            let base = try open("base")
            try put(bytes, base, "theirs")
            try layer.setRoot("mine", to: cid)
            let batch = try layer.makeBatch()
            try batch.setRoot("dangling", to: try batch.putNode(.list([.link(otherCID)])))
            try batch.commit()
            try base.removeRoot("theirs")
        }
        try move("base", "away")
        try move("backup", "base")
        do {
            _ = try open("layer")
            #expect(try keptFiles("layer") == 1)
        }
        try move("base", "backup")
        try move("away", "base")
        let (layer, base) = (try open("layer"), try open("base"))
        // That for the backup stays: it may have what is nowhere.
        #expect(try keptFiles("layer") == 1 && layer.block(cid) == bytes)
        try base.gc()
        #expect(try base.forks().count == 1 && holds(base) == [cid])
        try giveUp(layer, "mine")
        for store in [layer, layer, base] { try store.gc() }
        #expect(try holds(base).isEmpty && base.stat().blocks == 0)
    }

    /// A named defect: it was taken for one that is not there, and left out.
    @Test(arguments: ["journal", "no journal", "no index"])
    func aDamagedBaseIsThere(damage: String) throws {
        do {
            let base = try make("base")
            try put(bytes, base, "theirs")
            try make("layer", over: "base").setRoot("mine", to: cid)
            try base.removeRoot("theirs")
        }
        if damage == "journal" {
            let file = try System.open(path("base/journal"), O_RDWR)
            try [UInt8(ascii: "z")].withUnsafeBytes { try System.write(file, at: 0, $0) }
            System.close(file)
        } else {
            try System.remove(path("base/journal"))
            if damage == "no index" { StoreCreation.removeTree(path("base/index")) }
        }
        #expect(code { _ = try open("base") } == .corrupt)
        #expect(code { _ = try open("layer") } == .corrupt)
        #expect(code { try ContentStore.flatten(at: path("layer"), keepingGoing: true) } == .corrupt)
        try ContentStore.repair(at: path("base"))
        let (layer, base) = (try open("layer"), try open("base"))
        try base.gc()
        #expect(try layer.block(cid) == bytes)
    }

    /// A named defect: what was held for it was held for ever.
    @Test func aStoreThatCameToStandAloneIsNoFork() throws {
        do {
            try put(bytes, try make("base"), "theirs")
            try make("layer", over: "base").setRoot("mine", to: cid)
        }
        try move("base", "away")
        // As when it dies before they are gone.
        try System.link(path("layer/fork"), path("saved"))
        try ContentStore.flatten(at: path("layer"), keepingGoing: true)
        // Whichever of them went first.
        try move("saved", "layer/fork.1")
        let base = try open("away")
        #expect(try base.forks().map(\.state) == [.present])
        _ = try open("layer")
        try base.gc()
        #expect(try base.forks().isEmpty && holds(base).isEmpty)
    }

    /// A named defect: it was said to be nobody's, for ever.
    @Test func whatASealedBaseHasNeedNotBeHeld() throws {
        try put(bytes, try make("sealed"), "theirs")
        try open("sealed").seal()
        let second = try make("second")
        let layer = try make("layer", over: "sealed", "second")
        try layer.setRoot("mine", to: cid)
        #expect(try layer.verify().isClean)
        try put(bytes, second, "theirs")
        #expect(try layer.verify().isClean)
        try giveUp(second, "theirs")
        #expect(try layer.block(cid) == bytes && layer.verify().isClean)
    }

    /// A named defect: there was no way to what it has, nor to what is over it.
    @Test func aSealedLayerWhoseBaseIsLostIsFlattened() throws {
        do {
            let lowest = try make("lowest")
            try put(bytes, lowest, "theirs")
            try lowest.seal()
            let middle = try make("middle", over: "lowest")
            try put(other, middle, "own")
            try middle.seal()
            try make("layer", over: "middle").setRoot("mine", to: otherCID)
        }
        #expect(code { try ContentStore.flatten(at: path("middle"), keepingGoing: true) } == .readOnly)
        StoreCreation.removeTree(path("lowest"))
        #expect(code { try ContentStore.flatten(at: path("middle")) } == .notFound)
        #expect(code { try ContentStore.flatten(at: path("layer"), keepingGoing: true) } == .notFound)
        try ContentStore.flatten(at: path("middle"), keepingGoing: true)
        let (middle, layer) = (try open("middle"), try open("layer"))
        #expect(middle.isSealed && middle.bases.isEmpty)
        #expect(try middle.block(otherCID) == other && layer.block(otherCID) == other)
        #expect(try layer.verify().isClean)
    }

    /// A named defect: that was an error, though the base was set.
    @Test func oneOfTwoMovedBasesIsSet() throws {
        do {
            try put(bytes, try make("a"), "theirs")
            try put(other, try make("b"), "theirs")
            let layer = try make("layer", over: "a", "b")
            for (name, cid) in [("a", cid), ("b", otherCID)] { try layer.setRoot(name, to: cid) }
        }
        for name in ["a", "b"] { try move(name, "moved-" + name) }
        try FileManager.default.createDirectory(atPath: path("b"), withIntermediateDirectories: false)
        try ContentStore.setBase(at: path("layer"), path("a"), to: path("moved-a"))
        try ContentStore.setBase(at: path("layer"), path("b"), to: path("moved-b"))
        let layer = try open("layer")
        #expect(try layer.block(cid) == bytes && layer.block(otherCID) == other && layer.verify().isClean)
    }
}
