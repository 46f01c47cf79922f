import IpldEngine

/// Drops tombstones that nobody needs any more.
///
/// What always holds: only directories that have tombstones below them are read, and what others have in
/// their places, where that is something else; nothing else than tombstones is changed. One of type
/// `merkle-crdt` stays while a version that may be merged, the newest of a branch or one that is kept beside
/// it, has a value that it says is gone, or has not seen all that it has seen: there a merge would bring the
/// value back.
struct TombstoneCompaction {
    private let source: TreeSource
    /// Tombstones from this time on stay.
    private let limit: Timestamp
    /// The trees of all that may be merged.
    private let others: [Entry]
    private(set) var dropped: UInt64 = 0

    init(_ source: TreeSource, before limit: Timestamp, others: [Entry]) {
        self.source = source
        self.limit = limit
        self.others = others
    }

    private final class Level {
        /// Nil for the root.
        let name: FileName?
        let entry: Entry
        var map: DirectoryMap
        var position: UInt64 = 0
        var edit: DirectoryEdit
        /// Directories that others have in its place, each once, and none that is the same; nil until
        /// somebody asks.
        var others: [DirectoryMap]?

        init(_ name: FileName?, _ entry: Entry, _ source: TreeSource) throws(StoreError) {
            self.name = name
            self.entry = entry
            map = try DirectoryMap(entry.below ?? Directory(), source)
            edit = DirectoryEdit(entry.below ?? Directory())
        }

        func next() throws(StoreError) -> (name: FileName, entry: Entry)? {
            guard position < map.count else { return nil }
            defer { position += 1 }
            return try map.entry(at: position)
        }

        /// Opens what is below the entries that others have in its place.
        func open(_ entries: [Entry], _ source: TreeSource) throws(StoreError) {
            var known: Set<CID> = []
            if let own = entry.below?.map { known.insert(own) }
            var maps: [DirectoryMap] = []
            for entry in entries {
                guard let map = entry.below?.map, known.insert(map).inserted else { continue }
                maps.append(try DirectoryMap(map: map, source))
            }
            others = maps
        }

        /// Whether something holds of all that others have of a name. Each map keeps the path to what was
        /// asked for last.
        func all(_ name: FileName, _ holds: (Entry) -> Bool) throws(StoreError) -> Bool {
            for index in others?.indices ?? 0..<0 {
                if let entry = try others?[index].entry(name), !holds(entry) { return false }
            }
            return true
        }
    }

    /// The root without the tombstones that may go.
    mutating func run(_ root: Entry) throws(StoreError) -> Entry {
        guard (root.below?.totals.tombstones ?? 0) > 0 else { return root }
        let batch = try source.changing()
        var levels = [try Level(nil, root, source)]
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
                guard let name = level.name else { return result }
                try settle(levels, name, from: level.entry, to: result)
                continue
            }
            if let below = entry.below, below.totals.tombstones > 0 {
                guard levels.count < Workspace.maximumDepth else {
                    throw StoreError(.tooLarge, "a tree is more than \(Workspace.maximumDepth) deep")
                }
                levels.append(try Level(name, entry, source))
            } else if entry.isTombstone {
                try settle(levels, name, from: entry, to: entry)
            }
        }
        return root
    }

    /// Enters what becomes of a name of the innermost level, or drops it.
    private mutating func settle(_ levels: [Level], _ name: FileName, from old: Entry, to new: Entry)
        throws(StoreError)
    {
        guard let level = levels.last else { return }
        if new.isTombstone, new.graveyard == nil, try mayGo(new, name, levels) {
            dropped += 1
            try level.edit.set(name, from: old, to: nil)
        } else if old != new {
            try level.edit.set(name, from: old, to: new)
        }
    }

    private func mayGo(_ tombstone: Entry, _ name: FileName, _ levels: [Level]) throws(StoreError) -> Bool {
        guard tombstone.modified < limit else { return false }
        guard tombstone.sync == .merkleCRDT else { return true }
        let seen = Set(tombstone.replica?.seen ?? [])
        try openOthers(levels)
        // Who has the same directory has seen what is seen in it.
        return try levels.last?.all(name) { seen.isSubset(of: $0.replica?.seen ?? []) } ?? true
    }

    /// Opens what others have in the place of the innermost level.
    private func openOthers(_ levels: [Level]) throws(StoreError) {
        guard let root = levels.first, levels.last?.others == nil else { return }
        if root.others == nil { try root.open(others, source) }
        for (outer, inner) in zip(levels, levels.dropFirst()) where inner.others == nil {
            var entries: [Entry] = []
            if let name = inner.name {
                _ = try outer.all(name) {
                    entries.append($0)
                    return true
                }
            }
            try inner.open(entries, source)
        }
    }
}

extension FileSystem {
    /// Drops the tombstones of a branch that are older than a time, in a new version; those of type
    /// `merkle-crdt` only where every branch of the store has seen them, and every version that is kept for
    /// one, or by a tag, and does not lead to the newest of a branch, as those of commits that others were
    /// before. The version, and how many went; none, and the newest version, when there is nothing to drop.
    /// `progress` hears of the blocks that were read; what it stops has changed nothing.
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
        var trees: Set<CID> = []
        for version in try versionsBeside(newest, steps) {
            // What was lost, or is no version, is not merged.
            guard let version = try source.versionIfAny(version), trees.insert(version.tree).inserted else {
                continue
            }
            others.append(try source.root(of: version.tree))
        }
        var compaction = TombstoneCompaction(source, before: time, others: others)
        let root = try compaction.run(try source.root(of: newest))
        guard compaction.dropped > 0 else { return (newest, 0) }
        let workspace = Workspace(source, root, version: newest)
        let version = try commit(
            workspace, to: name, message: message, author: author, time: nil, steps)
        return (version, compaction.dropped)
    }

    /// Versions that branches, be they gone, hold and tags name, here and in bases, and that lead neither to
    /// the newest of their branch, or, of tags, of any, nor to a version.
    private func versionsBeside(_ version: CID, _ steps: StepCounter?) throws(StoreError) -> Set<CID> {
        let history = try versionsLeading(to: version, steps)
        var held: [String: Set<CID>] = [:]
        for hold in try store.holdsHereAndBelow(prefix: Self.branchPrefix) where !history.contains(hold.cid) {
            held[hold.owner, default: []].insert(hold.cid)
        }
        var tagged = Set(try tags().map(\.version)).subtracting(history)
        var beside: Set<CID> = []
        for (root, held) in held {
            guard let newest = try store.rootHereOrBelow(root) else {
                beside.formUnion(held)
                continue
            }
            let leading = try versionsLeading(to: newest, beyond: history, steps)
            beside.formUnion(held.subtracting(leading))
            tagged.subtract(leading)
        }
        return beside.union(tagged)
    }

    /// As `compactTombstones(_:before:)`, of those that are older than a version.
    public func compactTombstones(
        _ name: String, beforeVersion version: CID, message: String = "", author: String = ""
    ) throws(StoreError) -> (version: CID, dropped: UInt64) {
        try compactTombstones(
            name, before: try self.version(version).time, message: message, author: author)
    }
}
