/// Merges of versions, and their conflicts.
import CIpldStore
import IpldEngine
import MonoFS

@c @implementation
public func ips_fs_merge_options_init(
    _ options: UnsafeMutablePointer<ips_fs_merge_options>?, _ structSize: Int
) {
    setDefaults(options, structSize, ips_fs_merge_options())
}

@c @implementation
public func ips_fs_merge(
    _ store: OpaquePointer?, _ branch: UnsafePointer<CChar>?, _ theirs: UnsafePointer<ips_cid>?,
    _ options: UnsafePointer<ips_fs_merge_options>?, _ progress: ips_progress?, _ decide: ips_fs_decide?,
    _ context: UnsafeMutableRawPointer?, _ outcome: UnsafeMutablePointer<Int32>?,
    _ version: UnsafeMutablePointer<ips_cid>?, _ conflicts: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (answers) throws(StoreError) in
        let outcome = try optionalOutput(outcome, "outcome")
        let version = try optionalOutput(version, "version")
        let list = try optionalOutput(conflicts, "conflicts")
        list?.pointee = nil
        func deliver(_ number: Int, _ cid: CID, _ found: [MergeConflict] = []) throws(StoreError) {
            outcome?.pointee = Int32(number)
            version?.pointee = ips_cid(cid)
            list?.pointee = try iterator(over: found)
        }
        let options = try growingInput(options) ?? ips_fs_merge_options()
        guard options.flags & ~UInt32(IPS_FS_ALWAYS_VERSION) == 0 else {
            throw StoreError(.unsupported, "a flag that this version does not know")
        }
        let result = try fileSystem(store).merge(
            try cid(theirs), into: try name(branch, "branch"),
            policy: try policy(options, decide, context, answers),
            fastForward: options.flags & UInt32(IPS_FS_ALWAYS_VERSION) == 0,
            message: try optionalText(options.message, "message"),
            author: try optionalText(options.author, "author"),
            progress: progressClosure(progress, context, answers))
        switch result {
        case .upToDate(let cid): try deliver(IPS_FS_UP_TO_DATE, cid)
        case .fastForward(let cid): try deliver(IPS_FS_FAST_FORWARD, cid)
        case .merged(let cid, let found): try deliver(IPS_FS_MERGED, cid, found)
        case .conflicts(let found):
            list?.pointee = try iterator(over: found)
            throw StoreError(.conflict, "there are conflicts that nobody has decided: \(found.count)")
        }
    }
}

@c @implementation
public func ips_fs_merge_open(
    _ store: OpaquePointer?, _ ours: UnsafePointer<ips_cid>?, _ theirs: UnsafePointer<ips_cid>?,
    _ options: UnsafePointer<ips_fs_merge_options>?, _ progress: ips_progress?, _ decide: ips_fs_decide?,
    _ context: UnsafeMutableRawPointer?, _ fs: UnsafeMutablePointer<OpaquePointer?>?,
    _ conflicts: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (answers) throws(StoreError) in
        let result = try output(fs, "fs")
        let list = try optionalOutput(conflicts, "conflicts")
        result.pointee = nil
        list?.pointee = nil
        let options = try growingInput(options) ?? ips_fs_merge_options()
        let (workspace, found) = try fileSystem(store).merge(
            try cid(ours), try cid(theirs), policy: try policy(options, decide, context, answers),
            progress: progressClosure(progress, context, answers))
        let table = try HandleTable.ofThisProcess()
        list?.pointee = try iterator(over: found)
        result.pointee = try table.insert(.fileSystem(FileSystemObject(workspace)))
    }
}

private func iterator(over found: [MergeConflict]) throws(StoreError) -> OpaquePointer {
    var rest = found[...]
    let sequence = ConflictSequence { () throws(StoreError) in rest.popFirst() }
    return try HandleTable.ofThisProcess().insert(.iterator(IteratorObject(.conflicts(sequence))))
}

private func policy(
    _ options: ips_fs_merge_options, _ decide: ips_fs_decide?, _ context: UnsafeMutableRawPointer?,
    _ answers: CallbackOutcome
) throws(StoreError) -> MergePolicy {
    guard (Int(options.policy) == IPS_FS_ASK) == (decide != nil) else {
        throw StoreError(.invalid, "a callback decides with IPS_FS_ASK, and with no other policy")
    }
    let suffix = options.suffix == nil ? nil : try text(options.suffix, "suffix", limit: 128)
    switch Int(options.policy) {
    case Int(IPS_FS_REPORT): return .report
    case Int(IPS_FS_OURS): return .ours
    case Int(IPS_FS_THEIRS): return .theirs
    case Int(IPS_FS_NEWEST): return .newest
    case Int(IPS_FS_BOTH): return .both(suffix: suffix ?? MergePolicy.usualSuffix)
    case Int(IPS_FS_ASK):
        return .ask(suffix: suffix ?? MergePolicy.usualSuffix) { (conflict) throws(StoreError) in
            try ask(conflict, decide, context, answers)
        }
    default: throw StoreError(.unsupported, "there is no policy \(options.policy)")
    }
}

