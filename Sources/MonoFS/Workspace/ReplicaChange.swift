import IpldEngine

/// What a change leaves behind in a tree of type `merkle-crdt`.
enum ReplicaChange {
    /// `new` in the place of `old`, with what merges have to know; as it is, for other types. `clock`: when
    /// that is, which the time of what comes says nothing of. `stays`: a directory is the one that was there,
    /// and no other that came in its place.
    static func entry(
        _ old: Entry?, _ new: Entry, _ source: TreeSource, stays: Bool = false, _ clock: () -> Timestamp,
        _ random: () -> UInt64
    ) throws(StoreError) -> Entry {
        var new = new
        new.replica = nil
        new.graveyard = nil
        guard new.sync == .merkleCRDT else { return new }
        if stays, let old, old.isDirectory, new.isDirectory, old.value == new.value, old.hasOwnValue {
            // No other value, which would win over a change, or the removal, of this one by somebody else.
            (new.replica, new.modified) = (old.replica, max(old.modified, new.modified))
            return new
        }
        var replica = Replica()
        var time: Timestamp?
        func now() -> Timestamp {
            let now = time ?? (new.isTombstone ? new.modified : clock())
            time = now
            return now
        }
        if let old, old.sync == .merkleCRDT {
            replica = try Replica(old)
            if old.isDirectory, !new.isDirectory, !new.isTombstone {
                // Where it comes back for what somebody else adds in it, it has its metadata.
                let stone = try Entry(removing: old, at: now(), source)
                try replica.change(to: stone, ReplicaState.Tag(high: 0, low: 0))
            }
        }
        try replica.change(to: new, ReplicaState.Tag(high: random(), low: random()))
        let below = try below(old, new, source, now, random)
        return try replica.entry(below: below)
    }

    /// What is below a name: of a directory that is changed, or comes again, what it had, and what it brings.
    private static func below(
        _ old: Entry?, _ new: Entry, _ source: TreeSource, _ now: () -> Timestamp, _ random: () -> UInt64
    ) throws(StoreError) -> Directory? {
        let before = old?.sync == .merkleCRDT ? old?.below : nil
        guard case .directory(let own) = new.content else {
            guard let before, before.map != nil else { return nil }
            return before.totals.entries > 0 ? try bury(before, source, now()) : before
        }
        // The same directory with other metadata, open or not: its map is that which is stored.
        guard let before, before.map != nil, before.map != own.map else { return own }
        let graves = before.totals.entries > 0 ? try bury(before, source, now()) : before
        guard own.map != nil else { return graves }
        return try Arrival.directory(own, on: graves, source, random)
    }

    /// What is to be below a copy of an entry: names of type `merkle-crdt` have tags there that no other name
    /// has. Who removes the copy has not seen what others bring there from elsewhere, be it from where the
    /// copy came from. What was removed before is known of the names that were copied only.
    static func copied(_ entry: Entry, _ source: TreeSource, _ random: () -> UInt64) throws(StoreError)
        -> Entry
    {
        guard case .directory(let directory) = entry.content, directory.totals.replicas > 0 else {
            return entry
        }
        var copy = entry
        let below = try rewrite(directory, source, entering: { $0.below?.totals.replicas ?? 0 > 0 }) {
            (entry, below) throws(StoreError) in
            guard entry.sync == .merkleCRDT else {
                var copy = entry
                if let below { copy.content = .directory(below) }
                return copy
            }
            if entry.isTombstone { return nil }
            var replica = Replica()
            try replica.change(toArriving: entry) { ReplicaState.Tag(high: random(), low: random()) }
            return try replica.entry(below: below ?? (entry.isDirectory ? entry.below : nil))
        }
        copy.content = .directory(below)
        return copy
    }

    /// The tombstones of all that was in a directory: everything below it is removed, name by name, because
    /// somebody else may add something there which is not.
    private static func bury(_ directory: Directory, _ source: TreeSource, _ now: Timestamp)
        throws(StoreError) -> Directory
    {
        try rewrite(directory, source, entering: { _ in true }) { (entry, below) throws(StoreError) in
            entry.isTombstone ? entry : try stone(entry, below ?? entry.graveyard, source, now)
        }
    }

    /// A directory with each entry as `change` makes it, given what has become of what is below it, where
    /// that was to be entered; none where it makes none.
    private static func rewrite(
        _ directory: Directory, _ source: TreeSource, entering: (Entry) -> Bool,
        _ change: (Entry, Directory?) throws(StoreError) -> Entry?
    ) throws(StoreError) -> Directory {
        func tooLarge() -> StoreError {
            StoreError(.tooLarge, "a directory of more than \(Workspace.maximumReplicas) names")
        }
        guard directory.totals.entries <= UInt64(Workspace.maximumReplicas) else { throw tooLarge() }
        let batch = try source.changing()
        var count = 0
        // Directories that are being written, the outermost first.
        var stack = [try DirectoryFrame(directory, nil, source, batch)]
        while let level = stack.last {
            // What a forged entry says of how many there are is not believed.
            count += 1
            guard count <= 2 * Workspace.maximumReplicas else { throw tooLarge() }
            guard let (name, entry) = try level.next() else {
                stack.removeLast()
                let result = try level.builder.finish()
                guard let parent = stack.last, let holder = level.holder else { return result }
                if let new = try change(holder.entry, result) { try parent.builder.append(holder.name, new) }
                continue
            }
            if entering(entry), case .directory(let below) = entry.content, below.map != nil {
                guard stack.count < Workspace.maximumDepth else { throw Workspace.tooDeep }
                stack.append(try DirectoryFrame(below, (name, entry), source, batch))
            } else if let new = try change(entry, nil) {
                try level.builder.append(name, new)
            }
        }
        return Directory()
    }

    private static func stone(
        _ entry: Entry, _ below: Directory?, _ source: TreeSource, _ now: Timestamp
    ) throws(StoreError) -> Entry {
        var stone = try Entry(removing: entry, at: now, source)
        guard entry.sync == .merkleCRDT else {
            stone.graveyard = below
            return stone
        }
        var replica = try Replica(entry)
        try replica.change(to: stone, ReplicaState.Tag(high: 0, low: 0))
        return try replica.entry(below: below)
    }
}

extension Entry {
    /// Whether somebody has given the name the value that is shown: not for a directory that came back for
    /// what is in it alone.
    fileprivate var hasOwnValue: Bool { replica.map { !$0.tags.isEmpty } ?? true }

    /// The tombstone of an entry.
    init(removing entry: Entry, at time: Timestamp, _ source: TreeSource) throws(StoreError) {
        var tombstone = Tombstone(kind: entry.kind, size: entry.size)
        switch entry.content {
        case .file(let content): tombstone.content = try source.contentCID(content)
        case .directory(let directory): tombstone.content = directory.map
        case .cidLink(let cid): tombstone.content = cid
        default: break
        }
        self.init(.tombstone(tombstone), modified: time)
        sync = entry.sync
        guard entry.isDirectory, sync == .merkleCRDT else { return }
        // It comes back where somebody else has added something in it meanwhile (`Replica`).
        (mode, owner, group) = (entry.mode, entry.owner, entry.group)
        (attributes, created, unknown) = (entry.attributes, entry.created, entry.unknown)
    }
}
