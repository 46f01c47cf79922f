import IpldEngine

/// Entries that both sides have moved, to different names: gone on both, and there again with the same
/// content under a name that only one side has, and another that only the other has.
struct BothRenamed {
    private var gone: [(path: FilePath, entry: Entry)] = []
    private var ours: [RenameKey: (path: FilePath, entry: Entry)] = [:]
    private var theirs: [RenameKey: (path: FilePath, entry: Entry)] = [:]

    struct Pair {
        let base: Entry
        let ours: FilePath
        let oursEntry: Entry
        let theirs: FilePath
        let theirsEntry: Entry
    }

    /// What each has of a name that one of them has changed.
    mutating func note(_ path: FilePath, _ base: Entry?, _ left: Entry?, _ right: Entry?) {
        switch (base.live, left.live, right.live) {
        case (let entry?, nil, nil): gone.append((path, entry))
        case (nil, let entry?, nil):
            if let key = RenameKey(of: entry), ours[key] == nil { ours[key] = (path, entry) }
        case (nil, nil, let entry?):
            if let key = RenameKey(of: entry), theirs[key] == nil { theirs[key] = (path, entry) }
        default: break
        }
    }

    func found(_ steps: StepCounter?) throws(StoreError) -> [Pair] {
        var pairs: [Pair] = []
        var known: Set<RenameKey> = []
        for (_, entry) in gone {
            try steps?.step()
            guard let key = RenameKey(of: entry), let a = ours[key], let b = theirs[key],
                known.insert(key).inserted
            else { continue }
            pairs.append(
                Pair(base: entry, ours: a.path, oursEntry: a.entry, theirs: b.path, theirsEntry: b.entry))
        }
        return pairs
    }
}
