import Glibc
import IpldEngine

/// The campaigns can fail: each deliberate defect of the engine is found by the one that is there for it,
/// which finds nothing without the defect. Only in a build with DEFECTS (`make torture-defects`).
struct DefectCampaign {
    private enum Search: Hashable {
        /// Of this program.
        case campaign([String])
        /// A line for the shell, as in `Torture`, and what a find of it says.
        case command(String, sign: String)
    }

    private static func tests(_ name: String, _ counts: String) -> Search {
        .command("\(counts) \(Torture.tests) \(name)", sign: "recorded an issue")
    }

    private static func search(_ defect: Defect) -> Search {
        switch defect {
        case .longFormsAreTaken, .lengthsAreBelieved:
            .command("scripts/fuzz 20 SEED cbor", sign: "replay:")
        case .lookaheadIsForgotten:
            tests("EditPropertyTests", "IPLDSTORE_EDIT_SCRIPTS=100 IPLDSTORE_EDIT_SEED=SEED")
        case .theirsIsForgotten:
            tests("MergeTests", "MONOFS_MERGE_HISTORIES=1000 MONOFS_MERGE_SEED=SEED")
        case .removalsAreForgotten:
            tests("ReplicaTests", "MONOFS_JOIN_HISTORIES=200 MONOFS_MERGE_SEED=SEED")
        case .handlesAreKept, .callsAreNotAlone:
            .command("scripts/hostile 15 SEED $BESIDE/libipldstore-c.so", sign: "hostile:")
        default: .campaign(campaign(defect))
        }
    }

    private static func campaign(_ defect: Defect) -> [String] {
        switch defect {
        case .packsAreNotFlushed, .journalIsNotFlushed, .directoriesAreNotFlushed:
            ["power", "--points", "600"]
        case .failedFlushIsForgotten, .writeErrorsAreSwallowed: ["failing-calls", "--points", "252"]
        case .reserveIsNotKept: ["full-disk", "--points", "60"]
        case .spaceIsGivenBackAtOnce: ["kill", "--points", "210"]
        case .openersAreNotAlone: ["cases", "--only", "a-first-opener-that-dies"]
        case .deadCommitsAreMissed: ["cases", "--only", "a-commit-that-dies-before-it-is-seen"]
        case .givenUpPacksAreTaken: ["cases", "--only", "a-pack-that-is-made-anew-while-it-is-collected"]
        case .repairIsNotFlushed: ["cases", "--only", "a-repair-of-what-nobody-flushed"]
        case .removalsAreNotJournaled: ["kill", "--points", "30"]
        case .deadLeasesStay: ["cases", "--only", "parent-dies-while-its-fork-lives"]
        case .incrementIsForgotten, .decrementIsForgotten, .childrenAreNotReleased:
            ["model", "--points", "3000"]
        case .leasesAreIgnored, .deadDuplicatesAreTaken: ["cases", "--only", "collection-against-a-batch"]
        case .movedBlocksAreNotLookedUpAgain: ["race", "--seconds", "10"]
        case .bytesAreNotChecked, .damageIsAbsence: ["damage", "--points", "600"]
        case .loansAreReturnedAtOnce: ["cases", "--only", "a-loan-that-the-layer-lost"]
        case .nothingIsLent, .forksAreTakenForGone: ["layers", "--points", "20"]
        case .tornNodesAreBorrowed, .ownDamageIsOverlooked: ["spoiled-layers", "--points", "100"]
        case .blocksAreKept: ["soak", "--seconds", "150"]
        default: []
        }
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard Defect.isBuild else { throw Violation("this build has no defects: make torture-defects") }
        let tally = Tally("defects", seed: arguments.seed)
        let only = arguments.text("only")
        let chosen = Defect.allCases.filter { only == nil || only == $0.rawValue }
        // Whether a search finds nothing where nothing is.
        var isSound: [Search: Bool] = [:]
        for defect in chosen where isSound[search(defect)] == nil {
            isSound[search(defect)] = false
            tally.point("--only \(defect.rawValue)") {
                let (lines, end) = try output(of: search(defect), nil, arguments.seed)
                guard end == .exited(0) else {
                    throw Violation("\(search(defect)) without a defect: \(end) \(lines.suffix(2))")
                }
                isSound[search(defect)] = true
            }
        }
        for defect in chosen where isSound[search(defect)] == true {
            tally.point("--only \(defect.rawValue)") {
                let search = search(defect)
                let (lines, end) = try output(of: search, defect, arguments.seed)
                var sign = "FAILED"
                if case .command(_, let its) = search { sign = its }
                guard end != .exited(0), let finding = lines.first(where: { $0.contains(sign) }) else {
                    throw Violation("\(defect) is not found by \(search): \(end) \(lines.suffix(2))")
                }
                tally.count("found")
                say("\(defect): \(String(finding.prefix(160)))")
            }
        }
        return tally.finish()
    }

    private static func output(of search: Search, _ defect: Defect?, _ seed: UInt64) throws -> (
        lines: [String], end: Processes.End
    ) {
        if let defect { setenv("IPLDSTORE_DEFECT", defect.rawValue, 1) } else { unsetenv("IPLDSTORE_DEFECT") }
        defer { unsetenv("IPLDSTORE_DEFECT") }
        switch search {
        case .campaign(let words):
            return Processes.wait(
                try Processes.spawn(
                    words + ["--seed", "\(seed)"], through: ["timeout", "--kill-after=10", "300"]))
        case .command(let text, _):
            return try TortureRun.shell(TortureRun.replace(text, ["SEED": "\(seed)"]), seconds: 300)
        }
    }
}
