import IpldEngine

/// Drops tombstones that nobody needs any more.
///
/// What always holds: only directories that have tombstones below them are read, and nothing else than
/// tombstones is changed. One of type `merkle-crdt` stays while a known branch has a value that it says is
/// gone, or has not seen all that it has seen: there a merge would bring the value back.
struct TombstoneCompaction {
    private let source: TreeSource
    /// Tombstones from this time on stay.
    private let limit: Timestamp
    /// The trees of all known branches.
    private let others: [Entry]
    private(set) var dropped: UInt64 = 0

    init(_ source: TreeSource, before limit: Timestamp, others: [Entry]) {
        self.source = source
        self.limit = limit
        self.others = others
    }

    private final class Level {
        let path: [FileName]
        let entry: Entry
        var map: DirectoryMap
        var position: UInt64 = 0
        var edit: DirectoryEdit

        init(_ path: [FileName], _ entry: Entry, _ source: TreeSource) throws(StoreError) {
            self.path = path
            self.entry = entry
            map = try DirectoryMap(entry.below ?? Directory(), source)
            edit = DirectoryEdit(entry.below ?? Directory())
        }

        func next() throws(StoreError) -> (name: FileName, entry: Entry)? {
            guard position < map.count else { return nil }
            defer { position += 1 }
            return try map.entry(at: position)
        }
    }

    /// The root without the tombstones that may go.
    mutating func run(_ root: Entry) throws(StoreError) -> Entry {
        guard (root.below?.totals.tombstones ?? 0) > 0 else { return root }
        let batch = try source.changing()
        var levels = [try Level([], root, source)]
        while let level = levels.last {
            guard let (name, entry) = try level.next() else {
                levels.removeLast()
                var result = level.entry
                let below = level.edit.isEmpty ? level.entry.below : try level.edit.apply(batch)
                if result.isDirectory {
                    result.content = .directory(below ?? Directory())
                } else {
                    result.graveyard = below?.map == nil ? nil : below
                }
                guard let parent = levels.last, let name = level.path.last else { return result }
                try settle(parent, name, from: level.entry, to: result)
                continue
            }
            if let below = entry.below, below.totals.tombstones > 0 {
                guard levels.count < Workspace.maximumDepth else {
                    throw StoreError(.tooLarge, "a tree is more than \(Workspace.maximumDepth) deep")
                }
                levels.append(try Level(level.path + [name], entry, source))
            } else if entry.isTombstone {
                try settle(level, name, from: entry, to: entry)
            }
        }
        return root
    }

    /// Enters what becomes of a name, or drops it.
    private mutating func settle(_ level: Level, _ name: FileName, from old: Entry, to new: Entry)
        throws(StoreError)
    {
        if new.isTombstone, new.graveyard == nil, try mayGo(new, level.path + [name]) {
            dropped += 1
            try level.edit.set(name, from: old, to: nil)
        } else if old != new {
            try level.edit.set(name, from: old, to: new)
        }
    }

    private func mayGo(_ tombstone: Entry, _ path: [FileName]) throws(StoreError) -> Bool {
        guard tombstone.modified < limit else { return false }
        guard tombstone.sync == .merkleCRDT else { return true }
        let seen = Set(tombstone.replica?.seen ?? [])
        for other in others {
            guard let entry = try find(path, in: other) else { continue }
            guard seen.isSubset(of: entry.replica?.seen ?? []) else { return false }
        }
        return true
    }

    /// What a tree has under a path, be it a tombstone.
    private func find(_ path: [FileName], in root: Entry) throws(StoreError) -> Entry? {
        var entry = root
        for name in path {
            guard let below = entry.below else { return nil }
            var map = try DirectoryMap(below, source)
            guard let next = try map.entry(name) else { return nil }
            entry = next
        }
        return entry
    }
}

extension FileSystem {
    /// Drops the tombstones of a branch that are older than a time, in a new version; those of type
    /// `merkle-crdt` only where every branch of the store has seen them. The version, and how many went;
    /// none, and the newest version, when there is nothing to drop. `progress` hears of the blocks that were
    /// read; what it stops has changed nothing.
    public func compactTombstones(
        _ name: String, before time: Timestamp, message: String = "", author: String = "",
        progress: StepHandler? = nil
    ) throws(StoreError) -> (version: CID, dropped: UInt64) {
        guard let newest = try branch(name) else {
            throw StoreError(.notFound, "there is no branch \(name)")
        }
        let steps = StepCounter(progress)
        let source = try TreeSource(store, steps)
        var others: [Entry] = []
        for other in try branches() where other.name != name {
            others.append(try source.root(of: other.version))
        }
        var compaction = TombstoneCompaction(source, before: time, others: others)
        let root = try compaction.run(try source.root(of: newest))
        guard compaction.dropped > 0 else { return (newest, 0) }
        let workspace = Workspace(source, root, version: newest)
        let version = try commit(
            workspace, to: name, message: message, author: author, time: nil, steps)
        return (version, compaction.dropped)
    }

    /// As `compactTombstones(_:before:)`, of those that are older than a version.
    public func compactTombstones(
        _ name: String, beforeVersion version: CID, message: String = "", author: String = ""
    ) throws(StoreError) -> (version: CID, dropped: UInt64) {
        try compactTombstones(
            name, before: try self.version(version).time, message: message, author: author)
    }
}
