/// Collection: takes dead blocks away, in slices, at the cost of what is dead.
///
/// What always holds:
/// - A block is taken only while its count is zero and it died before the oldest lease, both checked in
///   the transaction that takes it; children of what is taken die in that transaction, so they fall to a
///   later one.
/// - Children released at deletion are those counted at storing: the links of the same bytes.
/// - A slice is bounded in blocks and links, whatever the garbage; a kill between two lines loses nothing.
/// - Space is given back two commits after the one that freed it.
import Glibc

public struct CollectionReport: Equatable, Sendable {
    /// Blocks taken.
    public var blocks: UInt64 = 0
    /// Bytes of their payloads as stored.
    public var storedBytes: UInt64 = 0
    /// Dead blocks that remain: protected by a lease, beyond the budget, or unreadable.
    public var remaining: UInt64 = 0
    /// Bytes of packs given back to the file system.
    public var reclaimedBytes: UInt64 = 0
    /// Packs removed.
    public var packs: UInt64 = 0
    /// False when the budget ended it.
    public var isComplete = true
}

struct Collection {
    let core: StoreCore

    /// Later than any date: where dead blocks wait that could not be read to release their children.
    static let setAsideDate = UInt64.max
    private static let sliceBlocks = 8192
    private static let sliceLinks = 64 << 10
    private static let slicePunches = 4096

    /// A dead block and what it links to, gathered from a snapshot.
    private struct Candidate {
        let cid: CID
        let place: Place
        let date: UInt64
        var links: [CID] = []
        var isUnreadable = false
    }

    /// Runs until nothing collectable is left or the budget (nanoseconds, nil: none) is spent.
    /// `progress` hears of the blocks taken so far and may throw to stop.
    func run(budget: UInt64?, progress: ((UInt64) throws(StoreError) -> Void)? = nil) throws(StoreError)
        -> CollectionReport
    {
        var report = CollectionReport()
        let start = System.monotonicNanoseconds()
        core.index.clearStaleReaders()
        func isSpent() -> Bool { budget.map { System.monotonicNanoseconds() - start >= $0 } ?? false }
        var limit = Self.sliceBlocks
        while true {
            do {
                guard try slice(&report, limit) else { break }
                limit = min(Self.sliceBlocks, limit * 2)
            } catch  where error.code == .full && limit > 1 {
                // A slice changes pages all over the index, and needs new ones for them until those of the
                // commits before are free. On a full disk there is the reserve: less at a time will do.
                limit = max(1, limit / 8)
            }
            if let progress { try progress(report.blocks) }
            if isSpent() {
                report.isComplete = false
                break
            }
        }
        try giveBack(&report, isSpent)
        if report.isComplete, case .packs(let files) = core.payloads,
            try PackSpace(core: core, files: files).compact(isSpent)
        {
            try giveBack(&report, isSpent)
        }
        report.remaining = try core.read { (snapshot) throws(StoreError) in try snapshot.state().deadBlocks }
        return report
    }

    // MARK: Slices

    /// Takes one slice; false when there was nothing to take.
    private func slice(_ report: inout CollectionReport, _ limit: Int) throws(StoreError) -> Bool {
        var candidates = try gather(limit)
        guard !candidates.isEmpty else { return false }
        try readLinks(&candidates)
        let taken = try core.write(.releasing) { (transaction) throws(StoreError) in
            try take(candidates, transaction)
        }
        report.blocks += taken.blocks
        report.storedBytes += taken.storedBytes
        return taken.blocks > 0 || taken.setAside > 0
    }

    private func gather(_ limit: Int) throws(StoreError) -> [Candidate] {
        try core.read { (snapshot) throws(StoreError) in
            let state = try snapshot.state()
            guard state.deadBlocks > state.setAside, let leases = core.leases,
                let oldest = try leases.horizon(known: state.leaseTable)
            else { return [] }
            var candidates: [Candidate] = []
            try snapshot.scanDead { (date, place) throws(StoreError) in
                guard date <= oldest, date != Self.setAsideDate, candidates.count < limit else {
                    return false
                }
                guard let block = try snapshot.block(at: place) else {
                    throw StoreError(
                        .corrupt, "the dead queue names a place without a block: run verify --repair")
                }
                candidates.append(Candidate(cid: block.cid, place: place, date: date))
                return true
            }
            return candidates
        }
    }

    /// Reads what the candidates link to, outside any transaction; cuts the slice at the link bound.
    private func readLinks(_ candidates: inout [Candidate]) throws(StoreError) {
        var links = 0
        for position in candidates.indices where candidates[position].cid.codec == .dagCBOR {
            do {
                candidates[position].links = try core.links(of: candidates[position].cid)
            } catch  where error.code == .corrupt {
                candidates[position].isUnreadable = true
            } catch  where error.code == .notFound {
                // Somebody else collected it meanwhile; the transaction sees that too.
                continue
            }
            links += candidates[position].links.count
            if links >= Self.sliceLinks {
                candidates.removeSubrange((position + 1)...)
                return
            }
        }
    }

