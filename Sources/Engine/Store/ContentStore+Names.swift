/// Roots and holds: what keeps blocks alive.
extension ContentStore {
    /// How long deletion reclaims before it returns, by default: a second, in nanoseconds.
    public static let defaultReclaimBudget: UInt64 = 1_000_000_000

    /// The CID a root points to, nil when there is none of that name.
    public func root(_ name: String) throws(StoreError) -> CID? {
        try StoreName.check(name, "a root's name")
        return try core.read { (snapshot) throws(StoreError) in try snapshot.root(name) }
    }

    /// Roots in order of name, at most `limit` from the first that is not less than `start`.
    public func roots(from start: String? = nil, limit: Int = .max) throws(StoreError) -> [(
        name: String, cid: CID
    )] {
        try core.roots(from: start, limit: limit)
    }

    /// Points a root at a block that is here. CONFLICT when it is not what is expected now.
    public func setRoot(_ name: String, to cid: CID, expecting expected: RootExpectation = .anything)
        throws(StoreError)
    {
        try StoreName.checkRoot(name)
        try checkWritable()
        try core.write(.storing(blocks: 0)) { (transaction) throws(StoreError) in
            try expected.check(name, try transaction.index.root(name))
            try transaction.setRoot(name, cid)
        }
        core.shortenJournal()
    }

    /// Removes a root and reclaims what only it kept, within the budget (nanoseconds); what remains is
    /// left to `gc`. NOT_FOUND when there is no such root.
    @discardableResult
    public func removeRoot(
        _ name: String, expecting expected: RootExpectation = .anything,
        budget: UInt64? = defaultReclaimBudget
    ) throws(StoreError) -> CollectionReport {
        try StoreName.check(name, "a root's name")
        try checkWritable()
        try core.write(.releasing) { (transaction) throws(StoreError) in
            guard let current = try transaction.index.root(name) else {
                throw StoreError(.notFound, "there is no root \(name)")
            }
            try expected.check(name, current)
            try transaction.setRoot(name, nil)
        }
        core.shortenJournal()
        return try Collection(core: core).run(budget: budget)
    }

    /// One more hold of the owner on a block that is here.
    public func retain(_ cid: CID, owner: String? = nil) throws(StoreError) {
        let owner = owner ?? self.owner
        try StoreName.checkOwner(owner)
        try checkWritable()
        try core.write(.storing(blocks: 0)) { (transaction) throws(StoreError) in
            try transaction.retain(cid, owner: owner)
        }
        core.shortenJournal()
    }

    /// One hold of the owner less; when it was the block's last reference, the block and what only it
    /// kept go, within the budget (nanoseconds). NOT_FOUND, and nothing changes, when the owner has none.
    @discardableResult
    public func dereference(_ cid: CID, owner: String? = nil, budget: UInt64? = defaultReclaimBudget)
        throws(StoreError) -> CollectionReport
    {
        let owner = owner ?? self.owner
        try StoreName.checkOwner(owner)
        try checkWritable()
        try core.write(.releasing) { (transaction) throws(StoreError) in
            try transaction.dereference(cid, owner: owner)
        }
        core.shortenJournal()
        return try Collection(core: core).run(budget: budget)
    }

    /// Removes roots, and drops holds altogether, in one transaction; what is gone already is passed over.
    /// Nothing is collected: that is left to `gc`.
    public func remove(roots: [String], holds: [Hold]) throws(StoreError) {
        for root in roots { try StoreName.check(root, "a root's name") }
        for hold in holds { try StoreName.checkOwner(hold.owner) }
        try checkWritable()
        try core.write(.releasing) { (transaction) throws(StoreError) in
            for root in roots where try transaction.index.root(root) != nil {
                try transaction.setRoot(root, nil)
            }
            for hold in holds { try transaction.release(hold) }
        }
        core.shortenJournal()
    }

    /// Holds in order of owner and CID.
    public func holds(owner: String? = nil) throws(StoreError) -> [Hold] {
        try holds(owner: owner, after: nil, limit: .max)
    }

    /// As `holds(owner:)`, at most `limit` from the first that follows `last`.
    public func holds(owner: String?, after last: Hold?, limit: Int) throws(StoreError) -> [Hold] {
        if let owner { try StoreName.check(owner, "an owner") }
        return try core.read { (snapshot) throws(StoreError) in
            var holds: [Hold] = []
            try snapshot.scanHolds(owner: owner, after: last) { (hold) throws(StoreError) in
                guard holds.count < limit else { return false }
                holds.append(hold)
                return true
            }
            return holds
        }
    }

