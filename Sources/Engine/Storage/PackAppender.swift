/// Appends records to packs of its own, and makes them durable.
///
/// What always holds:
/// - A pack is written, cut or removed only under its lock, that of the file which has the pack's name then;
///   from a watermark read after the lock was taken. A writer that died left nothing but bytes above it,
///   which are cut. The number of a pack that was never committed may be another file's by the time that
///   somebody gets the lock of the first.
/// - Bytes below a watermark are never written again.
/// - After a flush that failed the pack is poisoned in this process: not cut, not appended to.
/// - Whether a commit relies on bytes is asked, after the lock, of a settled snapshot: who had the lock may
///   have died within its commit.
/// - Rows may point into a pack only after `flush` has returned.
import Glibc

final class PackAppender: PayloadAppender {
    private let files: PackFiles
    private let index: IndexPlace
    /// Packs written since the last commit, the last one being appended to.
    private var open: [OpenPack] = []
    /// Ends of what the last flush made durable, for the commit to record.
    private var watermarks: [(number: UInt32, watermark: UInt64)] = []

    private struct OpenPack {
        let number: UInt32
        let lock: LockingDescriptor
        /// What the index knows.
        var committed: UInt64
        /// Where the next record goes.
        var tail: UInt64
        /// End of what was flushed or is on its way.
        var writeback: UInt64
        var isNew: Bool
        var isDirty = false
    }

    /// A byte far beyond any pack's end carries the lock.
    private static let lockOffset: UInt64 = 1 << 60
    private static let writebackLength: UInt64 = 8 << 20

    init(files: PackFiles, index: IndexPlace) {
        self.files = files
        self.index = index
    }

    deinit { release() }

    func append(_ records: RecordBuffer) throws(StoreError) -> Place { try append(records.bytes) }

    /// Writes whole records; the place of the first byte.
    func append(_ records: UnsafeRawBufferPointer) throws(StoreError) -> Place {
        if open.isEmpty || open[open.count - 1].tail >= Bounds.fullPackBytes { try openAnother() }
        let last = open.count - 1
        let place = Place(pack: open[last].number, offset: open[last].tail)
        open[last].isDirty = true
        try System.write(open[last].lock.descriptor, at: open[last].tail, records)
        open[last].tail += UInt64(records.count)
        if open[last].tail - open[last].writeback >= Self.writebackLength {
            System.startWriteback(
                open[last].lock.descriptor, at: open[last].writeback,
                length: open[last].tail - open[last].writeback)
            open[last].writeback = open[last].tail
        }
        return place
    }

    func block(_ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch) throws(StoreError)
        -> UnsafeRawBufferPointer
    {
        do { return try files.block(cid, location, scratch) } catch  where error.code == .corrupt {
            // What is open for reading may be a file that had this number before, and was given up.
            files.forget(location.place.pack)
            return try files.block(cid, location, scratch)
        }
    }

    func flush() throws(StoreError) {
        watermarks = []
        for position in open.indices where open[position].isDirty {
            if Defect.packsAreNotFlushed.isPresent {
                watermarks.append((open[position].number, open[position].tail))
                continue
            }
            do {
                try System.flush(open[position].lock.descriptor)
            } catch {
                if Defect.failedFlushIsForgotten.isPresent { continue }
                files.poison(open[position].number)
                throw error
            }
            watermarks.append((open[position].number, open[position].tail))
        }
        if open.contains(where: \.isNew) { try System.flushDirectory(files.directory) }
    }

    func enter(_ transaction: StoreTransaction) throws(StoreError) {
        for (number, watermark) in watermarks { try transaction.setWatermark(watermark, pack: number) }
    }

    func didCommit() {
        watermarks = []
        for position in open.indices {
            open[position].committed = open[position].tail
            open[position].isNew = false
            open[position].isDirty = false
            let next = open[position].tail + PackFormat.flushAlignment - 1
            open[position].tail = next / PackFormat.flushAlignment * PackFormat.flushAlignment
            open[position].writeback = open[position].tail
        }
        while open.count > 1 { open.removeFirst().lock.close() }
    }

    /// Cuts what no commit relies on.
    func release() {
        for pack in open {
            if pack.lock.isOurs, pack.isDirty || pack.isNew, !files.isPoisoned(pack.number) {
                if pack.isNew {
                    files.forget(pack.number)
                    try? System.remove(files.path(pack.number))
                } else {
                    try? System.truncate(pack.lock.descriptor, to: pack.committed)
                }
            }
            pack.lock.close()
        }
        open = []
    }

    func abandon() {
        for pack in open { pack.lock.close() }
        open = []
    }

    // MARK: Choosing a pack

