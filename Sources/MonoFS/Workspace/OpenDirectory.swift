import IpldEngine

/// A directory that a workspace has open: what is stored, and what was changed since.
///
/// What always holds:
/// - `changes` and the maps below are all that differs from `base`; `totals` are those of both together.
/// - Who changes it marks it and all directories above it as changed, and brings their totals up to date.
/// - A subdirectory that is open here has its entry in this directory; its totals are its own.
final class OpenDirectory {
    private let source: TreeSource
    /// As it is stored.
    private(set) var base: Directory
    private var stored: DirectoryMap?
    private(set) var changes: [FileName: Entry] = [:]
    /// Subdirectories that are open.
    var children: [FileName: OpenDirectory] = [:]
    var totals: Totals
    var isChanged = false
    /// The root of a tree: absolute links and steps up end here.
    let isRoot: Bool
    /// Reached through a link to a CID, and so no part of the tree that is changed.
    let isForeign: Bool
    private var sortedChanges: [FileName]?
    /// The last two names that were looked up, and what is stored of them: one operation asks for its names
    /// several times, and they may be in leaves far apart.
    private var lookedUp: [(name: FileName, entry: Entry?)] = []

    init(_ directory: Directory, _ source: TreeSource, isRoot: Bool = false, isForeign: Bool = false) {
        base = directory
        totals = directory.totals
        self.source = source
        self.isRoot = isRoot
        self.isForeign = isForeign
    }

    // Deep chains go one by one, and not one within another: stacks are small.
    deinit {
        var gone = Array(children.values)
        children = [:]
        while var directory = gone.popLast() {
            // Somebody else, who has it open still, has what is below it too.
            guard isKnownUniquelyReferenced(&directory) else { continue }
            gone += directory.children.values
            directory.children = [:]
        }
    }

    /// The directory as its entry has it; the map is that which is stored.
    var directory: Directory { Directory(map: base.map, totals: totals) }

    /// What the name has, a tombstone included.
    func entry(_ name: FileName) throws(StoreError) -> Entry? {
        var found = changes[name]
        if found == nil { found = try storedEntry(name) }
        guard var entry = found else { return nil }
        if let child = children[name], entry.isDirectory { entry.content = .directory(child.directory) }
        return entry
    }

    /// What the name has and is not removed.
    func liveEntry(_ name: FileName) throws(StoreError) -> Entry? {
        try entry(name).flatMap { $0.isTombstone ? nil : $0 }
    }

    private func storedEntry(_ name: FileName) throws(StoreError) -> Entry? {
        if let known = lookedUp.first(where: { $0.name == name }) { return known.entry }
        let entry = try withStored { (map) throws(StoreError) in try map.entry(name) }
        if lookedUp.count > 1 { lookedUp.removeFirst() }
        lookedUp.append((name, entry))
        return entry
    }

    private func withStored<T>(_ body: (inout DirectoryMap) throws(StoreError) -> T) throws(StoreError) -> T {
        var map: DirectoryMap
        if let stored { map = stored } else { map = try DirectoryMap(base, source) }
        // One owner at a time, so that the path it keeps is changed in place.
        stored = nil
        defer { stored = map }
        return try body(&map)
    }

    /// Gives a name another entry. The caller has seen to totals and marks.
    func set(_ name: FileName, _ entry: Entry) {
        if changes.updateValue(entry, forKey: name) == nil { sortedChanges = nil }
    }

    /// Forgets how a name was changed last: before, it was by `change`, or not at all.
    func takeBack(_ name: FileName, to change: Entry?) {
        changes[name] = change
        sortedChanges = nil
    }

    /// The subdirectory of a name, whose entry is `entry`; `opened` hears of the memory that it takes when it
    /// was not open, in bytes, about.
    func child(_ name: FileName, _ entry: Entry, opened: (Int) -> Void) throws(StoreError) -> OpenDirectory {
        if let child = children[name] { return child }
        guard case .directory(let directory) = entry.content else {
            throw StoreError(.internal, "\(name) is no directory")
        }
        let child = OpenDirectory(directory, source, isForeign: isForeign)
        children[name] = child
        opened(32 << 10)
        return child
    }

    /// The subdirectory of a name, which has `directory`, to be looked at: it is not opened here for that.
    func looking(into name: FileName, _ directory: Directory) -> OpenDirectory {
        children[name] ?? OpenDirectory(directory, source, isForeign: isForeign)
    }

    /// At most `limit` entries from `name` on, tombstones included, and in order; all up to there when nil.
    func entries(from name: FileName?, limit: Int) throws(StoreError) -> [(name: FileName, entry: Entry)] {
        let changed = changedNames()
        var nextChange = name.map { Self.position(of: $0, in: changed) } ?? 0
        return try withStored { (map) throws(StoreError) in
            var found: [(name: FileName, entry: Entry)] = []
            var position = try name.map { (name) throws(StoreError) in try map.position(of: name) } ?? 0
            var stored: (name: FileName, entry: Entry)?
            while found.count < limit {
                if stored == nil, position < map.count {
                    stored = try map.entry(at: position)
                    position += 1
                }
                let change = nextChange < changed.count ? changed[nextChange] : nil
                if let stored, change.map({ stored.name < $0 }) ?? true {
                    found.append(stored)
                } else if let change, let entry = changes[change] {
                    if stored?.name != change {
                        // The stored one comes later.
                        found.append((change, entry))
                        nextChange += 1
                        continue
                    }
                    found.append((change, entry))
                    nextChange += 1
                } else {
                    break
                }
                stored = nil
            }
            for (index, (name, entry)) in found.enumerated() where entry.isDirectory {
                guard let child = children[name] else { continue }
                found[index].entry.content = .directory(child.directory)
            }
            return found
        }
    }

    private func changedNames() -> [FileName] {
        if let sortedChanges { return sortedChanges }
        let sorted = changes.keys.sorted()
        sortedChanges = sorted
        return sorted
    }

    private static func position(of name: FileName, in sorted: [FileName]) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < name { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Stores the changes, those of open subdirectories having been stored before.
    func store(_ batch: Batch) throws(StoreError) {
        guard isChanged else { return }
        var edit = DirectoryEdit(base)
        var names = changedNames()
        let changedChildren = children.filter { $0.value.isChanged && changes[$0.key] == nil }.keys
        if !changedChildren.isEmpty { names = (names + changedChildren).sorted() }
        for name in names {
            let old = try storedEntry(name)
            guard var new = changes[name] ?? old else { continue }
            if let child = children[name], new.isDirectory { new.content = .directory(child.directory) }
            guard new != old else { continue }
            try edit.set(name, from: old, to: new)
        }
        let result = try edit.apply(batch)
        guard result.totals == totals else {
            throw StoreError(.internal, "a directory's totals were not kept")
        }
        become(result)
    }

    /// Is what is stored from now on.
    private func become(_ directory: Directory) {
        base = directory
        totals = directory.totals
        (stored, sortedChanges, lookedUp) = (nil, nil, [])
        changes = [:]
        for child in children.values { child.isChanged = false }
    }
}
