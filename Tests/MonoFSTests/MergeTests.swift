import TestSupport
import Testing

@testable import IpldEngine
@testable import MonoFS

@Suite struct MergeTests {
    private let fixture: MergeFixture

    init() throws { fixture = try MergeFixture() }

    private func conflict(
        _ base: (Workspace) throws -> Void, _ ours: (Workspace) throws -> Void,
        _ theirs: (Workspace) throws -> Void, policy: MergePolicy = .report
    ) throws -> (result: MergeResult, lines: [String]) {
        let root = try fixture.tree(base)
        let result = try fixture.merge(
            root, fixture.tree(on: root, ours), fixture.tree(on: root, theirs), policy)
        return (result, result.conflicts.map { "\($0.kind.rawValue): \($0.path)" })
    }

    private func start(_ workspace: Workspace) throws {
        try workspace.createDirectories("d/e")
        try workspace.write("file", bytes("base"))
        try workspace.write("other", bytes("other"))
        try workspace.write("d/inner", bytes("inner"))
    }

    /// Content whose size and time are as before looks as if nobody had changed it.
    @Test func contentThatConflictsKeepsItsTime() throws {
        let base = try fixture.tree { try $0.write("file", bytes("base")) }
        let ours = try fixture.tree(on: base) { try $0.write("file", bytes("ours")) }
        let theirs = try fixture.tree(on: base) { try $0.write("file", bytes("them")) }
        func time(_ root: Entry, _ path: FilePath) throws -> Timestamp {
            try Workspace(fixture.source, root, version: nil).status(path).modified
        }
        let (mine, other) = (try time(ours, "file"), try time(theirs, "file"))
        #expect(mine < other)
        #expect(try time(try fixture.merge(base, ours, theirs, .ours).root, "file") == mine)
        #expect(try time(try fixture.merge(base, theirs, ours, .theirs).root, "file") == mine)
        #expect(try time(try fixture.merge(base, ours, theirs, .newest).root, "file") == other)
        let both = try fixture.merge(base, ours, theirs, .both(suffix: "theirs")).root
        #expect(try time(both, "file") == mine && time(both, "file.theirs") == other)
    }

