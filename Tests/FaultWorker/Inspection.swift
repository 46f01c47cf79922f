import IpldEngine

/// What must hold of any store after anything.
struct Inspection {
    let pool: Pool

    /// Opens the store and expects one of `allowed` to be its names, everything named to be whole,
    /// verification to find nothing, and collection to leave exactly what is named. With `empties`, then
    /// drops all names and expects nothing to remain, here and, for this store, below.
    func inspect(_ path: String, allowed: [NameState], empties: Bool) throws {
        try inspect(try ContentStore.open(at: path), allowed: allowed, empties: empties)
    }

    func inspect(_ store: ContentStore, allowed: [NameState], empties: Bool) throws {
        let names = try NameState(of: store)
        guard allowed.contains(names) else {
            let differences = allowed.map { names.difference(from: $0) }
            throw Violation("the names are not what was acknowledged: \(differences)")
        }
        try readAll(store, names)
        // Of a store that died between its base's commit and its own.
        try Self.expectClean(store, but: [.surplusHold])
        try store.gc()
        try expectExactly(store, names)
        guard empties else { return }
        for name in names.roots.keys.sorted() { try store.removeRoot(name) }
        for (hold, count) in names.holds {
            for _ in 0..<count { try store.dereference(hold.cid, owner: hold.owner) }
        }
        try store.gc()
        try expectExactly(store, NameState())
    }

    /// Reads everything under the names, compares files with what was put, and gives all blocks.
    @discardableResult
    func readAll(_ store: ContentStore, _ names: NameState) throws -> Set<CID> {
        var reachable: Set<CID> = []
        var above: [CID: CID] = [:]
        var work = Array(names.named)
        for cid in work {
            if let content = pool.content(of: cid), try store.contents(of: cid) != Pool.bytes(content) {
                throw Violation("the bytes of content \(content) are wrong")
            }
        }
        while let cid = work.popLast() {
            guard reachable.insert(cid).inserted else { continue }
            do { _ = try store.block(cid) } catch {
                let holder = above[cid].map { "linked to by \($0)" } ?? "named"
                let roots = names.roots.filter { $0.value == cid }.map(\.key)
                throw Violation("in \(store.path), \(holder) \(roots.joined()): \(error.code): \(error)")
            }
            for link in try store.links(of: cid) {
                above[link] = cid
                work.append(link)
            }
        }
        return reachable
    }

    static func expectClean(_ store: ContentStore, but: [VerifyReport.Problem.Kind] = []) throws {
        let problems = try store.verify().problems.filter { !but.contains($0.kind) }
        guard problems.isEmpty else {
            throw Violation("verify of \(store.path) found \(problems.prefix(3).map(\.message))")
        }
    }

    /// What is collected has exactly what its names keep, and has borrowed exactly what these link to below.
    func expectExactly(_ store: ContentStore, _ names: NameState) throws {
        try Self.expectClean(store)
        let bases = try store.bases.map { try ContentStore.open(at: $0.path) }
        let (own, borrowed) = try split(store, names, bases)
        let statistics = try store.stat()
        guard statistics.blocks == UInt64(own), statistics.deadBlocks == 0 else {
            throw Violation(
                "\(store.path): \(statistics.blocks) blocks after collection, \(statistics.deadBlocks) of "
                    + "them dead, and \(own) are named")
        }
        guard statistics.leases == 0 else { throw Violation("\(statistics.leases) leases remain") }
        if !store.path.isEmpty { try expectFiles(store, statistics) }
        for (base, expected) in zip(bases, borrowed) {
            let held = Set(try base.holds().filter { $0.owner.hasPrefix("fork:") }.map(\.cid))
            guard held == (store.path.isEmpty ? [] : expected) else {
                let which = try held.symmetricDifference(expected).sorted { $0.description < $1.description }
                    .prefix(3).map { "\($0)\(try store.hasItself($0) ? ", here itself" : "")" }
                throw Violation(
                    "\(base.path) holds \(held.count) blocks, \(expected.count) are borrowed: \(which)")
            }
            // What died between it and its own base goes with its own collection.
            try base.gc()
            try Self.expectClean(base)
        }
    }

    /// Blocks of the store itself that names reach, and what these link to in each base, below which is not
    /// looked.
    private func split(_ store: ContentStore, _ names: NameState, _ bases: [ContentStore]) throws -> (
        own: Int, borrowed: [Set<CID>]
    ) {
        var borrowed = [Set<CID>](repeating: [], count: bases.count)
        var own: Set<CID> = []
        var work = Array(names.named)
        while let cid = work.popLast() {
            let isOwn = try store.hasItself(cid)
            if !isOwn, let lender = try bases.firstIndex(where: { try $0.has(cid) }) {
                borrowed[lender].insert(cid)
            } else if own.insert(cid).inserted {
                work += try store.links(of: cid)
            }
        }
        return (own.count, borrowed)
    }

    /// No file is there that nothing needs.
    private func expectFiles(_ store: ContentStore, _ statistics: StoreStatistics) throws {
        let path = store.path
        var expected: Set<String> = ["index", "journal", "leases", "forks"]
        if case .files = store.configuration.payloads {
            expected.formUnion(["blocks", "lanes"])
            let files = Files.count(path + "/blocks")
            guard files == Int(statistics.blocks) else {
                throw Violation(
                    "\(files) files of blocks lie there, and there are \(statistics.blocks) blocks")
            }
            for lane in Files.names(path + "/lanes") where !lane.hasSuffix(".lane") {
                let left = Files.names(path + "/lanes/" + lane)
                if !left.isEmpty { throw Violation("\(left.prefix(3)) lie in lane \(lane)") }
            }
        } else {
            expected.insert("packs")
            let packs = Files.names(path + "/packs")
            guard packs.count == Int(statistics.packs) else {
                throw Violation("\(packs) lie there, and the index knows \(statistics.packs)")
            }
            if statistics.blocks == 0, !packs.isEmpty { throw Violation("\(packs) hold nothing and remain") }
        }
        for number in store.bases.indices { expected.insert(number == 0 ? "fork" : "fork.\(number)") }
        let stray = Set(Files.names(path)).subtracting(expected)
        guard stray.isEmpty else { throw Violation("left behind: \(stray.sorted())") }
    }
}
