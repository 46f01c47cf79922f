import CIpldStore
import TestSupport
import Testing

/// Handles that were given back, are of another kind, or never were; and children that outlive their store.
@Suite struct HandleTests {
    @Test func closedHandlesAreRefused() throws {
        let test = try CStore()
        var cid = try test.put([1, 2, 3])
        let store = test.handle
        var batch: OpaquePointer?
        var view: OpaquePointer?
        var iterator: OpaquePointer?
        try expectOK { ips_batch_begin(store, &batch, $0) }
        try expectOK { ips_store_view(store, &cid, &view, $0) }
        try expectOK { ips_root_list(store, nil, &iterator, $0) }
        // Of another kind: refused, and not given back by the wrong function.
        expect(IPS_INVALID) { ips_batch_commit(store, $0) }
        expect(IPS_INVALID) { ips_store_put_buffer(batch, ips_bytes(), &cid, $0) }
        expect(IPS_INVALID) { ips_iter_next_cid(view, &cid, $0) }
        #expect(ips_view_bytes(store).data == nil)
        ips_store_close(batch)
        ips_batch_free(view)
        ips_view_close(iterator)
        ips_iter_close(store)
        try expectOK { ips_batch_put_buffer(batch, ips_bytes(), &cid, $0) }
        #expect(ips_view_bytes(view).len == 3)

        for _ in 0..<2 {
            ips_batch_free(batch)
            ips_view_close(view)
            ips_iter_close(iterator)
            test.close()
            ips_store_close(store)
        }
        var root = ips_root()
        expect(IPS_INVALID) { ips_batch_commit(batch, $0) }
        expect(IPS_INVALID) { ips_iter_next_root(iterator, &root, $0) }
        expect(IPS_INVALID) { ips_store_put_buffer(store, ips_bytes(), &cid, $0) }
        #expect(ips_view_bytes(view).data == nil)
    }

    @Test func inventedHandlesAreRefused() throws {
        var generator = SplitMix(state: 7)
        var cid = ips_cid()
        for _ in 0..<1000 {
            let handle = OpaquePointer(bitPattern: UInt(generator.next() | 1 << 63))
            #expect(ips_store_put_buffer(handle, ips_bytes(), &cid, nil) == IPS_INVALID)
            #expect(ips_batch_commit(handle, nil) == IPS_INVALID)
            #expect(ips_view_bytes(handle).data == nil)
            ips_store_close(handle)
            ips_batch_free(handle)
            ips_iter_close(handle)
        }
    }

    @Test func childrenOutliveTheStore() throws {
        let test = try CStore()
        var cid = try test.put([9, 9, 9])
        try expectOK { ips_root_set(test.handle, "a", &cid, $0) }
        var batch: OpaquePointer?
        var view: OpaquePointer?
        var roots: OpaquePointer?
        var holds: OpaquePointer?
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        try expectOK { ips_store_view(test.handle, &cid, &view, $0) }
        try expectOK { ips_root_list(test.handle, nil, &roots, $0) }
        try expectOK { ips_store_holds(test.handle, nil, &holds, $0) }
        test.close()
        var other = ips_cid()
        try [UInt8]([4, 5]).withUnsafeBytes { bytes in
            try expectOK { ips_batch_put_buffer(batch, ips_bytes(bytes), &other, $0) }
        }
        try expectOK { ips_batch_set_root(batch, "b", &other, $0) }
        try expectOK { ips_batch_commit(batch, $0) }
        var names: [String] = []
        var root = ips_root()
        while ips_iter_next_root(roots, &root, nil) == IPS_OK {
            names.append(withUnsafeBytes(of: &root.name) { textToNUL($0) })
        }
        #expect(names == ["a", "b"])
        var hold = ips_hold()
        try expectOK { ips_iter_next_hold(holds, &hold, $0) }
        expectEnd { ips_iter_next_hold(holds, &hold, $0) }
        expectEnd { ips_iter_next_hold(holds, &hold, $0) }
        expect(IPS_INVALID) { ips_iter_next_cid(holds, &other, $0) }
        let bytes = ips_view_bytes(view)
        #expect(Array(UnsafeRawBufferPointer(start: bytes.data, count: bytes.len)) == [9, 9, 9])
        ips_view_close(view)
        ips_iter_close(roots)
        ips_iter_close(holds)
        ips_batch_free(batch)
    }

    private func expectEnd(_ call: (UnsafeMutablePointer<ips_error>?) -> ips_status) {
        var error = ips_error()
        error.code = 5
        #expect(call(&error) == IPS_END)
        #expect(error.code == 5)
    }

    @Test func anEndedBatchIsInvalid() throws {
        let test = try CStore()
        var cid = ips_cid()
        var batch: OpaquePointer?
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        try expectOK { ips_batch_put_buffer(batch, ips_bytes(), &cid, $0) }
        try expectOK { ips_batch_commit(batch, $0) }
        expect(IPS_INVALID) { ips_batch_put_buffer(batch, ips_bytes(), &cid, $0) }
        expect(IPS_INVALID) { ips_batch_commit(batch, $0) }
        try expectOK { ips_batch_abort(batch, $0) }
        ips_batch_free(batch)
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        ips_batch_free(batch)
        #expect(try test.stat().leases == 0)
    }
}
