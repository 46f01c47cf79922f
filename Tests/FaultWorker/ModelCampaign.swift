import Glibc
import IpldEngine

/// Random operations on small blocks and nodes against a model in memory: names, counts and what collection
/// leaves equal mark and sweep from the names.
struct ModelCampaign {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        defer { Files.removeTree(scratch) }
        let operations = arguments.number("points", 20_000)
        let budget = Budget(arguments, points: operations)
        let tally = Tally("model", seed: arguments.seed)
        // Several stores, so that each begins empty and grows differently.
        let perStore = arguments.number("points-per-store", 4_000)
        let kinds = try StoreKind.asked(arguments, of: StoreKind.allCases)
        for index in 0... {
            guard budget.goesOn(index * perStore) else { break }
            if let only = arguments.optional("only"), only != index { continue }
            let kind = kinds[index % kinds.count]
            let replay =
                "--kind \(arguments.text("kind") ?? "lmdb") --points \((index + 1) * perStore)"
                + " --points-per-store \(perStore) --only \(index)"
            tally.point("--seed \(arguments.seed) \(replay)") {
                var run = try ModelRun(
                    path: scratch + "/store-\(index)", kind: kind,
                    seed: arguments.seed &+ UInt64(index) &* 7919)
                for step in 0..<perStore where budget.goesOn(index * perStore + step) {
                    do {
                        try run.operation()
                        tally.count("operations")
                        if step % 50 == 49 { try run.compareCounts() }
                        if step % 500 == 499 { try run.compareAll() }
                    } catch { throw Violation("operation \(step) (\(run.last)): \(error)") }
                }
                try run.compareAll()
                tally.count("collected", run.collected)
            }
            StoreKind.remove(scratch + "/store-\(index)")
        }
        return tally.finish()
    }
}

private struct ModelRun {
    private let store: ContentStore
    private var random: Random
    private(set) var last = ""
    private(set) var collected = 0

    /// Everything ever made: a block's bytes and distinct links, by CID.
    private var known: [CID: (bytes: [UInt8], links: [CID])] = [:]
    private var order: [CID] = []
    /// What is stored, dead or alive.
    private var stored: Set<CID> = []
    private var names = NameState()

    /// Leaves that a base has, under a root.
    private var lent: Set<CID> = []
    private let bases: [ContentStore]

    init(path: String, kind: StoreKind, seed: UInt64) throws {
        random = Random(seed: seed)
        Bounds.stageBlocks = 7
        Bounds.fullPackBytes = 60_000
        Bounds.compactionBytes = 16 << 10
        Bounds.journalBytes = 4096
        try kind.prepare(path, [])
        if kind.base != nil { lent = try Self.lend(StoreKind.basePath(path)) }
        if !kind.isInMemory { try kind.create(path) }
        store = try kind.open(path)
        bases = try store.bases.map { try ContentStore.open(at: $0.path) }
    }

    /// Every third leaf that the operations may make.
    private static func lend(_ path: String) throws -> Set<CID> {
        let store = try ContentStore.open(at: path)
        let batch = try store.makeBatch()
        var lent: Set<CID> = []
        for seed in stride(from: 0, to: 400, by: 3) {
            var leaf = Random(seed: UInt64(seed))
            lent.insert(
                try leaf.bytes(leaf.below(600)).withUnsafeBytes { try batch.putBlock($0, codec: .raw) })
        }
        try batch.setRoot("lent", to: try batch.putNode(.list(lent.map { .link($0) })))
        try batch.commit()
        return lent
    }

    private func isHere(_ cid: CID) -> Bool { stored.contains(cid) || lent.contains(cid) }

    // MARK: Operations

    mutating func operation() throws {
        switch random.below(100) {
        case 0..<40: try putBatch()
        case 40..<52: try setRoot()
        case 52..<64: try removeRoot()
        case 64..<74: try retain()
        case 74..<86: try dereference()
        case 86..<92: try lookUp()
        default:
            last = "gc"
            try store.gc()
            sweep()
        }
    }

