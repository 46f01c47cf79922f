import Testing

@testable import IpldEngine
@testable import MonoFS

/// One side has moved what the other has changed.
@Suite struct MoveMergeTests {
    private let fixture: MergeFixture

    init() throws { fixture = try MergeFixture() }

    private func start(_ workspace: Workspace) throws {
        try workspace.createDirectories("d/e")
        try workspace.createDirectory("empty")
        for name in ["file", "other", "d/one", "d/two", "d/e/three"] {
            try workspace.write(try FilePath(name), bytes("content of \(name)"))
        }
    }

    /// Merges both ways; the conflicts, and the tree that both give when there are none.
    private func merge(
        _ mover: (Workspace) throws -> Void, _ changer: (Workspace) throws -> Void,
        policy: MergePolicy = .report
    ) throws -> (workspace: Workspace, conflicts: [MergeConflict]) {
        let base = try fixture.tree(start)
        let (a, b) = (try fixture.tree(on: base, mover), try fixture.tree(on: base, changer))
        let result = try fixture.merge(base, a, b, policy)
        let reverse = try fixture.merge(base, b, a, policy)
        #expect(result.conflicts.map(\.kind) == reverse.conflicts.map(\.kind))
        if result.conflicts.isEmpty { #expect(result.root == reverse.root) }
        return (Workspace(fixture.source, result.root, version: nil), result.conflicts)
    }

    private func text(_ workspace: Workspace, _ path: FilePath) throws -> String? {
        guard try workspace.lookup(path) != nil else { return nil }
        return String(decoding: try workspace.read(path), as: UTF8.self)
    }

    @Test func aChangeGoesWhereItsFileWent() throws {
        let (tree, conflicts) = try merge(
            {
                try $0.createDirectory("new")
                try $0.rename("file", to: "new/name")
                try $0.setMode("new/name", 0o600)
            },
            {
                try $0.write("file", bytes("changed"))
                try $0.setOwner("file", owner: 5, group: nil)
            })
        #expect(conflicts.isEmpty)
        #expect(try text(tree, "new/name") == "changed" && text(tree, "file") == nil)
        let entry = try tree.status("new/name")
        #expect(entry.mode == 0o600 && entry.owner == 5)
        #expect(
            try tree.list("/", includingTombstones: true).contains {
                $0.name.description == "file" && $0.entry.isTombstone
            })
    }

    @Test func aDirectoryThatWasMovedTakesAllThatWasDoneInIt() throws {
        let (tree, conflicts) = try merge(
            { try $0.rename("d", to: "empty/moved") },
            {
                try $0.write("d/one", bytes("changed"))
                try $0.write("d/e/new", bytes("new"))
                try $0.remove("d/two")
            })
        #expect(conflicts.isEmpty)
        #expect(try text(tree, "empty/moved/one") == "changed" && text(tree, "empty/moved/e/new") == "new")
        #expect(try tree.lookup("empty/moved/two") == nil && tree.lookup("d") == nil)
        #expect(try text(tree, "empty/moved/e/three") == "content of d/e/three")
    }

    @Test func filesOfADirectoryThatIsGoneAreFollowedOneByOne() throws {
        func move(_ workspace: Workspace) throws {
            try workspace.rename("d/one", to: "one")
            try workspace.rename("d/e/three", to: "empty/three")
            try workspace.removeTree("d")
        }
        let (tree, conflicts) = try merge(
            move,
            {
                try $0.write("d/one", bytes("1"))
                try $0.write("d/e/three", bytes("3"))
            })
        #expect(conflicts.isEmpty && tree.isChanged == false)
        #expect(try text(tree, "one") == "1" && text(tree, "empty/three") == "3")
        #expect(try tree.lookup("d") == nil)
        // Where something else was done in it, there is nowhere for that to go.
        for change in [
            { (workspace: Workspace) in try workspace.write("d/new", [1]) },
            { (workspace: Workspace) in try workspace.write("d/two", [1]) },
            { (workspace: Workspace) in try workspace.remove("d/two") },
        ] {
            let (_, conflicts) = try merge(
                move,
                {
                    try $0.write("d/one", bytes("1"))
                    try change($0)
                })
            #expect(conflicts.map(\.path) == ["d"] && conflicts[0].kind == .directoryDeleted)
        }
    }

    @Test func bothMovedItToOneNameAndOneChangedIt() throws {
        let (tree, conflicts) = try merge(
            { try $0.rename("file", to: "there") },
            {
                try $0.rename("file", to: "there")
                try $0.write("there", bytes("changed"))
            })
        #expect(conflicts.isEmpty)
        #expect(try text(tree, "there") == "changed" && tree.lookup("file") == nil)
    }

