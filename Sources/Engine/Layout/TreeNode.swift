/// Equal children that follow each other in a node.
public struct ChildRun: Hashable, Sendable {
    public let cid: CID
    /// File bytes under one child.
    public let size: UInt64
    /// How many children, at least 1.
    public var count: UInt64

    public init(cid: CID, size: UInt64, count: UInt64) {
        self.cid = cid
        self.size = size
        self.count = count
    }

    /// A child of codec raw is a leaf; the only other codec a tree has is dag-cbor, a subtree.
    public var isLeaf: Bool { cid.codec == .raw }
}

/// An inner node of a tree: a DAG-CBOR map of exactly these entries,
///
///     {"size": UINT, "profile": TEXT, "children": [[LINK, UINT], …]}
///
/// where `size` is the number of file bytes under the node and each child has its own. A node that has
/// this shape is a tree node, whoever stored it.
///
/// Of a decoded node always holds: there is a child; none is empty; they are all leaves or all subtrees;
/// no leaf is larger than a block; the sizes of the children make up `size`, at most `maximumSize`.
public struct TreeNode: Hashable, Sendable {
    /// The largest file in bytes: what a signed 64-bit offset reaches.
    public static let maximumSize = UInt64(Int64.max)
    /// More levels than any tree that was built: 2^63 bytes in leaves of one byte, two to a node.
    public static let maximumHeight = 64

    /// File bytes under the node.
    public let size: UInt64
    /// The identifier of the profile it was built by; see `LayoutProfile.identifier`.
    public let profile: String
    /// The children in order, equal neighbours as one run.
    public let children: [ChildRun]

    /// Whether the children are leaves rather than subtrees.
    public var isAboveLeaves: Bool { children.first?.isLeaf ?? false }

    /// The root of a file without bytes: the raw block of none.
    static func emptyRoot(hash: CID.HashFunction) throws(StoreError) -> CID {
        do throws(CIDError) {
            return try CID(hashing: UnsafeRawBufferPointer(start: nil, count: 0), codec: .raw, hash: hash)
        } catch {
            throw StoreError(error)
        }
    }

    /// What is said of another node that is taken for a file's.
    static func notAFile(_ cid: CID) -> StoreError {
        StoreError(.invalid, "\(cid) is a node, but not the root of a file: cat-node prints it")
    }

    /// Reads a node from a block. Nil when the block is DAG-CBOR of another shape. Throws `.corrupt` when
    /// it is no DAG-CBOR, or has the shape and contradicts itself; `.unsupported` when it holds a CID that
    /// this version cannot represent. A block of 1 MiB decodes to at most 12 MiB of children.
    public static func decode(_ block: UnsafeRawBufferPointer) throws(StoreError) -> TreeNode? {
        var children: [ChildRun] = []
        // A guess that is right for nodes of 32-byte digests, and bounded for any block.
        children.reserveCapacity(min(block.count / 44, NodeParameters.default.maximum))
        var profile = ""
        let size = try TreeNodeDecoder.walk(block) { (text) in
            profile = String(decoding: text, as: UTF8.self)
        } child: { (cid, size) in
            if let last = children.last, last.cid == cid, last.size == size {
                children[children.count - 1].count += 1
            } else {
                children.append(ChildRun(cid: cid, size: size, count: 1))
            }
        }
        guard let size else { return nil }
        return TreeNode(size: size, profile: profile, children: children)
    }

    /// The number of file bytes under the node in `block`, without building the node. Nil and errors as
    /// of `decode`.
    public static func size(ofBlock block: UnsafeRawBufferPointer) throws(StoreError) -> UInt64? {
        try TreeNodeDecoder.walk(block) { (_) in } child: { (_, _) in }
    }
}
