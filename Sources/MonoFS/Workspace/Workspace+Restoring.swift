import IpldEngine

/// Taking what another tree has.
///
/// What always holds: nothing is copied, whatever the size; what is the same already stays as it is, so that
/// a tree to which nothing new comes is not changed. A directory of type `merkle-crdt`, or with names of that
/// type below it, and a root, are restored name by name: what goes leaves its tombstone, and what comes again
/// wins over the tombstone that it had. Anything else is one change in memory, whatever else there is that is
/// not stored.
extension Workspace {
    /// Gives a path what another tree has, with all that is below it, in the place of what it has now.
    /// NOT_FOUND when the other tree has nothing there. The root becomes what a directory is, with its
    /// metadata; names that it has and that directory has not are removed. What is written to files that are
    /// open has no place any more where they are removed or become others.
    public func restore(_ path: FilePath, from source: FilePath, of tree: CID) throws(StoreError) {
        try begin()
        // Looked up through the same batch, whose lease keeps what is taken.
        let other = TreeSource(store, try self.source.changing())
        other.steps = self.source.steps
        let entry = try Workspace(other, on: tree).status(source)
        if !entry.isDirectory, try resolve(path, follow: false).name == nil { throw Self.exists(path) }
        try restore(path, entry)
    }

    /// As `restore(_:from:of:)`, of an entry of a tree that is stored.
    func restore(_ path: FilePath, _ entry: Entry) throws(StoreError) {
        // Once: links on the way may be replaced.
        let location = try resolve(path, follow: false)
        guard !location.isForeign else { throw Self.foreign }
        let path = FilePath(components: location.path)
        guard entry.isDirectory, location.name == nil || entry.hasReplicas else {
            try storeDirectory(path)
            return try restoreWhole(path, entry)
        }
        try atOnce { () throws(StoreError) in try restoreNames(path, entry) }
    }

    /// Restores what is no root, and has no names of type `merkle-crdt` below it. What is there is stored.
    private func restoreWhole(_ path: FilePath, _ entry: Entry) throws(StoreError) {
        let (location, name) = try place(path)
        let there = location.entry
        let numbers = try hardLinkNumbers(of: entry, instead: there)
        var new = try arriving(entry, there, numbers)
        // Nothing else is restored: its other names, if it has any, are those of another file.
        new.hardLink = nil
        if let there, there.isSameValue(as: new) { return }
        if [there, new].contains(where: \.hasHardLinks) { hardLinksChange() }
        let open = try losingNames(at: location.path, to: new)
        try put(try regrouped(new), name, at: location)
        rename(open)
    }

    /// Restores a directory name by name. All that there is is stored.
    private func restoreNames(_ path: FilePath, _ entry: Entry) throws(StoreError) {
        let location = try resolve(path, follow: false)
        let old = location.entry
        guard old.map({ !$0.isSameValue(as: entry) }) ?? true else { return }
        var before = old
        if let name = location.name { before = try location.directories.last?.entry(name) }
        let numbers = try hardLinkNumbers(of: entry, instead: old)
        let new = try restored(entry, before, in: location.path.count, numbers)
        guard new != old else { return }
        let open = try losingNames(at: location.path, to: new)
        try replaceDirectory(new, at: location, touches: !(old?.isDirectory ?? false))
        rename(open)
        guard location.name != nil, entry.hasHardLinks else { return }
        hardLinksChange()
        try regroupHardLinks(below: location.path, instead: old)
    }

    /// What becomes of an entry, `old`, that is in so many `directories`, when its names are made those of a
    /// directory, `wanted`, one by one. Each directory is read and written once, however deep it is.
    /// `numbers`: those that files below it have where they are there already.
    private func restored(
        _ wanted: Entry, _ old: Entry?, in directories: Int, _ numbers: ArrivingNumbers
    ) throws(StoreError) -> Entry {
        var levels = [try restoring(nil, old, wanted)]
        while let level = levels.last {
            guard let (name, old, wanted) = try level.next() else {
                levels.removeLast()
                try source.steps?.step()
                let new = try finished(level)
                guard let parent = levels.last, let name = level.name else { return new }
                if new != level.old {
                    let stays = level.old?.isDirectory ?? false
                    try parent.set(name, from: level.old, to: new, touches: !stays)
                }
                continue
            }
            let there = old.live
            guard let wanted = wanted.live else {
                guard let there else { continue }
                if there.hasHardLinks { hardLinksChange() }
                let stone = try Entry(removing: there, at: clock(), source)
                try level.set(name, from: old, to: try ReplicaChange.entry(old, stone, source, clock, random))
                continue
            }
            if wanted.isDirectory, wanted.hasReplicas {
                if let there, there.isSameValue(as: wanted) { continue }
                guard directories + levels.count < Self.maximumDepth else { throw Self.tooDeep }
                levels.append(try restoring(name, old, wanted))
                continue
            }
            let new = try arriving(wanted, there, numbers)
            if let there, there.isSameValue(as: new), there.hardLink == new.hardLink { continue }
            if [there, new].contains(where: \.hasHardLinks) { hardLinksChange() }
            try checkDepth(new, in: directories + levels.count, instead: old)
            try level.set(name, from: old, to: try ReplicaChange.entry(old, new, source, clock, random))
        }
        throw StoreError(.internal, "nothing was restored")
    }

