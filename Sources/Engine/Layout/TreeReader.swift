/// Reads the bytes of a file: a cursor, and the leaves it finds.
public struct TreeReader<Source: BlockSource> {
    private var cursor: TreeCursor<Source>

    /// The file's size in bytes.
    public var size: UInt64 { cursor.size }

    /// Throws `.invalid` when `root` can name no file, or `size` (bytes) is none.
    public init(root: CID, size: UInt64, source: Source) throws(StoreError) {
        cursor = try TreeCursor(root: root, size: size, source: source)
    }

    /// Fills `buffer` with the bytes from `offset` on. Returns how many there were: fewer than the buffer
    /// holds only at the end of the file. Throws `.invalid` when `offset` is beyond the end, `.corrupt`
    /// when the tree contradicts itself or a leaf has another size than its parent says, and what the
    /// source throws.
    public mutating func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(StoreError) -> Int {
        try cursor.seek(to: offset)
        let wanted = min(UInt64(buffer.count), size - offset)
        let end = offset + wanted
        while let run = try cursor.next(before: end) {
            try cursor.source.withContent(of: run.cid) { (leaf) throws(StoreError) -> Void in
                guard UInt64(leaf.count) == run.size else {
                    throw StoreError(
                        .corrupt, "the leaf \(run.cid) has \(leaf.count) bytes, its parent says \(run.size)")
                }
                Self.copy(leaf, of: run, from: offset, to: end, into: buffer)
            }
        }
        return Int(wanted)
    }

    /// Copies what the leaves of `run` have of the bytes from `start` to `end` to where it belongs in
    /// `buffer`, which begins with the byte at `start`.
    private static func copy(
        _ leaf: UnsafeRawBufferPointer, of run: LeafRun, from start: UInt64, to end: UInt64,
        into buffer: UnsafeMutableRawBufferPointer
    ) {
        var offset = max(run.offset, start)
        let runEnd = min(run.end, end)
        while offset < runEnd {
            let inLeaf = Int((offset - run.offset) % run.size)
            let length = min(leaf.count - inLeaf, Int(runEnd - offset))
            UnsafeMutableRawBufferPointer(rebasing: buffer[Int(offset - start)...].prefix(length))
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: leaf[inLeaf...].prefix(length)))
            offset += UInt64(length)
        }
    }
}
