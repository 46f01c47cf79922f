/// Values of any size: changes of them, and their elements one by one.
import CIpldStore
import IpldEngine

/// The parts of a path inside a value.
func segments(_ path: UnsafePointer<CChar>?) throws(StoreError) -> [String] {
    let path = try text(path, "path", limit: longestPath)
    guard !path.isEmpty else { return [] }
    // Not by characters: a key may begin with a mark that makes one of itself and the slash.
    return path.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
}

/// Bytes of a path inside a value.
private let longestPath = 1 << 20

/// Writes a value to the caller's buffer and reports its length, also when it does not fit.
func deliver(
    _ value: EncodedNode, to room: UnsafeMutableRawBufferPointer, _ length: UnsafeMutablePointer<Int>?
) throws(StoreError) {
    let count = try reported(value, length)
    guard room.count >= count else {
        throw StoreError(.bufferTooSmall, "the buffer has \(room.count) bytes, \(count) are needed")
    }
    var done = 0
    try value.write { (bytes) throws(StoreError) in
        guard bytes.count <= room.count - done else {
            throw StoreError(.corrupt, "the value has more bytes than its root says")
        }
        UnsafeMutableRawBufferPointer(rebasing: room[done...]).copyMemory(from: bytes)
        done += bytes.count
    }
}

private func reported(_ value: EncodedNode, _ length: UnsafeMutablePointer<Int>?) throws(StoreError) -> Int {
    guard let count = Int(exactly: value.size) else {
        throw StoreError(.tooLarge, "\(value.size) bytes do not fit into memory")
    }
    length?.pointee = count
    return count
}

// MARK: - Changes

@c @implementation
public func ips_store_edit_node(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ path: UnsafePointer<CChar>?,
    _ changes: UnsafePointer<ips_node_change>?, _ count: Int, _ edited: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(edited, "edited")
        let cid = try CAPI.cid(cid)
        let path = try segments(path)
        let changes = try nodeChanges(changes, count)
        result.pointee = ips_cid(try CAPI.store(store).editNode(cid, at: path, changes))
    }
}

@c @implementation
public func ips_batch_edit_node(
    _ batch: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ path: UnsafePointer<CChar>?,
    _ changes: UnsafePointer<ips_node_change>?, _ count: Int, _ edited: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(edited, "edited")
        let cid = try CAPI.cid(cid)
        let path = try segments(path)
        let changes = try nodeChanges(changes, count)
        result.pointee = ips_cid(
            try withBatch(batch) { (batch) throws(StoreError) in
                try batch.editNode(cid, at: path, changes)
            })
    }
}

private func nodeChanges(_ changes: UnsafePointer<ips_node_change>?, _ count: Int) throws(StoreError)
    -> [NodeChange]
{
    guard count != 0 else { return [] }
    guard let changes else { throw StoreError(.invalid, "the changes are NULL, and there are some") }
    guard isAligned(UnsafeMutablePointer(mutating: changes)) else {
        throw StoreError(.invalid, "the changes are not aligned")
    }
    let (length, overflowed) = count.multipliedReportingOverflow(by: MemoryLayout<ips_node_change>.stride)
    guard count > 0, !overflowed else { throw StoreError(.invalid, "a number of changes is impossible") }
    _ = try input(ips_bytes(data: UnsafeRawPointer(changes), len: length))
    var list: [NodeChange] = []
    for change in UnsafeBufferPointer(start: changes, count: count) { list.append(try nodeChange(change)) }
    return list
}

private func nodeChange(_ change: ips_node_change) throws(StoreError) -> NodeChange {
    guard change.reserved == 0 else {
        throw StoreError(.invalid, "what is reserved in a change of a node is not 0")
    }
    switch change.kind {
    case UInt32(IPS_NODE_SET):
        let values = try values(change.values)
        guard values.count == 1 else { throw StoreError(.invalid, "a key is set to one value") }
        return .set(key: try key(change.key), values[0])
    case UInt32(IPS_NODE_REMOVE): return .remove(key: try key(change.key))
    case UInt32(IPS_NODE_REPLACE):
        let (end, overflowed) = change.position.addingReportingOverflow(change.count)
        guard !overflowed, let end = Int(exactly: end) else {
            throw StoreError(.notFound, "no list has so many elements")
        }
        return .replace(Int(change.position)..<end, with: try values(change.values))
    default: throw StoreError(.invalid, "there is no change of kind \(change.kind)")
    }
}

