/// What the C interface adds: the same puts, gets and reads through it and beside it, in processor time, so
/// that neither the disk nor the rest of the machine counts. At 64 KiB it should add at most 5 %, at 64 bytes
/// at most a microsecond.
import CAPI
import CIpldStore
import IpldEngine

struct InterfaceRows {
    private let context: Context
    private static let sizes = [64 << 10, 64]

    init(_ context: Context) { self.context = context }

    func run() throws {
        let path = (context.memoryDirectory ?? context.directory) + "/interface"
        defer { Files.remove(path) }
        try LmdbStore.create(at: path)
        let store = try ContentStore.open(at: path)
        var handle: OpaquePointer?
        guard ips_store_open(path, nil, &handle, nil) == IPS_OK else {
            throw BenchError("the C interface does not open the store")
        }
        defer { ips_store_close(handle) }
        for size in Self.sizes {
            try puts(store, handle, size)
            try gets(store, handle, size)
        }
        try reads(store, handle)
    }

    /// Bytes that were not stored before, into a batch that is then given up.
    private func puts(_ store: ContentStore, _ handle: OpaquePointer?, _ size: Int) throws {
        var random = RepeatableRandom(seed: 1)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { bytes.deallocate() }
        for place in stride(from: 0, to: size, by: 8) {
            bytes.storeBytes(of: random.next(), toByteOffset: place, as: UInt64.self)
        }
        var number: UInt64 = 0
        func change() {
            number += 1
            bytes.storeBytes(of: number, as: UInt64.self)
        }
        try compare("put into a batch", size, count: size == 64 ? 10_000 : 500) { (times) in
            let batch = try store.makeBatch()
            defer { batch.abort() }
            return try processorSeconds {
                for _ in 0..<times {
                    change()
                    _ = try batch.putBytes(UnsafeRawBufferPointer(bytes))
                }
            }
        } c: { (times) in
            var batch: OpaquePointer?
            guard ips_batch_begin(handle, &batch, nil) == IPS_OK else { throw BenchError("no batch from C") }
            defer { ips_batch_free(batch) }
            return try processorSeconds {
                for _ in 0..<times {
                    change()
                    var cid = ips_cid()
                    let data = ips_bytes(data: bytes.baseAddress, len: size)
                    guard ips_batch_put_buffer(batch, data, &cid, nil) == IPS_OK else {
                        throw BenchError("a put through C failed")
                    }
                }
            }
        }
    }

    /// Whole files and pieces of files, by their CIDs.
    private func gets(_ store: ContentStore, _ handle: OpaquePointer?, _ size: Int) throws {
        let batch = try store.makeBatch()
        var random = RepeatableRandom(seed: 2)
        let cids = try (0..<500).map { _ in
            let words = (0..<size / 8).map { _ in random.next() }
            let cid = try words.withUnsafeBytes { try batch.putBytes($0) }
            try batch.hold(cid)
            return cid
        }
        try batch.commit()
        let names = try cids.map { (cid) in
            var name = ips_cid()
            guard ips_cid_parse("\(cid)", &name, nil) == IPS_OK else { throw BenchError("no CID from C") }
            return name
        }
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
        defer { room.deallocate() }
        let count = size == 64 ? 20_000 : 2_000
        try compare("get", size, count: count) { (times) in
            try processorSeconds {
                for turn in 0..<times {
                    let cid = cids[turn % cids.count]
                    guard try store.size(of: cid) == size else { throw BenchError("another size") }
                    _ = try store.read(cid, at: 0, into: room)
                }
            }
        } c: { (times) in
            try processorSeconds {
                for turn in 0..<times {
                    var name = names[turn % names.count]
                    let status = ips_store_get_buffer(handle, &name, room.baseAddress, size, nil, nil)
                    guard status == IPS_OK else { throw BenchError("a get through C failed") }
                }
            }
        }
        try compare("read_at", size, count: count) { (times) in
            try processorSeconds {
                for turn in 0..<times { _ = try store.read(cids[turn % cids.count], at: 0, into: room) }
            }
        } c: { (times) in
            var got = 0
            return try processorSeconds {
                for turn in 0..<times {
                    var name = names[turn % names.count]
                    let status = ips_store_read_at(handle, &name, 0, room.baseAddress, size, &got, nil)
                    guard status == IPS_OK else { throw BenchError("a read through C failed") }
                }
            }
        }
    }

    /// One open file: 64 KiB anywhere; 64 bytes in order, as a parser reads.
    private func reads(_ store: ContentStore, _ handle: OpaquePointer?) throws {
        let length = min(context.input.length, 1 << 28)
        let cid = try context.input.mapped(length) { try store.putBytes($0) }
        let reader = try store.makeReader(of: cid)
        var opened: OpaquePointer?
        var name = ips_cid()
        guard ips_cid_parse("\(cid)", &name, nil) == IPS_OK,
            ips_reader_open(handle, &name, &opened, nil) == IPS_OK
        else { throw BenchError("the C interface does not open the file") }
        defer { ips_reader_close(opened) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
        defer { buffer.deallocate() }
        for size in Self.sizes where length > size {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
            var random = RepeatableRandom(seed: UInt64(size))
            let count = min(5000, length / size)
            let offsets = (0..<count).map { (number) in
                size == 64
                    ? UInt64(number * 64) : UInt64.random(in: 0...UInt64(length - size), using: &random)
            }
            let what = size == 64 ? "in order, of an open file" : "at random offsets of an open file"
            try compare("read_at " + what, size, count: count) { (times) in
                try processorSeconds {
                    for turn in 0..<times { _ = try reader.read(at: offsets[turn], into: room) }
                }
            } c: { (times) in
                var got = 0
                return try processorSeconds {
                    for turn in 0..<times
                    where ips_reader_read_at(opened, offsets[turn], room.baseAddress, size, &got, nil)
                        != IPS_OK
                    {
                        throw BenchError("a read through C failed")
                    }
                }
            }
        }
    }

    /// Both sides in turns, so that what the machine does meets both.
    private func compare(
        _ what: String, _ size: Int, count: Int, swift: (Int) throws -> Double, c: (Int) throws -> Double
    ) throws {
        var own = Samples()
        var through = Samples()
        // The first round warms both.
        for round in 0...max(context.rounds, 9) {
            let isSwiftFirst = round % 2 == 0
            let first = isSwiftFirst ? try swift(count) : try c(count)
            let second = isSwiftFirst ? try c(count) : try swift(count)
            guard round > 0 else { continue }
            own.add((isSwiftFirst ? first : second) / Double(count))
            through.add((isSwiftFirst ? second : first) / Double(count))
        }
        let name = "\(what), \(size == 64 ? "64 B" : "64 KiB")"
        context.report.add("The C interface", name + ", Swift", own, .seconds)
        let added = through.median - own.median
        context.report.add(
            "The C interface", name + ", C", through, .seconds,
            goal: size == 64
                ? ("at most 1 µs more", added <= 1e-6) : ("at most 5 % more", added <= 0.05 * own.median))
    }
}
