import CSystem

/// Remembers which process a handle belongs to. LMDB environments and locks do not survive fork,
/// and a child may have its parent's pid in another pid namespace, so the pid proves nothing.
struct ForkGuard: Sendable {
    private let generation: UInt32

    init() throws(StoreError) {
        var generation: UInt32 = 0
        guard ipsys_fork_guard_start(&generation) == 0 else {
            throw StoreError(.unsupported, "the kernel offers no pages that are wiped on fork (Linux 4.14)")
        }
        self.generation = generation
    }

    /// Whether this is still the process that opened the handle.
    var isOwner: Bool { ipsys_fork_generation() == generation }

    /// Throws FORKED in a child.
    func check() throws(StoreError) {
        guard isOwner else {
            throw StoreError(.forked, "this handle was inherited through fork: open the store again")
        }
    }
}
