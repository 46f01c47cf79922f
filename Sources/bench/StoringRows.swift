/// Storing a big file, durable: anew, again, by compression; against `cp` and a flush of the same file.
import Glibc
import IpldEngine

struct StoringRows {
    private let context: Context
    private static let group = "Storing"
    private static let processorGroup = "Storing, processor time"

    init(_ context: Context) { self.context = context }

    private struct Found {
        var new = Samples()
        var again = Samples()
        /// Processor time of storing anew.
        var processor = Samples()
        var stored = 0
        var indexBytesPerBlock = 0.0
    }

    func run() throws {
        let levels: [Compression] = [.zstd(level: 1), .zstd(level: 3), .none]
        var found = [Found](repeating: Found(), count: levels.count)
        var copies = Samples()
        var copyProcessor = Samples()
        var ratios = Samples()
        // Interleaved, so that a slow minute of the machine is everybody's.
        for _ in 0..<context.rounds {
            let outcome = try copyAndFlush()
            let copy = outcome.cost.seconds
            copies.add(copy)
            copyProcessor.add(outcome.cost.processorSeconds)
            for (position, compression) in levels.enumerated() {
                try store(compression, &found[position])
                if position == 0, let last = found[0].new.values.last { ratios.add(last / copy) }
            }
        }
        let length = Double(context.input.length)
        context.report.add(Self.group, "cp and flush", copies, .seconds)
        for (position, compression) in levels.enumerated() {
            let name = compression.text
            context.report.add(Self.group, "store a new file, \(name)", found[position].new, .seconds)
            var rates = Samples()
            for seconds in found[position].again.values { rates.add(length / seconds / 1e9) }
            let goal = position == 0 ? ("≥ 2 GB/s", rates.median >= 2) : nil
            context.report.add(Self.group, "store it again, \(name)", rates, .gigabytesPerSecond, goal: goal)
            context.report.add(Self.group, "bytes on disk, \(name)", Double(found[position].stored), .bytes)
        }
        let perBlock = found[0].indexBytesPerBlock
        context.report.add(
            Self.group, "index bytes a block, after that file", perBlock, .bytes,
            goal: ("≤ 200", perBlock <= 200))
        context.report.add(
            Self.group, "store a new file, zstd:1, to cp and flush", ratios, .ratio,
            goal: ("≤ 0.6 × cp", ratios.median <= 0.6))
        context.report.add(Self.processorGroup, "cp and flush, processor time", copyProcessor, .seconds)
        for (position, compression) in levels.enumerated() {
            context.report.add(
                Self.processorGroup, "store a new file, \(compression.text), processor time",
                found[position].processor,
                .seconds)
        }
    }

    private func copyAndFlush() throws -> Subprocess.Outcome {
        let copy = context.directory + "/copy"
        defer { Files.remove(copy) }
        return try Subprocess.require([
            "sh", "-c", "cp \"$1\" \"$2\" && sync \"$2\"", "sh", context.input.path, copy,
        ])
    }

    private func store(_ compression: Compression, _ found: inout Found) throws {
        let path = context.directory + "/store"
        defer { Files.remove(path) }
        try LmdbStore.create(at: path, configuration: StoreConfiguration(compression: compression))
        let spent = processSeconds()
        found.new.add(try Self.storeSeconds(context.input.path, in: path))
        found.processor.add(processSeconds() - spent)
        let statistics = try ContentStore.open(at: path).stat()
        found.indexBytesPerBlock = Double(statistics.indexBytes) / Double(max(1, statistics.blocks))
        found.again.add(try Self.storeSeconds(context.input.path, in: path))
        found.stored = try Files.bytes(under: path)
    }

    /// Seconds from opening the store to the file being durable in it.
    static func storeSeconds(_ input: String, in path: String) throws -> Double {
        try seconds { _ = try storeFile(input, in: path) }
    }

    static func storeFile(_ input: String, in path: String) throws -> CID {
        let store = try ContentStore.open(at: path)
        let descriptor = try Files.open(input, O_RDONLY)
        defer { close(descriptor) }
        return try store.putBytes(from: try DescriptorSource(descriptor))
    }
}
