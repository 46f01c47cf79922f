import IpldEngine

/// One difference between two trees.
public struct TreeChange: Equatable, Sendable {
    public enum Kind: String, Sendable {
        case added, removed, modified, renamed
        /// A tombstone that one tree has and the other has not, or that differs; no entry came or went.
        case tombstone
    }

    public let kind: Kind
    /// In the new tree; of what was removed, in the old one.
    public let path: FilePath
    /// Of what was renamed: in the old tree.
    public let oldPath: FilePath?
    /// What each tree has; of what was removed, the new tree may have a tombstone.
    public let old: Entry?
    public let new: Entry?
    /// What of it differs, where both have it.
    public let aspects: Aspects

    /// What differs between two entries that both are there.
    public init(modified path: FilePath, from old: Entry, to new: Entry) {
        self.init(
            kind: .modified, path: path, oldPath: nil, old: old, new: new, aspects: Aspects(old, new))
    }

    init(kind: Kind, path: FilePath, oldPath: FilePath?, old: Entry?, new: Entry?, aspects: Aspects) {
        self.kind = kind
        self.path = path
        self.oldPath = oldPath
        self.old = old
        self.new = new
        self.aspects = aspects
    }

    /// What of an entry can differ.
    public struct Aspects: OptionSet, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// A file and a directory, for instance.
        public static let type = Aspects(rawValue: 1)
        /// Bytes, target, device number. What is in a directory is no content of its own.
        public static let content = Aspects(rawValue: 2)
        public static let mode = Aspects(rawValue: 4)
        public static let owner = Aspects(rawValue: 8)
        public static let time = Aspects(rawValue: 16)
        public static let attributes = Aspects(rawValue: 32)
        public static let sync = Aspects(rawValue: 64)
        /// With which other names it shares its file.
        public static let hardLink = Aspects(rawValue: 128)
        /// What only merges know of it, fields of later versions, when it was made.
        public static let other = Aspects(rawValue: 256)

        /// What differs between two entries.
        public init(_ a: Entry, _ b: Entry) {
            self = []
            if a.kind != b.kind { insert(.type) }
            if a.kind == b.kind, !a.hasContent(of: b) { insert(.content) }
            if a.mode != b.mode { insert(.mode) }
            if a.owner != b.owner || a.group != b.group { insert(.owner) }
            if a.modified != b.modified { insert(.time) }
            if a.attributes != b.attributes { insert(.attributes) }
            if a.sync != b.sync { insert(.sync) }
            if a.hardLink != b.hardLink { insert(.hardLink) }
            if a.created != b.created || a.unknown != b.unknown || a.replica != b.replica { insert(.other) }
        }
    }
}

extension Entry {
    /// Whether the content is the same; of directories, what is in them does not count.
    func hasContent(of other: Entry) -> Bool {
        isDirectory && other.isDirectory || content == other.content
    }

    /// What two entries that were renamed into each other have in common; nil for what is too little to tell.
    var renameKey: Entry.Content? {
        switch content {
        case .file(let file): file.size > 0 ? content : nil
        case .directory(let directory): directory.map.map { _ in content }
        default: nil
        }
    }
}
