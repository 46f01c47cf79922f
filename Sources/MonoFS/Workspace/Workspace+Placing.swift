import IpldEngine

/// What the changes have in common.
extension Workspace {
    func made(_ content: Entry.Content, _ mode: UInt16) -> Entry {
        let now = clock()
        var entry = Entry(content, mode: mode & 0o7777, modified: now)
        entry.created = now
        return entry
    }

    /// Where an entry can be made or replaced. EXISTS for the root.
    func place(_ path: FilePath) throws(StoreError) -> (location: Location, name: FileName) {
        let location = try resolve(path, follow: false)
        guard !location.isForeign else { throw Self.foreign }
        guard let name = location.name else { throw Self.exists(path) }
        return (location, name)
    }

    /// The entry of the directory that has the name.
    func holder(_ location: Location) throws(StoreError) -> Entry {
        guard let (directory, name) = location.holder else { return rootEntry }
        return try directory.entry(name) ?? rootEntry
    }

    /// Gives a path an entry as it is, in the place of what is there.
    func set(_ path: FilePath, to entry: Entry) throws(StoreError) {
        try begin()
        let (location, name) = try place(path)
        try put(entry, name, at: location, touches: false)
    }

    /// Gives a name another entry. `isSameValue`: nothing that a merge would see has changed.
    /// `keepsChild`: a directory is the one that was there, and what was changed in it stays. `touches`:
    /// whether the time of the directory that has the name changes.
    func put(
        _ entry: Entry, _ name: FileName, at location: Location, isSameValue: Bool = false,
        keepsChild: Bool = false, touches: Bool = true
    ) throws(StoreError) {
        guard !location.isForeign, let directory = location.directories.last else { throw Self.foreign }
        let old = try directory.entry(name)
        try checkDepth(entry, in: location.directories.count, instead: old)
        let new =
            isSameValue
            ? entry : try ReplicaChange.entry(old, entry, source, stays: keepsChild, clock, random)
        let (added, taken) = (Totals(of: new), old.map(Totals.init(of:)) ?? Totals())
        var totals: [Totals] = []
        for directory in location.directories {
            totals.append(try directory.totals.subtracting(taken).adding(added))
        }
        var holder = touches ? try self.holder(location) : rootEntry
        namesBefore?.note(name, at: location)
        // Nothing fails from here on.
        for (directory, totals) in zip(location.directories, totals) {
            directory.totals = totals
            directory.isChanged = true
        }
        if !keepsChild { directory.children[name] = nil }
        directory.set(name, new)
        note(512 + 2 * name.bytes.count + Self.weight(new))
        guard touches else { return }
        holder.modified = clock()
        if let (parent, name) = location.holder { parent.set(name, holder) } else { rootEntry = holder }
    }

    /// Puts a directory that is stored where one is, or shall be, with what merges know of it; the root too.
    func replaceDirectory(_ entry: Entry, at location: Location, touches: Bool) throws(StoreError) {
        if let name = location.name {
            return try put(entry, name, at: location, isSameValue: true, touches: touches)
        }
        root = OpenDirectory(entry.below ?? Directory(), source, isRoot: true)
        root.isChanged = true
        rootEntry = entry
    }

    private static func weight(_ entry: Entry) -> Int {
        var bytes = 64 * entry.attributes.elements.count
        if case .file(.inline(let content)) = entry.content { bytes += content.count }
        if let replica = entry.replica { bytes += 16 * replica.seen.count }
        return bytes
    }

    /// TOO_LARGE for a directory that is, or has one that would be, more than `maximumDepth` deep, in the
    /// innermost of so many directories. What was there `old` with it is not looked at.
    func checkDepth(_ entry: Entry, in directories: Int, instead old: Entry?) throws(StoreError) {
        guard case .directory(let new) = entry.content else { return }
        var rest = Self.maximumDepth - directories
        guard rest > 0 else { throw Self.tooDeep }
        if case .directory(let old) = old?.content, old.map == new.map { return }
        // Level by level, and in each once what is shared. So many levels have a name each at least, all but
        // one of them below the directory's own names, and few directories have so many.
        var level = new.map.map { [$0: new] } ?? [:]
        while !level.isEmpty {
            var next: [CID: Directory] = [:]
            for directory in level.values where directory.totals.entries >= rest {
                var map = try DirectoryMap(directory, source)
                let names = directory.totals.entries + directory.totals.tombstones
                guard names >= map.count + UInt64(rest) - 1 else { continue }
                for position in 0..<map.count {
                    let entry = try map.entry(at: position).entry
                    guard case .directory(let below) = entry.content else { continue }
                    guard rest > 1 else { throw Self.tooDeep }
                    if let map = below.map { next[map] = below }
                }
            }
            (level, rest) = (next, rest - 1)
        }
    }

