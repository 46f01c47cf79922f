import CIpldStore
import Testing

/// Changes of a tree that is open: each tells how far it is, and what stops it leaves the tree as it was.
extension ProgressTests {
    private typealias Change = (
        OpaquePointer?, ips_progress?, UnsafeMutableRawPointer?, UnsafeMutablePointer<ips_error>
    ) -> ips_status

    /// What a tree has: names, and what is said of them.
    private func content(_ fs: OpaquePointer?) throws -> [String] {
        var entries: OpaquePointer?
        try path("/") { root in
            try expectOK { ips_fs_walk(fs, root, UInt32(IPS_FS_ALL), &entries, $0) }
        }
        defer { ips_iter_close(entries) }
        var (found, room, length, entry) = ([String](), [UInt8](repeating: 0, count: 256), 0, ips_fs_entry())
        while true {
            ips_fs_entry_init(&entry, MemoryLayout<ips_fs_entry>.size)
            var error = ips_error()
            let status = ips_iter_next_entry(entries, &room, room.count, &length, &entry, &error)
            if status == ips_status(IPS_END) { return found }
            try #require(status == ips_status(IPS_OK), "\(error.text)")
            found.append(
                "\(String(decoding: room[..<length], as: UTF8.self)) \(entry.kind) \(entry.mode) "
                    + "\(entry.uid) \(entry.sync) \(entry.size) "
                    + "\(entry.hard_link == 0 ? "alone" : "shared")")
        }
    }

    /// Stops a change of a branch's tree everywhere, each time in a tree that was just opened, and makes it
    /// then: the tree is what it is where nobody stops it. How often it was heard of.
    @discardableResult
    private func stopEverywhere(_ what: String, in branch: String, _ change: Change) throws -> UInt64 {
        func open() throws -> OpaquePointer? {
            var fs: OpaquePointer?
            try expectOK { ips_fs_open_branch(test.handle, branch, &fs, $0) }
            return fs
        }
        let (untouched, changed) = (try open(), try open())
        defer { for fs in [untouched, changed] { ips_fs_close(fs) } }
        let before = try content(untouched)
        try expectOK { change(changed, nil, nil, $0) }
        let after = try content(changed)
        #expect(before != after, "\(what) changes nothing")
        var place: UInt64 = 1
        while true {
            let fs = try open()
            defer { ips_fs_close(fs) }
            var (listener, error) = (Listener(stopAt: place), ips_error())
            let status = change(fs, hear, &listener, &error)
            #expect(!listener.wentBack, "\(what) went back")
            if status == ips_status(IPS_OK) {
                #expect(place > 1 && listener.done > 0, "\(what) was not heard of")
                #expect(try content(fs) == after, "\(what)")
                return listener.heard
            }
            try #require(status == ips_status(IPS_CANCELLED), "\(what) at \(place): \(error.text)")
            #expect(try content(fs) == before, "\(what), stopped at \(place)")
            listener = Listener(stopAt: 1, answer: 77)
            let again = change(fs, hear, &listener, &error)
            // What was read before it was stopped may be there still.
            if again != ips_status(IPS_OK) {
                #expect(again == 77, "\(what) after \(place): \(error.text)")
                try expectOK { change(fs, nil, nil, $0) }
            }
            #expect(try content(fs) == after, "\(what), made after it was stopped at \(place)")
            if place == 1 {
                var cid = ips_cid()
                try expectOK { ips_fs_branch_get(test.handle, branch, &cid, $0) }
                try expectOK { ips_fs_fork(test.handle, &cid, what, $0) }
                try expectOK { ips_fs_commit(fs, what, nil, nil, nil, nil, nil, $0) }
            }
            place += place < 8 ? 1 : place / 3
        }
    }

    private func with<T>(
        _ first: String, _ second: String, _ body: (ips_bytes, ips_bytes) throws -> T
    ) rethrows -> T {
        try path(first) { first in try path(second) { second in try body(first, second) } }
    }

