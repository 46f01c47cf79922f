/// Checks of what callers hand in, before anything is read through it.
///
/// What always holds: a pointer is checked for NULL and alignment, a length against the address space, a
/// name for its bytes, before it is used; what cannot be checked (that the memory is there) is the
/// caller's promise.
import CIpldStore
import Glibc
import IpldEngine

func isAligned<T>(_ pointer: UnsafeMutablePointer<T>) -> Bool {
    UInt(bitPattern: pointer) % UInt(MemoryLayout<T>.alignment) == 0
}

/// A place to write a result to.
func output<T>(_ pointer: UnsafeMutablePointer<T>?, _ what: StaticString) throws(StoreError)
    -> UnsafeMutablePointer<T>
{
    guard let pointer else { throw StoreError(.invalid, "\(what) is NULL") }
    guard isAligned(pointer) else { throw StoreError(.invalid, "\(what) is not aligned") }
    return pointer
}

/// A place to write a result to, or nil for NULL.
func optionalOutput<T>(_ pointer: UnsafeMutablePointer<T>?, _ what: StaticString) throws(StoreError)
    -> UnsafeMutablePointer<T>?
{
    guard let pointer else { return nil }
    return try output(pointer, what)
}

/// No address of a program is higher, on any 64-bit machine.
private let addressEnd = UInt(1) << 56

/// `count` bytes at `pointer`; size_t comes as Int, so that lengths of half the address space are negative.
private func isRange(_ pointer: UnsafeRawPointer, _ count: Int) -> Bool {
    let start = UInt(bitPattern: pointer)
    return count >= 0 && start < addressEnd && UInt(count) <= addressEnd - start
}

/// Bytes to read.
func input(_ bytes: ips_bytes) throws(StoreError) -> UnsafeRawBufferPointer {
    if bytes.len == 0 { return UnsafeRawBufferPointer(start: nil, count: 0) }
    guard let data = bytes.data else {
        throw StoreError(.invalid, "bytes are NULL, and their length is not 0")
    }
    guard isRange(data, bytes.len) else { throw StoreError(.invalid, "a length is impossible") }
    return UnsafeRawBufferPointer(start: data, count: bytes.len)
}

/// Bytes to fill.
func room(_ buffer: UnsafeMutableRawPointer?, _ capacity: Int) throws(StoreError)
    -> UnsafeMutableRawBufferPointer
{
    if capacity == 0 { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    guard let buffer else { throw StoreError(.invalid, "the buffer is NULL, and its capacity is not 0") }
    guard isRange(buffer, capacity) else { throw StoreError(.invalid, "a capacity is impossible") }
    return UnsafeMutableRawBufferPointer(start: buffer, count: capacity)
}

/// Copies a result to the caller's buffer and reports its length, also when it does not fit.
func deliver(
    _ bytes: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer,
    _ length: UnsafeMutablePointer<Int>?,
    terminated: Bool = false
) throws(StoreError) {
    length?.pointee = bytes.count
    let needed = bytes.count + (terminated ? 1 : 0)
    guard target.count >= needed else {
        throw StoreError(.bufferTooSmall, "the buffer has \(target.count) bytes, \(needed) are needed")
    }
    target.copyMemory(from: bytes)
    if terminated { target[bytes.count] = 0 }
}

/// Text ended by NUL, of at most `limit` bytes.
func text(_ pointer: UnsafePointer<CChar>?, _ what: String, limit: Int) throws(StoreError) -> String {
    guard let pointer else { throw StoreError(.invalid, "the \(what) is NULL") }
    let length = strnlen(pointer, limit + 1)
    guard length <= limit else { throw StoreError(.invalid, "the \(what) is longer than \(limit) bytes") }
    let bytes = UnsafeRawBufferPointer(start: pointer, count: length)
    guard let text = String(validating: bytes, as: UTF8.self) else {
        throw StoreError(.invalid, "the \(what) is not UTF-8")
    }
    return text
}

/// A root's or an owner's name; the engine checks what it says.
func name(_ pointer: UnsafePointer<CChar>?, _ what: String = "name") throws(StoreError) -> String {
    try text(pointer, what, limit: Int(IPS_NAME_MAX))
}

/// The name of a root that the caller may move.
func rootName(_ pointer: UnsafePointer<CChar>?) throws(StoreError) -> String {
    let name = try name(pointer)
    guard !name.utf8.starts(with: "fs/".utf8) else {
        throw StoreError(.invalid, "roots under fs/ are branches and tags, which ips_fs_ functions move")
    }
    return name
}

/// An owner, nil for NULL: that of the handle.
func owner(_ pointer: UnsafePointer<CChar>?) throws(StoreError) -> String? {
    guard let pointer else { return nil }
    return try name(pointer, "owner")
}

func path(_ pointer: UnsafePointer<CChar>?) throws(StoreError) -> String {
    let path = try text(pointer, "path", limit: Int(PATH_MAX) - 1)
    guard !path.isEmpty else { throw StoreError(.invalid, "the path is empty") }
    return path
}

/// Nanoseconds of a budget in milliseconds; nil for no limit.
func nanoseconds(_ budget: UInt64) -> UInt64? {
    switch budget {
    case .max: return nil
    case .max - 1: return ContentStore.defaultReclaimBudget
    default:
        let (product, overflow) = budget.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? nil : product
    }
}

// MARK: - CIDs

/// The CID that the caller's struct says.
func cid(_ pointer: UnsafePointer<ips_cid>?) throws(StoreError) -> CID {
    guard let pointer else { throw StoreError(.invalid, "the CID is NULL") }
    guard let cid = optionalCID(pointer) else { throw StoreError(.invalid, "the ips_cid names nothing") }
    return cid
}

/// Nil for what is no CID, NULL included.
func optionalCID(_ pointer: UnsafePointer<ips_cid>?) -> CID? {
    guard let pointer, isAligned(UnsafeMutablePointer(mutating: pointer)) else { return nil }
    var value = pointer.pointee
    let length = Int(value.digest_length)
    guard length <= CID.maximumDigestLength else { return nil }
    return withUnsafeBytes(of: &value.digest) { digest in
        CID(
            version: value.version, codec: CID.Codec(rawValue: value.codec),
            hash: CID.HashFunction(rawValue: value.hash),
            digest: UnsafeRawBufferPointer(rebasing: digest[..<length]))
    }
}

extension ips_cid {
    init(_ cid: CID) {
        self.init()
        codec = cid.codec.rawValue
        hash = cid.hash.rawValue
        version = cid.version
        digest_length = cid.digestLength
        withUnsafeMutableBytes(of: &digest) { room in cid.withDigest { room.copyMemory(from: $0) } }
    }
}
