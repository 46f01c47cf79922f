import IpldEngine

/// Changing a tree: names come and go.
extension Workspace {
    /// Adds an entry with all its metadata, where nothing is. A `sync` of nil is the parent's. EXISTS when
    /// the name is taken.
    public func add(_ path: FilePath, _ entry: Entry, sync: SyncType? = nil) throws(StoreError) {
        try begin()
        try check(entry)
        let (location, name) = try place(path)
        guard location.entry == nil else { throw Self.exists(path) }
        if case .directory(let directory) = entry.content, directory.map == nil {
            guard directory.totals == Totals() else {
                throw StoreError(.invalid, "a directory without entries has nothing below it")
            }
        }
        var entry = entry
        let inherited = try holder(location).sync
        entry.sync = sync ?? inherited
        try put(entry, name, at: location)
    }

    /// Makes an empty file. EXISTS when the name is taken.
    public func createFile(_ path: FilePath, mode: UInt16 = 0o644, sync: SyncType? = nil) throws(StoreError) {
        try add(path, made(.file(.empty), mode), sync: sync)
    }

    /// Makes an entry of any kind, as of now. EXISTS when the name is taken.
    public func createNode(
        _ path: FilePath, _ content: Entry.Content, mode: UInt16, sync: SyncType? = nil
    ) throws(StoreError) {
        try add(path, made(content, mode), sync: sync)
    }

    /// Makes a directory. EXISTS when the name is taken.
    public func createDirectory(_ path: FilePath, mode: UInt16 = 0o755, sync: SyncType? = nil)
        throws(StoreError)
    {
        try add(path, made(.directory(Directory()), mode), sync: sync)
    }

    /// Makes a directory and those above it that are missing. INVALID when one of them is something else.
    public func createDirectories(_ path: FilePath, mode: UInt16 = 0o755) throws(StoreError) {
        try begin()
        // The longest part that is there: of each longer one something is missing.
        var (there, missing) = (0, path.components.count + 1)
        while missing - there > 1 {
            let middle = (there + missing) / 2
            if try isDirectory(path.prefix(middle)) { there = middle } else { missing = middle }
        }
        var (location, directory) = try requireDirectory(path.prefix(there))
        var directories = location.name == nil ? location.directories : location.directories + [directory]
        var names = location.path
        let rest = path.components[there...]
        guard !rest.contains(.parent) else {
            throw StoreError(
                .notFound, "there is no way up from what is not there: \(path)",
                systemError: SystemErrors.notFound)
        }
        guard directories.count + rest.count <= Self.maximumDepth else { throw Self.tooDeep }
        guard rest.isEmpty || !directory.isForeign else {
            throw Self.foreign
        }
        for name in rest {
            let place = Location(
                directories: directories, names: names, name: name, entry: nil, isBroken: false)
            var entry = made(.directory(Directory()), mode)
            entry.sync = try holder(place).sync
            try put(entry, name, at: place)
            directory = try directory.child(name, entry, opened: note)
            directories.append(directory)
            names.append(name)
        }
    }

    /// Whether a directory is there; false when nothing is. INVALID for anything else.
    private func isDirectory(_ path: FilePath) throws(StoreError) -> Bool {
        let location: Location
        do throws(StoreError) { location = try resolve(path, follow: true) } catch {
            guard error.code == .notFound else { throw error }
            return false
        }
        guard let entry = location.entry else {
            guard !location.isBroken else {
                throw StoreError(
                    .notFound, "\(path) is a broken symbolic link", systemError: SystemErrors.notFound)
            }
            return false
        }
        guard entry.isDirectory else { throw Self.notADirectory(path.description) }
        return true
    }

    /// Makes a symbolic link, to what need not be there.
    public func createSymlink(_ path: FilePath, to target: [UInt8]) throws(StoreError) {
        try add(path, made(.symlink(target), 0o777))
    }

    /// Makes a symbolic link to a CID: a tree, version, directory or file, which it keeps alive.
    public func createSymlink(_ path: FilePath, to cid: CID) throws(StoreError) {
        try add(path, made(.cidLink(cid), 0o777))
    }

