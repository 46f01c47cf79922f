import IpldEngine

/// Merging two entries that are there, and no two different kinds of which one is a directory, field by
/// field.
///
/// What always holds: a field that one side alone has changed is that side's; one that both changed to the
/// same is that. Times never conflict: the later one stands, but beside content that conflicts, which keeps
/// its own; and of the times when entries were made the earlier one. Nor do hard links: a name that either
/// side has tied to others is tied. Every other field that both changed differently is a conflict.
struct EntryMerge {
    /// With the conflicting fields of either side.
    private(set) var ours: Entry
    private(set) var theirs: Entry
    let conflicting: TreeChange.Aspects
    /// Two numbers of what is one group of hard links now.
    let union: (HardLinkGroup, HardLinkGroup)?
    /// When either side was modified.
    private let modified: Timestamp

    init(_ base: Entry?, _ left: Entry, _ right: Entry) {
        var merged = left
        var conflicting: TreeChange.Aspects = []

        /// What a field becomes; nil for a conflict.
        func merge<T: Equatable>(_ field: (Entry) -> T) -> T? {
            let (ours, theirs) = (field(left), field(right))
            if ours == theirs { return ours }
            guard let base else { return nil }
            if field(base) == ours { return Defect.theirsIsForgotten.isPresent ? ours : theirs }
            return field(base) == theirs ? ours : nil
        }
        func set<T: Equatable>(_ path: WritableKeyPath<Entry, T>, _ aspect: TreeChange.Aspects) {
            if let value = merge({ $0[keyPath: path] }) {
                merged[keyPath: path] = value
            } else {
                conflicting.insert(aspect)
            }
        }
        if !(left.isDirectory && right.isDirectory) {
            set(\.content, left.kind == right.kind ? .content : .type)
        }
        set(\.mode, .mode)
        set(\.owner, .owner)
        set(\.group, .owner)
        set(\.sync, .sync)
        set(\.unknown, .other)
        merged.modified = merge(\.modified) ?? max(left.modified, right.modified)
        // A directory's time follows what is in it, which comes from both.
        if left.isDirectory { merged.modified = max(left.modified, right.modified) }
        merged.created = merge(\.created) ?? [left.created, right.created].compactMap { $0 }.min()
        merged.hardLink = left.hardLink ?? right.hardLink
        if let a = left.hardLink, let b = right.hardLink, a != b { union = (a, b) } else { union = nil }

        let names = Set((base?.attributes.elements ?? []).map(\.name))
            .union(left.attributes.elements.map(\.name)).union(right.attributes.elements.map(\.name))
        for name in names {
            if let value = merge({ Attribute(value: $0.attributes[name]) }) {
                merged.attributes[name] = value.value
            } else {
                conflicting.insert(.attributes)
            }
        }
        modified = merged.modified
        ours = merged
        var theirs = merged
        if conflicting.contains(.content) || conflicting.contains(.type) {
            (ours.modified, theirs.modified) = (left.modified, right.modified)
            theirs.content = right.content
        }
        if conflicting.contains(.mode) { theirs.mode = right.mode }
        if conflicting.contains(.owner) {
            (theirs.owner, theirs.group) = (right.owner, right.group)
        }
        if conflicting.contains(.sync) { theirs.sync = right.sync }
        if conflicting.contains(.other) { theirs.unknown = right.unknown }
        if conflicting.contains(.attributes) {
            for name in names where merge({ Attribute(value: $0.attributes[name]) }) == nil {
                theirs.attributes[name] = right.attributes[name]
            }
        }
        self.theirs = theirs
        self.conflicting = conflicting
    }

    /// Has either side's have what somebody else knows to be in it.
    mutating func setContent(_ content: Entry.Content) {
        (ours.content, theirs.content) = (content, content)
        (ours.modified, theirs.modified) = (modified, modified)
    }

    private struct Attribute: Equatable {
        let value: IPLDValue?
    }
}
