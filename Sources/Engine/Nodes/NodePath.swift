/// Where a path leads: map keys and list positions, one after another, through links.
/// Source: https://ipld.io/docs/data-model/pathing/
enum NodePlace {
    /// A node that has not been read, and the bytes that its parent says it has.
    case node(CID, size: UInt64?)
    case value(IPLDValue)
}

/// A path as far as it was gone, for messages.
struct NodePathPosition {
    let start: CID
    private(set) var gone: [String] = []

    init(_ start: CID) { self.start = start }

    mutating func go(_ segment: String) { gone.append(segment) }

    func notFound(_ segment: String, _ why: String) -> StoreError {
        let place = ([start.description] + gone).joined(separator: "/")
        return StoreError(.notFound, "there is no \"\(segment)\" at \(place): \(why)")
    }
}

extension NodeReader {
    /// Follows a path. Links are gone through where the path goes on; a link at its end is what is found.
    func locate(_ cid: CID, _ path: [String]) throws(StoreError) -> NodePlace {
        var place = NodePlace.node(cid, size: nil)
        var position = NodePathPosition(cid)
        for segment in path {
            place = try step(place, segment, position)
            position.go(segment)
        }
        return place
    }

    private func step(_ start: NodePlace, _ segment: String, _ position: NodePathPosition)
        throws(StoreError) -> NodePlace
    {
        var place = start
        for _ in 0..<IPLDValue.maximumDepth {
            switch place {
            case .value(.link(let cid)): place = .node(cid, size: nil)
            case .value(let value): return .value(try Self.child(of: value, segment, position))
            case .node(let cid, let size):
                let opened: Opened
                if let size {
                    opened = try openElement(cid, size: size, depth: 0)
                } else {
                    opened = try open(cid)
                }
                switch opened {
                case .value(let value, _): place = .value(value)
                case .string: throw position.notFound(segment, "it is neither a map nor a list")
                case .tree(let node): return try child(of: node, cid, segment, position)
                }
            }
        }
        throw position.notFound(segment, "too many links follow one another")
    }

    /// What a map or list in memory has there.
    static func child(of value: IPLDValue, _ segment: String, _ position: NodePathPosition)
        throws(StoreError) -> IPLDValue
    {
        switch value {
        case .map(let map):
            guard let value = map[segment] else {
                throw position.notFound(segment, "the map has no such key")
            }
            return value
        case .list(let list):
            return list[Int(try Self.index(segment, count: UInt64(list.count), position))]
        default: throw position.notFound(segment, "it is neither a map nor a list")
        }
    }

    private func child(of node: ProllyNode, _ cid: CID, _ segment: String, _ position: NodePathPosition)
        throws(StoreError) -> NodePlace
    {
        var cursor = ProllyCursor(cid, node, source)
        let (leaf, item) = try Self.find(&cursor, segment, position)
        return try leaf.withValue(item) { (value) throws(StoreError) in
            switch value {
            case .inline(let encoded): .value(try Self.decode(encoded, depth: 0))
            case .link(let cid, let size): .node(cid, size: size)
            }
        }
    }

    /// The leaf that holds a map's key or a list's position, and the element in it.
    static func find(_ cursor: inout ProllyCursor<Source>, _ segment: String, _ position: NodePathPosition)
        throws(StoreError) -> (leaf: ProllyNode, item: Int)
    {
        if cursor.kind == .list {
            let index = try Self.index(segment, count: cursor.count, position)
            let (leaf, first) = try cursor.node(level: 0, at: index)
            return (leaf, Int(index - first))
        }
        let found = try Array(segment.utf8).withBytes { (key) throws(StoreError) in try cursor.find(key) }
        guard found.isThere else { throw position.notFound(segment, "the map has no such key") }
        return (found.leaf, found.position)
    }

    /// A list's position in decimal digits, without zeros before it.
    static func index(_ segment: String, count: UInt64, _ position: NodePathPosition) throws(StoreError)
        -> UInt64
    {
        guard let index = UInt64(segment), String(index) == segment else {
            throw position.notFound(segment, "a list's positions are decimal numbers")
        }
        guard index < count else { throw position.notFound(segment, "the list has \(count) elements") }
        return index
    }

    /// All of what is at a path.
    func value(_ cid: CID, at path: [String], limit: UInt64) throws(StoreError) -> IPLDValue {
        switch try locate(cid, path) {
        case .value(let value): return value
        case .node(let cid, let size):
            if let size { _ = try openElement(cid, size: size, depth: 0) }
            return try value(cid, limit: limit)
        }
    }
}
