import Glibc
import IpldEngine

/// How a base knows its layers, whatever happens to their directories (DESIGN 9).
extension CaseCampaign {
    /// What is kept free for deletion included, and as it is after use.
    @Sendable static func forkOnDisk(_ scratch: String, _ pool: Pool) throws {
        let (_, layer) = try makeLayer(scratch, pool)
        func allocated(_ path: String) -> Int {
            var information = stat()
            lstat(path, &information)
            let below = Files.isDirectory(path) ? Files.names(path) : []
            return below.reduce(Int(information.st_blocks) * 512) { $0 + allocated(path + "/" + $1) }
        }
        for _ in 0..<3 {
            let bytes = allocated(layer)
            try expect(bytes <= 256 << 10, "a fork takes \(bytes) bytes")
            try inChild(layer) { store in
                try store.removeRoot("mine")
                try store.setRoot("mine", to: pool.cids[15])
            }
        }
    }

    @Sendable static func forkCopied(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        let copy = scratch + "/copy"
        try Files.copyTree(layer, copy)
        // From its first opening on it is as good as the original.
        try inChild(copy) { store in try expectContent(store, pool, 15) }
        try inChild(base) { store in
            let forks = try store.forks()
            try expect(
                Set(forks.map(\.path)) == [layer, copy] && forks.allSatisfy { $0.holds == 1 }, "\(forks)")
        }
        try emptyBase(base)
        try expectLayer(copy, pool, holds: 2)
        Files.removeTree(layer)
        try inChild(base) { store in try store.gc() }
        try expectLayer(copy, pool)
        // Opened by many at once it gets one name.
        for round in 0..<4 {
            let again = scratch + "/again-\(round)"
            try Files.copyTree(copy, again)
            let children = try (0..<4).map { _ in
                try Processes.fork {
                    let store = try ContentStore.open(at: again)
                    try expectContent(store, pool, 15)
                    try put(store, pool, 12)
                }
            }
            for child in children { try expect(Processes.reap(child) == .exited(0), "a process failed") }
            try inChild(base) { store in
                try store.gc()
                let forks = try store.forks()
                try expect(forks.count == 2, "\(forks)")
            }
            try expectLayer(again, pool, holds: 2, [12, 15])
            Files.removeTree(again)
            try inChild(base) { store in try store.gc() }
        }
        Files.removeTree(copy)
        try expectEmpty(base)
    }

    @Sendable static func forkRenamed(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        let (first, second) = (scratch + "/first", scratch + "/second")
        try expect(rename(layer, first) == 0, "cannot rename")
        try emptyBase(base)
        try expectLayer(first, pool)
        // While it is open.
        let store = try ContentStore.open(at: first)
        try expect(rename(first, second) == 0, "cannot rename")
        try put(store, pool, 16)
        try inChild(base) { store in try store.gc() }
        for content in [15, 16] { try expectContent(store, pool, content) }
        try expectSound(store)
        try expectLayer(second, pool, holds: nil, [15, 16])
        try inChild(base) { store in
            try expect(try store.forks().map(\.path) == [second], "its path is not noted")
        }
    }

    @Sendable static func forkUnmounted(_ scratch: String, _ pool: Pool) throws {
        let (real, place, cover) = (scratch + "/real", scratch + "/place", scratch + "/cover")
        for directory in [real, place, cover] { mkdir(directory, 0o777) }
        guard mount(real, place, nil, UInt(MS_BIND), nil) == 0 else { return say("skipped: cannot mount") }
        defer { umount2(place, Int32(MNT_DETACH)) }
        let (base, layer) = try makeLayer(scratch, pool, layer: place + "/layer")
        let covered = cover + "/layer"
        try LayeredStore.create(at: covered, over: [base])
        try inChild(covered) { store in try store.setRoot("mine", to: pool.cids[21]) }
        umount2(place, Int32(MNT_DETACH))
        try expect(mount("tmpfs", cover, "tmpfs", 0, nil) == 0, "cannot mount")
        try emptyBase(base)
        umount2(cover, Int32(MNT_DETACH))
        try expect(mount(real, place, nil, UInt(MS_BIND), nil) == 0, "cannot mount again")
        try expectLayer(layer, pool, holds: 2)
        try expectLayer(covered, pool, holds: 2, [21])
    }

