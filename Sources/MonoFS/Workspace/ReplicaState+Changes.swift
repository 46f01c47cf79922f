import IpldEngine

/// What a change leaves behind in a tree of type `merkle-crdt`.
extension ReplicaState {
    /// The state of a name that is given `new` where it had `old`; nil for other types.
    static func after(
        _ old: Entry?, _ new: Entry, _ hash: CID.HashFunction, _ random: () -> UInt64
    ) throws(StoreError) -> ReplicaState? {
        guard new.sync == .merkleCRDT else { return nil }
        var state = ReplicaState(tags: [])
        if let old, old.sync == .merkleCRDT || old.replica != nil { state.seen = try old.allTags(hash) }
        if !new.isTombstone { state.tags = [Tag(high: random(), low: random())] }
        return state
    }
}

extension Entry {
    /// The tags of the value that is shown. One that was stored without, in bulk, has one of its value: two
    /// who stored the same thing stored one value.
    func ownTags(_ hash: CID.HashFunction) throws(StoreError) -> [ReplicaState.Tag] {
        if let replica { return replica.tags }
        guard !isTombstone else { return [] }
        let number = try HardLinkGroup(hashing: try EntryEncoder.encode(value))
        return [ReplicaState.Tag(high: number.high, low: number.low)]
    }

    /// All tags that the name ever had, in order.
    func allTags(_ hash: CID.HashFunction) throws(StoreError) -> [ReplicaState.Tag] {
        var tags = Set(replica?.seen ?? [])
        tags.formUnion(try ownTags(hash))
        for other in replica?.others ?? [] { tags.formUnion(other.tags) }
        return tags.sorted()
    }

    /// The value alone: without what merges know of it, and of a directory without what is in it, and its
    /// time, which changes with what is in it.
    var value: Entry {
        var value = self
        value.replica = nil
        if isDirectory {
            value.content = .directory(Directory())
            value.modified = .zero
        }
        return value
    }
}

/// Removing a directory of type `merkle-crdt`: everything below it is removed, name by name, because somebody
/// else may add something there which is not.
enum ReplicaRemoval {
    /// The tombstones of all that was in a directory; nil when it was empty.
    static func bury(_ directory: Directory, _ source: TreeSource, _ now: Timestamp) throws(StoreError)
        -> Directory?
    {
        guard directory.map != nil else { return nil }
        let batch = try source.changing()
        /// Directories that are being buried, the outermost first.
        var stack:
            [(
                map: DirectoryMap, position: UInt64, builder: DirectoryBuilder, holder: Entry?,
                name: FileName?
            )] =
                [(try DirectoryMap(directory, source), 0, DirectoryBuilder(batch), nil, nil)]
        while let level = stack.last {
            let depth = stack.count - 1
            guard level.position < level.map.count else {
                let buried = try level.builder.finish()
                stack.removeLast()
                guard let holder = level.holder, let name = level.name else { return buried }
                try stack[depth - 1].builder.append(name, try stone(holder, buried, source, now))
                continue
            }
            let (name, entry) = try stack[depth].map.entry(at: level.position)
            stack[depth].position += 1
            if let below = entry.below, below.map != nil, !entry.isTombstone {
                guard stack.count < Workspace.maximumDepth else {
                    throw StoreError(.tooLarge, "a tree is more than \(Workspace.maximumDepth) deep")
                }
                stack.append((try DirectoryMap(below, source), 0, DirectoryBuilder(batch), entry, name))
            } else {
                try level.builder.append(name, entry.isTombstone ? entry : try stone(entry, nil, source, now))
            }
        }
        return nil
    }

    private static func stone(
        _ entry: Entry, _ below: Directory?, _ source: TreeSource, _ now: Timestamp
    ) throws(StoreError) -> Entry {
        var tombstone = Tombstone(kind: entry.kind, size: entry.size)
        switch entry.content {
        case .file(let content): tombstone.content = try source.contentCID(content)
        case .directory(let directory): tombstone.content = directory.map
        case .cidLink(let cid): tombstone.content = cid
        default: break
        }
        tombstone.tree = below?.map == nil ? nil : below
        var stone = Entry(.tombstone(tombstone), modified: now)
        stone.sync = entry.sync
        if entry.sync == .merkleCRDT {
            var state = ReplicaState(tags: [])
            state.seen = try entry.allTags(source.hash)
            stone.replica = state
        }
        return stone
    }
}
