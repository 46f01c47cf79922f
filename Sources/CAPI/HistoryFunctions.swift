/// Branches, tags and versions.
import CIpldStore
import IpldEngine
import MonoFS

func fileSystem(_ store: OpaquePointer?) throws(StoreError) -> FileSystem {
    FileSystem(try CAPI.store(store))
}

@c @implementation
public func ips_fs_branch_get(
    _ store: OpaquePointer?, _ branch: UnsafePointer<CChar>?, _ version: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(version, "version")
        let name = try CAPI.name(branch, "branch")
        guard let cid = try fileSystem(store).branch(name) else {
            throw StoreError(.notFound, "there is no branch \(name)")
        }
        result.pointee = ips_cid(cid)
    }
}

@c @implementation
public func ips_fs_fork(
    _ store: OpaquePointer?, _ version: UnsafePointer<ips_cid>?, _ branch: UnsafePointer<CChar>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        try fileSystem(store).fork(try name(branch, "branch"), at: try cid(version))
    }
}

@c @implementation
public func ips_fs_branch_delete(
    _ store: OpaquePointer?, _ branch: UnsafePointer<CChar>?, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        try fileSystem(store).removeBranch(
            try name(branch, "branch"), progress: progressClosure(progress, context, outcome))
    }
}

@c @implementation
public func ips_fs_branch_usage(
    _ store: OpaquePointer?, _ branch: UnsafePointer<CChar>?, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ usage: UnsafeMutablePointer<ips_usage>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(usage)
        let found = try fileSystem(store).usage(
            ofBranch: try name(branch, "branch"), progress: progressClosure(progress, context, outcome))
        result.set(ips_usage(found))
    }
}

@c @implementation
public func ips_fs_branch_copy(
    _ store: OpaquePointer?, _ from: OpaquePointer?, _ version: UnsafePointer<ips_cid>?,
    _ branch: UnsafePointer<CChar>?, _ limit: UInt64, _ force: Bool, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ versions: UnsafeMutablePointer<UInt64>?,
    _ report: UnsafeMutablePointer<ips_copy_report>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let count = try optionalOutput(versions, "versions")
        let result = try GrowingOutput(report, nullAllowed: true)
        let done = try fileSystem(store).copyVersion(
            try cid(version), from: try fileSystem(from), toBranch: try name(branch, "branch"),
            limit: limit == 0 ? .max : Int(clamping: limit), force: force,
            progress: progressClosure(progress, context, outcome))
        count?.pointee = done.versions
        result.set(ips_copy_report(done.blocks))
    }
}

@c @implementation
public func ips_fs_tag_copy(
    _ store: OpaquePointer?, _ from: OpaquePointer?, _ version: UnsafePointer<ips_cid>?,
    _ tag: UnsafePointer<CChar>?, _ move: Bool, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ report: UnsafeMutablePointer<ips_copy_report>?,
    _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let done = try fileSystem(store).copyVersion(
            try cid(version), from: try fileSystem(from), toTag: try name(tag, "tag"), moving: move,
            progress: progressClosure(progress, context, outcome))
        result.set(ips_copy_report(done.blocks))
    }
}

@c @implementation
public func ips_fs_tag_set(
    _ store: OpaquePointer?, _ tag: UnsafePointer<CChar>?, _ version: UnsafePointer<ips_cid>?, _ move: Bool,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        try fileSystem(store).setTag(try name(tag, "tag"), to: try cid(version), moving: move)
    }
}

@c @implementation
public func ips_fs_tag_get(
    _ store: OpaquePointer?, _ tag: UnsafePointer<CChar>?, _ version: UnsafeMutablePointer<ips_cid>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(version, "version")
        let name = try CAPI.name(tag, "tag")
        guard let cid = try fileSystem(store).tag(name) else {
            throw StoreError(.notFound, "there is no tag \(name)")
        }
        result.pointee = ips_cid(cid)
    }
}

@c @implementation
public func ips_fs_tag_delete(
    _ store: OpaquePointer?, _ tag: UnsafePointer<CChar>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in try fileSystem(store).removeTag(try name(tag, "tag")) }
}

@c @implementation
public func ips_fs_version_get(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ version: UnsafeMutablePointer<ips_fs_version>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try GrowingOutput(version)
        result.set(ips_fs_version(try fileSystem(store).version(try CAPI.cid(cid))))
    }
}

@c @implementation
public func ips_fs_version_previous(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?,
    _ previous: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(previous, "previous")
        result.pointee = nil
        let version = try fileSystem(store).version(try CAPI.cid(cid))
        result.pointee = try HandleTable.ofThisProcess().insert(
            .iterator(IteratorObject(.cids(version.previous.makeIterator()))))
    }
}

@c @implementation
public func ips_fs_history(
    _ store: OpaquePointer?, _ version: UnsafePointer<ips_cid>?, _ path: UnsafePointer<ips_bytes>?,
    _ versions: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(versions, "versions")
        result.pointee = nil
        let start = try cid(version)
        let files = try fileSystem(store)
        let sequence: VersionSequence
        if let path {
            let history = try files.history(of: try treePath(path.pointee), from: start)
            sequence = VersionSequence(stoppable: { (progress) throws(StoreError) in
                guard let next = try history.next(progress: progress) else { return nil }
                return (next.cid, next.version)
            })
        } else {
            let history = try files.history(from: start)
            sequence = VersionSequence { () throws(StoreError) in try history.next() }
        }
        result.pointee = try HandleTable.ofThisProcess().insert(
            .iterator(IteratorObject(.versions(sequence))))
    }
}

@c @implementation
public func ips_iter_next_version(
    _ iterator: OpaquePointer?, _ cid: UnsafeMutablePointer<ips_cid>?,
    _ version: UnsafeMutablePointer<ips_fs_version>?, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { (outcome) throws(StoreError) in
        let place = try output(cid, "cid")
        let result = try GrowingOutput(version, nullAllowed: true)
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .versions(let versions) = object.sequence else {
                throw StoreError(.invalid, "the iterator is not over versions")
            }
            let progress = progressClosure(progress, context, outcome)
            return try versions.next(progress: progress) { (next) in
                place.pointee = ips_cid(next.cid)
                result.set(ips_fs_version(next.version))
            }
        }
    }
}

@c @implementation
public func ips_fs_prune(
    _ store: OpaquePointer?, _ branch: UnsafePointer<CChar>?, _ keepLast: UInt64, _ keepSince: Int64,
    _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ dropped: UnsafeMutablePointer<UInt64>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try optionalOutput(dropped, "dropped")
        let rules = RetentionRules(
            last: Int(clamping: keepLast),
            since: keepSince == .max ? nil : Timestamp(seconds: keepSince))
        let report = try fileSystem(store).prune(
            try name(branch, "branch"), rules, progress: progressClosure(progress, context, outcome))
        result?.pointee = UInt64(report.dropped.count)
    }
}

@c @implementation
public func ips_fs_drop_tombstones(
    _ store: OpaquePointer?, _ branch: UnsafePointer<CChar>?, _ before: Int64, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ dropped: UnsafeMutablePointer<UInt64>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try optionalOutput(dropped, "dropped")
        let time = Timestamp(seconds: before) ?? .zero
        let report = try fileSystem(store).compactTombstones(
            try name(branch, "branch"), before: time,
            progress: progressClosure(progress, context, outcome))
        result?.pointee = report.dropped
    }
}
