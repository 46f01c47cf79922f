/// Forks of a store: what one costs, what a hundred take, what is left of those that go; and one file in
/// stores of every kind.
import Glibc
import IpldEngine

struct LayerRows {
    private let context: Context
    private static let group = "Layers"
    private static let forks = 100
    private static let ownBytes = 1 << 20

    init(_ context: Context) { self.context = context }

    func run() throws {
        try forkLargeStore()
        try manyForks()
        try kinds()
    }

    /// A fork of a store of 100,000 blocks: made, opened, with a root on what the base has.
    private func forkLargeStore() throws {
        for (place, name) in [(context.directory, "on disk"), (context.memoryDirectory, "excluding flush")] {
            guard let place else { continue }
            let base = place + "/base"
            defer { for name in ["base", "fork"] { Files.remove(place + "/" + name) } }
            try LmdbStore.create(at: base, configuration: StoreConfiguration(compression: .none))
            try Population(base).grow(to: 100_000)
            let opened = try ContentStore.open(at: base)
            guard let root = try opened.root(Population.rootName(7)) else {
                throw BenchError("a root is gone")
            }
            var made = Samples()
            var bytes = Samples()
            for _ in 0..<21 {
                Files.remove(place + "/fork")
                made.add(
                    try seconds {
                        try LayeredStore.create(at: place + "/fork", over: [base])
                        try ContentStore.open(at: place + "/fork").setRoot("mine", to: root)
                    })
                bytes.add(Double(try Files.allocated(under: place + "/fork")))
            }
            context.report.add(
                Self.group, "fork a store of 100,000 blocks, with a root, \(name)", made, .seconds,
                goal: ("≤ 10 ms", made.median <= 10e-3))
            guard place == context.directory else { continue }
            context.report.add(
                Self.group, "bytes of that fork on disk", bytes, .bytes,
                goal: ("≤ 256 KiB", bytes.median <= 256 * 1024))
        }
    }

    /// A hundred forks of a stored file, each with 1 MiB of its own; then all but one go.
    private func manyForks() throws {
        let place = context.directory
        let base = place + "/base"
        defer {
            Files.remove(base)
            for number in 0..<Self.forks { Files.remove("\(place)/fork-\(number)") }
        }
        try LmdbStore.create(at: base)
        let opened = try ContentStore.open(at: base)
        try context.input.mapped(context.input.length) { (bytes) in
            let root = try opened.putBytes(bytes)
            try opened.setRoot("image", to: root)
            try opened.dereference(root)
        }
        guard let image = try opened.root("image") else { throw BenchError("the image is gone") }
        let before = try Files.allocated(under: base)
        var random = RepeatableRandom(seed: 1)
        let own = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.ownBytes, alignment: 16)
        defer { own.deallocate() }
        var reads = Samples()
        for number in 0..<Self.forks {
            let path = "\(place)/fork-\(number)"
            try LayeredStore.create(at: path, over: [base])
            let fork = try ContentStore.open(at: path)
            random.fill(own)
            let data = try fork.putBytes(UnsafeRawBufferPointer(own))
            let batch = try fork.makeBatch()
            try batch.setRoot("image", to: image)
            try batch.setRoot("own", to: data)
            try batch.commit()
            try fork.dereference(data)
            let reader = try fork.makeReader(of: image)
            let room = UnsafeMutableRawBufferPointer(rebasing: own[..<4096])
            reads.add(try seconds { _ = try reader.read(at: reader.size / 2, into: room) })
        }
        func total(_ forks: Range<Int>) throws -> Double {
            var bytes = try Files.allocated(under: base)
            for number in forks { bytes += try Files.allocated(under: "\(place)/fork-\(number)") }
            return Double(bytes)
        }
        let ideal = Double(before + Self.forks * Self.ownBytes)
        let ratio = try total(0..<Self.forks) / ideal
        context.report.add(
            Self.group, "100 forks with 1 MiB each, to base + 100 MiB", ratio, .ratio,
            goal: ("≤ 1.05 ×", ratio <= 1.05))
        context.report.add(Self.group, "first 4 KiB read of the base's file through a fork", reads, .seconds)
        for number in 1..<Self.forks { Files.remove("\(place)/fork-\(number)") }
        let collected = try seconds { try opened.gc() }
        let rest = try total(0..<1) - Double(before + Self.ownBytes)
        context.report.add(Self.group, "gc of the base after 99 forks were deleted", collected, .seconds)
        context.report.add(Self.group, "bytes then beyond base + 1 MiB", rest, .bytes)
        guard try opened.forks().count == 1 else { throw BenchError("forks that are gone are still known") }
    }

    /// The first 256 MiB of the input in a store of each kind.
    private func kinds() throws {
        let length = min(context.input.length, 256 << 20)
        let group = "Kinds of stores, first \(length >> 20) MiB"
        try context.input.mapped(length) { (bytes) in
            for kind in ["lmdb", "flatfs", "memory", "layer over lmdb that has it"] {
                var new = Samples()
                var again = Samples()
                var back = Samples()
                for _ in 0..<context.rounds {
                    let store = try make(kind, bytes)
                    var root: CID?
                    new.add(try seconds { root = try store.putBytes(bytes) })
                    again.add(try seconds { _ = try store.putBytes(bytes) })
                    guard let root else { continue }
                    var count = 0
                    back.add(try seconds { try store.copyBytes(of: root) { count += $0.count } })
                    guard count == length else { throw BenchError("\(count) bytes came back") }
                }
                for name in ["store", "below"] { Files.remove(context.directory + "/" + name) }
                context.report.add(group, "\(kind): store", new, .seconds)
                context.report.add(group, "\(kind): store again", again, .seconds)
                context.report.add(group, "\(kind): read back to nowhere", back, .seconds)
            }
        }
    }

    private func make(_ kind: String, _ bytes: UnsafeRawBufferPointer) throws -> ContentStore {
        let path = context.directory + "/store"
        let below = context.directory + "/below"
        for path in [path, below] { Files.remove(path) }
        switch kind {
        case "memory": return try MemoryStore()
        case "flatfs": try FlatFsStore.create(at: path, levels: 1)
        case "lmdb": try LmdbStore.create(at: path)
        default:
            try LmdbStore.create(at: below)
            _ = try ContentStore.open(at: below).putBytes(bytes)
            try LayeredStore.create(at: path, over: [below])
        }
        return try ContentStore.open(at: path)
    }
}
