import TestSupport
import Testing

@testable import IpldEngine
@testable import MonoFS

@Suite struct VersionMergeTests {
    private let test: TestStore
    private let files: FileSystem
    private let ticking = Ticking()

    init() throws {
        test = try TestStore()
        files = FileSystem(test.store)
    }

    @discardableResult
    private func commit(_ branch: String, _ changes: [FilePath: String], sync: SyncType? = nil) throws -> CID
    {
        let workspace = try files.open(branch: branch).tick(ticking)
        if let sync { try workspace.setSync(.root, sync) }
        for (path, text) in changes.sorted(by: { $0.key.bytes.precedes($1.key.bytes) }) {
            if text.isEmpty { try workspace.removeTree(path) } else { try workspace.write(path, bytes(text)) }
        }
        return try files.commit(workspace, to: branch, message: "\(branch) \(changes.count)")
    }

    private func text(_ branch: String, _ path: FilePath) throws -> String? {
        let workspace = try files.open(branch: branch)
        guard try workspace.lookup(path) != nil else { return nil }
        return String(decoding: try workspace.read(path), as: UTF8.self)
    }

    @Test func aForkIsMergedBack() throws {
        let first = try commit("main", ["a": "1", "b": "1"])
        try files.fork("dev", at: first)
        let dev = try commit("dev", ["a": "2"])
        // Nothing of its own: the branch moves.
        guard case .fastForward(dev) = try files.merge(dev, into: "main") else {
            Issue.record("no fast-forward")
            return
        }
        guard case .upToDate = try files.merge(first, into: "main") else {
            Issue.record("merged what it has")
            return
        }
        let main = try commit("main", ["b": "2"])
        let more = try commit("dev", ["c": "1"])
        guard case .merged(let version, let conflicts) = try files.merge(more, into: "main") else {
            Issue.record("no merge")
            return
        }
        #expect(conflicts.isEmpty)
        #expect(
            try files.version(version).previous == [main, more] && files.version(version).generation == 4)
        #expect(try text("main", "a") == "2" && text("main", "b") == "2" && text("main", "c") == "1")
        // What came with it stays when the branch that it came from goes.
        try files.removeBranch("dev")
        _ = try test.store.gc()
        var count = 0
        let history = try files.history(from: version)
        while try history.next() != nil { count += 1 }
        #expect(count == 5 && !history.isCut)
    }

    @Test func conflictsChangeNothingUntilTheyAreDecided() throws {
        let first = try commit("main", ["a": "1"])
        try files.fork("dev", at: first)
        let dev = try commit("dev", ["a": "2"])
        let main = try commit("main", ["a": "3"])
        guard case .conflicts(let conflicts) = try files.merge(dev, into: "main") else {
            Issue.record("no conflict")
            return
        }
        #expect(conflicts.count == 1 && conflicts[0].path == "a")
        #expect(try files.branch("main") == main)
        // By hand.
        let (workspace, again) = try files.merge(main, dev)
        #expect(again.count == 1)
        try workspace.write("a", bytes("2 and 3"))
        let version = try files.commit(workspace, to: "main")
        #expect(try files.version(version).previous == [main, dev])
        #expect(try text("main", "a") == "2 and 3")
        guard case .upToDate = try files.merge(dev, into: "main") else {
            Issue.record("merged what it has")
            return
        }
        #expect(thrownCode { _ = try files.merge(dev, into: "nowhere") } == .notFound)
    }

    /// Each was merged into the other once: two ancestors, of which neither leads to the other.
    @Test func severalAncestorsAreOne() throws {
        let first = try commit("a", ["x": "0", "y": "0", "z": "0"])
        try files.fork("b", at: first)
        let a1 = try commit("a", ["x": "a"])
        let b1 = try commit("b", ["y": "b"])
        _ = try files.merge(b1, into: "a")
        _ = try files.merge(a1, into: "b")
        let a2 = try commit("a", ["z": "a"])
        let b2 = try commit("b", ["x": "bb", "w": "b"])
        #expect(try files.commonAncestors(a2, b2).count == 2)
        guard case .merged(_, let conflicts) = try files.merge(b2, into: "a") else {
            Issue.record("no merge")
            return
        }
        #expect(conflicts.isEmpty)
        #expect(try ["w", "x", "y", "z"].map { try text("a", try FilePath($0)) } == ["b", "bb", "b", "a"])
    }

    /// What two ancestors disagree about is not decided by chance.
    @Test func ancestorsThatDisagreeAreAConflict() throws {
        let first = try commit("a", ["x": "0", "keep": "0"])
        try files.fork("b", at: first)
        let a1 = try commit("a", ["x": "a"])
        let b1 = try commit("b", ["x": "b"])
        _ = try files.merge(b1, into: "a", policy: .ours)
        _ = try files.merge(a1, into: "b", policy: .ours)
        let a2 = try commit("a", ["x": ""])
        let b2 = try commit("b", ["keep": "1"])
        #expect(try files.commonAncestors(a2, b2).count == 2)
        guard case .conflicts(let conflicts) = try files.merge(b2, into: "a") else {
            Issue.record("no conflict")
            return
        }
        #expect(conflicts.map(\.path) == ["x"])
    }

    @Test func treesWithNothingInCommonAreMergedNameByName() throws {
        let one = try commit("one", ["same": "1", "mine": "1", "both": "1"])
        let two = try commit("two", ["same": "1", "yours": "1", "both": "2"])
        #expect(try files.commonAncestors(one, two).isEmpty)
        let (workspace, conflicts) = try files.merge(one, two)
        #expect(conflicts.map(\.path) == ["both"] && conflicts[0].kind == .bothAdded)
        #expect(try workspace.list("/").count == 4)
        workspace.abort()
    }

    @Test func branchesOfTypeCRDTMeetInOneVersion() throws {
        let first = try commit("a", ["file": "0"], sync: .merkleCRDT)
        try files.fork("b", at: first)
        let a1 = try commit("a", ["file": "a", "x": "1"])
        let b1 = try commit("b", ["file": "b", "y": "1"])
        let time = Timestamp(seconds: 9)
        guard case .merged(let va, _) = try files.merge(b1, into: "a", time: time),
            case .merged(let vb, _) = try files.merge(a1, into: "b", time: time)
        else {
            Issue.record("no merge")
            return
        }
        #expect(va == vb)
    }

    @Test func oldTombstonesGo() throws {
        try commit("main", ["a": "1", "c": "1"])
        let before = try commit("main", ["a": ""])
        let last = try commit("main", ["c": ""])
        #expect(try files.open(last).list("/", includingTombstones: true).count == 2)
        let time = try files.version(before).time
        let (version, dropped) = try files.compactTombstones("main", before: time)
        #expect(dropped == 1)
        #expect(
            try files.open(version).list("/", includingTombstones: true).map(\.name.description) == ["c"])
        #expect(try files.open(version).status("/").below?.totals.tombstones == 1)
        #expect(try files.compactTombstones("main", beforeVersion: before).dropped == 0)
        #expect(try files.branch("main") == version)
    }

    @Test func tombstonesThatABranchHasNotSeenStay() throws {
        try commit("a", ["f": "1"], sync: .merkleCRDT)
        let workspace = try files.open(branch: "a").tick(ticking)
        try workspace.createDirectory("d")
        try workspace.write("d/g", bytes("1"))
        let second = try files.commit(workspace, to: "a")
        try files.fork("b", at: second)
        let removed = try commit("a", ["f": "", "d": ""])
        let later = Timestamp(seconds: 1 << 40) ?? .zero
        #expect(try files.compactTombstones("a", before: later).dropped == 0)
        _ = try files.merge(removed, into: "b")
        // Both have seen them: of the two names, and of what was in the directory.
        #expect(try files.compactTombstones("a", before: later).dropped == 3)
        #expect(try files.open(branch: "a").list("/", includingTombstones: true).isEmpty)
        #expect(try text("b", "f") == nil)
    }

    /// A named defect: the version that was kept after a conflict brought back what was removed.
    @Test func tombstonesThatAVersionBesideABranchHasNotSeenStay() throws {
        let first = try commit("a", ["x": "1"], sync: .merkleCRDT)
        let later = Timestamp(seconds: 1 << 40) ?? .zero
        let late = try files.open(branch: "a").tick(ticking)
        try late.write("y", bytes("1"))
        try commit("a", ["x": ""])
        #expect(thrownCode { try files.commit(late, to: "a") } == .conflict)
        let refused = try #require(late.version)
        #expect(try files.compactTombstones("a", before: later).dropped == 0)
        _ = try files.merge(refused, into: "a")
        #expect(try text("a", "x") == nil && text("a", "y") == "1")

        // Nor one that came too late for a branch that is gone.
        try files.fork("c", at: first)
        let orphan = try commit("c", ["z": "1"])
        try test.store.retain(orphan, owner: "fs/branch/b")
        try files.removeBranch("c")
        #expect(try files.compactTombstones("a", before: later).dropped == 0)
        _ = try files.merge(orphan, into: "a")
        #expect(try text("a", "x") == nil && text("a", "z") == "1")
        try files.removeBranch("b")
        // Nor one that a tag alone keeps; what led to the newest of a branch is of it.
        try files.setTag("first", to: first)
        try test.store.setRoot("fs/tag/none", to: try test.store.putNode(.integer(7)))
        try files.fork("d", at: first)
        try files.setTag("late", to: try commit("d", ["w": "1"]))
        try files.removeBranch("d")
        #expect(try files.compactTombstones("a", before: later).dropped == 0)
        _ = try files.merge(try #require(try files.tag("late")), into: "a")
        #expect(try text("a", "x") == nil && text("a", "w") == "1")
        #expect(try files.compactTombstones("a", before: later).dropped == 1)
    }

    /// A named defect: each tombstone was looked up from the root of each tree.
    @Test func tombstonesCostNothingInTreesThatHaveTheSame() throws {
        let fixture = try MergeFixture()
        let start = try fixture.tree(sync: .merkleCRDT) { (workspace) in
            try workspace.createDirectories("d/e")
            for number in 0..<400 { try workspace.write(try FilePath("d/e/\(number)"), [1]) }
            for number in 0..<400 { try workspace.remove(try FilePath("d/e/\(number)")) }
            try workspace.write("d/e/stays", [1])
        }
        let others = try (0..<10).map { (number) in
            try fixture.tree(on: start) { try $0.write(try FilePath("d/\(number)"), [1]) }
        }
        func blocks(_ others: [Entry]) throws -> UInt64 {
            let source = TreeSource(fixture.test.store, fixture.batch)
            var compaction = TombstoneCompaction(
                source, before: Timestamp(seconds: 1 << 40) ?? .zero, others: others)
            let result = try compaction.run(start)
            #expect(compaction.dropped == 400 && result.below?.totals.tombstones == 0)
            return source.blocksRead
        }
        let alone = try blocks([])
        #expect(try blocks(others) <= alone + 40)
    }

    /// Of any trees: those go, and only those, that nobody needs, looked up one by one.
    @Test(arguments: 1...20) func tombstonesThatNobodyNeedsGo(seed: UInt64) throws {
        let fixture = try MergeFixture(seed: seed)
        var random = SplitMix(state: seed &* 7_907)
        func change(_ root: Entry?, _ count: Int) throws -> Entry {
            try fixture.tree(on: root, sync: .merkleCRDT) {
                RandomChanges.make($0, &random, count: random.below(count))
            }
        }
        for _ in 0..<10 {
            let start = try change(nil, 30)
            let own = try change(start, 30)
            var others = try (0..<random.below(4)).map { _ in
                try change(random.below(2) == 0 ? own : start, 6)
            }
            // Who has seen all of it.
            for index in others.indices where random.below(3) > 0 {
                others[index] = try fixture.merge(nil, others[index], own).root
            }
            let limit = Timestamp(seconds: random.below(3) == 0 ? own.modified.seconds - 8 : 1 << 40) ?? .zero
            var compaction = TombstoneCompaction(fixture.source, before: limit, others: others)
            let result = try compaction.run(own)
            let before = try fixture.flat(own, tombstones: true)
            var stays: Set<FilePath> = []
            // What is below a name comes before it.
            for (path, entry) in before.sorted(by: { $0.key.components.count > $1.key.components.count })
            where entry.isTombstone {
                let seen = Set(entry.replica?.seen ?? [])
                let isNeeded = try others.contains { (other) in
                    let there = try fixture.source.entry(path.components, below: other)
                    return there.map { !seen.isSubset(of: $0.replica?.seen ?? []) } ?? false
                }
                let holds = stays.contains {
                    $0.components.count > path.components.count && $0.components.starts(with: path.components)
                }
                if entry.modified >= limit || holds || entry.sync == .merkleCRDT && isNeeded {
                    stays.insert(path)
                }
            }
            let after = try fixture.flat(result, tombstones: true)
            #expect(Set(after.filter { $0.value.isTombstone }.keys) == stays)
            #expect(try fixture.flat(result).keys == fixture.flat(own).keys)
            #expect(compaction.dropped == UInt64(before.values.filter(\.isTombstone).count - stays.count))
        }
    }

    @Test func aLayerHidesWhatItHasTombstonesFor() throws {
        try commit("base", ["shown": "1", "hidden": "1"])
        let workspace = try files.open(branch: "base").tick(ticking)
        try workspace.createDirectories("d/e")
        try workspace.write("d/below", bytes("1"))
        try workspace.createDirectory("opaque")
        try workspace.write("opaque/below", bytes("1"))
        let second = try files.commit(workspace, to: "base")
        let layer = try Workspace(test.store).tick(ticking)
        for name in ["hidden", "new"] { try layer.write(try FilePath(name), bytes("layer")) }
        try layer.remove("hidden")
        try layer.createDirectories("d/f")
        try layer.setMode("d", 0o700)
        try layer.createDirectory("opaque")
        try layer.setAttribute("opaque", bytes("trusted.overlay.opaque"), to: .bytes(bytes("y")))
        let top = try files.commit(layer, to: "layer")
        let union = try files.overlay(top, over: second)
        #expect(try union.list("/").map(\.name.description) == ["d", "new", "opaque", "shown"])
        #expect(try union.list("d").map(\.name.description) == ["below", "e", "f"])
        #expect(try union.status("d").mode == 0o700 && union.list("opaque").isEmpty)
        let tree = try union.storeTree()
        try union.batch().hold(tree)
        try union.batch().commit()
        #expect(try rebuilt(tree, test.store) == tree)
    }

    /// Two forks of many files with a hundred changes each read what they changed.
    @Test func aMergeReadsInProportionToTheChanges() throws {
        let tree = try LargeTree.make(test.store, directories: 400, files: 250)
        let batch = try test.store.makeBatch()
        let first = try files.commit(tree: tree, in: batch, to: "main", previous: [])
        try files.fork("dev", at: first)
        for (branch, offset) in [("main", 0), ("dev", 1)] {
            let workspace = try files.open(branch: branch).tick(ticking)
            for number in 0..<100 {
                try workspace.write(LargeTree.path(number * 4 + offset * (number % 2), 100 + offset), [9])
            }
            _ = try files.commit(workspace, to: branch)
        }
        let (ours, theirs) = (try #require(try files.branch("main")), try #require(try files.branch("dev")))
        let source = try TreeSource(test.store)
        let merge = try TreeMerge(source, .report, isBaseWhole: true)
        let result = try merge.merge(
            source.root(of: first), source.root(of: ours), source.root(of: theirs))
        #expect(result.conflicts.isEmpty)
        #expect(result.root.below?.totals.entries == 400 * 251)
        // Of each of the 150 directories that were changed, on each of three sides, a root and a leaf or two.
        #expect(source.blocksRead < 1400, "\(source.blocksRead)")
        source.batch?.abort()
    }
}
