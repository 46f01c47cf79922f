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
}
