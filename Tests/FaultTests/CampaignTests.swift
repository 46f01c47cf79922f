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
    @Test func layersSurviveTheirUsers() throws { try run("layers", "points", "LAYERS", 50) }
    @Test func casesOfTheirOwn() throws { try run("cases", "points", "CASES", 0) }

    private let kinds = ["--kind", "all"]

    private func run(
        _ campaign: String, _ unit: String, _ variable: String, _ usual: Int, _ more: [String] = []
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
