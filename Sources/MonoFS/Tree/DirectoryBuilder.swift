import IpldEngine

/// Builds a directory from all of its entries, in the order of their names, at bounded memory: what stores
/// trees in bulk. Children come before their parents: a directory's entry has what `finish` of its own
/// builder gave.
///
/// What comes out is what a workspace makes of the same entries. For one thread, the one that uses the batch;
/// like every step of a batch, one that fails ends it.
public final class DirectoryBuilder {
    private let builder: ByteMapBuilder
    private var totals = Totals()

    public init(_ batch: Batch) { builder = ByteMapBuilder(batch) }

    /// Adds an entry whose name follows all others. INVALID for another name.
    public func append(_ name: FileName, _ entry: Entry) throws(StoreError) {
        try totals.add(Totals(of: entry))
        try builder.append(name.bytes, try EntryEncoder.encode(entry))
    }

    /// The directory, once; its map is a block of the batch.
    public func finish() throws(StoreError) -> Directory {
        guard builder.count > 0 else { return Directory() }
        return Directory(map: try builder.finish(), totals: totals)
    }
}

/// Changes a stored directory: the one way in which workspaces and merges write.
struct DirectoryEdit {
    private var changes: [(key: [UInt8], value: [UInt8]?)] = []
    private let before: Totals
    /// Of what is replaced, and of what comes: together they may be more than a directory can hold.
    private var (taken, added) = (Totals(), Totals())
    private let map: CID?

    init(_ directory: Directory) {
        before = directory.totals
        map = directory.map
    }

    var isEmpty: Bool { changes.isEmpty }

    /// Replaces what a name has by what it shall have; names ascend.
    mutating func set(_ name: FileName, from old: Entry?, to new: Entry?) throws(StoreError) {
        if let old { try taken.add(Totals(of: old)) }
        if let new { try added.add(Totals(of: new)) }
        changes.append((name.bytes, try new.map { (new) throws(StoreError) in try EntryEncoder.encode(new) }))
    }

    /// The directory with all changes made.
    func apply(_ batch: Batch) throws(StoreError) -> Directory {
        let totals = try before.subtracting(taken).adding(added)
        guard let map else {
            let builder = ByteMapBuilder(batch)
            for (key, value) in changes { if let value { try builder.append(key, value) } }
            guard builder.count > 0 else { return Directory() }
            return Directory(map: try builder.finish(), totals: totals)
        }
        guard !changes.isEmpty else { return Directory(map: map, totals: totals) }
        let (root, count) = try batch.editByteMap(map, changes)
        guard count > 0 else {
            guard totals == Totals() else {
                throw StoreError(.corrupt, "an empty directory's entry says that it holds something")
            }
            return Directory()
        }
        return Directory(map: root, totals: totals)
    }
}

extension Batch {
    /// Stores a file's content: in the entry itself where it is short.
    public func putFileContent(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> FileContent {
        guard bytes.count > FileContent.inlineLimit else { return .inline([UInt8](bytes)) }
        return .stored(try putBytes(bytes), size: UInt64(bytes.count))
    }

    /// Stores all that a source gives, as `putBytes(from:)`; in the entry itself where it is short.
    public func putFileContent(
        from source: any ByteSource, progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> FileContent {
        let cid = try putBytes(from: source, progress: progress)
        return try fileContent(cid, size: try size(of: cid))
    }

    /// The content of a file that is stored: in the entry itself where it is short.
    func fileContent(_ cid: CID, size: UInt64) throws(StoreError) -> FileContent {
        guard size <= UInt64(FileContent.inlineLimit) else { return .stored(cid, size: size) }
        var reader = try TreeReader(root: cid, size: size, source: self)
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(StoreError) in
            try reader.read(at: 0, into: UnsafeMutableRawBufferPointer(buffer))
        }
        return .inline(Array(bytes.prefix(count)))
    }

    /// Stores the node of a tree, which has the metadata of its root: a directory as a rule.
    public func putTree(_ root: Entry) throws(StoreError) -> CID {
        try putNode(at: TreeNodes.encodeTree(root))
    }

    public func putVersion(_ version: Version) throws(StoreError) -> CID {
        try putNode(at: TreeNodes.encodeVersion(version))
    }

    private func putNode(at encoded: [UInt8]) throws(StoreError) -> CID {
        try encoded.withBytes { (bytes) throws(StoreError) in try putNode(dagCBOR: bytes) }
    }
}
