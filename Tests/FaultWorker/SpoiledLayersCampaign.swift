import Glibc
import IpldEngine

/// Stores over stores whose blocks are spoiled at rest, one after the other, while all of them store, name,
/// copy, drop, collect, verify, heal and are repaired: what is stored again after damage was found is whole
/// from then on, whatever the stores below drop; what is not whole is told of; and with all healed from a
/// store that has everything, nothing is lost, and nothing held for ever.
struct SpoiledLayersCampaign {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        defer { Files.removeTree(scratch) }
        let pool = try Pool(scratch: scratch)
        let tally = Tally("spoiled-layers", seed: arguments.seed)
        let budget = Budget(arguments, points: 40)
        let items = try SpoiledItems(scratch + "/donor", pool)
        var number: UInt64 = 0
        while budget.goesOn(Int(number)) {
            let seed = arguments.seed &+ number
            number += 1
            tally.point("--seed \(seed) --points 1") {
                Files.removeTree(scratch + "/world")
                let world = try SpoiledLayersWorld(scratch + "/world", items, seed, tally)
                do { try world.live(steps: arguments.number("steps", 60)) } catch {
                    if arguments.text("trace") != nil { for line in world.transcript { say(line) } }
                    let code = (error as? StoreError).map { "\($0.code): " } ?? ""
                    let step = "step \(world.transcript.count), \(world.transcript.last ?? "")"
                    throw Violation("\(step): \(code)\(error)")
                }
            }
        }
        return tally.finish()
    }
}

/// What the stores of that campaign store: files, and nodes over some of them, and a store that has them all.
struct SpoiledItems {
    struct Item {
        let cid: CID
        /// Of the file, or of those under the node.
        let contents: [Int]
        let node: IPLDValue?
        let blocks: Set<CID>
    }

    let pool: Pool
    private(set) var items: [Item] = []
    let donor: ContentStore

    init(_ path: String, _ pool: Pool) throws {
        self.pool = pool
        try ContentStore.create(at: path, configuration: try Pool.configuration())
        donor = try ContentStore.open(at: path)
        for content in 0..<Pool.count {
            try add(try donor.put(Pool.bytes(content)), [content], nil)
        }
        for number in 0..<8 {
            let contents = [number * 3, number * 2 + 7]
            let node = IPLDValue.list(
                [.integer(Int128(number))] + contents.map { .link(pool.cids[$0]) })
            let batch = try donor.makeBatch()
            let cid = try batch.putNode(node)
            try batch.setRoot("node-\(number)", to: cid)
            try batch.commit()
            try add(cid, contents, node)
        }
    }

    private mutating func add(_ cid: CID, _ contents: [Int], _ node: IPLDValue?) throws {
        var blocks: Set<CID> = []
        var work = [cid]
        while let next = work.popLast() {
            guard blocks.insert(next).inserted else { continue }
            work += try donor.links(of: next)
        }
        items.append(Item(cid: cid, contents: contents, node: node, blocks: blocks))
    }
}

/// One stack of stores, and what must be in them.
final class SpoiledLayersWorld {
    private struct Layer {
        let path: String
        let kind: StoreKind
        /// All that it reads through, by number, itself included.
        let below: Set<Int>
        var store: ContentStore?
        /// What it was given under a root, by item.
        var named: Set<Int> = []
        /// Of those, what reads right whatever else is dropped.
        var whole: Set<Int> = []
    }

    private struct Spoiled: Hashable {
        let layer: Int
        let block: CID
    }

    private let all: SpoiledItems
    private let tally: Tally
    private var random: Random
    private var layers: [Layer] = []
    /// Since all was last known to be sound.
    private var spoiled: Set<Spoiled> = []
    /// Of these, what nobody can know of yet.
    private var unfound: Set<Spoiled> = []
    private(set) var transcript: [String] = []

    private func note(_ what: String) { transcript.append(what) }

