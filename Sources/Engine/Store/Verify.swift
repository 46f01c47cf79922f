/// Verification: every promise of the index recomputed from the content of the packs.
///
/// What always holds:
/// - Blocks are read and checked without a lock, under a lease; counts are compared in one write
///   transaction, after what came and went meanwhile was taken in. Under the lease only nodes that were
///   dead before it can go, so their links, and those of nodes that are new, are all there is to it.
/// - Memory is bounded: counts are kept for one partition of all CIDs at a time.
struct Verification {
    private let core: StoreCore
    private var report = VerifyReport()
    private let progress: ((UInt64) throws(StoreError) -> Void)?

    private static let reportedProblems = 1000
    private static let batchRows = 1024
    /// Blocks counted at once: about 50 bytes each.
    private static let partitionBlocks: UInt64 = 2 << 20

    /// One partition's counts, by the key of a CID.
    private struct Counts {
        let partition: UInt64
        let partitions: UInt64
        var expected: [UInt64: UInt32] = [:]
        /// Nodes whose links are in `expected`.
        var nodes: Set<UInt64> = []
        /// Links of nodes that may be collected meanwhile.
        var mortal: [UInt64: [UInt64]] = [:]

        func contains(_ key: UInt64) -> Bool { partitions == 1 || key % partitions == partition }
        mutating func add(_ key: UInt64) { if contains(key) { expected[key, default: 0] &+= 1 } }
        mutating func drop(_ key: UInt64) {
            guard contains(key), let count = expected[key] else { return }
            expected[key] = count == 1 ? nil : count - 1
        }
    }

    init(_ core: StoreCore, progress: ((UInt64) throws(StoreError) -> Void)?) {
        self.core = core
        self.progress = progress
    }

    mutating func run() throws(StoreError) -> VerifyReport {
        // LMDB believes its pages: nothing is asked of it before they have been looked at.
        do { try core.index.checkPages() } catch  where error.code == .corrupt {
            note(.damagedIndex, error.message)
            return report
        }
        let lease = try core.lease()
        defer { lease?.release() }
        let blocks = try core.read { (snapshot) throws(StoreError) in try snapshot.count(.blocks) }
        let partitions = blocks / Self.partitionBlocks + 1
        for partition in 0..<partitions {
            var counts = Counts(partition: partition, partitions: partitions)
            try readContent(&counts, since: lease?.epoch ?? .max)
            let first = partition == 0
            if core.isReadOnly {
                try core.read { (snapshot) throws(StoreError) in
                    try compare(snapshot, try snapshot.state(), &counts, withStore: first)
                }
            } else {
                try core.write(.releasing) { (transaction) throws(StoreError) in
                    try compare(transaction.index, transaction.committed, &counts, withStore: first)
                }
            }
        }
        return report
    }

    private mutating func note(_ kind: VerifyReport.Problem.Kind, _ message: String, _ cid: CID? = nil) {
        report.problemCount += 1
        if report.problems.count < Self.reportedProblems {
            report.problems.append(VerifyReport.Problem(kind: kind, message: message, cid: cid))
        }
    }

    // MARK: Content

    /// A row on its way to be checked.
    private final class Item: @unchecked Sendable {
        let cid: CID
        let place: Place
        let isMortal: Bool
        var links: [CID] = []
        var problem: VerifyReport.Problem?
        var rawLength: UInt64 = 0
        var isGone = false

        init(_ cid: CID, _ place: Place, isMortal: Bool) {
            self.cid = cid
            self.place = place
            self.isMortal = isMortal
        }
    }

    /// Reads blocks in order of storage (in later partitions the nodes only), checks them, and counts
    /// what they link to.
    private mutating func readContent(_ counts: inout Counts, since epoch: UInt64) throws(StoreError) {
        var start: UInt64? = 0
        let nodesOnly = counts.partition > 0
        while let from = start {
            let (items, next) = try rows(from: from, nodesOnly: nodesOnly, epoch)
            try check(items)
            for item in items where !item.isGone {
                if !nodesOnly {
                    report.blocks += 1
                    report.rawBytes += item.rawLength
                    if let problem = item.problem { note(problem.kind, problem.message, problem.cid) }
                }
                guard item.cid.codec == .dagCBOR else { continue }
                let key = item.cid.verificationKey
                guard counts.nodes.insert(key).inserted else { continue }
                for link in item.links where link.hash != .identity { counts.add(link.verificationKey) }
                if item.isMortal { counts.mortal[key] = item.links.map(\.verificationKey) }
            }
            if let progress, !nodesOnly { try progress(report.blocks) }
            start = next
        }
    }

