import Foundation
import Testing

@testable import IpldEngine
@testable import MonoFS

/// Trees that are made and merged in one batch, which is never committed.
final class MergeFixture {
    let test: TestStore
    let source: TreeSource
    let batch: Batch
    private let ticking: Ticking

    init(seed: UInt64 = 1) throws {
        test = try TestStore()
        batch = try test.store.makeBatch()
        source = TreeSource(test.store, batch)
        ticking = Ticking(seed: seed)
    }

    /// A tree that `change` makes of another, or of nothing; its root.
    func tree(on root: Entry? = nil, sync: SyncType = .default, _ change: (Workspace) throws -> Void) throws
        -> Entry
    {
        var start = root ?? Entry(.directory(Directory()), mode: 0o755)
        if root == nil { start.sync = sync }
        let workspace = Workspace(source, start, version: nil).tick(ticking)
        try change(workspace)
        _ = try workspace.storeTree()
        return workspace.rootEntry
    }

    func merge(_ base: Entry?, _ ours: Entry, _ theirs: Entry, _ policy: MergePolicy = .report) throws
        -> MergeResult
    {
        try TreeMerge(source, policy, isBaseWhole: base != nil).merge(base, ours, theirs)
    }

    /// All paths and what they have; tombstones too, and what is below them, when asked for.
    func flat(_ root: Entry, tombstones: Bool = false) throws -> [FilePath: Entry] {
        var all: [FilePath: Entry] = [.root: root]
        var pending: [(FilePath, Entry)] = [(.root, root)]
        while let (path, entry) = pending.popLast() {
            guard let below = entry.below else { continue }
            var map = try DirectoryMap(below, source)
            for position in 0..<map.count {
                let (name, entry) = try map.entry(at: position)
                guard tombstones || !entry.isTombstone else { continue }
                all[path.appending(name)] = entry
                pending.append((path.appending(name), entry))
            }
        }
        return all
    }

    func text(_ root: Entry, _ path: FilePath) throws -> String? {
        let workspace = Workspace(source, root, version: nil)
        guard try workspace.lookup(path) != nil else { return nil }
        return String(decoding: try workspace.read(path), as: UTF8.self)
    }
}

/// A number of the environment, for runs that take longer.
func parameter(_ name: String, default number: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? number
}

extension TreeChange.Aspects {
    /// Each field that the oracle of merges looks at, and how it is told apart.
    static let compared: [(TreeChange.Aspects, @Sendable (Entry) -> [UInt8])] = [
        (
            [.content, .type],
            { entry in
                var only = Entry(entry.isDirectory ? .directory(Directory()) : entry.content)
                only.mode = 0
                return (try? EntryEncoder.encode(only)) ?? []
            }
        ),
        (.mode, { bytes("\($0.mode)") }), (.owner, { bytes("\($0.owner) \($0.group)") }),
        (.sync, { bytes($0.sync.rawValue) }),
        (
            .attributes,
            { entry in
                var only = Entry(.fifo)
                only.attributes = entry.attributes
                return (try? EntryEncoder.encode(only)) ?? []
            }
        ),
    ]
}
