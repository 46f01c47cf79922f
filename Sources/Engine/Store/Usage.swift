/// "What would deleting these free?" — the deletion, played through on a snapshot.
///
/// What always holds: a block is counted as freed exactly when every one of its references is dropped
/// by the roots asked for or by blocks that are freed themselves; blocks that stay are not entered, so
/// the answer costs what it counts.
extension StoreCore {
    /// `starts`: blocks and how many references of each are dropped to begin with. `progress` hears of the
    /// blocks counted so far.
    func exclusiveUsage(
        _ progress: ((UInt64) throws(StoreError) -> Void)?,
        _ starts: (IndexSnapshot) throws(StoreError) -> [(CID, UInt32)]
    ) throws(StoreError) -> Usage {
        try exclusive(progress, starts).usage
    }

    /// The dead, and all that only they keep; and how many of these link to each block that they link to.
    func garbage() throws(StoreError) -> (blocks: Set<CID>, links: [CID: UInt32]) {
        let found = try exclusive(nil) { (snapshot) throws(StoreError) in
            var dead: [(CID, UInt32)] = []
            try snapshot.scanDead { (_, place) throws(StoreError) in
                if let block = try snapshot.block(at: place) { dead.append((block.cid, 0)) }
                return true
            }
            return dead
        }
        return (found.blocks, found.dropped)
    }

    private func exclusive(
        _ progress: ((UInt64) throws(StoreError) -> Void)?,
        _ starts: (IndexSnapshot) throws(StoreError) -> [(CID, UInt32)]
    ) throws(StoreError) -> (usage: Usage, blocks: Set<CID>, dropped: [CID: UInt32]) {
        var usage = Usage()
        var dropped: [CID: UInt32] = [:]
        var work: [CID] = []
        var entered: Set<CID> = []
        let lease = try lease()
        defer { lease?.release() }
        let first = try read(starts)
        for (cid, references) in first {
            if references > 0 { usage.logicalBytes.addUpToMaximum(try size(of: cid)) }
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
                }
            }
            usage.exclusiveBlocks += 1
            usage.exclusiveBytes += UInt64(location.storedLength)
            if let progress, usage.exclusiveBlocks % 1024 == 1 { try progress(usage.exclusiveBlocks) }
        }
        usage.sharedBytes = try sharedBytes(first.filter { $0.1 > 0 }.map(\.0), entered)
        return (usage, entered, dropped)
    }

    /// Data bytes below `roots` in blocks that are not in `freed`: subtrees that stay count with their
    /// size, without being entered.
    private func sharedBytes(_ roots: [CID], _ freed: Set<CID>) throws(StoreError) -> UInt64 {
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
        for root in roots { shared.addUpToMaximum(try visit(root, try size(of: root), 0)) }
        return shared
    }
}

extension UInt64 {
    /// Files are of up to 2^63 - 1 bytes, so two of them are what fits.
    fileprivate mutating func addUpToMaximum(_ other: UInt64) {
        let (sum, overflowed) = addingReportingOverflow(other)
        self = overflowed ? .max : sum
    }
}
