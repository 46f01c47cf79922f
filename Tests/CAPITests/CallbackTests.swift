import CIpldStore
import Glibc
import Testing

/// Callbacks that give, take, fail, lie, cancel, and call back in.
@Suite struct CallbackTests {
    private struct Source {
        var left = 0
        var answer: ips_status = 0
        var lie: Int?
        var batch: OpaquePointer?
        var store: OpaquePointer?
        var inner: ips_status = 0
        var calls = 0
    }

    private let read: ips_read_callback = { context, buffer, capacity, got in
        guard let source = context?.assumingMemoryBound(to: Source.self), let got else { return -1 }
        source.pointee.calls += 1
        if source.pointee.answer != 0 { return source.pointee.answer }
        if let lie = source.pointee.lie {
            got.pointee = lie
            return 0
        }
        let count = min(capacity, source.pointee.left)
        if let buffer { memset(buffer, Int32(source.pointee.calls), count) }
        source.pointee.left -= count
        got.pointee = count
        return 0
    }

    @Test func statusesOfCallbacks() throws {
        let test = try CStore()
        var cid = ips_cid()
        for (answer, status) in [
            (1, 1), (42, 42), (Int(Int32.max), Int(Int32.max)), (-1, IPS_CALLBACK),
            (IPS_CANCELLED, IPS_CALLBACK), (Int(Int32.min), IPS_CALLBACK),
        ] {
            var source = Source(left: 10, answer: ips_status(answer))
            expect(status) { ips_store_put_callback(test.handle, read, nil, &source, &cid, $0) }
            #expect(source.calls == 1)
        }
        for lie in [-1, Int.min, Int.max] {
            var source = Source(left: 10, lie: lie)
            expect(IPS_CALLBACK) { ips_store_put_callback(test.handle, read, nil, &source, &cid, $0) }
        }
        var (source, error) = (Source(left: 10, lie: -1), ips_error())
        _ = ips_store_put_callback(test.handle, read, nil, &source, &cid, &error)
        #expect(error.text.hasPrefix("read gave 18446744073709551615 bytes for a buffer of "))
        #expect(try test.stat().holds == 0)
        source = Source(left: 0)
        try expectOK { ips_store_put_callback(test.handle, read, nil, &source, &cid, $0) }
        #expect(try test.get(cid) == [])
    }

    @Test func progressStops() throws {
        let test = try CStore()
        var cid = ips_cid()
        let stop: ips_progress = { context, _ in context?.load(as: Int32.self) ?? 0 }
        for (answer, status) in [(IPS_CANCELLED, IPS_CANCELLED), (9, 9), (-1, IPS_CALLBACK)] {
            var answer = Int32(answer)
            let zero = open("/dev/zero", O_RDONLY)
            defer { close(zero) }
            expect(status) { ips_store_put_descriptor(test.handle, zero, stop, &answer, &cid, $0) }
        }
        cid = try test.put(randomBytes(3 << 20, seed: 1))
        for (answer, status) in [(IPS_CANCELLED, IPS_CANCELLED), (9, 9), (-1, IPS_CALLBACK)] {
            var answer = Int32(answer)
            let null = open("/dev/null", O_WRONLY)
            defer { close(null) }
            expect(status) { ips_store_get_descriptor(test.handle, &cid, 0, .max, null, stop, &answer, $0) }
            expect(status) { ips_store_verify(test.handle, stop, &answer, nil, nil, nil, $0) }
            try expectOK { ips_store_put_buffer(test.handle, ips_bytes(), &cid, $0) }
            try expectOK { ips_store_dereference(test.handle, &cid, nil, 0, nil, $0) }
            cid = try test.put(randomBytes(3 << 20, seed: 1))
        }
        try test.verify()
    }

