import IpldEngine

/// What one side has moved and the other has changed: the change goes where the entry went.
///
/// What always holds: it does so only where content tells which entry was moved (`MovedEntries`), where all
/// three entries are of type `default`, and where the other side has nothing to do with the new name. Of a
/// directory that was moved as a whole, all that the other side did in it goes with it; of one whose files
/// were moved, changes of these files do, when nothing else was done in it. All else is a conflict.
extension TreeMerge {
    /// A change that goes to another name.
    struct Following {
        let isOurs: Bool
        let move: MovedEntries.Move
        /// What the other side has under the old name.
        let changed: Entry
    }

    /// Whether a name that one side has removed, and the other has changed, was moved; then both are done.
    func follow(
        _ frame: MergeFrame, _ name: FileName, _ base: Entry?, _ ours: Entry?, _ theirs: Entry?
    ) throws(StoreError) -> Bool {
        let isOurs = ours.live == nil
        guard let base = base.live, let changed = isOurs ? theirs : ours, roots != nil,
            base.isDirectory == changed.isDirectory
        else { return false }
        if case .drop = policy { return false }
        let moves = try plan(frame.path.appending(name), base, changed, isOurs: isOurs)
        guard !moves.isEmpty else { return false }
        following += moves
        // The old name has what the side that moved it left there.
        if !isOurs { frame.set(name, from: ours, to: theirs) }
        return true
    }

    private func plan(_ path: FilePath, _ base: Entry, _ changed: Entry, isOurs: Bool) throws(StoreError)
        -> [Following]
    {
        if let one = try following(path, changed, isOurs: isOurs) { return [one] }
        guard base.isDirectory else { return [] }
        var found: [Following] = []
        let diff = try TreeDiff(source, from: base, to: changed)
        while let change = try diff.next() {
            guard change.kind == .modified, let new = change.new, change.old?.kind == new.kind else {
                return []
            }
            if new.isDirectory {
                // Its time only says that something in it has changed.
                guard change.aspects.subtracting(.time).isEmpty else { return [] }
                continue
            }
            let place = FilePath(components: path.components + change.path.components)
            guard let one = try following(place, new, isOurs: isOurs) else { return [] }
            found.append(one)
        }
        return found
    }

    private func following(_ path: FilePath, _ changed: Entry, isOurs: Bool) throws(StoreError) -> Following?
    {
        guard let roots, let move = try moved(isOurs: isOurs)?.move(from: path),
            [move.old, move.new, changed].allSatisfy({ $0.sync == .default }),
            try isFree(move.to, roots.base, isOurs ? roots.theirs : roots.ours)
        else { return nil }
        return Following(isOurs: isOurs, move: move, changed: changed)
    }

    /// Whether what one side made under a path meets nothing that the other one did.
    private func isFree(_ path: FilePath, _ base: Entry, _ side: Entry) throws(StoreError) -> Bool {
        var (before, now) = (Optional(base), Optional(side))
        for (position, name) in path.components.enumerated() {
            before = try child(name, of: before)
            now = try child(name, of: now)
            if let now {
                let isLast = position == path.components.count - 1
                guard !isLast, now.isDirectory, now.sync == .default else { return false }
            } else if before != nil {
                return false
            }
        }
        return true
    }

    private func child(_ name: FileName, of entry: Entry?) throws(StoreError) -> Entry? {
        guard let directory = entry.live?.below else { return nil }
        var map = try DirectoryMap(directory, source)
        return try map.entry(name).live
    }

    /// Of an entry that both sides have made, and one has moved there: what it was. Nil when the other side
    /// still has it where it was.
    func origin(_ path: FilePath, _ left: Entry, _ right: Entry) throws(StoreError) -> Entry? {
        guard let roots, !left.isDirectory, !right.isDirectory, left.sync == .default, right.sync == .default
        else { return nil }
        for isOurs in [true, false] {
            guard let move = try moved(isOurs: isOurs)?.move(to: path), move.old.sync == .default else {
                continue
            }
            var other: Entry? = isOurs ? roots.theirs : roots.ours
            for name in move.from.components { other = try child(name, of: other) }
            guard other == nil else { continue }
            renames.append(MergeResult.Rename(old: move.from, new: path))
            return move.old
        }
        return nil
    }

    /// Brings the changes to where their entries went.
    func finishFollowing(in workspace: Workspace) throws(StoreError) {
        for item in following {
            try source.steps?.step()
            let (old, path) = (item.move.old, item.move.to)
            let (left, right) = item.isOurs ? (item.move.new, item.changed) : (item.changed, item.move.new)
            var merged = EntryMerge(old, left, right)
            // Of two directories it leaves what is in them to others: one has what both had.
            if item.changed.isDirectory { merged.setContent(item.changed.content) }
            guard try workspace.lookup(path) != nil else {
                // What is not there cannot take a change: nothing is lost silently.
                note(
                    item.move.from, .modifiedDeleted, old, item.isOurs ? nil : item.changed,
                    item.isOurs ? item.changed : nil, [])
                continue
            }
            renames.append(MergeResult.Rename(old: item.move.from, new: path))
            var entry = merged.ours
            if !merged.conflicting.isEmpty {
                switch try choose(path, .bothModified, old, left, right, merged.conflicting) {
                case .theirs: entry = merged.theirs
                case .both: try keepBoth(merged.theirs, beside: path, in: workspace)
                case .ours, .unresolved: break
                }
            }
            if let union = merged.union { unions.append(union) }
            if [old, left, right].contains(where: { Totals(of: $0).hardLinks > 0 }) {
                touchesHardLinks = true
            }
            try workspace.set(path, to: entry)
        }
    }

    private func keepBoth(_ entry: Entry, beside path: FilePath, in workspace: Workspace) throws(StoreError) {
        guard let name = path.lastName else { return }
        for number in 1...MergeFrame.maximumNames {
            let other = FilePath(
                components: path.components.dropLast() + [try MergeFrame.name(name, suffix, number)])
            guard try workspace.lookup(other) == nil else { continue }
            try workspace.set(other, to: entry)
            conflicts[conflicts.count - 1].otherPath = other
            return
        }
        throw StoreError(.exists, "there is no free name beside \(path)")
    }

    func moved(isOurs: Bool) throws(StoreError) -> MovedEntries? {
        if let known = isOurs ? ourMoves : theirMoves { return known }
        guard let roots else { return nil }
        let found = try MovedEntries(source, from: roots.base, to: isOurs ? roots.ours : roots.theirs)
        if isOurs { ourMoves = found } else { theirMoves = found }
        return found
    }
}