    @Sendable static func forkUnreadable(_ scratch: String, _ pool: Pool) throws {
        guard geteuid() == 0 else { return say("skipped: nobody else to be") }
        chmod(scratch, 0o777)
        let (base, layer) = (scratch + "/base", scratch + "/layer")
        try asNobody { _ = try makeLayer(scratch, pool, base: base, layer: layer) }
        chmod(layer + "/fork", 0)
        chmod(layer, 0)
        chown(layer, 0, 0)
        try asNobody {
            try expectError(.permission, "a layer that may not be read") {
                _ = try ContentStore.open(at: layer)
            }
            let store = try ContentStore.open(at: base)
            for (name, _) in try store.roots() { try store.removeRoot(name, budget: nil) }
            try store.gc()
            let forks = try store.forks()
            try expect(forks.map(\.state) == [.present], "\(forks)")
        }
        chown(layer, 65534, 65534)
        chmod(layer, 0o755)
        chmod(layer + "/fork", 0o644)
        try asNobody {
            let store = try ContentStore.open(at: layer)
            try expectContent(store, pool, 15)
            try expectSound(store)
        }
    }

    @Sendable static func forkDeleted(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        let other = scratch + "/other"
        try LmdbStore.create(at: other, configuration: try Pool.configuration())
        try inChild(other) { store in try put(store, pool, 12) }
        // Over two bases, both hear of it.
        let double = scratch + "/double"
        try LayeredStore.create(at: double, over: [base, other])
        try inChild(double) { store in
            for content in [12, 21] { try store.setRoot("c\(content)", to: pool.cids[content]) }
        }
        try emptyBase(base)
        try emptyBase(other)
        try expectLayer(double, pool, holds: 2, [12, 21])
        // A device that fails is no proof that anything is gone.
        Files.removeTree(double)
        try inChild(base) { store in
            System.faultHook = { call in
                if case .open(let path, _) = call, path.contains("/forks/") { return .fail(EIO) }
                return .none
            }
            try store.gc()
            System.faultHook = nil
            try expect(try store.holds().count == 2, "an error was taken for a fork that is gone")
        }
        for store in [base, other] { try inChild(store) { store in try store.gc() } }
        try expectEmpty(other)
        try expectLayer(layer, pool)
        // Without its file it is taken for gone; when it is opened first, it has another one.
        unlink(layer + "/fork")
        try expectLayer(layer, pool, holds: nil)
        try inChild(base) { store in try store.gc() }
        try expectLayer(layer, pool)
        Files.removeTree(layer)
        try expectEmpty(base)
    }

