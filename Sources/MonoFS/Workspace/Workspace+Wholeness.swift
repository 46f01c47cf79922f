import IpldEngine

/// Changes of several names that are one: all of them are made, or none.
extension Workspace {
    /// Makes a change that may take long, and may store parts of itself. When it throws, the tree is as it
    /// was, and so are the names of files that are open for writing.
    func atOnce(_ change: () throws(StoreError) -> Void) throws(StoreError) {
        // Then all that there is is stored, and the root's directory is enough to come back to it.
        try flush()
        let (entry, directory, isUnsettled) = (rootEntry, root.directory, hardLinksChanged)
        let files = writers.map { (file: $0, path: $0.path) }
        do throws(StoreError) { try change() } catch {
            rootEntry = entry
            root = OpenDirectory(directory, source, isRoot: true)
            (hardLinks, hardLinksChanged) = (nil, isUnsettled)
            for (file, path) in files { (file.path, file.isDetached) = (path, false) }
            writers = files.map(\.file)
            throw error
        }
    }

    /// As `atOnce`, of names whose changes stay in memory: what is there is not stored, before or meanwhile.
    /// Not within another.
    func together(_ change: () throws(StoreError) -> Void) throws(StoreError) {
        namesBefore = []
        defer { namesBefore = nil }
        do throws(StoreError) { try change() } catch {
            for name in (namesBefore ?? []).reversed() { rootEntry = name.comeBack() }
            throw error
        }
    }
}

/// What there was before a name was given another entry.
struct NameBefore {
    private let location: Location
    private let name: FileName
    private let states: [(totals: Totals, isChanged: Bool)]
    private let change: Entry?
    private let child: OpenDirectory?
    /// What was changed of the directory that has the name.
    private let holder: Entry?
    private let rootEntry: Entry

    init(_ location: Location, _ name: FileName, _ rootEntry: Entry) {
        (self.location, self.name, self.rootEntry) = (location, name, rootEntry)
        states = location.directories.map { ($0.totals, $0.isChanged) }
        change = location.directories.last?.changes[name]
        child = location.directories.last?.children[name]
        holder = location.holder.flatMap { (holder) in holder.directory.changes[holder.name] }
    }

    /// Makes it so again; the root's entry then.
    func comeBack() -> Entry {
        for (directory, state) in zip(location.directories, states) {
            (directory.totals, directory.isChanged) = (state.totals, state.isChanged)
        }
        location.directories.last?.takeBack(name, to: change)
        location.directories.last?.children[name] = child
        if let (directory, name) = location.holder { directory.takeBack(name, to: holder) }
        return rootEntry
    }
}
