import IpldEngine

/// What a name in a directory stands for, with its metadata.
///
/// Metadata is here and not with the content, so that equal contents are equal blocks, whoever owns them;
/// that of a tree's root is in the tree's own node (`TreeRoot`). An entry has one encoding (docs/FORMAT.md,
/// MonoFS): two trees are equal when their CIDs are.
public struct Entry: Equatable, Sendable {
    public var content: Content
    /// Permissions with set-user-id, set-group-id and sticky bits: 0 to 0o7777.
    public var mode: UInt16 = 0
    public var owner: UInt32 = 0
    public var group: UInt32 = 0
    /// When the content was last changed; of a tombstone, when the entry was removed.
    public var modified: Timestamp = .zero
    /// When the entry was made, where that is known.
    public var created: Timestamp?
    public var attributes = ExtendedAttributes()
    /// How the entry is merged.
    public var sync: SyncType = .default
    /// What it shares with other names of the same file; nil when it has one name only.
    public var hardLink: HardLinkGroup?
    /// What a merge of type `merkle-crdt` knows of the name.
    public var replica: ReplicaState?
    /// Of what is no directory, in a tree of type `merkle-crdt`: the tombstones of a directory that was
    /// there.
    public var graveyard: Directory?
    /// Fields of versions to come, which are kept as they are.
    public var unknown = IPLDMap()

    public init(_ content: Content, mode: UInt16 = 0, modified: Timestamp = .zero) {
        self.content = content
        self.mode = mode
        self.modified = modified
    }

    public enum Kind: String, Sendable, CaseIterable {
        case file, directory, symlink
        /// A symbolic link to a CID.
        case cidLink = "cidlink"
        case fifo, socket
        case characterDevice = "char"
        case blockDevice = "block"
        /// That a name was removed.
        case tombstone
    }

    public enum Content: Equatable, Sendable {
        case file(FileContent)
        case directory(Directory)
        /// The target, 1 byte to 64 KiB without NUL.
        case symlink([UInt8])
        case cidLink(CID)
        case fifo
        case socket
        case characterDevice(DeviceNumber)
        case blockDevice(DeviceNumber)
        case tombstone(Tombstone)
    }

    public var kind: Kind {
        switch content {
        case .file: .file
        case .directory: .directory
        case .symlink: .symlink
        case .cidLink: .cidLink
        case .fifo: .fifo
        case .socket: .socket
        case .characterDevice: .characterDevice
        case .blockDevice: .blockDevice
        case .tombstone: .tombstone
        }
    }

    public var isDirectory: Bool { kind == .directory }
    public var isTombstone: Bool { kind == .tombstone }

    /// Bytes of a file; of a directory, those of all files below; of a symbolic link, those of its target.
    public var size: UInt64 {
        switch content {
        case .file(let file): file.size
        case .directory(let directory): directory.totals.bytes
        case .symlink(let target): UInt64(target.count)
        case .tombstone(let tombstone): tombstone.size
        default: 0
        }
    }

    /// The longest target of a symbolic link in bytes.
    public static let maximumTarget = 64 << 10
    /// The longest encoding in bytes: that of its attributes, and of what merges know of it.
    public static let maximumEncoding = 4 << 20
}

/// The bytes of a file: in the entry itself where they are few, so that a small file costs its bytes.
public enum FileContent: Equatable, Sendable {
    case inline([UInt8])
    /// The root of more than `inlineLimit` bytes.
    case stored(CID, size: UInt64)

    /// Bytes that stand in the entry at most. A block of its own costs some 300 bytes beside its content
    /// (link, record, index row).
    public static let inlineLimit = 512

    public static let empty = FileContent.inline([])

    public var size: UInt64 {
        switch self {
        case .inline(let bytes): UInt64(bytes.count)
        case .stored(_, let size): size
        }
    }
}

/// The entries of a directory, as its own entry knows them.
public struct Directory: Equatable, Sendable {
    /// The map of names to entries; nil when there are none, and no tombstones either.
    public var map: CID?
    public var totals = Totals()

    public init() {}

    init(map: CID?, totals: Totals) {
        self.map = map
        self.totals = totals
    }
}

/// What is below a directory, at any depth, so that nobody has to count. Each at most 2^63 - 1.
public struct Totals: Hashable, Sendable {
    /// Of files, each name counted.
    public var bytes: UInt64 = 0
    /// Names, without those of tombstones.
    public var entries: UInt64 = 0
    /// Tombstones, so that those who look for them find them.
    public var tombstones: UInt64 = 0
    /// Names that share a file with others.
    public var hardLinks: UInt64 = 0
    /// Names of type `merkle-crdt`, with their tombstones, but without those in graveyards: copies have tags
    /// of their own under each.
    public var replicas: UInt64 = 0

    public init() {}

    /// What an entry adds to the directory that it is in.
    init(of entry: Entry) {
        switch entry.content {
        case .directory(let directory):
            self = directory.totals
            entries += 1
        case .tombstone: tombstones = 1
        default:
            if case .file(let file) = entry.content { bytes = file.size }
            entries = 1
            if entry.hardLink != nil { hardLinks = 1 }
        }
        if let graveyard = entry.graveyard { tombstones += graveyard.totals.tombstones }
        if entry.sync == .merkleCRDT { replicas += 1 }
    }

