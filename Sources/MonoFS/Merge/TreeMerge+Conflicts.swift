import IpldEngine

/// Conflicts.
extension TreeMerge {
    func note(
        _ path: FilePath, _ kind: MergeConflict.Kind, _ base: Entry?, _ ours: Entry?, _ theirs: Entry?,
        _ fields: TreeChange.Aspects, otherPath: FilePath? = nil,
        _ resolution: MergeConflict.Resolution = .unresolved
    ) {
        conflicts.append(
            MergeConflict(
                path: path, kind: kind, base: base, ours: ours, theirs: theirs, fields: fields,
                otherPath: otherPath, resolution: resolution))
    }

    /// Notes a conflict, and says what becomes of it. Where both cannot be kept, this side is.
    func choose(
        _ path: FilePath, _ kind: MergeConflict.Kind, _ base: Entry?, _ ours: Entry?, _ theirs: Entry?,
        _ fields: TreeChange.Aspects, otherPath: FilePath? = nil
    ) throws(StoreError) -> MergeConflict.Resolution {
        note(path, kind, base, ours, theirs, fields, otherPath: otherPath)
        var resolution: MergeConflict.Resolution
        switch policy {
        case .report, .drop: resolution = .unresolved
        case .ours: resolution = .ours
        case .theirs: resolution = .theirs
        case .newest: resolution = conflicts[conflicts.count - 1].newest
        case .both: resolution = .both
        case .ask(_, let decide): resolution = try decide(conflicts[conflicts.count - 1])
        }
        if resolution == .both {
            // One name, two sets of metadata of one directory; and of what one side removed, there is one.
            let isDirectory = ours.live?.isDirectory == true && theirs.live?.isDirectory == true
            if isDirectory, kind != .bothRenamed { resolution = .ours }
            if ours.live == nil || theirs.live == nil { resolution = ours.live == nil ? .theirs : .ours }
        }
        conflicts[conflicts.count - 1].resolution = resolution
        return resolution
    }

    /// Notes a conflict about a name, and gives the name what becomes of it.
    func settle(
        _ frame: MergeFrame, _ name: FileName, _ kind: MergeConflict.Kind, _ base: Entry?, _ ours: Entry?,
        _ theirs: Entry?, _ fields: TreeChange.Aspects, _ first: Entry?, _ second: Entry?
    ) throws(StoreError) {
        let path = frame.path.appending(name)
        let choice = try choose(path, kind, base, ours, theirs, fields)
        if case .drop = policy { return frame.set(name, from: ours, to: nil) }
        switch choice {
        case .unresolved, .ours: frame.set(name, from: ours, to: first)
        case .theirs: frame.set(name, from: ours, to: second)
        case .both:
            frame.set(name, from: ours, to: first)
            let (free, old) = try frame.freeName(for: name, suffix: suffix)
            frame.set(free, from: old, to: second)
            conflicts[conflicts.count - 1].otherPath = frame.path.appending(free)
        }
    }
}
