import IpldEngine

/// A file of a tree that is open for reading, as it was when it was opened.
public final class FileReader {
    /// In bytes.
    public let size: UInt64
    private var bytes: Bytes

    private enum Bytes {
        case inline([UInt8])
        case stored(ByteReader)
        /// Of a batch that is not committed.
        case staged(TreeReader<TreeSource>)
    }

    init(_ content: FileContent, _ source: TreeSource) throws(StoreError) {
        size = content.size
        switch content {
        case .inline(let bytes): self.bytes = .inline(bytes)
        case .stored(let cid, let size):
            let actual: UInt64
            if source.batch == nil {
                let reader = try source.store.makeReader(of: cid)
                (bytes, actual) = (.stored(reader), reader.size)
            } else {
                actual = try source.size(of: cid)
                bytes = .staged(try TreeReader(root: cid, size: actual, source: source))
            }
            guard actual == size else {
                throw StoreError(.corrupt, "\(cid) has \(actual) bytes, its directory says \(size)")
            }
        }
    }

    /// Fills `buffer` with the bytes from `offset` on; how many, fewer than it holds only at the end. INVALID
    /// when `offset` is beyond the end.
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError)
        -> Int
    {
        guard offset <= size else {
            throw StoreError(.invalid, "offset \(offset) is beyond the end, \(size)")
        }
        switch bytes {
        case .inline(let bytes):
            let count = min(buffer.count, bytes.count - Int(offset))
            bytes.withBytes { (bytes) in
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[Int(offset)...].prefix(count)))
            }
            return count
        case .stored(let reader): return try reader.read(at: offset, into: buffer)
        case .staged(var reader):
            defer { bytes = .staged(reader) }
            return try reader.read(at: offset, into: buffer)
        }
    }

    /// All bytes, in memory.
    func readAll() throws(StoreError) -> [UInt8] {
        if case .inline(let bytes) = bytes { return bytes }
        var all: [UInt8] = []
        // Room comes with the bytes, a piece at a time: the size may lie.
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { piece.deallocate() }
        while UInt64(all.count) < size {
            let count = try read(at: UInt64(all.count), into: piece)
            guard count > 0 else { break }
            all.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[..<count]))
        }
        return all
    }
}
