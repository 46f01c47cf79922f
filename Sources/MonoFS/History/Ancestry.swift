import IpldEngine

/// Reads versions on a way back through history, each once.
///
/// What always holds: of a version that was checked, every previous one that is in the store has a smaller
/// generation. So a search that takes the greatest first meets no version before all that lead to it, also
/// where somebody forged them.
struct VersionReader {
    private let sources: [TreeSource]
    /// Of those that were read; nil where one is not in the store.
    private var generations: [CID: UInt64?] = [:]
    /// Those that were read to check one that was made from them, and not asked for yet.
    private var ahead: [CID: Version] = [:]
    /// Those of which message and author are left out: all of a wide history is in memory at once.
    private var shortened: Set<CID> = []

    /// Where a version is looked for, in this order.
    init(_ sources: [TreeSource]) { self.sources = sources }

    /// A version, which is asked for once, perhaps shortened; nil when it is nowhere.
    mutating func version(_ cid: CID) throws(StoreError) -> Version? {
        if let version = ahead.removeValue(forKey: cid) { return version }
        var found: Version?
        for source in sources where found == nil { found = try source.version(cid) }
        generations[cid] = .some(found?.generation)
        if let version = found, version.message.utf8.count + version.author.utf8.count > 256 {
            found?.message = ""
            found?.author = ""
            shortened.insert(cid)
        }
        return found
    }

    func isShortened(_ cid: CID) -> Bool { shortened.contains(cid) }

    /// CORRUPT when the generation is not one more than the greatest of what the version was made from; where
    /// not all of that is in the store any more, it can be greater.
    mutating func check(_ cid: CID, _ version: Version) throws(StoreError) {
        var greatest: UInt64 = 0
        var isWhole = true
        for previous in version.previous {
            if generations[previous] == nil, let read = try self.version(previous) { ahead[previous] = read }
            if let generation = generations[previous] ?? nil {
                greatest = max(greatest, generation)
            } else {
                isWhole = false
            }
        }
        guard isWhole ? version.generation == greatest + 1 : version.generation > greatest else {
            throw StoreError(
                .corrupt,
                "the version \(cid) is forged or damaged: its generation is \(version.generation), "
                    + "and the greatest before it is \(greatest)")
        }
    }
}

/// Finds what two versions have in common, reading what is between them.
struct Ancestry {
    private let source: TreeSource

    init(_ source: TreeSource) { self.source = source }

    private struct Side: OptionSet {
        let rawValue: UInt8
        static let a = Side(rawValue: 1)
        static let b = Side(rawValue: 2)
        static let both: Side = [.a, .b]
        /// Before a common ancestor that was found.
        static let beyond = Side(rawValue: 4)
    }

    func common(_ a: CID, _ b: CID) throws(StoreError) -> [CID] {
        var reader = VersionReader([source])
        var sides: [CID: Side] = [:]
        var queue = VersionQueue()
        /// Versions in the queue that may lead to something.
        var open = 0
        func mark(_ cid: CID, _ side: Side) throws(StoreError) {
            let old = sides[cid]
            let new = (old ?? []).union(side)
            guard new != old else { return }
            sides[cid] = new
            guard let old else {
                guard let version = try reader.version(cid) else { return }
                try reader.check(cid, version)
                queue.push(cid, version)
                if !new.contains(.beyond) { open += 1 }
                return
            }
            // It is in the queue still: whoever leads to it has a greater generation.
            if !old.contains(.beyond), new.contains(.beyond) { open -= 1 }
        }
        try mark(a, .a)
        try mark(b, .b)
        var found: [CID] = []
        while open > 0, let (cid, version) = queue.pop() {
            var side = sides[cid] ?? []
            if !side.contains(.beyond) { open -= 1 }
            if side.isSuperset(of: .both), !side.contains(.beyond) {
                found.append(cid)
                side.insert(.beyond)
            }
            for previous in version.previous { try mark(previous, side) }
        }
        return found.filter { !(sides[$0]?.contains(.beyond) ?? true) }.sorted()
    }

    /// Whether `old` is `new`, or leads to it, as far as the sources have what is between.
    static func leads(_ old: CID, to new: CID, in sources: [TreeSource]) throws(StoreError) -> Bool {
        var reader = VersionReader(sources)
        guard let first = try reader.version(old), let last = try reader.version(new), old != new else {
            return old == new
        }
        var queue = VersionQueue()
        var met: Set<CID> = [old, new]
        try reader.check(new, last)
        queue.push(new, last)
        while let (_, version) = queue.pop() {
            for previous in version.previous {
                if previous == old { return true }
                guard met.insert(previous).inserted, let next = try reader.version(previous) else { continue }
                guard next.generation > first.generation else { continue }
                try reader.check(previous, next)
                queue.push(previous, next)
            }
        }
        return false
    }
}
