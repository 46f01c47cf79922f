import IpldEngine

/// Changing what is said of everything below a directory.
///
/// What always holds: each directory is read and written once, however deep it is and however much is in it;
/// a file with several names changes under all of them, wherever they are. All is changed, or nothing.
extension Workspace {
    /// Changes the metadata of a directory and of all that is below it; links are not followed there.
    func updateTree(_ path: FilePath, follow: Bool, _ change: (inout Entry) -> Void) throws(StoreError) {
        guard try status(path, followingLinks: follow).isDirectory else {
            return try update(path, follow: follow, change)
        }
        try atOnce { () throws(StoreError) in try updateDirectory(path, follow: follow, change) }
    }

    private func updateDirectory(_ path: FilePath, follow: Bool, _ change: (inout Entry) -> Void)
        throws(StoreError)
    {
        let (location, entry) = try require(path, follow: follow)
        guard !location.isForeign else { throw Self.foreign }
        guard case .directory(let below) = entry.content, below.map != nil else {
            return try update(path, follow: follow, change)
        }
        var shared: [(old: Entry, new: Entry)] = []
        let changed = try rewrite(below, change, &shared)
        var new = entry
        new.content = .directory(changed)
        // What merges know of it is that of its own metadata, which is changed below.
        try replaceDirectory(new, at: location, touches: false)
        try update(path, follow: follow, change)
        try updateHardLinks(shared)
    }

    /// `shared`: what is to change, but not here, since it may have names elsewhere.
    private func rewrite(
        _ directory: Directory, _ change: (inout Entry) -> Void, _ shared: inout [(old: Entry, new: Entry)]
    ) throws(StoreError) -> Directory {
        let batch = try source.changing()
        var levels = [try DirectoryFrame(directory, nil, source, batch)]
        while let level = levels.last {
            guard let (name, entry) = try level.next() else {
                levels.removeLast()
                let result = try level.builder.finish()
                guard let parent = levels.last, let holder = level.holder else { return result }
                var new = try changed(holder.entry, change)
                new.content = .directory(result)
                try parent.builder.append(holder.name, new)
                continue
            }
            if case .directory(let below) = entry.content, below.map != nil {
                guard levels.count < Self.maximumDepth else { throw Self.tooDeep }
                levels.append(try DirectoryFrame(below, (name, entry), source, batch))
            } else if entry.hardLink != nil {
                var new = entry
                change(&new)
                if new != entry {
                    try check(new)
                    shared.append((entry, new))
                }
                try level.builder.append(name, entry)
            } else {
                try level.builder.append(name, entry.isTombstone ? entry : try changed(entry, change))
            }
        }
        return directory
    }

    private func changed(_ old: Entry, _ change: (inout Entry) -> Void) throws(StoreError) -> Entry {
        var new = old
        change(&new)
        guard new != old else { return old }
        try check(new)
        return try ReplicaChange.entry(old, new, source, stays: true, clock, random)
    }
}
