/// The bytes of a pack (docs/FORMAT.md): a header, then records, each at a multiple of 8.
///
/// What always holds: a record says of itself everything that a lost index would have said of the
/// block's content; its header is believed only after its checksum, its payload only after the CID.
import Kernels

enum PackFormat {
    static let magic: UInt64 = 0x314b_4341_5053_5049  // "IPSPACK1"
    static let version: UInt32 = 1
    /// Bytes before the first record.
    static let headerLength = 64
    static let alignment = 8
    /// Where appending goes on after a flush, so that durable pages are never written again.
    static let flushAlignment: UInt64 = 4096

    static func encodeHeader(store: StoreIdentity, number: UInt32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: headerLength)
        bytes.withUnsafeMutableBytes { buffer in
            buffer.storeBytes(of: magic.littleEndian, as: UInt64.self)
            buffer.storeBytes(of: version.littleEndian, toByteOffset: 8, as: UInt32.self)
            buffer.storeBytes(of: number.littleEndian, toByteOffset: 12, as: UInt32.self)
            buffer.storeBytes(of: store.high.littleEndian, toByteOffset: 16, as: UInt64.self)
            buffer.storeBytes(of: store.low.littleEndian, toByteOffset: 24, as: UInt64.self)
            let crc = ipk_crc32c(0, buffer.baseAddress, 60)
            buffer.storeBytes(of: crc.littleEndian, toByteOffset: 60, as: UInt32.self)
        }
        return bytes
    }

    /// Nil when these are not the header of this store's pack of that number.
    static func isHeader(_ bytes: UnsafeRawBufferPointer, store: StoreIdentity, number: UInt32) -> Bool {
        bytes.count >= headerLength
            && encodeHeader(store: store, number: number).elementsEqual(bytes[..<headerLength])
    }
}

/// The head of one record.
struct RecordHeader {
    static let magic: UInt32 = 0xB10C_5EED
    /// Bytes before the CID.
    static let fixedLength = 20

    let cid: CID
    let flags: BlockLocation.Flags
    let storedLength: UInt32
    let rawLength: UInt32

    var headerLength: Int { Self.fixedLength + cid.binaryLength }

    /// Bytes in the pack, padding included.
    var recordLength: Int { Self.recordLength(cid: cid, storedLength: storedLength) }

    static func recordLength(cid: CID, storedLength: UInt32) -> Int {
        recordLength(cidLength: cid.binaryLength, payload: Int(storedLength))
    }

    static func recordLength(cidLength: Int, payload: Int) -> Int {
        let length = fixedLength + cidLength + payload
        return (length + PackFormat.alignment - 1) & ~(PackFormat.alignment - 1)
    }

    /// Writes the head to `buffer`, which has room for it.
    func encode(to buffer: UnsafeMutableRawBufferPointer) {
        let cidLength = cid.writeBinary(
            to: UnsafeMutableRawBufferPointer(rebasing: buffer[Self.fixedLength...]))
        buffer.storeBytes(of: Self.magic.littleEndian, as: UInt32.self)
        buffer[4] = UInt8(cidLength)
        buffer[5] = flags.rawValue
        buffer[6] = 0
        buffer[7] = 0
        buffer.storeBytes(of: storedLength.littleEndian, toByteOffset: 8, as: UInt32.self)
        buffer.storeBytes(of: rawLength.littleEndian, toByteOffset: 12, as: UInt32.self)
        let crc = Self.checksum(UnsafeRawBufferPointer(buffer), cidLength)
        buffer.storeBytes(of: crc.littleEndian, toByteOffset: 16, as: UInt32.self)
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer, _ cidLength: Int) -> UInt32 {
        guard let base = bytes.baseAddress else { return 0 }
        return ipk_crc32c(ipk_crc32c(0, base, 16), base + fixedLength, cidLength)
    }

    /// Nil when the bytes do not begin with a sound head.
    init?(decoding bytes: UnsafeRawBufferPointer) {
        guard bytes.count > Self.fixedLength, bytes.integer(at: 0, as: UInt32.self) == Self.magic else {
            return nil
        }
        let cidLength = Int(bytes[4])
        guard bytes.count >= Self.fixedLength + cidLength, bytes[6] == 0, bytes[7] == 0,
            bytes.integer(at: 16, as: UInt32.self) == Self.checksum(bytes, cidLength)
        else { return nil }
        let name = UnsafeRawBufferPointer(rebasing: bytes[Self.fixedLength..<(Self.fixedLength + cidLength)])
        guard let cid = try? CID(binary: name) else { return nil }
        let storedLength: UInt32 = bytes.integer(at: 8)
        let rawLength: UInt32 = bytes.integer(at: 12)
        guard rawLength <= Block.maximumLength,
            storedLength <= Block.maximumLength, bytes[5] & ~BlockLocation.Flags.compressed.rawValue == 0
        else { return nil }
        self.init(
            cid: cid, flags: .init(rawValue: bytes[5]), storedLength: storedLength, rawLength: rawLength)
    }

    init(cid: CID, flags: BlockLocation.Flags, storedLength: UInt32, rawLength: UInt32) {
        self.cid = cid
        self.flags = flags
        self.storedLength = storedLength
        self.rawLength = rawLength
    }
}

/// A store's random name, in every file that belongs to it.
struct StoreIdentity: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    static func random() throws(StoreError) -> StoreIdentity {
        let bytes = try System.random(16)
        return bytes.withBytes { StoreIdentity(high: $0.integer(at: 0), low: $0.integer(at: 8)) }
    }

    /// 32 hexadecimal digits.
    var text: String {
        [high, low].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    init?(text: String) {
        guard text.utf8.count == 32, let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }
}

/// Limits of the format.
public enum StoreLimits {
    /// Bytes of UTF-8 in a root's or an owner's name.
    public static let maximumNameLength = 255
}
