import Foundation
import Glibc
import Testing

@testable import IpldEngine
@testable import MonoFS

/// What is read again, and what becomes of the branch.
@Suite struct ImportAgainTests {
    let host: TransferFixture
    init() throws { host = try TransferFixture() }

    private func time(_ name: String) throws -> timespec {
        var information = stat()
        try #require(lstat(host.path(name), &information) == 0)
        return information.st_mtim
    }

    /// Changes a file and gives it its time back: size, inode and time of modification are as they were.
    private func changeSecretly(_ name: String, _ content: [UInt8]) throws {
        let before = try time(name)
        let descriptor = open(host.path(name), O_WRONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try content.withBytes { (content) throws(HostError) in try Host.write(descriptor, at: 0, content) }
        #expect(futimens(descriptor, [before, before]) == 0)
    }

    @Test func onlyWhatChangedIsRead() throws {
        for number in 0..<50 {
            try host.write("tree/d\(number % 5)/\(number)", [UInt8](repeating: UInt8(number), count: 2000))
        }
        host.settle()
        let first = try host.importTree("tree")
        #expect(first.filesRead == 50 && first.bytesRead == 100_000)
        let second = try host.importTree("tree")
        #expect(second.filesRead == 0 && second.isUnchanged)
        #expect(second.version == first.version && second.tree == first.tree)
        try host.write("tree/d3/13", [UInt8](repeating: 200, count: 2000))
        try host.write("tree/d3/new", [1])
        #expect(chmod(host.path("tree/d1/1"), 0o600) == 0)
        let third = try host.importTree("tree")
        // A time of change says that something changed, and not what.
        #expect(third.filesRead == 3 && !third.isUnchanged)
        var full = ImportOptions()
        full.readsEverything = true
        let fourth = try host.importTree("tree", to: "main", full)
        #expect(fourth.filesRead == 51 && fourth.isUnchanged)
        #expect(try host.importTree("tree", to: nil).tree == third.tree)
        #expect(try host.isClean())
    }

    @Test func aChangeThatKeepsSizeAndTimeIsSeen() throws {
        for size in [10, 100_000] {
            try host.write("tree/\(size)", [UInt8](repeating: 1, count: size))
        }
        // Just written: a change in the same tick of the kernel's clock could not be told, so they are not
        // trusted.
        for round in 2..<12 {
            let before = try host.importTree("tree")
            for size in [10, 100_000] {
                try changeSecretly("tree/\(size)", [UInt8](repeating: UInt8(round), count: size))
            }
            let after = try host.importTree("tree")
            #expect(after.filesRead == 2 && after.tree != before.tree)
        }
        host.settle()
        try host.importTree("tree")
        #expect(try host.importTree("tree").filesRead == 0)
        try changeSecretly("tree/10", [UInt8](repeating: 99, count: 10))
        let last = try host.importTree("tree")
        #expect(last.filesRead == 1)
        #expect(try host.files.open(last.tree).read("10") == [UInt8](repeating: 99, count: 10))
    }

    @Test func anotherFileInItsPlaceIsRead() throws {
        try host.write("tree/a", [1, 1, 1])
        try host.write("tree/b", [2, 2, 2])
        let moment = timespec(tv_sec: 1000, tv_nsec: 1)
        for name in ["a", "b"] {
            #expect(utimensat(AT_FDCWD, host.path("tree/\(name)"), [moment, moment], 0) == 0)
        }
        host.settle()
        try host.importTree("tree")
        #expect(rename(host.path("tree/b"), host.path("tree/a")) == 0)
        let report = try host.importTree("tree")
        #expect(try host.files.open(report.tree).read("a") == [2, 2, 2])
    }

    @Test func whatIsKnownIsNotTrustedBeyondItsTree() throws {
        try host.write("tree/file", [UInt8](repeating: 1, count: 1000))
        host.settle()
        try host.importTree("tree")
        // Somebody else commits something of the same size and time.
        let workspace = try host.files.open(branch: "main")
        let writer = try workspace.openForWriting("file")
        try [UInt8(7)].withBytes { (bytes) throws(StoreError) in try writer.write(bytes, at: 0) }
        try writer.close()
        let modified = try time("tree/file")
        try workspace.setModified("file", Timestamp(modified))
        try host.files.commit(workspace, to: "main")
        let report = try host.importTree("tree")
        #expect(report.filesRead == 1 && !report.isUnchanged)
        #expect(try host.files.open(report.tree).read("file") == [UInt8](repeating: 1, count: 1000))
        // A record that is damaged is as good as none.
        let damaged = try host.held.store.putNode(.integer(7))
        try host.held.store.setRoot("fs/seen/main", to: damaged)
        #expect(try host.importTree("tree").filesRead == 1)
    }

    @Test func whatIsGoneIsRemovedAndComesBack() throws {
        try host.write("tree/a/x", [1])
        try host.write("tree/a/y", [2])
        try host.write("tree/z", [3])
        try host.importTree("tree")
        #expect(unlink(host.path("tree/a/x")) == 0 && unlink(host.path("tree/z")) == 0)
        let second = try host.importTree("tree")
        let workspace = try host.files.open(second.tree)
        #expect(try workspace.list("a").map(\.name.description) == ["y"])
        let stones = try workspace.list("a", includingTombstones: true).filter { $0.entry.isTombstone }
        #expect(stones.map(\.name.description) == ["x"])
        #expect(
            try workspace.list(.root, includingTombstones: true).map(\.entry.kind) == [
                .directory, .tombstone,
            ])
        // Tombstones are no change of their own.
        #expect(try host.importTree("tree").isUnchanged)
        try host.write("tree/a/x", [1])
        let third = try host.importTree("tree")
        #expect(try host.files.open(third.tree).read("a/x") == [1])
        // A directory in the place of a file, and the other way round.
        #expect(unlink(host.path("tree/a/x")) == 0)
        try host.write("tree/a/x/deep", [4])
        try host.importTree("tree")
        #expect(try HostTree.remove(host.path("tree/a")))
        try host.write("tree/a", [5])
        let last = try host.importTree("tree")
        #expect(try host.files.open(last.tree).read("a") == [5])
        #expect(try host.files.history(from: try #require(last.version)).next()?.version.previous.count == 1)
        #expect(try host.isClean())
    }

