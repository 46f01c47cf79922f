import Foundation
import IpldEngine
import Testing

@testable import MonoFS

/// What becomes of trees of which the store has lost something.
@Suite struct LossTests {
    private let directory: String
    private var host: String { directory + "/host" }
    private let small = (0..<40_000).map { _ in UInt8.random(in: 0...255) }
    private let large = (0..<400_000).map { _ in UInt8.random(in: 0...255) }

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/monofs-loss-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: host + "/below", withIntermediateDirectories: true)
        try Data(small).write(to: URL(filePath: host + "/below/small"))
        try Data(large).write(to: URL(filePath: host + "/large"))
        // Long before the import, so that files are known again.
        for name in ["below/small", "large"] {
            let time = Date(timeIntervalSince1970: 1_700_000_000)
            try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: host + "/" + name)
        }
        usleep(100_000)
    }

    private func path(_ name: String) -> String { directory + "/" + name }

    private func make(_ name: String, over base: String? = nil) throws -> FileSystem {
        let configuration = StoreConfiguration(payloads: .files(levels: 1))
        if let base {
            try LayeredStore.create(at: path(name), over: [path(base)])
        } else {
            try ContentStore.create(at: path(name), configuration: configuration)
        }
        return FileSystem(try ContentStore.open(at: path(name)))
    }

    /// Changes a byte of a block's file.
    private func spoil(_ cid: CID, in name: String) throws {
        let found = try FileManager.default.subpathsOfDirectory(atPath: path(name) + "/blocks")
        let file = try #require(found.first { $0.hasSuffix(cid.description) })
        let url = URL(filePath: path(name) + "/blocks/" + file)
        var data = try Data(contentsOf: url)
        data[data.count / 2] ^= 1
        try data.write(to: url)
    }

    private func entry(_ files: FileSystem, _ branch: String, _ path: String) throws -> Entry {
        try #require(try files.open(branch: branch).lookup(FilePath(path)))
    }

    private func content(_ files: FileSystem, _ branch: String, _ path: String) throws -> CID {
        guard case .file(.stored(let cid, _)) = try entry(files, branch, path).content else {
            throw StoreError(.invalid, "\(path) is no file of blocks")
        }
        return cid
    }

    private func map(_ files: FileSystem, _ branch: String, _ path: String) throws -> CID {
        try #require(try entry(files, branch, path).below?.map)
    }

    private func export(_ files: FileSystem, _ branch: String, _ place: FilePath = .root) throws -> [String]
    {
        let out = path("out-\(UUID().uuidString)")
        let tree = try #require(try files.branch(branch))
        _ = try files.exportDirectory(place, of: tree, to: out)
        #expect(try [UInt8](Data(contentsOf: URL(filePath: out + "/below/small"))) == small)
        #expect(try [UInt8](Data(contentsOf: URL(filePath: out + "/large"))) == large)
        return try FileManager.default.subpathsOfDirectory(atPath: out).sorted()
    }

    private enum Part: CaseIterable { case file, chunk, directory, root, tree, version, seen }

    private func block(_ part: Part, _ files: FileSystem) throws -> CID {
        let version = try #require(try files.branch("main"))
        let seen = try files.store.root("fs/seen/main")
        return switch part {
        case .file: try content(files, "main", "below/small")
        case .chunk: try files.store.links(of: try content(files, "main", "large"))[1]
        case .directory: try map(files, "main", "below")
        case .root: try map(files, "main", "/")
        case .tree: try files.version(version).tree
        case .version: version
        case .seen: try files.store.links(of: try #require(seen))[0]
        }
    }

    /// Verification tells of it before and after a repair, and a full import of the same directory brings all
    /// of it back, but for a version.
    @Test(arguments: Part.allCases, [false, true])
    private func whatIsLostIsToldAndImportedAgain(_ part: Part, isRepaired: Bool) throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        do {
            let files = try make("store")
            _ = try files.importDirectory(host, to: "main")
            try spoil(try block(part, files), in: "store")
            #expect(try !files.verify().isClean)
        }
        if isRepaired { try ContentStore.repair(at: path("store")) }
        let files = FileSystem(try ContentStore.open(at: path("store")))
        // A branch goes with its only version, and the cache is nothing that anybody misses.
        let isGone = isRepaired && (part == .version || part == .seen)
        #expect(try !files.verify().isClean || isGone)
        if part == .version, !isRepaired { return }
        var options = ImportOptions()
        // The cache is none of what is stored: an import that finds it damaged reads the files.
        options.readsEverything = part != .seen
        _ = try files.importDirectory(host, to: "main", options)
        let report = try files.verify()
        #expect(report.isClean, "\(report.problems.map(\.message))")
        #expect(try export(files, "main") == ["below", "below/small", "large"])
    }

    /// A layer that imports what a branch of its base has, of which something is lost there, keeps it.
    @Test(arguments: [Part.file, .chunk, .directory, .root], [false, true])
    private func aLayerKeepsWhatItImports(_ part: Part, isForked: Bool) throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let base = try make("base")
        _ = try base.importDirectory(host, to: "main")
        let layer = try make("layer", over: "base")
        let branch = isForked ? "mine" : "main"
        if isForked { try layer.fork(branch, at: try #require(try layer.branch("main"))) }
        try spoil(try block(part, base), in: "base")
        #expect(try !base.verify().isClean)
        var options = ImportOptions()
        options.readsEverything = true
        #expect(try layer.importDirectory(host, to: branch, options).isUnchanged)
        for _ in 0..<3 { try layer.store.gc() }
        _ = try export(layer, branch)
        try base.removeBranch("main")
        for _ in 0..<3 { try base.store.gc() }
        _ = try export(layer, branch)
        #expect(try layer.verify().isClean)
    }

    /// The same of a directory within a branch: what leads to it is the layer's own then, too.
    @Test func aLayerKeepsWhatItImportsBelow() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let base = try make("base")
        _ = try base.importDirectory(directory, to: "main")
        let layer = try make("layer", over: "base")
        let lost = try content(base, "main", "host/below/small")
        try spoil(lost, in: "base")
        #expect(try !base.verify().isClean)
        try layer.fork("mine", at: try #require(try layer.branch("main")))
        let report = try layer.importDirectory(host, to: "mine", at: FilePath("host"))
        #expect(report.isUnchanged)
        for _ in 0..<3 { try layer.store.gc() }
        try base.removeBranch("main")
        for _ in 0..<3 { try base.store.gc() }
        _ = try export(layer, "mine", FilePath("host"))
        #expect(try layer.verify().isClean)
    }

    /// A link to a CID may lead to what is not here, and what it leads to is looked at where it is.
    @Test func aLinkToWhatIsNotHereIsNoLoss() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let files = try make("store")
        let absent = try small.withUnsafeBytes { try CID(hashing: $0, codec: .raw) }
        let workspace = try files.open(branch: "main")
        try workspace.createSymlink(FilePath("link"), to: absent)
        try files.commit(workspace, to: "main")
        let report = try files.verify()
        #expect(report.isClean && report.missingLinks == 1, "\(report.problems.map(\.message))")
        _ = try files.importDirectory(host, to: "main", at: FilePath("host"))
        let lost = try content(files, "main", "host/below/small")
        try spoil(lost, in: "store")
        #expect(try !files.verify().isClean)
    }

    /// A named defect: nobody was told that a file or a directory was lost, where a link to a CID, or one in
    /// an attribute, led to the same from the same directory.
    @Test(arguments: [Part.file, .directory], [false, true])
    private func aLinkToWhatSomethingElseNeedsIsNoExcuse(_ part: Part, isAttribute: Bool) throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        // What is before it is found by its bytes, and not by characters: nothing was told of such a branch.
        let branch = "\u{301}"
        do {
            let files = try make("store")
            // In the only version that there is.
            let workspace = try files.open(try files.importDirectory(host, to: nil).tree)
            try files.commit(workspace, to: "before")
            let lost =
                part == .file
                ? try content(files, "before", "below/small") : try map(files, "before", "below")
            try files.removeBranch("before")
            let again = try files.open(try files.importDirectory(host, to: nil).tree)
            let link = try FilePath(part == .file ? "below/link" : "link")
            if isAttribute {
                try again.write(link, [1])
                try again.setAttribute(link, Array("user.link".utf8), to: .list([.link(lost)]))
            } else {
                try again.createSymlink(link, to: lost)
            }
            try files.commit(again, to: branch)
            #expect(try files.verify().isClean)
            try spoil(lost, in: "store")
        }
        try ContentStore.repair(at: path("store"))
        let files = FileSystem(try ContentStore.open(at: path("store")))
        #expect(try files.branches().map(\.name) == [branch])
        #expect(try files.verify().problems.contains { $0.kind == .missingBlock })
    }

    /// A named defect: the version in which something could not be read was passed over by the next call.
    @Test func aHistoryGoesOnWhereItFailed() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let files = try make("store")
        var versions: [CID] = []
        for number in 0..<3 {
            let workspace = try files.open(branch: "main")
            try workspace.createDirectories("d")
            try workspace.write("d/f", [UInt8(number)])
            versions.append(try files.commit(workspace, to: "main"))
        }
        func expect(_ lost: CID, _ next: () throws -> CID?) throws {
            var found: [CID] = []
            try spoil(lost, in: "store")
            #expect(thrownCode { while let cid = try next() { found.append(cid) } } == .corrupt)
            #expect(thrownCode { _ = try next() } == .corrupt)
            // The same byte again.
            try spoil(lost, in: "store")
            while let cid = try next() { found.append(cid) }
            #expect(found == versions.reversed())
        }
        let ofPath = try files.history(of: "d/f", from: versions[2])
        let map = try #require(try files.open(versions[1]).status("d").below?.map)
        try expect(map) { try ofPath.next()?.cid }
        let all = try files.history(from: versions[2])
        try expect(versions[0]) { try all.next()?.cid }
    }

    /// As little as what a link to a CID leads to. Both sides' values of a name of a replica may have them.
    @Test func whatAttributesLinkToNeedNotBeHere() throws {
        let files = try make("store")
        let nowhere = try (0..<3).map { (number) in
            try [UInt8(number)].withBytes { try CID(hashing: $0, codec: .raw) }
        }
        let workspace = try files.open(branch: "main")
        try workspace.setAttribute(.root, Array("user.a".utf8), to: .list([.link(nowhere[0])]))
        try workspace.write("file", [1])
        try workspace.setAttribute("file", Array("user.b".utf8), to: .link(nowhere[1]))
        // An entry that is stored by itself.
        try workspace.createSymlink("long", to: nowhere[1])
        for (name, value) in [
            ("user.b", .link(nowhere[2])), ("user.a", .bytes([UInt8](repeating: 7, count: 10_000))),
        ] as [(String, IPLDValue)] {
            try workspace.setAttribute("long", Array(name.utf8), to: value, followingLinks: false)
        }
        try workspace.createDirectory("d", sync: .merkleCRDT)
        // One that was removed, and what was known of it.
        try workspace.createDirectory("d/again")
        try workspace.setAttribute("d/again", Array("user.a".utf8), to: .link(nowhere[0]))
        try workspace.remove("d/again")
        try workspace.createDirectory("d/again")
        let first = try files.commit(workspace, to: "main")
        try files.fork("dev", at: first)
        for (branch, target) in [("main", nowhere[1]), ("dev", nowhere[2])] {
            let side = try files.open(branch: branch)
            try side.createSymlink("d/link", to: target)
            _ = try files.commit(side, to: branch)
        }
        _ = try files.merge(try #require(try files.branch("dev")), into: "main")
        let report = try files.verify()
        #expect(report.isClean && report.missingBlockCount == 3)
    }
}
