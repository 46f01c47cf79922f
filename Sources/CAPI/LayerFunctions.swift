/// Layers, copies, healing, and stores in memory.
import CIpldStore
import Glibc
import IpldEngine

/// `count` texts ended by NUL, each a path.
private func paths(_ pointer: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int) throws(StoreError)
    -> [String]
{
    guard (1...16).contains(count), let pointer else {
        throw StoreError(.invalid, "there are 1 to 16 bases, and their paths are not NULL")
    }
    guard UInt(bitPattern: pointer) % 8 == 0 else { throw StoreError(.invalid, "the paths are not aligned") }
    var paths: [String] = []
    for position in 0..<count { paths.append(try CAPI.path(pointer[position])) }
    return paths
}

/// `count` handles.
private func stores(_ pointer: UnsafePointer<OpaquePointer?>?, _ count: Int) throws(StoreError)
    -> [ContentStore]
{
    if count == 0 { return [] }
    guard (1...16).contains(count), let pointer else {
        throw StoreError(.invalid, "there are up to 16 stores, and they are not NULL")
    }
    guard UInt(bitPattern: pointer) % 8 == 0 else { throw StoreError(.invalid, "the stores are not aligned") }
    var stores: [ContentStore] = []
    for position in 0..<count { stores.append(try CAPI.store(pointer[position])) }
    return stores
}

@c @implementation
public func ips_store_create_layer(
    _ path: UnsafePointer<CChar>?, _ bases: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int,
    _ options: UnsafePointer<ips_create_options>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let path = try CAPI.path(path)
        let bases = try paths(bases, count)
        let options = try growingInput(options)
        var configuration: StoreConfiguration?
        if let options { configuration = try options.configuration() }
        try LayeredStore.create(at: path, over: bases, configuration: configuration)
    }
}

@c @implementation
public func ips_store_create_memory(
    _ bases: UnsafePointer<OpaquePointer?>?, _ count: Int, _ options: UnsafePointer<ips_create_options>?,
    _ owner: UnsafePointer<CChar>?, _ store: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(store, "store")
        result.pointee = nil
        let bases = try stores(bases, count)
        var configuration: StoreConfiguration?
        if var options = try growingInput(options) {
            options.kind = UInt32(IPS_KIND_LMDB)
            configuration = try options.configuration()
        }
        let made = try MemoryStore(
            over: bases, configuration: configuration,
            owner: try CAPI.owner(owner) ?? ContentStore.defaultOwner)
        result.pointee = try HandleTable.ofThisProcess().insert(.store(made))
    }
}

@c @implementation
public func ips_store_copy(
    _ store: OpaquePointer?, _ from: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?,
    _ root: UnsafePointer<CChar>?, _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ report: UnsafeMutablePointer<ips_copy_report>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let cid = try CAPI.cid(cid)
        var name: String?
        if let root { name = try rootName(root) }
        let done = try CAPI.store(store).copy(
            cid, from: try CAPI.store(from), asRoot: name,
            progress: progressClosure(progress, context, outcome))
        result.set(ips_copy_report(done))
    }
}

@c @implementation
public func ips_store_flatten(
    _ path: UnsafePointer<CChar>?, _ flags: UInt32, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ report: UnsafeMutablePointer<ips_copy_report>?,
    _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let path = try CAPI.path(path)
        guard flags & ~UInt32(IPS_FLATTEN_KEEP_GOING) == 0 else {
            throw StoreError(.unsupported, "a flag that this version does not know")
        }
        let done = try ContentStore.flatten(
            at: path, keepingGoing: flags != 0, progress: progressClosure(progress, context, outcome))
        result.set(ips_copy_report(done))
    }
}

extension ips_copy_report {
    init(_ report: CopyReport) {
        self.init()
        visited = report.visited
        blocks = report.blocks
        bytes = report.bytes
    }
}

@c @implementation
public func ips_store_heal(
    _ store: OpaquePointer?, _ donors: UnsafePointer<OpaquePointer?>?, _ count: Int,
    _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ report: UnsafeMutablePointer<ips_heal_report>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let donors = try stores(donors, count)
        let done = try CAPI.store(store).heal(
            from: donors, progress: progressClosure(progress, context, outcome))
        result.set(ips_heal_report(done))
    }
}

