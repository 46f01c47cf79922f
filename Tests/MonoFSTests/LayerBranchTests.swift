import Foundation
import Glibc
import Testing

@testable import IpldEngine
@testable import MonoFS

/// Branches and tags of bases, seen through layers.
@Suite struct LayerBranchTests {
    private let host: TransferFixture
    private let first: CID
    private let layer: FileSystem

    init() throws {
        host = try TransferFixture()
        let workspace = try Workspace(host.held.store)
        try workspace.write("file", bytes("first"))
        first = try host.files.commit(workspace, to: "main")
        try host.files.setTag("first", to: first)
        layer = try Self.makeLayer(host.path("layer"), over: host.held.store.path)
    }

    private static func makeLayer(_ path: String, over base: String) throws -> FileSystem {
        try LayeredStore.create(at: path, over: [base])
        return FileSystem(try ContentStore.open(at: path))
    }

    @Test func aCommitGoesOnFromTheBasesVersion() throws {
        let base = FileSystem.Reference(name: "main", version: first, isOfBase: true)
        #expect(try layer.branches() == [base] && layer.branch("main") == first)
        #expect(try layer.tags().map(\.isOfBase) == [true] && layer.tag("first") == first)
        let workspace = try layer.open(branch: "main")
        #expect(try workspace.lookup("file") != nil)
        // Nothing has changed: it is the base's still.
        #expect(try layer.commit(workspace, to: "main") == first)
        #expect(try layer.branches() == [base])
        try workspace.write("file", bytes("second"))
        let second = try layer.commit(workspace, to: "main")
        #expect(try layer.version(second).previous == [first])
        #expect(try layer.branches() == [FileSystem.Reference(name: "main", version: second)])
        #expect(try host.files.branch("main") == first)
        // The layer keeps the history that it goes on from.
        try host.files.removeBranch("main")
        try host.files.removeTag("first")
        try host.held.store.gc(budget: nil)
        #expect(try layer.version(first).previous == [])
        #expect(try layer.store.verify().problems.isEmpty && host.held.store.verify().problems.isEmpty)
        // With its own branch gone, there is none.
        try layer.removeBranch("main")
        #expect(try layer.branch("main") == nil && layer.branches() == [])
    }

    /// A named defect: the version that a base keeps after a conflict brought back what was removed above.
    @Test func tombstonesThatAVersionOfABaseHasNotSeenStay() throws {
        let later = Timestamp(seconds: 1 << 40) ?? .zero
        let workspace = try Workspace(host.held.store)
        try workspace.setSync("/", .merkleCRDT)
        try workspace.write("x", bytes("1"))
        _ = try host.files.commit(workspace, to: "replica")
        let late = try host.files.open(branch: "replica")
        try late.write("y", bytes("1"))
        try workspace.write("z", bytes("1"))
        _ = try host.files.commit(workspace, to: "replica")
        #expect(thrownCode { try host.files.commit(late, to: "replica") } == .conflict)
        let refused = try #require(late.version)
        let above = try layer.open(branch: "replica")
        try above.remove("x")
        _ = try layer.commit(above, to: "replica")
        #expect(try layer.compactTombstones("replica", before: later).dropped == 0)
        _ = try layer.merge(refused, into: "replica")
        let merged = try layer.open(branch: "replica")
        #expect(try merged.list("/").map(\.name.description) == ["y", "z"])
        // The base's branch has seen it, once it is where the layer's is.
        try host.files.removeBranch("replica")
        #expect(try layer.compactTombstones("replica", before: later).dropped == 1)
    }

