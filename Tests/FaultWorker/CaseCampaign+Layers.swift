import Glibc
import IpldEngine

/// Bases that cannot be written to, are not there, or are others.
extension CaseCampaign {
    /// A base with two contents, and a layer over it that names the first.
    static func makeLayer(_ scratch: String, _ pool: Pool, base: String? = nil, layer: String? = nil) throws
        -> (
            base: String, layer: String
        )
    {
        let base = base ?? scratch + "/base"
        let layer = layer ?? scratch + "/layer"
        try LmdbStore.create(at: base, configuration: try Pool.configuration())
        try inChild(base) { store in for content in [15, 21] { try put(store, pool, content) } }
        try LayeredStore.create(at: layer, over: [base])
        try inChild(layer) { store in try store.setRoot("mine", to: pool.cids[15]) }
        return (base, layer)
    }

    /// The names of a base go, and all that nothing else keeps.
    static func emptyBase(_ base: String) throws {
        try inChild(base) { store in
            for (name, _) in try store.roots() { try store.removeRoot(name, budget: nil) }
            try store.gc()
            try expectSound(store)
        }
    }

    /// A layer has what it named, nothing of it is wrong, and its base holds it once.
    static func expectLayer(_ layer: String, _ pool: Pool, holds: Int? = 1, _ contents: [Int] = [15]) throws {
        try inChild(layer) { store in
            for content in contents { try expectContent(store, pool, content) }
            try Inspection.expectClean(store, but: [.surplusHold])
            try store.gc()
            try expectSound(store)
            for content in contents { try expectContent(store, pool, content) }
            guard let holds else { return }
            let base = try ContentStore.open(at: store.bases[0].path)
            let held = try base.holds()
            try expect(held.count == holds, "\(held.count) blocks are held, not \(holds)")
        }
    }

    static func expectEmpty(_ base: String) throws {
        try inChild(base) { store in
            try store.gc()
            let forks = try store.forks()
            try expect(forks.isEmpty, "forks are known: \(forks)")
            let blocks = try store.stat().blocks
            try expect(blocks == 0, "\(blocks) blocks remain")
            try expectSound(store)
        }
    }

    /// As nobody, in a process that ends with it.
    static func asNobody(_ body: () throws -> Void) throws {
        let child = try Processes.fork {
            try expect(setgid(65534) == 0 && setuid(65534) == 0, "still root")
            try body()
        }
        try expect(Processes.reap(child) == .exited(0), "nobody's process failed")
    }

    // MARK: Bases that cannot be written to

    @Sendable static func baseOfAnotherUser(_ scratch: String, _ pool: Pool) throws {
        guard geteuid() == 0 else { return say("skipped: nobody else to be") }
        chmod(scratch, 0o755)
        let home = scratch + "/home"
        mkdir(home, 0o755)
        chown(home, 65534, 65534)
        let base = scratch + "/base"
        try LmdbStore.create(at: base, configuration: try Pool.configuration())
        try inChild(base) { store in for content in [15, 21] { try put(store, pool, content) } }
        let layer = home + "/layer"
        try asNobody {
            try LayeredStore.create(at: layer, over: [base])
            let store = try ContentStore.open(at: layer)
            try store.setRoot("mine", to: pool.cids[15])
            try put(store, pool, 22)
            try expect(store.warning?.contains(base) == true, "no warning")
            for content in [15, 22] { try expectContent(store, pool, content) }
            try expectSound(store)
        }
        try inChild(base) { store in
            let isUntouched = try store.forks().isEmpty && store.holds().isEmpty
            try expect(isUntouched, "a base of root's was changed")
        }
        // It is theirs now: from the next opening on it holds.
        for name in try allBelow(base) { chown(name, 65534, 65534) }
        try asNobody {
            let store = try ContentStore.open(at: layer)
            try expect(store.warning == nil, "a warning: \(store.warning ?? "")")
            try expectSound(store)
        }
        try emptyBase(base)
        try asNobody {
            let store = try ContentStore.open(at: layer)
            for content in [15, 22] { try expectContent(store, pool, content) }
            try expectSound(store)
        }
    }

    private static func allBelow(_ path: String) throws -> [String] {
        [path] + (try Files.names(path).flatMap { try allBelow(path + "/" + $0) })
    }

