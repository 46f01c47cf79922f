import Glibc
import IpldEngine

/// Packs, index and journal in the states between two calls.
extension CaseCampaign {
    /// Collection has opened the new pack of a batch, which gives it up then; the next batch makes a pack of
    /// the same number before collection has its lock, and commits it. What is collected is the first one.
    @Sendable static func packMadeAnew(_ scratch: String, _ pool: Pool) throws {
        let (path, store) = try make(scratch)
        try put(store, pool, 9)
        // Has the first pack.
        let other = try store.makeBatch()
        _ = try other.size(of: try other.put(Pool.bytes(18)))
        let first = try store.makeBatch()
        _ = try first.size(of: try first.put(Pool.bytes(12)))
        let next = try store.makeBatch()
        let identity = Self.identity(path + "/packs/00000002.pack")
        nonisolated(unsafe) var isDone = false
        System.faultHook = { call in
            guard !isDone, identity != nil, case .lock(let descriptor, _) = call,
                Self.identity("/proc/self/fd/\(descriptor)") == identity
            else { return .none }
            isDone = true
            first.abort()
            do {
                _ = try next.size(of: try next.put(Pool.bytes(15)))
            } catch { say("the next batch: \(error)") }
            return .none
        }
        try store.gc()
        System.faultHook = nil
        try expect(isDone, "collection did not open the pack")
        try next.setRoot("c15", to: pool.cids[15])
        try next.commit()
        other.abort()
        for content in [9, 15] { try expectContent(store, pool, content) }
        try store.gc()
        try expectSound(store)
        for content in [9, 15] { try expectContent(store, pool, content) }
    }

    private static func identity(_ path: String) -> UInt64? {
        var information = stat()
        return stat(path, &information) == 0 ? UInt64(information.st_ino) : nil
    }

    /// A tree that is read while its name goes, its place is punched, its pack compacted and unlinked: right
    /// bytes to the end, or an honest error.
    @Sendable static func readerOfGivenBackPlace(_ scratch: String, _ pool: Pool) throws {
        let (path, store) = try make(scratch)
        Bounds.compactionBytes = 4096
        Bounds.fullPackBytes = 100_000
        let wanted = pool.cids[15]
        for round in 0..<6 {
            for content in [15, 18, 21] { try put(store, pool, content) }
            let copy = try ContentStore.open(at: path)
            // Where the row said it was, before and after.
            try expectContent(copy, pool, 15)
            if round % 2 == 0 {
                // Its neighbours go: it is moved.
                try store.removeRoot("c18", budget: nil)
                try store.removeRoot("c21", budget: nil)
                try store.gc()
                try expectContent(copy, pool, 15)
            } else {
                // It goes itself, and comes back elsewhere.
                try store.removeRoot("c15", budget: nil)
                try store.gc()
                try expectError(.notFound, "what was collected") { _ = try copy.contents(of: wanted) }
                try put(store, pool, 15)
                try expectContent(copy, pool, 15)
            }
        }
        try expectSound(store)
    }

    @Sendable static func killedBeforePunch(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        let end = try fork(path) { store in
            for content in [12, 15, 21] { try put(store, pool, content) }
            System.faultHook = { call in
                if case .punch = call { kill(getpid(), SIGKILL) }
                if case .remove = call { kill(getpid(), SIGKILL) }
                return .none
            }
            try store.removeRoot("c21")
            try store.removeRoot("c12")
        }
        try expect(end == .killed(SIGKILL), "the child did not come to a punch")
        let store = try ContentStore.open(at: path)
        try expectSound(store)
        try expectContent(store, pool, 15)
        let report = try store.gc()
        try expect(report.reclaimedBytes > 100_000, "\(report.reclaimedBytes) bytes were given back")
        try expectSound(store)
        for (name, _) in try store.roots() { try store.removeRoot(name) }
        try store.gc()
        try expect(try store.stat().blocks == 0 && Files.names(path + "/packs").isEmpty, "something remains")
    }

    @Sendable static func failingStage(_ scratch: String, _ pool: Pool) throws {
        let (path, store) = try make(scratch)
        try put(store, pool, 9)
        Bounds.stageBlocks = 20
        for kind in 0..<3 {
            let batch = try store.makeBatch()
            _ = try batch.put(Pool.bytes(15))
            try batch.setRoot("failed", to: pool.cids[21])
            System.faultHook = { call in
                switch (kind, call) {
                case (0, .flush), (1, .write), (2, .reserve): .fail(kind == 1 ? ENOSPC : EIO)
                default: .none
                }
            }
            var failed = false
            do {
                _ = try batch.put(Pool.bytes(21))
                try batch.commit()
            } catch let error as StoreError {
                failed = true
                try expect(error.code == (kind == 1 ? .full : .io), "\(error.code) \(error)")
            }
            System.faultHook = nil
            // A batch that failed is over.
            if failed { try expectError(.invalid, "a failed batch") { try batch.commit() } }
            try expect(failed || kind == 2, "no failure")
            if failed { try expect(try store.root("failed") == nil, "a failed batch left a name") }
            try expectContent(store, pool, 9)
            try expectSound(store)
            try put(store, pool, 12)
            try store.gc()
            try expect(try store.stat().leases == 0, "a lease remains")
        }
        try expectSound(store)
        _ = path
    }

