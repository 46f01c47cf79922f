import Glibc
import IpldEngine

/// What a store does where something has come to its end: a disk, address space, its own index.
extension CaseCampaign {
    /// The index's file, and its locks with it, can be taken from under those who have it open; a repair must
    /// know of them all the same.
    @Sendable static func repairWhileOpen(_ scratch: String, _ pool: Pool) throws {
        let (path, store) = try make(scratch)
        try put(store, pool, 12)
        Files.removeTree(path + "/index")
        let (lines, end) = Processes.wait(try Processes.spawn(["case-repair", "--path", path]))
        try expect(end == .exited(0) && lines == ["busy"], "the repair: \(lines) \(end)")
        withExtendedLifetime(store) {}
    }

    static func repairChild(_ arguments: Arguments) throws -> Int32 {
        do {
            try ContentStore.repair(at: try arguments.required("path"))
            say("repaired")
        } catch let error as StoreError { say("\(error.code)") }
        return 0
    }

    /// A node over nodes of 512 leaves of 16 bytes each, under a root.
    private static func storeManyBlocks(_ store: ContentStore, nodes: Int) throws {
        let batch = try store.makeBatch()
        var links: [IPLDValue] = []
        for node in 0..<nodes {
            var leaves: [IPLDValue] = []
            for leaf in 0..<512 {
                var bytes = [UInt8](repeating: 0, count: 16)
                bytes.withUnsafeMutableBytes {
                    $0.storeBytes(of: UInt64(node), as: UInt64.self)
                    $0.storeBytes(of: UInt64(leaf), toByteOffset: 8, as: UInt64.self)
                }
                leaves.append(.link(try bytes.withUnsafeBytes { try batch.putBlock($0, codec: .raw) }))
            }
            links.append(.link(try batch.putNode(.list(leaves))))
        }
        try batch.setRoot("all", to: try batch.putNode(.list(links)))
        try batch.commit()
    }

    /// A slice of collection changes pages all over a large index, far more than the reserve holds.
    @Sendable static func muchGarbageOnAFullDisk(_ scratch: String, _ pool: Pool) throws {
        let disk = scratch + "/disk"
        mkdir(disk, 0o777)
        guard mount("tmpfs", disk, "tmpfs", 0, "size=200m") == 0 else { return say("skipped: cannot mount") }
        defer { umount2(disk, Int32(MNT_DETACH)) }
        let (_, store) = try make(disk)
        try storeManyBlocks(store, nodes: 300)
        fill(disk)
        try store.removeRoot("all", budget: nil)
        try store.gc()
        let blocks = try store.stat().blocks
        try expect(blocks == 0, "\(blocks) blocks remain")
        unlink(disk + "/ballast")
        try expectSound(store)
    }

    /// Neither a copy nor a repaired store has what is kept free for deletion, before it is opened.
    @Sendable static func copyOnFullDisk(_ scratch: String, _ pool: Pool) throws {
        let disk = scratch + "/disk"
        mkdir(disk, 0o777)
        guard mount("tmpfs", disk, "tmpfs", 0, "size=60m") == 0 else { return say("skipped: cannot mount") }
        defer { umount2(disk, Int32(MNT_DETACH)) }
        let (path, copy) = (disk + "/store", disk + "/copy")
        let contents = [9, 12, 15, 18]
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        try inChild(path) { store in for content in contents { try put(store, pool, content) } }
        try Files.copyTree(path, copy)
        Files.removeTree(path + "/index")
        try ContentStore.repair(at: path)
        for store in [path, copy] { try inChild(store) { store in try expectContent(store, pool, 15) } }
        fill(disk)
        for store in [path, copy] {
            try inChild(store) { store in
                for content in contents { try store.removeRoot("c\(content)") }
                try store.gc()
                try expectSound(store)
                try expect(try store.stat().blocks == 0, "blocks remain")
            }
        }
    }

    /// To the last page.
    private static func fill(_ disk: String) {
        let ballast = open(disk + "/ballast", O_RDWR | O_CREAT, 0o666)
        defer { close(ballast) }
        let page = [UInt8](repeating: 1, count: 4096)
        while write(ballast, page, page.count) == page.count {}
    }

    /// Address space is limited: the map cannot be doubled, and LMDB has given up the one it had.
    @Sendable static func indexThatCannotGrow(_ scratch: String, _ pool: Pool) throws {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        try inChild(path) { try storeManyBlocks($0, nodes: 460) }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        limit.rlim_cur = rlim_t(try addressSpace() + 120 << 20)
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        let store = try ContentStore.open(at: path)
        var failures = 0
        for value in 0..<3 {
            do { _ = try store.putNode(.integer(Int128(value))) } catch {
                failures += 1
                guard error.code == .io || error.code == .full else {
                    throw Violation("storing ended in \(error.code): \(error)")
                }
            }
        }
        try expect(failures == 3, "the index was never too large")
        // No crash is what is asked: an error, or the right answer.
        if let names = try? store.roots() { try expect(names.map(\.name) == ["all"], "other names") }
    }

    private static func addressSpace() throws -> Int {
        let text = String(decoding: try Files.readAll("/proc/self/statm"), as: UTF8.self)
        let words = text.split(separator: " ")
        guard let pages = words.first.flatMap({ Int($0) }) else { throw Violation("no statm") }
        return pages * 4096
    }
}
