import TestSupport
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
        let half = try source.open(branch: "half")
        try half.restore("a", from: "a/0", of: version)
        try source.commit(half, to: "half", message: "")
        let shared = try source.usage(ofBranch: "main") { (count) throws(StoreError) in
            #expect(count >= heard)
            heard = count
        }
        #expect(shared.logicalBytes == bytes && shared.sharedBytes == bytes)
        #expect(heard > 39)
    }

    /// What a copy finds there stays until it is named, whoever drops it meanwhile.
    @Test func whatIsThereAlreadyStaysForTheCopy() throws {
        let version = try commit(source, "1")
        _ = try target.copyVersion(version, from: source, toBranch: "old")
        var isGone = false
        _ = try target.copyVersion(
            version, from: source, toBranch: "new",
            progress: { (_) throws(StoreError) in
                guard !isGone else { return }
                isGone = true
                try target.removeBranch("old")
                for _ in 0..<3 { _ = try here.store.gc() }
            })
        #expect(try isGone && target.open(branch: "new").read("file").count == 1000)
        #expect(try here.store.verify().isClean)
    }

    /// Also when that was a base's, or a root that nobody held the history of.
    @Test func whatABranchHadBeforeItWasForcedIsHeld() throws {
        let path = here.directory + "/layer"
        let own = try commit(target, "own")
        try LayeredStore.create(at: path, over: [here.directory + "/store"])
        let layer = try ContentStore.open(at: path)
        let other = try commit(source, "2")
        #expect(
            try FileSystem(layer).copyVersion(other, from: source, toBranch: "main", force: true).wasForced)
        try here.store.copy(own, from: here.store, asRoot: "fs/branch/raw")
        try target.removeBranch("main")
        #expect(try target.copyVersion(other, from: source, toBranch: "raw", force: true).wasForced)
        for _ in 0..<3 { _ = try (layer.gc(), here.store.gc()) }
        for (files, name) in [(FileSystem(layer), "main"), (target, "raw")] {
            #expect(try files.store.holds(owner: "fs/branch/\(name)").contains { $0.cid == own })
            #expect(try files.open(own).read("file").count == 3000)
        }
    }

    @Test func aNameThatIsTakenIsFoundBeforeAnythingIsCopied() throws {
        let version = try commit(source, "1")
        try target.setTag("main", to: try commit(target, "other", to: "dev"))
        let before = try here.store.stat().blocks
        #expect(thrownCode { _ = try copy() } == .exists)
        #expect(thrownCode { _ = try target.copyVersion(version, from: source, toTag: "dev") } == .exists)
        #expect(try here.store.stat().blocks == before && !here.store.has(version))
    }

    @Test func aTagOfABaseIsMovedInTheLayer() throws {
        let first = try commit(target, "1")
        try target.setTag("v1", to: first)
        let path = here.directory + "/layer"
        try LayeredStore.create(at: path, over: [here.directory + "/store"])
        let layer = FileSystem(try ContentStore.open(at: path))
        let second = try commit(source, "2")
        #expect(thrownCode { _ = try layer.copyVersion(second, from: source, toTag: "v1") } == .exists)
        _ = try layer.copyVersion(second, from: source, toTag: "v1", moving: true)
        #expect(try layer.tag("v1") == second && target.tag("v1") == first)
        // What only the base has is all kept by something else.
        let usage = try layer.usage(ofBranch: "main")
        #expect(usage.logicalBytes == 1000 && usage.sharedBytes == 1000 && usage.exclusiveBlocks == 0)
    }

    @Test func aBranchIsMadeByForkingNotByCommitting() throws {
        let version = try commit(source, "1")
        let workspace = try source.open(branch: "main").tick(ticking)
        try workspace.write("more", [1])
        let before = try there.store.stat()
        #expect(thrownCode { _ = try source.commit(workspace, to: "dev", message: "") } == .notFound)
        #expect(try there.store.stat().holds == before.holds && there.store.stat().roots == before.roots)
        try source.fork("dev", at: version)
        _ = try source.commit(workspace, to: "dev", message: "")
        #expect(try source.open(branch: "dev").read("more") == [1])
    }

    /// They are not kept in memory while others are looked for, and are said all the same.
    @Test func longMessagesComeWhole() throws {
        let long = String(repeating: "m", count: 5000)
        for text in ["1", long, "3"] { try commit(source, text) }
        #expect(try log(source) == ["3", long, "1"])
        #expect(try copy().versions == 3 && log(target) == ["3", long, "1"])
    }
}
