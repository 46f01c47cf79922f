/// Writers: files open for change, with a batch of their own or within one.
import CIpldStore
import IpldEngine

@c @implementation
public func ips_writer_open(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ writer: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(writer, "writer")
        result.pointee = nil
        let base = try base(cid)
        let outcome = CallbackOutcome()
        let opened = try CAPI.store(store).makeWriter(
            on: base, progress: progressClosure(progress, context, outcome))
        result.pointee = try HandleTable.ofThisProcess().insert(
            .writer(WriterObject(opened, Use(), outcome)))
    }
}

@c @implementation
public func ips_batch_open_writer(
    _ batch: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ writer: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(writer, "writer")
        result.pointee = nil
        let base = try base(cid)
        let outcome = CallbackOutcome()
        let object = try batchObject(batch)
        let opened = try object.use.exclusively("batch") { () throws(StoreError) in
            try object.batch.makeWriter(on: base, progress: progressClosure(progress, context, outcome))
        }
        result.pointee = try HandleTable.ofThisProcess().insert(
            .writer(WriterObject(opened, object.use, outcome)))
    }
}

/// NULL is an empty file.
private func base(_ cid: UnsafePointer<ips_cid>?) throws(StoreError) -> CID? {
    guard let cid else { return nil }
    return try CAPI.cid(cid)
}

@c @implementation
public func ips_writer_write_at(
    _ writer: OpaquePointer?, _ offset: UInt64, _ data: ips_bytes, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let bytes = try input(data)
        try CAPI.writer(writer).exclusively(outcome) { (writer) throws(StoreError) in
            try writer.write(bytes, at: offset)
        }
    }
}

@c @implementation
public func ips_writer_append(
    _ writer: OpaquePointer?, _ data: ips_bytes, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let bytes = try input(data)
        try CAPI.writer(writer).exclusively(outcome) { (writer) throws(StoreError) in
            try writer.append(bytes)
        }
    }
}

@c @implementation
public func ips_writer_truncate(
    _ writer: OpaquePointer?, _ size: UInt64, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        try CAPI.writer(writer).exclusively(outcome) { (writer) throws(StoreError) in
            try writer.truncate(to: size)
        }
    }
}

@c @implementation
public func ips_writer_read_at(
    _ writer: OpaquePointer?, _ offset: UInt64, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ got: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(got, "got")
        let room = try CAPI.room(buffer, capacity)
        result.pointee = try CAPI.writer(writer).exclusively { (writer) throws(StoreError) in
            try writer.read(at: offset, into: room)
        }
    }
}

@c @implementation
public func ips_writer_size(
    _ writer: OpaquePointer?, _ size: UnsafeMutablePointer<UInt64>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(size, "size")
        result.pointee = try CAPI.writer(writer).exclusively { (writer) throws(StoreError) in
            try writer.size
        }
    }
}

@c @implementation
public func ips_writer_flush(
    _ writer: OpaquePointer?, _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try output(cid, "cid")
        let root = try CAPI.writer(writer).exclusively(outcome) { (writer) throws(StoreError) in
            try writer.flush()
        }
        result.pointee = ips_cid(root)
    }
}

@c @implementation
public func ips_writer_commit(
    _ writer: OpaquePointer?, _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try output(cid, "cid")
        let root = try CAPI.writer(writer).exclusively(outcome) { (writer) throws(StoreError) in
            try writer.commit()
        }
        result.pointee = ips_cid(root)
    }
}

@c @implementation
public func ips_writer_abort(_ writer: OpaquePointer?, _ error: ErrorPointer?) -> ips_status {
    call(error) { () throws(StoreError) in
        try CAPI.writer(writer).exclusively { (writer) throws(StoreError) in writer.abort() }
    }
}

@c @implementation
public func ips_writer_close(_ writer: OpaquePointer?) {
    let removed = try? HandleTable.ofThisProcess().remove(writer) {
        if case .writer = $0 { true } else { false }
    }
    // A call that is under way keeps the writer, and what it does ends with it; otherwise it ends here.
    if case .writer(let object) = removed {
        try? object.exclusively { (writer) throws(StoreError) in writer.abort() }
    }
}
