/// Anonymous memory, each time in a process of its own, so that nothing is left of what came before.
import ArgumentParser
import Glibc
import IpldEngine

struct MemoryRows {
    private let context: Context
    private let blocks: Int
    private static let group = "Memory"
    private static let megabyte = Double(1 << 20)

    init(_ context: Context, blocks: Int) {
        self.context = context
        self.blocks = blocks
    }

    func run() throws {
        let path = context.directory + "/store"
        defer { Files.remove(path) }
        let storing = try child(.store, path)
        add("anonymous memory while storing", storing.peak, limit: 256)
        add("anonymous memory while reading back", try child(.read, path).peak, limit: 256)
        let large = (context.memoryDirectory ?? context.directory) + "/large"
        defer { Files.remove(large) }
        try LmdbStore.create(at: large, configuration: StoreConfiguration(compression: .none))
        try Population(large).grow(to: blocks)
        let collecting = try child(.collect, large)
        let text = NameRows.count(blocks)
        add(
            "anonymous memory while collecting \(text) blocks, over idle", collecting.peak - collecting.idle,
            limit: 16)
    }

    private func add(_ name: String, _ bytes: Int, limit: Int) {
        context.report.add(
            Self.group, name, Double(bytes), .bytes, goal: ("≤ \(limit) MiB", bytes <= limit << 20))
    }

    private func child(_ what: Child.What, _ path: String) throws -> (idle: Int, peak: Int) {
        let output = try Subprocess.require([
            try Subprocess.ownPath(), "child", what.rawValue, path, context.input.path,
        ]).output
        let numbers = output.split { !$0.isNumber }.compactMap { Int($0) }
        guard numbers.count == 2 else { throw BenchError("a child process says \(output)") }
        return (numbers[0], numbers[1])
    }
}

/// What `bench` runs in a process of its own: prints bytes of anonymous memory idle and at the peak.
/// `populate` takes a number of blocks as its input; for profiling.
struct Child: ParsableCommand {
    static let configuration = CommandConfiguration(shouldDisplay: false)

    enum What: String, ExpressibleByArgument { case store, read, collect, populate }

    @Argument var what: What
    @Argument var path: String
    @Argument var input: String

    func run() throws {
        if what == .store, access(path, F_OK) != 0 { try LmdbStore.create(at: path) }
        if what == .populate {
            try LmdbStore.create(at: path, configuration: StoreConfiguration(compression: .none))
            try Population(path).grow(to: Int(input) ?? 0)
        }
        let store = try ContentStore.open(at: path, owner: "bench")
        let roots = try store.roots()
        let idle = MemorySampler.anonymousBytes()
        let peak: Int
        switch what {
        case .store:
            peak = try MemorySampler.peakBytes {
                try store.setRoot("input", to: try StoringRows.storeFile(input, in: path))
            }
        case .read:
            guard let cid = try store.root("input") else { throw BenchError("nothing to read") }
            peak = try MemorySampler.peakBytes { try store.copyBytes(of: cid) { (_) in } }
        case .populate: peak = idle
        case .collect:
            peak = try MemorySampler.peakBytes {
                for root in roots { try store.removeRoot(root.name, budget: 0) }
                try store.gc()
                guard try store.stat().blocks == 0 else { throw BenchError("collection left blocks") }
            }
        }
        print(idle, peak)
    }
}