    /// Gives the file at `existing` one more name. INVALID for a directory.
    public func link(_ existing: FilePath, at path: FilePath) throws(StoreError) {
        try begin()
        var (source, entry) = try require(existing, follow: false)
        let (location, name) = try place(path)
        guard location.entry == nil else { throw Self.exists(path) }
        guard !entry.isDirectory else {
            throw StoreError(
                .invalid, "\(existing) is a directory, which has one name only",
                systemError: SystemErrors.isADirectory)
        }
        guard !source.isForeign, let first = source.name else { throw Self.foreign }
        if entry.hardLink == nil {
            entry.hardLink = HardLinkGroup(high: random(), low: random())
            try put(entry, first, at: source, isSameValue: true, touches: false)
        }
        hardLinksChange()
        try put(entry, name, at: location)
    }

    /// Moves an entry, with all that is below it, to another name; it keeps its sync type. What is there is
    /// replaced if it is no directory, or an empty one and replaced by one.
    public func rename(_ path: FilePath, to target: FilePath) throws(StoreError) {
        try begin()
        try storeDirectory(path)
        let (source, entry) = try require(path, follow: false)
        let (destination, name) = try place(target)
        guard let oldName = source.name else {
            throw StoreError(.invalid, "the root cannot be moved", systemError: SystemErrors.invalid)
        }
        guard !source.isForeign else { throw Self.foreign }
        guard source.path != destination.path else { return }
        guard !entry.isDirectory || !destination.path.starts(with: source.path) else {
            throw StoreError(
                .invalid, "\(path) cannot be moved into itself", systemError: SystemErrors.invalid)
        }
        if let replaced = destination.entry { try Self.checkReplacing(replaced, by: entry, target) }
        if Totals(of: entry).hardLinks > 0 || destination.entry?.hardLink != nil { hardLinksChange() }
        try detachWriters(at: destination.path)
        try put(try Entry(removing: entry, at: clock(), self.source), oldName, at: source)
        try put(entry, name, at: destination)
        for writer in writers where writer.path.starts(with: source.path) {
            writer.path = destination.path + writer.path.dropFirst(source.path.count)
        }
    }

    /// Copies an entry, with all that is below it, to a name that is free, or taken by what is no directory.
    /// A subtree is shared, and costs nothing but its hard links, which are among the copies only.
    public func copy(_ path: FilePath, to target: FilePath, followingLinks follow: Bool = false)
        throws(StoreError)
    {
        try begin()
        try storeDirectory(path)
        let (source, entry) = try require(path, follow: follow)
        let (destination, name) = try place(target)
        guard source.path != destination.path || source.isForeign else { throw Self.exists(target) }
        if let replaced = destination.entry {
            guard !replaced.isDirectory, !entry.isDirectory else { throw Self.exists(target) }
            if replaced.hardLink != nil { hardLinksChange() }
        }
        var copied = entry
        copied.hardLink = nil
        try detachWriters(at: destination.path)
        try put(copied, name, at: destination)
        if Totals(of: copied).hardLinks > 0 {
            hardLinksChange()
            try regroupHardLinks(below: destination.path)
        }
    }

    /// Removes a file, or a directory that is empty, and leaves a tombstone.
    public func remove(_ path: FilePath) throws(StoreError) { try remove(path, withContent: false) }

    /// Removes an entry with all that is below it, and leaves a tombstone.
    public func removeTree(_ path: FilePath) throws(StoreError) { try remove(path, withContent: true) }

