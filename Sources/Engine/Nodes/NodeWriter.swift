/// Stores values of any size: as one block where that is possible, split where it is not.
///
/// What always holds:
/// - The value alone decides its form, and so its CID. What encodes to a block at most is that block, as any
///   other implementation has it, unless it is a map that could be taken for a split node.
/// - A list or map that is split holds its short elements itself; each longer one is a node of its own, by
///   the same rules. So no node is larger than a block, and every link is counted where it stands.
struct NodeWriter {
    let batch: Batch
    var limits = ProllyLimits.standard

    private var hash: CID.HashFunction { batch.core.configuration.profile.hash }

    /// The encoding of a value inside so many lists and maps.
    static func encode(_ value: IPLDValue, depth: Int = 0) throws(StoreError) -> [UInt8] {
        var writer = DagCBORWriter()
        do { try writer.value(value, depth: depth) } catch { throw StoreError(error) }
        return writer.output
    }

    /// Stores one value, strictly encoded.
    func put(_ encoded: UnsafeRawBufferPointer) throws(StoreError) -> CID {
        let kind: DagCBOR.Kind
        do { kind = try DagCBORReader(encoded).peekKind() } catch { throw StoreError(error) }
        switch kind {
        case .list where encoded.count > limits.blockBytes: return try putList(encoded)
        case .map where encoded.count > limits.blockBytes || SplitForm.isMarked(encoded):
            return try putMap(encoded)
        case .bytes where encoded.count > limits.blockBytes, .text where encoded.count > limits.blockBytes:
            return try putString(encoded, isText: kind == .text)
        default: return try put(block: encoded, isTree: false)
        }
    }

    func put(_ value: IPLDValue) throws(StoreError) -> CID {
        // The one kind of value that may be large in one piece is not copied.
        if case .bytes(let bytes) = value, bytes.count > limits.blockBytes {
            return try bytes.withBytes { (bytes) throws(StoreError) in
                try put(string: bytes, isText: false)
            }
        }
        return try Self.encode(value).withBytes { (encoded) throws(StoreError) in try put(encoded) }
    }

    /// What a tree holds of an element: all of it, or a link to where it is stored now.
    func slot(_ encoded: UnsafeRawBufferPointer) throws(StoreError) -> ProllyValue {
        if encoded.count <= limits.inlineBytes { return .inline(encoded) }
        return .link(try put(encoded), size: UInt64(encoded.count))
    }

    func makeBuilder(_ kind: ProllyKind) -> ProllyBuilder {
        ProllyBuilder(kind, limits: limits, hash: hash) { (cid, node, level) throws(StoreError) in
            try put(block: node, cid, isTree: level > 0)
        }
    }

    func slot(_ value: IPLDValue, depth: Int) throws(StoreError) -> NodeSlot {
        try Self.encode(value, depth: depth).withBytes { (encoded) throws(StoreError) in
            NodeSlot(try slot(encoded))
        }
    }

    /// The tree of the elements that `next` gives, in order, and the bytes of the whole value's encoding.
    func build(_ kind: ProllyKind, next: () throws(StoreError) -> (key: [UInt8], value: IPLDValue)?)
        throws(StoreError) -> (root: CID, size: UInt64)
    {
        let builder = makeBuilder(kind)
        while let (key, value) = try next() {
            try Self.encode(value, depth: 1).withBytes { (encoded) throws(StoreError) in
                let slot = try slot(encoded)
                try key.withBytes { (key) throws(StoreError) in try builder.append(key: key, slot) }
            }
        }
        return (try builder.finish(), builder.valueSize)
    }

    /// The tree of a tree's elements with changes made, and the bytes of the whole value's encoding.
    func edit(_ base: ProllyCursor<Batch>, _ splices: [ProllySplice]) throws(StoreError)
        -> (root: CID, size: UInt64)
    {
        let builder = makeBuilder(base.kind)
        var edit = ProllyEdit(base, takesNodes: base.root.hash == hash, into: builder)
        try edit.run(splices)
        return (try builder.finish(), builder.valueSize)
    }

    /// A list or map of the elements that `next` gives, under the CID that `put` of it gives.
    func put(_ kind: ProllyKind, next: () throws(StoreError) -> (key: [UInt8], value: IPLDValue)?)
        throws(StoreError) -> CID
    {
        let (root, size) = try build(kind, next: next)
        guard size <= UInt64(limits.blockBytes) else { return root }
        return try put(try NodeReader(source: batch).value(root, limit: .max))
    }