    /// A leaf or a node over blocks that exist, existed, or will.
    private mutating func make() throws -> (cid: CID, bytes: [UInt8], codec: CID.Codec) {
        let bytes: [UInt8]
        var links: [CID] = []
        let codec: CID.Codec
        if random.oneIn(2) || order.isEmpty {
            // Few enough that the same ones come again.
            var leaf = Random(seed: UInt64(random.below(400)))
            bytes = leaf.bytes(leaf.below(600))
            codec = .raw
        } else {
            var list: [IPLDValue] = [.integer(Int128(random.below(50)))]
            for _ in 0..<random.below(5) {
                if let cid = random.element(of: order) {
                    list.append(.link(cid))
                    if !links.contains(cid) { links.append(cid) }
                }
            }
            if random.oneIn(10) {
                // A link to a leaf that may be stored later, or never.
                var leaf = Random(seed: UInt64(random.below(400)))
                let cid = try leaf.bytes(leaf.below(600)).withUnsafeBytes {
                    try CID(hashing: $0, codec: .raw)
                }
                list.append(.link(cid))
                if !links.contains(cid) { links.append(cid) }
            }
            bytes = try DagCBOR.encode(.list(list))
            codec = .dagCBOR
        }
        let cid = try bytes.withUnsafeBytes { try CID(hashing: $0, codec: codec) }
        if known[cid] == nil { order.append(cid) }
        known[cid] = (bytes, links)
        return (cid, bytes, codec)
    }

    private mutating func putBatch() throws {
        let blocks = try (0..<(1 + random.below(12))).map { _ in try make() }
        let isAborted = random.oneIn(8)
        last = "a batch of \(blocks.count)\(isAborted ? ", aborted" : "")"
        let batch = try store.makeBatch()
        var entered: [CID] = []
        for block in blocks {
            guard try block.bytes.withUnsafeBytes({ try batch.putBlock($0, codec: block.codec) }) == block.cid
            else {
                throw Violation("a block has another CID")
            }
            entered.append(block.cid)
        }
        if isAborted {
            // Small batches are one buffer, which is not a stage until it is full or committed.
            batch.abort()
            return
        }
        var after = names
        for cid in entered where random.oneIn(4) {
            let owner = "o\(random.below(3))"
            try batch.hold(cid, owner: owner)
            after.holds[.init(owner: owner, cid: cid), default: 0] += 1
        }
        if random.oneIn(2), let cid = random.element(of: entered) {
            let name = "r\(random.below(12))"
            try batch.setRoot(name, to: cid)
            after.roots[name] = cid
        }
        try batch.commit()
        stored.formUnion(entered.filter { !lent.contains($0) })
        names = after
    }

    private mutating func setRoot() throws {
        guard let cid = random.element(of: order) else { return }
        let name = "r\(random.below(12))"
        last = "set \(name) to \(cid)"
        do {
            try store.setRoot(name, to: cid)
            guard isHere(cid) else { throw Violation("a root points to a block that is not here") }
            names.roots[name] = cid
        } catch let error as StoreError where error.code == .notFound {
            guard !isHere(cid) else { throw Violation("\(cid) is here, and was not found") }
        }
    }

    private mutating func removeRoot() throws {
        let name = "r\(random.below(12))"
        last = "remove \(name)"
        do {
            try store.removeRoot(name, budget: nil)
            guard names.roots.removeValue(forKey: name) != nil else {
                throw Violation("a root that was none went")
            }
            sweep()
        } catch let error as StoreError where error.code == .notFound {
            guard names.roots[name] == nil else { throw Violation("a root was not found") }
        }
    }

    private mutating func retain() throws {
        guard let cid = random.element(of: order) else { return }
        let owner = "o\(random.below(3))"
        last = "retain \(cid) for \(owner)"
        do {
            try store.retain(cid, owner: owner)
            guard isHere(cid) else { throw Violation("a block that is not here was retained") }
            names.holds[.init(owner: owner, cid: cid), default: 0] += 1
        } catch let error as StoreError where error.code == .notFound {
            guard !isHere(cid) else { throw Violation("\(cid) is here, and was not found") }
        }
    }

