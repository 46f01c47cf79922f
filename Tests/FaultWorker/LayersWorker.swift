import Glibc
import IpldEngine

/// One process of the layers campaign. It shares the stores that stand below, and `shared`, with all
/// others; its own layers are its own. Its roots have names that nobody else uses.
final class LayersWorker {
    private let directory: String
    private let pool: Pool
    private let number: Int
    private var random: Random
    private var stores: [String: ContentStore] = [:]

    static let common = ["base", "other", "middle", "shared"]

    init(_ directory: String, _ pool: Pool, _ number: Int, seed: UInt64) {
        self.directory = directory
        self.pool = pool
        self.number = number
        random = Random(seed: seed)
        Bounds.stageBlocks = 40
        Bounds.fullPackBytes = 400_000
        Bounds.compactionBytes = 32 << 10
        Bounds.journalBytes = 2048
    }

    private func path(_ store: String) -> String { directory + "/" + store }
    private var own: [String] {
        Files.names(directory).filter { $0.hasPrefix("\(number)-") && !$0.contains(".") }
    }
    private func freshName() -> String {
        for index in 0... where !Files.exists(path("\(number)-\(index)")) { return "\(number)-\(index)" }
        return ""
    }

    private var last = ""

    private func open(_ name: String) throws -> ContentStore {
        last = name
        if let store = stores[name] { return store }
        let store = try ContentStore.open(at: path(name))
        stores[name] = store
        return store
    }

    private func anyStore() throws -> String {
        if random.oneIn(3) { return Self.common[random.below(Self.common.count)] }
        return random.element(of: own) ?? "shared"
    }

    private func root(_ index: Int) -> String { "w\(number)-\(index)" }

    private func roots(_ store: ContentStore) throws -> [(name: String, cid: CID)] {
        try store.roots().filter { $0.name.hasPrefix("w\(number)-") }
    }

    // MARK: Steps

    private var intended: LayersLine?

    /// What is about to be done; nothing more than that until it is over.
    private func intend(_ line: LayersLine) {
        intended = line
        say(line.text)
    }

    func step() {
        intended = nil
        var what = ""
        do {
            what = try operation()
            if intended != nil { say(LayersLine.done.text) }
            say(LayersLine.count(what).text)
        } catch let error as StoreError where [.conflict, .busy, .notFound].contains(error.code) {
            // Somebody else's doing: it collected, or removed, or has the store to itself.
            if intended != nil { say(LayersLine.failed.text) }
            say(LayersLine.count("\(error.code)").text)
        } catch { say("\(intended.map(\.text) ?? "step \(choice)") in \(last) failed: \(error)") }
    }

    private var choice = 0

    private func operation() throws -> String {
        choice = random.below(100)
        // Anything now and then with stores that were just opened.
        if random.oneIn(6) { stores = [:] }
        switch choice {
        case 0..<22: return try put()
        case 22..<32: return try putTree()
        case 32..<40: return try edit()
        case 40..<52: return try removeRoot()
        case 52..<58: return try nameFromBelow()
        case 58..<68:
            try open(try anyStore()).gc(budget: random.oneIn(3) ? 500_000 : nil)
            return "collections"
        case 68..<71:
            try Inspection.expectClean(try open(try anyStore()), but: [.surplusHold])
            return "verifications"
        case 71..<75: return try copyBetween()
        case 75..<78: return try hold()
        case 78..<83: return try create()
        case 83..<86: return try copyDirectory()
        case 86..<89: return try renameDirectory()
        case 89..<92: return try removeDirectory()
        case 92..<94: return try flatten()
        default:
            let store = try open(try anyStore())
            for (_, cid) in try roots(store) {
                var names = NameState()
                names.roots["one"] = cid
                try Inspection(pool: pool).readAll(store, names)
            }
            return "reads"
        }
    }

    private func put() throws -> String {
        let (name, content) = (try anyStore(), random.below(Pool.count))
        let batch = try open(name).makeBatch()
        let root = root(random.below(5))
        try batch.setRoot(root, to: try batch.put(Pool.bytes(content)))
        intend(.set(store: name, name: root, pool.cids[content]))
        try batch.commit()
        return "puts"
    }

