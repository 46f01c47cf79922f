/// Collection, usage and counters.
import CIpldStore
import IpldEngine

@c @implementation
public func ips_store_gc(
    _ store: OpaquePointer?, _ budget: UInt64, _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ report: UnsafeMutablePointer<ips_gc_report>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let store = try CAPI.store(store)
        result.set(
            ips_gc_report(
                try store.gc(
                    budget: nanoseconds(budget), progress: progressClosure(progress, context, outcome))))
    }
}

@c @implementation
public func ips_store_gc_dry_run(
    _ store: OpaquePointer?, _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ usage: UnsafeMutablePointer<ips_usage>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(usage)
        let store = try CAPI.store(store)
        result.set(
            ips_usage(try store.gcDryRun(progress: progressClosure(progress, context, outcome))))
    }
}

@c @implementation
public func ips_store_usage(
    _ store: OpaquePointer?, _ names: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int,
    _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ usage: UnsafeMutablePointer<ips_usage>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(usage)
        let store = try CAPI.store(store)
        result.set(
            ips_usage(
                try store.usage(
                    of: try CAPI.names(names, count), progress: progressClosure(progress, context, outcome))))
    }
}

/// `count` names. More than any store has are not believed.
private func names(_ pointer: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int) throws(StoreError)
    -> [String]
{
    if count == 0 { return [] }
    guard let pointer, UInt(bitPattern: pointer) % 8 == 0, (1...(1 << 24)).contains(count) else {
        throw StoreError(.invalid, "the names are NULL, not aligned, or impossibly many")
    }
    var names: [String] = []
    for position in 0..<count { names.append(try name(pointer[position])) }
    return names
}

@c @implementation
public func ips_store_stat(
    _ store: OpaquePointer?, _ stat: UnsafeMutablePointer<ips_stat>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try GrowingOutput(stat)
        let counters = try CAPI.store(store).stat()
        var value = ips_stat()
        value.blocks = counters.blocks
        value.raw_bytes = counters.rawBytes
        value.stored_bytes = counters.storedBytes
        value.dead_blocks = counters.deadBlocks
        value.dead_bytes = counters.deadBytes
        value.set_aside_blocks = counters.setAsideBlocks
        value.roots = counters.roots
        value.holds = counters.holds
        value.leases = counters.leases
        value.packs = counters.packs
        value.index_bytes = counters.indexBytes
        value.epoch = counters.epoch
        result.set(value)
    }
}

extension ips_gc_report {
    init(_ report: CollectionReport) {
        self.init()
        is_complete = report.isComplete ? 1 : 0
        blocks = report.blocks
        stored_bytes = report.storedBytes
        remaining = report.remaining
        reclaimed_bytes = report.reclaimedBytes
        packs = report.packs
    }
}

extension ips_usage {
    init(_ usage: Usage) {
        self.init()
        logical_bytes = usage.logicalBytes
        exclusive_blocks = usage.exclusiveBlocks
        exclusive_bytes = usage.exclusiveBytes
        shared_bytes = usage.sharedBytes
    }
}
