/// Records that were put together and wait to be appended, side by side in one piece of memory.
final class RecordBuffer: @unchecked Sendable {
    struct Entry {
        let cid: CID
        /// From the start of the buffer.
        let offset: Int
        let storedLength: UInt32
        let rawLength: UInt32
        let flags: BlockLocation.Flags
        /// What the block links to, each distinct block once.
        let links: [CID]
        /// Whether the links are a tree's of ours, whose children must be here.
        let isTree: Bool
    }

    private let buffer: ByteBuffer
    private(set) var length = 0
    private(set) var entries: [Entry] = []

    init(capacity: Int) { buffer = ByteBuffer(capacity: capacity) }

    var bytes: UnsafeRawBufferPointer { buffer.prefix(length) }

    /// An entry's payload, as it is stored.
    func payload(of entry: Entry) -> UnsafeRawBufferPointer {
        let start = entry.offset + RecordHeader.fixedLength + entry.cid.binaryLength
        return UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<(start + Int(entry.storedLength))])
    }

    /// Room that any block's record fits into.
    static let roomPerRecord = RecordHeader.recordLength(
        cidLength: CID.maximumBinaryLength, payload: Block.maximumLength)

    var hasRoom: Bool { buffer.bytes.count - length >= Self.roomPerRecord }

    /// Adds a block, compressed where that pays. There must be room for its record uncompressed.
    func add(
        _ cid: CID, _ block: UnsafeRawBufferPointer, links: [CID], isTree: Bool, _ compressor: Compressor
    ) {
        let headerLength = RecordHeader.fixedLength + cid.binaryLength
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[(length + headerLength)...])
        var flags: BlockLocation.Flags = []
        var storedLength = block.count
        if let compressed = compressor.compress(block, into: target) {
            flags = .compressed
            storedLength = compressed
        } else {
            target.copyMemory(from: block)
        }
        let header = RecordHeader(
            cid: cid, flags: flags, storedLength: UInt32(storedLength), rawLength: UInt32(block.count))
        header.encode(to: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[length...]))
        let end = length + header.recordLength
        for index in (length + headerLength + storedLength)..<end { buffer.bytes[index] = 0 }
        entries.append(
            Entry(
                cid: cid, offset: length, storedLength: header.storedLength, rawLength: header.rawLength,
                flags: flags, links: links, isTree: isTree))
        length = end
    }

    func clear() {
        length = 0
        entries.removeAll(keepingCapacity: true)
    }
}
