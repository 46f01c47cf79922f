import Testing

@testable import IpldEngine
@testable import MonoFS

@Suite struct RestoreTests {
    private let test: TestStore
    private let files: FileSystem
    private let ticking = Ticking()

    init() throws {
        test = try TestStore()
        files = FileSystem(test.store)
    }

    private func change(_ branch: String = "main", _ body: (Workspace) throws -> Void) throws -> CID {
        let workspace = try files.open(branch: branch).tick(ticking)
        try body(workspace)
        return try files.commit(workspace, to: branch)
    }

    private func start(sync: SyncType = .default) throws -> CID {
        try change { (workspace) in
            try workspace.setSync(.root, sync)
            try workspace.createDirectories("d/e")
            for path in ["a", "b", "d/c"] as [FilePath] { try workspace.write(path, [1]) }
            try workspace.link("a", at: "d/hard")
            try workspace.setMode(.root, 0o700)
        }
    }

    @Test(arguments: SyncType.allCases) func restoringWhatIsThereMakesNoVersion(sync: SyncType) throws {
        let first = try start(sync: sync)
        for path in [.root, "a", "d", "d/c", "d/hard"] as [FilePath] {
            #expect(try change { try $0.restore(path, from: path, of: first) } == first, "\(path)")
        }
        #expect(try change { try $0.copy("b", to: "d/c") } != first)
        let copied = try #require(try files.branch("main"))
        #expect(try change { try $0.copy("b", to: "d/c") } == copied)
    }

    @Test(arguments: SyncType.allCases) func aWholeBranchIsRestored(sync: SyncType) throws {
        let first = try start(sync: sync)
        _ = try change { (workspace) in
            try workspace.write("a", [2])
            try workspace.removeTree("d")
            try workspace.write("new", [3])
            try workspace.createDirectories("more/below")
            try workspace.setMode(.root, 0o755)
            try workspace.setAttribute(.root, bytes("user.x"), to: .bytes([1]))
        }
        let last = try change { try $0.restore(.root, from: .root, of: first) }
        let diff = try files.diff(from: first, to: last)
        while let change = try diff.next() {
            // Of this type, values have new tags, and a directory's time goes forward only.
            let isOfReplica = change.aspects.subtracting([.other, .time]).isEmpty && change.kind == .modified
            if sync == .merkleCRDT, isOfReplica { continue }
            Issue.record("\(change.kind) \(change.path) \(change.aspects)")
        }
        let workspace = try files.open(last)
        #expect(try workspace.list(.root).map(\.name.description) == ["a", "b", "d"])
        #expect(try workspace.status(.root).mode == 0o700 && workspace.status(.root).attributes.isEmpty)
        #expect(try workspace.status("a").hardLink != nil)
        #expect(try workspace.status("a").hardLink == workspace.status("d/hard").hardLink)
        // What went has its tombstone.
        let all = try workspace.list(.root, includingTombstones: true)
        #expect(all.filter(\.entry.isTombstone).map(\.name.description) == ["more", "new"])
        #expect(try change { try $0.restore("/", from: "/", of: first) } == last)
    }

    /// Also where it was removed: what it has then is what it had, and wins over its removal.
    @Test(arguments: SyncType.allCases) func aDirectoryComesBackWithWhatWasInIt(sync: SyncType) throws {
        let first = try start(sync: sync)
        let removed = try change { try $0.removeTree("d") }
        let last = try change { try $0.restore("d", from: "d", of: first) }
        for version in [last, try merged(last, with: removed)] {
            let workspace = try files.open(version)
            #expect(try workspace.list("d").map(\.name.description) == ["c", "e", "hard"])
            #expect(try workspace.read("d/c") == [1])
        }
    }

    private func merged(_ version: CID, with other: CID) throws -> CID {
        let (workspace, conflicts) = try files.merge(version, other)
        #expect(conflicts.isEmpty)
        try files.fork("merged", at: version)
        return try files.commit(workspace, to: "merged")
    }

    @Test func aBranchCanBeWhatADirectoryIs() throws {
        let first = try start()
        let last = try change { try $0.restore(.root, from: "d", of: first) }
        #expect(try files.open(last).list(.root).map(\.name.description) == ["c", "e", "hard"])
        let code = thrownCode { _ = try change { try $0.restore(.root, from: "a", of: first) } }
        #expect(code == .exists)
    }

