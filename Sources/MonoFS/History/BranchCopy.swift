import IpldEngine

/// What became of copying a version to a branch.
public struct BranchCopyReport: Equatable, Sendable {
    /// The branch's newest version now.
    public var version: CID
    /// Versions that came to the branch.
    public var versions: UInt64 = 0
    /// What was copied of them.
    public var blocks = CopyReport()
    /// Whether the branch was at a version that does not lead to this one; what it had is still held by it.
    public var wasForced = false
}

/// Branches and tags of another store.
extension FileSystem {
    /// Copies a version of another store with its history, as far as that is there, and moves a branch to it,
    /// which is made when it is not there. CONFLICT when the branch has versions that do not lead to it,
    /// unless that is forced: then they stay held by the branch until they are pruned. CONFLICT also when the
    /// branch is moved meanwhile. Nothing is named before all of it is there; what a copy that dies has done
    /// is used by the next.
    ///
    /// `limit`: at most so many versions come, the newest ones; at least one.
    public func copyVersion(
        _ version: CID, from other: FileSystem, toBranch name: String, limit: Int = .max, force: Bool = false,
        progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> BranchCopyReport {
        let root = try Self.rootName(branch: name)
        let steps = StepCounter(progress)
        let source = try TreeSource(other.store, steps)
        let target = try TreeSource(store, steps)
        let before = try store.root(root)
        _ = try other.version(version)
        var report = BranchCopyReport(version: version)
        var there = before
        if there == nil { there = try store.rootHereOrBelow(root) }
        if let there, try !Ancestry.leads(there, to: version, in: [source, target]) {
            guard force else {
                throw StoreError(
                    .conflict,
                    "the branch \(name) is at \(there), which does not lead to \(version) "
                        + "as far as what is between is in one of the stores")
            }
            report.wasForced = true
        }
        // Found only when it is named, it would be found after all was copied.
        if there == nil { try checkUnused(name, by: Self.tagPrefix) }
        // What the branch holds is whole.
        var held: Set<CID> = []
        for hold in try store.holds(owner: root) { held.insert(hold.cid) }
        var wanted: [CID] = []
        let history = try History(source, from: [version])
        var count = 0
        while count < max(1, limit), let (cid, _) = try history.next() {
            count += 1
            if !held.contains(cid) { wanted.append(cid) }
        }
        guard before != version || !wanted.isEmpty else {
            // It may have died after all was there.
            try store.beginCopying().finish(report.blocks)
            return report
        }
        report.versions = UInt64(wanted.count)
        // What nobody holds any more stays until it is held here.
        defer { withExtendedLifetime((source, target)) {} }
        let copied = wanted.isEmpty ? [version] : wanted
        // Where it was, if that was a base's, or a root that somebody else set.
        let start = there.flatMap { held.contains($0) || wanted.contains($0) ? nil : $0 }
        do throws(StoreError) {
            report.blocks = try store.copy(copied, from: other.store, progress: steps?.onward) {
                (batch) throws(StoreError) in
                for cid in wanted { try batch.hold(cid, owner: root) }
                if let start { try batch.hold(start, owner: root) }
                if before == nil { try reserve(name, against: Self.tagPrefix, in: batch) }
                try batch.setRoot(root, to: version, expecting: before.map { .cid($0) } ?? .absent)
            }
        } catch {
            guard error.code == .conflict else { throw error }
            throw try store.root(root) == before ? error : Self.moved(name, nil)
        }
        return report
    }

    /// Copies a version of another store, without its history, and tags it. EXISTS when the tag is at another
    /// version, unless it may be moved, and when a branch has its name.
    public func copyVersion(
        _ version: CID, from other: FileSystem, toTag name: String, moving: Bool = false,
        progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> BranchCopyReport {
        let there = try tag(name)
        // One that only a base has is hidden by the store's own.
        let before = try store.root(Self.tagPrefix + name)
        _ = try other.version(version)
        var report = BranchCopyReport(version: version)
        if there == version {
            try store.beginCopying().finish(report.blocks)
            return report
        }
        guard there == nil || moving else { throw Self.exists("the tag \(name)") }
        if there == nil { try checkUnused(name, by: Self.branchPrefix) }
        report.versions = 1
        report.wasForced = there != nil
        do throws(StoreError) {
            report.blocks = try store.copy([version], from: other.store, progress: progress) {
                (batch) throws(StoreError) in
                if there == nil { try reserve(name, against: Self.branchPrefix, in: batch) }
                try batch.setRoot(
                    Self.tagPrefix + name, to: version, expecting: before.map { .cid($0) } ?? .absent)
            }
        } catch {
            guard error.code == .conflict, !moving, try tag(name) != there else { throw error }
            throw Self.exists("the tag \(name)")
        }
        return report
    }

    /// What a branch takes: the bytes of its newest tree, what would be freed if the branch was removed with
    /// its history, and the bytes of that tree which something else keeps: all of a base's. NOT_FOUND when
    /// there is none.
    public func usage(ofBranch name: String, progress: ((UInt64) throws(StoreError) -> Void)? = nil)
        throws(StoreError) -> Usage
    {
        let root = try Self.rootName(branch: name)
        // What is looked at stays, whoever moves the branch meanwhile.
        let source = try TreeSource(store)
        guard let newest = try store.rootHereOrBelow(root) else {
            throw StoreError(.notFound, "there is no branch \(name)")
        }
        let steps = StepCounter(progress)
        var (usage, freed) = (Usage(), Set<CID>())
        if try store.root(root) != nil {
            var roots = [root]
            let seen = try Self.seenRoot(name)
            if try store.root(seen) != nil { roots.append(seen) }
            (usage, freed) = try store.usage(of: roots, holdsOf: [root], progress: steps?.onward)
        }
        let tree = try source.root(of: newest)
        usage.logicalBytes = tree.below?.totals.bytes ?? 0
        source.steps = steps
        var shared = SharedBytes(source, freed)
        if let directory = tree.below { usage.sharedBytes = try shared.bytes(directory) }
        return usage
    }
}

/// Bytes of files below a directory that are not in what would go. A directory that stays is not entered, and
/// none twice: copies in one another have paths without end. What stands in entries goes with the directory.
private struct SharedBytes {
    private let source: TreeSource
    private let freed: Set<CID>
    /// Of directories and files.
    private var known: [CID: UInt64] = [:]
    /// The way down: directories that go.
    private var levels: [Level] = []

    private struct Level {
        let cid: CID
        var subdirectories: [Directory] = []
        var bytes: UInt64 = 0
    }

    init(_ source: TreeSource, _ freed: Set<CID>) { (self.source, self.freed) = (source, freed) }

    mutating func bytes(_ root: Directory) throws(StoreError) -> UInt64 {
        if let bytes = try enter(root) { return bytes }
        while var level = levels.popLast() {
            if let next = level.subdirectories.popLast() {
                levels.append(level)
                if let bytes = try enter(next) { levels[levels.count - 1].bytes &+= bytes }
                continue
            }
            known[level.cid] = level.bytes
            guard !levels.isEmpty else { return level.bytes }
            levels[levels.count - 1].bytes &+= level.bytes
        }
        return 0
    }

    /// Its bytes; nil when they are those of a new level.
    private mutating func enter(_ directory: Directory) throws(StoreError) -> UInt64? {
        guard let cid = directory.map else { return 0 }
        guard freed.contains(cid) else { return directory.totals.bytes }
        if let bytes = known[cid] { return bytes }
        var map = try DirectoryMap(directory, source)
        var level = Level(cid: cid)
        for position in 0..<map.count {
            let (_, entry) = try map.entry(at: position)
            if let below = entry.below { level.subdirectories.append(below) }
            guard case .file(.stored(let cid, let size)) = entry.content else { continue }
            var bytes = known[cid]
            if bytes == nil {
                try source.steps?.step()
                bytes = try source.store.sharedBytes(of: cid, size, freed)
                known[cid] = bytes
            }
            level.bytes &+= bytes ?? 0
        }
        levels.append(level)
        return nil
    }
}
