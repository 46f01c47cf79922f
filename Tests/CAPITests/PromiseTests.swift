import CIpldStore
import Foundation
import Testing

/// What include/ipldstore.h says of errors, of what is stopped and of what stays, where no other test has it.
@Suite struct PromiseTests {
    private let test: CStore

    init() throws { test = try CStore() }

    private func report() -> ips_gc_report {
        var report = ips_gc_report()
        report.struct_size = UInt32(MemoryLayout<ips_gc_report>.size)
        return report
    }

    private func bytes<T>(_ text: String, _ body: (ips_bytes) throws -> T) rethrows -> T {
        try Array(text.utf8).withUnsafeBytes { try body(ips_bytes($0)) }
    }

    @Test func whatIsNotThereIsNotFoundAndWhatIsNoDirectoryIsInvalid() throws {
        let (file, nothing) = (test.directory + "/file", test.directory + "/nothing")
        try Data("text".utf8).write(to: URL(filePath: file))
        expect(IPS_INVALID) { ips_fs_import(test.handle, file, "main", nil, nil, nil, nil, nil, $0) }
        expect(IPS_NOT_FOUND) { ips_fs_import(test.handle, nothing, "main", nil, nil, nil, nil, nil, $0) }
        expect(IPS_NOT_FOUND) { ips_store_create(nothing + "/store", nil, $0) }
        for (base, status) in [(nothing, IPS_NOT_FOUND), (file, IPS_NOT_A_STORE)] {
            base.withCString { base in
                let bases: [UnsafePointer<CChar>?] = [base]
                expect(Int(status)) {
                    ips_store_create_layer(test.directory + "/layer", bases, 1, nil, $0)
                }
            }
        }
    }

    @Test func whatABatchStoredIsNotFoundThroughItsStoreBeforeTheCommit() throws {
        var batch: OpaquePointer?
        var cid = ips_cid()
        var size: UInt64 = 0
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        defer { ips_batch_free(batch) }
        try bytes("text") { text in try expectOK { ips_batch_put_buffer(batch, text, &cid, $0) } }
        expect(IPS_NOT_FOUND) { ips_store_size(test.handle, &cid, &size, $0) }
        try expectOK { ips_batch_commit(batch, $0) }
        try expectOK { ips_store_size(test.handle, &cid, &size, $0) }
        #expect(size == 4)
    }

    /// Not only what it is open on.
    @Test(arguments: ["reader", "writer", "batch", "tree", "diff", "buffer", "view"])
    func whatIsOpenKeepsAllThatDiesMeanwhile(_ kind: String) throws {
        var other = try test.put(Array("other".utf8))
        let cid = try test.put(Array("deleted".utf8))
        var open: OpaquePointer?
        var close: (OpaquePointer?) -> Void = ips_reader_close
        switch kind {
        case "reader": try expectOK { ips_reader_open(test.handle, &other, &open, $0) }
        case "writer":
            close = ips_writer_close
            try expectOK { ips_writer_open(test.handle, &other, nil, nil, &open, $0) }
        case "batch":
            close = ips_batch_free
            var stored = ips_cid()
            try expectOK { ips_batch_begin(test.handle, &open, $0) }
            try bytes("new") { text in try expectOK { ips_batch_put_buffer(open, text, &stored, $0) } }
        case "tree":
            close = ips_fs_close
            try expectOK { ips_fs_open(test.handle, nil, nil, nil, &open, $0) }
        case "diff":
            close = ips_iter_close
            try expectOK { ips_store_diff(test.handle, &other, &other, &open, $0) }
        case "buffer":
            close = ips_store_close
            let bases: [OpaquePointer?] = [test.handle]
            try expectOK { ips_store_create_memory(bases, 1, nil, nil, &open, $0) }
        default:
            close = ips_view_close
            try expectOK { ips_store_view(test.handle, &other, &open, $0) }
        }
        let keeps = kind != "view"
        #expect(try test.stat().leases == (keeps ? 1 : 0))
        var (deleted, report) = (cid, report())
        try expectOK {
            ips_store_dereference(test.handle, &deleted, nil, UInt64.max, &report, $0)
        }
        #expect(report.is_complete == 1 && report.remaining == (keeps ? 1 : 0), "\(kind)")
        close(open)
        try expectOK { ips_store_gc(test.handle, UInt64.max, nil, nil, &report, $0) }
        #expect(report.remaining == 0, "\(kind)")
        #expect(throws: CFailure.self) { try test.get(cid) }
    }

    @Test func whatAStoppedCollectionTookIsGone() throws {
        // More than are taken in one step.
        let count = 9000
        var batch: OpaquePointer?
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        for number in 0..<count {
            var cid = ips_cid()
            try bytes("\(number)") { text in try expectOK { ips_batch_put_buffer(batch, text, &cid, $0) } }
        }
        try expectOK { ips_batch_commit(batch, $0) }
        ips_batch_free(batch)
        #expect(try test.stat().dead_blocks == UInt64(count))
        expect(IPS_CANCELLED) {
            ips_store_gc(test.handle, UInt64.max, { (_, _) in ips_status(IPS_CANCELLED) }, nil, nil, $0)
        }
        let left = try test.stat().dead_blocks
        #expect(left > 0 && left < count)
        var report = report()
        try expectOK { ips_store_gc(test.handle, UInt64.max, nil, nil, &report, $0) }
        #expect(report.blocks == left && report.remaining == 0)
        try test.verify()
    }

    @Test func namesOfBranchesAndTags() throws {
        var (fs, version, found) = (OpaquePointer?.none, ips_cid(), ips_cid())
        try expectOK { ips_fs_open(test.handle, nil, nil, nil, &fs, $0) }
        defer { ips_fs_close(fs) }
        try expectOK { ips_fs_commit(fs, "main", nil, nil, nil, nil, &version, $0) }
        var text = [CChar](repeating: 0, count: Int(IPS_CID_TEXT_SIZE))
        try expectOK { ips_cid_format(&version, 0, &text, text.count, nil, $0) }
        let cid = text.withUnsafeBytes { textToNUL($0) }
        let long = String(repeating: "x", count: 200)
        for name in ["a", "a/b c", "ä", "~", "~2", "a~b", "a~2b", long] {
            try expectOK { ips_fs_fork(test.handle, &version, name, $0) }
            try expectOK { ips_fs_branch_delete(test.handle, name, nil, nil, $0) }
            try expectOK { ips_fs_tag_set(test.handle, name, &version, false, $0) }
        }
        for name in ["", "a:b", "a\n", "a\u{85}", cid, "a~", "a~2", "~~", long + "x"] {
            expect(IPS_INVALID, name) { ips_fs_fork(test.handle, &version, name, $0) }
            expect(IPS_INVALID, name) { ips_fs_tag_set(test.handle, name, &version, false, $0) }
            expect(IPS_INVALID, name) { ips_fs_branch_get(test.handle, name, &found, $0) }
        }
    }
}