    /// A named defect: where another file of the directory was alone since, it became one of its own.
    @Test(arguments: SyncType.allCases) func aFileWithANameElsewhereStaysOne(sync: SyncType) throws {
        let first = try change { (workspace) in
            try workspace.setSync(.root, sync)
            try workspace.createDirectory("c")
            // Where the others are merkle-crdt, too.
            try workspace.createDirectory("c/d", sync: .default)
            let names: [(FilePath, FilePath)] = [
                ("a", "c/a"), ("b", "c/b"), ("e", "c/d/e"), ("f", "c/d/f"),
            ]
            for (number, (path, other)) in names.enumerated() {
                try workspace.write(path, [UInt8(number)])
                try workspace.link(path, at: other)
            }
        }
        let last = try change { (workspace) in
            for path in ["b", "f"] as [FilePath] { try workspace.remove(path) }
        }
        for path in ["c", "c/d"] as [FilePath] {
            #expect(try change { try $0.restore(path, from: path, of: first) } == last, "\(path)")
        }
        // Where it differs, it comes as what was there then.
        _ = try change { try $0.write("c/d/f", [9]) }
        let restored = try files.open(try change { try $0.restore("c", from: "c", of: first) })
        #expect(try restored.read("c/d/f") == [3] && restored.read("c/d/e") == [2])
    }

    /// A named defect: nobody was told, and the file had what it had before.
    @Test(arguments: SyncType.allCases, ["/", "d"])
    func whatIsWrittenToAFileThatStaysIsNotLost(sync: SyncType, path: String) throws {
        let first = try start(sync: sync)
        _ = try change { (workspace) in
            try workspace.write("d/more", [2])
            try workspace.write("d/e/new", [2])
            try workspace.setMode(.root, 0o755)
        }
        let workspace = try files.open(branch: "main").tick(ticking)
        let written = try ["d/c", "b", "d/hard"].map { try workspace.openForWriting(try FilePath($0)) }
        let lost = try workspace.openForWriting("d/e/new")
        for writer in written + [lost] {
            try [9, 9].withBytes { (bytes) throws in try writer.write(bytes, at: 0) }
        }
        try workspace.restore(try FilePath(path), from: try FilePath(path), of: first)
        for writer in written + [lost] { try writer.close() }
        #expect(try workspace.read("d/c") == [9, 9] && workspace.read("b") == [9, 9])
        // Its other name, if it went from the one that it was opened by.
        #expect(try workspace.read("a") == [9, 9] || workspace.read("d/hard") == [9, 9])
        #expect(try workspace.lookup("d/more") == nil && workspace.lookup("d/e/new") == nil)
        _ = try files.commit(workspace, to: "main")
    }

    /// The name that it was opened by goes, and another stays.
    @Test(arguments: SyncType.allCases) func anOpenFileGoesOnByItsOtherName(sync: SyncType) throws {
        let first = try start(sync: sync)
        _ = try change { try $0.link("a", at: "d/another") }
        let workspace = try files.open(branch: "main").tick(ticking)
        let writer = try workspace.openForWriting("d/another")
        try [9, 9].withBytes { (bytes) throws in try writer.write(bytes, at: 0) }
        try workspace.restore(.root, from: .root, of: first)
        try writer.close()
        #expect(try workspace.lookup("d/another") == nil)
        #expect(try workspace.read("a") == [9, 9] && workspace.read("d/hard") == [9, 9])
    }

    /// What is written to a file that a restore gives other bytes goes nowhere.
    @Test(arguments: SyncType.allCases, ["/", "d", "d/c"])
    func aRestoredFileHasWhatWasRestored(sync: SyncType, path: String) throws {
        let first = try start(sync: sync)
        _ = try change { try $0.write("d/c", [2]) }
        let workspace = try files.open(branch: "main").tick(ticking)
        let writer = try workspace.openForWriting("d/c")
        try [9, 9].withBytes { (bytes) throws in try writer.write(bytes, at: 0) }
        try workspace.restore(try FilePath(path), from: try FilePath(path), of: first)
        try writer.close()
        #expect(try workspace.read("d/c") == [1])
    }

