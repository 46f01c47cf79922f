import IpldEngine

/// The state of one name in a tree of type `merkle-crdt`, apart from what is below it: values under their
/// tags, tags that were seen to go, the latest removal, and the latest change of the directory.
///
/// What always holds: `join` is the union of the tags, the latest of the times, and nothing else, so it does
/// not matter in what order, how often, or by whom states are joined. An entry is written from the state
/// alone (`entry`), and the state read from that entry is the same again. What is shown is a choice among the
/// values that are left:
/// - a directory if one of them is one, or if something below the name is left that nobody has removed;
/// - of several values the latest, then the one whose encoding is the greatest.
/// A directory that was removed while something was added below it comes back with the metadata that it had
/// when it was removed last, which its tombstone has.
struct Replica {
    private var values: [(encoded: [UInt8], entry: Entry, tags: Set<ReplicaState.Tag>)] = []
    private var seen: Set<ReplicaState.Tag> = []
    private var removal: Entry?
    private var touched = Timestamp.zero

    init() {}

    init(_ entry: Entry) throws(StoreError) {
        let replica = entry.replica
        seen = Set(replica?.seen ?? [])
        if !entry.isTombstone {
            let value = entry.value
            let encoded = try EntryEncoder.encode(value)
            var tags = replica?.tags ?? []
            if replica == nil { tags = [try Self.tag(of: encoded)] }
            if !tags.isEmpty { add(encoded, value, Set(tags)) }
            removal = replica?.removal
        } else {
            removal = entry.removal
        }
        for other in replica?.others ?? [] {
            add(try EntryEncoder.encode(other.entry), other.entry, Set(other.tags))
        }
        touched = entry.isDirectory ? entry.modified : replica?.touched ?? .zero
        prune()
    }

    /// The tag of a value that was stored without one, in bulk: two who stored the same thing stored one
    /// value.
    private static func tag(of encoded: [UInt8]) throws(StoreError) -> ReplicaState.Tag {
        let number = try HardLinkGroup(hashing: encoded)
        return ReplicaState.Tag(high: number.high, low: number.low)
    }

    private mutating func add(_ encoded: [UInt8], _ entry: Entry, _ tags: Set<ReplicaState.Tag>) {
        for index in values.indices where values[index].encoded == encoded {
            values[index].tags.formUnion(tags)
            return
        }
        values.append((encoded, entry, tags))
    }

    private mutating func prune() {
        for index in values.indices { values[index].tags.subtract(seen) }
        values.removeAll { $0.tags.isEmpty }
        values.sort { $0.encoded.precedes($1.encoded) }
    }

    mutating func join(_ other: Replica) throws(StoreError) {
        for value in other.values { add(value.encoded, value.entry, value.tags) }
        if !Defect.removalsAreForgotten.isPresent { seen.formUnion(other.seen) }
        try note(other.removal)
        touched = max(touched, other.touched)
        prune()
    }

    /// Keeps the later of two removals.
    private mutating func note(_ other: Entry?) throws(StoreError) {
        guard let other else { return }
        guard let own = removal else {
            removal = other
            return
        }
        let (left, right) = (try EntryEncoder.encode(own), try EntryEncoder.encode(other))
        if own.modified < other.modified || own.modified == other.modified && left.precedes(right) {
            removal = other
        }
    }

    /// Gives the name another value, or none: what is there is seen, and goes.
    mutating func change(to new: Entry, _ tag: ReplicaState.Tag) throws(StoreError) {
        for value in values { seen.formUnion(value.tags) }
        values = []
        if new.isTombstone {
            try note(new.removal)
        } else {
            let value = new.value
            add(try EntryEncoder.encode(value), value, [tag])
        }
        if new.isDirectory { touched = max(touched, new.modified) }
    }

    /// As `change`, to what comes from another name, and with it the values there that nobody has chosen
    /// from. Each has a tag of its own: those that it had may have been seen to go here.
    mutating func change(toArriving new: Entry, _ tag: () -> ReplicaState.Tag) throws(StoreError) {
        try change(to: new, tag())
        for other in new.replica?.others ?? [] {
            add(try EntryEncoder.encode(other.entry), other.entry, [tag()])
        }
        prune()
    }

    /// The entry of the state, above what is below it.
    func entry(below: Directory?) throws(StoreError) -> Entry {
        let directories = values.filter { $0.entry.isDirectory }
        let isDirectory = !directories.isEmpty || (below?.totals.entries ?? 0) > 0
        let shown = Self.first(isDirectory ? directories : values)
        var entry = shown?.entry ?? removal ?? Entry(.tombstone(Tombstone(kind: .file)))
        if isDirectory {
            if shown == nil { entry = Self.comeBack(removal) }
            entry.content = .directory(below ?? Directory())
            entry.modified = touched
        } else {
            entry.graveyard = below?.map == nil ? nil : below
        }
        entry.sync = .merkleCRDT
        var state = ReplicaState(tags: shown?.tags.sorted() ?? [])
        state.others = values.filter { $0.encoded != shown?.encoded }.map {
            ReplicaState.Value(tags: $0.tags.sorted(), entry: $0.entry)
        }
        state.seen = seen.sorted()
        if !entry.isTombstone { state.removal = removal }
        if !isDirectory { state.touched = touched }
        entry.replica = state
        guard let shown, state.others.isEmpty, state.seen.isEmpty, state.removal == nil,
            state.touched == .zero, state.tags == [try Self.tag(of: shown.encoded)]
        else { return entry }
        entry.replica = nil
        return entry
    }

    /// A directory that nobody has any more, and in which there is something.
    private static func comeBack(_ removal: Entry?) -> Entry {
        guard var entry = removal, case .tombstone(let stone) = entry.content, stone.kind == .directory,
            entry.mode != 0
        else { return Entry(.directory(Directory()), mode: 0o700) }
        entry.content = .directory(Directory())
        return entry
    }

    private static func first(
        _ values: [(encoded: [UInt8], entry: Entry, tags: Set<ReplicaState.Tag>)]
    ) -> (encoded: [UInt8], entry: Entry, tags: Set<ReplicaState.Tag>)? {
        values.max { (a, b) in
            a.entry.modified != b.entry.modified
                ? a.entry.modified < b.entry.modified : a.encoded.precedes(b.encoded)
        }
    }

    /// Tags that were ever given to the name.
    var tags: Set<ReplicaState.Tag> { values.reduce(into: seen) { $0.formUnion($1.tags) } }
}

extension Entry {
    /// The value alone: without what merges know of it, and of a directory without what is in it, and its
    /// time, which changes with what is in it.
    var value: Entry {
        var value = self
        value.replica = nil
        value.graveyard = nil
        if isDirectory {
            value.content = .directory(Directory())
            value.modified = .zero
        }
        return value
    }

    /// What a tombstone says, without what merges know of the name.
    fileprivate var removal: Entry {
        var removal = self
        (removal.replica, removal.graveyard, removal.sync) = (nil, nil, .default)
        return removal
    }
}
