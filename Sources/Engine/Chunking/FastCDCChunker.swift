import Kernels

/// FastCDC-2020 (Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication Based
/// Storage Systems", IEEE TPDS 2020), with the cut points of the public implementations, bit for bit.
///
/// A cut at i has hashed byte i, the next chunk's first byte. And positions are tested below n & ~1, n being
/// what is left: where a cut at an even i is followed by one byte only, i is not tested, and the chunk has
/// that byte too. So an end looks at two bytes after it, the second for its being there.
///
/// A cut at i < n stands when more follows: positions before i were tested against the same masks, which
/// change at the average or n, whichever is first, and i is tested as soon as n > i + 1.
public struct FastCDCChunker: Chunker {
    public let maximumChunkLength: Int
    public let lookaheadLength = 2

    private let minimum: Int
    private let average: Int
    private let maskSmall: UInt64
    private let maskLarge: UInt64
    private let gear: GearTable

    /// The numbers are those of checked `ChunkerParameters`. The public implementations take a seed, which
    /// changes the gear table; 0 is the public table.
    init(minimum: Int, average: Int, maximum: Int, normalization: Int, seed: UInt64 = 0) {
        self.minimum = minimum
        self.average = average
        maximumChunkLength = maximum
        let bits = Self.roundedLogarithm(of: average)
        maskSmall = Self.mask(bits: bits + normalization)
        maskLarge = Self.mask(bits: bits - normalization)
        gear = seed == 0 ? GearTable.public : GearTable(seed: seed)
    }

    public func firstChunkLength(of rest: UnsafeRawBufferPointer) -> Int {
        guard let start = rest.baseAddress, rest.count > 0 else { return 0 }
        var profile = ipk_fastcdc(
            min_size: UInt64(minimum), avg_size: UInt64(average), max_size: UInt64(maximumChunkLength),
            mask_small: maskSmall, mask_large: maskLarge, gear: gear.entries)
        return ipk_fastcdc_cut(&profile, start.assumingMemoryBound(to: UInt8.self), rest.count)
    }

    /// round(log2(value)), exactly: the square root of 2 is irrational, so no value is halfway.
    static func roundedLogarithm(of value: Int) -> Int {
        let floor = Int.bitWidth - 1 - value.leadingZeroBitCount
        // value >= 2^(floor + 1/2), squared. Values are at most 2^20.
        return value * value >= 1 << (2 * floor + 1) ? floor + 1 : floor
    }

    private static func mask(bits: Int) -> UInt64 {
        withUnsafeBytes(of: ipk_fastcdc_masks) { (bytes) in
            bytes.loadUnaligned(fromByteOffset: bits * MemoryLayout<UInt64>.size, as: UInt64.self)
        }
    }
}

/// The 256 random words of the gear hash, at an address that stays.
private final class GearTable: Sendable {
    static let `public` = GearTable(seed: 0)

    /// 256 entries, never written after initialization.
    nonisolated(unsafe) let entries: UnsafePointer<UInt64>

    init(seed: UInt64) {
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 256)
        withUnsafeBytes(of: ipk_gear) { (bytes) in
            for index in 0..<256 {
                let offset = index * MemoryLayout<UInt64>.size
                let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                words.advanced(by: index).initialize(to: word ^ seed)
            }
        }
        entries = UnsafePointer(words)
    }

    deinit {
        entries.deallocate()
    }
}
