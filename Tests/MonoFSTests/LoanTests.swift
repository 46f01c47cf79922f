import Foundation
import Glibc
import Testing

@testable import IpldEngine
@testable import MonoFS

/// What stands in a store of permissions that a killed process had lent, and what a killed export left. (That
/// they do stand there whenever one is killed, the campaign `transfers` shows.)
@Suite struct LoanTests {
    private let host: TransferFixture

    init() throws {
        host = try TransferFixture()
        try host.write("tree/file", [1], mode: 0o600)
        try host.write("tree/d/inner", [2])
        #expect(chmod(host.path("tree/d"), 0o700) == 0)
    }

    private var notes: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: host.held.store.path)
                .filter { $0.hasPrefix("lent-") }
        }
    }

    /// A note as of a process that is no more.
    @discardableResult
    private func note(
        _ name: String, _ mode: String, lent: String, inode: UInt64? = nil, birth: Int64? = nil,
        path: String? = nil, permissions: mode_t = 0o600
    ) throws -> String {
        let named = HostFile(try Host.open(AT_FDCWD, Array(host.path(name).utf8), .none))
        let status = try Host.status(named.descriptor)
        let text =
            "\(inode ?? status.identity.inode) \(try birth ?? Host.birth(named.descriptor)) \(mode) \(lent) "
            + (path ?? host.path(name))
        let file = host.held.store.path + "/lent-\(try notes.count)"
        try Data(text.utf8 + [0]).write(to: URL(fileURLWithPath: file))
        #expect(chmod(file, permissions) == 0)
        return file
    }

    private func mode(_ name: String) throws -> String {
        String(try Host.status(AT_FDCWD, Array(host.path(name).utf8)).mode, radix: 8)
    }

    @Test func whatWasLentIsGivenBackByWhoeverMeetsIt() throws {
        try note("tree/file", "200", lent: "600")
        try note("tree/d", "0", lent: "700")
        let tree = try host.importTree("tree").tree
        #expect(try mode("tree/file") == "200" && mode("tree/d") == "0" && notes.isEmpty)
        let workspace = try host.files.open(tree)
        #expect(try workspace.status("file").mode == 0o200 && workspace.status("d").mode == 0)
    }

    @Test func anExportGivesBackWhatItMeets() throws {
        let tree = try host.importTree("tree").tree
        try note("tree/d", "100", lent: "700")
        #expect(chmod(host.path("tree/file"), 0o600) == 0)
        var options = ExportOptions()
        options.existing = .merge
        #expect(mkdir(host.path("tree/other"), 0o750) == 0)
        let other = try note("tree/other", "50", lent: "750")
        try host.export(tree, to: "tree", options)
        // The tree says what the one is to be; the other was not met, and is what the next import meets.
        #expect(try mode("tree/d") == "700" && mode("tree/other") == "750")
        #expect(try notes.map { host.held.store.path + "/" + $0 } == [other])
        try host.importTree("tree")
        #expect(try mode("tree/other") == "50" && notes.isEmpty)
    }

    /// Whoever has chosen another mode since has chosen it.
    @Test(arguments: ["644", "400", "200", "640"])
    func aModeThatWasSetSinceStays(_ chosen: String) throws {
        try note("tree/file", "200", lent: "600")
        #expect(chmod(host.path("tree/file"), try #require(mode_t(chosen, radix: 8))) == 0)
        try host.importTree("tree")
        #expect(try mode("tree/file") == chosen && notes.isEmpty)
    }

    @Test func nothingIsTakenFromAnotherFile() throws {
        // One that has the inode now, one that has the path, and what a link leads to.
        let kept = try note("tree/file", "200", lent: "600", birth: 17)
        try note("tree/d", "0", lent: "700", inode: 1)
        try host.write("outside", [1], mode: 0o600)
        try note("outside", "0", lent: "600")
        #expect(symlink("../outside", host.path("tree/link")) == 0)
        try host.importTree("tree")
        #expect(try mode("tree/file") == "600" && mode("tree/d") == "700" && mode("outside") == "600")
        // What still has its path may be met later; what is elsewhere now is not waited for.
        #expect(try notes.count == 2 && notes.contains(URL(fileURLWithPath: kept).lastPathComponent))
        #expect(unlink(host.path("outside")) == 0 && unlink(kept) == 0)
        try host.importTree("tree")
        #expect(try notes.isEmpty)
    }

    /// Notes only take, and only what is an owner's.
    @Test(arguments: [("666", "600"), ("0", "644"), ("7600", "600"), ("600", "4600"), ("x", "600")])
    func aForgedNoteGivesNothing(_ mode: String, _ lent: String) throws {
        try note("tree/file", mode, lent: lent)
        if let lent = mode_t(lent, radix: 8) { #expect(chmod(host.path("tree/file"), lent) == 0) }
        let before = try self.mode("tree/file")
        try host.importTree("tree")
        #expect(try self.mode("tree/file") == before)
    }

    @Test func notesThatOthersMayWriteOrThatAreInUseSayNothing() throws {
        try note("tree/file", "200", lent: "600", permissions: 0o622)
        let used = try note("tree/d", "0", lent: "700")
        let living = HostFile(try Host.open(AT_FDCWD, Array(used.utf8), .read))
        #expect(try Host.lock(living.descriptor))
        try host.importTree("tree")
        #expect(try mode("tree/file") == "600" && mode("tree/d") == "700" && notes.count == 2)
        withExtendedLifetime(living) {}
    }

    // MARK: Stages

    @Test func onlyWhatAnExportProvesToBeItsOwnIsRemoved() throws {
        let tree = try host.importTree("tree").tree
        func make(_ name: String, _ proof: (StageRecord.Mark) -> String?) throws {
            try host.write("\(name)/precious", [1])
            let named = HostFile(try Host.open(AT_FDCWD, Array(host.path(name).utf8), .none))
            if let text = proof(try StageRecord.Mark(named.descriptor)) {
                try host.write(name + ".lock", Array(text.utf8), mode: 0o600)
            }
        }
        try make(".ipldstore-proven") { "\($0.inode).\($0.birth)\n" }
        try make(".ipldstore-unproven") { (_) in nil }
        try make(".ipldstore-other") { "\($0.inode).\($0.birth + 1)\n" }
        try make(".ipldstore-silent") { (_) in "" }
        try make(".ipldstore-forged") { "\($0.inode).\($0.birth)\n" }
        #expect(chmod(host.path(".ipldstore-forged.lock"), 0o666) == 0)
        try make(".ipldstore-living") { "\($0.inode).\($0.birth)\n" }
        let living = HostFile(
            try Host.open(AT_FDCWD, Array(host.path(".ipldstore-living.lock").utf8), .read))
        #expect(try Host.lock(living.descriptor))
        #expect(symlink("tree", host.path(".ipldstore-link")) == 0)
        try host.write(".ipldstore-link.lock", Array("1.1\n".utf8), mode: 0o600)
        #expect(symlink(host.path("tree"), host.path(".ipldstore-followed.lock")) == 0)
        #expect(mkdir(host.path(".ipldstore-empty"), 0o700) == 0)
        try host.write(".ipldstore-empty.lock", [], mode: 0o600)
        let before = Set(try host.names())
        try host.export(tree, to: "out")
        let removed = [".ipldstore-proven", ".ipldstore-proven.lock"]
        let empty = [".ipldstore-empty", ".ipldstore-empty.lock"]
        #expect(before.subtracting(try host.names()) == Set(removed + empty))
        #expect(try host.facts("out") == host.facts("tree"))
        withExtendedLifetime(living) {}
    }

    @Test func twoExportsAtOnceLeaveEachOtherAlone() throws {
        let tree = try host.importTree("tree").tree
        let stores = HostStores(host.held.store)
        let one = try ExportTarget(host.path("one"), .refuse, stores, .unnoted)
        try host.export(tree, to: "two")
        #expect(try Host.status(one.directory.descriptor).links > 0)
        #expect(try host.names().filter { $0.hasPrefix(".ipldstore-") }.count == 2)
        one.discard()
        #expect(try host.names() == ["tree", "two"])
    }
}
