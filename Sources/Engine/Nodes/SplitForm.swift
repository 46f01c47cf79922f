/// The block at the root of a value that is not one block: `docs/FORMAT.md`, Split nodes.
///
///     {"ipldstore/node": ["bytes" or "text", LINK, UINT]}
///     {"ipldstore/node": ["list", "map" or "bytemap", LEVEL, [item…]]}
enum SplitForm {
    /// A byte string or text, as a file of so many bytes.
    case string(isText: Bool, content: CID, size: UInt64)
    case tree(ProllyNode)

    /// A map whose first key this is, is never stored by `putNode` as the block it would be.
    static let marker: StaticString = "ipldstore/node"

    /// Reads a root. Nil for DAG-CBOR of another shape: a value that is its block. Throws `.corrupt` for what
    /// has the shape and contradicts itself, `.unsupported` for a CID that this version cannot represent.
    static func decode(_ block: UnsafeRawBufferPointer) throws(StoreError) -> SplitForm? {
        var reader = DagCBORReader(block)
        guard let kind = shape(&reader) else { return nil }
        do throws(CodecError) {
            switch kind {
            case .tree(let kind):
                let node = try ProllyNode(kind, block, &reader)
                try reader.finish()
                return .tree(node)
            case .string(let isText):
                let content = try reader.readLink()
                let size = try reader.readUnsigned()
                try reader.finish()
                guard size <= TreeNode.maximumSize else {
                    throw CodecError(.integerRange, at: reader.offset)
                }
                return .string(isText: isText, content: content, size: size)
            }
        } catch {
            let error = StoreError(error)
            if error.code == .unsupported { throw error }
            throw StoreError(.corrupt, "a damaged or forged split node: \(error.message)")
        }
    }

    /// Bytes of the encoding of the value that a dag-cbor block is the root of.
    static func valueSize(ofBlock block: UnsafeRawBufferPointer) throws(StoreError) -> UInt64 {
        try decode(block)?.valueSize ?? UInt64(block.count)
    }

    /// Bytes of the encoding of the whole value.
    var valueSize: UInt64 {
        switch self {
        case .string(_, _, let size): UInt64(DagCBOR.headLength(size)) + size
        case .tree(let node): node.valueSize
        }
    }

    /// A block below, and its size: of a file its bytes, of a value the bytes of its encoding.
    struct Part {
        let cid: CID
        let size: UInt64
        let isFile: Bool
    }

    /// The blocks that are parts of the value.
    func parts() throws(StoreError) -> [Part] {
        switch self {
        case .string(_, let content, let size): return [Part(cid: content, size: size, isFile: true)]
        case .tree(let node):
            var parts: [Part] = []
            for position in node.items.indices where node.items[position].isLink {
                if node.level > 0 {
                    let child = try node.child(position)
                    let size = UInt64(DagCBOR.headLength(child.count)) + child.size
                    parts.append(Part(cid: child.cid, size: size, isFile: false))
                } else if case .link(let cid, let size) = try node.withValue(position, { $0 }) {
                    parts.append(Part(cid: cid, size: size, isFile: false))
                }
            }
            return parts
        }
    }

    /// Whether a value, strictly encoded, is a map whose first key is the marker.
    static func isMarked(_ value: UnsafeRawBufferPointer) -> Bool {
        var reader = DagCBORReader(value)
        guard let count = try? reader.readMapHeader(), count > 0 else { return false }
        return (try? reader.readKey(marker)) != nil
    }

    private enum Kind {
        case tree(ProllyKind)
        case string(isText: Bool)
    }

    /// Reads as far as the kind; nil where that is none.
    private static func shape(_ reader: inout DagCBORReader) -> Kind? {
        do throws(CodecError) {
            guard try reader.peekKind() == .map, try reader.readMapHeader() == 1 else { return nil }
            try reader.readKey(marker)
            guard try reader.readListHeader() == 3 else { return nil }
            let name = String(decoding: try reader.readText(), as: UTF8.self)
            switch name {
            case "bytes": return .string(isText: false)
            case "text": return .string(isText: true)
            default: return ProllyKind(rawValue: name).map { .tree($0) }
            }
        } catch {
            return nil
        }
    }
}

extension SplitForm {
    /// Writes the root of a byte string or text.
    static func encodeString(isText: Bool, content: CID, size: UInt64) -> [UInt8] {
        var writer = DagCBORWriter()
        writer.mapHeader(1)
        writer.text(marker)
        writer.listHeader(3)
        writer.text(isText ? "text" as StaticString : "bytes")
        writer.link(content)
        writer.unsigned(size)
        return writer.output
    }
}
