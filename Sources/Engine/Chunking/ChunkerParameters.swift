/// How a store cuts data into chunks. A property of the store: it is recorded there, and in every
/// tree, as one line of text, because the same bytes have the same root only under the same parameters.
///
/// A value that exists is a valid one: both ways to make it check the limits.
public struct ChunkerParameters: Hashable, Sendable {
    /// The rule and its numbers, in bytes.
    public enum Rule: Hashable, Sendable {
        /// FastCDC-2020: content decides, within `minimum` and `maximum`. `normalization` is the number
        /// of bits by which the mask is harder before `average` and easier after it.
        case fastCDC(minimum: Int, average: Int, maximum: Int, normalization: Int)
        /// Every chunk has `size` bytes, except the last.
        case fixed(size: Int)
    }

    public let rule: Rule

    /// Smallest allowed `minimum` of FastCDC, and smallest fixed size, in bytes.
    public static let smallestChunk = 64
    /// Smallest allowed `average` of FastCDC, in bytes.
    public static let smallestAverage = 256
    /// The normalization levels of the public implementations.
    public static let normalizations = 0...3

    /// FastCDC, 16/64/256 KiB, normalization 2.
    public static let `default` = ChunkerParameters(
        unchecked: .fastCDC(
            minimum: 16 << 10, average: 64 << 10, maximum: 256 << 10, normalization: 2))

    private init(unchecked rule: Rule) {
        self.rule = rule
    }

    /// Throws `.invalid` when a number is out of its limits.
    public init(_ rule: Rule) throws(StoreError) {
        switch rule {
        case .fastCDC(let minimum, let average, let maximum, let normalization):
            guard minimum >= Self.smallestChunk, minimum <= average else {
                throw StoreError(
                    .invalid,
                    "the minimum chunk size must be between \(Self.smallestChunk) bytes and the average")
            }
            guard average >= Self.smallestAverage, average <= maximum else {
                throw StoreError(
                    .invalid,
                    "the average chunk size must be between \(Self.smallestAverage) bytes and the maximum")
            }
            guard maximum <= Block.maximumLength else {
                throw StoreError(.invalid, "the maximum chunk size is \(Block.maximumLength) bytes")
            }
            guard Self.normalizations.contains(normalization) else {
                throw StoreError(
                    .invalid,
                    "the normalization must be between \(Self.normalizations.lowerBound) and "
                        + "\(Self.normalizations.upperBound)")
            }
        case .fixed(let size):
            guard size >= Self.smallestChunk, size <= Block.maximumLength else {
                throw StoreError(
                    .invalid,
                    "the chunk size must be between \(Self.smallestChunk) and \(Block.maximumLength) bytes")
            }
        }
        self.rule = rule
    }

    /// FastCDC with a quarter and four times of `average` (bytes) as its bounds, normalization 2.
    public static func fastCDC(average: Int) throws(StoreError) -> ChunkerParameters {
        // Checked before anything is multiplied.
        guard average >= smallestAverage, average <= Block.maximumLength / 4 else {
            throw StoreError(
                .invalid,
                "the average chunk size must be between \(smallestAverage) and "
                    + "\(Block.maximumLength / 4) bytes")
        }
        return try ChunkerParameters(
            .fastCDC(minimum: average / 4, average: average, maximum: average * 4, normalization: 2))
    }

    public static func fixed(size: Int) throws(StoreError) -> ChunkerParameters {
        try ChunkerParameters(.fixed(size: size))
    }

    /// The longest chunk in bytes.
    public var maximumChunkLength: Int {
        switch rule {
        case .fastCDC(_, _, let maximum, _): maximum
        case .fixed(let size): size
        }
    }

    /// A chunker that cuts by these parameters.
    public func makeChunker() -> any Chunker {
        switch rule {
        case .fastCDC(let minimum, let average, let maximum, let normalization):
            FastCDCChunker(
                minimum: minimum, average: average, maximum: maximum, normalization: normalization)
        case .fixed(let size):
            FixedSizeChunker(size: size)
        }
    }
}

// MARK: - Text form

/// `fastcdc2020:MINIMUM:AVERAGE:MAXIMUM:NORMALIZATION` or `fixed:SIZE`, in decimal. One value has one text.
extension ChunkerParameters: CustomStringConvertible {
    public var description: String {
        switch rule {
        case .fastCDC(let minimum, let average, let maximum, let normalization):
            "fastcdc2020:\(minimum):\(average):\(maximum):\(normalization)"
        case .fixed(let size):
            "fixed:\(size)"
        }
    }

    /// Reads the text form back. Throws `.invalid` when `text` is not exactly one.
    public init(parsing text: String) throws(StoreError) {
        let fields = text.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = fields.dropFirst().compactMap { Int($0) }
        switch (fields.first, fields.count, numbers.count) {
        case ("fastcdc2020", 5, 4):
            try self.init(
                .fastCDC(
                    minimum: numbers[0], average: numbers[1], maximum: numbers[2],
                    normalization: numbers[3]))
        case ("fixed", 2, 1):
            try self.init(.fixed(size: numbers[0]))
        default:
            throw StoreError(.invalid, "not a chunker: \(text)")
        }
        // Int accepts "+64" and "0064": other spellings of one value.
        guard description == text else {
            throw StoreError(.invalid, "not a chunker: \(text)")
        }
    }
}
