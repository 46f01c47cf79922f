/// "What would deleting these free?" — the deletion, played through on a snapshot.
///
/// What always holds: a block is counted as freed exactly when every one of its references is dropped
/// by the roots asked for, by blocks that are freed themselves, or by what is garbage already; blocks that
/// stay are not entered, so the answer costs what it counts, and the garbage.
/// Blocks and how many references of each are dropped to begin with.
struct DroppedReferences {
    /// What is asked for: its data are logical bytes.
    var roots: [CID: UInt32] = [:]
    /// What goes with it.
    var others: [CID: UInt32] = [:]

    /// All that an owner holds. However often it holds a block, that is one reference.
    mutating func add(holdsOf owner: String, _ snapshot: IndexSnapshot) throws(StoreError) {
        try snapshot.scanHolds(owner: owner) { (hold) in
            others[hold.cid, default: 0] += 1
            return true
        }
    }
}

extension StoreCore {
    /// The dead, and all that only they keep; and how many of these link to each block that they link to.
    func garbage() throws(StoreError) -> (blocks: Set<CID>, links: [CID: UInt32]) {
        let lease = try lease()
        defer { lease?.release() }
        let found = try exclusive(nil, beside: nil, try waiting([], setAside: true))
        return (found.blocks, found.dropped)
    }

    /// What a collection would take if no lease were in the way. `progress` hears of the blocks counted so
    /// far.
    func collectable(_ progress: ((UInt64) throws(StoreError) -> Void)?) throws(StoreError) -> Usage {
        let lease = try lease()
        defer { lease?.release() }
        return try exclusive(progress, beside: nil, try waiting(goneForks(), setAside: false)).usage
    }

    /// What would go with these, beside what a collection would take in any case, and which blocks that is.
    func exclusive(
        _ progress: ((UInt64) throws(StoreError) -> Void)?,
        _ starts: (IndexSnapshot) throws(StoreError) -> DroppedReferences
    ) throws(StoreError) -> (usage: Usage, blocks: Set<CID>) {
        let lease = try lease()
        defer { lease?.release() }
        let found = try exclusive(
            progress, beside: try waiting(goneForks(), setAside: true), try read(starts))
        return (found.usage, found.blocks)
    }

    /// The dead, and what is held for layers that are gone.
    private func waiting(_ gone: [StoreIdentity], setAside: Bool) throws(StoreError) -> DroppedReferences {
        try read { (snapshot) throws(StoreError) in
            var dead = DroppedReferences()
            try snapshot.scanDead { (date, place) throws(StoreError) in
                guard setAside || date != Collection.setAsideDate else { return false }
                if let block = try snapshot.block(at: place) { dead.others[block.cid] = 0 }
                return true
            }
            for fork in gone { try dead.add(holdsOf: Base.owner(fork), snapshot) }
            return dead
        }
    }

    /// `beside`: what is not counted. The caller has a lease since before it looked.
    private func exclusive(
        _ progress: ((UInt64) throws(StoreError) -> Void)?, beside: DroppedReferences?,
        _ first: DroppedReferences
    ) throws(StoreError) -> (usage: Usage, blocks: Set<CID>, dropped: [CID: UInt32]) {
        var usage = Usage()
        var dropped: [CID: UInt32] = [:]
        var entered: Set<CID> = []
        if let beside {
            try release(beside, &usage, &dropped, &entered, progress)
            usage = Usage()
        }
        for cid in first.roots.keys { usage.logicalBytes.addUpToMaximum(try size(of: cid)) }
        let besides = UInt64(entered.count)
        try release(first, &usage, &dropped, &entered, progress, after: besides)
        var roots: [(CID, UInt64)] = []
        for cid in first.roots.keys { roots.append((cid, try size(of: cid))) }
        usage.sharedBytes = try sharedBytes(roots, entered)
        return (usage, entered, dropped)
    }

    private func release(
        _ first: DroppedReferences, _ usage: inout Usage, _ dropped: inout [CID: UInt32],
        _ entered: inout Set<CID>, _ progress: ((UInt64) throws(StoreError) -> Void)?,
        after before: UInt64 = 0
    ) throws(StoreError) {
        var work: [CID] = []
        for (cid, references) in [first.roots, first.others].joined() {
            dropped[cid, default: 0] += references
            work.append(cid)
        }
        while let cid = work.popLast() {
            guard cid.hash != .identity, !entered.contains(cid) else { continue }
            let row = try read { (snapshot) throws(StoreError) -> (BlockLocation, BlockRow)? in
                guard let location = try snapshot.location(of: cid),
                    let block = try snapshot.block(at: location.place)
                else { return nil }
                return (location, block)
            }
            guard let (location, block) = row, dropped[cid, default: 0] >= block.count else { continue }
            entered.insert(cid)
            if cid.codec == .dagCBOR {
                do {
                    for link in try links(of: cid) {
                        dropped[link, default: 0] += 1
                        work.append(link)
                    }
                } catch  where error.code == .corrupt {
                    // Deletion sets it aside, and so it stays.
                    continue
                } catch  where error.code == .notFound {
                    // It was dead before the lease, and was collected meanwhile.
                    entered.remove(cid)
                    continue
                }
            }
            usage.exclusiveBlocks += 1
            usage.exclusiveBytes += UInt64(location.storedLength)
            if let progress, usage.exclusiveBlocks % 1024 == 1 {
                try progress(before + usage.exclusiveBlocks)
            }
        }
    }

    /// Data bytes below `roots` in blocks that are not in `freed`: subtrees that stay count with their
    /// size, without being entered.
    fileprivate func sharedBytes(_ roots: [(cid: CID, size: UInt64)], _ freed: Set<CID>) throws(StoreError)
        -> UInt64
    {
        var shared: UInt64 = 0
        var known: [CID: UInt64] = [:]
        func visit(_ cid: CID, _ size: UInt64, _ depth: Int) throws(StoreError) -> UInt64 {
            guard freed.contains(cid) else { return size }
            guard cid.codec == .dagCBOR, depth < 64 else { return 0 }
            if let bytes = known[cid] { return bytes }
            let node = try withBlock(cid) { (block) throws(StoreError) in try TreeNode.decode(block) }
            var bytes: UInt64 = 0
            for child in node?.children ?? [] {
                bytes &+= try visit(child.cid, child.size, depth + 1) &* child.count
            }
            known[cid] = bytes
            return bytes
        }
        for root in roots { shared.addUpToMaximum(try visit(root.cid, root.size, 0)) }
        return shared
    }
}

extension ContentStore {
    /// The bytes of a file of this size in blocks that are not in `freed`.
    package func sharedBytes(of file: CID, _ size: UInt64, _ freed: Set<CID>) throws(StoreError) -> UInt64 {
        try core.sharedBytes([(file, size)], freed)
    }
}

extension UInt64 {
    /// Files are of up to 2^63 - 1 bytes, so two of them are what fits.
    fileprivate mutating func addUpToMaximum(_ other: UInt64) {
        let (sum, overflowed) = addingReportingOverflow(other)
        self = overflowed ? .max : sum
    }
}
