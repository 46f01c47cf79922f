import Glibc
import IpldEngine

/// Something at work under the recorder, and what must be found of it after a power loss at any time.
protocol PowerWork: AnyObject {
    /// The directory of everything.
    var path: String { get }
    /// What was done, for messages.
    var steps: [String] { get }
    /// Makes what is there before.
    func prepare() throws
    /// Works so many steps and marks what is done, under the recorder; then closes everything.
    func record(steps count: Int) throws -> FlightLog
    /// What lies under the path now is what a power loss after a mark, and before the next one, left. Uses
    /// it, too; with `empties` until nothing remains.
    func inspect(after lastMark: Int, empties: Bool) throws
    /// Goes on from what a power loss left.
    func afterPowerLoss(seed: UInt64) -> any PowerWork
}

/// A store, and what is below it.
final class PowerWorld: PowerWork {
    let path: String
    let store: String
    private let kind: StoreKind
    private let pool: Pool
    private var random: Random
    private let workload: Workload
    /// Who works on the store below at the same time.
    private var below: Workload?

    /// What the names of each store may be during a step; the last one: when it is done. Step 0 is what was
    /// there before.
    private(set) var history: [[String: [NameState]]] = [[:]]
    private(set) var steps: [String] = ["open"]

    /// `path` may hold a store of that kind, and holds what is to be below one.
    init(_ path: String, _ kind: StoreKind, _ pool: Pool, seed: UInt64) {
        self.path = path
        self.kind = kind
        self.pool = pool
        store = path + "/store"
        random = Random(seed: seed &+ 0x5EED)
        workload = Workload(path: store, kind: kind, pool: pool, seed: seed)
        if let base = kind.base {
            below = Workload(
                path: StoreKind.basePath(store), kind: base, pool: pool, seed: seed &+ 1, repairs: false)
        }
    }

    func prepare() throws { try kind.prepare(store) }

    func afterPowerLoss(seed: UInt64) -> any PowerWork { PowerWorld(path, kind, pool, seed: seed) }

    /// Opens what is there; its names are what they were before.
    private func begin() throws {
        for place in try Self.places(store, kind) {
            let worker = place == store ? workload : place == StoreKind.basePath(store) ? below : nil
            let names = try Self.names(of: try worker?.open() ?? ContentStore.open(at: place))
            history[0][place] = [names]
            worker?.resume(from: names)
        }
    }

    /// Where there are stores, the uppermost first.
    private static func places(_ store: String, _ kind: StoreKind) throws -> [String] {
        var places: [String] = []
        var place = store
        var next: StoreKind? = kind
        while let kind = next {
            if Files.exists(place) { places.append(place) }
            place = StoreKind.basePath(place)
            next = kind.base
        }
        return places
    }

    /// Without what is held for layers.
    private static func names(of store: ContentStore) throws -> NameState {
        var names = try NameState(of: store)
        names.holds = names.holds.filter { !$0.key.owner.hasPrefix("fork:") }
        return names
    }

    // MARK: Work

    func record(steps count: Int) throws -> FlightLog {
        try FlightLog(of: path) {
            try begin()
            FlightLog.mark(0)
            for _ in 0..<count {
                let isBelow = below != nil && workload.steps > 0 && random.oneIn(4)
                if isBelow, let below {
                    try step(below, StoreKind.basePath(store))
                } else {
                    try step(workload, store)
                }
                FlightLog.mark(history.count - 1)
            }
            close()
        }
    }

    private func step(_ workload: Workload, _ place: String) throws {
        do { try workload.step() } catch { throw Violation("\(workload.last): \(error)") }
        // As if everything were one change.
        history.append([place: [workload.names]])
        steps.append(workload.last)
    }

    private func close() {
        workload.close()
        below?.close()
    }

    // MARK: What is found

    /// Nothing: it may not be there.
    private func allowed(_ place: String, after mark: Int) -> [NameState] {
        var allowed: [NameState] = []
        for step in history[...mark] { if let last = step[place]?.last { allowed = [last] } }
        if mark + 1 < history.count { allowed += history[mark + 1][place] ?? [] }
        return allowed
    }

    /// Whether it was made, for all who asked to know.
    private func mayBeMissing(after mark: Int) -> Bool {
        history[...mark].allSatisfy { $0[store] == nil }
    }

    func inspect(after lastMark: Int, empties: Bool) throws {
        let mark = max(0, lastMark)
        try inspectBelow(after: mark)
        var allowed = allowed(store, after: mark)
        if !Files.exists(store) {
            guard mayBeMissing(after: mark) else { throw Violation("the store is gone") }
            try kind.create(store)
            allowed = [NameState()]
        }
        let opened = try ContentStore.open(at: store)
        try Inspection(pool: pool).inspect(opened, allowed: allowed, empties: empties)
        try use(opened)
        // What was below for the store, and what was there of its own.
        for place in try Self.places(store, kind).dropFirst() {
            let base = try ContentStore.open(at: place)
            try Inspection(pool: pool).expectExactly(base, try NameState(of: base))
        }
    }

    private func inspectBelow(after mark: Int) throws {
        for place in try Self.places(store, kind) where place != store {
            let names = try Self.names(of: try ContentStore.open(at: place))
            let allowed = allowed(place, after: mark)
            guard allowed.contains(names) else {
                throw Violation("of \(place): \(allowed.map { names.difference(from: $0) })")
            }
        }
    }

    /// It takes new contents, and lets go of them.
    private func use(_ store: ContentStore) throws {
        let content = 9
        let batch = try store.makeBatch()
        try batch.setRoot("after", to: try batch.put(Pool.bytes(content)))
        try batch.commit()
        guard try store.contents(of: pool.cids[content]) == Pool.bytes(content) else {
            throw Violation("what was stored afterwards is wrong")
        }
        try store.removeRoot("after", budget: nil)
        try store.gc()
        try Inspection.expectClean(store)
    }
}
