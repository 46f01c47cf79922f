/// One writer's unit of work.
///
/// What always holds:
/// - Its lease is published before its first lookup, and lives until it ends: what it found stays.
/// - Blocks are committed in bounded stages, reachable by nothing until `commit` writes the names, all
///   of them in one transaction. A batch that dies, or is aborted, leaves only dead blocks.
/// - Storing a node counts each distinct block it links to, in the stage that enters the node, and only
///   when the node was not there before.
/// - What its own trees link to is here when they are entered, or on its way to a later stage of the same
///   batch, or the stage is a CONFLICT.

public final class Batch: @unchecked Sendable {
    let core: StoreCore
    private var lease: Lease?
    private let appender: any PayloadAppender
    private let buffer = RecordBuffer(capacity: 4 << 20)
    private let compressor: Compressor
    /// Blocks that this batch has put, or is putting, into records of the open stage.
    private let claimed = Lock<Set<CID>>([])
    private var staged: [StagedBlock] = []
    /// Places of the first so many staged blocks, put together when the batch reads what it stored.
    private var stagedLocations: [CID: BlockLocation] = [:]
    private var locatedBlocks = 0
    private var stagedBytes = 0
    private var stagedLinks = 0
    /// Stores that have nodes of bases themselves, with all that is below these.
    private let wholeNodes = Lock<[CID: StoreCore.Holder]>([:])
    /// What was linked to while no base had it for this store, and was found in one.
    private let found = Lock<Set<CID>>([])
    private var names: [NameChange] = []
    private var isOver = false
    private let isMending: Bool
    private let store: ContentStore
    /// Roots that `commit` left as they were, because they are not what was expected and may stay so.
    public private(set) var refusedRoots: [String] = []

    private struct StagedBlock {
        let cid: CID
        let location: BlockLocation
        let links: [CID]
        let isTree: Bool
    }

    private enum NameChange {
        case root(name: String, CID?, expected: RootExpectation, mayStay: Bool)
        case hold(owner: String, CID)
    }

    /// `isMending`: it brings back what is damaged, in a sealed store, too.
    init(_ store: ContentStore, isMending: Bool = false) throws(StoreError) {
        self.store = store
        self.isMending = isMending
        core = store.core
        if isMending { try store.checkMendable() } else { try store.checkWritable() }
        compressor = Compressor(core.configuration.compression)
        appender = core.payloads.makeAppender(core.index)
    }

    deinit { end() }

    /// Whether it had to store something that was put as a block.
    package private(set) var hasStored = false

    /// By its commit, an abort, or an error while it stored.
    package var hasEnded: Bool { isOver }

    private func end() {
        isOver = true
        appender.release()
        lease?.release()
        lease = nil
    }

    func checkOpen() throws(StoreError) {
        try core.check()
        guard !isOver else { throw StoreError(.invalid, "the batch has ended") }
        if lease == nil { lease = try core.lease() }
    }

    /// Runs a step; one that fails ends the batch, because what it had gathered is half of something.
    func step<T>(_ body: () throws(StoreError) -> T) throws(StoreError) -> T {
        try checkOpen()
        do { return try body() } catch {
            end()
            throw error
        }
    }

    // MARK: Storing

    /// Stores a block, at most 1 MiB, under the store's hash. A dag-cbor block must be strict, and its
    /// links are counted.
    public func putBlock(_ bytes: UnsafeRawBufferPointer, codec: CID.Codec) throws(StoreError) -> CID {
        guard bytes.count <= Block.maximumLength else {
            throw StoreError(
                .tooLarge, "a block has at most \(Block.maximumLength) bytes, not \(bytes.count)")
        }
        var links: [CID] = []
        if codec == .dagCBOR {
            do { links = try DagCBOR.links(in: bytes) } catch { throw StoreError(error) }
        }
        let cid = try core.cid(of: bytes, codec)
        return try step { () throws(StoreError) in
            try put(cid, bytes, links: links, isTree: false)
            return cid
        }
    }

