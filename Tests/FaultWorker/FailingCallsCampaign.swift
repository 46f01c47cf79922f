import Glibc
import IpldEngine

/// Failing I/O: call n fails, once or for ever, is interrupted or cut short, or a flush fails and loses what
/// it should have kept. Every error is of the right kind, and nothing that was acknowledged is lost.
struct FailingCallsCampaign {
    static let steps = 22

    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        defer { Files.removeTree(scratch) }
        let pool = try Pool(scratch: scratch)
        let budget = Budget(arguments, points: 504)
        let perSeed = arguments.number("points-per-seed", 84)
        let tally = Tally("failing-calls", seed: arguments.seed)
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
                CallFaults.disarm()
            }
            done += perSeed
            seed += 1
        }
        return tally.finish()
    }

    private static func plan(_ index: Int, at call: Int) -> (plan: CallFaults.Plan, mayFail: Bool) {
        switch index % 7 {
        case 0: (.fail(at: call, code: EIO, forEver: false), true)
        case 1: (.fail(at: call, code: EIO, forEver: true), true)
        case 2: (.fail(at: call, code: ENOSPC, forEver: false), true)
        case 3: (.fail(at: call, code: ENOSPC, forEver: true), true)
        case 4: (.fail(at: call, code: EINTR, forEver: false), false)
        case 5: (.short(at: call, forEver: true), false)
        default: (.loseFlush(at: call), true)
        }
    }

    private static func point(
        _ scratch: String, _ kind: StoreKind, _ pool: Pool, _ golden: GoldenRun, _ seed: UInt64, _ index: Int,
        _ perSeed: Int, _ tally: Tally
    ) throws {
        let path = scratch + "/store"
        StoreKind.remove(path)
        try kind.prepare(path)
        let call = 1 + index * golden.calls / perSeed
        let (plan, mayFail) = plan(index, at: call)
        let workload = Workload(path: path, kind: kind, pool: pool, seed: seed)
        let faults = CallFaults.arm(plan)
        var allowed = [NameState()]
        var where_ = ""
        while workload.steps < steps {
            do {
                try workload.step()
                allowed = [workload.names]
            } catch let error as StoreError {
                where_ =
                    "step \(workload.steps) (\(workload.last)), call \(call), \(plan): \(error.code) \(error)"
                guard mayFail, faults.hitCount > 0 else { throw Violation("no reason to fail: " + where_) }
                guard isFair(error, plan) else { throw Violation("the wrong kind of error: " + where_) }
                tally.count("errors")
                // A failed step changed nothing, unless it says that nobody knows or it deletes and reclaims.
                let isOpen = workload.mayHaveHappened || error.message.contains("outcome is unknown")
                allowed = isOpen ? [workload.names, workload.intended] : [workload.names]
                if case .fail(_, _, true) = plan { break }
                if workload.steps == 1 { break }
                workload.close()
                let names = try NameState(of: try workload.open())
                guard allowed.contains(names) else {
                    throw Violation("\(names.difference(from: allowed[0])) after " + where_)
                }
                workload.adopt(names)
                allowed = [names]
            }
        }
        CallFaults.disarm()
        workload.close()
        if faults.hitCount > 0 { tally.count("hit") }
        if workload.steps == 1, !Files.exists(path) { return }
        do {
            try Inspection(pool: pool).inspect(path, allowed: allowed, empties: index % 2 == 0)
        } catch let error as StoreError { throw Violation("\(error.code) \(error) after " + where_) } catch {
            throw Violation("\(error) after " + where_)
        }
    }

    /// Damage, absence, a full disk and failing I/O are never one reported as another.
    private static func isFair(_ error: StoreError, _ plan: CallFaults.Plan) -> Bool {
        switch plan {
        case .fail(_, ENOSPC, _): error.code == .full
        case .fail, .loseFlush: error.code == .io
        default: false
        }
    }
}
