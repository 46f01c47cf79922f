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
        let (location, start) = try requireDirectory(path.prefix(there))
        var directory = start
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
        try together { () throws(StoreError) in
            for name in rest {
                let place = Location(
                    directories: directories, names: names, name: name, entry: nil, isBroken: false)
                var entry = made(.directory(Directory()), mode)
                entry.sync = try holder(place).sync
                try put(entry, name, at: place)
                // As it stands there: with the tombstones of what was below the name.
                directory = try directory.child(name, try directory.entry(name) ?? entry, opened: note)
                directories.append(directory)
                names.append(name)
            }
        }
    }

    /// Whether a directory is there; false when nothing is. INVALID for anything else.
    private func isDirectory(_ path: FilePath) throws(StoreError) -> Bool {
        let location: Location
        do throws(StoreError) { location = try resolve(path, follow: true) } catch {
            guard error.code == .notFound else { throw error }
            // A link whose target has no directory to be in is there all the same.
            let link = try? resolve(path, follow: false)
            guard link?.entry == nil else { throw error }
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
        let (source, old) = try require(existing, follow: false)
        var entry = old
        let (location, name) = try place(path)
        guard location.entry == nil else { throw Self.exists(path) }
        guard !entry.isDirectory else {
            throw StoreError(
                .invalid, "\(existing) is a directory, which has one name only",
                systemError: SystemErrors.isADirectory)
        }
        guard !source.isForeign, let first = source.name else { throw Self.foreign }
        try together { () throws(StoreError) in
            if entry.hardLink == nil {
                entry.hardLink = HardLinkGroup(high: random(), low: random())
                // Of type `merkle-crdt` it is part of the value.
                let isSameValue = entry.sync != .merkleCRDT
                try put(entry, first, at: source, isSameValue: isSameValue, touches: false)
            }
            try put(entry, name, at: location)
        }
        hardLinksChange(at: source.path, from: old, to: entry)
        hardLinksChange(at: location.path, from: nil, to: entry)
    }

    /// Moves an entry, with all that is below it, to another name; it keeps its sync type. What is there is
    /// replaced if it is no directory, or an empty one and replaced by one. Of two names of one file both
    /// stay, as POSIX has it.
    public func rename(_ path: FilePath, to target: FilePath) throws(StoreError) {
        try begin()
        try storeDirectory(path)
        _ = try require(path, follow: false)
        // Tombstones in an empty directory that is replaced are known of its names.
        try storeDirectory(target)
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
        if let replaced = destination.entry {
            if replaced.hardLink != nil, replaced.isSameFile(as: entry) { return }
            try Self.checkReplacing(replaced, by: entry, target)
        }
        let open = try losingNames(at: destination.path)
        let stone = try Entry(removing: entry, at: clock(), self.source)
        try together { () throws(StoreError) in
            try put(stone, oldName, at: source)
            try put(entry, name, at: destination)
        }
        hardLinksChange(at: source.path, from: entry, to: nil)
        hardLinksChange(at: destination.path, from: destination.entry, to: entry)
        rename(open)
        for writer in writers where writer.path.starts(with: source.path) {
            writer.path = destination.path + writer.path.dropFirst(source.path.count)
        }
    }

    /// Copies an entry, with all that is below it, to a name that is free, or taken by what is no directory.
    /// A subtree is shared, and costs nothing but its hard links, which are among the copies only, and each
    /// of which is changed: TOO_LARGE for more than `maximumHardLinks`. A directory of type `merkle-crdt`
    /// costs the names below it, at most `maximumReplicas`, which are told apart in merges; tombstones stay
    /// behind. A target that is such a copy already is left as it is.
    public func copy(_ path: FilePath, to target: FilePath, followingLinks follow: Bool = false)
        throws(StoreError)
    {
        try begin()
        try storeDirectory(path, followingLinks: follow)
        let (source, entry) = try require(path, follow: follow)
        let (destination, name) = try place(target)
        guard source.path != destination.path || source.isForeign else { throw Self.exists(target) }
        if let replaced = destination.entry {
            guard !replaced.isDirectory, !entry.isDirectory else { throw Self.exists(target) }
        }
        var copied = entry
        copied.hardLink = nil
        if let replaced = destination.entry, replaced.isSameValue(as: copied) { return }
        let open = try losingNames(at: destination.path)
        copied = try ReplicaChange.copied(try regrouped(copied), self.source, random)
        try put(copied, name, at: destination)
        hardLinksChange(at: destination.path, from: destination.entry, to: copied)
        rename(open)
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
        let open = try losingNames(at: location.path)
        try put(try Entry(removing: entry, at: clock(), source), name, at: location)
        hardLinksChange(at: location.path, from: entry, to: nil)
        rename(open)
    }
}
