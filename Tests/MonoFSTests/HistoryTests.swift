import TestSupport
import Testing

@testable import IpldEngine
@testable import MonoFS

@Suite struct HistoryTests {
    private let test: TestStore
    private let files: FileSystem
    private let ticking = Ticking()

    init() throws {
        test = try TestStore()
        files = FileSystem(test.store)
    }

    /// One more version of a branch, in which a file has this content.
    @discardableResult
    private func commit(_ branch: String, _ path: FilePath, _ text: String) throws -> CID {
        let workspace = try files.open(branch: branch).tick(ticking)
        try workspace.write(path, bytes(text))
        return try files.commit(workspace, to: branch, message: text, author: "somebody")
    }

    private func log(_ version: CID) throws -> [String] {
        let history = try files.history(from: version)
        var messages: [String] = []
        while let next = try history.next() { messages.append(next.version.message) }
        return messages
    }

    @Test func aHistoryIsWalkedNewestFirst() throws {
        for number in 1...5 { try commit("main", "file", "\(number)") }
        let newest = try #require(try files.branch("main"))
        #expect(try log(newest) == ["5", "4", "3", "2", "1"])
        #expect(try files.version(newest).generation == 5)
        #expect(try files.version(newest).author == "somebody")
        #expect(try files.branches().map(\.name) == ["main"])
        // Storing the same tree again is the same version.
        let workspace = try files.open(branch: "main")
        #expect(try files.commit(workspace, to: "main") == newest)
        #expect(try files.history(from: newest).next()?.cid == newest)
        #expect(thrownCode { _ = try files.version(files.version(newest).tree) } == .invalid)
    }

    @Test func aPathsHistoryHasTheVersionsThatChangedIt() throws {
        try commit("main", "a", "a1")
        try commit("main", "b", "b1")
        try commit("main", "a", "a2")
        try commit("main", "b", "b2")
        let workspace = try files.open(branch: "main").tick(ticking)
        try workspace.remove("a")
        let last = try files.commit(workspace, to: "main", message: "gone")
        func messages(_ path: FilePath) throws -> [String] {
            let history = try files.history(of: path, from: last)
            var messages: [String] = []
            while let next = try history.next() {
                messages.append(next.version.message + (next.entry == nil ? " -" : ""))
            }
            return messages
        }
        #expect(try messages("a") == ["gone -", "a2", "a1"])
        #expect(try messages("b") == ["b2", "b1"])
        #expect(try messages("never") == [])
        #expect(try messages("b/below") == [])
    }

    /// A named defect: the history ended with an error where links led back to themselves.
    @Test func aPathThroughLinksThatLeadNowhereHasNothing() throws {
        let workspace = try files.open(branch: "main").tick(ticking)
        func make(_ message: String, _ change: () throws -> Void) throws -> CID {
            try workspace.removeTree("a")
            try change()
            return try files.commit(workspace, to: "main", message: message)
        }
        try workspace.createDirectories("a/b")
        try files.commit(workspace, to: "main", message: "1")
        _ = try make("2") { try workspace.createSymlink("a", to: bytes("a")) }
        _ = try make("3") { try workspace.createSymlink("a", to: bytes("l0")) }
        for number in 0...Workspace.maximumLinks {
            try workspace.createSymlink(try FilePath("l\(number)"), to: bytes("l\(number + 1)"))
        }
        try files.commit(workspace, to: "main", message: "4")
        let last = try make("5") { try workspace.createDirectories("a/b") }
        let history = try files.history(of: "a/b", from: last)
        var messages: [String] = []
        while let next = try history.next() { messages.append(next.version.message) }
        #expect(messages == ["5", "2", "1"])
    }

