/// The LMDB environment: ordered tables, snapshots for readers, one writer at a time, durable
/// commits.
///
/// What always holds:
/// - An environment is open once in a process (`StoreCore` sees to that) and unused after fork.
/// - Every transaction runs inside the gate; the map is resized only alone in it, so no snapshot ever
///   sees its pages move.
/// - A commit either happened, did not happen, or poisons the environment; nobody guesses.
/// - What a commit may rely on is cut, or taken for nobody's, only after `readSettled`: a writer that dies
///   after it has written its meta page, and before it has said so in the lock file, has committed, but
///   LMDB's snapshots are of the commit before until the next writer sees that it died.
/// - One process at a time is inside `mdb_env_open`. LMDB's first opener makes the lock file new, and sets
///   the number of the last transaction to zero for a moment; whoever waits for it there, and sees it die,
///   goes on with that zero, and its commits and those before it are lost (0.9.24).
/// - Values handed out by a transaction are valid until it ends, and not after a write.
import CLMDB
import CSystem
import Glibc
import Synchronization

/// The tables, by name and key order. Places and pack numbers are native integers (MDB_INTEGERKEY).
enum IndexTable: Int, CaseIterable {
    case cids, blocks, absent, dead, holds, roots, packs, punch, meta

    var name: String { String(describing: self) }
    var flags: UInt32 {
        switch self {
        case .blocks, .packs: UInt32(MDB_INTEGERKEY)
        default: 0
        }
    }
}

final class IndexEnvironment: @unchecked Sendable {
    /// How the files could be opened.
    enum Access: Equatable {
        case readWrite
        /// Locks are taken, nothing is written.
        case readOnly
        /// Not even the lock file may be written: nothing protects a reader from a writer
        /// elsewhere, which is safe on media that nobody writes to.
        case unlocked
    }

    let access: Access
    private let environment: OpaquePointer
    private let tables: InlineArray<9, MDB_dbi>
    /// The lock file; its descriptor may not be closed before LMDB's, with which LMDB's own locks would go.
    private let lockFile: LockingDescriptor?
    private let gate = Gate()
    private let idle = Lock<[SendablePointer]>([])
    private let poisoned = Atomic<Bool>(false)
    private let isMapped = Atomic<Bool>(true)

    var isPoisoned: Bool { poisoned.load(ordering: .acquiring) }

    private static let initialMapBytes = 64 << 30
    private static let smallestMapBytes = 64 << 20
    private static let idleLimit = 32
    /// Most snapshots at once, of all processes; each costs a line of the lock file, of which a layer,
    /// one of hundreds, has few.
    private static func readers(isLayer: Bool) -> UInt32 { isLayer ? 126 : 1022 }

    /// Opens (with `create`: makes) the environment in a directory that exists. Commits of a draft, which
    /// nobody can see yet, are for its maker to make durable.
    init(path: String, create: Bool, readOnly: Bool, isLayer: Bool = false, isDraft: Bool = false)
        throws(StoreError)
    {
        var attempts: [(Access, UInt32)] = [
            (.readOnly, UInt32(MDB_RDONLY)), (.unlocked, UInt32(MDB_RDONLY | MDB_NOLOCK)),
        ]
        if !readOnly { attempts.insert((.readWrite, isDraft ? UInt32(MDB_NOSYNC) : 0), at: 0) }
        let (lockFile, readers) = try Self.openLockFile(path + "/lock.mdb", isLayer: isLayer)
        self.lockFile = lockFile
        var opened: (Access, OpaquePointer)?
        var failure: StoreError?
        search: for (access, flags) in attempts {
            var mapBytes = Self.initialMapBytes
            while true {
                let code: Int32
                (opened, code) = Self.tryOpen(path, access, flags, mapBytes, readers)
                if opened != nil { break search }
                failure = Self.error(code, "open the index")
                // Limits on address space say ENOMEM, valgrind says EINVAL.
                if code == ENOMEM || code == EINVAL, mapBytes > Self.smallestMapBytes {
                    mapBytes /= 2
                    continue
                }
                guard code == EACCES || code == EPERM || code == EROFS else { break search }
                break
            }
        }
        guard let (access, environment) = opened else {
            lockFile?.close()
            throw failure ?? StoreError(.internal, "no way to open the index")
        }
        do {
            tables = try Self.openTables(environment, create: create, access: access)
        } catch {
            mdb_env_close(environment)
            lockFile?.close()
            throw error
        }
        self.access = access
        self.environment = environment
        if let lockFile {
            // LMDB's lock that says that somebody has the index open is the process's, and goes when anybody
            // in it closes any descriptor of this file. Then the next opener would take itself for the first,
            // and make mutexes anew that are in use. This one stays.
            _ = try? System.lock(lockFile.descriptor, .shared, at: 0)
            _ = try? System.lock(lockFile.descriptor, .unlocked, at: Self.openingOffset)
        }
        clearStaleReaders()
    }

