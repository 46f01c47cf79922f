/// What the C interface adds to a read: the same reads of one open file through it and beside it, in
/// processor time.
import CAPI
import CIpldStore
import IpldEngine

struct InterfaceRows {
    private let context: Context
    private static let reads = 5000

    init(_ context: Context) { self.context = context }

    func run() throws {
        let length = min(context.input.length, 1 << 28)
        let path = context.directory + "/store"
        defer { Files.remove(path) }
        try LmdbStore.create(at: path)
        let store = try ContentStore.open(at: path)
        let cid = try context.input.mapped(length) { try store.putBytes($0) }
        let reader = try store.makeReader(of: cid)
        var handle: OpaquePointer?
        var opened: OpaquePointer?
        var name = ips_cid()
        guard ips_store_open(path, nil, &handle, nil) == IPS_OK,
            ips_cid_parse("\(cid)", &name, nil) == IPS_OK,
            ips_reader_open(handle, &name, &opened, nil) == IPS_OK
        else { throw BenchError("the C interface does not open the store") }
        defer {
            ips_reader_close(opened)
            ips_store_close(handle)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
        defer { buffer.deallocate() }
        for size in [64 << 10, 64] {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<size])
            var random = RepeatableRandom(seed: UInt64(size))
            // 64 KiB anywhere; 64 bytes in order, as a parser reads.
            let offsets = (0..<Self.reads).map { (number) in
                size == 64
                    ? UInt64(number * 64) : UInt64.random(in: 0...UInt64(length - size), using: &random)
            }
            var swift = Samples()
            var c = Samples()
            for round in 0...context.rounds {
                let own = try processorSeconds {
                    for offset in offsets { _ = try reader.read(at: offset, into: room) }
                }
                let through = try processorSeconds {
                    var got = 0
                    for offset in offsets
                    where ips_reader_read_at(opened, offset, room.baseAddress, size, &got, nil) != IPS_OK {
                        throw BenchError("a read through C failed")
                    }
                }
                // The first round warms both.
                guard round > 0 else { continue }
                swift.add(own / Double(Self.reads))
                c.add(through / Double(Self.reads))
            }
            let what = size == 64 ? "64 B in order" : "64 KiB at random offsets"
            context.report.add("Reading", "\(what) of an open file, Swift", swift, .seconds)
            context.report.add("Reading", "\(what) of an open file, C", c, .seconds)
        }
    }
}
