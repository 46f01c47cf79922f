/// Keeps readable, while it lives, what was not deleted when it was made. A store that is only read gives
/// none, and nothing is promised.
package final class SnapshotLease: @unchecked Sendable {
    private let store: ContentStore
    private let lease: Lease?

    package init(_ store: ContentStore) throws(StoreError) {
        self.store = store
        lease = try store.core.lease()
    }

    deinit { if store.core.isOwner { lease?.release() } }
}
