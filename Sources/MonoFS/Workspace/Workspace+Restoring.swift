import IpldEngine

/// Taking what another tree has.
///
/// What always holds: nothing is copied, whatever the size; what is the same already stays as it is, so that
/// a tree to which nothing new comes is not changed. A directory of type `merkle-crdt`, or with names of that
/// type below it, and a root, are restored name by name: what goes leaves its tombstone, and what comes again
/// wins over the tombstone that it had. Anything else is one change in memory, whatever else there is that is
/// not stored.
extension Workspace {
    /// Gives a path what another tree has, with all that is below it, in the place of what it has now.
    /// NOT_FOUND when the other tree has nothing there. The root becomes what a directory is, with its
    /// metadata; names that it has and that directory has not are removed. What is written to files that are
    /// open has no place any more where they are removed or become others.
    public func restore(_ path: FilePath, from source: FilePath, of tree: CID) throws(StoreError) {
        try begin()
        // Looked up through the same batch, whose lease keeps what is taken.
        let other = TreeSource(store, try self.source.changing())
        other.steps = self.source.steps
        let entry = try Workspace(other, on: tree).status(source)
        if !entry.isDirectory, try resolve(path, follow: false).name == nil { throw Self.exists(path) }
        try restore(path, entry)
    }

    /// As `restore(_:from:of:)`, of an entry of a tree that is stored.
    func restore(_ path: FilePath, _ entry: Entry) throws(StoreError) {
        // Once: links on the way may be replaced.
        let location = try resolve(path, follow: false)
        guard !location.isForeign else { throw Self.foreign }
        let path = FilePath(components: location.path)
        guard entry.isDirectory, location.name == nil || entry.hasReplicas else {
            try storeDirectory(path)
            let old = try resolve(path, follow: false).entry
            let numbers = try hardLinkNumbers(of: entry, instead: old)
            var steps: [RestoringStep] = []
            _ = try begin(path, entry, isAlone: true, numbers, &steps)
            return
        }
        try atOnce { () throws(StoreError) in
            // All that there is is stored now.
            let old = try resolve(path, follow: false).entry
            let numbers = try hardLinkNumbers(of: entry, instead: old)
            var isChanged = false
            var steps = [RestoringStep.begin(path, entry)]
            while let step = steps.popLast() {
                switch step {
                case .begin(let path, var entry):
                    entry.hardLink = try numbers.number(of: entry)
                    if try begin(path, entry, isAlone: false, numbers, &steps) { isChanged = true }
                case .end(let path, let entry):
                    try update(path, follow: false) { $0.takeMetadata(of: entry) }
                }
            }
            guard isChanged, location.name != nil, Totals(of: entry).hardLinks > 0 else { return }
            hardLinksChange()
            try regroupHardLinks(below: location.path, instead: old)
        }
    }

    private enum RestoringStep {
        case begin(FilePath, Entry)
        /// All that is below it is there.
        case end(FilePath, Entry)
    }

    /// Restores one name, and adds what is left to do to the `steps`. `isAlone`: nothing else is restored,
    /// and files in it have no other names than those in it; else groups stay, all names of which come.
    /// `numbers`: those that files below it have where they are there already. Whether it was not there.
    private func begin(
        _ path: FilePath, _ wanted: Entry, isAlone: Bool, _ numbers: ArrivingNumbers,
        _ steps: inout [RestoringStep]
    ) throws(StoreError) -> Bool {
        var entry = wanted
        (entry.replica, entry.graveyard) = (nil, nil)
        let location = try resolve(path, follow: false)
        guard !location.isForeign else { throw Self.foreign }
        if isAlone { entry.hardLink = nil }
        let there = location.name == nil ? rootEntry : location.entry
        if let there, there.isSameValue(as: entry), isAlone || there.hardLink == entry.hardLink {
            return false
        }
        // What is restored name by name is looked at so.
        let isByName = entry.isDirectory && (location.name == nil || entry.hasReplicas)
        let numbered = isByName ? entry : try renumbered(entry, numbers)
        if !isByName, let there, entry.isDirectory, there.isSameValue(as: numbered) { return false }
        if let there, Totals(of: there).hardLinks > 0 { hardLinksChange() }
        if Totals(of: entry).hardLinks > 0 { hardLinksChange() }
        if let name = location.name, !isByName || !(there?.isDirectory ?? false) {
            var new = entry
            if isByName { new.content = .directory(Directory()) }
            let open = try losingNames(at: location.path, to: new)
            if !isByName { new = numbered }
            if isAlone { new = try regrouped(new) }
            try put(new, name, at: location)
            rename(open)
        }
        if isByName { try restoreNames(of: path, entry, &steps) }
        return true
    }

    /// Removes what a directory has and another has not, and adds what that one has to the `steps`.
    private func restoreNames(of path: FilePath, _ entry: Entry, _ steps: inout [RestoringStep])
        throws(StoreError)
    {
        steps.append(.end(path, entry))
        var map = try DirectoryMap(entry.below ?? Directory(), source)
        var next: FileName?
        while true {
            let part = try list(path, from: next, limit: 1024)
            for (name, _) in part where try map.entry(name).map(\.isTombstone) ?? true {
                try removeTree(path.appending(name))
            }
            guard part.count == 1024, let last = part.last else { break }
            next = last.name.next
        }
        for position in 0..<map.count {
            let (name, entry) = try map.entry(at: position)
            if !entry.isTombstone { steps.append(.begin(path.appending(name), entry)) }
        }
    }
}

extension Entry {
    /// Whether it, or anything below it, is of type `merkle-crdt`.
    fileprivate var hasReplicas: Bool { sync == .merkleCRDT || below?.totals.replicas ?? 0 > 0 }

    /// Whether it is the same but for names that share it, and what merges know of it.
    func isSameValue(as other: Entry) -> Bool {
        var (a, b) = (self, other)
        (a.hardLink, a.replica, a.graveyard) = (nil, nil, nil)
        (b.hardLink, b.replica, b.graveyard) = (nil, nil, nil)
        return a == b
    }

    /// All but content and what merges know of it.
    fileprivate mutating func takeMetadata(of other: Entry) {
        (mode, owner, group) = (other.mode, other.owner, other.group)
        (created, attributes, unknown) = (other.created, other.attributes, other.unknown)
        // Of this type a directory's time is that of its latest change, which goes forward only.
        if sync != .merkleCRDT || other.sync != .merkleCRDT { modified = other.modified }
        sync = other.sync
    }
}
