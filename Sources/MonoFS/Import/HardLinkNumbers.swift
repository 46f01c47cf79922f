import IpldEngine

/// Which number each file of the host has that has several names, and what only the tree before knows of it.
///
/// What always holds: all names of a file have one number, and two files that are alike never the same: names
/// of one number, content and metadata are one file. Two that differ may have one, which merges leave to them
/// and which each of them keeps; a file is given none anew that another has. Where some names are of type
/// `merkle-crdt`, of which the number is part of the value, it is one that such a name of it has already, so
/// that no name is changed by it that need not be; else that of the first path, unless a name of that type
/// has it, one that is alone too. As a workspace that changes the tree has it (`HardLinks`).
struct HardLinkNumbers {
    private struct File {
        /// The bytes of the first of its paths.
        var first: [UInt8]
        var names = 0
        /// Those that the host says it has, met or not.
        var links: UInt64 = 0
        /// Numbers that its names of type `merkle-crdt` had, in the order in which they were met.
        var before: [HardLinkGroup] = []
        /// What those of its names were that are unchanged, as far as can be told before they are read.
        var unchanged: [KeptNumber] = []
        /// What one of its names was that is unchanged, of whatever type.
        var tie: KeptNumber?
        /// What one of its names has that the tree before has: the first that is unchanged, or the first.
        var known: KnownFile?
        var isKnownUnchanged = false
        /// How many of its names were names of one file in the tree before, for each such file
        /// (`Entry.fileNumber`).
        var oldFiles: [HardLinkGroup: Int] = [:]
        /// Once all names were met.
        var number: HardLinkGroup?
        /// What names in directories that cannot be read are, if it has the number for being what they are:
        /// whether it is, only reading tells.
        var supposed: HardLinkGroup?

        var hasMore: Bool { links > UInt64(names) }
    }

    /// In the order in which they were met.
    private var files: [File] = []
    private var positions: [HostIdentity: Int] = [:]
    /// What names are that are alone.
    private var alone: [KeptNumber] = []
    /// What names are in directories that stay what they were, because they cannot be read
    /// (`Entry.fileNumber`). Only a file that has more names than were met may be theirs.
    private var unread: Set<HardLinkGroup> = []

    /// Which of the files has a number with some content and metadata (`Entry.fileNumber`); nil is a name
    /// that is alone.
    private var owners: [HardLinkGroup: Int?] = [:]
    /// Those of them that wait for a name that is alone.
    private var waiting: Set<HardLinkGroup> = []
    /// All numbers that were given, or may be kept.
    private var taken: Set<HardLinkGroup> = []

    // MARK: Before anything is read

    /// `old`: what the tree before has for the name.
    mutating func add(_ status: HostStatus, _ path: [UInt8], _ old: Entry?) throws(StoreError) {
        let position = positions[status.identity] ?? files.count
        if position == files.count {
            positions[status.identity] = position
            files.append(File(first: path))
        }
        let kept = try old?.unchangedNumber(status)
        files[position].names += 1
        files[position].links = status.links
        let file = old?.hardLink == nil ? nil : try old?.fileNumber
        if let file { files[position].oldFiles[file, default: 0] += 1 }
        if path.precedes(files[position].first) { files[position].first = path }
        if let old, let number = old.hardLink, let file, old.isLike(status) {
            files[position].tie = KeptNumber(number: number, file: file)
        }
        if let number = old?.keptNumber, !files[position].before.contains(number) {
            files[position].before.append(number)
        }
        if let kept, !files[position].unchanged.contains(kept) { files[position].unchanged.append(kept) }
        if let old, old.kind == Entry.Kind(status.kind) {
            // What was given to another file is not what was known of that, but of the one that it is now.
            let isUnchanged = old.isLike(status)
            if files[position].known == nil || isUnchanged && !files[position].isKnownUnchanged {
                files[position].known = KnownFile(old)
                files[position].isKnownUnchanged = isUnchanged
            }
        }
    }

    /// A name of a file that has no other. Unchanged, it keeps the number that it had when it had others.
    mutating func addAlone(_ status: HostStatus, _ old: Entry) throws(StoreError) {
        if let kept = try old.unchangedNumber(status) { alone.append(kept) }
    }

    /// A name in a directory that stays what it was.
    mutating func addUnread(_ old: Entry) throws(StoreError) {
        guard let number = old.hardLink else { return }
        taken.insert(number)
        unread.insert(try old.fileNumber)
    }

    /// Numbers the files of which more than one name was met: one whose others are elsewhere is like any
    /// other.
    mutating func settle() throws(StoreError) {
        let shared = files.indices.filter { files[$0].names > 1 }
        alone.removeAll { unread.contains($0.file) }
        for position in shared {
            let file = files[position]
            var kept = file.unchanged.first { owners[$0.file] == nil && !unread.contains($0.file) }
            if let tie = file.tie, file.hasMore, unread.contains(tie.file), owners[tie.file] == nil {
                kept = tie
                files[position].supposed = tie.file
            }
            guard let kept else { continue }
            owners[kept.file] = .some(position)
            give(kept.number, to: position)
        }
        for file in files where file.names == 1 { alone += file.unchanged }
        for kept in alone {
            taken.insert(kept.number)
            if owners[kept.file] == nil { waiting.insert(kept.file) }
        }
        for file in waiting { owners[file] = .some(nil) }
        for position in shared where files[position].number == nil {
            guard let number = files[position].before.first(where: { !taken.contains($0) }) else { continue }
            give(number, to: position)
        }
        for position in shared where files[position].number == nil { try renumber(position) }
        for (identity, position) in positions where files[position].names == 1 { positions[identity] = nil }
        alone = []
    }

