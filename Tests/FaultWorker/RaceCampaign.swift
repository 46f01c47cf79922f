import Glibc
import IpldEngine
import Synchronization

/// Races: several processes, each with threads that write, read, collect, move names and verify, on one
/// store; one process is killed now and then and started again. Afterwards nothing is missing, nothing left.
struct RaceCampaign {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        defer { Files.removeTree(scratch) }
        let pool = try Pool(scratch: scratch)
        try pool.write(to: scratch + "/pool.cids")
        let path = scratch + "/store"
        let kind = try StoreKind.asked(arguments, of: StoreKind.allCases)[0]
        try kind.prepare(path)
        if kind.isInMemory { return try inThisProcess(kind, path, pool, arguments) }
        try kind.create(path)
        let tally = Tally("race", seed: arguments.seed)
        let seconds = arguments.number("seconds", 10)
        let processes = arguments.number("processes", 3)
        let end = Clock.now() + UInt64(seconds) * 1_000_000_000
        var random = Random(seed: arguments.seed)
        var started = 0
        func start() throws -> Processes.Child {
            started += 1
            let left = end > Clock.now() ? Int((end - Clock.now()) / 1_000_000) : 0
            return try Processes.spawn([
                "race-child", "--path", path, "--pool", scratch + "/pool.cids", "--milliseconds", "\(left)",
                "--seed", "\(arguments.seed &* 100 &+ UInt64(started))",
            ])
        }
        let replay = "--kind \(kind.rawValue) --seed \(arguments.seed) --seconds \(seconds)"
        tally.point("\(replay) --processes \(processes)") {
            var children = try (0..<processes).map { _ in try start() }
            // The last one dies again and again.
            while Clock.now() + 800_000_000 < end {
                Processes.sleep(microseconds: 200_000 + random.below(600_000))
                let victim = children.removeLast()
                kill(victim.pid, SIGKILL)
                try note(Processes.wait(victim), tally)
                tally.count("killed")
                children.append(try start())
            }
            for child in children {
                let (lines, ending) = Processes.wait(child)
                try note((lines, ending), tally)
                guard ending == .exited(0) else {
                    throw Violation("a process ended: \(ending) \(lines.suffix(2))")
                }
            }
            let store = try ContentStore.open(at: path)
            let names = try NameState(of: store)
            try Inspection(pool: pool).readAll(store, names)
            try Inspection(pool: pool).inspect(path, allowed: [names], empties: true)
        }
        return tally.finish()
    }

    /// A store that no other process can see: threads alone.
    private static func inThisProcess(
        _ kind: StoreKind, _ path: String, _ pool: Pool, _ arguments: Arguments
    ) throws -> Int32 {
        let tally = Tally("race", seed: arguments.seed)
        let seconds = arguments.number("seconds", 10)
        tally.point("--kind \(kind.rawValue) --seed \(arguments.seed) --seconds \(seconds)") {
            let lines = Lines()
            let store = try kind.open(path)
            let end = Clock.now() + UInt64(seconds) * 1_000_000_000
            try work(store, pool, arguments.seed, until: end) { lines.add($0) }
            try note((lines.all, .exited(0)), tally)
            let names = try NameState(of: store)
            try Inspection(pool: pool).inspect(store, allowed: [names], empties: true)
        }
        return tally.finish()
    }

    /// What threads say.
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    private static func note(_ result: (lines: [String], end: Processes.End), _ tally: Tally) throws {
        for line in result.lines {
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count == 3, fields[0] == "count", let amount = Int(fields[2]) else {
                throw Violation(line)
            }
            tally.count(fields[1], amount)
        }
    }

    /// What one process does: a thread for each part.
    static func child(_ arguments: Arguments) throws -> Int32 {
        let pool = try Pool(file: try arguments.required("pool"))
        let path = try arguments.required("path")
        let end = Clock.now() + UInt64(arguments.number("milliseconds", 1000)) * 1_000_000
        try work(try ContentStore.open(at: path), pool, arguments.seed, until: end, say)
        return 0
    }

    private static func work(
        _ store: ContentStore, _ pool: Pool, _ seed: UInt64, until end: UInt64,
        _ say: @escaping @Sendable (String) -> Void
    ) throws {
        Bounds.stageBlocks = 40
        Bounds.fullPackBytes = 400_000
        Bounds.compactionBytes = 32 << 10
        Bounds.journalBytes = 2048
        let parts: [(name: String, body: @Sendable (ContentStore, Pool, inout Random) throws -> Void)] = [
            ("writes", write), ("writes", write), ("reads", read), ("names", rename),
            ("collections", collect),
        ]
        var threads: [pthread_t] = []
        for (index, part) in parts.enumerated() {
            let seed = seed &* 10 &+ UInt64(index)
            threads.append(
                try Threads.start {
                    var random = Random(seed: seed)
                    var count = 0
                    while Clock.now() < end {
                        do { try part.body(store, pool, &random) } catch let error as StoreError {
                            // Others took it away first, or hold it now.
                            if ![.notFound, .conflict, .busy].contains(error.code) {
                                say("\(part.name): \(error.code): \(error)")
                            }
                        } catch { say("\(part.name): \(error)") }
                        count += 1
                    }
                    say("count \(part.name) \(count)")
                })
        }
        for thread in threads { Threads.join(thread) }
    }

    @Sendable static func write(_ store: ContentStore, _ pool: Pool, _ random: inout Random) throws {
        let batch = try store.makeBatch()
        var links: [CID] = []
        for _ in 0..<(1 + random.below(4)) {
            let content = random.below(Pool.count)
            let cid = try batch.put(Pool.bytes(content))
            guard cid == pool.cids[content] else { throw Violation("another CID") }
            links.append(cid)
        }
        let node = try batch.putNode(.list(links.map { .link($0) }))
        if random.oneIn(5) { return batch.abort() }
        try batch.setRoot("t\(random.below(6))", to: node)
        try batch.setRoot("f\(random.below(6))", to: links[0])
        try batch.hold(links[0], owner: "o\(random.below(2))")
        try batch.commit()
    }

    /// What a root reaches is there while the root still says so afterwards.
    @Sendable static func read(_ store: ContentStore, _ pool: Pool, _ random: inout Random) throws {
        guard let (name, cid) = random.element(of: try store.roots()) else { return }
        do {
            var work = [cid]
            while let next = work.popLast() {
                if let content = pool.content(of: next) {
                    guard try store.contents(of: next) == Pool.bytes(content) else {
                        throw Violation("wrong bytes")
                    }
                } else {
                    work += try store.links(of: next)
                }
            }
        } catch let error as StoreError where error.code == .notFound {
            // Named again with the same tree after it went: the name proves nothing then. A second look does.
            Processes.sleep(microseconds: 1000)
            guard try store.root(name) == cid else { return }
            do { _ = try store.links(of: cid) } catch {
                if try store.root(name) == cid { throw Violation("the root \(name) names \(cid): \(error)") }
            }
        }
    }

    @Sendable static func rename(_ store: ContentStore, _ pool: Pool, _ random: inout Random) throws {
        Processes.sleep(microseconds: random.below(2000))
        let name = "\(random.oneIn(2) ? "t" : "f")\(random.below(6))"
        switch random.below(4) {
        case 0: try store.removeRoot(name)
        case 1:
            if let cid = try store.root(name) { try store.setRoot("f\(random.below(6))", to: cid) }
        case 2:
            guard let hold = random.element(of: try store.holds().filter { $0.owner.hasPrefix("o") }) else {
                return
            }
            try store.dereference(hold.cid, owner: hold.owner)
        default:
            if let cid = try store.root(name) { try store.retain(cid, owner: "o\(random.below(2))") }
        }
    }

    @Sendable private static func collect(_ store: ContentStore, _ pool: Pool, _ random: inout Random) throws
    {
        Processes.sleep(microseconds: random.below(5000))
        if random.oneIn(10) {
            let report = try store.verify()
            guard report.isClean else {
                throw Violation("verify: \(report.problems.prefix(2).map(\.message))")
            }
        } else {
            try store.gc(budget: random.oneIn(2) ? 1_000_000 : nil)
        }
    }
}
