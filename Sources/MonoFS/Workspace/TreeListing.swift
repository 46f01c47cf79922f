import IpldEngine

extension Workspace {
    /// Goes through a directory, and, with `recursive`, those below it: each with all that is in it, then
    /// those among that, in the order of names.
    public func listing(
        of path: FilePath = .root, recursive: Bool = true, includingTombstones: Bool = false
    ) throws(StoreError) -> TreeListing {
        try begin()
        return TreeListing(self, path, try requireDirectory(path).open, recursive, includingTombstones)
    }
}

/// Directories, one after another, and what is in each. Memory is what the names take of those that are still
/// to come; no path is resolved again. What is changed meanwhile may be seen or not.
public final class TreeListing {
    private let workspace: Workspace
    private let isRecursive: Bool
    private let includesTombstones: Bool
    private let start: FilePath
    private let first: OpenDirectory
    /// Directories to come, the next one last.
    private var waiting: [Child] = []
    private var current: Level?
    /// Those in the current one, in order.
    private var children: [Child] = []

    private final class Level {
        let path: FilePath
        let directory: OpenDirectory
        var next: FileName?
        var isAtEnd = false

        init(_ path: FilePath, _ directory: OpenDirectory) {
            (self.path, self.directory) = (path, directory)
        }
    }

    private struct Child {
        let parent: Level
        let name: FileName
        let directory: Directory
    }

    /// Entries of a directory that are looked at at once.
    private static let part = 1024

    init(
        _ workspace: Workspace, _ start: FilePath, _ first: OpenDirectory, _ isRecursive: Bool,
        _ includesTombstones: Bool
    ) {
        (self.workspace, self.start, self.first) = (workspace, start, first)
        (self.isRecursive, self.includesTombstones) = (isRecursive, includesTombstones)
    }

    /// The next directory, as a path; nil after the last. Entries of the one before that were not asked for
    /// are passed over, with what is below them.
    public func nextDirectory() -> FilePath? {
        guard current != nil else {
            current = Level(start, first)
            return start
        }
        waiting += children.reversed()
        children = []
        guard let child = waiting.popLast() else { return nil }
        let level = Level(
            child.parent.path.appending(child.name),
            child.parent.directory.looking(into: child.name, child.directory))
        current = level
        return level.path
    }

    /// More entries of that directory, in the order of names; nil after the last.
    public func nextEntries() throws(StoreError) -> [(name: FileName, entry: Entry)]? {
        try workspace.begin()
        guard let current, !current.isAtEnd else { return nil }
        let part = try current.directory.entries(from: current.next, limit: Self.part)
        current.isAtEnd = part.count < Self.part
        current.next = part.last?.name.next
        if isRecursive {
            for (name, entry) in part {
                guard case .directory(let directory) = entry.content else { continue }
                guard current.path.components.count - start.components.count < Workspace.maximumDepth else {
                    throw Workspace.tooDeep
                }
                children.append(Child(parent: current, name: name, directory: directory))
            }
        }
        return includesTombstones ? part : part.filter { !$0.entry.isTombstone }
    }
}
