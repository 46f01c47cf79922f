/// Repair: a new index from packs and journal alone.
///
/// What always holds:
/// - Nobody else has the store open, and packs are only read.
/// - A record enters the new index only when its bytes are what its CID names. What is read was made durable
///   before: a writer that died may have left records that it never flushed, and the new index relies on
///   them.
/// - Counts are recounted from the links of what is there, the roots and the holds; what nothing keeps
///   is dead, to be collected later.
/// - The old index stays in place until the new one is whole and durable. A journal and a lease table that
///   are sound stay as they are, so that a repair which dies has changed nothing; another journal is
///   numbered so that the old index takes it for its own, rewritten.
/// - Without a journal nothing is known to be garbage: blocks without a parent become roots
///   `recovered/CID`.
import Glibc

struct Repair {
    /// Of the directory that is held alone.
    let path: String
    private let progress: ((UInt64) throws(StoreError) -> Void)?
    private var report = RepairReport()
    private var freesExtents = true

    private static let batchRows = 16 << 10
    private static let batchLinks = 256 << 10

    /// Whether names are kept that name what is not here, for `heal` to bring it.
    private let keepsNames: Bool

    init(path: String, keepsNames: Bool, progress: ((UInt64) throws(StoreError) -> Void)?) {
        self.path = path
        self.keepsNames = keepsNames
        self.progress = progress
    }

    /// What is known of the store without its index.
    struct Known {
        var recorded: RecordedConfiguration
        var names: Names
        /// False when names may be missing, so that nothing is known to be garbage.
        var hasAllNames: Bool
        /// The journal's generation, 0 when it has none.
        var generation: UInt64
        /// Bytes of the journal that say these names, nil when it does not.
        var journalLength: UInt64?
    }

    mutating func run() throws(StoreError) -> RepairReport {
        // It would be given an index and a journal of its own, and write into the packs of both.
        try StoreFiles.requireOwn(path, System.readable(path))
        if !Defect.repairIsNotFlushed.isPresent { try System.flushFileSystem(path) }
        let known = try readKnown()
        let fresh = path + "/index.new"
        StoreCreation.removeTree(fresh)
        try System.makeDirectory(fresh)
        let index = try IndexEnvironment(path: fresh, create: true, readOnly: false)
        do throws(StoreError) {
            try build(index, known)
        } catch {
            index.close()
            StoreCreation.removeTree(fresh)
            throw error
        }
        index.close()
        try System.flushDirectory(fresh)
        try replaceIndex(fresh)
        return report
    }

    private func replaceIndex(_ fresh: String) throws(StoreError) {
        let place = path + "/index"
        if (try? System.status(ofPath: place)) == nil {
            try System.rename(fresh, place)
        } else {
            try System.exchange(fresh, place)
            try System.flushDirectory(path)
            StoreCreation.removeTree(fresh)
        }
        try System.flushDirectory(path)
    }

    // MARK: The new index

    private mutating func build(_ index: IndexEnvironment, _ known: Known) throws(StoreError) {
        // Also where it is not known any more over which bases it was.
        let files = try System.list(path)
        let isLayer = !known.recorded.bases.isEmpty || files.contains(where: ForkFile.isOne)
        var known = known
        if isLayer, !known.hasAllNames { known.recorded.lacksNames = true }
        try write(index) { (snapshot) throws(StoreError) in
            var state = IndexState()
            state.epoch = known.names.epoch + 1
            try snapshot.setState(state)
            try snapshot.setConfigurationText(known.recorded.text)
            if known.recorded.isSealed { try snapshot.seal() }
            // Bases are not asked here: what is linked to and not here is borrowed when the store is opened.
            if isLayer { try snapshot.setUnsettled(.known) }
            // What was agreed on with them is not known any more.
            for number in known.recorded.bases.indices {
                try snapshot.setLoan(try StoreCore.randomNumber(), fromBase: number)
            }
        }
        let payloads: PayloadPlace
        switch known.recorded.configuration.payloads {
        case .packs:
            let files = PackFiles(directory: path + "/packs", store: known.recorded.identity)
            do { try System.makeDirectory(files.directory) } catch  where error.code == .exists {}
            payloads = .packs(files)
            for number in try files.numbers() { try enterPack(index, files, number) }
        case .files(let levels):
            try BlockFiles.make(in: path)
            let files = BlockFiles(path: path, levels: levels)
            payloads = .files(files)
            freesExtents = false
            try enterFiles(index, files)
        }
        try countLinks(index, payloads)
        var names = known.names
        if !known.hasAllNames { try nameOrphans(index, &names) }
        try enterNames(index, &names, elsewhere: keepsNames || isLayer)
        try finish(index, known, names)
    }

