/// A content identifier (multiformats CID): which bytes, under which codec, named by which hash.
///
/// A plain value without heap storage, so that millions of them cost what their bytes cost. Digests
/// of up to 64 bytes are representable; longer identity digests are refused as unsupported.
///
/// Every value has a binary form that parses to an equal value: codes fit a varint, the digest's length fits
/// the hash function, and version 0 is dag-pb under a whole SHA2-256 digest.
public struct CID: Sendable {
    /// Longest digest in bytes.
    public static let maximumDigestLength = 64
    /// Longest binary form in bytes: version, codec and hash code (9-byte varints), length, digest.
    public static let maximumBinaryLength = 1 + 9 + 9 + 1 + maximumDigestLength

    /// 0 or 1.
    public let version: UInt8
    public let codec: Codec
    public let hash: HashFunction
    /// Bytes of `digest` in use.
    public let digestLength: UInt8
    /// The digest in memory order, zero beyond `digestLength`.
    @usableFromInline var words: InlineArray<8, UInt64>

    /// A multicodec code that says how a block's bytes are to be read.
    public struct Codec: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt64
        @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
        public static let raw = Codec(rawValue: 0x55)
        public static let dagPB = Codec(rawValue: 0x70)
        public static let dagCBOR = Codec(rawValue: 0x71)
    }

    /// A multihash code.
    public struct HashFunction: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt64
        @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
        public static let identity = HashFunction(rawValue: 0x00)
        public static let sha256 = HashFunction(rawValue: 0x12)
        public static let blake3 = HashFunction(rawValue: 0x1e)
    }

    /// Nil when the parts have no binary form: the digest's length does not fit the hash function or
    /// `maximumDigestLength`, a code is 2^63 or more, the version is not 0 or 1, or it is 0 and the rest is
    /// not what version 0 implies.
    public init?(version: UInt8 = 1, codec: Codec, hash: HashFunction, digest: UnsafeRawBufferPointer) {
        guard digest.count <= Self.maximumDigestLength, hash.accepts(digestLength: digest.count),
            codec.rawValue < Varint.limit, hash.rawValue < Varint.limit
        else { return nil }
        switch version {
        case 0: guard codec == .dagPB, hash == .sha256, digest.count == 32 else { return nil }
        case 1: break
        default: return nil
        }
        self.version = version
        self.codec = codec
        self.hash = hash
        digestLength = UInt8(digest.count)
        var words = InlineArray<8, UInt64>(repeating: 0)
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: digest) }
        self.words = words
    }

    /// The digest's bytes, valid inside `body` only.
    @inlinable
    public func withDigest<T, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
        var copy = words
        let length = Int(digestLength)
        return try withUnsafeMutablePointer(to: &copy) { (pointer) throws(E) -> T in
            try body(UnsafeRawBufferPointer(start: pointer, count: length))
        }
    }
}

extension CID: Hashable {
    @inlinable
    public static func == (a: CID, b: CID) -> Bool {
        guard a.codec == b.codec, a.hash == b.hash, a.digestLength == b.digestLength,
            a.version == b.version
        else { return false }
        for index in 0..<8 where a.words[index] != b.words[index] { return false }
        return true
    }

    /// All of the digest: whoever writes a node chooses what it links to, and could otherwise choose a
    /// thousand CIDs that begin alike and cost a set of them the square of that. And all else that tells CIDs
    /// apart, but the version: `verify` counts by this.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(codec)
        hasher.combine(hash)
        hasher.combine(digestLength)
        for index in 0..<(Int(digestLength) + 7) / 8 { hasher.combine(words[index]) }
    }
}
