import Testing

@testable import IpldEngine
@testable import MonoFS

/// Where paths lead.
@Suite struct PathTests {
    @Test func linksAreFollowedAndErrorsToldApart() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        try workspace.createDirectories("d/e")
        try workspace.write("d/file", [1, 2])
        try workspace.createSymlink("relative", to: bytes("d/file"))
        try workspace.createSymlink("d/e/up", to: bytes("../../d/file"))
        try workspace.createSymlink("d/e/absolute", to: bytes("/d"))
        try workspace.createSymlink("beyond", to: bytes("../../../d/e/absolute/file"))
        try workspace.createSymlink("broken", to: bytes("nowhere"))
        try workspace.createSymlink("brokenOnTheWay", to: bytes("nowhere/else"))
        try workspace.createSymlink("self", to: bytes("self"))
        try workspace.createSymlink("ping", to: bytes("pong"))
        try workspace.createSymlink("pong", to: bytes("d/../ping/x"))
        try workspace.createSymlink("root", to: bytes("/"))
        try workspace.createSymlink("link0", to: bytes("d/file"))
        for number in 1...11 {
            try workspace.createSymlink(try FilePath("link\(number)"), to: bytes("link\(number - 1)"))
        }
        for path in ["relative", "d/e/up", "d/e/absolute/file", "beyond", "root/root/d/file", "link9"] {
            #expect(try workspace.read(try FilePath(path)) == [1, 2], "\(path)")
        }
        func error(_ path: String) -> StoreError? {
            thrownError { _ = try workspace.read(try FilePath(path)) }
        }
        #expect(error("link10")?.code == .tooLarge && error("link11")?.systemError == 40)
        #expect(error("self")?.code == .invalid && error("self")?.systemError == 40)
        #expect(error("ping")?.code == .invalid && error("pong/y")?.systemError == 40)
        #expect(error("broken")?.code == .notFound && error("broken")?.message.contains("broken") == true)
        #expect(error("brokenOnTheWay")?.code == .notFound)
        #expect(error("d/file/x")?.systemError == 20 && error("d")?.systemError == 21)
        // Two links that are used one after another, often, are not deep.
        let often = try FilePath(String(repeating: "root/d/e/absolute/../", count: 30) + "d/file")
        #expect(try workspace.read(often) == [1, 2])
        // A hostile tree cannot make a path cost more than so much.
        try workspace.createSymlink("wide0", to: bytes(String(repeating: "root/", count: 600)))
        for number in 1...8 {
            let target = String(repeating: "wide\(number - 1)/", count: 600)
            try workspace.createSymlink(try FilePath("wide\(number)"), to: bytes(target))
        }
        #expect(error("wide8/d")?.code == .tooLarge)
        #expect(try workspace.lookup("broken", followingLinks: true) == nil)
        #expect(try workspace.lookup("broken")?.kind == .symlink)
        // Writing through a broken link makes what it names.
        try workspace.write("broken", [5])
        #expect(try workspace.read("nowhere") == [5])
    }

    @Test func linksToCIDsAreReadAndNotWritten() throws {
        let test = try TestStore()
        let other = try Workspace(test.store)
        try other.createDirectories("x/y")
        try other.write("x/y/file", [9])
        try other.createSymlink("abs", to: bytes("/x/y/file"))
        let tree = try other.storeTree()
        let map = try #require(other.rootEntry.below?.map)
        try other.batch().hold(tree)
        try other.batch().commit()
        let content = [UInt8](repeating: 3, count: 4000)
        let file = try content.withUnsafeBytes { try test.store.putBytes($0) }
        let absent = EntryTests.node
        let workspace = try Workspace(test.store)
        for (name, cid) in [("tree", tree), ("map", map), ("file", file), ("gone", absent)] {
            try workspace.createSymlink(try FilePath(name), to: cid)
        }
        #expect(try workspace.read("tree/x/y/file") == [9])
        #expect(try workspace.read("tree/abs") == [9])
        #expect(try workspace.read("map/x/../x/y/file") == [9])
        #expect(try workspace.read("file") == content)
        #expect(try workspace.list("tree/x").count == 1)
        let walk = try workspace.walk("tree")
        var count = 0
        while try walk.next() != nil { count += 1 }
        #expect(count == 4)
        for (path, code) in [("gone", StoreError.Code.notFound), ("gone/x", .notFound), ("file/x", .invalid)]
        {
            #expect(thrownCode { _ = try workspace.read(try FilePath(path)) } == code, "\(path)")
        }
        for change in [
            { try workspace.write("tree/x/y/file", [1]) }, { try workspace.createFile("tree/new") },
            { try workspace.remove("map/x/y/file") }, { try workspace.rename("tree/x", to: "x") },
            { try workspace.setMode("file", 0o777) }, { try workspace.createDirectories("tree/q") },
        ] as [() throws -> Void] {
            #expect(thrownCode(change) == .readOnly)
        }
        try workspace.copy("tree/x", to: "mine")
        try workspace.write("mine/y/file", [1, 2])
        #expect(try workspace.read("tree/x/y/file") == [9])
        try workspace.rename("tree", to: "renamed")
        #expect(try workspace.status("renamed").kind == .cidLink)
    }

    @Test func veryDeepPathsAreFineAndTooDeepOnesRefused() throws {
        let test = try TestStore()
        let workspace = try Workspace(test.store)
        let name = try FileName("d")
        try workspace.createDirectory("d")
        // Twice as deep with each copy.
        var depth = 1
        while depth < Workspace.maximumDepth / 2 {
            let path = FilePath(components: [FileName](repeating: name, count: depth))
            try workspace.copy("d", to: "copy")
            try workspace.rename("copy", to: path.appending(name))
            depth *= 2
        }
        var names = [FileName](repeating: name, count: depth)
        try workspace.copy("d", to: "copy")
        for _ in 0..<16 {
            try workspace.rename("copy/d", to: "shorter")
            try workspace.removeTree("copy")
            try workspace.rename("shorter", to: "copy")
        }
        try workspace.rename("copy", to: FilePath(components: names).appending(name))
        names += [FileName](repeating: name, count: depth - 16)
        while names.count < Workspace.maximumDepth - 1 {
            names.append(name)
            try workspace.createDirectory(FilePath(components: names))
        }
        let deepest = FilePath(components: names)
        // A branch of its own, at once.
        try workspace.createDirectories(FilePath(components: [try FileName("e")] + names.dropFirst()))
        #expect(try workspace.status("e").below?.totals.entries == UInt64(names.count - 1))
        #expect(
            thrownCode { try workspace.createDirectories(FilePath(components: names + names)) } == .tooLarge)
        try workspace.createFile(deepest.appending(try FileName("f")))
        #expect(
            thrownCode {
                try workspace.createDirectory(deepest.appending(try FileName("d")))
                try workspace.createFile(deepest.appending(try FileName("d")).appending(try FileName("f")))
            } == .tooLarge)
        let tree = try workspace.storeTree()
        try workspace.batch().hold(tree)
        try workspace.batch().commit()
        let again = try Workspace(test.store, on: tree)
        #expect(try again.status("/").below?.totals.entries ?? 0 >= UInt64(Workspace.maximumDepth))
        try again.removeTree("e")
        try again.removeTree("d")
        #expect(try again.list("/").isEmpty)
    }
}
