/// The files of a store that are neither index nor payloads: its directory, the proof that it is open, the
/// journal and the lease table; and what is kept free for deletion.
///
/// What always holds:
/// - Who has the store open holds its directory and a byte of its index file, together with others.
/// - What a store writes in place has one name, so no other directory is written to with it.
/// - A store appears whole, or not at all.
import Glibc
import Synchronization

final class StoreFiles: @unchecked Sendable {
    let directory: StoreDirectory
    let journal: Journal
    private let presence: LockingDescriptor
    /// End of what is allocated ahead for the index.
    private let indexReserveEnd = Atomic<UInt64>(0)
    private let reserve: Reserve
    private let isLayer: Bool

    /// Kept allocated, so that deletion and collection work on a full disk.
    struct Reserve: Sendable {
        /// Beyond the index's end, bytes.
        let index: UInt64
        /// Beyond the journal's.
        let journal: UInt64

        static let ofStore = Reserve(index: 768 << 10, journal: 64 << 10)
        /// There are hundreds of them, and each holds little.
        static let ofLayer = Reserve(index: 128 << 10, journal: 16 << 10)
    }

    /// Bytes of the index that the rows of a new block take, about.
    private static let indexBytesPerBlock: UInt64 = 200
    /// The byte of the index file on which everybody who has the store open holds a shared lock.
    private static let presenceOffset: UInt64 = 1 << 60
    private static let patienceMilliseconds = 500

    var path: String { directory.path }

    /// Takes over the directory, also when it throws.
    init(_ name: String, _ directory: StoreDirectory, readOnly: Bool) throws(StoreError) {
        self.directory = directory
        let path = directory.path
        do throws(StoreError) {
            let header: Journal.Header
            do { header = try Journal.readHeader(path: path + "/journal") } catch
                where error.code == .notFound
            {
                guard Self.hasRest(path) else { throw StoreError(.notAStore, "\(name) holds no store") }
                throw StoreError(.corrupt, "the journal is missing: run verify --repair")
            } catch  where error.code == .notAStore {
                guard Self.hasRest(path) else { throw error }
                throw StoreError(.corrupt, "the journal's header is damaged: run verify --repair")
            }
            store = header.store
            if !readOnly { try Self.requireOwn(path, name) }
            presence = try Self.present(path + "/index/data.mdb", readOnly: readOnly)
        } catch {
            directory.close()
            throw error
        }
        isLayer = (try? System.status(ofPath: path + "/" + ForkFile.name(forBase: 0))) != nil
        reserve = isLayer ? .ofLayer : .ofStore
        journal = Journal(path: path + "/journal", reserve: reserve.journal)
    }

    /// Whether there is what else a store has: then it is one, and damaged.
    private static func hasRest(_ path: String) -> Bool {
        func isThere(_ name: String) -> Bool { (try? System.status(ofPath: path + "/" + name)) != nil }
        // A layer may have nothing but links.
        if isThere("index/data.mdb") || isThere(ForkFile.name(forBase: 0)) { return true }
        let packs = (try? System.list(path + "/packs")) ?? []
        return packs.contains { $0.hasSuffix(".pack") } || isThere("leases") && isThere("blocks")
    }

    /// Whose journal it is.
    let store: StoreIdentity
    /// Second names of fork files.
    private let keptFiles = Lock<[String: StoreIdentity]>([:])

    func close() {
        presence.close()
        directory.close()
    }

