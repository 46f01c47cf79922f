/// Reading back, checked: to a file against `cp`, to nowhere, and 4 KiB at random offsets against what
/// reading one chunk costs without an engine (page cache warm, one thread that never waits: in processor
/// time, both).
import Glibc
import IpldEngine

struct ReadingRows {
    private let context: Context
    private static let group = "Reading"
    private static let randomReads = 5000

    init(_ context: Context) { self.context = context }

    func run() throws {
        for compression in [Compression.zstd(level: 1), .none] { try readWhole(compression) }
        try readSmall()
    }

    private func readWhole(_ compression: Compression) throws {
        let path = context.directory + "/store"
        let target = context.directory + "/back"
        defer {
            Files.remove(path)
            Files.remove(target)
        }
        try LmdbStore.create(at: path, configuration: StoreConfiguration(compression: compression))
        let cid = try StoringRows.storeFile(context.input.path, in: path)
        let store = try ContentStore.open(at: path)
        var nowhere = Samples()
        var files = Samples()
        var ratios = Samples()
        var processor = Samples()
        for round in 0..<context.rounds + 1 {
            let spent = processSeconds()
            let toNowhere = try seconds { try store.copyBytes(of: cid) { (_) in } }
            let processorSeconds = processSeconds() - spent
            let copy = try Subprocess.require(["cp", context.input.path, target]).cost.seconds
            Files.remove(target)
            let toFile = try seconds { try Self.copy(store, cid, to: target) }
            if round == 0 {
                let same = try Subprocess.run(["cmp", context.input.path, target])
                guard same.status == 0 else { throw BenchError("what was read back is not what was stored") }
            }
            Files.remove(target)
            // The first round fills the page cache.
            guard round > 0 else { continue }
            nowhere.add(Double(context.input.length) / toNowhere / 1e9)
            processor.add(processorSeconds)
            files.add(toFile)
            ratios.add(toFile / copy)
        }
        let name = compression.text
        let least = compression == .none ? 3.0 : 1.5
        context.report.add(
            Self.group, "read back to nowhere, \(name)", nowhere, .gigabytesPerSecond,
            goal: ("≥ \(Row.fixed(least, 1)) GB/s", nowhere.median >= least))
        context.report.add("Reading", "read back to nowhere, \(name), processor time", processor, .seconds)
        context.report.add(Self.group, "read back to a file, \(name)", files, .seconds)
        context.report.add(
            Self.group, "read back to a file, \(name), to cp", ratios, .ratio,
            goal: ("≤ 1.1 × cp", ratios.median <= 1.1))
    }

    static func copy(_ store: ContentStore, _ cid: CID, to path: String) throws {
        let descriptor = try Files.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        defer { close(descriptor) }
        try store.copyBytes(of: cid) { (bytes) throws(StoreError) in
            guard Files.writeAll(descriptor, bytes) else {
                throw StoreError(.io, "write", systemError: errno)
            }
        }
    }

    private func readSmall() throws {
        let length = min(context.input.length, 1 << 30)
        let path = context.directory + "/store"
        defer { Files.remove(path) }
        try LmdbStore.create(at: path)
        let store = try ContentStore.open(at: path)
        let cid = try context.input.mapped(length) { try store.putBytes($0) }
        let reference = try RawReference(store, cid, path: context.directory + "/raw")
        defer { reference.close() }
        var random = RepeatableRandom(seed: 4096)
        let offsets = (0..<Self.randomReads).map { _ in
            UInt64.random(in: 0...UInt64(length - 4096), using: &random)
        }
        var times = Samples()
        var raw = Samples()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 64)
        defer { buffer.deallocate() }
        for round in 0..<2 {
            for offset in offsets {
                let own = try processorSeconds { _ = try store.read(cid, at: offset, into: buffer) }
                let other = try processorSeconds { try reference.read(at: offset) }
                // The first round warms both.
                guard round > 0 else { continue }
                times.add(own)
                raw.add(other)
            }
        }
        context.report.add(
            Self.group, "raw LMDB get, unpack and hash of one chunk, p99", raw.percentile(99), .seconds)
        let size = Row.format(Double(length), .bytes)
        context.report.add(
            Self.group, "raw LMDB get, unpack and hash of one chunk, p50", raw.median, .seconds)
        context.report.add(Self.group, "4 KiB at a random offset of \(size), p50", times.median, .seconds)
        context.report.add(
            Self.group, "4 KiB at a random offset of \(size), p99", times.percentile(99), .seconds)
        let ratio = times.median / raw.median
        context.report.add(
            Self.group, "4 KiB read p50 to raw LMDB", ratio, .ratio, goal: ("≤ 3 × raw", ratio <= 3))
        let tail = times.percentile(99) / times.median
        context.report.add(
            Self.group, "4 KiB read p99 to p50", tail, .ratio, goal: ("≤ 5 × p50", tail <= 5))
    }
}
