import Testing

@testable import IpldEngine
@testable import MonoFS

@Suite struct BranchCopyTests {
    private let here: TestStore
    private let there: TestStore
    private let target: FileSystem
    private let source: FileSystem
    private let ticking = Ticking()

    init() throws {
        (here, there) = (try TestStore(), try TestStore())
        (target, source) = (FileSystem(here.store), FileSystem(there.store))
    }

    @discardableResult
    private func commit(_ files: FileSystem, _ text: String, to branch: String = "main") throws -> CID {
        let workspace = try files.open(branch: branch).tick(ticking)
        try workspace.write("file", bytes(String(repeating: text, count: 1000)))
        return try files.commit(workspace, to: branch, message: text)
    }

    private func log(_ files: FileSystem, _ branch: String = "main") throws -> [String] {
        let history = try files.history(from: try #require(try files.branch(branch)))
        var messages: [String] = []
        while let next = try history.next() { messages.append(next.version.message) }
        return messages
    }

    private func copy(_ branch: String = "main", limit: Int = .max, force: Bool = false) throws
        -> BranchCopyReport
    {
        let version = try #require(try source.branch(branch))
        return try target.copyVersion(
            version, from: source, toBranch: branch, limit: limit, force: force)
    }

    @Test func aBranchComesWithItsHistoryAndGoesOnFromThere() throws {
        for text in ["1", "2", "3"] { try commit(source, text) }
        #expect(try copy().versions == 3)
        #expect(try log(target) == ["3", "2", "1"])
        try commit(source, "4")
        let next = try copy()
        #expect(next.versions == 1 && !next.wasForced)
        #expect(try log(target) == ["4", "3", "2", "1"])
        let again = try copy()
        #expect(again.versions == 0 && again.blocks == CopyReport())
        // It keeps all of it by itself, once.
        #expect(try here.store.holds(owner: "fs/branch/main").map(\.count) == [1, 1, 1, 1])
        #expect(try here.store.holds().count == 4)
        _ = try here.store.gc()
        #expect(try target.open(branch: "main").read("file").count == 1000 && log(target).count == 4)
        try target.removeBranch("main")
        _ = try here.store.gc()
        #expect(try here.store.stat().blocks == 0)
    }

    /// Whatever of the branch was to come first then, and whether or not it still comes.
    @Test(arguments: [Int.max, 1])
    func whatAStoppedCopyLeftGoesAlsoWhenTheBranchHasMoved(_ limit: Int) throws {
        var random = SplitMix(state: 3)
        let workspace = try source.open(branch: "main").tick(ticking)
        try workspace.write("large", random.bytes(2_000_000))
        let version = try source.commit(workspace, to: "main", message: "large")
        here.store.copyStep = 100_000
        let stopped = thrownCode {
            _ = try target.copyVersion(
                version, from: source, toBranch: "main",
                progress: { (visited) throws(StoreError) in
                    if visited > 15 { throw StoreError(.cancelled, "half way") }
                })
        }
        #expect(try stopped == .cancelled && here.store.holds().map(\.owner).contains("copy:\(version)"))
        try commit(source, "moved")
        #expect(try copy(limit: limit).blocks.bytes < 1_700_000)
        #expect(try Set(here.store.holds().map(\.owner)) == ["fs/branch/main"])
        if limit == .max {
            // One that died when all was there and named.
            try here.store.retain(version, owner: "copy:\(version)")
            #expect(try copy().versions == 0 && here.store.holds().count == 2)
        }
        try target.removeBranch("main")
        _ = try here.store.gc()
        #expect(try here.store.stat().blocks == 0)
    }

    @Test func aBranchThatHasVersionsOfItsOwnIsNotOverwritten() throws {
        try commit(source, "1")
        _ = try copy()
        let own = try commit(target, "own")
        let other = try commit(source, "2")
        #expect(thrownCode { _ = try copy() } == .conflict)
        #expect(try target.branch("main") == own)
        #expect(try !here.store.has(other))
        let forced = try copy(force: true)
        #expect(forced.wasForced && forced.versions == 1)
        #expect(try target.branch("main") == other && log(target) == ["2", "1"])
        // What it had is not lost.
        #expect(try here.store.holds(owner: "fs/branch/main").contains { $0.cid == own })
        // One that is behind is not put back either.
        try commit(target, "3")
        #expect(thrownCode { _ = try copy() } == .conflict)
    }

    @Test func aMergedBranchIsForwardOfWhatWasMerged() throws {
        let first = try commit(source, "1")
        _ = try copy()
        try source.fork("dev", at: first)
        let dev = try commit(source, "2", to: "dev")
        let workspace = try source.open(branch: "main").tick(ticking)
        try workspace.write("more", [1])
        _ = try source.commit(workspace, to: "main", message: "more")
        _ = try source.merge(dev, into: "main", message: "merge")
        #expect(try copy().versions == 3)
        #expect(try log(target).first == "merge" && log(target).count == 4)
    }

    @Test func onlySoMuchOfAHistoryComesAsIsWantedAndThere() throws {
        for text in ["1", "2", "3", "4"] { try commit(source, text) }
        _ = try source.prune("main", RetentionRules(last: 3))
        #expect(try copy(limit: 2).versions == 2)
        #expect(try log(target) == ["4", "3"])
        try commit(source, "5")
        // What is between is looked for in both.
        #expect(try copy(limit: 1).versions == 1)
        #expect(try copy().versions == 1)
        #expect(try log(target) == ["5", "4", "3", "2"])
    }

    @Test func aTagIsNotMovedUnlessThatIsSaid() throws {
        let first = try commit(source, "1")
        _ = try target.copyVersion(first, from: source, toTag: "v1")
        let second = try commit(source, "2")
        #expect(thrownCode { _ = try target.copyVersion(second, from: source, toTag: "v1") } == .exists)
        #expect(try target.tag("v1") == first && !here.store.has(second))
        #expect(try target.copyVersion(second, from: source, toTag: "v1", moving: true).wasForced)
        #expect(try target.tag("v1") == second)
        // Names are not shared here either.
        #expect(thrownCode { _ = try target.copyVersion(second, from: source, toBranch: "v1") } == .exists)
    }

    /// Logical and shared bytes are those of the newest tree; all of the history would be freed.
    @Test func whatABranchTakesIsSaid() throws {
        for text in ["1", "2", "3"] { try commit(source, text) }
        let all = try source.usage(ofBranch: "main")
        #expect(all.logicalBytes == 1000 && all.sharedBytes == 0)
        #expect(try all.exclusiveBlocks == there.store.stat().blocks)
        try source.fork("dev", at: try #require(try source.branch("main")))
        let shared = try source.usage(ofBranch: "main")
        #expect(shared.logicalBytes == 1000 && shared.sharedBytes == 1000)
        #expect(shared.exclusiveBlocks > 0 && shared.exclusiveBlocks < all.exclusiveBlocks)
        let before = try there.store.stat().blocks
        try source.removeBranch("main")
        _ = try there.store.gc()
        #expect(try before - there.store.stat().blocks == shared.exclusiveBlocks)
        #expect(thrownCode { _ = try source.usage(ofBranch: "main") } == .notFound)
    }

    /// Entered by each of their paths, these would never end.
    @Test func copiesWithinOneAnotherAreCountedOnce() throws {
        let workspace = try source.open(branch: "main").tick(ticking)
        try workspace.createDirectory("a")
        try workspace.write("a/file", bytes(String(repeating: "x", count: 1000)))
        for number in 0..<40 { try workspace.copy("a", to: try FilePath("a/\(number)")) }
        let version = try source.commit(workspace, to: "main", message: "")
        let bytes = UInt64(1000) << 40
        let all = try source.usage(ofBranch: "main")
        #expect(all.logicalBytes == bytes && all.sharedBytes == 0)
        var heard: UInt64 = 0
        let alone = try source.open(version)
        try alone.removeTree("a/39")
        try source.fork("half", at: try source.commit(alone, to: "other", message: ""))
        let shared = try source.usage(ofBranch: "main") { (count) throws(StoreError) in
            #expect(count >= heard)
            heard = count
        }
        #expect(shared.logicalBytes == bytes && shared.sharedBytes == bytes)
        #expect(heard > 40)
    }
}
