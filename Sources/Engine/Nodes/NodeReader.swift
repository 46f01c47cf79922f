/// Reads values of any size: whole, or what is at a path without the rest.
///
/// What always holds:
/// - A block is decoded before the next one is read: one block's scratch space, whatever the depth.
/// - A node has as many bytes as its parent says, which bounds what a whole value takes; lists and maps are
///   nested `IPLDValue.maximumDepth` deep at most, links that stand for one another follow as often.
struct NodeReader<Source: BlockSource> {
    let source: Source

    /// What a CID names, as far as one block tells.
    enum Opened {
        /// All of it, and the bytes of its encoding.
        case value(IPLDValue, size: UInt64)
        case string(isText: Bool, content: CID, size: UInt64)
        case tree(ProllyNode)

        /// Bytes of the encoding of the whole value.
        var size: UInt64 {
            switch self {
            case .value(_, let size): size
            case .string(_, _, let size): UInt64(DagCBOR.headLength(size)) + size
            case .tree(let node): node.valueSize
            }
        }
    }

    func open(_ cid: CID, depth: Int = 0) throws(StoreError) -> Opened {
        try source.withContent(of: cid) { (block) throws(StoreError) in
            switch cid.codec {
            case .raw: return .value(.bytes([UInt8](block)), size: UInt64(block.count))
            case .dagCBOR:
                switch try SplitForm.decode(block) {
                case .string(let isText, let content, let size):
                    return .string(isText: isText, content: content, size: size)
                case .tree(let node): return .tree(node)
                case nil: return .value(try Self.decode(block, depth: depth), size: UInt64(block.count))
                }
            default: throw StoreError(.unsupported, "codec \(cid.codec.rawValue) has no value here")
            }
        }
    }

    /// A value that stands inside so many lists and maps.
    static func decode(_ encoded: UnsafeRawBufferPointer, depth: Int) throws(StoreError) -> IPLDValue {
        var reader = DagCBORReader(encoded)
        do {
            let value = try reader.readValue(depth: depth)
            try reader.finish()
            return value
        } catch {
            throw StoreError(.corrupt, "a stored node is not strict DAG-CBOR: \(error)")
        }
    }

    /// All of a value, whose encoding has `limit` bytes at most; TOO_LARGE otherwise.
    func value(_ cid: CID, limit: UInt64) throws(StoreError) -> IPLDValue {
        let opened = try open(cid)
        guard opened.size <= limit else {
            throw StoreError(
                .tooLarge, "the value has \(opened.size) bytes, more than \(limit): read it by path")
        }
        return try value(cid, opened, depth: 0)
    }

    /// The element that a leaf holds, of a list or map inside `depth - 1` others.
    func element(_ value: ProllyValue, depth: Int) throws(StoreError) -> IPLDValue {
        switch value {
        case .inline(let encoded): return try Self.decode(encoded, depth: depth)
        case .link(let cid, let size): return try element(cid, size: size, depth: depth)
        }
    }

    @inline(never)
    private func element(_ cid: CID, size: UInt64, depth: Int) throws(StoreError) -> IPLDValue {
        try value(cid, try openElement(cid, size: size, depth: depth), depth: depth)
    }

    /// The node of an element, which must have the size that its parent says.
    func openElement(_ cid: CID, size: UInt64, depth: Int) throws(StoreError) -> Opened {
        let opened = try open(cid, depth: depth)
        guard cid.codec == .dagCBOR, opened.size == size else {
            throw StoreError(.corrupt, "the node \(cid) has \(opened.size) bytes, its parent says \(size)")
        }
        return opened
    }

    @inline(never)
    private func value(_ cid: CID, _ opened: Opened, depth: Int) throws(StoreError) -> IPLDValue {
        switch opened {
        case .value(let value, _): return value
        case .string(let isText, let content, let size):
            return try string(cid, isText: isText, content, size)
        case .tree(let node): return try tree(cid, node, depth: depth)
        }
    }

