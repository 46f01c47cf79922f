/// Verification and repair.
import CIpldStore
import IpldEngine
import MonoFS

@c @implementation
public func ips_store_verify(
    _ store: OpaquePointer?, _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ report: UnsafeMutablePointer<ips_verify_report>?, _ problems: UnsafeMutablePointer<OpaquePointer?>?,
    _ missing: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let list = try optionalOutput(problems, "problems")
        let others = try optionalOutput(missing, "missing")
        list?.pointee = nil
        others?.pointee = nil
        let found = try FileSystem(try CAPI.store(store)).verify(
            progress: progressClosure(progress, context, outcome))
        var value = ips_verify_report()
        value.blocks = found.blocks
        value.raw_bytes = found.rawBytes
        value.problems = found.problemCount
        value.missing_links = found.missingLinks
        value.missing_blocks = found.missingBlockCount
        let table = try HandleTable.ofThisProcess()
        if let list {
            let iterator = IteratorObject(.problems(found.problems.makeIterator()))
            list.pointee = try table.insert(.iterator(iterator))
        }
        if let others {
            let iterator = IteratorObject(.cids(found.missingBlocks.makeIterator()))
            others.pointee = try table.insert(.iterator(iterator))
        }
        result.set(value)
    }
}

@c @implementation
public func ips_store_repair(
    _ path: UnsafePointer<CChar>?, _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ report: UnsafeMutablePointer<ips_repair_report>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let path = try CAPI.path(path)
        let done = try ContentStore.repair(at: path, progress: progressClosure(progress, context, outcome))
        result.set(ips_repair_report(done))
    }
}

extension ips_repair_report {
    init(_ done: RepairReport) {
        self.init()
        blocks = done.blocks
        damaged_records = done.damagedRecords
        roots = done.roots
        holds = done.holds
        lost_names = done.lostNames
        missing_blocks = done.missingBlocks
        recovered_roots = done.recoveredRoots
    }
}
