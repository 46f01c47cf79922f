import TestSupport
import Testing

@testable import IpldEngine
@testable import MonoFS

/// Changes of everything below a directory.
@Suite struct RecursionTests {
    private let fixture: MergeFixture

    init() throws { fixture = try MergeFixture() }

    /// What comes out is what changing one name after another gives.
    @Test(arguments: 1...6) func allBelowIsAsIfChangedOneByOne(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        for _ in 0..<20 {
            let start = try fixture.tree { RandomChanges.make($0, &random, count: 25) }
            let paths = try fixture.flat(start).filter { $0.value.isDirectory }.keys.sorted {
                $0.bytes.precedes($1.bytes)
            }
            let path = paths[Int(random.below(paths.count))]
            let atOnce = try fixture.tree(on: start) { try $0.setModes(below: path, 0o751) }
            let oneByOne = try fixture.tree(on: start) { workspace in
                try workspace.setMode(path, 0o751)
                let walk = try workspace.walk(path)
                while let (path, entry) = try walk.next() {
                    guard entry.kind != .symlink, entry.kind != .cidLink else { continue }
                    try workspace.setMode(path, 0o751, followingLinks: false)
                }
            }
            try #require(atOnce == oneByOne, "\(path)")
        }
    }

    @Test func aTypeIsGivenToASubtree() throws {
        let start = try fixture.tree {
            try $0.createDirectories("a/b/c")
            try $0.write("a/b/file", [1])
            try $0.link("a/b/file", at: "outside")
            try $0.write("other", [2])
        }
        let tree = try fixture.tree(on: start) { try $0.setSync("a", .raft, recursively: true) }
        let flat = try fixture.flat(tree)
        #expect(["a", "a/b", "a/b/c", "a/b/file", "outside"].allSatisfy { flat[$0]?.sync == .raft })
        #expect(flat["other"]?.sync == .default && flat[.root]?.sync == .default)
        let whole = try fixture.flat(
            fixture.tree(on: start) { try $0.setSync("/", .merkleCRDT, recursively: true) })
        #expect(whole.values.allSatisfy { $0.sync == .merkleCRDT })
    }

    /// Blocks are read and written once each: going down a chain costs its length.
    @Test func aDeepChainCostsItsLength() throws {
        let depth = 3000
        let path = FilePath(components: [FileName](repeating: try FileName("d"), count: depth))
        let start = try fixture.tree {
            try $0.createDirectories(path)
            try $0.write(path.appending(try FileName("file")), [1])
        }
        let source = TreeSource(fixture.test.store, fixture.batch)
        let workspace = Workspace(source, start, version: nil)
        let before = source.blocksRead
        try workspace.setModes(below: .root, 0o711)
        var count = 0
        let walk = try workspace.walk()
        while let (_, entry) = try walk.next() {
            #expect(entry.mode == 0o711)
            count += 1
        }
        #expect(count == depth + 1)
        #expect(source.blocksRead - before < UInt64(8 * depth), "\(source.blocksRead - before)")
    }

