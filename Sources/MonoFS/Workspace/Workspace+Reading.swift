import IpldEngine

/// Looking at a tree.
extension Workspace {
    /// The entry at a path; nil when there is none. A symbolic link at its end is followed, or is the entry.
    public func lookup(_ path: FilePath, followingLinks follow: Bool = false) throws(StoreError) -> Entry? {
        try begin()
        do throws(StoreError) { return try resolve(path, follow: follow).entry } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// The entry at a path. NOT_FOUND when there is none. Of a directory, `totals` are those of now; its map
    /// is the one that was stored last.
    public func status(_ path: FilePath, followingLinks follow: Bool = false) throws(StoreError) -> Entry {
        try begin()
        return try require(path, follow: follow).entry
    }

    /// Entries of a directory in the order of their names, at most `limit`, from `name` on when given. What
    /// comes next is listed from the name after the last one, whatever was changed meanwhile.
    public func list(
        _ path: FilePath, from name: FileName? = nil, limit: Int = .max, includingTombstones: Bool = false
    ) throws(StoreError) -> [(name: FileName, entry: Entry)] {
        try begin()
        let directory = try requireDirectory(path).open
        if includingTombstones { return try directory.entries(from: name, limit: limit) }
        var found: [(name: FileName, entry: Entry)] = []
        var next = name
        while found.count < limit {
            let wanted = min(limit - found.count, 1024)
            let part = try directory.entries(from: next, limit: wanted)
            found += part.filter { !$0.entry.isTombstone }
            guard part.count == wanted, let last = part.last else { break }
            next = last.name.next
        }
        return found
    }

    /// Goes through everything below a directory, in the order of names, each directory before what is in it.
    public func walk(_ path: FilePath = .root, includingTombstones: Bool = false) throws(StoreError)
        -> TreeWalk
    {
        try begin()
        let (location, open) = try requireDirectory(path)
        let start = FilePath(components: location.path)
        return TreeWalk(self, location.isForeign ? path : start, open, includingTombstones)
    }

    /// The target of a symbolic link to a path. INVALID for anything else.
    public func target(_ path: FilePath) throws(StoreError) -> [UInt8] {
        try begin()
        guard case .symlink(let target) = try require(path, follow: false).entry.content else {
            throw StoreError(.invalid, "\(path) is no symbolic link", systemError: SystemErrors.invalid)
        }
        return target
    }

    /// The content of a file. INVALID for anything else.
    public func content(_ path: FilePath) throws(StoreError) -> FileContent {
        try begin()
        return try requireFile(path).content
    }

    func requireFile(_ path: FilePath) throws(StoreError)
        -> (location: Location, entry: Entry, content: FileContent)
    {
        let (location, entry) = try require(path, follow: true)
        guard case .file(let content) = entry.content else {
            guard entry.isDirectory else {
                throw StoreError(.invalid, "\(path) is no file", systemError: SystemErrors.invalid)
            }
            throw StoreError(.invalid, "\(path) is a directory", systemError: SystemErrors.isADirectory)
        }
        return (location, entry, content)
    }

    /// Opens a file for reading, as it is now.
    public func openForReading(_ path: FilePath) throws(StoreError) -> FileReader {
        try FileReader(try content(path), source)
    }

    /// All bytes of a file. TOO_LARGE for more than `limit`.
    public func read(_ path: FilePath, limit: Int = 1 << 30) throws(StoreError) -> [UInt8] {
        let reader = try openForReading(path)
        guard reader.size <= UInt64(max(0, limit)) else {
            throw StoreError(.tooLarge, "\(path) has \(reader.size) bytes, more than \(limit)")
        }
        return try reader.readAll()
    }
}

extension FileName {
    /// What comes next to it in bytewise order, to go on from: no entry's name.
    public var next: FileName { FileName(successorOf: self) }

    private init(successorOf name: FileName) { bytes = name.bytes + [0] }
}

/// What is below a directory, one entry after another. Memory is what the depth takes; no path is resolved
/// again. What is changed meanwhile may be seen or not.
public final class TreeWalk {
    private let workspace: Workspace
    private let includesTombstones: Bool
    private var levels: [Level]

    private struct Level {
        let path: FilePath
        let directory: OpenDirectory
        var next: FileName?
        var entries: ArraySlice<(name: FileName, entry: Entry)> = []
        var isAtEnd = false
    }

    /// Entries of a directory that are looked at at once.
    private static let part = 256

    init(
        _ workspace: Workspace, _ path: FilePath, _ directory: OpenDirectory, _ includesTombstones: Bool
    ) {
        self.workspace = workspace
        self.includesTombstones = includesTombstones
        levels = [Level(path: path, directory: directory)]
    }

    /// The next entry and its path; nil after the last.
    public func next() throws(StoreError) -> (path: FilePath, entry: Entry)? {
        try workspace.checkOpen()
        while var level = levels.popLast() {
            while level.entries.isEmpty, !level.isAtEnd {
                try workspace.begin()
                let part = try level.directory.entries(from: level.next, limit: Self.part)
                level.isAtEnd = part.count < Self.part
                level.next = part.last?.name.next
                level.entries = part.filter { includesTombstones || !$0.entry.isTombstone }[...]
            }
            guard let (name, entry) = level.entries.popFirst() else { continue }
            levels.append(level)
            let path = level.path.appending(name)
            if case .directory(let directory) = entry.content {
                guard levels.count < Workspace.maximumDepth else { throw Workspace.tooDeep }
                levels.append(
                    Level(path: path, directory: level.directory.looking(into: name, directory)))
            }
            return (path, entry)
        }
        return nil
    }

    /// Passes over what is in the directory that `next` gave last.
    public func skipDirectory() {
        if let last = levels.last, last.next == nil, last.entries.isEmpty, levels.count > 1 {
            levels.removeLast()
        }
    }
}
