/// Gives the space of packs back: packs without a record, what dead writers left, extents, and packs that
/// are mostly dead.
///
/// What always holds: bytes above a watermark are cut, and packs removed, under the pack's own lock; an
/// extent is punched two commits after it was freed.
import Glibc

struct PackSpace {
    let core: StoreCore
    let files: PackFiles

    /// Empties packs that hold little; whether any was.
    func compact(_ isSpent: () -> Bool) throws(StoreError) -> Bool {
        let compaction = Compaction(core: core, files: files)
        var moved: UInt64 = 0
        for number in try compaction.candidates() where !isSpent() {
            // No room to copy to: what was collected so far is collected.
            do { moved += try compaction.compact(number) } catch  where error.code == .full { break }
        }
        return moved > 0
    }

    /// Takes packs without a live record out of the index, and removes what dead writers left behind.
    func tidy() throws(StoreError) {
        let empty = try core.read { (snapshot) throws(StoreError) in
            var empty: [UInt32] = []
            try snapshot.scanPacks { (number, pack) throws(StoreError) in
                if pack.liveRecords == 0 { empty.append(number) }
                return true
            }
            return empty
        }
        for number in empty {
            _ = try PackAppender.withLock(files, number) { (_) throws(StoreError) in
                try core.write(.releasing) { (transaction) throws(StoreError) in
                    guard let pack = try transaction.pack(number), pack.liveRecords == 0 else { return }
                    try transaction.removePack(number)
                }
            }
        }
        for number in try files.numbers() {
            try cutLeftovers(number)
        }
    }

    /// Bytes above a watermark that no living writer guards, and files that no row knows.
    private func cutLeftovers(_ number: UInt32) throws(StoreError) {
        guard !files.isPoisoned(number), !core.index.isPoisoned else { return }
        func known(_ snapshot: IndexSnapshot) throws(StoreError) -> (row: PackRow?, isPending: Bool) {
                var isPending = false
                try snapshot.scanPunches { (punch, freed) throws(StoreError) in
                    if punch.place.pack == number, freed == .pack { isPending = true }
                    return !isPending
                }
                return (try snapshot.pack(number), isPending)
        }
        let length = (try? System.status(ofPath: files.path(number)).length) ?? 0
        let before = try core.read(known)
        if before.isPending || length <= (before.row?.watermark ?? 0), before.row != nil || before.isPending {
            return
        }
        _ = try PackAppender.withLock(files, number) { (descriptor) throws(StoreError) in
            let now = try core.index.readSettled(known)
            guard !now.isPending else { return }
            if let row = now.row {
                if try System.status(descriptor).length > row.watermark {
                    try System.truncate(descriptor, to: row.watermark)
                }
            } else {
                try files.remove(number)
            }
        }
    }

    private struct Extent {
        let key: PunchKey
        let freed: Freed
        /// What is punched: the gap between live neighbours, or the extent alone.
        var gap: Range<UInt64>
    }

    /// Gives back a bounded number of extents and packs; false when none is old enough.
    func punch(_ limit: Int, _ report: inout CollectionReport) throws(StoreError) -> Bool {
        let extents = try core.read { (snapshot) throws(StoreError) in try due(snapshot, limit) }
        guard !extents.isEmpty else { return false }
        var last: (pack: UInt32, gap: Range<UInt64>)?
        for extent in extents {
            let pack = extent.key.place.pack
            switch extent.freed {
            case .pack:
                let bytes = (try? System.status(ofPath: files.path(pack)).allocated) ?? 0
                try files.remove(pack)
                report.reclaimedBytes += bytes
                report.packs += 1
            case .extent(let length):
                if last?.pack != pack || last?.gap != extent.gap {
                    try files.punch(pack, at: extent.gap.lowerBound, length: UInt64(extent.gap.count))
                    last = (pack, extent.gap)
                }
                report.reclaimedBytes += length
            case .payload, .borrowed: break
            }
        }
        try core.write(.releasing) { (transaction) throws(StoreError) in
            for extent in extents { try transaction.index.removePunch(extent.key) }
        }
        return true
    }

    private func due(_ snapshot: IndexSnapshot, _ limit: Int) throws(StoreError) -> [Extent] {
        let epoch = try snapshot.epoch()
        var extents: [Extent] = []
        // Packs in which something was freed too recently: there the gaps are left alone.
        var young: Set<UInt32> = []
        try snapshot.scanPunches { (key, freed) throws(StoreError) in
            if key.epoch + 2 > epoch, !Defect.spaceIsGivenBackAtOnce.isPresent {
                young.insert(key.place.pack)
                return true
            }
            guard extents.count < limit else { return true }
            switch freed {
            case .extent(let length):
                let (end, overflowed) = key.place.offset.addingReportingOverflow(length)
                guard !overflowed else { throw UnsafeRawBufferPointer.damaged(.punch) }
                extents.append(Extent(key: key, freed: freed, gap: key.place.offset..<end))
            case .pack: extents.append(Extent(key: key, freed: freed, gap: 0..<0))
            case .payload, .borrowed: break
            }
            return true
        }
        for position in extents.indices {
            let extent = extents[position]
            guard case .extent = extent.freed, !young.contains(extent.key.place.pack) else { continue }
            extents[position].gap = try gap(snapshot, extent.key.place.pack, extent.gap)
        }
        return extents
    }

    /// The whole gap between the live neighbours of a freed extent, so that small records add up to
    /// pages. Bounded by the watermark: above it others may be writing.
    private func gap(_ snapshot: IndexSnapshot, _ number: UInt32, _ own: Range<UInt64>) throws(StoreError)
        -> Range<UInt64>
    {
        let place = Place(pack: number, offset: own.lowerBound)
        guard let pack = try snapshot.pack(number) else { return own }
        let cursor = try IndexCursor(snapshot, .blocks)
        defer { cursor.close() }
        var start = UInt64(PackFormat.headerLength)
        var end = max(own.upperBound, pack.watermark)
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
        guard start <= own.lowerBound, end >= own.upperBound else { return own }
        return start..<end
    }
}
