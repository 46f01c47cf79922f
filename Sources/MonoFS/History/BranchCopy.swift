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
        let before = try store.root(root)
        let source = try TreeSource(other.store)
        _ = try other.version(version)
        var report = BranchCopyReport(version: version)
        var there = before
        if there == nil { there = try store.rootHereOrBelow(root) }
        if let there, try !Ancestry.leads(there, to: version, in: [source, try TreeSource(store)]) {
            guard force else {
                throw StoreError(
                    .conflict, "the branch \(name) is at \(there), which does not lead to \(version)")
            }
            report.wasForced = true
        }
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
        // What nobody holds there any more stays until it is here.
        defer { withExtendedLifetime(source) {} }
        let copied = wanted.isEmpty ? [version] : wanted
        do throws(StoreError) {
            report.blocks = try store.copy(copied, from: other.store, progress: progress) {
                (batch) throws(StoreError) in
                for cid in wanted { try batch.hold(cid, owner: root) }
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
        let before = try tag(name)
        _ = try other.version(version)
        var report = BranchCopyReport(version: version)
        if before == version {
            try store.beginCopying().finish(report.blocks)
            return report
        }
        guard before == nil || moving else { throw Self.exists("the tag \(name)") }
        report.versions = 1
        report.wasForced = before != nil
        report.blocks = try store.copy([version], from: other.store, progress: progress) {
            (batch) throws(StoreError) in
            if before == nil { try reserve(name, against: Self.branchPrefix, in: batch) }
            try batch.setRoot(
                Self.tagPrefix + name, to: version, expecting: before.map { .cid($0) } ?? .absent)
        }
        return report
    }

    /// What a branch takes: the bytes of its newest tree, what would be freed if the branch was removed with
    /// its history, and the bytes of that tree which something else keeps. NOT_FOUND when there is none.
    public func usage(ofBranch name: String, progress: ((UInt64) throws(StoreError) -> Void)? = nil)
        throws(StoreError) -> Usage
    {
        let root = try Self.rootName(branch: name)
        guard let newest = try store.root(root) else {
            throw StoreError(.notFound, "there is no branch \(name)")
        }
        let source = try TreeSource(store)
        var roots = [root]
        let seen = try Self.seenRoot(name)
        if try store.root(seen) != nil { roots.append(seen) }
        let (blocks, freed) = try store.usage(of: roots, holdsOf: [root], progress: progress)
        var usage = blocks
        let tree = try source.root(of: newest)
        usage.logicalBytes = tree.below?.totals.bytes ?? 0
        usage.sharedBytes = try sharedBytes(tree, freed, source)
        return usage
    }

    /// Bytes of files below a directory that are not in what would go. A directory that stays is not entered;
    /// what stands in entries goes with the directory.
    private func sharedBytes(_ root: Entry, _ freed: Set<CID>, _ source: TreeSource) throws(StoreError)
        -> UInt64
    {
        var shared: UInt64 = 0
        var open = [root]
        while let entry = open.popLast() {
            guard let directory = entry.below, let cid = directory.map else { continue }
            guard freed.contains(cid) else {
                shared &+= directory.totals.bytes
                continue
            }
            var map = try DirectoryMap(directory, source)
            for position in 0..<map.count {
                let (_, entry) = try map.entry(at: position)
                if entry.isDirectory { open.append(entry) }
                guard case .file(.stored(let cid, let size)) = entry.content else { continue }
                shared &+= try store.sharedBytes(of: cid, size, freed)
            }
        }
        return shared
    }
}