    /// LMDB writes to its lock file through a map, where a hole on a full disk ends the process. So the file
    /// has no holes before it is mapped. Nil where it may not be written to, or LMDB says what is wrong.
    ///
    /// What comes back has the lock of who is opening. It is one of an open file, which the system releases
    /// after LMDB's, which are the process's: whoever gets it finds no lock of a dead opener.
    private static func openLockFile(_ path: String, isLayer: Bool) throws(StoreError)
        -> (LockingDescriptor?, readers: UInt32)
    {
        var readers = readers(isLayer: isLayer)
        let descriptor: Int32
        do { descriptor = try System.openOrMake(path) } catch  where error.code != .full {
            return (nil, readers)
        }
        let file = try LockingDescriptor(adopting: descriptor)
        // A head of three cache lines with one reader, and a line for each other one.
        func reserve() throws(StoreError) {
            do { try System.reserve(descriptor, at: 0, length: UInt64(readers - 1) * 64 + 192) } catch
                where error.code == .unsupported
            {}
        }
        do throws(StoreError) {
            do { try reserve() } catch  where error.code == .full && !isLayer {
                // What was a layer, and stands alone, has room for as many as it had, on a full disk too.
                readers = Self.readers(isLayer: true)
                try reserve()
            }
            if Defect.openersAreNotAlone.isPresent { return (file, readers) }
            for _ in 0..<patienceMilliseconds {
                if try System.lock(descriptor, .exclusive, at: openingOffset) { return (file, readers) }
                System.sleep(milliseconds: 1)
            }
            throw StoreError(.busy, "another process has been opening the store for long: try again")
        } catch {
            file.close()
            throw error
        }
    }

    /// Behind the locks of LMDB, which are at the numbers of processes.
    private static let openingOffset: UInt64 = 1 << 60
    private static let patienceMilliseconds = 10_000

    private static func tryOpen(
        _ path: String, _ access: Access, _ flags: UInt32, _ mapBytes: Int, _ readers: UInt32
    )
        -> ((Access, OpaquePointer)?, Int32)
    {
        ipsys_occupy_standard()
        var environment: OpaquePointer?
        var code = mdb_env_create(&environment)
        guard code == 0, let environment else { return (nil, code) }
        mdb_env_set_maxdbs(environment, MDB_dbi(IndexTable.allCases.count))
        mdb_env_set_maxreaders(environment, readers)
        mdb_env_set_mapsize(environment, mapBytes)
        code = mdb_env_open(environment, path, UInt32(MDB_NOTLS) | flags, 0o666)
        if code == 0 { return ((access, environment), 0) }
        mdb_env_close(environment)
        return (nil, code)
    }

    private static func openTables(_ environment: OpaquePointer, create: Bool, access: Access)
        throws(StoreError) -> InlineArray<9, MDB_dbi>
    {
        var transaction: OpaquePointer?
        let flags = create ? 0 : UInt32(MDB_RDONLY)
        var code = mdb_txn_begin(environment, nil, flags, &transaction)
        // EAGAIN: a process of another pid namespace with our pid holds our reader's lock.
        // Or there are more processes than reader slots. Then the write lock serves.
        if code == EAGAIN || code == MDB_READERS_FULL, access == .readWrite {
            code = mdb_txn_begin(environment, nil, 0, &transaction)
        }
        guard code == 0, let transaction else { throw error(code, "read the index") }
        var tables = InlineArray<9, MDB_dbi>(repeating: 0)
        for table in IndexTable.allCases {
            var handle = MDB_dbi()
            let tableFlags = table.flags | (create ? UInt32(MDB_CREATE) : 0)
            code = mdb_dbi_open(transaction, table.name, tableFlags, &handle)
            guard code == 0 else {
                mdb_txn_abort(transaction)
                if code == MDB_NOTFOUND {
                    throw StoreError(.corrupt, "the index has no table \(table.name)")
                }
                throw error(code, "open the table \(table.name)")
            }
            tables[table.rawValue] = handle
        }
        code = mdb_txn_commit(transaction)
        guard code == 0 else { throw error(code, "open the index") }
        return tables
    }

    /// Frees the reader slots of processes that died: their snapshots keep pages from being reused.
    func clearStaleReaders() {
        var dead: Int32 = 0
        if access != .unlocked { mdb_reader_check(environment, &dead) }
    }

