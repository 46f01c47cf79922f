import IpldEngine

/// What became of merging a version into a branch.
public enum MergeOutcome: Sendable {
    /// The branch has it already.
    case upToDate(CID)
    /// The branch had nothing that the version has not, and is at it now.
    case fastForward(CID)
    /// A new version, which was made from both.
    case merged(CID, [MergeConflict])
    /// There are conflicts that nobody has decided; nothing was changed.
    case conflicts([MergeConflict])
}

extension FileSystem {
    /// Most ancestors in common, none of which leads to another, that are made use of.
    static let maximumAncestors = 8
    /// How often ancestors of ancestors are looked for.
    private static let maximumRecursion = 4
    /// Merges of ancestors for one merge of versions: histories that cross once or twice need a handful, and
    /// forged ones would need thousands.
    static let maximumAncestorMerges = 32

    /// Merges a version into a branch, and commits it unless there are conflicts that nobody has decided.
    /// CONFLICT when the branch is moved meanwhile. NOT_FOUND when there is no such branch. `progress` hears
    /// of the blocks of versions and directories that were read; what it stops has changed nothing.
    public func merge(
        _ theirs: CID, into name: String, policy: MergePolicy = .report, fastForward: Bool = true,
        message: String = "", author: String = "", time: Timestamp? = nil, progress: StepHandler? = nil
    ) throws(StoreError) -> MergeOutcome {
        guard let ours = try branch(name) else {
            throw StoreError(.notFound, "there is no branch \(name)")
        }
        _ = try version(theirs)
        let steps = StepCounter(progress)
        let ancestors = try Ancestry(try TreeSource(store, steps)).common(ours, theirs)
        if ancestors == [theirs] { return .upToDate(ours) }
        if ancestors == [ours], fastForward {
            let root = try Self.rootName(branch: name)
            let batch = try store.makeBatch()
            for version in try newHistory([theirs], behind: ours, steps) {
                try batch.hold(version, owner: root)
            }
            try move(name, from: ours, to: theirs, in: batch, mayStay: false)
            try batch.commit()
            return .fastForward(theirs)
        }
        let (workspace, conflicts) = try merge(ours, theirs, policy: policy, steps)
        guard conflicts.allSatisfy({ $0.resolution != .unresolved }) else {
            workspace.abort()
            return .conflicts(conflicts)
        }
        let version = try commit(
            workspace, to: name, message: message, author: author, time: time, steps)
        return .merged(version, conflicts)
    }

    /// Merges two versions with what they have in common: a workspace of the result, whose commit to a branch
    /// that is at `ours` comes after both. Conflicts that nobody has decided have what `ours` has. `progress`
    /// hears of the blocks that were read.
    public func merge(
        _ ours: CID, _ theirs: CID, policy: MergePolicy = .report, progress: StepHandler? = nil
    ) throws(StoreError) -> (workspace: Workspace, conflicts: [MergeConflict]) {
        try merge(ours, theirs, policy: policy, StepCounter(progress))
    }

    private func merge(_ ours: CID, _ theirs: CID, policy: MergePolicy, _ steps: StepCounter?)
        throws(StoreError) -> (workspace: Workspace, conflicts: [MergeConflict])
    {
        let source = try TreeSource(store, steps)
        // The workspace goes on with it, and nobody hears of that.
        defer { source.steps = nil }
        let (left, right) = (try source.root(of: ours), try source.root(of: theirs))
        var merges = 0
        let base = try commonBase(ours, theirs, source, depth: 0, &merges)
        let result = try TreeMerge(source, policy, isBaseWhole: base.isWhole).merge(base.root, left, right)
        let workspace = Workspace(source, result.root, version: ours)
        workspace.merged = [theirs]
        return (workspace, result.conflicts)
    }

    /// Merges two trees that were made from a third one, or from nothing that is known; each is named by a
    /// version, a tree or a directory's map. A commit of the workspace comes after nothing.
    public func mergeTrees(base: CID?, ours: CID, theirs: CID, policy: MergePolicy = .report)
        throws(StoreError) -> (workspace: Workspace, conflicts: [MergeConflict])
    {
        let source = try TreeSource(store)
        let root = try base.map { (base) throws(StoreError) in try source.root(of: base) }
        let result = try TreeMerge(source, policy, isBaseWhole: base != nil).merge(
            root, try source.root(of: ours), try source.root(of: theirs))
        return (Workspace(source, result.root, version: nil), result.conflicts)
    }

    /// What two versions have in common: of several ancestors what they agree about. Nothing, where that
    /// takes too many `merges`: then more is a conflict, and nothing is lost.
    func commonBase(_ a: CID, _ b: CID, _ source: TreeSource, depth: Int, _ merges: inout Int)
        throws(StoreError) -> (root: Entry?, isWhole: Bool)
    {
        let ancestors = try Ancestry(source).common(a, b).prefix(Self.maximumAncestors)
        guard let first = ancestors.first else { return (nil, false) }
        var root = try source.root(of: first)
        guard ancestors.count > 1 else { return (root, true) }
        guard depth < Self.maximumRecursion else { return (nil, false) }
        for next in ancestors.dropFirst() {
            let base = try commonBase(first, next, source, depth: depth + 1, &merges)
            guard merges < Self.maximumAncestorMerges else { return (nil, false) }
            merges += 1
            let merge = try TreeMerge(source, .drop, isBaseWhole: base.isWhole)
            root = try merge.merge(base.root, root, try source.root(of: next)).root
        }
        return (root, false)
    }

    /// Versions that lead to some, and not to `old`: what comes into the history of a branch.
    func newHistory(_ versions: [CID], behind old: CID?, _ steps: StepCounter? = nil) throws(StoreError)
        -> [CID]
    {
        guard !versions.isEmpty else { return [] }
        var reader = VersionReader([try TreeSource(store, steps)])
        var queue = VersionQueue()
        var met: [CID: Bool] = [:]
        /// Versions in the queue that `old` does not lead to, as far as is known.
        var open = 0
        func mark(_ cid: CID, isOld: Bool) throws(StoreError) {
            let before = met[cid]
            if before == nil {
                guard let version = try reader.version(cid) else { return }
                try reader.check(cid, version)
                queue.push(cid, version)
                if !isOld { open += 1 }
            } else if before == false, isOld {
                // It is in the queue still: whoever leads to it has a greater generation.
                open -= 1
            }
            met[cid] = (before ?? false) || isOld
        }
        if let old { try mark(old, isOld: true) }
        for version in versions { try mark(version, isOld: false) }
        var found: [CID] = []
        while open > 0, let (cid, version) = queue.pop() {
            let isOld = met[cid] ?? false
            if !isOld {
                open -= 1
                found.append(cid)
            }
            for previous in version.previous { try mark(previous, isOld: isOld) }
        }
        return found
    }
}
