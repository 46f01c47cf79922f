/// A block's bytes, read once, checked, and kept in memory while this lives: what a caller may look at
/// without copying.
///
/// What always holds: the bytes never change and stay, whatever is deleted in the store meanwhile. The
/// memory is a reader's scratch space (up to 2 MiB, of which a small block touches little); it serves
/// another reader afterwards.
public final class PinnedBlock: @unchecked Sendable {
    private let store: ContentStore
    private let scratch: ReadScratch
    private let block: UnsafeRawBufferPointer

    fileprivate init(_ store: ContentStore, _ cid: CID) throws(StoreError) {
        let scratch = store.core.buffers.take()
        do throws(StoreError) {
            if cid.hash == .identity {
                try store.core.check()
                let room = scratch.block.mutablePrefix(Int(cid.digestLength))
                cid.withDigest { room.copyMemory(from: $0) }
                block = UnsafeRawBufferPointer(room)
            } else {
                block = try store.core.block(cid, scratch)
            }
        } catch {
            store.core.buffers.give(scratch)
            throw error
        }
        self.store = store
        self.scratch = scratch
    }

    deinit { store.core.buffers.give(scratch) }

    /// Valid while this lives, which the caller sees to.
    public var bytes: UnsafeRawBufferPointer { block }
}

extension ContentStore {
    /// Reads a block into memory that the result keeps. NOT_FOUND, CORRUPT, IO.
    public func pinnedBlock(_ cid: CID) throws(StoreError) -> PinnedBlock { try PinnedBlock(self, cid) }
}
