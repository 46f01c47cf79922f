/// Values larger than a block: one entry of a million changed and read by its path; and a file of holes.
///
/// As in EditRows, a store in memory excludes the flush, and times are of one thread's processor time.
import Glibc
import IpldEngine

struct NodeRows {
    private let context: Context
    private static let group = "Changing"
    private static let entries = 1_000_000

    init(_ context: Context) { self.context = context }

    func run() throws {
        try changeEntry()
        try storeHoles()
    }

    private static func key(_ number: Int) -> String { "entry \(entries + number)" }

    private func changeEntry() throws {
        let path = (context.memoryDirectory ?? context.directory) + "/store"
        defer { Files.remove(path) }
        try ContentStore.create(at: path)
        let store = try ContentStore.open(at: path)
        let batch = try store.makeBatch()
        var number = 0
        let map = try batch.putMap { () throws(StoreError) in
            guard number < Self.entries else { return nil }
            defer { number += 1 }
            return (Self.key(number), ["mode": 0o644, "size": .integer(Int128(number) << 12)])
        }
        try batch.hold(map)
        try batch.commit()
        var random = RepeatableRandom(seed: 3)
        var (edits, reads, written) = (Samples(), Samples(), Samples())
        for round in 0...51 {
            let key = Self.key(Int.random(in: 0..<Self.entries, using: &random))
            let before = try store.stat().storedBytes
            let batch = try store.makeBatch()
            var changed = map
            let edit = try processorSeconds { changed = try batch.editNode(map, [.set(key: key, .null)]) }
            try batch.hold(changed)
            try batch.commit()
            let bytes = try store.stat().storedBytes - before
            let read = try processorSeconds { _ = try store.value(map, at: [key, "size"]) }
            // The first round warms the caches.
            guard round > 0 else { continue }
            edits.add(edit)
            reads.add(read)
            written.add(Double(bytes))
        }
        let what = "of a map of \(NameRows.count(Self.entries))"
        context.report.add(Self.group, "set a key \(what), before the commit", edits, .seconds)
        context.report.add(Self.group, "bytes of blocks stored for it", written, .bytes)
        context.report.add(Self.group, "read a value by its path \(what)", reads, .seconds)
    }

    /// A disk image of 1 TiB with 64 pieces of 64 KiB in it, durable; and back into a file.
    private func storeHoles() throws {
        let path = context.directory + "/store"
        let image = context.directory + "/image"
        defer {
            Files.remove(path)
            Files.remove(image)
        }
        let descriptor = try Files.open(image, O_RDWR | O_CREAT | O_TRUNC)
        defer { close(descriptor) }
        let size: UInt64 = 1 << 40
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw BenchError("the image is too large") }
        var random = RepeatableRandom(seed: 4)
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
        defer { piece.deallocate() }
        for number in 0..<UInt64(64) {
            random.fill(piece)
            lseek(descriptor, off_t(number * (size / 64) + 4096 * number), SEEK_SET)
            guard Files.writeAll(descriptor, UnsafeRawBufferPointer(piece)) else {
                throw BenchError("the image cannot be written")
            }
        }
        var samples = Samples()
        for _ in 0..<5 {
            try ContentStore.create(at: path)
            let store = try ContentStore.open(at: path)
            lseek(descriptor, 0, SEEK_SET)
            samples.add(try seconds { _ = try store.putBytes(from: try DescriptorSource(descriptor)) })
            Files.remove(path)
        }
        context.report.add(
            Self.group, "store an image of 1 TiB with 4 MiB of data, durable", samples, .seconds)
    }
}
