import Glibc
import IpldEngine

/// A full disk: a small file system in memory, filled but for a few KiB, or a limit on the size of files.
/// Storing fails with FULL or succeeds; everything stays readable; deletion and collection work; the space
/// comes back and is used again.
struct FullDiskCampaign {
    private static let diskBytes = 12 << 20

    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        defer { Files.removeTree(scratch) }
        signal(SIGXFSZ, SIG_IGN)
        let pool = try Pool(scratch: scratch)
        let points = arguments.number("points", 120)
        // Of room that is left; then from the beginning, with other work.
        let steps = arguments.number("steps", min(points, 120))
        let stepBytes = arguments.number("step-bytes", 4096)
        let kinds = try StoreKind.asked(arguments, of: StoreKind.inFiles)
        let tally = Tally("full-disk", seed: arguments.seed)
        let disk = scratch + "/disk"
        mkdir(disk, 0o777)
        let isMounted = mount("tmpfs", disk, "tmpfs", 0, "size=\(diskBytes)") == 0
        defer { if isMounted { umount2(disk, Int32(MNT_DETACH)) } }
        if !isMounted { say("full-disk: no permission to mount: file size limits only") }
        let budget = Budget(arguments, points: points)
        for index in 0... {
            guard budget.goesOn(index) else { break }
            if let only = arguments.optional("only"), only != index { continue }
            // Every fourth point by a limit on files, whose lengths are those of packs and index.
            let byLimit = !isMounted || index % 4 == 3
            let kind = kinds[(index + index / 4) % kinds.count]
            tally.point(
                "--kind \(arguments.text("kind") ?? "lmdb") --seed \(arguments.seed) --steps \(steps)"
                    + " --points \(index + 1) --step-bytes \(stepBytes) --only \(index)"
            ) {
                let seed = arguments.seed &+ UInt64(index)
                if byLimit {
                    try limitPoint(scratch, kind, pool, seed, index % steps * 2 * stepBytes, tally)
                } else {
                    try diskPoint(disk, kind, pool, seed, freeBytes: index % steps * stepBytes, tally)
                }
            }
        }
        return tally.finish()
    }

    // MARK: A full file system

    private static func diskPoint(
        _ disk: String, _ kind: StoreKind, _ pool: Pool, _ seed: UInt64, freeBytes: Int, _ tally: Tally
    ) throws {
        for name in Files.names(disk) { Files.removeTree(disk + "/" + name) }
        let path = disk + "/store"
        var point = try Point(path: path, kind: kind, pool: pool, seed: seed)
        try fill(disk, leaving: freeBytes)
        try point.useFullDisk(tally)
        let full = try space(disk)
        try point.removeBig()
        guard try space(disk) >= full + 150_000 else {
            throw Violation("\(try space(disk) - full) bytes came back, of some 300,000")
        }
        try point.useAgain()
        unlink(disk + "/ballast")
        try point.inspect()
    }

    private static func space(_ disk: String) throws -> Int {
        var information = statvfs()
        guard statvfs(disk, &information) == 0 else { throw Violation("no statvfs") }
        return Int(information.f_bavail) * Int(information.f_bsize)
    }

    private static func fill(_ disk: String, leaving freeBytes: Int) throws {
        let descriptor = open(disk + "/ballast", O_RDWR | O_CREAT, 0o666)
        defer { close(descriptor) }
        let length = try space(disk) - freeBytes
        guard length >= 0, posix_fallocate(descriptor, 0, length) == 0 else {
            throw Violation("cannot leave \(freeBytes) bytes of the disk")
        }
    }

    // MARK: A limit on files

    private static func limitPoint(
        _ scratch: String, _ kind: StoreKind, _ pool: Pool, _ seed: UInt64, _ extraBytes: Int, _ tally: Tally
    ) throws {
        let path = scratch + "/limited"
        StoreKind.remove(path)
        var point = try Point(path: path, kind: kind, pool: pool, seed: seed)
        var longest = 0
        for store in [path, StoreKind.basePath(path), StoreKind.basePath(StoreKind.basePath(path))] {
            let packs = Files.names(store + "/packs").map { "packs/" + $0 }
            for name in packs + ["index/data.mdb", "journal"] {
                var information = stat()
                guard stat(store + "/" + name, &information) == 0 else { continue }
                longest = max(longest, Int(information.st_size))
                // Where there are no packs, the index is the longest file: with what is kept free for
                // deletion.
                if kind.hasFiles { longest = max(longest, Int(information.st_blocks) * 512) }
            }
        }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        let before = limit
        limit.rlim_cur = rlim_t(longest + extraBytes)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        var unlimited = before
        defer { setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &unlimited) }
        try point.useFullDisk(tally)
        try point.removeBig()
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &unlimited)
        try point.useAgain()
        try point.inspect()
    }

    // MARK: What is done there

    private struct Point {
        let path: String
        let pool: Pool
        var random: Random
        var store: ContentStore?
        var names = NameState()

        /// A store with two files, made while there was room.
        init(path: String, kind: StoreKind, pool: Pool, seed: UInt64) throws {
            self.path = path
            self.pool = pool
            random = Random(seed: seed)
            // What is below has nothing of the big file.
            try kind.prepare(path, [3, 6, 9, 12, 15])
            try kind.create(path)
            let store = try ContentStore.open(at: path)
            self.store = store
            for (name, content) in [("big", 21), ("small", 12)] {
                guard try store.put(Pool.bytes(content)) == pool.cids[content] else {
                    throw Violation("another CID")
                }
                try store.setRoot(name, to: pool.cids[content])
                try store.dereference(pool.cids[content])
                names.roots[name] = pool.cids[content]
            }
        }

        private func opened() throws -> ContentStore {
            guard let store else { throw Violation("the store is closed") }
            return store
        }

        /// Stores until it is full, and a few times more. Each time all of it or nothing.
        mutating func useFullDisk(_ tally: Tally) throws {
            let store = try opened()
            for attempt in 0..<10 {
                var before = names
                let content = 9 + random.below(Pool.count - 9)
                let name = "n\(attempt)"
                do {
                    switch attempt % 3 {
                    case 0:
                        let batch = try store.makeBatch()
                        _ = try batch.put(Pool.bytes(content))
                        try batch.setRoot(name, to: pool.cids[content])
                        before.roots[name] = pool.cids[content]
                        try batch.commit()
                    case 1:
                        before.holds[.init(owner: "default", cid: pool.cids[content]), default: 0] += 1
                        _ = try store.put(Pool.bytes(content))
                    default:
                        before.roots[name] = pool.cids[12]
                        try store.setRoot(name, to: pool.cids[12])
                    }
                    names = before
                    tally.count("stored")
                } catch let error as StoreError {
                    guard error.code == .full else {
                        throw Violation("attempt \(attempt) ended in \(error.code): \(error)")
                    }
                    tally.count("full")
                }
                guard try NameState(of: store) == names else {
                    throw Violation(
                        "names after attempt \(attempt): \(try NameState(of: store).difference(from: names))")
                }
            }
            try Inspection(pool: pool).readAll(store, names)
            try Inspection.expectClean(store)
        }

        /// On the full disk: names go, and what they kept.
        mutating func removeBig() throws {
            let store = try opened()
            let before = try store.stat().blocks
            // What else keeps the big file's blocks goes too.
            for (name, cid) in names.roots where name != "small" && (pool.content(of: cid) ?? 0) >= 21 {
                try store.removeRoot(name)
                names.roots[name] = nil
            }
            for hold in names.holds.keys where (pool.content(of: hold.cid) ?? 0) >= 21 {
                for _ in 0..<(names.holds[hold] ?? 0) { try store.dereference(hold.cid, owner: hold.owner) }
                names.holds[hold] = nil
            }
            try store.gc()
            guard try store.stat().blocks + 50 < before else { throw Violation("collection took nothing") }
            try Inspection(pool: pool).readAll(store, names)
        }

        /// There is room again.
        mutating func useAgain() throws {
            let store = try opened()
            guard try store.put(Pool.bytes(9)) == pool.cids[9] else { throw Violation("another CID") }
            names.holds[.init(owner: "default", cid: pool.cids[9]), default: 0] += 1
            try store.setRoot("again", to: pool.cids[9])
            names.roots["again"] = pool.cids[9]
        }

        mutating func inspect() throws {
            store = nil
            try Inspection(pool: pool).inspect(path, allowed: [names], empties: true)
        }
    }
}
