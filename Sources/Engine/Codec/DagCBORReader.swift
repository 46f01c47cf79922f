/// A cursor over DAG-CBOR, strict about every item it passes.
///
/// Nothing is allocated, and no length or count is believed before it is checked against the bytes that are
/// left: a list of n items takes at least n bytes, a map of n pairs at least 2n. What is handed out points
/// into the input, which must outlive it. After an error the cursor is somewhere inside the item, and is of
/// no use.
/// Source: https://ipld.io/specs/codecs/dag-cbor/spec/, RFC 8949.
public struct DagCBORReader {
    public let input: UnsafeRawBufferPointer
    /// Bytes read so far.
    public private(set) var offset: Int

    public init(_ input: UnsafeRawBufferPointer) {
        self.input = input
        offset = 0
    }

    public var isAtEnd: Bool { offset == input.count }

    /// Bytes not read yet.
    public var remaining: Int { input.count - offset }

    /// - Throws: `trailingBytes` unless everything has been read.
    public func finish() throws(CodecError) {
        guard isAtEnd else { throw CodecError(.trailingBytes, at: offset) }
    }

    /// The kind of the next item, which is not read: what follows its first byte may still be an error.
    public func peekKind() throws(CodecError) -> DagCBOR.Kind {
        let first = try peekByte()
        switch first >> 5 {
        case 0, 1: return .integer
        case 2: return .bytes
        case 3: return .text
        case 4: return .list
        case 5: return .map
        case 6: return .link
        default:
            switch first {
            case 0xf4, 0xf5: return .bool
            case 0xf6: return .null
            case 0xfb: return .float
            default: throw simpleError(first)
            }
        }
    }

    /// - Returns: The number of pairs that follow. Read each key with `readKey`.
    public mutating func readMapHeader() throws(CodecError) -> Int {
        let start = offset
        let count = try readHead(.map)
        guard count <= UInt64(remaining / 2) else { throw CodecError(.truncated, at: start) }
        return Int(count)
    }

    /// - Returns: The number of values that follow.
    public mutating func readListHeader() throws(CodecError) -> Int {
        let start = offset
        let count = try readHead(.list)
        guard count <= UInt64(remaining) else { throw CodecError(.truncated, at: start) }
        return Int(count)
    }

    /// A list header of exactly `count` values.
    public mutating func readListHeader(count: Int) throws(CodecError) {
        let start = offset
        guard try readListHeader() == count else { throw CodecError(.unexpectedKind, at: start) }
    }

    /// - Parameter previous: The key read before this one in the same map; nil for the first.
    /// - Returns: UTF-8, sorted after `previous`.
    public mutating func readKey(
        after previous: UnsafeRawBufferPointer?
    ) throws(CodecError) -> UnsafeRawBufferPointer {
        let start = offset
        guard try peekByte() >> 5 == DagCBOR.Major.text.rawValue else {
            throw CodecError(.keyNotText, at: start)
        }
        let key = try readText()
        if let previous {
            let order = DagCBOR.compareKeys(previous, key)
            guard order < 0 else { throw CodecError(order == 0 ? .duplicateKey : .keyOrder, at: start) }
        }
        return key
    }

    /// The next key of a map whose keys are known, and are asked for in canonical order.
    public mutating func readKey(_ expected: StaticString) throws(CodecError) {
        let start = offset
        guard try peekByte() >> 5 == DagCBOR.Major.text.rawValue else {
            throw CodecError(.keyNotText, at: start)
        }
        let key = try readString(.text)
        guard expected.withUTF8Buffer({ UnsafeRawBufferPointer($0).equals(key) }) else {
            throw CodecError(.unexpectedKey, at: start)
        }
    }

    /// - Returns: Valid UTF-8, not terminated.
    public mutating func readText() throws(CodecError) -> UnsafeRawBufferPointer {
        let start = offset
        let text = try readString(.text)
        guard UTF8Check.isValid(text) else { throw CodecError(.notUTF8, at: start) }
        return text
    }

    public mutating func readBytes() throws(CodecError) -> UnsafeRawBufferPointer {
        try readString(.bytes)
    }

    public mutating func readUnsigned() throws(CodecError) -> UInt64 {
        try readHead(.unsigned)
    }

    /// - Returns: -2^64 to 2^64-1.
    public mutating func readInteger() throws(CodecError) -> Int128 {
        if try peekByte() >> 5 == DagCBOR.Major.negative.rawValue {
            return -1 - Int128(try readHead(.negative))
        }
        return Int128(try readHead(.unsigned))
    }

    /// An integer that must fit 64 bits with a sign.
    public mutating func readInt64() throws(CodecError) -> Int64 {
        let start = offset
        guard let value = Int64(exactly: try readInteger()) else {
            throw CodecError(.integerRange, at: start)
        }
        return value
    }

