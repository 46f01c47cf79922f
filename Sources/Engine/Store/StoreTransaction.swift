/// One change of a store. All counting is here.
///
/// What always holds at the end of a transaction:
/// - A block's count is the number of stored nodes that link to it, plus its roots, plus its holds.
/// - A block is in the dead queue, under the date in its row, exactly when its count is zero.
/// - What is linked to but not stored has its count in `absent`, and becomes a block with it. What a base
///   lends has a lender there, too (Borrowing.swift).
/// - The counters of `state` and the rows of `packs` agree with the rows of `cids` and `blocks`.
/// - Places, and loans, that are no longer needed are in `punch`, under this transaction's epoch.
final class StoreTransaction {
    let index: IndexSnapshot
    let committed: IndexState
    var state: IndexState
    /// What the journal will say.
    private(set) var entries: [Journal.Entry] = []
    private var packs: [UInt32: PackRow] = [:]
    private var removedPacks: Set<UInt32> = []

    var epoch: UInt64 { state.epoch }

    /// What it has come to link to that no row says is lent, and the number of the base that has it.
    private(set) var wanted: [CID: Int] = [:]
    /// Nodes of bases that were found whole, and where: they are borrowed there.
    var chosen: [CID: StoreCore.Holder] = [:]
    /// Bases that lend already what it has come to link to once more.
    private(set) var relied: Set<Int> = []
    private let bases: [Base]
    /// Whether neighbours that are freed are one extent, as in packs; or each payload is freed by itself.
    private let freesExtents: Bool

    convenience init(_ index: IndexSnapshot, _ committed: IndexState, _ core: StoreCore) {
        var freesExtents = false
        if case .packs = core.payloads { freesExtents = true }
        self.init(index, committed, freesExtents: freesExtents, bases: core.bases)
    }

    init(_ index: IndexSnapshot, _ committed: IndexState, freesExtents: Bool, bases: [Base] = []) {
        self.freesExtents = freesExtents
        self.bases = bases
        self.index = index
        self.committed = committed
        state = committed
        state.epoch += 1
    }

    /// Writes what was gathered.
    func finish() throws(StoreError) {
        for (number, row) in packs { try index.setPack(number, row) }
        for number in removedPacks { try index.setPack(number, nil) }
    }

    // MARK: Counts

    /// Whether a block is here, or in a base. One that is known to be damaged here is not, and no base holds
    /// it either.
    func isHere(_ cid: CID) throws(StoreError) -> Bool {
        if cid.hash == .identity { return true }
        if let location = try index.location(of: cid) { return !location.flags.contains(.damaged) }
        return try lender(of: cid) != nil
    }

    /// Whether a block is here, damaged or not, or in a base, or linked to or named as if it were.
    func isKnown(_ cid: CID) throws(StoreError) -> Bool {
        if try index.location(of: cid) != nil { return true }
        if try index.absent(of: cid).count > 0 { return true }
        return try isHere(cid)
    }

    private func lender(of cid: CID) throws(StoreError) -> Int? {
        // Another one may have lost something below it.
        if let number = chosen[cid]?.lender, try bases[number].canLend(cid) { return number }
        return try bases.lender(of: cid) { () throws(StoreError) in
            if knownFork == nil { knownFork = try index.recorded().fork }
            return knownFork
        }
    }

    private var knownFork: StoreIdentity?

    /// Whether a base, or one below it, is known to have lost a block that it had.
    func hasDamaged(_ cid: CID) throws(StoreError) -> Bool {
        for base in bases where try base.core.hasDamaged(cid) { return true }
        return false
    }

    /// Looks for a lender of what is linked to and not here, if it has none that has it still.
    func adopt(_ cid: CID) throws(StoreError) {
        if try index.absent(of: cid).count > 0 { _ = try rely(on: cid) }
    }

    /// Whether a base lends, or is to lend, what is linked to and not here.
    private func rely(on cid: CID) throws(StoreError) -> Bool {
        var row = try index.absent(of: cid)
        let known = row.lender.map(Int.init).flatMap { $0 < bases.count ? $0 : nil }
        if let known, try bases[known].canLend(cid) {
            relied.insert(known)
            return true
        }
        if wanted[cid] != nil { return true }
        guard let lender = try lender(of: cid) else {
            // It may come back where it was lost.
            if try hasDamaged(cid) { try index.setUnsettled(.possible) }
            return false
        }
        wanted[cid] = lender
        if let known {
            // It has lost it, and what it holds of it goes when all is compared.
            row.lender = nil
            try index.setAbsent(row, of: cid)
            try index.setLoan(try StoreCore.randomNumber(), fromBase: known)
            try index.setUnsettled(.possible)
        }
        return true
    }

