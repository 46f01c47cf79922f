import IpldEngine

/// The differences of two trees, one after another, in the order of their paths.
///
/// What always holds:
/// - What both trees have under one CID is passed unread, so the cost is that of the differences.
/// - Tombstones are nothing, unless they are asked for; equal trees have no differences.
/// - A directory that came or went is one difference, and each entry in it another one, behind it; who has
///   seen enough passes over them (`skipDirectory`).
/// - Memory is what the depth takes. For one thread at a time.
public final class TreeDiff {
    private let source: TreeSource
    private let includesTombstones: Bool
    private var levels: [Level] = []
    private var first: TreeChange?
    private var canSkip = false

    private struct Level {
        let path: FilePath
        var diff: ByteMapDiff<TreeSource>
    }

    /// The differences that make one directory's entry of another.
    init(_ source: TreeSource, from old: Entry?, to new: Entry?, includingTombstones: Bool = false)
        throws(StoreError)
    {
        self.source = source
        includesTombstones = includingTombstones
        if let old, let new {
            let aspects = TreeChange.Aspects(old, new)
            if !aspects.isEmpty {
                first = TreeChange(
                    kind: .modified, path: .root, oldPath: nil, old: old, new: new, aspects: aspects)
            }
        }
        try descend(.root, old, new)
    }

    /// The next difference; nil after the last. CORRUPT, NOT_FOUND and IO as the blocks are.
    public func next() throws(StoreError) -> TreeChange? {
        if let first {
            self.first = nil
            return first
        }
        while var level = levels.popLast() {
            guard let found = try level.diff.next() else { continue }
            let path = level.path.appending(try DirectoryMap.name(found.key))
            levels.append(level)
            let old = try found.old.map { (bytes) throws(StoreError) in try EntryDecoder.decode(bytes) }
            let new = try found.new.map { (bytes) throws(StoreError) in try EntryDecoder.decode(bytes) }
            let count = levels.count
            try descend(path, old, new)
            canSkip = levels.count > count
            if let change = change(path, old, new) { return change }
        }
        return nil
    }

    /// Passes over what is in the directory that `next` gave last.
    public func skipDirectory() {
        if canSkip { levels.removeLast() }
        canSkip = false
    }

    private func descend(_ path: FilePath, _ old: Entry?, _ new: Entry?) throws(StoreError) {
        // What is in a tombstone is of interest where tombstones are.
        let oldMap = old.flatMap { $0.isTombstone && !includesTombstones ? nil : $0.below?.map }
        let newMap = new.flatMap { $0.isTombstone && !includesTombstones ? nil : $0.below?.map }
        guard oldMap != newMap else { return }
        guard path.components.count <= Workspace.maximumDepth else {
            throw StoreError(.tooLarge, "a tree is more than \(Workspace.maximumDepth) directories deep")
        }
        levels.append(
            Level(
                path: path,
                diff: ByteMapDiff(
                    from: try DirectoryMap(map: oldMap, source).byteMap,
                    to: try DirectoryMap(map: newMap, source).byteMap)))
    }

    private func change(_ path: FilePath, _ old: Entry?, _ new: Entry?) -> TreeChange? {
        func change(_ kind: TreeChange.Kind, _ aspects: TreeChange.Aspects = []) -> TreeChange {
            TreeChange(kind: kind, path: path, oldPath: nil, old: old, new: new, aspects: aspects)
        }
        switch (old.map { !$0.isTombstone } ?? false, new.map { !$0.isTombstone } ?? false) {
        case (true, true):
            guard let old, let new else { return nil }
            let aspects = TreeChange.Aspects(old, new)
            return aspects.isEmpty ? nil : change(.modified, aspects)
        case (true, false): return change(.removed)
        case (false, true): return change(.added)
        case (false, false): return includesTombstones ? change(.tombstone) : nil
        }
    }
}

/// The differences of two trees, in which an entry that went, and came again under another name with the same
/// content, is one.
///
/// What came and went is gone through before the first difference is given: memory is what its paths take. Of
/// more than `maximumCandidates` names that came or went, none is taken for renamed. A directory is renamed
/// as a whole, or else what is in it may be.
public final class RenameDiff {
    private let diff: TreeDiff
    private var newPath: [FilePath: FilePath] = [:]
    private var oldPath: [FilePath: (path: FilePath, entry: Entry)] = [:]

    public static let maximumCandidates = 1 << 20