    private func write(_ index: IndexEnvironment, _ body: (IndexSnapshot) throws(StoreError) -> Void)
        throws(StoreError)
    {
        try index.write(body)
    }

    private func change(_ index: IndexEnvironment, _ body: (StoreTransaction) throws(StoreError) -> Void)
        throws(StoreError)
    {
        try write(index) { (snapshot) throws(StoreError) in
            let transaction = StoreTransaction(
                snapshot, try snapshot.state(), freesExtents: freesExtents)
            try body(transaction)
            try transaction.finish()
            try snapshot.setState(transaction.state)
        }
    }

    /// Enters the sound records of one pack.
    private mutating func enterPack(_ index: IndexEnvironment, _ files: PackFiles, _ number: UInt32)
        throws(StoreError)
    {
        let descriptor: Int32
        do { descriptor = try System.open(files.path(number), O_RDONLY) } catch  where error.code == .corrupt
        {
            return
        }
        defer { System.close(descriptor) }
        var scanner = try PackScanner(descriptor)
        // Records say enough of themselves that a damaged header costs nothing; another store's pack is
        // not ours to take.
        if let owner = try scanner.owner(number: number), owner != files.store {
            return try leaveOut(index, number)
        }
        // One whose maker lost power before a byte of it was durable.
        guard try System.status(descriptor).length >= UInt64(PackFormat.headerLength) else {
            return try leaveOut(index, number)
        }
        let scratch = ReadScratch()
        var found: [(cid: CID, location: BlockLocation)] = []
        var end = UInt64(PackFormat.headerLength)
        func flush() throws(StoreError) {
            try change(index) { (transaction) throws(StoreError) in
                for (cid, location) in found {
                    // The first sound copy stands; the space of others is given back.
                    if try transaction.insert(cid, location, references: 0) == .inserted {
                        report.blocks += 1
                    }
                }
                try transaction.setWatermark(end, pack: number)
            }
            found.removeAll(keepingCapacity: true)
            if let progress { try progress(report.blocks) }
        }
        try scanner.forEach { (offset, header, payload) throws(StoreError) in
            guard let payload, Self.isSound(header, payload, scratch) else {
                report.damagedRecords += 1
                return false
            }
            found.append(
                (
                    header.cid,
                    BlockLocation(
                        place: Place(pack: number, offset: offset), storedLength: header.storedLength,
                        rawLength: header.rawLength, flags: header.flags)
                ))
            end = offset + UInt64(header.recordLength)
            if found.count >= Self.batchRows { try flush() }
            return true
        }
        end = max(end, try System.status(descriptor).length)
        try flush()
    }