    private func take(_ candidates: [Candidate], _ transaction: StoreTransaction) throws(StoreError)
        -> (blocks: UInt64, storedBytes: UInt64, setAside: UInt64)
    {
        var taken: (blocks: UInt64, storedBytes: UInt64, setAside: UInt64) = (0, 0, 0)
        // Read again, here: a lease published before this transaction began must be seen.
        guard let leases = core.leases,
            let oldest = try leases.horizon(known: transaction.committed.leaseTable)
        else { return taken }
        var released: [CID: UInt32] = [:]
        for candidate in candidates.sorted(by: { $0.place < $1.place }) where candidate.date <= oldest {
            guard let block = try transaction.index.block(at: candidate.place), block.cid == candidate.cid,
                block.count == 0, block.date == candidate.date,
                let location = try transaction.index.location(of: candidate.cid),
                location.place == candidate.place
            else { continue }
            if candidate.isUnreadable {
                try transaction.setAside(candidate.cid, location)
                taken.setAside += 1
                continue
            }
            try transaction.remove(block, location)
            taken.blocks += 1
            taken.storedBytes += UInt64(location.storedLength)
            if Defect.childrenAreNotReleased.isPresent { continue }
            for link in candidate.links { released[link, default: 0] += 1 }
        }
        // In order of place: siblings share pages.
        var located: [(location: BlockLocation, cid: CID, count: UInt32)] = []
        located.reserveCapacity(released.count)
        for (cid, count) in released where cid.hash != .identity {
            if let location = try transaction.index.location(of: cid) {
                located.append((location, cid, count))
            } else {
                try transaction.dropReferences(count, from: cid)
            }
        }
        located.sort { $0.location.place < $1.location.place }
        for (location, cid, count) in located {
            try transaction.dropReferences(count, from: cid, at: location)
        }
        return taken
    }

    // MARK: Space

    private func giveBack(_ report: inout CollectionReport, _ isSpent: () -> Bool) throws(StoreError) {
        switch core.payloads {
        case .packs(let files): try PackSpace(core: core, files: files).tidy()
        case .files(let files):
            try files.recoverLanes { (body) throws(StoreError) in
                try core.write(.releasing) { (transaction) throws(StoreError) in try body(transaction.index) }
            }
        case .memory: break
        }
        let waiting = try core.read { (snapshot) throws(StoreError) in try snapshot.count(.punch) }
        guard waiting > 0 else { return }
        // Two commits between freeing and giving back, so that even an index that is one commit behind its
        // packs and its bases finds every block that it names.
        for _ in 0..<2 where !Defect.isGivingBackAtOnce {
            try core.write(.releasing) { (_) throws(StoreError) in }
        }
        while try core.returnBorrowed(Self.slicePunches), !isSpent() {}
        switch core.payloads {
        case .packs(let files):
            let space = PackSpace(core: core, files: files)
            while try space.punch(Self.slicePunches, &report), !isSpent() {}
        case .files(let files):
            // Stored again meanwhile, a block stands under the same name.
            while try removePayloads(
                &report, { (cid, _, isBack) throws(StoreError) in isBack ? 0 : try files.remove(cid) },
                settling: { () throws(StoreError) in try files.flush() }), !isSpent()
            {}
        case .memory(let payloads):
            while try removePayloads(
                &report, { (_, place, _) in payloads.free(place) }, settling: {}), !isSpent()
            {}
        }
    }

    /// Removes a bounded number of payloads that stand by themselves; false when none is old enough. They are
    /// gone for good, by `settling`, before the commit that forgets them: a file that came back after a power
    /// loss would belong to nobody.
    private func removePayloads(
        _ report: inout CollectionReport,
        _ remove: (CID, Place, _ isBack: Bool) throws(StoreError) -> UInt64,
        settling settle: () throws(StoreError) -> Void
    ) throws(StoreError) -> Bool {
        try core.write(.releasing) { (transaction) throws(StoreError) in
            var due: [(key: PunchKey, cid: CID)] = []
            try transaction.index.scanPunches { (key, freed) throws(StoreError) in
                guard key.epoch + 2 <= transaction.committed.epoch, due.count < Self.slicePunches else {
                    return false
                }
                if case .payload(let cid) = freed { due.append((key, cid)) }
                return true
            }
            // What was stored again and has gone again too recently.
            var young: Set<CID> = []
            let epoch = transaction.committed.epoch
            try transaction.index.scanPunches(from: epoch &- min(epoch, 1)) { (_, freed) throws(StoreError) in
                if case .payload(let cid) = freed { young.insert(cid) }
                return true
            }
            for (key, cid) in due {
                let isBack = try transaction.index.location(of: cid) != nil || young.contains(cid)
                report.reclaimedBytes += try remove(cid, key.place, isBack)
                try transaction.index.removePunch(key)
            }
            if !due.isEmpty { try settle() }
            return !due.isEmpty
        }
    }
}
