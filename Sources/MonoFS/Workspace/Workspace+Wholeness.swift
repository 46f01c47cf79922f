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
        namesBefore = NamesBefore(rootEntry)
        defer { namesBefore = nil }
        do throws(StoreError) { try change() } catch {
            if let namesBefore { rootEntry = namesBefore.comeBack() }
            throw error
        }
    }
}

/// What there was before names were given other entries.
///
/// What always holds: where a directory is noted, so are all above it. Each is noted once, however many names
/// are changed below it.
struct NamesBefore {
    private(set) var directories: [ObjectIdentifier: DirectoryBefore] = [:]
    private var names: [NameBefore] = []
    private let rootEntry: Entry

    struct DirectoryBefore {
        fileprivate let directory: OpenDirectory
        fileprivate let totals: Totals
        fileprivate let isChanged: Bool
    }

    private struct NameBefore {
        let directory: OpenDirectory
        let name: FileName
        let change: Entry?
        let child: OpenDirectory?
        /// Where the entry is of the directory that has the name, and what was changed of it.
        let holder: (directory: OpenDirectory, name: FileName)?
        let holderChange: Entry?
    }

    init(_ rootEntry: Entry) { self.rootEntry = rootEntry }

    /// A name is about to be given another entry.
    mutating func note(_ name: FileName, at location: Location) {
        for directory in location.directories.reversed() {
            let identity = ObjectIdentifier(directory)
            guard directories[identity] == nil else { break }
            directories[identity] = DirectoryBefore(
                directory: directory, totals: directory.totals, isChanged: directory.isChanged)
        }
        guard let directory = location.directories.last else { return }
        let holder = location.holder
        names.append(
            NameBefore(
                directory: directory, name: name, change: directory.changes[name],
                child: directory.children[name], holder: holder,
                holderChange: holder.flatMap { $0.directory.changes[$0.name] }))
    }

    /// Makes it so again; the root's entry then.
    func comeBack() -> Entry {
        for before in directories.values {
            (before.directory.totals, before.directory.isChanged) = (before.totals, before.isChanged)
        }
        for before in names.reversed() {
            before.directory.takeBack(before.name, to: before.change)
            before.directory.children[before.name] = before.child
            if let (directory, name) = before.holder { directory.takeBack(name, to: before.holderChange) }
        }
        return rootEntry
    }
}
