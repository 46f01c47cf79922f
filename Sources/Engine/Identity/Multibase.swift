/// Bytes as text: a character that names the base, then digits.
///
/// Strict: what is decoded is what `encode` gives for the same bytes. A digit's spare bits are zero, padding
/// is there exactly where the base has it, and letters are of the base's case unless the caller relaxes that.
/// Source: https://github.com/multiformats/multibase, RFC 4648. Of its table, base45, base256emoji and
/// proquint are not handled.
public enum Multibase: String, CaseIterable, Sendable {
    case base2, base8, base10, base16, base16upper
    case base32, base32upper, base32pad, base32padupper
    case base32hex, base32hexupper, base32hexpad, base32hexpadupper, base32z
    case base36, base36upper, base58btc, base58flickr
    case base64, base64pad, base64url, base64urlpad

    /// Longest text, in digits, of a base whose digits are not whole bits: reading one costs its square.
    public static let maximumRadixDigits = 4096

    /// The ASCII character that text in this base begins with.
    public var prefix: UInt8 { layout.prefix }

    /// Nil for a character that names no base that is handled here.
    public init?(prefix: UInt8) {
        guard let base = Self.allCases.first(where: { $0.prefix == prefix }) else { return nil }
        self = base
    }

    /// Prefix and digits. Costs the square of the length in bases 10, 36 and 58.
    public func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        var text = [prefix]
        appendDigits(of: bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// - Parameter ignoringCase: Takes letters of either case in bases whose alphabet has one only, as the
    ///   specification lets a decoder do.
    /// - Throws: `unsupportedBase`, `invalidCharacter`, `invalidPadding`, `textTooLong`, or `truncated` for
    ///   text without a prefix.
    public static func decode(
        _ text: String, ignoringCase: Bool = false
    ) throws(CIDError) -> (base: Multibase, bytes: [UInt8]) {
        try Array(text.utf8).withBytes { (text) throws(CIDError) in
            guard let first = text.first else { throw .truncated(offset: 0) }
            guard let base = Multibase(prefix: first) else {
                throw unsupportedPrefixes.contains(first) ? .unsupportedBase : .invalidCharacter(offset: 0)
            }
            let digits = UnsafeRawBufferPointer(rebasing: text[1...])
            do throws(CIDError) {
                return (base, try base.decodeDigits(digits, ignoringCase: ignoringCase))
            } catch {
                // Offsets count from the prefix.
                guard case .invalidCharacter(let offset) = error else { throw error }
                throw .invalidCharacter(offset: offset + 1)
            }
        }
    }

    /// First bytes of text in the registered bases that are not handled: base45, proquint, base256emoji.
    private static let unsupportedPrefixes: [UInt8] = [0x52, 0x70, 0xf0]

    /// Appends the digits, without prefix.
    func appendDigits(of bytes: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        switch layout.digit {
        case .bits(let width, let group): appendBits(of: bytes, width: width, group: group, to: &text)
        case .radix(let radix): appendRadix(of: bytes, radix: radix, to: &text)
        }
    }

    /// The bytes of digits without prefix.
    func decodeDigits(
        _ digits: UnsafeRawBufferPointer, ignoringCase: Bool = false
    ) throws(CIDError) -> [UInt8] {
        let alphabet = Alphabet(layout.alphabet, ignoringCase: ignoringCase)
        switch layout.digit {
        case .bits(let width, let group):
            return try Self.decodeBits(digits, width: width, group: group, alphabet)
        case .radix(let radix):
            guard digits.count <= Self.maximumRadixDigits else { throw .textTooLong }
            return try Self.decodeRadix(digits, radix: radix, alphabet)
        }
    }
}

extension Multibase {
    /// How a base spells its digits.
    struct Layout {
        enum Digit {
            /// Digits of `width` bits, most significant first; padded with `=` to multiples of `group`.
            case bits(width: Int, group: Int)
            /// The bytes as one number; leading zero bytes are leading zero digits.
            case radix(UInt32)
        }

        let prefix: UInt8
        let digit: Digit
        let alphabet: StaticString

        init(_ prefix: Unicode.Scalar, _ digit: Digit, _ alphabet: StaticString) {
            self.prefix = UInt8(truncatingIfNeeded: prefix.value)
            self.digit = digit
            self.alphabet = alphabet
        }
    }

    var layout: Layout {
        switch self {
        case .base2: Layout("0", .bits(width: 1, group: 1), "01")
        case .base8: Layout("7", .bits(width: 3, group: 1), "01234567")
        case .base10: Layout("9", .radix(10), "0123456789")
        case .base16: Layout("f", .bits(width: 4, group: 1), "0123456789abcdef")
        case .base16upper: Layout("F", .bits(width: 4, group: 1), "0123456789ABCDEF")
        case .base32: Layout("b", .bits(width: 5, group: 1), Self.letters32)
        case .base32upper: Layout("B", .bits(width: 5, group: 1), Self.letters32upper)
        case .base32pad: Layout("c", .bits(width: 5, group: 8), Self.letters32)
        case .base32padupper: Layout("C", .bits(width: 5, group: 8), Self.letters32upper)
        case .base32hex: Layout("v", .bits(width: 5, group: 1), Self.hex32)
        case .base32hexupper: Layout("V", .bits(width: 5, group: 1), Self.hex32upper)
        case .base32hexpad: Layout("t", .bits(width: 5, group: 8), Self.hex32)
        case .base32hexpadupper: Layout("T", .bits(width: 5, group: 8), Self.hex32upper)
        case .base32z: Layout("h", .bits(width: 5, group: 1), "ybndrfg8ejkmcpqxot1uwisza345h769")
        case .base36: Layout("k", .radix(36), "0123456789abcdefghijklmnopqrstuvwxyz")
        case .base36upper: Layout("K", .radix(36), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        case .base58btc:
            Layout("z", .radix(58), "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
        case .base58flickr:
            Layout("Z", .radix(58), "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ")
        case .base64: Layout("m", .bits(width: 6, group: 1), Self.letters64)
        case .base64pad: Layout("M", .bits(width: 6, group: 4), Self.letters64)
        case .base64url: Layout("u", .bits(width: 6, group: 1), Self.letters64url)
        case .base64urlpad: Layout("U", .bits(width: 6, group: 4), Self.letters64url)
        }
    }

    private static var letters32: StaticString { "abcdefghijklmnopqrstuvwxyz234567" }
    private static var letters32upper: StaticString { "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" }
    private static var hex32: StaticString { "0123456789abcdefghijklmnopqrstuv" }
    private static var hex32upper: StaticString { "0123456789ABCDEFGHIJKLMNOPQRSTUV" }
    private static var letters64: StaticString {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    }
    private static var letters64url: StaticString {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    }
}
