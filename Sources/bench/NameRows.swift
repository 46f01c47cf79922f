/// Roots in small and large stores: forking one, dropping one that owns 1,000 blocks, opening; and what
/// the index costs a block.
///
/// A store in memory excludes the flush, as the goals do; what remains is one thread that never waits, and
/// is given in processor time. On disk it is wall time, flushes included.
import Glibc
import IpldEngine

struct NameRows {
    private let context: Context
    private let blocks: Int
    private static let group = "Names"
    private static let drops = 9

    init(_ context: Context, blocks: Int) {
        self.context = context
        self.blocks = blocks
    }

    func run() throws {
        if let memory = context.memoryDirectory {
            try measure(memory + "/store", "excluding flush", hasGoals: true)
        }
        try measure(context.directory + "/store", "on disk", hasGoals: false)
    }

    private func measure(_ path: String, _ where: String, hasGoals: Bool) throws {
        func time(_ body: () throws -> Void) throws -> Double {
            hasGoals ? try processorSeconds(body) : try seconds(body)
        }
        defer { Files.remove(path) }
        try LmdbStore.create(at: path, configuration: StoreConfiguration(compression: .none))
        let population = Population(path)
        try population.grow(to: blocks / 10)
        let few = Self.count(blocks / 10)
        let many = Self.count(blocks)
        let small = try drop(path, time)
        try population.grow(to: blocks)
        let statistics = try ContentStore.open(at: path).stat()
        let large = try drop(path, time)
        let forks = try fork(path, time)
        let report = context.report
        report.add(
            Self.group, "fork a root, \(`where`), p50", forks.median, .seconds,
            goal: hasGoals ? ("≤ 1 ms", forks.median <= 1e-3) : nil)
        report.add(
            Self.group, "drop a root of 1,000 blocks, \(few) in store, \(`where`)", small, .seconds,
            goal: hasGoals ? ("≤ 10 ms", small.median <= 10e-3) : nil)
        report.add(
            Self.group, "drop a root of 1,000 blocks, \(many) in store, \(`where`)", large, .seconds,
            goal: hasGoals ? ("≤ 10 ms", large.median <= 10e-3) : nil)
        let ratio = large.median / small.median
        report.add(
            Self.group, "drop with \(many) to \(few), \(`where`)", ratio, .ratio,
            goal: hasGoals ? ("≤ 1.5 ×", ratio <= 1.5) : nil)
        guard !hasGoals || context.memoryDirectory == nil else { return }
        let perBlock = Double(statistics.indexBytes) / Double(statistics.blocks)
        report.add(
            Self.group, "index bytes a block, \(many) blocks", perBlock, .bytes,
            goal: ("≤ 200", perBlock <= 200))
        try openAndLook(path, many)
    }

    private func openAndLook(_ path: String, _ many: String) throws {
        var opens = Samples()
        for _ in 0..<21 {
            opens.add(
                try seconds {
                    let store = try ContentStore.open(at: path)
                    guard try store.root(Population.rootName(100)) != nil else {
                        throw BenchError("a root is gone")
                    }
                })
        }
        context.report.add(
            Self.group, "open a store of \(many) blocks and look a root up", opens, .seconds,
            goal: ("≤ 10 ms", opens.median <= 10e-3))
    }

    private func drop(_ path: String, _ time: (() throws -> Void) throws -> Double) throws -> Samples {
        let store = try ContentStore.open(at: path)
        var samples = Samples()
        for number in 0..<Self.drops {
            let name = Population.rootName(number)
            guard let cid = try store.root(name) else { throw BenchError("the root \(name) is gone") }
            samples.add(
                try time {
                    let report = try store.removeRoot(name)
                    guard report.blocks == Population.blocksPerRoot else {
                        throw BenchError("dropping a root took \(report.blocks) blocks")
                    }
                })
            // Back again, so that the store stays as large and the next measurement finds it.
            guard try Population.put(number, into: store) == cid else {
                throw BenchError("another root came back")
            }
        }
        return samples
    }

    private func fork(_ path: String, _ time: (() throws -> Void) throws -> Double) throws -> Samples {
        let store = try ContentStore.open(at: path)
        guard let cid = try store.root(Population.rootName(50)) else { throw BenchError("a root is gone") }
        var samples = Samples()
        for number in 0..<101 { samples.add(try time { try store.setRoot("fork-\(number)", to: cid) }) }
        for number in 0..<101 { try store.removeRoot("fork-\(number)") }
        return samples
    }

    static func count(_ number: Int) -> String {
        var text = String(number)
        var position = text.count - 3
        while position > 0 {
            text.insert(",", at: text.index(text.startIndex, offsetBy: position))
            position -= 3
        }
        return text
    }
}

/// A store of many small blocks, none of them twice: roots that each own a node and 999 leaves.
struct Population {
    static let blocksPerRoot = 1000
    private static let leafLength = 256
    private let path: String

    init(_ path: String) { self.path = path }

    static func rootName(_ number: Int) -> String { "root-\(number)" }

    func grow(to blocks: Int) throws {
        let store = try ContentStore.open(at: path)
        var number = Int(try store.stat().roots)
        while number < blocks / Self.blocksPerRoot {
            let batch = try store.makeBatch()
            for _ in 0..<100 where number < blocks / Self.blocksPerRoot {
                try batch.setRoot(Self.rootName(number), to: try Self.root(number, batch))
                number += 1
            }
            try batch.commit()
        }
    }

    @discardableResult
    static func put(_ number: Int, into store: ContentStore) throws -> CID {
        let batch = try store.makeBatch()
        let cid = try root(number, batch)
        try batch.setRoot(rootName(number), to: cid)
        try batch.commit()
        return cid
    }

    private static func root(_ number: Int, _ batch: Batch) throws -> CID {
        var random = RepeatableRandom(seed: UInt64(number))
        let leaf = UnsafeMutableRawBufferPointer.allocate(byteCount: leafLength, alignment: 16)
        defer { leaf.deallocate() }
        var links: [IPLDValue] = []
        for _ in 1..<blocksPerRoot {
            random.fill(leaf)
            links.append(.link(try batch.putBlock(UnsafeRawBufferPointer(leaf), codec: .raw)))
        }
        return try batch.putNode(.list(links))
    }
}
