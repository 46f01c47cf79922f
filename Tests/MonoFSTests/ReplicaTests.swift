import TestSupport
import Testing

@testable import IpldEngine
@testable import MonoFS

/// Trees of type `merkle-crdt`: the laws, and what they mean to a user.
@Suite struct ReplicaTests {
    private func tree(_ fixture: MergeFixture, on root: Entry?, _ change: (Workspace) throws -> Void) throws
        -> Entry
    {
        try fixture.tree(on: root, sync: .merkleCRDT, change)
    }

    /// Joining is commutative, associative and idempotent in the CID of the tree, whatever was done.
    @Test(arguments: 1...8) func joiningKeepsItsLaws(seed: UInt64) throws {
        let seed = seed &+ 8 &* UInt64(parameter("MONOFS_MERGE_SEED", default: 0))
        let count = max(1, parameter("MONOFS_JOIN_HISTORIES", default: 400) / 8)
        var fixture = try MergeFixture(seed: seed)
        var random = SplitMix(state: seed &* 104_729)
        func change(_ root: Entry?, _ count: Int) throws -> Entry {
            try tree(fixture, on: root) { RandomChanges.make($0, &random, count: random.below(count)) }
        }
        func join(_ a: Entry, _ b: Entry) throws -> Entry {
            let result = try fixture.merge(nil, a, b)
            #expect(result.conflicts.isEmpty)
            return result.root
        }
        for number in 0..<count {
            if number % 100 == 99 { fixture = try MergeFixture(seed: seed &+ UInt64(number)) }
            // Replicas that know of each other what they know.
            let start = random.below(4) == 0 ? nil : try change(nil, 12)
            var replicas = try (0..<3).map { _ in try change(start, 8) }
            for _ in 0..<random.below(5) {
                let index = random.below(3)
                replicas[index] = try change(
                    random.below(2) == 0 ? join(replicas[index], replicas[random.below(3)]) : replicas[index],
                    5)
            }
            let (a, b, c) = (replicas[0], replicas[1], replicas[2])
            let ab = try join(a, b)
            try #require(try ab == join(b, a), "history \(number)")
            try #require(try join(a, a) == a)
            try #require(try join(ab, a) == ab && join(b, ab) == ab)
            try #require(try join(ab, c) == join(a, join(b, c)), "history \(number)")
            try #require(try join(join(c, a), b) == join(ab, c))
            // With an ancestor it is the same.
            if let start { try #require(try fixture.merge(start, a, b).root == ab) }
            try expectUnion(fixture, a, b, ab)
        }
    }

    /// A value of one side is in the result unless the other side has seen it go; and nothing else is.
    private func expectUnion(_ fixture: MergeFixture, _ a: Entry, _ b: Entry, _ joined: Entry) throws {
        let sides = [try fixture.flat(a, tombstones: true), try fixture.flat(b, tombstones: true)]
        let merged = try fixture.flat(joined, tombstones: true)
        for (own, other) in [(sides[0], sides[1]), (sides[1], sides[0])] {
            for (path, entry) in own {
                let seen = Set(other[path]?.replica?.seen ?? [])
                for tag in try alive(entry) {
                    let isThere = try merged[path].map { try alive($0).contains(tag) } ?? false
                    #expect(isThere == !seen.contains(tag), "\(path)")
                }
                for tag in entry.replica?.seen ?? [] {
                    #expect(merged[path]?.replica?.seen.contains(tag) == true)
                }
            }
        }
    }

    private func alive(_ entry: Entry) throws -> Set<ReplicaState.Tag> {
        let replica = try Replica(entry)
        return replica.tags.subtracting(entry.replica?.seen ?? [])
    }

    @Test func aRemovalWinsOnlyOverWhatItSaw() throws {
        let fixture = try MergeFixture()
        let start = try tree(fixture, on: nil) {
            try $0.createDirectory("d")
            try $0.write("d/old", bytes("old"))
            try $0.write("file", bytes("1"))
        }
        let removed = try tree(fixture, on: start) {
            try $0.removeTree("d")
            try $0.remove("file")
        }
        let changed = try tree(fixture, on: start) {
            try $0.write("d/new", bytes("new"))
            try $0.write("file", bytes("2"))
        }
        let joined = try fixture.merge(nil, removed, changed).root
        #expect(try fixture.text(joined, "file") == "2")
        #expect(try fixture.text(joined, "d/new") == "new")
        #expect(try fixture.text(joined, "d/old") == nil)
        // Whoever removes it afterwards has seen it.
        let again = try tree(fixture, on: joined) { try $0.removeTree("d") }
        #expect(try fixture.text(fixture.merge(nil, again, changed).root, "d/new") == nil)
        // And a directory that comes again has not what was removed.
        let remade = try tree(fixture, on: again) { try $0.createDirectory("d") }
        #expect(try fixture.text(fixture.merge(nil, changed, remade).root, "d/old") == nil)
        #expect(try fixture.text(fixture.merge(nil, changed, remade).root, "d/new") == nil)
    }

    /// Whoever removed it knew what it was; so does whoever has something in it.
    @Test func aDirectoryComesBackWithItsMetadata() throws {
        let fixture = try MergeFixture()
        let start = try tree(fixture, on: nil) {
            try $0.createDirectories("d/inner")
            try $0.setMode("d", 0o2775)
            try $0.setOwner("d", owner: 7, group: 8)
            try $0.setAttribute("d", bytes("user.a"), to: .bytes([1]))
            try $0.setMode("d/inner", 0o711)
        }
        let removed = try tree(fixture, on: start) { try $0.removeTree("d") }
        let added = try tree(fixture, on: start) { try $0.write("d/inner/new", bytes("new")) }
        for joined in [
            try fixture.merge(nil, removed, added).root, try fixture.merge(start, added, removed).root,
        ] {
            let flat = try fixture.flat(joined)
            let (before, after) = (try #require(try fixture.flat(start)["d"]), try #require(flat["d"]))
            #expect(after.mode == 0o2775 && after.owner == 7 && after.group == 8)
            #expect(after.attributes == before.attributes && after.created == before.created)
            #expect(flat["d/inner"]?.mode == 0o711)
            // It is what it is when it is read again, and can be changed and removed like any other.
            #expect(try fixture.merge(nil, joined, joined).root == joined)
            let again = try tree(fixture, on: joined) { try $0.removeTree("d") }
            #expect(try fixture.flat(fixture.merge(nil, again, joined).root)["d"] == nil)
            let twice = try tree(fixture, on: joined) { try $0.write("d/more", [1]) }
            #expect(try fixture.flat(fixture.merge(nil, again, twice).root)["d"]?.mode == 0o2775)
        }
    }

    @Test func whatWasChangedByBothIsKeptAndOneIsShown() throws {
        let fixture = try MergeFixture()
        let start = try tree(fixture, on: nil) { try $0.write("file", bytes("0")) }
        let one = try tree(fixture, on: start) { try $0.write("file", bytes("one")) }
        let two = try tree(fixture, on: start) { try $0.write("file", bytes("two")) }
        let joined = try fixture.merge(start, one, two).root
        #expect(try fixture.text(joined, "file") == "two")
        let entry = try #require(try fixture.flat(joined)["file"])
        #expect(entry.replica?.others.map(\.entry.content) == [.file(.inline(bytes("one")))])
        // Writing again chooses.
        let chosen = try tree(fixture, on: joined) { try $0.write("file", bytes("three")) }
        let after = try fixture.merge(nil, fixture.merge(nil, chosen, one).root, two).root
        #expect(try fixture.text(after, "file") == "three")
        #expect(try fixture.flat(after)["file"]?.replica?.others.isEmpty == true)
    }

    /// A tree that was stored in bulk, without tags, is the same value for all who stored it.
    @Test func treesWithoutTagsAreJoinedByTheirValues() throws {
        let fixture = try MergeFixture()
        func bulk(_ names: [String]) throws -> Entry {
            let builder = DirectoryBuilder(fixture.batch)
            for name in names {
                var entry = Entry(.file(.inline(bytes(name))), mode: 0o644)
                entry.sync = .merkleCRDT
                try builder.append(try FileName(name), entry)
            }
            var root = Entry(.directory(try builder.finish()), mode: 0o755)
            root.sync = .merkleCRDT
            return root
        }
        let (a, b) = (try bulk(["a", "b"]), try bulk(["b", "c"]))
        #expect(try fixture.merge(nil, a, b).root == bulk(["a", "b", "c"]))
        let removed = try tree(fixture, on: a) { try $0.remove("b") }
        #expect(try fixture.text(fixture.merge(nil, removed, b).root, "b") == nil)
    }

    /// What a user sees is what he sees in a tree of another type, whatever was moved and copied to where;
    /// and who merges what he had before changes nothing.
    @Test(arguments: 1...8) func oneReplicaIsSeenAsAnyTree(seed: UInt64) throws {
        let seed = seed &+ 8 &* UInt64(parameter("MONOFS_MERGE_SEED", default: 0))
        var random = SplitMix(state: seed &* 7_919)
        for history in 0..<max(1, parameter("MONOFS_JOIN_HISTORIES", default: 400) / 16) {
            let fixture = try MergeFixture(seed: seed &+ UInt64(history))
            var (plain, replica) = (try fixture.tree { (_) in }, try tree(fixture, on: nil) { (_) in })
            for step in 0..<20 {
                let count = 1 + random.below(6)
                var again = random
                plain = try fixture.tree(on: plain) { RandomChanges.make($0, &random, count: count) }
                let next = try tree(fixture, on: replica) { RandomChanges.make($0, &again, count: count) }
                try #require(try seen(fixture, next) == seen(fixture, plain), "\(history), \(step)")
                try #require(try fixture.merge(nil, next, replica).root == next, "\(history), \(step)")
                try #require(try fixture.merge(nil, replica, next).root == next)
                replica = next
            }
        }
    }

    /// Kinds, contents and modes by path.
    private func seen(_ fixture: MergeFixture, _ root: Entry) throws -> [String: String] {
        var all: [String: String] = [:]
        for (path, entry) in try fixture.flat(root) {
            var content = ""
            if case .file(let file) = entry.content { content = "\(file)" }
            all[path.description] = "\(entry.kind) \(entry.mode) \(content)"
        }
        return all
    }

    private func paths(_ fixture: MergeFixture, _ root: Entry) throws -> [String] {
        try fixture.flat(root).keys.map(\.description).sorted()
    }

    /// The tombstones of a name had seen what came back to it.
    @Test func whatIsMovedBackIsThere() throws {
        let fixture = try MergeFixture()
        let start = try tree(fixture, on: nil) {
            try $0.createDirectories("a/inner")
            try $0.write("a/f", bytes("1"))
            try $0.write("a/inner/g", bytes("2"))
        }
        let moved = try tree(fixture, on: start) {
            try $0.rename("a", to: "b")
            try $0.rename("b", to: "a")
        }
        let copied = try tree(fixture, on: start) {
            try $0.copy("a", to: "b")
            try $0.removeTree("a")
            try $0.copy("b", to: "a")
            try $0.removeTree("b")
        }
        // Of the type alone, with what is in it of another.
        let single = try fixture.tree {
            try $0.createDirectories("a/inner")
            try $0.write("a/f", bytes("1"))
            try $0.write("a/inner/g", bytes("2"))
            try $0.setSync("a", .merkleCRDT)
            try $0.rename("a", to: "b")
            try $0.rename("b", to: "a")
        }
        for root in [moved, copied, single] {
            #expect(try paths(fixture, root) == ["/", "a", "a/f", "a/inner", "a/inner/g"])
            #expect(try fixture.text(root, "a/inner/g") == "2")
        }
        // Who removes it elsewhere has not seen that it came back; what he adds is kept.
        let removed = try tree(fixture, on: start) { try $0.removeTree("a") }
        let changed = try tree(fixture, on: start) { try $0.write("a/inner/h", bytes("3")) }
        for root in [moved, copied] {
            #expect(try fixture.text(fixture.merge(nil, root, removed).root, "a/f") == "1")
            let both = try fixture.merge(nil, root, changed).root
            #expect(try fixture.text(both, "a/inner/g") == "2" && fixture.text(both, "a/inner/h") == "3")
            let gone = try tree(fixture, on: root) { try $0.removeTree("a") }
            #expect(try fixture.text(fixture.merge(nil, gone, root).root, "a/f") == nil)
        }
        let both = try fixture.merge(nil, moved, copied).root
        #expect(try fixture.merge(nil, copied, moved).root == both)
        #expect(try paths(fixture, both) == ["/", "a", "a/f", "a/inner", "a/inner/g"])
    }

    /// A named defect: who removed a copy removed what somebody else moved there.
    @Test func whatIsMovedToWhereACopyWasRemovedIsThere() throws {
        let fixture = try MergeFixture()
        let start = try tree(fixture, on: nil) {
            try $0.createDirectories("x/d")
            try $0.write("x/f", bytes("0"))
            try $0.write("x/gone", bytes("1"))
            try $0.write("x/d/g", bytes("2"))
            try $0.link("x/d/g", at: "x/h")
        }
        let one = try tree(fixture, on: start) { try $0.write("x/f", bytes("one")) }
        let two = try tree(fixture, on: start) { try $0.write("x/f", bytes("two")) }
        let both = try tree(fixture, on: fixture.merge(start, one, two).root) { try $0.remove("x/gone") }
        let copied = try tree(fixture, on: both) { try $0.copy("x", to: "y") }
        // It has what it is a copy of, but nothing of what was known there.
        #expect(
            try paths(fixture, copied) == [
                "/", "x", "x/d", "x/d/g", "x/f", "x/h", "y", "y/d", "y/d/g", "y/f", "y/h",
            ])
        let all = try fixture.flat(copied, tombstones: true)
        #expect(all["x/gone"]?.isTombstone == true && all["y/gone"] == nil)
        let file = try #require(all["y/f"])
        #expect(file.content == .file(.inline(bytes("two"))) && file.replica?.seen == [])
        #expect(file.replica?.others.map(\.entry.content) == [.file(.inline(bytes("one")))])
        for name in ["d", "d/g", "f", "h"] {
            let tags = try ["x/", "y/"].map { try alive(#require(all[try FilePath($0 + name)])) }
            #expect(!tags[0].isEmpty && !tags[1].isEmpty && tags[0].isDisjoint(with: tags[1]), "\(name)")
        }
        let removed = try tree(fixture, on: copied) { try $0.removeTree("y") }
        let moved = try tree(fixture, on: both) { try $0.rename("x", to: "y") }
        let merged = try fixture.merge(both, removed, moved).root
        #expect(try fixture.merge(both, moved, removed).root == merged)
        #expect(try paths(fixture, merged) == ["/", "y", "y/d", "y/d/g", "y/f", "y/h"])
        #expect(try fixture.text(merged, "y/d/g") == "2" && fixture.text(merged, "y/f") == "two")
        // What another type says is what it is.
        let plain = try fixture.tree {
            try $0.createDirectories("x/d")
            try $0.write("x/d/f", bytes("0"))
            try $0.remove("x/d/f")
        }
        let mixed = try fixture.tree(on: plain) {
            try $0.setSync("x", .merkleCRDT)
            try $0.copy("x", to: "y")
        }
        let kept = try fixture.flat(mixed, tombstones: true)
        #expect(kept["y/d/f"] == kept["x/d/f"] && kept["y/d/f"]?.isTombstone == true)
    }

    /// A named defect: below a directory of another type they had the tags of what they are copies of.
    @Test(arguments: ["copy", "restore"])
    func whatComesBelowAPlainDirectoryHasTagsOfItsOwn(how: String) throws {
        let fixture = try MergeFixture()
        let start = try fixture.tree {
            try $0.createDirectories("p/plain")
            try $0.write("p/plain/f", bytes("plain"))
            try $0.createDirectory("p/c", sync: .merkleCRDT)
            try $0.write("p/c/f", bytes("0"))
            try $0.write("p/c/gone", bytes("1"))
            try $0.remove("p/c/gone")
            try $0.createDirectory("p/c/empty")
        }
        #expect(start.below?.totals.replicas == 4)
        let whole = try fixture.flat(start, tombstones: true)
        let tree: Entry
        if how == "copy" {
            tree = try fixture.tree(on: start) { try $0.copy("p", to: "q") }
            let all = try fixture.flat(tree, tombstones: true)
            // The plain part is shared, and what was known of the others stays behind.
            #expect(all["q/plain"] == whole["p/plain"] && all["q/c/gone"] == nil)
            #expect(tree.below?.totals.replicas == 7)
        } else {
            let removed = try fixture.tree(on: start) { try $0.removeTree("p") }
            tree = try fixture.tree(on: removed) {
                try $0.restore("q", #require(whole["p"]))
                try $0.restore("p", #require(whole["p"]))
            }
            // What brings nothing new changes nothing.
            #expect(try fixture.tree(on: tree) { try $0.restore("p", #require(whole["p"])) } == tree)
        }
        let all = try fixture.flat(tree, tombstones: true)
        for name in ["c", "c/f", "c/empty"] {
            let tags = try alive(#require(all[try FilePath("q/" + name)]))
            let before = try alive(#require(whole[try FilePath("p/" + name)]))
            #expect(!tags.isEmpty && !before.isEmpty && tags.isDisjoint(with: before))
        }
        // Who removes it there has not seen what somebody else moves there.
        let removed = try fixture.tree(on: tree) { try $0.remove("q/c/f") }
        let moved = try fixture.tree(on: start) {
            try $0.createDirectory("q")
            try $0.rename("p/c", to: "q/c")
        }
        #expect(try fixture.text(fixture.merge(start, removed, moved).root, "q/c/f") == "0")
    }

    /// Names of this type were not counted once.
    @Test func whatWasStoredWithoutTheCountIsChanged() throws {
        let fixture = try MergeFixture()
        let start = try fixture.tree {
            try $0.createDirectory("c", sync: .merkleCRDT)
            for name in ["f", "g"] { try $0.write(try FilePath("c/" + name), bytes(name)) }
        }
        #expect(start.below?.totals.replicas == 3)
        var old = start
        var totals = try #require(start.below?.totals)
        totals.replicas = 0
        old.content = .directory(Directory(map: start.below?.map, totals: totals))
        let changed = try fixture.tree(on: old) {
            try $0.removeTree("c")
            try $0.write("h", bytes("h"))
        }
        #expect(try paths(fixture, changed) == ["/", "h"])
    }

    /// A named defect: what was restored with the plain directory that it is in went in the next merge.
    @Test func whatIsRestoredBelowAPlainDirectoryStays() throws {
        let fixture = try MergeFixture()
        let start = try fixture.tree {
            try $0.createDirectory("p")
            try $0.createDirectory("p/c", sync: .merkleCRDT)
            try $0.write("p/c/f", bytes("0"))
        }
        let removed = try fixture.tree(on: start) { try $0.remove("p/c/f") }
        let before = try #require(try fixture.flat(start)["p"])
        let restored = try fixture.tree(on: removed) { try $0.restore("p", before) }
        let other = try fixture.tree(on: removed) { try $0.write("p/c/g", bytes("1")) }
        for (one, two) in [(restored, other), (other, restored)] {
            let root = try fixture.merge(removed, one, two).root
            #expect(try fixture.text(root, "p/c/f") == "0" && fixture.text(root, "p/c/g") == "1")
        }
    }

    /// Nor is there more than what was moved, where it replaces an empty directory.
    @Test func whatWasRemovedDoesNotComeWithWhatIsMoved() throws {
        let fixture = try MergeFixture()
        let tree = try tree(fixture, on: nil) {
            try $0.createDirectories("d/b")
            try $0.copy("d", to: "d/b/b")
            try $0.rename("d/b", to: "b")
            try $0.rename("b/b", to: "d")
        }
        #expect(try paths(fixture, tree) == ["/", "b", "d", "d/b"])
    }

    /// A value that nobody has chosen from is not lost by moving the directory that it is in.
    @Test func valuesToChooseFromAreMovedBack() throws {
        let fixture = try MergeFixture()
        let start = try tree(fixture, on: nil) {
            try $0.createDirectory("d")
            try $0.write("d/file", bytes("0"))
        }
        let one = try tree(fixture, on: start) { try $0.write("d/file", bytes("one")) }
        let two = try tree(fixture, on: start) { try $0.write("d/file", bytes("two")) }
        let moved = try tree(fixture, on: fixture.merge(start, one, two).root) {
            try $0.rename("d", to: "e")
            try $0.rename("e", to: "d")
        }
        let entry = try #require(try fixture.flat(moved)["d/file"])
        #expect(entry.content == .file(.inline(bytes("two"))))
        #expect(entry.replica?.others.map(\.entry.content) == [.file(.inline(bytes("one")))])
    }

    /// A named defect: the tree could not be stored any more.
    @Test func directoriesAreMadeAgainWhereOneWasRemoved() throws {
        let fixture = try MergeFixture()
        let start = try tree(fixture, on: nil) { try $0.createDirectories("a/b") }
        let tree = try tree(fixture, on: start) {
            try $0.removeTree("a")
            try $0.createDirectories("a/c/d")
            try $0.write("a/c/work", [1])
        }
        #expect(try paths(fixture, tree) == ["/", "a", "a/c", "a/c/d", "a/c/work"])
        #expect(try fixture.flat(tree, tombstones: true)["a/b"]?.isTombstone == true)
    }

    /// A named defect: the name was given a group under the tag that it had without, and both were values.
    @Test func aFileThatGotAnotherNameIsOneValue() throws {
        let fixture = try MergeFixture()
        let start = try tree(fixture, on: nil) { try $0.write("f", bytes("1")) }
        let linked = try tree(fixture, on: start) { try $0.link("f", at: "g") }
        #expect(try fixture.merge(nil, linked, start).root == linked)
        #expect(try fixture.merge(nil, start, linked).root == linked)
    }

    /// A named defect: who had touched it had given it metadata, which won over those of somebody else.
    @Test func theTimeOfADirectoryIsNoValue() throws {
        let fixture = try MergeFixture()
        let start = try tree(fixture, on: nil) { try $0.createDirectories("d/e") }
        let touched = try tree(fixture, on: start) { (workspace) in
            for path in [.root, "d", "d/e"] as [FilePath] {
                try workspace.setModified(path, Timestamp(seconds: 1 << 40) ?? .zero)
            }
        }
        let changed = try tree(fixture, on: start) { (workspace) in
            for path in [.root, "d", "d/e"] as [FilePath] { try workspace.setMode(path, 0o700) }
        }
        let removed = try tree(fixture, on: start) { try $0.removeTree("d") }
        let joined = try fixture.merge(nil, touched, changed).root
        #expect(try fixture.merge(nil, changed, touched).root == joined)
        for (path, entry) in try fixture.flat(joined) {
            #expect(entry.mode == 0o700 && entry.modified.seconds == 1 << 40, "\(path)")
            #expect(entry.replica?.others.isEmpty ?? true)
        }
        #expect(try paths(fixture, fixture.merge(nil, touched, removed).root) == ["/"])
        // It goes forward only.
        let back = try tree(fixture, on: joined) { try $0.setModified("d", .zero) }
        #expect(back == joined)
    }

    /// One that is moved to the place of another is not that one, be they alike.
    @Test func aDirectoryThatComesInThePlaceOfOneLikeItIsAnother() throws {
        let fixture = try MergeFixture()
        let start = try tree(fixture, on: nil) { (workspace) in
            for path in ["a", "b"] as [FilePath] {
                try workspace.add(path, Entry(.directory(Directory()), mode: 0o755))
            }
        }
        let moved = try tree(fixture, on: start) { try $0.rename("a", to: "b") }
        let removed = try tree(fixture, on: start) { try $0.remove("b") }
        #expect(try paths(fixture, fixture.merge(nil, moved, removed).root) == ["/", "b"])
    }
}
