import IpldEngine

/// A tree at a point of its history.
public struct Version: Equatable, Sendable {
    public var tree: CID
    /// What it was made from, weakly: none, one, or for a merge several. What is no longer here is where the
    /// history ends.
    public var previous: [CID]
    public var time: Timestamp
    public var message: String
    public var author: String
    /// One more than the greatest of what it was made from, so that the order of two versions is known
    /// without trusting clocks, and without what is between them.
    public var generation: UInt64

    public init(
        tree: CID, previous: [CID] = [], time: Timestamp, message: String = "", author: String = "",
        generation: UInt64 = 1
    ) {
        self.tree = tree
        self.previous = previous
        self.time = time
        self.message = message
        self.author = author
        self.generation = generation
    }

    /// Most versions that one is made from.
    public static let maximumPrevious = 64
    /// The longest author and message together, in bytes.
    public static let maximumText = 512 << 10
}

/// The nodes above directories: `docs/FORMAT.md`, MonoFS.
///
///     {"monofs/tree": ENTRY}
///     {"monofs/version": {"time": …, "tree": LINK, "author": TEXT, …}}
enum TreeNodes {
    static let treeMarker: StaticString = "monofs/tree"
    static let versionMarker: StaticString = "monofs/version"

    /// What a CID is the root of.
    enum Node {
        case tree(Entry)
        case version(Version)
        /// A directory's map, without metadata.
        case map(entries: UInt64)
        /// A file's bytes.
        case file(size: UInt64)
    }

    static func encodeTree(_ root: Entry) throws(StoreError) -> [UInt8] {
        guard !root.isTombstone else { throw StoreError(.invalid, "a tree's root is no tombstone") }
        let entry = try EntryEncoder.encode(root)
        var writer = DagCBORWriter(capacity: entry.count + 16)
        writer.mapHeader(1)
        writer.text(treeMarker)
        return writer.output + entry
    }

    static func encodeVersion(_ version: Version) throws(StoreError) -> [UInt8] {
        guard version.previous.count <= Version.maximumPrevious else {
            throw StoreError(.tooLarge, "a version has at most \(Version.maximumPrevious) previous ones")
        }
        guard version.author.utf8.count + version.message.utf8.count <= Version.maximumText else {
            throw StoreError(.tooLarge, "author and message have at most \(Version.maximumText) bytes")
        }
        guard version.generation <= UInt64(Int64.max) else {
            throw StoreError(
                .corrupt, "what the version comes after is forged: it has a generation of 2^63 - 1")
        }
        var writer = DagCBORWriter(capacity: 256)
        writer.mapHeader(1)
        writer.text(versionMarker)
        writer.mapHeader(6)
        writer.text("time" as StaticString)
        writer.timestamp(version.time)
        writer.text("tree" as StaticString)
        writer.link(version.tree)
        writer.text("author" as StaticString)
        writer.text(version.author)
        writer.text("message" as StaticString)
        writer.text(version.message)
        writer.text("previous" as StaticString)
        writer.listHeader(version.previous.count)
        for cid in version.previous { writer.weakLink(cid) }
        writer.text("generation" as StaticString)
        writer.unsigned(version.generation)
        return writer.output
    }

    /// What a CID names, from its block. INVALID for what is none of them, UNSUPPORTED for a version of a
    /// later format, CORRUPT for what contradicts itself.
    static func open(_ cid: CID, _ source: TreeSource) throws(StoreError) -> Node {
        if cid.codec == .raw { return .file(size: try source.size(of: cid)) }
        guard cid.codec == .dagCBOR else {
            throw StoreError(.unsupported, "\(cid) has a codec of which no tree is made")
        }
        let known = try source.withContent(of: cid) { (block) throws(StoreError) -> Node? in
            switch marker(block) {
            case .tree:
                var reader = DagCBORReader(block)
                do throws(CodecError) {
                    _ = try reader.readMapHeader()
                    _ = try reader.readText()
                } catch { throw StoreError(error) }
                let entry = try EntryDecoder.decode(
                    UnsafeRawBufferPointer(rebasing: block[reader.offset...]))
                guard !entry.isTombstone else {
                    throw StoreError(.corrupt, "the tree \(cid) is a tombstone")
                }
                return .tree(entry)
            case .version: return .version(try decodeVersion(cid, block))
            case nil: return try TreeNode.size(ofBlock: block).map { .file(size: $0) }
            }
        }
        if let known { return known }
        return .map(entries: try ByteMap(cid, source: source).count)
    }

    private enum Marker {
        case tree, version
    }

    private static func marker(_ block: UnsafeRawBufferPointer) -> Marker? {
        var reader = DagCBORReader(block)
        guard (try? reader.readMapHeader()) == 1, let key = try? reader.readText() else { return nil }
        func equals(_ name: StaticString) -> Bool {
            name.withUTF8Buffer { UnsafeRawBufferPointer($0).equals(key) }
        }
        return equals(treeMarker) ? .tree : equals(versionMarker) ? .version : nil
    }

    private static func decodeVersion(_ cid: CID, _ block: UnsafeRawBufferPointer) throws(StoreError)
        -> Version
    {
        var reader = DagCBORReader(block)
        var fields = 0
        do throws(CodecError) {
            _ = try reader.readMapHeader()
            try reader.readKey(versionMarker)
            fields = try reader.readMapHeader()
            try reader.readKey("time")
            let time = try reader.readTimestamp()
            try reader.readKey("tree")
            let tree = try reader.readLink()
            try reader.readKey("author")
            let author = String(decoding: try reader.readText(), as: UTF8.self)
            try reader.readKey("message")
            let message = String(decoding: try reader.readText(), as: UTF8.self)
            try reader.readKey("previous")
            var previous: [CID] = []
            let start = reader.offset
            let count = try reader.readListHeader()
            guard count <= Version.maximumPrevious else { throw CodecError(.integerRange, at: start) }
            for _ in 0..<count { previous.append(try reader.readWeakLink()) }
            try reader.readKey("generation")
            let generation = try reader.readUnsigned()
            guard generation <= UInt64(Int64.max) else {
                throw CodecError(.integerRange, at: reader.offset)
            }
            try reader.finish()
            return Version(
                tree: tree, previous: previous, time: time, message: message, author: author,
                generation: generation)
        } catch {
            guard fields <= 6 else {
                throw StoreError(.unsupported, "the version \(cid) has fields of a later format")
            }
            throw StoreError(.corrupt, "the version \(cid) is damaged or forged: \(error.description)")
        }
    }
}
