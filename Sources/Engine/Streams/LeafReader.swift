/// Reads a file anywhere, and keeps the way to its last place: the decoded nodes above it, one a level, and
/// the leaf itself. So a small read costs one leaf, and the next one beside it costs nothing.
///
/// What always holds: the leaf that is kept was checked against its CID and has the size its parent says.
/// For one thread at a time; threads may hand it on.
final class LeafReader<Source: ScratchBlockSource>: @unchecked Sendable {
    private(set) var cursor: TreeCursor<Source>
    private let scratch: ReadScratch
    /// The run of equal leaves last read, and the bytes of one of them, in `scratch`.
    private var run: LeafRun?
    private var leaf = UnsafeRawBufferPointer(start: nil, count: 0)

    /// The file's size in bytes.
    var size: UInt64 { cursor.size }

    /// Throws `.invalid` when `root` can name no file.
    init(root: CID, size: UInt64, source: Source) throws(StoreError) {
        cursor = try TreeCursor(root: root, size: size, source: source)
        scratch = source.buffers.take()
    }

    deinit { cursor.source.buffers.give(scratch) }

    /// The bytes of the leaf around `offset`, inside the file, from there to the leaf's end; valid until the
    /// next call.
    func rest(at offset: UInt64) throws(StoreError) -> UnsafeRawBufferPointer {
        let run = try load(offset)
        return UnsafeRawBufferPointer(rebasing: leaf[Int((offset - run.offset) % run.size)...])
    }

    /// Fills `buffer` from `offset` on, at most `size`; how many bytes, fewer than it holds only at the end.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        let wanted = Int(min(UInt64(buffer.count), size - offset))
        var done = 0
        while done < wanted {
            let rest = try rest(at: offset + UInt64(done))
            let length = min(rest.count, wanted - done)
            UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + length)])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<length]))
            done += length
        }
        return wanted
    }

    /// Whether the leaf around `offset` is the one kept.
    func hasLeaf(at offset: UInt64) -> Bool {
        guard let run else { return false }
        return run.offset <= offset && offset < run.end
    }

    /// The run of equal leaves around `offset`, which is inside the file.
    func leafRun(at offset: UInt64) throws(StoreError) -> LeafRun {
        if let run, hasLeaf(at: offset) { return run }
        try cursor.seek(to: offset)
        guard let found = try cursor.next() else {
            throw StoreError(.internal, "a file of \(size) bytes has no leaf at \(offset)")
        }
        return found
    }

    /// The run of equal nodes `depth` levels below the root around `offset`; see `TreeCursor`.
    func run(atDepth depth: Int, around offset: UInt64)
        throws(StoreError) -> (run: ChildRun, offset: UInt64)
    {
        try cursor.seek(to: offset)
        return try cursor.run(atDepth: depth)
    }

    /// Levels above the leaves; found out at `offset`, where reading goes on.
    func height(foundAt offset: UInt64) throws(StoreError) -> Int {
        try cursor.seek(to: min(offset, size))
        return try cursor.height()
    }

    private func load(_ offset: UInt64) throws(StoreError) -> LeafRun {
        if let run, hasLeaf(at: offset) { return run }
        let found = try leafRun(at: offset)
        if run?.cid != found.cid {
            run = nil
            leaf = try cursor.source.content(of: found.cid, scratch)
        }
        guard UInt64(leaf.count) == found.size else {
            run = nil
            throw StoreError(
                .corrupt, "the leaf \(found.cid) has \(leaf.count) bytes, its parent says \(found.size)")
        }
        run = found
        return found
    }
}

// MARK: - Lengths of leaves, which the index knows

extension ContentStore {
    public func length(ofLeaf cid: CID) throws(StoreError) -> UInt64 { try size(of: cid) }
}

extension Batch {
    public func length(ofLeaf cid: CID) throws(StoreError) -> UInt64 { try size(of: cid) }
}