    public mutating func readFloat() throws(CodecError) -> Double {
        let start = offset
        let first = try peekByte()
        guard first == 0xfb else { throw simpleError(first) }
        guard remaining >= 9 else { throw CodecError(.truncated, at: start) }
        let bits = UInt64(bigEndian: input.loadUnaligned(fromByteOffset: offset + 1, as: UInt64.self))
        let value = Double(bitPattern: bits)
        guard value.isFinite else { throw CodecError(.notFinite, at: start) }
        offset += 9
        return value
    }

    public mutating func readBool() throws(CodecError) -> Bool {
        let first = try peekByte()
        guard first == 0xf4 || first == 0xf5 else { throw simpleError(first) }
        offset += 1
        return first == 0xf5
    }

    public mutating func readNull() throws(CodecError) {
        guard try skipNull() else { throw simpleError(input[offset]) }
    }

    /// Reads null if it is what comes next.
    public mutating func skipNull() throws(CodecError) -> Bool {
        guard try peekByte() == 0xf6 else { return false }
        offset += 1
        return true
    }

    public mutating func readLink() throws(CodecError) -> CID {
        let start = offset
        guard try peekByte() >> 5 == DagCBOR.Major.tag.rawValue else {
            throw CodecError(.unexpectedKind, at: start)
        }
        guard try readHead(.tag) == 42 else { throw CodecError(.unsupportedTag, at: start) }
        guard try peekByte() >> 5 == DagCBOR.Major.bytes.rawValue else {
            throw CodecError(.invalidLink(nil), at: start)
        }
        let binary = try readString(.bytes)
        guard binary.first == 0 else { throw CodecError(.invalidLink(nil), at: start) }
        return try cid(binary: UnsafeRawBufferPointer(rebasing: binary[1...]), at: start)
    }

    /// A CID kept as a plain byte string (a weak link).
    public mutating func readWeakLink() throws(CodecError) -> CID {
        let start = offset
        return try cid(binary: try readBytes(), at: start)
    }
}

extension DagCBORReader {
    private func cid(binary: UnsafeRawBufferPointer, at start: Int) throws(CodecError) -> CID {
        do {
            return try CID(binary: binary)
        } catch {
            throw CodecError(.invalidLink(error), at: start)
        }
    }

    private func peekByte() throws(CodecError) -> UInt8 {
        guard offset < input.count else { throw CodecError(.truncated, at: input.count) }
        return input[offset]
    }

    private mutating func readString(_ major: DagCBOR.Major) throws(CodecError) -> UnsafeRawBufferPointer {
        let start = offset
        let length = try readHead(major)
        guard length <= UInt64(remaining) || Defect.lengthsAreBelieved.isPresent else {
            throw CodecError(.truncated, at: start)
        }
        let end = offset + Int(length)
        defer { offset = end }
        return UnsafeRawBufferPointer(rebasing: input[offset..<end])
    }

    /// The argument of an item's head, in its shortest form.
    private mutating func readHead(_ major: DagCBOR.Major) throws(CodecError) -> UInt64 {
        let first = try peekByte()
        guard first >> 5 == major.rawValue else { throw CodecError(.unexpectedKind, at: offset) }
        let information = first & 0x1f
        if information < 24 {
            offset += 1
            return UInt64(information)
        }
        return try readLongHead(information)
    }

    private mutating func readLongHead(_ information: UInt8) throws(CodecError) -> UInt64 {
        guard information <= 27 else {
            throw CodecError(information == 31 ? .indefiniteLength : .reservedHeader, at: offset)
        }
        let width = 1 << Int(information - 24)
        guard width < remaining else { throw CodecError(.truncated, at: offset) }
        let value: UInt64
        let least: UInt64
        switch width {
        case 1: (value, least) = (UInt64(input[offset + 1]), 24)
        case 2: (value, least) = (UInt64(UInt16(bigEndian: load())), 0x100)
        case 4: (value, least) = (UInt64(UInt32(bigEndian: load())), 0x1_0000)
        default: (value, least) = (UInt64(bigEndian: load()), 0x1_0000_0000)
        }
        guard value >= least || Defect.longFormsAreTaken.isPresent else {
            throw CodecError(.notMinimal, at: offset)
        }
        offset += 1 + width
        return value
    }

    private func load<Word: FixedWidthInteger & BitwiseCopyable>() -> Word {
        input.loadUnaligned(fromByteOffset: offset + 1, as: Word.self)
    }

    /// What is wrong with a first byte where a float, a bool or null is expected.
    private func simpleError(_ first: UInt8) -> CodecError {
        guard first >> 5 == DagCBOR.Major.simple.rawValue else {
            return CodecError(.unexpectedKind, at: offset)
        }
        switch first & 0x1f {
        case 20, 21, 22, 27: return CodecError(.unexpectedKind, at: offset)
        case 25, 26: return CodecError(.unsupportedFloat, at: offset)
        case 28...30: return CodecError(.reservedHeader, at: offset)
        case 31: return CodecError(.indefiniteLength, at: offset)
        default: return CodecError(.unsupportedSimple, at: offset)
        }
    }
}
