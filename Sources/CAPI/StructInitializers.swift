/// The initializers of structs that results are written to: zeros, and the size by which the library knows
/// the caller's version. Those of options, which have defaults, are beside the functions that take them.
import CIpldStore

@c @implementation
public func ips_store_information_init(
    _ information: UnsafeMutablePointer<ips_store_information>?, _ structSize: Int
) {
    setZeros(information, structSize)
}

@c @implementation
public func ips_block_information_init(
    _ information: UnsafeMutablePointer<ips_block_information>?, _ structSize: Int
) {
    setZeros(information, structSize)
}

@c @implementation
public func ips_gc_report_init(_ report: UnsafeMutablePointer<ips_gc_report>?, _ structSize: Int) {
    setZeros(report, structSize)
}

@c @implementation
public func ips_usage_init(_ usage: UnsafeMutablePointer<ips_usage>?, _ structSize: Int) {
    setZeros(usage, structSize)
}

@c @implementation
public func ips_stat_init(_ stat: UnsafeMutablePointer<ips_stat>?, _ structSize: Int) {
    setZeros(stat, structSize)
}

@c @implementation
public func ips_verify_report_init(_ report: UnsafeMutablePointer<ips_verify_report>?, _ structSize: Int) {
    setZeros(report, structSize)
}

@c @implementation
public func ips_repair_report_init(_ report: UnsafeMutablePointer<ips_repair_report>?, _ structSize: Int) {
    setZeros(report, structSize)
}

@c @implementation
public func ips_heal_report_init(_ report: UnsafeMutablePointer<ips_heal_report>?, _ structSize: Int) {
    setZeros(report, structSize)
}

@c @implementation
public func ips_copy_report_init(_ report: UnsafeMutablePointer<ips_copy_report>?, _ structSize: Int) {
    setZeros(report, structSize)
}

@c @implementation
public func ips_fs_entry_init(_ entry: UnsafeMutablePointer<ips_fs_entry>?, _ structSize: Int) {
    setZeros(entry, structSize)
}

@c @implementation
public func ips_fs_version_init(_ version: UnsafeMutablePointer<ips_fs_version>?, _ structSize: Int) {
    setZeros(version, structSize)
}

@c @implementation
public func ips_fs_import_report_init(
    _ report: UnsafeMutablePointer<ips_fs_import_report>?, _ structSize: Int
) {
    setZeros(report, structSize)
}

@c @implementation
public func ips_fs_export_report_init(
    _ report: UnsafeMutablePointer<ips_fs_export_report>?, _ structSize: Int
) {
    setZeros(report, structSize)
}
