/// The comparison: what the index says, against the counts that content bears out. Within one write
/// transaction, or, of a store that is only read, one snapshot.
extension Verification {
    mutating func compare(
        _ snapshot: IndexSnapshot, _ state: IndexState, _ counts: inout Counts, withStore: Bool
    ) throws(StoreError) {
        try takeInChanges(snapshot, &counts)
        var roots: UInt64 = 0
        var holds: UInt64 = 0
        try snapshot.scanRoots { (name, cid) throws(StoreError) in
            roots += 1
            if cid.hash != .identity { counts.add(cid.verificationKey) }
            if withStore, try snapshot.location(of: cid) == nil, try !core.has(cid) {
                note(.missingBlock, "the root \(name) names \(cid), which is not here", cid)
                names[cid, default: 0] += 1
            }
            return true
        }
        try snapshot.scanHolds { (hold) throws(StoreError) in
            holds += 1
            counts.add(hold.cid.verificationKey)
            if withStore, try snapshot.location(of: hold.cid) == nil, try !core.has(hold.cid) {
                note(.missingBlock, "\(hold.owner) holds \(hold.cid), which is not here", hold.cid)
                names[hold.cid, default: 0] += 1
            }
            return true
        }
        try compareBlocks(snapshot, state, &counts, withStore: withStore)
        try compareAbsent(snapshot, &counts)
        guard withStore else { return }
        compareCounter("roots", state.roots, roots)
        compareCounter("holds", state.holds, holds)
        try compareSurplus(snapshot)
        if let files = core.files { try compareJournal(snapshot, state, files.path + "/journal") }
        if let leases = core.leases, try leases.horizon(known: state.leaseTable) == nil {
            note(
                .unknownLeaseTable,
                "the lease table was replaced: nothing is collected until one process opens the store alone"
            )
        }
    }

    /// Nodes that came after the content was read are read now; the links of those that went are dropped.
    private mutating func takeInChanges(_ snapshot: IndexSnapshot, _ counts: inout Counts) throws(StoreError)
    {
        var mortal = counts.mortal
        var new: [CID] = []
        try snapshot.scan(.blocks) { (key, value) throws(StoreError) in
            guard let block = try? IndexSnapshot.block(key, value), block.cid.codec == .dagCBOR else {
                return true
            }
            let key = block.cid.verificationKey
            mortal[key] = nil
            if !counts.nodes.contains(key) { new.append(block.cid) }
            return true
        }
        for links in mortal.values { for link in links { counts.drop(link) } }
        // Inside the write transaction the row is this transaction's, so it is looked up there.
        for cid in new {
            guard let location = try snapshot.location(of: cid) else { continue }
            let links = try? core.buffers.with { (scratch) throws(StoreError) -> [CID] in
                try StoreCore.links(of: cid, in: try core.payloads.block(cid, location, scratch, room: nil))
            }
            for link in links ?? [] where link.hash != .identity { counts.add(link.verificationKey) }
        }
    }

