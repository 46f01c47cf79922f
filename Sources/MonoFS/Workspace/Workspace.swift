import IpldEngine

/// A tree that is open: looked at, and changed.
///
/// What always holds:
/// - What it was opened on is never changed. Changes are kept in memory; when they take much, they are stored
///   as blocks that nothing names; a commit names them, all at once or not at all.
/// - Nobody else sees a change before the commit, and it sees nobody else's.
/// - An operation that throws for a path has changed nothing, however many names it is of (`atOnce`,
///   `together`). An error while something is stored ends the workspace, as it ends a batch.
/// - Paths are resolved as a POSIX system does, within the tree: ".." of the root is the root. Symbolic links
///   are followed at most `maximumLinks` deep; through a link to a CID one reads, and changes nothing.
///
/// Opened on a store that is only read, it can be looked at. For one thread at a time.
public final class Workspace {
    let source: TreeSource
    /// The root's metadata; its content is `root`'s.
    var rootEntry: Entry
    var root: OpenDirectory
    /// The version that it was opened on, and that a commit comes after.
    public internal(set) var version: CID?
    /// Other versions that were merged into it, and that a commit comes after too.
    public internal(set) var merged: [CID] = []
    /// The version that the last commit made and could not move its branch to, which holds it.
    public internal(set) var refusedVersion: CID?
    /// Where times of changes come from.
    public var clock: () -> Timestamp = Timestamp.now
    /// Where tags of changes in directories of type `merkle-crdt` come from: random, never the same twice.
    var random: () -> UInt64 = { UInt64.random(in: .min ... .max) }
    /// Names and directories in memory, in bytes, beyond which they are stored.
    var memoryLimit = 64 << 20
    private(set) var memory = 0
    var writers: [OpenFile] = []
    /// Names of each group of hard links, once somebody asked.
    var hardLinks: [HardLinkGroup: Set<[FileName]>]?
    var hardLinksChanged = false
    /// While several names are changed together: what each was before.
    var namesBefore: NamesBefore?
    private var isOver = false

    /// Symbolic links that lead to one another.
    public static let maximumLinks = 10
    /// Names that share files with others, where they are gone through: when one of them is changed, or the
    /// tree is stored after they came or went. Copies of copies can have any number.
    public static let maximumHardLinks = 1 << 22
    /// Names below a directory of type `merkle-crdt` that is removed or copied.
    public static let maximumReplicas = 1 << 24
    /// Directories within one another.
    public static let maximumDepth = 4096

    /// Opens what a CID names: a version, a tree, or a directory's map. INVALID when it is neither.
    /// `progress` hears of the blocks that are read, which are many for a large map only, and may throw to
    /// stop.
    public convenience init(_ store: ContentStore, on cid: CID, progress: StepHandler? = nil)
        throws(StoreError)
    {
        let source = try TreeSource(store, StepCounter(progress))
        try self.init(source, on: cid)
        source.steps = nil
    }

    /// Opens a tree of nothing.
    public convenience init(_ store: ContentStore, mode: UInt16 = 0o755) throws(StoreError) {
        let source = try TreeSource(store)
        self.init(source, Entry(.directory(Directory()), mode: mode & 0o7777, modified: .now()), version: nil)
    }

    convenience init(_ source: TreeSource, on cid: CID) throws(StoreError) {
        var version: CID?
        var tree = cid
        if case .version(let node) = try TreeNodes.open(cid, source) { (version, tree) = (cid, node.tree) }
        let entry = try Self.directory(tree, source)
        self.init(source, entry, version: version)
    }

    init(_ source: TreeSource, _ entry: Entry, version: CID?) {
        self.source = source
        rootEntry = entry
        self.version = version
        root = OpenDirectory(entry.below ?? Directory(), source, isRoot: true)
    }

    deinit { closeDirectories() }

    /// The entry of the root of a tree, or of a directory's map. INVALID when it is something else.
    static func directory(_ cid: CID, _ source: TreeSource) throws(StoreError) -> Entry {
        switch try TreeNodes.open(cid, source) {
        case .tree(let entry) where entry.isDirectory: return entry
        case .map(let entries):
            var directory = Directory(map: entries > 0 ? cid : nil, totals: Totals())
            // Nobody has counted.
            directory.totals = try Totals(counting: directory, source)
            return Entry(.directory(directory), mode: 0o755)
        default: throw StoreError(.invalid, "\(cid) is no tree of files")
        }
    }

    public var store: ContentStore { source.store }

    /// The batch that changes are stored in: what is built in it can be added to the tree.
    public func batch() throws(StoreError) -> Batch {
        try begin()
        return try source.changing()
    }

    /// Whether something was changed.
    public var isChanged: Bool { root.isChanged }

    package func checkOpen() throws(StoreError) {
        guard !isOver else { throw StoreError(.invalid, "the tree has ended") }
        guard source.batch?.hasEnded != true else {
            throw StoreError(.invalid, "the tree has ended: something of it could not be stored")
        }
    }

    /// Before every operation: what is in memory is stored, or forgotten, when it is much. While an operation
    /// runs, the directories that it has open stay.
    func begin() throws(StoreError) {
        try checkOpen()
        guard memory > memoryLimit else { return }
        try flush()
    }

    /// Runs `body`, an operation or several, and has `progress` hear of the blocks that are read for it, and
    /// of the directories that are stored before. It may throw to stop: then the operation has changed
    /// nothing. Nil: nobody else hears than did before.
    public func reporting<T>(to progress: StepHandler?, _ body: () throws(StoreError) -> T)
        throws(StoreError) -> T
    {
        guard let steps = StepCounter(progress) else { return try body() }
        let before = source.steps
        source.steps = steps
        defer { source.steps = before }
        return try body()
    }

    /// Takes account of what a change, or an open directory, takes in memory.
    func note(_ bytes: Int) { memory += bytes }

    // MARK: Storing

    /// Stores the changes so far as blocks of the batch, which nothing names, and the root's directory.
    func flush() throws(StoreError) {
        // Parents before children, without recursion: a tree may be deep.
        var open: [OpenDirectory] = [root]
        var next = 0
        while next < open.count {
            open += open[next].children.values.filter(\.isChanged)
            next += 1
        }
        if root.isChanged {
            let batch = try source.changing()
            for directory in open.reversed() {
                // What is stored so far is what it is; the next flush goes on with what is above it.
                try source.steps?.step()
                try directory.store(batch)
            }
            root.isChanged = false
        }
        rootEntry.content = .directory(root.directory)
        closeDirectories()
        memory = 0
    }

    /// Forgets directories below the root, deep ones one by one.
    private func closeDirectories() {
        var open = Array(root.children.values)
        root.children = [:]
        while let directory = open.popLast() {
            open += directory.children.values
            directory.children = [:]
        }
    }

    /// Stores the tree with all changes; nothing names it before a commit.
    public func storeTree() throws(StoreError) -> CID {
        try begin()
        guard writers.isEmpty else {
            throw StoreError(.busy, "a file is open for writing: close it first")
        }
        try settleHardLinks()
        try flush()
        return try source.changing().putTree(rootEntry)
    }

    /// Ends the workspace and forgets what was changed.
    public func abort() {
        source.batch?.abort()
        end()
    }

    func end() {
        isOver = true
        closeDirectories()
        writers = []
    }
}