    /// Takes dead blocks away until none is left that may go, or the budget (nanoseconds) is spent.
    /// `progress` hears of the blocks taken so far and may throw to stop.
    @discardableResult
    public func gc(budget: UInt64? = nil, progress: ((UInt64) throws(StoreError) -> Void)? = nil)
        throws(StoreError) -> CollectionReport
    {
        try checkWritable()
        try core.releaseGoneForks()
        try core.settle(.collection)
        try core.settleLoans()
        try core.dropKeptForkFiles()
        return try Collection(core: core).run(budget: budget, progress: progress)
    }

    /// What `gc` would take if no lease were in the way, without taking it: also what is held for layers
    /// that are gone. What is damaged stays. `progress` hears of the blocks found so far and may throw to
    /// stop.
    public func gcDryRun(progress: ((UInt64) throws(StoreError) -> Void)? = nil) throws(StoreError) -> Usage {
        try core.collectable(progress)
    }

    /// What deleting these roots would free, beside what is garbage already; at the cost of both.
    /// `progress` hears of the blocks counted so far and may throw to stop.
    public func usage(of names: [String], progress: ((UInt64) throws(StoreError) -> Void)? = nil)
        throws(StoreError) -> Usage
    {
        try usage(of: names, holdsOf: [], progress: progress).usage
    }

    /// As `usage(of:)`, when all holds of some owners go with the roots; and the blocks that would go. What
    /// is held has no part in logical and shared bytes.
    package func usage(
        of names: [String], holdsOf owners: [String], progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> (usage: Usage, blocks: Set<CID>) {
        for name in names { try StoreName.check(name, "a root's name") }
        return try core.exclusive(progress) { (snapshot) throws(StoreError) in
            var starts = DroppedReferences()
            for name in Set(names.map(Names.Name.init)) {
                guard let cid = try snapshot.root(name.text) else {
                    throw StoreError(.notFound, "there is no root \(name.text)")
                }
                starts.roots[cid, default: 0] += 1
            }
            for owner in owners { try starts.add(holdsOf: owner, snapshot) }
            return starts
        }
    }

    public func stat() throws(StoreError) -> StoreStatistics {
        let leases = try core.leases?.count() ?? 0
        let (state, packs) = try core.read { (snapshot) throws(StoreError) in
            // Of plain files there is one row in the place of packs.
            let hasPacks = configuration.payloads == .packs
            return (try snapshot.state(), hasPacks ? try snapshot.count(.packs) : 0)
        }
        return StoreStatistics(
            blocks: state.blocks, rawBytes: state.rawBytes, storedBytes: state.storedBytes,
            deadBlocks: state.deadBlocks, deadBytes: state.deadBytes, setAsideBlocks: state.setAside,
            roots: state.roots, holds: state.holds, leases: UInt64(leases), packs: packs,
            indexBytes: core.index.usedBytes, epoch: state.epoch)
    }
}

/// Counters of a store, kept in its transactions: asking costs nothing.
public struct StoreStatistics: Equatable, Sendable {
    /// Blocks stored, those that wait for collection included.
    public let blocks: UInt64
    /// Bytes of those blocks.
    public let rawBytes: UInt64
    /// Bytes of their payloads as stored.
    public let storedBytes: UInt64
    /// Blocks that nothing keeps.
    public let deadBlocks: UInt64
    /// Bytes of their payloads as stored.
    public let deadBytes: UInt64
    /// Dead blocks that cannot be read to release their children; repair recounts.
    public let setAsideBlocks: UInt64
    public let roots: UInt64
    /// (owner, CID) pairs.
    public let holds: UInt64
    /// Batches and readers that live now.
    public let leases: UInt64
    public let packs: UInt64
    /// Bytes of the index in use.
    public let indexBytes: UInt64
    /// Write transactions so far.
    public let epoch: UInt64
}

/// What some roots use, and use alone.
public struct Usage: Equatable, Sendable {
    /// Bytes that the roots' data has.
    public var logicalBytes: UInt64 = 0
    /// Blocks that deleting the roots would free.
    public var exclusiveBlocks: UInt64 = 0
    /// Bytes of their payloads as stored: what deleting would give back.
    public var exclusiveBytes: UInt64 = 0
    /// Bytes of the data that lies in blocks which would stay, because something else keeps them.
    public var sharedBytes: UInt64 = 0

    package init() {}
}