    /// Adds references; returns whether the block is here, or in a base (`isHere`).
    @discardableResult
    func addReferences(_ count: UInt32, to cid: CID) throws(StoreError) -> Bool {
        if cid.hash == .identity { return true }
        guard let location = try index.location(of: cid) else {
            var row = try index.absent(of: cid)
            let (sum, overflow) = row.count.addingReportingOverflow(count)
            if overflow { throw Self.tooManyReferences(cid) }
            row.count = sum
            try index.setAbsent(row, of: cid)
            return try rely(on: cid)
        }
        try addReferences(count, at: location)
        return !location.flags.contains(.damaged)
    }

    func addReferences(_ count: UInt32, at location: BlockLocation) throws(StoreError) {
        var block = try row(at: location.place)
        if Defect.incrementIsForgotten.isPresent, block.count > 0 { return }
        if block.count == 0 { try leaveDead(block, location) }
        try add(count, to: &block)
        try index.setBlock(block, at: location.place)
    }

    /// Drops references; at zero the block joins the dead, dated with this transaction.
    func dropReferences(_ count: UInt32, from cid: CID) throws(StoreError) {
        if cid.hash == .identity { return }
        guard let location = try index.location(of: cid) else {
            var row = try index.absent(of: cid)
            guard row.count >= count else { throw Self.miscounted(cid) }
            row.count -= count
            try setAbsent(row, of: cid)
            return
        }
        try dropReferences(count, from: cid, at: location)
    }

    /// At zero the row goes, and the loan is to be given back.
    private func setAbsent(_ row: AbsentRow, of cid: CID) throws(StoreError) {
        try index.setAbsent(row, of: cid)
        if row.count == 0, let lender = row.lender {
            let place = Place(pack: 0, offset: returned)
            returned += 1
            try index.insertPunch(PunchKey(epoch: epoch, place: place), .borrowed(lender: lender, cid))
        }
    }

    /// Loans to be given back so far.
    private var returned: UInt64 = 0

    /// As above, of a block whose row of this transaction says `location`.
    func dropReferences(_ count: UInt32, from cid: CID, at location: BlockLocation) throws(StoreError) {
        var block = try row(at: location.place)
        guard block.count >= count else { throw Self.miscounted(cid) }
        if Defect.decrementIsForgotten.isPresent, block.count == 1 { return }
        block.count -= count
        if block.count == 0 { try joinDead(&block, location) }
        try index.setBlock(block, at: location.place)
    }

    private func joinDead(_ block: inout BlockRow, _ location: BlockLocation) throws(StoreError) {
        block.date = epoch
        try index.insertDead(date: epoch, place: location.place)
        state.deadBlocks += 1
        state.deadBytes += UInt64(location.storedLength)
    }

    private func leaveDead(_ block: BlockRow, _ location: BlockLocation) throws(StoreError) {
        guard try index.removeDead(date: block.date, place: location.place) else {
            throw Self.miscounted(block.cid)
        }
        if block.date == Collection.setAsideDate { state.setAside &-= 1 }
        state.deadBlocks &-= 1
        state.deadBytes &-= UInt64(location.storedLength)
    }

    /// Makes a dead block as young as this transaction, so that no older lease's horizon takes it.
    func dateAnew(_ location: BlockLocation) throws(StoreError) {
        var block = try row(at: location.place)
        guard block.count == 0, block.date != epoch else { return }
        try leaveDead(block, location)
        try joinDead(&block, location)
        try index.setBlock(block, at: location.place)
    }

    func row(at place: Place) throws(StoreError) -> BlockRow {
        guard let block = try index.block(at: place) else {
            throw StoreError(.corrupt, "the index has a place without a count: run verify --repair")
        }
        return block
    }

    private static func miscounted(_ cid: CID) -> StoreError {
        StoreError(.corrupt, "the reference count of \(cid) is wrong: run verify --repair")
    }

    private static func notHere(_ cid: CID) -> StoreError {
        StoreError(.notFound, "\(cid) is not in the store")
    }

    private static func tooManyReferences(_ cid: CID) -> StoreError {
        StoreError(.tooLarge, "\(cid) has too many references")
    }

    // MARK: Blocks

    enum Insertion { case inserted, replacedDamaged, duplicate }

