import Glibc
import IpldEngine

/// The stores of the layers campaign, and what must be in them.
final class LayersWorld {
    private let directory: String
    private let pool: Pool
    private let poolFile: String
    private var random: Random
    private var rounds: UInt64 = 0
    private let seed: UInt64

    /// The names that a store was seen with, or has acknowledged since.
    private var names: [String: [String: CID]] = [:]
    /// What a name may be instead: where nobody said whether a change happened.
    private var open: [Place: Set<CID?>] = [:]
    /// What it was before its last change in this round.
    private var previous: [Place: CID?] = [:]
    /// What the round did, for who has to understand a failure.
    private var transcript: [String] = []

    private struct Place: Hashable {
        let store: String
        let name: String
    }

    private func path(_ store: String) -> String { directory + "/" + store }

    init(_ directory: String, _ pool: Pool, _ poolFile: String, _ seed: UInt64) throws {
        self.directory = directory
        self.pool = pool
        self.poolFile = poolFile
        self.seed = seed
        random = Random(seed: seed)
        mkdir(directory, 0o777)
        for name in ["base", "other"] {
            let kind: StoreKind = random.oneIn(3) ? .flatfs1 : .lmdb
            try kind.create(path(name))
            let store = try ContentStore.open(at: path(name))
            for content in stride(from: name == "base" ? 0 : 3, to: Pool.count, by: 6) {
                let batch = try store.makeBatch()
                try batch.setRoot("base-\(content)", to: try batch.put(Pool.bytes(content)))
                try batch.commit()
            }
        }
        let over = [("middle", "base"), ("shared", random.oneIn(2) ? "base" : "middle")]
        for (name, base) in over {
            let kind: StoreKind = random.oneIn(3) ? .flatfsLayerOverLmdb : .layerOverLmdb
            try LayeredStore.create(
                at: path(name), over: [path(base)], configuration: try kind.configuration())
        }
        for name in LayersWorker.common {
            let store = try ContentStore.open(at: path(name))
            names[name] = try NameState(of: store).roots
            // Commits, so that the last one is not that of a name.
            try Inspection.expectClean(store)
        }
    }

    // MARK: A round

    func round(_ tally: Tally) throws {
        rounds += 1
        open = [:]
        previous = [:]
        transcript = []
        let children = try (0..<2).map { number in
            var words = [
                "layers-child", "--path", directory, "--pool", poolFile, "--number", "\(number)", "--seed",
                "\(seed &* 1_000_003 &+ rounds &* 10 &+ UInt64(number))",
            ]
            if random.oneIn(2) { words += ["--die-at", "\(1 + random.below(1500))"] }
            return try Processes.spawn(words)
        }
        let dies = random.below(4)
        for (number, child) in children.enumerated() where dies & (1 << number) == 0 {
            Processes.sleep(microseconds: 3000 + random.below(60_000))
            kill(child.pid, SIGKILL)
        }
        for child in children {
            let (lines, end) = Processes.wait(child)
            if end == .killed(SIGKILL) { tally.count("killed") }
            guard end == .killed(SIGKILL) || end == .exited(0) else {
                throw Violation("a worker ended: \(end) \(lines.suffix(2))")
            }
            try takeIn(lines, tally)
        }
        try loseCommit(tally)
        try check(tally)
    }

    private func takeIn(_ lines: [String], _ tally: Tally) throws {
        var pending: LayersLine?
        transcript += lines
        for line in lines {
            switch try LayersLine(parsing: line) {
            case .done:
                if let pending { happened(pending) }
                pending = nil
            case .failed:
                if let pending { mayHaveHappened(pending) }
                pending = nil
            case .count(let what): tally.count(what)
            case let intent: pending = intent
            }
        }
        if let pending { mayHaveHappened(pending) }
    }

    private func happened(_ line: LayersLine) {
        switch line {
        case .set(let store, let name, let cid):
            let place = Place(store: store, name: name)
            previous[place] = .some(names[store]?[name])
            names[store]?[name] = cid
            open[place] = nil
        case .create(let store): names[store] = [:]
        case .remove(let store): forget(store)
        case .rename(let store, let to): move(store, to)
        case .copy(let store, let to):
            names[to] = names[store]
            for (place, values) in open where place.store == store {
                open[Place(store: to, name: place.name)] = values
            }
        case .done, .failed, .count: break
        }
    }

    private func mayHaveHappened(_ line: LayersLine) {
        switch line {
        case .set(let store, let name, let cid):
            open[Place(store: store, name: name), default: []].insert(cid)
        case .create(let store):
            if Files.exists(path(store)) { names[store] = [:] }
        case .remove(let store):
            Files.removeTree(path(store))
            forget(store)
        case .rename(let store, let to):
            if !Files.exists(path(store)) { move(store, to) }
        case .copy(_, let to):
            // Whoever copies a layer opens it; before that, nothing is held for it.
            Files.removeTree(path(to))
        case .done, .failed, .count: break
        }
    }

    private func forget(_ store: String) {
        names[store] = nil
        open = open.filter { $0.key.store != store }
        previous = previous.filter { $0.key.store != store }
    }

