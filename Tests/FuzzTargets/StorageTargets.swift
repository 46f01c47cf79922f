import Glibc
import Kernels

@testable import IpldEngine

/// A file in memory, and its name for as long as `body` runs.
private func withFile(_ bytes: some Sequence<UInt8>, _ body: (Int32, String) -> Void) {
    let content = Array(bytes)
    let descriptor = FuzzFile.descriptor
    _ = ftruncate(descriptor, 0)
    _ = content.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    body(descriptor, FuzzFile.path)
}

private enum FuzzFile {
    static let path = "/dev/shm/ipldstore-fuzz-\(getpid())"
    /// Its name goes with the process.
    static let descriptor: Int32 = {
        atexit { unlink(FuzzFile.path) }
        return open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    }()
}

/// A head that has its checksum, whatever else it says.
@Sendable func fuzzRecord(_ plain: UnsafeRawBufferPointer) {
    guard plain.count > RecordHeader.fixedLength, let base = plain.baseAddress else { return }
    let cidLength = min(Int(plain[4]), plain.count - RecordHeader.fixedLength)
    var bytes = Array(plain)
    bytes.withUnsafeMutableBytes { buffer in
        buffer.storeBytes(of: RecordHeader.magic.littleEndian, as: UInt32.self)
        guard let head = buffer.baseAddress else { return }
        let crc = ipk_crc32c(ipk_crc32c(0, head, 16), base + RecordHeader.fixedLength, cidLength)
        buffer.storeBytes(of: crc.littleEndian, toByteOffset: 16, as: UInt32.self)
    }
    bytes.withUnsafeBytes(checkRecord)
}

private func checkRecord(_ input: UnsafeRawBufferPointer) {
    guard let header = RecordHeader(decoding: input) else { return }
    var again = [UInt8](repeating: 0, count: header.headerLength)
    again.withUnsafeMutableBytes { header.encode(to: $0) }
    require(again.elementsEqual(input[..<again.count]), "a header has another form")
}

/// A pack of records whose heads and payloads the input decides, with the checksums that belong to them, as
/// a writer with other intentions would make it.
@Sendable func fuzzPack(_ input: UnsafeRawBufferPointer) {
    var bytes = PackFormat.encodeHeader(store: StoreIdentity(high: 1, low: 2), number: 1)
    var offset = 0
    while offset + 8 <= input.count {
        let (shape, count) = (input[offset], min(Int(input[offset + 1]), input.count - offset - 8))
        let stored = input.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self)
        let raw = input.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
        offset += 8
        let payload = UnsafeRawBufferPointer(rebasing: input[offset..<(offset + count)])
        offset += count
        guard let cid = try? CID(hashing: payload, codec: shape & 1 == 0 ? .raw : .dagCBOR) else { return }
        let header = RecordHeader(
            cid: cid, flags: shape & 2 == 0 ? [] : .compressed,
            storedLength: shape & 4 == 0 ? UInt32(count) : UInt32(stored),
            rawLength: shape & 8 == 0 ? UInt32(count) : raw)
        var head = [UInt8](repeating: 0, count: header.headerLength)
        head.withUnsafeMutableBytes { header.encode(to: $0) }
        if shape & 16 != 0 { head[Int(stored) % head.count] ^= UInt8(truncatingIfNeeded: raw) }
        bytes += head + payload
        if shape & 32 == 0 { while bytes.count % PackFormat.alignment != 0 { bytes.append(0) } }
    }
    let scratch = ReadScratch()
    withFile(bytes) { descriptor, _ in
        guard var scanner = try? PackScanner(descriptor) else { return }
        _ = try? scanner.owner(number: 1)
        try? scanner.forEach { (offset, header, payload) throws(StoreError) in
            require(offset % UInt64(PackFormat.alignment) == 0, "a record at \(offset)")
            guard let payload,
                let block = try? Payload.decode(
                    header, payload, into: scratch.block.bytes, scratch.decompressor)
            else { return false }
            require((try? header.cid.matches(block)) == true, "other bytes than the CID names")
            return true
        }
    }
}

/// The first two bytes are the length that is claimed; the rest is the frame. The rest packed is itself.
@Sendable func fuzzZstd(_ input: UnsafeRawBufferPointer) {
    guard input.count >= 2 else { return }
    let claimed = Int(input.loadUnaligned(as: UInt16.self))
    let frame = UnsafeRawBufferPointer(rebasing: input[2...])
    let decompressor = Decompressor()
    var target = [UInt8](repeating: 0xAA, count: claimed + 64)
    target.withUnsafeMutableBytes { target in
        _ = decompressor.decompress(frame, into: UnsafeMutableRawBufferPointer(rebasing: target[..<claimed]))
    }
    require(target[claimed...].allSatisfy { $0 == 0xAA }, "written beyond its end")
    var packed = [UInt8](repeating: 0, count: frame.count + 1024)
    let length = packed.withUnsafeMutableBytes { Compressor(.zstd(level: 1)).compress(frame, into: $0) }
    guard let length else { return }
    var back = [UInt8](repeating: 0, count: frame.count)
    let isWhole = packed.withUnsafeBytes { packed in
        back.withUnsafeMutableBytes {
            decompressor.decompress(UnsafeRawBufferPointer(rebasing: packed[..<length]), into: $0)
        }
    }
    require(isWhole && back.elementsEqual(frame), "what was packed does not unpack")
}

/// A journal with a sound header, and entries with sound checksums whose types and payloads are the input's.
@Sendable func fuzzJournal(_ input: UnsafeRawBufferPointer) {
    var bytes = [UInt8](repeating: 0, count: Journal.headerLength)
    bytes.withUnsafeMutableBytes { header in
        header.storeBytes(of: Journal.magic.littleEndian, as: UInt64.self)
        header.storeBytes(of: Journal.version.littleEndian, toByteOffset: 8, as: UInt32.self)
        header.storeBytes(of: ipk_crc32c(0, header.baseAddress, 60), toByteOffset: 60, as: UInt32.self)
    }
    var offset = 0
    while offset + 3 <= input.count {
        let (type, shape) = (input[offset], input[offset + 1])
        let count = min(Int(input[offset + 2]), input.count - offset - 3)
        offset += 3
        let payload = input[offset..<(offset + count)]
        offset += count
        var entry: [UInt8] = [type, shape, 0, 0, 0, 0, 0, 0, 0, UInt8(count), 0, 0, 0]
        if shape & 1 != 0 { entry[10] = shape }
        let crc = (entry + payload).withUnsafeBytes { ipk_crc32c(0, $0.baseAddress, $0.count) }
        withUnsafeBytes(of: crc.littleEndian) { entry += $0 }
        bytes += entry + payload
    }
    withFile(bytes) { _, path in
        guard let whole = try? Journal.read(path: path, limit: nil) else { return }
        require(whole.length <= UInt64(bytes.count), "a journal is longer than its file")
        let cut = try? Journal.read(path: path, limit: whole.length)
        require(cut?.entries.map(\.entry) == whole.entries.map(\.entry), "a limit at its end changes entries")
        var names = Names()
        for (epoch, entry) in whole.entries { names.apply(entry, epoch: epoch) }
    }
}

@Sendable func fuzzConfiguration(_ input: UnsafeRawBufferPointer) {
    let text = String(decoding: input, as: UTF8.self)
    guard let parsed = try? RecordedConfiguration(parsing: text) else { return }
    require((try? RecordedConfiguration(parsing: parsed.text)) == parsed, "another configuration: \(text)")
}
