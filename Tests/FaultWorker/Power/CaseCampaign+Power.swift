import Glibc
import IpldEngine

/// What power losses have once left behind (PowerCampaign looks for more).
extension CaseCampaign {
    /// A file that was removed comes back when the names in its directory were not durable: its row must not
    /// be gone before.
    @Sendable static func filesRemovedForGood(_ scratch: String, _ pool: Pool) throws {
        try losingPower(scratch, .flatfs1, pool) { store in
            for content in [12, 15] { try put(store, pool, content) }
        } during: { store in
            try store.removeRoot("c15", budget: nil)
            try store.gc()
        }
    }

    /// The folder of a lane may be there without the lock that it belongs to.
    @Sendable static func laneWithoutLock(_ scratch: String, _ pool: Pool) throws {
        try losingPower(scratch, .flatfs0, pool) { _ in
        } during: { store in
            try put(store, pool, 12)
        }
    }

    /// What a base holds for its first layer must not outlive what it knows of that layer.
    @Sendable static func firstLayerOfABase(_ scratch: String, _ pool: Pool) throws {
        let world = scratch + "/world"
        let path = world + "/store"
        mkdir(world, 0o777)
        let kind = StoreKind.layerOverLmdb
        try kind.prepare(path)
        try eachLoss(world) {
            try kind.create(path)
            try put(try ContentStore.open(at: path), pool, 12)
        } check: {
            guard Files.exists(path) else { return try kind.create(path) }
            try expectNoLeak(path, pool)
        }
    }

    /// What a writer wrote, never flushed, and did not cut as it died is found by a repair, and relied upon
    /// by who stores the same bytes then.
    @Sendable static func repairOfUnflushedStage(_ scratch: String, _ pool: Pool) throws {
        let world = scratch + "/world"
        let path = world + "/store"
        mkdir(world, 0o777)
        try StoreKind.lmdb.create(path)
        try put(try ContentStore.open(at: path), pool, 9)
        try eachLoss(world) {
            try giveUp(path)
            try ContentStore.repair(at: path)
            try put(try ContentStore.open(at: path), pool, 12)
        } check: {
            try expectNoLeak(path, pool)
        }
    }

    private static func giveUp(_ path: String) throws {
        let batch = try ContentStore.open(at: path).makeBatch()
        _ = try batch.size(of: try batch.put(Pool.bytes(12)))
        System.faultHook = { call in
            if case .truncate = call { .fail(EIO) } else { .none }
        }
        batch.abort()
        System.faultHook = nil
    }

    private static func losingPower(
        _ scratch: String, _ kind: StoreKind, _ pool: Pool, before: (ContentStore) throws -> Void,
        during: (ContentStore) throws -> Void
    ) throws {
        let world = scratch + "/world"
        let path = world + "/store"
        mkdir(world, 0o777)
        try kind.create(path)
        try before(try ContentStore.open(at: path))
        try eachLoss(world) {
            try during(try ContentStore.open(at: path))
        } check: {
            try expectNoLeak(path, pool)
        }
    }

    private static func expectNoLeak(_ path: String, _ pool: Pool) throws {
        let store = try ContentStore.open(at: path)
        try expectSound(store)
        try store.gc()
        try Inspection(pool: pool).expectExactly(store, try NameState(of: store))
    }

    /// Loses power after each call, in the ways that leave the most, and the least.
    private static func eachLoss(_ world: String, during: () throws -> Void, check: () throws -> Void) throws
    {
        let before = try Disk.Contents(scanning: world)
        let log = try FlightLog(of: world, during)
        let disk = Disk(before: log, initially: before, ignores: .nothing)
        var seen: Set<UInt64> = []
        for position in 1...log.calls.count {
            disk.advance(to: position)
            var choices = [Choice.Kind.none, .all, .namesOnly, .dataOnly].map { Choice($0) }
            choices += (0..<4).map { Choice(.half, seed: UInt64(position * 4 + $0)) }
            for choice in choices {
                let image = disk.image(choice)
                guard seen.insert(image.digest).inserted else { continue }
                try image.write(to: world)
                do { try check() } catch {
                    throw Violation("after call \(position), \(choice.kind): \(error)")
                }
            }
        }
        try expect(seen.count > 10, "only \(seen.count) disks")
    }
}