    @Test func nothingTakesTheNameOfABasesBranch() throws {
        let workspace = try Workspace(layer.store)
        try workspace.write("other", [1])
        #expect(thrownCode { try layer.commit(workspace, to: "main") } == .conflict)
        #expect(thrownCode { _ = try layer.createBranch("main") } == .exists)
        let other = try layer.createBranch("other")
        #expect(thrownCode { try layer.fork("main", at: other) } == .exists)
        #expect(thrownCode { try layer.setTag("first", to: other) } == .exists)
        for code in [
            thrownCode { try layer.removeBranch("missing") }, thrownCode { try layer.removeTag("first") },
        ] { #expect(code == .notFound) }
        #expect(try layer.branch("main") == first)
        // Where it is anyway, or on purpose.
        try layer.fork("main", at: first)
        try layer.setTag("first", to: other, moving: true)
        #expect(try layer.branches().map(\.isOfBase) == [false, false] && layer.tag("first") == other)
        #expect(try host.files.tag("first") == first)
    }

    @Test func aBaseThatMovesMeanwhileIsAConflict() throws {
        let workspace = try layer.open(branch: "main")
        try workspace.write("mine", [1])
        let theirs = try host.files.open(branch: "main")
        try theirs.write("theirs", [2])
        let moved = try host.files.commit(theirs, to: "main")
        #expect(thrownCode { try layer.commit(workspace, to: "main") } == .conflict)
        // What came too late is kept, and is merged as any other.
        let mine = try #require(workspace.version)
        guard case .merged(let both, let conflicts) = try layer.merge(mine, into: "main") else {
            Issue.record("not merged")
            return
        }
        #expect(conflicts.isEmpty)
        #expect(try layer.version(both).previous == [moved, mine])
        #expect(try layer.branch("main") == both && host.files.branch("main") == moved)
    }

    @Test func mergesAndImportsGoOnFromThere() throws {
        try layer.fork("ahead", at: first)
        let workspace = try layer.open(branch: "ahead")
        try workspace.write("more", [1])
        let ahead = try layer.commit(workspace, to: "ahead")
        guard case .fastForward(ahead) = try layer.merge(ahead, into: "main") else {
            Issue.record("not a fast-forward")
            return
        }
        #expect(try layer.branch("main") == ahead && host.files.branch("main") == first)
        // A layer over the layer, and a directory that goes on from what it has.
        let upper = try Self.makeLayer(host.path("upper"), over: host.path("layer"))
        #expect(try upper.branches().map(\.name) == ["ahead", "main"])
        #expect(try upper.branches().allSatisfy(\.isOfBase) && upper.tags().map(\.name) == ["first"])
        try host.write("tree/file", bytes("imported"))
        let report = try upper.importDirectory(host.path("tree"), to: "main")
        let version = try #require(report.version)
        #expect(try upper.version(version).previous == [ahead])
        #expect(try upper.open(branch: "main").lookup("more")?.isTombstone != false)
        #expect(try upper.branches().map(\.isOfBase) == [true, false])
    }

    /// More names than are read at once, some of them hidden by the layer's own.
    @Test func namesOfBasesComeInOrder() throws {
        var expected: [String] = []
        for number in 0..<700 {
            let name = "n" + String(number + 1000)
            try host.held.store.setRoot("fs/branch/" + name, to: first)
            if number % 3 == 0 { try layer.store.setRoot("fs/branch/" + name, to: first) }
            expected.append(name)
        }
        let branches = try layer.branches()
        #expect(branches.map(\.name) == ["main"] + expected)
        #expect(branches.filter(\.isOfBase).count == 1 + 700 - 234)
        let three = try layer.store.rootsBelow(from: "fs/branch/n1100", limit: 3)
        #expect(three.map { String($0.name.suffix(4)) } == ["1100", "1101", "1103"])
        #expect(try host.held.store.rootsBelow().isEmpty)
    }

    @Test func noStoreBelowIsATarget() throws {
        let tree = try layer.version(first).tree
        let upper = try Self.makeLayer(host.path("upper"), over: host.path("layer"))
        #expect(upper.store.allBases.map(\.path) == [host.path("layer"), host.held.store.path])
        var options = ExportOptions()
        for existing in [ExportOptions.Existing.refuse, .replace, .merge] {
            options.existing = existing
            for target in [host.held.store.path, host.held.store.path + "/packs", host.path("layer")] {
                let code = thrownCode { _ = try upper.exportDirectory(of: tree, to: target, options) }
                #expect(code == .invalid, "\(target)")
            }
        }
        options.existing = .replace
        #expect(
            thrownCode { _ = try upper.exportDirectory(of: tree, to: host.held.directory, options) }
                == .invalid)
        #expect(try host.held.store.verify().problems.isEmpty)
    }
}