    /// Opens index and leases; removes what dead ones left.
    func open(readOnly: Bool) throws(StoreError) -> (IndexEnvironment, RecordedConfiguration, LeaseTable?) {
        try System.requireLocal(presence.descriptor)
        var forkFiles: [String] = []
        if !readOnly {
            let names = try System.list(path)
            // Bases may know a fork by its file, which `renewForkIfCopied` removes.
            let leftovers = names.filter { $0.hasSuffix(".new") && !ForkFile.isUnfinished($0) }
            try Self.removeLeftovers(leftovers, path, presence)
            forkFiles = names.filter(ForkFile.isOne)
        }
        try IndexPages.checkHead(presence.descriptor)
        let index = try IndexEnvironment(
            path: path + "/index", create: false, readOnly: readOnly, isLayer: isLayer)
        do throws(StoreError) {
            let (text, state, isSealed) = try index.read { (snapshot) throws(StoreError) in
                (try snapshot.configurationText(), try snapshot.state(), try snapshot.isSealed())
            }
            let recorded = try RecordedConfiguration(parsing: text)
            // Empty folders get lost where files are copied one by one.
            if case .files = recorded.configuration.payloads, index.access == .readWrite {
                try BlockFiles.make(in: path)
            }
            guard recorded.identity == store else {
                throw StoreError(
                    .corrupt, "the index belongs to another store than the journal: run verify --repair")
            }
            if index.access == .readWrite {
                settle(forkFiles, recorded)
                if !isSealed { renewReserve(index, state) }
            }
            return (index, recorded, try Self.openLeases(path, presence, index, state))
        } catch {
            index.close()
            throw error
        }
    }

    /// What is written in place may not be another store's, too, as in a copy that is made of hard links:
    /// each would write there, and give back what only the other one needs.
    static func requireOwn(_ path: String, _ name: String) throws(StoreError) {
        let packs = (try? System.list(path + "/packs")) ?? []
        for file in ["journal", "index/data.mdb", "leases"] + packs.map({ "packs/" + $0 }) {
            guard let status = try? System.status(ofPath: path + "/" + file), status.isRegular,
                status.links > 1
            else { continue }
            throw StoreError(
                .invalid,
                "\(name)/\(file) has \(status.links) names: another directory shares it through hard links; "
                    + "use a copy of the files themselves (cp -a)")
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
            // Whoever opens the store may be alone in it for a moment, to put right what it finds.
            for _ in 0..<patienceMilliseconds {
                if try System.lock(descriptor, .shared, at: presenceOffset) { return presence }
                System.sleep(milliseconds: 1)
            }
            throw StoreError(.busy, "somebody is making sure of being alone in the store: try again")
        } catch {
            presence.close()
            throw error
        }
    }

    /// Files by which bases know it that are elsewhere, each with its fork.
    var kept: [(file: String, fork: StoreIdentity)] { keptFiles.withLock { $0.map { ($0, $1) } } }
    var hasKept: Bool { keptFiles.withLock { !$0.isEmpty } }

    func noteKept(_ file: String, _ fork: StoreIdentity) { keptFiles.withLock { $0[file] = fork } }

    func removeKept(_ file: String) {
        try? System.remove(file)
        keptFiles.withLock { $0[file] = nil }
    }

    /// Notes which of the files in which bases see the store are kept for such as are elsewhere.
    private func settle(_ forkFiles: [String], _ recorded: RecordedConfiguration) {
        guard !recorded.bases.isEmpty else {
            // It was made to stand alone, and died before they were gone. One that does not know of a fork
            // has lost its bases in a repair, and they go on holding.
            if recorded.fork != nil, !forkFiles.isEmpty { removeForkFiles() }
            return
        }
        for name in forkFiles {
            let isStray = ForkFile.base(name).map { $0 >= recorded.bases.count } ?? false
            let file = path + "/" + name
            // One that does not say whose it is may have a name in a base all the same.
            let stray = isStray ? ForkFile.fork(of: file) ?? StoreIdentity(high: 0, low: 0) : nil
            if let fork = ForkFile.kept(name) ?? stray { noteKept(file, fork) }
        }
    }

    /// Whether there are fork files besides those that the recorded bases have: of such as are elsewhere.
    /// `areUnknown`: of other stores than these, as far as can be told.
    func hasOtherForkFiles(_ recorded: RecordedConfiguration, areUnknown: Bool) -> Bool {
        ((try? System.list(path)) ?? []).contains { (name) in
            guard ForkFile.isOne(name), !ForkFile.isUnfinished(name) else { return false }
            let number = ForkFile.base(name)
            if ForkFile.kept(name) == nil, let number, number < recorded.bases.count { return false }
            guard areUnknown, let number, let then = ForkFile.configuration(of: path + "/" + name)?.bases,
                number < then.count
            else { return true }
            return !recorded.bases.contains { $0.identity == then[number].identity }
        }
    }