    /// Stores what was changed below a directory, so that its map is what it holds now.
    func storeDirectory(_ path: FilePath, followingLinks follow: Bool = false) throws(StoreError) {
        let location = try resolve(path, follow: follow)
        guard !location.isForeign else { return }
        guard let name = location.name else { return try flush() }
        guard let child = location.directories.last?.children[name], child.isChanged else { return }
        try flush()
    }

    func check(_ entry: Entry) throws(StoreError) {
        if case .symlink(let target) = entry.content {
            guard !target.isEmpty, target.count <= Entry.maximumTarget, !target.contains(0) else {
                throw StoreError(
                    .invalid, "a link's target has 1 to \(Entry.maximumTarget) bytes, and no NUL",
                    systemError: SystemErrors.invalid)
            }
        }
        guard entry.mode <= 0o7777, !entry.isTombstone else {
            throw StoreError(.invalid, "an entry has a mode of 0 to 0o7777, and is no tombstone")
        }
        // What is stored can be read again. An open directory's map is not what it will be.
        var stored = entry
        if entry.isDirectory {
            stored.content = .directory(Directory())
        }
        let encoded = try EntryEncoder.encode(stored)
        guard encoded.count <= Entry.maximumEncoding else {
            throw StoreError(.tooLarge, "an entry has at most \(Entry.maximumEncoding) bytes of metadata")
        }
        do throws(StoreError) { _ = try EntryDecoder.decode(encoded) } catch {
            throw StoreError(.invalid, "this is no entry: \(error.message)")
        }
    }

    static func checkReplacing(_ old: Entry, by new: Entry, _ path: FilePath) throws(StoreError) {
        guard case .directory(let directory) = old.content else {
            guard !new.isDirectory else { throw notADirectory(path.description) }
            return
        }
        guard new.isDirectory else {
            throw StoreError(.invalid, "\(path) is a directory", systemError: SystemErrors.isADirectory)
        }
        guard directory.totals.entries == 0 else { throw notEmpty(path) }
    }

    /// Files that are open for writing by a name, or one below it, that is about to go, and for each another
    /// name of the same file. Where `new` comes in its place, those that are in it as they are stay.
    func losingNames(at path: [FileName], to new: Entry? = nil) throws(StoreError)
        -> [(file: OpenFile, other: [FileName]?)]
    {
        func isInNew(_ name: [FileName], as old: Entry) throws(StoreError) -> Bool {
            guard let new else { return false }
            return try source.entry(name[path.count...], below: new)?.isSameValue(as: old) ?? false
        }
        var files: [(file: OpenFile, other: [FileName]?)] = []
        // Names are gone through once for all files, and not kept: the caller changes them.
        let known = hardLinks
        defer { hardLinks = known }
        for file in writers where file.path.starts(with: path) {
            guard let old = try resolve(FilePath(components: file.path), follow: false).entry else {
                files.append((file, nil))
                continue
            }
            let names = try names(of: old)
            var other = names.first { !$0.starts(with: path) }
            for name in [file.path] + names where other == nil {
                if try isInNew(name, as: old) { other = name }
            }
            files.append((file, other))
        }
        return files
    }

    /// Gives open files the names that they have left; what is written to those that have none goes nowhere.
    func rename(_ files: [(file: OpenFile, other: [FileName]?)]) {
        for (file, other) in files {
            if let other { file.path = other } else { file.isDetached = true }
        }
        writers.removeAll { $0.isDetached }
    }

    static func exists(_ path: FilePath) -> StoreError {
        StoreError(.exists, "\(path) exists", systemError: SystemErrors.exists)
    }

    static func notEmpty(_ path: FilePath) -> StoreError {
        StoreError(.invalid, "the directory \(path) is not empty", systemError: SystemErrors.notEmpty)
    }

    static var tooDeep: StoreError {
        StoreError(
            .tooLarge, "a tree is at most \(maximumDepth) directories deep",
            systemError: SystemErrors.nameTooLong)
    }

    static var foreign: StoreError {
        StoreError(
            .readOnly, "what a link to a CID leads to is only read", systemError: SystemErrors.readOnly)
    }
}
