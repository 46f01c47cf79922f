import IpldEngine

/// What a change leaves behind in a tree of type `merkle-crdt`.
enum ReplicaChange {
    /// `new` in the place of `old`, with what merges have to know; as it is, for other types. `clock`: when
    /// that is, which the time of what comes says nothing of.
    static func entry(
        _ old: Entry?, _ new: Entry, _ source: TreeSource, _ clock: () -> Timestamp, _ random: () -> UInt64
    ) throws(StoreError) -> Entry {
        var new = new
        new.replica = nil
        new.graveyard = nil
        guard new.sync == .merkleCRDT else { return new }
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
        guard let graves, graves.map != nil, own.map != nil else { return own.map == nil ? graves : own }
        return try Arrival.directory(own, on: graves, source, random)
    }

    /// The tombstones of all that was in a directory: everything below it is removed, name by name, because
    /// somebody else may add something there which is not. Nil when it was empty.
    private static func bury(_ directory: Directory, _ source: TreeSource, _ now: Timestamp)
        throws(StoreError) -> Directory?
    {
        guard directory.map != nil else { return nil }
        guard directory.totals.entries <= UInt64(Workspace.maximumRemoved) else {
            throw StoreError(.tooLarge, "a directory of more than \(Workspace.maximumRemoved) names")
        }
        let batch = try source.changing()
        var count = 0
        // Directories that are being buried, the outermost first.
        var stack = [try DirectoryFrame(directory, nil, source, batch)]
        while let grave = stack.last {
            // What a forged entry says of how many there are is not believed.
            count += 1
            guard count <= 2 * Workspace.maximumRemoved else {
                throw StoreError(.tooLarge, "a directory of more names than its entry says")
            }
            guard let (name, entry) = try grave.next() else {
                stack.removeLast()
                let buried = try grave.builder.finish()
                guard let parent = stack.last, let holder = grave.holder else { return buried }
                try parent.builder.append(
                    holder.name, try stone(holder.entry, buried.map == nil ? nil : buried, source, now))
                continue
            }
            if case .directory(let below) = entry.content, below.map != nil {
                guard stack.count < Workspace.maximumDepth else {
                    throw StoreError(.tooLarge, "a tree is more than \(Workspace.maximumDepth) deep")
                }
                stack.append(try DirectoryFrame(below, (name, entry), source, batch))
            } else {
                try grave.builder.append(
                    name, entry.isTombstone ? entry : try stone(entry, entry.graveyard, source, now))
            }
        }
        return nil
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
