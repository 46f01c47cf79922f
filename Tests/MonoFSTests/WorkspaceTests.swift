import TestSupport
import Testing

@testable import IpldEngine
@testable import MonoFS

@Suite struct WorkspaceTests {
    private static let names = ["a", "b", "c", "\u{e9}", "long name \(String(repeating: "x", count: 50))"]
        .map(bytes)

    private static func path(_ random: inout SplitMix) -> [[UInt8]] {
        (0..<(1 + random.below(3))).map { _ in names[random.below(names.count)] }
    }

    /// A batch of which half is missing is nothing to build on, and a file that lost what was written to it
    /// must not be closed as if nothing had happened.
    @Test func aTreeOfWhichSomethingCouldNotBeStoredHasEnded() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        try workspace.write("small", bytes("text"))
        let writer = try workspace.openForWriting("large", create: 0o644)
        let full = CallbackSource { (_) throws(StoreError) in throw StoreError(.full, "no room") }
        #expect(thrownCode { _ = try workspace.batch().putBytes(from: full) } == .full)
        func hasEnded(_ body: () throws -> Void) -> Bool {
            let error = thrownError(body)
            return error?.code == .invalid && error?.message.hasPrefix("the tree has ended") == true
        }
        #expect(hasEnded { _ = try workspace.read("small") })
        #expect(hasEnded { try workspace.write("other", bytes("text")) })
        #expect(hasEnded { _ = try writer.size })
        #expect(hasEnded { try bytes("x").withUnsafeBytes { try writer.write($0, at: 0) } })
        #expect(hasEnded { try writer.close() })
        #expect(hasEnded { try FileSystem(test.store).commit(workspace, to: "main") })
    }

    /// A directory costs what is in it, however deep it is: none is resolved from the root.
    @Test func directoriesAreListedOneAfterAnotherWhateverTheirDepth() throws {
        let test = try TestStore()
        let made = try Workspace(test.store)
        var deepest: FilePath = "/"
        for level in 0..<300 {
            try made.write(deepest.appending(try FileName("file")), bytes("content"))
            deepest = deepest.appending(try FileName("d"))
            try made.createDirectory(deepest)
            if level == 2 { try made.createDirectory("/d/beside") }
        }
        let batch = try made.batch()
        try batch.setRoot("tree", to: try made.storeTree())
        try batch.commit()
        let workspace = try Workspace(test.store, on: try #require(try test.store.root("tree")))
        // Nothing stays open from one call to the next.
        workspace.memoryLimit = 0
        let before = workspace.source.blocksRead
        let listing = try workspace.listing()
        var found: [String: Int] = [:]
        var order: [String] = []
        while let path = listing.nextDirectory() {
            order.append(path.description)
            while let part = try listing.nextEntries() { found[path.description, default: 0] += part.count }
        }
        #expect(workspace.source.blocksRead - before < 2 * 302)
        #expect(order.prefix(5) == ["/", "d", "d/beside", "d/d", "d/d/d"] && order.count == 302)
        #expect(found["d"] == 3 && found["d/beside"] == 0 && found["d/d"] == 2)
        #expect(try workspace.listing(recursive: false).nextDirectory() == "/")
        let flat = try workspace.listing(of: "/d", recursive: false)
        #expect(flat.nextDirectory() == "/d" && flat.nextDirectory() == nil)
        // What was changed, and what is still open, is seen as it is now.
        try workspace.createDirectory("/d/new")
        try workspace.write("/d/new/file", [1])
        try workspace.remove("/d/file")
        let changed = try workspace.listing(of: "/d", includingTombstones: true)
        #expect(changed.nextDirectory() == "/d")
        #expect(
            try changed.nextEntries()?.map { "\($0.name)" } == ["beside", "d", "file", "new"])
        workspace.abort()
    }

    /// Whatever is done in whatever order, the workspace is what a simple file system would be; what it
    /// stores is what the same entries give in bulk; and it does not matter when it ran out of memory.
    @Test(arguments: 1...24) func aWorkspaceIsAFileSystem(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let test = try TestStore()
        let model = Model()
        var workspaces: [Workspace] = []
        let ticking = [Ticking(), Ticking()]
        for index in 0..<2 {
            workspaces.append(try Workspace(test.store).tick(ticking[index]))
            workspaces[index].rootEntry.modified = .zero
        }
        workspaces[1].memoryLimit = 3000
        for round in 0..<6 {
            for _ in 0..<60 {
                let (path, target) = (Self.path(&random), Self.path(&random))
                let first = FilePath(components: try path.map { try FileName($0) })
                let second = FilePath(components: try target.map { try FileName($0) })
                let content = random.bytes([0, 3, 512, 513, 2000][random.below(5)])
                let mode = UInt16(random.below(0o10000))
                let operation = random.below(12)
                let expected: StoreError.Code?
                let run: (Workspace) throws -> Void
                switch operation {
                case 0, 1, 2:
                    expected = model.write(path, content)
                    run = { try $0.write(first, content) }
                case 3, 4, 5:
                    expected = model.add(path, ModelFile(.directory([:]), 0o755))
                    run = { try $0.createDirectory(first) }
                case 6:
                    expected = model.setMode(path, mode)
                    run = { try $0.setMode(first, mode) }
                case 7:
                    expected = model.link(path, target)
                    run = { try $0.link(first, at: second) }
                case 8:
                    expected = model.rename(path, target)
                    run = { try $0.rename(first, to: second) }
                case 9:
                    expected = model.copy(path, target)
                    run = { try $0.copy(first, to: second) }
                default:
                    expected = model.remove(path, tree: operation == 11)
                    run = { operation == 11 ? try $0.removeTree(first) : try $0.remove(first) }
                }
                for workspace in workspaces {
                    let found = thrownCode { try run(workspace) }
                    try #require(found == expected, "operation \(operation) \(first) \(second)")
                    if let known = workspace.hardLinks {
                        let names = known.filter { !$0.value.isEmpty }
                        try #require(try names == workspace.hardLinkNames(), "operation \(operation)")
                    }
                }
            }
            for workspace in workspaces { try expectEqual(workspace, model) }
            let trees = try workspaces.map { try $0.storeTree() }
            try #require(trees[0] == trees[1])
            for index in 0..<2 {
                let batch = try workspaces[index].batch()
                try batch.setRoot("tree \(index)", to: trees[index])
                try batch.commit()
                workspaces[index].end()
                workspaces[index] = try Workspace(test.store, on: trees[index]).tick(ticking[index])
                if index == 1 { workspaces[index].memoryLimit = 3000 }
                try expectEqual(workspaces[index], model)
            }
            try #require(try rebuilt(trees[0], test.store) == trees[0], "round \(round)")
        }
    }

    /// A named defect of the prototype.
    @Test func aRenameIntoItsOwnSubtreeIsRefusedAndLosesNothing() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        try workspace.createDirectories("a/b/c")
        try workspace.write("a/b/file", [1])
        for target in ["a/b/c/d", "a/b", "a/x", "a/b/../b/y"] as [FilePath] {
            #expect(thrownCode { try workspace.rename("a", to: target) } == .invalid, "\(target)")
        }
        try workspace.createSymlink("shortcut", to: bytes("a/b"))
        #expect(thrownCode { try workspace.rename("a", to: "shortcut/inside") } == .invalid)
        #expect(try workspace.read("a/b/file") == [1])
        try workspace.rename("a", to: "ab")
        #expect(try workspace.read("ab/b/file") == [1])
    }

    /// Named defects of the prototype: it got another CID; and a directory was one block.
    /// Nor one to where no directory can be, or where the sums have no place.
    @Test func aRenameThatIsRefusedHasChangedNothing() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        let deep = try FilePath(String(repeating: "d/", count: Workspace.maximumDepth - 1))
        try workspace.createDirectories(deep)
        try workspace.createDirectory("moved")
        try workspace.write("moved/file", [1])
        let target = deep.appending(try FileName("moved"))
        #expect(thrownCode { try workspace.rename("moved", to: target) } == .tooLarge)
        #expect(try workspace.read("moved/file") == [1])

        // A forged directory that says it holds as much as can be, in a root that says the same.
        let batch = try test.store.makeBatch()
        let (below, above) = (ByteMapBuilder(batch), ByteMapBuilder(batch))
        let file = Entry(.file(.inline([1, 2])))
        var totals = Totals()
        (totals.bytes, totals.entries) = (Totals.maximum, 3)
        try below.append(bytes("x"), try EntryEncoder.encode(file))
        let full = Entry(.directory(Directory(map: try below.finish(), totals: totals)))
        try above.append(bytes("full"), try EntryEncoder.encode(full))
        try above.append(bytes("small"), try EntryEncoder.encode(file))
        let root = Entry(.directory(Directory(map: try above.finish(), totals: totals)))
        let forged = Workspace(TreeSource(test.store, batch), root, version: nil)
        let (small, there): (FilePath, FilePath) = ("small", "full/small")
        #expect(thrownCode { try forged.rename(small, to: there) } == .tooLarge)
        #expect(try forged.read("small") == [1, 2])
        #expect(
            try forged.list(.root, includingTombstones: true).map(\.name.description) == ["full", "small"])
    }

    @Test func anUnchangedTreeStoredAgainIsTheSame() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store).tick(Ticking())
        for number in 0..<5000 { try workspace.write(try FilePath("\(number)"), [1]) }
        let tree = try workspace.storeTree()
        let batch = try workspace.batch()
        try batch.setRoot("tree", to: tree)
        try batch.commit()
        #expect(try test.store.inspect(tree).rawLength < 200)
        let blocks = try test.store.stat().blocks
        let again = try Workspace(test.store, on: tree)
        #expect(try again.storeTree() == tree)
        try again.setMode("/77", 0o600)
        try again.setMode("/77", 0o644)
        #expect(try again.storeTree() == tree)
        again.abort()
        #expect(try test.store.stat().blocks == blocks)
        #expect(try rebuilt(tree, test.store) == tree)
    }

    @Test func listingGoesOnFromAName() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        for number in 0..<3000 {
            try workspace.createFile(try FilePath("\(number)"))
            if number == 1500 { try workspace.flush() }
        }
        for number in stride(from: 0, to: 3000, by: 2) { try workspace.remove(try FilePath("\(number)")) }
        let expected = (0..<3000).filter { $0 % 2 == 1 }.map { bytes("\($0)") }.sorted { $0.precedes($1) }
        var found: [[UInt8]] = []
        var from: FileName?
        while true {
            let part = try workspace.list("/", from: from, limit: 7)
            found += part.map(\.name.bytes)
            guard let last = part.last else { break }
            from = last.name.next
            // Changes behind and before do not disturb it.
            if found.count == 700 { try workspace.remove("1") }
        }
        #expect(found == expected)
        #expect(try workspace.list("/", includingTombstones: true).count == 3000)
        #expect(
            try workspace.list("/", from: try FileName("2998"), limit: 2).map(\.name.description) == [
                "2999", "3",
            ])
        #expect(try workspace.status("/").below?.totals.tombstones == 1501)
    }

    @Test func syncTypesAreInheritedWhenAdded() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        try workspace.createDirectory("raft", sync: .raft)
        try workspace.createDirectories("raft/a/b")
        try workspace.write("raft/a/b/file", [1])
        try workspace.createDirectory("raft/own", sync: .merkleCRDT)
        try workspace.createFile("raft/own/file")
        func sync(_ path: String) throws -> SyncType { try workspace.status(try FilePath(path)).sync }
        #expect(try sync("raft/a/b/file") == .raft && sync("raft/own/file") == .merkleCRDT)
        try workspace.rename("raft/a/b", to: "b")
        #expect(try sync("b") == .raft && sync("b/file") == .raft)
        try workspace.setSync("raft", .default)
        #expect(try sync("raft") == .default && sync("raft/a") == .raft)
        try workspace.createFile("raft/later")
        #expect(try sync("raft/later") == .default)
        try workspace.setSync("raft", .merkleCRDT, recursively: true)
        #expect(try sync("raft/a") == .merkleCRDT && sync("raft/own/file") == .merkleCRDT)
        #expect(try workspace.status("raft/a").replica?.tags.count == 1)
    }

    @Test func tombstonesSayWhatWasThere() throws {
        let test = try TestStore()
        var workspace = try Workspace(test.store).tick(Ticking())
        let content = [UInt8](repeating: 1, count: 5000)
        try workspace.write("file", content)
        try workspace.createDirectories("d/e")
        guard case .stored(let cid, _) = try workspace.content("file") else {
            Issue.record("too small")
            return
        }
        try workspace.remove("file")
        try workspace.removeTree("d")
        #expect(try workspace.list("/").isEmpty)
        let all = try workspace.list("/", includingTombstones: true)
        #expect(all.map(\.name.description) == ["d", "file"])
        guard case .tombstone(let stone) = all[1].entry.content,
            case .tombstone(let directory) = all[0].entry.content
        else {
            Issue.record("no tombstones")
            return
        }
        #expect(stone.kind == .file && stone.content == cid && stone.size == 5000)
        #expect(directory.kind == .directory && all[1].entry.modified > .zero)
        // It keeps nothing alive, and goes when the name comes again.
        let tree = try workspace.storeTree()
        try workspace.batch().hold(tree)
        try workspace.batch().commit()
        workspace = try Workspace(test.store)
        _ = try test.store.gc()
        #expect(try !test.store.has(cid))
        let again = try Workspace(test.store, on: tree)
        #expect(try again.status("/").below?.totals.tombstones == 2)
        try again.createFile("file")
        #expect(try again.status("/").below?.totals.tombstones == 1)
        #expect(thrownCode { try again.remove("d") } == .notFound)
    }

    @Test func hardLinksChangeTogetherAndAreNumberedByTheirNames() throws {
        let test = try TestStore()
        func make(_ order: [Int]) throws -> CID {
            let workspace = try Workspace(test.store).tick(Ticking())
            let fixed = { Timestamp.zero }
            workspace.clock = fixed
            workspace.rootEntry.modified = .zero
            for step in order {
                switch step {
                case 0: try workspace.write("z", [7])
                case 1: try workspace.link("z", at: "a")
                case 2: try workspace.link("z", at: "m")
                default: try workspace.link("a", at: "m")
                }
            }
            try workspace.setMode("m", 0o600)
            try workspace.write("a", [UInt8](repeating: 8, count: 3000))
            for name in ["a", "m", "z"] as [FilePath] {
                #expect(try workspace.status(name).mode == 0o600 && workspace.status(name).size == 3000)
            }
            return try workspace.storeTree()
        }
        #expect(try make([0, 1, 2]) == make([0, 1, 3]))
        let workspace = try Workspace(test.store)
        try workspace.createDirectory("d")
        try workspace.write("d/1", [1])
        try workspace.link("d/1", at: "d/2")
        try workspace.copy("d", to: "copy")
        try workspace.write("copy/1", [2])
        #expect(try workspace.read("copy/2") == [2] && workspace.read("d/2") == [1])
        try workspace.remove("copy/2")
        let tree = try workspace.storeTree()
        try workspace.batch().hold(tree)
        try workspace.batch().commit()
        let again = try Workspace(test.store, on: tree)
        #expect(try again.status("copy/1").hardLink == nil)
        #expect(try again.status("d/1").hardLink == HardLinkGroup(firstPath: "d/1"))
        #expect(try again.status("/").below?.totals.hardLinks == 2)
    }

    /// A named defect: files went on with the numbers of the type that they had, also with those of others.
    @Test func hardLinksAreNumberedByTheirTypes() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store).tick(Ticking())
        try workspace.write("a", [1])
        try workspace.link("a", at: "b")
        try workspace.setSync(.root, .merkleCRDT, recursively: true)
        _ = try workspace.storeTree()
        #expect(try workspace.status("a").hardLink != HardLinkGroup(firstPath: "a"))
        try workspace.setSync(.root, .default, recursively: true)
        _ = try workspace.storeTree()
        for name in ["a", "b"] as [FilePath] {
            #expect(try workspace.status(name).hardLink == HardLinkGroup(firstPath: "a"))
        }
        try workspace.setSync("a", .merkleCRDT)
        try workspace.rename("a", to: "z")
        try workspace.write("a", [1])
        try workspace.link("a", at: "c")
        _ = try workspace.storeTree()
        #expect(try workspace.status("b").hardLink == HardLinkGroup(firstPath: "a"))
        #expect(try workspace.status("z").isSameFile(as: workspace.status("b")))
        #expect(try workspace.status("a").hardLink != HardLinkGroup(firstPath: "a"))
        #expect(try workspace.status("a").hardLink == workspace.status("c").hardLink)
        // With the last of them its number is free again.
        for path in ["b", "z"] as [FilePath] { try workspace.remove(path) }
        _ = try workspace.storeTree()
        #expect(try workspace.status("c").hardLink == HardLinkGroup(firstPath: "a"))
    }

    @Test func filesAreWrittenAnywhere() throws {
        var random = SplitMix(state: 5)
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        for _ in 0..<60 {
            var model: [UInt8] = random.bytes([0, 10, 512, 513, 3000][random.below(5)])
            try workspace.write("file", model)
            let writer = try workspace.openForWriting("file")
            for _ in 0..<random.below(8) {
                if random.below(4) == 0 {
                    let size = random.below(1200)
                    try writer.truncate(to: UInt64(size))
                    model =
                        Array(model.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - model.count))
                } else {
                    let offset = random.below(1200)
                    let piece = random.bytes(1 + random.below(300))
                    try piece.withUnsafeBytes { try writer.write($0, at: UInt64(offset)) }
                    model += [UInt8](repeating: 0, count: max(0, offset + piece.count - model.count))
                    model.replaceSubrange(offset..<(offset + piece.count), with: piece)
                }
                #expect(try writer.size == UInt64(model.count))
                var buffer = [UInt8](repeating: 1, count: model.count)
                let count = try buffer.withUnsafeMutableBytes { try writer.read(at: 0, into: $0) }
                #expect(count == model.count && buffer == model)
            }
            try writer.close()
            #expect(try workspace.read("file") == model)
            let content = try workspace.content("file")
            if case .inline = content { #expect(model.count <= 512) } else { #expect(model.count > 512) }
        }
    }

    @Test func anOpenFileFollowsItsName() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        try workspace.createDirectory("d")
        try workspace.write("d/file", [1])
        let writer = try workspace.openForWriting("d/file")
        try workspace.rename("d", to: "e")
        try [2, 3].withBytes { (bytes) throws in try writer.append(bytes) }
        #expect(thrownCode { _ = try workspace.storeTree() } == .busy)
        try writer.close()
        #expect(try workspace.read("e/file") == [1, 2, 3])
        let gone = try workspace.openForWriting("e/file")
        try workspace.removeTree("e")
        try workspace.write("e", [4])
        try [9].withBytes { (bytes) throws in try gone.append(bytes) }
        try gone.close()
        #expect(try workspace.read("e") == [4])
    }

    @Test func anAppendThatIsStoppedHasAppendedNothing() throws {
        var random = SplitMix(state: 6)
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        try workspace.write("file", [1])
        let much = random.bytes(17 << 20)
        var isEnough = true
        let writer = try workspace.openForWriting("file") { (_) throws(StoreError) in
            if isEnough { throw StoreError(.cancelled, "enough") }
        }
        let stopped = thrownCode { try much.withBytes { (bytes) throws in try writer.append(bytes) } }
        #expect(stopped == .cancelled)
        #expect(try writer.size == 1)
        isEnough = false
        try much.withBytes { (bytes) throws in try writer.append(bytes) }
        try writer.close()
        #expect(try workspace.read("file") == [1] + much)
    }

    @Test func attributesAreAnyValues() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        try workspace.createFile("f")
        try workspace.setAttribute("f", bytes("user.a"), to: .bytes([0, 1]))
        try workspace.setAttribute("f", bytes("note"), to: ["depth": [1, 2, 3]])
        try workspace.setAttribute("f", bytes("big"), to: .bytes([UInt8](repeating: 1, count: 100_000)))
        #expect(try workspace.attribute("f", bytes("note")) == ["depth": [1, 2, 3]])
        #expect(thrownCode { try workspace.setAttribute("f", [], to: 1) } == .invalid)
        #expect(thrownCode { try workspace.setAttribute("f", [1, 0], to: 1) } == .invalid)
        #expect(thrownCode { try workspace.setAttribute("f", [1], to: .float(.nan)) } == .invalid)
        #expect(
            thrownCode {
                try workspace.setAttribute("f", [1], to: .bytes([UInt8](repeating: 1, count: 5 << 20)))
            } == .tooLarge)
        #expect(thrownCode { try workspace.removeAttribute("f", [1]) } == .notFound)
        let tree = try workspace.storeTree()
        try workspace.batch().hold(tree)
        try workspace.batch().commit()
        let again = try Workspace(test.store, on: tree)
        #expect(try again.status("f").attributes.elements.count == 3)
        #expect(try again.attribute("f", bytes("big")) == .bytes([UInt8](repeating: 1, count: 100_000)))
        try again.removeAttribute("f", bytes("big"))
        #expect(try again.status("f").attributes.elements.count == 2)
    }

    /// A named defect: a tree could become so deep that nobody could list or store it whole.
    @Test func nothingIsPutWhereItWouldBeTooDeep() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        func chain(_ start: String, _ count: Int, _ end: String = "") throws -> FilePath {
            let names = [start] + [String](repeating: "d", count: count - 1) + [end]
            return try FilePath(names.joined(separator: "/"))
        }
        let half = Workspace.maximumDepth / 2
        // With the root, as many as there may be where one is in the other; wide, so that all are looked at.
        try workspace.createDirectories(try chain("a", half))
        try workspace.createDirectories(try chain("b", half - 1))
        for number in 0..<half { try workspace.write(try FilePath("b/wide-\(number)"), [1]) }
        func below(_ name: String) throws -> FilePath { try chain("a", half, name) }
        #expect(thrownCode { try workspace.copy("a", to: below("x")) } == .tooLarge)
        #expect(thrownCode { try workspace.rename("b", to: below("x/y")) } == .notFound)
        try workspace.copy("b", to: below("x"))
        try workspace.rename("b", to: "c")
        try workspace.createDirectory(try chain("c", half))
        #expect(thrownCode { try workspace.rename("c", to: below("y")) } == .tooLarge)
        #expect(thrownCode { try workspace.copy("c", to: below("y")) } == .tooLarge)
        try workspace.remove(try chain("c", half))
        try workspace.rename("c", to: below("y"))
        let tree = try workspace.storeTree()
        try workspace.batch().hold(tree)
        try workspace.batch().commit()
        let again = try Workspace(test.store, on: tree)
        var deepest = 0
        let walk = try again.walk()
        while let (path, _) = try walk.next() { deepest = max(deepest, path.components.count) }
        #expect(deepest == Workspace.maximumDepth - 1)
    }

    /// A named defect: the copy was of what was stored last, and could not be read.
    @Test func aCopyOfTheRootHasWhatIsThere() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        try workspace.createDirectory("a")
        try workspace.createSymlink("link", to: bytes("a"))
        try workspace.copy("/", to: "x")
        try workspace.write("a/new", [1])
        try workspace.copy("link", to: "y", followingLinks: true)
        let tree = try workspace.storeTree()
        try workspace.batch().hold(tree)
        try workspace.batch().commit()
        let again = try Workspace(test.store, on: tree)
        #expect(try again.list("x").map(\.name.description) == ["a", "link"])
        #expect(try again.list("y").map(\.name.description) == ["new"])
        #expect(try rebuilt(tree, test.store) == tree)
        // Later, it is not that of the version before.
        try again.remove("a/new")
        try again.removeTree("x")
        try again.copy("/", to: "z")
        #expect(try again.list("z").map(\.name.description) == ["a", "link", "y"])
        #expect(try again.list("z/a").isEmpty)
    }

    @Test func aDirectoryThatWasNotStoredHasNoEncoding() throws {
        var directory = Directory()
        directory.totals.entries = 1
        #expect(thrownCode { _ = try EntryEncoder.encode(Entry(.directory(directory))) } == .internal)
    }

    /// A named defect: a directory took the place of the link.
    @Test func directoriesAreNotMadeInThePlaceOfABrokenLink() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        try workspace.createSymlink("far", to: bytes("no/where"))
        try workspace.createSymlink("near", to: bytes("nowhere"))
        for path in ["far", "near", "far/a/b", "near/a/b"] as [FilePath] {
            #expect(thrownCode { try workspace.createDirectories(path) } == .notFound, "\(path)")
        }
        #expect(try workspace.target("far") == bytes("no/where"))
        #expect(try workspace.list("/").map(\.entry.kind) == [.symlink, .symlink])
    }

    /// A named defect: what was written was lost with one of the file's names.
    @Test func anOpenFileHasItsOtherNamesStill() throws {
        let test = try TestStore()
        func open(_ change: (Workspace) throws -> Void) throws -> Workspace {
            let workspace = try Workspace(test.store)
            try workspace.createDirectory("d")
            try workspace.write("d/f", bytes("old"))
            try workspace.link("d/f", at: "g")
            try workspace.write("other", bytes("other"))
            let writer = try workspace.openForWriting("d/f")
            try bytes("new").withBytes { (bytes) throws in try writer.write(bytes, at: 0) }
            try change(workspace)
            try writer.close()
            _ = try workspace.storeTree()
            return workspace
        }
        func isWritten(_ path: FilePath, _ change: (Workspace) throws -> Void) throws -> Bool {
            try open(change).read(path) == bytes("new")
        }
        #expect(try isWritten("g") { try $0.remove("d/f") })
        #expect(try isWritten("g") { try $0.removeTree("d") })
        #expect(try isWritten("g") { try $0.rename("other", to: "d/f") })
        #expect(try isWritten("g") { try $0.copy("other", to: "d/f") })
        #expect(try isWritten("d/f") { try $0.rename("g", to: "d/f") })
        #expect(
            try isWritten("h") {
                try $0.remove("d/f")
                try $0.rename("g", to: "h")
            })
        let whole = try open { (_) in }
        let tree = try whole.storeTree()
        try whole.batch().hold(tree)
        try whole.batch().commit()
        #expect(try isWritten("g") { try $0.restore("d", from: "d", of: tree) })
        // With the last of its names it goes.
        let gone = try open {
            try $0.remove("d/f")
            try $0.remove("g")
        }
        #expect(try gone.lookup("g") == nil)
        #expect(try open { try $0.rename("other", to: "d/f") }.read("d/f") == bytes("other"))
    }

    /// As POSIX has it. A named defect: the old name went.
    @Test(arguments: [SyncType.default, .merkleCRDT])
    func aNameIsNotMovedToAnotherOfTheSameFile(sync: SyncType) throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store).tick(Ticking())
        try workspace.setSync("/", sync)
        try workspace.createDirectory("d")
        try workspace.write("a", [1])
        for name in ["b", "d/c"] as [FilePath] { try workspace.link("a", at: name) }
        let before = try workspace.storeTree()
        for name in ["b", "d/c"] as [FilePath] { try workspace.rename("a", to: name) }
        try workspace.rename("d/c", to: "b")
        #expect(try workspace.storeTree() == before)
        #expect(try workspace.read("a") == [1])
    }

    /// What is written to it goes nowhere in any case; it is said why.
    @Test func aRemovedFileIsWrittenUntilItsTreeIsCommitted() throws {
        let test = try TestStore()
        let files = FileSystem(test.store)
        let workspace = try files.open(branch: "main")
        let piece = [UInt8](repeating: 7, count: 3000)
        func write(_ writer: FileWriter) throws {
            try piece.withBytes { (bytes) throws in try writer.append(bytes) }
        }
        try workspace.write("file", piece)
        let writer = try workspace.openForWriting("file")
        try write(writer)
        try workspace.remove("file")
        try write(writer)
        try files.commit(workspace, to: "main")
        let error = thrownError { try write(writer) }
        #expect(error?.code == .invalid && error?.message.contains("was committed") == true)
        #expect(thrownError { try writer.truncate(to: 1) }?.message == error?.message)
        try writer.close()
        #expect(try workspace.list("/").isEmpty)
    }

    /// A named defect: a leaf of a directory was read and decoded for every name in it.
    @Test func hardLinksAreGoneThroughInOrder() throws {
        let test = try TestStore()
        let files = FileSystem(test.store)
        let workspace = try files.open(branch: "main").tick(Ticking())
        try workspace.createDirectory("d")
        let count = 1500
        for number in 0..<count {
            try workspace.write(try FilePath("d/\(number)a"), [1])
            try workspace.link(try FilePath("d/\(number)a"), at: try FilePath("d/\(number)b"))
        }
        let first = try files.commit(workspace, to: "main")
        let copied = try files.open(first).tick(Ticking())
        try copied.copy("d", to: "e")
        _ = try copied.storeTree()
        #expect(copied.source.blocksRead < UInt64(count / 2))
        #expect(try copied.status("e/7a").hardLink == HardLinkGroup(firstPath: "e/7a"))
        #expect(try copied.status("e/7b").hardLink == HardLinkGroup(firstPath: "e/7a"))
    }

    /// Its old size and its new one together have no place.
    @Test func aFileOfHalfOfAllBytesIsChangedAsAnyOther() throws {
        let test = try TestStore()
        let files = FileSystem(test.store)
        let workspace = try files.open(branch: "main")
        try workspace.write("b", [])
        try workspace.truncate("b", to: 1 << 62)
        try files.commit(workspace, to: "main")
        try workspace.setMode("b", 0o600)
        try workspace.rename("b", to: "a")
        let last = try files.commit(workspace, to: "main")
        #expect(try files.open(last).status("a").mode == 0o600)
        #expect(try files.open(last).status("/").below?.totals.bytes == 1 << 62)
    }

    /// A named defect: each of the names that a change is of was looked up several times, by turns.
    @Test func aChangeReadsWhatItsNamesHaveOnce() throws {
        let test = try TestStore()
        let source = TreeSource(test.store, try test.store.makeBatch())
        let made = Workspace(source, Entry(.directory(Directory()), mode: 0o755), version: nil)
        for number in 10_000..<14_000 { try made.write(try FilePath("a\(number)"), [1]) }
        _ = try made.storeTree()
        func names(_ number: Int) throws -> (FilePath, FilePath) {
            (try FilePath("a\(10_000 + 37 * number)"), try FilePath("a\(13_999 - 37 * number)"))
        }
        var blocks: [UInt64] = []
        for renames in [false, true] {
            let workspace = Workspace(source, made.rootEntry, version: nil)
            let before = source.blocksRead
            for number in 0..<50 {
                let (path, target) = try names(number)
                if renames {
                    try workspace.rename(path, to: target)
                } else {
                    _ = try (workspace.status(path), workspace.status(target))
                }
            }
            blocks.append(source.blocksRead - before)
        }
        #expect(blocks[1] <= blocks[0] + 10, "\(blocks)")
    }
}