    private mutating func give(_ number: HardLinkGroup, to position: Int) {
        taken.insert(number)
        files[position].number = number
    }

    private mutating func renumber(_ position: Int) throws(StoreError) {
        give(try HardLinkGroup(firstPath: files[position].first, butFor: taken), to: position)
    }

    // MARK: While they are read

    /// Whether it is a file of which several names were met.
    func isShared(_ status: HostStatus) -> Bool { position(status) != nil }

    private func position(_ status: HostStatus) -> Int? {
        // What takes the place of a file that goes meanwhile may be given its inode.
        status.links > 1 && status.kind != .directory ? positions[status.identity] : nil
    }

    /// What the tree before knows of a file of several names: which of them the walk meets first says nothing
    /// of the file.
    func known(_ status: HostStatus) -> KnownFile? { position(status).flatMap { files[$0].known } }

    /// The number of a name with the content and metadata of `entry`, in the place of `old`. A name that is
    /// alone now keeps the one that it had, as it does in a workspace.
    mutating func number(of entry: Entry, _ status: HostStatus, _ old: Entry?) throws(StoreError)
        -> HardLinkGroup?
    {
        var entry = entry
        guard let position = position(status) else {
            entry.hardLink = old?.hardLink
            guard let old, entry.hardLink != nil, old.isSameFile(as: entry) else { return nil }
            let isUnread = try unread.contains(old.fileNumber)
            guard isUnread ? status.links > 1 : old.keptNumber != nil else { return nil }
            return try keep(old, nil) ? entry.hardLink : nil
        }
        entry.hardLink = files[position].number
        var isKept = true
        if let supposed = files[position].supposed {
            isKept = try entry.fileNumber == supposed
            files[position].supposed = nil
        }
        if isKept { isKept = try keep(entry, position) }
        if !isKept {
            // It is not what had that number, or has come to be like another file that has it.
            try renumber(position)
            entry.hardLink = files[position].number
            _ = try keep(entry, position)
        }
        return entry.hardLink
    }

    /// The number of what could not be read, and stays what it was. Names that are one file on the host and
    /// were one in the tree are one still. Of a name of which nothing is known, nobody knows that it is no
    /// name of the file that has its number.
    mutating func number(ofUnread old: Entry, _ status: HostStatus?) throws(StoreError) -> HardLinkGroup? {
        guard let status, status.kind != .directory else { return old.keptNumber }
        guard let number = old.hardLink else { return nil }
        let position = position(status)
        let file = try old.fileNumber
        let hasMore = position.map { files[$0].hasMore } ?? (status.links > 1)
        // What it was, if it can be that still, or else what its file is.
        var numbers: [HardLinkGroup] = []
        if unread.contains(file) ? hasMore : old.keptNumber != nil { numbers.append(number) }
        if let position, files[position].oldFiles[file] ?? 0 > 1, let number = files[position].number {
            numbers.append(number)
        }
        var entry = old
        for number in numbers {
            entry.hardLink = number
            if try keep(entry, position) { return number }
        }
        return nil
    }

    /// Whether no other file than the one at `position`, or another name than this one that is alone, is what
    /// `entry` is; from then on none is.
    private mutating func keep(_ entry: Entry, _ position: Int?) throws(StoreError) -> Bool {
        let file = try entry.fileNumber
        guard let owner = owners[file] else {
            owners[file] = .some(position)
            return true
        }
        return position == nil ? waiting.remove(file) != nil : owner == position
    }
}

/// A number that a name had, and keeps where it is unchanged.
private struct KeptNumber: Equatable {
    let number: HardLinkGroup
    /// The name's content and metadata with it.
    let file: HardLinkGroup
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

    /// The same, with what it is, where it may be what the host has.
    fileprivate func unchangedNumber(_ status: HostStatus) throws(StoreError) -> KeptNumber? {
        guard let number = keptNumber, isLike(status) else { return nil }
        return KeptNumber(number: number, file: try fileNumber)
    }

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

    /// All names that share files with others below a directory that is not read.
    mutating func eachHardLink(
        below name: FileName, _ body: (Entry) throws(StoreError) -> Void
    ) throws(StoreError) {
        guard let old = try entry(name), old.below?.totals.hardLinks ?? 0 > 0 else { return }
        do throws(StoreError) {
            try Workspace(source, old, version: nil).eachHardLink(below: []) {
                (_, _, entry) throws(StoreError) in try body(entry)
            }
        } catch  where mayBeLost && error.isLoss {}
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
