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
        if report.isComplete, try compact(isSpent) { try giveBack(&report, isSpent) }
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

    /// Empties packs that hold little; whether any was.
    private func compact(_ isSpent: () -> Bool) throws(StoreError) -> Bool {
        let compaction = Compaction(core: core)
        var moved: UInt64 = 0
        for number in try compaction.candidates() where !isSpent() {
            // No room to copy to: what was collected so far is collected.
            do { moved += try compaction.compact(number) } catch  where error.code == .full { break }
        }
        return moved > 0
    }

    private func giveBack(_ report: inout CollectionReport, _ isSpent: () -> Bool) throws(StoreError) {
        try removeEmptyPacks(&report)
        let waiting = try core.read { (snapshot) throws(StoreError) in try snapshot.count(.punch) }
        guard waiting > 0 else { return }
        // Two commits between freeing and punching, so that even an index that is one commit behind its
        // packs finds every block that it names.
        for _ in 0..<2 { try core.write(.releasing) { (_) throws(StoreError) in } }
        while try punchSome(&report), !isSpent() {}
    }

    /// Takes packs without a live record out of the index, and removes what dead writers left behind.
    private func removeEmptyPacks(_ report: inout CollectionReport) throws(StoreError) {
        let empty = try core.read { (snapshot) throws(StoreError) in
            var empty: [UInt32] = []
            try snapshot.scanPacks { (number, pack) throws(StoreError) in
                if pack.liveRecords == 0 { empty.append(number) }
                return true
            }
            return empty
        }
        for number in empty {
            _ = try PackAppender.withLock(core.packs, number) { (_) throws(StoreError) in
                try core.write(.releasing) { (transaction) throws(StoreError) in
                    guard let pack = try transaction.pack(number), pack.liveRecords == 0 else { return }
                    try transaction.removePack(number)
                }
            }
        }
        for number in try core.packs.numbers() {
            try cutLeftovers(number)
        }
    }

    /// Bytes above a watermark that no living writer guards, and files that no row knows.
    private func cutLeftovers(_ number: UInt32) throws(StoreError) {
        guard !core.packs.isPoisoned(number), !core.index.isPoisoned else { return }
        func known() throws(StoreError) -> (row: PackRow?, isPending: Bool) {
            try core.read { (snapshot) throws(StoreError) in
                var isPending = false
                try snapshot.scanPunches { (punch, length) throws(StoreError) in
                    if punch.place.pack == number, length == .max { isPending = true }
                    return !isPending
                }
                return (try snapshot.pack(number), isPending)
            }
        }
        let length = (try? System.status(ofPath: core.packs.path(number)).length) ?? 0
        let before = try known()
        if before.isPending || length <= (before.row?.watermark ?? 0), before.row != nil || before.isPending {
            return
        }
        _ = try PackAppender.withLock(core.packs, number) { (descriptor) throws(StoreError) in
            let now = try known()
            guard !now.isPending else { return }
            if let row = now.row {
                if try System.status(descriptor).length > row.watermark {
                    try System.truncate(descriptor, to: row.watermark)
                }
            } else {
                try core.packs.remove(number)
            }
        }
    }

    /// Punches a bounded number of extents; false when none is old enough.
    private func punchSome(_ report: inout CollectionReport) throws(StoreError) -> Bool {
        let extents = try core.read { (snapshot) throws(StoreError) in
            let epoch = try snapshot.epoch()
            var extents: [(key: PunchKey, length: UInt64, gap: (start: UInt64, end: UInt64))] = []
            // Packs in which something was freed too recently: there the gaps are left alone.
            var young: Set<UInt32> = []
            try snapshot.scanPunches { (key, length) throws(StoreError) in
                if key.epoch + 2 > epoch {
                    young.insert(key.place.pack)
                } else if extents.count < Self.slicePunches {
                    extents.append((key, length, (key.place.offset, key.place.offset &+ length)))
                }
                return true
            }
            for position in extents.indices {
                let (key, length, _) = extents[position]
                guard length != .max, !young.contains(key.place.pack) else { continue }
                extents[position].gap = try gap(snapshot, key.place, length)
            }
            return extents
        }
        guard !extents.isEmpty else { return false }
        var last: (pack: UInt32, start: UInt64, end: UInt64)?
        for extent in extents {
            let pack = extent.key.place.pack
            if extent.length == .max {
                let bytes = (try? System.status(ofPath: core.packs.path(pack)).allocated) ?? 0
                try core.packs.remove(pack)
                report.reclaimedBytes += bytes
                report.packs += 1
            } else if last?.pack != pack || last?.start != extent.gap.start || last?.end != extent.gap.end {
                try core.packs.punch(pack, at: extent.gap.start, length: extent.gap.end - extent.gap.start)
                report.reclaimedBytes += extent.length
                last = (pack, extent.gap.start, extent.gap.end)
            } else {
                report.reclaimedBytes += extent.length
            }
        }
        try core.write(.releasing) { (transaction) throws(StoreError) in
            for extent in extents { try transaction.index.removePunch(extent.key) }
        }
        return true
    }

    /// The whole gap between the live neighbours of a freed extent, so that small records add up to
    /// pages. Bounded by the watermark: above it others may be writing.
    private func gap(_ snapshot: IndexSnapshot, _ place: Place, _ length: UInt64) throws(StoreError)
        -> (start: UInt64, end: UInt64)
    {
        let own = (start: place.offset, end: place.offset + length)
        guard let pack = try snapshot.pack(place.pack) else { return own }
        let cursor = try IndexCursor(snapshot, .blocks)
        defer { cursor.close() }
        var start = UInt64(PackFormat.headerLength)
        var end = max(own.end, pack.watermark)
        let next = try withKey(place.rawValue) { (key) throws(StoreError) in try cursor.seek(key) }
        if let next {
            let following = try IndexSnapshot.place(next.key)
            if following.pack == place.pack { end = following.offset }
        }
        let before = next == nil ? try cursor.last() : try cursor.previous()
        if let before {
            let preceding = try IndexSnapshot.place(before.key)
            let block = try IndexSnapshot.block(before.key, before.value)
            if preceding.pack == place.pack, let location = try snapshot.location(of: block.cid),
                location.place == preceding
            {
                let length = RecordHeader.recordLength(cid: block.cid, storedLength: location.storedLength)
                start = preceding.offset + UInt64(length)
            }
        }
        // Rows that contradict each other must never widen what is punched.
        guard start <= own.start, end >= own.end else { return own }
        return (start, end)
    }
}