    /// Equal chunks, claimed by one part of the input and needed by an earlier one, over many stages and
    /// several workers.
    @Sendable static func equalChunksAcrossStages(_ scratch: String, _ pool: Pool) throws {
        let (_, store) = try make(scratch)
        Bounds.stageBlocks = 3
        var random = Random(seed: 5)
        let piece = random.bytes(3_000_000)
        var bytes: [UInt8] = []
        for _ in 0..<14 { bytes += piece }
        for _ in 0..<6 {
            let cid = try store.put(bytes)
            try expect(try store.size(of: cid) == UInt64(bytes.count), "the wrong size")
            try store.dereference(cid, budget: nil)
        }
        try store.gc()
        try expect(try store.stat().blocks == 0, "blocks remain")
        try expectSound(store)
    }

    /// What a batch found stays, whoever collects, until the batch ends.
    @Sendable static func collectionAgainstBatch(_ scratch: String, _ pool: Pool) throws {
        let (path, store) = try make(scratch)
        for round in 0..<10 {
            try put(store, pool, 15)
            // What died before the batch began may go: the batch stores it again.
            let isDead = round % 3 == 2
            if isDead { try store.removeRoot("c15", budget: 0) }
            let batch = try store.makeBatch()
            _ = try batch.put(Pool.bytes(15))
            // Another process takes the only name away and collects.
            let (lines, end) = Processes.wait(
                try Processes.spawn(
                    isDead
                        ? ["case-collect", "--path", path]
                        : ["case-remove", "--path", path, "--root", "c15"]))
            try expect(end == .exited(0), "\(lines)")
            if round % 2 == 0 {
                try batch.setRoot("kept", to: pool.cids[15])
                try batch.commit()
                try expectContent(store, pool, 15)
                try store.removeRoot("kept", budget: nil)
            } else {
                batch.abort()
            }
            try store.gc()
            try expect(try store.stat().blocks == 0, "blocks remain in round \(round)")
        }
        try expectSound(store)
    }

    static func removeChild(_ arguments: Arguments) throws -> Int32 {
        let store = try ContentStore.open(at: try arguments.required("path"))
        try store.removeRoot(try arguments.required("root"), budget: nil)
        try store.gc()
        return 0
    }

    /// The index goes back by one commit, as a lying disk may make it: everything it names is there, also
    /// when space was about to be given back.
    @Sendable static func indexBehind(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        try inChild(path) { store in
            for content in [12, 15, 21] { try put(store, pool, content) }
            try store.setRoot("late", to: pool.cids[12])
        }
        try IndexFile.rollBack(path)
        try inChild(path) { store in
            try expect(try store.root("late") == nil, "the index did not go back")
            // The journal is ahead: that is cut by the next writer.
            try put(store, pool, 18)
            for content in [12, 15, 18, 21] { try expectContent(store, pool, content) }
            try expectSound(store)
        }
        // Killed at each call that gives space back.
        for number in 1... {
            let copy = scratch + "/copy"
            Files.removeTree(copy)
            try Files.copyTree(path, copy)
            let end = try fork(copy) { store in
                let faults = GivingBack(diesAt: number)
                System.faultHook = { call in faults.decide(call) }
                try store.removeRoot("c21")
                try store.removeRoot("c12")
            }
            if end == .exited(0) {
                try expect(number > 2, "no space was given back")
                return
            }
            try expect(end == .killed(SIGKILL), "\(end)")
            try IndexFile.rollBack(copy)
            try inChild(copy) { store in
                let names = try NameState(of: store)
                _ = try Inspection(pool: pool).readAll(store, names)
                try expectSound(store)
                try store.gc()
                try expectSound(store)
                for content in [15, 18] { try expectContent(store, pool, content) }
            }
        }
    }

    /// Death at each call of a name's commit and of the journal's rewrite that follows, and the last commit
    /// was lost too: index and journal agree again, and a store made anew from the journal has the same
    /// names.
    @Sendable static func indexBehindRewrittenJournal(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        try inChild(path) { store in
            for content in [12, 15] { try put(store, pool, content) }
            for number in 0..<100 {
                try store.setRoot("name-\(number % 4)", to: pool.cids[number % 8 < 4 ? 12 : 15])
            }
        }
        for number in 1... {
            let copy = scratch + "/copy"
            Files.removeTree(copy)
            try Files.copyTree(path, copy)
            let end = try fork(copy) { store in
                Bounds.journalBytes = 256
                _ = CallFaults.arm(.die(at: number))
                try store.setRoot("late", to: pool.cids[15])
                CallFaults.disarm()
            }
            if end == .exited(0) {
                let (long, short) = (
                    try Files.read(path + "/journal").count, try Files.read(copy + "/journal").count
                )
                try expect(short < long, "the journal was not rewritten: \(long), \(short) bytes")
            }
            try IndexFile.rollBack(copy)
            try inChild(copy) { store in
                try expectSound(store)
                try store.setRoot("later", to: pool.cids[15])
                try expectSound(store)
                try expectContent(store, pool, 15)
            }
            let before = try NameState(of: try ContentStore.open(at: copy, readOnly: true))
            try expect(before.roots.count >= 6, "names are gone")
            Files.removeTree(copy + "/index")
            try ContentStore.repair(at: copy)
            let after = try NameState(of: try ContentStore.open(at: copy))
            try expect(before == after, "the journal says otherwise: \(before.difference(from: after))")
            if end == .exited(0) { return }
            try expect(end == .killed(SIGKILL), "\(end)")
        }
    }

