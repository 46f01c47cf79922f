/// Copies into a store while they are under way, and what is kept of those that came to no end.
///
/// What always holds:
/// - What a copy has stored is held, a step at a time, by the owner `copy:CID` of the first thing that it
///   copies, so that the next one finds it.
/// - Who copies has a lock that dies with its process. What is kept of copies that died, or were stopped,
///   goes with the next one that is whole, whatever that copies; not while another one is under way, here or
///   in another process, since that may find there what it would have to copy again.
/// - Where two copies have one owner, each has counts of its own, and drops no others while both go on.
package final class Copying {
    private let store: ContentStore
    private let owner: String
    /// What this copy holds of itself, once each.
    private var parts: Set<CID> = []
    private var isUnderWay: Bool

    /// `first`: the first thing that is copied, where this one copies itself. Where it does not, it keeps
    /// what is there of unfinished copies until several are whole.
    init(into store: ContentStore, first: CID? = nil) throws(StoreError) {
        self.store = store
        owner = Self.ownerPrefix + (first?.description ?? "")
        try store.checkWritable()
        try store.core.leases?.beginCopying()
        isUnderWay = true
    }

    deinit { end() }

    /// Without more: what it holds is kept.
    func end() {
        guard isUnderWay else { return }
        isUnderWay = false
        store.core.leases?.endCopying()
    }

    /// Has a batch hold what is whole, and has no parent yet.
    func hold(_ roots: some Sequence<CID>, in batch: Batch) throws(StoreError) {
        for root in roots where parts.insert(root).inserted { try batch.hold(root, owner: owner) }
    }

    /// All that was to be copied is here, and has its names.
    ///
    /// A copy that found all of it there is no sign that another one was given up, which may stand behind it
    /// in a list that is gone through again: then only such parts go whose first thing is here.
    package func finish(_ report: CopyReport) throws(StoreError) {
        defer { end() }
        let core = store.core
        try dropParts(core)
        guard let leases = core.leases else { return }
        var owner = Self.ownerPrefix
        while try leases.isOnlyCopying() {
            let next = try core.read { (snapshot) throws(StoreError) in
                try snapshot.firstOwner(after: owner)
            }
            guard let next, next.utf8.starts(with: Self.ownerPrefix.utf8) else { return }
            owner = next
            // Of any other form it is somebody's own.
            guard let first = try? CID(parsing: String(next.dropFirst(Self.ownerPrefix.count)))
            else { continue }
            if report.blocks == 0, try !core.has(first) { continue }
            try core.releaseAll(of: [owner]) { () throws(StoreError) in try leases.isOnlyCopying() }
        }
    }

    private func dropParts(_ core: StoreCore) throws(StoreError) {
        var rest = Array(parts)[...]
        while !rest.isEmpty {
            try core.write(.releasing) { (transaction) throws(StoreError) in
                for cid in rest.prefix(4096) where try transaction.index.hold(owner, cid) > 0 {
                    try transaction.dereference(cid, owner: owner)
                }
            }
            rest = rest.dropFirst(4096)
        }
        if !parts.isEmpty { core.shortenJournal() }
        parts = []
    }

    private static let ownerPrefix = "copy:"
}

extension ContentStore {
    /// Begins with copies into this store that belong together: what is kept of unfinished ones stays until
    /// the last of them is whole and `finish` is called.
    package final func beginCopying() throws(StoreError) -> Copying { try Copying(into: self) }
}

extension StoreCore {
    /// Drops all holds of some owners, a bounded number a transaction, as long as that is allowed, which is
    /// asked in each transaction. `released` hears behind each how many went in it, and may throw to stop.
    func releaseAll(
        of owners: [String], while isAllowed: () throws(StoreError) -> Bool = { true },
        released: (Int) throws(StoreError) -> Void = { (_) in }
    ) throws(StoreError) {
        var isDone = false
        while !isDone {
            let holds = try read { (snapshot) throws(StoreError) in
                var holds: [Hold] = []
                for owner in owners where holds.count < 4096 {
                    try snapshot.scanHolds(owner: owner) { (hold) throws(StoreError) in
                        holds.append(hold)
                        return holds.count < 4096
                    }
                }
                return holds
            }
            guard !holds.isEmpty else { return }
            isDone = try write(.releasing) { (transaction) throws(StoreError) in
                guard try isAllowed() else { return true }
                for hold in holds { try transaction.release(hold) }
                return false
            }
            shortenJournal()
            if !isDone { try released(holds.count) }
        }
    }
}
