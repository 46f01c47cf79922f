import CIpldStore
import Testing

/// Files of trees that come by CID.
@Suite struct TreeFileTests {
    private let test: CStore

    init() throws { test = try CStore() }

    private func path<T>(_ text: String, _ body: (ips_bytes) throws -> T) rethrows -> T {
        try Array(text.utf8).withUnsafeBytes { try body(ips_bytes($0)) }
    }

    private func open(_ branch: String) throws -> OpaquePointer? {
        var fs: OpaquePointer?
        try expectOK { ips_fs_open_branch(test.handle, branch, &fs, $0) }
        return fs
    }

    @discardableResult
    private func commit(_ fs: OpaquePointer?, _ branch: String = "main") throws -> ips_cid {
        var cid = ips_cid()
        try expectOK { ips_fs_commit(fs, branch, nil, nil, nil, nil, &cid, $0) }
        return cid
    }

    private func put(_ fs: OpaquePointer?, _ name: String, _ cid: ips_cid, mode: UInt32 = 0o644) throws {
        var cid = cid
        try path(name) { path in try expectOK { ips_fs_put_file(fs, path, &cid, mode, nil, nil, $0) } }
    }

    private func refused(_ fs: OpaquePointer?, _ name: String, _ cid: ips_cid, _ status: Int) {
        var cid = cid
        path(name) { path in
            expect(status, name) { ips_fs_put_file(fs, path, &cid, 0o644, nil, nil, $0) }
        }
    }

    private func entry(_ fs: OpaquePointer?, _ name: String) throws -> ips_fs_entry {
        var entry = ips_fs_entry()
        ips_fs_entry_init(&entry, MemoryLayout<ips_fs_entry>.size)
        try path(name) { path in try expectOK { ips_fs_stat(fs, path, false, &entry, $0) } }
        return entry
    }

    private func read(_ fs: OpaquePointer?, _ name: String) throws -> [UInt8] {
        var (file, size, got) = (OpaquePointer?.none, UInt64(0), 0)
        try path(name) { path in
            try expectOK { ips_fs_file_open(fs, path, UInt32(IPS_FS_READ), 0, nil, nil, &file, $0) }
        }
        defer { ips_fs_file_close(file) }
        try expectOK { ips_fs_file_size(file, &size, $0) }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        try expectOK { ips_fs_file_read_at(file, 0, &bytes, bytes.count, &got, $0) }
        #expect(got == bytes.count)
        return bytes
    }

    private func same(_ a: ips_cid, _ b: ips_cid) -> Bool {
        withUnsafePointer(to: a) { a in withUnsafePointer(to: b) { ips_cid_compare(a, $0) == 0 } }
    }

