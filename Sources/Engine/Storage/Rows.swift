/// The rows of the index, byte by byte (docs/FORMAT.md has them as a table).
///
/// What always holds: integers are little-endian, but big-endian where a key's order is its number's;
/// every value ends in a CRC-32C of key and value, checked before a field is believed.
import Kernels

/// Where a block's record stands: pack number and byte offset in one integer, so that the order of
/// places is the order of storage.
struct Place: Hashable, Comparable {
    static let offsetBits: UInt64 = 40
    static let maximumPack: UInt32 = 1 << 24 - 1
    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }
    init(pack: UInt32, offset: UInt64) { rawValue = UInt64(pack) << Self.offsetBits | offset }

    var pack: UInt32 { UInt32(truncatingIfNeeded: rawValue >> Self.offsetBits) }
    var offset: UInt64 { rawValue & (1 << Self.offsetBits - 1) }
    static func < (a: Place, b: Place) -> Bool { a.rawValue < b.rawValue }
}

/// Table `cids`: what never changes of a block while it stays where it is.
struct BlockLocation {
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// The payload is one zstd frame.
        static let compressed = Flags(rawValue: 1)
        /// The block failed its check: it is absent for those who would rely on it, and storing the
        /// same bytes again replaces it.
        static let damaged = Flags(rawValue: 2)
    }

    var place: Place
    /// Bytes of payload in the pack.
    var storedLength: UInt32
    /// Bytes of the block.
    var rawLength: UInt32
    var flags: Flags
}

/// Table `blocks`, keyed by place: what changes.
struct BlockRow {
    /// Nodes that link to it, roots and holds.
    var count: UInt32
    /// The epoch in which the count last became zero; meaningless otherwise.
    var date: UInt64
    var cid: CID
}

/// Table `absent`: what is linked to and not here.
struct AbsentRow: Equatable {
    /// Nodes that link to it, roots and holds.
    var count: UInt32
    /// The number of the base that holds it for this store.
    var lender: UInt8?
}

/// Table `packs`.
struct PackRow {
    /// Bytes of the pack that are durable and may be read.
    var watermark: UInt64
    /// Bytes of records that have a row.
    var liveBytes: UInt64
    var liveRecords: UInt32
}

/// What is to be given back, two commits after it was freed.
enum Freed: Equatable {
    /// So many bytes of a pack.
    case extent(length: UInt64)
    /// The whole file of a pack.
    case pack
    /// The payload that stands by itself at the place.
    case payload(CID)
    /// A base's hold on a block. The place is nowhere: of pack 0, which there is not.
    case borrowed(lender: UInt8, CID)
}

/// Where what is to be given back stands, and when it was freed.
struct PunchKey: Comparable {
    var epoch: UInt64
    var place: Place
    static func < (a: PunchKey, b: PunchKey) -> Bool { (a.epoch, a.place) < (b.epoch, b.place) }
}

/// A value being put together on the stack.
struct RowBuffer {
    private var bytes = InlineArray<256, UInt8>(repeating: 0)
    private(set) var count = 0

    @inline(__always)
    mutating func append<T: FixedWidthInteger>(_ value: T) {
        let little = value.littleEndian
        let start = count
        withUnsafeMutableBytes(of: &bytes) { $0.storeBytes(of: little, toByteOffset: start, as: T.self) }
        count += MemoryLayout<T>.size
    }

    mutating func append(_ cid: CID) {
        let start = count
        count += withUnsafeMutableBytes(of: &bytes) {
            cid.writeBinary(to: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
        }
    }

    /// Ends the value with its checksum.
    mutating func seal(key: UnsafeRawBufferPointer) {
        let crc = withBytes { Checksum.of(key, $0) }
        append(crc)
    }

    @inline(__always)
    func withBytes<T, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
        var copy = bytes
        let count = count
        return try withUnsafeMutablePointer(to: &copy) { (pointer) throws(E) -> T in
            try body(UnsafeRawBufferPointer(start: pointer, count: count))
        }
    }
}

enum Checksum {
    static func of(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> UInt32 {
        ipk_crc32c(ipk_crc32c(0, a.baseAddress, a.count), b.baseAddress, b.count)
    }
}

/// The bytes of any trivial value, as a key.
@inline(__always)
func withKey<K, T, E: Error>(_ key: K, _ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
    var copy = key
    return try withUnsafeMutablePointer(to: &copy) { (pointer) throws(E) -> T in
        try body(UnsafeRawBufferPointer(start: pointer, count: MemoryLayout<K>.size))
    }
}

extension UnsafeRawBufferPointer {
    /// A little-endian integer; the caller has checked the bounds.
    @inline(__always)
    func integer<T: FixedWidthInteger>(at offset: Int, as type: T.Type = T.self) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    /// The fields before the checksum, or an error: `length` nil accepts any.
    func sealed(key: UnsafeRawBufferPointer, length: Int?, _ table: IndexTable) throws(StoreError)
        -> UnsafeRawBufferPointer
    {
        guard count >= 4, length == nil || count == length! + 4 else { throw Self.damaged(table) }
        let fields = UnsafeRawBufferPointer(rebasing: self[..<(count - 4)])
        guard integer(at: count - 4, as: UInt32.self) == Checksum.of(key, fields) else {
            throw Self.damaged(table)
        }
        return fields
    }

    static func damaged(_ table: IndexTable) -> StoreError {
        StoreError(.corrupt, "a row of the index's table \(table.name) is damaged: run verify --repair")
    }
}
