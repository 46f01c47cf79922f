/// A store of any kind: where its index and its payloads live, and which stores it reads through, makes no
/// difference to what it promises.
///
/// A handle may be used by many threads at once. It is refused in a forked child, which opens its own.
import Glibc

public class ContentStore: @unchecked Sendable {
    final let core: StoreCore
    /// Whose holds `retain`, `dereference` and the conveniences below use.
    public final let owner: String

    /// Holds of a handle that names no owner belong to this one.
    public static let defaultOwner = "default"

    /// Whether the handle only reads, because it was asked to or can do no more.
    public final let isReadOnly: Bool
    private let wasOpenedReadOnly: Bool

    /// Bytes between two holds on what a copy has copied so far.
    package final var copyStep: UInt64 = 256 << 20

    /// Takes over a handle of the core.
    init(_ core: StoreCore, owner: String, readOnly: Bool = false) {
        self.core = core
        self.owner = owner
        // The store may be open for writing under another handle.
        isReadOnly = readOnly || core.isReadOnly
        wasOpenedReadOnly = readOnly
    }

    final func checkWritable() throws(StoreError) {
        try core.check()
        try core.read(core.checkNotSealed)
        guard !isReadOnly else { throw StoreError(.readOnly, "the store is open for reading only") }
    }

    /// Whether damage can be mended: in a sealed store, too.
    final func checkMendable() throws(StoreError) {
        try core.check()
        guard !wasOpenedReadOnly, core.index.access == .readWrite else {
            throw StoreError(.readOnly, "the store is open for reading only")
        }
    }

    deinit { core.release() }

    /// Opens the store at a path, whatever its kind. NOT_FOUND when the path is none, NOT_A_STORE when it
    /// holds none, UNSUPPORTED for a newer format or a network's file system. Where the files may only be
    /// read, the handle only reads.
    public static func open(at path: String, owner: String = defaultOwner, readOnly: Bool = false)
        throws(StoreError) -> ContentStore
    {
        try StoreName.checkOwner(owner)
        let core = try StoreCore.open(path, readOnly: readOnly)
        if !core.bases.isEmpty { return LayeredStore(core, owner: owner, readOnly: readOnly) }
        return switch core.payloads {
        case .packs: LmdbStore(core, owner: owner, readOnly: readOnly)
        default: FlatFsStore(core, owner: owner, readOnly: readOnly)
        }
    }

    /// Makes a store in a directory that does not exist, or is empty. EXISTS otherwise.
    public static func create(at path: String, configuration: StoreConfiguration = StoreConfiguration())
        throws(StoreError)
    {
        try StoreCreation.create(path, configuration)
    }

    /// Where the stores are that are open in this process. Nobody else in it may open their files.
    public static var openPaths: [String] { StoreCore.openPaths }
    /// Where the store is; empty for one in memory.
    public final var path: String { core.path }
    public final var configuration: StoreConfiguration { core.configuration }
    /// The store's random name, 32 hexadecimal digits.
    public final var identity: String { core.identity.text }
    /// Whether it goes with its handles.
    public final var isInMemory: Bool { core.files == nil }
    /// Whether nothing of it changes any more.
    public final var isSealed: Bool { core.isSealed }

    /// A sentence that a user of this handle should hear, or nil.
    public final var warning: String? {
        if core.index.access == .unlocked, !core.isSealed {
            return "the store's lock file may not be written: reading is safe only while nobody writes to it"
        }
        if core.isUnknownToBases {
            return
                "its bases do not know this copy, and may lose what it needs: open it for writing once"
        }
        for base in core.bases {
            guard base.promisesNothing, !core.isReadOnly else { continue }
            return
                "the base \(base.recorded.path) may not be written to, and is not sealed: what is deleted is"
                + " gone here, too"
        }
        return nil
    }
}

/// The default: index in LMDB, payloads in packs.
public final class LmdbStore: ContentStore, @unchecked Sendable {}

/// Index in LMDB, each block a plain file that other programs can read.
public final class FlatFsStore: ContentStore, @unchecked Sendable {
    /// Makes a store in a directory that does not exist, or is empty; `levels`, 0 to 2, folders above each
    /// file. EXISTS when there is anything; INVALID for other levels.
    public static func create(
        at path: String, levels: Int, profile: LayoutProfile = .default
    ) throws(StoreError) {
        guard (0...2).contains(levels) else {
            throw StoreError(.invalid, "there are 0 to 2 levels of folders")
        }
        try StoreCreation.create(
            path, StoreConfiguration(profile: profile, payloads: .files(levels: levels)))
    }
}

/// Index and payloads in memory, for as long as the handle and what was made from it live. Over other stores:
/// a buffer, which reads through them and leaves them as they are.
public final class MemoryStore: ContentStore, @unchecked Sendable {
    /// Stores that it reads through stay open, and keep what they have now, for as long as it lives. Its
    /// configuration is that of the first of them where none is given.
    public init(
        over bases: [ContentStore] = [], configuration: StoreConfiguration? = nil,
        owner: String = defaultOwner
    ) throws(StoreError) {
        try StoreName.checkOwner(owner)
        guard bases.count <= RecordedConfiguration.mostBases else {
            throw StoreError(.invalid, "a store has at most \(RecordedConfiguration.mostBases) bases")
        }
        let configuration = configuration ?? bases.first?.configuration ?? StoreConfiguration()
        let core = try StoreCore(inMemory: configuration, over: bases.map(\.core))
        // Until here they must not be closed.
        withExtendedLifetime(bases) {}
        super.init(core, owner: owner)
    }
}

/// A store that writes to itself and reads through others, its bases, which it never changes: they only hold
/// what it links to.
public final class LayeredStore: ContentStore, @unchecked Sendable {
    /// Makes a layer over the stores at `bases`; reads look at itself first, then at them, in order. Its
    /// configuration is that of the first base where none is given. EXISTS, NOT_FOUND.
    public static func create(
        at path: String, over bases: [String], configuration: StoreConfiguration? = nil
    ) throws(StoreError) {
        guard let first = bases.first else { throw StoreError(.invalid, "a layer has a base") }
        var chosen = configuration ?? StoreConfiguration()
        if configuration == nil {
            let base = try StoreCore.open(first, readOnly: true)
            chosen = StoreConfiguration(
                profile: base.configuration.profile, compression: base.configuration.compression)
            base.release()
        }
        try StoreCreation.create(path, chosen, over: bases)
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
        do { return try DagCBOR.links(in: block) } catch {
            throw Payload.damaged(cid, "it is not strict DAG-CBOR")
        }
    }

    /// The size of what a CID names: of a file's tree its data's, of another value its encoding's.
    func size(of cid: CID) throws(StoreError) -> UInt64 {
        if cid.codec == .dagCBOR { return try withBlock(cid, Self.size(ofNode:)) }
        if cid.hash == .identity { return UInt64(cid.digestLength) }
        return try inspect(cid).rawLength
    }

    /// The same, of what a dag-cbor block is the root of.
    static func size(ofNode block: UnsafeRawBufferPointer) throws(StoreError) -> UInt64 {
        if let split = try SplitForm.decode(block) { return split.valueSize }
        return try TreeNode.size(ofBlock: block) ?? UInt64(block.count)
    }
}