    /// A named defect: what had been in it was removed when the file had been written, and the directory came
    /// back with another mode.
    @Test func aFileInThePlaceOfADirectoryOfAReplicaRemovesItNow() throws {
        let first = try change { (workspace) in
            try workspace.createDirectory("c", sync: .merkleCRDT)
            try workspace.write("c/n", [1])
            try workspace.setModified("c/n", Timestamp(seconds: 10) ?? .zero)
        }
        let second = try change { (workspace) in
            try workspace.remove("c/n")
            try workspace.createDirectory("c/n", mode: 0o2755)
            try workspace.write("c/n/x", [2])
        }
        let restored = try change { try $0.restore("c/n", from: "c/n", of: first) }
        #expect(try files.compactTombstones("main", before: Timestamp(seconds: 500) ?? .zero).dropped == 0)
        try files.fork("other", at: second)
        let added = try change("other") { try $0.write("c/n/y", [3]) }
        let workspace = try files.open(try merged(restored, with: added))
        #expect(try workspace.list("c/n").map(\.name.description) == ["y"])
        #expect(try workspace.status("c/n").mode == 0o2755)
    }

    /// A named defect: all changes of the tree were stored before each directory that was restored.
    @Test func whatElseIsChangedStaysInMemory() throws {
        let first = try change { (workspace) in
            try workspace.createDirectories("d/e")
            try workspace.write("d/c", [1])
            for path in ["d/e/c", "c"] as [FilePath] { try workspace.link("d/c", at: path) }
            try workspace.createDirectory("other")
            try workspace.write("other/f", [1])
        }
        _ = try change { (workspace) in
            try workspace.write("d/more", [2])
            try workspace.write("other/f", [2])
        }
        let workspace = try files.open(branch: "main").tick(ticking)
        try workspace.write("pending", [2])
        let pending = try FileName("pending")
        for (path, from) in [("other", "other"), ("d", "d"), ("copy", "d")] as [(FilePath, FilePath)] {
            try workspace.restore(path, from: from, of: first)
            #expect(workspace.root.changes[pending] != nil, "\(path)")
        }
        #expect(try workspace.lookup("d/more") == nil)
        #expect(try workspace.read("other/f") == [1])
        // They are one file, and that which they were restored from is another.
        try workspace.write("copy/c", [4])
        #expect(try workspace.read("copy/e/c") == [4] && workspace.read("d/c") == [1])
        #expect(try workspace.read("d/e/c") == [1] && workspace.read("c") == [1])
        let last = try files.open(try files.commit(workspace, to: "main"))
        #expect(try last.status("copy/c").hardLink == HardLinkGroup(firstPath: "copy/c"))
        #expect(try last.status("copy/e/c").hardLink == HardLinkGroup(firstPath: "copy/c"))
        #expect(try last.status("d/e/c").hardLink == HardLinkGroup(firstPath: "d/c"))
        #expect(try last.status("d/c").hardLink == HardLinkGroup(firstPath: "d/c"))
        #expect(try last.status("c").hardLink == nil && last.read("pending") == [2])
    }

    /// A named defect: NOT_FOUND, once the link was gone.
    @Test(arguments: SyncType.allCases) func aLinkOnTheWayMayBeReplaced(sync: SyncType) throws {
        let first = try start(sync: sync)
        _ = try change { (workspace) in
            try workspace.createSymlink("link", to: bytes("d"))
            try workspace.write("a", [2])
        }
        let last = try change { try $0.restore("link/..", from: "/", of: first) }
        let workspace = try files.open(last)
        #expect(try workspace.list(.root).map(\.name.description) == ["a", "b", "d"])
        #expect(try workspace.read("a") == [1])
    }

    /// A named defect: what was removed elsewhere came back, because its names were given other numbers.
    @Test func namesThatAreThereAreNotRestored() throws {
        let first = try change { (workspace) in
            try workspace.createDirectory("d", sync: .merkleCRDT)
            for path in ["d/p", "d/r"] as [FilePath] { try workspace.write(path, [1]) }
            try workspace.link("d/p", at: "d/q")
            try workspace.link("d/r", at: "d/s")
        }
        try files.fork("other", at: first)
        let removed = try change("other") { (workspace) in
            for path in ["d/p", "d/q"] as [FilePath] { try workspace.remove(path) }
        }
        _ = try change { (workspace) in
            try workspace.remove("d/s")
            try workspace.rename("d/r", to: "r")
        }
        let restored = try change { try $0.restore("d", from: "d", of: first) }
        let workspace = try files.open(restored)
        for path in ["d/p", "d/q"] as [FilePath] {
            #expect(try workspace.status(path) == files.open(first).status(path))
        }
        // Those that come are one file, and that which has gone from there is another.
        let numbers = try ["d/r", "d/s", "r"].map { try workspace.status(try FilePath($0)).hardLink }
        #expect(numbers[0] != nil && numbers[0] == numbers[1] && numbers[0] != numbers[2])
        // As they are now, although the version has them by another number.
        #expect(try change { try $0.restore("d", from: "d", of: first) } == restored)
        let both = try files.open(try merged(restored, with: removed))
        #expect(try both.list("d").map(\.name.description) == ["r", "s"])
    }

