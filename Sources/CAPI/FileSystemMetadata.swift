/// What is said of the entries of trees that are open.
import CIpldStore
import IpldEngine
import MonoFS

@c @implementation
public func ips_fs_set_mode(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ mode: UInt32, _ follow: Bool, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        try workspace.setMode(path, try fileMode(mode), followingLinks: follow)
    }
}

@c @implementation
public func ips_fs_set_owner(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ uid: UInt32, _ gid: UInt32, _ follow: Bool,
    _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        try workspace.setOwner(
            path, owner: uid == .max ? nil : uid, group: gid == .max ? nil : gid, followingLinks: follow)
    }
}

@c @implementation
public func ips_fs_set_time(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ seconds: Int64, _ nanoseconds: UInt32, _ follow: Bool,
    _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        guard let time = Timestamp(seconds: seconds, nanoseconds: nanoseconds) else {
            throw StoreError(.invalid, "nanoseconds are less than a second")
        }
        try workspace.setModified(path, time, followingLinks: follow)
    }
}

@c @implementation
public func ips_fs_set_sync(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ sync: Int32, _ recursively: Bool, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        try workspace.setSync(path, try syncType(sync), recursively: recursively)
    }
}

@c @implementation
public func ips_fs_get_attribute(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ name: ips_bytes, _ buffer: UnsafeMutableRawPointer?,
    _ capacity: Int, _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, error) { (workspace, path) throws(StoreError) in
        let room = try CAPI.room(buffer, capacity)
        let length = try optionalOutput(length, "length")
        let value = try workspace.attribute(path, [UInt8](try input(name)))
        if case .bytes(let bytes) = value { return try deliver(bytes, to: room, length) }
        try deliver(try encoded(value), to: room, length)
    }
}

private func encoded(_ value: IPLDValue) throws(StoreError) -> [UInt8] {
    do throws(CodecError) { return try DagCBOR.encode(value) } catch { throw StoreError(error) }
}

@c @implementation
public func ips_fs_get_attribute_value(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ name: ips_bytes, _ buffer: UnsafeMutableRawPointer?,
    _ capacity: Int, _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, error) { (workspace, path) throws(StoreError) in
        let room = try CAPI.room(buffer, capacity)
        let length = try optionalOutput(length, "length")
        let value = try workspace.attribute(path, [UInt8](try input(name)))
        try deliver(try encoded(value), to: room, length)
    }
}

@c @implementation
public func ips_fs_set_attribute_value(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ name: ips_bytes, _ value: ips_bytes, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        let bytes = [UInt8](try input(value))
        let decoded: IPLDValue
        do throws(CodecError) { decoded = try DagCBOR.decode(bytes) } catch { throw StoreError(error) }
        try workspace.setAttribute(path, [UInt8](try input(name)), to: decoded)
    }
}

@c @implementation
public func ips_fs_list_attributes(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, error) { (workspace, path) throws(StoreError) in
        let room = try CAPI.room(buffer, capacity)
        let length = try optionalOutput(length, "length")
        let entry = try workspace.status(path, followingLinks: true)
        try deliver(entry.attributes.elements.flatMap { $0.name + [0] }, to: room, length)
    }
}

@c @implementation
public func ips_fs_set_attribute(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ name: ips_bytes, _ value: ips_bytes, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        try workspace.setAttribute(path, [UInt8](try input(name)), to: .bytes([UInt8](try input(value))))
    }
}

@c @implementation
public func ips_fs_remove_attribute(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ name: ips_bytes, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        try workspace.removeAttribute(path, [UInt8](try input(name)))
    }
}
