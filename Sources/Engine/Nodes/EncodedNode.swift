/// The DAG-CBOR of a value of any size, which is written out without being held.
///
/// What it is made of stays readable while it lives, by a lease, if it was not deleted when it was made.
public struct EncodedNode {
    private enum Content {
        case bytes([UInt8])
        case node(CID, ContentStore, Lease?)
    }

    private let content: Content
    /// Bytes.
    public let size: UInt64

    init(_ encoded: [UInt8]) {
        content = .bytes(encoded)
        size = UInt64(encoded.count)
    }

    init(_ value: IPLDValue) throws(StoreError) { self.init(try NodeWriter.encode(value)) }

    init(_ store: ContentStore, _ cid: CID, size: UInt64, _ lease: Lease?) {
        content = .node(cid, store, lease)
        self.size = size
    }

    /// Hands all of it to `sink`, in order, in pieces of any size. What was handed over before an error is
    /// part of no value.
    public func write(to sink: (UnsafeRawBufferPointer) throws(StoreError) -> Void) throws(StoreError) {
        switch content {
        case .bytes(let bytes):
            try bytes.withBytes { (bytes) throws(StoreError) in try sink(bytes) }
        case .node(let cid, let store, let lease):
            var encoder = NodeEncoder(reader: NodeReader(source: store))
            defer { withExtendedLifetime(lease) {} }
            try encoder.run(cid, size: size, to: sink)
        }
    }
}

extension ContentStore {
    /// The value under a CID, or at a path in it as `value(_:at:limit:)` has it, as DAG-CBOR: at the memory
    /// of a few blocks, whatever its size. A raw block is the byte string of its bytes.
    public func encodedNode(_ cid: CID, at path: [String] = []) throws(StoreError) -> EncodedNode {
        let lease = try core.lease()
        let reader = NodeReader(source: self)
        switch try reader.locate(cid, path) {
        case .value(let value): return try EncodedNode(value)
        case .node(let cid, let size?): return EncodedNode(self, cid, size: size, lease)
        case .node(let cid, nil):
            return EncodedNode(self, cid, size: try reader.encodedSize(of: cid), lease)
        }
    }
}

extension NodeReader {
    /// Bytes of the encoding of the value under a CID.
    fileprivate func encodedSize(of cid: CID) throws(StoreError) -> UInt64 {
        try source.withContent(of: cid) { (block) throws(StoreError) in
            switch cid.codec {
            case .raw: UInt64(DagCBOR.headLength(UInt64(block.count)) + block.count)
            case .dagCBOR: try SplitForm.valueSize(ofBlock: block)
            default: throw StoreError(.unsupported, "codec \(cid.codec.rawValue) has no value here")
            }
        }
    }
}

/// Writes an encoding as it goes through the value's blocks.
///
/// What always holds: a node has as many bytes as its parent says, so that as much comes out as the root
/// says; no more is held than a block, and the path in the tree that is gone through.
private struct NodeEncoder<Source: BlockSource> {
    let reader: NodeReader<Source>
    private var output = DagCBORWriter()
    /// The lists and maps around what comes next.
    private var open: [NodeElements<Source>] = []

    private static var flushedLength: Int { 64 << 10 }

    typealias Sink = (UnsafeRawBufferPointer) throws(StoreError) -> Void

    init(reader: NodeReader<Source>) { self.reader = reader }

    mutating func run(_ cid: CID, size: UInt64, to sink: Sink) throws(StoreError) {
        try enter(cid, size: size, sink)
        while let elements = open.last {
            guard let (leaf, item) = try elements.current() else {
                open.removeLast()
                continue
            }
            elements.position += 1
            if elements.kind == .map { try writeKey(leaf, item) }
            switch try leaf.withValue(item, { (value) throws(StoreError) in try writeInline(value) }) {
            case (let cid, let size)?: try enter(cid, size: size, sink)
            case nil: break
            }
            if output.count >= Self.flushedLength { try flush(sink) }
        }
        try flush(sink)
    }

