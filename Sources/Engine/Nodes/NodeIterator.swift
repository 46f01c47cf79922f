/// The elements of a map or list of any size, in order, from any key or position on.
///
/// What was not deleted when it was made stays readable while it lives, by a lease. For one thread.
/// An element that cannot be read, because it is damaged or too large, stays the next one; `skip` passes it.
public final class NodeIterator {
    private enum Elements {
        case list([IPLDValue])
        case map(IPLDMap)
        case tree(NodeElements<ContentStore>)
    }

    private let elements: Elements
    private let store: ContentStore
    private let lease: Lease?
    private let memory = NodeMemory(limit: 0)
    /// How many elements there are.
    public let count: UInt64
    private var place: UInt64 = 0

    init(_ store: ContentStore, _ cid: CID, at path: [String]) throws(StoreError) {
        self.store = store
        lease = try store.core.lease()
        let reader = NodeReader(source: store, memory: memory)
        var place = try reader.locate(cid, path)
        var node = cid
        var links = 0
        while true {
            switch place {
            case .value(.list(let list)): (elements, count) = (.list(list), UInt64(list.count))
            case .value(.map(let map)): (elements, count) = (.map(map), UInt64(map.count))
            case .value(.link(let cid)) where links < IPLDValue.maximumDepth:
                links += 1
                place = .node(cid, size: nil)
                continue
            case .value: throw StoreError(.invalid, "neither a map nor a list is there")
            case .node(let cid, let size):
                node = cid
                let opened =
                    if let size {
                        try reader.openElement(cid, size: size, depth: 0)
                    } else { try reader.open(cid) }
                switch opened {
                case .value(let value, _):
                    place = .value(value)
                    continue
                case .string: throw StoreError(.invalid, "neither a map nor a list is there")
                case .tree(let tree):
                    (elements, count) = (.tree(NodeElements(node, tree, reader)), tree.count)
                }
            }
            return
        }
    }

    /// The position of the element that `next` gives.
    public var position: UInt64 {
        if case .tree(let elements) = elements { elements.position } else { place }
    }

    /// Goes to a position, at most `count`: the end is one. INVALID beyond it.
    public func seek(to position: UInt64) throws(StoreError) {
        guard position <= count else {
            throw StoreError(.invalid, "position \(position) is beyond the end, \(count)")
        }
        if case .tree(let elements) = elements { elements.position = position } else { place = position }
    }

    /// Goes to the first element whose key is not before `key` in the order of DAG-CBOR: shorter keys first,
    /// equal lengths bytewise. INVALID in a list.
    public func seek(toKey key: String) throws(StoreError) {
        switch elements {
        case .tree(let elements) where elements.kind == .map: try elements.seek(key)
        case .map(let map):
            place = UInt64(map.prefix { IPLDMap.compareKeys($0.key, key) < 0 }.count)
        default: throw StoreError(.invalid, "a list has no keys")
        }
    }

    /// Whether it has keys: a map.
    public var isMap: Bool {
        switch elements {
        case .list: false
        case .map: true
        case .tree(let elements): elements.kind == .map
        }
    }

    /// The next element, whole, and its key, nil in a list; nil at the end. TOO_LARGE when it takes more than
    /// `limit` bytes of memory.
    public func next(limit: UInt64 = ContentStore.nodeLimit) throws(StoreError)
        -> (key: String?, value: IPLDValue)?
    {
        if case .tree(let elements) = elements {
            let start = elements.position
            memory.begin(limit: limit)
            do throws(StoreError) {
                guard let (key, value) = try elements.next(depth: 1) else { return nil }
                return (isMap ? key : nil, value)
            } catch {
                elements.position = start
                throw error
            }
        }
        guard let element = inMemory else { return nil }
        place += 1
        return element
    }

    /// The next element's encoding, which is not read yet, and its key; nil at the end. Stays where it is.
    public func peek() throws(StoreError) -> (key: String?, value: EncodedNode)? {
        guard case .tree(let elements) = elements else {
            guard let (key, value) = inMemory else { return nil }
            return (key, try EncodedNode(value))
        }
        guard let (leaf, item) = try elements.current() else { return nil }
        let key = isMap ? leaf.withKey(item) { String(decoding: $0, as: UTF8.self) } : nil
        let slot = try leaf.withValue(item) { (value) throws(StoreError) in NodeSlot(value) }
        switch slot {
        case .inline(let encoded): return (key, EncodedNode(encoded))
        case .link(let cid, let size): return (key, EncodedNode(store, cid, size: size, lease))
        }
    }

    /// Passes over the next element, if there is one.
    public func skip() {
        guard position < count else { return }
        if case .tree(let elements) = elements { elements.position += 1 } else { place += 1 }
    }

    /// The next element of a value in memory.
    private var inMemory: (key: String?, value: IPLDValue)? {
        guard place < count else { return nil }
        switch elements {
        case .map(let map): return (map[Int(place)].key, map[Int(place)].value)
        case .list(let list): return (nil, list[Int(place)])
        case .tree: return nil
        }
    }
}
