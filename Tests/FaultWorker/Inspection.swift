import IpldEngine

/// What must hold of any store after anything.
struct Inspection {
    let pool: Pool

    /// Opens the store and expects one of `allowed` to be its names, everything named to be whole,
    /// verification to find nothing, and collection to leave exactly what is named. With `empties`, then
    /// drops all names and expects nothing to remain.
    func inspect(_ path: String, allowed: [NameState], empties: Bool) throws {
        let store = try ContentStore.open(at: path)
        let names = try NameState(of: store)
        guard allowed.contains(names) else {
            let differences = allowed.map { names.difference(from: $0) }
            throw Violation("the names are not what was acknowledged: \(differences)")
        }
        let reachable = try readAll(store, names)
        try expectClean(store)
        try store.gc()
        try expectExactly(store, reachable, path)
        guard empties else { return }
        for name in names.roots.keys.sorted() { try store.removeRoot(name) }
        for (hold, count) in names.holds {
            for _ in 0..<count { try store.dereference(hold.cid, owner: hold.owner) }
        }
        try store.gc()
        try expectExactly(store, [], path)
    }

    /// Reads everything under the names, compares files with what was put, and gives all blocks.
    func readAll(_ store: ContentStore, _ names: NameState) throws -> Set<CID> {
        var reachable: Set<CID> = []
        var work = Array(names.named)
        for cid in work {
            if let content = pool.content(of: cid), try store.contents(of: cid) != Pool.bytes(content) {
                throw Violation("the bytes of content \(content) are wrong")
            }
        }
        while let cid = work.popLast() {
            guard reachable.insert(cid).inserted else { continue }
            _ = try store.block(cid)
            work += try store.links(of: cid)
        }
        return reachable
    }

    func expectClean(_ store: ContentStore) throws {
        let report = try store.verify()
        guard report.isClean else {
            throw Violation("verify found \(report.problems.prefix(3).map(\.message))")
        }
    }

    private func expectExactly(_ store: ContentStore, _ reachable: Set<CID>, _ path: String) throws {
        try expectClean(store)
        let statistics = try store.stat()
        guard statistics.blocks == UInt64(reachable.count), statistics.deadBlocks == 0 else {
            throw Violation(
                "\(statistics.blocks) blocks after collection, \(statistics.deadBlocks) of them dead, "
                    + "and \(reachable.count) are named")
        }
        guard statistics.leases == 0 else { throw Violation("\(statistics.leases) leases remain") }
        let packs = Files.names(path + "/packs")
        guard packs.count == Int(statistics.packs) else {
            throw Violation("\(packs) lie there, and the index knows \(statistics.packs)")
        }
        if reachable.isEmpty, !packs.isEmpty { throw Violation("\(packs) hold nothing and remain") }
        let expected: Set<String> = ["index", "journal", "leases", "packs"]
        let stray = Set(Files.names(path)).subtracting(expected)
        guard stray.isEmpty else { throw Violation("left behind: \(stray.sorted())") }
    }
}