    /// It is the file that writing the bytes makes, of any length and in every sync type.
    @Test func whatIsPutIsWhatWritingGives() throws {
        let fs = try open("main")
        defer { ips_fs_close(fs) }
        for (number, sync) in [IPS_FS_SYNC_DEFAULT, IPS_FS_SYNC_RAFT, IPS_FS_SYNC_MERKLE_CRDT].enumerated() {
            try path("\(number)") { path in
                try expectOK { ips_fs_make_directory(fs, path, 0o755, false, $0) }
                try expectOK { ips_fs_set_sync(fs, path, Int32(sync), false, nil, nil, $0) }
            }
            for length in [0, 1, 512, 513, 70_000, 3_000_000] {
                let (bytes, name) = (randomBytes(length, seed: UInt64(length)), "\(number)/\(length)")
                let cid = try test.put(bytes)
                try put(fs, name, cid, mode: 0o751)
                let found = try entry(fs, name)
                #expect(found.kind == Int32(IPS_FS_FILE) && found.mode == 0o751)
                #expect(found.size == UInt64(length) && found.sync == Int32(sync))
                #expect((found.has_cid == 1) == (length > 512))
                if length > 512 { #expect(same(found.cid, cid)) }
                #expect(try read(fs, name) == bytes)
                // In the place of what is there, too: its metadata stays.
                try put(fs, name, try test.put([1, 2, 3]), mode: 0o600)
                #expect(try entry(fs, name).mode == 0o751 && read(fs, name) == [1, 2, 3])
                try put(fs, name, cid)
                #expect(try read(fs, name) == bytes)
            }
        }
        try commit(fs)
        for length in [513, 3_000_000] {
            let found = try entry(fs, "2/\(length)")
            #expect(try test.get(found.cid) == randomBytes(length, seed: UInt64(length)))
        }
        try test.verify()
    }

    @Test func namesThatShareAFileAndLinksToItHaveTheNewContent() throws {
        var fs = try open("main")
        let (first, second) = (randomBytes(5000, seed: 1), randomBytes(6000, seed: 2))
        try put(fs, "one", try test.put(first))
        try path("one") { one in
            try path("two") { two in try expectOK { ips_fs_link(fs, one, two, $0) } }
            try path("link") { link in try expectOK { ips_fs_make_symlink(fs, link, one, $0) } }
        }
        try path("new") { new in
            try path("to new") { link in try expectOK { ips_fs_make_symlink(fs, link, new, $0) } }
        }
        try commit(fs)
        try put(fs, "link", try test.put(second))
        #expect(try read(fs, "one") == second && read(fs, "two") == second)
        #expect(try entry(fs, "one").hard_link == entry(fs, "two").hard_link)
        #expect(try entry(fs, "link").kind == Int32(IPS_FS_SYMLINK))
        // As a file is made where a link leads.
        try put(fs, "to new", try test.put(first), mode: 0o600)
        #expect(try read(fs, "new") == first && entry(fs, "new").mode == 0o600)
        // What is written to a file of this tree is put under another name before it is committed.
        var file: OpaquePointer?
        try path("one") { path in
            try expectOK { ips_fs_file_open(fs, path, UInt32(IPS_FS_WRITE), 0, nil, nil, &file, $0) }
        }
        try first.withUnsafeBytes { bytes in
            try expectOK { ips_fs_file_write_at(file, 100_000, ips_bytes(bytes), $0) }
        }
        try expectOK { ips_fs_file_commit(file, $0) }
        ips_fs_file_close(file)
        let staged = try entry(fs, "one").cid
        try put(fs, "again", staged)
        #expect(try read(fs, "again") == read(fs, "two") && read(fs, "again").count == 105_000)
        try commit(fs)
        ips_fs_close(fs)
        fs = try open("main")
        #expect(try read(fs, "again") == test.get(staged))
        ips_fs_close(fs)
        try test.verify()
    }

    @Test func whatIsNoFileOrNotHereIsRefused() throws {
        let fs = try open("main")
        defer { ips_fs_close(fs) }
        try put(fs, "d", try test.put(randomBytes(2000, seed: 3)))
        try path("directory/within") { path in
            try expectOK { ips_fs_make_directory(fs, path, 0o755, true, $0) }
        }
        let version = try commit(fs)
        var (information, mutable) = (ips_fs_version(), version)
        ips_fs_version_init(&information, MemoryLayout<ips_fs_version>.size)
        try expectOK { ips_fs_version_get(test.handle, &mutable, &information, $0) }
        refused(fs, "x", version, IPS_INVALID)
        refused(fs, "x", information.tree, IPS_INVALID)
        refused(fs, "x", try entry(fs, "directory").cid, IPS_INVALID)
        refused(fs, "x", try test.put(dagCBOR: [0xa1, 0x61, 0x61, 1]), IPS_INVALID)
        refused(fs, "x", ips_cid(), IPS_INVALID)
        var absent = ips_cid()
        try randomBytes(600, seed: 4).withUnsafeBytes { bytes in
            try expectOK { ips_cid_of_block(ips_bytes(bytes), 0x55, 0x1e, &absent, $0) }
        }
        refused(fs, "x", absent, IPS_NOT_FOUND)
        var other = ips_cid()
        try [UInt8]([1, 2]).withUnsafeBytes { bytes in
            try expectOK { ips_store_put_block(test.handle, ips_bytes(bytes), 0x70, &other, $0) }
        }
        refused(fs, "x", other, IPS_UNSUPPORTED)
        let file = try test.put(randomBytes(1000, seed: 5))
        refused(fs, "directory", file, IPS_INVALID)
        refused(fs, "directory/no/x", file, IPS_NOT_FOUND)
        refused(fs, "d/x", file, IPS_INVALID)
        refused(fs, "", file, IPS_INVALID)
        var cid = file
        path("x") { path in
            expect(IPS_INVALID) { ips_fs_put_file(fs, path, &cid, 0o10000, nil, nil, $0) }
            expect(IPS_INVALID) { ips_fs_put_file(fs, path, nil, 0, nil, nil, $0) }
            // A CID that is its bytes is a file as others are.
            var identity = ips_cid()
            (identity.codec, identity.version, identity.digest_length) = (0x55, 1, 5)
            withUnsafeMutableBytes(of: &identity.digest) { $0.copyBytes(from: Array("hello".utf8)) }
            expectNoError { ips_fs_put_file(fs, path, &identity, 0, nil, nil, $0) }
        }
        #expect(try read(fs, "x") == Array("hello".utf8))
        try commit(fs)
        try test.verify()
    }

    /// Nobody has to hold what a tree was given; what nothing keeps before that may not be relied on.
    @Test func theTreeKeepsWhatItNames() throws {
        let fs = try open("main")
        let bytes = randomBytes(2_000_000, seed: 6)
        var cid = try test.put(bytes)
        try put(fs, "kept", cid)
        try expectOK { ips_store_dereference(test.handle, &cid, nil, .max, nil, $0) }
        try expectOK { ips_store_gc(test.handle, .max, nil, nil, nil, $0) }
        try commit(fs)
        ips_fs_close(fs)
        try expectOK { ips_store_gc(test.handle, .max, nil, nil, nil, $0) }
        #expect(try test.get(cid) == bytes)
        try test.verify()

        var dead = try test.put(randomBytes(900_000, seed: 7))
        try expectOK { ips_store_dereference(test.handle, &dead, nil, 0, nil, $0) }
        let later = try open("main")
        refused(later, "dead", dead, IPS_NOT_FOUND)
        ips_fs_close(later)
    }

    @Test func aLayerTakesTheFilesOfItsBases() throws {
        let bytes = randomBytes(1_500_000, seed: 8)
        var cid = try test.put(bytes)
        let place = test.directory + "/layer"
        var (layer, fs) = (OpaquePointer?.none, OpaquePointer?.none)
        try test.path.withCString { base in
            try withUnsafePointer(to: UnsafePointer<CChar>?(base)) { bases in
                try expectOK { ips_store_create_layer(place, bases, 1, nil, $0) }
            }
        }
        try expectOK { ips_store_open(place, nil, &layer, $0) }
        defer { ips_store_close(layer) }
        try expectOK { ips_fs_open_branch(layer, "main", &fs, $0) }
        try put(fs, "borrowed", cid)
        try commit(fs)
        ips_fs_close(fs)
        // Its base holds it for the layer.
        try expectOK { ips_store_dereference(test.handle, &cid, nil, .max, nil, $0) }
        try expectOK { ips_store_gc(test.handle, .max, nil, nil, nil, $0) }
        try expectOK { ips_fs_open_branch(layer, "main", &fs, $0) }
        #expect(try read(fs, "borrowed") == bytes)
        ips_fs_close(fs)
        var report = ips_verify_report()
        ips_verify_report_init(&report, MemoryLayout<ips_verify_report>.size)
        try expectOK { ips_store_verify(layer, nil, nil, &report, nil, nil, $0) }
        #expect(report.problems == 0)
    }
}

/// As `expectOK`, where nothing is thrown.
private func expectNoError(_ call: (UnsafeMutablePointer<ips_error>) -> ips_status) {
    var error = ips_error()
    #expect(call(&error) == ips_status(IPS_OK), "\(error.text)")
}