    @Test func whereContentDoesNotTellItIsAConflict() throws {
        let change = { (workspace: Workspace) in try workspace.write("file", bytes("changed")) }
        func conflicts(_ mover: (Workspace) throws -> Void, _ changer: (Workspace) throws -> Void) throws
            -> [String]
        {
            try merge(mover, changer).conflicts.map { "\($0.kind.rawValue): \($0.path)" }
        }
        // It came twice.
        #expect(
            try conflicts(
                {
                    try $0.copy("file", to: "a")
                    try $0.rename("file", to: "b")
                }, change) == ["modified and deleted: file"])
        // It was changed on the way.
        #expect(
            try conflicts(
                {
                    try $0.rename("file", to: "a")
                    try $0.write("a", bytes("mine"))
                }, change) == ["modified and deleted: file"])
        // Nothing is no content.
        let nothing = try merge(
            {
                try $0.rename("file", to: "a")
                try $0.write("a", [])
            }, change)
        #expect(nothing.conflicts.count == 1)
        // The other side has done something where it went.
        #expect(
            try conflicts(
                { try $0.rename("file", to: "new") },
                {
                    try change($0)
                    try $0.createDirectory("new")
                }
            ).sorted() == ["file and directory: new", "modified and deleted: file"])
        #expect(
            try conflicts(
                { try $0.rename("file", to: "empty/new") },
                {
                    try change($0)
                    try $0.remove("empty")
                }
            ).sorted() == ["directory deleted: empty", "modified and deleted: file"])
        // Of other types, which have rules of their own.
        #expect(
            try conflicts(
                { try $0.rename("file", to: "a") },
                {
                    try change($0)
                    try $0.setSync("file", .raft)
                }) == ["raft: not a fast-forward: file"])
    }

    @Test func whatBothChangedOfItIsAConflictUnderItsNewName() throws {
        let mover = { (workspace: Workspace) in
            try workspace.rename("file", to: "moved")
            try workspace.setMode("moved", 0o600)
        }
        let changer = { (workspace: Workspace) in
            try workspace.write("file", bytes("changed"))
            try workspace.setMode("file", 0o640)
        }
        let (reported, conflicts) = try merge(mover, changer)
        #expect(conflicts.map(\.path) == ["moved"] && conflicts[0].fields == .mode)
        #expect(try reported.status("moved").mode == 0o600 && text(reported, "moved") == "changed")
        let (decided, _) = try merge(mover, changer, policy: .theirs)
        #expect(try decided.status("moved").mode == 0o640)
        let (kept, both) = try merge(mover, changer, policy: .both(suffix: "dev"))
        #expect(both[0].otherPath == "moved.dev")
        #expect(try kept.status("moved").mode == 0o600 && kept.status("moved.dev").mode == 0o640)
        #expect(try text(kept, "moved.dev") == "changed")
    }

    @Test(arguments: ["", "a/b", "a\u{0}", String(repeating: "s", count: 129)])
    func aSuffixThatNoNameCanEndInIsRefused(suffix: String) throws {
        let root = try fixture.tree(start)
        #expect(thrownCode { _ = try fixture.merge(root, root, root, .both(suffix: suffix)) } == .invalid)
    }

    /// A named defect: the time grew with the square of their number, and nothing could stop it meanwhile.
    @Test func whatBothHaveRenamedIsCounted() throws {
        let count = 3000
        func name(_ prefix: String, _ number: Int) throws -> FilePath { try FilePath("\(prefix)\(number)") }
        let base = try fixture.tree { (tree) in
            for number in 0..<count { try tree.write(try name("f", number), bytes("content \(number)")) }
        }
        let sides = try ["g", "h"].map { (prefix) in
            try fixture.tree(on: base) { (tree) in
                for number in 0..<count {
                    try tree.rename(try name("f", number), to: try name(prefix, number))
                }
            }
        }
        var heard: UInt64 = 0
        fixture.source.steps = StepCounter { (steps) throws(StoreError) in heard = steps }
        let result = try fixture.merge(base, sides[0], sides[1], .ours)
        #expect(result.conflicts.count == count && result.conflicts.allSatisfy { $0.kind == .bothRenamed })
        #expect(heard > UInt64(2 * count))
        fixture.source.steps = nil
        let tree = Workspace(fixture.source, result.root, version: nil)
        #expect(try tree.list("/").count == count && tree.list("/")[0].name.description == "g0")
    }
}
