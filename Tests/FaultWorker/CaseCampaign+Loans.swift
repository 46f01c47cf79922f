import Glibc
import IpldEngine

/// What a base lends, where one of the two lost it.
extension CaseCampaign {
    /// The base's last commit never happened, and it was the loan: it is collected before the layer is seen.
    @Sendable static func loanLostByBase(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        try inChild(layer) { store in try store.setRoot("late", to: pool.cids[21]) }
        try IndexFile.rollBack(base)
        try emptyBase(base)
        try expectLayer(layer, pool, holds: 2, [15, 21])
        // The same, when what was lost is that something was given back.
        try inChild(layer) { store in
            try store.removeRoot("late", budget: nil)
            try store.gc()
        }
        try IndexFile.rollBack(base)
        try expectLayer(layer, pool)
        try emptyBase(base)
        try expectLayer(layer, pool)
        Files.removeTree(layer)
        try expectEmpty(base)
    }

    /// Death at each call of a removal, and the layer's last commit never happened either: what it then still
    /// names, its base still has.
    @Sendable static func loanLostByLayer(_ scratch: String, _ pool: Pool) throws {
        for number in 0... {
            let place = scratch + "/\(number)"
            mkdir(place, 0o777)
            let (base, layer) = try makeLayer(place, pool)
            try emptyBase(base)
            let end = try fork(layer) { store in
                let batch = try store.makeBatch()
                try batch.setRoot("mine", to: nil)
                try batch.commit()
                if number == 0 { kill(getpid(), SIGKILL) }
                _ = CallFaults.arm(.die(at: number))
                try store.gc()
            }
            try IndexFile.rollBack(layer)
            try inChild(base) { store in try store.gc() }
            let child = try Processes.fork {
                _exit(try ContentStore.open(at: layer).root("mine") == nil ? 3 : 0)
            }
            let isNamed = Processes.reap(child) == .exited(0)
            try expect(
                isNamed == (number == 0), "after \(number) calls it \(isNamed ? "is" : "is not") named")
            try expectLayer(layer, pool, holds: isNamed ? 1 : 0, isNamed ? [15] : [])
            Files.removeTree(layer)
            try expectEmpty(base)
            Files.removeTree(place)
            if end == .exited(0) { return }
            try expect(end == .killed(SIGKILL), "\(end)")
        }
    }

    /// Death at each call of a loan, then another loan: the surplus of the first is found all the same.
    @Sendable static func loanThatDied(_ scratch: String, _ pool: Pool) throws {
        for number in 1... {
            let place = scratch + "/\(number)"
            mkdir(place, 0o777)
            let (base, layer) = try makeLayer(place, pool)
            let end = try fork(layer) { store in
                _ = CallFaults.arm(.die(at: number))
                try store.setRoot("died", to: try store.links(of: pool.cids[15])[0])
                CallFaults.disarm()
            }
            let isOver = end == .exited(0)
            try inChild(layer) { store in
                try store.setRoot("after", to: pool.cids[21])
                try Inspection.expectClean(store, but: [.surplusHold])
                try store.gc()
                try expectSound(store)
            }
            try emptyBase(base)
            try expectLayer(layer, pool, holds: isOver ? 3 : nil, [15, 21])
            Files.removeTree(place)
            if isOver { return try expect(number > 4, "a loan makes no calls") }
            try expect(end == .killed(SIGKILL), "\(end)")
        }
    }

    /// Index or journal of layer and base are made anew: nothing that is lent is lost, whoever collects when.
    @Sendable static func repairedLoans(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        try inChild(layer) { store in try put(store, pool, 22) }
        try emptyBase(base)
        for store in [layer, base] {
            for lost in ["index", "journal"] {
                try inChild(layer) { store in try store.setRoot("more", to: pool.cids[16 - 1]) }
                Files.removeTree(store + "/" + lost)
                try ContentStore.repair(at: store)
                try inChild(base) { store in try store.gc() }
                try expectLayer(layer, pool, holds: nil, [15, 22])
                try inChild(base) { store in
                    try store.gc()
                    try expectSound(store)
                }
                try expectLayer(layer, pool, holds: nil, [15, 22])
            }
        }
        try inChild(layer) { store in
            for (name, _) in try store.roots() { try store.removeRoot(name, budget: nil) }
            try store.gc()
        }
        try inChild(base) { store in
            try store.gc()
            try expect(try store.stat().blocks == 0, "blocks remain in the base")
        }
        Files.removeTree(layer)
        try expectEmpty(base)
    }
}