    @Test func changesOfDifferentNamesAndFieldsAreMerged() throws {
        let (result, lines) = try conflict(
            start,
            {
                try $0.write("file", bytes("ours"))
                try $0.setAttribute("file", bytes("user.a"), to: .bytes([1]))
                try $0.write("new", bytes("new"))
                try $0.remove("other")
                try $0.write("d/mine", bytes("mine"))
            },
            {
                try $0.setMode("file", 0o600)
                try $0.setOwner("file", owner: 7, group: nil)
                try $0.setAttribute("file", bytes("user.b"), to: .bytes([2]))
                try $0.rename("d/inner", to: "d/e/moved")
                try $0.createSymlink("link", to: bytes("file"))
            })
        #expect(lines.isEmpty)
        let workspace = Workspace(fixture.source, result.root, version: nil)
        let file = try workspace.status("file")
        #expect(try workspace.read("file") == bytes("ours"))
        #expect(file.mode == 0o600 && file.owner == 7 && file.attributes.elements.count == 2)
        #expect(try workspace.read("new") == bytes("new") && workspace.lookup("other") == nil)
        #expect(
            try workspace.read("d/e/moved") == bytes("inner") && workspace.read("d/mine") == bytes("mine"))
        #expect(try workspace.lookup("d/inner") == nil && workspace.read("link") == bytes("ours"))
        #expect(
            try workspace.list("/", includingTombstones: true).contains { $0.name.description == "other" })
    }

    @Test func eachConflictIsToldApart() throws {
        func lines(_ ours: (Workspace) throws -> Void, _ theirs: (Workspace) throws -> Void) throws
            -> [String]
        {
            let there = try conflict(start, ours, theirs).lines
            // It does not matter who is who.
            #expect(
                try Set(conflict(start, theirs, ours).lines.map { $0.prefix(12) })
                    == Set(there.map { $0.prefix(12) }))
            return there
        }
        #expect(
            try lines({ try $0.write("file", [1]) }, { try $0.write("file", [2]) }) == ["both modified: file"]
        )
        #expect(
            try lines({ try $0.setMode("file", 1) }, { try $0.setMode("file", 2) }) == ["both modified: file"]
        )
        #expect(
            try lines({ try $0.write("file", [1]) }, { try $0.remove("file") }) == [
                "modified and deleted: file"
            ])
        #expect(try lines({ try $0.write("n", [1]) }, { try $0.write("n", [2]) }) == ["both added: n"])
        #expect(
            try lines({ try $0.write("n", [1]) }, { try $0.createDirectory("n") }) == [
                "file and directory: n"
            ])
        #expect(
            try lines({ try $0.rename("file", to: "a") }, { try $0.rename("file", to: "b") }) == [
                "both renamed: a"
            ])
        #expect(
            try lines({ try $0.removeTree("d") }, { try $0.write("d/e/new", [1]) }) == [
                "directory deleted: d"
            ])
        #expect(try lines({ try $0.write("n", [1]) }, { try $0.write("n", [1]) }).isEmpty)
        #expect(try lines({ try $0.remove("file") }, { try $0.remove("file") }).isEmpty)
        #expect(
            try lines({ try $0.removeTree("d") }, { try $0.remove("d/inner") }) == ["directory deleted: d"])
        #expect(try lines({ try $0.setMode("d", 1) }, { try $0.setMode("d", 2) }) == ["both modified: d"])
        #expect(
            try lines({ try $0.setMode("d", 1) }, { try $0.write("d/inner", [1]) }).isEmpty)
    }

    @Test func aPolicyDecides() throws {
        let ours = { (workspace: Workspace) in
            try workspace.write("file", bytes("ours"))
            try workspace.remove("other")
            try workspace.write("n", bytes("a file"))
        }
        let theirs = { (workspace: Workspace) in
            try workspace.write("other", bytes("changed"))
            try workspace.createDirectories("n/m")
            try workspace.write("file", bytes("theirs"))
        }
        func result(_ policy: MergePolicy) throws -> (MergeResult, Workspace) {
            let result = try conflict(start, ours, theirs, policy: policy).result
            return (result, Workspace(fixture.source, result.root, version: nil))
        }
        let (reported, left) = try result(.report)
        #expect(!reported.isResolved && reported.conflicts.count == 3)
        #expect(try left.read("file") == bytes("ours") && left.lookup("other") == nil)
        let (_, mine) = try result(.ours)
        #expect(
            try mine.read("file") == bytes("ours") && mine.lookup("other") == nil && mine.read("n").count == 6
        )
        let (decided, other) = try result(.theirs)
        #expect(decided.isResolved && decided.conflicts.count == 3)
        #expect(try other.read("file") == bytes("theirs") && other.read("other") == bytes("changed"))
        #expect(try other.status("n/m").isDirectory)
        let (_, newest) = try result(.newest)
        #expect(try newest.read("file") == bytes("theirs"))
        let (kept, both) = try result(.both(suffix: "branch"))
        #expect(try both.read("file") == bytes("ours") && both.read("file.branch") == bytes("theirs"))
        #expect(try both.read("other") == bytes("changed") && both.status("n.branch/m").isDirectory)
        #expect(kept.conflicts.first { $0.path == "file" }?.otherPath == "file.branch")
        let (_, asked) = try result(
            .ask { (conflict) in conflict.kind == .bothModified ? .theirs : .ours })
        #expect(try asked.read("file") == bytes("theirs") && asked.lookup("other") == nil)
        #expect(
            thrownCode {
                _ = try result(.ask { (_) throws(StoreError) in throw StoreError(.cancelled, "no") })
            } == .cancelled)
    }

    @Test func raftIsChangedOnOneSideOnly() throws {
        func base(_ workspace: Workspace) throws {
            try workspace.createDirectory("raft", sync: .raft)
            try workspace.write("raft/a", [1])
            try workspace.write("raft/b", [1])
            try workspace.write("free", [1])
        }
        let one = try conflict(base, { try $0.write("raft/a", [2]) }, { try $0.write("free", [2]) })
        #expect(one.lines.isEmpty)
        let two = try conflict(
            base, { try $0.write("raft/a", [2]) }, { try $0.write("raft/b", [2]) }, policy: .theirs)
        #expect(two.lines == ["raft: not a fast-forward: raft"] && !two.result.isResolved)
    }

    /// What one side ties together stays so, and what both tie is one file.
    @Test func hardLinksOfBothSidesAreOneFile() throws {
        let (result, lines) = try conflict(
            { try $0.write("m", bytes("content")) }, { try $0.link("m", at: "z") },
            {
                try $0.link("m", at: "a")
                try $0.setMode("m", 0o600)
            })
        #expect(lines.isEmpty)
        let workspace = Workspace(fixture.source, result.root, version: nil)
        let numbers = try ["a", "m", "z"].map { try workspace.status(try FilePath($0)).hardLink }
        #expect(Set(numbers).count >= 1 && numbers[0] != nil && numbers[0] == numbers[1])
        #expect(try workspace.status("m").hardLink == HardLinkGroup(firstPath: "a"))
    }

    /// Whatever two sides did, each change of each is in the result, or in a conflict; and it does not matter
    /// who is who. MONOFS_MERGE_HISTORIES sets how many, MONOFS_MERGE_SEED others.
    @Test(arguments: 1...8) func nothingIsLost(seed: UInt64) throws {
        let seed = seed &+ 8 &* UInt64(parameter("MONOFS_MERGE_SEED", default: 0))
        let count = max(1, parameter("MONOFS_MERGE_HISTORIES", default: 800) / 8)
        var fixture = try MergeFixture(seed: seed)
        var random = SplitMix(state: seed &* 7919)
        var conflicts = 0
        for number in 0..<count {
            if number % 200 == 199 { fixture = try MergeFixture(seed: seed &+ UInt64(number)) }
            let base = try fixture.tree { RandomChanges.make($0, &random, count: random.below(20)) }
            let ours = try fixture.tree(on: base) { RandomChanges.make($0, &random, count: random.below(8)) }
            let theirs = try fixture.tree(on: base) {
                RandomChanges.make($0, &random, count: random.below(8))
            }
            let result = try fixture.merge(base, ours, theirs)
            conflicts += result.conflicts.count
            let oracle = try MergeOracle(fixture, base, ours, theirs)
            let losses = try oracle.losses(result)
            try #require(losses.isEmpty, "history \(number): \(losses)")
            let reverse = try fixture.merge(base, theirs, ours)
            #expect(
                Set(result.conflicts.filter { $0.kind != .bothRenamed }.map(\.path))
                    == Set(reverse.conflicts.filter { $0.kind != .bothRenamed }.map(\.path)))
            if result.conflicts.isEmpty { try #require(result.root == reverse.root, "history \(number)") }
            #expect(try fixture.merge(base, ours, base).root == ours)
            #expect(try fixture.merge(base, ours, ours).root == ours)
            #expect(try fixture.merge(base, base, theirs).root == theirs)
            for policy in [MergePolicy.ours, .theirs, .newest, .both(suffix: "x")] {
                let decided = try fixture.merge(base, ours, theirs, policy)
                let losses = try oracle.losses(decided)
                try #require(losses.isEmpty, "history \(number), \(policy): \(losses)")
                #expect(decided.isResolved)
            }
        }
        // Few histories have one.
        #expect(conflicts > 0 || count < 1000)
    }
}

