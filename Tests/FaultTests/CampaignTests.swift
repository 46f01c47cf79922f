import Foundation
import Testing

/// The quick column of docs/RELIABILITY.md. Each campaign runs in a process of its own, prints what it tried,
/// and for each failure the command that replays it. IPLDSTORE_FAULTS_KILL=100000 and so on ask for more,
/// IPLDSTORE_FAULTS_SEED for others.
@Suite(.serialized) struct CampaignTests {
    @Test func storesSurviveKills() throws { try run("kill", "points", "KILL", 210) }
    @Test func storesOfAllKindsSurviveKills() throws {
        try run("kill", "points", "KILL_KINDS", 112, ["--points-per-seed", "14"] + kinds)
    }
    @Test func storesSurvivePowerLoss() throws { try run("power", "points", "POWER", 1200) }
    @Test func storesOfAllKindsSurvivePowerLoss() throws {
        try run("power", "points", "POWER_KINDS", 800, kinds)
    }
    @Test func branchesSurvivePowerLoss() throws {
        try run("power", "points", "POWER_FILES", 200, ["--kind", "files"])
    }
    /// Proof that the disks are made as they should be: whoever forgets to flush is caught.
    @Test(arguments: ["packs", "journal", "index", "directories"])
    func aFlushThatIsMissingIsSeen(of what: String) throws {
        try run("power", "points", "", 60, ["--ignore", what], failing: true)
    }
    @Test func aFlushThatIsMissingIsSeenOfFiles() throws {
        try run("power", "points", "", 60, ["--ignore", "blocks", "--kind", "flatfs1"], failing: true)
    }
    @Test func storesSurviveFailingCalls() throws { try run("failing-calls", "points", "FAILING_CALLS", 504) }
    @Test func storesOfAllKindsSurviveFailingCalls() throws {
        try run("failing-calls", "points", "FAILING_CALLS_KINDS", 112, ["--points-per-seed", "14"] + kinds)
    }
    @Test func storesSurviveFullDisks() throws { try run("full-disk", "points", "FULL_DISK", 120) }
    @Test func storesOfAllKindsSurviveFullDisks() throws {
        try run("full-disk", "points", "FULL_DISK_KINDS", 40, ["--step-bytes", "8192"] + kinds)
    }
    @Test func damageIsToldAndMended() throws { try run("damage", "points", "DAMAGE", 24_000) }
    @Test func damageToFilesIsToldAndMended() throws {
        try run("damage", "points", "DAMAGE_FILES", 2_000, ["--kind", "flatfs0,flatfs2"])
    }
    @Test func storesEqualTheirModel() throws { try run("model", "points", "MODEL", 15_000) }
    @Test func storesOfAllKindsEqualTheirModel() throws {
        try run("model", "points", "MODEL_KINDS", 5_000, ["--points-per-store", "500"] + kinds)
    }
    @Test func manyProcessesShareAStore() throws { try run("race", "seconds", "RACE_SECONDS", 5) }
    @Test(arguments: ["flatfs1", "layer-over-layer", "memory", "memory-over-lmdb"])
    func manyShareAStore(ofKind kind: String) throws {
        try run("race", "seconds", "RACE_KINDS_SECONDS", 1, ["--kind", kind])
    }
    @Test func hoursOnASmallDisk() throws { try run("soak", "seconds", "SOAK_SECONDS", 6) }
    @Test func killedTransfersLeaveNothing() throws { try run("transfers", "points", "TRANSFERS", 150) }
    @Test func layersSurviveTheirUsers() throws { try run("layers", "points", "LAYERS", 50) }
    @Test func layersSurviveDamage() throws { try run("spoiled-layers", "points", "SPOILED_LAYERS", 40) }
    @Test func casesOfTheirOwn() throws { try run("cases", "points", "CASES", 0) }

    @Test func tortureAddsToItsTable() throws {
        let head =
            "| commit | date | row | points | distinct | failures | seconds |\n"
            + "|---|---|---|---|---|---|---|\n"
        let page = FileManager.default.temporaryDirectory.appendingPathComponent("torture-\(getpid()).md")
        defer { try? FileManager.default.removeItem(at: page) }
        try Data("before\n\n\(head)| abc | 2020-01-02 | power | 5 | 4 | 1 | 3 |\n\nafter\n".utf8).write(
            to: page)
        for seed in 1...2 {
            try run(
                "torture", "seconds", "", 1,
                [
                    "--only", "power", "--record", page.path, "--commit", "abc", "--date",
                    "2020-01-0\(seed + 2)",
                ])
        }
        let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 5 && lines.first == "before" && lines.last == "after")
        let cells = lines[3].split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        #expect(cells.count == 7 && cells[0] == "abc" && cells[1] == "2020-01-04" && cells[5] == "1")
        #expect(Int(cells[3]).map { $0 > 5 } == true && Int(cells[4]).map { $0 > 4 } == true)
    }

    private let kinds = ["--kind", "all"]

    private func run(
        _ campaign: String, _ unit: String, _ variable: String, _ usual: Int, _ more: [String] = [],
        failing: Bool = false
    ) throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["IPLDSTORE_FAULTS_\(variable)"] ?? "\(usual)"
        let seed = environment["IPLDSTORE_FAULTS_SEED"] ?? "1"
        let process = Process()
        // A campaign that hangs ends with all its processes, and says so; a longer one is given its time.
        let limit = environment["IPLDSTORE_FAULTS_\(variable)"] == nil ? "300" : "0"
        process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
        process.arguments =
            ["--kill-after=10", limit, try worker(environment).path]
            + [campaign, "--\(unit)", count, "--seed", seed] + more
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        if failing {
            #expect(
                process.terminationStatus == 1 && output.contains("replay: "), "nothing was found: \(output)")
            return
        }
        print(output, terminator: "")
        #expect(
            process.terminationStatus == 0, "\(process.terminationStatus == 124 ? "hung: " : "")\(output)")
    }

    /// Built beside the tests.
    private func worker(_ environment: [String: String]) throws -> URL {
        if let path = environment["IPLDSTORE_FAULT_WORKER"] { return URL(fileURLWithPath: path) }
        let beside = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folders = [beside, CommandLine.arguments[0]].map {
            URL(fileURLWithPath: $0).deletingLastPathComponent()
        }
        let found = folders.map { $0.appendingPathComponent("fault-worker") }.first {
            FileManager.default.isExecutableFile(atPath: $0.path)
        }
        return try #require(
            found, "fault-worker is not beside the tests: build it, or set IPLDSTORE_FAULT_WORKER")
    }
}
