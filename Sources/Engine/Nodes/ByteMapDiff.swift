/// The differences of two maps of byte strings, in order of their keys, one at a time.
///
/// What always holds:
/// - A node that both maps have, and that both have come to the start of, is passed unread. Where a node
///   ends is decided by what is in it, so two maps fall in step behind a change, and the cost is that of the
///   changes: a path of nodes each.
/// - A key is compared by its value's encoding, or by the link to it where that is out of line, which is the
///   same: the value alone decides its form.
/// - Nothing is kept but a path of nodes of each map.
package struct ByteMapDiff<Source: BlockSource> {
    /// A key whose value differs; nil where a map does not have it.
    package struct Change {
        package let key: [UInt8]
        package let old: [UInt8]?
        package let new: [UInt8]?
    }

    private var old: Side
    private var new: Side

    private struct Side {
        var map: ByteMap<Source>?
        var position: UInt64 = 0

        var isAtEnd: Bool { position >= (map?.count ?? 0) }
        var level: Int { map?.cursor.level ?? 0 }
        var isInsideLeaf: Bool { map?.isInsideLeaf(position) ?? false }

        mutating func element() throws(StoreError) -> (leaf: ProllyNode, item: Int)? {
            isAtEnd ? nil : try map?.element(at: position)
        }

        mutating func node(level: Int) throws(StoreError) -> ProllyChild? {
            try map?.node(beginningAt: position, level: level)
        }

        func value(_ element: (leaf: ProllyNode, item: Int)) throws(StoreError) -> [UInt8]? {
            try map?.value(element.leaf, element.item)
        }
    }

    /// The changes that make `new` of `old`; nil is a map of nothing.
    package init(from old: ByteMap<Source>?, to new: ByteMap<Source>?) {
        self.old = Side(map: old)
        self.new = Side(map: new)
        guard let left = old, let right = new, left.root == right.root else { return }
        (self.old.position, self.new.position) = (left.count, right.count)
    }

    /// The next key that differs; nil after the last. CORRUPT, NOT_FOUND and IO as the blocks are.
    package mutating func next() throws(StoreError) -> Change? {
        while true {
            if try pass() { continue }
            guard let left = try old.element() else {
                guard let right = try new.element() else { return nil }
                return try added(right)
            }
            guard let right = try new.element() else { return try removed(left) }
            let order = left.leaf.withKey(left.item) { (a) in
                right.leaf.withKey(right.item) { (b) in ProllyKind.byteMap.compare(a, b) }
            }
            if order < 0 { return try removed(left) }
            if order > 0 { return try added(right) }
            if try Self.isSameValue(left, right) {
                old.position += 1
                new.position += 1
                continue
            }
            let change = Change(
                key: left.leaf.key(left.item), old: try old.value(left), new: try new.value(right))
            old.position += 1
            new.position += 1
            return change
        }
    }

    private mutating func removed(_ left: (leaf: ProllyNode, item: Int)) throws(StoreError) -> Change {
        let change = Change(key: left.leaf.key(left.item), old: try old.value(left), new: nil)
        old.position += 1
        return change
    }

    private mutating func added(_ right: (leaf: ProllyNode, item: Int)) throws(StoreError) -> Change {
        let change = Change(key: right.leaf.key(right.item), old: nil, new: try new.value(right))
        new.position += 1
        return change
    }

    /// Passes the highest node that begins at both positions and is the same; false when there is none.
    private mutating func pass() throws(StoreError) -> Bool {
        // Nodes begin where leaves do.
        guard !old.isAtEnd, !new.isAtEnd, !old.isInsideLeaf, !new.isInsideLeaf else { return false }
        for level in stride(from: min(old.level, new.level), to: 0, by: -1) {
            guard let a = try old.node(level: level), let b = try new.node(level: level), a.cid == b.cid
            else { continue }
            old.position += a.count
            new.position += b.count
            return true
        }
        return false
    }

    private static func isSameValue(
        _ a: (leaf: ProllyNode, item: Int), _ b: (leaf: ProllyNode, item: Int)
    ) throws(StoreError) -> Bool {
        try a.leaf.withValue(a.item) { (left) throws(StoreError) in
            try b.leaf.withValue(b.item) { (right) throws(StoreError) in
                switch (left, right) {
                case (.inline(let x), .inline(let y)): x.equals(y)
                case (.link(let x, _), .link(let y, _)): x == y
                default: false
                }
            }
        }
    }
}
