import CIpldStore
import Foundation
import TestSupport
import Testing

@testable import CAPI
@testable import IpldEngine

/// Trees from C: what examples/fs.c does not show; and arguments that make no sense.
@Suite struct FileSystemTests {
    private let test: CStore

    init() throws { test = try CStore() }

    private func path<T>(_ text: String, _ body: (ips_bytes) throws -> T) rethrows -> T {
        try Array(text.utf8).withUnsafeBytes { try body(ips_bytes($0)) }
    }

    private func openBranch(_ name: String) throws -> OpaquePointer? {
        var fs: OpaquePointer?
        try expectOK { ips_fs_open_branch(test.handle, name, &fs, $0) }
        return fs
    }

    @Test func whatDoesNotFitStaysTheNextOne() throws {
        let fs = try openBranch("main")
        defer { ips_fs_close(fs) }
        try path("a long name") { name in
            try expectOK { ips_fs_make_node(fs, name, Int32(IPS_FS_FILE), 0o600, 0, 0, $0) }
        }
        var iterator: OpaquePointer?
        try path("/") { root in
            try expectOK { ips_fs_list(fs, root, ips_bytes(), 0, &iterator, $0) }
        }
        defer { ips_iter_close(iterator) }
        var room = [UInt8](repeating: 0, count: 64)
        var length = 0
        var error = ips_error()
        #expect(
            ips_iter_next_entry(iterator, &room, 3, &length, nil, &error) == ips_status(IPS_BUFFER_TOO_SMALL))
        #expect(length == 11)
        try expectOK { ips_iter_next_entry(iterator, &room, 64, &length, nil, $0) }
        #expect(room.prefix(length).elementsEqual("a long name".utf8))
        #expect(ips_iter_next_entry(iterator, &room, 64, &length, nil, &error) == ips_status(IPS_END))
        var cid = ips_cid()
        #expect(ips_iter_next_cid(iterator, &cid, &error) == ips_status(IPS_INVALID))
    }

    @Test func whatIsOpenEndsWithItsTree() throws {
        let fs = try openBranch("main")
        var file: OpaquePointer?
        try path("f") { name in
            let flags = UInt32(IPS_FS_WRITE | IPS_FS_CREATE)
            try expectOK { ips_fs_file_open(fs, name, flags, 0o644, nil, nil, &file, $0) }
        }
        var error = ips_error()
        #expect(ips_fs_commit(fs, "main", nil, nil, nil, nil, nil, &error) == ips_status(IPS_BUSY))
        ips_fs_close(fs)
        // The file was not closed: its handle is good, the tree is not.
        #expect(ips_fs_file_commit(file, &error) != ips_status(IPS_OK))
        ips_fs_file_close(file)
        ips_fs_file_close(file)
        #expect(ips_fs_commit(fs, "main", nil, nil, nil, nil, nil, &error) == ips_status(IPS_INVALID))
    }

    @Test func aFileThatIsClosedWhileTheTreeIsInUseIsGivenUp() throws {
        let fs = try openBranch("main")
        defer { ips_fs_close(fs) }
        var file: OpaquePointer?
        try path("f") { name in
            let flags = UInt32(IPS_FS_WRITE | IPS_FS_CREATE)
            try expectOK { ips_fs_file_open(fs, name, flags, 0o644, nil, nil, &file, $0) }
        }
        try path("x") { one in try expectOK { ips_fs_file_write_at(file, 0, one, $0) } }
        // What another thread's call would see.
        try fileSystemObject(fs).exclusively { (_) in
            ips_fs_file_close(file)
            expect(IPS_BUSY) { ips_fs_commit(fs, "main", nil, nil, nil, nil, nil, $0) }
        }
        try expectOK { ips_fs_commit(fs, "main", nil, nil, nil, nil, nil, $0) }
        var entry = ips_fs_entry()
        entry.struct_size = UInt32(MemoryLayout<ips_fs_entry>.size)
        try path("f") { name in try expectOK { ips_fs_stat(fs, name, false, &entry, $0) } }
        #expect(entry.size == 0)
        expect(IPS_INVALID) { ips_fs_file_commit(file, $0) }
    }

    @Test func whatIsReservedIsZero() throws {
        var (version, out) = (ips_cid(), OpaquePointer?.none)
        let fs = try openBranch("main")
        defer { ips_fs_close(fs) }
        try expectOK { ips_fs_commit(fs, "main", nil, nil, nil, nil, &version, $0) }
        var merge = ips_fs_merge_options()
        ips_fs_merge_options_init(&merge, MemoryLayout<ips_fs_merge_options>.size)
        try expectOK {
            ips_fs_merge(test.handle, "main", &version, &merge, nil, nil, nil, nil, nil, nil, $0)
        }
        merge.reserved = 1
        expect(IPS_INVALID) {
            ips_fs_merge(test.handle, "main", &version, &merge, nil, nil, nil, nil, nil, nil, $0)
        }
        expect(IPS_INVALID) {
            ips_fs_merge_open(test.handle, &version, &version, &merge, nil, nil, nil, &out, nil, $0)
        }
        var export = ips_fs_export_options()
        ips_fs_export_options_init(&export, MemoryLayout<ips_fs_export_options>.size)
        export.reserved = 1
        let target = test.directory + "/out"
        expect(IPS_INVALID) {
            ips_fs_export(
                test.handle, &version, ips_bytes(), target, &export, nil, nil, nil, nil, $0)
        }
        #expect(!FileManager.default.fileExists(atPath: target))
        var node = try test.put(dagCBOR: [0xa0])
        try path("k") { key in
            try [UInt8]([1]).withUnsafeBytes { value in
                var change = ips_node_change()
                (change.kind, change.key, change.values) = (UInt32(IPS_NODE_SET), key, ips_bytes(value))
                var edited = ips_cid()
                try expectOK { ips_store_edit_node(test.handle, &node, "", &change, 1, &edited, $0) }
                change.reserved = 1
                expect(IPS_INVALID) { ips_store_edit_node(test.handle, &node, "", &change, 1, &edited, $0) }
            }
        }
    }

    @Test func whoeverLosesTheRaceHasAVersionToMerge() throws {
        let (one, two) = (try openBranch("main"), try openBranch("main"))
        defer {
            ips_fs_close(one)
            ips_fs_close(two)
        }
        for (fs, name) in [(one, "one"), (two, "two")] {
            try path(name) { path in try expectOK { ips_fs_make_directory(fs, path, 0o755, false, $0) } }
        }
        var (first, second, error) = (ips_cid(), ips_cid(), ips_error())
        try expectOK { ips_fs_commit(one, "main", nil, nil, nil, nil, &first, $0) }
        #expect(ips_fs_commit(two, "main", nil, nil, nil, nil, &second, &error) == ips_status(IPS_CONFLICT))
        var (outcome, merged) = (Int32(0), ips_cid())
        try expectOK {
            ips_fs_merge(test.handle, "main", &second, nil, nil, nil, nil, &outcome, &merged, nil, $0)
        }
        #expect(outcome == Int32(IPS_FS_MERGED))
        var version = ips_fs_version()
        version.struct_size = UInt32(MemoryLayout<ips_fs_version>.size)
        try expectOK { ips_fs_version_get(test.handle, &merged, &version, $0) }
        #expect(version.previous_count == 2 && version.generation == 2)
    }

    /// Where nothing new was stored, no version is given for one that was.
    @Test func aConflictWithoutANewVersionGivesNone() throws {
        func commit(_ fs: OpaquePointer?, _ status: Int) -> ips_cid {
            var (version, error) = (ips_cid(), ips_error())
            version.digest_length = 9
            #expect(
                ips_fs_commit(fs, "main", nil, nil, nil, nil, &version, &error) == ips_status(status),
                "\(error.text)")
            return version
        }
        func makeDirectory(_ fs: OpaquePointer?, _ name: String) throws {
            try path(name) { path in try expectOK { ips_fs_make_directory(fs, path, 0o755, false, $0) } }
        }
        let first = try openBranch("main")
        try makeDirectory(first, "first")
        #expect(commit(first, IPS_OK).digest_length == 32)
        let (unchanged, refused) = (try openBranch("main"), try openBranch("main"))
        defer { for fs in [first, unchanged, refused] { ips_fs_close(fs) } }
        try makeDirectory(first, "second")
        #expect(commit(first, IPS_OK).digest_length == 32)
        // It has nothing to commit, and the branch is elsewhere.
        #expect(commit(unchanged, IPS_CONFLICT).digest_length == 0)
        // Its batch is refused, for another root.
        try makeDirectory(refused, "third")
        var node = try test.put([1])
        try expectOK { ips_root_set(test.handle, "taken", &node, $0) }
        try withFileSystem(refused) { (workspace) throws(StoreError) in
            try workspace.batch().setRoot("taken", to: nil, expecting: .absent)
        }
        #expect(commit(refused, IPS_CONFLICT).digest_length == 0)
    }

    /// Random calls with random arguments: a status whatever comes, and a store that is well. (Copies of
    /// copies soon are trees of more names than could ever be gone through; so there are few.)
    @Test(arguments: 0..<4) func randomCallsNeverTrap(seed: Int) throws {
        var generator = SplitMix(state: UInt64(seed) &+ 77)
        var handles: [OpaquePointer?] = [
            nil, test.handle, OpaquePointer(bitPattern: 8), try openBranch("main"),
        ]
        var cids = [ips_cid(), try test.put([1, 2, 3]), try test.put(dagCBOR: [0xa0])]
        let names: [String?] = [nil, "", "main", "dev", "a:b", String(repeating: "n", count: 300)]
        let paths = ["", "/", "a", "a/b", "../a", "x\u{0}", "link", String(repeating: "d/", count: 3000)]
        func any<T>(_ list: [T]) -> T { list[Int(generator.next() % UInt64(list.count))] }
        var copies = 0
        for _ in 0..<1500 {
            var (error, cid, other, result) = (ips_error(), any(cids), any(cids), ips_cid())
            var (out, length, count, kind) = (OpaquePointer?.none, 0, UInt64(0), Int32(0))
            var (entry, version) = (ips_fs_entry(), ips_fs_version())
            entry.struct_size = any([0, UInt32(MemoryLayout<ips_fs_entry>.size), 4000, .max])
            version.struct_size = any([0, UInt32(MemoryLayout<ips_fs_version>.size)])
            if entry.struct_size == 4000 { entry.struct_size = 168 }
            let (handle, name) = (any(handles), any(names))
            var room = [UInt8](repeating: 1, count: 64)
            let capacity = any([0, 1, 64])
            let numbers = [UInt32(0), 1, 0o644, .max]
            let (number, flag) = (any(numbers), any([true, false]))
            let choice = generator.next() % 44
            let signed = Int32(truncatingIfNeeded: generator.next() % 11) - 1
            path(any(paths)) { first in
                path(any(paths)) { second in
                    var given = first
                    var status: ips_status = 0
                    switch choice {
                    case 0:
                        status = withUnsafePointer(to: &cid) {
                            ips_fs_open(handle, flag ? $0 : nil, nil, nil, &out, &error)
                        }
                    case 1: status = ips_fs_open_branch(handle, name, &out, &error)
                    case 2: status = ips_fs_commit(handle, name, name, nil, nil, nil, &result, &error)
                    case 3: status = ips_fs_stat(handle, first, flag, &entry, &error)
                    case 4: status = ips_fs_list(handle, first, second, number, &out, &error)
                    case 5: status = ips_fs_walk(handle, first, number, &out, &error)
                    case 6: status = ips_iter_next_entry(handle, &room, capacity, &length, &entry, &error)
                    case 7: status = ips_fs_read_link(handle, first, &room, capacity, &length, &error)
                    case 8, 9: status = ips_fs_make_directory(handle, first, number, flag, &error)
                    case 10: status = ips_fs_make_node(handle, first, signed, number, 1, .max, &error)
                    case 11: status = ips_fs_make_symlink(handle, first, second, &error)
                    case 12: status = ips_fs_make_cid_link(handle, first, &cid, &error)
                    case 13: status = ips_fs_link(handle, first, second, &error)
                    case 14: status = ips_fs_rename(handle, first, second, nil, nil, &error)
                    case 15 where copies < 8:
                        copies += 1
                        status = ips_fs_copy(handle, first, second, nil, nil, &error)
                    case 15: break
                    case 16: status = ips_fs_remove(handle, first, flag, nil, nil, &error)
                    case 17: status = ips_fs_set_mode(handle, first, number, flag, nil, nil, &error)
                    case 18: status = ips_fs_set_owner(handle, first, number, 5, flag, nil, nil, &error)
                    case 19: status = ips_fs_set_time(handle, first, .min, number, flag, nil, nil, &error)
                    case 20:
                        let sync = signed == 2 ? 1 : signed
                        status = ips_fs_set_sync(handle, first, sync, false, nil, nil, &error)
                    case 21:
                        status = ips_fs_get_attribute(handle, first, second, &room, capacity, &length, &error)
                    case 22: status = ips_fs_list_attributes(handle, first, &room, capacity, &length, &error)
                    case 23: status = ips_fs_set_attribute(handle, first, second, first, nil, nil, &error)
                    case 24: status = ips_fs_remove_attribute(handle, first, second, nil, nil, &error)
                    case 25, 26:
                        let flags = number & 15
                        status = ips_fs_file_open(handle, first, flags, 0o600, nil, nil, &out, &error)
                    case 27: status = ips_fs_file_size(handle, &count, &error)
                    case 28:
                        status = ips_fs_file_read_at(
                            handle, any([0, 7, .max]), &room, capacity, &length, &error)
                    case 29:
                        status = ips_fs_file_write_at(
                            handle, any([0, 700, 1 << 62, .max]), first, &error)
                    case 30: status = ips_fs_file_truncate(handle, any([0, 1000, .max]), &error)
                    case 31: status = ips_fs_file_commit(handle, &error)
                    case 32: status = ips_fs_fork(handle, &cid, name, &error)
                    case 33: status = ips_fs_tag_set(handle, name, &cid, flag, &error)
                    case 34: status = ips_fs_version_get(handle, &cid, &version, &error)
                    case 35:
                        status = withUnsafePointer(to: &given) {
                            ips_fs_history(handle, &cid, flag ? $0 : nil, &out, &error)
                        }
                    case 36: status = ips_iter_next_version(handle, &result, &version, nil, nil, &error)
                    case 37: status = ips_fs_diff(handle, &cid, &other, number, nil, nil, &out, &error)
                    case 38:
                        var options = ips_fs_merge_options()
                        options.struct_size = any([0, 40, 48])
                        options.policy = signed
                        status = ips_fs_merge(
                            handle, name, &cid, &options, nil, nil, nil, &kind, &result, &out, &error)
                    case 39: status = ips_fs_restore(handle, first, &cid, second, nil, nil, &error)
                    case 40: status = ips_fs_overlay(handle, &cid, &other, nil, nil, &out, &error)
                    case 41:
                        status = ips_fs_merge_open(
                            handle, &cid, &other, nil, nil, nil, nil, &out, nil, &error)
                    case 42:
                        status = ips_iter_next_conflict(
                            handle, &kind, nil, nil, &room, capacity, &length, nil, 0, nil, &entry, nil, nil,
                            &error)
                    default: status = ips_fs_prune(handle, name, 2, .min, nil, nil, &count, &error)
                    }
                    #expect(status != ips_status(IPS_INTERNAL), "\(choice): \(text(error))")
                }
            }
            if let out { handles.append(out) }
            if choice == 2 { cids.append(result) }
            if handles.count > 40 {
                let index = 4 + Int(generator.next() % UInt64(handles.count - 4))
                let gone = handles.remove(at: index)
                switch generator.next() % 3 {
                case 0: ips_fs_close(gone)
                case 1: ips_fs_file_close(gone)
                default: ips_iter_close(gone)
                }
            }
        }
        for handle in handles.dropFirst(2) {
            ips_fs_file_close(handle)
            ips_iter_close(handle)
            ips_fs_close(handle)
        }
        var report = ips_verify_report()
        report.struct_size = UInt32(MemoryLayout<ips_verify_report>.size)
        var problems: OpaquePointer?
        try expectOK { ips_store_verify(test.handle, nil, nil, &report, &problems, nil, $0) }
        #expect(report.problems == 0)
        ips_iter_close(problems)
    }

    @Test func aBranchOfABaseGoesOnInALayer() throws {
        var (first, second, found) = (ips_cid(), ips_cid(), ips_cid())
        func commit(_ fs: OpaquePointer?, _ name: String) throws -> ips_cid {
            var version = ips_cid()
            try path(name) { name in
                try expectOK { ips_fs_make_node(fs, name, Int32(IPS_FS_FILE), 0o600, 0, 0, $0) }
            }
            try expectOK { ips_fs_commit(fs, "main", nil, nil, nil, nil, &version, $0) }
            return version
        }
        let below = try openBranch("main")
        first = try commit(below, "first")
        ips_fs_close(below)
        let place = test.directory + "/layer"
        try test.path.withCString { base in
            var bases: [UnsafePointer<CChar>?] = [base]
            try expectOK { ips_store_create_layer(place, &bases, 1, nil, $0) }
        }
        var (layer, fs, roots): (OpaquePointer?, OpaquePointer?, OpaquePointer?)
        try expectOK { ips_store_open(place, nil, &layer, $0) }
        defer { ips_store_close(layer) }
        try expectOK { ips_fs_branch_get(layer, "main", &found, $0) }
        #expect(ips_cid_compare(&found, &first) == 0)
        var (root, error) = (ips_root(), ips_error())
        try expectOK { ips_root_list_base(layer, nil, &roots, $0) }
        try expectOK { ips_iter_next_root(roots, &root, $0) }
        #expect(ips_cid_compare(&root.cid, &first) == 0)
        #expect(ips_iter_next_root(roots, &root, &error) == ips_status(IPS_END))
        ips_iter_close(roots)
        try expectOK { ips_fs_open_branch(layer, "main", &fs, $0) }
        second = try commit(fs, "second")
        ips_fs_close(fs)
        var previous: OpaquePointer?
        try expectOK { ips_fs_version_previous(layer, &second, &previous, $0) }
        try expectOK { ips_iter_next_cid(previous, &found, $0) }
        #expect(ips_cid_compare(&found, &first) == 0)
        ips_iter_close(previous)
        try expectOK { ips_root_list_base(layer, nil, &roots, $0) }
        #expect(ips_iter_next_root(roots, &root, &error) == ips_status(IPS_END))
        ips_iter_close(roots)
        try expectOK { ips_fs_branch_get(test.handle, "main", &found, $0) }
        #expect(ips_cid_compare(&found, &first) == 0)
        expect(IPS_INVALID) { ips_root_list_base(layer, nil, nil, $0) }
    }

    private func text(_ error: ips_error) -> String {
        withUnsafeBytes(of: error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