    /// A named defect: each restore of a directory of files that have other names elsewhere was a version.
    @Test(arguments: SyncType.allCases) func whatWasRestoredIsThere(sync: SyncType) throws {
        let first = try change { (workspace) in
            try workspace.createDirectory("m", sync: sync)
            for directory in ["c", "m/c"] {
                try workspace.createDirectory(try FilePath(directory), sync: .default)
                func path(_ name: String) throws -> FilePath { try FilePath("\(directory)/\(name)") }
                for name in ["x", "z", "p"] { try workspace.write(try path(name), [1]) }
                try workspace.link(try path("x"), at: try path("y"))
                let other = directory == "c" ? "" : "-"
                // One with a name here, and one with two.
                try workspace.link(try path("p"), at: try FilePath("a" + other))
                try workspace.link(try path("z"), at: try path("q"))
                try workspace.link(try path("z"), at: try FilePath("b" + other))
            }
        }
        for (path, from) in [("c", "c"), ("m", "m"), ("copy", "m"), ("/", "c"), ("/", "m")] {
            if try files.branch("again") != nil { try files.removeBranch("again") }
            try files.fork("again", at: first)
            let (path, from) = (try FilePath(path), try FilePath(from))
            if from == path { _ = try change("again") { try $0.removeTree(path) } }
            let last = try change("again") { try $0.restore(path, from: from, of: first) }
            #expect(try change("again") { try $0.restore(path, from: from, of: first) } == last, "\(path)")
            let workspace = try files.open(last)
            let below = try FilePath(path.description + (from == "m" ? "/c" : ""))
            func entry(_ name: FileName) throws -> Entry { try workspace.status(below.appending(name)) }
            for (a, b) in [("x", "y"), ("z", "q")] {
                #expect(try entry(FileName(a)).hardLink != nil)
                #expect(try entry(FileName(a)).isSameFile(as: entry(FileName(b))))
            }
            #expect(try entry(FileName("p")).hardLink == nil)
        }
    }

