import CIpldStore
import Foundation
import Testing

/// Calls about trees that take long: they tell how far they are, and what stops them leaves nothing half
/// done.
@Suite struct ProgressTests {
    let test: CStore

    init() throws { test = try CStore() }

    /// Hears of a call, and stops it the n-th time.
    struct Listener {
        var stopAt = UInt64.max
        var answer = ips_status(IPS_CANCELLED)
        var heard: UInt64 = 0
        var done: UInt64 = 0
        var wentBack = false
    }

    let hear: ips_progress = { context, done in
        guard let listener = context?.assumingMemoryBound(to: Listener.self) else { return -1 }
        if done < listener.pointee.done { listener.pointee.wentBack = true }
        listener.pointee.done = done
        listener.pointee.heard += 1
        return listener.pointee.heard >= listener.pointee.stopAt ? listener.pointee.answer : 0
    }

    typealias Call = (ips_progress?, UnsafeMutableRawPointer, UnsafeMutablePointer<ips_error>) ->
        ips_status

    /// Stops a call at its first word, at its second and so on; `whenStopped` looks at what is left. Then it
    /// runs through. How often it was heard of.
    @discardableResult
    func stopEverywhere(
        _ what: String, _ call: Call, whenStopped: (UInt64) throws -> Void
    ) throws -> UInt64 {
        var place: UInt64 = 1
        while true {
            var listener = Listener(stopAt: place)
            var error = ips_error()
            let status = call(hear, &listener, &error)
            #expect(!listener.wentBack, "\(what) went back")
            if status == ips_status(IPS_OK) {
                #expect(listener.heard < place && place > 1, "\(what) was not heard of")
                #expect(listener.done > 0, "\(what) had done nothing")
                return listener.heard
            }
            try #require(status == ips_status(IPS_CANCELLED), "\(what) at \(place): \(error.text)")
            try whenStopped(place)
            // Other answers are returned as they are.
            for (answer, status) in [(ips_status(77), 77), (-3, IPS_CALLBACK)] where place == 1 {
                var listener = Listener(stopAt: 1, answer: answer)
                expect(status, what) { call(hear, &listener, $0) }
                try whenStopped(place)
            }
            place += 1
        }
    }

    func path<T>(_ text: String, _ body: (ips_bytes) throws -> T) rethrows -> T {
        try Array(text.utf8).withUnsafeBytes { try body(ips_bytes($0)) }
    }

    private func branch(_ name: String) throws -> ips_cid {
        var cid = ips_cid()
        try expectOK { ips_fs_branch_get(test.handle, name, &cid, $0) }
        return cid
    }

    private func isAt(_ name: String, _ cid: ips_cid) -> Bool {
        (try? branch(name)).map { same($0, cid) } ?? false
    }

    private func same(_ a: ips_cid, _ b: ips_cid) -> Bool {
        withUnsafePointer(to: a) { a in withUnsafePointer(to: b) { ips_cid_compare(a, $0) == 0 } }
    }

    private func version(_ cid: ips_cid) throws -> ips_fs_version {
        var (cid, version) = (cid, ips_fs_version())
        version.struct_size = UInt32(MemoryLayout<ips_fs_version>.size)
        try expectOK { ips_fs_version_get(test.handle, &cid, &version, $0) }
        return version
    }

    /// Opens a branch and makes empty files, and links to the first of each directory.
    private func change(_ branch: String, _ names: [String], removing gone: [String] = []) throws
        -> OpaquePointer?
    {
        var fs: OpaquePointer?
        try expectOK { ips_fs_open_branch(test.handle, branch, &fs, $0) }
        for name in names {
            if let slash = name.lastIndex(of: "/") {
                try path(String(name[..<slash])) { above in
                    try expectOK { ips_fs_make_directory(fs, above, 0o755, true, $0) }
                }
            }
            try path(name) { path in
                try expectOK { ips_fs_make_node(fs, path, Int32(IPS_FS_FILE), 0o644, 0, 0, $0) }
                // Times are given, so that the same changes make the same tree.
                try expectOK { ips_fs_set_time(fs, path, 7, 0, true, nil, nil, $0) }
            }
        }
        for name in gone {
            try path(name) { path in try expectOK { ips_fs_remove(fs, path, true, nil, nil, $0) } }
        }
        return fs
    }

    @discardableResult
    func commit(_ branch: String, _ names: [String], removing gone: [String] = []) throws -> ips_cid {
        let fs = try change(branch, names, removing: gone)
        defer { ips_fs_close(fs) }
        var cid = ips_cid()
        try expectOK { ips_fs_commit(fs, branch, branch, nil, nil, nil, &cid, $0) }
        return cid
    }

    func names(_ prefix: String, _ count: Int = 20) -> [String] {
        (0..<count).map { "\(prefix)/\($0 % 4)/file \($0)" }
    }