    private mutating func dereference() throws {
        let owner = "o\(random.below(3))"
        let own = names.holds.keys.filter { $0.owner == owner }.sorted {
            $0.cid.description < $1.cid.description
        }
        guard let cid = random.oneIn(5) ? random.element(of: order) : random.element(of: own)?.cid else {
            return
        }
        let hold = NameState.Hold(owner: owner, cid: cid)
        last = "dereference \(cid) of \(owner)"
        do {
            try store.dereference(cid, owner: owner, budget: nil)
            guard let count = names.holds[hold] else { throw Violation("a hold that was none went") }
            names.holds[hold] = count == 1 ? nil : count - 1
            sweep()
        } catch let error as StoreError where error.code == .notFound {
            guard names.holds[hold] == nil else { throw Violation("a hold was not found") }
        }
    }

    private mutating func lookUp() throws {
        guard let cid = random.element(of: order), let block = known[cid] else { return }
        last = "look up \(cid)"
        guard try store.has(cid) == isHere(cid) else { throw Violation("has \(cid) is wrong") }
        do {
            guard try store.block(cid) == block.bytes else { throw Violation("wrong bytes") }
        } catch let error as StoreError where error.code == .notFound {
            guard !isHere(cid) else { throw Violation("\(cid) is here, and was not found") }
        }
    }

    // MARK: The model

    /// What remains after collection: what the names reach through what is stored.
    private mutating func sweep() {
        var alive: Set<CID> = []
        var work = Array(names.named)
        while let cid = work.popLast() {
            guard stored.contains(cid), alive.insert(cid).inserted else { continue }
            work += known[cid]?.links ?? []
        }
        collected += stored.count - alive.count
        stored = alive
    }

    func compareCounts() throws {
        let statistics = try store.stat()
        guard statistics.blocks == UInt64(stored.count) else {
            throw Violation("\(statistics.blocks) blocks, and \(stored.count) in the model")
        }
        guard statistics.roots == UInt64(names.roots.count), statistics.holds == UInt64(names.holds.count),
            statistics.leases == 0
        else { throw Violation("counters of names or leases are wrong: \(statistics)") }
    }

    mutating func compareAll() throws {
        try compareCounts()
        guard try NameState(of: store) == names else { throw Violation("names differ") }
        var counts: [CID: UInt64] = [:]
        for cid in stored { for link in known[cid]?.links ?? [] { counts[link, default: 0] += 1 } }
        for cid in names.roots.values { counts[cid, default: 0] += 1 }
        for hold in names.holds.keys { counts[hold.cid, default: 0] += 1 }
        for cid in stored {
            guard try store.inspect(cid).references == counts[cid, default: 0] else {
                throw Violation(
                    "\(cid) counts \(try store.inspect(cid).references), not \(counts[cid, default: 0])")
            }
            guard try store.block(cid) == known[cid]?.bytes else { throw Violation("wrong bytes of \(cid)") }
        }
        for cid in order where !isHere(cid) {
            if try store.has(cid) { throw Violation("\(cid) is gone, and is here") }
        }
        let report = try store.verify()
        guard report.isClean else { throw Violation("verify: \(report.problems.prefix(3).map(\.message))") }
        try compareLoans()
    }

    /// After collection, bases hold exactly what is linked to, or named, and theirs.
    private mutating func compareLoans() throws {
        guard !bases.isEmpty, !store.path.isEmpty else { return }
        try store.gc()
        sweep()
        let linked = stored.reduce(into: names.named) { $0.formUnion(known[$1]?.links ?? []) }
        for base in bases {
            let held = Set(try base.holds().filter { $0.owner.hasPrefix("fork:") }.map(\.cid))
            guard held == linked.intersection(lent) else {
                throw Violation("\(held.count) blocks are held, \(linked.intersection(lent).count) linked to")
            }
            try Inspection.expectClean(base)
        }
    }
}