@c @implementation
public func ips_store_repair_from(
    _ path: UnsafePointer<CChar>?, _ donors: UnsafePointer<OpaquePointer?>?, _ count: Int,
    _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ report: UnsafeMutablePointer<ips_repair_report>?, _ healing: UnsafeMutablePointer<ips_heal_report>?,
    _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let healed = try GrowingOutput(healing, nullAllowed: true)
        let path = try CAPI.path(path)
        let donors = try stores(donors, count)
        var total: UInt64 = 0
        let closure = progressClosure(progress, context, outcome)
        let done = try ContentStore.repair(at: path, keepingNames: true) { (count) throws(StoreError) in
            total = count
            if let closure { try closure(count) }
        }
        let before = total
        let healing = try ContentStore.open(at: path).heal(from: donors) { (count) throws(StoreError) in
            // Never less than before.
            if let closure { try closure(before + count) }
        }
        result.set(ips_repair_report(done))
        healed.set(ips_heal_report(healing))
    }
}

extension ips_heal_report {
    fileprivate init(_ report: HealReport) {
        self.init()
        healed = report.healed
        missing = report.missing
    }
}

@c @implementation
public func ips_root_find(
    _ store: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ cid: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        let name = try CAPI.name(name)
        guard let found = try CAPI.store(store).rootHereOrBelow(name) else {
            throw StoreError(.notFound, "there is no root \(name)")
        }
        result.pointee = ips_cid(found)
    }
}

// MARK: - Bases and forks

@c @implementation
public func ips_store_bases(
    _ path: UnsafePointer<CChar>?, _ bases: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(bases, "bases")
        result.pointee = nil
        let found = try ContentStore.recordedBases(at: try CAPI.path(path))
        let iterator = IteratorObject(.bases(found.makeIterator()))
        result.pointee = try HandleTable.ofThisProcess().insert(.iterator(iterator))
    }
}

@c @implementation
public func ips_iter_next_base(
    _ iterator: OpaquePointer?, _ base: UnsafeMutablePointer<ips_base>?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let result = try output(base, "base")
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .bases(var bases) = object.sequence else { throw otherKind("bases") }
            let next = bases.next()
            object.sequence = .bases(bases)
            guard let next else { return false }
            withUnsafeMutableBytes(of: &result.pointee.identity) { writeText(next.identity, to: $0) }
            withUnsafeMutableBytes(of: &result.pointee.path) { writeText(next.path, to: $0) }
            return true
        }
    }
}

@c @implementation
public func ips_store_add_base(
    _ path: UnsafePointer<CChar>?, _ base: UnsafePointer<CChar>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        try ContentStore.addBase(at: try CAPI.path(path), try CAPI.path(base))
    }
}

@c @implementation
public func ips_store_set_base(
    _ path: UnsafePointer<CChar>?, _ was: UnsafePointer<CChar>?, _ isNow: UnsafePointer<CChar>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        try ContentStore.setBase(at: try CAPI.path(path), try CAPI.path(was), to: try CAPI.path(isNow))
    }
}

@c @implementation
public func ips_store_seal(_ store: OpaquePointer?, _ error: ErrorPointer?) -> ips_status {
    call(error) { () throws(StoreError) in try CAPI.store(store).seal() }
}

@c @implementation
public func ips_store_forks(
    _ store: OpaquePointer?, _ forks: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(forks, "forks")
        result.pointee = nil
        let found = try CAPI.store(store).forks()
        let iterator = IteratorObject(.forks(found.makeIterator()))
        result.pointee = try HandleTable.ofThisProcess().insert(.iterator(iterator))
    }
}

@c @implementation
public func ips_iter_next_fork(
    _ iterator: OpaquePointer?, _ fork: UnsafeMutablePointer<ips_fork>?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let result = try output(fork, "fork")
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .forks(var forks) = object.sequence else { throw otherKind("forks") }
            let next = forks.next()
            object.sequence = .forks(forks)
            guard let next else { return false }
            withUnsafeMutableBytes(of: &result.pointee.identity) { writeText(next.identity, to: $0) }
            withUnsafeMutableBytes(of: &result.pointee.path) { writeText(next.path ?? "", to: $0) }
            result.pointee.state = next.state.number
            result.pointee.reserved = 0
            result.pointee.holds = next.holds
            return true
        }
    }
}

extension ForkInformation.State {
    /// The number in C.
    var number: Int32 {
        switch self {
        case .present: Int32(IPS_FORK_PRESENT)
        case .gone: Int32(IPS_FORK_GONE)
        case .external: Int32(IPS_FORK_EXTERNAL)
        case .unknown: Int32(IPS_FORK_UNKNOWN)
        }
    }
}

@c @implementation
public func ips_store_forget_fork(
    _ store: OpaquePointer?, _ identity: UnsafePointer<CChar>?, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let identity = try CAPI.text(identity, "identity", limit: 64)
        try CAPI.store(store).forgetFork(identity, progress: progressClosure(progress, context, outcome))
    }
}
