import IpldEngine

/// Names that share a file.
///
/// Each name has an entry of its own, with all metadata, and the group's number. Names with one group and the
/// same content and metadata are one file; what differs is another, whatever the number says, so that a
/// merge, or a forged tree, cannot tie together what is not one.
///
/// What always holds of a tree that a workspace stored: the number of a group is that of its first name
/// (`HardLinkGroup.init(firstPath:)`), and a name that is alone has none; so the same tree has the same CID,
/// whatever way led to it. Entries of type `merkle-crdt` keep the number that they were given, because it is
/// part of a value that others may have too: a file that has such a name has its number under all its names,
/// and no other file is given it. A name that is left alone keeps it too: another value would win over the
/// removal of that name by somebody else, and be another file where somebody else gives it one more name.
extension HardLinkGroup {
    /// The number of the group whose bytewise first path from the tree's root this is: the first 16 bytes of
    /// its BLAKE3 hash, big-endian.
    public init(firstPath path: FilePath) throws(StoreError) {
        self = try HardLinkGroup(hashing: path.bytes)
    }

    /// That of a first path, by its bytes, or where it is taken another that it leads to.
    init(firstPath bytes: [UInt8], butFor taken: Set<HardLinkGroup>) throws(StoreError) {
        var number = try HardLinkGroup(hashing: bytes)
        var more = 0
        while taken.contains(number) {
            // A file that had this first path goes on with its number. No path has a zero.
            more += 1
            number = try HardLinkGroup(hashing: bytes + [0] + Array("\(more)".utf8))
        }
        self = number
    }

