/// Sequences, one element a call. Roots and holds are read a page at a time, so that memory is bounded and
/// no index transaction outlives a call.
import CIpldStore
import IpldEngine

/// What an iterator goes over. Used by one call at a time (`use`).
final class IteratorObject: @unchecked Sendable {
    enum Sequence {
        case cids(IndexingIterator<[CID]>)
        case problems(IndexingIterator<[VerifyReport.Problem]>)
        case roots(RootPages)
        case holds(HoldPages)
        case changes(FileDiff)
        case elements(NodeIterator)
        case bases(IndexingIterator<[BaseInformation]>)
        case forks(IndexingIterator<[ForkInformation]>)
        case entries(EntrySequence)
        case versions(VersionSequence)
        case differences(DifferenceSequence)
        case conflicts(ConflictSequence)
    }

    var sequence: Sequence
    let use = Use()

    init(_ sequence: Sequence) { self.sequence = sequence }
}

private let pageLength = 256

struct RootPages {
    private let store: ContentStore
    private let isOfBases: Bool
    private var start: String?
    private var page: ArraySlice<(name: String, cid: CID)> = []
    private var hasEnded = false

    init(_ store: ContentStore, from start: String?, ofBases: Bool = false) {
        self.store = store
        self.start = start
        isOfBases = ofBases
    }

    mutating func next() throws(StoreError) -> (name: String, cid: CID)? {
        if page.isEmpty, !hasEnded {
            let roots =
                isOfBases
                ? try store.rootsBelow(from: start, limit: pageLength)
                : try store.roots(from: start, limit: pageLength)
            hasEnded = roots.count < pageLength
            // Just behind the last one, in the order of bytes.
            start = roots.last.map { $0.name + "\0" } ?? start
            page = roots[...]
        }
        return page.popFirst()
    }
}

struct HoldPages {
    private let store: ContentStore
    private let owner: String?
    private var last: Hold?
    private var page: ArraySlice<Hold> = []
    private var hasEnded = false

    init(_ store: ContentStore, owner: String?) {
        self.store = store
        self.owner = owner
    }

    mutating func next() throws(StoreError) -> Hold? {
        if page.isEmpty, !hasEnded {
            let holds = try store.holds(owner: owner, after: last, limit: pageLength)
            hasEnded = holds.count < pageLength
            last = holds.last ?? last
            page = holds[...]
        }
        return page.popFirst()
    }
}

@c @implementation
public func ips_store_links(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ links: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(links, "links")
        result.pointee = nil
        let cid = try CAPI.cid(cid)
        let found = try CAPI.store(store).links(of: cid)
        let iterator = IteratorObject(.cids(found.makeIterator()))
        result.pointee = try HandleTable.ofThisProcess().insert(.iterator(iterator))
    }
}

@c @implementation
public func ips_iter_next_cid(
    _ iterator: OpaquePointer?, _ cid: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let result = try output(cid, "cid")
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .cids(var cids) = object.sequence else { throw otherKind("CIDs") }
            let next = cids.next()
            object.sequence = .cids(cids)
            if let next { result.pointee = ips_cid(next) }
            return next != nil
        }
    }
}

@c @implementation
public func ips_iter_next_root(
    _ iterator: OpaquePointer?, _ root: UnsafeMutablePointer<ips_root>?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let result = try output(root, "root")
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .roots(var pages) = object.sequence else { throw otherKind("roots") }
            let next = try pages.next()
            object.sequence = .roots(pages)
            guard let next else { return false }
            result.pointee.cid = ips_cid(next.cid)
            withUnsafeMutableBytes(of: &result.pointee.name) { writeText(next.name, to: $0) }
            return true
        }
    }
}

