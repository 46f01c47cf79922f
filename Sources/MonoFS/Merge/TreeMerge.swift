import IpldEngine

/// Makes one tree of two, which have a third one in common or nothing.
///
/// What always holds:
/// - Only what differs is read, and only directories that both sides have changed are written: the cost is
///   that of the changes.
/// - A change that one side alone has made is in the result. One that both have made is in it when they
///   agree, or can both be made (`EntryMerge`); otherwise there is a conflict that names it.
/// - Entries that are of type `merkle-crdt` on both sides are joined (`Replica`), whatever they have in
///   common, and what is below them too: so the result is the same whoever joins what in which order.
/// - No recursion: a tree may be deep. Memory is what the depth and the conflicts take.
final class TreeMerge {
    let source: TreeSource
    private let batch: Batch
    let policy: MergePolicy
    let suffix: String
    /// Whether a name that the base does not have was not there before.
    private let isBaseWhole: Bool
    private var frames: [MergeFrame] = []
    var conflicts: [MergeConflict] = []
    var unions: [(HardLinkGroup, HardLinkGroup)] = []
    var touchesHardLinks = false
    private var bothRenamed = BothRenamed()
    /// Of a merge with a base, which may tell what was moved.
    private(set) var roots: (base: Entry, ours: Entry, theirs: Entry)?
    var ourMoves: MovedEntries?
    var theirMoves: MovedEntries?
    var following: [Following] = []
    var renames: [MergeResult.Rename] = []

    init(_ source: TreeSource, _ policy: MergePolicy, isBaseWhole: Bool) throws(StoreError) {
        self.source = source
        self.policy = policy
        suffix = try policy.suffix
        self.isBaseWhole = isBaseWhole
        batch = try source.changing()
    }

    /// Joins what is below two entries of type `merkle-crdt`.
    static func join(_ a: Directory, _ b: Directory, _ source: TreeSource) throws(StoreError) -> Directory {
        let merge = try TreeMerge(source, .report, isBaseWhole: false)
        merge.frames = [
            try MergeFrame(.root, nil, base: nil, ours: a, theirs: b, joins: true, source)
        ]
        return try merge.run()
    }

    /// Merges two roots, which are directories.
    func merge(_ base: Entry?, _ ours: Entry, _ theirs: Entry) throws(StoreError) -> MergeResult {
        if let base, isBaseWhole { roots = (base, ours, theirs) }
        var root = ours
        let joins = Self.isReplica(ours) && Self.isReplica(theirs)
        var replica: Replica?
        if joins {
            var joined = try Replica(ours)
            try joined.join(try Replica(theirs))
            replica = joined
        } else if let base, ours == base {
            return try finish(theirs)
        } else if ours != theirs, base != theirs {
            if isRaft(base, ours, theirs) {
                note(.root, .raft, base, ours, theirs, [])
                return MergeResult(root: ours, conflicts: conflicts)
            }
            let merged = EntryMerge(base, ours, theirs)
            root = merged.ours
            if !merged.conflicting.isEmpty {
                let kind: MergeConflict.Kind = base == nil ? .bothAdded : .bothModified
                let choice = try choose(.root, kind, base, ours, theirs, merged.conflicting)
                if choice == .theirs { root = merged.theirs }
            }
        } else {
            return try finish(ours)
        }
        frames = [
            try MergeFrame(
                .root, nil, base: base?.below, ours: ours.below ?? Directory(),
                theirs: theirs.below ?? Directory(), joins: joins, source)
        ]
        let directory = try run()
        root.content = .directory(directory)
        if let replica { root = try replica.entry(below: directory) }
        return try finish(root)
    }

    /// What is left to do when the entries are merged.
    private func finish(_ root: Entry) throws(StoreError) -> MergeResult {
        let pairs = try bothRenamed.found(source.steps)
        guard touchesHardLinks || !pairs.isEmpty || !following.isEmpty else {
            return MergeResult(root: root, conflicts: conflicts, renames: renames)
        }
        let workspace = Workspace(source, root, version: nil)
        try finishFollowing(in: workspace)
        for pair in pairs {
            try source.steps?.step()
            let choice = try choose(
                pair.ours, .bothRenamed, pair.base, pair.oursEntry, pair.theirsEntry, [],
                otherPath: pair.theirs)
            if choice == .ours, try workspace.lookup(pair.theirs) != nil {
                try workspace.removeTree(pair.theirs)
            }
            if choice == .theirs, try workspace.lookup(pair.ours) != nil {
                try workspace.removeTree(pair.ours)
            }
        }
        if touchesHardLinks {
            workspace.hardLinksChange()
            try workspace.settleHardLinks(unions)
        }
        try workspace.flush()
        return MergeResult(root: workspace.rootEntry, conflicts: conflicts, renames: renames)
    }

    private func run() throws(StoreError) -> Directory {
        while let frame = frames.last {
            if let difference = try frame.next() {
                try merge(frame, difference)
                continue
            }
            frames.removeLast()
            let result = try frame.result(batch)
            guard let parent = frames.last, let holder = frame.holder else { return result }
            switch holder {
            case .directory(let name, let old, var entry):
                entry.content = .directory(result)
                parent.set(name, from: old, to: entry)
            case .replica(let name, let old, let replica):
                parent.set(name, from: old, to: try replica.entry(below: result))
            }
        }
        throw StoreError(.internal, "a merge without a result")
    }

    private static func isReplica(_ entry: Entry?) -> Bool { entry?.sync == .merkleCRDT }

    private func isRaft(_ entries: Entry?...) -> Bool { entries.contains { $0?.sync == .raft } }

