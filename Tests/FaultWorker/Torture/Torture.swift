import Glibc

/// Every row of docs/RELIABILITY.md for its share of a time, one after the other: `make torture SECONDS=N`.
///
/// A row is a campaign of this program, or something beside it (the tests' random scripts, the callers of the
/// C libraries, the fuzz targets), which is run again and again with other seeds until its time is over.
struct Torture {
    struct Row {
        let name: String
        /// Of all rows' time, in proportion.
        let share: Int
        let tries: [Try]
    }

    enum Try {
        /// A campaign of this program that takes `--seconds`.
        case campaign([String])
        /// One that takes `--points`; so many at a time.
        case points(String, Int)
        /// A command in the directory of the package; SEED, SECONDS and COUNT stand for numbers. So many
        /// counts are about ten seconds of work.
        case command(String, count: Int)
    }

    /// The tests, as they were built beside this program.
    static let tests = "$BESIDE/ipldstorePackageTests.xctest --testing-library swift-testing --filter"

    static let rows: [Row] = [
        Row(name: "power", share: 20, tries: [.campaign(["power", "--kind", "all"])]),
        Row(name: "kill", share: 14, tries: [.campaign(["kill", "--kind", "all"])]),
        Row(name: "failing-calls", share: 10, tries: [.campaign(["failing-calls", "--kind", "all"])]),
        Row(name: "full-disk", share: 6, tries: [.campaign(["full-disk", "--kind", "all"])]),
        Row(
            name: "damage", share: 12,
            tries: [.campaign(["damage", "--points", "8000", "--kind", "lmdb,flatfs0,flatfs1,flatfs2"])]),
        Row(
            name: "model", share: 8,
            tries: [.campaign(["model", "--points-per-store", "1000", "--kind", "all"])]),
        Row(
            name: "race", share: 8,
            tries: StoreKind.allCases.map { .campaign(["race", "--kind", $0.rawValue]) }),
        Row(name: "soak", share: 6, tries: [.campaign(["soak"])]),
        Row(name: "layers", share: 8, tries: [.points("layers", 20)]),
        Row(name: "spoiled-layers", share: 4, tries: [.campaign(["spoiled-layers"])]),
        Row(name: "transfers", share: 4, tries: [.campaign(["transfers"])]),
        Row(name: "cases", share: 4, tries: [.points("cases", 0)]),
        Row(
            name: "fuzz", share: 8,
            tries: [
                .command(
                    "IPLDSTORE_FUZZ_ROUNDS=COUNT IPLDSTORE_FUZZ_SEED=SEED \(tests) Fuzz", count: 10_000),
                .command("scripts/fuzz SECONDS SEED", count: 0),
            ]),
        Row(name: "hostile-calls", share: 4, tries: [.command("scripts/hostile SECONDS SEED", count: 0)]),
        Row(
            name: "edits", share: 4,
            tries: [
                .command(
                    "IPLDSTORE_EDIT_SCRIPTS=COUNT IPLDSTORE_EDIT_SEED=SEED \(tests) EditPropertyTests",
                    count: 20)
            ]),
        Row(
            name: "merges", share: 4,
            tries: [
                .command(
                    "MONOFS_MERGE_HISTORIES=COUNT MONOFS_MERGE_SEED=SEED \(tests) MergeTests", count: 4000),
                .command(
                    "MONOFS_JOIN_HISTORIES=COUNT MONOFS_MERGE_SEED=SEED \(tests) ReplicaTests", count: 400),
            ]),
    ]

    /// What a row has come to.
    struct Total {
        var points = 0
        /// Nil where nobody tells states apart.
        var distinct: Int?
        var failures = 0
        var seconds = 0.0
    }

    private let seed: UInt64
    private var totals: [(row: String, total: Total)] = []

    static func run(_ arguments: Arguments) throws -> Int32 {
        let wanted = arguments.text("only").map { $0.split(separator: ",").map(String.init) }
        let rows = rows.filter { wanted?.contains($0.name) ?? true }
        guard !rows.isEmpty, rows.count == wanted?.count ?? rows.count else {
            throw Violation("there are the rows \(Torture.rows.map(\.name).joined(separator: ", "))")
        }
        let seconds = Double(arguments.number("seconds", 600))
        let shares = Double(rows.reduce(0) { $0 + $1.share })
        var torture = Torture(seed: arguments.seed)
        for row in rows { try torture.run(row, seconds * Double(row.share) / shares) }
        torture.report()
        if let file = arguments.text("record") {
            try TortureRecord.add(
                torture.totals, commit: try arguments.required("commit"),
                date: try arguments.required("date"),
                to: file)
        }
        return torture.totals.allSatisfy { $0.total.failures == 0 } ? 0 : 1
    }

    private init(seed: UInt64) { self.seed = seed }

    private mutating func run(_ row: Row, _ seconds: Double) throws {
        let start = Clock.now()
        var total = Total()
        for (number, attempt) in row.tries.enumerated() {
            // Those that are left share what is left.
            let spent = Double(Clock.now() - start) / 1e9
            let share = max(1, (seconds - spent) / Double(row.tries.count - number))
            var run = TortureRun(attempt, seed: seed, seconds: share)
            try run.all(&total)
        }
        total.seconds = Double(Clock.now() - start) / 1e9
        totals.append((row.name, total))
        say(Self.line(row.name, total, seed))
    }

    private static func line(_ name: String, _ total: Total, _ seed: UInt64) -> String {
        "\(name): points=\(total.points) distinct=\(total.distinct.map(String.init) ?? "-") "
            + "failures=\(total.failures) seconds=\(Int(total.seconds.rounded())) seed=\(seed)"
    }

    private func report() {
        say("")
        for (row, total) in totals { say(Self.line(row, total, seed)) }
        let failed = totals.filter { $0.total.failures > 0 }.map(\.row)
        say(
            failed.isEmpty
                ? "torture: every promise held" : "torture: FAILED \(failed.joined(separator: ", "))")
    }
}
