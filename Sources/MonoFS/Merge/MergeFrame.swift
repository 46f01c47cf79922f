import IpldEngine

/// Two directories of which one is made, and the names in which they differ.
final class MergeFrame {
    let path: FilePath
    /// What of it becomes the entry of the directory above; nil at the start.
    let holder: Holder?
    let ours: Directory
    let theirs: Directory
    let base: Directory?
    private let source: TreeSource
    private var differences: Differences
    private(set) var edits: [FileName: (old: Entry?, new: Entry?)] = [:]
    private lazy var maps = Lookup()

    /// A name of the directory above, and how its entry is made of what comes out.
    enum Holder {
        /// An entry whose directory this is.
        case directory(FileName, old: Entry?, metadata: Entry)
        case replica(FileName, old: Entry?, Replica)
    }

    /// A name, and what each has; `base` is nil where that was not looked up.
    struct Difference {
        let name: FileName
        let base: Entry?
        let ours: Entry?
        let theirs: Entry?
    }

    private enum Differences {
        case two(ByteMapDiff<TreeSource>)
        case three(ByteMapDiff<TreeSource>, ByteMapDiff<TreeSource>)
    }

    private struct Lookup {
        var base: DirectoryMap?
        var ours: DirectoryMap?
        var theirs: DirectoryMap?
    }

    private var oursNext: ByteMapDiff<TreeSource>.Change?
    private var theirsNext: ByteMapDiff<TreeSource>.Change?
    private var hasBegun = false

    /// `joins`: the two are compared with each other, and not with a base.
    init(
        _ path: FilePath, _ holder: Holder?, base: Directory?, ours: Directory, theirs: Directory,
        joins: Bool,
        _ source: TreeSource
    ) throws(StoreError) {
        self.path = path
        self.holder = holder
        self.base = base
        self.ours = ours
        self.theirs = theirs
        self.source = source
        func map(_ directory: Directory?) throws(StoreError) -> ByteMap<TreeSource>? {
            try DirectoryMap(map: directory?.map, source).byteMap
        }
        if joins {
            differences = .two(ByteMapDiff(from: try map(ours), to: try map(theirs)))
        } else {
            differences = .three(
                ByteMapDiff(from: try map(base), to: try map(ours)),
                ByteMapDiff(from: try map(base), to: try map(theirs)))
        }
    }

    var joins: Bool { if case .two = differences { true } else { false } }

    /// The next name in which they differ, or have been changed; nil after the last.
    func next() throws(StoreError) -> Difference? {
        switch differences {
        case .two(var diff):
            defer { differences = .two(diff) }
            guard let change = try diff.next() else { return nil }
            return Difference(
                name: try DirectoryMap.name(change.key), base: nil, ours: try Self.entry(change.old),
                theirs: try Self.entry(change.new))
        case .three(var ourDiff, var theirDiff):
            defer { differences = .three(ourDiff, theirDiff) }
            if !hasBegun {
                (oursNext, theirsNext, hasBegun) = (try ourDiff.next(), try theirDiff.next(), true)
            }
            let key: [UInt8]
            switch (oursNext?.key, theirsNext?.key) {
            case (nil, nil): return nil
            case (let a?, nil): key = a
            case (nil, let b?): key = b
            case (let a?, let b?): key = b.precedes(a) ? b : a
            }
            let our = oursNext?.key == key ? oursNext : nil
            let their = theirsNext?.key == key ? theirsNext : nil
            if our != nil { oursNext = try ourDiff.next() }
            if their != nil { theirsNext = try theirDiff.next() }
            let base = try Self.entry(our?.old ?? their?.old)
            return Difference(
                name: try DirectoryMap.name(key), base: base,
                ours: our == nil ? base : try Self.entry(our?.new),
                theirs: their == nil ? base : try Self.entry(their?.new))
        }
    }

    private static func entry(_ encoded: [UInt8]?) throws(StoreError) -> Entry? {
        try encoded.map { (encoded) throws(StoreError) in try EntryDecoder.decode(encoded) }
    }

    /// What a name has in the base.
    func baseEntry(_ name: FileName) throws(StoreError) -> Entry? {
        if maps.base == nil { maps.base = try DirectoryMap(map: base?.map, source) }
        return try maps.base?.entry(name)
    }

    /// Gives a name of the result another entry than ours.
    func set(_ name: FileName, from old: Entry?, to new: Entry?) { edits[name] = (old, new) }

    /// A name that nobody has, for a second entry: with a dot and the suffix, and a number where that is
    /// taken.
    func freeName(for name: FileName, suffix: String) throws(StoreError) -> (name: FileName, old: Entry?) {
        for number in 1...Self.maximumNames {
            let candidate = try Self.name(name, suffix, number)
            if maps.ours == nil {
                maps.ours = try DirectoryMap(ours, source)
                maps.theirs = try DirectoryMap(theirs, source)
            }
            let (a, b) = (try maps.ours?.entry(candidate), try maps.theirs?.entry(candidate))
            let isFree = a.isFree && b.isFree && (edits[candidate]?.new).isFree
            if isFree { return (candidate, a) }
        }
        throw StoreError(.exists, "there is no free name beside \(path.appending(name))")
    }

    /// Names that are tried for a second entry.
    static let maximumNames = 1000

    /// The so manieth name for a second entry; cut short before the suffix where that is too long.
    static func name(_ name: FileName, _ suffix: String, _ number: Int) throws(StoreError) -> FileName {
        let end = Array((".\(suffix)" + (number > 1 ? ".\(number)" : "")).utf8)
        return try FileName(Array(name.bytes.prefix(max(0, FileName.maximumLength - end.count))) + end)
    }

    /// The directory that comes out: ours, with what was set.
    func result(_ batch: Batch) throws(StoreError) -> Directory {
        var edit = DirectoryEdit(ours)
        for name in edits.keys.sorted() {
            guard let change = edits[name], change.old != change.new else { continue }
            try edit.set(name, from: change.old, to: change.new)
        }
        return edit.isEmpty ? ours : try edit.apply(batch)
    }
}

extension Optional where Wrapped == Entry {
    /// Whether a name with this entry can be given another.
    var isFree: Bool { self?.isTombstone ?? true }
    var live: Entry? { flatMap { $0.isTombstone ? nil : $0 } }
}