    /// Enters the sound files, in places of their own. Damaged ones are freed, as what a record leaves in a
    /// pack is: collection removes them, unless the same bytes were stored again.
    private mutating func enterFiles(_ index: IndexEnvironment, _ files: BlockFiles) throws(StoreError) {
        let scratch = ReadScratch()
        let lane: UInt32 = 1
        var found: [(cid: CID, location: BlockLocation, isSound: Bool)] = []
        var end = UInt64(PackFormat.headerLength)
        func flush() throws(StoreError) {
            try change(index) { (transaction) throws(StoreError) in
                for (cid, location, isSound) in found {
                    guard isSound else {
                        try transaction.giveUp(cid, location)
                        continue
                    }
                    _ = try transaction.insert(cid, location, references: 0)
                    report.blocks += 1
                }
                try transaction.setWatermark(end, pack: lane)
            }
            found.removeAll(keepingCapacity: true)
            if let progress { try progress(report.blocks) }
        }
        try files.forEachFile { (path, cid) throws(StoreError) in
            guard let cid, let status = try? System.status(ofPath: path), status.isRegular else { return }
            let length = UInt32(clamping: status.length)
            let location = BlockLocation(
                place: Place(pack: lane, offset: end), storedLength: length, rawLength: length, flags: [])
            var isSound = true
            do throws(StoreError) {
                let block = try files.block(cid, location, scratch)
                if cid.codec == .dagCBOR { _ = try StoreCore.links(of: cid, in: block) }
            } catch {
                // What cannot be read now may be the next time: nothing is left out for that.
                guard [.corrupt, .unsupported].contains(error.code) else { throw error }
                report.damagedRecords += 1
                // Nor is removed what only another version can check.
                if error.code == .unsupported { return }
                isSound = false
            }
            found.append((cid, location, isSound))
            end += UInt64(RecordHeader.recordLength(cid: cid, storedLength: length))
            if found.count >= Self.batchRows { try flush() }
        }
        try flush()
    }

    /// Whether a record's bytes are what its CID names, and its links can be counted.
    private static func isSound(
        _ header: RecordHeader, _ payload: UnsafeRawBufferPointer, _ scratch: ReadScratch
    ) -> Bool {
        guard header.cid.hash != .identity,
            let block = try? Payload.decode(
                header, payload, into: scratch.block.bytes, scratch.decompressor)
        else { return false }
        return header.cid.codec != .dagCBOR || (try? StoreCore.links(of: header.cid, in: block)) != nil
    }

    /// A foreign file keeps its number, and so does one that holds nothing, which collection removes.
    private func leaveOut(_ index: IndexEnvironment, _ number: UInt32) throws(StoreError) {
        try change(index) { (transaction) throws(StoreError) in
            transaction.state.nextPack = max(transaction.state.nextPack, UInt64(number) + 1)
        }
    }

    /// Counts what every node links to.
    private mutating func countLinks(_ index: IndexEnvironment, _ payloads: PayloadPlace) throws(StoreError) {
        let scratch = ReadScratch()
        var start: UInt64? = 0
        while let from = start {
            var counts: [CID: UInt32] = [:]
            var links = 0
            var next: UInt64?
            var nodes: [(CID, BlockLocation)] = []
            try index.read { (snapshot) throws(StoreError) in
                try withKey(from) { (key) throws(StoreError) in
                    try snapshot.scan(.blocks, from: key) { (key, value) throws(StoreError) in
                        guard nodes.count < 2048 else {
                            next = try IndexSnapshot.place(key).rawValue
                            return false
                        }
                        let block = try IndexSnapshot.block(key, value)
                        if block.cid.codec == .dagCBOR, let location = try snapshot.location(of: block.cid) {
                            nodes.append((block.cid, location))
                        }
                        return true
                    }
                }
            }
            func flush() throws(StoreError) {
                try change(index) { (transaction) throws(StoreError) in
                    for (cid, count) in counts { try transaction.addReferences(count, to: cid) }
                }
                counts.removeAll(keepingCapacity: true)
                links = 0
            }
            for (cid, location) in nodes {
                let bytes = try payloads.block(cid, location, scratch, room: nil)
                for link in try StoreCore.links(of: cid, in: bytes) where link.hash != .identity {
                    counts[link, default: 0] += 1
                    links += 1
                }
                if links >= Self.batchLinks { try flush() }
            }
            try flush()
            start = next
        }
        report.missingBlocks = try index.read { (snapshot) throws(StoreError) in try snapshot.count(.absent) }
    }

