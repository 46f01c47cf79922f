import Foundation
import Glibc
import Testing

@testable import IpldEngine

/// Layers that lost their index and their journal, and with them names, and what they knew of their bases.
@Suite struct LayerLossTests: LayerBlockSuite {
    let directory: TemporaryDirectory
    let blocks: LayerBlocks

    init() throws {
        directory = try TemporaryDirectory()
        blocks = try LayerBlocks()
    }

    /// A named defect: a repair could not know its bases any more, and they took the layer for gone.
    @Test(arguments: ["no journal", "no configuration"], [false, true])
    func aLayerThatLostIndexAndJournalLosesNothing(damage: String, isOwn: Bool) throws {
        let image = randomBytes(600_000, seed: 24)
        let second = randomBytes(600_000, seed: 25)
        var edited: CID
        do {
            let (base, more) = (try make("base"), try make("more"))
            let layer = try make("layer", over: "base", "more")
            edited = try base.put(image)
            try layer.setRoot("mine", to: edited)
            if isOwn {
                let writer = try layer.makeWriter(on: edited)
                try writer.write([1, 2, 3], at: 300_000)
                edited = try writer.commit()
                try layer.setRoot("mine", to: edited)
                try layer.dereference(edited)
            }
            let root = try more.put(second)
            try layer.setRoot("too", to: root)
            try more.dereference(root)
            for hold in try base.holds(owner: ContentStore.defaultOwner) { try base.dereference(hold.cid) }
        }
        StoreCreation.removeTree(path("layer/index"))
        if damage == "no journal" {
            StoreCreation.removeTree(path("layer/journal"))
        } else {
            let handle = try FileHandle(forUpdating: URL(filePath: path("layer/journal")))
            try handle.seek(toOffset: 100)
            try handle.write(contentsOf: [0xa5, 0xa5])
            try handle.close()
        }
        try ContentStore.repair(at: path("layer"))
        for name in ["base", "more"] {
            let store = try open(name)
            try store.gc()
            #expect(try store.forks().map(\.state) == [.present])
        }
        let layer = try open("layer")
        for name in ["base", "more"] { try open(name).gc() }
        let roots = try layer.roots()
        let kept = roots.compactMap { try? layer.get($0.cid) }
        #expect(kept.contains(second) && kept.contains { $0.count == image.count && $0 != second })
        #expect(try layer.verify().isClean && keptFiles("layer") == 0)
        for name in ["base", "more"] { #expect(try open(name).forks().map(\.state) == [.present]) }
    }

    /// A named defect: what only a base had was let go when the layer had lost the names of it.
    @Test func whatALayerHasLostTheNameOfIsNamedAgain() throws {
        do {
            let base = try make("base")
            try put(bytes, base, "theirs")
            let layer = try make("layer", over: "base")
            try layer.setRoot("mine", to: cid)
            try put(other, layer, "other")
            try base.removeRoot("theirs")
        }
        StoreCreation.removeTree(path("layer/index"))
        StoreCreation.removeTree(path("layer/journal"))
        try ContentStore.repair(at: path("layer"))
        let (layer, base) = (try open("layer"), try open("base"))
        try layer.gc()
        try base.gc()
        #expect(try layer.root("recovered/\(cid)") == cid && layer.block(cid) == bytes)
    }

    /// Named defects: a second repair forgot that names were lost; where a layer, or a base, was copied, or a
    /// base sealed, or moved, they did not come back; some of these layers never came to be sound again.
    @Test(arguments: [
        "once", "twice", "sealed", "sealed later", "copied", "base copied", "moved", "flattened",
    ])
    func whatHasNoNameComesBackFromAllBases(way: String) throws {
        func lose(_ names: [String]) { for name in names { StoreCreation.removeTree(path("layer/" + name)) } }
        do {
            let (base, more) = (try make("base"), try make("more"))
            try put(bytes, base, "theirs")
            try put(other, more, "theirs")
            if way == "sealed" { try more.seal() }
            _ = try make("layer", over: "base", "more")
        }
        var known: UInt64 = 0
        if way == "flattened" {
            try ContentStore.flatten(at: path("layer"))
            // What can be read of the journal will be of a store that stands alone.
            known = try System.status(ofPath: path("layer/journal")).length
            for name in ["base", "more"] { try ContentStore.addBase(at: path("layer"), path(name)) }
        }
        do {
            let layer = try open("layer")
            try layer.setRoot("mine", to: cid)
            try layer.setRoot("too", to: otherCID)
            for name in way == "sealed" ? ["base"] : ["base", "more"] { try open(name).removeRoot("theirs") }
            if way == "sealed later" { try open("more").seal() }
        }
        if way == "flattened" {
            lose(["index"])
            let handle = try FileHandle(forUpdating: URL(filePath: path("layer/journal")))
            for offset in stride(from: known, to: try handle.seekToEnd(), by: 8) {
                try handle.seek(toOffset: offset)
                try handle.write(contentsOf: [0xa5])
            }
            try handle.close()
        } else {
            lose(["index", "journal"])
        }
        try ContentStore.repair(at: path("layer"))
        if way == "twice" {
            lose(["index"])
            try ContentStore.repair(at: path("layer"))
        }
        switch way {
        case "copied":
            try move("layer", "original")
            try copy("original", "layer")
            _ = try open("layer")
            StoreCreation.removeTree(path("original"))
        case "base copied":
            try move("base", "away")
            try copy("away", "base")
            StoreCreation.removeTree(path("away"))
        case "moved":
            try move("base", "away")
            #expect(code { _ = try open("layer") } == .notFound)
            try ContentStore.setBase(at: path("layer"), path("base"), to: path("away"))
            try move("away", "base")
            try ContentStore.setBase(at: path("layer"), path("away"), to: path("base"))
        default: break
        }
        let layer = try open("layer")
        for name in ["base", "more"] where !(try open(name).isSealed) { try open(name).gc() }
        #expect(try layer.root("recovered/\(cid)") == cid && layer.block(cid) == bytes)
        // What a sealed store has is not held for anybody.
        let isNamed = way != "sealed"
        #expect(try layer.root("recovered/\(otherCID)") == (isNamed ? otherCID : nil))
        #expect(try layer.block(otherCID) == other && layer.verify().isClean)
        try layer.removeRoot("recovered/\(cid)")
        for fork in try open("base").forks() where fork.state == .unknown {
            try open("base").forgetFork(fork.identity)
        }
        for store in [layer, layer, try open("base")] { try store.gc() }
        #expect(try open("base").stat().blocks == 0 && layer.verify().isClean)
    }

    /// Named defects: of bases that were added again, in some order, one that was not there yet let go.
    @Test(arguments: ["no configuration", "nothing"], [false, true])
    func aLayerWhoseForkFilesAreDamagedTooIsGivenItsBases(left: String, isSwapped: Bool) throws {
        do {
            let (base, more) = (try make("base"), try make("more"))
            try put(bytes, base, "theirs")
            try put(other, more, "theirs")
            let layer = try make("layer", over: "base", "more")
            try layer.setRoot("mine", to: cid)
            try layer.setRoot("too", to: otherCID)
            for store in [base, more] { try store.removeRoot("theirs") }
        }
        for name in ["index", "journal"] { StoreCreation.removeTree(path("layer/" + name)) }
        for name in ["fork", "fork.1"] {
            let handle = try FileHandle(forUpdating: URL(filePath: path("layer/" + name)))
            try handle.truncate(atOffset: left == "nothing" ? 9 : 100)
            try handle.close()
        }
        try ContentStore.repair(at: path("layer"))
        #expect(try !open("layer").verify().isClean)
        #expect(code { try open("layer").seal() } == .invalid)
        #expect(code { try ContentStore.flatten(at: path("layer")) } == .invalid)
        let names = isSwapped ? ["more", "base"] : ["base", "more"]
        for (count, name) in names.enumerated() {
            for name in ["base", "more"] { try open(name).gc() }
            try ContentStore.addBase(at: path("layer"), path(name))
            guard count == 0 else { continue }
            #expect(try !open("layer").verify().isClean)
            #expect(code { try open("layer").seal() } == .invalid)
            #expect(code { try ContentStore.flatten(at: path("layer")) } == .corrupt)
        }
        do {
            let layer = try open("layer")
            for store in [layer, try open("base"), try open("more")] { try store.gc() }
            for (cid, content) in [(cid, bytes), (otherCID, other)] {
                #expect(try layer.root("recovered/\(cid)") == cid && layer.block(cid) == content)
            }
            #expect(try layer.verify().isClean && keptFiles("layer") == 0)
            for name in names { #expect(try open(name).forks().map(\.state) == [.present]) }
        }
        try ContentStore.flatten(at: path("layer"))
    }

    /// A named defect: the base that was away let go, because nothing was known to be missing.
    @Test func whatABackupLacksIsKeptElsewhereWhereNamesWereLost() throws {
        do {
            let base = try make("base")
            _ = try make("layer", over: "base")
            try copy("base", "backup")
            try put(bytes, base, "theirs")
            try open("layer").setRoot("mine", to: cid)
            try base.removeRoot("theirs")
        }
        try move("base", "away")
        try move("backup", "base")
        _ = try open("layer")
        #expect(try keptFiles("layer") == 1)
        for name in ["index", "journal"] { StoreCreation.removeTree(path("layer/" + name)) }
        try ContentStore.repair(at: path("layer"))
        for _ in 0..<2 { try open("layer").gc() }
        try open("away").gc()
        #expect(try open("away").forks().map(\.state) == [.present] && keptFiles("layer") == 1)
        try move("base", "backup")
        try move("away", "base")
        let layer = try open("layer")
        try open("base").gc()
        #expect(try layer.root("recovered/\(cid)") == cid && layer.block(cid) == bytes)
        #expect(try layer.verify().isClean)
    }

    @Test func halfAForkFileSaysNothing() throws {
        _ = try make("base")
        _ = try make("layer", over: "base")
        let whole = try recorded("layer")
        let text = try Data(contentsOf: URL(filePath: path("layer/fork")))
        let file = path("half")
        for length in 0..<text.count - 1 {
            try text.prefix(length).write(to: URL(filePath: file))
            #expect(ForkFile.configuration(of: file) == nil, "\(length)")
        }
        // What was longer before, and was not cut yet.
        try (text + text.suffix(40)).write(to: URL(filePath: file))
        #expect(ForkFile.configuration(of: file) == whole)
    }
}
