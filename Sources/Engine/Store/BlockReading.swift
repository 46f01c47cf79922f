/// Reading blocks: not a byte is returned that was not checked against its CID.
///
/// What always holds: a block that collection or compaction moved while it was read is looked up
/// again; only bytes that are wrong at a place that the index still names are corruption; damage,
/// absence and a failing device are three different errors.
extension StoreCore {
    /// The block's bytes, valid during `body`.
    func withBlock<T>(_ cid: CID, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T) throws(StoreError)
        -> T
    {
        if cid.hash == .identity {
            try check()
            return try cid.withDigest(body)
        }
        return try buffers.with { (scratch) throws(StoreError) in
            try body(try block(cid, scratch))
        }
    }

    /// Reads and checks a block into `scratch`, where it stays until that is used again; or into `room`,
    /// the caller's, where its record or its bytes fit there. Room beyond the block may be overwritten.
    func block(_ cid: CID, _ scratch: ReadScratch, room: UnsafeMutableRawBufferPointer? = nil)
        throws(StoreError) -> UnsafeRawBufferPointer
    {
        var damage: StoreError?
        do throws(StoreError) {
            if let block = try ownBlock(cid, scratch, room: room) {
                Defect.keep(block)
                return block
            }
        } catch {
            // A base may have it sound.
            guard error.code == .corrupt, !bases.isEmpty else { throw error }
            damage = error
        }
        for base in bases {
            do { return try base.core.block(cid, scratch, room: room) } catch {
                if error.code == .corrupt {
                    // The next one may have it sound.
                    damage = damage ?? base.named(error)
                } else if error.code != .notFound, damage == nil {
                    throw error
                }
            }
        }
        if let damage { throw damage }
        // Copied here from a base meanwhile, and collected there?
        if !bases.isEmpty, let block = try ownBlock(cid, scratch, room: room) { return block }
        throw StoreError(.notFound, "\(cid) is not in the store")
    }

    /// As `withBlock`, of this store without its bases.
    func withOwnBlock<T>(_ cid: CID, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T)
        throws(StoreError) -> T
    {
        return try buffers.with { (scratch) throws(StoreError) in
            guard let block = try ownBlock(cid, scratch, room: nil) else {
                throw StoreError(.notFound, "\(cid) is not in the store")
            }
            return try body(block)
        }
    }

    /// As `block`, of this store without its bases; nil when it has none.
    private func ownBlock(_ cid: CID, _ scratch: ReadScratch, room: UnsafeMutableRawBufferPointer?)
        throws(StoreError) -> UnsafeRawBufferPointer?
    {
        var tried: Place?
        while true {
            guard let location = try read({ (snapshot) throws(StoreError) in try snapshot.location(of: cid) })
            else { return nil }
            do {
                return try payloads.block(cid, location, scratch, room: room)
            } catch  where error.code == .corrupt {
                if Defect.damageIsAbsence.isPresent { return nil }
                // Moved, punched or unlinked meanwhile? Then its row says something else by now.
                guard tried == location.place || Defect.movedBlocksAreNotLookedUpAgain.isPresent else {
                    tried = location.place
                    payloads.forget(location.place)
                    continue
                }
                noteDamage(cid, location)
                throw error
            }
        }
    }

    // MARK: What is here

    /// Whether the block is here, or in a base, and not known to be damaged.
    func has(_ cid: CID) throws(StoreError) -> Bool {
        if cid.hash == .identity { return true }
        if let location = try read({ (snapshot) throws(StoreError) in try snapshot.location(of: cid) }) {
            return !isDamaged(location, cid)
        }
        for base in bases where try base.core.has(cid) { return true }
        return false
    }

    private func isDamaged(_ location: BlockLocation, _ cid: CID) -> Bool {
        location.flags.contains(.damaged) || foundDamaged.withLock { $0.contains(cid) }
    }

    /// Whether it is known to have lost a block, itself or below.
    func hasDamaged(_ cid: CID) throws(StoreError) -> Bool {
        let location = try read { (snapshot) throws(StoreError) in try snapshot.location(of: cid) }
        if let location, isDamaged(location, cid) { return true }
        for base in bases where try base.core.hasDamaged(cid) { return true }
        return false
    }

    /// Whether a block that is here has a count, or died after `since`.
    func isReliable(_ location: BlockLocation, of cid: CID, _ since: UInt64, _ snapshot: IndexSnapshot)
        throws(StoreError) -> Bool
    {
        guard !isDamaged(location, cid), let block = try snapshot.block(at: location.place) else {
            return false
        }
        let isKept = block.count > 0 || isSealed || Defect.deadDuplicatesAreTaken.isPresent
        return isKept || (block.date > since && block.date != Collection.setAsideDate)
    }

