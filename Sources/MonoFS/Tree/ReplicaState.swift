/// What is known of one name in a tree whose entries are of type `merkle-crdt`: an observed-remove register.
/// Every value that was ever given to the name has a tag of its own; a change or removal notes the tags of
/// the values that it replaces. Joining two states is the union of both: values whose tags the other has
/// noted are gone, all others stay (`Replica`).
///
/// What always holds of what is written: lists of tags ascend; a tag is in one place only; the entry that the
/// state belongs to is the value that is shown, and has `tags`, none when no value is left; `others` are in
/// the order of their encodings, have no state of their own, and if they are directories no entries: those
/// are below the name.
public struct ReplicaState: Equatable, Sendable {
    /// A number that no other change has.
    public struct Tag: Hashable, Comparable, Sendable {
        let high: UInt64
        let low: UInt64

        public static func < (a: Tag, b: Tag) -> Bool { (a.high, a.low) < (b.high, b.low) }
    }

    public struct Value: Equatable, Sendable {
        public let tags: [Tag]
        public let entry: Entry
    }

    /// Of the value that is shown.
    public var tags: [Tag]
    /// Values that were given to the name elsewhere at the same time, and that nobody has chosen from.
    public var others: [Value] = []
    /// Tags of values that were replaced or removed.
    public var seen: [Tag] = []
    /// The latest removal, where it is not what is shown.
    var removal: Entry? {
        get { removals.first }
        set { removals = newValue.map { [$0] } ?? [] }
    }
    /// An array, because an entry cannot hold an entry.
    private var removals: [Entry] = []
    /// When something in the directory was last changed that the name is or was, where it is not shown.
    var touched = Timestamp.zero

    init(tags: [Tag]) { self.tags = tags }
}