    private func openAnother() throws(StoreError) {
        let (candidates, next) = try index.read { (snapshot) throws(StoreError) in
            var candidates: [UInt32] = []
            try snapshot.scanPacks { (number, pack) throws(StoreError) in
                if pack.watermark < Bounds.fullPackBytes { candidates.append(number) }
                return true
            }
            return (candidates, try snapshot.state().nextPack)
        }
        for number in candidates.reversed() where !files.isPoisoned(number) {
            if try adopt(number) { return }
        }
        var number = next
        while number <= UInt64(Place.maximumPack) {
            if !files.isPoisoned(UInt32(number)), try create(UInt32(number)) { return }
            number += 1
        }
        throw StoreError(.full, "the store has used all its pack numbers")
    }

    /// Locks a pack that the index knows and continues at its watermark; false when it is taken.
    private func adopt(_ number: UInt32) throws(StoreError) -> Bool {
        if open.contains(where: { $0.number == number }) { return false }
        let descriptor: Int32
        // A file that is gone, is none, or is not for us is for verify to name; work goes on elsewhere.
        do { descriptor = try System.open(files.path(number), O_RDWR) } catch
            where [.notFound, .corrupt, .permission].contains(error.code)
        {
            return false
        }
        guard let lock = try Self.lock(descriptor, files, number) else { return false }
        do throws(StoreError) {
            guard
                let row = try index.readSettled({ (snapshot) throws(StoreError) in
                    try snapshot.pack(number)
                }),
                row.watermark < Bounds.fullPackBytes
            else {
                lock.close()
                return false
            }
            let length = try System.status(descriptor).length
            // Shorter than its watermark: damaged, and not ours to lengthen.
            guard length >= row.watermark, row.watermark >= UInt64(PackFormat.headerLength) else {
                lock.close()
                return false
            }
            if length > row.watermark { try System.truncate(descriptor, to: row.watermark) }
            let tail =
                (row.watermark + PackFormat.flushAlignment - 1) / PackFormat.flushAlignment
                * PackFormat.flushAlignment
            open.append(
                OpenPack(
                    number: number, lock: lock, committed: row.watermark, tail: tail, writeback: tail,
                    isNew: false))
            return true
        } catch {
            lock.close()
            throw error
        }
    }

    /// Makes the pack of a number that never had a row, or takes over what a dead writer left of it.
    private func create(_ number: UInt32) throws(StoreError) -> Bool {
        let descriptor: Int32
        do { descriptor = try System.openOrMake(files.path(number)) } catch
            where error.code == .corrupt
        {
            return false
        }
        guard let lock = try Self.lock(descriptor, files, number) else { return false }
        do throws(StoreError) {
            let isUnknown = try index.readSettled { (snapshot) throws(StoreError) -> Bool in
                let row = try snapshot.pack(number)
                let next = try snapshot.state().nextPack
                return row == nil && next <= UInt64(number)
            }
            guard isUnknown else {
                lock.close()
                return false
            }
            try System.truncate(lock.descriptor, to: 0)
            let header = PackFormat.encodeHeader(store: files.store, number: number)
            try header.withBytes { (bytes) throws(StoreError) in
                try System.write(lock.descriptor, at: 0, bytes)
            }
            let tail = UInt64(header.count)
            open.append(
                OpenPack(number: number, lock: lock, committed: 0, tail: tail, writeback: 0, isNew: true))
            return true
        } catch {
            lock.close()
            throw error
        }
    }

    /// Takes over a descriptor and locks its pack; nil when somebody has it, or the file has lost its name to
    /// another, or to none.
    private static func lock(_ descriptor: Int32, _ files: PackFiles, _ number: UInt32) throws(StoreError)
        -> LockingDescriptor?
    {
        let lock = try LockingDescriptor(adopting: descriptor)
        do throws(StoreError) {
            if try System.lock(descriptor, .exclusive, at: lockOffset),
                try System.status(ofPath: files.path(number)).identity == System.status(descriptor).identity
                    || Defect.givenUpPacksAreTaken.isPresent
            {
                return lock
            }
        } catch {
            guard error.code == .notFound else {
                lock.close()
                throw error
            }
        }
        lock.close()
        return nil
    }

    /// Whether nobody appends to a pack now; when so, `body` runs under its lock.
    static func withLock(_ files: PackFiles, _ number: UInt32, _ body: (Int32) throws(StoreError) -> Void)
        throws(StoreError) -> Bool
    {
        let descriptor: Int32
        // A file that is gone, or is none, is for verify to name; work goes on elsewhere.
        do { descriptor = try System.open(files.path(number), O_RDWR) } catch
            where error.code == .notFound || error.code == .corrupt
        {
            return false
        }
        guard let lock = try lock(descriptor, files, number) else { return false }
        defer { lock.close() }
        try body(descriptor)
        return true
    }
}