    init(_ source: TreeSource, from old: Entry?, to new: Entry?, includingTombstones: Bool) throws(StoreError)
    {
        func makeDiff() throws(StoreError) -> TreeDiff {
            try TreeDiff(source, from: old, to: new, includingTombstones: includingTombstones)
        }
        diff = try makeDiff()
        var candidates = 0
        // Directories first, so that what is in them is not taken for something else.
        for directories in [true, false] {
            var removed: [(key: Entry.Content, path: FilePath, entry: Entry)] = []
            var added: [(key: Entry.Content, path: FilePath)] = []
            let search = try makeDiff()
            while let change = try search.next() {
                guard change.kind == .added || change.kind == .removed else { continue }
                candidates += 1
                guard candidates <= 2 * Self.maximumCandidates else {
                    (newPath, oldPath) = ([:], [:])
                    return
                }
                if newPath[change.path] != nil || oldPath[change.path] != nil { search.skipDirectory() }
                let entry = change.kind == .added ? change.new : change.old
                guard let entry, entry.isDirectory == directories, let key = entry.renameKey else { continue }
                if change.kind == .added {
                    added.append((key, change.path))
                } else {
                    removed.append((key, change.path, entry))
                }
            }
            pair(removed, added)
        }
    }

    /// The next difference; nil after the last.
    public func next() throws(StoreError) -> TreeChange? {
        while let change = try diff.next() {
            switch change.kind {
            case .removed where newPath[change.path] != nil:
                diff.skipDirectory()
                continue
            case .added:
                guard let old = oldPath[change.path], let new = change.new else { return change }
                diff.skipDirectory()
                return TreeChange(
                    kind: .renamed, path: change.path, oldPath: old.path, old: old.entry, new: new,
                    aspects: TreeChange.Aspects(old.entry, new))
            default: return change
            }
        }
        return nil
    }

    /// Takes each that came for the first that went with the same content, and is not taken yet.
    private func pair(
        _ removed: [(key: Entry.Content, path: FilePath, entry: Entry)],
        _ added: [(key: Entry.Content, path: FilePath)]
    ) {
        var waiting: [RenameKey: [Int]] = [:]
        for (position, candidate) in removed.enumerated().reversed() {
            waiting[RenameKey(candidate.key), default: []].append(position)
        }
        for candidate in added where !isInside(candidate.path, oldPath.keys) {
            guard let position = waiting[RenameKey(candidate.key)]?.popLast() else { continue }
            let old = removed[position]
            guard !isInside(old.path, newPath.keys) else { continue }
            newPath[old.path] = candidate.path
            oldPath[candidate.path] = (old.path, old.entry)
        }
    }

    /// Whether a path is below one of some.
    private func isInside(_ path: FilePath, _ taken: some Collection<FilePath>) -> Bool {
        guard !taken.isEmpty else { return false }
        for count in 1..<max(1, path.components.count) {
            let above = FilePath(components: Array(path.components.prefix(count)))
            if newPath[above] != nil || oldPath[above] != nil { return true }
        }
        return false
    }
}

/// Content that is looked for.
struct RenameKey: Hashable {
    private let cid: CID?
    private let bytes: [UInt8]

    /// Nil for what is too little to tell.
    init?(of entry: Entry) {
        guard let content = entry.renameKey else { return nil }
        self.init(content)
    }

    init(_ content: Entry.Content) {
        switch content {
        case .file(.inline(let bytes)): (cid, self.bytes) = (nil, bytes)
        case .file(.stored(let cid, _)): (self.cid, bytes) = (cid, [])
        case .directory(let directory): (cid, bytes) = (directory.map, [])
        default: (cid, bytes) = (nil, [])
        }
    }
}

extension FileSystem {
    /// The differences that make one tree of another; each is named by a version, a tree or a directory's
    /// map.
    public func diff(from old: CID, to new: CID, includingTombstones: Bool = false) throws(StoreError)
        -> TreeDiff
    {
        let source = try TreeSource(store)
        return try TreeDiff(
            source, from: try source.root(of: old), to: try source.root(of: new),
            includingTombstones: includingTombstones)
    }

    /// As `diff(from:to:)`, with what was renamed, which is found before this returns: `progress` hears of
    /// the blocks that were read.
    public func diffWithRenames(
        from old: CID, to new: CID, includingTombstones: Bool = false, progress: StepHandler? = nil
    ) throws(StoreError) -> RenameDiff {
        let source = try TreeSource(store, StepCounter(progress))
        defer { source.steps = nil }
        return try RenameDiff(
            source, from: try source.root(of: old), to: try source.root(of: new),
            includingTombstones: includingTombstones)
    }
}

extension TreeSource {
    /// The root's entry of what a CID names: a version, a tree, or a directory's map.
    func root(of cid: CID) throws(StoreError) -> Entry {
        if case .version(let version) = try TreeNodes.open(cid, self) {
            return try Workspace.directory(version.tree, self)
        }
        return try Workspace.directory(cid, self)
    }
}