    @Test func twoSidesOfABranchMerge() throws {
        try host.write("tree/a", [1])
        try host.write("tree/b", [2])
        let first = try host.importTree("tree")
        try host.files.fork("side", at: try #require(first.version))
        let workspace = try host.files.open(branch: "side")
        try workspace.createDirectory("new")
        try host.files.commit(workspace, to: "side")
        #expect(unlink(host.path("tree/a")) == 0)
        try host.importTree("tree")
        let side = try #require(try host.files.branch("side"))
        guard case .merged(_, let conflicts) = try host.files.merge(side, into: "main") else {
            Issue.record("it was not merged")
            return
        }
        #expect(conflicts.isEmpty)
        let result = try host.files.open(branch: "main")
        #expect(try result.list(.root).map(\.name.description) == ["b", "new"])
    }

    @Test func aBranchGoesWithWhatIsKnownOfItsFiles() throws {
        try host.write("tree/a", [UInt8](repeating: 5, count: 5000))
        host.settle()
        try host.importTree("tree")
        #expect(try host.held.store.root("fs/seen/main") != nil)
        try host.files.removeBranch("main")
        #expect(try host.held.store.roots().isEmpty)
        try host.held.store.gc()
        #expect(try host.held.store.stat().blocks == 0)
    }

    @Test func hardLinksComeAndGo() throws {
        try host.write("tree/b/one", [UInt8](repeating: 3, count: 3000))
        #expect(link(host.path("tree/b/one"), host.path("tree/c")) == 0)
        // A name elsewhere is none of the tree's.
        #expect(link(host.path("tree/b/one"), host.path("elsewhere")) == 0)
        host.settle()
        let first = try host.importTree("tree")
        var workspace = try host.files.open(first.tree)
        let number = try HardLinkGroup(firstPath: "b/one")
        #expect(try workspace.status("b/one").hardLink == number)
        #expect(try workspace.status("c").hardLink == number)
        #expect(first.filesRead == 1)
        #expect(try host.importTree("tree").filesRead == 0)
        #expect(link(host.path("tree/c"), host.path("tree/a")) == 0)
        workspace = try host.files.open(try host.importTree("tree").tree)
        #expect(try workspace.status("b/one").hardLink == HardLinkGroup(firstPath: "a"))
        #expect(unlink(host.path("tree/a")) == 0 && unlink(host.path("tree/c")) == 0)
        workspace = try host.files.open(try host.importTree("tree").tree)
        #expect(try workspace.status("b/one").hardLink == nil)
    }

    /// A named defect: they were two files, because each name kept what only the tree knew of it.
    @Test func aNewNameOfAFileThatTheTreeHadIsOneFile() throws {
        let workspace = try host.files.open(branch: "main").tick(Ticking())
        for path in ["d/a", "d/b", "d/c"] as [FilePath] {
            try workspace.createDirectories("d")
            try workspace.write(path, [1])
            try workspace.setAttribute(path, bytes("note"), to: .text("of \(path)"))
        }
        let before = try workspace.status("d/a")
        try host.files.commit(workspace, to: "main")
        try host.export(try #require(try host.files.branch("main")), to: "tree")
        #expect(unlink(host.path("tree/d/b")) == 0)
        for name in ["b", "x"] { #expect(link(host.path("tree/d/a"), host.path("tree/d/\(name)")) == 0) }
        host.settle()
        let tree = try host.importTree("tree").tree
        let after = try host.files.open(tree)
        for path in ["d/b", "d/x"] as [FilePath] {
            #expect(try after.status(path).isSameFile(as: after.status("d/a")))
        }
        #expect(try after.status("d/a").created == before.created && before.created != nil)
        #expect(try after.status("d/x").attributes == before.attributes)
        #expect(try after.status("d/c").hardLink == nil)
        #expect(try host.importTree("tree").isUnchanged)
        try host.export(tree, to: "out")
        #expect(try host.facts("out") == host.facts("tree"))
    }

    /// A named defect: an unchanged file had what the tree knew of that in whose place it was given a name.
    @Test(arguments: SyncType.allCases)
    func anUnchangedFileKeepsWhatTheTreeKnows(sync: SyncType) throws {
        let workspace = try host.files.open(branch: "main").tick(Ticking())
        try workspace.setSync(.root, sync)
        for path in ["a", "d", "z"] as [FilePath] {
            try workspace.write(path, [1])
            try workspace.setAttribute(path, bytes("note"), to: .text("of \(path)"))
        }
        let before = try workspace.status("d")
        try host.files.commit(workspace, to: "main")
        try host.export(try #require(try host.files.branch("main")), to: "tree")
        for name in ["a", "z"] {
            #expect(unlink(host.path("tree/\(name)")) == 0)
            #expect(link(host.path("tree/d"), host.path("tree/\(name)")) == 0)
        }
        let after = try host.files.open(try host.importTree("tree").tree)
        for path in ["a", "d", "z"] as [FilePath] {
            #expect(try after.status(path).attributes == before.attributes, "\(path)")
            #expect(try after.status(path).created == before.created && before.created != nil)
            #expect(try after.status(path).isSameFile(as: after.status("d")))
        }
        #expect(try host.importTree("tree").isUnchanged)
    }

    /// A named defect: what only the tree knew of a file was forgotten when a new name of it came before it.
    @Test(arguments: SyncType.allCases)
    func aNewNameThatComesFirstHasWhatTheTreeKnows(sync: SyncType) throws {
        let workspace = try host.files.open(branch: "main").tick(Ticking())
        try workspace.setSync(.root, sync)
        try workspace.createDirectory("d")
        try workspace.createDirectory("d/a")
        try workspace.write("d/z", [1])
        try workspace.setAttribute("d/z", bytes("note"), to: .text("kept"))
        let before = try workspace.status("d/z")
        try host.files.commit(workspace, to: "main")
        try host.export(try #require(try host.files.branch("main")), to: "tree")
        // One of them in the place of something else.
        #expect(rmdir(host.path("tree/d/a")) == 0)
        for name in ["0", "d/a", "d/zz"] {
            #expect(link(host.path("tree/d/z"), host.path("tree/\(name)")) == 0)
        }
        host.settle()
        let after = try host.files.open(try host.importTree("tree").tree)
        for path in ["0", "d/a", "d/z", "d/zz"] as [FilePath] {
            let entry = try after.status(path)
            #expect(entry.created == before.created && entry.attributes == before.attributes, "\(path)")
            #expect(try entry.isSameFile(as: after.status("d/z")))
        }
        #expect(before.created != nil && !before.attributes.isEmpty)
        #expect(try host.importTree("tree").isUnchanged)
    }

    @Test func entriesOfMerkleTreesKeepWhatMergesKnow() throws {
        let workspace = try host.files.open(branch: "main")
        try workspace.setSync(.root, .merkleCRDT)
        try host.files.commit(workspace, to: "main")
        try host.write("tree/a", [1])
        try host.write("tree/d/b", [2])
        let first = try host.importTree("tree")
        #expect(try host.importTree("tree").isUnchanged)
        let version = try #require(first.version)
        #expect(try host.files.open(version).status("d/b").sync == .merkleCRDT)
        try host.files.fork("side", at: version)
        let side = try host.files.open(branch: "side")
        try side.createDirectory("d/side")
        try host.files.commit(side, to: "side")
        #expect(unlink(host.path("tree/d/b")) == 0)
        try host.write("tree/a", [9])
        try host.importTree("tree")
        let other = try #require(try host.files.branch("side"))
        guard case .merged = try host.files.merge(other, into: "main") else {
            Issue.record("it was not merged")
            return
        }
        let merged = try host.files.open(branch: "main")
        #expect(try merged.list("d").map(\.name.description) == ["side"])
        #expect(try merged.read("a") == [9])
    }

    /// As where it is restored: not when the file had been written.
    @Test func aFileInThePlaceOfADirectoryOfAReplicaRemovesItNow() throws {
        let workspace = try host.files.open(branch: "main")
        try workspace.setSync(.root, .merkleCRDT)
        try host.files.commit(workspace, to: "main")
        try host.write("tree/d/x", [1])
        #expect(chmod(host.path("tree/d"), 0o711) == 0)
        let before = try #require(try host.importTree("tree").version)
        #expect(unlink(host.path("tree/d/x")) == 0 && rmdir(host.path("tree/d")) == 0)
        try host.write("tree/d", [2])
        let moment = timespec(tv_sec: 1000, tv_nsec: 1)
        #expect(utimensat(AT_FDCWD, host.path("tree/d"), [moment, moment], 0) == 0)
        let after = try #require(try host.importTree("tree").version)
        let early = Timestamp(seconds: 2000) ?? .zero
        #expect(try host.files.compactTombstones("main", before: early).dropped == 0)
        try host.files.fork("side", at: before)
        let side = try host.files.open(branch: "side")
        try side.write("d/y", [3])
        let (merged, _) = try host.files.merge(after, try host.files.commit(side, to: "side"))
        #expect(try merged.list("d").map(\.name.description) == ["y"])
        #expect(try merged.status("d").mode == 0o711)
    }

    /// A named defect: with a name that came to a directory, all that was in it was a change of its own,
    /// which won over the removal by somebody else.
    @Test func whatDidNotChangeInAReplicaIsNotChanged() throws {
        let workspace = try host.files.open(branch: "main")
        try workspace.setSync(.root, .merkleCRDT)
        try host.files.commit(workspace, to: "main")
        for name in ["tree/d/a", "tree/d/e/b", "tree/d/gone"] { try host.write(name, [1]) }
        let before = try #require(try host.importTree("tree").version)
        try host.write("tree/d/new", [2])
        #expect(unlink(host.path("tree/d/gone")) == 0)
        #expect(chmod(host.path("tree/d"), 0o711) == 0)
        let after = try #require(try host.importTree("tree").version)
        for path in ["d/a", "d/e", "d/e/b"] as [FilePath] {
            #expect(try host.files.open(after).status(path) == host.files.open(before).status(path))
        }
        try host.files.fork("side", at: before)
        let side = try host.files.open(branch: "side")
        try side.remove("d/a")
        try side.removeTree("d/e")
        let (merged, _) = try host.files.merge(after, try host.files.commit(side, to: "side"))
        #expect(try merged.list("d").map(\.name.description) == ["new"])
        #expect(try merged.status("d").mode == 0o711)
    }

    /// Gives the walk something to do between a first name and a later one, and changes the host there.
    private func importChanging(_ change: @escaping () throws -> Void) throws -> Workspace {
        // Read by itself, as soon as it is met.
        try host.write("tree/a/1", [UInt8](repeating: 1, count: 5 << 20))
        for number in 0..<200 { #expect(mkdir(host.path("tree/m\(number)"), 0o755) == 0) }
        #expect(mkdir(host.path("tree/z"), 0o755) == 0)
        #expect(link(host.path("tree/a/1"), host.path("tree/z/1")) == 0)
        var isChanged = false
        let report = try host.files.importDirectory(
            host.path("tree"), to: "main",
            progress: { (done) throws(StoreError) in
                guard !isChanged, done.entries >= 64 else { return }
                isChanged = true
                do { try change() } catch { throw StoreError(.internal, "\(error)") }
            })
        #expect(isChanged)
        return try host.files.open(report.tree)
    }

    @Test func aLaterNameOfAFileThatChangedMeanwhileIsRead() throws {
        let workspace = try importChanging { try host.write("tree/z/1", [2]) }
        #expect(try workspace.status("a/1").size == 5 << 20)
        #expect(try workspace.read("z/1") == [2])
        #expect(try host.importTree("tree").isUnchanged == false)
        #expect(try host.files.open(branch: "main").read("a/1") == [2])
    }

    /// A named defect: the content of a file stood under the names of one that had been given its inode.
    @Test func anotherFileThatHasTheInodeNowIsRead() throws {
        var names: [String] = []
        let workspace = try importChanging {
            var information = stat()
            try #require(lstat(host.path("tree/a/1"), &information) == 0)
            let inode = information.st_ino
            for name in ["tree/a/1", "tree/z/1"] { #expect(unlink(host.path(name)) == 0) }
            // Not every file system gives an inode again.
            for number in 0..<2000 {
                let name = "z/\(number)"
                try host.write("tree/" + name, [2])
                try #require(lstat(host.path("tree/" + name), &information) == 0)
                guard information.st_ino == inode else { continue }
                names = [name, "z/more"]
                #expect(link(host.path("tree/" + name), host.path("tree/z/more")) == 0)
                return
            }
        }
        for name in names { #expect(try workspace.read(try FilePath(name)) == [2]) }
    }

    /// The same of what is given the number of an inode, where the file system gives none again.
    @Test func aFileIsNoLaterNameOfWhatItWasNot() throws {
        let builder = ImportBuilder(
            try host.held.store.makeBatch(), try TreeSource(host.held.store), ImportOptions(), nil)
        var information = stat()
        (information.st_mode, information.st_nlink, information.st_ino) = (S_IFREG | 0o644, 2, 7)
        information.st_size = 100
        information.st_mtim = timespec(tv_sec: 1000, tv_nsec: 5)
        information.st_ctim = timespec(tv_sec: 2000, tv_nsec: 5)
        let first = HostStatus(information)
        for name in ["a", "b"] { try builder.numbers.add(first, bytes(name), nil) }
        try builder.numbers.settle()
        #expect(!builder.isLaterName(first) && builder.isLaterName(first))
        for change: (inout stat) -> Void in [
            { $0.st_size = 101 }, { $0.st_mtim.tv_nsec = 6 }, { $0.st_ctim.tv_sec = 2001 },
            { $0.st_mode = S_IFIFO | 0o644 },
        ] {
            change(&information)
            let other = HostStatus(information)
            #expect(other.identity == first.identity)
            // What is met then has names of its own.
            #expect(!builder.isLaterName(other) && builder.isLaterName(other))
        }
    }
}
