import IpldEngine

/// Where a path leads.
struct Location {
    /// From the root to the directory that has the name.
    let directories: [OpenDirectory]
    /// Of all but the first of them.
    let names: [FileName]
    /// Nil for the root of a tree.
    let name: FileName?
    /// Nil when nothing is there, or a tombstone.
    let entry: Entry?
    /// What was followed and led nowhere, for messages.
    let isBroken: Bool

    /// Names from the root.
    var path: [FileName] { name.map { names + [$0] } ?? names }
    var isForeign: Bool { directories.last?.isForeign ?? false }
    /// Where the entry is of the directory that has the name; nil when that is a root.
    var holder: (directory: OpenDirectory, name: FileName)? {
        guard let name = names.last, directories.count > 1 else { return nil }
        return (directories[directories.count - 2], name)
    }
}

extension Workspace {
    /// Follows a path to its entry, or to where one could be made: all but its last component must be there.
    /// `follow`: whether a symbolic link at its end is followed.
    ///
    /// NOT_FOUND for a missing component or a broken link; INVALID for a component that is no directory, and
    /// for links that lead back to themselves; TOO_LARGE for more links than `maximumLinks`.
    func resolve(_ path: FilePath, follow: Bool) throws(StoreError) -> Location {
        var walk = Resolution(self, path, follow: follow)
        return try walk.run()
    }

    /// As `resolve`, of an entry that must be there.
    func require(_ path: FilePath, follow: Bool) throws(StoreError) -> (location: Location, entry: Entry) {
        let location = try resolve(path, follow: follow)
        guard let entry = location.entry else {
            throw StoreError(
                .notFound, location.isBroken ? "\(path) is a broken symbolic link" : "there is no \(path)",
                systemError: SystemErrors.notFound)
        }
        return (location, entry)
    }

    /// As `require`, of a directory; it, and what leads to it.
    func requireDirectory(_ path: FilePath) throws(StoreError) -> (location: Location, open: OpenDirectory) {
        let (location, entry) = try require(path, follow: true)
        guard entry.isDirectory else { throw Self.notADirectory(path.description) }
        return (location, try open(location, entry))
    }

    /// The directory that an entry at a location is.
    func open(_ location: Location, _ entry: Entry) throws(StoreError) -> OpenDirectory {
        guard let parent = location.directories.last else {
            throw StoreError(.internal, "a place without a directory")
        }
        guard let name = location.name else { return parent }
        return try parent.child(name, entry, opened: note)
    }

    static func notADirectory(_ path: String) -> StoreError {
        StoreError(.invalid, "\(path) is not a directory", systemError: SystemErrors.notADirectory)
    }
}

/// One walk along a path.
private struct Resolution {
    private let workspace: Workspace
    private let path: FilePath
    private let follow: Bool
    private var directories: [OpenDirectory]
    private var names: [FileName] = []
    /// Components to come, the next one last.
    private var pending: [FileName]
    /// Links whose targets are being walked, and how many components were pending behind each.
    private var links: [(path: [FileName], pending: Int)] = []
    private var followed = 0

    /// Links in one path, however deep: a bound on what a hostile tree can cost.
    private static let maximumFollowed = 1000

    init(_ workspace: Workspace, _ path: FilePath, follow: Bool) {
        self.workspace = workspace
        self.path = path
        self.follow = follow
        directories = [workspace.root]
        pending = path.components.reversed()
    }

    mutating func run() throws(StoreError) -> Location {
        while let component = pending.last {
            while let link = links.last, pending.count <= link.pending { links.removeLast() }
            pending.removeLast()
            if component == .parent {
                if directories.count > 1 {
                    directories.removeLast()
                    names.removeLast()
                }
                continue
            }
            if let found = try step(component) { return found }
        }
        return try here()
    }

    /// The directory that was reached, as an entry of its parent.
    private func here() throws(StoreError) -> Location {
        guard let directory = directories.last, !directory.isRoot, let name = names.last else {
            let directory = directories.last ?? workspace.root
            var entry = directory === workspace.root ? workspace.rootEntry : Entry(.fifo, mode: 0o755)
            entry.content = .directory(directory.directory)
            return Location(
                directories: directories, names: names, name: nil, entry: entry, isBroken: false)
        }
        let parents = Array(directories.dropLast())
        return Location(
            directories: parents, names: names.dropLast(), name: name,
            entry: try parents.last?.liveEntry(name), isBroken: false)
    }