@c @implementation
public func ips_iter_next_hold(
    _ iterator: OpaquePointer?, _ hold: UnsafeMutablePointer<ips_hold>?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let result = try output(hold, "hold")
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .holds(var pages) = object.sequence else { throw otherKind("holds") }
            let next = try pages.next()
            object.sequence = .holds(pages)
            guard let next else { return false }
            result.pointee.cid = ips_cid(next.cid)
            result.pointee.count = next.count
            withUnsafeMutableBytes(of: &result.pointee.owner) { writeText(next.owner, to: $0) }
            return true
        }
    }
}

@c @implementation
public func ips_iter_next_problem(
    _ iterator: OpaquePointer?, _ problem: UnsafeMutablePointer<ips_problem>?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let result = try output(problem, "problem")
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .problems(var problems) = object.sequence else { throw otherKind("problems") }
            let next = problems.next()
            object.sequence = .problems(problems)
            guard let next else { return false }
            result.pointee.kind = next.kind.number
            result.pointee.has_cid = next.cid == nil ? 0 : 1
            result.pointee.cid = next.cid.map { ips_cid($0) } ?? ips_cid()
            withUnsafeMutableBytes(of: &result.pointee.message) { writeText(next.message, to: $0) }
            return true
        }
    }
}

@c @implementation
public func ips_store_diff(
    _ store: OpaquePointer?, _ from: UnsafePointer<ips_cid>?, _ to: UnsafePointer<ips_cid>?,
    _ changes: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(changes, "changes")
        result.pointee = nil
        let (old, new) = (try CAPI.cid(from), try CAPI.cid(to))
        let iterator = IteratorObject(.changes(try CAPI.store(store).diff(from: old, to: new)))
        result.pointee = try HandleTable.ofThisProcess().insert(.iterator(iterator))
    }
}

@c @implementation
public func ips_iter_next_change(
    _ iterator: OpaquePointer?, _ change: UnsafeMutablePointer<ips_change>?, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { (outcome) throws(StoreError) in
        let result = try output(change, "change")
        let next = try withIterator(iterator) { (object) throws(StoreError) in
            guard case .changes(let diff) = object.sequence else { throw otherKind("changes") }
            return try diff.next(progress: progressClosure(progress, context, outcome))
        }
        guard let next else { return false }
        result.pointee = ips_change(
            old_offset: next.old.lowerBound, old_length: UInt64(next.old.count),
            new_offset: next.new.lowerBound, new_length: UInt64(next.new.count))
        return true
    }
}

@c @implementation
public func ips_iter_close(_ iterator: OpaquePointer?) {
    _ = try? HandleTable.ofThisProcess().remove(iterator) { if case .iterator = $0 { true } else { false } }
}

func otherKind(_ wanted: String) -> StoreError {
    StoreError(.invalid, "this iterator does not go over \(wanted)")
}

extension VerifyReport.Problem.Kind {
    /// The number in C.
    var number: Int32 {
        switch self {
        case .damagedBlock: Int32(IPS_PROBLEM_DAMAGED_BLOCK)
        case .wrongCount: Int32(IPS_PROBLEM_WRONG_COUNT)
        case .wrongDeadQueue: Int32(IPS_PROBLEM_WRONG_DEAD_QUEUE)
        case .wrongAbsent: Int32(IPS_PROBLEM_WRONG_ABSENT)
        case .missingBlock: Int32(IPS_PROBLEM_MISSING_BLOCK)
        case .wrongSize: Int32(IPS_PROBLEM_WRONG_SIZE)
        case .wrongCounter: Int32(IPS_PROBLEM_WRONG_COUNTER)
        case .wrongPack: Int32(IPS_PROBLEM_WRONG_PACK)
        case .wrongJournal: Int32(IPS_PROBLEM_WRONG_JOURNAL)
        case .damagedIndex: Int32(IPS_PROBLEM_DAMAGED_INDEX)
        case .unknownLeaseTable: Int32(IPS_PROBLEM_UNKNOWN_LEASE_TABLE)
        case .wrongLoan: Int32(IPS_PROBLEM_WRONG_LOAN)
        case .surplusHold: Int32(IPS_PROBLEM_SURPLUS_HOLD)
        }
    }
}
