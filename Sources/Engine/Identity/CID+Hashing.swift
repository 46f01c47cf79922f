import Kernels

extension CID {
    /// The CID of `bytes`, version 1.
    /// - Throws: `unsupportedHash` for anything but BLAKE3-256, SHA2-256 and identity; `digestTooLong` for
    ///   the identity of more than `maximumDigestLength` bytes.
    public init(
        hashing bytes: UnsafeRawBufferPointer, codec: Codec, hash: HashFunction = .blake3
    ) throws(CIDError) {
        if hash == .identity {
            guard let cid = CID(codec: codec, hash: hash, digest: bytes) else {
                throw .digestTooLong(UInt64(bytes.count))
            }
            self = cid
            return
        }
        guard let digest = hash.digest(of: bytes) else { throw .unsupportedHash(hash) }
        self.init(codec: codec, hash: hash, digest32: digest)
    }

    /// Whether `bytes` are those that this CID names. A truncated digest must be a prefix of the whole one.
    /// - Throws: `unsupportedHash` where the digest cannot be computed here.
    public func matches(_ bytes: UnsafeRawBufferPointer) throws(CIDError) -> Bool {
        if hash == .identity { return withDigest { $0.equals(bytes) } }
        guard digestLength <= 32, let digest = hash.digest(of: bytes) else { throw .unsupportedHash(hash) }
        if digestLength == 32 {
            return digest[0] == words[0] && digest[1] == words[1] && digest[2] == words[2]
                && digest[3] == words[3]
        }
        guard digestLength >= CID.minimumDigestLength else { return false }
        var copy = digest
        return withUnsafeBytes(of: &copy) { whole in
            withDigest { $0.compareBytes(whole, count: $0.count) == 0 }
        }
    }

    /// The digest is 32 bytes in memory order, as are `words`.
    init(codec: Codec, hash: HashFunction, digest32: InlineArray<4, UInt64>) {
        version = 1
        self.codec = codec
        self.hash = hash
        digestLength = 32
        words = [digest32[0], digest32[1], digest32[2], digest32[3], 0, 0, 0, 0]
    }
}

extension CID.HashFunction {
    /// 32 bytes in memory order; nil for a function that is not computed here.
    func digest(of bytes: UnsafeRawBufferPointer) -> InlineArray<4, UInt64>? {
        var digest = InlineArray<4, UInt64>(repeating: 0)
        let isKnown = withUnsafeMutableBytes(of: &digest) { output in
            let octets = output.assumingMemoryBound(to: UInt8.self).baseAddress
            switch self {
            case .blake3: ipk_blake3(bytes.baseAddress, bytes.count, octets)
            case .sha256: ipk_sha256(bytes.baseAddress, bytes.count, octets)
            default: return false
            }
            return true
        }
        return isKnown ? digest : nil
    }
}
