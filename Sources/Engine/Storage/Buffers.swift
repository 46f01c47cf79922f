import Glibc

/// A piece of memory of a fixed capacity, reused.
final class ByteBuffer: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(capacity: Int) { bytes = .allocate(byteCount: capacity, alignment: 64) }
    deinit { bytes.deallocate() }

    func prefix(_ count: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[..<count]) }
    func mutablePrefix(_ count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
    }
}

/// What one thread needs to read blocks: room for a record, room for a block, a zstd context.
final class ReadScratch: @unchecked Sendable {
    let record = ByteBuffer(
        capacity: Block.maximumLength + RecordHeader.fixedLength + CID.maximumBinaryLength + 8)
    let block = ByteBuffer(capacity: Block.maximumLength)
    let decompressor = Decompressor()
}

/// Scratch space for as many readers as there were at once, up to a few that are kept.
final class BufferPool: Sendable {
    private let idle = Lock<[ReadScratch]>([])
    private static let kept = 8

    func with<T>(_ body: (ReadScratch) throws(StoreError) -> T) throws(StoreError) -> T {
        let scratch = take()
        defer { give(scratch) }
        return try body(scratch)
    }

    /// Scratch space to be given back with `give`.
    func take() -> ReadScratch { idle.withLock { $0.popLast() } ?? ReadScratch() }

    func give(_ scratch: ReadScratch) {
        idle.withLock { if $0.count < Self.kept { $0.append(scratch) } }
    }
}
