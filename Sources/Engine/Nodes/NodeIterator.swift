/// The elements of a map or list of any size, in order, from any key or position on.
///
/// What was not deleted when it was made stays readable while it lives, by a lease. For one thread.
public final class NodeIterator {
    private enum Elements {
        case list([IPLDValue])
        case map(IPLDMap)
        case tree(NodeElements<ContentStore>)
    }

    private let elements: Elements
    private let lease: Lease?
    /// How many elements there are.
    public let count: UInt64
    private var place: UInt64 = 0

    init(_ store: ContentStore, _ cid: CID, at path: [String]) throws(StoreError) {
        lease = try store.core.lease()
        let reader = NodeReader(source: store)
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

    /// The next element, whole, and its key, nil in a list; nil at the end.
    public func next() throws(StoreError) -> (key: String?, value: IPLDValue)? {
        if case .tree(let elements) = elements {
            guard let (key, value) = try elements.next(depth: 1) else { return nil }
            return (elements.kind == .map ? key : nil, value)
        }
        guard place < count else { return nil }
        defer { place += 1 }
        switch elements {
        case .map(let map): return (map[Int(place)].key, map[Int(place)].value)
        case .list(let list): return (nil, list[Int(place)])
        case .tree: return nil
        }
    }
}