    @Test func writersStop() throws {
        let test = try CStore()
        let bytes = randomBytes(5 << 20, seed: 2)
        var cid = try test.put(bytes)
        let refuse: ips_write_callback = { _, _, _ in 7 }
        expect(7) { ips_store_get_callback(test.handle, &cid, 0, .max, refuse, nil, nil, $0) }
        expect(IPS_INVALID) { ips_store_get_callback(test.handle, &cid, .max, .max, refuse, nil, nil, $0) }
        expect(IPS_INVALID) {
            ips_store_get_callback(test.handle, &cid, UInt64(bytes.count) + 1, 1, refuse, nil, nil, $0)
        }
        try expectOK {
            ips_store_get_callback(test.handle, &cid, UInt64(bytes.count), .max, refuse, nil, nil, $0)
        }
        try expectOK { ips_store_get_callback(test.handle, &cid, 5, 0, refuse, nil, nil, $0) }
        struct Sum { var count = 0 }
        var sum = Sum()
        let add: ips_write_callback = { context, _, length in
            context?.assumingMemoryBound(to: Sum.self).pointee.count += length
            return 0
        }
        try expectOK { ips_store_get_callback(test.handle, &cid, 100, 1 << 20, add, nil, &sum, $0) }
        #expect(sum.count == 1 << 20)
        try expectOK { ips_store_get_callback(test.handle, &cid, 100, .max, add, nil, &sum, $0) }
        #expect(sum.count == (1 << 20) + bytes.count - 100)
    }

    /// A callback may use the store, but not the batch that waits for it.
    @Test func reentrance() throws {
        let test = try CStore()
        var batch: OpaquePointer?
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        defer { ips_batch_free(batch) }
        var source = Source(left: 1, batch: batch, store: test.handle)
        let reenter: ips_read_callback = { context, buffer, _, got in
            guard let source = context?.assumingMemoryBound(to: Source.self), let got else { return -1 }
            var cid = ips_cid()
            source.pointee.inner = ips_batch_put_buffer(source.pointee.batch, ips_bytes(), &cid, nil)
            guard ips_batch_commit(source.pointee.batch, nil) == IPS_BUSY else { return 1 }
            guard ips_batch_abort(source.pointee.batch, nil) == IPS_BUSY else { return 2 }
            let store = source.pointee.store
            guard ips_store_put_buffer(store, ips_bytes(), &cid, nil) == IPS_OK else { return 3 }
            guard ips_store_gc(store, .max, nil, nil, nil, nil) == IPS_OK else { return 4 }
            buffer?.storeBytes(of: 1, as: UInt8.self)
            got.pointee = source.pointee.left
            source.pointee.left = 0
            return 0
        }
        var cid = ips_cid()
        try expectOK { ips_batch_put_callback(batch, reenter, nil, &source, &cid, $0) }
        #expect(source.inner == IPS_BUSY)
        try expectOK { ips_batch_set_root(batch, "a", &cid, $0) }
        try expectOK { ips_batch_commit(batch, $0) }
        #expect(try test.get(cid) == [1])
    }

    /// Freed by the very callback it waits for: the call still ends well, and nothing is left behind.
    @Test func freedWhileInUse() throws {
        let test = try CStore()
        var batch: OpaquePointer?
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        var source = Source(left: 1, batch: batch)
        let free: ips_read_callback = { context, _, _, _ in
            ips_batch_free(context?.assumingMemoryBound(to: Source.self).pointee.batch)
            return 0
        }
        var cid = ips_cid()
        try expectOK { ips_batch_put_callback(batch, free, nil, &source, &cid, $0) }
        expect(IPS_INVALID) { ips_batch_commit(batch, $0) }
        #expect(try test.stat().leases == 0)
    }

    @Test func badDescriptors() throws {
        let test = try CStore()
        var cid = try test.put([1, 2, 3])
        expect(IPS_IO) { ips_store_put_descriptor(test.handle, -1, nil, nil, &cid, $0) }
        expect(IPS_IO) { ips_store_get_descriptor(test.handle, &cid, 0, .max, -1, nil, nil, $0) }
        let directory = open("/tmp", O_RDONLY)
        defer { close(directory) }
        expect(IPS_INVALID) { ips_store_put_descriptor(test.handle, directory, nil, nil, &cid, $0) }
        cid = try test.put([1, 2, 3])
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        expect(IPS_FULL) { ips_store_get_descriptor(test.handle, &cid, 0, .max, full, nil, nil, $0) }
    }
}
