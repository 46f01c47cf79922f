extension DagCBOR {
    /// The only form of `value`.
    /// - Throws: `integerRange`, `notFinite` or `tooDeep` for a value that has none.
    public static func encode(_ value: IPLDValue) throws(CodecError) -> [UInt8] {
        var writer = DagCBORWriter()
        try writer.value(value)
        return writer.output
    }

    /// The value whose form is the whole of `bytes`.
    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(CodecError) -> IPLDValue {
        var reader = DagCBORReader(bytes)
        let value = try reader.readValue()
        try reader.finish()
        return value
    }

    public static func decode(_ bytes: [UInt8]) throws(CodecError) -> IPLDValue {
        try bytes.withBytes { (bytes) throws(CodecError) in try decode(bytes) }
    }

    /// Returns when `bytes` are the form of a value. Nothing is allocated.
    public static func validate(_ bytes: UnsafeRawBufferPointer) throws(CodecError) {
        var reader = DagCBORReader(bytes)
        try reader.skipValue()
        try reader.finish()
    }

    /// The CIDs that the value links to, each once, in order of first appearance. The whole of `bytes` is
    /// checked, and no value is built. Weak links are byte strings, and so not among them.
    public static func links(in bytes: UnsafeRawBufferPointer) throws(CodecError) -> [CID] {
        var reader = DagCBORReader(bytes)
        var links: [CID] = []
        var seen: Set<CID> = []
        try reader.visitLinks { cid in
            // Most nodes have a handful of links, too few for a set to pay.
            if links.count < 8 {
                if !links.contains(cid) { links.append(cid) }
                return
            }
            if seen.isEmpty {
                seen.reserveCapacity(min(bytes.count / 40, 1024))
                seen.formUnion(links)
            }
            if seen.insert(cid).inserted { links.append(cid) }
        }
        try reader.finish()
        return links
    }
}

extension DagCBORWriter {
    /// A value with all it contains.
    /// - Throws: `integerRange`, `notFinite` or `tooDeep`; what was written before stays written.
    public mutating func value(_ value: IPLDValue) throws(CodecError) {
        try self.value(value, depth: 0)
    }

    /// As `value(_:)`, of a value that stands inside `depth` lists and maps.
    mutating func value(_ value: IPLDValue, depth: Int) throws(CodecError) {
        switch value {
        case .list(let items):
            guard depth < IPLDValue.maximumDepth else { throw CodecError(.tooDeep, at: count) }
            listHeader(items.count)
            for item in items { try self.value(item, depth: depth + 1) }
        case .map(let pairs):
            guard depth < IPLDValue.maximumDepth else { throw CodecError(.tooDeep, at: count) }
            mapHeader(pairs.count)
            for (key, item) in pairs {
                text(key)
                try self.value(item, depth: depth + 1)
            }
        default: try scalar(value)
        }
    }

    /// Apart from the recursion, whose frames must not make room for a CID.
    @inline(never)
    private mutating func scalar(_ value: IPLDValue) throws(CodecError) {
        switch value {
        case .bool(let flag): bool(flag)
        case .integer(let number): try integer(number)
        case .float(let number): try float(number)
        case .text(let string): text(string)
        case .bytes(let octets): bytes(octets)
        case .link(let cid): link(cid)
        case .null, .list, .map: null()
        }
    }
}

extension DagCBORReader {
    /// Reads one value of any kind, with all it contains.
    public mutating func readValue() throws(CodecError) -> IPLDValue { try readValue(depth: 0) }

    /// As `readValue()`, of a value that stands inside `depth` lists and maps.
    mutating func readValue(depth: Int) throws(CodecError) -> IPLDValue {
        let kind = try peekKind()
        switch kind {
        case .list:
            guard depth < IPLDValue.maximumDepth else { throw CodecError(.tooDeep, at: offset) }
            return .list(try readList(depth: depth))
        case .map:
            guard depth < IPLDValue.maximumDepth else { throw CodecError(.tooDeep, at: offset) }
            return .map(try readMap(depth: depth))
        default: return try readScalar(kind)
        }
    }

    /// Apart from the recursion, whose frames must not make room for a CID.
    @inline(never)
    private mutating func readScalar(_ kind: DagCBOR.Kind) throws(CodecError) -> IPLDValue {
        switch kind {
        case .null:
            try readNull()
            return .null
        case .bool: return .bool(try readBool())
        case .integer: return .integer(try readInteger())
        case .float: return .float(try readFloat())
        case .bytes: return .bytes([UInt8](try readBytes()))
        case .link: return .link(try readLink())
        case .text, .list, .map: return .text(String(decoding: try readText(), as: UTF8.self))
        }
    }

    @inline(never)
    private mutating func readKeyString(
        after previous: inout UnsafeRawBufferPointer?
    ) throws(CodecError) -> String {
        let key = try readKey(after: previous)
        previous = key
        return String(decoding: key, as: UTF8.self)
    }

    private mutating func readList(depth: Int) throws(CodecError) -> [IPLDValue] {
        let count = try readListHeader()
        var items: [IPLDValue] = []
        // A thousand nested lists may each claim all that is left; room beyond this comes with the items.
        items.reserveCapacity(min(count, 64))
        for _ in 0..<count { items.append(try readValue(depth: depth + 1)) }
        return items
    }

    private mutating func readMap(depth: Int) throws(CodecError) -> IPLDMap {
        var pairs = IPLDMap()
        var previous: UnsafeRawBufferPointer?
        for _ in 0..<(try readMapHeader()) {
            let start = offset
            let key = try readKeyString(after: &previous)
            guard pairs.append(key, try readValue(depth: depth + 1)) else {
                throw CodecError(.keyOrder, at: start)
            }
        }
        return pairs
    }
}
