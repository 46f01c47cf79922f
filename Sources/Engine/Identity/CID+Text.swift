/// CIDs as people and programs write them: version 0 in base58btc without a prefix, version 1 in any
/// multibase.
/// Source: https://github.com/multiformats/cid
extension CID {
    /// Longest text in bytes: the longest binary form in base 2.
    static let maximumTextLength = 1 + 8 * maximumBinaryLength

    /// Parses the text of a CID.
    /// - Throws: The first thing that is wrong with it; `prefixedVersion0` for version 0 in a multibase.
    public init(parsing text: String) throws(CIDError) {
        guard text.utf8.count <= Self.maximumTextLength else { throw .textTooLong }
        if text.utf8.starts(with: "Qm".utf8) {
            let binary = try Array(text.utf8).withBytes { (text) throws(CIDError) in
                try Multibase.base58btc.decodeDigits(text)
            }
            self = try binary.withBytes { (binary) throws(CIDError) in try CID(binary: binary) }
            return
        }
        let binary = try Multibase.decode(text).bytes
        // 0x12 begins a bare SHA2-256 multihash, and is no version.
        guard binary.first != 0x12 else { throw .prefixedVersion0 }
        self = try binary.withBytes { (binary) throws(CIDError) in try CID(binary: binary) }
    }

    /// The text in a base of the caller's choice; version 0 has base58btc only, and no prefix.
    /// - Throws: `prefixedVersion0` for version 0 in another base.
    public func formatted(in base: Multibase) throws(CIDError) -> String {
        guard version == 0 else { return withBinary { base.encode($0) } }
        guard base == .base58btc else { throw .prefixedVersion0 }
        return description
    }

    /// The same block under version 1.
    public var inVersion1: CID { CID(self, version: 1) }

    /// The same block under version 0.
    /// - Throws: `noVersion0Form` for anything but dag-pb under a whole SHA2-256 digest.
    public func inVersion0() throws(CIDError) -> CID {
        guard codec == .dagPB, hash == .sha256, digestLength == 32 else { throw .noVersion0Form }
        return CID(self, version: 0)
    }

    private init(_ other: CID, version: UInt8) {
        self.version = version
        codec = other.codec
        hash = other.hash
        digestLength = other.digestLength
        words = other.words
    }
}

extension CID: CustomStringConvertible {
    /// Base58btc for version 0, base32 for version 1.
    public var description: String {
        withBinary { binary in
            guard version == 0 else { return Multibase.base32.encode(binary) }
            var text: [UInt8] = []
            Multibase.base58btc.appendDigits(of: binary, to: &text)
            return String(decoding: text, as: UTF8.self)
        }
    }
}
