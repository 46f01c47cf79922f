/// Storing, into a store (held by the handle's owner) and into a batch.
import CIpldStore
import IpldEngine

// MARK: - Stores

@c @implementation
public func ips_store_put_buffer(
    _ store: OpaquePointer?, _ data: ips_bytes, _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let bytes = try input(data)
        result.pointee = ips_cid(try CAPI.store(store).putBytes(bytes))
    }
}

@c @implementation
public func ips_store_put_descriptor(
    _ store: OpaquePointer?, _ descriptor: Int32, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?,
    _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try output(cid, "cid")
        let store = try CAPI.store(store)
        result.pointee = ips_cid(
            try store.putBytes(
                from: try DescriptorSource(descriptor),
                progress: progressClosure(progress, context, outcome)))
    }
}

@c @implementation
public func ips_store_put_callback(
    _ store: OpaquePointer?, _ read: ips_read_callback?, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try output(cid, "cid")
        let source = try source(read, context, outcome)
        let store = try CAPI.store(store)
        result.pointee = ips_cid(
            try store.putBytes(from: source, progress: progressClosure(progress, context, outcome)))
    }
}

@c @implementation
public func ips_store_put_block(
    _ store: OpaquePointer?, _ block: ips_bytes, _ codec: UInt64, _ cid: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let bytes = try input(block)
        let codec = try CAPI.codec(codec)
        result.pointee = ips_cid(try CAPI.store(store).putBlock(bytes, codec: codec))
    }
}

@c @implementation
public func ips_store_put_node(
    _ store: OpaquePointer?, _ dagCBOR: ips_bytes, _ cid: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let bytes = try input(dagCBOR)
        result.pointee = ips_cid(try CAPI.store(store).putNode(dagCBOR: bytes))
    }
}

// MARK: - Batches

@c @implementation
public func ips_batch_put_buffer(
    _ batch: OpaquePointer?, _ data: ips_bytes, _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let bytes = try input(data)
        result.pointee = ips_cid(
            try withBatch(batch) { (batch) throws(StoreError) in try batch.putBytes(bytes) })
    }
}

@c @implementation
public func ips_batch_put_descriptor(
    _ batch: OpaquePointer?, _ descriptor: Int32, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?,
    _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try output(cid, "cid")
        let stored = try withBatch(batch) { (batch) throws(StoreError) in
            try batch.putBytes(
                from: try DescriptorSource(descriptor), progress: progressClosure(progress, context, outcome))
        }
        result.pointee = ips_cid(stored)
    }
}

@c @implementation
public func ips_batch_put_callback(
    _ batch: OpaquePointer?, _ read: ips_read_callback?, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try output(cid, "cid")
        let source = try source(read, context, outcome)
        let stored = try withBatch(batch) { (batch) throws(StoreError) in
            try batch.putBytes(from: source, progress: progressClosure(progress, context, outcome))
        }
        result.pointee = ips_cid(stored)
    }
}

@c @implementation
public func ips_batch_put_block(
    _ batch: OpaquePointer?, _ block: ips_bytes, _ codec: UInt64, _ cid: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let bytes = try input(block)
        let codec = try CAPI.codec(codec)
        result.pointee = ips_cid(
            try withBatch(batch) { (batch) throws(StoreError) in try batch.putBlock(bytes, codec: codec) })
    }
}

@c @implementation
public func ips_batch_put_node(
    _ batch: OpaquePointer?, _ dagCBOR: ips_bytes, _ cid: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let bytes = try input(dagCBOR)
        result.pointee = ips_cid(
            try withBatch(batch) { (batch) throws(StoreError) in try batch.putNode(dagCBOR: bytes) })
    }
}

/// The engine's form of a read callback.
private func source(
    _ read: ips_read_callback?, _ context: UnsafeMutableRawPointer?, _ outcome: CallbackOutcome
) throws(StoreError) -> CallbackSource {
    guard let read else { throw StoreError(.invalid, "the read callback is NULL") }
    return CallbackSource { (buffer) throws(StoreError) in
        var got = 0
        try outcome.check(read(context, buffer.baseAddress, buffer.count, &got), "read")
        guard (0...buffer.count).contains(got) else {
            throw StoreError(
                .callback, "read gave \(UInt(bitPattern: got)) bytes for a buffer of \(buffer.count)")
        }
        return got
    }
}
