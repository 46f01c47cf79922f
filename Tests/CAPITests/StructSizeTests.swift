import CIpldStore
import Testing

/// Structs that may grow: older and newer callers, and those who forgot.
@Suite struct StructSizeTests {
    @Test(arguments: [0, 1, 55, 4097, UInt32.max])
    func wrongSizesAreInvalid(_ size: UInt32) throws {
        let test = try CStore()
        var cid = try test.put([1])
        var options = ips_create_options()
        options.struct_size = size
        expect(IPS_INVALID) { ips_store_create(test.directory + "/other", &options, $0) }
        expect(IPS_INVALID) { ips_store_get_configuration(test.handle, &options, $0) }
        let small = min(size, 15)
        var open = ips_open_options(struct_size: small, flags: 0, owner: nil)
        var out: OpaquePointer?
        expect(IPS_INVALID) { ips_store_open(test.path, &open, &out, $0) }
        var block = ips_block_information()
        block.struct_size = min(size, 31)
        expect(IPS_INVALID) { ips_store_inspect(test.handle, &cid, &block, $0) }
        var gc = ips_gc_report()
        gc.struct_size = min(size, 47)
        expect(IPS_INVALID) { ips_store_gc(test.handle, 0, nil, nil, &gc, $0) }
        expect(IPS_INVALID) { ips_store_dereference(test.handle, &cid, nil, 0, &gc, $0) }
        // A report that is refused is refused before anything happens.
        #expect(try test.stat().holds == 1)
        var verify = ips_verify_report()
        verify.struct_size = min(size, 31)
        expect(IPS_INVALID) { ips_store_verify(test.handle, nil, nil, &verify, nil, nil, $0) }
        var usage = ips_usage()
        usage.struct_size = min(size, 39)
        expect(IPS_INVALID) { ips_store_usage(test.handle, nil, 0, nil, nil, &usage, $0) }
    }

    /// A caller of a later version, whose structs are longer.
    @Test func newerCallers() throws {
        let test = try CStore()
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 16)
        defer { room.deallocate() }
        room.initializeMemory(as: UInt8.self, repeating: 0xAA)
        let base = try #require(room.baseAddress)
        base.storeBytes(of: 200, as: UInt32.self)
        try expectOK { ips_store_stat(test.handle, base.assumingMemoryBound(to: ips_stat.self), $0) }
        #expect(base.load(as: UInt32.self) == 200)
        #expect(room[104..<200].allSatisfy { $0 == 0 } && room[200] == 0xAA)