    /// Enters a block whose record is durable, with `references` to begin with. A duplicate's record
    /// becomes dead space; one that nothing keeps is dated anew.
    func insert(_ cid: CID, _ location: BlockLocation, references: UInt32) throws(StoreError) -> Insertion {
        let length = UInt64(RecordHeader.recordLength(cid: cid, storedLength: location.storedLength))
        if let existing = try index.location(of: cid) {
            if !existing.flags.contains(.damaged) {
                try free(cid, location.place, length: length)
                if references > 0 {
                    try addReferences(references, at: existing)
                } else {
                    try dateAnew(existing)
                }
                return .duplicate
            }
            var block = try row(at: existing.place)
            if block.count == 0 { try leaveDead(block, existing) }
            try forget(existing, cid)
            try add(references, to: &block)
            if block.count == 0 { try joinDead(&block, location) }
            try enter(cid, block, location, length)
            return .replacedDamaged
        }
        let absent = try index.absent(of: cid)
        if absent.count > 0 { try setAbsent(AbsentRow(count: 0, lender: absent.lender), of: cid) }
        wanted[cid] = nil
        var block = BlockRow(count: absent.count, date: 0, cid: cid)
        try add(references, to: &block)
        if block.count == 0 { try joinDead(&block, location) }
        try enter(cid, block, location, length)
        return .inserted
    }

    private func add(_ references: UInt32, to block: inout BlockRow) throws(StoreError) {
        let (sum, overflow) = block.count.addingReportingOverflow(references)
        if overflow { throw Self.tooManyReferences(block.cid) }
        block.count = sum
    }

    private func enter(_ cid: CID, _ block: BlockRow, _ location: BlockLocation, _ length: UInt64)
        throws(StoreError)
    {
        try index.setLocation(location, of: cid)
        try index.setBlock(block, at: location.place, isNew: true)
        state.blocks += 1
        state.rawBytes += UInt64(location.rawLength)
        state.storedBytes += UInt64(location.storedLength)
        try changePack(location.place.pack) { (pack) in
            pack.liveBytes += length
            pack.liveRecords += 1
        }
    }

    /// Takes a dead block's rows away and frees its record. Its children are the caller's to release.
    func remove(_ block: BlockRow, _ location: BlockLocation) throws(StoreError) {
        try leaveDead(block, location)
        try forget(location, block.cid)
    }

    private func forget(_ location: BlockLocation, _ cid: CID) throws(StoreError) {
        try index.removeLocation(of: cid)
        try index.removeBlock(at: location.place)
        state.blocks &-= 1
        state.rawBytes &-= UInt64(location.rawLength)
        state.storedBytes &-= UInt64(location.storedLength)
        let length = UInt64(RecordHeader.recordLength(cid: cid, storedLength: location.storedLength))
        try changePack(location.place.pack) { (pack) in
            pack.liveBytes &-= length
            pack.liveRecords &-= 1
        }
        try free(cid, location.place, length: length)
    }

    /// Moves a live record (compaction): the copy is durable and verified.
    func move(_ cid: CID, from old: BlockLocation, to new: BlockLocation) throws(StoreError) {
        let block = try row(at: old.place)
        if block.count == 0 { try index.removeDead(date: block.date, place: old.place) }
        let length = UInt64(RecordHeader.recordLength(cid: cid, storedLength: old.storedLength))
        try index.removeBlock(at: old.place)
        try index.setLocation(new, of: cid)
        try index.setBlock(block, at: new.place, isNew: true)
        if block.count == 0 { try index.insertDead(date: block.date, place: new.place) }
        try changePack(old.place.pack) { (pack) in
            pack.liveBytes &-= length
            pack.liveRecords &-= 1
        }
        try changePack(new.place.pack) { (pack) in
            pack.liveBytes += length
            pack.liveRecords += 1
        }
        try free(cid, old.place, length: length)
    }

    /// Frees a copy that no row will point to.
    func giveUp(_ cid: CID, _ location: BlockLocation) throws(StoreError) {
        try free(
            cid, location.place,
            length: UInt64(RecordHeader.recordLength(cid: cid, storedLength: location.storedLength)))
    }

    /// Puts a dead block that cannot be read at the end of the queue, where collection does not reach.
    /// Storing the same bytes again replaces it.
    func setAside(_ cid: CID, _ location: BlockLocation) throws(StoreError) {
        try markDamaged(cid, location)
        var block = try row(at: location.place)
        guard block.count == 0, block.date != Collection.setAsideDate else { return }
        try index.removeDead(date: block.date, place: location.place)
        block.date = Collection.setAsideDate
        try index.insertDead(date: block.date, place: location.place)
        try index.setBlock(block, at: location.place)
        state.setAside += 1
    }

    func markDamaged(_ cid: CID, _ location: BlockLocation) throws(StoreError) {
        var changed = location
        changed.flags.insert(.damaged)
        try index.setLocation(changed, of: cid)
    }

