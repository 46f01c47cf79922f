/// Which batches and readers live, and since which epoch.
protocol LeaseRegistry: Sendable {
    /// Publishes a lease: `snapshotEpoch` begins a snapshot and gives its epoch, after the slot is zero. What
    /// died up to that epoch may be collected at any time; what dies later may not.
    func acquire(_ snapshotEpoch: () throws(StoreError) -> UInt64) throws(StoreError) -> (
        slot: Int, epoch: UInt64
    )
    func release(_ slot: Int)

    /// What collection must spare: what died after the oldest lease. Called inside a write transaction. Nil:
    /// nothing may be collected, because these are not the leases that the index knows.
    func horizon(known: UInt64) throws(StoreError) -> UInt64?

    /// Leases that live now.
    func count() throws(StoreError) -> Int

    /// Who copies into the store is known to all others for so long.
    func beginCopying() throws(StoreError)
    func endCopying()
    /// Whether nobody else copies into it, here or in another process; asked by who does.
    func isOnlyCopying() throws(StoreError) -> Bool
    func close()
}

extension LeaseTable: LeaseRegistry {}

/// The leases of a store that no other process can see.
final class MemoryLeases: LeaseRegistry {
    private let slots = Lock<(epochs: [Int: UInt64], next: Int)>(([:], 0))

    func acquire(_ snapshotEpoch: () throws(StoreError) -> UInt64) throws(StoreError) -> (
        slot: Int, epoch: UInt64
    ) {
        let slot = slots.withLock { slots in
            slots.next += 1
            slots.epochs[slots.next] = 0
            return slots.next
        }
        do {
            let epoch = try snapshotEpoch()
            slots.withLock { $0.epochs[slot] = epoch }
            return (slot, epoch)
        } catch {
            release(slot)
            throw error
        }
    }

    func release(_ slot: Int) { slots.withLock { $0.epochs[slot] = nil } }
    func horizon(known: UInt64) -> UInt64? { slots.withLock { $0.epochs.values.min() ?? .max } }
    func count() -> Int { slots.withLock { $0.epochs.count } }

    private let copying = Lock(0)
    func beginCopying() { copying.withLock { $0 += 1 } }
    func endCopying() { copying.withLock { $0 -= 1 } }
    func isOnlyCopying() -> Bool { copying.withLock { $0 == 1 } }
    func close() {}
}