    /// Death at the n-th punch or removal.
    private final class GivingBack: @unchecked Sendable {
        private var left: Int
        init(diesAt number: Int) { left = number }

        func decide(_ call: SystemCall) -> Fault {
            switch call {
            case .punch, .remove:
                left -= 1
                if left == 0 { kill(getpid(), SIGKILL) }
            default: break
            }
            return .none
        }
    }

    /// The index names what its pack has lost: said to be damaged, found by verify, mended by repair and by
    /// storing again.
    @Sendable static func indexAhead(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        try inChild(path) { store in for content in [12, 15] { try put(store, pool, content) } }
        let pack = path + "/packs/00000001.pack"
        let bytes = try Files.read(pack)
        try expect(truncate(pack, off_t(bytes.count / 2)) == 0, "cannot cut")
        try inChild(path) { store in
            try expectError(.corrupt, "reading a cut pack") { try expectContent(store, pool, 15) }
            try expect(!(try store.verify().isClean), "verify does not find it")
            // A cut pack is not appended to; the same bytes stored again are whole.
            try put(store, pool, 15)
            try expectContent(store, pool, 15)
            try expectContent(store, pool, 12)
        }
        try ContentStore.repair(at: path)
        try inChild(path) { store in
            for content in [12, 15] { try expectContent(store, pool, content) }
            try store.gc()
            try expectSound(store)
        }
    }

    @Sendable static func strangePacks(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        try inChild(path) { store in try put(store, pool, 15) }
        let pack = path + "/packs/00000001.pack"
        let aside = scratch + "/aside"
        try expect(rename(pack, aside) == 0, "cannot rename")
        let strange: [() -> Void] = [
            {}, { mkfifo(pack, 0o666) }, { symlink(aside, pack) }, { mkdir(pack, 0o777) },
        ]
        for (index, make) in strange.enumerated() {
            make()
            try inChild(path) { store in
                try expectError(.corrupt, "reading strange file \(index)") {
                    try expectContent(store, pool, 15)
                }
                try expect(!(try store.verify().isClean), "verify does not find strange file \(index)")
                try put(store, pool, 12)
                try expectContent(store, pool, 12)
                try store.removeRoot("c12")
            }
            Files.removeTree(pack)
        }
        try expect(rename(aside, pack) == 0, "cannot rename")
        try inChild(path) { store in try expectContent(store, pool, 15) }
    }

    @Sendable static func journalMissing(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        try inChild(path) { store in
            try put(store, pool, 15)
            unlink(path + "/journal")
            try expectError(.corrupt, "naming without a journal") {
                try store.setRoot("x", to: pool.cids[15])
            }
            try expectContent(store, pool, 15)
            try expect(!(try store.verify().isClean), "verify does not find it")
        }
        try expectError(.corrupt, "opening without a journal") { _ = try ContentStore.open(at: path) }
        try ContentStore.repair(at: path)
        try inChild(path) { store in
            try expect(try store.root("c15") == pool.cids[15], "the index knew the name, and it is gone")
            try expectSound(store)
        }
    }

    @Sendable static func readErrorHalfWay(_ scratch: String, _ pool: Pool) throws {
        let (path, store) = try make(scratch)
        let source = scratch + "/source"
        var random = Random(seed: 9)
        try Files.write(source, random.bytes(9_000_000))
        let descriptor = open(source, O_RDONLY)
        defer { close(descriptor) }
        // The device fails.
        System.faultHook = { call in
            if case .readStream = call, lseek(descriptor, 0, SEEK_CUR) > 5_000_000 { return .fail(EIO) }
            return .none
        }
        try expectError(.io, "a source that cannot be read") {
            _ = try store.putBytes(from: try DescriptorSource(descriptor))
        }
        System.faultHook = nil
        // The source is cut while it is read.
        lseek(descriptor, 0, SEEK_SET)
        let cut = try DescriptorSource(descriptor)
        truncate(source, 6_000_000)
        try expectError(.io, "a source that was cut") { _ = try store.putBytes(from: cut) }
        try store.gc()
        try expect(
            try store.stat().blocks == 0 && Files.names(path + "/packs").isEmpty, "something was stored")
        try expectSound(store)
    }
}
