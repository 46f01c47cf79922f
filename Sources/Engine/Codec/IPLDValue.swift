/// A value of the IPLD data model.
///
/// Equality is that of content: two values are equal when they encode to the same bytes. So text is compared
/// byte by byte, not by Unicode equivalence, and -0.0 is not 0.0.
/// Source: https://ipld.io/docs/data-model/kinds/
public enum IPLDValue: Sendable {
    case null
    case bool(Bool)
    /// -2^64 to 2^64-1; other values cannot be encoded.
    case integer(Int128)
    /// Finite; other values cannot be encoded.
    case float(Double)
    case text(String)
    case bytes([UInt8])
    case list([IPLDValue])
    case map(IPLDMap)
    indirect case link(CID)

    /// Levels of lists and maps, one within another, that any codec here reads or writes. Bounded because
    /// values are built, compared and released by recursion; in an optimized build the deepest value takes
    /// less than 320 KiB of stack. A value built by hand must keep to it too.
    public static let maximumDepth = 1024

    /// The integers that can be encoded: -2^64 to 2^64-1.
    public static let integerRange: ClosedRange<Int128> = -(1 << 64)...(1 << 64) - 1
}

extension IPLDValue: Equatable {
    public static func == (a: IPLDValue, b: IPLDValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let x), .bool(let y)): x == y
        case (.integer(let x), .integer(let y)): x == y
        case (.float(let x), .float(let y)): x.bitPattern == y.bitPattern
        case (.text(let x), .text(let y)): IPLDMap.compareKeys(x, y) == 0
        case (.bytes(let x), .bytes(let y)): x == y
        case (.list(let x), .list(let y)): x == y
        case (.map(let x), .map(let y)): x == y
        case (.link(let x), .link(let y)): x == y
        default: false
        }
    }
}

extension IPLDValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .text(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(Int128(value)) }
    public init(floatLiteral value: Double) { self = .float(value) }
    public init(arrayLiteral elements: IPLDValue...) { self = .list(elements) }
    public init(dictionaryLiteral elements: (String, IPLDValue)...) {
        self = .map(IPLDMap(lastWins: elements))
    }
}
