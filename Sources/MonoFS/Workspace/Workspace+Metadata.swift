import IpldEngine

/// Changing what is said of an entry. A symbolic link at the end of a path is followed, or changed itself;
/// all names of a file with several change together.
extension Workspace {
    public func setMode(_ path: FilePath, _ mode: UInt16, followingLinks follow: Bool = true)
        throws(StoreError)
    {
        guard mode <= 0o7777 else {
            throw StoreError(.invalid, "a mode is 0 to 0o7777", systemError: SystemErrors.invalid)
        }
        try update(path, follow: follow) { (entry) in entry.mode = mode }
    }

    /// As `setMode`, of a directory and all that is below it, but for symbolic links.
    public func setModes(below path: FilePath, _ mode: UInt16) throws(StoreError) {
        guard mode <= 0o7777 else {
            throw StoreError(.invalid, "a mode is 0 to 0o7777", systemError: SystemErrors.invalid)
        }
        try updateTree(path, follow: true) { (entry) in
            if entry.kind != .symlink, entry.kind != .cidLink { entry.mode = mode }
        }
    }

    /// As `setMode`, with the mode that `mode` makes of each entry; of those below a directory too, but for
    /// symbolic links, when it is recursive.
    public func changeMode(
        _ path: FilePath, recursively: Bool = false, followingLinks follow: Bool = true,
        _ mode: (Entry) -> UInt16
    ) throws(StoreError) {
        func change(_ entry: inout Entry) { entry.mode = mode(entry) & 0o7777 }
        guard recursively else { return try update(path, follow: follow, change) }
        try updateTree(path, follow: follow) { (entry) in
            if entry.kind != .symlink, entry.kind != .cidLink { change(&entry) }
        }
    }

    /// Nil leaves what is there.
    public func setOwner(
        _ path: FilePath, owner: UInt32?, group: UInt32?, followingLinks follow: Bool = true
    ) throws(StoreError) {
        try update(path, follow: follow) { (entry) in
            entry.owner = owner ?? entry.owner
            entry.group = group ?? entry.group
        }
    }

    /// As `setOwner`, of a directory and all that is below it.
    public func setOwners(below path: FilePath, owner: UInt32?, group: UInt32?) throws(StoreError) {
        try updateTree(path, follow: true) { (entry) in
            entry.owner = owner ?? entry.owner
            entry.group = group ?? entry.group
        }
    }

    public func setModified(_ path: FilePath, _ time: Timestamp, followingLinks follow: Bool = true)
        throws(StoreError)
    {
        try update(path, follow: follow) { (entry) in entry.modified = time }
    }

    /// NOT_FOUND when the entry has no such attribute.
    public func attribute(_ path: FilePath, _ name: [UInt8], followingLinks follow: Bool = true)
        throws(StoreError) -> IPLDValue
    {
        guard let value = try status(path, followingLinks: follow).attributes[name] else {
            throw Self.noAttribute(path, name)
        }
        return value
    }

    /// Gives an attribute a value: bytes, for the host's. INVALID for a name that is empty, has a NUL or more
    /// than 255 bytes, and for a value without an encoding; TOO_LARGE for more than an entry holds.
    public func setAttribute(
        _ path: FilePath, _ name: [UInt8], to value: IPLDValue, followingLinks follow: Bool = true
    ) throws(StoreError) {
        guard ExtendedAttributes.isName(name) else {
            throw StoreError(
                .invalid,
                "an attribute's name has 1 to \(ExtendedAttributes.maximumNameLength) bytes, no NUL",
                systemError: SystemErrors.invalid)
        }
        try update(path, follow: follow) { (entry) in entry.attributes[name] = value }
    }

    /// NOT_FOUND when the entry has no such attribute.
    public func removeAttribute(_ path: FilePath, _ name: [UInt8], followingLinks follow: Bool = true)
        throws(StoreError)
    {
        guard try status(path, followingLinks: follow).attributes[name] != nil else {
            throw Self.noAttribute(path, name)
        }
        try update(path, follow: follow) { (entry) in entry.attributes[name] = nil }
    }

    /// Changes how an entry is merged: of a directory, for children that are added from now on; or with all
    /// that is below it.
    public func setSync(
        _ path: FilePath, _ sync: SyncType, recursively: Bool = false, followingLinks follow: Bool = true
    ) throws(StoreError) {
        guard recursively else {
            return try update(path, follow: follow) { (entry) in entry.sync = sync }
        }
        try updateTree(path, follow: follow) { (entry) in entry.sync = sync }
    }

    private static func noAttribute(_ path: FilePath, _ name: [UInt8]) -> StoreError {
        StoreError(
            .notFound, "\(path) has no attribute \(String(decoding: name, as: UTF8.self))",
            systemError: SystemErrors.noAttribute)
    }

    /// Changes the metadata of an entry, and of all other names of the same file.
    func update(_ path: FilePath, follow: Bool, _ change: (inout Entry) -> Void) throws(StoreError) {
        try begin()
        let (location, old) = try require(path, follow: follow)
        guard !location.isForeign else { throw Self.foreign }
        var new = old
        change(&new)
        guard new != old else { return }
        try check(new)
        guard let name = location.name else {
            rootEntry = try ReplicaChange.entry(old, new, source, stays: true, clock, random)
            root.isChanged = true
            return
        }
        if old.hardLink != nil {
            try together { () throws(StoreError) in try updateHardLinks([(old, new)]) }
        } else {
            try put(new, name, at: location, keepsChild: true, touches: false)
        }
    }
}