    @inline(never)
    private func putList(_ encoded: UnsafeRawBufferPointer) throws(StoreError) -> CID {
        let builder = makeBuilder(.list)
        var reader = DagCBORReader(encoded)
        for _ in 0..<(try read { () throws(CodecError) in try reader.readListHeader() }) {
            let element = try element(&reader)
            try builder.append(key: UnsafeRawBufferPointer(rebasing: encoded[..<0]), try slot(element))
        }
        return try builder.finish()
    }

    @inline(never)
    private func putMap(_ encoded: UnsafeRawBufferPointer) throws(StoreError) -> CID {
        let builder = makeBuilder(.map)
        var reader = DagCBORReader(encoded)
        for _ in 0..<(try read { () throws(CodecError) in try reader.readMapHeader() }) {
            let key = try read { () throws(CodecError) in try reader.readText() }
            let element = try element(&reader)
            try builder.append(key: key, try slot(element))
        }
        return try builder.finish()
    }

    /// The next element's encoding.
    private func element(_ reader: inout DagCBORReader) throws(StoreError) -> UnsafeRawBufferPointer {
        let start = reader.offset
        do { try reader.skipValue() } catch { throw StoreError(error) }
        return UnsafeRawBufferPointer(rebasing: reader.input[start..<reader.offset])
    }

    private func putString(_ encoded: UnsafeRawBufferPointer, isText: Bool) throws(StoreError) -> CID {
        var reader = DagCBORReader(encoded)
        let content = try read { () throws(CodecError) in
            isText ? try reader.readText() : try reader.readBytes()
        }
        return try put(string: content, isText: isText)
    }

    private func put(string: UnsafeRawBufferPointer, isText: Bool) throws(StoreError) -> CID {
        let content = try batch.putBytes(string)
        let node = SplitForm.encodeString(isText: isText, content: content, size: UInt64(string.count))
        return try node.withBytes { (node) throws(StoreError) in try put(block: node, isTree: true) }
    }

    private func put(block: UnsafeRawBufferPointer, isTree: Bool) throws(StoreError) -> CID {
        let cid = try batch.core.cid(of: block, .dagCBOR)
        try put(block: block, cid, isTree: isTree)
        return cid
    }

    /// `isTree`: what it links to is this value's own, and must be here.
    private func put(block: UnsafeRawBufferPointer, _ cid: CID, isTree: Bool) throws(StoreError) {
        let links = try read { () throws(CodecError) in try DagCBOR.links(in: block) }
        try batch.put(cid, block, links: links, isTree: isTree)
    }

    private func read<T>(_ body: () throws(CodecError) -> T) throws(StoreError) -> T {
        do { return try body() } catch { throw StoreError(error) }
    }
}

extension Batch {
    /// Stores an IPLD value of any size: one block where it fits, a tree of blocks where it does not. The
    /// value alone decides its CID. INVALID for a value that has no encoding; TOO_LARGE for a key of more
    /// than 256 KiB in a map that is larger than a block.
    public func putNode(_ value: IPLDValue) throws(StoreError) -> CID {
        let isLargeString =
            if case .bytes(let bytes) = value { bytes.count > Block.maximumLength } else { false }
        if isLargeString {
            return try step { () throws(StoreError) in try NodeWriter(batch: self).put(value) }
        }
        let encoded = try NodeWriter.encode(value)
        return try step { () throws(StoreError) in
            try encoded.withBytes { (encoded) throws(StoreError) in
                try NodeWriter(batch: self).put(encoded)
            }
        }
    }

    /// As `putNode(_:)`, of a value in DAG-CBOR, which must be strict: INVALID otherwise.
    public func putNode(dagCBOR encoded: UnsafeRawBufferPointer) throws(StoreError) -> CID {
        do { try DagCBOR.validate(encoded) } catch { throw StoreError(error) }
        return try step { () throws(StoreError) in try NodeWriter(batch: self).put(encoded) }
    }

    /// Stores the list of the values that `next` gives, then nil, without holding it: the CID that `putNode`
    /// of it gives.
    public func putList(next: () throws(StoreError) -> IPLDValue?) throws(StoreError) -> CID {
        try step { () throws(StoreError) in
            try NodeWriter(batch: self).put(.list) { () throws(StoreError) in
                try next().map { ([], $0) }
            }
        }
    }

    /// Stores the map of the entries that `next` gives, then nil, without holding it: the CID that `putNode`
    /// of it gives. Keys ascend in the order of DAG-CBOR (shorter first, equal lengths bytewise), INVALID
    /// otherwise; they have at most 256 KiB, TOO_LARGE otherwise.
    public func putMap(next: () throws(StoreError) -> (key: String, value: IPLDValue)?) throws(StoreError)
        -> CID
    {
        try step { () throws(StoreError) in
            try NodeWriter(batch: self).put(.map) { () throws(StoreError) in
                try next().map { (Array($0.key.utf8), $0.value) }
            }
        }
    }
}
