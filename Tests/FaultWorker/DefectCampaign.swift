import Glibc
import IpldEngine

/// The campaigns can fail: each deliberate defect of the engine is found by the one that is there for it,
/// which finds nothing without the defect. Only in a build with DEFECTS (`make torture-defects`).
struct DefectCampaign {
    /// Where each defect is looked for.
    static func command(_ defect: Defect) -> [String] {
        switch defect {
        case .packsAreNotFlushed, .journalIsNotFlushed, .directoriesAreNotFlushed:
            ["power", "--points", "600"]
        case .failedFlushIsForgotten, .writeErrorsAreSwallowed: ["failing-calls", "--points", "252"]
        case .reserveIsNotKept: ["full-disk", "--points", "60"]
        case .spaceIsGivenBackAtOnce: ["kill", "--points", "210"]
        case .openersAreNotAlone: ["cases", "--only", "a-first-opener-that-dies"]
        case .removalsAreNotJournaled: ["kill", "--points", "30"]
        case .deadLeasesStay: ["cases", "--only", "parent-dies-while-its-fork-lives"]
        case .incrementIsForgotten, .decrementIsForgotten, .childrenAreNotReleased:
            ["model", "--points", "3000"]
        case .leasesAreIgnored, .deadDuplicatesAreTaken: ["cases", "--only", "collection-against-a-batch"]
        case .movedBlocksAreNotLookedUpAgain: ["race", "--seconds", "10"]
        case .bytesAreNotChecked, .damageIsAbsence: ["damage", "--points", "600"]
        case .loansAreReturnedAtOnce: ["cases", "--only", "a-loan-that-the-layer-lost"]
        case .nothingIsLent, .forksAreTakenForGone: ["layers", "--points", "20"]
        }
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        guard Defect.isBuild else { throw Violation("this build has no defects: make torture-defects") }
        let tally = Tally("defects", seed: arguments.seed)
        let only = arguments.text("only")
        let chosen = Defect.allCases.filter { only == nil || only == $0.rawValue }
        // Whether a command finds nothing where nothing is.
        var isSound: [[String]: Bool] = [:]
        for defect in chosen where isSound[command(defect)] == nil {
            isSound[command(defect)] = false
            tally.point("--only \(defect.rawValue)") {
                let (lines, end) = try output(of: command(defect), nil, arguments.seed)
                guard end == .exited(0) else {
                    throw Violation("\(command(defect)) without a defect: \(end) \(lines.suffix(2))")
                }
                isSound[command(defect)] = true
            }
        }
        for defect in chosen where isSound[command(defect)] == true {
            tally.point("--only \(defect.rawValue)") {
                let (lines, end) = try output(of: command(defect), defect, arguments.seed)
                let finding = lines.first { $0.hasPrefix("FAILED") }
                guard end == .exited(1) || end == .exited(2), let finding else {
                    throw Violation("\(defect) is not found by \(command(defect)): \(end) \(lines.suffix(2))")
                }
                tally.count("found")
                say("\(defect): \(String(finding.prefix(160)))")
            }
        }
        return tally.finish()
    }

    private static func output(of command: [String], _ defect: Defect?, _ seed: UInt64) throws -> (
        lines: [String], end: Processes.End
    ) {
        if let defect { setenv("IPLDSTORE_DEFECT", defect.rawValue, 1) } else { unsetenv("IPLDSTORE_DEFECT") }
        defer { unsetenv("IPLDSTORE_DEFECT") }
        return Processes.wait(
            try Processes.spawn(
                command + ["--seed", "\(seed)"], through: ["timeout", "--kill-after=10", "180"]))
    }
}
