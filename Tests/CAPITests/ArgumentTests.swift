import CIpldStore
import Testing

/// NULL where something is needed, structs of the wrong size, lengths that cannot be: IPS_INVALID each.
@Suite struct ArgumentTests {
    private let invalid = IPS_INVALID

    @Test func nullIsInvalidForStores() throws {
        let test = try CStore()
        let store = test.handle
        var cid = try test.put([1, 2, 3])
        var out: OpaquePointer?
        let empty = ips_bytes(data: nil, len: 0)
        expect(invalid) { ips_store_create(nil, nil, $0) }
        expect(invalid) { ips_store_create("", nil, $0) }
        expect(invalid) { ips_store_open(nil, nil, &out, $0) }
        expect(invalid) { ips_store_open(test.path, nil, nil, $0) }
        expect(invalid) { ips_store_get_information(store, nil, $0) }
        expect(invalid) { ips_store_get_configuration(store, nil, $0) }
        expect(invalid) { ips_store_put_buffer(store, empty, nil, $0) }
        expect(invalid) { ips_store_put_buffer(nil, empty, &cid, $0) }
        expect(invalid) { ips_store_put_buffer(store, ips_bytes(data: nil, len: 1), &cid, $0) }
        expect(invalid) { ips_store_put_descriptor(store, 0, nil, nil, nil, $0) }
        expect(invalid) { ips_store_put_descriptor(nil, 0, nil, nil, &cid, $0) }
        expect(invalid) { ips_store_put_callback(store, nil, nil, nil, &cid, $0) }
        expect(invalid) { ips_store_put_block(store, empty, 0x55, nil, $0) }
        expect(invalid) { ips_store_put_node(store, empty, nil, $0) }
        expect(invalid) { ips_store_put_node(store, empty, &cid, $0) }
        expect(invalid) { ips_store_stat(store, nil, $0) }
        expect(invalid) { ips_store_gc_dry_run(store, nil, nil, nil, $0) }
        expect(invalid) { ips_store_gc(nil, 0, nil, nil, nil, $0) }
        expect(invalid) { ips_store_verify(nil, nil, nil, nil, nil, nil, $0) }
        expect(invalid) { ips_store_repair(nil, nil, nil, nil, $0) }
        expect(invalid) { ips_batch_begin(store, nil, $0) }
        expect(invalid) { ips_batch_begin(nil, &out, $0) }
        #expect(out == nil)
        ips_store_close(nil)
        ips_batch_free(nil)
        ips_view_close(nil)
        ips_iter_close(nil)
        ips_create_options_init(nil, 56)
        ips_open_options_init(nil, 16)
        #expect(ips_view_bytes(nil).data == nil)
    }

    @Test func nullIsInvalidForReading() throws {
        let test = try CStore()
        let store = test.handle
        var cid = try test.put([1, 2, 3])
        var isHere = false
        var size: UInt64 = 0
        var got = 0
        var buffer = [UInt8](repeating: 0, count: 8)
        var out: OpaquePointer?
        expect(invalid) { ips_store_has(store, nil, &isHere, $0) }
        expect(invalid) { ips_store_has(store, &cid, nil, $0) }
        expect(invalid) { ips_store_has(nil, &cid, &isHere, $0) }
        expect(invalid) { ips_store_size(store, nil, &size, $0) }
        expect(invalid) { ips_store_size(store, &cid, nil, $0) }
        expect(invalid) { ips_store_get_buffer(store, nil, &buffer, 8, &got, $0) }
        expect(invalid) { ips_store_get_buffer(store, &cid, nil, 8, &got, $0) }
        expect(invalid) { ips_store_get_buffer(nil, &cid, &buffer, 8, &got, $0) }
        expect(invalid) { ips_store_read_at(store, &cid, 0, &buffer, 8, nil, $0) }
        expect(invalid) { ips_store_read_at(store, &cid, 0, nil, 8, &got, $0) }
        expect(invalid) { ips_store_read_at(store, nil, 0, &buffer, 8, &got, $0) }
        expect(invalid) { ips_store_get_descriptor(store, nil, 0, .max, 1, nil, nil, $0) }
        expect(invalid) { ips_store_get_callback(store, &cid, 0, .max, nil, nil, nil, $0) }
        expect(invalid) { ips_store_get_block(store, nil, &buffer, 8, &got, $0) }
        expect(invalid) { ips_store_get_node(store, nil, &buffer, 8, &got, $0) }
        expect(invalid) { ips_store_inspect(store, &cid, nil, $0) }
        expect(invalid) { ips_store_links(store, nil, &out, $0) }
        expect(invalid) { ips_store_links(store, &cid, nil, $0) }
        expect(invalid) { ips_store_view(store, nil, &out, $0) }
        expect(invalid) { ips_store_view(store, &cid, nil, $0) }
        expect(invalid) { ips_iter_next_cid(nil, &cid, $0) }
        // Lengths may be NULL, and so may the error.
        #expect(ips_store_get_buffer(store, &cid, &buffer, 8, nil, nil) == IPS_OK)
        #expect(ips_store_get_buffer(store, nil, &buffer, 8, nil, nil) == IPS_INVALID)
    }

