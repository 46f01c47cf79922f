/// Changing files in place: one byte, scattered writes, an insertion; and finding out what changed.
///
/// A store in memory excludes the flush, as the first goal does; what remains is one thread that never waits,
/// and is given in processor time. On disk it is wall time, flushes included.
import Glibc
import IpldEngine

struct EditRows {
    private let context: Context
    private static let group = "Changing"
    private static let singleEdits = 51
    private static let scattered = 64

    init(_ context: Context) { self.context = context }

    func run() throws {
        try changeByte()
        try scatter()
        try insert()
    }

    /// A byte of the input's first GiB (all of it, if it is shorter).
    private func changeByte() throws {
        let length = min(context.input.length, 1 << 30)
        let path = (context.memoryDirectory ?? context.directory) + "/store"
        defer { Files.remove(path) }
        try LmdbStore.create(at: path)
        let store = try ContentStore.open(at: path)
        let base = try context.input.mapped(length) { try store.putBytes($0) }
        var random = RepeatableRandom(seed: 1)
        var edits = Samples()
        var commits = Samples()
        var written = Samples()
        var differences = Samples()
        for round in 0...Self.singleEdits {
            let offset = UInt64.random(in: 0..<UInt64(length), using: &random)
            let before = try store.stat().storedBytes
            let batch = try store.makeBatch()
            var changed = base
            let edit = try processorSeconds {
                let writer = try batch.makeWriter(on: base)
                var byte = UInt8.random(in: 0...255, using: &random)
                try withUnsafeBytes(of: &byte) { try writer.write($0, at: offset) }
                changed = try writer.commit()
            }
            let commit = try processorSeconds {
                try batch.hold(changed)
                try batch.commit()
            }
            let bytes = try store.stat().storedBytes - before
            let difference = try processorSeconds {
                let diff = try store.diff(from: base, to: changed)
                while let change = try diff.next() {
                    guard change.old == offset..<offset + 1 else { throw BenchError("another change") }
                }
            }
            // The first round warms the caches.
            guard round > 0 else { continue }
            edits.add(edit)
            commits.add(commit)
            written.add(Double(bytes))
            differences.add(difference)
        }
        let size = Row.format(Double(length), .bytes)
        context.report.add(
            Self.group, "change a byte of \(size), before the commit", edits, .seconds,
            goal: ("≤ 1 ms", edits.median <= 1e-3))
        context.report.add(Self.group, "commit it, excluding flush", commits, .seconds)
        context.report.add(
            Self.group, "bytes of blocks stored for it", written, .bytes,
            goal: ("≤ 300 kB", written.median <= 300e3))
        context.report.add(Self.group, "find that byte by diff", differences, .seconds)
    }

    /// 4 KiB each in four times the input's first GiB, durable.
    private func scatter() throws {
        let piece = min(context.input.length, 1 << 30)
        let path = context.directory + "/store"
        defer { Files.remove(path) }
        try LmdbStore.create(at: path)
        let store = try ContentStore.open(at: path)
        // Four times the same blocks: a file as large, stored as fast as one of them.
        let base = try context.input.mapped(piece) { (bytes) in
            try store.putBytes(from: JoinedSource([bytes, bytes, bytes, bytes]))
        }
        let length = try store.size(of: base)
        var random = RepeatableRandom(seed: 2)
        let page = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 64)
        defer { page.deallocate() }
        var samples = Samples()
        for round in 0...(context.isQuick ? 5 : 11) {
            let time = try seconds {
                let writer = try store.makeWriter(on: base)
                for _ in 0..<Self.scattered {
                    random.fill(page)
                    let offset = UInt64.random(in: 0..<length / 4096 - 1, using: &random) * 4096
                    try writer.write(UnsafeRawBufferPointer(page), at: offset)
                }
                _ = try writer.commit()
            }
            if round > 0 { samples.add(time) }
        }
        context.report.add(
            Self.group, "\(Self.scattered) writes of 4 KiB in \(Row.format(Double(length), .bytes)), durable",
            samples, .seconds, goal: ("≤ 50 ms", samples.median <= 50e-3))
    }

    /// Eight bytes into the middle, stored again as a whole.
    private func insert() throws {
        let length = min(context.input.length, 256 << 20)
        let path = context.directory + "/store"
        defer { Files.remove(path) }
        try LmdbStore.create(at: path)
        let store = try ContentStore.open(at: path)
        try context.input.mapped(length) { (bytes) in
            let old = try store.putBytes(bytes)
            let before = try store.stat().blocks
            var inserted: UInt64 = 0x0102_0304_0506_0708
            let new = try withUnsafeBytes(of: &inserted) { (middle) in
                try store.putBytes(
                    from: JoinedSource([
                        UnsafeRawBufferPointer(rebasing: bytes[..<(length / 2)]), middle,
                        UnsafeRawBufferPointer(rebasing: bytes[(length / 2)...]),
                    ]))
            }
            let added = Double(try store.stat().blocks - before)
            context.report.add(
                Self.group, "blocks of \(NameRows.count(Int(before))) new after inserting 8 bytes", added,
                .count)
            var samples = Samples()
            for _ in 0..<5 {
                samples.add(
                    try processorSeconds {
                        let diff = try store.diff(from: old, to: new)
                        while try diff.next() != nil {}
                    })
            }
            context.report.add(Self.group, "find those bytes by diff", samples, .seconds)
        }
    }
}

/// Pieces of memory, one after the other.
private struct JoinedSource: ByteSource {
    private var pieces: [MemorySource]

    init(_ pieces: [UnsafeRawBufferPointer]) { self.pieces = pieces.map { MemorySource($0) } }

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        while !pieces.isEmpty {
            let count = pieces[0].read(into: buffer)
            if count > 0 { return count }
            pieces.removeFirst()
        }
        return 0
    }
}
