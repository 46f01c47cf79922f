import IpldEngine
import MonoFS

/// Branches of a versioned file system at work under the recorder: commits, forks, merges, versions that go.
final class PowerFiles: PowerWork {
    let path: String
    let store: String
    private let pool: Pool
    private var random: Random
    private var opened: ContentStore?

    /// Where branches are: at the start of a step and at its end, and nowhere else in between.
    private var history: [[String: CID]] = [[:]]
    private(set) var steps: [String] = ["open"]
    /// What is in the files of a version.
    private var contents: [CID: [String: [UInt8]]]

    init(_ path: String, _ pool: Pool, seed: UInt64, contents: [CID: [String: [UInt8]]] = [:]) {
        self.path = path
        self.pool = pool
        self.contents = contents
        store = path + "/store"
        random = Random(seed: seed &+ 0xF11E)
    }

    func prepare() throws { try LmdbStore.create(at: store, configuration: try Pool.configuration()) }

    func afterPowerLoss(seed: UInt64) -> any PowerWork {
        PowerFiles(path, pool, seed: seed, contents: contents)
    }

    func record(steps count: Int) throws -> FlightLog {
        try FlightLog(of: path) {
            let files = FileSystem(try ContentStore.open(at: store))
            history[0] = try Self.branches(files)
            FlightLog.mark(0)
            for _ in 0..<count {
                steps.append("")
                try step(files)
                history.append(try Self.branches(files))
                FlightLog.mark(history.count - 1)
            }
        }
    }

    private static func branches(_ files: FileSystem) throws -> [String: CID] {
        var branches: [String: CID] = [:]
        for branch in try files.branches() { branches[branch.name] = branch.version }
        return branches
    }

    private func step(_ files: FileSystem) throws {
        func says(_ what: String) { steps[steps.count - 1] = what }
        guard let main = try files.branch("main") else {
            says("create main")
            contents[try files.createBranch("main")] = [:]
            return
        }
        let other = try files.branch("other")
        switch random.below(10) {
        case 0..<4:
            says("commit to main")
            try commit(files, "main", main)
        case 4, 5:
            guard let other else {
                says("fork")
                return try files.fork("other", at: main)
            }
            says("commit to other")
            try commit(files, "other", other)
        case 6:
            guard let other else { return says("nothing") }
            says("merge")
            let outcome = try files.merge(other, into: "main", policy: .ours)
            if case .merged(let version, _) = outcome { contents[version] = try Self.read(files, version) }
        case 7:
            guard other != nil else { return says("nothing") }
            says("remove other")
            try files.removeBranch("other")
        case 8:
            says("prune")
            _ = try files.prune("main", RetentionRules(last: 2))
        default:
            says("gc")
            try files.store.gc()
        }
    }

    private func commit(_ files: FileSystem, _ branch: String, _ before: CID) throws {
        let workspace = try files.open(branch: branch)
        var now = contents[before] ?? [:]
        for _ in 0..<(1 + random.below(3)) {
            let name = "d\(random.below(2))/f\(random.below(5))"
            let path = try FilePath(name)
            if now[name] != nil, random.oneIn(3) {
                try workspace.remove(path)
                now[name] = nil
            } else {
                try workspace.createDirectories(try FilePath(String(name.prefix(2))))
                let bytes = random.bytes([3, 400, 3_000, 30_000][random.below(4)])
                try workspace.write(path, bytes)
                now[name] = bytes
            }
        }
        contents[try files.commit(workspace, to: branch, message: "\(steps.count)")] = now
    }

    private static func read(_ files: FileSystem, _ version: CID) throws -> [String: [UInt8]] {
        let workspace = try files.open(version)
        var found: [String: [UInt8]] = [:]
        let walk = try workspace.walk()
        while let (path, entry) = try walk.next() {
            if case .file = entry.content {
                found[path.description] = try workspace.read(path)
            }
        }
        return found
    }

    func inspect(after lastMark: Int, empties: Bool) throws {
        let mark = max(0, lastMark)
        let store = try ContentStore.open(at: store)
        let files = FileSystem(store)
        let branches = try Self.branches(files)
        guard history[mark..<min(mark + 2, history.count)].contains(branches) else {
            throw Violation("the branches are \(branches.keys.sorted()), not those of step \(mark)")
        }
        for (name, version) in branches {
            guard let expected = contents[version] else {
                throw Violation("\(name) is at an unknown version")
            }
            let found = try Self.read(files, version)
            guard found == expected else {
                throw Violation("\(name) has \(found.keys.sorted()), not \(expected.keys.sorted())")
            }
        }
        try Inspection.expectClean(store)
        try store.gc()
        let inspection = Inspection(pool: pool)
        try inspection.expectExactly(store, try NameState(of: store))
        guard empties else { return }
        for name in branches.keys { try files.removeBranch(name) }
        // Versions that were committed and whose branch did not move are held by the branch's name.
        for hold in try store.holds() {
            for _ in 0..<hold.count { try store.dereference(hold.cid, owner: hold.owner) }
        }
        try store.gc()
        try inspection.expectExactly(store, NameState())
    }
}