    @Test func nullIsInvalidForNames() throws {
        let test = try CStore()
        let store = test.handle
        var cid = try test.put([1])
        expect(invalid) { ips_root_get(store, nil, &cid, $0) }
        expect(invalid) { ips_root_get(store, "a", nil, $0) }
        expect(invalid) { ips_root_set(store, nil, &cid, $0) }
        expect(invalid) { ips_root_set(store, "a", nil, $0) }
        expect(invalid) { ips_root_swap(store, "a", nil, nil, $0) }
        expect(invalid) { ips_root_swap(store, nil, nil, &cid, $0) }
        expect(invalid) { ips_root_delete(store, nil, nil, 0, nil, $0) }
        expect(invalid) { ips_root_list(store, nil, nil, $0) }
        expect(invalid) { ips_store_retain(store, nil, nil, $0) }
        expect(invalid) { ips_store_dereference(store, nil, nil, 0, nil, $0) }
        expect(invalid) { ips_store_holds(store, nil, nil, $0) }
        expect(invalid) { ips_store_usage(store, nil, 1, nil, nil, nil, $0) }
        var batch: OpaquePointer?
        try expectOK { ips_batch_begin(store, &batch, $0) }
        defer { ips_batch_free(batch) }
        expect(invalid) { ips_batch_set_root(batch, nil, &cid, $0) }
        expect(invalid) { ips_batch_set_root(nil, "a", &cid, $0) }
        expect(invalid) { ips_batch_swap_root(batch, nil, nil, &cid, $0) }
        expect(invalid) { ips_batch_hold(batch, nil, nil, $0) }
        expect(invalid) { ips_batch_commit(nil, $0) }
        expect(invalid) { ips_batch_abort(nil, $0) }
        expect(invalid) { ips_batch_put_buffer(batch, ips_bytes(), nil, $0) }
        // None of which ended it.
        try expectOK { ips_batch_put_buffer(batch, ips_bytes(), &cid, $0) }
        try expectOK { ips_batch_commit(batch, $0) }
    }

    @Test func badNamesAreInvalid() throws {
        let test = try CStore()
        let store = test.handle
        var cid = try test.put([1])
        let long = String(repeating: "n", count: 256)
        let text = "bafkr4ihkr4ld3m4gqkjf4reryxsy2s5tkbxprqkow6fin2iiyvreuzzab4"
        let names = ["", "a\nb", "\u{7f}", long, text]
        for name in names { expect(invalid, name) { ips_root_set(store, name, &cid, $0) } }
        for name in ["", long] {
            expect(invalid, name) { ips_root_get(store, name, &cid, $0) }
            expect(invalid, name) { ips_root_delete(store, name, nil, 0, nil, $0) }
        }
        let notUTF8: [CChar] = [65, -1, 0]
        expect(invalid) { ips_root_set(store, notUTF8, &cid, $0) }
        expect(invalid) { ips_store_retain(store, &cid, "", $0) }
        expect(invalid) { ips_store_retain(store, &cid, long, $0) }
        try expectOK { ips_root_set(store, String(repeating: "n", count: 255), &cid, $0) }
        expect(invalid) { ips_store_create(String(repeating: "p", count: 5000), nil, $0) }
    }

