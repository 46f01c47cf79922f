import IpldEngine

/// Which number each file of the host has that has several names.
///
/// What always holds: all names of a file have one number, and two files never the same. Where some names are
/// of type `merkle-crdt`, of which the number is part of the value, it is one that such a name of it has
/// already, so that no name is changed by it that need not be; else that of the first path, unless a name of
/// that type has it. As a workspace that changes the tree has it (`HardLinks`).
struct HardLinkNumbers {
    private struct File {
        /// The bytes of the first of its paths.
        var first: [UInt8]
        var names = 1
        /// Numbers that its names had, in the order in which they were met.
        var before: [HardLinkGroup]
    }

    /// In the order in which they were met.
    private var files: [(identity: HostIdentity, file: File)] = []
    private var positions: [HostIdentity: Int] = [:]

    /// `number`: what the tree before has for a name that is of type `merkle-crdt` there.
    mutating func add(_ identity: HostIdentity, _ path: [UInt8], _ number: HardLinkGroup?) {
        let position = positions[identity] ?? files.count
        if position == files.count {
            positions[identity] = position
            files.append((identity, File(first: path, before: number.map { [$0] } ?? [])))
            return
        }
        files[position].file.names += 1
        if path.precedes(files[position].file.first) { files[position].file.first = path }
        if let number, !files[position].file.before.contains(number) {
            files[position].file.before.append(number)
        }
    }

    /// Of the files of which more than one name was met: one whose others are elsewhere is like any other.
    func groups() throws(StoreError) -> [HostIdentity: HardLinkGroup] {
        var groups: [HostIdentity: HardLinkGroup] = [:]
        var taken: Set<HardLinkGroup> = []
        let shared = files.filter { $0.file.names > 1 }
        for (identity, file) in shared {
            guard let number = file.before.first(where: { !taken.contains($0) }) else { continue }
            taken.insert(number)
            groups[identity] = number
        }
        for (identity, file) in shared where groups[identity] == nil {
            let number = try HardLinkGroup(firstPath: file.first, butFor: taken)
            taken.insert(number)
            groups[identity] = number
        }
        return groups
    }
}

/// What a tree has where the walk of an import is. Only directories that have files with several names on the
/// host are read, and none where the tree before has no such files.
struct OldPlaces {
    private let source: TreeSource
    /// What is damaged or missing of a directory is as if it had never been.
    private let mayBeLost: Bool
    private let isNeeded: Bool
    /// The directories that the walk is in, the root first.
    private var levels: [Level]
    /// How many of them were looked up.
    private var found = 1

    private struct Level {
        let name: FileName?
        var map: DirectoryMap?
    }

    init(_ root: Entry?, _ source: TreeSource, mayBeLost: Bool) throws(StoreError) {
        (self.source, self.mayBeLost) = (source, mayBeLost)
        isNeeded = (root?.below?.totals.hardLinks ?? 0) > 0
        levels = [Level(name: nil)]
        if isNeeded { try open(root, at: 0) }
    }

    mutating func enter(_ name: FileName) { levels.append(Level(name: name)) }

    mutating func leave() {
        levels.removeLast()
        found = min(found, levels.count)
    }

    /// That of a name in the innermost directory, where it is of type `merkle-crdt`.
    mutating func number(of name: FileName) throws(StoreError) -> HardLinkGroup? {
        guard isNeeded else { return nil }
        while found < levels.count {
            guard let name = levels[found].name else { break }
            try open(try entry(name, at: found - 1), at: found)
            found += 1
        }
        let old = try entry(name, at: levels.count - 1)
        return old?.sync == .merkleCRDT ? old?.hardLink : nil
    }

    private mutating func open(_ entry: Entry?, at level: Int) throws(StoreError) {
        guard case .directory(let directory)? = entry?.content else { return }
        do { levels[level].map = try DirectoryMap(directory, source) } catch
            where mayBeLost && error.isLoss
        {}
    }

    /// Nil for what was removed, too.
    private mutating func entry(_ name: FileName, at level: Int) throws(StoreError) -> Entry? {
        do {
            let entry = try levels[level].map?.entry(name)
            return entry?.isTombstone == false ? entry : nil
        } catch  where mayBeLost && error.isLoss {
            levels[level].map = nil
            return nil
        }
    }
}