    private mutating func compareBlocks(
        _ snapshot: IndexSnapshot, _ state: IndexState, _ counts: inout Counts, withStore: Bool
    ) throws(StoreError) {
        var seen = IndexState()
        var packs: [UInt32: PackRow] = [:]
        var previousEnd = Place(rawValue: 0)
        var uncertain: UInt64 = 0
        try snapshot.scan(.blocks) { (key, value) throws(StoreError) in
            let place = Place(rawValue: key.count == 8 ? key.integer(at: 0) : 0)
            guard let block = try? IndexSnapshot.block(key, value),
                let location = try? snapshot.location(of: block.cid), location.place == place
            else {
                if withStore {
                    note(
                        .damagedIndex,
                        "the index has a damaged row for pack \(place.pack), offset \(place.offset)")
                }
                return true
            }
            let cidKey = block.cid.verificationKey
            if counts.contains(cidKey) {
                let expected = counts.expected.removeValue(forKey: cidKey) ?? 0
                if expected < block.count, unreadNodes > 0 {
                    uncertain += 1
                } else if expected != block.count {
                    note(
                        .wrongCount, "\(block.cid) has the count \(block.count) and \(expected) references",
                        block.cid)
                }
            }
            guard withStore else { return true }
            seen.blocks += 1
            seen.rawBytes += UInt64(location.rawLength)
            seen.storedBytes += UInt64(location.storedLength)
            if block.count == 0 {
                seen.deadBlocks += 1
                seen.deadBytes += UInt64(location.storedLength)
                if block.date == Collection.setAsideDate { seen.setAside += 1 }
                if try !snapshot.hasDead(date: block.date, place: place) {
                    note(
                        .wrongDeadQueue, "\(block.cid) has no reference and is not in the dead queue",
                        block.cid)
                }
            }
            let length = RecordHeader.recordLength(cid: block.cid, storedLength: location.storedLength)
            var pack = packs[place.pack] ?? PackRow(watermark: 0, liveBytes: 0, liveRecords: 0)
            pack.liveBytes += UInt64(length)
            pack.liveRecords += 1
            pack.watermark = max(pack.watermark, place.offset + UInt64(length))
            packs[place.pack] = pack
            if place < previousEnd {
                note(.wrongPack, "\(block.cid) overlaps the record before it", block.cid)
            }
            previousEnd = Place(rawValue: place.rawValue + UInt64(length))
            return true
        }
        if uncertain > 0 {
            note(
                .wrongCount,
                "\(uncertain) counts cannot be checked: damaged nodes may have the links that are not found")
        }
        guard withStore else { return }
        if try snapshot.count(.cids) != seen.blocks {
            note(
                .damagedIndex, "the index names \(try snapshot.count(.cids)) blocks and places \(seen.blocks)"
            )
        }
        if try snapshot.count(.dead) != seen.deadBlocks {
            note(
                .wrongDeadQueue,
                "the dead queue has \(try snapshot.count(.dead)) blocks, \(seen.deadBlocks) have no reference"
            )
        }
        compareCounter("blocks", state.blocks, seen.blocks)
        compareCounter("raw bytes", state.rawBytes, seen.rawBytes)
        compareCounter("stored bytes", state.storedBytes, seen.storedBytes)
        compareCounter("dead blocks", state.deadBlocks, seen.deadBlocks)
        compareCounter("dead bytes", state.deadBytes, seen.deadBytes)
        compareCounter("set aside", state.setAside, seen.setAside)
        try comparePacks(snapshot, state, packs)
    }

    private mutating func comparePacks(
        _ snapshot: IndexSnapshot, _ state: IndexState, _ seen: [UInt32: PackRow]
    )
        throws(StoreError)
    {
        var rest = seen
        try snapshot.scanPacks { (number, pack) throws(StoreError) in
            let live = rest.removeValue(forKey: number) ?? PackRow(watermark: 0, liveBytes: 0, liveRecords: 0)
            if live.liveBytes != pack.liveBytes || live.liveRecords != pack.liveRecords {
                note(
                    .wrongPack,
                    "pack \(number) counts \(pack.liveRecords) records, \(live.liveRecords) are in it")
            }
            if live.watermark > pack.watermark {
                note(.wrongPack, "pack \(number) has a record beyond its watermark")
            }
            if UInt64(number) >= state.nextPack {
                note(.wrongPack, "pack \(number) is beyond the next number")
            }
            guard case .packs(let files) = core.payloads else { return true }
            let file = try? System.status(ofPath: files.path(number))
            if let file, file.isRegular {
                if file.length < pack.watermark { note(.wrongPack, "pack \(number) was cut short") }
            } else {
                note(.wrongPack, "pack \(number) is missing")
            }
            return true
        }
        for number in rest.keys.sorted() { note(.wrongPack, "pack \(number) has records and no row") }
        if case .files(let files) = core.payloads { try compareFiles(snapshot, files) }
    }

    /// Files that no row names. Under the write lock nobody moves one in.
    private mutating func compareFiles(_ snapshot: IndexSnapshot, _ files: BlockFiles) throws(StoreError) {
        var leaving: Set<CID> = []
        try snapshot.scanPunches { (_, freed) throws(StoreError) in
            if case .payload(let cid) = freed { leaving.insert(cid) }
            return true
        }
        // Of a writer that died, for the next collection.
        leaving.formUnion(try files.announced())
        var strays: [String] = []
        try files.forEachFile { (path, cid) throws(StoreError) in
            if let cid, leaving.contains(cid) { return }
            if let cid, try snapshot.location(of: cid) != nil { return }
            strays.append(path)
        }
        for path in strays {
            note(.wrongPack, System.readable("\(path) belongs to no block"))
        }
    }