    @Test func twoCommittersCannotOverwriteEachOther() throws {
        try commit("main", "file", "1")
        let one = try files.open(branch: "main").tick(ticking)
        let two = try files.open(branch: "main").tick(ticking)
        try one.write("one", [1])
        try two.write("two", [2])
        let first = try files.commit(one, to: "main", message: "one")
        let error = thrownError { try files.commit(two, to: "main", message: "two") }
        #expect(error?.code == .conflict)
        #expect(try files.branch("main") == first)
        // What was refused is there, and can be made a branch, or merged.
        let refused = try #require(two.version)
        #expect(error?.message.contains(refused.description) == true)
        _ = try test.store.gc()
        try files.fork("second", at: refused)
        #expect(try log(refused) == ["two", "1"])
        #expect(try files.open(branch: "second").read("two") == [2])
        // A workspace goes on after its commit.
        try one.write("one", [3])
        #expect(try log(files.commit(one, to: "main", message: "again")) == ["again", "one", "1"])
    }

    @Test func aConflictNamesTheVersionThatWasMadeOrNone() throws {
        try commit("main", "file", "1")
        let (late, refused) = (try files.open(branch: "main"), try files.open(branch: "main"))
        let wanted = try files.open(branch: "main")
        let old = try #require(late.version)
        let second = try commit("main", "file", "2")
        // Nothing new, and the branch is elsewhere.
        let error = thrownError { try files.commit(late, to: "main") }
        #expect(error?.code == .conflict && error?.message.contains(old.description) == false)
        #expect(late.refusedVersion == nil)
        // The batch itself is refused: no version.
        try refused.write("other", [1])
        try test.store.setRoot("taken", to: second)
        try refused.batch().setRoot("taken", to: nil, expecting: .absent)
        let versions = try test.store.holds(owner: "fs/branch/main").count
        #expect(thrownCode { try files.commit(refused, to: "main") } == .conflict)
        #expect(refused.refusedVersion == nil)
        // It is not to be kept.
        try wanted.write("other", [1])
        #expect(thrownCode { try files.commit(wanted, to: "main", keepingRefused: false) } == .conflict)
        #expect(wanted.refusedVersion == nil)
        #expect(try test.store.holds(owner: "fs/branch/main").count == versions)
        #expect(try files.branch("main") == second)
    }

    @Test func aBranchAndATagDoNotShareAName() throws {
        let first = try commit("main", "file", "1")
        try files.setTag("v1", to: first)
        #expect(thrownCode { try files.setTag("main", to: first) } == .exists)
        #expect(thrownCode { try files.setTag("main", to: first, moving: true) } == .exists)
        #expect(thrownCode { try files.fork("v1", at: first) } == .exists)
        #expect(thrownCode { _ = try files.createBranch("v1") } == .exists)
        let workspace = try Workspace(test.store)
        try workspace.write("file", [1])
        #expect(thrownCode { try files.commit(workspace, to: "v1") } == .exists)
        #expect(try files.branches().map(\.name) == ["main"] && files.tags().map(\.name) == ["v1"])
        #expect(try test.store.holds(owner: "fs/branch/v1").isEmpty)
        // A store of before can have both: the name is the branch.
        let second = try commit("main", "file", "2")
        try test.store.setRoot("fs/tag/main", to: first)
        #expect(try files.resolve("main") == second && files.resolve("fs/tag/main") == first)
        try files.setTag("main", to: second, moving: true)
        try commit("main", "file", "3")
    }