    init(hashing bytes: [UInt8]) throws(StoreError) {
        let cid: CID
        do throws(CIDError) {
            cid = try bytes.withBytes { (bytes) throws(CIDError) in try CID(hashing: bytes, codec: .raw) }
        } catch { throw StoreError(.internal, error.description) }
        self = cid.withDigest { (digest) in
            HardLinkGroup(
                high: UInt64(bigEndian: digest.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }
}

extension Workspace {
    /// Names of one group come or go: who is with whom is found anew, and numbered before the next commit.
    func hardLinksChange() {
        hardLinks = nil
        hardLinksChanged = true
    }

    /// A name has come to have `new`, or nothing. Of a file it is known which names it has still: to go
    /// through all names costs much more than to change one.
    func hardLinksChange(at path: [FileName], from old: Entry?, to new: Entry?) {
        let entries = [old, new].compactMap(\.self).filter(\.hasHardLinks)
        guard !entries.isEmpty else { return }
        guard !entries.contains(where: \.isDirectory) else { return hardLinksChange() }
        hardLinksChanged = true
        if let group = old?.hardLink { hardLinks?[group]?.remove(path) }
        if let group = new?.hardLink { hardLinks?[group, default: []].insert(path) }
    }

    /// Changes all names of files, of each of which `old` is the entry of a name; the types of other names
    /// stay. TOO_LARGE for more names than are gone through.
    func updateHardLinks(_ changes: [(old: Entry, new: Entry)]) throws(StoreError) {
        guard !changes.isEmpty else { return }
        if hardLinks == nil { hardLinks = try hardLinkNames() }
        var files: [HardLinkGroup: [(old: Entry, new: Entry)]] = [:]
        for change in changes {
            guard let group = change.old.hardLink else { continue }
            let isThere = files[group, default: []].contains {
                $0.old.isSameFile(as: change.old) && $0.old.sync == change.old.sync
            }
            if !isThere { files[group, default: []].append(change) }
            // Which number it has depends on it.
            if change.new.sync != change.old.sync { hardLinksChanged = true }
        }
        // In the order of names, and not file by file, so that no leaf is read again and again.
        var names: [(path: [FileName], group: HardLinkGroup)] = []
        for group in files.keys { names += (hardLinks?[group] ?? []).map { ($0, group) } }
        names.sort { $0.path.lexicographicallyPrecedes($1.path) }
        for (path, group) in names {
            // What is changed together stays in memory.
            if namesBefore == nil { try begin() }
            let location = try resolve(FilePath(components: path), follow: false)
            guard let name = location.name, let entry = location.entry else { continue }
            let same = files[group, default: []].filter { $0.old.isSameFile(as: entry) }
            guard var new = (same.first { $0.old.sync == entry.sync } ?? same.first)?.new else { continue }
            if !same.contains(where: { $0.old.sync == entry.sync }) { new.sync = entry.sync }
            try put(new, name, at: location, keepsChild: true, touches: false)
        }
    }

    /// The names of the file that has `entry` as its entry, where it has several.
    func names(of entry: Entry) throws(StoreError) -> [[FileName]] {
        guard let group = entry.hardLink else { return [] }
        var names: [[FileName]] = []
        if hardLinks == nil { hardLinks = try hardLinkNames() }
        for name in hardLinks?[group] ?? [] {
            let other = try resolve(FilePath(components: name), follow: false).entry
            if let other, other.isSameFile(as: entry) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// All names with groups.
    func hardLinkNames() throws(StoreError) -> [HardLinkGroup: Set<[FileName]>] {
        var names: [HardLinkGroup: Set<[FileName]>] = [:]
        try eachHardLink(below: []) { (path, group, _) in names[group, default: []].insert(path) }
        return names
    }

    /// Gives `body` all names with groups below a directory: those in one directory after another, and in
    /// order, so that who changes them in the order in which they came reads no leaf again and again. Only
    /// directories that have some are read.
    func eachHardLink(
        below start: [FileName], _ body: ([FileName], HardLinkGroup, Entry) throws(StoreError) -> Void
    ) throws(StoreError) {
        var count = 0
        var pending = [(path: start, open: try requireDirectory(FilePath(components: start)).open)]
        while let (path, directory) = pending.popLast() {
            guard directory.totals.hardLinks <= Self.maximumHardLinks else { throw Self.tooManyNames }
            var next: FileName?
            while true {
                let part = try directory.entries(from: next, limit: 1024)
                for (name, entry) in part {
                    if let group = entry.hardLink, !entry.isTombstone {
                        try body(path + [name], group, entry)
                        count += 1
                    }
                    if case .directory(let below) = entry.content, below.totals.hardLinks > 0 {
                        pending.append((path + [name], directory.looking(into: name, below)))
                    }
                }
                guard count <= Self.maximumHardLinks else { throw Self.tooManyNames }
                guard part.count == 1024, let last = part.last else { break }
                next = last.name.next
            }
        }
    }

    private static var tooManyNames: StoreError {
        StoreError(.tooLarge, "more than \(maximumHardLinks) names share files with others")
    }

    /// Separates the groups of a subtree that has come from elsewhere from those of all other names. `old`:
    /// what is stored of what was there. A group of type `merkle-crdt` that a name had there, and has still,
    /// is what it was: another number would be a change of all its names. Other names of that file are with
    /// them.
    func regroupHardLinks(below path: [FileName], instead old: Entry? = nil) throws(StoreError) {
        let salt = bigEndianBytes(random(), random())
        var names: [(path: [FileName], group: HardLinkGroup, file: HardLinkGroup?)] = []
        var kept: Set<HardLinkGroup> = []
        var keptFiles: Set<HardLinkGroup> = []
        var before = old.map { StoredNames($0, source) }
        try eachHardLink(below: path) { (name, group, entry) throws(StoreError) in
            guard entry.sync == .merkleCRDT else {
                return names.append((name, group, try entry.fileNumber))
            }
            names.append((name, group, nil))
            let there = try before?.entry(Array(name[path.count...])) ?? nil
            guard there?.sync == .merkleCRDT, there?.hardLink == group else { return }
            kept.insert(group)
            keptFiles.insert(try entry.fileNumber)
        }
        for (path, group, file) in names {
            if file.map(keptFiles.contains) ?? kept.contains(group) { continue }
            try begin()
            try setHardLink(
                path, try HardLinkGroup(hashing: bigEndianBytes(group.high, group.low) + salt))
        }
    }

    /// The numbers that files have in a directory that comes in the place of `old`, by those that they have
    /// there, where a name of them is there as it comes. Both are stored.
    func hardLinkNumbers(of entry: Entry, instead old: Entry?) throws(StoreError) -> ArrivingNumbers {
        var numbers = ArrivingNumbers()
        guard let old, old.isDirectory, entry.isDirectory, Totals(of: entry).hardLinks > 0,
            !old.isSameValue(as: entry)
        else { return numbers }
        // Those that come where no others are given instead.
        var coming: Set<HardLinkGroup> = []
        var kept: Set<HardLinkGroup> = []
        var keptFiles: Set<HardLinkGroup> = []
        var new: [HardLinkGroup: HardLinkGroup] = [:]
        var taken: Set<HardLinkGroup> = []
        var files: [HardLinkGroup: (group: HardLinkGroup, names: Int)] = [:]
        var there = StoredNames(old, source)
        try Workspace(source, entry, version: nil).eachHardLink(below: []) {
            (name, group, entry) throws(StoreError) in
            if entry.sync == .merkleCRDT { coming.insert(group) }
            let file = try entry.fileNumber
            files[file, default: (group, 0)].names += 1
            guard let there = try there.entry(name), let number = there.hardLink,
                there.isSameValue(as: entry)
            else { return }
            if number == group {
                kept.insert(group)
                keptFiles.insert(file)
            }
            if new[group] == nil, taken.insert(number).inserted { new[group] = number }
        }
        for group in kept { new[group] = nil }
        // That of a file of which one name comes does not, unless the name is there as it comes: then it has
        // others elsewhere.
        numbers.alone = Set(
            files.lazy.filter { $0.value.names == 1 && !keptFiles.contains($0.key) }.map(\.key))
        for (file, (group, _)) in files where !numbers.alone.contains(file) { coming.insert(group) }
        // None is given a number that another has when all are given theirs.
        var groups: [HardLinkGroup: HardLinkGroup] = [:]
        for (group, number) in new { groups[number] = group }
        var unchanged = coming.filter { new[$0] == nil }
        while let number = unchanged.popFirst() {
            guard let group = groups[number], new.removeValue(forKey: group) != nil else { continue }
            if coming.contains(group) { unchanged.insert(group) }
        }
        numbers.numbers = new
        return numbers
    }

    /// What a directory is with the numbers that its files have where it comes to.
    func renumbered(_ entry: Entry, _ numbers: ArrivingNumbers) throws(StoreError) -> Entry {
        guard entry.isDirectory, !numbers.isEmpty, Totals(of: entry).hardLinks > 0 else { return entry }
        let copy = Workspace(source, entry, version: nil)
        var names: [(path: [FileName], number: HardLinkGroup?)] = []
        try copy.eachHardLink(below: []) { (path, group, entry) throws(StoreError) in
            guard entry.sync != .merkleCRDT else { return }
            let number = try numbers.number(of: entry)
            if number != group { names.append((path, number)) }
        }
        for (path, number) in names {
            try copy.begin()
            try copy.setHardLink(path, number)
        }
        try copy.flush()
        return copy.rootEntry
    }

    /// What a copy of an entry has in it: names that share files with each other, and with no others. It is
    /// stored, and not in the tree yet.
    func regrouped(_ entry: Entry) throws(StoreError) -> Entry {
        guard entry.isDirectory, Totals(of: entry).hardLinks > 0 else { return entry }
        let copy = Workspace(source, entry, version: nil)
        copy.random = random
        try copy.regroupHardLinks(below: [])
        try copy.flush()
        return copy.rootEntry
    }

    /// Numbers the groups by their first names, where names came or went. `unions`: pairs of numbers that are
    /// one group now.
    func settleHardLinks(_ unions: [(HardLinkGroup, HardLinkGroup)] = []) throws(StoreError) {
        guard hardLinksChanged, root.totals.hardLinks > 0 else { return }
        var united: [HardLinkGroup: HardLinkGroup] = [:]
        func group(_ number: HardLinkGroup) -> HardLinkGroup {
            var number = number
            while let next = united[number] { number = next }
            return number
        }
        for (a, b) in unions {
            let (a, b) = (group(a), group(b))
            if a != b { united[max(a, b)] = min(a, b) }
        }
        // Files of one number that are not the same are groups of their own.
        var files: [[UInt8]: Int] = [:]
        var shared: [SharedFile] = []
        var taken: Set<HardLinkGroup> = []
        var names: [(path: [FileName], file: Int)] = []
        try eachHardLink(below: []) { (path, number, entry) throws(StoreError) in
            // Directories that are in memory are not heard of otherwise.
            if names.count % 1024 == 0 { try source.steps?.step(0) }
            var file = entry.file
            file.hardLink = group(number)
            let bytes = FilePath(components: path).bytes
            let encoded = try EntryEncoder.encode(file)
            let index = files[encoded] ?? shared.count
            if index == shared.count {
                files[encoded] = index
                shared.append(SharedFile(first: bytes))
            }
            shared[index].names += 1
            guard entry.sync != .merkleCRDT else {
                taken.insert(number)
                shared[index].number = min(shared[index].number ?? number, number)
                return
            }
            if bytes.precedes(shared[index].first) { shared[index].first = bytes }
            names.append((path, index))
        }
        try source.steps?.step(0)
        try renumber(names, of: shared, butFor: taken)
        hardLinks = nil
        hardLinksChanged = false
    }

    private struct SharedFile {
        /// The bytes of the first of its paths.
        var first: [UInt8]
        var names = 0
        /// That of names of type `merkle-crdt`, where it has some.
        var number: HardLinkGroup?
    }

    /// Gives the names of each file the number of the first, or the file's own. Nobody stops that half way,
    /// and an error in it ends the workspace: names that were one file would be told apart by what they are
    /// called so far. `taken`: numbers that names of type `merkle-crdt` have.
    private func renumber(
        _ names: [(path: [FileName], file: Int)], of files: [SharedFile], butFor taken: Set<HardLinkGroup>
    ) throws(StoreError) {
        let steps = source.steps
        source.steps = nil
        defer { source.steps = steps }
        do throws(StoreError) {
            for (path, position) in names {
                let file = files[position]
                var number = file.number
                if number == nil, file.names > 1 {
                    number = try HardLinkGroup(firstPath: file.first, butFor: taken)
                }
                try setHardLink(path, number)
            }
        } catch {
            end()
            throw error
        }
    }

    private func setHardLink(_ path: [FileName], _ group: HardLinkGroup?) throws(StoreError) {
        let (location, old) = try require(FilePath(components: path), follow: false)
        guard let name = location.name, old.hardLink != group else { return }
        var entry = old
        entry.hardLink = group
        try put(entry, name, at: location, isSameValue: entry.sync != .merkleCRDT, touches: false)
    }
}

/// What numbers files have that come with others.
struct ArrivingNumbers {
    fileprivate var numbers: [HardLinkGroup: HardLinkGroup] = [:]
    /// Files of which one name comes, and is not there already with others (`Entry.fileNumber`).
    fileprivate var alone: Set<HardLinkGroup> = []

    var isEmpty: Bool { numbers.isEmpty && alone.isEmpty }

    /// Of an entry as it comes. Alone it has none, as it will have once it is stored; of type `merkle-crdt`
    /// the number is part of the value.
    func number(of entry: Entry) throws(StoreError) -> HardLinkGroup? {
        guard let number = entry.hardLink else { return nil }
        if let there = numbers[number] { return there }
        guard entry.sync != .merkleCRDT, !alone.isEmpty else { return number }
        return alone.contains(try entry.fileNumber) ? nil : number
    }
}

/// Looks names up below an entry that is stored, at little cost where one comes after another that is in the
/// same directory, or in one above or below it.
private struct StoredNames {
    private let root: Entry
    private let source: TreeSource
    /// The directories on the way to the last name, the root first.
    private var levels: [(name: FileName?, map: DirectoryMap)] = []

    init(_ root: Entry, _ source: TreeSource) { (self.root, self.source) = (root, source) }

    /// Nil for what is not there, or was removed.
    mutating func entry(_ path: [FileName]) throws(StoreError) -> Entry? {
        guard let name = path.last else { return root }
        let way = path.dropLast()
        if levels.isEmpty { levels.append((nil, try DirectoryMap(root.below ?? Directory(), source))) }
        let same = zip(levels.dropFirst(), way).prefix { $0.name == $1 }.count
        levels.removeSubrange((same + 1)...)
        for name in way.dropFirst(same) {
            let below = try levels[levels.count - 1].map.entry(name)?.below
            levels.append((name, try DirectoryMap(below ?? Directory(), source)))
        }
        return try levels[levels.count - 1].map.entry(name).live
    }
}

extension Entry {
    /// What all names of a file have in common.
    var file: Entry {
        var file = self
        file.replica = nil
        file.graveyard = nil
        file.sync = .default
        return file
    }

    /// Whether it has several names, or something below it has.
    var hasHardLinks: Bool { Totals(of: self).hardLinks > 0 }

    /// A number that files have in common when they are the same.
    var fileNumber: HardLinkGroup {
        get throws(StoreError) { try HardLinkGroup(hashing: try EntryEncoder.encode(file)) }
    }

    func isSameFile(as other: Entry) -> Bool { hardLink == other.hardLink && file == other.file }
}

extension Array where Element == UInt8 {
    func precedes(_ other: [UInt8]) -> Bool {
        withBytes { (left) in other.withBytes { (right) in left.precedes(right) } }
    }
}