    private func move(_ store: String, _ to: String) {
        names[to] = names[store]
        for (place, values) in open where place.store == store {
            open[Place(store: to, name: place.name)] = values
        }
        for (place, value) in previous where place.store == store {
            previous[Place(store: to, name: place.name)] = value
        }
        forget(store)
    }

    /// As a disk does that lies: one store's last commit, base or layer, never happened.
    private func loseCommit(_ tally: Tally) throws {
        guard random.oneIn(2), let store = random.element(of: names.keys.sorted()) else { return }
        try IndexFile.rollBack(path(store))
        for (place, value) in previous where place.store == store { open[place, default: []].insert(value) }
        transcript.append("lost a commit of \(store)")
        tally.count("rolled-back")
    }

    // MARK: Checks

    private func check(_ tally: Tally) throws {
        // Whatever dead creations left is nobody's.
        for name in Files.names(directory) where name.contains(".new-") { Files.removeTree(path(name)) }
        // Also before any layer has been looked at since.
        if random.oneIn(2) {
            for name in ["base", "other", "middle"] { try ContentStore.open(at: path(name)).gc() }
        }
        var order = names.keys.sorted()
        for position in order.indices { order.swapAt(position, random.below(order.count)) }
        for store in order {
            do { try check(store) } catch let error as StoreError {
                throw Violation("\(store): \(error.code): \(error)\n\(story)")
            } catch { throw Violation("\(store): \(error)\n\(story)") }
            tally.count("inspections")
        }
    }

    private var story: String { transcript.map { "    " + $0 }.joined(separator: "\n") }

    private func check(_ name: String) throws {
        let store = try ContentStore.open(at: path(name))
        let seen = try NameState(of: store)
        let known = names[name] ?? [:]
        for root in Set(seen.roots.keys).union(known.keys) where seen.roots[root] != known[root] {
            let allowed = open[Place(store: name, name: root)] ?? []
            guard allowed.contains(seen.roots[root]) else {
                throw Violation(
                    "\(root) is \(text(seen.roots[root])), not \(text(known[root])) or one of "
                        + "\(allowed.map(text))")
            }
        }
        names[name] = seen.roots
        try Inspection(pool: pool).readAll(store, seen)
        try Inspection.expectClean(store, but: [.surplusHold])
        // Of dead workers.
        for (hold, count) in seen.holds where !hold.owner.hasPrefix("fork:") {
            for _ in 0..<count { try store.dereference(hold.cid, owner: hold.owner, budget: 0) }
        }
        try store.gc()
        try Inspection.expectClean(store)
        let statistics = try store.stat()
        guard statistics.deadBlocks == 0, statistics.leases == 0 else {
            throw Violation("\(statistics.deadBlocks) dead blocks and \(statistics.leases) leases remain")
        }
    }

    private func text(_ cid: CID?) -> String { cid?.description ?? "not there" }

    /// All layers go, and bases have what their own names keep.
    func end() throws {
        for store in names.keys.sorted() where !LayersWorker.common.contains(store) {
            if random.oneIn(2) { try empty(store) }
            Files.removeTree(path(store))
        }
        for _ in 0..<2 { for name in ["shared", "middle"] { try ContentStore.open(at: path(name)).gc() } }
        if random.oneIn(2) { try empty("shared") }
        Files.removeTree(path("shared"))
        try ContentStore.open(at: path("middle")).gc()
        try expectNoForks("middle")
        if random.oneIn(2) { try empty("middle") }
        Files.removeTree(path("middle"))
        for name in ["base", "other"] {
            for _ in 0..<2 { try ContentStore.open(at: path(name)).gc() }
            try expectNoForks(name)
            let store = try ContentStore.open(at: path(name))
            try Inspection(pool: pool).inspect(store, allowed: [try NameState(of: store)], empties: true)
        }
    }

    private func empty(_ name: String) throws {
        let store = try ContentStore.open(at: path(name))
        for (root, _) in try store.roots() { try store.removeRoot(root, budget: nil) }
        try store.gc()
        for base in store.bases where store.bases.count == 1 {
            let lender = try ContentStore.open(at: base.path)
            // Another one that was there before, and is deleted, has what it had until the next collection.
            let forks = try lender.forks().filter {
                $0.path?.hasSuffix("/" + name) == true && $0.state != .gone
            }
            guard forks.allSatisfy({ $0.holds == 0 }) else {
                throw Violation("\(base.path) holds \(forks.map(\.holds)) blocks for \(name), which is empty")
            }
        }
    }

    private func expectNoForks(_ name: String) throws {
        let store = try ContentStore.open(at: path(name))
        let forks = try store.forks()
        guard forks.isEmpty else { throw Violation("\(name) knows forks that are gone: \(forks)") }
        let holds = try store.holds()
        guard holds.isEmpty else { throw Violation("\(name) holds \(holds.count) blocks") }
        let left = Files.names(path(name) + "/forks")
        guard left.isEmpty else { throw Violation("\(name) has files of forks: \(left)") }
    }
}
