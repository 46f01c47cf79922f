import CIpldStore
import Testing

/// Roots, holds and iterators over more than one page of them.
@Suite struct NameTests {
    @Test func manyRootsAndHolds() throws {
        let test = try CStore()
        var cid = try test.put([1])
        var batch: OpaquePointer?
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        for number in 0..<700 {
            try expectOK { ips_batch_set_root(batch, "root/\(1000 + number)", &cid, $0) }
            try expectOK { ips_batch_hold(batch, &cid, "owner/\(1000 + number)", $0) }
        }
        try expectOK { ips_batch_commit(batch, $0) }
        ips_batch_free(batch)

        #expect(try names(test.handle, from: nil) == (1000..<1700).map { "root/\($0)" })
        #expect(try names(test.handle, from: "root/1698").count == 2)
        #expect(try names(test.handle, from: "s").isEmpty)
        #expect(try owners(test.handle, nil).count == 701)
        #expect(try owners(test.handle, "owner/1500") == ["owner/1500"])
        #expect(try owners(test.handle, "owner") == [])
        try test.verify()
    }

    private func names(_ store: OpaquePointer?, from start: String?) throws -> [String] {
        var iterator: OpaquePointer?
        try expectOK { ips_root_list(store, start, &iterator, $0) }
        defer { ips_iter_close(iterator) }
        var names: [String] = []
        var root = ips_root()
        while ips_iter_next_root(iterator, &root, nil) == IPS_OK {
            names.append(withUnsafeBytes(of: &root.name) { textToNUL($0) })
        }
        return names
    }

    private func owners(_ store: OpaquePointer?, _ owner: String?) throws -> [String] {
        var iterator: OpaquePointer?
        try expectOK { ips_store_holds(store, owner, &iterator, $0) }
        defer { ips_iter_close(iterator) }
        var owners: [String] = []
        var hold = ips_hold()
        while ips_iter_next_hold(iterator, &hold, nil) == IPS_OK {
            owners.append(withUnsafeBytes(of: &hold.owner) { textToNUL($0) })
        }
        return owners
    }

    @Test func namesThatExpect() throws {
        let test = try CStore()
        var one = try test.put([1])
        var two = try test.put([2])
        var found = ips_cid()
        try expectOK { ips_root_swap(test.handle, "a", nil, &one, $0) }
        expect(IPS_CONFLICT) { ips_root_swap(test.handle, "a", nil, &two, $0) }
        expect(IPS_CONFLICT) { ips_root_swap(test.handle, "a", &two, &two, $0) }
        expect(IPS_CONFLICT) { ips_root_delete(test.handle, "a", &two, 0, nil, $0) }
        try expectOK { ips_root_get(test.handle, "a", &found, $0) }
        #expect(ips_cid_compare(&found, &one) == 0)
        try expectOK { ips_root_swap(test.handle, "a", &one, &two, $0) }
        try expectOK { ips_root_delete(test.handle, "a", &two, .max - 2, nil, $0) }
        expect(IPS_NOT_FOUND) { ips_root_delete(test.handle, "a", nil, 0, nil, $0) }
        expect(IPS_NOT_FOUND) { ips_root_get(test.handle, "a", &found, $0) }
        expect(IPS_NOT_FOUND) { ips_store_dereference(test.handle, &one, "nobody", 0, nil, $0) }
        var absent = one
        absent.digest.0 ^= 1
        expect(IPS_NOT_FOUND) { ips_root_set(test.handle, "a", &absent, $0) }
        expect(IPS_NOT_FOUND) { ips_store_retain(test.handle, &absent, nil, $0) }
    }

    /// Two spellings of one text are two owners, as they are two sequences of bytes.
    @Test func ownersAreBytes() throws {
        let test = try CStore()
        var cid = try test.put([1])
        try expectOK { ips_store_retain(test.handle, &cid, "\u{e9}", $0) }
        expect(IPS_NOT_FOUND) { ips_store_dereference(test.handle, &cid, "e\u{301}", 0, nil, $0) }
        #expect(try owners(test.handle, "e\u{301}").isEmpty)
        #expect(try owners(test.handle, "\u{e9}").count == 1)
    }

    @Test func usageIsStoppedByItsProgress() throws {
        let test = try CStore()
        var usage = ips_usage()
        usage.struct_size = 40
        let stop: ips_progress = { (_, blocks) in blocks == 1 ? ips_status(IPS_CANCELLED) : 0 }
        var cid = try test.put([1])
        var batch: OpaquePointer?
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        try expectOK { ips_batch_set_root(batch, "name", &cid, $0) }
        try expectOK { ips_batch_commit(batch, $0) }
        ips_batch_free(batch)
        try expectOK { ips_store_dereference(test.handle, &cid, nil, 0, nil, $0) }
        try "name".withCString { name in
            var names: [UnsafePointer<CChar>?] = [name]
            expect(IPS_CANCELLED) { ips_store_usage(test.handle, &names, 1, stop, nil, &usage, $0) }
            try expectOK { ips_store_usage(test.handle, &names, 1, nil, nil, &usage, $0) }
        }
        #expect(usage.exclusive_blocks == 1)
        // Nothing is dead, so nothing is heard.
        try expectOK { ips_store_gc_dry_run(test.handle, stop, nil, &usage, $0) }
    }

    @Test func usageOfWhatIsNotThere() throws {
        let test = try CStore()
        var usage = ips_usage()
        usage.struct_size = 40
        try expectOK { ips_store_usage(test.handle, nil, 0, nil, nil, &usage, $0) }
        "none".withCString { name in
            var names: [UnsafePointer<CChar>?] = [name, nil]
            expect(IPS_NOT_FOUND) { ips_store_usage(test.handle, &names, 1, nil, nil, &usage, $0) }
            expect(IPS_INVALID) { ips_store_usage(test.handle, &names, 2, nil, nil, &usage, $0) }
            expect(IPS_INVALID) { ips_store_usage(test.handle, &names, -1, nil, nil, &usage, $0) }
            expect(IPS_INVALID) { ips_store_usage(test.handle, &names, .max, nil, nil, &usage, $0) }
        }
    }
}
