import IpldEngine
import MonoFS

/// What the command's references named when they were resolved. It can be read until the command ends,
/// whoever removes it; where it has to be kept, and is not any more, that is told from what is lost.
enum ResolvedTrees {
    nonisolated(unsafe) private static var leases: [(store: ContentStore, lease: SnapshotLease)] = []
    nonisolated(unsafe) private static var kept: [(reference: String, cid: CID, files: FileSystem)] = []

    static func resolve(_ reference: String, in files: FileSystem) throws(StoreError) -> CID {
        // Before it is looked up.
        if !leases.contains(where: { $0.store === files.store }) {
            leases.append((files.store, try SnapshotLease(files.store)))
        }
        let cid = try files.resolve(reference)
        if (try? files.isKept(cid)) == true { kept.append((reference, cid, files)) }
        return cid
    }

    /// A reference that named what nothing keeps any more.
    static var removed: String? { kept.first { (try? $0.files.isKept($0.cid)) == false }?.reference }

    static func forget() { (leases, kept) = ([], []) }
}
