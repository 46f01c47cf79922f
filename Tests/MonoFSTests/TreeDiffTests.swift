import TestSupport
import Testing

@testable import IpldEngine
@testable import MonoFS

@Suite struct TreeDiffTests {
    /// A tree as a list of its paths; what a difference is compared with.
    static func flat(_ cid: CID, _ store: ContentStore) throws -> [FilePath: Entry] {
        let workspace = try Workspace(store, on: cid)
        var all: [FilePath: Entry] = [.root: try workspace.status(.root)]
        let walk = try workspace.walk()
        while let (path, entry) = try walk.next() { all[path] = entry }
        return all
    }

    private static func withoutContent(_ entry: Entry) -> Entry {
        var entry = entry
        if entry.isDirectory { entry.content = .directory(Directory()) }
        return entry
    }

    /// Any two trees of a random history.
    @Test(arguments: 1...12) func differencesAreThoseOfTheLists(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let test = try TestStore()
        let files = FileSystem(test.store)
        let ticking = Ticking(seed: seed)
        var trees: [CID] = []
        for _ in 0..<6 {
            let workspace = try files.open(branch: "main").tick(ticking)
            RandomChanges.make(workspace, &random, count: 15)
            trees.append(try files.commit(workspace, to: "main"))
        }
        for old in trees {
            for new in trees {
                let (a, b) = (try Self.flat(old, test.store), try Self.flat(new, test.store))
                let diff = try files.diff(from: old, to: new)
                var found: [FilePath: TreeChange] = [:]
                var last: FilePath?
                while let change = try diff.next() {
                    #expect(found.updateValue(change, forKey: change.path) == nil)
                    if let last { #expect(last.components.lexicographicallyPrecedes(change.path.components)) }
                    last = change.path
                    #expect(change.old.flatMap { $0.isTombstone ? nil : $0 } == a[change.path])
                    #expect(change.new.flatMap { $0.isTombstone ? nil : $0 } == b[change.path])
                }
                for path in Set(a.keys).union(b.keys) {
                    switch (a[path], b[path]) {
                    case (let old?, let new?):
                        let isSame = Self.withoutContent(old) == Self.withoutContent(new)
                        #expect((found[path] == nil) == isSame, "\(path)")
                        if !isSame { #expect(found[path]?.kind == .modified) }
                    case (nil, _): #expect(found[path]?.kind == .added)
                    case (_, nil): #expect(found[path]?.kind == .removed)
                    }
                }
                if old == new { #expect(found.isEmpty) }
            }
        }
    }

    private func changes(_ diff: RenameDiff) throws -> [String] {
        var lines: [String] = []
        while let change = try diff.next() {
            if change.aspects == .time, change.new?.isDirectory == true { continue }
            lines.append(
                "\(change.kind.rawValue) \(change.oldPath.map { "\($0) -> " } ?? "")\(change.path)")
        }
        return lines
    }

    @Test func whatWasRenamedIsOneDifference() throws {
        let test = try TestStore()
        let files = FileSystem(test.store)
        let workspace = try files.open(branch: "main")
        try workspace.createDirectories("big/inner")
        for number in 0..<5 { try workspace.write(try FilePath("big/inner/\(number)"), [UInt8(number), 1]) }
        try workspace.write("one", bytes("content"))
        try workspace.write("two", bytes("content"))
        try workspace.write("empty", [])
        let old = try files.commit(workspace, to: "main")
        try workspace.rename("big", to: "moved")
        try workspace.rename("one", to: "uno")
        try workspace.rename("empty", to: "nothing")
        try workspace.createDirectory("new")
        try workspace.rename("two", to: "new/dos")
        try workspace.setMode("uno", 0o600)
        let new = try files.commit(workspace, to: "main")
        #expect(
            try changes(files.diffWithRenames(from: old, to: new)) == [
                "removed empty", "renamed big -> moved", "added new", "renamed one -> new/dos",
                "added nothing",
                "renamed two -> uno",
            ])
        // Part of a directory that is no longer whole.
        try workspace.write("moved/inner/3", bytes("other"))
        try workspace.rename("moved", to: "again")
        let third = try files.commit(workspace, to: "main")
        let lines = try changes(files.diffWithRenames(from: new, to: third))
        #expect(lines.filter { $0.hasPrefix("renamed") }.count == 4)
        #expect(lines.contains("added again/inner/3") && lines.contains("removed moved/inner/3"))
        #expect(try changes(files.diffWithRenames(from: third, to: third)).isEmpty)
    }

    @Test func tombstonesAreShownWhenAskedFor() throws {
        let test = try TestStore()
        let files = FileSystem(test.store)
        let workspace = try files.open(branch: "main")
        try workspace.write("kept", [1])
        let old = try files.commit(workspace, to: "main")
        try workspace.write("file", [1])
        try workspace.remove("file")
        let new = try files.commit(workspace, to: "main")
        let quiet = try files.diff(from: old, to: new)
        while let change = try quiet.next() { #expect(change.path == .root && change.aspects == .time) }
        let all = try files.diff(from: old, to: new, includingTombstones: true)
        var found: [TreeChange] = []
        while let change = try all.next() { found.append(change) }
        #expect(found.map(\.kind) == [.modified, .tombstone])
        #expect(found.last?.path == "file" && found.last?.new?.isTombstone == true)
    }

    /// A difference of a hundred files in a hundred thousand reads what differs.
    @Test func aDifferenceReadsWhatDiffers() throws {
        let test = try TestStore()
        let tree = try LargeTree.make(test.store, directories: 200, files: 100)
        let workspace = try Workspace(test.store, on: tree)
        for number in 0..<20 { try workspace.setMode(LargeTree.path(number * 10, 7), 0o600) }
        let changed = try workspace.storeTree()
        try workspace.batch().hold(changed)
        try workspace.batch().commit()
        let source = try TreeSource(test.store)
        let diff = try TreeDiff(source, from: source.root(of: tree), to: source.root(of: changed))
        var count = 0
        while try diff.next() != nil { count += 1 }
        #expect(count == 20)
        // Of each tree: its node, the root's map, and of each directory a root and what is above a leaf.
        #expect(source.blocksRead <= 2 * (4 + 20 * 2), "\(source.blocksRead)")
        #expect(source.blocksRead >= 20)
    }
}

/// A tree of many files, built in bulk.
enum LargeTree {
    static func path(_ directory: Int, _ file: Int) -> FilePath {
        FilePath(components: [name("directory", directory), name("file", file)])
    }

    private static func name(_ what: String, _ number: Int) -> FileName {
        (try? FileName("\(what) \(String(number + 1_000_000).dropFirst())")) ?? .parent
    }

    static func make(_ store: ContentStore, directories: Int, files: Int) throws -> CID {
        let batch = try store.makeBatch()
        let root = DirectoryBuilder(batch)
        for directory in 0..<directories {
            let builder = DirectoryBuilder(batch)
            for file in 0..<files {
                let content = bytes("content of \(directory) \(file)")
                try builder.append(
                    name("file", file), Entry(.file(.inline(content)), mode: 0o644, modified: .zero))
            }
            try root.append(
                name("directory", directory), Entry(.directory(try builder.finish()), mode: 0o755))
        }
        let tree = try batch.putTree(Entry(.directory(try root.finish()), mode: 0o755))
        try batch.hold(tree)
        try batch.commit()
        return tree
    }
}

/// Changes of any kind to a small tree; those that cannot be are not made.
enum RandomChanges {
    static let names = ["a", "b", "c", "d"]

    static func path(_ random: inout SplitMix) -> FilePath {
        (try? FilePath(
            (0..<(1 + random.below(3))).map { _ in names[random.below(names.count)] }.joined(separator: "/")))
            ?? .root
    }

    static func make(_ workspace: Workspace, _ random: inout SplitMix, count: Int) {
        for _ in 0..<count {
            let (path, target) = (path(&random), path(&random))
            let content = bytes("content \(random.below(6))")
            switch random.below(12) {
            case 0, 1, 2: try? workspace.write(path, content)
            case 3, 4: try? workspace.createDirectory(path)
            case 5: try? workspace.setMode(path, UInt16(random.below(8)))
            case 6: try? workspace.rename(path, to: target)
            case 7: try? workspace.copy(path, to: target)
            case 8: try? workspace.removeTree(path)
            case 10: try? workspace.link(path, at: target)
            case 9: try? workspace.setAttribute(path, bytes("user.x"), to: .integer(Int128(random.below(3))))
            default: try? workspace.setOwner(path, owner: UInt32(random.below(3)), group: nil)
            }
        }
    }
}
