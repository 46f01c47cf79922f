/// What a file's bytes are after changes that are not stored yet: the base, as far as it was never cut;
/// zeros after that; and over both, what was written.
///
/// What always holds: written bytes lie below `size`; `baseEnd` is at most `size` and the base's size.
final class EditedContent {
    /// Nil when there is no base; what it would have is nothing.
    let base: LeafReader<Batch>?
    /// Up to here bytes that were not written are the base's, from here on zeros.
    private(set) var baseEnd: UInt64
    private(set) var size: UInt64
    private(set) var written = DirtyExtents()
    private let baseSize: UInt64

    init(base: LeafReader<Batch>?) {
        self.base = base
        baseSize = base?.size ?? 0
        baseEnd = baseSize
        size = baseSize
    }

    /// Whether anything may differ from the base.
    var isChanged: Bool { !written.isEmpty || size != baseSize || baseEnd != baseSize }

    /// At most `DirtyExtents.longestExtent` bytes, that end at 2^63 - 1 at most.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
        written.write(bytes, at: offset)
        size = max(size, offset + UInt64(bytes.count))
    }

    /// At most 2^63 - 1.
    func truncate(to newSize: UInt64) {
        if newSize < size { written.remove(newSize, size) }
        baseEnd = min(baseEnd, newSize)
        size = newSize
    }

    /// Fills `buffer` from `offset` on, at most `size`; how many bytes, fewer than it holds only at the end.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        let wanted = Int(min(UInt64(buffer.count), size - offset))
        let end = offset + UInt64(wanted)
        var position = offset
        var index = written.firstIndex(endingAfter: offset)
        while position < end {
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[Int(position - offset)..<wanted])
            if index < written.extents.count, written.extents[index].start <= position {
                let extent = written.extents[index]
                let length = Int(min(end, extent.end) - position)
                extent.bytes.withBytes { (bytes) in
                    let from = Int(position - extent.start)
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[from..<(from + length)]))
                }
                position += UInt64(length)
                index += 1
                continue
            }
            let next = index < written.extents.count ? min(end, written.extents[index].start) : end
            if let base, position < baseEnd {
                let length = Int(min(next, baseEnd) - position)
                let room = UnsafeMutableRawBufferPointer(rebasing: target[..<length])
                position += UInt64(try base.read(at: position, into: room))
            } else {
                let room = UnsafeMutableRawBufferPointer(rebasing: target[..<Int(next - position)])
                room.initializeMemory(as: UInt8.self, repeating: 0)
                position = next
            }
        }
        return wanted
    }

    /// Where the first byte at or after `offset` is that may differ from the base, or that is there in one of
    /// them only. Nil when all the rest is the base's, its end included.
    func firstChange(from offset: UInt64) -> UInt64? {
        let index = written.firstIndex(endingAfter: offset)
        let isTailChanged = size != baseSize || baseEnd != baseSize
        if index < written.extents.count, !isTailChanged || written.extents[index].start < baseEnd {
            return max(offset, written.extents[index].start)
        }
        return isTailChanged ? max(offset, baseEnd) : nil
    }

    /// A period that the bytes around `offset` have, and the end of the stretch that has it: 1 in a hole; the
    /// leaf's size where the base repeats a leaf. Nil where none is known.
    func period(at offset: UInt64) throws(StoreError) -> (length: UInt64, end: UInt64)? {
        let index = written.firstIndex(endingAfter: offset)
        let next = index < written.extents.count ? written.extents[index].start : size
        guard next > offset else { return nil }
        guard let base, offset < baseEnd else { return (1, next) }
        let run = try base.leafRun(at: offset)
        let end = min(run.end, next, baseEnd)
        return end - offset > run.size ? (run.size, end) : nil
    }
}
