/// Why bytes are not strict DAG-CBOR or DAG-JSON, or why a value has no such form.
public struct CodecError: Error, Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        /// The input ends before the value does, or a length or count claims more than is left.
        case truncated
        /// Bytes follow the value.
        case trailingBytes
        /// A length, count or integer that has a shorter form.
        case notMinimal
        /// A string, list or map of indefinite length, or the break that ends one.
        case indefiniteLength
        /// Additional information 28 to 30, reserved by RFC 8949.
        case reservedHeader
        /// A tag other than 42.
        case unsupportedTag
        /// A simple value other than false, true and null.
        case unsupportedSimple
        /// A float of 16 or 32 bits.
        case unsupportedFloat
        /// NaN or an infinity.
        case notFinite
        /// Text that is not UTF-8.
        case notUTF8
        /// A map key that is not text.
        case keyNotText
        /// A map key that sorts before the one in front of it.
        case keyOrder
        /// A map key that occurs twice.
        case duplicateKey
        /// A fixed map does not have the keys it must have.
        case unexpectedKey
        /// A value of another kind than was asked for.
        case unexpectedKind
        /// A link that is not tag 42, byte string, 0x00, binary CID; or, in DAG-JSON, not a CID's text.
        case invalidLink(CIDError?)
        /// Lists and maps nested deeper than `IPLDValue.maximumDepth`.
        case tooDeep
        /// An integer below -2^64, above 2^64-1, or outside what was asked for.
        case integerRange
        /// Text that is not JSON.
        case syntax
        /// A map of the form that DAG-JSON reserves for links and bytes, and that is neither.
        case reservedForm
    }

    public let kind: Kind
    /// Bytes from the start of the input, or of the output where encoding fails.
    public let offset: Int

    public init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }
}

extension CodecError: CustomStringConvertible {
    public var description: String { "\(reason), at offset \(offset)" }

    private var reason: String {
        switch kind {
        case .truncated: "the input ends before its value does"
        case .trailingBytes: "bytes follow the value"
        case .notMinimal: "a number is not in its shortest form"
        case .indefiniteLength: "indefinite lengths are not allowed"
        case .reservedHeader: "a reserved header"
        case .unsupportedTag: "only tag 42 is allowed"
        case .unsupportedSimple: "a simple value other than false, true and null"
        case .unsupportedFloat: "a float that is not of 64 bits"
        case .notFinite: "NaN and infinities are not allowed"
        case .notUTF8: "text that is not UTF-8"
        case .keyNotText: "a map key that is not text"
        case .keyOrder: "map keys are not in canonical order"
        case .duplicateKey: "a map key occurs twice"
        case .unexpectedKey: "another map key was expected"
        case .unexpectedKind: "a value of another kind was expected"
        case .invalidLink(let cause): "an invalid link" + (cause.map { " (\($0))" } ?? "")
        case .tooDeep: "nested deeper than \(IPLDValue.maximumDepth) levels"
        case .integerRange: "an integer out of range"
        case .syntax: "not JSON"
        case .reservedForm: "a map of a form reserved for links and bytes"
        }
    }
}

extension StoreError {
    /// `.invalid`; or `.unsupported` for a link to a CID that may be well-formed, but is not handled here.
    public init(_ error: CodecError) {
        if case .invalidLink(let cause?) = error.kind, cause.isUnsupported {
            self.init(.unsupported, error.description)
        } else {
            self.init(.invalid, error.description)
        }
    }
}