    private mutating func step(_ name: FileName) throws(StoreError) -> Location? {
        guard let directory = directories.last else { return nil }
        let isLast = pending.isEmpty
        func location(_ entry: Entry?) -> Location {
            Location(
                directories: directories, names: names, name: name, entry: entry, isBroken: !links.isEmpty)
        }
        guard let entry = try directory.liveEntry(name) else {
            if isLast { return location(nil) }
            let isBroken = links.contains { pending.count >= $0.pending }
            throw StoreError(
                .notFound,
                "there is no \(name) on the way to \(path)" + (isBroken ? ": a link is broken" : ""),
                systemError: SystemErrors.notFound)
        }
        switch entry.content {
        case .symlink(let target) where !isLast || follow:
            try enter(link: name)
            let target = try FilePath(target)
            if target.isAbsolute {
                let root = directories.lastIndex { $0.isRoot } ?? 0
                directories.removeSubrange((root + 1)...)
                names.removeSubrange(root...)
            }
            pending += target.components.reversed()
            // A link to "/" or "." leads to a directory that was reached already.
            return nil
        case .cidLink(let cid) where !isLast || follow:
            try enter(link: name)
            return try follow(cid, name, isLast: isLast)
        case .directory:
            if isLast { return location(entry) }
            try descend(try directory.child(name, entry, opened: workspace.note), name)
            return nil
        default:
            guard isLast else { throw Workspace.notADirectory("\(name), on the way to \(path),") }
            return location(entry)
        }
    }

    private mutating func descend(_ directory: OpenDirectory, _ name: FileName) throws(StoreError) {
        guard directories.count < Workspace.maximumDepth else {
            throw StoreError(
                .tooLarge, "\(path) is more than \(Workspace.maximumDepth) directories deep",
                systemError: SystemErrors.nameTooLong)
        }
        directories.append(directory)
        names.append(name)
    }

    private mutating func enter(link name: FileName) throws(StoreError) {
        let place = names + [name]
        guard !links.contains(where: { $0.path == place }) else {
            throw StoreError(
                .invalid, "\(path) goes through symbolic links that lead back to themselves",
                systemError: SystemErrors.tooManyLinks)
        }
        followed += 1
        guard links.count < Workspace.maximumLinks, followed <= Self.maximumFollowed else {
            throw StoreError(
                .tooLarge, "\(path) goes through more than \(Workspace.maximumLinks) symbolic links",
                systemError: SystemErrors.tooManyLinks)
        }
        links.append((place, pending.count))
    }

    /// Goes to what a link to a CID names: a tree's root, a directory or a file. Nothing can be changed
    /// there.
    private mutating func follow(_ start: CID, _ name: FileName, isLast: Bool) throws(StoreError) -> Location?
    {
        var cid = start
        while true {
            let node: TreeNodes.Node
            do throws(StoreError) { node = try TreeNodes.open(cid, workspace.source) } catch {
                guard error.code == .notFound else { throw error }
                throw StoreError(
                    .notFound, "\(path) goes through a broken symbolic link: \(cid) is not in the store",
                    systemError: SystemErrors.notFound)
            }
            var entry: Entry
            switch node {
            case .version(let version):
                cid = version.tree
                continue
            case .tree(let root):
                if case .cidLink(let next) = root.content {
                    try enter(link: name, again: cid)
                    cid = next
                    continue
                }
                entry = root
            case .map: entry = try Workspace.directory(cid, workspace.source)
            case .file(let size):
                // As it would stand in an entry.
                entry = Entry(.file(.stored(cid, size: size)), mode: 0o444)
            }
            if case .directory(let directory) = entry.content {
                try descend(
                    OpenDirectory(directory, workspace.source, isRoot: true, isForeign: true), name)
                return isLast
                    ? Location(
                        directories: directories, names: names, name: nil, entry: entry, isBroken: false)
                    : nil
            }
            guard isLast else { throw Workspace.notADirectory("\(name), on the way to \(path),") }
            let holder = OpenDirectory(Directory(), workspace.source, isRoot: true, isForeign: true)
            return Location(
                directories: directories + [holder], names: names + [name], name: nil, entry: entry,
                isBroken: false)
        }
    }

    /// A link that a tree's node is, instead of an entry.
    private mutating func enter(link name: FileName, again cid: CID) throws(StoreError) {
        followed += 1
        guard links.count < Workspace.maximumLinks, followed <= Self.maximumFollowed else {
            throw StoreError(
                .tooLarge, "\(path) goes through more than \(Workspace.maximumLinks) links",
                systemError: SystemErrors.tooManyLinks)
        }
        links.append((names + [name], pending.count))
    }
}
