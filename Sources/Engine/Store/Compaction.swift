/// Compaction: moves the few live records of a pack that is mostly dead to another pack, so that its
/// file can go. Punching gives whole pages back; this is for records smaller than pages.
///
/// What always holds:
/// - A payload is copied only after it was checked, and is durable before a row points to it.
/// - A row moves only if, in the committing transaction, it still stands where it was copied from.
/// - The pack's own lock is held, so nobody appends to what is being emptied.
import Glibc

struct Compaction {
    let core: StoreCore
    let files: PackFiles

    private static let batchRows = 4096

    /// Packs that take twice what their live records do, and `Bounds.compactionBytes` more.
    func candidates() throws(StoreError) -> [UInt32] {
        let packs = try core.read { (snapshot) throws(StoreError) in
            var packs: [(UInt32, PackRow)] = []
            try snapshot.scanPacks { (number, pack) throws(StoreError) in
                if pack.liveRecords > 0 { packs.append((number, pack)) }
                return true
            }
            return packs
        }
        return packs.compactMap { number, pack in
            guard let file = try? System.status(ofPath: files.path(number)) else { return nil }
            return file.allocated > 2 * pack.liveBytes + Bounds.compactionBytes ? number : nil
        }
    }

    /// Moves what lives in a pack; the number of records moved, 0 when somebody appends to it.
    func compact(_ number: UInt32) throws(StoreError) -> UInt64 {
        var moved: UInt64 = 0
        _ = try PackAppender.withLock(files, number) { (_) throws(StoreError) in
            let appender = PackAppender(files: files, index: core.index)
            defer { appender.release() }
            var start = Place(pack: number, offset: 0)
            while true {
                let (rows, next) = try rows(from: start, pack: number)
                moved += try move(rows, appender)
                guard let next else { return }
                start = next
            }
        }
        return moved
    }

    private func rows(from start: Place, pack: UInt32) throws(StoreError) -> ([(CID, BlockLocation)], Place?)
    {
        try core.read { (snapshot) throws(StoreError) in
            var rows: [(CID, BlockLocation)] = []
            var next: Place?
            try withKey(start.rawValue) { (key) throws(StoreError) in
                try snapshot.scan(.blocks, from: key) { (key, value) throws(StoreError) in
                    let place = try IndexSnapshot.place(key)
                    guard place.pack == pack else { return false }
                    guard rows.count < Self.batchRows else {
                        next = place
                        return false
                    }
                    let block = try IndexSnapshot.block(key, value)
                    if let location = try snapshot.location(of: block.cid), location.place == place {
                        rows.append((block.cid, location))
                    }
                    return true
                }
            }
            return (rows, next)
        }
    }

    private func move(_ rows: [(CID, BlockLocation)], _ appender: PackAppender) throws(StoreError) -> UInt64 {
        var copies: [(cid: CID, old: BlockLocation, new: BlockLocation)] = []
        try core.buffers.with { (scratch) throws(StoreError) in
            for (cid, location) in rows {
                // A damaged block stays where it is, for verify to name.
                guard (try? files.block(cid, location, scratch)) != nil else { continue }
                let header = RecordHeader(
                    cid: cid, flags: location.flags.intersection(.compressed),
                    storedLength: location.storedLength, rawLength: location.rawLength)
                let length = header.headerLength + Int(header.storedLength)
                for index in length..<header.recordLength { scratch.record.bytes[index] = 0 }
                var new = location
                new.place = try appender.append(scratch.record.prefix(header.recordLength))
                copies.append((cid, location, new))
            }
        }
        guard !copies.isEmpty else { return 0 }
        try appender.flush()
        var moved: UInt64 = 0
        do {
            moved = try core.write(.releasing) { (transaction) throws(StoreError) in
                var moved: UInt64 = 0
                for (cid, old, new) in copies {
                    if let now = try transaction.index.location(of: cid), now.place == old.place {
                        var target = new
                        target.flags = now.flags
                        try transaction.move(cid, from: now, to: target)
                        moved += 1
                    } else {
                        try transaction.giveUp(cid, new)
                    }
                }
                try appender.enter(transaction)
                return moved
            }
        } catch {
            if core.index.isPoisoned { appender.abandon() }
            throw error
        }
        appender.didCommit()
        return moved
    }
}
