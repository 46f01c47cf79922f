import Glibc
import IpldEngine
import MonoFS

/// Imports and exports of an ordinary user, killed before a call on the host: the same one made again
/// ends as it would have, permissions are what they were, and nothing is left beside, but what was not ours.
///
/// What always holds: a point is one way to transfer and one call, which the command that replays it has.
struct TransferCampaign {
    enum Way: String, CaseIterable {
        case importing = "import"
        /// Where nothing is; over something; into an empty directory; between what is there.
        case new, replace, empty, merge
    }

    /// Whom children are when root starts them, who lacks no permission.
    private static let user: UInt32 = 65534

    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        defer { _ = try? HostTree.remove(scratch) }
        guard chmod(scratch, 0o711) == 0 else { throw Violation("cannot open \(scratch)") }
        let tally = Tally("transfers", seed: arguments.seed)
        let ways = try (arguments.text("way").map { [$0] } ?? Way.allCases.map(\.rawValue)).map { (word) in
            guard let way = Way(rawValue: word) else { throw Violation("there is no way \(word)") }
            return way
        }
        let budget = Budget(arguments, points: 150)
        let world = try TransferWorld(scratch, user)
        var calls: [Way: Int] = [:]
        var random = Random(seed: arguments.seed)
        for index in 0... {
            guard budget.goesOn(index) else { break }
            let way = ways[index % ways.count]
            if calls[way] == nil { calls[way] = try world.count(way) }
            let call = arguments.optional("only") ?? 1 + random.below(calls[way] ?? 1)
            tally.point("--points 1 --way \(way.rawValue) --only \(call)") {
                try world.check(way, killedAt: call, tally)
            }
        }
        for way in ways { tally.count("calls-\(way.rawValue)", calls[way] ?? 0) }
        return tally.finish()
    }

    /// `fault-worker transfer --world W --way import --call N`: one transfer, which dies before its N-th call
    /// on the host; how many there were, and what came of it.
    static func child(_ arguments: Arguments) throws -> Int32 {
        let path = try arguments.required("world")
        guard let way = Way(rawValue: try arguments.required("way")) else { throw Violation("no way") }
        if getuid() == 0 {
            var none: gid_t = 0
            guard setgroups(0, &none) == 0, setgid(user) == 0, setuid(user) == 0 else {
                throw Violation("cannot become another user")
            }
        }
        let files = FileSystem(try ContentStore.open(at: path + "/store"))
        let deadline = arguments.number("call", 0)
        let calls = Lock(0)
        HostFaults.watch { (_) in
            let number = calls.withLock { (calls) in
                calls += 1
                return calls
            }
            if number == deadline { kill(getpid(), SIGKILL) }
            return .none
        }
        var (outcome, problems) = ("done", 0)
        let problem: TransferProblemHandler = { (problem) throws(StoreError) in
            say("\(problem.path): \(problem.error)")
            problems += 1
        }
        do throws(StoreError) {
            if way == .importing {
                var options = ImportOptions()
                options.readsEverything = true
                let report = try files.importDirectory(
                    path + "/source", to: "main", options, problem: problem)
                outcome = report.tree.description
            } else {
                var options = ExportOptions()
                options.existing = way == .replace ? .replace : way == .merge ? .merge : .refuse
                let version = try files.resolve("main")
                _ = try files.exportDirectory(
                    of: version, to: path + "/beside/out", options, problem: problem)
            }
        } catch { outcome = "\(error.code)" }
        HostFaults.watch(nil)
        say("\(calls.withLock { $0 }) \(problems) \(outcome)")
        return 0
    }
}
