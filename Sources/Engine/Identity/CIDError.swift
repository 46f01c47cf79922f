/// Why bytes or text are not a CID, a varint or a multibase string. Offsets count bytes (of the binary form,
/// or of the text's UTF-8) from the start of what was given to the parser.
public enum CIDError: Error, Equatable, Sendable {
    /// The input ends before the value does.
    case truncated(offset: Int)
    /// Bytes follow a value that had to be the whole input.
    case trailingBytes(offset: Int)
    /// The varint has a shorter form.
    case varintNotMinimal(offset: Int)
    /// The varint is longer than 9 bytes, or its value is 2^63 or more.
    case varintTooLong(offset: Int)
    /// A CID version other than 0 and 1.
    case unsupportedVersion(UInt64)
    /// A hash function whose digests are not computed here.
    case unsupportedHash(CID.HashFunction)
    /// A digest of a length this hash function does not produce, or too short to name anything.
    case wrongDigestLength(UInt64)
    /// A digest longer than `CID.maximumDigestLength`.
    case digestTooLong(UInt64)
    /// The text's first character names no base that is handled here.
    case unsupportedBase
    /// A character outside the base's alphabet.
    case invalidCharacter(offset: Int)
    /// Missing or superfluous `=`, spare bits that are not zero, or a length that no bytes encode to.
    case invalidPadding
    /// The text is longer than any that is accepted.
    case textTooLong
    /// A version 0 CID written with a multibase prefix.
    case prefixedVersion0
    /// The CID has no version 0 form: that is dag-pb under a whole SHA2-256 digest.
    case noVersion0Form
}

extension CIDError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .truncated(let offset): "the CID ends too early, at offset \(offset)"
        case .trailingBytes(let offset): "bytes follow the CID, at offset \(offset)"
        case .varintNotMinimal(let offset): "the varint at offset \(offset) is not in its shortest form"
        case .varintTooLong(let offset): "the varint at offset \(offset) is longer than 9 bytes"
        case .unsupportedVersion(let version): "CID version \(version) is reserved"
        case .unsupportedHash(let hash):
            "hash function 0x\(String(hash.rawValue, radix: 16)) cannot be computed"
        case .wrongDigestLength(let length): "a digest of \(length) bytes does not fit the hash function"
        case .digestTooLong(let length):
            "a digest of \(length) bytes is longer than \(CID.maximumDigestLength)"
        case .unsupportedBase: "the multibase prefix is not supported"
        case .invalidCharacter(let offset): "the character at offset \(offset) is not in the base's alphabet"
        case .invalidPadding: "the text's padding or length is not canonical"
        case .textTooLong: "the text is too long"
        case .prefixedVersion0: "a version 0 CID must not carry a multibase prefix"
        case .noVersion0Form: "the CID has no version 0 form"
        }
    }

    /// True where the input may be well-formed, but is outside what this version handles.
    public var isUnsupported: Bool {
        switch self {
        case .unsupportedHash, .digestTooLong, .unsupportedBase: true
        default: false
        }
    }
}

extension StoreError {
    /// `.unsupported` where the input may be well-formed, `.invalid` otherwise.
    public init(_ error: CIDError) {
        self.init(error.isUnsupported ? .unsupported : .invalid, error.description)
    }
}
