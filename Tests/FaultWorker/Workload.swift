import IpldEngine

/// What a store must say of its names.
struct NameState: Equatable {
    struct Hold: Hashable {
        let owner: String
        let cid: CID
    }
    var roots: [String: CID] = [:]
    var holds: [Hold: UInt64] = [:]

    init() {}

    init(of store: ContentStore) throws {
        for (name, cid) in try store.roots() { roots[name] = cid }
        for hold in try store.holds() { holds[Hold(owner: hold.owner, cid: hold.cid)] = hold.count }
    }

    /// Everything that a name keeps.
    var named: Set<CID> { Set(roots.values).union(holds.keys.map(\.cid)) }

    func difference(from other: NameState) -> String {
        let names = Set(roots.keys).union(other.roots.keys).sorted().filter { roots[$0] != other.roots[$0] }
        let owners = Set(holds.keys).union(other.holds.keys).filter { holds[$0] != other.holds[$0] }
        return "roots \(names), holds \(owners.map { "\($0.owner) \($0.cid)" })"
    }
}

/// A sequence of operations that a seed decides, and what they must have done. Step 0 makes the store.
final class Workload {
    let path: String
    private let kind: StoreKind
    private let pool: Pool
    private var random: Random
    private(set) var store: ContentStore?
    /// Names after the last step that succeeded.
    private(set) var names = NameState()
    /// Names should the step under way succeed.
    private(set) var intended = NameState()
    /// Whether a step that throws may have done its work all the same: it deletes, then reclaims.
    private(set) var mayHaveHappened = false
    private(set) var steps = 0
    private(set) var last = ""

    private static let rootNames = ["a", "b", "c", "d", "e", "f"]
    private static let owners = ["default", "x", "y"]

    /// Whether a repair is done when it is its turn; others who have the store open are in its way.
    private let repairs: Bool

    /// What is below the store must have been prepared.
    init(path: String, kind: StoreKind, pool: Pool, seed: UInt64, repairs: Bool = true) {
        self.path = path
        self.kind = kind
        self.repairs = repairs
        self.pool = pool
        random = Random(seed: seed)
        // Rare things, often.
        Bounds.stageBlocks = 40
        Bounds.fullPackBytes = 400_000
        Bounds.compactionBytes = 32 << 10
        Bounds.journalBytes = 2048
    }

    /// Takes what the store says as the truth, after a step whose outcome was open.
    func adopt(_ state: NameState) { names = state }

    /// Goes on with a store that is there, and has these names.
    func resume(from state: NameState) {
        names = state
        steps = max(steps, 1)
    }

    func close() { store = nil }

    @discardableResult
    func open() throws -> ContentStore {
        if let store { return store }
        let opened = try ContentStore.open(at: path)
        store = opened
        return opened
    }

    /// Does the next operation. Throws a `StoreError` when it fails, a `Violation` when it lies.
    func step() throws {
        intended = names
        mayHaveHappened = false
        steps += 1
        if steps == 1 {
            last = "create"
            try kind.create(path)
            return
        }
        // The choice must not depend on outcomes more than the names do.
        let choice = random.below(100)
        if choice < 97 { try change(choice, try open()) } else if repairs { try repair() }
        names = intended
    }

    private func change(_ choice: Int, _ store: ContentStore) throws {
        switch choice {
        case 0..<24: try putRoot(store)
        case 24..<32: try putHeld(store)
        case 32..<46: try putTree(store)
        case 46..<54: try moveRoot(store)
        case 54..<68: try removeRoot(store)
        case 68..<74: try retain(store)
        case 74..<82: try dereference(store)
        case 82..<87: try abandon(store)
        case 87..<93:
            last = "gc"
            try store.gc()
        default:
            last = "reopen"
            close()
            try open()
        }
    }

    private func anyContent() -> Int { random.below(Pool.count) }
    private func anyRoot() -> String? { random.element(of: names.roots.keys.sorted()) }
    private func freshName() -> String { Self.rootNames[random.below(Self.rootNames.count)] }

    private func expect(_ got: CID, _ content: Int) throws {
        guard got == pool.cids[content] else { throw Violation("content \(content) became \(got)") }
    }

