import FlightRecorder
import Glibc
import IpldEngine
import MonoFS

/// What the processes of a soak do, again and again, each in its own way.
final class SoakRole {
    enum Name: String, CaseIterable {
        /// New contents under few names, so that what they had becomes garbage; in one of them the clock is
        /// years behind, and jumps.
        case churn
        case churnInThePast = "churn-in-the-past"
        /// Contents that many share, and names that move.
        case share, move
        case read, collect
        /// Layers that come, are changed and go.
        case fork
        /// Branches that part and meet.
        case merge
    }

    private let name: Name
    private let store: ContentStore
    private let pool: Pool
    private let disk: String
    private let end: UInt64
    private var random: Random
    private var counts: [String: Int] = [:]

    static func basePath(_ disk: String) -> String { disk + "/base" }

    static func child(_ arguments: Arguments) throws -> Int32 {
        guard let name = Name(rawValue: try arguments.required("role")) else {
            throw Violation("no such role")
        }
        let disk = try arguments.required("disk")
        let role = SoakRole(
            name, try ContentStore.open(at: basePath(disk)), try Pool(file: try arguments.required("pool")),
            disk,
            arguments)
        try role.run()
        for (what, count) in role.counts.sorted(by: { $0.key < $1.key }) { say("count \(what) \(count)") }
        return 0
    }

    private init(_ name: Name, _ store: ContentStore, _ pool: Pool, _ disk: String, _ arguments: Arguments) {
        self.name = name
        self.store = store
        self.pool = pool
        self.disk = disk
        end = Clock.now() + UInt64(arguments.number("milliseconds", 1000)) * 1_000_000
        random = Random(seed: arguments.seed)
    }

    private func run() throws {
        // Rare things, often.
        Bounds.fullPackBytes = 4 << 20
        Bounds.compactionBytes = 256 << 10
        Bounds.journalBytes = 64 << 10
        while Clock.now() < end {
            do {
                try step()
                counts["\(name.rawValue)-steps", default: 0] += 1
            } catch let error as StoreError {
                switch error.code {
                case .full:
                    counts["full", default: 0] += 1
                    Processes.sleep(microseconds: 50_000)
                // Somebody else was first.
                case .notFound, .conflict, .busy, .exists: counts["others-first", default: 0] += 1
                default: throw Violation("\(name.rawValue): \(error.code): \(error)")
                }
            }
            // All of them together leave the machine some time.
            Processes.sleep(microseconds: 2000 + random.below(8000))
        }
    }

    private func step() throws {
        switch name {
        case .churn: try churn("n")
        case .churnInThePast:
            flight_set_clock(-(1 + Int64(random.below(1000))) * 86_400)
            try churn("p")
        case .share: try RaceCampaign.write(store, pool, &random)
        case .move: try RaceCampaign.rename(store, pool, &random)
        case .read: try read()
        case .collect: try collect()
        case .fork: try fork()
        case .merge: try merge()
        }
    }

    // MARK: New contents

    /// The bytes that a seed stands for: 1 KB to 400 KB.
    private static func bytes(_ seed: UInt64) -> [UInt8] {
        var random = Random(seed: seed)
        return random.bytes(1000 + random.below(400_000))
    }

    /// A node that says what the bytes are that it links to.
    private func put(_ batch: Batch, _ seed: UInt64) throws -> CID {
        let data = try batch.put(Self.bytes(seed))
        return try batch.putNode(.list([.integer(Int128(seed)), .link(data)]))
    }

    private func churn(_ prefix: String) throws {
        let batch = try store.makeBatch()
        let node = try put(batch, random.next() >> 16)
        try batch.setRoot("\(prefix)\(random.below(6))", to: node)
        try batch.commit()
        if random.oneIn(6) { try store.removeRoot("\(prefix)\(random.below(6))") }
    }

