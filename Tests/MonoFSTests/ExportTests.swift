import Foundation
import Glibc
import Testing

@testable import IpldEngine
@testable import MonoFS

/// Where a tree is written to, and where not.
@Suite struct ExportTests {
    let host: TransferFixture
    init() throws { host = try TransferFixture() }

    private func makeTree() throws -> CID {
        for number in 0..<40 { try host.write("tree/d/\(number)", [UInt8](repeating: 4, count: 700)) }
        try host.write("tree/file", [1, 2, 3])
        #expect(symlink("d/1", host.path("tree/link")) == 0)
        return try host.importTree("tree", to: nil).tree
    }

    private func names(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: host.path(directory)).sorted()
    }

    @Test func aTargetThatIsThereIsLeftAloneUnlessSaid() throws {
        let tree = try makeTree()
        try host.write("out/mine", [7])
        try host.write("out/d/0", [7])
        try host.write("out/d/mine", [7])
        try host.write("out/file/inside", [7])
        let before = try host.facts("out")
        #expect(thrownCode { try host.export(tree, to: "out") } == .exists)
        #expect(thrownCode { try host.export(tree, to: "out/mine") } == .invalid)
        #expect(try host.facts("out") == before)
        var options = ExportOptions()
        options.existing = .merge
        try host.export(tree, to: "out", options)
        #expect(try names("out") == ["d", "file", "link", "mine"])
        #expect(try names("out/d").count == 41)
        #expect(try FileManager.default.attributesOfItem(atPath: host.path("out/d/0"))[.size] as? Int == 700)
        options.existing = .replace
        try host.export(tree, to: "out", options)
        #expect(try host.facts("out") == host.facts("tree"))
        try host.export(tree, to: "new", options)
        #expect(try host.facts("new") == host.facts("tree"))
        // Nothing of what was made on the way is left.
        #expect(try names(".") == ["new", "out", "tree"])
    }

    @Test func anEmptyDirectoryIsWrittenInPlaceAndThroughALink() throws {
        let tree = try makeTree()
        #expect(mkdir(host.path("out"), 0o777) == 0)
        var (before, after) = (stat(), stat())
        #expect(lstat(host.path("out"), &before) == 0)
        #expect(symlink("out", host.path("alias")) == 0)
        try host.export(tree, to: "alias/")
        #expect(try host.facts("out") == host.facts("tree"))
        #expect(lstat(host.path("out"), &after) == 0 && after.st_ino == before.st_ino)
    }

    /// A store is no directory like any other, whatever path or link leads there.
    @Test func theStoreIsNoTargetAndNotReplaced() throws {
        let tree = try makeTree()
        let store = host.held.store.path
        let before = try FileManager.default.subpathsOfDirectory(atPath: store).sorted()
        #expect(symlink(store, host.path("link")) == 0)
        #expect(symlink(store + "/packs", host.path("packs")) == 0)
        var options = ExportOptions()
        for existing in [ExportOptions.Existing.refuse, .replace, .merge] {
            options.existing = existing
            for target in ["link", "link/", "link/new", "link/index", "packs", "packs/new"] {
                #expect(thrownCode { try host.export(tree, to: target, options) } == .invalid, "\(target)")
            }
        }
        options.existing = .replace
        #expect(thrownCode { try host.export(tree, to: "..", options) } == .invalid)
        #expect(try FileManager.default.subpathsOfDirectory(atPath: store).sorted() == before)
        #expect(try host.isClean())
        #expect(try names(".") == ["link", "packs", "tree"])
    }

    /// Merging goes around a store, whatever the tree has under its name.
    @Test(arguments: ["work/store", "work/store/index", "work/above/store"])
    func mergingGoesAroundTheStore(_ place: String) throws {
        try host.write("tree/new", [1])
        try host.write("tree/" + (place.hasSuffix("index") ? "store/index/mine" : "store"), [2])
        try host.write("tree/above", [3])
        let source = try host.importTree("tree", to: nil).tree
        let path = place.hasSuffix("index") ? "work/store" : place
        try FileManager.default.createDirectory(
            atPath: host.path(path), withIntermediateDirectories: true)
        try ContentStore.create(at: host.path(path))
        let store = try ContentStore.open(at: host.path(path))
        try store.copy(source, from: host.held.store)
        var options = ExportOptions()
        options.existing = .merge
        var unmade: [String] = []
        _ = try FileSystem(store).exportDirectory(
            of: source, to: host.path("work"), options,
            problem: { (problem) throws(StoreError) in
                if problem.kind == .unmade { unmade.append("\(problem.path)") }
            })
        #expect(unmade == [path.hasPrefix("work/above") ? "above" : "store"])
        #expect(FileManager.default.fileExists(atPath: host.path("work/new")))
        #expect(try store.verify().problems.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: host.path("work/store/index/mine")))
    }

    @Test func accessListsOfTheTargetAreNotTheTrees() throws {
        let tree = try makeTree()
        let before = try host.facts("tree")
        // user::rwx, user:5:rwx, group::r-x, mask::rwx, other::r-x, as Linux has it.
        var list: [UInt8] = [2, 0, 0, 0]
        for (tag, permissions, who) in [
            (1, 7, UInt32.max), (2, 7, 5), (4, 5, .max), (16, 7, .max), (32, 5, .max),
        ] as [(UInt8, UInt8, UInt32)] {
            list += [tag, 0, permissions, 0] + withUnsafeBytes(of: who.littleEndian) { Array($0) }
        }
        let parent = try HostDirectory(try Host.open(path: host.directory))
        do throws(HostError) {
            try Host.setAttribute(.descriptor(parent.descriptor), Host.accessLists[1], list)
        } catch {
            guard error.code == EOPNOTSUPP else { throw error }
            return
        }
        // The empty one has the list, too.
        #expect(mkdir(host.path("empty"), 0o755) == 0)
        try host.write("merged/d/0", [1])
        #expect(try host.facts("empty")[0].contains("posix_acl_default"))
        try host.export(tree, to: "new")
        try host.export(tree, to: "empty")
        var options = ExportOptions()
        options.existing = .merge
        try host.export(tree, to: "merged", options)
        for name in ["new", "empty", "merged"] { #expect(try host.facts(name) == before, "\(name)") }
    }

    @Test func anExportThatStopsLeavesNothing() throws {
        let tree = try makeTree()
        #expect(mkdir(host.path("empty"), 0o750) == 0)
        for target in ["new", "empty"] {
            let code = thrownCode {
                _ = try host.files.exportDirectory(
                    of: tree, to: host.path(target),
                    progress: { (done) throws(StoreError) in
                        if done.entries > 20 { throw StoreError(.cancelled, "enough") }
                    })
            }
            #expect(code == .cancelled)
        }
        #expect(try names(".") == ["empty", "tree"])
        #expect(try names("empty").isEmpty)
        #expect(try Host.status(AT_FDCWD, Array(host.path("empty").utf8)).mode == 0o750)
    }

    @Test func aPartOfATreeIsExported() throws {
        let tree = try makeTree()
        _ = try host.files.exportDirectory("d", of: tree, to: host.path("out"))
        #expect(try names("out").count == 40)
        #expect(
            thrownCode { _ = try host.files.exportDirectory("file", of: tree, to: host.path("x")) }
                == .invalid)
        #expect(
            thrownCode { _ = try host.files.exportDirectory("gone", of: tree, to: host.path("x")) }
                == .notFound)
    }

    @Test func linksInTheTargetAreReplacedAndNotFollowed() throws {
        let tree = try makeTree()
        try host.write("outside/file", [9])
        try host.write("out/other", [7])
        for (target, link) in [("../outside", "d"), ("../outside/file", "file")] {
            #expect(symlink(host.path("out/\(target)"), host.path("out/\(link)")) == 0)
        }
        let before = try host.facts("outside")
        var options = ExportOptions()
        options.existing = .merge
        try host.export(tree, to: "out", options)
        #expect(try host.facts("outside") == before)
        #expect(try names("out/d").count == 40)
        #expect(try Host.status(AT_FDCWD, Array(host.path("out/file").utf8)).kind == .file)
    }

    @Test func forgedNamesLeadNowhere() throws {
        for name in ["..", ".", "a/b", "../up", "/etc", "n\0l", ""] {
            let batch = try host.held.store.makeBatch()
            let builder = ByteMapBuilder(batch)
            let entry = try EntryEncoder.encode(Entry(.file(.inline([1])), mode: 0o644))
            try builder.append(Array(name.utf8), entry)
            var directory = Directory(map: try builder.finish(), totals: Totals())
            directory.totals.entries = 1
            directory.totals.bytes = 1
            let tree = try batch.putTree(Entry(.directory(directory), mode: 0o755))
            try batch.hold(tree)
            try batch.commit()
            #expect(thrownCode { try host.export(tree, to: "out") } == .corrupt, "\(name)")
            #expect(try names(".").isEmpty, "\(name)")
        }
    }

    /// Somebody who may write to the target puts links in the places of directories while they are written.
    @Test func directoriesThatAreSwappedForLinksLeadNowhere() throws {
        for number in 0..<200 {
            try host.write("tree/d/e/\(number)", [UInt8](repeating: 4, count: 700))
            try host.write("tree/d/\(number)/f", [1])
        }
        let tree = try host.importTree("tree", to: nil).tree
        try host.write("outside/e/keep", [9])
        try host.write("out/d/e/0", [7])
        let before = try host.facts("outside")
        let isOver = Lock(false)
        let (inner, outer) = (host.path("out/d"), host.path("outside"))
        let thread = try WorkerThread {
            while !isOver.withLock({ $0 }) {
                for (path, target) in [(inner, outer), (inner + "/e", outer + "/e")] {
                    rename(path, path + ".away")
                    symlink(target, path)
                    sched_yield()
                    unlink(path)
                    rename(path + ".away", path)
                }
            }
        }
        var options = ExportOptions()
        options.existing = .merge
        for _ in 0..<30 {
            _ = try? host.files.exportDirectory(of: tree, to: host.path("out"), options)
        }
        isOver.withLock { $0 = true }
        thread.join()
        #expect(try host.facts("outside") == before)
    }

    @Test func oneNameCanHaveOneEntryOnly() throws {
        // Where the host takes two names for one, the second is missing, and said so: here one is too long.
        let batch = try host.held.store.makeBatch()
        let builder = DirectoryBuilder(batch)
        try builder.append(
            try FileName([UInt8](repeating: 0x61, count: 300)), Entry(.file(.inline([1])), mode: 0o644))
        let linked = try [1].withBytes { (bytes) throws(StoreError) in try batch.putBytes(bytes) }
        try builder.append(try FileName("b"), Entry(.cidLink(linked)))
        try builder.append(try FileName("c"), Entry(.file(.inline([1])), mode: 0o644))
        let tree = try batch.putTree(Entry(.directory(try builder.finish()), mode: 0o755))
        try batch.hold(tree)
        try batch.commit()
        let problems = Lock<[String]>([])
        let report = try host.files.exportDirectory(
            of: tree, to: host.path("out"),
            problem: { (problem) throws(StoreError) in
                problems.withLock { $0.append(problem.kind.rawValue) }
            })
        // The owner of the root, 0, is refused to whoever is not.
        #expect(report.unmade == 2 && problems.withLock { $0.filter { $0 == "unmade" }.count } == 2)
        #expect(try names("out") == ["c"])
    }

    @Test func whatTheHostRefusesIsKeptInAnAttribute() throws {
        try host.write("tree/file", [1])
        try host.write("tree/standin", [])
        let attribute = StatAttribute.name
        func set(_ name: String, _ value: String) throws {
            let directory = try HostDirectory(try Host.open(path: host.path("tree")))
            try Host.setAttribute(
                .name(directory: directory.descriptor, Array(name.utf8)), attribute, Array(value.utf8))
        }
        try set("file", "1000:1001:04755:file")
        try set("standin", "0:0:0660:block-7-200")
        var options = ImportOptions()
        options.usesStatAttribute = true
        let workspace = try host.files.open(try host.importTree("tree", to: nil, options).tree)
        let file = try workspace.status("file")
        #expect(file.owner == 1000 && file.group == 1001 && file.mode == 0o4755 && file.attributes.isEmpty)
        #expect(
            try workspace.status("standin").content == .blockDevice(DeviceNumber(major: 7, minor: 200)))
        #expect(StatAttribute.value(of: file) == Array("1000:1001:04755:file".utf8))
        for wrong in ["", "1:2", "1:2:9:file", "a:2:644:file", "1:2:0644:block-1", "1:2:0644:char-1-x"] {
            try set("standin", wrong)
            let tree = try host.importTree("tree", to: nil, options).tree
            #expect(try host.files.open(tree).status("standin").attributes[attribute] != nil, "\(wrong)")
        }
    }
}
