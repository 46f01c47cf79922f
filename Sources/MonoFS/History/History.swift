import IpldEngine

/// The versions that lead to some, newest first: no version comes before one that was made from it.
///
/// What always holds: each comes once; one that is not in the store is passed over, with what is behind it:
/// there the history ends. One whose generation is not what it has to be ends it with CORRUPT. Memory is what
/// the versions take that were met. For one thread at a time.
public final class History {
    private let source: TreeSource
    private var reader: VersionReader
    private var queue: VersionQueue
    private var met: Set<CID>
    /// Whether a version was missing.
    public private(set) var isCut = false

    init(_ source: TreeSource, from versions: [CID]) throws(StoreError) {
        self.source = source
        reader = VersionReader([source])
        queue = VersionQueue()
        met = []
        for cid in versions { try add(cid) }
    }

    /// The next version; nil after the last. After an error, the next call tries the same one again.
    public func next() throws(StoreError) -> (cid: CID, version: Version)? {
        guard let item = queue.first else { return nil }
        try reader.check(item.cid, item.version)
        // They come out after it, having smaller generations.
        for cid in item.version.previous { try add(cid) }
        var version = item.version
        if reader.isShortened(item.cid), let whole = try source.version(item.cid) { version = whole }
        _ = queue.pop()
        return (item.cid, version)
    }

    private func add(_ cid: CID) throws(StoreError) {
        guard !met.contains(cid) else { return }
        if let version = try reader.version(cid) { queue.push(cid, version) } else { isCut = true }
        met.insert(cid)
    }
}

/// Versions in order: the greatest generation first, then the latest, then by CID.
struct VersionQueue {
    /// A heap: none precedes the one at half its position.
    private var items: [(cid: CID, version: Version)] = []

    var isEmpty: Bool { items.isEmpty }
    /// What comes out next.
    var first: (cid: CID, version: Version)? { items.first }

    mutating func push(_ cid: CID, _ version: Version) {
        items.append((cid, version))
        var child = items.count - 1
        while child > 0, Self.precedes(items[child], items[(child - 1) / 2]) {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> (cid: CID, version: Version)? {
        guard let last = items.popLast() else { return nil }
        guard let first = items.first else { return last }
        items[0] = last
        var parent = 0
        while true {
            var next = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < items.count && Self.precedes(items[child], items[next]) {
                next = child
            }
            guard next != parent else { return first }
            items.swapAt(next, parent)
            parent = next
        }
    }

    /// Whether `a` comes out before `b`.
    static func precedes(_ a: (cid: CID, version: Version), _ b: (cid: CID, version: Version)) -> Bool {
        if a.version.generation != b.version.generation {
            return a.version.generation > b.version.generation
        }
        if a.version.time != b.version.time { return a.version.time > b.version.time }
        return a.cid < b.cid
    }
}

extension TreeSource {
    /// A version; nil when it is not in the store. INVALID for what is none.
    func version(_ cid: CID) throws(StoreError) -> Version? {
        do throws(StoreError) {
            guard case .version(let version) = try TreeNodes.open(cid, self) else {
                throw StoreError(.invalid, "\(cid) is no version of a tree")
            }
            return version
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// The same; nil also for what is no version, as what somebody named like one may be.
    func versionIfAny(_ cid: CID) throws(StoreError) -> Version? {
        do throws(StoreError) { return try version(cid) } catch {
            guard error.code == .invalid else { throw error }
            return nil
        }
    }
}

extension FileSystem {
    /// The versions that lead to `version`, and it, newest first.
    public func history(from version: CID) throws(StoreError) -> History {
        let source = try TreeSource(store)
        guard try source.version(version) != nil else {
            throw StoreError(.notFound, "\(version) is not in the store")
        }
        return try History(source, from: [version])
    }

    /// As `history(from:)`, of the versions in which a path became what it is there: those whose entry is
    /// that of none of the versions before. Links are not followed.
    public func history(of path: FilePath, from version: CID) throws(StoreError) -> PathHistory {
        PathHistory(try history(from: version), try TreeSource(store), path)
    }

    /// The versions from which two were made, and of which none leads to another: what they have in common.
    public func commonAncestors(_ a: CID, _ b: CID) throws(StoreError) -> [CID] {
        try Ancestry(try TreeSource(store)).common(a, b)
    }
}

/// Versions that changed one path.
public final class PathHistory {
    private let history: History
    private let source: TreeSource
    private let path: FilePath
    /// What the path has in trees that come again.
    private var known: [CID: Entry?] = [:]
    private var looked: UInt64 = 0
    /// The version that is looked at: where that fails, it is looked at again.
    private var current: (cid: CID, version: Version)?

    init(_ history: History, _ source: TreeSource, _ path: FilePath) {
        self.history = history
        self.source = source
        self.path = path
    }

    /// The next version and what the path has in it, nil when nothing; nil after the last. `progress` hears
    /// of the versions that were looked at so far; when it stops this, the next call goes on, and after an
    /// error it tries the same version again.
    public func next(progress: StepHandler? = nil) throws(StoreError) -> (
        cid: CID, version: Version, entry: Entry?
    )? {
        while true {
            try progress?(looked)
            if current == nil {
                guard let next = try history.next() else { return nil }
                current = next
                looked += 1
            }
            guard let (cid, version) = current else { return nil }
            let own = try entry(version.tree)
            var isChange = true
            var hasPrevious = false
            for previous in version.previous {
                guard let before = try source.version(previous) else { continue }
                hasPrevious = true
                if before.tree == version.tree { isChange = false }
                if isChange, try entry(before.tree) == own { isChange = false }
            }
            known[version.tree] = nil
            current = nil
            if hasPrevious ? isChange : own != nil { return (cid, version, own) }
        }
    }

    private func entry(_ tree: CID) throws(StoreError) -> Entry? {
        if let known = known[tree] { return known }
        var entry: Entry?
        do throws(StoreError) { entry = try Workspace(source, on: tree).lookup(path) } catch {
            // What is a directory in one version may be a file in another, or a link that leads nowhere.
            let nothings = [SystemErrors.notADirectory, SystemErrors.tooManyLinks, SystemErrors.nameTooLong]
            guard nothings.contains(error.systemError) else { throw error }
        }
        known[tree] = .some(entry)
        return entry
    }
}