    private mutating func compareAbsent(_ snapshot: IndexSnapshot, _ counts: inout Counts) throws(StoreError)
    {
        let fork = try snapshot.recorded().fork
        try snapshot.scanAbsent { (cid, row) throws(StoreError) in
            guard counts.contains(cid.verificationKey) else { return true }
            let expected = counts.expected.removeValue(forKey: cid.verificationKey) ?? 0
            if row.count != expected {
                note(
                    .wrongAbsent,
                    "\(cid) is not here and has the count \(row.count), with \(expected) links", cid)
            }
            try compareLoan(cid, row, fork, snapshot)
            return true
        }
        if !counts.expected.isEmpty {
            note(.wrongAbsent, "\(counts.expected.count) blocks are linked to, not here and not counted")
        }
    }

    /// What a base lends is there, and held.
    private mutating func compareLoan(
        _ cid: CID, _ row: AbsentRow, _ fork: StoreIdentity?, _ snapshot: IndexSnapshot
    ) throws(StoreError) {
        guard !core.bases.isEmpty else { return }
        guard let lender = row.lender else {
            // One that keeps everything need not hold it.
            for base in core.bases where base.core.keepsEverything { if try base.core.has(cid) { return } }
            for base in core.bases where base.isHolding {
                guard try base.core.has(cid) else { continue }
                note(.wrongLoan, "\(base.recorded.path) has \(cid) and does not hold it for this store", cid)
                // The next collection, or opening, has it held.
                if !core.isReadOnly { try snapshot.setUnsettled(.known) }
                break
            }
            return
        }
        guard Int(lender) < core.bases.count, let fork else {
            return note(.wrongLoan, "\(cid) is lent by a base that is not known", cid)
        }
        let base = core.bases[Int(lender)]
        let held = try base.core.read { (there) throws(StoreError) in
            try there.hold(Base.owner(fork), cid)
        }
        // One that keeps everything need not hold it.
        if held == 0, !base.core.keepsEverything {
            note(.wrongLoan, "\(base.recorded.path) does not hold \(cid) for this store", cid)
        }
        if try !base.core.has(cid) {
            note(.missingBlock, "\(cid) is gone, or damaged, in \(base.recorded.path)", cid)
            // The next collection, or opening, has another one lend it, once there is one.
            if !core.isReadOnly { try snapshot.setUnsettled(try core.has(cid) ? .known : .possible) }
        }
    }

    /// Holds in bases that nothing here accounts for.
    private mutating func compareSurplus(_ snapshot: IndexSnapshot) throws(StoreError) {
        if try core.lostItsBases(snapshot) {
            note(
                .wrongLoan,
                "the store was a layer over bases that are not known any more: ipldstore base add says them, "
                    + "flatten --keep-going does without")
        }
        guard let fork = try snapshot.recorded().fork else { return }
        for (number, base) in core.bases.enumerated() where base.isHolding {
            for cid in try core.surplus(number, base, fork, snapshot) {
                note(.surplusHold, "\(base.recorded.path) holds \(cid) for this store without need", cid)
            }
        }
    }

    private mutating func compareCounter(_ name: String, _ stored: UInt64, _ counted: UInt64) {
        if stored != counted {
            note(.wrongCounter, "the store counts \(stored) \(name), there are \(counted)")
        }
    }

    private mutating func compareJournal(_ snapshot: IndexSnapshot, _ state: IndexState, _ path: String)
        throws(StoreError)
    {
        var indexed = Names()
        indexed.configuration = try snapshot.configurationText()
        try snapshot.scanRoots { (name, cid) throws(StoreError) in
            indexed.setRoot(name, cid)
            return true
        }
        try snapshot.scanHolds { (hold) throws(StoreError) in
            indexed.setHold(hold)
            return true
        }
        do throws(StoreError) {
            let header = try Journal.readHeader(path: path)
            let isNext = header.generation == state.journalGeneration &+ 1
            guard header.generation == state.journalGeneration || isNext else {
                return note(.wrongJournal, "the journal is another generation's than the index knows")
            }
            let journal = try Journal.read(
                path: path, limit: isNext ? header.length : state.journalLength)
            if !journal.isWhole { return note(.wrongJournal, "the journal is damaged") }
            var journaled = Names()
            for (epoch, entry) in journal.entries { journaled.apply(entry, epoch: epoch) }
            journaled.epoch = 0
            if journaled != indexed { note(.wrongJournal, "the journal and the index name different things") }
        } catch  where [.corrupt, .notAStore, .notFound].contains(error.code) {
            note(.wrongJournal, "the journal cannot be read: \(error.message)")
        }
    }
}
