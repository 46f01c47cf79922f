/// The default store: index in LMDB, payloads in packs.
///
/// A handle may be used by many threads at once. It is refused in a forked child, which opens its own.
import Glibc

public final class ContentStore: @unchecked Sendable {
    let core: StoreCore
    /// Whose holds `retain`, `dereference` and the conveniences below use.
    public let owner: String

    /// Holds of a handle that names no owner belong to this one.
    public static let defaultOwner = "default"

    /// Whether the handle only reads, because it was asked to or can do no more.
    public let isReadOnly: Bool

    private init(_ core: StoreCore, owner: String, readOnly: Bool) {
        self.core = core
        self.owner = owner
        // The store may be open for writing under another handle.
        isReadOnly = readOnly || core.isReadOnly
    }

    func checkWritable() throws(StoreError) {
        try core.check()
        guard !isReadOnly else { throw StoreError(.readOnly, "the store is open for reading only") }
    }

    deinit { core.release() }

    /// Makes a store in a directory that does not exist, or is empty. EXISTS otherwise.
    public static func create(at path: String, configuration: StoreConfiguration = StoreConfiguration())
        throws(StoreError)
    {
        try StoreCore.create(path, configuration)
    }

    /// Opens a store. NOT_FOUND when the path is none, NOT_A_STORE when it holds none, UNSUPPORTED for a
    /// newer format or a network's file system. Where the files may only be read, the handle only reads.
    public static func open(at path: String, owner: String = defaultOwner, readOnly: Bool = false)
        throws(StoreError) -> ContentStore
    {
        try StoreName.check(owner, "owner")
        return ContentStore(try StoreCore.open(path, readOnly: readOnly), owner: owner, readOnly: readOnly)
    }

    public var path: String { core.path }
    public var configuration: StoreConfiguration { core.configuration }
    /// The store's random name, 32 hexadecimal digits.
    public var identity: String { core.identity.text }

    /// A sentence that a user of this handle should hear, or nil.
    public var warning: String? {
        core.index.access == .unlocked
            ? "the store's lock file may not be written: reading is safe only while nobody writes to it" : nil
    }
}

// MARK: - Reading

extension ContentStore: BlockSource {
    /// The block's bytes, checked, valid during `body`.
    public func withBlock<T>(_ cid: CID, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T)
        throws(StoreError) -> T
    {
        try core.withBlock(cid, body)
    }
}

/// What the index says of a block.
public struct BlockInformation: Equatable, Sendable {
    public let cid: CID
    /// Bytes of the block.
    public let rawLength: UInt64
    /// Bytes of its payload in the pack.
    public let storedLength: UInt64
    /// Nodes that link to it, roots and holders.
    public let references: UInt64
}

extension StoreCore {
    /// Distinct blocks that a block links to; none for codecs other than dag-cbor.
    func links(of cid: CID) throws(StoreError) -> [CID] {
        guard cid.codec == .dagCBOR else { return [] }
        return try withBlock(cid) { (block) throws(StoreError) in try Self.links(of: cid, in: block) }
    }

    /// Distinct links in the bytes of a dag-cbor block.
    static func links(of cid: CID, in block: UnsafeRawBufferPointer) throws(StoreError) -> [CID] {
        do { return try DagCBOR.links(in: block) } catch { throw damaged(cid, "it is not strict DAG-CBOR") }
    }

    /// The size of what a CID names: of a file's tree its data's, of another value its encoding's.
    func size(of cid: CID) throws(StoreError) -> UInt64 {
        if cid.codec == .dagCBOR { return try withBlock(cid, Self.size(ofNode:)) }
        if cid.hash == .identity { return UInt64(cid.digestLength) }
        guard let location = try read({ (snapshot) throws(StoreError) in try snapshot.location(of: cid) })
        else {
            throw StoreError(.notFound, "\(cid) is not in the store")
        }
        return UInt64(location.rawLength)
    }

    /// The same, of what a dag-cbor block is the root of.
    static func size(ofNode block: UnsafeRawBufferPointer) throws(StoreError) -> UInt64 {
        if let split = try SplitForm.decode(block) { return split.valueSize }
        return try TreeNode.size(ofBlock: block) ?? UInt64(block.count)
    }
}
