/// One open store in this process: its index, its payloads, its leases, and the one way to change them.
///
/// What always holds:
/// - A store is open once in a process, however many handles there are (LMDB demands it, and the locks
///   of one descriptor do not stop each other).
/// - Every change is one index transaction: epoch + 1, counters, tables and journal together.
/// - Payloads, then what bases hold for it, then the journal, then the index.
import Glibc
import Synchronization

final class StoreCore: @unchecked Sendable {
    let path: String
    let identity: StoreIdentity
    let configuration: StoreConfiguration
    let index: IndexPlace
    let payloads: PayloadPlace
    /// Nil when the store is only read and its lease table may not be written.
    let leases: (any LeaseRegistry)?
    /// Nil when the store is in memory.
    let files: StoreFiles?
    /// Stores that this one reads through, in order.
    let bases: [Base]
    /// Whether it was opened without looking for its bases, to change which they are.
    private let lacksBases: Bool
    private let wasOpenedReadOnly: Bool
    /// The name under which bases hold what this store links to; nil when there is nothing to hold.
    let fork: StoreIdentity?
    let buffers = BufferPool()
    /// Blocks that were found damaged where nobody here may say so in the index.
    let foundDamaged = Lock<Set<CID>>([])
    private let guardian: ForkGuard
    private let sealed: Atomic<Bool>

    /// Whether nothing changes any more, as far as is known: somebody else may have sealed it since.
    var isSealed: Bool { sealed.load(ordering: .relaxed) }

    /// Whether what is here now, or below, will be here for ever.
    var keepsEverything: Bool { isSealed && bases.allSatisfy { $0.core.keepsEverything } }

    var isReadOnly: Bool { index.access != .readWrite || isSealed }

    // MARK: Opening

    /// Every reading of what is not there goes all the way down.
    private static let deepest = 32

    private static let opened = Lock<Registry>(Registry())

    /// Stores that are open in this process.
    struct Registry {
        fileprivate var cores: [FileIdentity: StoreCore] = [:]
    }

    /// Handles of it in this process; guarded by the registry's lock.
    private var handles = 1
    /// Whether what the store is made of is being changed: nobody else may open it. Guarded likewise.
    private var isAlone = false

    /// Where the stores are that are open in this process.
    static var openPaths: [String] {
        opened.withLock { (registry) in registry.cores.values.map(\.path) }
    }

    /// The open store at `path`; to be given back with `release`. `lostAreEmpty`: a base that is not there
    /// has nothing, and nobody else in this process opens the store meanwhile.
    static func open(
        _ path: String, readOnly: Bool, withBases: Bool = true, lostAreEmpty: Bool = false,
        above: [FileIdentity] = []
    ) throws(StoreError) -> StoreCore {
        for _ in 0..<patience {
            do throws(StoreError) {
                return try opened.withLock { (registry) throws(StoreError) in
                    try open(
                        path, readOnly: readOnly, withBases: withBases, lostAreEmpty: lostAreEmpty, &registry,
                        above: above)
                }
            } catch {
                guard error.code == .busy, error.message == StoreFiles.lacksLeases.message else {
                    throw error
                }
                // Of several who open a copied store at once, one puts its lease table right, when it is
                // alone.
                System.sleep(milliseconds: 1 + Int(try System.random(1)[0] % 8))
            }
        }
        throw StoreFiles.lacksLeases
    }

    /// Times that opening is tried while others are in the way who will not be for long.
    private static let patience = 100