    /// What a node of `churn` links to is what it says, and is there as long as the node has its name.
    private func check(_ store: ContentStore, _ cid: CID, isNamed: () throws -> Bool) throws {
        guard cid.codec == .dagCBOR, case .list(let items) = try store.node(cid), items.count == 2,
            case .integer(let seed) = items[0], case .link(let data) = items[1]
        else { return }
        do {
            guard try store.contents(of: data) == Self.bytes(UInt64(seed)) else {
                throw Violation("wrong bytes")
            }
        } catch let error as StoreError where error.code == .notFound {
            if try isNamed() { throw Violation("\(cid) is named, and \(data) is not there") }
            return
        }
        counts["checked", default: 0] += 1
    }

    private func read() throws {
        for (name, cid) in try store.roots() where name.hasPrefix("n") || name.hasPrefix("p") {
            try check(store, cid) { try store.root(name) == cid }
        }
        try RaceCampaign.read(store, pool, &random)
    }

    private func collect() throws {
        Processes.sleep(microseconds: 50_000)
        guard random.oneIn(20) else {
            try store.gc(budget: random.oneIn(2) ? 5_000_000 : nil)
            return
        }
        let report = try store.verify()
        // A layer that is being removed, or whose writer waits, holds without need for a while.
        let problems = report.problems.filter { $0.kind != .surplusHold }
        guard problems.isEmpty else { throw Violation("verify: \(problems.prefix(2).map(\.message))") }
        counts["verifications", default: 0] += 1
    }

    // MARK: Layers

    private func fork() throws {
        for name in Files.names(disk) where name.hasPrefix("gone-") || name.contains(".new-") {
            Files.removeTree(disk + "/" + name)
        }
        let layers = Files.names(disk).filter { $0.hasPrefix("layer-") }
        if layers.count < 3 {
            let path = disk + "/layer-\(random.next() >> 40)"
            try LayeredStore.create(at: path, over: [store.path])
            let layer = try ContentStore.open(at: path)
            if let (_, cid) = random.element(of: try store.roots()) { try layer.setRoot("below", to: cid) }
            return
        }
        guard let name = random.element(of: layers) else { return }
        let path = disk + "/" + name
        if random.oneIn(6) {
            // Under another name, so that one that is half gone is no layer, should we be killed.
            let leaving = disk + "/gone-" + name
            guard Glibc.rename(path, leaving) == 0 else { throw Violation("cannot rename \(path)") }
            return Files.removeTree(leaving)
        }
        let layer = try ContentStore.open(at: path)
        // Nobody else touches it: what it names is there.
        for (_, cid) in try layer.roots() {
            if let content = pool.content(of: cid) {
                guard try layer.contents(of: cid) == Pool.bytes(content) else {
                    throw Violation("wrong bytes")
                }
            } else {
                do { try check(layer, cid) { true } } catch let error as StoreError
                    where error.code == .notFound
                {
                    throw Violation("\(path): \(error)")
                }
            }
        }
        let batch = try layer.makeBatch()
        try batch.setRoot("own", to: try put(batch, random.next() >> 16))
        try batch.commit()
        if random.oneIn(3) { try layer.gc() }
    }

    // MARK: Branches

    private func merge() throws {
        flight_set_clock(Int64(random.below(2_000_000)) - 1_000_000)
        let files = FileSystem(store)
        if try files.branch("main") == nil { _ = try files.createBranch("main") }
        guard let main = try files.branch("main") else { return }
        if try files.branch("other") == nil { try files.fork("other", at: main) }
        for branch in ["main", "other"] {
            let workspace = try files.open(branch: branch)
            for _ in 0..<(1 + random.below(3)) {
                let directory = try FilePath("d\(random.below(4))")
                try workspace.createDirectories(directory)
                let path = directory.appending(try FileName("f\(random.below(20))"))
                if random.oneIn(4), try workspace.lookup(path) != nil {
                    try workspace.remove(path)
                } else {
                    try workspace.write(path, random.bytes(random.below(60_000)))
                }
            }
            try files.commit(workspace, to: branch)
        }
        guard let other = try files.branch("other") else { return }
        _ = try files.merge(other, into: "main", policy: .newest)
        if random.oneIn(3) { try files.removeBranch("other") }
        _ = try files.prune("main", RetentionRules(last: 4))
        counts["merges", default: 0] += 1
    }
}
