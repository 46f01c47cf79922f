import FlightRecorder
import Glibc
import IpldEngine

/// Leases, forks, process ids.
extension CaseCampaign {
    @Sendable static func leaseTableDeleted(_ scratch: String, _ pool: Pool) throws {
        try expectCollectionStops(scratch, pool) { path in unlink(path + "/leases") }
    }

    @Sendable static func leaseTableReplaced(_ scratch: String, _ pool: Pool) throws {
        try expectCollectionStops(scratch, pool) { path in
            let bytes = try Files.read(path + "/leases")
            unlink(path + "/leases")
            try Files.write(path + "/leases", bytes)
        }
    }

    /// While the table that leases stand in is not the one under the name, nothing is collected; opened by
    /// one process alone, the store has a table again and collects.
    private static func expectCollectionStops(
        _ scratch: String, _ pool: Pool, _ spoil: @escaping (String) throws -> Void
    ) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        try inChild(path) { store in
            try put(store, pool, 12)
            try spoil(path)
            try put(store, pool, 15)
            let blocks = try store.stat().blocks
            try expect(try store.removeRoot("c12").blocks == 0, "something was collected")
            try expect(try store.stat().blocks == blocks, "blocks went")
            try expectContent(store, pool, 15)
            try expect(
                try store.verify().problems.map(\.kind) == [.unknownLeaseTable],
                "verify does not say that it is gone")
            // Another process may not put a table in its place while we are here: without any it is refused,
            // with another it collects nothing.
            let (lines, end) = Processes.wait(try Processes.spawn(["case-collect", "--path", path]))
            try expect(
                end == .exited(0) && (lines == ["busy"] || lines == ["blocks \(blocks)"]), "\(lines) \(end)")
        }
        try inChild(path) { store in
            try store.gc()
            try expect(try store.stat().deadBlocks == 0, "nothing was collected")
            try expectContent(store, pool, 15)
            try expectSound(store)
        }
    }

    static func collectChild(_ arguments: Arguments) throws -> Int32 {
        do {
            let store = try ContentStore.open(at: try arguments.required("path"))
            try store.gc()
            say("blocks \(try store.stat().blocks)")
        } catch let error as StoreError { say("\(error.code)") }
        return 0
    }

    @Sendable static func forkInBatch(_ scratch: String, _ pool: Pool) throws {
        let (path, store) = try make(scratch)
        try put(store, pool, 9)
        let batch = try store.makeBatch()
        _ = try batch.put(Pool.bytes(15))
        let child = try Processes.fork {
            try expectError(.forked, "the child's batch") { _ = try batch.put(Pool.bytes(12)) }
            try expectError(.forked, "the child's commit") { try batch.commit() }
            try expectError(.forked, "the child's read") { _ = try store.roots() }
            try expectError(.forked, "the child's collection") { try store.gc() }
            batch.abort()
            // A handle of its own works.
            let own = try ContentStore.open(at: path)
            try put(own, pool, 18)
            try expectContent(own, pool, 9)
            try expectSound(own)
            try expect(try own.stat().leases == 1, "the parent's lease is not seen")
        }
        try expect(Processes.reap(child) == .exited(0), "the forked child failed")
        try batch.setRoot("c15", to: pool.cids[15])
        try batch.commit()
        for content in [9, 15, 18] { try expectContent(store, pool, content) }
        try expectSound(store)
        try store.gc()
        try expectSound(store)
        try expect(try store.stat().leases == 0, "a lease remains")
    }

    /// A forked child must not keep its dead parent's locks: neither its lease nor its pack.
    @Sendable static func parentDies(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        var ends: [Int32] = [0, 0]
        try expect(pipe(&ends) == 0, "no pipe")
        let parent = try Processes.fork {
            let store = try ContentStore.open(at: path)
            let batch = try store.makeBatch()
            Bounds.stageBlocks = 10
            for content in [12, 15, 21] { _ = try batch.put(Pool.bytes(content)) }
            _ = try Processes.fork {
                // It runs: what a child closes is closed.
                var own = getpid()
                write(ends[1], &own, 4)
                sleep(30)
            }
            while true { sleep(30) }
        }
        var grandchild: pid_t = 0
        try expect(read(ends[0], &grandchild, 4) == 4, "no grandchild")
        defer { kill(grandchild, SIGKILL) }
        kill(parent, SIGKILL)
        try expect(Processes.reap(parent) == .killed(SIGKILL), "the parent did not die")
        let store = try ContentStore.open(at: path)
        try expect(try store.stat().leases == 0, "the dead parent's lease lives on in its child")
        try store.gc()
        try expect(
            try store.stat().blocks == 0 && Files.names(path + "/packs").isEmpty,
            "the batch was not collected")
        try expectSound(store)
    }

    /// Two containers over one directory: each process is number 1 of its own pid namespace.
    @Sendable static func onePid(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        try pool.write(to: scratch + "/pool.cids")
        let wrapper = ["unshare", "--pid", "--fork", "--kill-child"]
        let probe = try Processes.spawn(["case-pid"], through: wrapper)
        let (probed, probeEnd) = Processes.wait(probe)
        guard probeEnd == .exited(0), probed == ["1"] else {
            return say("skipped: no pid namespaces here: \(probed)")
        }
        let children = try (0..<2).map { index in
            try Processes.spawn(
                [
                    "race-child", "--path", path, "--pool", scratch + "/pool.cids", "--milliseconds", "1500",
                    "--seed", "\(index)",
                ], through: wrapper)
        }
        for child in children {
            let (lines, end) = Processes.wait(child)
            try expect(end == .exited(0) && lines.allSatisfy { $0.hasPrefix("count ") }, "\(end) \(lines)")
        }
        let store = try ContentStore.open(at: path)
        try Inspection(pool: pool).inspect(path, allowed: [try NameState(of: store)], empties: true)
    }

    /// The first who opens an index makes LMDB's lock file new, which for a moment says that there was no
    /// transaction yet. It dies in that moment, and another waits to open the index: what was committed stays
    /// committed, and so does what the other commits.
    @Sendable static func firstOpenerDies(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        for round in 0..<6 {
            // An odd number of commits in one round, an even one in the next: the page that counts changes.
            try inChild(path) { store in
                try store.setRoot("before-\(round)", to: try store.put(Pool.bytes(3)))
                if round % 2 == 0 { try store.setRoot("again", to: pool.cids[3]) }
            }
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { throw Violation("no pipe") }
            let first = try Processes.fork {
                try pretendToBeOpening(path + "/index/lock.mdb")
                var ready: UInt8 = 1
                _ = write(ends[1], &ready, 1)
                while true { Processes.sleep(microseconds: 100_000) }
            }
            var byte: UInt8 = 0
            guard read(ends[0], &byte, 1) == 1 else { throw Violation("the first did not begin") }
            for end in ends { close(end) }
            let second = try Processes.fork {
                let store = try ContentStore.open(at: path)
                try store.setRoot("after-\(round)", to: pool.cids[3])
            }
            Processes.sleep(microseconds: 50_000)
            kill(first, SIGKILL)
            _ = Processes.reap(first)
            try expect(Processes.reap(second) == .exited(0), "the second could not open the store")
            try inChild(path) { store in
                for number in 0...round {
                    try expect(try store.root("before-\(number)") != nil, "round \(round) lost the first's")
                    try expect(try store.root("after-\(number)") != nil, "round \(round) lost the second's")
                }
                try expectSound(store)
            }
        }
    }

    /// A writer dies when its commit is on the disk, and LMDB's lock file does not say so yet: snapshots of
    /// those who have the store open are of the commit before, and so may be what they take for free.
    @Sendable static func unseenCommit(_ scratch: String, _ pool: Pool) throws {
        // Who then goes on in its pack, cuts what is behind watermarks, or makes the next pack.
        let successors: [(name: String, act: (ContentStore) throws -> Void)] = [
            ("a batch", { try put($0, pool, 15) }), ("a collection", { _ = try $0.gc() }),
            ("a batch with a pack of its own", { try put($0, pool, 15) }),
        ]
        for (position, successor) in successors.enumerated() {
            let path = scratch + "/store-\(position)"
            try LmdbStore.create(at: path, configuration: try Pool.configuration())
            let store = try ContentStore.open(at: path)
            try put(store, pool, 9)
            // While this one has the first pack, the one that dies makes the second.
            let other = try store.makeBatch()
            if position == 2 { _ = try other.size(of: try other.put(Pool.bytes(18))) }
            let end = try fork(path) { store in
                let batch = try store.makeBatch()
                _ = try batch.put(Pool.bytes(12))
                try batch.setRoot("c12", to: pool.cids[12])
                flight_die_after_durable_write()
                try batch.commit()
            }
            try expect(end == .killed(SIGKILL), "the writer ended: \(end)")
            try expect(try store.root("c12") == nil, "\(successor.name): nothing was left unseen")
            try successor.act(store)
            other.abort()
            if try store.root("c12") == nil { try store.setRoot("next", to: pool.cids[9]) }
            try expect(try store.root("c12") == pool.cids[12], "\(successor.name): the commit is lost")
            for content in [9, 12] { try expectContent(store, pool, content) }
            try expectSound(store)
        }
    }

    /// The same of one that only brings a damaged block back: nothing that it left tells of it but where the
    /// next place in its lane is.
    @Sendable static func unseenCommitOfLane(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try StoreKind.flatfs0.create(path)
        let store = try ContentStore.open(at: path)
        for content in [12, 15] { try put(store, pool, content) }
        let damaged = try store.links(of: pool.cids[15])[0]
        try Files.write("\(path)/blocks/\(damaged)", [1, 2, 3])
        try expectError(.corrupt, "a damaged block") { _ = try store.contents(of: pool.cids[15]) }
        let end = try fork(path) { store in
            let batch = try store.makeBatch()
            _ = try batch.put(Pool.bytes(15))
            flight_die_after_durable_write()
            try batch.commit()
        }
        try expect(end == .killed(SIGKILL), "the writer ended: \(end)")
        try put(store, pool, 18)
        try expectSound(store)
        try store.removeRoot("c18", budget: nil)
        for _ in 0..<3 { try store.gc() }
        for content in [12, 15] { try expectContent(store, pool, content) }
        try expectSound(store)
    }

    /// The same of a base that had lent something, to a layer whose own commit never came.
    @Sendable static func unseenCommitOfBase(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        let store = try ContentStore.open(at: layer)
        let end = try fork(layer) { store in
            let lent = try store.links(of: pool.cids[15])[0]
            flight_die_after_durable_write()
            try store.setRoot("died", to: lent)
        }
        try expect(end == .killed(SIGKILL), "the writer ended: \(end)")
        try store.setRoot("after", to: pool.cids[21])
        try expect(try store.root("died") == nil, "the layer's commit came")
        try store.gc()
        try emptyBase(base)
        try expectLayer(layer, pool, holds: 2, [15, 21])
    }

    /// Takes the locks, and leaves the lock file, as `IndexEnvironment` and LMDB 0.9 do in the middle of
    /// opening: byte 0, of the process; the number of the last transaction at offset 48.
    private static func pretendToBeOpening(_ path: String) throws {
        let ours = open(path, O_RDWR)
        let theirs = open(path, O_RDWR)
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_len = 1
        guard fcntl(theirs, F_SETLK, &lock) == 0 else { throw Violation("somebody has the index open") }
        lock.l_start = 1 << 60
        // F_OFD_SETLK.
        guard fcntl(ours, 37, &lock) == 0 else { throw Violation("somebody is opening the index") }
        var none: UInt64 = 0
        guard pwrite(theirs, &none, 8, 48) == 8 else { throw Violation("cannot write the lock file") }
    }
}