    /// The store that has a block itself, sound as far as is known: this one, or the one that it would be
    /// borrowed from.
    func holder(of cid: CID) throws(StoreError) -> Holder? { try find(cid, isKept: false) }

    /// The same, of a block that a node here links to, if the node keeps it: what a base happens to have and
    /// does not hold may go.
    func keeper(of cid: CID) throws(StoreError) -> Holder? { try find(cid, isKept: true) }

    private func find(_ cid: CID, isKept: Bool) throws(StoreError) -> Holder? {
        let (location, row) = try read { (snapshot) throws(StoreError) in
            (try snapshot.location(of: cid), try snapshot.absent(of: cid))
        }
        if let location { return isDamaged(location, cid) ? nil : Holder(core: self, lender: nil) }
        var lender = row.count > 0 ? row.lender.map(Int.init) : nil
        if let number = lender, number >= bases.count { lender = nil }
        if let number = lender, try !bases[number].canLend(cid) { lender = nil }
        let isLent = lender != nil
        if lender == nil, isKept {
            for (number, base) in bases.enumerated() where lender == nil && !base.isHolding {
                if try base.canLend(cid) { lender = number }
            }
        } else if lender == nil {
            lender = try bases.lender(of: cid) { () throws(StoreError) in
                try read { (snapshot) throws(StoreError) in try snapshot.recorded().fork }
            }
        }
        guard let lender, let there = try bases[lender].core.find(cid, isKept: isKept && isLent) else {
            return nil
        }
        return Holder(core: there.core, lender: lender)
    }

    /// Who has a block that is here or in a base.
    struct Holder {
        let core: StoreCore
        /// The number of the base that lends it, or would; nil where it is here.
        let lender: Int?
    }

    /// What the index says of a block, or a base's.
    func inspect(_ cid: CID) throws(StoreError) -> BlockInformation {
        if cid.hash == .identity {
            return BlockInformation(
                cid: cid, rawLength: UInt64(cid.digestLength), storedLength: 0, references: 0)
        }
        let own = try read { (snapshot) throws(StoreError) -> BlockInformation? in
            guard let location = try snapshot.location(of: cid),
                let block = try snapshot.block(at: location.place)
            else { return nil }
            return BlockInformation(
                cid: cid, rawLength: UInt64(location.rawLength), storedLength: UInt64(location.storedLength),
                references: UInt64(block.count))
        }
        if let own { return own }
        for base in bases {
            do { return try base.core.inspect(cid) } catch  where error.code == .notFound {}
        }
        throw StoreError(.notFound, "\(cid) is not in the store")
    }

    /// Clears `missing` for what the holder of `lease` may rely on: it has a count, or died after the lease
    /// began, here or in a base. Looks only for what is set.
    func findReliable(_ cids: [CID], _ missing: inout [Bool], _ lease: Lease?, inBases: Bool = true)
        throws(StoreError)
    {
        // Without a lease, only what has a count.
        let since = lease?.epoch ?? .max
        // What is damaged here is to be stored again here: its counts are here; no base holds it for them.
        var elsewhere = missing
        try read { (snapshot) throws(StoreError) in
            for (position, cid) in cids.enumerated() where missing[position] {
                guard let location = try snapshot.location(of: cid) else { continue }
                elsewhere[position] = Defect.ownDamageIsOverlooked.isPresent
                if isDamaged(location, cid) { continue }
                let isReliable = try isReliable(location, of: cid, since, snapshot)
                missing[position] = !isReliable
                // One that is about to go can be relied upon where a base has it.
                elsewhere[position] = !isReliable
            }
        }
        guard inBases, elsewhere.contains(true) else { return }
        let asked = elsewhere
        for (number, base) in bases.enumerated() where elsewhere.contains(true) {
            try base.core.findReliable(cids, &elsewhere, lease?.bases[number] ?? nil)
        }
        for position in cids.indices where asked[position] && !elsewhere[position] {
            missing[position] = false
        }
    }

    /// Flags the row, so that storing the same bytes again repairs the block. Best effort.
    private func noteDamage(_ cid: CID, _ location: BlockLocation) {
        guard index.access == .readWrite else {
            // For as long as the store is open here.
            foundDamaged.withLock { _ = $0.insert(cid) }
            return
        }
        guard !location.flags.contains(.damaged) else { return }
        try? write(.releasing, isMending: true) { (transaction) throws(StoreError) in
            guard let now = try transaction.index.location(of: cid), now.place == location.place else {
                return
            }
            try transaction.markDamaged(cid, now)
        }
    }
}
