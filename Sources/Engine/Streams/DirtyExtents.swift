/// Bytes that were written and are not stored yet.
///
/// What always holds: extents are in order, do not overlap, are not empty, and none is longer than
/// `longestExtent` bytes; `byteCount` is the sum of their lengths. Writes that continue an extent, or fall
/// into one, become part of it, so that many small writes cost what their bytes cost.
struct DirtyExtents {
    struct Extent {
        let start: UInt64
        fileprivate(set) var bytes: [UInt8]
        /// Behind the last byte. Files end at 2^63 - 1, so this does not overflow.
        var end: UInt64 { start + UInt64(bytes.count) }
    }

    private(set) var extents: [Extent] = []
    private(set) var byteCount = 0

    static let longestExtent = 1 << 20

    var isEmpty: Bool { extents.isEmpty }

    /// The first extent that ends behind `offset`: it contains `offset`, or begins after it.
    func firstIndex(endingAfter offset: UInt64) -> Int {
        var low = 0
        var high = extents.count
        while low < high {
            let middle = (low + high) / 2
            if extents[middle].end > offset { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Replaces what was written there before. At most `longestExtent` bytes.
    mutating func write(_ bytes: UnsafeRawBufferPointer, at start: UInt64) {
        guard bytes.count > 0 else { return }
        let end = start + UInt64(bytes.count)
        var index = firstIndex(endingAfter: start)
        if index < extents.count, extents[index].start <= start, end <= extents[index].end {
            let from = Int(start - extents[index].start)
            extents[index].bytes.withUnsafeMutableBytes { (target) in
                UnsafeMutableRawBufferPointer(rebasing: target[from...]).copyMemory(from: bytes)
            }
            return
        }
        remove(start, end)
        index = firstIndex(endingAfter: start)
        byteCount += bytes.count
        if index > 0, extents[index - 1].end == start,
            extents[index - 1].bytes.count + bytes.count <= Self.longestExtent
        {
            extents[index - 1].bytes.append(contentsOf: bytes)
        } else {
            extents.insert(Extent(start: start, bytes: Array(bytes)), at: index)
        }
    }

    /// Forgets what was written from `start` to `end`.
    mutating func remove(_ start: UInt64, _ end: UInt64) {
        let first = firstIndex(endingAfter: start)
        var last = first
        var kept: [Extent] = []
        while last < extents.count, extents[last].start < end {
            let extent = extents[last]
            byteCount -= extent.bytes.count
            if extent.start < start {
                let before = extent.bytes[..<Int(start - extent.start)]
                kept.append(Extent(start: extent.start, bytes: Array(before)))
            }
            if extent.end > end {
                kept.append(Extent(start: end, bytes: Array(extent.bytes[Int(end - extent.start)...])))
            }
            last += 1
        }
        guard first < last else { return }
        byteCount += kept.reduce(0) { $0 + $1.bytes.count }
        extents.replaceSubrange(first..<last, with: kept)
    }
}