private func key(_ bytes: ips_bytes) throws(StoreError) -> String {
    guard let key = String(validating: try input(bytes), as: UTF8.self) else {
        throw StoreError(.invalid, "a key is not UTF-8")
    }
    return key
}

/// Values that follow one another.
private func values(_ bytes: ips_bytes) throws(StoreError) -> [IPLDValue] {
    var reader = DagCBORReader(try input(bytes))
    var values: [IPLDValue] = []
    do throws(CodecError) {
        while !reader.isAtEnd { values.append(try reader.readValue()) }
    } catch { throw StoreError(error) }
    return values
}

// MARK: - Elements

@c @implementation
public func ips_store_elements(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ path: UnsafePointer<CChar>?,
    _ elements: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(elements, "elements")
        result.pointee = nil
        let cid = try CAPI.cid(cid)
        let path = try segments(path)
        let opened = try CAPI.store(store).makeNodeIterator(of: cid, at: path)
        result.pointee = try HandleTable.ofThisProcess().insert(.iterator(IteratorObject(.elements(opened))))
    }
}

@c @implementation
public func ips_iter_next_element(
    _ iterator: OpaquePointer?, _ key: UnsafeMutableRawPointer?, _ keyCapacity: Int,
    _ keyLength: UnsafeMutablePointer<Int>?, _ value: UnsafeMutableRawPointer?, _ valueCapacity: Int,
    _ valueLength: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let keyRoom = try CAPI.room(key, keyCapacity)
        let keyLength = try optionalOutput(keyLength, "key_length")
        let valueRoom = try CAPI.room(value, valueCapacity)
        let valueLength = try optionalOutput(valueLength, "value_length")
        return try withElements(iterator) { (elements) throws(StoreError) in
            guard let next = try elements.peek() else { return false }
            var key = next.key ?? ""
            let keyCount = key.utf8.count
            keyLength?.pointee = keyCount
            let valueCount = try reported(next.value, valueLength)
            let isKeyShort = keyLength != nil && keyRoom.count < keyCount
            guard !isKeyShort, valueLength == nil || valueRoom.count >= valueCount else {
                throw StoreError(
                    .bufferTooSmall, "the key needs \(keyCount) bytes, the value \(valueCount)")
            }
            if valueLength != nil { try deliver(next.value, to: valueRoom, nil) }
            if keyLength != nil { key.withUTF8 { keyRoom.copyMemory(from: UnsafeRawBufferPointer($0)) } }
            elements.skip()
            return true
        }
    }
}

@c @implementation
public func ips_iter_tell_element(
    _ iterator: OpaquePointer?, _ position: UnsafeMutablePointer<UInt64>?,
    _ count: UnsafeMutablePointer<UInt64>?, _ isMap: UnsafeMutablePointer<Bool>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let position = try optionalOutput(position, "position")
        let count = try optionalOutput(count, "count")
        let isMap = try optionalOutput(isMap, "is_map")
        try withElements(iterator) { (elements) throws(StoreError) in
            position?.pointee = elements.position
            count?.pointee = elements.count
            isMap?.pointee = elements.isMap
        }
    }
}

@c @implementation
public func ips_iter_seek_element(
    _ iterator: OpaquePointer?, _ position: UInt64, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        try withElements(iterator) { (elements) throws(StoreError) in try elements.seek(to: position) }
    }
}

@c @implementation
public func ips_iter_seek_key(
    _ iterator: OpaquePointer?, _ key: ips_bytes, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let key = try CAPI.key(key)
        try withElements(iterator) { (elements) throws(StoreError) in try elements.seek(toKey: key) }
    }
}

private func withElements<T>(
    _ iterator: OpaquePointer?, _ body: (NodeIterator) throws(StoreError) -> T
) throws(StoreError) -> T {
    try withIterator(iterator) { (object) throws(StoreError) in
        guard case .elements(let elements) = object.sequence else { throw otherKind("elements") }
        return try body(elements)
    }
}