    /// Checks the pages of the newest commit without LMDB. CORRUPT when it must not be trusted with them.
    func checkPages() throws(StoreError) {
        var descriptor: Int32 = -1
        guard mdb_env_get_fd(environment, &descriptor) == 0 else { return }
        // A snapshot keeps its pages; its meta page may be written over before it is read.
        for _ in 0..<16 {
            let isChecked = try read { (snapshot) throws(StoreError) in
                guard case .lmdb(let transaction, _) = snapshot.view else { return true }
                return try IndexPages.check(descriptor, transaction: UInt64(mdb_txn_id(transaction)))
            }
            if isChecked { return }
        }
    }

    /// Closes the files. No transaction may be open, and none is begun afterwards.
    func close() {
        idle.withLock { pool in
            for transaction in pool { mdb_txn_abort(transaction.pointer) }
            pool.removeAll()
        }
        mdb_env_close(environment)
        lockFile?.close()
    }

    // MARK: Transactions

    /// Runs `body` on a snapshot. Milliseconds, not more: a long one stops pages from being reused.
    func read<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        gate.enter()
        defer { gate.leave() }
        guard let transaction = try beginRead() else {
            // Another pid namespace's process has our pid, or all slots are taken: LMDB cannot give us a
            // reader's slot, but the write lock it can.
            let transaction = try beginWrite()
            defer { mdb_txn_abort(transaction) }
            return try body(IndexSnapshot(lmdb: transaction, tables))
        }
        defer { endRead(transaction) }
        return try body(IndexSnapshot(lmdb: transaction, tables))
    }

    private func beginRead() throws(StoreError) -> OpaquePointer? {
        try checkMapped()
        if let pooled = idle.withLock({ $0.popLast() }) {
            let code = mdb_txn_renew(pooled.pointer)
            if code == 0 { return pooled.pointer }
            mdb_txn_abort(pooled.pointer)
        }
        for attempt in 0..<2 {
            var transaction: OpaquePointer?
            let code = mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction)
            switch code {
            case 0: return transaction
            case EAGAIN where access == .readWrite: return nil
            case MDB_MAP_RESIZED where attempt == 0: try adoptMapSize()
            case MDB_READERS_FULL where attempt == 0: clearStaleReaders()
            case MDB_READERS_FULL where access == .readWrite: return nil
            default: throw Self.error(code, "read the index")
            }
        }
        throw StoreError(.busy, "too many readers of this store")
    }

    private func endRead(_ transaction: OpaquePointer) {
        mdb_txn_reset(transaction)
        let kept = idle.withLock { pool in
            if pool.count >= Self.idleLimit { return false }
            pool.append(SendablePointer(pointer: transaction))
            return true
        }
        if !kept { mdb_txn_abort(transaction) }
    }

    /// As `read`, of a snapshot that misses no commit of a writer that is dead by now.
    func readSettled<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        gate.enter()
        defer { gate.leave() }
        if let transaction = try beginRead() {
            defer { endRead(transaction) }
            // By the meta pages, which snapshots do not go by.
            var information = MDB_envinfo()
            mdb_env_info(environment, &information)
            if information.me_last_txnid == mdb_txn_id(transaction) || access != .readWrite
                || Defect.deadCommitsAreMissed.isPresent
            {
                return try body(IndexSnapshot(lmdb: transaction, tables))
            }
        }
        // Whoever takes the write lock of one that died makes its commit the last one.
        let transaction = try beginWrite()
        defer { mdb_txn_abort(transaction) }
        return try body(IndexSnapshot(lmdb: transaction, tables))
    }

    /// Runs `body` in a write transaction and commits it. When this throws nothing has changed, or the
    /// environment is poisoned.
    func write<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        guard access == .readWrite else { throw StoreError(.readOnly, "the store is open for reading only") }
        try growMapIfNeeded()
        gate.enter()
        defer { gate.leave() }
        let transaction = try beginWrite()
        let result: T
        do {
            result = try body(IndexSnapshot(lmdb: transaction, tables))
        } catch {
            mdb_txn_abort(transaction)
            throw error
        }
        let code = mdb_txn_commit(transaction)
        if code == 0 { return result }
        // LMDB writes the meta page last. Where that failed it refuses all that comes after (MDB_PANIC);
        // where anything before it failed, nothing has happened.
        do {
            if let check = try beginRead() { endRead(check) } else { mdb_txn_abort(try beginWrite()) }
        } catch {
            poisoned.store(true, ordering: .releasing)
            throw StoreError(
                .io, "a commit failed and its outcome is unknown: open the store again",
                systemError: code > 0 ? code : 0)
        }
        throw Self.error(code, "commit", couldBeFull: isDiskFull())
    }

    /// Runs `body` while nobody writes, and commits nothing.
    func alone<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        guard access == .readWrite else { throw StoreError(.readOnly, "the store is open for reading only") }
        gate.enter()
        defer { gate.leave() }
        let transaction = try beginWrite()
        defer { mdb_txn_abort(transaction) }
        return try body(IndexSnapshot(lmdb: transaction, tables))
    }

    private func beginWrite() throws(StoreError) -> OpaquePointer {
        for _ in 0..<2 {
            try checkMapped()
            if poisoned.load(ordering: .acquiring) {
                throw StoreError(
                    .io, "an earlier commit failed and its outcome is unknown: open the store again")
            }
            var transaction: OpaquePointer?
            let code = mdb_txn_begin(environment, nil, 0, &transaction)
            if code == 0, let transaction { return transaction }
            guard code == MDB_MAP_RESIZED else { throw Self.error(code, "begin a write") }
            try adoptMapSize()
        }
        throw StoreError(.busy, "the index is being grown by another process")
    }

    // MARK: Map size

    /// Another process has grown the map: take its size. Called inside the gate.
    private func adoptMapSize() throws(StoreError) {
        gate.leave()
        gate.enterAlone()
        dropIdle()
        defer {
            gate.leave()
            gate.enter()
        }
        try setMapBytes(0)
    }

    private func dropIdle() {
        idle.withLock { pool in
            for transaction in pool { mdb_txn_abort(transaction.pointer) }
            pool.removeAll()
        }
    }

    /// Doubles the map once three quarters are used, so that no transaction meets its end.
    private func growMapIfNeeded() throws(StoreError) {
        gate.enter()
        let isLarge = isMapped.load(ordering: .acquiring) && mapBytesIfNearlyUsed() != nil
        gate.leave()
        guard isLarge else { return }
        gate.enterAlone()
        defer { gate.leave() }
        try checkMapped()
        // Another thread may have been here first.
        guard let bytes = mapBytesIfNearlyUsed() else { return }
        dropIdle()
        // LMDB gives up the map that it has before it asks for another: not where there will be none.
        let more = mmap(nil, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard more != MAP_FAILED else { throw Self.error(errno, "grow the index") }
        munmap(more, bytes)
        try setMapBytes(bytes * 2)
    }

    /// The size of the map when three quarters of it are used. Inside the gate: it is read through the map.
    private func mapBytesIfNearlyUsed() -> Int? {
        var information = MDB_envinfo()
        mdb_env_info(environment, &information)
        let used = (information.me_last_pgno + 1) * 4096
        return used > information.me_mapsize / 4 * 3 ? information.me_mapsize : nil
    }

    /// Called alone in the gate. After a failure there is no map, and nothing may touch it.
    private func setMapBytes(_ bytes: Int) throws(StoreError) {
        let code = mdb_env_set_mapsize(environment, bytes)
        guard code != 0 else { return }
        isMapped.store(false, ordering: .releasing)
        throw Self.error(code, "grow the index")
    }

    /// Called inside the gate, before anything that looks at the map.
    private func checkMapped() throws(StoreError) {
        guard isMapped.load(ordering: .acquiring) else {
            throw StoreError(.io, "there was no address space for the index to grow: open the store again")
        }
    }

    /// Bytes of the index file in use and mapped.
    var usedBytes: UInt64 {
        gate.enter()
        defer { gate.leave() }
        guard isMapped.load(ordering: .acquiring) else { return 0 }
        var information = MDB_envinfo()
        mdb_env_info(environment, &information)
        return UInt64(information.me_last_pgno + 1) * 4096
    }

    private func isDiskFull() -> Bool {
        var descriptor: Int32 = -1
        guard mdb_env_get_fd(environment, &descriptor) == 0 else { return false }
        return System.isFull(descriptor)
    }

    static func error(_ code: Int32, _ what: String, couldBeFull: Bool = false) -> StoreError {
        // LMDB reports a short write, which is what a full disk gives, as EIO.
        if code == EIO, couldBeFull { return System.error(ENOSPC, what) }
        if code > 0 { return System.error(code, what) }
        let text = "\(what): \(String(cString: mdb_strerror(code)))"
        return switch code {
        case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_BAD_TXN, MDB_INCOMPATIBLE:
            StoreError(.corrupt, "the index is damaged (\(text)): run verify --repair")
        case MDB_VERSION_MISMATCH: StoreError(.unsupported, text)
        case MDB_MAP_FULL, MDB_TXN_FULL: StoreError(.full, text)
        case MDB_READERS_FULL: StoreError(.busy, text)
        case MDB_PANIC: StoreError(.io, "\(text): open the store again")
        default: StoreError(.internal, text)
        }
    }
}

/// LMDB handles may go from thread to thread (MDB_NOTLS).
private struct SendablePointer: @unchecked Sendable {
    let pointer: OpaquePointer
}
