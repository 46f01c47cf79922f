import IpldEngine

/// Which number each file of the host has that has several names, and what only the tree before knows of it.
///
/// What always holds: all names of a file have one number, and two files never the same. Where some names are
/// of type `merkle-crdt`, of which the number is part of the value, it is one that such a name of it has
/// already, so that no name is changed by it that need not be; else that of the first path, unless a name of
/// that type has it, one that is alone too. As a workspace that changes the tree has it (`HardLinks`).
struct HardLinkNumbers {
    private struct File {
        /// The bytes of the first of its paths.
        var first: [UInt8]
        var names = 0
        /// Numbers that its names of type `merkle-crdt` had, in the order in which they were met.
        var before: [HardLinkGroup] = []
        /// Those of names that are unchanged, as far as can be told before they are read.
        var unchanged: [HardLinkGroup] = []
        /// What one of its names has that the tree before has: the first that is unchanged, or the first.
        var known: KnownFile?
        var isKnownUnchanged = false
    }

    /// In the order in which they were met.
    private var files: [(identity: HostIdentity, file: File)] = []
    private var positions: [HostIdentity: Int] = [:]
    /// Numbers that names have which are alone.
    private var alone: Set<HardLinkGroup> = []

    /// `old`: what the tree before has for the name.
    mutating func add(_ status: HostStatus, _ path: [UInt8], _ old: Entry?) {
        let position = positions[status.identity] ?? files.count
        if position == files.count {
            positions[status.identity] = position
            files.append((status.identity, File(first: path)))
        }
        var file = files[position].file
        file.names += 1
        if path.precedes(file.first) { file.first = path }
        if let old, let number = old.keptNumber {
            if !file.before.contains(number) { file.before.append(number) }
            if old.isLike(status), !file.unchanged.contains(number) { file.unchanged.append(number) }
        }
        if let old, old.kind == Entry.Kind(status.kind) {
            // What was given to another file is not what was known of that, but of the one that it is now.
            let isUnchanged = old.isLike(status)
            if file.known == nil || isUnchanged && !file.isKnownUnchanged {
                (file.known, file.isKnownUnchanged) = (KnownFile(old), isUnchanged)
            }
        }
        files[position].file = file
    }

    /// A name of a file that has no other. Unchanged, it keeps the number that it had when it had others.
    mutating func addAlone(_ status: HostStatus, _ old: Entry) {
        if old.isLike(status), let number = old.keptNumber { alone.insert(number) }
    }

    /// Files of which more than one name was met: one whose others are elsewhere is like any other.
    func shared() throws(StoreError) -> [HostIdentity: HardLinkedFile] {
        var result: [HostIdentity: HardLinkedFile] = [:]
        var taken: Set<HardLinkGroup> = []
        func take(_ number: HardLinkGroup, _ identity: HostIdentity, _ file: File) {
            taken.insert(number)
            result[identity] = HardLinkedFile(number: number, known: file.known)
        }
        let shared = files.filter { $0.file.names > 1 }
        for (identity, file) in shared {
            guard let number = file.unchanged.first(where: { !taken.contains($0) }) else { continue }
            take(number, identity, file)
        }
        taken.formUnion(alone)
        for (_, file) in files where file.names == 1 { taken.formUnion(file.unchanged) }
        for (identity, file) in shared where result[identity] == nil {
            guard let number = file.before.first(where: { !taken.contains($0) }) else { continue }
            take(number, identity, file)
        }
        for (identity, file) in shared where result[identity] == nil {
            take(try HardLinkGroup(firstPath: file.first, butFor: taken), identity, file)
        }
        return result
    }
}

/// A file of the host that has several names.
struct HardLinkedFile {
    let number: HardLinkGroup
    /// That of the first of its names that the tree before has, unchanged where one is: which other name the
    /// walk meets first says nothing of the file.
    let known: KnownFile?
}