    static let maximum = UInt64(Int64.max)

    /// TOO_LARGE where a sum has no place.
    func adding(_ other: Totals) throws(StoreError) -> Totals {
        var sum = self
        try sum.add(other)
        return sum
    }

    mutating func add(_ other: Totals) throws(StoreError) {
        // Each is at most 2^63.
        bytes += other.bytes
        entries += other.entries
        tombstones += other.tombstones
        hardLinks += other.hardLinks
        replicas += other.replicas
        guard max(bytes, entries, tombstones, hardLinks, replicas) <= Self.maximum else {
            throw StoreError(.tooLarge, "a directory has at most 2^63 - 1 bytes and entries below it")
        }
    }

    /// CORRUPT where there is less than is taken: an entry said so of what is below it.
    func subtracting(_ other: Totals) throws(StoreError) -> Totals {
        guard other.bytes <= bytes, other.entries <= entries, other.tombstones <= tombstones,
            other.hardLinks <= hardLinks
        else { throw StoreError(.corrupt, "a directory holds more than its entry says") }
        var rest = self
        rest.bytes -= other.bytes
        rest.entries -= other.entries
        rest.tombstones -= other.tombstones
        rest.hardLinks -= other.hardLinks
        // Trees that were stored before it was counted say 0.
        rest.replicas -= min(other.replicas, replicas)
        return rest
    }

    /// Of a directory of which only the map is known.
    init(counting directory: Directory, _ source: TreeSource) throws(StoreError) {
        var map = try DirectoryMap(directory, source)
        for position in 0..<map.count { try add(Totals(of: try map.entry(at: position).entry)) }
    }
}

public struct DeviceNumber: Hashable, Sendable {
    public let major: UInt32
    public let minor: UInt32

    public init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }
}

/// What is known of an entry that was removed.
public struct Tombstone: Equatable, Sendable {
    /// What it was.
    public var kind: Entry.Kind
    /// Its content (of a file, also where that stood in the entry) or map, weakly: it may be gone.
    public var content: CID?
    public var size: UInt64

    public init(kind: Entry.Kind, content: CID? = nil, size: UInt64 = 0) {
        self.kind = kind
        self.content = content
        self.size = size
    }
}

/// How an entry is merged. A child has its parent's when it is added, and keeps it.
public enum SyncType: String, Sendable, CaseIterable {
    /// Conflicts are reported.
    case `default`
    /// Changed on one side only, or not at all.
    case raft
    /// Always merged, with the same result whoever merges what in which order.
    case merkleCRDT = "merkle-crdt"
}

/// Names with equal groups and equal contents and metadata are one file. The number says nothing else; see
/// `HardLinks` for how it is chosen.
public struct HardLinkGroup: Hashable, Comparable, Sendable {
    let high: UInt64
    let low: UInt64

    /// 64 bits of it, never 0.
    public var number: UInt64 { high == 0 ? 1 : high }

    public static func < (a: HardLinkGroup, b: HardLinkGroup) -> Bool {
        (a.high, a.low) < (b.high, b.low)
    }
}

/// Named values of an entry, in bytewise order of their names. The host's attributes are byte strings.
public struct ExtendedAttributes: Equatable, Sendable {
    public typealias Element = (name: [UInt8], value: IPLDValue)
    public private(set) var elements: [Element] = []

    /// The longest name in bytes.
    public static let maximumNameLength = 255

    public init() {}

    public var isEmpty: Bool { elements.isEmpty }

    /// The value of a name. Setting nil removes it.
    public subscript(name: [UInt8]) -> IPLDValue? {
        get { elements.first { $0.name == name }?.value }
        set {
            let position = elements.firstIndex { !Self.precedes($0.name, name) } ?? elements.count
            let isThere = position < elements.count && elements[position].name == name
            switch (isThere, newValue) {
            case (true, let value?): elements[position].value = value
            case (true, nil): elements.remove(at: position)
            case (false, let value?): elements.insert((name, value), at: position)
            case (false, nil): break
            }
        }
    }

    /// Adds one behind all others; false, and nothing is added, when that is not its place.
    mutating func append(_ name: [UInt8], _ value: IPLDValue) -> Bool {
        if let last = elements.last, !Self.precedes(last.name, name) { return false }
        elements.append((name, value))
        return true
    }

    static func isName(_ bytes: [UInt8]) -> Bool {
        !bytes.isEmpty && bytes.count <= maximumNameLength && !bytes.contains(0)
    }

    private static func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.withBytes { (left) in b.withBytes { (right) in left.precedes(right) } }
    }

    public static func == (a: ExtendedAttributes, b: ExtendedAttributes) -> Bool {
        a.elements.count == b.elements.count
            && zip(a.elements, b.elements).allSatisfy { $0.name == $1.name && $0.value == $1.value }
    }
}
