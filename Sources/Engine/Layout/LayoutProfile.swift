/// Everything that decides which tree a sequence of bytes becomes: the same bytes under the same profile
/// have the same root. A property of the store, and named in every inner node.
public struct LayoutProfile: Hashable, Sendable {
    /// The shape of a tree.
    public enum Shape: Hashable, Sendable {
        /// All leaves at one depth under nodes that end by content.
        case balanced(NodeParameters)
        /// One node above all leaves: a file is limited by what one block holds.
        case flat
    }

    public let shape: Shape
    public let chunker: ChunkerParameters
    /// The hash of leaves and nodes: BLAKE3 or SHA2-256.
    public let hash: CID.HashFunction

    /// The profile as one line of text, stable for ever, that `init(identifier:)` reads back:
    /// `balanced:MINIMUM:EXPECTED:MAXIMUM/CHUNKER/HASH` or `flat/CHUNKER/HASH`, where CHUNKER is the text
    /// of `ChunkerParameters` and HASH the multicodec name, `blake3` or `sha2-256`.
    public let identifier: String

    /// Balanced, nodes of 32 to 512 children, FastCDC 16/64/256 KiB, BLAKE3.
    public static let `default` = LayoutProfile(
        shape: .balanced(.default), chunker: .default, hash: .blake3, hashName: "blake3")

    private static let hashNames: [(hash: CID.HashFunction, name: String)] = [
        (.blake3, "blake3"), (.sha256, "sha2-256"),
    ]

    private init(shape: Shape, chunker: ChunkerParameters, hash: CID.HashFunction, hashName: String) {
        self.shape = shape
        self.chunker = chunker
        self.hash = hash
        let shapeText =
            switch shape {
            case .balanced(let nodes): "balanced:\(nodes.minimum):\(nodes.expected):\(nodes.maximum)"
            case .flat: "flat"
            }
        identifier = "\(shapeText)/\(chunker)/\(hashName)"
    }

    /// Throws `.unsupported` for a hash that is neither BLAKE3 nor SHA2-256.
    public init(
        shape: Shape = .balanced(.default), chunker: ChunkerParameters = .default,
        hash: CID.HashFunction = .blake3
    ) throws(StoreError) {
        guard let name = Self.hashNames.first(where: { $0.hash == hash })?.name else {
            throw StoreError(
                .unsupported, "trees are hashed with blake3 or sha2-256, not with code \(hash.rawValue)")
        }
        self.init(shape: shape, chunker: chunker, hash: hash, hashName: name)
    }

    /// Reads an identifier back. Throws `.invalid` when `identifier` is not exactly one.
    public init(identifier: String) throws(StoreError) {
        let notOne = StoreError(.invalid, "not a layout profile: \(identifier)")
        let parts = identifier.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let hash = Self.hashNames.first(where: { $0.name == parts[2] }) else {
            throw notOne
        }
        let shape: Shape
        let fields = parts[0].split(separator: ":", omittingEmptySubsequences: false)
        let numbers = fields.dropFirst().compactMap { Int($0) }
        switch (fields.first, fields.count, numbers.count) {
        case ("balanced", 4, 3):
            shape = .balanced(
                try NodeParameters(minimum: numbers[0], expected: numbers[1], maximum: numbers[2]))
        case ("flat", 1, 0):
            shape = .flat
        default:
            throw notOne
        }
        self.init(
            shape: shape, chunker: try ChunkerParameters(parsing: String(parts[1])), hash: hash.hash,
            hashName: hash.name)
        // Int accepts other spellings of a number; a profile has one.
        guard self.identifier == identifier else { throw notOne }
    }

    /// A builder of trees of this profile. It hands each inner node to `sink`, children before parents.
    public func makeBuilder(sink: @escaping TreeNodeSink) -> any LayoutBuilder {
        switch shape {
        case .balanced(let nodes): BalancedTreeBuilder(profile: self, nodes: nodes, sink: sink)
        case .flat: FlatLayoutBuilder(profile: self, sink: sink)
        }
    }
}