    private func putTree() throws -> String {
        let name = try anyStore()
        let batch = try open(name).makeBatch()
        var list: [IPLDValue] = [.integer(Int128(random.below(1000)))]
        for _ in 0..<(1 + random.below(4)) {
            list.append(.link(try batch.put(Pool.bytes(random.below(Pool.count)))))
        }
        let node = try batch.putNode(.list(list))
        let root = root(random.below(5))
        try batch.setRoot(root, to: node)
        intend(.set(store: name, name: root, node))
        try batch.commit()
        return "trees"
    }

    /// A file that is named, here or below, is changed a little.
    private func edit() throws -> String {
        let name = try anyStore()
        let store = try open(name)
        let files = try roots(store).map(\.cid).filter { pool.content(of: $0) != nil }
        guard let cid = random.element(of: files) else { return try put() }
        let batch = try store.makeBatch()
        let writer = try batch.makeWriter(on: cid)
        let bytes = random.bytes(1 + random.below(3000))
        try bytes.withUnsafeBytes { try writer.write($0, at: UInt64(random.below(Int(try writer.size) + 1))) }
        let edited = try writer.commit()
        let root = root(random.below(5))
        try batch.setRoot(root, to: edited)
        intend(.set(store: name, name: root, edited))
        try batch.commit()
        return "edits"
    }

    private func removeRoot() throws -> String {
        let name = try anyStore()
        let store = try open(name)
        guard let (root, _) = random.element(of: try roots(store)) else { return try put() }
        intend(.set(store: name, name: root, nil))
        try store.removeRoot(root, budget: random.oneIn(2) ? 0 : nil)
        return "removals"
    }

    /// A name for what a store below has, which may lose its own name there at any time.
    private func nameFromBelow() throws -> String {
        let name = try anyStore()
        let store = try open(name)
        guard let base = random.element(of: store.bases),
            let below = base.path.split(separator: "/").last.map(String.init),
            let (_, cid) = random.element(of: try open(below).roots())
        else { return try put() }
        let root = root(random.below(5))
        intend(.set(store: name, name: root, cid))
        try store.setRoot(root, to: cid)
        return "names-from-below"
    }

    private func copyBetween() throws -> String {
        let (from, to) = (try anyStore(), try anyStore())
        guard from != to, let (_, cid) = random.element(of: try roots(try open(from))) else {
            return try put()
        }
        let root = root(random.below(5))
        intend(.set(store: to, name: root, cid))
        try open(to).copy(cid, from: try open(from), asRoot: root)
        return "copies"
    }

    private func hold() throws -> String {
        let store = try open(try anyStore())
        let cid = try store.put(Pool.bytes(random.below(Pool.count)))
        try store.dereference(cid)
        return "holds"
    }

    // MARK: Directories

    private func create() throws -> String {
        guard own.count < 4 else { return try removeDirectory() }
        let name = freshName()
        let below = [["base"], ["middle"], ["middle", "other"], ["base", "other"]][random.below(4)]
        let kind: StoreKind = random.oneIn(3) ? .flatfsLayerOverLmdb : .layerOverLmdb
        intend(.create(store: name))
        try LayeredStore.create(
            at: path(name), over: below.map(path), configuration: try kind.configuration())
        return "creations"
    }

    /// One that nobody has open.
    private func anyClosed() -> String? {
        guard let name = random.element(of: own) else { return nil }
        stores = [:]
        return name
    }

    private func copyDirectory() throws -> String {
        guard own.count < 4, let name = anyClosed() else { return try create() }
        let copy = freshName()
        intend(.copy(store: name, to: copy))
        try Files.copyTree(path(name), path(copy))
        // Now its bases know of it.
        _ = try open(copy)
        return "directory-copies"
    }

    private func renameDirectory() throws -> String {
        guard let name = anyClosed() else { return try create() }
        let new = freshName()
        intend(.rename(store: name, to: new))
        guard rename(path(name), path(new)) == 0 else { throw Violation("cannot rename") }
        return "renames"
    }

    private func removeDirectory() throws -> String {
        guard let name = anyClosed() else { return try create() }
        intend(.remove(store: name))
        Files.removeTree(path(name))
        return "directory-removals"
    }

    private func flatten() throws -> String {
        guard let name = anyClosed(), try !ContentStore.recordedBases(at: path(name)).isEmpty else {
            return try create()
        }
        try ContentStore.flatten(at: path(name))
        return "flattenings"
    }
}