    private mutating func nameOrphans(_ index: IndexEnvironment, _ names: inout Names) throws(StoreError) {
        let kept = Set(names.roots.values).union(names.holds.keys.map(\.cid))
        var orphans: [CID] = []
        try index.read { (snapshot) throws(StoreError) in
            try snapshot.scan(.blocks) { (key, value) throws(StoreError) in
                let block = try IndexSnapshot.block(key, value)
                if block.count == 0, !kept.contains(block.cid) { orphans.append(block.cid) }
                return true
            }
        }
        for cid in orphans { names.setRoot("recovered/\(cid)", cid) }
        report.recoveredRoots = UInt64(orphans.count)
    }

    /// `elsewhere`: what is not here may be in a base, or be brought back.
    private mutating func enterNames(_ index: IndexEnvironment, _ names: inout Names, elsewhere: Bool)
        throws(StoreError)
    {
        var kept = names
        kept.roots = [:]
        kept.holds = [:]
        try change(index) { (transaction) throws(StoreError) in
            for (name, cid) in names.roots {
                let location = try transaction.index.location(of: cid)
                guard cid.hash == .identity || location != nil || elsewhere else {
                    report.lostNames += 1
                    continue
                }
                try transaction.setRoot(name.text, cid, mayBeAbsent: elsewhere)
                kept.roots[name] = cid
            }
            for (key, count) in names.holds {
                guard try transaction.index.location(of: key.cid) != nil || elsewhere else {
                    report.lostNames += 1
                    continue
                }
                try transaction.retain(key.cid, owner: key.owner.text, mayBeAbsent: elsewhere)
                try transaction.index.setHold(key.owner.text, key.cid, count)
                kept.holds[key] = count
            }
        }
        names = kept
        report.roots = UInt64(names.roots.count)
        report.holds = UInt64(names.holds.count)
    }

    /// Ties the new index to the journal and the lease table that are there, where they are sound and say
    /// the same, or to new ones.
    private func finish(_ index: IndexEnvironment, _ known: Known, _ names: Names) throws(StoreError) {
        let epoch = try index.read { (snapshot) throws(StoreError) in try snapshot.epoch() } + 1
        let journal: (generation: UInt64, length: UInt64)
        if let length = known.journalLength, names == known.names {
            journal = (known.generation, length)
        } else {
            journal = try writeJournal(known, names, epoch)
        }
        var leases: UInt64
        do {
            let table = try LeaseTable(path: path + "/leases", readOnly: true)
            leases = table.identity
            table.close()
        } catch { leases = try LeaseTable.create(path + "/leases") }
        // Twice, so that an index which loses its last commit is whole all the same.
        for _ in 0..<2 {
            try write(index) { (snapshot) throws(StoreError) in
                var state = try snapshot.state()
                state.epoch = epoch
                state.journalGeneration = journal.generation
                state.journalLength = journal.length
                state.leaseTable = leases
                try snapshot.setState(state)
            }
        }
    }

    private func writeJournal(_ known: Known, _ names: Names, _ epoch: UInt64) throws(StoreError)
        -> (generation: UInt64, length: UInt64)
    {
        var entries: [Journal.Entry] = [.configuration(known.recorded.text)]
        for (name, cid) in names.roots.sorted(by: { Names.Name.precedes($0.key, $1.key) }) {
            entries.append(.root(name: name.text, cid))
        }
        for (key, count) in names.holds {
            entries.append(.hold(Hold(owner: key.owner.text, cid: key.cid, count: count)))
        }
        let generation = known.generation &+ 1
        let length = try Journal.create(
            path + "/journal", entries, store: known.recorded.identity, epoch: epoch, generation: generation)
        return (generation, length)
    }
}

extension ContentStore {
    /// Rebuilds the index of the store at `path` from its packs and its journal. BUSY while anybody has
    /// the store open. `progress` hears of the blocks found so far and may throw to stop, which changes
    /// nothing. `keepingNames`: roots and holds of blocks that are lost stay, for `heal` to bring those back.
    @discardableResult
    public static func repair(
        at path: String, keepingNames: Bool = false, progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> RepairReport {
        let directory = try StoreDirectory(path, alone: true)
        defer { directory.close() }
        var repair = Repair(path: directory.path, keepsNames: keepingNames, progress: progress)
        return try repair.run()
    }
}