/// What the callback says of a conflict, which it sees in C's form.
private func ask(
    _ conflict: MergeConflict, _ decide: ips_fs_decide?, _ context: UnsafeMutableRawPointer?,
    _ answers: CallbackOutcome
) throws(StoreError) -> MergeConflict.Resolution {
    let entries = [conflict.base, conflict.ours, conflict.theirs].map { ips_fs_entry($0) }
    let (path, other) = (conflict.path.bytes, conflict.otherPath?.bytes ?? [])
    var resolution = Int32(IPS_FS_REPORT)
    let answer = path.withUnsafeBytes { path in
        other.withUnsafeBytes { other in
            entries.withUnsafeBufferPointer { entries in
                func place(_ position: Int) -> UnsafePointer<ips_fs_entry>? {
                    guard entries[position].kind != 0 else { return nil }
                    return entries.baseAddress.map { $0 + position }
                }
                var shown = ips_fs_conflict()
                (shown.kind, shown.fields) = (number(of: conflict.kind), UInt32(conflict.fields.rawValue))
                shown.path = ips_bytes(data: path.baseAddress, len: path.count)
                shown.other_path = ips_bytes(data: other.baseAddress, len: other.count)
                (shown.base, shown.ours, shown.theirs) = (place(0), place(1), place(2))
                return decide?(context, &shown, &resolution) ?? ips_status(IPS_CALLBACK)
            }
        }
    }
    try answers.check(answer, "decision")
    switch Int(resolution) {
    case Int(IPS_FS_REPORT): return .unresolved
    case Int(IPS_FS_OURS): return .ours
    case Int(IPS_FS_THEIRS): return .theirs
    case Int(IPS_FS_BOTH): return .both
    default:
        throw StoreError(.callback, "a callback decided a conflict with \(resolution), which means nothing")
    }
}

@c @implementation
public func ips_iter_next_conflict(
    _ iterator: OpaquePointer?, _ kind: UnsafeMutablePointer<Int32>?,
    _ resolution: UnsafeMutablePointer<Int32>?, _ fields: UnsafeMutablePointer<UInt32>?,
    _ path: UnsafeMutableRawPointer?, _ capacity: Int, _ length: UnsafeMutablePointer<Int>?,
    _ otherPath: UnsafeMutableRawPointer?, _ otherCapacity: Int, _ otherLength: UnsafeMutablePointer<Int>?,
    _ baseEntry: UnsafeMutablePointer<ips_fs_entry>?, _ ourEntry: UnsafeMutablePointer<ips_fs_entry>?,
    _ theirEntry: UnsafeMutablePointer<ips_fs_entry>?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let kindPlace = try output(kind, "kind")
        let resolutionPlace = try optionalOutput(resolution, "resolution")
        let fieldsPlace = try optionalOutput(fields, "fields")
        let paths = try PathPair(path, capacity, length, otherPath, otherCapacity, otherLength)
        let base = try GrowingOutput(baseEntry, nullAllowed: true)
        let ours = try GrowingOutput(ourEntry, nullAllowed: true)
        let theirs = try GrowingOutput(theirEntry, nullAllowed: true)
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .conflicts(let conflicts) = object.sequence else {
                throw StoreError(.invalid, "the iterator is not over conflicts")
            }
            return try conflicts.next { (conflict) throws(StoreError) in
                try paths.deliver(conflict.path, conflict.otherPath)
                kindPlace.pointee = number(of: conflict.kind)
                resolutionPlace?.pointee = number(of: conflict.resolution)
                fieldsPlace?.pointee = UInt32(conflict.fields.rawValue)
                base.set(ips_fs_entry(conflict.base))
                ours.set(ips_fs_entry(conflict.ours))
                theirs.set(ips_fs_entry(conflict.theirs))
            }
        }
    }
}

private func number(of kind: MergeConflict.Kind) -> Int32 {
    switch kind {
    case .bothModified: Int32(IPS_FS_BOTH_MODIFIED)
    case .modifiedDeleted: Int32(IPS_FS_MODIFIED_DELETED)
    case .bothAdded: Int32(IPS_FS_BOTH_ADDED)
    case .fileDirectory: Int32(IPS_FS_FILE_DIRECTORY)
    case .bothRenamed: Int32(IPS_FS_BOTH_RENAMED)
    case .directoryDeleted: Int32(IPS_FS_DIRECTORY_DELETED)
    case .raft: Int32(IPS_FS_NO_FAST_FORWARD)
    }
}

private func number(of resolution: MergeConflict.Resolution) -> Int32 {
    switch resolution {
    case .unresolved: Int32(IPS_FS_REPORT)
    case .ours: Int32(IPS_FS_OURS)
    case .theirs: Int32(IPS_FS_THEIRS)
    case .both: Int32(IPS_FS_BOTH)
    }
}
