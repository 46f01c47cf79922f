import Glibc
import Testing

@testable import IpldEngine
@testable import MonoFS

/// Imports into trees of type `merkle-crdt`: what did not change on the host is no change that a merge sees.
@Suite struct ImportReplicaTests {
    let host: TransferFixture

    init() throws {
        host = try TransferFixture()
        let workspace = try host.files.open(branch: "main")
        try workspace.setSync(.root, .merkleCRDT)
        try host.files.commit(workspace, to: "main")
    }

    @discardableResult
    private func importTree() throws -> CID { try #require(try host.importTree("tree").version) }

    /// A version that somebody else makes of another, merged with ours either way.
    private func merged(
        _ ours: CID, with start: CID, _ change: (Workspace) throws -> Void
    ) throws -> [Workspace] {
        if try host.files.branch("side") != nil { try host.files.removeBranch("side") }
        try host.files.fork("side", at: start)
        let side = try host.files.open(branch: "side")
        try change(side)
        let theirs = try host.files.commit(side, to: "side")
        return try [(ours, theirs), (theirs, ours)].map { (a, b) in
            let (workspace, conflicts) = try host.files.merge(a, b)
            #expect(conflicts.isEmpty)
            return workspace
        }
    }

    private func setTime(_ name: String, _ seconds: Int) {
        let moment = timespec(tv_sec: seconds, tv_nsec: 1)
        #expect(utimensat(AT_FDCWD, host.path(name), [moment, moment], 0) == 0)
    }

    /// A named defect: the time of a directory that something came to made its metadata a value of their own,
    /// beside those that somebody else had given it.
    @Test func whatComesToADirectoryLeavesItsMetadata() throws {
        for name in ["tree/a", "tree/sub/a"] { try host.write(name, [1]) }
        let before = try importTree()
        for name in ["tree/b", "tree/sub/b"] { try host.write(name, [2]) }
        let after = try importTree()
        let workspaces = try merged(after, with: before) { (side) in
            try side.setMode(.root, 0o700)
            try side.setMode("sub", 0o711)
        }
        for workspace in workspaces {
            #expect(try workspace.status(.root).mode == 0o700 && workspace.status("sub").mode == 0o711)
            #expect(try workspace.list("sub").map(\.name.description) == ["a", "b"])
            #expect(try workspace.read("b") == [2])
        }
        // What the host itself changes is a change.
        #expect(chmod(host.path("tree/sub"), 0o500) == 0)
        let changed = try importTree()
        #expect(try host.files.open(changed).status("sub").mode == 0o500)
        for workspace in try merged(changed, with: after, { try $0.setModified("sub", .now()) }) {
            #expect(try workspace.status("sub").mode == 0o500)
        }
    }

    /// A named defect: it was there again, and empty.
    @Test func whatGoesFromADirectoryDoesNotBringItBack() throws {
        for name in ["tree/keep", "tree/sub/a", "tree/sub/b"] { try host.write(name, [1]) }
        let before = try importTree()
        #expect(unlink(host.path("tree/sub/a")) == 0)
        let after = try importTree()
        for workspace in try merged(after, with: before, { try $0.removeTree("sub") }) {
            #expect(try workspace.list(.root).map(\.name.description) == ["keep"])
        }
        // One that came back for what is in it alone is there for all once it is imported as it is.
        try host.files.fork("kept", at: before)
        let adding = try host.files.open(branch: "kept")
        try adding.write("sub/new", [2])
        let added = try host.files.commit(adding, to: "kept")
        let removing = try host.files.open(branch: "main")
        try removing.removeTree("sub")
        try host.files.commit(removing, to: "main")
        guard case .merged = try host.files.merge(added, into: "main") else {
            Issue.record("it was not merged")
            return
        }
        #expect(unlink(host.path("tree/sub/b")) == 0)
        let empty = try importTree()
        #expect(try host.files.open(empty).list("sub").isEmpty)
        for workspace in try merged(empty, with: empty, { try $0.setModified("sub", .now()) }) {
            #expect(try workspace.list(.root).map(\.name.description) == ["keep", "sub"])
        }
    }

    /// A named defect: each import of what was older on the host was a version.
    @Test func aDirectoryThatIsOlderOnTheHostIsNoChange() throws {
        try host.write("tree/sub/deep/a", [1])
        try importTree()
        let names = ["tree", "tree/sub", "tree/sub/deep"]
        for name in names { setTime(name, 1_500_000_000) }
        #expect(try host.importTree("tree").isUnchanged)
        try host.write("tree/sub/b", [2])
        for name in names { setTime(name, 1_400_000_000) }
        let changed = try host.importTree("tree")
        #expect(!changed.isUnchanged)
        #expect(try host.files.open(changed.tree).read("sub/b") == [2])
        for _ in 0..<3 { #expect(try host.importTree("tree").isUnchanged) }
        let root = try host.files.open(changed.tree).status(.root)
        #expect(root.replica?.seen.count ?? 0 <= 2)
    }

    // MARK: Files with several names

    private func expectAsOnTheHost(_ tree: CID, _ number: Int) throws {
        try host.export(tree, to: "out\(number)")
        #expect(try host.facts("out\(number)") == host.facts("tree"), "\(number)")
    }

    private func relink(_ name: String, to other: String) {
        _ = unlink(host.path("tree/" + name))
        #expect(link(host.path("tree/" + other), host.path("tree/" + name)) == 0)
    }

    /// Writes a file that differs from all others like it in nothing but that it is another one.
    private func renew(_ name: String) throws {
        _ = unlink(host.path("tree/" + name))
        try host.write("tree/" + name, [1])
        setTime("tree/" + name, 1000)
    }

    /// A named defect: each name kept the number that it had, whichever file it was of.
    @Test func filesThatAreToldApartByTheirNumbersAlone() throws {
        try renew("p")
        relink("q", to: "p")
        try expectAsOnTheHost(try host.importTree("tree").tree, 1)
        // Of two files that are alike, each with a name that had the same number.
        try renew("q")
        relink("p2", to: "p")
        relink("q2", to: "q")
        try expectAsOnTheHost(try host.importTree("tree").tree, 2)
        #expect(try host.importTree("tree").isUnchanged)
        // Crosswise.
        relink("p2", to: "q")
        relink("q2", to: "p")
        try expectAsOnTheHost(try host.importTree("tree").tree, 3)
        // A name that comes before all others.
        let before = try host.files.open(branch: "main")
        relink("a", to: "p")
        let after = try host.files.open(try host.importTree("tree").tree)
        for path in ["p", "q2"] as [FilePath] {
            #expect(try after.status(path) == before.status(path), "\(path)")
        }
        try expectAsOnTheHost(try host.importTree("tree").tree, 4)
        // One that was the first, and is another file's now, whose other names have gone on with its number.
        for name in ["a", "p"] { #expect(unlink(host.path("tree/" + name)) == 0) }
        relink("q3", to: "q2")
        try host.importTree("tree")
        try renew("p")
        relink("p3", to: "p")
        try expectAsOnTheHost(try host.importTree("tree").tree, 5)
        #expect(try host.importTree("tree").isUnchanged)
        // One name less, and it is alone.
        #expect(unlink(host.path("tree/p3")) == 0)
        let last = try host.importTree("tree")
        try expectAsOnTheHost(last.tree, 6)
    }

    /// Where both types are, the number is that which the others have.
    @Test func aFileWithNamesOfTwoTypesIsOne() throws {
        let workspace = try host.files.open(branch: "main")
        // The host's times are those of its last tick, and of this type times go forward only.
        workspace.clock = { Timestamp(seconds: 1_000_000_000) ?? .zero }
        try workspace.createDirectory("plain", sync: .default)
        try host.files.commit(workspace, to: "main")
        try renew("merkle/p")
        #expect(mkdir(host.path("tree/plain"), 0o755) == 0)
        relink("merkle/q", to: "merkle/p")
        relink("plain/r", to: "merkle/p")
        try expectAsOnTheHost(try host.importTree("tree").tree, 1)
        relink("plain/a", to: "merkle/p")
        relink("merkle/a", to: "merkle/p")
        let tree = try host.importTree("tree").tree
        try expectAsOnTheHost(tree, 2)
        let number = try HardLinkGroup(firstPath: "merkle/p")
        #expect(try host.files.open(tree).status("plain/r").hardLink == number)
        #expect(try host.importTree("tree").isUnchanged)
        // A named defect: when names of other files came, it was two.
        let other = try host.files.open(branch: "main")
        try other.write("k", [1])
        try other.link("k", at: "l")
        let version = try host.files.commit(other, to: "main")
        let changed = try host.files.open(version)
        for path in ["plain/r", "plain/a", "merkle/p"] as [FilePath] {
            #expect(try changed.status(path).isSameFile(as: host.files.open(tree).status("merkle/q")))
        }
        try host.export(version, to: "tree2")
        #expect(try host.importTree("tree2").isUnchanged)
        try changed.write("plain/r", [7])
        #expect(try changed.read("merkle/p") == [7] && changed.read("plain/a") == [7])
    }

    /// The same where what is imported comes below a path.
    @Test func aFileWithNamesOfTwoTypesBelowAPathIsOne() throws {
        let workspace = try host.files.open(branch: "main")
        try workspace.createDirectory("d")
        try workspace.createDirectory("d/plain", sync: .default)
        try host.files.commit(workspace, to: "main")
        try renew("merkle/p")
        #expect(mkdir(host.path("tree/plain"), 0o755) == 0)
        for name in ["merkle/q", "plain/r", "plain/s"] {
            relink(name, to: "merkle/p")
            let report = try host.files.importDirectory(host.path("tree"), to: "main", at: "d")
            let tree = try host.files.open(report.tree)
            #expect(try tree.status("merkle/p").hardLink != nil)
            let last = try host.files.open(try #require(report.version))
            #expect(try last.status("d/merkle/p").hardLink != nil)
            let path = try FilePath("d/" + name)
            #expect(try last.status(path).isSameFile(as: last.status("d/merkle/p")), "\(name)")
            #expect(try host.files.importDirectory(host.path("tree"), to: "main", at: "d").isUnchanged)
        }
    }

    /// What was exported is the same when it is imported, whichever way its files came by their types.
    @Test func numbersAreThoseThatAWorkspaceGives() throws {
        let workspace = try host.files.open(branch: "other")
        try workspace.write("a", [1])
        try workspace.link("a", at: "b")
        try host.files.commit(workspace, to: "other")
        try workspace.setSync("a", .merkleCRDT)
        try workspace.rename("a", to: "z")
        try workspace.write("a", [1])
        try workspace.link("a", at: "c")
        let version = try host.files.commit(workspace, to: "other")
        try host.export(version, to: "tree")
        #expect(try host.importTree("tree", to: "other").isUnchanged)
    }

    /// A named defect: what was removed elsewhere came back, because it was left alone here.
    @Test(arguments: [false, true]) func aNameThatIsLeftAloneIsNotChanged(isOnTheHost: Bool) throws {
        try renew("p")
        relink("q", to: "p")
        let before = try importTree()
        if isOnTheHost { #expect(unlink(host.path("tree/p")) == 0) }
        let workspace = try host.files.open(branch: "main")
        if !isOnTheHost { try workspace.remove("p") }
        let after = isOnTheHost ? try importTree() : try host.files.commit(workspace, to: "main")
        #expect(try host.files.open(after).status("q") == host.files.open(before).status("q"))
        for workspace in try merged(after, with: before, { try $0.remove("q") }) {
            #expect(try workspace.lookup("q") == nil)
        }
        for workspace in try merged(after, with: before, { try $0.link("q", at: "r") }) {
            #expect(try workspace.status("q").isSameFile(as: workspace.status("r")))
        }
    }

    /// A named defect: the number of a name that was left alone went to a new file of several names, and what
    /// was removed elsewhere came back. `way`: how another file came to be where the first name had been.
    @Test(arguments: ["at once", "after an import", "by a new name"], [false, true])
    func noOtherFileIsGivenTheNumberOfANameThatIsAlone(way: String, isBelow: Bool) throws {
        let below = isBelow ? "d/" : ""
        try renew("\(below)p")
        try renew("\(below)s")
        setTime("tree/\(below)s", 2000)
        relink("\(below)q", to: "\(below)p")
        let before = try importTree()
        switch way {
        case "by a new name": relink("\(below)p", to: "\(below)s")
        default:
            #expect(unlink(host.path("tree/\(below)p")) == 0)
            if way == "after an import" { try importTree() }
            try host.write("tree/\(below)p", [2, 3])
            relink("\(below)r", to: "\(below)p")
        }
        let after = try importTree()
        let (p, q) = (try FilePath("\(below)p"), try FilePath("\(below)q"))
        let workspace = try host.files.open(after)
        #expect(try workspace.status(q) == host.files.open(before).status(q))
        #expect(try workspace.status(p).hardLink != nil)
        #expect(try workspace.status(p).hardLink != workspace.status(q).hardLink)
        for workspace in try merged(after, with: before, { try $0.remove(q) }) {
            #expect(try workspace.lookup(q) == nil)
        }
        #expect(try host.importTree("tree").isUnchanged)
        try expectAsOnTheHost(after, 1)
    }

    /// A name that did not change keeps the number, and not one that is like it in all but that it is alone.
    @Test func anUnchangedNameKeepsItsNumberBeforeOneThatIsAlone() throws {
        try renew("p")
        for name in ["q", "r"] { relink(name, to: "p") }
        let before = try host.files.open(try importTree())
        try renew("q")
        let after = try host.files.open(try importTree())
        for path in ["p", "r"] as [FilePath] {
            #expect(try after.status(path) == before.status(path), "\(path)")
        }
        #expect(try after.status("q").hardLink == nil)
    }

    /// A named defect: of two files that a merge had left with one number, an import gave one another value,
    /// which won over its removal by somebody else.
    @Test(arguments: ["content", "metadata"], [["c"], ["c", "d"]])
    func filesThatDifferMayHaveOneNumber(aspect: String, others: [String]) throws {
        func change(_ directory: String, isBack: Bool) throws {
            if aspect == "metadata" {
                #expect(chmod(host.path("\(directory)/a"), isBack ? 0o644 : 0o600) == 0)
            } else {
                try host.write("\(directory)/a", isBack ? [1] : [1, 2, 3])
                setTime("\(directory)/a", 1000)
            }
        }
        try renew("a")
        relink("b", to: "a")
        let before = try importTree()
        try change("tree", isBack: false)
        let after = try importTree()
        let workspaces = try merged(after, with: before) { (side) in
            for other in others { try side.link("a", at: FilePath(other)) }
        }
        for (number, workspace) in workspaces.enumerated() {
            let (branch, directory) = ("merged-\(number)", "out-\(number)")
            try host.files.fork(branch, at: try #require(workspace.version))
            let version = try host.files.commit(workspace, to: branch)
            let there = try host.files.open(version)
            #expect(try there.status("a").hardLink == there.status("c").hardLink)
            #expect(try there.status("a").file != there.status("c").file)
            try host.export(version, to: directory)
            #expect(try host.importTree(directory, to: branch).isUnchanged)
            // Where they come to be alike, it is the one which was changed that has another number.
            try change(directory, isBack: true)
            let tree = try host.importTree(directory, to: branch).tree
            let alike = try host.files.open(tree)
            for other in others {
                #expect(try alike.status(FilePath(other)) == there.status(FilePath(other)))
            }
            #expect(try alike.status("a").isSameValue(as: alike.status("c")))
            try host.export(tree, to: "again-\(number)")
            #expect(try host.facts("again-\(number)") == host.facts(directory))
            #expect(try host.importTree(directory, to: branch).isUnchanged)
        }
    }

    /// One of them keeps the number, and the other does not.
    @Test(arguments: ["p", "q"]) func twoFilesThatWereOneAreTwo(other: String) throws {
        try renew("p")
        relink("q", to: "p")
        try importTree()
        try renew(other)
        let after = try host.files.open(try importTree())
        #expect(try after.status("p").hardLink != after.status("q").hardLink)
        #expect(try host.importTree("tree").isUnchanged)
    }

    /// A named defect: what was removed elsewhere came back, because its names were given other numbers.
    @Test func namesThatDidNotChangeBelowAPathAreNotChanged() throws {
        func importBelow() throws -> ImportReport {
            try host.files.importDirectory(host.path("tree"), to: "main", at: "d")
        }
        for name in ["p", "r"] { try renew(name) }
        relink("q", to: "p")
        let before = try #require(try importBelow().version)
        #expect(try importBelow().isUnchanged)
        try renew("f")
        relink("g", to: "f")
        relink("r2", to: "r")
        let after = try #require(try importBelow().version)
        let (old, new) = (try host.files.open(before), try host.files.open(after))
        for path in ["d/p", "d/q"] as [FilePath] {
            #expect(try old.status(path) == new.status(path))
        }
        for workspace in try merged(after, with: before, { (side) in
            for path in ["d/p", "d/q"] as [FilePath] { try side.remove(path) }
        }) {
            #expect(try workspace.list("d").map(\.name.description) == ["f", "g", "r", "r2"])
            #expect(try workspace.status("d/f").hardLink != nil)
            #expect(try workspace.status("d/f").hardLink == workspace.status("d/g").hardLink)
            #expect(try workspace.status("d/f").hardLink != workspace.status("d/r").hardLink)
        }
    }
}