    @inline(never)
    private func tree(_ cid: CID, _ node: ProllyNode, depth: Int) throws(StoreError) -> IPLDValue {
        guard depth < IPLDValue.maximumDepth else {
            throw StoreError(.corrupt, "the node \(cid) is nested too deep")
        }
        let elements = NodeElements(cid, node, self)
        switch node.kind {
        case .list:
            var list: [IPLDValue] = []
            while let (_, value) = try elements.next(depth: depth + 1) { list.append(value) }
            return .list(list)
        case .map:
            var map = IPLDMap()
            while let (key, value) = try elements.next(depth: depth + 1) {
                guard map.append(key, value) else {
                    throw StoreError(.corrupt, "the node \(cid) has keys out of order")
                }
            }
            return .map(map)
        case .byteMap: throw StoreError(.unsupported, "\(cid) is keyed by bytes, which no IPLD value is")
        }
    }

    @inline(never)
    private func string(_ cid: CID, isText: Bool, _ content: CID, _ size: UInt64) throws(StoreError)
        -> IPLDValue
    {
        func corrupt(_ what: String) -> StoreError {
            StoreError(.corrupt, "the node \(cid) \(what)")
        }
        var bytes: [UInt8] = []
        do throws(StoreError) {
            var reader = try TreeReader(root: content, size: size, source: source)
            // Room comes with the bytes, a piece at a time: the size may lie.
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
            defer { piece.deallocate() }
            while UInt64(bytes.count) < size {
                let count = try reader.read(at: UInt64(bytes.count), into: piece)
                bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[..<count]))
            }
        } catch  where error.code == .invalid {
            throw corrupt("has a content that is no file")
        }
        guard isText else { return .bytes(bytes) }
        guard bytes.withBytes({ UTF8Check.isValid($0) }) else { throw corrupt("is text that is not UTF-8") }
        return .text(String(decoding: bytes, as: UTF8.self))
    }
}

/// The elements of a tree, one after another, each whole. A class, so that a level of nested values takes
/// little of the stack.
final class NodeElements<Source: BlockSource> {
    private let reader: NodeReader<Source>
    private var cursor: ProllyCursor<Source>
    private var leaf: ProllyNode?
    private var first: UInt64 = 0
    /// The element that comes next.
    var position: UInt64 = 0

    init(_ cid: CID, _ node: ProllyNode, _ reader: NodeReader<Source>) {
        self.reader = reader
        cursor = ProllyCursor(cid, node, reader.source)
    }

    var kind: ProllyKind { cursor.kind }
    var count: UInt64 { cursor.count }

    /// Goes to the first element whose key is not before `key`.
    func seek(_ key: String) throws(StoreError) {
        position = try Array(key.utf8).withBytes { (key) throws(StoreError) in try cursor.find(key).index }
    }

    /// The next element and its key, empty in a list; nil at the end. The element stands inside `depth`
    /// lists and maps.
    func next(depth: Int) throws(StoreError) -> (key: String, value: IPLDValue)? {
        guard let item = try advance() else { return nil }
        let key = item.leaf.withKey(item.position) { String(decoding: $0, as: UTF8.self) }
        // Out of the leaf first: what follows may go deep.
        switch try item.leaf.withValue(item.position, { (value) throws(StoreError) in NodeSlot(value) }) {
        case .inline(let encoded):
            return (
                key,
                try encoded.withBytes { (bytes) throws(StoreError) in
                    try NodeReader<Source>.decode(bytes, depth: depth)
                }
            )
        case .link(let cid, let size):
            return (key, try reader.element(.link(cid, size: size), depth: depth))
        }
    }

    @inline(never)
    private func advance() throws(StoreError) -> (leaf: ProllyNode, position: Int)? {
        guard position < count else { return nil }
        if leaf == nil || position < first || position - first >= (leaf?.count ?? 0) {
            let (node, start) = try cursor.node(level: 0, at: position)
            (leaf, first) = (node, start)
        }
        guard let leaf else { return nil }
        defer { position += 1 }
        return (leaf, Int(position - first))
    }
}
