/// One open store in this process: its files, its index, its leases, and the one way to change them.
///
/// What always holds:
/// - A store is open once in a process, however many handles there are (LMDB demands it, and the locks
///   of one descriptor do not stop each other).
/// - Every change is one index transaction: epoch + 1, counters, tables and journal together.
/// - Journal before index; payloads before both.
import Glibc
import Synchronization

final class StoreCore: @unchecked Sendable {
    let path: String
    let identity: StoreIdentity
    let configuration: StoreConfiguration
    let index: IndexEnvironment
    let packs: PackFiles
    /// Nil when the store is only read and its lease table may not be written.
    let leases: LeaseTable?
    let buffers = BufferPool()
    private let journal: Journal
    private let guardian: ForkGuard
    private let presence: LockingDescriptor
    let files: StoreDirectory
    /// End of what is allocated ahead for the index.
    private let indexReserveEnd = Atomic<UInt64>(0)

    /// Kept allocated beyond the index's end, so that deletion and collection work on a full disk.
    private static let indexReserve: UInt64 = 768 << 10
    /// Bytes of the index that the rows of a new block take, about.
    private static let indexBytesPerBlock: UInt64 = 200
    /// The byte of the index file on which everybody who has the store open holds a shared lock.
    private static let presenceOffset: UInt64 = 1 << 60

    var isReadOnly: Bool { index.access != .readWrite }

    // MARK: Opening

    private static let opened = Lock<[FileIdentity: Opened]>([:])
    private struct Opened {
        let core: StoreCore
        var handles: Int
    }

    /// The open store at `path`; to be given back with `release`.
    static func open(_ path: String, readOnly: Bool) throws(StoreError) -> StoreCore {
        let guardian = try ForkGuard()
        let files = try StoreDirectory(path, alone: false)
        return try opened.withLock { (opened) throws(StoreError) in
            if let entry = opened[files.identity], entry.core.guardian.isOwner {
                files.close()
                guard readOnly || !entry.core.isReadOnly else {
                    throw StoreError(
                        .busy, "the store is open for reading in this process: \(entry.core.path)")
                }
                opened[files.identity]?.handles += 1
                return entry.core
            }
            // A parent's entry in a forked child is left alone: its files are not ours to close.
            do throws(StoreError) {
                let core = try StoreCore(path, files, guardian, readOnly: readOnly)
                opened[files.identity] = Opened(core: core, handles: 1)
                return core
            } catch {
                files.close()
                throw error
            }
        }
    }

    /// Gives a handle back; the last one closes the files.
    func release() {
        guard guardian.isOwner else { return }
        Self.opened.withLock { opened in
            guard var entry = opened[files.identity], entry.core === self else { return }
            entry.handles -= 1
            opened[files.identity] = entry.handles == 0 ? nil : entry
            if entry.handles == 0 { close() }
        }
    }

    private func close() {
        index.close()
        leases?.close()
        presence.close()
        files.close()
    }

    private init(_ name: String, _ files: StoreDirectory, _ guardian: ForkGuard, readOnly: Bool)
        throws(StoreError)
    {
        path = name
        self.files = files
        self.guardian = guardian
        let path = files.path
        journal = Journal(path: path + "/journal")
        let header: Journal.Header
        do { header = try Journal.readHeader(path: journal.path) } catch  where error.code == .notFound {
            if (try? System.status(ofPath: path + "/index/data.mdb")) != nil {
                throw StoreError(.corrupt, "the journal is missing: run verify --repair")
            }
            throw StoreError(.notAStore, "\(name) holds no store")
        }
        presence = try Self.present(path + "/index/data.mdb", readOnly: readOnly)
        var opened: (index: IndexEnvironment?, leases: LeaseTable?) = (nil, nil)
        do throws(StoreError) {
            try System.requireLocal(presence.descriptor)
            if !readOnly { try Self.removeLeftovers(path, presence) }
            try IndexPages.checkHead(presence.descriptor)
            let index = try IndexEnvironment(path: path + "/index", create: false, readOnly: readOnly)
            opened.index = index
            let (text, state) = try index.read { (snapshot) throws(StoreError) in
                (try snapshot.configurationText(), try snapshot.state())
            }
            let recorded = try RecordedConfiguration(parsing: text)
            guard recorded.identity == header.store else {
                throw StoreError(
                    .corrupt, "the index belongs to another store than the journal: run verify --repair")
            }
            let leases = try Self.openLeases(path, presence, index, state)
            opened.leases = leases
            identity = recorded.identity
            configuration = recorded.configuration
            packs = PackFiles(directory: path + "/packs", store: recorded.identity)
            self.index = index
            self.leases = leases
        } catch {
            opened.index?.close()
            opened.leases?.close()
            presence.close()
            throw error
        }
    }