    /// `above`: the stores that read through this one, which must not be among its bases.
    static func open(
        _ path: String, readOnly: Bool, withBases: Bool = true, lostAreEmpty: Bool = false,
        _ registry: inout Registry, above: [FileIdentity]
    ) throws(StoreError) -> StoreCore {
        let guardian = try ForkGuard()
        let directory = try StoreDirectory(path, alone: false)
        let identity = directory.identity
        guard above.count < deepest else {
            directory.close()
            throw StoreError(.invalid, "stores over stores are at most \(deepest) deep")
        }
        guard !above.contains(identity) else {
            directory.close()
            throw StoreError(.invalid, "the store at \(path) is among its own bases")
        }
        // A parent's entry in a forked child is left alone: its files are not ours to close.
        if let core = registry.cores[identity], core.guardian.isOwner {
            directory.close()
            // One that was to be written to and cannot be is as good as it gets.
            guard readOnly || core.index.access == .readWrite || !core.wasOpenedReadOnly else {
                throw StoreError(
                    .busy, "the store is open for reading in this process: \(core.path)")
            }
            guard withBases, !core.lacksBases, !core.isAlone else {
                throw StoreError(.busy, "the store is open in this process: \(core.path)")
            }
            core.handles += 1
            return core
        }
        let files = try StoreFiles(path, directory, readOnly: readOnly)
        var bases: [Base] = []
        do throws(StoreError) {
            let (index, recorded, leases) = try files.open(readOnly: readOnly)
            do throws(StoreError) {
                if withBases {
                    try Base.open(
                        recorded.bases, of: path, readOnly: readOnly, &registry, above: above + [identity],
                        lostAreEmpty: lostAreEmpty, into: &bases)
                }
                let core = try StoreCore(
                    path, files, index, recorded, leases, bases, guardian, readOnly: readOnly,
                    lacksBases: !withBases || lostAreEmpty)
                if withBases, !core.isReadOnly {
                    try core.recoverLoans()
                    try core.renewForkIfCopied()
                    try core.nameWhatBasesHold()
                    try core.settle(.opening)
                    try core.settleLoans()
                    try core.dropKeptForkFiles()
                }
                registry.cores[identity] = core
                return core
            } catch {
                index.close()
                leases?.close()
                throw error
            }
        } catch {
            for base in bases { base.core.release(&registry) }
            files.close()
            throw error
        }
    }

    private init(
        _ path: String, _ files: StoreFiles, _ index: IndexEnvironment, _ recorded: RecordedConfiguration,
        _ leases: LeaseTable?, _ bases: [Base], _ guardian: ForkGuard, readOnly: Bool,
        lacksBases: Bool
    ) throws(StoreError) {
        self.path = path
        self.files = files
        self.index = .lmdb(index)
        self.leases = leases
        self.bases = bases
        self.lacksBases = lacksBases
        wasOpenedReadOnly = readOnly
        self.guardian = guardian
        identity = recorded.identity
        configuration = recorded.configuration
        fork = recorded.fork
        sealed = Atomic(recorded.isSealed)
        payloads =
            switch recorded.configuration.payloads {
            case .packs: .packs(PackFiles(directory: files.path + "/packs", store: recorded.identity))
            case .files(let levels): .files(BlockFiles(path: files.path, levels: levels))
            }
    }

    /// A store in memory, over stores that are open. It keeps them open.
    init(inMemory configuration: StoreConfiguration, over lenders: [StoreCore]) throws(StoreError) {
        guardian = try ForkGuard()
        path = ""
        identity = try .random()
        self.configuration = configuration
        let memory = MemoryIndex()
        index = .memory(memory)
        payloads = .memory(MemoryPayloads())
        leases = MemoryLeases()
        files = nil
        fork = nil
        lacksBases = false
        wasOpenedReadOnly = false
        sealed = Atomic(false)
        var bases: [Base] = []
        do throws(StoreError) {
            for lender in lenders { bases.append(try Base(leasing: lender)) }
            var state = IndexState()
            state.epoch = 1
            let text = RecordedConfiguration(identity: identity, configuration: configuration).text
            try memory.write { (snapshot) throws(StoreError) in
                try snapshot.setState(state)
                try snapshot.setConfigurationText(text)
            }
        } catch {
            for base in bases { base.core.release() }
            throw error
        }
        self.bases = bases
    }

    /// One more handle of an open store.
    func retain() {
        Self.opened.withLock { _ in handles += 1 }
    }

    /// Whether nobody else in this process has it open; then nobody opens it until `stopBeingAlone`.
    func becomeAlone() -> Bool {
        Self.opened.withLock { _ in
            guard handles == 1, !isAlone else { return false }
            isAlone = true
            return true
        }
    }

    func stopBeingAlone() { Self.opened.withLock { _ in isAlone = false } }

    /// Gives a handle back; the last one closes the files.
    func release() { Self.opened.withLock { release(&$0) } }

    func release(_ registry: inout Registry) {
        guard guardian.isOwner else { return }
        handles -= 1
        guard handles == 0 else { return }
        if let files {
            registry.cores[files.directory.identity] = nil
            index.close()
            leases?.close()
            files.close()
        }
        for base in bases { base.giveBack(&registry) }
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

    /// As `read`, after everything that a writer that died has committed.
    func readSettled<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        try guardian.check()
        return try index.readSettled(body)
    }

    enum Purpose {
        /// Adds so many blocks; refused when the reserve for deletions cannot be kept.
        case storing(blocks: Int)
        /// Deletes, or moves what deletes; may use the reserve.
        case releasing
    }

