import IpldEngine

/// Which versions of a branch stay: those that any of the rules keeps, and the newest always. What a tag
/// names stays as well, with the tag, and no longer as the branch's.
public struct RetentionRules: Equatable, Sendable {
    /// So many of the newest of those that lead to the newest. Versions that do not, as those of commits that
    /// others were before, stay with this rule, unless that of the time drops them.
    public var last: Int?
    /// Those made at this time or later.
    public var since: Timestamp?

    public init(last: Int? = nil, since: Timestamp? = nil) {
        self.last = last
        self.since = since
    }
}

public struct RetentionReport: Equatable, Sendable {
    public var kept = 0
    /// Those that no rule keeps, and that stay as long as a tag names them.
    public var tagged = 0
    public var dropped: [CID] = []

    public init() {}
}

extension FileSystem {
    /// Drops the versions of a branch that no rule keeps; nothing newer is rewritten. Without a rule, all but
    /// the newest go. What only they had is reclaimed within the budget (nanoseconds), the rest by `gc`. A
    /// version that another branch or a tag keeps stays in the store until nothing keeps it. NOT_FOUND when
    /// there is no such branch.
    ///
    /// They go oldest first, `namesAtOnce` in a transaction, so that what is left has no gap. `progress`
    /// hears of the versions that were looked at, those that went and the blocks that were reclaimed; what it
    /// stops is gone on with by the next call.
    public func prune(
        _ name: String, _ rules: RetentionRules, dryRun: Bool = false,
        budget: UInt64? = ContentStore.defaultReclaimBudget, progress: StepHandler? = nil
    ) throws(StoreError) -> RetentionReport {
        let steps = StepCounter(progress)
        let root = try Self.rootName(branch: name)
        // Before the branch is asked where it is: it moves only to what is held, and what comes later stays.
        let versions = try heldVersions(root, steps)
        guard let newest = try store.root(root) else {
            throw try missing("branch", name, root)
        }
        let tagged = Set(try tags().map(\.version))
        let history = (rules.last ?? 0) > 0 ? try versionsLeading(to: newest, steps) : []
        var report = RetentionReport()
        var dropped: [Hold] = []
        // Of the history.
        var position = 0
        for (hold, version) in versions {
            var stays = hold.cid == newest || rules.since.map { version.time >= $0 } ?? false
            if history.contains(hold.cid) {
                if position < (rules.last ?? 0) { stays = true }
                position += 1
            } else if !history.isEmpty, rules.since == nil {
                stays = true
            }
            guard !stays else {
                report.kept += 1
                continue
            }
            // Held by the branch, too, one that a tag named could not be told from one that never led to the
            // newest, once what is between them is gone.
            dropped.append(hold)
            if tagged.contains(hold.cid) {
                report.tagged += 1
            } else {
                report.dropped.append(hold.cid)
            }
        }
        guard !dryRun else { return report }
        _ = try release(dropped.reversed(), steps)
        try store.gc(budget: budget, progress: steps?.onward)
        return report
    }

    /// A version and those that lead to it, as far as they are in the store; without what leads to `known`
    /// ones.
    func versionsLeading(to newest: CID, beyond known: Set<CID> = [], _ steps: StepCounter?)
        throws(StoreError) -> Set<CID>
    {
        let source = try TreeSource(store, steps)
        var met: Set<CID> = [newest]
        var pending = [newest]
        while let cid = pending.popLast() {
            // What is no version leads nowhere.
            for previous in try source.versionIfAny(cid)?.previous ?? [] where !known.contains(previous) {
                if met.insert(previous).inserted { pending.append(previous) }
            }
        }
        return met
    }

    /// The versions that an owner holds, newest first. The lease that they are read under ends with this, so
    /// that they can be collected.
    private func heldVersions(_ owner: String, _ steps: StepCounter?) throws(StoreError)
        -> [(hold: Hold, version: Version)]
    {
        let source = try TreeSource(store, steps)
        var versions: [(hold: Hold, version: Version)] = []
        for hold in try store.holds(owner: owner) {
            if let version = try source.versionIfAny(hold.cid) { versions.append((hold, version)) }
        }
        return versions.sorted { (a, b) in
            VersionQueue.precedes((a.hold.cid, a.version), (b.hold.cid, b.version))
        }
    }
}
