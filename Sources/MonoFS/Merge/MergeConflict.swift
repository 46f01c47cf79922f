import IpldEngine

/// Changes of two sides of which only one can be in the result.
public struct MergeConflict: Sendable {
    public enum Kind: String, Sendable {
        /// Both changed the same field of an entry, differently.
        case bothModified = "both modified"
        /// One changed what the other removed.
        case modifiedDeleted = "modified and deleted"
        /// Both made an entry of one name, and they differ.
        case bothAdded = "both added"
        /// A directory, and something else.
        case fileDirectory = "file and directory"
        /// Both moved an entry, to different names; `otherPath` is the one of the other side.
        case bothRenamed = "both renamed"
        /// One removed a directory in which the other changed or added something.
        case directoryDeleted = "directory deleted"
        /// Both changed an entry of type `raft`, which is never merged.
        case raft = "raft: not a fast-forward"
    }

    public enum Resolution: String, Sendable {
        /// The result has what this side has; nobody has decided.
        case unresolved
        case ours, theirs
        /// The result has both; the other side's under `otherPath`.
        case both
    }

    public let path: FilePath
    public let kind: Kind
    /// What each has: nil or a tombstone where nothing is.
    public let base: Entry?
    public let ours: Entry?
    public let theirs: Entry?
    /// Of entries that both have: what both changed.
    public let fields: TreeChange.Aspects
    public internal(set) var otherPath: FilePath?
    public internal(set) var resolution: Resolution

    /// The side that was changed last, by the entries' own times; this one, when they are the same.
    public var newest: Resolution {
        (theirs?.modified ?? .zero) > (ours?.modified ?? .zero) ? .theirs : .ours
    }
}

/// What becomes of conflicts between entries of type `default`. Those of type `raft` are always reported, and
/// those of type `merkle-crdt` have none.
public enum MergePolicy {
    /// They are reported, and the result has this side's.
    case report
    case ours
    case theirs
    /// The side that was changed last, by the entries' own times; this one, when they are the same.
    case newest
    /// Both: the other side's under its name with a dot and this suffix. Of what one side removed, the
    /// other's.
    case both(suffix: String)
    /// A function decides; on the caller's thread, before the merge returns. The suffix is for what it wants
    /// to keep both of.
    case ask(
        suffix: String = MergePolicy.usualSuffix,
        (MergeConflict) throws(StoreError) -> MergeConflict.Resolution)
    /// Nothing is there: for what several ancestors disagree about.
    case drop

    public static let usualSuffix = "theirs"
    /// In bytes.
    public static let maximumSuffix = 128

    /// What a second entry's name ends in. INVALID for one that no name can end in.
    var suffix: String {
        get throws(StoreError) {
            switch self {
            case .both(let suffix), .ask(let suffix, _):
                guard (1...Self.maximumSuffix).contains(suffix.utf8.count),
                    !suffix.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") })
                else {
                    throw StoreError(
                        .invalid, "a suffix has 1 to \(Self.maximumSuffix) bytes, none of them \"/\" or NUL")
                }
                return suffix
            default: return Self.usualSuffix
            }
        }
    }
}

/// What a merge gives.
public struct MergeResult {
    /// The root of the merged tree.
    public let root: Entry
    public let conflicts: [MergeConflict]
    /// What one side has moved and the other has changed: the change went with it.
    public var renames: [Rename] = []

    public struct Rename: Equatable, Sendable {
        public let old: FilePath
        public let new: FilePath
    }

    public var isResolved: Bool { conflicts.allSatisfy { $0.resolution != .unresolved } }
}
