/// Differences and merges of trees.
import CIpldStore
import IpldEngine
import MonoFS

@c @implementation
public func ips_fs_diff(
    _ store: OpaquePointer?, _ old: UnsafePointer<ips_cid>?, _ new: UnsafePointer<ips_cid>?,
    _ flags: UInt32, _ differences: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(differences, "differences")
        result.pointee = nil
        let renames = UInt32(IPS_FS_RENAMES)
        let includesTombstones = try isAll(flags & ~renames)
        let files = try fileSystem(store)
        let (old, new) = (try cid(old), try cid(new))
        let sequence: DifferenceSequence
        if flags & renames != 0 {
            let diff = try files.diffWithRenames(
                from: old, to: new, includingTombstones: includesTombstones)
            sequence = DifferenceSequence { () throws(StoreError) in try diff.next() }
        } else {
            let diff = try files.diff(from: old, to: new, includingTombstones: includesTombstones)
            sequence = DifferenceSequence { () throws(StoreError) in try diff.next() }
        }
        result.pointee = try HandleTable.ofThisProcess().insert(
            .iterator(IteratorObject(.differences(sequence))))
    }
}

@c @implementation
public func ips_iter_next_difference(
    _ iterator: OpaquePointer?, _ kind: UnsafeMutablePointer<Int32>?,
    _ aspects: UnsafeMutablePointer<UInt32>?,
    _ path: UnsafeMutableRawPointer?, _ capacity: Int, _ length: UnsafeMutablePointer<Int>?,
    _ oldPath: UnsafeMutableRawPointer?, _ oldCapacity: Int, _ oldLength: UnsafeMutablePointer<Int>?,
    _ oldEntry: UnsafeMutablePointer<ips_fs_entry>?, _ newEntry: UnsafeMutablePointer<ips_fs_entry>?,
    _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let kindPlace = try output(kind, "kind")
        let aspectsPlace = try optionalOutput(aspects, "aspects")
        let (room, oldRoom) = (try CAPI.room(path, capacity), try CAPI.room(oldPath, oldCapacity))
        let length = try output(length, "length")
        let oldLength = try optionalOutput(oldLength, "old_length")
        let old = try GrowingOutput(oldEntry, nullAllowed: true)
        let new = try GrowingOutput(newEntry, nullAllowed: true)
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .differences(let differences) = object.sequence else {
                throw StoreError(.invalid, "the iterator is not over differences of trees")
            }
            return try differences.next { (change) throws(StoreError) in
                let oldBytes = change.oldPath?.bytes ?? []
                // Both lengths are reported before either is found not to fit.
                length.pointee = change.path.bytes.count
                oldLength?.pointee = oldBytes.count
                if oldLength != nil, oldRoom.count < oldBytes.count {
                    throw StoreError(.bufferTooSmall, "the old path has \(oldBytes.count) bytes")
                }
                try deliver(change.path.bytes, to: room, length)
                if oldLength != nil { try deliver(oldBytes, to: oldRoom, oldLength) }
                kindPlace.pointee = number(of: change.kind)
                aspectsPlace?.pointee = UInt32(change.aspects.rawValue)
                old.set(change.old.map { ips_fs_entry($0) } ?? ips_fs_entry())
                new.set(change.new.map { ips_fs_entry($0) } ?? ips_fs_entry())
            }
        }
    }
}

private func number(of kind: TreeChange.Kind) -> Int32 {
    switch kind {
    case .added: Int32(IPS_FS_ADDED)
    case .removed: Int32(IPS_FS_REMOVED)
    case .modified: Int32(IPS_FS_MODIFIED)
    case .renamed: Int32(IPS_FS_RENAMED)
    case .tombstone: Int32(IPS_FS_TOMBSTONE_DIFFERS)
    }
}

@c @implementation
public func ips_fs_merge(
    _ store: OpaquePointer?, _ branch: UnsafePointer<CChar>?, _ theirs: UnsafePointer<ips_cid>?,
    _ policy: Int32, _ message: UnsafePointer<CChar>?, _ author: UnsafePointer<CChar>?,
    _ outcome: UnsafeMutablePointer<Int32>?, _ version: UnsafeMutablePointer<ips_cid>?,
    _ conflicts: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let outcome = try optionalOutput(outcome, "outcome")
        let version = try optionalOutput(version, "version")
        let list = try optionalOutput(conflicts, "conflicts")
        list?.pointee = nil
        func deliver(_ number: Int, _ cid: CID) {
            outcome?.pointee = Int32(number)
            version?.pointee = ips_cid(cid)
        }
        func deliver(_ found: [MergeConflict]) throws(StoreError) {
            guard let list else { return }
            var rest = found[...]
            let sequence = ConflictSequence { () throws(StoreError) in rest.popFirst() }
            list.pointee = try HandleTable.ofThisProcess().insert(
                .iterator(IteratorObject(.conflicts(sequence))))
        }
        let result = try fileSystem(store).merge(
            try cid(theirs), into: try name(branch, "branch"), policy: try mergePolicy(policy),
            message: try optionalText(message, "message"), author: try optionalText(author, "author"))
        switch result {
        case .upToDate(let cid):
            deliver(IPS_FS_UP_TO_DATE, cid)
            try deliver([])
        case .fastForward(let cid):
            deliver(IPS_FS_FAST_FORWARD, cid)
            try deliver([])
        case .merged(let cid, let found):
            deliver(IPS_FS_MERGED, cid)
            try deliver(found)
        case .conflicts(let found):
            try deliver(found)
            throw StoreError(.conflict, "there are conflicts that nobody has decided: \(found.count)")
        }
    }
}

private func mergePolicy(_ number: Int32) throws(StoreError) -> MergePolicy {
    switch Int(number) {
    case Int(IPS_FS_REPORT): return .report
    case Int(IPS_FS_OURS): return .ours
    case Int(IPS_FS_THEIRS): return .theirs
    case Int(IPS_FS_NEWEST): return .newest
    case Int(IPS_FS_BOTH): return .both(suffix: "theirs")
    default: throw StoreError(.unsupported, "there is no policy \(number)")
    }
}

@c @implementation
public func ips_iter_next_conflict(
    _ iterator: OpaquePointer?, _ kind: UnsafeMutablePointer<Int32>?,
    _ resolution: UnsafeMutablePointer<Int32>?, _ path: UnsafeMutableRawPointer?, _ capacity: Int,
    _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let kindPlace = try output(kind, "kind")
        let resolutionPlace = try optionalOutput(resolution, "resolution")
        let room = try CAPI.room(path, capacity)
        let length = try output(length, "length")
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .conflicts(let conflicts) = object.sequence else {
                throw StoreError(.invalid, "the iterator is not over conflicts")
            }
            return try conflicts.next { (conflict) throws(StoreError) in
                try deliver(conflict.path.bytes, to: room, length)
                kindPlace.pointee = number(of: conflict.kind)
                resolutionPlace?.pointee = number(of: conflict.resolution)
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