    @Test func changesThatGoThroughNamesStop() throws {
        var (fs, base) = (OpaquePointer?.none, ips_cid())
        try commit("main", names("plain", 300) + names("replica", 300))
        try expectOK { ips_fs_open_branch(test.handle, "main", &fs, $0) }
        try path("replica") { path in
            try expectOK { ips_fs_set_sync(fs, path, Int32(IPS_FS_SYNC_MERKLE_CRDT), true, nil, nil, $0) }
        }
        for number in 0..<120 {
            for name in ["plain/1/name \(number)", "other \(number)"] {
                try with("plain/\(number % 4)/file \(number)", name) { existing, name in
                    try expectOK { ips_fs_link(fs, existing, name, $0) }
                }
            }
        }
        try expectOK { ips_fs_commit(fs, "main", nil, nil, nil, nil, &base, $0) }
        ips_fs_close(fs)
        for branch in ["other", "gone"] { try expectOK { ips_fs_fork(test.handle, &base, branch, $0) } }

        try stopEverywhere("set_sync", in: "main") { (fs, progress, context, error) in
            path("plain") { ips_fs_set_sync(fs, $0, Int32(IPS_FS_SYNC_RAFT), true, progress, context, error) }
        }
        try stopEverywhere("remove", in: "main") { (fs, progress, context, error) in
            path("replica") { ips_fs_remove(fs, $0, true, progress, context, error) }
        }
        try stopEverywhere("rename", in: "main") { (fs, progress, context, error) in
            with("replica", "moved") { ips_fs_rename(fs, $0, $1, progress, context, error) }
        }
        let copied = try stopEverywhere("copy", in: "main") { (fs, progress, context, error) in
            with("plain", "copy") { ips_fs_copy(fs, $0, $1, progress, context, error) }
        }
        #expect(copied > 4)
        // What changes of a file with several names.
        let shared = "other 7"
        try stopEverywhere("set_mode", in: "main") { (fs, progress, context, error) in
            path(shared) { ips_fs_set_mode(fs, $0, 0o600, true, progress, context, error) }
        }
        try stopEverywhere("set_owner", in: "main") { (fs, progress, context, error) in
            path(shared) { ips_fs_set_owner(fs, $0, 7, .max, true, progress, context, error) }
        }
        var cid = try test.put([UInt8](repeating: 7, count: 100_000))
        try stopEverywhere("put_file", in: "main") { (fs, progress, context, error) in
            path(shared) { ips_fs_put_file(fs, $0, &cid, 0o600, progress, context, error) }
        }
        for (what, change) in [
            ("set_time", { ips_fs_set_time($0, $1, 1, 2, true, $2, $3, $4) }),
            ("set_attribute", { ips_fs_set_attribute($0, $1, $1, $1, $2, $3, $4) }),
            ("set_attribute_value", { fs, path, progress, context, error in
                [UInt8]([0x01]).withUnsafeBytes {
                    ips_fs_set_attribute_value(fs, path, path, ips_bytes($0), progress, context, error)
                }
            }),
            ("remove_attribute", { ips_fs_remove_attribute($0, $1, $1, $2, $3, $4) }),
        ] as [(String, (OpaquePointer?, ips_bytes, ips_progress?, UnsafeMutableRawPointer?,
            UnsafeMutablePointer<ips_error>) -> ips_status)]
        {
            var fs: OpaquePointer?
            try expectOK { ips_fs_open_branch(test.handle, "other", &fs, $0) }
            var (listener, error) = (Listener(stopAt: 1), ips_error())
            path(shared) {
                #expect(change(fs, $0, hear, &listener, &error) == ips_status(IPS_CANCELLED), "\(what)")
                var status = change(fs, $0, nil, nil, &error)
                #expect(status == ips_status(IPS_OK), "\(what): \(error.text)")
                status = ips_fs_commit(fs, "other", nil, nil, nil, nil, nil, &error)
                #expect(status == ips_status(IPS_OK), "\(what): \(error.text)")
            }
            ips_fs_close(fs)
        }
        try commit("gone", [], removing: ["replica", "plain"])
        try stopEverywhere("restore", in: "gone") { (fs, progress, context, error) in
            path("replica") { ips_fs_restore(fs, $0, &base, $0, progress, context, error) }
        }
        try test.verify()
    }

