import Foundation
import Glibc
import TestSupport
import Testing

@testable import IpldEngine
@testable import MonoFS

@Suite struct TransferTests {
    let host: TransferFixture
    init() throws { host = try TransferFixture() }

    private func makeZoo(_ name: String) throws {
        var random = SplitMix(state: 7)
        for size in [0, 1, 511, 512, 513, 5000, 70_000, 1 << 20, 4 << 20, (4 << 20) + 1, 9 << 20] {
            try host.write("\(name)/sizes/\(size)", random.bytes(size))
        }
        try host.write("\(name)/zeros", [UInt8](repeating: 0, count: 200_000))
        try host.write("\(name)/setuid", [1], mode: 0o4755)
        try host.write("\(name)/a/b", [2])
        // A path that comes first as bytes, and not in a walk.
        try host.write("\(name)/a-b", [3])
        for (old, new) in [("a/b", "a.b"), ("a/b", "z/first"), ("a-b", "linked")] {
            let directory = host.path("\(name)/\(new)").split(separator: "/").dropLast().joined(
                separator: "/")
            try FileManager.default.createDirectory(
                atPath: "/" + directory, withIntermediateDirectories: true)
            #expect(link(host.path("\(name)/\(old)"), host.path("\(name)/\(new)")) == 0)
        }
        for (target, link) in [
            ("/etc/passwd", "absolute"), ("../a/b", "a/relative"), ("nowhere", "dangling"), (".", "z/loop"),
        ] { #expect(symlink(target, host.path("\(name)/\(link)")) == 0) }
        #expect(mkfifo(host.path("\(name)/fifo"), 0o640) == 0)
        #expect(mkdir(host.path("\(name)/sticky"), 0o755) == 0)
        #expect(chmod(host.path("\(name)/sticky"), 0o3777) == 0)
        #expect(mkdir(host.path("\(name)/empty"), 0o500) == 0)
        let odd: [UInt8] = [0xff, 0xfe, 0x0a, 0x20]
        let directory = try HostDirectory(try Host.open(path: host.path(name)))
        try Host.makeDirectory(directory.descriptor, odd, mode: 0o700)
        try Host.makeLink(directory.descriptor, [0xc3, 0x28], to: [0xff, 0x2f, 0xfe])
        setAttribute("user.a", [0, 1, 255], "\(name)/a-b")
        setAttribute("user.none", [], "\(name)/a")
        let sparse = host.path("\(name)/sparse")
        try host.write("\(name)/sparse", [9, 9])
        #expect(truncate(sparse, 3 << 30) == 0)
        for (path, seconds, nanoseconds) in [
            ("a-b", -1, 123_456_789), ("sizes/513", 4_000_000_000, 999_999_999), ("dangling", 5, 1),
            ("fifo", 6, 2), ("empty", 7, 3), ("a", 8, 4),
        ] {
            var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: nanoseconds)]
            #expect(
                utimensat(AT_FDCWD, host.path("\(name)/\(path)"), &times, AT_SYMLINK_NOFOLLOW) == 0, "\(path)"
            )
        }
    }

    private func setAttribute(_ attribute: String, _ value: [UInt8], _ name: String) {
        do throws(HostError) {
            let directory = try HostDirectory(try Host.open(path: host.directory))
            // The name is one component for all that is asked here.
            try Host.setAttribute(
                .name(directory: directory.descriptor, Array(name.utf8)), Array(attribute.utf8), value)
        } catch { Issue.record("\(error)") }
    }

    @Test func allThatADirectoryHoldsComesBack() throws {
        try makeZoo("zoo")
        let before = try host.facts("zoo")
        let report = try host.importTree("zoo")
        #expect(try host.facts("zoo") == before)
        #expect(report.files == 19 && report.unread == 0 && !report.isUnchanged)
        let exported = try host.export(try #require(report.version), to: "out")
        #expect(exported.unmade == 0 && exported.withoutOwner == 0 && exported.withoutMetadata == 0)
        #expect(exported.entries == report.entries)
        #expect(try host.facts("out") == before)
        // Holes are holes again.
        #expect(try Host.status(AT_FDCWD, Array(host.path("out/sparse").utf8)).isSparse)
        #expect(try Host.status(AT_FDCWD, Array(host.path("out/zeros").utf8)).isSparse)
        // And the copy is the same tree.
        let again = try host.importTree("out", to: nil)
        #expect(again.tree == report.tree)
        #expect(try host.isClean())
    }

    @Test func importedTreesAreThoseThatWorkspacesMake() throws {
        try makeZoo("zoo")
        let report = try host.importTree("zoo", to: nil)
        #expect(try rebuilt(report.tree, host.held.store) == report.tree)
        let workspace = try host.files.open(report.tree)
        // Renumbering the links, which a workspace does where they change, changes nothing.
        try workspace.createLinkAndRemoveIt()
        #expect(try workspace.storeTree() == report.tree)
        let content = try workspace.read("sizes/9437184")
        let direct = try content.withBytes { (bytes) in try host.held.store.putBytes(bytes) }
        #expect(try workspace.content("sizes/9437184") == .stored(direct, size: UInt64(content.count)))
    }

    @Test func aThousandLevelsAreNoMatter() throws {
        let depth = 3000
        var directory = try HostDirectory(try Host.open(path: host.directory))
        for level in 0..<depth {
            let name = Array("\(level % 10)-n".utf8)
            try Host.makeDirectory(directory.descriptor, name, mode: 0o755)
            directory = try directory.open(name, expecting: nil, need: 0)
        }
        let end = HostFile(try Host.open(directory.descriptor, [0x65], [.write, .create], mode: 0o600))
        try Host.setLength(end.descriptor, 3)
        let name = "0-n"
        let before = try host.facts(name)
        #expect(before.count == depth + 1)
        let report = try host.importTree(name)
        #expect(report.entries == UInt64(depth))
        try host.export(report.tree, to: "out")
        #expect(try host.facts("out") == before)
        #expect(try host.importTree("out").isUnchanged)
        #expect(try HostTree.remove(host.path("out")))
        #expect(!FileManager.default.fileExists(atPath: host.path("out")))
    }

    @Test func manyFilesInOneDirectory() throws {
        for number in 0..<5000 { try host.write("many/\(number)", Array("file \(number)".utf8)) }
        let report = try host.importTree("many")
        #expect(report.files == 5000)
        try host.export(report.tree, to: "out")
        #expect(try host.facts("out") == host.facts("many"))
    }

    @Test func theStoreItselfIsLeftOut() throws {
        let report = try host.files.importDirectory(host.held.directory, to: "all")
        let workspace = try host.files.open(report.tree)
        #expect(try workspace.list(.root).map(\.name.description) == ["host"])
    }

    @Test func theStoreItselfIsNoSource() throws {
        let store = host.held.store.path
        #expect(symlink(store, host.path("link")) == 0)
        for source in [store, store + "/packs", host.path("link"), host.path("link/index/..")] {
            #expect(thrownCode { _ = try host.files.importDirectory(source, to: "all") } == .invalid)
        }
        #expect(try host.files.branch("all") == nil)
    }

    @Test func nothingIsNamedByAnImportThatStops() throws {
        for number in 0..<200 { try host.write("tree/\(number)", Array("file \(number)".utf8)) }
        #expect(
            thrownCode {
                _ = try host.files.importDirectory(
                    host.path("tree"), to: "main",
                    progress: { (done) throws(StoreError) in
                        if done.entries > 100 { throw StoreError(.cancelled, "enough") }
                    })
            } == .cancelled)
        #expect(try host.files.branch("main") == nil)
        #expect(try host.held.store.roots().isEmpty)
        #expect(thrownCode { try host.importTree("missing") } == .notFound)
        #expect(thrownCode { try host.importTree("tree/1") } == .invalid)
    }
}

extension Workspace {
    fileprivate func createLinkAndRemoveIt() throws {
        hardLinksChange()
    }
}