    @Test func versionsAreNamedByHowFarBackAndByTheBeginningOfACID() throws {
        var versions: [CID] = []
        for number in 1...4 { versions.append(try commit("main", "file", "\(number)")) }
        #expect(try files.resolve("main~") == versions[2] && files.resolve("main~0") == versions[3])
        #expect(try files.resolve("main~3") == versions[0] && files.resolve("main~1~2") == versions[0])
        #expect(try files.resolve("\(versions[2])~2") == versions[0])
        #expect(thrownCode { _ = try files.resolve("main~4") } == .notFound)
        #expect(thrownCode { _ = try files.resolve("main~x") } == .notFound)
        // What is called so comes first: only a root can be.
        for name in ["main~2", "main~", "~1~0"] {
            #expect(thrownCode { try files.fork(name, at: versions[0]) } == .invalid)
            #expect(thrownCode { try files.setTag(name, to: versions[0]) } == .invalid)
        }
        try files.fork("~2", at: versions[0])
        try test.store.setRoot("main~2", to: versions[0])
        #expect(try files.resolve("main~2") == versions[0])
        let text = versions[1].description
        var short = String(text.prefix(9))
        while versions.filter({ $0.description.hasPrefix(short) }).count > 1 {
            #expect(thrownCode { _ = try files.resolve(short) } == .invalid)
            short = String(text.prefix(short.count + 1))
        }
        #expect(try files.resolve(short) == versions[1])
        #expect(thrownCode { _ = try files.resolve(String(text.prefix(8))) } == .notFound)
        #expect(thrownCode { _ = try files.resolve("bbbbbbbbbbbbbbbb") } == .notFound)
    }

    /// A named defect: what is about to go was named, and whoever kept it was told of a loss.
    @Test func aVersionThatWasPrunedIsNotNamedWhileItCanBeReadStill() throws {
        var versions: [CID] = []
        for number in 1...3 { versions.append(try commit("main", "file", "\(number)")) }
        let reader = try files.open(versions[1])
        #expect(try files.resolve("main~") == versions[1])
        _ = try files.prune("main", RetentionRules(last: 1))
        #expect(try reader.read("file") == bytes("2") && test.store.has(versions[1]))
        #expect(thrownCode { _ = try files.resolve("main~") } == .notFound)
        #expect(try files.resolve("main~0") == versions[2])
    }

    @Test func aForkIsABranchThatSharesEverything() throws {
        for number in 1...3 { try commit("main", "file", "\(number)") }
        let main = try #require(try files.branch("main"))
        let old = try #require(try files.version(main).previous.first)
        let blocks = try test.store.stat().blocks
        try files.fork("old", at: old)
        #expect(try test.store.stat().blocks == blocks)
        #expect(thrownCode { try files.fork("old", at: main) } == .exists)
        #expect(thrownCode { try files.fork("x", at: files.version(main).tree) } == .invalid)
        for name in ["", "a:b", "\n", main.description, String(repeating: "x", count: 201)] {
            #expect(thrownCode { try files.fork(name, at: main) } == .invalid, "\(name)")
        }
        #expect(try files.open(branch: "old").read("file") == bytes("2"))
        try commit("old", "other", "new")
        #expect(try files.open(branch: "main").lookup("other") == nil)
        #expect(try log(files.resolve("old")) == ["new", "2", "1"])
    }

    @Test func tagsStayWhereTheyAre() throws {
        let first = try commit("main", "file", "1")
        try files.setTag("v1", to: first)
        let second = try commit("main", "file", "2")
        #expect(try files.tag("v1") == first && files.resolve("v1") == first)
        #expect(thrownCode { try files.setTag("v1", to: second) } == .exists)
        try files.setTag("v1", to: second, moving: true)
        #expect(try files.tags() == [FileSystem.Reference(name: "v1", version: second)])
        try files.removeTag("v1")
        #expect(thrownCode { try files.removeTag("v1") } == .notFound)
    }