    /// A directory by itself says nothing of how much it has.
    @Test func openingADirectoryStops() throws {
        var (fs, directory) = (OpaquePointer?.none, ips_fs_entry())
        try commit("main", (0..<3000).map { "d/\($0) with a name" })
        try expectOK { ips_fs_open_branch(test.handle, "main", &fs, $0) }
        ips_fs_entry_init(&directory, MemoryLayout<ips_fs_entry>.size)
        try path("d") { path in try expectOK { ips_fs_stat(fs, path, true, &directory, $0) } }
        ips_fs_close(fs)
        for place in [1, 2, 9] as [UInt64] {
            var listener = Listener(stopAt: place)
            expect(IPS_CANCELLED) {
                ips_fs_open(test.handle, &directory.cid, hear, &listener, &fs, $0)
            }
            #expect(fs == nil && listener.heard == place && !listener.wentBack)
        }
        var listener = Listener()
        try expectOK { ips_fs_open(test.handle, &directory.cid, hear, &listener, &fs, $0) }
        // Nobody is heard of afterwards, and as much is there as was.
        let heard = listener.heard
        try path("/") { path in try expectOK { ips_fs_stat(fs, path, true, &directory, $0) } }
        #expect(directory.entries == 3000 && heard > 9 && listener.heard == heard)
        ips_fs_close(fs)
    }

    /// A file that was stored with other chunks is stored anew by its first change.
    @Test func aFileThatIsStoredAnewStops() throws {
        let fixed = try CStore()
        fixed.close()
        var options = ips_create_options()
        ips_create_options_init(&options, MemoryLayout<ips_create_options>.size)
        (options.chunker, options.chunk_average) = (UInt32(IPS_CHUNKER_FIXED), 1 << 16)
        let place = fixed.directory + "/fixed"
        var other: OpaquePointer?
        try expectOK { ips_store_create(place, &options, $0) }
        try expectOK { ips_store_open(place, nil, &other, $0) }
        defer { ips_store_close(other) }
        var (bytes, foreign) = (randomBytes(26 << 20, seed: 5), ips_cid())
        try bytes.withUnsafeBytes { bytes in
            try expectOK { ips_store_put_buffer(other, ips_bytes(bytes), &foreign, $0) }
        }
        try expectOK { ips_store_copy(test.handle, other, &foreign, nil, nil, nil, nil, $0) }

        var (fs, file) = (OpaquePointer?.none, OpaquePointer?.none)
        let listener = UnsafeMutablePointer<Listener>.allocate(capacity: 1)
        listener.initialize(to: Listener())
        defer { listener.deallocate() }
        try expectOK { ips_fs_open_branch(test.handle, "main", &fs, $0) }
        defer { ips_fs_close(fs) }
        func now() throws -> ips_cid {
            var entry = ips_fs_entry()
            ips_fs_entry_init(&entry, MemoryLayout<ips_fs_entry>.size)
            try path("disk") { path in try expectOK { ips_fs_stat(fs, path, true, &entry, $0) } }
            return entry.cid
        }
        func isNow(_ cid: ips_cid) throws -> Bool {
            var (cid, found) = (cid, try now())
            return ips_cid_compare(&cid, &found) == 0
        }
        try path("disk") { path in
            try expectOK { ips_fs_put_file(fs, path, &foreign, 0o644, nil, nil, $0) }
            try expectOK { ips_fs_commit(fs, "main", nil, nil, nil, nil, nil, $0) }
            try expectOK { ips_fs_file_open(fs, path, UInt32(IPS_FS_WRITE), 0, hear, listener, &file, $0) }
        }
        func write(_ data: [UInt8], at offset: UInt64) -> ips_status {
            data.withUnsafeBytes { ips_fs_file_write_at(file, offset, ips_bytes($0), nil) }
        }
        #expect(write([1, 2, 3], at: 3_000_000) == ips_status(IPS_OK))
        bytes.replaceSubrange(3_000_000..<3_000_003, with: [1, 2, 3])
        for place in 1...3 {
            listener.pointee = Listener(stopAt: UInt64(place))
            expect(IPS_CANCELLED, "\(place)") { ips_fs_file_commit(file, $0) }
            listener.pointee = Listener(stopAt: 1, answer: 77)
            expect(77, "\(place)") { ips_fs_file_commit(file, $0) }
            #expect(try isNow(foreign))
        }
        // More than is kept is stored while it is written.
        let much = randomBytes(17 << 20, seed: 6)
        listener.pointee = Listener(stopAt: 1)
        #expect(write(much, at: 1 << 20) == ips_status(IPS_CANCELLED))
        listener.pointee = Listener()
        #expect(write(much, at: 1 << 20) == ips_status(IPS_OK))
        #expect(listener.pointee.heard > 0)
        bytes.replaceSubrange((1 << 20)..<((1 << 20) + much.count), with: much)
        #expect(try isNow(foreign))
        listener.pointee = Listener()
        try expectOK { ips_fs_file_commit(file, $0) }
        #expect(!listener.pointee.wentBack)
        expect(IPS_INVALID) { ips_fs_file_commit(file, $0) }
        ips_fs_file_close(file)
        #expect(try isNow(test.put(bytes)))
        try expectOK { ips_fs_commit(fs, "main", nil, nil, nil, nil, nil, $0) }
        try test.verify()
    }

