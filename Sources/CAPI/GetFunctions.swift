/// Reading: data, blocks, nodes, and what is known of them.
import CIpldStore
import IpldEngine

@c @implementation
public func ips_store_has(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ isHere: UnsafeMutablePointer<Bool>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(isHere, "is_here")
        let cid = try CAPI.cid(cid)
        result.pointee = try CAPI.store(store).has(cid)
    }
}

@c @implementation
public func ips_store_size(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ size: UnsafeMutablePointer<UInt64>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(size, "size")
        let cid = try CAPI.cid(cid)
        result.pointee = try CAPI.store(store).size(of: cid)
    }
}

@c @implementation
public func ips_store_get_buffer(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ buffer: UnsafeMutableRawPointer?,
    _ capacity: Int,
    _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let length = try optionalOutput(length, "length")
        let cid = try CAPI.cid(cid)
        let room = try CAPI.room(buffer, capacity)
        let store = try CAPI.store(store)
        let size = try store.size(of: cid)
        guard let count = Int(exactly: size) else {
            throw StoreError(.tooLarge, "\(size) bytes do not fit into memory")
        }
        length?.pointee = count
        guard room.count >= count else {
            throw StoreError(.bufferTooSmall, "the buffer has \(room.count) bytes, \(count) are needed")
        }
        // What is small is read here; what is large, by as many threads as there are processors.
        guard count > Block.maximumLength else {
            _ = try store.read(cid, at: 0, into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
            return
        }
        var done = 0
        try store.copyBytes(of: cid) { (bytes) throws(StoreError) in
            guard bytes.count <= room.count - done else {
                throw StoreError(.corrupt, "\(cid) has more bytes than its root says")
            }
            UnsafeMutableRawBufferPointer(rebasing: room[done...]).copyMemory(from: bytes)
            done += bytes.count
        }
    }
}

@c @implementation
public func ips_store_read_at(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ offset: UInt64,
    _ buffer: UnsafeMutableRawPointer?, _ capacity: Int, _ got: UnsafeMutablePointer<Int>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(got, "got")
        let cid = try CAPI.cid(cid)
        let room = try CAPI.room(buffer, capacity)
        result.pointee = try CAPI.store(store).read(cid, at: offset, into: room)
    }
}

@c @implementation
public func ips_store_get_descriptor(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ offset: UInt64, _ length: UInt64,
    _ descriptor: Int32, _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let cid = try CAPI.cid(cid)
        let sink = DescriptorSink(descriptor)
        try CAPI.store(store).copyBytes(
            of: cid, from: offset, length: length, progress: progressClosure(progress, context, outcome)
        ) { (bytes) throws(StoreError) in try sink.write(bytes) }
    }
}

@c @implementation
public func ips_store_get_callback(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ offset: UInt64, _ length: UInt64,
    _ write: ips_write_callback?, _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let cid = try CAPI.cid(cid)
        guard let write else { throw StoreError(.invalid, "the write callback is NULL") }
        try CAPI.store(store).copyBytes(
            of: cid, from: offset, length: length, progress: progressClosure(progress, context, outcome)
        ) { (bytes) throws(StoreError) in
            guard bytes.count > 0 else { return }
            try outcome.check(write(context, bytes.baseAddress, bytes.count), "write")
        }
    }
}

// MARK: - Blocks, nodes, views

@c @implementation
public func ips_store_get_block(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ buffer: UnsafeMutableRawPointer?,
    _ capacity: Int,
    _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let length = try optionalOutput(length, "length")
        let cid = try CAPI.cid(cid)
        let room = try CAPI.room(buffer, capacity)
        try CAPI.store(store).withBlock(cid) { (bytes) throws(StoreError) in
            try deliver(bytes, to: room, length)
        }
    }
}

@c @implementation
public func ips_store_get_node(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ buffer: UnsafeMutableRawPointer?,
    _ capacity: Int,
    _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let length = try optionalOutput(length, "length")
        let cid = try CAPI.cid(cid)
        let room = try CAPI.room(buffer, capacity)
        try deliver(try CAPI.store(store).encodedNode(cid), to: room, length)
    }
}

@c @implementation
public func ips_store_get_value(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ path: UnsafePointer<CChar>?,
    _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let length = try optionalOutput(length, "length")
        let cid = try CAPI.cid(cid)
        let room = try CAPI.room(buffer, capacity)
        let path = try segments(path)
        try deliver(try CAPI.store(store).encodedNode(cid, at: path), to: room, length)
    }
}

@c @implementation
public func ips_store_inspect(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?,
    _ information: UnsafeMutablePointer<ips_block_information>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try GrowingOutput(information)
        let cid = try CAPI.cid(cid)
        let found = try CAPI.store(store).inspect(cid)
        var value = ips_block_information()
        value.raw_length = found.rawLength
        value.stored_length = found.storedLength
        value.references = found.references
        result.set(value)
    }
}

@c @implementation
public func ips_store_view(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ view: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(view, "view")
        result.pointee = nil
        let cid = try CAPI.cid(cid)
        let pinned = try CAPI.store(store).pinnedBlock(cid)
        result.pointee = try HandleTable.ofThisProcess().insert(.view(pinned))
    }
}

@c @implementation
public func ips_view_bytes(_ view: OpaquePointer?) -> ips_bytes {
    guard let bytes = (try? CAPI.view(view))?.bytes else { return ips_bytes(data: nil, len: 0) }
    return ips_bytes(data: bytes.baseAddress, len: bytes.count)
}

@c @implementation
public func ips_view_close(_ view: OpaquePointer?) {
    _ = try? HandleTable.ofThisProcess().remove(view) { if case .view = $0 { true } else { false } }
}
