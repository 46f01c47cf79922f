/// Readers: files open for reading.
import CIpldStore
import IpldEngine

@c @implementation
public func ips_reader_open(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?,
    _ reader: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(reader, "reader")
        result.pointee = nil
        let cid = try CAPI.cid(cid)
        let opened = try CAPI.store(store).makeReader(of: cid)
        result.pointee = try HandleTable.ofThisProcess().insert(.reader(opened))
    }
}

@c @implementation
public func ips_reader_read_at(
    _ reader: OpaquePointer?, _ offset: UInt64, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ got: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(got, "got")
        let room = try CAPI.room(buffer, capacity)
        result.pointee = try CAPI.reader(reader).read(at: offset, into: room)
    }
}

@c @implementation
public func ips_reader_read(
    _ reader: OpaquePointer?, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ got: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(got, "got")
        let room = try CAPI.room(buffer, capacity)
        result.pointee = try CAPI.reader(reader).read(into: room)
    }
}

@c @implementation
public func ips_reader_seek(
    _ reader: OpaquePointer?, _ offset: Int64, _ origin: Int32, _ position: UnsafeMutablePointer<UInt64>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try optionalOutput(position, "position")
        let origin: SeekOrigin =
            switch Int(origin) {
            case IPS_SEEK_START: .start
            case IPS_SEEK_CURRENT: .current
            case IPS_SEEK_END: .end
            default: throw StoreError(.invalid, "there is no origin \(origin) to seek from")
            }
        let reached = try CAPI.reader(reader).seek(to: offset, from: origin)
        result?.pointee = reached
    }
}

@c @implementation
public func ips_reader_tell(
    _ reader: OpaquePointer?, _ position: UnsafeMutablePointer<UInt64>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(position, "position")
        result.pointee = try CAPI.reader(reader).position
    }
}

@c @implementation
public func ips_reader_size(
    _ reader: OpaquePointer?, _ size: UnsafeMutablePointer<UInt64>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(size, "size")
        result.pointee = try CAPI.reader(reader).size
    }
}

@c @implementation
public func ips_reader_close(_ reader: OpaquePointer?) {
    // A read that is under way keeps the reader, and its lease, until it returns.
    _ = try? HandleTable.ofThisProcess().remove(reader) { if case .reader = $0 { true } else { false } }
}