    /// A directory whose names are about to be restored: that which is there, or one that is made.
    private func restoring(_ name: FileName?, _ old: Entry?, _ wanted: Entry) throws(StoreError)
        -> RestoredDirectory
    {
        var directory = wanted
        if let old, old.isDirectory {
            directory = old
        } else {
            if old.live.hasHardLinks { hardLinksChange() }
            directory.content = .directory(Directory())
            directory = try ReplicaChange.entry(old, directory, source, clock, random)
        }
        return try RestoredDirectory(name, old, directory, wanted, source)
    }

    /// Its entry, once all that is below it is there.
    private func finished(_ level: RestoredDirectory) throws(StoreError) -> Entry {
        var entry = level.entry
        entry.content = .directory(try level.finish())
        if level.isTouched { entry.modified = clock() }
        var new = entry
        new.takeMetadata(of: level.wanted)
        guard new != entry else { return entry }
        try check(new)
        return try ReplicaChange.entry(entry, new, source, stays: true, clock, random)
    }

    /// An entry as it comes to where `there` is: with the numbers that its files have there.
    private func arriving(_ entry: Entry, _ there: Entry?, _ numbers: ArrivingNumbers) throws(StoreError)
        -> Entry
    {
        var new = entry
        (new.replica, new.graveyard) = (nil, nil)
        new.hardLink = try numbers.number(of: entry)
        if let there, there.isSameValue(as: new) { return new }
        return try renumbered(new, numbers)
    }
}

/// A directory that is restored name by name: only names in which it differs from what it shall be are read.
private final class RestoredDirectory {
    /// Nil for the outermost one.
    let name: FileName?
    /// What the name has, a tombstone too.
    let old: Entry?
    /// As it is before anything in it is restored.
    let entry: Entry
    let wanted: Entry
    private(set) var isTouched = false
    private let batch: Batch
    private var diff: ByteMapDiff<TreeSource>
    private var edit: DirectoryEdit
    private var changes = 0

    /// What is kept in memory of names that change.
    private static let changeLimit = 1 << 14

    init(_ name: FileName?, _ old: Entry?, _ entry: Entry, _ wanted: Entry, _ source: TreeSource)
        throws(StoreError)
    {
        (self.name, self.old, self.entry, self.wanted) = (name, old, entry, wanted)
        batch = try source.changing()
        let directory = entry.below ?? Directory()
        diff = ByteMapDiff(
            from: try DirectoryMap(directory, source).byteMap,
            to: try DirectoryMap(wanted.below ?? Directory(), source).byteMap)
        edit = DirectoryEdit(directory)
    }

    /// The next name in which they differ, and what it has and shall have; nil after the last.
    func next() throws(StoreError) -> (name: FileName, old: Entry?, wanted: Entry?)? {
        guard let change = try diff.next() else { return nil }
        func entry(_ encoded: [UInt8]?) throws(StoreError) -> Entry? {
            try encoded.map { (encoded) throws(StoreError) in try EntryDecoder.decode(encoded) }
        }
        return (try DirectoryMap.name(change.key), try entry(change.old), try entry(change.new))
    }

    /// Gives a name another entry; names ascend. `touches`: whether that changes the directory's time.
    func set(_ name: FileName, from old: Entry?, to new: Entry, touches: Bool = true) throws(StoreError) {
        try edit.set(name, from: old, to: new)
        if touches { isTouched = true }
        changes += 1
        if changes % Self.changeLimit == 0 { edit = DirectoryEdit(try edit.apply(batch)) }
    }

    func finish() throws(StoreError) -> Directory { try edit.apply(batch) }
}

extension Entry {
    /// Whether it, or anything below it, is of type `merkle-crdt`.
    fileprivate var hasReplicas: Bool { sync == .merkleCRDT || below?.totals.replicas ?? 0 > 0 }

    /// Whether it is the same but for names that share it, and what merges know of it.
    func isSameValue(as other: Entry) -> Bool {
        var (a, b) = (self, other)
        (a.hardLink, a.replica, a.graveyard) = (nil, nil, nil)
        (b.hardLink, b.replica, b.graveyard) = (nil, nil, nil)
        return a == b
    }

    /// All but content and what merges know of it.
    fileprivate mutating func takeMetadata(of other: Entry) {
        (mode, owner, group) = (other.mode, other.owner, other.group)
        (created, attributes, unknown) = (other.created, other.attributes, other.unknown)
        // Of this type a directory's time is that of its latest change, which goes forward only.
        if sync != .merkleCRDT || other.sync != .merkleCRDT { modified = other.modified }
        sync = other.sync
    }
}

extension Entry? {
    fileprivate var hasHardLinks: Bool { self?.hasHardLinks ?? false }
}