    private static func present(_ path: String, readOnly: Bool) throws(StoreError) -> LockingDescriptor {
        var descriptor: Int32 = -1
        do {
            if !readOnly { descriptor = try System.open(path, O_RDWR) }
        } catch  where error.code == .permission || error.code == .readOnly {
        } catch  where error.code == .notFound {
            throw StoreError(.corrupt, "the index is missing: run verify --repair")
        }
        do {
            if descriptor < 0 { descriptor = try System.open(path, O_RDONLY) }
        } catch  where error.code == .notFound {
            throw StoreError(.corrupt, "the index is missing: run verify --repair")
        }
        let presence = try LockingDescriptor(adopting: descriptor)
        do throws(StoreError) {
            guard try System.lock(descriptor, .shared, at: presenceOffset) else {
                throw StoreError(.busy, "somebody is making sure of being alone in the store: try again")
            }
            return presence
        } catch {
            presence.close()
            throw error
        }
    }

    /// Removes what a repair or a rewrite that died left behind, when nobody else has the store open who
    /// may be at it.
    private static func removeLeftovers(_ path: String, _ presence: LockingDescriptor) throws(StoreError) {
        let leftovers = ["index.new", "journal.new", "leases.new"].map { path + "/" + $0 }
        guard leftovers.contains(where: { (try? System.status(ofPath: $0)) != nil }),
            try System.lock(presence.descriptor, .exclusive, at: presenceOffset)
        else { return }
        for leftover in leftovers { removeTree(leftover) }
        _ = try System.lock(presence.descriptor, .shared, at: presenceOffset)
    }

    /// The lease table; one that the index does not know is replaced when nobody else has the store
    /// open, and stops collection until then.
    private static func openLeases(
        _ path: String, _ presence: LockingDescriptor, _ index: IndexEnvironment, _ state: IndexState
    ) throws(StoreError) -> LeaseTable? {
        let file = path + "/leases"
        guard index.access == .readWrite else { return nil }
        var table: LeaseTable?
        do { table = try LeaseTable(path: file, readOnly: false) } catch
            where error.code == .notFound || error.code == .corrupt
        {}
        if let table, table.identity == state.leaseTable { return table }
        guard try System.lock(presence.descriptor, .exclusive, at: presenceOffset) else {
            if let table { return table }
            throw StoreError(
                .busy, "the lease table is missing and others have the store open: close them first")
        }
        table?.close()
        let identity = try LeaseTable.create(file)
        try index.write(happened: { (_) throws(StoreError) in true }) { (snapshot) throws(StoreError) in
            var state = try snapshot.state()
            state.epoch += 1
            state.leaseTable = identity
            try snapshot.setState(state)
        }
        _ = try System.lock(presence.descriptor, .shared, at: presenceOffset)
        return try LeaseTable(path: file, readOnly: false)
    }

    // MARK: Creating

    /// Makes a store. EXISTS, and nothing changes, when there is one or the directory holds anything.
    static func create(_ path: String, _ configuration: StoreConfiguration) throws(StoreError) {
        _ = try ForkGuard()
        if let status = try? System.status(ofPath: path) {
            if (try? System.status(ofPath: path + "/journal")) != nil {
                throw StoreError(.exists, "there is a store at \(path) already")
            }
            guard status.isDirectory, try System.list(path).isEmpty else {
                throw StoreError(.exists, "\(path) exists and is not an empty directory")
            }
        }
        // Made beside its place and renamed into it, so that a store is whole or not there.
        let trimmed = path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path
        let suffix = String(try System.random(8).withBytes { $0.integer(at: 0, as: UInt64.self) }, radix: 36)
        let temporary = trimmed + ".new-" + suffix
        do { try System.makeDirectory(temporary) } catch where error.code == .notFound {
            throw StoreError(
                .notFound, "there is no directory \(Journal.directory(of: trimmed)) to make a store in",
                systemError: error.systemError)
        }
        do {
            try fill(temporary, configuration)
            try System.rename(temporary, trimmed)
        } catch {
            removeTree(temporary)
            if error.code == .exists { throw StoreError(.exists, "there is a store at \(path) already") }
            throw error
        }
        try System.flushDirectory(Journal.directory(of: trimmed))
    }

    private static func fill(_ path: String, _ configuration: StoreConfiguration) throws(StoreError) {
        let identity = try StoreIdentity.random()
        let text = RecordedConfiguration(identity: identity, configuration: configuration).text
        try System.makeDirectory(path + "/packs")
        try System.makeDirectory(path + "/index")
        var state = IndexState()
        state.epoch = 1
        state.journalGeneration = 1
        state.journalLength = try Journal.create(
            path + "/journal", [.configuration(text)], store: identity, epoch: 1, generation: 1)
        state.leaseTable = try LeaseTable.create(path + "/leases")
        let index = try IndexEnvironment(path: path + "/index", create: true, readOnly: false)
        defer { index.close() }
        // Twice, so that an index which loses its last commit is whole all the same.
        for _ in 0..<2 {
            try index.write(happened: { (_) throws(StoreError) in false }) { (snapshot) throws(StoreError) in
                try snapshot.setState(state)
                try snapshot.setConfigurationText(text)
            }
        }
        try System.flushDirectory(path + "/index")
        try System.flushDirectory(path)
    }

    static func removeTree(_ path: String) {
        guard (try? System.status(ofPath: path))?.isDirectory == true else {
            try? System.remove(path)
            return
        }
        for name in (try? System.list(path)) ?? [] { removeTree(path + "/" + name) }
        try? System.removeDirectory(path)
    }