/// Looks for what a merge has lost, path by path and field by field; it knows nothing of trees.
struct MergeOracle {
    let fixture: MergeFixture
    let base: [FilePath: Entry]
    let sides: [[FilePath: Entry]]

    init(_ fixture: MergeFixture, _ base: Entry, _ ours: Entry, _ theirs: Entry) throws {
        self.fixture = fixture
        self.base = try fixture.flat(base)
        sides = [try fixture.flat(ours), try fixture.flat(theirs)]
    }

    /// What was moved by one side and changed by the other is looked for under its new name.
    private func moved(_ entries: [FilePath: Entry], _ renames: [MergeResult.Rename]) -> [FilePath: Entry] {
        var moved = entries
        for rename in renames {
            for (path, entry) in entries where path.components.starts(with: rename.old.components) {
                moved[path] = nil
                let rest = path.components.dropFirst(rename.old.components.count)
                moved[FilePath(components: rename.new.components + rest)] = entry
            }
        }
        return moved
    }

    func losses(_ result: MergeResult) throws -> [String] {
        let merged = try fixture.flat(result.root)
        let base = moved(self.base, result.renames)
        let sides = self.sides.map { moved($0, result.renames) }
        var losses: [String] = []
        for rename in result.renames where self.sides.allSatisfy({ $0[rename.old] == nil }) {
            if merged[rename.old] != nil { losses.append("\(rename.old), moved to \(rename.new)") }
        }
        for (side, name) in zip(sides, ["ours", "theirs"]) {
            for path in Set(base.keys).union(side.keys) {
                let covering = result.conflicts.filter { covers($0, path) }
                switch (base[path], side[path]) {
                case (nil, let new?):
                    guard let found = merged[path], same(found, new) else {
                        if covering.isEmpty { losses.append("\(path), added by \(name)") }
                        continue
                    }
                case (.some, nil):
                    if merged[path] != nil, covering.isEmpty {
                        losses.append("\(path), removed by \(name)")
                    }
                case (let old?, let new?):
                    for (aspect, field) in TreeChange.Aspects.compared where field(old) != field(new) {
                        let isCovered = covering.contains {
                            $0.path != path || $0.fields.isEmpty || !$0.fields.isDisjoint(with: aspect)
                        }
                        guard let found = merged[path], field(found) == field(new) else {
                            if !isCovered { losses.append("\(path), \(aspect.rawValue) changed by \(name)") }
                            continue
                        }
                    }
                case (nil, nil): break
                }
            }
        }
        // What nobody has changed is as it was.
        for (path, entry) in base where sides.allSatisfy({ $0[path].map { same($0, entry) } ?? false }) {
            let isCovered = result.conflicts.contains { covers($0, path) }
            if !isCovered, !(merged[path].map { same($0, entry) } ?? false) {
                losses.append("\(path), unchanged")
            }
        }
        for conflict in result.conflicts { losses += decided(conflict, merged) }
        return losses
    }