    /// Stores all that `source` gives, in chunks under a tree; the root. `progress` hears of the bytes
    /// read so far and may throw to stop.
    public func putBytes(
        from source: any ByteSource, progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> CID {
        try step { () throws(StoreError) in
            try Ingest(self, core.configuration.profile).run(source, progress: progress)
        }
    }

    /// As `putBytes(from:)`, of bytes in memory.
    public func putBytes(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> CID {
        try putBytes(from: MemorySource(bytes))
    }

    /// Stores a checked block unless it is here, or, with `inBases`, there; whether it was stored.
    @discardableResult
    func put(_ cid: CID, _ bytes: UnsafeRawBufferPointer, links: [CID], isTree: Bool, inBases: Bool = true)
        throws(StoreError) -> Bool
    {
        if cid.hash == .identity { return false }
        try checkOpen()
        var missing = [true]
        try claim([cid], &missing, inBases: inBases)
        if !missing[0], inBases, try isTorn(cid, links) {
            missing[0] = claimed.withLock { $0.insert(cid).inserted }
        }
        guard missing[0] else { return false }
        hasStored = true
        if !buffer.hasRoom { try flushBuffer() }
        buffer.add(cid, bytes, links: links, isTree: isTree, compressor)
        return true
    }

    /// For each CID: whether the caller has to store it; with `claiming`, who is told so does. Any thread of
    /// the batch may ask.
    func claim(_ cids: [CID], _ missing: inout [Bool], inBases: Bool = true, claiming: Bool = true)
        throws(StoreError)
    {
        for position in cids.indices { missing[position] = true }
        try core.findReliable(cids, &missing, lease, inBases: inBases)
        if inBases { try noteLinked(cids, missing) }
        claimed.withLock { claimed in
            guard claiming else {
                for (position, cid) in cids.enumerated() where claimed.contains(cid) {
                    missing[position] = false
                }
                return
            }
            for (position, cid) in cids.enumerated() where missing[position] {
                missing[position] = claimed.insert(cid).inserted
            }
        }
    }

    /// Whether a node is in a base alone, and something that it links to is here, or not sound where the node
    /// is: then the base holds the node for this store, and not what is below it, which nothing here would
    /// link to. Asked of children before their parents.
    func isTorn(_ cid: CID, _ links: [CID]) throws(StoreError) -> Bool {
        if core.bases.isEmpty || links.isEmpty || claimed.withLock({ $0.contains(cid) }) { return false }
        if Defect.tornNodesAreBorrowed.isPresent { return false }
        // One that is here and about to go is none that may be relied upon.
        let since = lease?.epoch ?? .max
        let isHere = try core.read { (snapshot) throws(StoreError) -> Bool? in
            if let location = try snapshot.location(of: cid),
                try core.isReliable(location, of: cid, since, snapshot)
            {
                return nil
            }
            for link in links where try snapshot.location(of: link) != nil { return true }
            return false
        }
        guard let isHere else { return false }
        if isHere || claimed.withLock({ claimed in links.contains { claimed.contains($0) } }) { return true }
        guard let holder = try core.holder(of: cid) else { return false }
        for link in links {
            guard link.hash != .identity else { continue }
            // What it only sees it does not keep.
            guard let below = try holder.core.keeper(of: link) else { return true }
            guard link.codec == .dagCBOR else { continue }
            // Found whole in another store, it need not be so in this one.
            var whole = wholeNodes.withLock { $0[link] }
            if whole == nil { whole = try borrowed(link) }
            if let whole, whole.core !== below.core { return true }
        }
        wholeNodes.withLock { $0[cid] = holder }
        return false
    }

    /// The store that has what is borrowed already.
    private func borrowed(_ cid: CID) throws(StoreError) -> StoreCore.Holder? {
        let row = try core.read { (snapshot) throws(StoreError) in try snapshot.absent(of: cid) }
        guard row.count > 0, row.lender != nil else { return nil }
        return try core.holder(of: cid)
    }

    /// What a base has, and something here linked to before that, or while another one had it that has it no
    /// longer, is borrowed from now on.
    private func noteLinked(_ cids: [CID], _ missing: [Bool]) throws(StoreError) {
        guard !core.bases.isEmpty else { return }
        let linked = try core.read { (snapshot) throws(StoreError) in
            var linked: [(cid: CID, lender: UInt8?)] = []
            for (position, cid) in cids.enumerated() where !missing[position] {
                let row = try snapshot.absent(of: cid)
                if row.count > 0 { linked.append((cid, row.lender)) }
            }
            return linked
        }
        for (cid, lender) in linked {
            if let lender = lender.map(Int.init), lender < core.bases.count,
                try core.bases[lender].canLend(cid)
            {
                continue
            }
            found.withLock { _ = $0.insert(cid) }
        }
    }

    /// Appends a buffer's records to a pack and takes note of them for the stage.
    func append(_ records: RecordBuffer) throws(StoreError) {
        guard records.length > 0 else { return }
        let place = try appender.append(records)
        for entry in records.entries {
            let location = BlockLocation(
                place: Place(pack: place.pack, offset: place.offset + UInt64(entry.offset)),
                storedLength: entry.storedLength, rawLength: entry.rawLength, flags: entry.flags)
            staged.append(
                StagedBlock(cid: entry.cid, location: location, links: entry.links, isTree: entry.isTree))
            stagedLinks += entry.links.count
        }
        stagedBytes += records.length
        records.clear()
        if staged.count >= Bounds.stageBlocks || stagedBytes >= Bounds.stageBytes
            || stagedLinks >= Bounds.stageLinks
        {
            try commitStage(final: false)
        }
    }

    /// The bytes of a block of the open stage.
    func staged(_ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch) throws(StoreError)
        -> UnsafeRawBufferPointer
    {
        try appender.block(cid, location, scratch)
    }

    private func flushBuffer() throws(StoreError) { try append(buffer) }

    /// Where a block of the open stage is, nil for all others.
    func stagedLocation(of cid: CID) throws(StoreError) -> BlockLocation? {
        guard !isOver, claimed.withLock({ $0.contains(cid) }) else { return nil }
        // What waits to be appended is appended now; that may end the stage.
        if buffer.length > 0 { try flushBuffer() }
        for block in staged[locatedBlocks...] { stagedLocations[block.cid] = block.location }
        locatedBlocks = staged.count
        return stagedLocations[cid]
    }

    /// Stores a node of a tree that is built in this batch.
    func put(treeNode node: UnsafeRawBufferPointer, _ cid: CID, children: [ChildRun]) throws(StoreError) {
        var links: [CID] = []
        var seen: Set<CID> = []
        links.reserveCapacity(children.count)
        for child in children where seen.insert(child.cid).inserted { links.append(child.cid) }
        try put(cid, node, links: links, isTree: true)
    }

    /// Stores a block that is there, where it cannot be relied upon as it is; whether it was stored.
    package func putAgain(_ cid: CID, _ bytes: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
        try step { () throws(StoreError) in
            let links = cid.codec == .dagCBOR ? try StoreCore.links(of: cid, in: bytes) : []
            return try put(cid, bytes, links: links, isTree: false)
        }
    }

    /// The same of all nodes below it, children before their parents; what is lost stays so.
    package func putAgain(below root: CID) throws(StoreError) {
        try step { () throws(StoreError) in
            var copy = DagCopy(countsBases: true, leavesMissing: true) {
                [core] (cid, scratch) throws(StoreError) in
                do throws(StoreError) { return try core.content(cid, scratch) } catch
                    where error.code == .corrupt
                {
                    throw StoreError(.notFound, error.message)
                }
            }
            _ = try copy.run(root, into: self) { (_) in false }
        }
    }

    // MARK: Names and the end

    /// Has `commit` point a root at `cid` (nil: remove it), if it then is what is expected. If it is not, the
    /// commit is a CONFLICT, or, when the root `mayStay`, leaves it and does all else (`refusedRoots`).
    public func setRoot(
        _ name: String, to cid: CID?, expecting expected: RootExpectation = .anything, mayStay: Bool = false
    ) throws(StoreError) {
        try StoreName.checkRoot(name)
        guard !isOver else { throw StoreError(.invalid, "the batch has ended") }
        names.append(.root(name: name, cid, expected: expected, mayStay: mayStay))
    }

    /// Has `commit` retain `cid` for an owner, the store handle's when nil.
    public func hold(_ cid: CID, owner: String? = nil) throws(StoreError) {
        let owner = owner ?? store.owner
        try StoreName.checkOwner(owner)
        guard !isOver else { throw StoreError(.invalid, "the batch has ended") }
        names.append(.hold(owner: owner, cid))
    }

    /// Makes everything durable and the names visible, in one transaction. The batch is over, whether
    /// this returns or throws.
    public func commit() throws(StoreError) {
        try core.check()
        guard !isOver else { throw StoreError(.invalid, "the batch has ended") }
        defer { end() }
        if buffer.length > 0 { try flushBuffer() }
        guard !staged.isEmpty || !names.isEmpty || found.withLock({ !$0.isEmpty }) else { return }
        try commitStage(final: true)
        if !names.isEmpty { core.shortenJournal() }
    }

    /// Ends the batch. What it stored is dead and goes with the next collection.
    public func abort() {
        guard core.isOwner else { return }
        end()
    }

    private func commitStage(final: Bool) throws(StoreError) {
        try appender.flush()
        let found = found.withLock { found in
            defer { found = [] }
            return found
        }
        do {
            try core.write(.storing(blocks: staged.count), isMending: isMending) {
                (transaction) throws(StoreError) in
                transaction.chosen = wholeNodes.withLock { $0 }
                try appender.enter(transaction)
                try enterStage(transaction)
                for cid in found { try transaction.adopt(cid) }
                if final { try enterNames(transaction) }
            }
        } catch {
            // Did the commit happen? Where nobody knows, nothing is cut.
            if core.index.isPoisoned { appender.abandon() }
            throw error
        }
        appender.didCommit()
        // Claims of records that are still on their way to a later stage stand.
        claimed.withLock { claimed in for block in staged { claimed.remove(block.cid) } }
        staged.removeAll(keepingCapacity: true)
        stagedLocations = [:]
        locatedBlocks = 0
        stagedBytes = 0
        stagedLinks = 0
    }

    private func enterStage(_ transaction: StoreTransaction) throws(StoreError) {
        // Which nodes are new decides which links count.
        var references: [CID: (count: UInt32, isRequired: Bool)] = [:]
        var nodes: Set<CID> = []
        for block in staged where !block.links.isEmpty {
            guard try transaction.index.location(of: block.cid) == nil, nodes.insert(block.cid).inserted
            else {
                continue
            }
            for link in block.links where link.hash != .identity {
                let known = references[link] ?? (0, false)
                references[link] = (known.count + 1, known.isRequired || block.isTree)
            }
        }
        // In order of storage, so that the table of counts grows at its end.
        for block in staged {
            let own = references.removeValue(forKey: block.cid)
            _ = try transaction.insert(block.cid, block.location, references: own?.count ?? 0)
        }
        // Children that were here before, in order of place: siblings share pages.
        var existing: [(location: BlockLocation, count: UInt32)] = []
        existing.reserveCapacity(references.count)
        for (cid, reference) in references {
            if let location = try transaction.index.location(of: cid) {
                existing.append((location, reference.count))
            } else if try !transaction.addReferences(reference.count, to: cid), reference.isRequired,
                !claimed.withLock({ $0.contains(cid) }), !Defect.deadDuplicatesAreTaken.isPresent,
                // Part of what is edited elsewhere, and lost there, as it may be in a single store.
                try !transaction.hasDamaged(cid)
            {
                throw StoreError(.conflict, "\(cid), which the batch relied on, is gone: try again")
            }
        }
        existing.sort { $0.location.place < $1.location.place }
        for (location, count) in existing { try transaction.addReferences(count, at: location) }
    }

    private func enterNames(_ transaction: StoreTransaction) throws(StoreError) {
        refusedRoots = []
        for change in names {
            switch change {
            case .root(let name, let cid, let expected, let mayStay):
                let current = try transaction.index.root(name)
                if mayStay, !expected.allows(current) {
                    refusedRoots.append(name)
                    continue
                }
                try expected.check(name, current)
                try transaction.setRoot(name, cid)
            case .hold(let owner, let cid):
                try transaction.retain(cid, owner: owner)
            }
        }
    }
}

/// What a root must be for a change to happen.
public enum RootExpectation: Equatable, Sendable {
    case anything
    case absent
    case cid(CID)

    func allows(_ current: CID?) -> Bool {
        switch self {
        case .anything: true
        case .absent: current == nil
        case .cid(let expected): current == expected
        }
    }

    /// Throws CONFLICT when `current` is something else.
    func check(_ name: String, _ current: CID?) throws(StoreError) {
        guard allows(current) else {
            throw StoreError(
                .conflict,
                "the root \(name) is \(current.map(\.description) ?? "none"), not what was expected")
        }
    }
}