    @Test func impossibleLengthsAreRefused() throws {
        let test = try CStore()
        var cid = try test.put([1])
        var got = 0
        let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
        byte.initialize(to: 0)
        defer { byte.deallocate() }
        for length in [-1, Int.min, Int.max] {
            let bytes = ips_bytes(data: byte, len: length)
            expect(invalid) { ips_store_put_buffer(test.handle, bytes, &cid, $0) }
            expect(invalid) { ips_cid_from_bytes(bytes, &cid, $0) }
            expect(invalid) { ips_store_read_at(test.handle, &cid, 0, byte, length, &got, $0) }
            expect(invalid) { ips_store_get_block(test.handle, &cid, byte, length, &got, $0) }
        }
        let large = [UInt8](repeating: 0, count: 1 << 20 + 1)
        large.withUnsafeBytes { bytes in
            expect(IPS_TOO_LARGE) { ips_store_put_block(test.handle, ips_bytes(bytes), 0x55, &cid, $0) }
        }
        expect(invalid) { ips_store_put_block(test.handle, ips_bytes(), .max, &cid, $0) }
    }

    @Test func misalignedPointersAreRefused() throws {
        let test = try CStore()
        var cid = try test.put([1])
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 16)
        defer { room.deallocate() }
        room.initializeMemory(as: UInt8.self, repeating: 0)
        let odd = try #require(room.baseAddress) + 1
        let address = UInt(bitPattern: odd)
        let misaligned = UnsafeMutablePointer<ips_cid>(bitPattern: address)
        expect(invalid) { ips_store_put_buffer(test.handle, ips_bytes(), misaligned, $0) }
        expect(invalid) { ips_store_has(test.handle, UnsafePointer(bitPattern: address), nil, $0) }
        expect(invalid) { ips_store_size(test.handle, &cid, UnsafeMutablePointer(bitPattern: address), $0) }
        expect(invalid) { ips_store_stat(test.handle, UnsafeMutablePointer(bitPattern: address), $0) }
        #expect(ips_store_size(nil, &cid, nil, UnsafeMutablePointer(bitPattern: address)) == IPS_INVALID)
        // Data and buffers may lie anywhere.
        try expectOK { ips_store_put_buffer(test.handle, ips_bytes(data: odd, len: 100), &cid, $0) }
        try expectOK { ips_store_get_buffer(test.handle, &cid, odd, 100, nil, $0) }
    }

    @Test func whatIsNoCIDIsRefused() throws {
        let test = try CStore()
        var isHere = false
        var bad = try test.put([1])
        bad.digest_length = 65
        expect(invalid) { ips_store_has(test.handle, &bad, &isHere, $0) }
        bad.digest_length = 255
        expect(invalid) { ips_store_has(test.handle, &bad, &isHere, $0) }
        bad.digest_length = 1
        expect(invalid) { ips_store_has(test.handle, &bad, &isHere, $0) }
        bad = try test.put([1])
        bad.version = 2
        expect(invalid) { ips_store_has(test.handle, &bad, &isHere, $0) }
        bad.version = 0
        expect(invalid) { ips_store_has(test.handle, &bad, &isHere, $0) }
        bad.version = 1
        bad.codec = .max
        expect(invalid) { ips_store_has(test.handle, &bad, &isHere, $0) }
        #expect(ips_cid_compare(&bad, nil) == 0)
        bad = ips_cid()
        expect(invalid) { ips_store_has(test.handle, &bad, &isHere, $0) }
        // Reserved bytes are ignored.
        var good = try test.put([1])
        good.reserved = (1, 2, 3, 4, 5, 6)
        try expectOK { ips_store_has(test.handle, &good, &isHere, $0) }
        #expect(isHere)
    }
}
