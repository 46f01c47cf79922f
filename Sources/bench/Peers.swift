/// What others do with the same input on the same disk in the same run.
///
/// Each peer is measured from its command's start to a flush of the file system after it; those that are
/// not installed are named, and nothing fails for them.
import ArgumentParser
import Glibc
import IpldEngine

struct Peers: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures restic, borg, casync, cp, b3sum, python3 lmdb and pyfastcdc on the same input.")

    static let new = "Store a new file"
    static let again = "Store it again"
    static let back = "Read it back to a file"
    static let bytes = "Bytes on disk"

    @OptionGroup var options: CommonOptions
    @Option(help: "Draw plots into this directory.")
    var plots: String?
    @Option(help: "The Python that has the packages lmdb and pyfastcdc.")
    var python: String = "python3"
    @Option(help: "Measure only peers whose name begins with this, repeatable.")
    var only: [String] = []

    func run() throws {
        let context = try Context(options)
        defer { context.cleanUp() }
        try storing(context)
        try kernels(context)
        if !context.report.absent.isEmpty {
            print("\nabsent: \(context.report.absent.joined(separator: ", "))")
        }
        try context.report.save(json: options.json, plots: plots, table: options.table)
    }

    private func isWanted(_ name: String) -> Bool { only.isEmpty || only.contains { name.hasPrefix($0) } }

    // MARK: Storing

    private struct CostSamples {
        var seconds = Samples()
        var processorSeconds = Samples()

        mutating func add(_ cost: Cost) {
            seconds.add(cost.seconds)
            processorSeconds.add(cost.processorSeconds)
        }
    }

    private struct Found {
        var new = CostSamples()
        var again = CostSamples()
        var back = CostSamples()
        var bytes = 0
    }

    private func storing(_ context: Context) throws {
        let contestants = Contestant.all(context).filter { isWanted($0.name) }
        var present: [Contestant] = []
        for contestant in contestants {
            if let program = contestant.program, Subprocess.find(program) == nil {
                if !context.report.absent.contains(program) { context.report.absent.append(program) }
            } else {
                present.append(contestant)
            }
        }
        var found = [Found](repeating: Found(), count: present.count)
        // Round by round, so that a slow minute of the machine is everybody's.
        for _ in 0..<context.rounds {
            for (position, contestant) in present.enumerated() {
                let place = context.directory + "/peer"
                defer { Files.remove(place) }
                try Subprocess.require(["mkdir", place])
                do {
                    try contestant.prepare(place)
                    found[position].new.add(try contestant.store(place))
                    found[position].bytes = try Files.bytes(under: place)
                    if contestant.canStoreAgain { found[position].again.add(try contestant.store(place)) }
                    if let restore = contestant.restore {
                        let target = place + "/target"
                        try Subprocess.require(["mkdir", target])
                        found[position].back.add(try restore(place, target))
                        try Self.compare(context.input.path, under: target)
                    }
                } catch {
                    print("  \(contestant.name): \(error)")
                }
            }
        }
        let results = Array(zip(present, found)).filter { !$0.1.new.seconds.values.isEmpty }
        for (group, part) in [(Self.new, \Found.new), (Self.again, \.again), (Self.back, \.back)] {
            let those = results.filter { !$0.1[keyPath: part].seconds.values.isEmpty }
            for (contestant, found) in those {
                context.report.add(group, contestant.name, found[keyPath: part].seconds, .seconds)
            }
            for (contestant, found) in those {
                context.report.add(
                    "\(group), processor time", contestant.name, found[keyPath: part].processorSeconds,
                    .seconds)
            }
        }
        for (contestant, found) in results {
            context.report.add(Self.bytes, contestant.name, Double(found.bytes), .bytes)
        }
        ratios(context.report, Dictionary(uniqueKeysWithValues: results.map { ($0.0.name, $0.1) }))
    }

    /// The goals that compare: how many times as long, or as large, as ours.
    private func ratios(_ report: Report, _ found: [String: Found]) {
        func compare(
            _ ours: String, _ theirs: String, _ what: String, _ part: KeyPath<Found, CostSamples>,
            _ least: Double?
        ) {
            guard let a = found[ours]?[keyPath: part], let b = found[theirs]?[keyPath: part],
                !a.seconds.values.isEmpty, !b.seconds.values.isEmpty
            else { return }
            let ratio = b.seconds.median / a.seconds.median
            report.add(
                "Ratios", "\(what): \(theirs) to \(ours)", ratio, .ratio,
                goal: least.map { ("≥ \(Row.fixed($0, 1)) ×", ratio >= $0) })
            report.add(
                "Ratios", "\(what), processor time: \(theirs) to \(ours)",
                b.processorSeconds.median / a.processorSeconds.median, .ratio)
        }
        compare("ipldstore zstd:1", "restic", "new", \.new, 3)
        compare("ipldstore zstd:1", "borg zstd,1", "new", \.new, 2.5)
        compare("ipldstore none", "restic uncompressed", "new", \.new, 3)
        compare("ipldstore none", "borg uncompressed", "new", \.new, 2.5)
        compare("ipldstore zstd:1", "casync", "new", \.new, nil)
        compare("ipldstore zstd:1", "restic", "again", \.again, 4)
        compare("ipldstore zstd:1", "borg zstd,1", "again", \.again, 4)
        compare("ipldstore zstd:1", "restic", "back", \.back, nil)
        compare("ipldstore zstd:1", "borg zstd,1", "back", \.back, nil)
        func size(_ ours: String, _ theirs: String, _ most: Double) {
            guard let a = found[ours]?.bytes, let b = found[theirs]?.bytes, b > 0 else { return }
            let ratio = Double(a) / Double(b)
            report.add(
                "Ratios", "bytes: \(ours) to \(theirs)", ratio, .ratio,
                goal: ("≤ \(Row.fixed(most, 2)) ×", ratio <= most))
        }
        size("ipldstore zstd:1", "borg zstd,1", 1)
        size("ipldstore zstd:3", "restic", 1.02)
    }

    private static func compare(_ input: String, under target: String) throws {
        let output = try Subprocess.require(["find", target, "-type", "f", "-size", "+0"]).output
        guard let path = output.split(separator: "\n").first,
            try Subprocess.run(["cmp", input, String(path)]).status == 0
        else { throw BenchError("what came back is not what was stored") }
    }

    // MARK: Kernels: one thread each, in processor time

    private func kernels(_ context: Context) throws {
        let length = Double(context.input.length)
        if isWanted("b3sum") {
            if Subprocess.find("b3sum") == nil {
                context.report.absent.append("b3sum")
            } else {
                var theirs = Samples()
                var ours = Samples()
                for _ in 0..<5 {
                    let run = try Subprocess.require(["b3sum", "--num-threads", "1", context.input.path])
                    theirs.add(length / run.cost.processorSeconds / 1e9)
                    ours.add(length / (try KernelComparison.hash(context.input)) / 1e9)
                }
                let group = "BLAKE3 of the mapped input, one core"
                context.report.add(group, "b3sum --num-threads 1", theirs, .gigabytesPerSecond)
                context.report.add(group, "ipldstore, 64 KiB pieces", ours, .gigabytesPerSecond)
                let ratio = ours.median / theirs.median
                context.report.add(
                    group, "BLAKE3 to b3sum", ratio, .ratio, goal: ("≥ 0.95 ×", ratio >= 0.95))
            }
        }
        try pieces(context)
        try scans(context)
        try lmdb(context)
    }

    /// b3sum hashes one long stream, in which parents are as rare as can be; a store hashes chunks.
    private func pieces(_ context: Context) throws {
        guard isWanted("blake3") else { return }
        let length = min(context.input.length, 512 << 20)
        let script = """
            import sys, time
            from blake3 import blake3
            n = int(sys.argv[2])
            data = memoryview(open(sys.argv[1], 'rb').read(n))
            best = []
            for _ in range(5):
                start = time.process_time()
                for at in range(0, n, 65536):
                    blake3(data[at:at + 65536]).digest()
                best.append(time.process_time() - start)
            print(*best)
            """
        let numbers = pythonNumbers(script, [context.input.path, String(length)])
        guard numbers.count == 5 else {
            context.report.absent.append("blake3")
            return
        }
        var theirs = Samples()
        for seconds in numbers { theirs.add(Double(length) / seconds / 1e9) }
        let ours = try KernelComparison.hashPieces(context.input, length)
        let group = "BLAKE3 of 64 KiB pieces in memory, one core"
        context.report.add(group, "PyPI blake3 (the official one)", theirs, .gigabytesPerSecond)
        context.report.add(group, "ipldstore", ours, .gigabytesPerSecond)
        let ratio = ours.median / theirs.median
        context.report.add(group, "BLAKE3 to blake3", ratio, .ratio, goal: ("≥ 0.95 ×", ratio >= 0.95))
    }

    private func scans(_ context: Context) throws {
        guard isWanted("pyfastcdc") else { return }
        let length = min(context.input.length, 512 << 20)
        let script = """
            import mmap, sys, time
            from pyfastcdc import FastCDC
            n = int(sys.argv[2])
            f = open(sys.argv[1], 'rb')
            m = mmap.mmap(f.fileno(), n, access=mmap.ACCESS_READ)
            best = []
            for _ in range(5):
                start = time.process_time()
                cdc = FastCDC(65536, min_size=16384, max_size=262144, normalized_chunking=2)
                count = sum(1 for _ in cdc.cut_buf(memoryview(m)))
                best.append(time.process_time() - start)
            print(*best, count)
            """
        let numbers = pythonNumbers(script, [context.input.path, String(length)])
        guard numbers.count == 6 else {
            context.report.absent.append("pyfastcdc")
            return
        }
        var theirs = Samples()
        for seconds in numbers.prefix(5) { theirs.add(Double(length) / seconds / 1e9) }
        let (ours, count) = try KernelComparison.scan(context.input, length)
        guard count == Int(numbers[5]) else {
            throw BenchError("pyfastcdc cuts \(numbers[5]) chunks, not \(count)")
        }
        let group = "FastCDC-2020 of the mapped input, one core"
        context.report.add(group, "pyfastcdc", theirs, .gigabytesPerSecond)
        context.report.add(group, "ipldstore", ours, .gigabytesPerSecond)
        let ratio = ours.median / theirs.median
        context.report.add(group, "FastCDC to pyfastcdc", ratio, .ratio, goal: ("≥ 1.5 ×", ratio >= 1.5))
    }

    private func lmdb(_ context: Context) throws {
        guard isWanted("lmdb") else { return }
        let script = """
            import lmdb, mmap, os, sys, time
            n = int(sys.argv[2])
            f = open(sys.argv[1], 'rb')
            m = mmap.mmap(f.fileno(), n, access=mmap.ACCESS_READ)
            env = lmdb.open(sys.argv[3], map_size=16 << 30)
            start = time.perf_counter()
            for base in range(0, n, 64 << 20):
                with env.begin(write=True) as t:
                    for i in range(base, min(n, base + (64 << 20)), 65536):
                        t.put(i.to_bytes(8, 'big') + bytes(28), m[i:min(n, i + 65536)])
            print(time.perf_counter() - start)
            """
        let length = context.input.length
        let place = context.directory + "/lmdb"
        defer { Files.remove(place) }
        let numbers = pythonNumbers(script, [context.input.path, String(length), place])
        guard let seconds = numbers.first else {
            context.report.absent.append("python3 lmdb")
            return
        }
        context.report.add("LMDB alone", "64 KiB values, no dedup, hash nor compression", seconds, .seconds)
    }

    private func pythonNumbers(_ script: String, _ arguments: [String]) -> [Double] {
        guard let outcome = try? Subprocess.run([python, "-c", script] + arguments), outcome.status == 0
        else {
            return []
        }
        return outcome.output.split { $0 == " " || $0 == "\n" }.compactMap { Double($0) }
    }
}