    private func merge(_ frame: MergeFrame, _ found: MergeFrame.Difference) throws(StoreError) {
        let (name, ours, theirs) = (found.name, found.ours, found.theirs)
        guard ours != theirs else { return }
        if [ours, theirs, found.base].contains(where: { $0.map { Totals(of: $0).hardLinks > 0 } ?? false }) {
            touchesHardLinks = true
        }
        if let ours, let theirs, Self.isReplica(ours), Self.isReplica(theirs) {
            // Where there is a base, and one side is it, there is nothing to join.
            if !frame.joins, let base = found.base, base == ours || base == theirs {
                if base == ours { frame.set(name, from: ours, to: theirs) }
                return
            }
            return try join(frame, name, ours, theirs)
        }
        var base = found.base
        if frame.joins {
            if ours == nil, Self.isReplica(theirs) { return frame.set(name, from: nil, to: theirs) }
            if theirs == nil, Self.isReplica(ours) { return }
            base = try frame.baseEntry(name)
        }
        let path = frame.path.appending(name)
        bothRenamed.note(path, base, ours, theirs)
        if base == theirs { return }
        if base == ours { return frame.set(name, from: ours, to: theirs) }
        try mergeBoth(frame, name, base, ours, theirs)
    }

    private func join(_ frame: MergeFrame, _ name: FileName, _ ours: Entry, _ theirs: Entry)
        throws(StoreError)
    {
        var replica = try Replica(ours)
        try replica.join(try Replica(theirs))
        let (left, right) = (ours.below ?? Directory(), theirs.below ?? Directory())
        guard left.map != right.map, left.map != nil, right.map != nil else {
            let below = left.map == nil ? right : left
            return frame.set(name, from: ours, to: try replica.entry(below: below.map == nil ? nil : below))
        }
        let base = try frame.baseEntry(name)
        try push(
            frame, name, .replica(name, old: ours, replica), base?.below, left, right, joins: true)
    }

    private func push(
        _ frame: MergeFrame, _ name: FileName, _ holder: MergeFrame.Holder, _ base: Directory?,
        _ ours: Directory, _ theirs: Directory, joins: Bool
    ) throws(StoreError) {
        guard frames.count < Workspace.maximumDepth else {
            throw StoreError(.tooLarge, "a tree is more than \(Workspace.maximumDepth) directories deep")
        }
        frames.append(
            try MergeFrame(
                frame.path.appending(name), holder, base: base, ours: ours, theirs: theirs, joins: joins,
                source))
    }

    /// Both sides have changed a name, and not to the same.
    private func mergeBoth(
        _ frame: MergeFrame, _ name: FileName, _ base: Entry?, _ ours: Entry?, _ theirs: Entry?
    ) throws(StoreError) {
        let path = frame.path.appending(name)
        guard let left = ours.live, let right = theirs.live else {
            return try mergeRemoved(frame, name, base, ours, theirs)
        }
        guard !isRaft(base, ours, theirs) else { return note(path, .raft, base, ours, theirs, []) }
        guard left.isDirectory == right.isDirectory else {
            return try settle(frame, name, .fileDirectory, base, left, right, [], left, right)
        }
        let before = base.live.flatMap { $0.isDirectory == left.isDirectory ? $0 : nil }
        var merged = EntryMerge(before, left, right)
        if base.live == nil, !merged.conflicting.isEmpty, let origin = try origin(path, left, right) {
            merged = EntryMerge(origin, left, right)
        }
        if let union = merged.union { unions.append(union) }
        let kind: MergeConflict.Kind = base.live == nil ? .bothAdded : .bothModified
        guard case .directory(let mine) = left.content, case .directory(let other) = right.content else {
            guard !merged.conflicting.isEmpty else {
                return frame.set(name, from: ours, to: merged.ours)
            }
            return try settle(
                frame, name, kind, base, left, right, merged.conflicting, merged.ours, merged.theirs)
        }
        var metadata = merged.ours
        if !merged.conflicting.isEmpty,
            try choose(path, kind, base, left, right, merged.conflicting) == .theirs
        {
            metadata = merged.theirs
        }
        try push(
            frame, name, .directory(name, old: ours, metadata: metadata), before?.below, mine, other,
            joins: false)
    }

    /// At least one side has removed a name.
    private func mergeRemoved(
        _ frame: MergeFrame, _ name: FileName, _ base: Entry?, _ ours: Entry?, _ theirs: Entry?
    ) throws(StoreError) {
        guard ours.live != nil || theirs.live != nil else {
            // Of two tombstones the later one.
            let isTheirs = (theirs?.modified ?? .zero, ours == nil ? 1 : 0) > (ours?.modified ?? .zero, 0)
            if theirs != nil, isTheirs { frame.set(name, from: ours, to: theirs) }
            return
        }
        let (live, stone) = ours.live == nil ? (theirs, ours) : (ours, theirs)
        if base.live == nil {
            // It was not there for both: who removed something has removed what it had made itself, unless
            // nobody knows what there was.
            let isOther = isBaseWhole || !Self.removes(stone, live)
            if isOther {
                if ours.live == nil { frame.set(name, from: ours, to: theirs) }
                return
            }
        }
        let path = frame.path.appending(name)
        guard !isRaft(base, ours, theirs) else { return note(path, .raft, base, ours, theirs, []) }
        if try follow(frame, name, base, ours, theirs) { return }
        let kind: MergeConflict.Kind = live?.isDirectory == true ? .directoryDeleted : .modifiedDeleted
        try settle(frame, name, kind, base, ours, theirs, [], ours, theirs)
    }

    /// Whether a tombstone may be that of an entry.
    private static func removes(_ stone: Entry?, _ live: Entry?) -> Bool {
        guard case .tombstone? = stone?.content, live != nil else { return false }
        return true
    }
}