/// What only the tree knows of a file of the host.
struct KnownFile {
    private let kind: Entry.Kind
    private let created: Timestamp?
    private let attributes: [(name: [UInt8], value: IPLDValue)]
    private let unknown: IPLDMap

    init(_ entry: Entry) {
        (kind, created, unknown) = (entry.kind, entry.created, entry.unknown)
        attributes = entry.attributes.elements.compactMap { (name, value) in
            if case .bytes = value, Host.isKept(name) { nil } else { (name, value) }
        }
    }

    /// Gives it to an entry that was made of what the host says, if that is of the same kind.
    func complete(_ entry: inout Entry) {
        guard entry.kind == kind else { return }
        (entry.created, entry.unknown) = (created, unknown)
        for (name, value) in attributes where entry.attributes[name] == nil { entry.attributes[name] = value }
    }
}

extension Entry {
    /// The number that it keeps whatever becomes of other names.
    fileprivate var keptNumber: HardLinkGroup? { sync == .merkleCRDT ? hardLink : nil }

    /// Whether it may be what the host has: whether it is, only reading tells.
    fileprivate func isLike(_ status: HostStatus) -> Bool {
        guard kind == Kind(status.kind), modified == status.modified else { return false }
        return kind != .file || size == status.size
    }
}

extension Entry.Kind {
    fileprivate init(_ kind: HostStatus.Kind) {
        self =
            switch kind {
            case .file: .file
            case .directory: .directory
            case .symlink: .symlink
            case .fifo: .fifo
            case .socket: .socket
            case .characterDevice: .characterDevice
            case .blockDevice: .blockDevice
            }
    }
}

/// What a tree has where the walk of an import is. Only directories that have files with several names on the
/// host are read, or had some in the tree.
struct OldPlaces {
    private let source: TreeSource
    /// What is damaged or missing of a directory is as if it had never been.
    private let mayBeLost: Bool
    /// The directories that the walk is in, the root first.
    private var levels: [Level]
    /// How many of them were looked up.
    private var found = 1

    private struct Level {
        let name: FileName?
        var map: DirectoryMap?
        /// Whether names in it, or below it, may have numbers that they keep.
        var keepsNumbers = false
    }

    init(_ root: Entry?, _ source: TreeSource, mayBeLost: Bool) throws(StoreError) {
        (self.source, self.mayBeLost) = (source, mayBeLost)
        levels = [Level(name: nil)]
        try open(root, at: 0)
    }

    mutating func enter(_ name: FileName) { levels.append(Level(name: name)) }

    mutating func leave() {
        levels.removeLast()
        found = min(found, levels.count)
    }

    /// That of a name in the innermost directory; nil for what was removed, too. `onlyWhereNumbersStay`: nil,
    /// and nothing is read, where no name has a number that it keeps when it is alone.
    mutating func entry(_ name: FileName, onlyWhereNumbersStay: Bool = false) throws(StoreError) -> Entry? {
        while true {
            // What is below a directory that has none has none either.
            if onlyWhereNumbersStay, !levels[found - 1].keepsNumbers { return nil }
            guard found < levels.count, let name = levels[found].name else { break }
            try open(try entry(name, at: found - 1), at: found)
            found += 1
        }
        return try entry(name, at: levels.count - 1)
    }

    private mutating func open(_ entry: Entry?, at level: Int) throws(StoreError) {
        guard case .directory(let directory)? = entry?.content else { return }
        levels[level].keepsNumbers = directory.totals.hardLinks > 0 && directory.totals.replicas > 0
        do { levels[level].map = try DirectoryMap(directory, source) } catch
            where mayBeLost && error.isLoss
        {}
    }

    private mutating func entry(_ name: FileName, at level: Int) throws(StoreError) -> Entry? {
        do {
            return (try levels[level].map?.entry(name)).live
        } catch  where mayBeLost && error.isLoss {
            levels[level].map = nil
            return nil
        }
    }
}
