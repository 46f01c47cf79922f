import IpldEngine

/// The entries of a directory as they are stored, tombstones included, by name and by position.
struct DirectoryMap {
    private var map: ByteMap<TreeSource>?

    /// CORRUPT when the directory's map is none.
    init(_ directory: Directory, _ source: TreeSource) throws(StoreError) {
        try self.init(map: directory.map, source)
    }

    init(map root: CID?, _ source: TreeSource) throws(StoreError) {
        guard let root else { return }
        do throws(StoreError) { map = try ByteMap(root, source: source) } catch {
            guard error.code == .invalid else { throw error }
            throw StoreError(.corrupt, "a directory's entry names what is no directory: \(error.message)")
        }
    }

    var byteMap: ByteMap<TreeSource>? { map }
    var count: UInt64 { map?.count ?? 0 }

    mutating func entry(_ name: FileName) throws(StoreError) -> Entry? {
        try map?.value(of: name.bytes).map { (value) throws(StoreError) in try EntryDecoder.decode(value) }
    }

    /// How many names come before `name`.
    mutating func position(of name: FileName) throws(StoreError) -> UInt64 {
        try map?.position(of: name.bytes).position ?? 0
    }

    /// The entry at a position below `count`.
    mutating func entry(at position: UInt64) throws(StoreError) -> (name: FileName, entry: Entry) {
        guard let (key, value) = try map?.entry(at: position) else {
            throw StoreError(.internal, "there is no entry \(position)")
        }
        return (try Self.name(key), try EntryDecoder.decode(value))
    }

    /// A key of a directory's map. CORRUPT for what is no name: it never reaches a caller.
    static func name(_ key: [UInt8]) throws(StoreError) -> FileName {
        guard let name = FileName(checking: key) else {
            throw StoreError(.corrupt, "a directory has an entry of a name that is none")
        }
        return name
    }
}

extension TreeSource {
    /// What is stored under names below an entry, be it a tombstone.
    func entry(_ names: some Sequence<FileName>, below root: Entry) throws(StoreError) -> Entry? {
        var entry = root
        for name in names {
            guard let below = entry.below else { return nil }
            var map = try DirectoryMap(below, self)
            guard let next = try map.entry(name) else { return nil }
            entry = next
        }
        return entry
    }
}

extension Optional {
    /// `map` that keeps the type of what is thrown.
    func map<T, E: Error>(_ transform: (Wrapped) throws(E) -> T) throws(E) -> T? {
        switch self {
        case .some(let value): try transform(value)
        case .none: nil
        }
    }
}