    // MARK: Transactions

    /// The CID of a block under the store's hash.
    func cid(of bytes: UnsafeRawBufferPointer, _ codec: CID.Codec) throws(StoreError) -> CID {
        do { return try CID(hashing: bytes, codec: codec, hash: configuration.profile.hash) } catch {
            throw StoreError(error)
        }
    }

    /// False in a process that inherited the handle through fork.
    var isOwner: Bool { guardian.isOwner }

    /// Throws FORKED when this process inherited the handle.
    func check() throws(StoreError) { try guardian.check() }

    func read<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        try guardian.check()
        return try index.read(body)
    }

    enum Purpose {
        /// Adds so many blocks; refused when the reserve for deletions cannot be kept.
        case storing(blocks: Int)
        /// Deletes, or moves what deletes; may use the reserve.
        case releasing
    }

    /// Runs `body` as one change of the store: durable when this returns, nothing when it throws. (A
    /// commit whose outcome is unknown poisons the handle.)
    func write<T>(_ purpose: Purpose, _ body: (StoreTransaction) throws(StoreError) -> T)
        throws(StoreError) -> T
    {
        try guardian.check()
        var epoch: UInt64 = .max
        let result = try index.write(
            happened: { (snapshot) throws(StoreError) in try snapshot.epoch() >= epoch },
            { (snapshot) throws(StoreError) in
                let committed = try snapshot.state()
                epoch = committed.epoch + 1
                if case .storing(let blocks) = purpose {
                    do throws(StoreError) {
                        try journal.keepReserve(committed)
                        try keepIndexReserve(blocks)
                    } catch  where error.code == .full {
                        throw StoreError(
                            .full, "the disk is full: delete roots, run gc, or free space",
                            systemError: error.systemError)
                    }
                }
                let transaction = StoreTransaction(snapshot, committed)
                let result = try body(transaction)
                try transaction.finish()
                if !transaction.entries.isEmpty {
                    (transaction.state.journalGeneration, transaction.state.journalLength) =
                        try journal.append(transaction.entries, epoch: epoch, state: committed)
                }
                try snapshot.setState(transaction.state)
                return result
            })
        // A transaction changes pages all over the index and may have used up what it was not meant to. Where
        // there is no room now, the next one that stores is refused.
        if case .storing = purpose { try? keepIndexReserve(0) }
        return result
    }

    private func keepIndexReserve(_ blocks: Int) throws(StoreError) {
        let end = index.usedBytes + UInt64(blocks) * Self.indexBytesPerBlock + Self.indexReserve
        let known = indexReserveEnd.load(ordering: .relaxed)
        guard end > known + Self.indexReserve / 2 || known == 0 else { return }
        do { try System.reserve(presence.descriptor, at: 0, length: end) } catch
            where error.code == .unsupported
        {}
        indexReserveEnd.store(end, ordering: .relaxed)
    }

    /// Rewrites the journal when most of it is history. Called by whoever has changed names, whose work is
    /// done: where there is no room, or the device fails, the journal stays long and the next one tries.
    func shortenJournal() { try? rewriteJournal() }

    private func rewriteJournal() throws(StoreError) {
        let state = try read { (snapshot) throws(StoreError) in try snapshot.state() }
        guard journal.shouldRewrite(state) else { return }
        try write(.releasing) { (transaction) throws(StoreError) in
            guard journal.shouldRewrite(transaction.committed) else { return }
            var entries: [Journal.Entry] = [.configuration(try transaction.index.configurationText())]
            try transaction.index.scanRoots { (name, cid) throws(StoreError) in
                entries.append(.root(name: name, cid))
                return true
            }
            try transaction.index.scanHolds { (hold) throws(StoreError) in
                entries.append(.hold(hold))
                return true
            }
            let generation = transaction.committed.journalGeneration + 1
            transaction.state.journalLength = try journal.rewrite(
                entries, store: identity, epoch: transaction.committed.epoch, generation: generation)
            transaction.state.journalGeneration = generation
        }
    }

    // MARK: Leases

    /// Publishes a lease; nil when the store is only read.
    func lease() throws(StoreError) -> Lease? {
        try guardian.check()
        guard let leases else { return nil }
        let (slot, epoch) = try leases.acquire { () throws(StoreError) in
            try index.read { (snapshot) throws(StoreError) in try snapshot.epoch() }
        }
        return Lease(leases, slot: slot, epoch: epoch)
    }
}

/// Protects what its holder finds from collection, until it is released.
final class Lease: Sendable {
    /// What died up to here is gone for its holder; what dies later stays.
    let epoch: UInt64
    private let table: LeaseTable
    private let slot: Int
    private let released = Atomic<Bool>(false)

    init(_ table: LeaseTable, slot: Int, epoch: UInt64) {
        self.table = table
        self.slot = slot
        self.epoch = epoch
    }

    deinit { release() }

    func release() {
        if !released.exchange(true, ordering: .acquiringAndReleasing) { table.release(slot) }
    }
}
