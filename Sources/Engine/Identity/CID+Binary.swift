/// The binary form of a CID: version, codec, hash function and digest length as varints, then the digest;
/// or, in version 0, the multihash alone. Source: https://github.com/multiformats/cid
///
/// Nothing here touches the heap: tree nodes hold hundreds of CIDs, and the index one for each block.
/// What is read is in its only form, so that the bytes of a CID identify it as well as its value does.
extension CID {
    /// Shortest digest accepted for anything but the identity function; a shorter one names nothing safely.
    public static let minimumDigestLength = 20
    /// Bytes of the form of version 0.
    static let version0Length = 34

    /// Parses a CID that is the whole of `binary`.
    @inlinable
    public init(binary: UnsafeRawBufferPointer) throws(CIDError) {
        let (cid, length) = try Self.parsePrefix(of: binary)
        guard length == binary.count else { throw .trailingBytes(offset: length) }
        self = cid
    }

    /// Parses the CID that `bytes` begins with.
    /// - Returns: The CID, and the bytes it takes.
    public static func parsePrefix(
        of bytes: UnsafeRawBufferPointer
    ) throws(CIDError) -> (cid: CID, length: Int) {
        if bytes.count >= 2, bytes[0] == 0x12, bytes[1] == 0x20 {
            guard bytes.count >= version0Length else { throw .truncated(offset: bytes.count) }
            let digest = UnsafeRawBufferPointer(rebasing: bytes[2..<version0Length])
            guard let cid = CID(version: 0, codec: .dagPB, hash: .sha256, digest: digest) else {
                throw .noVersion0Form
            }
            return (cid, version0Length)
        }
        var offset = 0
        let version = try Varint.read(bytes, at: &offset)
        guard version == 1 else { throw .unsupportedVersion(version) }
        let codec = Codec(rawValue: try Varint.read(bytes, at: &offset))
        let hash = HashFunction(rawValue: try Varint.read(bytes, at: &offset))
        let length = try Varint.read(bytes, at: &offset)
        guard length <= UInt64(maximumDigestLength) else { throw .digestTooLong(length) }
        guard hash.accepts(digestLength: Int(length)) else { throw .wrongDigestLength(length) }
        guard Int(length) <= bytes.count - offset else { throw .truncated(offset: bytes.count) }
        let end = offset + Int(length)
        let digest = UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
        guard let cid = CID(version: 1, codec: codec, hash: hash, digest: digest) else {
            throw .digestTooLong(length)
        }
        return (cid, end)
    }

    /// Bytes of the binary form, at most `maximumBinaryLength`.
    @inlinable
    public var binaryLength: Int {
        if version == 0 { return 2 + Int(digestLength) }
        return 2 + Varint.length(of: codec.rawValue) + Varint.length(of: hash.rawValue) + Int(digestLength)
    }

    /// Writes the binary form to the start of `buffer`.
    /// - Returns: The bytes written, which is `binaryLength`; or 0, with nothing written, when it does not
    ///   fit.
    @inlinable
    public func writeBinary(to buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard buffer.count >= binaryLength else { return 0 }
        var offset = 0
        if version != 0 {
            buffer[0] = version
            offset = 1
            Varint.write(codec.rawValue, to: buffer, at: &offset)
        }
        Varint.write(hash.rawValue, to: buffer, at: &offset)
        buffer[offset] = digestLength
        offset += 1
        withDigest { digest in
            UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]).copyMemory(from: digest)
        }
        return offset + Int(digestLength)
    }

    /// Appends the binary form.
    @inlinable
    public func appendBinary(to bytes: inout [UInt8]) {
        withBinary { bytes.append(contentsOf: $0) }
    }

    /// The binary form, on the stack, valid inside `body` only.
    @inlinable
    public func withBinary<T, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
        var storage = InlineArray<11, UInt64>(repeating: 0)
        return try withUnsafeMutablePointer(to: &storage) { (pointer) throws(E) -> T in
            let room = UnsafeMutableRawBufferPointer(start: pointer, count: CID.maximumBinaryLength)
            let length = writeBinary(to: room)
            return try body(UnsafeRawBufferPointer(start: pointer, count: length))
        }
    }
}

extension CID.HashFunction {
    /// Whether a digest of this length can come from the function. Truncated digests are accepted down to
    /// `CID.minimumDigestLength`; only the identity function's may be of any length.
    func accepts(digestLength: Int) -> Bool {
        switch self {
        case .identity: true
        case .sha256: digestLength >= CID.minimumDigestLength && digestLength <= 32
        default: digestLength >= CID.minimumDigestLength
        }
    }
}

extension CID: Comparable {
    /// The order of the binary forms, byte by byte: that of the index.
    public static func < (a: CID, b: CID) -> Bool {
        a.withBinary { left in b.withBinary { right in left.precedes(right) } }
    }
}
