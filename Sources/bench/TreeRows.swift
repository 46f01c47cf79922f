/// Trees of files: building, finding, forking, comparing and merging.
///
/// As in `NameRows`, a store in memory excludes the flush and is given in processor time; on disk it is wall
/// time, flushes included.
import IpldEngine
import MonoFS

struct TreeRows {
    private let context: Context
    private static let group = "Trees"
    private static let directories = 1000
    private static let filesPerDirectory = 100
    private static let changes = 100

    init(_ context: Context) { self.context = context }

    func run() throws {
        if let memory = context.memoryDirectory {
            try measure(memory + "/trees", "excluding flush", hasGoals: true)
        }
        try measure(context.directory + "/trees", "on disk", hasGoals: false)
    }

    private func measure(_ path: String, _ where: String, hasGoals: Bool) throws {
        func time(_ body: () throws -> Void) throws -> Double {
            hasGoals ? try processorSeconds(body) : try seconds(body)
        }
        defer { Files.remove(path) }
        try ContentStore.create(at: path)
        let store = try ContentStore.open(at: path)
        let files = FileSystem(store)
        let report = context.report
        try millionEntries(store, `where`, time)

        let base = try tree(files)
        var (forks, diffs, merges) = (Samples(), Samples(), Samples())
        for round in 0..<(context.isQuick ? 5 : 15) {
            let (ours, theirs) = ("ours \(round)", "theirs \(round)")
            forks.add(try time { try files.fork(ours, at: base) })
            try files.fork(theirs, at: base)
            _ = try change(files, ours, round, file: 0)
            // The same directories, so that each has to be made of both.
            let other = try change(files, theirs, round, file: 50)
            diffs.add(
                try time {
                    let diff = try files.diff(from: base, to: other)
                    var count = 0
                    while let change = try diff.next() {
                        if change.new?.isDirectory == false { count += 1 }
                    }
                    guard count == Self.changes else { throw BenchError("\(count) differences") }
                })
            merges.add(
                try time {
                    guard case .merged = try files.merge(other, into: ours, policy: .newest) else {
                        throw BenchError("nothing was merged")
                    }
                })
        }
        report.add(
            Self.group, "fork a branch, \(`where`), p50", forks.median, .seconds,
            goal: hasGoals ? ("≤ 1 ms", forks.median <= 1e-3) : nil)
        report.add(Self.group, "compare 100,000 files, 100 of them changed, \(`where`)", diffs, .seconds)
        report.add(
            Self.group, "merge forks of 100,000 files, 100 changed in each, \(`where`)", merges, .seconds,
            goal: hasGoals ? ("≤ 50 ms", merges.median <= 50e-3) : nil)
    }

    private func millionEntries(
        _ store: ContentStore, _ where: String, _ time: (() throws -> Void) throws -> Double
    ) throws {
        var root: CID?
        let building = try time {
            let batch = try store.makeBatch()
            let builder = DirectoryBuilder(batch)
            for number in 0..<1_000_000 {
                try builder.append(try Self.name("file", number), Self.file(number))
            }
            let tree = try batch.putTree(Entry(.directory(try builder.finish()), mode: 0o755))
            try batch.hold(tree)
            try batch.commit()
            root = tree
        }
        guard let root else { throw BenchError("no tree was built") }
        context.report.add(Self.group, "build a directory of a million files, \(`where`)", building, .seconds)
        let workspace = try Workspace(store, on: root)
        var lookups = Samples()
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let name = try Self.name("file", Int.random(in: 0..<1_000_000, using: &generator))
            lookups.add(
                try time {
                    guard try workspace.lookup(FilePath(components: [name])) != nil else {
                        throw BenchError("a file is gone")
                    }
                })
        }
        context.report.add(
            Self.group, "find a name among a million, \(`where`), p50", lookups.median, .seconds)
        let listing = try time {
            let walk = try workspace.walk()
            var count = 0
            while try walk.next() != nil { count += 1 }
            guard count == 1_000_000 else { throw BenchError("\(count) entries were listed") }
        }
        context.report.add(Self.group, "list a million entries, \(`where`)", listing, .seconds)
    }

    private static func name(_ what: String, _ number: Int) throws -> FileName {
        try FileName("\(what) \(String(number + 10_000_000).dropFirst())")
    }

    private static func file(_ number: Int) -> Entry {
        Entry(.file(.inline(Array("content of file \(number)".utf8))), mode: 0o644)
    }

    /// A version with all the files.
    private func tree(_ files: FileSystem) throws -> CID {
        let batch = try files.store.makeBatch()
        let root = DirectoryBuilder(batch)
        for directory in 0..<Self.directories {
            let builder = DirectoryBuilder(batch)
            for file in 0..<Self.filesPerDirectory {
                try builder.append(
                    try Self.name("file", file), Self.file(directory * Self.filesPerDirectory + file))
            }
            let entry = Entry(.directory(try builder.finish()), mode: 0o755)
            try root.append(try Self.name("directory", directory), entry)
        }
        let tree = try batch.putTree(Entry(.directory(try root.finish()), mode: 0o755))
        return try files.commit(tree: tree, in: batch, to: "base", previous: [])
    }

    /// A version of a branch in which so many files, one in a directory, have other contents.
    private func change(_ files: FileSystem, _ branch: String, _ round: Int, file: Int) throws -> CID {
        let workspace = try files.open(branch: branch)
        for number in 0..<Self.changes {
            let path = FilePath(components: [
                try Self.name("directory", (round * 7 + number * 10) % Self.directories),
                try Self.name("file", (round + file) % Self.filesPerDirectory),
            ])
            try workspace.write(path, Array("changed by \(branch)".utf8))
        }
        return try files.commit(workspace, to: branch)
    }
}
