/// The unsigned varint of the multiformats: seven bits a byte, least significant group first, the top bit set
/// on every byte but the last. Always in its shortest form, at most 9 bytes, so always below 2^63.
/// Source: https://github.com/multiformats/unsigned-varint
public enum Varint {
    public static let maximumLength = 9
    /// The first value that has no form.
    public static let limit: UInt64 = 1 << 63

    /// Reads one value at `offset` and moves `offset` past it.
    /// - Throws: `truncated`, `varintNotMinimal` or `varintTooLong`; `offset` is then left where it was.
    @inlinable
    public static func read(
        _ bytes: UnsafeRawBufferPointer, at offset: inout Int
    ) throws(CIDError) -> UInt64 {
        guard offset >= 0, offset < bytes.count else { throw .truncated(offset: bytes.count) }
        let first = bytes[offset]
        if first < 0x80 {
            offset += 1
            return UInt64(first)
        }
        return try readLong(bytes, at: &offset)
    }

    @usableFromInline
    static func readLong(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) throws(CIDError) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<maximumLength {
            guard index < bytes.count - offset else { throw .truncated(offset: bytes.count) }
            let byte = bytes[offset + index]
            value |= UInt64(byte & 0x7f) << UInt64(7 * index)
            if byte < 0x80 {
                guard byte != 0 || index == 0 else { throw .varintNotMinimal(offset: offset) }
                offset += index + 1
                return value
            }
        }
        throw .varintTooLong(offset: offset)
    }

    /// Bytes of the value's form: 1 to 9, or 10 for a value that has none.
    @inlinable
    public static func length(of value: UInt64) -> Int {
        value < 0x80 ? 1 : (63 - value.leadingZeroBitCount) / 7 + 1
    }

    /// Writes the value's form at `offset` and moves `offset` past it.
    /// - Precondition: `value < limit`, and `length(of: value)` bytes fit.
    @inlinable
    static func write(_ value: UInt64, to bytes: UnsafeMutableRawBufferPointer, at offset: inout Int) {
        var rest = value
        while rest >= 0x80 {
            bytes[offset] = UInt8(truncatingIfNeeded: rest) | 0x80
            offset += 1
            rest >>= 7
        }
        bytes[offset] = UInt8(truncatingIfNeeded: rest)
        offset += 1
    }

    /// Appends the value's form.
    /// - Throws: `varintTooLong` for 2^63 and above.
    public static func append(_ value: UInt64, to bytes: inout [UInt8]) throws(CIDError) {
        guard value < limit else { throw .varintTooLong(offset: bytes.count) }
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
