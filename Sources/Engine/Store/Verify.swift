/// Verification: every promise of the index recomputed from the content of the packs.
///
/// What always holds:
/// - Blocks are read and checked without a lock, under a lease; counts are compared in one write
///   transaction, after what came and went meanwhile was taken in. Under the lease only nodes that were
///   dead before it can go, so their links, and those of nodes that are new, are all there is to it.
/// - Memory is bounded: counts are kept for one partition of all CIDs at a time.
struct Verification {
    let core: StoreCore
    var report = VerifyReport()
    /// What trees need and is not here: no problem of trees that are garbage.
    private var missing: [(tree: CID, problem: VerifyReport.Problem)] = []
    /// How many roots and holders name each block that is not here.
    var names: [CID: UInt32] = [:]
    /// Nodes whose links nobody can read.
    var unreadNodes = 0
    private var knownGarbage: (blocks: Set<CID>, links: [CID: UInt32])?
    private let progress: ((UInt64) throws(StoreError) -> Void)?

    private static let gatheredProblems = 100_000
    private static let batchRows = 1024
    /// Blocks counted at once: about 50 bytes each.
    private static let partitionBlocks: UInt64 = 2 << 20

    /// One partition's counts, by the key of a CID.
    struct Counts {
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
                // What a lost commit had lent comes back in the first transaction after it, and the journal
                // is put right: not in the one that compares.
                try core.write(.releasing) { (_) throws(StoreError) in }
                try core.write(.releasing) { (transaction) throws(StoreError) in
                    try compare(transaction.index, transaction.committed, &counts, withStore: first)
                }
            }
        }
        // What nothing keeps needs nothing: repair finds it again, and what it was made of may be gone.
        for (tree, problem) in missing where try !garbage().blocks.contains(tree) {
            note(problem.kind, problem.message, problem.cid)
        }
        try countMissing()
        return report
    }

    /// What nothing keeps, looked for when it is first asked for.
    mutating func garbage() throws(StoreError) -> (blocks: Set<CID>, links: [CID: UInt32]) {
        if let knownGarbage { return knownGarbage }
        let found = try core.garbage()
        knownGarbage = found
        return found
    }

    mutating func note(_ kind: VerifyReport.Problem.Kind, _ message: String, _ cid: CID? = nil) {
        report.add(kind, message, cid)
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
                    if let problem = item.problem {
                        if problem.kind == .missingBlock, missing.count < Self.gatheredProblems {
                            missing.append((item.cid, problem))
                        } else {
                            note(problem.kind, problem.message, problem.cid)
                        }
                    }
                }
                guard item.cid.codec == .dagCBOR else { continue }
                if item.problem?.kind == .damagedBlock { unreadNodes += 1 }
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
                try core.withOwnBlock(item.cid) { (bytes) throws(StoreError) in
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
}

extension CID {
    /// 64 bits that stand for a CID while counts are compared.
    var verificationKey: UInt64 {
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