    @Sendable static func forkOnAnotherFileSystem(_ scratch: String, _ pool: Pool) throws {
        var template = Array("/tmp/ipldstore-faults-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return say("skipped: no /tmp") }
        let elsewhere = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        defer { Files.removeTree(elsewhere) }
        var (here, there) = (stat(), stat())
        stat(scratch, &here)
        stat(elsewhere, &there)
        guard here.st_dev != there.st_dev else { return say("skipped: /tmp is the same file system") }
        let (base, layer) = try makeLayer(scratch, pool, base: elsewhere + "/base")
        try emptyBase(base)
        try expectLayer(layer, pool)
        let copy = scratch + "/copy"
        try Files.copyTree(layer, copy)
        try expectLayer(copy, pool, holds: 2)
        for path in [layer, copy] { Files.removeTree(path) }
        try inChild(base) { store in
            try store.gc()
            let forks = try store.forks()
            try expect(forks.map(\.state) == [.external, .external], "\(forks)")
            try expect(forks.allSatisfy { $0.holds == 1 }, "\(forks)")
            for fork in forks { try store.forgetFork(fork.identity) }
        }
        try expectEmpty(base)
        // A file of a fork that says nothing, as power loss may leave it, is no proof that it is gone.
        try LayeredStore.create(at: layer, over: [base])
        try inChild(base) { store in try put(store, pool, 15) }
        try inChild(layer) { store in try store.setRoot("mine", to: pool.cids[15]) }
        for name in Files.names(base + "/forks") where !name.hasSuffix(".path") {
            try Files.write(base + "/forks/" + name, [])
        }
        try emptyBase(base)
        try expectLayer(layer, pool, holds: nil)
    }

    @Sendable static func forkForgotten(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        try inChild(base) { store in
            try expectError(.notFound, "a fork that is none") {
                try store.forgetFork(String(repeating: "0", count: 32))
            }
            try store.forgetFork(try store.forks()[0].identity)
            try expect(try store.holds().isEmpty, "holds remain")
        }
        // What the base has it borrows again; what was collected is gone, and verify says so.
        try expectLayer(layer, pool)
        try inChild(base) { store in try store.forgetFork(try store.forks()[0].identity) }
        try emptyBase(base)
        try inChild(layer) { store in
            try expectError(.notFound, "what was forgotten") { try expectContent(store, pool, 15) }
            let kinds = try store.verify().problems.map(\.kind)
            try expect(kinds == [.missingBlock], "verify says \(kinds)")
            try put(store, pool, 15)
            try expectContent(store, pool, 15)
            try expectSound(store)
        }
    }

    /// Two processes open a layer, name what is below, and copy it, while its base forgets all forks. Opening
    /// and naming may be refused, to be tried again; nothing stays that is held for who has no file.
    @Sendable static func forkForgottenWhileOpened(_ scratch: String, _ pool: Pool) throws {
        let (base, layer) = try makeLayer(scratch, pool)
        let end = Clock.now() + 1_500_000_000
        let children = try (0..<2).map { number in
            try Processes.fork {
                var opened = 0
                while Clock.now() < end {
                    do {
                        let store = try ContentStore.open(at: layer)
                        opened += 1
                        try store.setRoot("again-\(number)", to: pool.cids[21])
                        try store.removeRoot("again-\(number)")
                        try store.gc()
                        try store.gc()
                    } catch let error as StoreError where error.code == .conflict {
                        // Forgotten since it was opened, or just then.
                    }
                }
                try expect(opened > 10, "it was opened \(opened) times")
            }
        }
        try inChild(base) { store in
            while Clock.now() < end {
                for fork in try store.forks() {
                    do { try store.forgetFork(fork.identity) } catch let error as StoreError
                        where error.code == .notFound
                    {}
                }
            }
        }
        for child in children { try expect(Processes.reap(child) == .exited(0), "a process failed") }
        try inChild(base) { store in
            try store.gc()
            let unknown = try store.forks().filter { $0.state != .present }
            try expect(unknown.isEmpty, "\(unknown)")
            let names = Files.names(base + "/forks")
            try expect(names.allSatisfy { names.contains($0 + ".path") || $0.hasSuffix(".path") }, "\(names)")
            try expect(names.count <= 2, "\(names)")
        }
        try expectLayer(layer, pool, holds: nil)
    }

    /// Death at each call of a flattening: it stands alone, or it does not, and has everything.
    @Sendable static func flattenedAndKilled(_ scratch: String, _ pool: Pool) throws {
        for number in stride(from: 1, to: 10_000, by: 3) {
            let place = scratch + "/\(number)"
            mkdir(place, 0o777)
            let (base, layer) = try makeLayer(place, pool)
            try inChild(layer) { store in try put(store, pool, 22) }
            try emptyBase(base)
            let end = Processes.reap(
                try Processes.fork {
                    _ = CallFaults.arm(.die(at: number))
                    try ContentStore.flatten(at: layer)
                })
            // The base does not know yet what has become of it.
            if number % 2 == 0 { try inChild(base) { store in try store.gc() } }
            let isAlone = try ContentStore.recordedBases(at: layer).isEmpty
            try expectLayer(layer, pool, holds: nil, [15, 22])
            if isAlone { try expectEmpty(base) }
            Files.removeTree(place)
            if end == .exited(0) { return try expect(isAlone && number > 10, "it has bases still") }
            try expect(end == .killed(SIGKILL), "\(end)")
        }
    }

    /// The same while the base is away: it stands alone with what it has itself, or has everything once the
    /// base is back, whoever tried to open it before.
    @Sendable static func flattenedWithoutBaseAndKilled(_ scratch: String, _ pool: Pool) throws {
        for number in stride(from: 1, to: 10_000, by: 3) {
            let place = scratch + "/\(number)"
            mkdir(place, 0o777)
            let (base, layer) = try makeLayer(place, pool)
            let own = [UInt8](repeating: 7, count: 4000)
            try inChild(layer) { store in
                try put(store, pool, 22)
                try store.setRoot("own", to: try store.put(own))
            }
            try emptyBase(base)
            guard rename(base, base + ".away") == 0 else { throw Violation("cannot move \(base)") }
            let end = Processes.reap(
                try Processes.fork {
                    _ = CallFaults.arm(.die(at: number))
                    try ContentStore.flatten(at: layer, keepingGoing: true)
                })
            let opened = Processes.reap(try Processes.fork { _ = try? ContentStore.open(at: layer).gc() })
            try expect(opened == .exited(0), "\(opened)")
            guard rename(base + ".away", base) == 0 else { throw Violation("cannot move \(base) back") }
            try inChild(base) { store in try store.gc() }
            let isAlone = try ContentStore.recordedBases(at: layer).isEmpty
            if isAlone {
                try inChild(layer) { store in
                    let cid = try store.root("own")
                    try expect(try cid.map { try store.block($0) } == own, "it has lost its own")
                }
            } else {
                try expectLayer(layer, pool, holds: nil, [15, 22])
            }
            Files.removeTree(place)
            if end == .exited(0) { return try expect(isAlone && number > 10, "it has bases still") }
            try expect(end == .killed(SIGKILL), "\(end)")
        }
    }
}
