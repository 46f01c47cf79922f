import Glibc
import IpldEngine

/// Payloads in files of their own, in the states between two calls.
extension CaseCampaign {
    /// A stage whose commit was lost, and one whose writer died at each of its calls: its files are no
    /// problem to verification, and gone after collection; the same bytes are stored again as ever.
    @Sendable static func filesOfLostStage(_ scratch: String, _ pool: Pool) throws {
        for number in 0... {
            let path = scratch + "/store-\(number)"
            try StoreKind.flatfs1.create(path)
            try inChild(path) { store in try put(store, pool, 12) }
            let end = try fork(path) { store in
                if number > 0 { _ = CallFaults.arm(.die(at: number)) }
                try put(store, pool, 13)
                CallFaults.disarm()
            }
            let isLost = end == .exited(0)
            if isLost { try IndexFile.rollBack(path) }
            try inChild(path) { store in
                try expectSound(store)
                if isLost { try expect(try store.root("c13") == nil, "the stage is there") }
                if number % 2 == 0 { try put(store, pool, 13) }
                try store.gc()
                try Inspection(pool: pool).expectExactly(store, try NameState(of: store))
                try expectContent(store, pool, 12)
            }
            Files.removeTree(path)
            if number > 0, isLost { return try expect(number > 20, "storing makes no calls") }
        }
    }

    /// Stored, removed and stored again, over and over, by two who collect in turns, one of whose commits is
    /// lost: no file goes that a row names, or may name again.
    @Sendable static func filesThatComeBack(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try StoreKind.flatfs2.create(path)
        for round in 0..<40 {
            try inChild(path) { store in
                try put(store, pool, 12)
                let batch = try store.makeBatch()
                _ = try batch.put(Pool.bytes(12))
                try store.removeRoot("c12", budget: 0)
                if round % 3 == 0 { try batch.setRoot("c12", to: pool.cids[12]) }
                try batch.commit()
                if round % 2 == 0 { try store.gc() }
                if round % 5 == 0 { try put(store, pool, 12) }
            }
            if round % 4 == 1 { try IndexFile.rollBack(path) }
            try inChild(path) { store in
                let names = try NameState(of: store)
                try Inspection(pool: pool).readAll(store, names)
                try expectSound(store)
            }
        }
    }
}