    private mutating func flush(_ sink: Sink) throws(StoreError) {
        try output.output.withBytes { (bytes) throws(StoreError) in
            if bytes.count > 0 { try sink(bytes) }
        }
        output.removeAll()
    }

    private mutating func writeKey(_ leaf: ProllyNode, _ item: Int) throws(StoreError) {
        try leaf.withKey(item) { (key) throws(StoreError) in
            do throws(CodecError) { try output.text(utf8: key) } catch { throw StoreError(error) }
        }
    }

    /// Writes what a leaf holds itself; gives what it links to.
    private mutating func writeInline(_ value: ProllyValue) throws(StoreError) -> (CID, size: UInt64)? {
        switch value {
        case .link(let cid, let size): return (cid, size)
        case .inline(let encoded):
            // A level takes a byte at least.
            if open.count + encoded.count > IPLDValue.maximumDepth { try check(encoded) }
            output.encoded(encoded)
            return nil
        }
    }

    private func check(_ encoded: UnsafeRawBufferPointer) throws(StoreError) {
        var reader = DagCBORReader(encoded)
        do {
            try reader.skipValue(depth: open.count)
            try reader.finish()
        } catch {
            throw StoreError(.corrupt, "a stored node is not strict DAG-CBOR: \(error)")
        }
    }

    /// Writes a block that is a value; begins with one that is not all of it.
    private mutating func enter(_ cid: CID, size: UInt64, _ sink: Sink) throws(StoreError) {
        let form = try reader.source.withContent(of: cid) { (block) throws(StoreError) -> SplitForm? in
            if cid.codec == .raw, open.isEmpty {
                output.bytes(block)
                return nil
            }
            guard cid.codec == .dagCBOR else { throw corrupt(cid, "is no node") }
            let form = try SplitForm.decode(block)
            guard (form?.valueSize ?? UInt64(block.count)) == size else {
                throw corrupt(cid, "has another size than its parent says")
            }
            if form == nil {
                try check(block)
                output.encoded(block)
            }
            return form
        }
        switch form {
        case nil: return
        case .string(let isText, let content, let size): try write(cid, isText: isText, content, size, sink)
        case .tree(let node):
            guard open.count < IPLDValue.maximumDepth else { throw corrupt(cid, "is nested too deep") }
            switch node.kind {
            case .list: output.listHeader(Int(node.count))
            case .map: output.mapHeader(Int(node.count))
            case .byteMap:
                throw StoreError(.unsupported, "\(cid) is keyed by bytes, which no IPLD value is")
            }
            open.last?.forget()
            open.append(NodeElements(cid, node, reader))
        }
    }

    private func corrupt(_ cid: CID, _ what: String) -> StoreError {
        StoreError(.corrupt, "the node \(cid) \(what)")
    }

    private mutating func write(
        _ cid: CID, isText: Bool, _ content: CID, _ size: UInt64, _ sink: Sink
    ) throws(StoreError) {
        output.stringHeader(isText: isText, size)
        try flush(sink)
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { piece.deallocate() }
        do throws(StoreError) {
            var tree = try TreeReader(root: content, size: size, source: reader.source)
            var offset: UInt64 = 0
            // Of a character that the piece before cut, in text.
            var carried = 0
            while offset < size {
                let room = UnsafeMutableRawBufferPointer(rebasing: piece[carried...])
                let count = try tree.read(at: offset, into: room)
                offset += UInt64(count)
                let bytes = UnsafeRawBufferPointer(rebasing: piece[..<(carried + count)])
                let end = isText && offset < size ? UTF8Check.lastBoundary(bytes) : bytes.count
                let whole = UnsafeRawBufferPointer(rebasing: bytes[..<end])
                guard !isText || UTF8Check.isValid(whole) else {
                    throw corrupt(cid, "is text that is not UTF-8")
                }
                if whole.count > 0 { try sink(whole) }
                carried = bytes.count - end
                piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[end...]))
            }
        } catch  where error.code == .invalid {
            throw corrupt(cid, "has a content that is no file")
        }
    }
}