        let options = base.assumingMemoryBound(to: ips_create_options.self)
        ips_create_options_init(options, 200)
        #expect(options.pointee.struct_size == 200 && options.pointee.chunk_normalization == 2)
        try expectOK { ips_store_create(test.directory + "/newer", options, $0) }
        room[150] = 1
        expect(IPS_UNSUPPORTED) { ips_store_create(test.directory + "/newest", options, $0) }
    }

    /// Zeros but for the size, of as much as the caller knows; nothing of what is no version's size.
    @Test func structsOfResultsAreInitialized() throws {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 4352, alignment: 16)
        defer { room.deallocate() }
        let base = try #require(room.baseAddress)
        func check<T>(_ initialize: (UnsafeMutablePointer<T>?, Int) -> Void, _ first: Int) {
            let value = base.assumingMemoryBound(to: T.self)
            for size in [0, 4, first - 1, first, MemoryLayout<T>.size, 2000, 4096, 4097, -1] {
                room.initializeMemory(as: UInt8.self, repeating: 0xAA)
                initialize(value, size)
                let isSize = size >= first && size <= 4096
                #expect(room[(isSize ? size : 0)...].allSatisfy { $0 == 0xAA }, "\(T.self) \(size)")
                guard isSize else { continue }
                #expect(base.load(as: UInt32.self) == UInt32(size), "\(T.self)")
                #expect(room[4..<size].allSatisfy { $0 == 0 }, "\(T.self) \(size)")
            }
            initialize(nil, first)
        }
        check(ips_store_information_init, 504)
        check(ips_block_information_init, 32)
        check(ips_gc_report_init, 48)
        check(ips_usage_init, 40)
        check(ips_stat_init, 104)
        check(ips_verify_report_init, 32)
        check(ips_repair_report_init, 64)
        check(ips_heal_report_init, 24)
        check(ips_copy_report_init, 32)
        check(ips_fs_entry_init, 168)
        check(ips_fs_version_init, 1488)
        check(ips_fs_import_report_init, 232)
        check(ips_fs_export_report_init, 56)
    }

    /// A caller of the first version of a struct that has grown; and of this one.
    @Test func olderCallersOfVerification() throws {
        let test = try CStore()
        // A list of one link to what is not here.
        var (absent, node) = (ips_cid(), [UInt8]([0x81, 0xd8, 0x2a, 0x58, 37, 0]))
        try [UInt8]([1]).withUnsafeBytes { bytes in
            try expectOK { ips_cid_of_block(ips_bytes(bytes), 0x55, 0x1e, &absent, $0) }
        }
        var (binary, length) = ([UInt8](repeating: 0, count: 84), 0)
        try expectOK { ips_cid_to_bytes(&absent, &binary, 84, &length, $0) }
        node += binary[..<length]
        _ = try test.put(dagCBOR: node)
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 16)
        defer { room.deallocate() }
        let base = try #require(room.baseAddress)
        let report = base.assumingMemoryBound(to: ips_verify_report.self)
        for size in [32, 40, 48, 56] {
            room.initializeMemory(as: UInt8.self, repeating: 0xAA)
            base.storeBytes(of: UInt32(size), as: UInt32.self)
            var missing: OpaquePointer?
            try expectOK { ips_store_verify(test.handle, nil, nil, report, nil, &missing, $0) }
            #expect(report.pointee.problems == 0 && report.pointee.blocks == 1)
            #expect(room[size...].allSatisfy { $0 == 0xAA }, "\(size)")
            if size >= 40 { #expect(report.pointee.missing_links == 1) }
            if size >= 48 { #expect(report.pointee.missing_blocks == 1) }
            #expect(room[min(size, 48)..<size].allSatisfy { $0 == 0 })
            var found = ips_cid()
            try expectOK { ips_iter_next_cid(missing, &found, $0) }
            #expect(ips_cid_compare(&found, &absent) == 0)
            #expect(ips_iter_next_cid(missing, &found, nil) == ips_status(IPS_END))
            ips_iter_close(missing)
        }
    }

    @Test func optionsDecideAndAreReadBack() throws {
        let test = try CStore()
        var options = ips_create_options()
        ips_create_options_init(&options, MemoryLayout<ips_create_options>.size)
        options.chunker = UInt32(IPS_CHUNKER_FIXED)
        options.chunk_average = 4096
        options.hash = 0x12
        options.compression = UInt32(IPS_COMPRESSION_NONE)
        let path = test.directory + "/fixed"
        try expectOK { ips_store_create(path, &options, $0) }
        expect(IPS_EXISTS) { ips_store_create(path, &options, $0) }
        var store: OpaquePointer?
        try expectOK { ips_store_open(path, nil, &store, $0) }
        defer { ips_store_close(store) }
        var found = ips_create_options()
        found.struct_size = 56
        try expectOK { ips_store_get_configuration(store, &found, $0) }
        #expect(found.chunker == options.chunker && found.chunk_average == 4096 && found.hash == 0x12)
        #expect(found.compression == UInt32(IPS_COMPRESSION_NONE) && found.node_expected == 128)
        try expectOK { ips_store_create(test.directory + "/twin", &found, $0) }
        var information = ips_store_information()
        information.struct_size = 504
        try expectOK { ips_store_get_information(store, &information, $0) }
        #expect(information.is_read_only == 0)
        withUnsafeBytes(of: &information.identity) { #expect($0.prefix { $0 != 0 }.count == 32) }
    }

    @Test func optionsOutOfRange() throws {
        let test = try CStore()
        func attempt(_ wanted: Int, _ change: (inout ips_create_options) -> Void) {
            var options = ips_create_options()
            ips_create_options_init(&options, 56)
            change(&options)
            expect(wanted) { ips_store_create(test.directory + "/never", &options, $0) }
        }
        attempt(IPS_INVALID) { $0.chunk_average = 1 }
        attempt(IPS_INVALID) { $0.chunk_average = .max }
        attempt(IPS_INVALID) { $0.chunk_minimum = .max }
        attempt(IPS_INVALID) { $0.chunk_maximum = 1 }
        attempt(IPS_INVALID) { $0.chunk_normalization = 4 }
        attempt(IPS_INVALID) { $0.node_minimum = 1 }
        attempt(IPS_INVALID) { $0.node_maximum = .max }
        attempt(IPS_INVALID) { $0.compression_level = 20 }
        attempt(IPS_INVALID) { $0.compression_level = .max }
        attempt(IPS_UNSUPPORTED) { $0.chunker = 2 }
        attempt(IPS_UNSUPPORTED) { $0.layout = 2 }
        attempt(IPS_UNSUPPORTED) { $0.compression = 2 }
        attempt(IPS_UNSUPPORTED) { $0.hash = 0x13 }
        var open = ips_open_options(struct_size: 16, flags: 2, owner: nil)
        var out: OpaquePointer?
        expect(IPS_UNSUPPORTED) { ips_store_open(test.path, &open, &out, $0) }
        #expect(out == nil)
    }
}
