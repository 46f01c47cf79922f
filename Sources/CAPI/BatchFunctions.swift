/// Beginning and ending batches, and the names they bring.
import CIpldStore
import IpldEngine

@c @implementation
public func ips_batch_begin(
    _ store: OpaquePointer?, _ batch: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(batch, "batch")
        result.pointee = nil
        let begun = try CAPI.store(store).makeBatch()
        result.pointee = try HandleTable.ofThisProcess().insert(.batch(BatchObject(begun)))
    }
}

@c @implementation
public func ips_batch_set_root(
    _ batch: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ cid: UnsafePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        try setRoot(batch, name, cid, expecting: .anything)
    }
}

@c @implementation
public func ips_batch_swap_root(
    _ batch: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ expected: UnsafePointer<ips_cid>?,
    _ cid: UnsafePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        try setRoot(batch, name, cid, expecting: try expectation(expected))
    }
}

private func setRoot(
    _ batch: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ cid: UnsafePointer<ips_cid>?,
    expecting expected: RootExpectation
) throws(StoreError) {
    let name = try rootName(name)
    let target: CID? = if let cid { try CAPI.cid(cid) } else { nil }
    try withBatch(batch) { (batch) throws(StoreError) in
        try batch.setRoot(name, to: target, expecting: expected)
    }
}

@c @implementation
public func ips_batch_hold(
    _ batch: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ owner: UnsafePointer<CChar>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let cid = try CAPI.cid(cid)
        let owner = try CAPI.owner(owner)
        try withBatch(batch) { (batch) throws(StoreError) in try batch.hold(cid, owner: owner) }
    }
}

@c @implementation
public func ips_batch_commit(_ batch: OpaquePointer?, _ error: ErrorPointer?) -> ips_status {
    call(error) { () throws(StoreError) in
        try withBatch(batch) { (batch) throws(StoreError) in try batch.commit() }
    }
}

@c @implementation
public func ips_batch_abort(_ batch: OpaquePointer?, _ error: ErrorPointer?) -> ips_status {
    call(error) { () throws(StoreError) in
        try withBatch(batch) { (batch) throws(StoreError) in batch.abort() }
    }
}

@c @implementation
public func ips_batch_free(_ batch: OpaquePointer?) {
    let removed = try? HandleTable.ofThisProcess().remove(batch) {
        if case .batch = $0 { true } else { false }
    }
    // A call that is under way keeps the batch, and what it does ends with it; otherwise it ends here.
    if case .batch(let object) = removed {
        try? object.use.exclusively("batch") { () throws(StoreError) in object.batch.abort() }
    }
}

/// NULL expects that there is no such root.
func expectation(_ expected: UnsafePointer<ips_cid>?) throws(StoreError) -> RootExpectation {
    guard let expected else { return .absent }
    return .cid(try CAPI.cid(expected))
}