    /// All files by which some base, here or elsewhere, may know the store, and the forks that they say.
    func forkFiles() throws(StoreError) -> [(file: String, fork: StoreIdentity?)] {
        try System.list(path).filter { ForkFile.isOne($0) && !ForkFile.isUnfinished($0) }.map { (name) in
            let file = path + "/" + name
            return (file, ForkFile.kept(name) ?? ForkFile.fork(of: file))
        }
    }

    /// Bases see that a store does not read through them any more.
    func removeForkFiles() {
        for name in (try? System.list(path)) ?? [] where ForkFile.isOne(name) {
            StoreCreation.removeTree(path + "/" + name)
        }
    }

    /// Removes what a repair or a rewrite that died left behind, when nobody else has the store open who
    /// may be at it.
    private static func removeLeftovers(_ names: [String], _ path: String, _ presence: LockingDescriptor)
        throws(StoreError)
    {
        guard !names.isEmpty, try System.lock(presence.descriptor, .exclusive, at: presenceOffset) else {
            return
        }
        for name in names { StoreCreation.removeTree(path + "/" + name) }
        _ = try System.lock(presence.descriptor, .shared, at: presenceOffset)
    }

    static let lacksLeases = StoreError(
        .busy, "the lease table is missing and others have the store open: close them first")

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
            throw lacksLeases
        }
        table?.close()
        let identity = try LeaseTable.create(file)
        try index.write { (snapshot) throws(StoreError) in
            var state = try snapshot.state()
            state.epoch += 1
            state.leaseTable = identity
            try snapshot.setState(state)
        }
        _ = try System.lock(presence.descriptor, .shared, at: presenceOffset)
        return try LeaseTable(path: file, readOnly: false)
    }

    /// Whether nobody else has the store open; while we are alone, nobody else opens it. Until
    /// `stopBeingAlone`.
    func becomeAlone() throws(StoreError) -> Bool {
        try System.lock(presence.descriptor, .exclusive, at: Self.presenceOffset)
    }

    func stopBeingAlone() {
        _ = try? System.lock(presence.descriptor, .shared, at: Self.presenceOffset)
    }

    // MARK: Reserve

    /// Allocates ahead for `blocks` more blocks, and for deletion. FULL when the disk has no room for it.
    func keepReserve(_ index: IndexPlace, _ committed: IndexState, blocks: Int) throws(StoreError) {
        if Defect.reserveIsNotKept.isPresent { return }
        do throws(StoreError) {
            try journal.keepReserve(committed)
            try keepIndexReserve(index, blocks)
        } catch  where error.code == .full {
            throw StoreError(
                .full, "the disk is full: delete roots, run gc, or free space",
                systemError: error.systemError)
        }
    }

    /// A copy of a store has no reserve, nor has what a repair made: when the disk fills up before anything
    /// is stored, nothing could be deleted. An empty store needs none.
    private func renewReserve(_ index: IndexEnvironment, _ state: IndexState) {
        guard state.roots + state.holds > 0, let status = try? System.status(presence.descriptor),
            status.allocated < index.usedBytes + reserve.index / 2
        else { return }
        try? keepReserve(.lmdb(index), state, blocks: 0)
    }

    func keepIndexReserve(_ index: IndexPlace, _ blocks: Int) throws(StoreError) {
        if Defect.reserveIsNotKept.isPresent { return }
        let end = index.usedBytes + UInt64(blocks) * Self.indexBytesPerBlock + reserve.index
        let known = indexReserveEnd.load(ordering: .relaxed)
        guard end > known + reserve.index / 2 || known == 0 else { return }
        do { try System.reserve(presence.descriptor, at: 0, length: end) } catch
            where error.code == .unsupported
        {}
        indexReserveEnd.store(end, ordering: .relaxed)
    }
}