    /// A named defect: each was a version, where a file of which one name comes has the number that another
    /// has there.
    @Test(arguments: SyncType.allCases) func whatWasRestoredFromAnotherPathIsThere(sync: SyncType) throws {
        let first = try change { (workspace) in
            try workspace.setSync(.root, sync)
            for path in ["a", "b"] as [FilePath] { try workspace.createDirectory(path) }
            try workspace.write("a/a", [1])
            try workspace.link("a/a", at: "b/b")
            try workspace.write("b/a", [2])
            try workspace.link("b/a", at: "b/c")
        }
        let restored = try change { try $0.restore("a", from: "b", of: first) }
        #expect(restored != first)
        for _ in 0..<2 { #expect(try change { try $0.restore("a", from: "b", of: first) } == restored) }
        let workspace = try files.open(restored)
        #expect(try workspace.status("a/a").hardLink != nil)
        #expect(try workspace.status("a/a").isSameFile(as: workspace.status("a/c")))
        #expect(try !workspace.status("a/a").isSameFile(as: workspace.status("b/a")))
        // Each is alone; of this type it keeps a number, and not that of the other.
        let numbers = try ["a/b", "b/b"].map { try workspace.status(try FilePath($0)).hardLink }
        #expect(sync == .merkleCRDT ? numbers[0] != numbers[1] : numbers == [nil, nil])
    }

    /// A named defect: all names that share files were gone through for each file that is open.
    @Test func namesAreGoneThroughOnceForAllOpenFiles() throws {
        let batch = try test.store.makeBatch()
        let source = TreeSource(test.store, batch)
        let made = Workspace(source, Entry(.directory(Directory()), mode: 0o755), version: nil)
        func path(_ name: String, _ number: Int) throws -> FilePath { try FilePath("\(name)\(number)") }
        for number in 0..<2000 {
            try made.write(try path("a", number), [1])
            try made.link(try path("a", number), at: try path("b", number))
        }
        _ = try made.storeTree()
        let before = made.rootEntry
        try made.setMode(.root, 0o700)
        _ = try made.storeTree()
        func blocks(_ count: Int) throws -> UInt64 {
            let workspace = Workspace(source, made.rootEntry, version: nil)
            let writers = try (0..<count).map { try workspace.openForWriting(try path("a", $0 * 31)) }
            for writer in writers { try [9].withBytes { (bytes) throws in try writer.write(bytes, at: 0) } }
            let read = source.blocksRead
            try workspace.restore(.root, before)
            let blocks = source.blocksRead - read
            for writer in writers { try writer.close() }
            #expect(try workspace.read("b31") == (count > 1 ? [9] : [1]))
            return blocks
        }
        let (one, many) = (try blocks(1), try blocks(60))
        #expect(many < one + 60 * 12, "\(one), \(many)")
    }

    /// A named defect: one was given the number of the other, and they were one file, or two of one.
    @Test(arguments: SyncType.allCases) func filesThatAreAlikeAreNotTied(sync: SyncType) throws {
        func make(_ workspace: Workspace, _ name: String, _ other: String) throws {
            workspace.clock = { .zero }
            try workspace.write(try FilePath(name), [1])
            try workspace.link(try FilePath(name), at: try FilePath(other))
        }
        let first = try change { (workspace) in
            try workspace.createDirectory("d", sync: sync)
            try workspace.createDirectory("d/s")
            try make(workspace, "d/a", "d/b")
            try make(workspace, "d/c", "d/e")
            try make(workspace, "d/g", "d/s/x")
        }
        _ = try change { (workspace) in
            for path in ["d/c", "d/e", "d/g"] as [FilePath] { try workspace.remove(path) }
            try workspace.rename("d/a", to: "d/c")
            try workspace.rename("d/b", to: "d/e")
            try make(workspace, "d/n", "d/g")
        }
        let last = try change { try $0.restore("d", from: "d", of: first) }
        let workspace = try files.open(last)
        let numbers = try ["d/a", "d/b", "d/c", "d/e", "d/g", "d/s/x"].map {
            try workspace.status(try FilePath($0)).hardLink
        }
        #expect(!numbers.contains(nil) && Set(numbers).count == 3)
        #expect(numbers[0] == numbers[1] && numbers[2] == numbers[3] && numbers[4] == numbers[5])
        #expect(try change { try $0.restore("d", from: "d", of: first) } == last)
    }

    /// A named defect: each name was looked up from the root. All kinds of changes in each directory; blocks
    /// are read so many times, whatever the depth.
    @Test(arguments: SyncType.allCases) func aDeepTreeIsRestoredDirectoryByDirectory(sync: SyncType) throws {
        let depth = 300
        func path(_ count: Int) throws -> FilePath {
            FilePath(components: [FileName](repeating: try FileName("d"), count: count))
        }
        func change(_ workspace: Workspace, _ changes: (FilePath) throws -> Void) throws -> Entry {
            for count in 0..<depth { try changes(try path(count)) }
            _ = try workspace.storeTree()
            return workspace.rootEntry
        }
        let batch = try test.store.makeBatch()
        let source = TreeSource(test.store, batch)
        let workspace = Workspace(source, Entry(.directory(Directory()), mode: 0o755), version: nil)
        try workspace.setSync(.root, sync)
        try workspace.createDirectories(try path(depth))
        let before = try change(workspace) { (path) in
            let (a, b) = (path.appending(try FileName("a")), path.appending(try FileName("b")))
            try workspace.write(a, [1])
            try workspace.write(b, [2])
            try workspace.link(b, at: path.appending(try FileName("c")))
            try workspace.setMode(path, 0o700)
        }
        let now = try change(workspace) { (path) in
            try workspace.write(path.appending(try FileName("a")), [3])
            try workspace.remove(path.appending(try FileName("b")))
            try workspace.write(path.appending(try FileName("new")), [4])
            try workspace.setMode(path, 0o755)
        }
        let restoring = Workspace(source, now, version: nil)
        let read = source.blocksRead
        try restoring.restore(.root, before)
        let blocks = source.blocksRead - read
        #expect(blocks < UInt64(20 * depth), "\(blocks)")
        for count in stride(from: 0, to: depth, by: 50) {
            let path = try path(count)
            let names = try restoring.list(path).map(\.name.description)
            #expect(names == ["a", "b", "c", "d"])
            #expect(try restoring.read(path.appending(try FileName("a"))) == [1])
            #expect(try restoring.status(path).mode == 0o700)
            let (b, c) = (path.appending(try FileName("b")), path.appending(try FileName("c")))
            #expect(try restoring.status(b).isSameFile(as: restoring.status(c)))
        }
    }
}
