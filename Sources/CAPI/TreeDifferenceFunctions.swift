/// Differences of trees.
import CIpldStore
import IpldEngine
import MonoFS

@c @implementation
public func ips_fs_diff(
    _ store: OpaquePointer?, _ old: UnsafePointer<ips_cid>?, _ new: UnsafePointer<ips_cid>?,
    _ flags: UInt32, _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ differences: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try output(differences, "differences")
        result.pointee = nil
        let renames = UInt32(IPS_FS_RENAMES)
        let includesTombstones = try isAll(flags & ~renames)
        let files = try fileSystem(store)
        let (old, new) = (try cid(old), try cid(new))
        let sequence: DifferenceSequence
        if flags & renames != 0 {
            let diff = try files.diffWithRenames(
                from: old, to: new, includingTombstones: includesTombstones,
                progress: progressClosure(progress, context, outcome))
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
        let paths = try PathPair(path, capacity, length, oldPath, oldCapacity, oldLength)
        let old = try GrowingOutput(oldEntry, nullAllowed: true)
        let new = try GrowingOutput(newEntry, nullAllowed: true)
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .differences(let differences) = object.sequence else {
                throw StoreError(.invalid, "the iterator is not over differences of trees")
            }
            return try differences.next { (change) throws(StoreError) in
                try paths.deliver(change.path, change.oldPath)
                kindPlace.pointee = number(of: change.kind)
                aspectsPlace?.pointee = UInt32(change.aspects.rawValue)
                old.set(ips_fs_entry(change.old))
                new.set(ips_fs_entry(change.new))
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