    /// Runs `body` as one change of the store: durable when this returns, nothing when it throws. (A
    /// commit whose outcome is unknown poisons the handle.) `isMending`: it says what is damaged, or brings
    /// that back, as may be done in a sealed store, too, which promised to keep it.
    func write<T>(
        _ purpose: Purpose, isMending: Bool = false, _ body: (StoreTransaction) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        try guardian.check()
        let result = try index.write { (snapshot) throws(StoreError) in
            if !isMending { try checkNotSealed(snapshot) }
            let committed = try snapshot.state()
            if case .storing(let blocks) = purpose {
                try files?.keepReserve(index, committed, blocks: blocks)
            }
            let transaction = StoreTransaction(snapshot, committed, self)
            try recoverLoans(transaction)
            if let files, try files.journal.isAhead(committed) {
                // Without room for it the log goes on as it is, so that names can be dropped.
                do throws(StoreError) { try rewrite(files.journal, transaction) } catch
                    where error.code == .full
                {}
            }
            let result = try body(transaction)
            try borrow(transaction)
            try transaction.finish()
            if let files, !transaction.entries.isEmpty {
                (transaction.state.journalGeneration, transaction.state.journalLength) =
                    try files.journal.append(
                        transaction.entries, epoch: committed.epoch + 1, state: transaction.state)
            }
            try snapshot.setState(transaction.state)
            return result
        }
        // A transaction changes pages all over the index and may have used up what it was not meant to. Where
        // there is no room now, the next one that stores is refused.
        if case .storing = purpose { try? files?.keepIndexReserve(index, 0) }
        return result
    }

    /// Runs `body` while nobody changes the store, and changes nothing of its index.
    func alone<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        try guardian.check()
        return try index.alone(body)
    }

    /// Whoever sealed it did not wait for those who had it open.
    func checkNotSealed(_ snapshot: IndexSnapshot) throws(StoreError) {
        guard try snapshot.isSealed() else { return }
        sealed.store(true, ordering: .relaxed)
        throw Self.sealedError
    }

    /// Looks whether somebody has sealed it, or a store below, since it was opened.
    func noteSealed() throws(StoreError) {
        let isSealed = try read { (snapshot) throws(StoreError) in try snapshot.isSealed() }
        if isSealed { sealed.store(true, ordering: .relaxed) }
        for base in bases { try base.core.noteSealed() }
    }

    static let sealedError = StoreError(.readOnly, "the store is sealed: nothing of it changes any more")

    /// Rewrites the journal when most of it is history. Called by whoever has changed names, whose work is
    /// done: where there is no room, or the device fails, the journal stays long and the next one tries.
    func shortenJournal() { try? rewriteJournal() }

    private func rewriteJournal() throws(StoreError) {
        guard let journal = files?.journal else { return }
        let state = try read { (snapshot) throws(StoreError) in try snapshot.state() }
        guard journal.shouldRewrite(state) else { return }
        try write(.releasing) { (transaction) throws(StoreError) in
            // Entries that the transaction has by now were recovered, and are not committed yet.
            guard journal.shouldRewrite(transaction.committed), transaction.entries.isEmpty else { return }
            try rewrite(journal, transaction)
        }
    }

    /// With what the index names now.
    private func rewrite(_ journal: Journal, _ transaction: StoreTransaction) throws(StoreError) {
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

    // MARK: Leases

    /// Publishes a lease, here and in every base; nil when nothing of it is needed or may be written.
    func lease() throws(StoreError) -> Lease? {
        try guardian.check()
        var below: [Lease?] = []
        for base in bases { below.append(try base.core.lease()) }
        guard let leases else { return below.isEmpty ? nil : Lease(nil, slot: 0, epoch: .max, bases: below) }
        let (slot, epoch) = try leases.acquire { () throws(StoreError) in
            try index.read { (snapshot) throws(StoreError) in try snapshot.epoch() }
        }
        return Lease(leases, slot: slot, epoch: epoch, bases: below)
    }
}

/// Protects what its holder finds from collection, until it is released.
final class Lease: Sendable {
    /// What died up to here is gone for its holder; what dies later stays.
    let epoch: UInt64
    /// The same in each base.
    let bases: [Lease?]
    private let registry: (any LeaseRegistry)?
    private let slot: Int
    private let released = Atomic<Bool>(false)

    init(_ registry: (any LeaseRegistry)?, slot: Int, epoch: UInt64, bases: [Lease?]) {
        self.registry = registry
        self.slot = slot
        self.epoch = epoch
        self.bases = bases
    }

    deinit { release() }

    func release() {
        guard !released.exchange(true, ordering: .acquiringAndReleasing) else { return }
        registry?.release(slot)
        for base in bases { base?.release() }
    }
}