    /// A conflict that was decided has what was decided.
    private func decided(_ conflict: MergeConflict, _ merged: [FilePath: Entry]) -> [String] {
        guard conflict.kind != .bothRenamed else { return [] }
        func check(_ path: FilePath?, _ entry: Entry?) -> Bool {
            guard let path else { return false }
            guard let entry, !entry.isTombstone else { return merged[path] == nil }
            guard let found = merged[path] else { return false }
            return TreeChange.Aspects.compared.allSatisfy { aspect, field in
                conflict.fields.isDisjoint(with: aspect) && !conflict.fields.isEmpty
                    || field(found) == field(entry)
            }
        }
        let isRight: Bool
        switch conflict.resolution {
        case .ours, .unresolved: isRight = check(conflict.path, conflict.ours)
        case .theirs: isRight = check(conflict.path, conflict.theirs)
        case .both:
            isRight = check(conflict.path, conflict.ours) && check(conflict.otherPath, conflict.theirs)
        }
        return isRight ? [] : ["\(conflict.path), decided as \(conflict.resolution)"]
    }

    private func same(_ a: Entry, _ b: Entry) -> Bool {
        TreeChange.Aspects.compared.allSatisfy { $0.1(a) == $0.1(b) }
    }

    private func covers(_ conflict: MergeConflict, _ path: FilePath) -> Bool {
        // Both sides changed one directory's metadata: what is in it is another matter.
        let isWhole =
            !(conflict.ours?.isDirectory == true && conflict.theirs?.isDirectory == true)
            || conflict.kind == .raft || conflict.kind == .bothRenamed
        func covers(_ start: FilePath?) -> Bool {
            guard let start else { return false }
            return start == path || isWhole && path.components.starts(with: start.components)
        }
        return covers(conflict.path) || covers(conflict.otherPath)
    }
}
