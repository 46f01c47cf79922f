/// The strict binary form of IPLD values: one form for each value, and nothing else is read.
/// Source: https://ipld.io/specs/codecs/dag-cbor/spec/, section Strictness; RFC 8949.
public enum DagCBOR {
    /// The upper three bits of an item's first byte.
    enum Major: UInt8 {
        case unsigned, negative, bytes, text, list, map, tag, simple
    }

    /// What an item is, told from its first byte.
    public enum Kind: Sendable {
        case null, bool, integer, float, text, bytes, list, map, link
    }

    /// Canonical order of map keys, given as UTF-8: shorter first, equal lengths bytewise.
    /// - Returns: Below, at or above zero, as `a` is before, equal to or after `b`.
    @inlinable
    static func compareKeys(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
        a.count != b.count ? a.count - b.count : Int(a.compareBytes(b, count: a.count))
    }

    /// Bytes of the head of an item with this argument.
    static func headLength(_ argument: UInt64) -> Int {
        switch argument {
        case 0..<24: 1
        case 24...0xff: 2
        case 0x100...0xffff: 3
        case 0x1_0000...0xffff_ffff: 5
        default: 9
        }
    }
}
