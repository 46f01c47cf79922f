/// Appends DAG-CBOR to a byte array, item by item, each in its only form.
///
/// The writer keeps every rule that concerns one item. Those that span items are its caller's: as many items
/// as a header announced, map keys in canonical order (length first, then bytewise) and each once.
/// `DagCBOR.encode` does that for any value.
/// Source: https://ipld.io/specs/codecs/dag-cbor/spec/, RFC 8949.
public struct DagCBORWriter: Sendable {
    /// What has been written.
    public private(set) var output: [UInt8]

    /// - Parameter capacity: Bytes to make room for.
    public init(capacity: Int = 0) {
        output = []
        if capacity > 0 { output.reserveCapacity(capacity) }
    }

    public var count: Int { output.count }

    /// Forgets what has been written and keeps the room.
    public mutating func removeAll() { output.removeAll(keepingCapacity: true) }

    /// `count` pairs of key and value follow.
    /// - Precondition: `count` is not negative.
    public mutating func mapHeader(_ count: Int) { head(.map, UInt64(count)) }

    /// `count` values follow.
    /// - Precondition: `count` is not negative.
    public mutating func listHeader(_ count: Int) { head(.list, UInt64(count)) }

    public mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { string(.text, UnsafeRawBufferPointer($0)) }
    }

    /// A literal, such as a key of a fixed map.
    public mutating func text(_ text: StaticString) {
        text.withUTF8Buffer { string(.text, UnsafeRawBufferPointer($0)) }
    }

    /// - Throws: `notUTF8`, with nothing written.
    public mutating func text(utf8: UnsafeRawBufferPointer) throws(CodecError) {
        guard UTF8Check.isValid(utf8) else { throw CodecError(.notUTF8, at: output.count) }
        string(.text, utf8)
    }

    public mutating func bytes(_ bytes: UnsafeRawBufferPointer) { string(.bytes, bytes) }

    public mutating func bytes(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { string(.bytes, $0) }
    }

    public mutating func unsigned(_ value: UInt64) { head(.unsigned, value) }

    /// - Throws: `integerRange` outside -2^64...2^64-1, with nothing written.
    public mutating func integer(_ value: Int128) throws(CodecError) {
        if let unsigned = UInt64(exactly: value) {
            head(.unsigned, unsigned)
        } else if value < 0, let negative = UInt64(exactly: -1 - value) {
            head(.negative, negative)
        } else {
            throw CodecError(.integerRange, at: output.count)
        }
    }

    /// Always 64 bits; -0.0 is kept.
    /// - Throws: `notFinite`, with nothing written.
    public mutating func float(_ value: Double) throws(CodecError) {
        guard value.isFinite else { throw CodecError(.notFinite, at: output.count) }
        output.append(0xfb)
        append(bigEndian: value.bitPattern, lastBytes: 8)
    }

    public mutating func bool(_ value: Bool) { output.append(value ? 0xf5 : 0xf4) }

    public mutating func null() { output.append(0xf6) }

    /// Tag 42, byte string of 0x00 and the binary CID.
    public mutating func link(_ cid: CID) {
        // Put together on the stack: one append for each of a node's hundreds of links.
        var item = InlineArray<12, UInt64>(repeating: 0)
        withUnsafeMutableBytes(of: &item) { item in
            let length = cid.binaryLength + 1
            var start = 3
            (item[0], item[1]) = (0xd8, 0x2a)
            if length < 24 {
                item[2] = 0x40 | UInt8(truncatingIfNeeded: length)
            } else {
                (item[2], item[3]) = (0x58, UInt8(truncatingIfNeeded: length))
                start = 4
            }
            _ = cid.writeBinary(to: UnsafeMutableRawBufferPointer(rebasing: item[(start + 1)...]))
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: item[..<(start + length)]))
        }
    }

    /// A weak link: the binary CID as a plain byte string, which keeps nothing alive.
    public mutating func weakLink(_ cid: CID) {
        cid.withBinary { string(.bytes, $0) }
    }

    /// The head of a byte string or text, whose bytes follow.
    mutating func stringHeader(isText: Bool, _ length: UInt64) { head(isText ? .text : .bytes, length) }

    /// One item, already encoded, which the caller knows to be strict.
    mutating func encoded(_ item: UnsafeRawBufferPointer) { output.append(contentsOf: item) }

    private mutating func string(_ major: DagCBOR.Major, _ bytes: UnsafeRawBufferPointer) {
        head(major, UInt64(bytes.count))
        output.append(contentsOf: bytes)
    }

    private mutating func head(_ major: DagCBOR.Major, _ argument: UInt64) {
        let top = major.rawValue << 5
        switch argument {
        case 0..<24: output.append(top | UInt8(truncatingIfNeeded: argument))
        case 24...0xff:
            output.append(top | 24)
            output.append(UInt8(truncatingIfNeeded: argument))
        case 0x100...0xffff:
            output.append(top | 25)
            append(bigEndian: argument, lastBytes: 2)
        case 0x1_0000...0xffff_ffff:
            output.append(top | 26)
            append(bigEndian: argument, lastBytes: 4)
        default:
            output.append(top | 27)
            append(bigEndian: argument, lastBytes: 8)
        }
    }

    private mutating func append(bigEndian value: UInt64, lastBytes: Int) {
        withUnsafeBytes(of: value.bigEndian) { octets in
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: octets[(8 - lastBytes)...]))
        }
    }
}
