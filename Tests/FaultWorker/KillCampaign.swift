import Glibc
import IpldEngine

/// A workload without faults: how many calls it makes, how long it takes, and the names after each step.
struct GoldenRun {
    var calls = 0
    var nanoseconds: UInt64 = 0
    /// After step i + 1.
    var states: [NameState] = []

    init(scratch: String, kind: StoreKind, pool: Pool, seed: UInt64, steps: Int) throws {
        let path = scratch + "/golden"
        StoreKind.remove(path)
        try kind.prepare(path)
        let workload = Workload(path: path, kind: kind, pool: pool, seed: seed)
        let counter = CallFaults.arm(.count)
        defer { CallFaults.disarm() }
        let start = Clock.now()
        for _ in 0..<steps {
            do { try workload.step() } catch {
                throw Violation("without any fault, step \(workload.steps) (\(workload.last)): \(error)")
            }
            states.append(workload.names)
            if workload.steps > 1 {
                let calls = counter.count
                guard try NameState(of: try workload.open()) == workload.names else {
                    throw Violation("without any fault, \(workload.last) left other names")
                }
                guard calls == counter.count else { throw Violation("listing names makes hooked calls") }
            }
        }
        nanoseconds = Clock.now() - start
        calls = counter.count
        workload.close()
        CallFaults.disarm()
        try Inspection(pool: pool).inspect(path, allowed: [states[states.count - 1]], empties: true)
        StoreKind.remove(path)
    }
}

/// kill -9: children die at every system call of scripted workloads, in the middle of transfers, and at
/// random moments (which fall into LMDB's own calls too); what they acknowledged is there, nothing is half.
struct KillCampaign {
    static let steps = 26

    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        defer { Files.removeTree(scratch) }
        let pool = try Pool(scratch: scratch)
        try pool.write(to: scratch + "/pool.cids")
        let budget = Budget(arguments, points: 210)
        let perSeed = arguments.number("points-per-seed", 42)
        let tally = Tally("kill", seed: arguments.seed)
        let kinds = try StoreKind.asked(arguments, of: StoreKind.inFiles)
        var seed = arguments.seed
        var done = 0
        while budget.goesOn(done) {
            let kind = kinds[done / perSeed % kinds.count]
            let golden = try GoldenRun(
                scratch: scratch, kind: kind, pool: pool, seed: seed, steps: steps)
            tally.count("calls", golden.calls)
            for index in 0..<perSeed where budget.goesOn(done + index) {
                if let only = arguments.optional("only"), only != index { continue }
                tally.point(
                    "--kind \(kind.rawValue) --seed \(seed) --points \(perSeed) --points-per-seed \(perSeed)"
                        + " --only \(index)"
                ) {
                    try point(scratch, kind, pool, golden, seed, index, perSeed, tally)
                }
            }
            done += perSeed
            seed += 1
        }
        return tally.finish()
    }

    private static func point(
        _ scratch: String, _ kind: StoreKind, _ pool: Pool, _ golden: GoldenRun, _ seed: UInt64, _ index: Int,
        _ perSeed: Int, _ tally: Tally
    ) throws {
        let path = scratch + "/store"
        StoreKind.remove(path)
        try kind.prepare(path)
        var words = [
            "work", "--seed", "\(seed)", "--steps", "\(steps)", "--path", path, "--pool",
            scratch + "/pool.cids", "--kind", kind.rawValue,
        ]
        // Sampled evenly, each third of the points in its own way.
        let call = 1 + (index * golden.calls + Int(seed) * 7 % max(1, golden.calls / perSeed)) / perSeed
        var random = Random(seed: seed &* 1000 &+ UInt64(index))
        var delay: Int?
        // Some of the stores also lose their last commit, as a disk that lies may.
        let losesCommit = index % 6 == 3
        switch index % 3 {
        case 0: words += ["--die-at", "\(call)"]
        case 1: words += ["--die-short-at", "\(call)"]
        default:
            words += ["--reader", "1"]
            delay = random.below(Int(golden.nanoseconds / 1000) + 3000)
        }
        let child = try Processes.spawn(words)
        if let delay {
            Processes.sleep(microseconds: delay)
            kill(child.pid, SIGKILL)
        }
        let (lines, end) = Processes.wait(child)
        switch end {
        case .killed(SIGKILL): tally.count("killed")
        case .exited(0): tally.count("survived")
        default: throw Violation("the child ended by itself: \(end) \(lines.suffix(2))")
        }
        let acknowledged = lines.filter { $0.hasPrefix("done ") }.count
        if let strange = lines.first(where: { !$0.hasPrefix("done ") }) { throw Violation(strange) }
        if acknowledged == 0, !Files.exists(path) { return }
        var allowed = [acknowledged == 0 ? NameState() : golden.states[acknowledged - 1]]
        if acknowledged < golden.states.count { allowed.append(golden.states[acknowledged]) }
        if losesCommit {
            guard acknowledged > 0 else { return }
            // The store's own, or that of the store below it.
            let isBelow = kind.isLayer && index % 12 == 3
            try IndexFile.rollBack(isBelow ? StoreKind.basePath(path) : path)
            // Steps that change nothing commit nothing: the last commit is that of the names before these.
            let now = golden.states[acknowledged - 1]
            if let before = golden.states[..<acknowledged].last(where: { $0 != now }) {
                allowed.append(before)
            }
            tally.count("rolled-back")
        }
        do {
            try Inspection(pool: pool).inspect(path, allowed: allowed, empties: index % 2 == 0)
        } catch let error as StoreError {
            throw Violation("after step \(acknowledged): \(error.code): \(error)")
        } catch { throw Violation("after step \(acknowledged): \(error)") }
    }

    /// The child: works, and says after each step that it is done.
    static func work(_ arguments: Arguments) throws -> Int32 {
        let pool = try Pool(file: try arguments.required("pool"))
        let path = try arguments.required("path")
        let hasReader = arguments.optional("reader") != nil
        let kind = try StoreKind.asked(arguments, of: StoreKind.inFiles)[0]
        let workload = Workload(
            path: path, kind: kind, pool: pool, seed: arguments.seed,
            repairs: !hasReader)
        if let call = arguments.optional("die-at") { _ = CallFaults.arm(.die(at: call)) }
        if let call = arguments.optional("die-short-at") { _ = CallFaults.arm(.dieShort(at: call)) }
        for step in 1...arguments.number("steps", steps) {
            do { try workload.step() } catch {
                say("step \(step) (\(workload.last)) failed: \(error)")
                return 2
            }
            say("done \(step)")
            if step == 1, hasReader { try startReader(path, pool) }
        }
        return 0
    }

    /// Reads all roots again and again, from its own thread.
    private static func startReader(_ path: String, _ pool: Pool) throws {
        try Threads.detach {
            while true {
                do {
                    let store = try ContentStore.open(at: path)
                    for (_, cid) in try store.roots() {
                        guard let content = pool.content(of: cid) else { continue }
                        if try store.contents(of: cid) != Pool.bytes(content) {
                            say("the reader got wrong bytes for content \(content)")
                        }
                    }
                } catch let error as StoreError {
                    // Removed meanwhile, or closed for repair.
                    if error.code != .notFound, error.code != .busy, error.code != .forked {
                        say("the reader failed: \(error.code) \(error)")
                    }
                } catch { say("the reader failed: \(error)") }
            }
        }
    }
}
