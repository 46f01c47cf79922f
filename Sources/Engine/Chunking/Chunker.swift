/// Decides where chunks end.
///
/// A chunker has no state between calls: where a chunk ends depends on the bytes from its start on and on
/// nothing before it. That is what lets an edit re-chunk from any chunk's start. (It may look past the end
/// it chooses: see `FastCDCChunker`.)
public protocol Chunker: Sendable {
    /// The longest chunk in bytes.
    var maximumChunkLength: Int { get }

    /// How far an end looks: where a chunk ends depends on its bytes, and on this many bytes after them and
    /// whether they are there, and on nothing beyond. At least 1, for a chunk that ends with the input.
    var lookaheadLength: Int { get }

    /// The length in bytes of the chunk at the start of `rest`, which is all the rest of the input or at
    /// least `maximumChunkLength` bytes of it. At least 1, unless `rest` is empty.
    ///
    /// A length that is less than `rest.count` stands, whatever follows: it is also the answer for every
    /// longer `rest` that begins with these bytes. So few bytes may be tried before all are fetched.
    func firstChunkLength(of rest: UnsafeRawBufferPointer) -> Int
}

/// Chunks of one size; the last is what remains.
public struct FixedSizeChunker: Chunker {
    public let maximumChunkLength: Int
    public let lookaheadLength = 1

    init(size: Int) {
        maximumChunkLength = size
    }

    public func firstChunkLength(of rest: UnsafeRawBufferPointer) -> Int {
        min(rest.count, maximumChunkLength)
    }
}