    @Test func forgettingAForkStopsAndGoesOn() throws {
        // A list of links to as many blocks as two steps release, in a layer over them.
        var (batch, cid, node) = (OpaquePointer?.none, ips_cid(), [UInt8]([0x99, 0x13, 0x88]))
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        var (binary, length) = ([UInt8](repeating: 0, count: 84), 0)
        for number in 0..<5000 {
            try withUnsafeBytes(of: number) { bytes in
                try expectOK { ips_batch_put_block(batch, ips_bytes(bytes), 0x55, &cid, $0) }
            }
            try expectOK { ips_batch_hold(batch, &cid, nil, $0) }
            try expectOK { ips_cid_to_bytes(&cid, &binary, 84, &length, $0) }
            node += [0xd8, 0x2a, 0x58, UInt8(length + 1), 0] + binary[..<length]
        }
        try expectOK { ips_batch_commit(batch, $0) }
        ips_batch_free(batch)
        let path = test.directory + "/layer"
        var layer: OpaquePointer?
        try test.path.withCString { base in
            try withUnsafePointer(to: UnsafePointer<CChar>?(base)) { bases in
                try expectOK { ips_store_create_layer(path, bases, 1, nil, $0) }
            }
        }
        try expectOK { ips_store_open(path, nil, &layer, $0) }
        try node.withUnsafeBytes { node in
            try expectOK { ips_store_put_node(layer, ips_bytes(node), &cid, $0) }
        }
        ips_store_close(layer)
        func fork() throws -> ips_fork? {
            var (forks, fork) = (OpaquePointer?.none, ips_fork())
            try expectOK { ips_store_forks(test.handle, &forks, $0) }
            defer { ips_iter_close(forks) }
            return ips_iter_next_fork(forks, &fork, nil) == ips_status(IPS_OK) ? fork : nil
        }
        var found = try #require(try fork())
        #expect(found.holds == 5000)
        let identity = withUnsafeBytes(of: &found.identity) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        var listener = Listener(stopAt: 1)
        expect(IPS_CANCELLED) { ips_store_forget_fork(test.handle, identity, hear, &listener, $0) }
        #expect(listener.done == 4096)
        #expect(try fork()?.holds == 904)
        listener = Listener()
        try expectOK { ips_store_forget_fork(test.handle, identity, hear, &listener, $0) }
        #expect(listener.done == 904)
        #expect(try fork() == nil)
        expect(IPS_NOT_FOUND) { ips_store_forget_fork(test.handle, identity, nil, nil, $0) }
        try test.verify()
    }
}