    // MARK: Packs

    private var lastFreed: (start: Place, end: UInt64)?

    private func free(_ cid: CID, _ place: Place, length: UInt64) throws(StoreError) {
        guard freesExtents else {
            return try index.insertPunch(PunchKey(epoch: epoch, place: place), .payload(cid))
        }
        // Neighbours freed one after the other are one extent.
        if let last = lastFreed, last.start.pack == place.pack, last.end == place.offset {
            try index.insertPunch(
                PunchKey(epoch: epoch, place: last.start),
                .extent(length: place.offset + length - last.start.offset))
            lastFreed = (last.start, place.offset + length)
        } else {
            try index.insertPunch(PunchKey(epoch: epoch, place: place), .extent(length: length))
            lastFreed = (place, place.offset + length)
        }
    }

    private func changePack(_ number: UInt32, _ body: (inout PackRow) -> Void) throws(StoreError) {
        var row = try pack(number) ?? PackRow(watermark: 0, liveBytes: 0, liveRecords: 0)
        body(&row)
        packs[number] = row
    }

    func pack(_ number: UInt32) throws(StoreError) -> PackRow? {
        if let row = packs[number] { return row }
        return try index.pack(number)
    }

    /// The bytes up to `watermark` are durable and may be read.
    func setWatermark(_ watermark: UInt64, pack number: UInt32) throws(StoreError) {
        try changePack(number) { $0.watermark = max($0.watermark, watermark) }
        state.nextPack = max(state.nextPack, UInt64(number) + 1)
    }

    /// Takes an empty pack out of the index; its file goes when the extent is punched.
    func removePack(_ number: UInt32) throws(StoreError) {
        packs[number] = nil
        removedPacks.insert(number)
        try index.insertPunch(PunchKey(epoch: epoch, place: Place(pack: number, offset: 0)), .pack)
    }

    // MARK: Names

    /// Moves a name; the new block, if any, must be here, but for repair.
    func setRoot(_ name: String, _ cid: CID?, mayBeAbsent: Bool = false) throws(StoreError) {
        let previous = try index.root(name)
        if previous == cid { return }
        if let cid, try !addReferences(1, to: cid), !mayBeAbsent { throw Self.notHere(cid) }
        if let previous { try dropReferences(1, from: previous) }
        try index.setRoot(name, cid)
        if let cid {
            entries.append(.root(name: name, cid))
            if previous == nil { state.roots += 1 }
        } else {
            if !Defect.removalsAreNotJournaled.isPresent { entries.append(.removedRoot(name: name)) }
            state.roots &-= 1
        }
    }

    /// One more hold of `owner`; the block must be here, but for repair.
    func retain(_ cid: CID, owner: String, mayBeAbsent: Bool = false) throws(StoreError) {
        if cid.hash == .identity { return }
        let count = try index.hold(owner, cid)
        if count == 0 {
            guard try addReferences(1, to: cid) || mayBeAbsent else { throw Self.notHere(cid) }
            state.holds += 1
        } else if !mayBeAbsent, try !isHere(cid) {
            throw Self.notHere(cid)
        }
        guard count < .max else { throw Self.tooManyReferences(cid) }
        try setHold(Hold(owner: owner, cid: cid, count: count + 1))
    }

    /// One hold of `owner` less. NOT_FOUND when it has none, whatever else keeps the block.
    func dereference(_ cid: CID, owner: String) throws(StoreError) {
        if cid.hash == .identity { return }
        let count = try index.hold(owner, cid)
        guard count > 0 else {
            throw StoreError(.notFound, "\(owner.isEmpty ? "nobody" : owner) holds no \(cid)")
        }
        if count == 1 {
            try dropReferences(1, from: cid)
            state.holds &-= 1
        }
        try setHold(Hold(owner: owner, cid: cid, count: count - 1))
    }

    /// All that an owner retained of one block.
    func release(_ hold: Hold) throws(StoreError) {
        guard try index.hold(hold.owner, hold.cid) > 0 else { return }
        try dropReferences(1, from: hold.cid)
        state.holds &-= 1
        try setHold(Hold(owner: hold.owner, cid: hold.cid, count: 0))
    }

    // MARK: Configuration

    func setConfiguration(_ text: String) throws(StoreError) {
        try index.setConfigurationText(text)
        entries.append(.configuration(text))
    }

    private func setHold(_ hold: Hold) throws(StoreError) {
        try index.setHold(hold.owner, hold.cid, hold.count)
        entries.append(.hold(hold))
    }
}