    private func rows(from: UInt64, nodesOnly: Bool, _ epoch: UInt64) throws(StoreError) -> ([Item], UInt64?)
    {
        try core.read { (snapshot) throws(StoreError) in
            var items: [Item] = []
            var next: UInt64?
            var seen = 0
            try withKey(from) { (start) throws(StoreError) in
                try snapshot.scan(.blocks, from: start) { (key, value) throws(StoreError) in
                    let place = try IndexSnapshot.place(key).rawValue
                    guard seen < Self.batchRows else {
                        next = place
                        return false
                    }
                    seen += 1
                    // A damaged row is told in the comparison, which meets it too.
                    guard let block = try? IndexSnapshot.block(key, value) else { return true }
                    if !nodesOnly || block.cid.codec == .dagCBOR {
                        let isMortal = block.count == 0 && block.date <= epoch
                        items.append(Item(block.cid, Place(rawValue: place), isMortal: isMortal))
                    }
                    return true
                }
            }
            return (items, next)
        }
    }

    private func check(_ items: [Item]) throws(StoreError) {
        let core = core
        Parallel.forEach(items.count) { (position) in
            let item = items[position]
            do throws(StoreError) {
                try core.withBlock(item.cid) { (bytes) throws(StoreError) in
                    item.rawLength = UInt64(bytes.count)
                    guard item.cid.codec == .dagCBOR else { return }
                    item.links = try StoreCore.links(of: item.cid, in: bytes)
                    try Self.checkSizes(core, item, bytes)
                }
            } catch  where error.code == .notFound {
                item.isGone = true
            } catch {
                item.problem = .init(kind: .damagedBlock, message: error.message, cid: item.cid)
            }
        }
    }

    /// A tree and a split node say of each part how many bytes it is; the part has to agree.
    private static func checkSizes(_ core: StoreCore, _ item: Item, _ bytes: UnsafeRawBufferPointer)
        throws(StoreError)
    {
        let parts: [SplitForm.Part]
        if let split = try SplitForm.decode(bytes) {
            parts = try split.parts()
        } else {
            parts =
                try TreeNode.decode(bytes)?.children
                .map { .init(cid: $0.cid, size: $0.size, isFile: true) } ?? []
        }
        for child in parts {
            let size: UInt64
            do {
                size =
                    child.isFile
                    ? try core.size(of: child.cid)
                    : try core.withBlock(child.cid, SplitForm.valueSize(ofBlock:))
            } catch  where error.code == .notFound {
                item.problem = .init(
                    kind: .missingBlock,
                    message: "the tree \(item.cid) needs \(child.cid), which is not here",
                    cid: child.cid)
                continue
            } catch {
                // A damaged child is told when its own turn comes.
                continue
            }
            if size != child.size {
                item.problem = .init(
                    kind: .wrongSize,
                    message:
                        "the tree \(item.cid) says that \(child.cid) has \(child.size) bytes, it has \(size)",
                    cid: item.cid)
            }
        }
    }

    // MARK: Comparison

    private mutating func compare(
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
            }
            return true
        }
        try snapshot.scanHolds { (hold) throws(StoreError) in
            holds += 1
            counts.add(hold.cid.verificationKey)
            if withStore, try snapshot.location(of: hold.cid) == nil, try !core.has(hold.cid) {
                note(.missingBlock, "\(hold.owner) holds \(hold.cid), which is not here", hold.cid)
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
                if expected != block.count {
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
            try compareLoan(cid, row, fork)
            return true
        }
        if !counts.expected.isEmpty {
            note(.wrongAbsent, "\(counts.expected.count) blocks are linked to, not here and not counted")
        }
    }

    /// What a base lends is there, and held.
    private mutating func compareLoan(_ cid: CID, _ row: AbsentRow, _ fork: StoreIdentity?)
        throws(StoreError)
    {
        guard !core.bases.isEmpty else { return }
        guard let lender = row.lender else {
            for base in core.bases where base.isHolding {
                guard try base.core.has(cid) else { continue }
                note(.wrongLoan, "\(base.recorded.path) has \(cid) and does not hold it for this store", cid)
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
        if held == 0 { note(.wrongLoan, "\(base.recorded.path) does not hold \(cid) for this store", cid) }
        if try !base.core.has(cid) {
            note(.missingBlock, "\(cid) is gone, or damaged, in \(base.recorded.path)", cid)
        }
    }

    /// Holds in bases that nothing here accounts for.
    private mutating func compareSurplus(_ snapshot: IndexSnapshot) throws(StoreError) {
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
        } catch {
            note(.wrongJournal, "the journal cannot be read: \(error.message)")
        }
    }
}

extension CID {
    /// 64 bits that stand for a CID while counts are compared.
    fileprivate var verificationKey: UInt64 {
        var hasher = Hasher()
        hasher.combine(self)
        hasher.combine(version)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}

extension IndexSnapshot {
    func hasDead(date: UInt64, place: Place) throws(StoreError) -> Bool {
        var found = false
        try scanDead(from: date, place: place) { (nextDate, nextPlace) throws(StoreError) in
            found = nextDate == date && nextPlace == place
            return false
        }
        return found
    }
}

extension ContentStore {
    /// Recomputes every count, counter and checksum from content. `progress` hears of the blocks checked
    /// so far and may throw to stop.
    public func verify(progress: ((UInt64) throws(StoreError) -> Void)? = nil) throws(StoreError)
        -> VerifyReport
    {
        var verification = Verification(core, progress: progress)
        return try verification.run()
    }
}