    /// A named defect: all names were gone through again for each write that came after a name that had come,
    /// gone or moved.
    @Test func changesOfOneNameLeaveItKnownWhoIsWithWhom() throws {
        let count = 2000
        let start = try fixture.tree { workspace in
            for number in 0..<count {
                try workspace.write(try FilePath("a\(number)"), [1])
                try workspace.link(try FilePath("a\(number)"), at: try FilePath("b\(number)"))
            }
        }
        let source = TreeSource(fixture.test.store, fixture.batch)
        let workspace = Workspace(source, start, version: nil)
        try workspace.write("a0", [2])
        let before = source.blocksRead
        for number in stride(from: 1, to: count, by: 50) {
            func path(_ name: String, _ more: Int) throws -> FilePath {
                try FilePath("\(name)\(number + more)")
            }
            try workspace.remove(try path("a", 0))
            try workspace.write(try path("a", 1), [3])
            try workspace.rename(try path("a", 1), to: try path("c", 1))
            try workspace.write(try path("b", 1), [4])
            try workspace.link(try path("c", 1), at: try path("d", 1))
            try workspace.write(try path("d", 1), [5])
            try workspace.copy(try path("b", 2), to: try path("b", 0))
            try workspace.write(try path("a", 2), [6])
            for name in ["b", "c", "d"] { #expect(try workspace.read(try path(name, 1)) == [5]) }
            #expect(try workspace.read(try path("b", 0)) == [1] && workspace.read(try path("b", 2)) == [6])
        }
        #expect(source.blocksRead - before < UInt64(count), "\(source.blocksRead - before)")
    }

    /// A named defect: leaves were read again for each file that has several names, which are far apart here.
    @Test func namesOfFilesThatHaveSeveralAreChangedInOrder() throws {
        let count = 2000
        let start = try fixture.tree { workspace in
            for number in 0..<count {
                let (a, b) = (try FilePath("a\(10_000 + number)"), try FilePath("b\(20_000 - number)"))
                try workspace.write(a, bytes("\(number)"))
                try workspace.link(a, at: b)
            }
            try workspace.createDirectory("d")
            try workspace.link("a10000", at: "d/other")
            var entry = try workspace.status("d/other")
            entry.sync = .raft
            try workspace.set("d/other", to: entry)
        }
        let source = TreeSource(fixture.test.store, fixture.batch)
        let workspace = Workspace(source, start, version: nil)
        try workspace.setModes(below: .root, 0o700)
        #expect(source.blocksRead < UInt64(count), "\(source.blocksRead)")
        for (_, entry) in try workspace.list(.root) { #expect(entry.mode == 0o700) }
        #expect(try workspace.status("d/other").isSameFile(as: workspace.status("a10000")))
        // Names of another type keep it, where they are not below.
        #expect(try workspace.status("d/other").sync == .raft)
        try workspace.setSync("d", .merkleCRDT, recursively: true)
        #expect(try workspace.status("d/other").sync == .merkleCRDT)
        #expect(try workspace.status("a10000").sync == .default)
        #expect(try workspace.status("d/other").isSameFile(as: workspace.status("a10000")))
        try workspace.setSync(.root, .raft, recursively: true)
        #expect(try workspace.status("d/other").sync == .raft && workspace.status("b20000").sync == .raft)
    }

    /// What is open goes when its top does, whatever the depth: test threads have small stacks.
    @Test(arguments: 0..<4) func aDeepChainThatIsOpenGoesWithItsTop(way: Int) throws {
        let path = FilePath(components: [FileName](repeating: try FileName("d"), count: 4000))
        let start = try fixture.tree { try $0.createDirectories(path) }
        let workspace = Workspace(TreeSource(fixture.test.store, fixture.batch), start, version: nil)
        workspace.memoryLimit = 1 << 40
        // A name in the deepest one opens all of them.
        #expect(try workspace.lookup(path.appending(try FileName("none"))) == nil)
        switch way {
        case 0: try workspace.removeTree("d")
        case 1: try workspace.rename("d", to: "e")
        case 2:
            try workspace.createDirectory(
                path.appending(try FileName("more")).prefix(3).appending(try FileName("x")))
            try workspace.removeTree("d/d")
        default:
            let walk = try workspace.walk(path.prefix(2))
            _ = try walk.next()
            try workspace.removeTree("d")
            while try walk.next() != nil {}
        }
        #expect(try workspace.lookup("d/d/d/d") == nil)
    }

    /// A named defect: the directory itself was changed already.
    @Test func whatCannotBeChangedBelowIsNotChangedAbove() throws {
        // Deeper than changes make it: forged.
        var start = Entry(.directory(Directory()), mode: 0o755)
        for name in [String](repeating: "x", count: Workspace.maximumDepth) + ["in", "top"] {
            let builder = DirectoryBuilder(fixture.batch)
            try builder.append(try FileName(name), start)
            start.content = .directory(try builder.finish())
        }
        for path in ["/", "top"] as [FilePath] {
            let workspace = Workspace(TreeSource(fixture.test.store, fixture.batch), start, version: nil)
            let old = try workspace.status(path)
            #expect(thrownCode { try workspace.setSync(path, .raft, recursively: true) } == .tooLarge)
            #expect(try workspace.status(path) == old)
        }
    }
}
