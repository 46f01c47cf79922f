import Testing

@testable import IpldEngine
@testable import MonoFS

/// Changes of several names that cannot be brought to their end: the tree has all of one, or nothing.
@Suite struct HalfwayTests {
    private let test: TestStore
    private let files: FileSystem

    init() throws {
        test = try TestStore()
        files = FileSystem(test.store)
    }

    enum Change: CaseIterable {
        case restoreRoot, restoreDirectory, restoreReplica, restoreReplicaOverFile, restoreFile
        case copy, copyOfReplica, rename, renameOfReplica, link
        case directories, modes, modeOfNames, sync, content, remove

        func make(_ tree: Workspace, _ first: CID) throws(StoreError) {
            switch self {
            case .restoreRoot: try tree.restore("/", from: "/", of: first)
            case .restoreDirectory: try tree.restore("d", from: "d", of: first)
            case .restoreReplica: try tree.restore("c", from: "c", of: first)
            case .restoreReplicaOverFile: try tree.restore("b", from: "c", of: first)
            case .restoreFile: try tree.restore("c", from: "c/x", of: first)
            case .copy: try tree.copy("d", to: "c/copy")
            case .copyOfReplica: try tree.copy("c", to: "d/copy")
            case .rename: try tree.rename("d/f", to: "c/below")
            case .renameOfReplica: try tree.rename("c", to: "d/moved")
            case .link: try tree.link("d/e/h", at: "c/name")
            case .directories: try tree.createDirectories("c/below/new/er")
            case .modes: try tree.setModes(below: "d", 0o711)
            case .modeOfNames: try tree.setMode("d/f", 0o600)
            case .sync: try tree.setSync("/", .merkleCRDT, recursively: true)
            case .content: try tree.write("l/1", [7, 7])
            case .remove: try tree.removeTree("c")
            }
        }
    }

    /// A version, and one that was made from it, in which everything is different.
    private func start() throws -> (first: CID, second: CID) {
        let tree = try files.open(branch: "main").tick(Ticking())
        try tree.createDirectories("d/e")
        try tree.createDirectory("l")
        try tree.createDirectory("c", sync: .merkleCRDT)
        try tree.createDirectories("c/below/z")
        for path in ["a", "d/f", "d/g", "d/e/h", "c/x", "c/y", "c/below/z/1"] as [FilePath] {
            try tree.write(path, [1])
        }
        for path in ["l/1", "l/2", "d/e/f", "c/f"] as [FilePath] { try tree.link("d/f", at: path) }
        try tree.link("c/x", at: "c/xx")
        let first = try files.commit(tree, to: "main")
        try tree.write("b", [2])
        try tree.write("d/g", [2])
        try tree.write("c/y", [2])
        try tree.write("c/x", [2])
        try tree.removeTree("a")
        try tree.removeTree("c/below")
        try tree.setMode("/", 0o700)
        return (first, try files.commit(tree, to: "main"))
    }

    private func open(_ version: CID) throws -> Workspace {
        let tree = try files.open(version).tick(Ticking(5000, seed: 9))
        try tree.write("new", [3])
        return tree
    }

    /// A named defect: what had been removed by then was gone, and a commit made it so.
    @Test(arguments: Change.allCases) func whatIsStoppedAnywhereHasChangedNothing(change: Change) throws {
        let (first, second) = try start()
        let whole = try open(second)
        let before = try whole.storeTree()
        whole.abort()
        var stops: UInt64 = 0
        while true {
            let tree = try open(second)
            defer { tree.abort() }
            tree.source.steps = StepCounter { (count) throws(StoreError) in
                if count > stops { throw StoreError(.cancelled, "enough") }
            }
            let error = thrownError { try change.make(tree, first) }
            tree.source.steps = nil
            guard error != nil else {
                #expect(try tree.storeTree() != before)
                break
            }
            #expect(error?.code == .cancelled)
            #expect(try tree.storeTree() == before, "after \(stops) steps")
            stops += 1
        }
        #expect(stops > 0)
    }

    /// Nor is a file that was open then no longer written to.
    @Test func whatDoesNotFitHasChangedNothing() throws {
        let tree = try files.open(branch: "main").tick(Ticking())
        try tree.createDirectory("d")
        try tree.write("d/keep", bytes("precious"))
        try tree.write("big", [])
        try tree.truncate("big", to: 1 << 62)
        let first = try files.commit(tree, to: "main")
        let writer = try tree.openForWriting("d/keep")
        #expect(thrownCode { try tree.restore("d", from: "/", of: first) } == .tooLarge)
        #expect(try tree.read("d/keep") == bytes("precious"))
        try bytes("!").withBytes { (bytes) throws in try writer.append(bytes) }
        try writer.close()
        #expect(try tree.read("d/keep") == bytes("precious!"))
    }

    /// A named defect: those names that it fitted in had it, and were a file of their own.
    @Test func aFileOfSeveralNamesStaysOne() throws {
        let tree = try files.open(branch: "main").tick(Ticking())
        try tree.write("a", [1])
        for name in ["b", "c"] as [FilePath] { try tree.link("a", at: name) }
        let first = try files.commit(tree, to: "main")
        #expect(thrownCode { try tree.truncate("a", to: 1 << 62) } == .tooLarge)
        #expect(try files.commit(tree, to: "main") == first)
        #expect(try tree.status("a").hardLink != nil)
        #expect(try tree.read("a") == [1] && tree.read("c") == [1])
    }

    /// A named defect: for each name there was a copy of all directories above it, 500 MB for 4,000 levels.
    @Test func whatThereWasIsKeptOnceForEachDirectory() throws {
        let tree = try files.open(branch: "main").tick(Ticking())
        let levels = [FileName](repeating: try FileName("d"), count: 100)
        try tree.createDirectories(FilePath(components: levels))
        let before = try tree.storeTree()
        var kept = 0
        let error = thrownError {
            try tree.together { () throws(StoreError) in
                for depth in 1...levels.count {
                    let path = FilePath(components: Array(levels.prefix(depth)) + [try FileName("new")])
                    let (location, name) = try tree.place(path)
                    try tree.put(tree.made(.fifo, 0o600), name, at: location)
                    try tree.put(tree.made(.socket, 0o600), name, at: location)
                }
                kept = tree.namesBefore?.directories.count ?? 0
                throw StoreError(.cancelled, "enough")
            }
        }
        // The root, too.
        #expect(error?.code == .cancelled && kept == levels.count + 1)
        #expect(try tree.storeTree() == before && !tree.isChanged)
    }
}
