import IpldEngine

/// What becomes of a directory of type `merkle-crdt` that comes, with all that is in it, to a name below
/// which there was something: moved, copied, or stored anew.
///
/// What always holds:
/// - What is seen there afterwards is what came, and nothing else: it is no replica of what was there,
///   although it may have come from there, and have tags that the tombstones have seen.
/// - Nothing that is known of a name there is forgotten: a merge with an earlier state gives the later one.
/// - Only names that have tombstones there are looked at. No recursion: a tree may be deep.
enum Arrival {
    /// A directory that comes to where another one was, of which `graves` are the tombstones.
    static func directory(
        _ own: Directory, on graves: Directory, _ source: TreeSource, _ random: () -> UInt64
    ) throws(StoreError) -> Directory {
        let batch = try source.changing()
        var count = 0
        // Directories that come, the outermost first.
        var stack = [try Level(own, graves, nil, source)]
        while let level = stack.last {
            guard let (name, grave) = try level.nextGrave() else {
                stack.removeLast()
                let result = try level.edit.apply(batch)
                guard let parent = stack.last, let holder = level.holder else { return result }
                let entry = try holder.replica.entry(below: result)
                try parent.edit.set(holder.name, from: holder.old, to: entry)
                continue
            }
            // What forged entries share is not gone through without end.
            count += 1
            guard count <= 2 * Workspace.maximumReplicas else {
                throw StoreError(.tooLarge, "a directory of more than \(Workspace.maximumReplicas) names")
            }
            guard let entry = try level.ownEntry(name), !entry.isTombstone else {
                let old = try level.ownEntry(name)
                if old != grave { try level.edit.set(name, from: old, to: grave) }
                continue
            }
            // Names of other types are what they are.
            guard entry.sync == .merkleCRDT, grave.sync == .merkleCRDT else { continue }
            var replica = try Replica(grave)
            try replica.change(toArriving: entry) { ReplicaState.Tag(high: random(), low: random()) }
            let below = grave.below.flatMap { $0.map == nil ? nil : $0 }
            if case .directory(let directory) = entry.content, directory.map != nil {
                guard let below else {
                    try level.edit.set(name, from: entry, to: try replica.entry(below: directory))
                    continue
                }
                guard stack.count < Workspace.maximumDepth else { throw Workspace.tooDeep }
                stack.append(try Level(directory, below, (name, entry, replica), source))
            } else {
                try level.edit.set(name, from: entry, to: try replica.entry(below: below))
            }
        }
        return own
    }

    private final class Level {
        /// Its name, what came there, and what is known of the name; nil for the outermost one.
        let holder: (name: FileName, old: Entry, replica: Replica)?
        var edit: DirectoryEdit
        private var own: DirectoryMap
        private var graves: DirectoryMap
        private var position: UInt64 = 0

        init(
            _ own: Directory, _ graves: Directory, _ holder: (name: FileName, old: Entry, replica: Replica)?,
            _ source: TreeSource
        ) throws(StoreError) {
            self.holder = holder
            edit = DirectoryEdit(own)
            self.own = try DirectoryMap(own, source)
            self.graves = try DirectoryMap(graves, source)
        }

        func nextGrave() throws(StoreError) -> (name: FileName, entry: Entry)? {
            guard position < graves.count else { return nil }
            defer { position += 1 }
            return try graves.entry(at: position)
        }

        func ownEntry(_ name: FileName) throws(StoreError) -> Entry? { try own.entry(name) }
    }
}