    private func remove(_ path: FilePath, withContent: Bool) throws(StoreError) {
        try begin()
        try storeDirectory(path)
        let (location, entry) = try require(path, follow: false)
        guard let name = location.name else {
            throw StoreError(.invalid, "the root cannot be removed", systemError: SystemErrors.invalid)
        }
        if case .directory(let directory) = entry.content, directory.totals.entries > 0, !withContent {
            throw Self.notEmpty(path)
        }
        if Totals(of: entry).hardLinks > 0 { hardLinksChange() }
        try detachWriters(at: location.path)
        try put(try Entry(removing: entry, at: clock(), source), name, at: location)
    }
}

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
        guard let name = location.names.last, location.directories.count > 1 else { return rootEntry }
        return try location.directories[location.directories.count - 2].entry(name) ?? rootEntry
    }

    /// Gives a name another entry. `isSameValue`: nothing that a merge would see has changed.
    /// `keepsChild`: what was changed in the directory that it is stays. `touches`: whether the time of the
    /// directory that has the name changes.
    func put(
        _ entry: Entry, _ name: FileName, at location: Location, isSameValue: Bool = false,
        keepsChild: Bool = false, touches: Bool = true
    ) throws(StoreError) {
        guard !location.isForeign, let directory = location.directories.last else { throw Self.foreign }
        guard !entry.isDirectory || location.directories.count < Self.maximumDepth else { throw Self.tooDeep }
        let old = try directory.entry(name)
        let new = isSameValue ? entry : try ReplicaChange.entry(old, entry, source, random)
        let (added, taken) = (Totals(of: new), old.map(Totals.init(of:)) ?? Totals())
        var totals: [Totals] = []
        for directory in location.directories {
            totals.append(try directory.totals.adding(added).subtracting(taken))
        }
        // Nothing fails from here on.
        for (directory, totals) in zip(location.directories, totals) {
            directory.totals = totals
            directory.isChanged = true
        }
        if !keepsChild { directory.children[name] = nil }
        directory.set(name, new)
        note(512 + 2 * name.bytes.count + Self.weight(new))
        if touches { try touch(location) }
    }

    /// Sets the time of the directory that has the name.
    private func touch(_ location: Location) throws(StoreError) {
        guard let name = location.names.last, location.directories.count > 1 else {
            rootEntry.modified = clock()
            return
        }
        let parent = location.directories[location.directories.count - 2]
        guard var entry = try parent.entry(name) else { return }
        entry.modified = clock()
        parent.set(name, entry)
    }

    private static func weight(_ entry: Entry) -> Int {
        var bytes = 64 * entry.attributes.elements.count
        if case .file(.inline(let content)) = entry.content { bytes += content.count }
        if let replica = entry.replica { bytes += 16 * replica.seen.count }
        return bytes
    }

    /// Stores what was changed below a directory, so that its map is what it holds now.
    func storeDirectory(_ path: FilePath) throws(StoreError) {
        let location = try resolve(path, follow: false)
        guard let name = location.name, let child = location.directories.last?.children[name],
            child.isChanged
        else { return }
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

    private static func checkReplacing(_ old: Entry, by new: Entry, _ path: FilePath) throws(StoreError) {
        guard case .directory(let directory) = old.content else {
            guard !new.isDirectory else { throw notADirectory(path.description) }
            return
        }
        guard new.isDirectory else {
            throw StoreError(.invalid, "\(path) is a directory", systemError: SystemErrors.isADirectory)
        }
        guard directory.totals.entries == 0 else { throw notEmpty(path) }
    }

    private func detachWriters(at path: [FileName]) throws(StoreError) {
        for writer in writers where writer.path.starts(with: path) { writer.isDetached = true }
        writers.removeAll { $0.isDetached }
    }

    static func exists(_ path: FilePath) -> StoreError {
        StoreError(.exists, "\(path) exists", systemError: SystemErrors.exists)
    }

    private static func notEmpty(_ path: FilePath) -> StoreError {
        StoreError(.invalid, "the directory \(path) is not empty", systemError: SystemErrors.notEmpty)
    }

    private static var tooDeep: StoreError {
        StoreError(
            .tooLarge, "a tree is at most \(maximumDepth) directories deep",
            systemError: SystemErrors.nameTooLong)
    }

    static var foreign: StoreError {
        StoreError(
            .readOnly, "what a link to a CID leads to is only read", systemError: SystemErrors.readOnly)
    }
}