    private func putRoot(_ store: ContentStore) throws {
        let name = freshName()
        let content = anyContent()
        last = "put \(content) as \(name)"
        intended.roots[name] = pool.cids[content]
        let batch = try store.makeBatch()
        try expect(try batch.put(Pool.bytes(content)), content)
        try batch.setRoot(name, to: pool.cids[content])
        try batch.commit()
    }

    private func putHeld(_ store: ContentStore) throws {
        let content = anyContent()
        last = "put \(content) held"
        intended.holds[.init(owner: "default", cid: pool.cids[content]), default: 0] += 1
        try expect(try store.put(Pool.bytes(content)), content)
    }

    /// Several files under one node, several names at once, over several stages.
    private func putTree(_ store: ContentStore) throws {
        var contents: [Int] = []
        for _ in 0..<(2 + random.below(4)) { contents.append(anyContent()) }
        let tag = random.below(1000)
        let names = [freshName(), freshName()]
        last = "put a tree of \(contents) as \(names)"
        let value = IPLDValue.list([.integer(Int128(tag))] + contents.map { .link(pool.cids[$0]) })
        let node = try DagCBOR.encode(value).withUnsafeBytes { try CID(hashing: $0, codec: .dagCBOR) }
        intended.roots[names[0]] = node
        intended.roots[names[1]] = pool.cids[contents[0]]
        let batch = try store.makeBatch()
        for content in contents { try expect(try batch.put(Pool.bytes(content)), content) }
        guard try batch.putNode(value) == node else { throw Violation("a node has another CID") }
        try batch.setRoot(names[0], to: node)
        try batch.setRoot(names[1], to: pool.cids[contents[0]])
        try batch.commit()
    }

    private func moveRoot(_ store: ContentStore) throws {
        guard let from = anyRoot(), let cid = names.roots[from] else { return try putRoot(store) }
        let name = freshName()
        let isWrong = random.oneIn(4)
        last = "\(isWrong ? "fail to move" : "move") \(name) to that of \(from)"
        if isWrong {
            let wrong: RootExpectation = names.roots[name] == nil ? .cid(cid) : .absent
            do {
                try store.setRoot(name, to: cid, expecting: wrong)
                throw Violation("a root moved although it was not what was expected")
            } catch let error as StoreError where error.code == .conflict { return }
        }
        intended.roots[name] = cid
        try store.setRoot(name, to: cid, expecting: names.roots[name].map { .cid($0) } ?? .absent)
    }

    private func removeRoot(_ store: ContentStore) throws {
        guard let name = anyRoot() else { return try putRoot(store) }
        last = "remove \(name)"
        intended.roots[name] = nil
        mayHaveHappened = true
        try store.removeRoot(name, budget: random.oneIn(3) ? 0 : nil)
    }

    private func retain(_ store: ContentStore) throws {
        guard let name = anyRoot(), let cid = names.roots[name] else { return try putHeld(store) }
        let owner = Self.owners[random.below(Self.owners.count)]
        last = "retain \(name) for \(owner)"
        intended.holds[.init(owner: owner, cid: cid), default: 0] += 1
        try store.retain(cid, owner: owner)
    }

    private func dereference(_ store: ContentStore) throws {
        let holds = names.holds.keys.sorted {
            ($0.owner, $0.cid.description) < ($1.owner, $1.cid.description)
        }
        guard let hold = random.element(of: holds) else { return try putHeld(store) }
        last = "dereference \(hold.cid) of \(hold.owner)"
        let count = names.holds[hold] ?? 0
        intended.holds[hold] = count == 1 ? nil : count - 1
        mayHaveHappened = true
        try store.dereference(hold.cid, owner: hold.owner)
    }

    private func abandon(_ store: ContentStore) throws {
        last = "abandon a batch"
        let batch = try store.makeBatch()
        for _ in 0..<3 {
            let content = anyContent()
            try expect(try batch.put(Pool.bytes(content)), content)
        }
        batch.abort()
    }

    private func repair() throws {
        last = "repair"
        close()
        let report = try ContentStore.repair(at: path)
        guard report.lostNames == 0, report.recoveredRoots == 0 else {
            throw Violation("the repair of a sound store lost or found something: \(report)")
        }
        try open()
    }
}