    /// Versions go, what only they had is given back, and nothing newer is written again.
    @Test func retentionDropsWhatNoRuleKeeps() throws {
        var versions: [CID] = []
        for number in 1...8 {
            let text = String(repeating: "\(number)", count: 3000)
            versions.append(try commit("main", "file", text))
        }
        try files.setTag("kept", to: versions[1])
        try files.fork("other", at: versions[2])
        let time = try files.version(versions[5]).time
        let rules = RetentionRules(last: 2, since: time)
        #expect(try files.prune("main", rules, dryRun: true).dropped.count == 4)
        #expect(try log(versions[7]).count == 8)
        let report = try files.prune("main", rules)
        #expect(report.kept == 3 && report.tagged == 1)
        #expect(Set(report.dropped) == [versions[0], versions[2], versions[3], versions[4]])
        for (number, isThere) in [false, true, true, false, false, true, true, true].enumerated() {
            #expect(try test.store.has(versions[number]) == isThere, "\(number + 1)")
        }
        #expect(try log(versions[7]).count == 3)
        do {
            let history = try files.history(from: versions[7])
            while try history.next() != nil {}
            #expect(history.isCut)
        }
        #expect(try files.open(branch: "other").read("file").count == 3000)
        // And when everything goes, nothing is left.
        try files.removeBranch("main")
        try files.removeBranch("other")
        try files.removeTag("kept")
        #expect(thrownCode { try files.removeBranch("main") } == .notFound)
        _ = try test.store.gc()
        let statistics = try test.store.stat()
        #expect(statistics.blocks == 0 && statistics.holds == 0 && statistics.roots == 0)
    }

    /// What it would have committed to is not made anew.
    @Test func aCommitThatComesAfterItsBranchWasRemovedLeavesNothing() throws {
        let (test, files) = (self.test, self.files)
        _ = try files.createBranch("main")
        var workspace: Workspace? = try files.open(branch: "main")
        try workspace?.write("file", [1])
        try files.removeBranch("main")
        #expect(thrownCode { if let workspace { try files.commit(workspace, to: "main") } } == .notFound)
        workspace = nil
        #expect(try test.store.stat().holds == 0)
        #expect(thrownCode { try files.removeBranch("main") } == .notFound)
        _ = try test.store.gc()
        #expect(try test.store.stat().blocks == 0)
    }

    /// Ancestors, against a search that knows no shortcuts.
    @Test(arguments: 1...30) func commonAncestorsAreFound(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let batch = try test.store.makeBatch()
        let tree = try batch.putTree(Entry(.directory(Directory())))
        var versions: [CID] = []
        var parents: [CID: [CID]] = [:]
        for number in 0..<30 {
            var previous: Set<CID> = []
            for _ in 0..<[0, 1, 1, 1, 2, 2, 3][random.below(7)] where !versions.isEmpty {
                previous.insert(versions[random.below(versions.count)])
            }
            // Clocks are wrong.
            var version = Version(
                tree: tree, previous: Array(previous),
                time: Timestamp(seconds: Int64(random.below(5))) ?? .zero, message: "\(number)")
            for cid in previous {
                version.generation = max(version.generation, try read(cid, batch).generation + 1)
            }
            versions.append(try batch.putVersion(version))
            parents[versions[number]] = version.previous
        }
        for a in versions {
            for b in versions {
                let common = reach(a, parents).intersection(reach(b, parents))
                let best = common.filter { candidate in
                    !common.contains { $0 != candidate && reach($0, parents).contains(candidate) }
                }
                let found = try Ancestry(TreeSource(test.store, batch)).common(a, b)
                #expect(found == best.sorted())
            }
        }
    }

    private func reach(_ cid: CID, _ parents: [CID: [CID]]) -> Set<CID> {
        var found: Set<CID> = []
        var pending = [cid]
        while let next = pending.popLast() {
            if found.insert(next).inserted { pending += parents[next] ?? [] }
        }
        return found
    }

    private func read(_ cid: CID, _ batch: Batch) throws -> Version {
        try #require(try TreeSource(test.store, batch).version(cid))
    }

