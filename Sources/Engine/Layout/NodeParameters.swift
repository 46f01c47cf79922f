/// How many children an inner node has, and where it ends.
///
/// A node ends by content, as a chunk does: after a child whose digest says so. That makes the tree a
/// function of the sequence of its leaves, whatever edits led there, and lets an edited tree fall in step
/// with the old one again. The same rule holds at every level, and this is the only place that knows it.
public struct NodeParameters: Hashable, Sendable {
    /// Fewest children of a node, except the last of its level.
    public let minimum: Int
    /// About how many children a node has on ordinary data.
    public let expected: Int
    /// Most children of a node.
    public let maximum: Int

    /// 32, 128, 512.
    public static let `default` = NodeParameters(uncheckedMinimum: 32, expected: 128, maximum: 512)

    /// So many children of the longest CIDs stay within one block.
    public static let largestMaximum = 8192

    /// Digests whose mixed word is below this end a node.
    private let threshold: UInt64

    private init(uncheckedMinimum minimum: Int, expected: Int, maximum: Int) {
        self.minimum = minimum
        self.expected = expected
        self.maximum = maximum
        // From the minimum on each child ends the node with probability 1 / (expected - minimum); the
        // maximum, reached by less than one node in a hundred at the default, takes little from the mean:
        // 126.4 children at 32, 128, 512.
        threshold = UInt64.max / UInt64(expected - minimum)
    }

    /// Throws `.invalid` unless 2 <= minimum < expected < maximum <= `largestMaximum`.
    public init(minimum: Int, expected: Int, maximum: Int) throws(StoreError) {
        guard minimum >= 2, minimum < expected, expected < maximum, maximum <= Self.largestMaximum else {
            throw StoreError(
                .invalid,
                "children of a node: 2 <= minimum < expected < maximum <= \(Self.largestMaximum)")
        }
        self.init(uncheckedMinimum: minimum, expected: expected, maximum: maximum)
    }

    /// The node-end decision: after how many children a node ends when its next children are all `child`,
    /// the first of them being child number `count` + 1.
    ///
    /// That is `count` + 1, the minimum or the maximum; the answer is never below `count` + 1 for a
    /// `count` below the maximum. One child ends a node that has `count` before it exactly when the answer
    /// is `count` + 1.
    func nodeEnd(after count: Int, children child: CID) -> Int {
        Self.mixedWord(of: child) < threshold ? max(count + 1, minimum) : maximum
    }

    /// 64 bits that depend on every bit of the digest. The digest of a cryptographic hash would do as it
    /// is; identity and truncated digests, which readers of foreign trees and keyed trees have, would not.
    /// Multiply and shift as in SplitMix64; digest bytes are read as little-endian words, zeros after them.
    static func mixedWord(of cid: CID) -> UInt64 { cid.withDigest { mixedWord(of: $0) } }

    /// The same word of any bytes.
    static func mixedWord(of bytes: UnsafeRawBufferPointer) -> UInt64 {
        var state = UInt64(bytes.count)
        var offset = 0
        while bytes.count - offset >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            state = mixed(state ^ UInt64(littleEndian: word))
            offset += 8
        }
        guard offset < bytes.count else { return state }
        var word: UInt64 = 0
        for index in offset..<bytes.count { word |= UInt64(bytes[index]) << UInt64(8 * (index - offset)) }
        return mixed(state ^ word)
    }

    static func mixed(_ word: UInt64) -> UInt64 {
        var word = word &+ 0x9E37_79B9_7F4A_7C15
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
