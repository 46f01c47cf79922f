/// Structs that may grow: the caller says by `struct_size` which version it knows.
///
/// What always holds: nothing beyond `struct_size` is touched; a size below that of the struct's first
/// version is INVALID; a field that this version does not know must be zero to be read, and is zeroed when
/// written; one that is reserved must be zero to be read.
import CIpldStore
import IpldEngine

/// A struct whose first field is `uint32_t struct_size`.
protocol GrowingStruct {
    init()
    /// Bytes of the struct in the first version that had it.
    static var firstSize: Int { get }
    var struct_size: UInt32 { get set }
    /// Whether what is reserved in the first version is zero.
    var isReservedZero: Bool { get }
}

extension GrowingStruct {
    var isReservedZero: Bool { true }
}

extension ips_create_options: GrowingStruct { static var firstSize: Int { 56 } }
extension ips_open_options: GrowingStruct { static var firstSize: Int { 16 } }
extension ips_store_information: GrowingStruct { static var firstSize: Int { 504 } }
extension ips_block_information: GrowingStruct { static var firstSize: Int { 32 } }
extension ips_gc_report: GrowingStruct { static var firstSize: Int { 48 } }
extension ips_usage: GrowingStruct { static var firstSize: Int { 40 } }
extension ips_stat: GrowingStruct { static var firstSize: Int { 104 } }
extension ips_verify_report: GrowingStruct { static var firstSize: Int { 32 } }
extension ips_heal_report: GrowingStruct { static var firstSize: Int { 24 } }
extension ips_copy_report: GrowingStruct { static var firstSize: Int { 32 } }
extension ips_fs_entry: GrowingStruct { static var firstSize: Int { 168 } }
extension ips_fs_version: GrowingStruct { static var firstSize: Int { 1488 } }
extension ips_fs_merge_options: GrowingStruct {
    static var firstSize: Int { 40 }
    var isReservedZero: Bool { reserved == 0 }
}
extension ips_fs_import_options: GrowingStruct { static var firstSize: Int { 24 } }
extension ips_fs_import_report: GrowingStruct { static var firstSize: Int { 232 } }
extension ips_fs_export_options: GrowingStruct {
    static var firstSize: Int { 16 }
    var isReservedZero: Bool { reserved == 0 }
}
extension ips_fs_export_report: GrowingStruct { static var firstSize: Int { 56 } }
extension ips_repair_report: GrowingStruct { static var firstSize: Int { 64 } }

/// No version of any struct will be larger; a larger size is a mistake, and is not believed.
private let largestStruct = 4096

private func checkSize<T: GrowingStruct>(_ size: Int, _: T.Type) throws(StoreError) {
    guard (T.firstSize...largestStruct).contains(size) else {
        throw StoreError(.invalid, "struct_size of a \(T.self) is \(size): use the _INIT macro")
    }
}

/// What the caller set; nil for NULL.
func growingInput<T: GrowingStruct>(_ pointer: UnsafePointer<T>?) throws(StoreError) -> T? {
    guard let pointer else { return nil }
    guard isAligned(UnsafeMutablePointer(mutating: pointer)) else {
        throw StoreError(.invalid, "a \(T.self) is not aligned")
    }
    // Only the first field is known to be there.
    let size = Int(UnsafeRawPointer(pointer).load(as: UInt32.self))
    try checkSize(size, T.self)
    let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
    let known = min(size, MemoryLayout<T>.size)
    for byte in bytes[known...] where byte != 0 {
        throw StoreError(.unsupported, "a \(T.self) sets what this version does not know")
    }
    var value = T()
    withUnsafeMutableBytes(of: &value) { room in
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<known]))
    }
    guard value.isReservedZero else {
        throw StoreError(.invalid, "what is reserved in a \(T.self) is not 0: use the _INIT macro")
    }
    return value
}

/// Writes the defaults into the fields that a caller of this size knows; nothing when the size is none.
func setDefaults<T: GrowingStruct>(_ options: UnsafeMutablePointer<T>?, _ size: Int, _ defaults: T) {
    guard let options, isAligned(options), (T.firstSize...largestStruct).contains(size) else { return }
    UnsafeMutableRawPointer(options).storeBytes(of: UInt32(size), as: UInt32.self)
    try? GrowingOutput(options).set(defaults)
}

/// As `setDefaults`, of a struct that has zeros for defaults.
func setZeros<T: GrowingStruct>(_ result: UnsafeMutablePointer<T>?, _ size: Int) {
    setDefaults(result, size, T())
}

/// A result's place, checked before the work is done; written by `set`.
struct GrowingOutput<T: GrowingStruct> {
    private let room: UnsafeMutableRawBufferPointer?

    /// NULL means that the caller does not want it, where that is `allowed`.
    init(_ pointer: UnsafeMutablePointer<T>?, nullAllowed: Bool = false) throws(StoreError) {
        guard let pointer else {
            guard nullAllowed else { throw StoreError(.invalid, "the \(T.self) is NULL") }
            room = nil
            return
        }
        guard isAligned(pointer) else { throw StoreError(.invalid, "a \(T.self) is not aligned") }
        let size = Int(UnsafeRawPointer(pointer).load(as: UInt32.self))
        try checkSize(size, T.self)
        room = UnsafeMutableRawBufferPointer(start: pointer, count: size)
    }

    func set(_ value: T) {
        guard let room else { return }
        var value = value
        value.struct_size = UInt32(room.count)
        withUnsafeBytes(of: &value) { bytes in
            let known = min(bytes.count, room.count)
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<known]))
            for position in known..<room.count { room[position] = 0 }
        }
    }
}
