import IpldEngine

/// Entries to which one side has given another name, and left their content as it was.
///
/// What always holds: the content tells which entry it was. Exactly one entry of that content, which is not
/// empty, went, and exactly one came; otherwise nothing is said. So what is said does not depend on chance,
/// nor on which side is asked first.
struct MovedEntries {
    struct Move {
        let from: FilePath
        let old: Entry
        let to: FilePath
        let new: Entry
    }

    private var byOldPath: [FilePath: Move] = [:]
    private var byNewPath: [FilePath: Move] = [:]

    /// Of more names that came or went, none is taken for moved.
    static let maximumCandidates = 1 << 20

    init(_ source: TreeSource, from base: Entry, to side: Entry) throws(StoreError) {
        struct Found {
            var went: [(path: FilePath, entry: Entry)] = []
            var came: [(path: FilePath, entry: Entry)] = []
        }
        var found: [RenameKey: Found] = [:]
        var candidates = 0
        let diff = try TreeDiff(source, from: base, to: side)
        while let change = try diff.next() {
            guard change.kind == .added || change.kind == .removed else { continue }
            candidates += 1
            guard candidates <= Self.maximumCandidates else { return }
            guard let entry = change.kind == .added ? change.new : change.old, let key = entry.renameKey
            else {
                continue
            }
            // Two of either are as good as many.
            if change.kind == .added {
                if found[RenameKey(key), default: Found()].came.count < 2 {
                    found[RenameKey(key), default: Found()].came.append((change.path, entry))
                }
            } else if found[RenameKey(key), default: Found()].went.count < 2 {
                found[RenameKey(key), default: Found()].went.append((change.path, entry))
            }
        }
        for pair in found.values where pair.went.count == 1 && pair.came.count == 1 {
            let (old, new) = (pair.went[0], pair.came[0])
            guard old.entry.isDirectory == new.entry.isDirectory else { continue }
            let move = Move(from: old.path, old: old.entry, to: new.path, new: new.entry)
            byOldPath[old.path] = move
            byNewPath[new.path] = move
        }
    }

    func move(from path: FilePath) -> Move? { byOldPath[path] }
    func move(to path: FilePath) -> Move? { byNewPath[path] }
}