    init(_ directory: String, _ all: SpoiledItems, _ seed: UInt64, _ tally: Tally) throws {
        self.all = all
        self.tally = tally
        random = Random(seed: seed)
        mkdir(directory, 0o777)
        // What each store is over, from the lowest up.
        let shapes: [[[Int]]] = [
            [[], [0]], [[], [0], [1]], [[], [], [0, 1]], [[], [], [0, 1], [2]], [[], [0], [], [1, 2]],
        ]
        let shape = shapes[random.below(shapes.count)]
        for (number, bases) in shape.enumerated() {
            let kind: StoreKind = random.oneIn(4) ? .flatfs1 : .lmdb
            let path = "\(directory)/\(number)"
            if bases.isEmpty {
                try ContentStore.create(at: path, configuration: try kind.configuration())
            } else {
                try LayeredStore.create(
                    at: path, over: bases.map { layers[$0].path }, configuration: try kind.configuration())
            }
            let below = bases.reduce(Set([number])) { $0.union(layers[$1].below) }
            layers.append(Layer(path: path, kind: kind, below: below))
        }
        note("shape \(shape), kinds \(layers.map(\.kind.rawValue))")
    }

    // MARK: Its life

    func live(steps: Int) throws {
        for step in 0..<steps {
            try change()
            if step % 3 == 2 { try readAll() }
        }
        try healAll()
        try end()
    }

    private func change() throws {
        let number = random.below(layers.count)
        switch random.below(100) {
        case 0..<24: try put(number)
        case 24..<28: try putBelow(number)
        case 28..<38: try name(number)
        case 38..<48: try drop(number)
        case 48..<58: try collect(number)
        case 58..<76: try spoil(number)
        case 76..<82: try copy(number)
        case 82..<86: try verify(number)
        case 86..<89: try heal(number)
        case 89..<92: try repair(number)
        case 92..<96: try useMemory(number)
        default:
            note("reopen")
            close()
        }
    }

    private func open(_ number: Int) throws -> ContentStore {
        if let store = layers[number].store { return store }
        let store = try ContentStore.open(at: layers[number].path)
        layers[number].store = store
        return store
    }

    private func close() { for number in layers.indices { layers[number].store = nil } }

    private func anyItem() -> Int { random.below(all.items.count) }

    private func store(_ item: Int, _ batch: Batch) throws {
        for content in all.items[item].contents {
            let cid = try batch.put(Pool.bytes(content))
            guard cid == all.pool.cids[content] else { throw Violation("content \(content) became \(cid)") }
        }
        if let node = all.items[item].node { _ = try batch.putNode(node) }
    }

    /// Whether anybody below has a part of it spoiled and cannot know.
    private func isDoubtful(_ item: Int, _ number: Int, _ among: Set<Spoiled>) -> Bool {
        let (below, blocks) = (layers[number].below, all.items[item].blocks)
        return among.contains { below.contains($0.layer) && blocks.contains($0.block) }
    }

    private func named(_ number: Int, _ item: Int) {
        layers[number].named.insert(item)
        if !isDoubtful(item, number, unfound) { layers[number].whole.insert(item) }
    }

    private func put(_ number: Int) throws { try put(anyItem(), number) }

    /// So that several bases have it.
    private func putBelow(_ number: Int) throws {
        let item = anyItem()
        for below in layers[number].below.sorted() where below != number { try put(item, below) }
    }

    private func put(_ item: Int, _ number: Int) throws {
        note("put \(item) in \(number)")
        let batch = try open(number).makeBatch()
        try store(item, batch)
        try batch.setRoot("i\(item)", to: all.items[item].cid)
        try batch.commit()
        named(number, item)
    }

    private func copy(_ number: Int) throws {
        let item = anyItem()
        note("copy \(item) into \(number)")
        try open(number).copy(all.items[item].cid, from: all.donor, asRoot: "i\(item)")
        named(number, item)
    }

    /// Names what is there, or below.
    private func name(_ number: Int) throws {
        let below = layers[number].below
        let known = Set(below.flatMap { layers[$0].named })
        guard let item = random.element(of: known.sorted()) else { return try put(number) }
        note("name \(item) in \(number)")
        // With something of it spoiled it may have been seen from another store's side only.
        let isWhole =
            layers[number].whole.contains(item)
            || (below.contains { layers[$0].whole.contains(item) } && !isDoubtful(item, number, spoiled))
        do { try open(number).setRoot("i\(item)", to: all.items[item].cid) } catch let error as StoreError {
            guard !isWhole, error.code == .notFound || error.code == .corrupt else { throw error }
            return tally.count("not-named")
        }
        layers[number].named.insert(item)
        if isWhole { layers[number].whole.insert(item) }
    }

