/// IPLD values as JSON, for people and for tools.
///
/// Links are {"/": "text of the CID"}, bytes {"/": {"bytes": "base64 without padding"}}. What is written is
/// the one canonical form: no white space, keys in the order of their UTF-8, floats with a point or an
/// exponent. What is read may have white space and any order of keys, as the specification asks of decoders;
/// it is strict in everything that could lose or confuse data: duplicate keys, lone surrogates, numbers out
/// of range, and maps of the reserved forms, whose first key in canonical order is "/".
/// Source: https://ipld.io/specs/codecs/dag-json/spec/, RFC 8259.
public enum DagJSON {
    /// The canonical form, in UTF-8.
    /// - Throws: `integerRange`, `notFinite`, `tooDeep`, or `reservedForm` for a map that would read as a
    ///   link or as bytes: DAG-JSON cannot write such a map.
    public static func encode(_ value: IPLDValue) throws(CodecError) -> [UInt8] {
        var writer = DagJSONWriter()
        try writer.value(value, depth: 0)
        return writer.output
    }

    /// The value whose form is the whole of `text`, but for white space around it.
    /// - Throws: With the offset of the token that is wrong, or of the map where a rule of maps is broken.
    public static func decode(_ text: UnsafeRawBufferPointer) throws(CodecError) -> IPLDValue {
        var parser = DagJSONParser(text)
        return try parser.document()
    }

    public static func decode(_ text: String) throws(CodecError) -> IPLDValue {
        try Array(text.utf8).withBytes { (text) throws(CodecError) in try decode(text) }
    }

    /// The two reserved forms, and what they are mistaken for.
    enum Reserved {
        case link(String)
        case bytes(String)

        /// Looks at pairs in the order of their keys' UTF-8.
        /// - Returns: Nil for a map that is not of a reserved form.
        /// - Throws: `reservedForm`, at `offset`, for one that is and has more in it.
        init?(_ pairs: [IPLDMap.Element], at offset: Int) throws(CodecError) {
            guard let first = pairs.first, IPLDMap.compareBytewise(first.key, "/") == 0 else { return nil }
            switch first.value {
            case .text(let text): self = .link(text)
            case .map(let inner):
                guard let (key, value) = DagJSON.sorted(inner).first,
                    IPLDMap.compareBytewise(key, "bytes") == 0,
                    case .text(let text) = value
                else { return nil }
                guard inner.count == 1 else { throw CodecError(.reservedForm, at: offset) }
                self = .bytes(text)
            default: return nil
            }
            guard pairs.count == 1 else { throw CodecError(.reservedForm, at: offset) }
        }
    }

    /// The pairs in the order of their keys' UTF-8, which is not that of DAG-CBOR.
    static func sorted(_ map: IPLDMap) -> [IPLDMap.Element] {
        map.sorted { IPLDMap.compareBytewise($0.key, $1.key) < 0 }
    }
}

struct DagJSONWriter {
    private(set) var output: [UInt8] = []

    mutating func value(_ value: IPLDValue, depth: Int) throws(CodecError) {
        switch value {
        case .list(let items): try list(items, depth: depth)
        case .map(let map): try self.map(map, depth: depth)
        default: try scalar(value)
        }
    }

    /// Apart from the recursion, whose frames must not make room for a CID.
    @inline(never)
    private mutating func scalar(_ value: IPLDValue) throws(CodecError) {
        switch value {
        case .bool(let flag): append(flag ? "true" : "false")
        case .integer(let number):
            guard IPLDValue.integerRange.contains(number) else {
                throw CodecError(.integerRange, at: output.count)
            }
            append(number.description)
        case .float(let number):
            guard number.isFinite else { throw CodecError(.notFinite, at: output.count) }
            // The shortest digits that read back as the same number, always with a point or an exponent.
            append(number.description)
        case .text(let text): string(text)
        case .bytes(let bytes):
            append("{\"/\":{\"bytes\":\"")
            bytes.withUnsafeBytes { Multibase.base64.appendDigits(of: $0, to: &output) }
            append("\"}}")
        case .link(let cid):
            append("{\"/\":\"")
            append(cid.description)
            append("\"}")
        case .null, .list, .map: append("null")
        }
    }

    private mutating func list(_ items: [IPLDValue], depth: Int) throws(CodecError) {
        guard depth < IPLDValue.maximumDepth else { throw CodecError(.tooDeep, at: output.count) }
        append("[")
        for (index, item) in items.enumerated() {
            if index > 0 { append(",") }
            try value(item, depth: depth + 1)
        }
        append("]")
    }

    private mutating func map(_ map: IPLDMap, depth: Int) throws(CodecError) {
        guard depth < IPLDValue.maximumDepth else { throw CodecError(.tooDeep, at: output.count) }
        let pairs = try writable(map)
        append("{")
        for (index, pair) in pairs.enumerated() {
            if index > 0 { append(",") }
            string(pair.key)
            append(":")
            try value(pair.value, depth: depth + 1)
        }
        append("}")
    }

    /// The pairs in the order of their keys' UTF-8.
    @inline(never)
    private func writable(_ map: IPLDMap) throws(CodecError) -> [IPLDMap.Element] {
        let pairs = DagJSON.sorted(map)
        guard try DagJSON.Reserved(pairs, at: output.count) == nil else {
            throw CodecError(.reservedForm, at: output.count)
        }
        return pairs
    }

    private mutating func append(_ text: String) { output.append(contentsOf: text.utf8) }

    private mutating func string(_ text: String) {
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case 0x08: append("\\b")
            case 0x09: append("\\t")
            case 0x0a: append("\\n")
            case 0x0c: append("\\f")
            case 0x0d: append("\\r")
            case 0..<0x20: append((byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16))
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
