/// Roots and holds.
import CIpldStore
import IpldEngine

@c @implementation
public func ips_root_get(
    _ store: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ cid: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let name = try CAPI.name(name)
        guard let found = try CAPI.store(store).root(name) else {
            throw StoreError(.notFound, "there is no root \(name)")
        }
        result.pointee = ips_cid(found)
    }
}

@c @implementation
public func ips_root_set(
    _ store: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ cid: UnsafePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let name = try rootName(name)
        let cid = try CAPI.cid(cid)
        try CAPI.store(store).setRoot(name, to: cid)
    }
}

@c @implementation
public func ips_root_swap(
    _ store: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ expected: UnsafePointer<ips_cid>?,
    _ cid: UnsafePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let name = try rootName(name)
        let cid = try CAPI.cid(cid)
        let expected = try expectation(expected)
        try CAPI.store(store).setRoot(name, to: cid, expecting: expected)
    }
}

@c @implementation
public func ips_root_delete(
    _ store: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ expected: UnsafePointer<ips_cid>?,
    _ budget: UInt64,
    _ report: UnsafeMutablePointer<ips_gc_report>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let name = try rootName(name)
        let expected: RootExpectation = if let expected { .cid(try CAPI.cid(expected)) } else { .anything }
        let done = try CAPI.store(store).removeRoot(name, expecting: expected, budget: nanoseconds(budget))
        result.set(ips_gc_report(done))
    }
}

@c @implementation
public func ips_root_list(
    _ store: OpaquePointer?, _ from: UnsafePointer<CChar>?, _ roots: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: ErrorPointer?
) -> ips_status {
    list(store, from, roots, error, ofBases: false)
}

@c @implementation
public func ips_root_list_base(
    _ store: OpaquePointer?, _ from: UnsafePointer<CChar>?, _ roots: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: ErrorPointer?
) -> ips_status {
    list(store, from, roots, error, ofBases: true)
}

private func list(
    _ store: OpaquePointer?, _ from: UnsafePointer<CChar>?, _ roots: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: ErrorPointer?, ofBases: Bool
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(roots, "roots")
        result.pointee = nil
        let start: String? = if let from { try CAPI.name(from) } else { nil }
        let pages = RootPages(try CAPI.store(store), from: start, ofBases: ofBases)
        result.pointee = try HandleTable.ofThisProcess().insert(.iterator(IteratorObject(.roots(pages))))
    }
}

// MARK: - Holds

@c @implementation
public func ips_store_retain(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ owner: UnsafePointer<CChar>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let cid = try CAPI.cid(cid)
        let owner = try CAPI.owner(owner)
        try CAPI.store(store).retain(cid, owner: owner)
    }
}

@c @implementation
public func ips_store_dereference(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ owner: UnsafePointer<CChar>?, _ budget: UInt64,
    _ report: UnsafeMutablePointer<ips_gc_report>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let cid = try CAPI.cid(cid)
        let owner = try CAPI.owner(owner)
        let done = try CAPI.store(store).dereference(cid, owner: owner, budget: nanoseconds(budget))
        result.set(ips_gc_report(done))
    }
}

@c @implementation
public func ips_store_holds(
    _ store: OpaquePointer?, _ owner: UnsafePointer<CChar>?, _ holds: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(holds, "holds")
        result.pointee = nil
        let owner = try CAPI.owner(owner)
        let iterator = IteratorObject(.holds(HoldPages(try CAPI.store(store), owner: owner)))
        result.pointee = try HandleTable.ofThisProcess().insert(.iterator(iterator))
    }
}