    private func drop(_ number: Int) throws {
        guard let item = random.element(of: layers[number].named.sorted()) else { return }
        note("drop \(item) in \(number)")
        let store = try open(number)
        if random.oneIn(3) {
            // Nothing is reclaimed, nor given back.
            let batch = try store.makeBatch()
            try batch.setRoot("i\(item)", to: nil)
            try batch.commit()
        } else {
            try store.removeRoot("i\(item)", budget: random.oneIn(2) ? 0 : nil)
        }
        layers[number].named.remove(item)
        layers[number].whole.remove(item)
    }

    private func collect(_ number: Int) throws {
        note("collect \(number)")
        try open(number).gc()
    }

    // MARK: Damage

    private func spoil(_ number: Int) throws {
        let store = try open(number)
        let cids = Set(all.items.flatMap(\.blocks)).sorted { $0.description < $1.description }
        for _ in 0..<40 {
            guard let cid = random.element(of: cids), cid.hash != .identity, try store.hasItself(cid),
                try spoil(cid, number)
            else { continue }
            note("spoil \(cid) in \(number)")
            tally.count(cid.codec == .dagCBOR ? "spoiled-nodes" : "spoiled-leaves")
            let new = Spoiled(layer: number, block: cid)
            spoiled.insert(new)
            unfound.insert(new)
            for above in layers.indices where layers[above].below.contains(number) {
                layers[above].whole = layers[above].whole.filter { !all.items[$0].blocks.contains(cid) }
            }
            if !random.oneIn(4) { try verify(number) }
            return
        }
    }

    /// False when its bytes are not found as they are.
    private func spoil(_ cid: CID, _ number: Int) throws -> Bool {
        let path = layers[number].path
        let bytes = try all.donor.block(cid)
        guard bytes.count > 16 else { return false }
        if layers[number].kind.hasFiles {
            guard let file = Self.file(named: cid.description, below: path + "/blocks") else { return false }
            if random.oneIn(3) { return unlink(file) == 0 }
            var whole = try Files.read(file)
            guard !whole.isEmpty else { return false }
            whole[random.below(whole.count)] ^= 1 << UInt8(random.below(8))
            try Files.write(file, whole)
            return true
        }
        var found = false
        for pack in Files.names(path + "/packs").map({ path + "/packs/" + $0 }) {
            let whole = try Files.read(pack)
            // It may be there more than once, of which one counts.
            var from = 0
            while let place = Self.find(bytes, in: whole, from: from) {
                let at = place + random.below(bytes.count)
                let descriptor = Glibc.open(pack, O_WRONLY)
                guard descriptor >= 0 else { throw Violation("cannot open \(pack)") }
                defer { Glibc.close(descriptor) }
                guard pwrite(descriptor, [whole[at] ^ 0x10], 1, off_t(at)) == 1 else {
                    throw Violation("cannot spoil \(pack)")
                }
                found = true
                from = place + bytes.count
            }
        }
        return found
    }

    private static func find(_ bytes: [UInt8], in whole: [UInt8], from: Int) -> Int? {
        whole.withUnsafeBytes { (whole) -> Int? in
            guard let base = whole.baseAddress, whole.count >= bytes.count else { return nil }
            let end = base + (whole.count - bytes.count + 1)
            var place = base + from
            while place < end, let found = memchr(place, Int32(bytes[0]), end - place) {
                if memcmp(found, bytes, bytes.count) == 0 { return UnsafeRawPointer(found) - base }
                place = UnsafeRawPointer(found) + 1
            }
            return nil
        }
    }

    private static func file(named name: String, below path: String) -> String? {
        for found in Files.names(path) {
            let place = path + "/" + found
            if found == name { return place }
            if Files.isDirectory(place), let file = file(named: name, below: place) { return file }
        }
        return nil
    }

    @discardableResult
    private func verify(_ number: Int) throws -> Bool {
        note("verify \(number)")
        let report = try open(number).verify()
        unfound = unfound.filter { $0.layer != number }
        tally.count(report.isClean ? "clean" : "found")
        // A link of a node to what was lost for good is one to what may come.
        return report.isClean && report.missingLinks == 0
    }

    private func heal(_ number: Int) throws {
        let other = random.oneIn(2) ? nil : random.below(layers.count)
        note("heal \(number) from \(other.map(String.init) ?? "the donor")")
        try open(number).heal(from: [try other.map(open) ?? all.donor])
        unfound = unfound.filter { $0.layer != number }
    }

