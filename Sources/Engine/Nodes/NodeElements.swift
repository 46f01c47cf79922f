/// The elements of a tree, one after another. A class, so that a level of nested values takes little of the
/// stack.
///
/// What always holds: what it has read of its tree is forgotten before another tree below it is gone through,
/// so that nested trees take the memory of one.
final class NodeElements<Source: BlockSource> {
    private let reader: NodeReader<Source>
    private let root: CID
    private var cursor: ProllyCursor<Source>?
    private var leaf: ProllyNode?
    private var first: UInt64 = 0
    let kind: ProllyKind
    let count: UInt64
    /// The element that comes next.
    var position: UInt64 = 0

    init(_ cid: CID, _ node: ProllyNode, _ reader: NodeReader<Source>) {
        self.reader = reader
        root = cid
        cursor = ProllyCursor(cid, node, reader.source)
        kind = node.kind
        count = node.count
    }

    /// Gives back what it has of the tree; it is read again when the next element is asked for.
    func forget() {
        cursor = nil
        leaf = nil
    }

    /// Goes to the first element whose key is not before `key`.
    func seek(_ key: String) throws(StoreError) {
        var cursor = try open()
        position = try Array(key.utf8).withBytes { (key) throws(StoreError) in try cursor.find(key).index }
        self.cursor = cursor
    }

    /// The next element and its key, empty in a list; nil at the end. The element stands inside `depth`
    /// lists and maps.
    func next(depth: Int) throws(StoreError) -> (key: String, value: IPLDValue)? {
        guard let item = try current() else { return nil }
        let key = item.leaf.withKey(item.position) { String(decoding: $0, as: UTF8.self) }
        try reader.memory?.take(IPLDMap.heapBytes(ofKey: key))
        position += 1
        // Out of the leaf first: what follows may go deep.
        switch try item.leaf.withValue(item.position, { (value) throws(StoreError) in NodeSlot(value) }) {
        case .inline(let encoded):
            return (
                key,
                try encoded.withBytes { (bytes) throws(StoreError) in
                    try reader.element(.inline(bytes), depth: depth)
                }
            )
        case .link(let cid, let size):
            let opened = try reader.openElement(cid, size: size, depth: depth)
            if case .tree = opened { forget() }
            return (key, try reader.value(cid, opened, depth: depth))
        }
    }

    /// The leaf of the next element, and where in it that is; nil at the end.
    @inline(never)
    func current() throws(StoreError) -> (leaf: ProllyNode, position: Int)? {
        guard position < count else { return nil }
        if let leaf, position >= first, position - first < leaf.count { return (leaf, Int(position - first)) }
        var cursor = try open()
        let (node, start) = try cursor.node(level: 0, at: position)
        (leaf, first) = (node, start)
        self.cursor = cursor
        return (node, Int(position - start))
    }

    private func open() throws(StoreError) -> ProllyCursor<Source> {
        if let cursor { return cursor }
        guard case .tree(let node) = try reader.open(root) else {
            throw StoreError(.internal, "the node \(root) is not what it was")
        }
        return ProllyCursor(root, node, reader.source)
    }
}
