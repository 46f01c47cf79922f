/// Finds records in a pack without an index.
///
/// What always holds: whatever the bytes are, the scan ends, in time proportional to the data that the
/// file has (holes are skipped), and yields only records whose head is sound; their payload is the
/// caller's to check.
struct PackScanner {
    private let descriptor: Int32
    private let length: UInt64
    private let window = ByteBuffer(capacity: 8 << 20)
    /// The part of the file that the window holds.
    private var loaded: Range<UInt64> = 0..<0

    init(_ descriptor: Int32) throws(StoreError) {
        self.descriptor = descriptor
        length = try System.status(descriptor).length
    }

    /// Whose pack this is; nil when its header is damaged.
    mutating func owner(number: UInt32) throws(StoreError) -> StoreIdentity? {
        guard let bytes = try bytes(at: 0, PackFormat.headerLength) else { return nil }
        let store = StoreIdentity(high: bytes.integer(at: 16), low: bytes.integer(at: 24))
        return PackFormat.isHeader(bytes, store: store, number: number) ? store : nil
    }

    /// Calls `body` with each record in order: its offset, its head, its payload (nil where the file ends
    /// before it), valid during the call. What `body` returns says whether the record is whole: the scan
    /// then goes on behind it, and otherwise at the next place where one could begin.
    mutating func forEach(
        _ body: (UInt64, RecordHeader, UnsafeRawBufferPointer?) throws(StoreError) -> Bool
    ) throws(StoreError) {
        var offset = UInt64(PackFormat.headerLength)
        while offset + UInt64(RecordHeader.fixedLength) < length {
            guard let next = try nextMagic(from: offset) else { return }
            offset = next
            let room = Int(min(UInt64(RecordHeader.fixedLength + CID.maximumBinaryLength), length - offset))
            guard let head = try bytes(at: offset, room), let header = RecordHeader(decoding: head) else {
                offset += UInt64(PackFormat.alignment)
                continue
            }
            let payload = try bytes(at: offset, header.headerLength + Int(header.storedLength)).map {
                UnsafeRawBufferPointer(rebasing: $0[header.headerLength...])
            }
            let isWhole = try body(offset, header, payload)
            offset += isWhole ? UInt64(header.recordLength) : UInt64(PackFormat.alignment)
        }
    }

    /// The next aligned offset at which a record's magic stands.
    private mutating func nextMagic(from start: UInt64) throws(StoreError) -> UInt64? {
        var offset = start
        while offset + 4 <= length {
            if !loaded.contains(offset) || loaded.upperBound - offset < 4 {
                guard let data = try System.nextData(descriptor, from: offset) else { return nil }
                let alignment = UInt64(PackFormat.alignment)
                offset = max(offset, data / alignment * alignment)
                try load(offset)
                guard loaded.upperBound >= offset + 4 else { return nil }
            }
            let bytes = window.prefix(Int(loaded.upperBound - loaded.lowerBound))
            var index = Int(offset - loaded.lowerBound)
            while index + 4 <= bytes.count {
                if bytes.integer(at: index, as: UInt32.self) == RecordHeader.magic {
                    return loaded.lowerBound + UInt64(index)
                }
                index += PackFormat.alignment
            }
            offset = loaded.lowerBound + UInt64(index)
        }
        return nil
    }

    private mutating func bytes(at offset: UInt64, _ count: Int) throws(StoreError) -> UnsafeRawBufferPointer?
    {
        guard offset + UInt64(count) <= length else { return nil }
        if offset < loaded.lowerBound || offset + UInt64(count) > loaded.upperBound { try load(offset) }
        guard offset + UInt64(count) <= loaded.upperBound else { return nil }
        let start = Int(offset - loaded.lowerBound)
        return UnsafeRawBufferPointer(rebasing: window.prefix(start + count)[start...])
    }

    private mutating func load(_ offset: UInt64) throws(StoreError) {
        let count = try System.read(descriptor, at: offset, into: window.bytes)
        loaded = offset..<(offset + UInt64(count))
    }
}