    @Test func aCommitThatIsStoppedCanBeMadeAgain() throws {
        // Files of three names each, in a directory that takes several blocks.
        let large = (0..<1200).map { "large/\($0) of many" }
        let pairs = stride(from: 0, to: 1200, by: 100).map { (large[$0], "large/\(1199 - $0) too") }
        var (fs, base) = (try change("main", names("a") + names("b") + large + ["first/of/all"]), ips_cid())
        for (number, (existing, new)) in pairs.enumerated() {
            for new in [new, "first/\(number)"] {
                try path(existing) { existing in
                    try path(new) { new in try expectOK { ips_fs_link(fs, existing, new, $0) } }
                }
            }
        }
        try expectOK { ips_fs_commit(fs, "main", nil, nil, nil, nil, &base, $0) }
        ips_fs_close(fs)
        // The first name of each goes, by which a commit numbers the others.
        fs = try change("main", names("a/more"), removing: ["b/1", "a/2/file 2", "first"])
        defer { ips_fs_close(fs) }
        var result = ips_cid()
        try stopEverywhere(
            "commit", { ips_fs_commit(fs, "main", "two", nil, $0, $1, &result, $2) },
            whenStopped: { _ in #expect(isAt("main", base)) })
        #expect(isAt("main", result))
        // Its names of one file are one file.
        func link(_ name: String) throws -> UInt64 {
            var entry = ips_fs_entry()
            entry.struct_size = UInt32(MemoryLayout<ips_fs_entry>.size)
            try path(name) { path in try expectOK { ips_fs_stat(fs, path, false, &entry, $0) } }
            return entry.hard_link
        }
        for (existing, new) in pairs {
            #expect(try link(existing) != 0 && link(existing) == link(new), "\(existing)")
        }
        #expect(try Set(pairs.map { try link($0.0) }).count == pairs.count)
        #expect(try link("a/0/file 4") == 0)
        try test.verify()
    }

    /// Numbering cannot be stopped, so it is asked before.
    @Test func aCommitIsHeardOfBeforeItNumbersHardLinks() throws {
        let fs = try change("main", ["one"])
        defer { ips_fs_close(fs) }
        try path("one") { one in
            try path("two") { two in try expectOK { ips_fs_link(fs, one, two, $0) } }
        }
        // Before the names are gone through, and before they are numbered; nothing is stored by then.
        for place in 1...2 {
            var listener = Listener(stopAt: UInt64(place))
            expect(IPS_CANCELLED) { ips_fs_commit(fs, "main", nil, nil, hear, &listener, nil, $0) }
            #expect(listener.done == 0 && listener.heard == UInt64(place))
        }
        try expectOK { ips_fs_commit(fs, "main", nil, nil, nil, nil, nil, $0) }
        try test.verify()
    }

    @Test func aMergeThatIsStoppedHasChangedNothing() throws {
        var base = try commit("main", names("a") + names("b") + names("c"))
        try expectOK { ips_fs_fork(test.handle, &base, "dev", $0) }
        let ours = try commit("main", names("a/ours"), removing: ["b/1"])
        var theirs = try commit("dev", names("c/theirs") + names("a/ours/0"), removing: ["a/3"])
        var (outcome, merged, conflicts) = (Int32(0), ips_cid(), OpaquePointer?.none)
        let store = test.handle
        let count = try stopEverywhere(
            "merge",
            { ips_fs_merge(store, "main", &theirs, nil, $0, nil, $1, &outcome, &merged, &conflicts, $2) },
            whenStopped: { _ in #expect(conflicts == nil && isAt("main", ours)) })
        ips_iter_close(conflicts)
        #expect(count > 10 && outcome == Int32(IPS_FS_MERGED) && isAt("main", merged))
        #expect(try version(merged).previous_count == 2)

        // A branch that just moves asks for its new history; a merge that is open moves nothing.
        try expectOK { ips_fs_fork(test.handle, &base, "behind", $0) }
        try stopEverywhere(
            "merge", { ips_fs_merge(store, "behind", &theirs, nil, $0, nil, $1, &outcome, nil, nil, $2) },
            whenStopped: { _ in #expect(isAt("behind", base)) })
        #expect(outcome == Int32(IPS_FS_FAST_FORWARD))
        var (left, fs) = (ours, OpaquePointer?.none)
        try stopEverywhere(
            "merge_open", { ips_fs_merge_open(store, &left, &theirs, nil, $0, nil, $1, &fs, nil, $2) },
            whenStopped: { _ in #expect(fs == nil) })
        var again = ips_cid()
        try expectOK { ips_fs_fork(test.handle, &left, "again", $0) }
        try expectOK { ips_fs_commit(fs, "again", nil, nil, nil, nil, &again, $0) }
        ips_fs_close(fs)
        #expect(try same(version(again).tree, version(merged).tree))
        try test.verify()
    }

    @Test func anOverlayAndADifferenceThatAreStoppedMakeNoHandle() throws {
        var base = try commit("base", names("a") + names("b"))
        var layer = try commit("layer", names("a/new") + names("b/0"))
        let store = test.handle
        var fs: OpaquePointer?
        try stopEverywhere(
            "overlay", { ips_fs_overlay(store, &layer, &base, $0, $1, &fs, $2) },
            whenStopped: { _ in #expect(fs == nil) })
        try expectOK { ips_fs_commit(fs, "layered", nil, nil, nil, nil, nil, $0) }
        ips_fs_close(fs)
        var differences: OpaquePointer?
        let renames = UInt32(IPS_FS_RENAMES)
        try stopEverywhere(
            "diff", { ips_fs_diff(store, &base, &layer, renames, $0, $1, &differences, $2) },
            whenStopped: { _ in #expect(differences == nil) })
        ips_iter_close(differences)
    }

    @Test func tombstonesAreDroppedAllOrNone() throws {
        try commit("main", names("a") + names("b"))
        let before = try commit("main", [], removing: ["b"] + names("a"))
        let store = test.handle
        var dropped: UInt64 = 0
        try stopEverywhere(
            "drop_tombstones", { ips_fs_drop_tombstones(store, "main", .max, $0, $1, &dropped, $2) },
            whenStopped: { _ in #expect(isAt("main", before)) })
        #expect(dropped == 21)
    }

    @Test func whatPruningWasStoppedInIsGoneOnWith() throws {
        for number in 0..<12 { try commit("main", ["\(number)"]) }
        let newest = try branch("main")
        let store = test.handle
        var dropped: UInt64 = 0
        func held() throws -> Int {
            var (holds, hold, count) = (OpaquePointer?.none, ips_hold(), 0)
            try expectOK { ips_store_holds(store, "fs/branch/main", &holds, $0) }
            while ips_iter_next_hold(holds, &hold, nil) == ips_status(IPS_OK) { count += 1 }
            ips_iter_close(holds)
            return count
        }
        var counts: [Int] = []
        try stopEverywhere(
            "prune", { ips_fs_prune(store, "main", 3, .max, $0, $1, &dropped, $2) },
            whenStopped: { _ in
                counts.append(try held())
                #expect(isAt("main", newest))
            })
        // Before the one step that these few take there are twelve, and after it three.
        #expect(counts.first == 12 && counts.allSatisfy { $0 == 12 || $0 == 3 } && counts.contains(3))
        #expect(try held() == 3)

        try stopEverywhere(
            "branch_delete", { ips_fs_branch_delete(store, "main", $0, $1, $2) },
            whenStopped: { place in
                // Its name goes with the last of its history; then space is given back, or nothing is left.
                var cid = ips_cid()
                expect(IPS_NOT_FOUND) { ips_fs_branch_get(store, "main", &cid, $0) }
                #expect(try held() == 0)
                try commit("main", ["\(place)"])
            })
        try expectOK { ips_store_gc(store, .max, nil, nil, nil, $0) }
        #expect(try test.stat().blocks == 0)
    }

    @Test func aPathsHistoryThatIsStoppedGoesOn() throws {
        for number in 0..<10 {
            try commit("main", [number % 4 == 0 ? "wanted \(number)" : "other \(number)"])
        }
        try commit("main", ["wanted"])
        for number in 10..<20 { try commit("main", ["other \(number)"]) }
        var (newest, versions) = (try branch("main"), OpaquePointer?.none)
        try path("wanted") { path in
            try withUnsafePointer(to: path) { path in
                try expectOK { ips_fs_history(test.handle, &newest, path, &versions, $0) }
            }
        }
        defer { ips_iter_close(versions) }
        // Each call is stopped once it has looked at one version more.
        var (found, cid, stops) = (0, ips_cid(), 0)
        while true {
            var (listener, error) = (Listener(stopAt: 2), ips_error())
            let status = ips_iter_next_version(versions, &cid, nil, hear, &listener, &error)
            if status == ips_status(IPS_END) { break }
            if status == ips_status(IPS_OK) {
                found += 1
            } else {
                try #require(status == ips_status(IPS_CANCELLED), "\(error.text)")
                stops += 1
                #expect(listener.done == UInt64(stops + found))
            }
        }
        #expect(found == 1 && stops > 10)
    }

    /// The file is stored several times, each time from its start on.
    @Test func aWriteOfMuchNeverGoesBack() throws {
        let (bytes, place) = (randomBytes(40 << 20, seed: 9), test.directory + "/fixed")
        var (options, fixed, cid) = (ips_create_options(), OpaquePointer?.none, ips_cid())
        ips_create_options_init(&options, MemoryLayout<ips_create_options>.size)
        options.chunker = UInt32(IPS_CHUNKER_FIXED)
        try expectOK { ips_store_create(place, &options, $0) }
        try expectOK { ips_store_open(place, nil, &fixed, $0) }
        defer { ips_store_close(fixed) }
        try bytes.withUnsafeBytes { bytes in
            try expectOK { ips_store_put_buffer(fixed, ips_bytes(bytes), &cid, $0) }
        }
        try expectOK { ips_store_copy(test.handle, fixed, &cid, nil, nil, nil, nil, $0) }
        try writing(to: cid) { (writer, listener) in
            try bytes[1...(33 << 20)].withUnsafeBytes { bytes in
                try expectOK { ips_writer_write_at(writer, 0, ips_bytes(bytes), $0) }
            }
            #expect(listener.pointee.heard > 10 && !listener.pointee.wentBack)
            listener.pointee = Listener()
            try expectOK { ips_writer_commit(writer, &cid, $0) }
            #expect(!listener.pointee.wentBack)
        }
        #expect(try same(cid, test.put(Array(bytes[1...(33 << 20)] + bytes[(33 << 20)...]))))
    }

    @Test func anAppendThatIsStoppedHasAppendedNothing() throws {
        let bytes = randomBytes(40 << 20, seed: 10)
        var (cid, size) = (ips_cid(), UInt64(0))
        try writing(to: nil) { (writer, listener) in
            try bytes[..<3].withUnsafeBytes { bytes in
                try expectOK { ips_writer_append(writer, ips_bytes(bytes), $0) }
            }
            try bytes[3...].withUnsafeBytes { bytes in
                // Stopped while the first part is stored, and while the second is.
                for place in [1, 3, 6] {
                    listener.pointee = Listener(stopAt: UInt64(place))
                    expect(IPS_CANCELLED) { ips_writer_append(writer, ips_bytes(bytes), $0) }
                    try expectOK { ips_writer_size(writer, &size, $0) }
                    #expect(size == 3)
                }
                listener.pointee = Listener()
                try expectOK { ips_writer_append(writer, ips_bytes(bytes), $0) }
            }
            try expectOK { ips_writer_commit(writer, &cid, $0) }
        }
        #expect(try same(cid, test.put(bytes)))
    }

    /// Opens a writer that is listened to.
    private func writing(
        to cid: ips_cid?, _ body: (OpaquePointer?, UnsafeMutablePointer<Listener>) throws -> Void
    ) throws {
        let listener = UnsafeMutablePointer<Listener>.allocate(capacity: 1)
        listener.initialize(to: Listener())
        defer { listener.deallocate() }
        var writer: OpaquePointer?
        if var cid {
            try expectOK { ips_writer_open(test.handle, &cid, hear, listener, &writer, $0) }
        } else {
            try expectOK { ips_writer_open(test.handle, nil, hear, listener, &writer, $0) }
        }
        defer { ips_writer_close(writer) }
        try body(writer, listener)
    }

    @Test func removingADirectoryOfTheHostStops() throws {
        let directory = test.directory + "/host"
        for name in names("a", 9) {
            let path = directory + "/" + name
            let above = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
            try FileManager.default.createDirectory(atPath: above, withIntermediateDirectories: true)
            try #require(FileManager.default.createFile(atPath: path, contents: nil))
        }
        func count() -> Int { (try? FileManager.default.subpathsOfDirectory(atPath: directory).count) ?? 0 }
        #expect(count() == 14)
        var listener = Listener(stopAt: 5)
        expect(IPS_CANCELLED) { ips_fs_remove_directory(directory, hear, nil, &listener, $0) }
        #expect(count() == 9)
        listener = Listener()
        try expectOK { ips_fs_remove_directory(directory, hear, nil, &listener, $0) }
        #expect(listener.done == 9 && !FileManager.default.fileExists(atPath: directory))
    }

    /// As `rm -r` does: it would be something else than what the path names that goes.
    @Test func aPathThatEndsInStepsIsNotRemoved() throws {
        let directory = test.directory + "/host"
        try FileManager.default.createDirectory(
            atPath: directory + "/inner", withIntermediateDirectories: true)
        for end in ["/.", "/inner/..", "/./", "/inner/..//", "/inner/."] {
            expect(IPS_INVALID, end) { ips_fs_remove_directory(directory + end, nil, nil, nil, $0) }
        }
        #expect(FileManager.default.fileExists(atPath: directory + "/inner"))
        try expectOK { ips_fs_remove_directory(directory + "/inner/", nil, nil, nil, $0) }
        try expectOK { ips_fs_remove_directory(directory, nil, nil, nil, $0) }
    }
}