    /// The epoch counts transactions that write.
    @Test func aCommitIsOneTransactionAndPruningIsFew() throws {
        let test = try TestStore()
        let files = FileSystem(test.store)
        func epoch() throws -> UInt64 { try test.store.stat().epoch }
        let start = try files.createBranch("main")
        try files.fork("dev", at: start)
        for number in 0..<30 {
            let workspace = try files.open(branch: "main")
            try workspace.createDirectories(try FilePath("d/\(number)"))
            let before = try epoch()
            try files.commit(workspace, to: "main")
            #expect(try epoch() == before + 1)
        }
        // Whoever loses the race has a version, in one transaction too.
        let (one, two) = (try files.open(branch: "main"), try files.open(branch: "main"))
        try one.createDirectory("one")
        try two.createDirectory("two")
        try files.commit(one, to: "main")
        let before = try epoch()
        #expect(thrownCode { try files.commit(two, to: "main") } == .conflict)
        #expect(try epoch() == before + 1)
        guard case .merged = try files.merge(try #require(two.version), into: "main") else {
            Issue.record("no merge")
            return
        }
        let beforePruning = try epoch()
        let report = try files.prune("main", RetentionRules(last: 1), budget: 0)
        #expect(report.dropped.count >= 31)
        #expect(try epoch() <= beforePruning + 2)
        let beforeRemoval = try epoch()
        try files.removeBranch("main")
        #expect(try epoch() <= beforeRemoval + 8)
        #expect(try test.store.holds(owner: "fs/branch/main").isEmpty)
        _ = try test.store.gc()
        #expect(try test.store.verify().problems.isEmpty)
    }

    /// A named defect: what only a tag had kept, behind what was dropped, stayed when the tag was gone.
    @Test func whatATagKeepsGoesWithTheTag() throws {
        var versions: [CID] = []
        for number in 1...4 { versions.append(try commit("main", "file", "\(number)")) }
        try files.setTag("second", to: versions[1])
        try files.setTag("third", to: versions[2])
        let report = try files.prune("main", RetentionRules(last: 1))
        #expect(report.kept == 1 && report.tagged == 2 && report.dropped == [versions[0]])
        #expect(try log(versions[3]) == ["4", "3", "2"])
        try files.removeTag("third")
        #expect(try !test.store.has(versions[2]) && log(versions[3]) == ["4"])
        // What is between is gone, and the tag keeps it all the same.
        let again = try files.prune("main", RetentionRules(last: 1))
        #expect(again.kept == 1 && again.tagged == 0 && again.dropped.isEmpty)
        #expect(try log(versions[1]) == ["2"])
        try files.removeTag("second")
        #expect(try !test.store.has(versions[1]))
        #expect(try test.store.verify().isClean)
    }

    /// A named defect: versions of lost races took the places of the history's.
    @Test func retentionCountsTheVersionsOfTheHistory() throws {
        for number in 1...5 { try commit("main", "file", "\(number)") }
        var lost: [CID] = []
        let late = try (0..<3).map { (_) in try files.open(branch: "main").tick(ticking) }
        try commit("main", "file", "6")
        for (number, workspace) in late.enumerated() {
            try workspace.write(try FilePath("late \(number)"), [1])
            #expect(thrownCode { try files.commit(workspace, to: "main") } == .conflict)
            lost.append(try #require(workspace.refusedVersion))
        }
        let newest = try #require(try files.branch("main"))
        let report = try files.prune("main", RetentionRules(last: 3))
        #expect(report.dropped.count == 3 && report.kept == 6)
        #expect(try log(newest) == ["6", "5", "4"])
        // Once more, nothing goes; what was kept can be merged, and is history then.
        #expect(try files.prune("main", RetentionRules(last: 3)).dropped.isEmpty)
        guard case .merged(let merged, _) = try files.merge(lost[0], into: "main") else {
            Issue.record("no merge")
            return
        }
        #expect(try files.open(branch: "main").read("late 0") == [1])
        #expect(try files.prune("main", RetentionRules(last: 1)).dropped.contains(lost[0]))
        // The rule of the time is for all.
        let time = Timestamp(seconds: 1 << 40, nanoseconds: 0)
        let rest = try files.prune("main", RetentionRules(last: 1, since: time))
        #expect(Set(rest.dropped) == Set(lost[1...]))
        #expect(try files.branch("main") == merged)
    }
}