    @Sendable static func baseOnReadOnlyMount(_ scratch: String, _ pool: Pool) throws {
        let (real, place) = (scratch + "/real", scratch + "/place")
        mkdir(real, 0o777)
        mkdir(place, 0o777)
        try LmdbStore.create(at: real + "/base", configuration: try Pool.configuration())
        try inChild(real + "/base") { store in try put(store, pool, 15) }
        guard mount(real, place, nil, UInt(MS_BIND), nil) == 0 else { return say("skipped: cannot mount") }
        defer { umount2(place, Int32(MNT_DETACH)) }
        guard mount(nil, place, nil, UInt(MS_BIND | MS_REMOUNT | MS_RDONLY), nil) == 0 else {
            return say("skipped: cannot mount for reading only")
        }
        let layer = scratch + "/layer"
        try LayeredStore.create(at: layer, over: [place + "/base"])
        try inChild(layer) { store in
            try store.setRoot("mine", to: pool.cids[15])
            try expect(store.warning?.contains(place) == true, "no warning")
            try expectContent(store, pool, 15)
            try put(store, pool, 16)
            try store.gc()
            try expectSound(store)
        }
        // Sealed, it needs no holds, and no warning.
        try inChild(real + "/base") { store in try store.seal() }
        try inChild(layer) { store in
            try expect(store.warning == nil, "a warning: \(store.warning ?? "")")
            for content in [15, 16] { try expectContent(store, pool, content) }
            try expectSound(store)
        }
    }

    @Sendable static func sealedBase(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        let store = try ContentStore.open(at: layer)
        try store.setRoot("other", to: pool.cids[21])
        // While the layer is open and has something to give back.
        try store.removeRoot("mine", budget: 0)
        try inChild(base) { store in try store.seal() }
        try store.gc()
        try put(store, pool, 16)
        try store.setRoot("again", to: pool.cids[15])
        for content in [15, 16, 21] { try expectContent(store, pool, content) }
        try expectSound(store)
        try inChild(base) { store in
            try expectError(.readOnly, "removing") { try store.removeRoot("c15") }
            try expectError(.readOnly, "collecting") { try store.gc() }
            try expectError(.readOnly, "storing") { try put(store, pool, 3) }
            try expectContent(store, pool, 15)
            try expectSound(store)
        }
        try expectLayer(layer, pool, holds: nil, [15, 16, 21])
    }

    // MARK: Bases that are not there

    @Sendable static func baseMissing(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        func expectNamed(_ code: StoreError.Code, _ what: String) throws {
            do throws(StoreError) { _ = try ContentStore.open(at: layer) } catch {
                try expect(error.code == code, "\(what): \(error.code): \(error)")
                return try expect(error.message.contains(base), "\(what) is not named: \(error)")
            }
            throw Violation("\(what): opened")
        }
        let moved = scratch + "/moved"
        try expect(rename(base, moved) == 0, "cannot rename")
        try expectNamed(.notFound, "a base that is gone")
        mkdir(base, 0o777)
        try expectNamed(.notAStore, "an empty directory")
        rmdir(base)
        try LmdbStore.create(at: base, configuration: try Pool.configuration())
        try expectNamed(.invalid, "another store")
        try expectError(.invalid, "another store as the base") {
            try ContentStore.setBase(at: layer, base, to: base)
        }
        try expect(try ContentStore.recordedBases(at: layer).map(\.path) == [base], "another base")
        try ContentStore.setBase(at: layer, base, to: moved)
        try emptyBase(moved)
        try expectLayer(layer, pool)
        // Moved by copying: to the base, all its layers look gone; to the layer, the base looks forgetful.
        let copied = scratch + "/copied"
        try Files.copyTree(moved, copied)
        Files.removeTree(moved)
        try inChild(copied) { store in
            try store.gc()
            try expect(try store.holds().count == 1, "a base that was copied took its layers for gone")
        }
        try ContentStore.setBase(at: layer, moved, to: copied)
        try expectLayer(layer, pool, holds: 2)
        try inChild(copied) { store in
            let forks = try store.forks()
            let old = forks.filter { $0.state == .unknown }
            try expect(old.count == 1, "\(forks)")
            try store.forgetFork(old[0].identity)
            try store.gc()
        }
        try expectLayer(layer, pool)
        Files.removeTree(layer)
        try expectEmpty(copied)
    }

    @Sendable static func baseCycles(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        let top = scratch + "/top"
        try LayeredStore.create(at: top, over: [layer])
        symlink(top, scratch + "/link")
        for (store, over) in [
            (base, base), (base, layer), (base, top), (layer, top), (base, scratch + "/link"),
        ] {
            try inChildOnly {
                try expectError(.invalid, "\(over) under \(store)") {
                    try ContentStore.addBase(at: store, over)
                }
            }
        }
        for store in [base, layer, top] {
            try inChild(store) { store in
                try expectContent(store, pool, 15)
                try expectSound(store)
            }
        }
    }

    private static func inChildOnly(_ body: () throws -> Void) throws {
        try expect(Processes.reap(try Processes.fork(body)) == .exited(0), "the child failed")
    }
}