    private func repair(_ number: Int) throws {
        let keeps = random.oneIn(2)
        note("repair \(number)\(keeps ? " and keep names" : "")")
        close()
        try ContentStore.repair(at: layers[number].path, keepingNames: keeps)
        unfound = unfound.filter { $0.layer != number }
        let roots = try NameState(of: open(number)).roots
        for item in layers[number].named where roots["i\(item)"] != all.items[item].cid {
            guard !layers[number].whole.contains(item), !keeps else {
                throw Violation("repair lost the name of \(item)")
            }
            layers[number].named.remove(item)
            tally.count("lost-names")
        }
    }

    /// A store in memory over one of them, while those below drop things.
    private func useMemory(_ number: Int) throws {
        note("a store in memory over \(number)")
        let memory = try MemoryStore(over: [open(number)], configuration: try Pool.configuration())
        var stored: [Int] = []
        for _ in 0..<3 {
            let item = anyItem()
            note("put \(item) in memory")
            let batch = try memory.makeBatch()
            try store(item, batch)
            try batch.setRoot("i\(item)", to: all.items[item].cid)
            try batch.commit()
            if !isDoubtful(item, number, unfound) { stored.append(item) }
            let other = layers[number].below.sorted()[random.below(layers[number].below.count)]
            try drop(other)
            try collect(other)
        }
        for item in stored {
            note("read \(item) from memory")
            guard try read(item, memory) == nil else { throw Violation("\(item) is not whole in memory") }
        }
        tally.count("in-memory")
    }

    // MARK: What must hold

    /// Nil when all of it is right, or what the error was.
    private func read(_ item: Int, _ store: ContentStore) throws -> StoreError? {
        do {
            if let node = all.items[item].node, try store.node(all.items[item].cid) != node {
                throw Violation("a node is wrong")
            }
            for content in all.items[item].contents {
                guard try store.contents(of: all.pool.cids[content]) == Pool.bytes(content) else {
                    throw Violation("content \(content) is wrong")
                }
            }
            return nil
        } catch let error as StoreError {
            guard [.corrupt, .notFound].contains(error.code) else { throw error }
            return error
        }
    }

    /// Reads all that is named: what is whole must be right. Where nobody tells of damage, all of it is.
    private func readAll() throws {
        note("read all")
        var failed: [String] = []
        for number in layers.indices {
            let store = try open(number)
            for item in layers[number].named.sorted() {
                guard let error = try read(item, store) else { continue }
                guard !layers[number].whole.contains(item) else {
                    throw Violation("\(item) is lost in \(number): \(error.code): \(error)")
                }
                tally.count(error.code == .corrupt ? "corrupt" : "absent")
                failed.append("\(item) in \(number): \(error.code): \(error)")
            }
        }
        guard !failed.isEmpty else { return }
        var isTold = false
        for number in layers.indices where try !verify(number) { isTold = true }
        guard isTold else { throw Violation("verify tells nothing of \(failed)") }
    }

    /// From the lowest up, from a store that has everything.
    private func healAll() throws {
        close()
        for number in layers.indices {
            note("heal \(number)")
            let report = try open(number).heal(from: [all.donor])
            guard report.missing == 0 else { throw Violation("\(report.missing) blocks were not healed") }
        }
        for number in layers.indices {
            // Those of above that read through it have made it settle by now.
            try open(number).gc()
            let report = try open(number).verify()
            guard report.isClean, report.missingLinks == 0 else {
                let messages = report.problems.prefix(3).map(\.message)
                throw Violation("\(number) is not clean: \(messages)")
            }
        }
        spoiled = []
        unfound = []
        for number in layers.indices { layers[number].whole = layers[number].named }
        try readAll()
    }

    private func end() throws {
        for number in layers.indices.reversed() {
            for item in layers[number].named.sorted() {
                note("end: drop \(item) in \(number)")
                try open(number).removeRoot("i\(item)")
            }
            layers[number].named = []
            layers[number].whole = []
            for _ in 0..<3 { try open(number).gc() }
        }
        for number in layers.indices {
            let store = try open(number)
            try store.gc()
            let report = try store.verify()
            guard report.isClean else {
                throw Violation("\(number), emptied: \(report.problems.prefix(3).map(\.message))")
            }
            if layers[number].kind.hasFiles {
                let left = Files.count(layers[number].path + "/blocks")
                guard left == 0 else { throw Violation("\(left) files are left in \(number), emptied") }
            }
            let blocks = try store.stat().blocks
            let holds = try store.holds()
            guard blocks == 0, holds.isEmpty else {
                throw Violation("\(number), emptied, has \(blocks) blocks and \(holds.prefix(2))")
            }
        }
    }
}
