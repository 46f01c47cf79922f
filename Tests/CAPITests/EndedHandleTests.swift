import CIpldStore
import Testing

/// What has ended answers nothing any more, whatever it is asked; only giving it back is left.
@Suite struct EndedHandleTests {
    private let test: CStore

    init() throws { test = try CStore() }

    /// Every question to a writer.
    private func expectEnded(_ writer: OpaquePointer?, _ how: String) {
        var (size, got, byte, cid) = (UInt64(0), 0, UInt8(0), ips_cid())
        expect(IPS_INVALID, how) { ips_writer_size(writer, &size, $0) }
        expect(IPS_INVALID, how) { ips_writer_read_at(writer, 0, &byte, 1, &got, $0) }
        withUnsafeBytes(of: byte) { bytes in
            expect(IPS_INVALID, how) { ips_writer_write_at(writer, 0, ips_bytes(bytes), $0) }
            expect(IPS_INVALID, how) { ips_writer_append(writer, ips_bytes(bytes), $0) }
        }
        expect(IPS_INVALID, how) { ips_writer_truncate(writer, 0, $0) }
        expect(IPS_INVALID, how) { ips_writer_flush(writer, &cid, $0) }
        expect(IPS_INVALID, how) { ips_writer_commit(writer, &cid, $0) }
    }

    @Test func aWriterThatHasEndedSaysNoSize() throws {
        var cid = try test.put(randomBytes(100_000, seed: 1))
        for end in ["abort", "commit"] {
            var (writer, size, result) = (OpaquePointer?.none, UInt64(0), ips_cid())
            try expectOK { ips_writer_open(test.handle, &cid, nil, nil, &writer, $0) }
            try expectOK { ips_writer_size(writer, &size, $0) }
            #expect(size == 100_000)
            if end == "abort" {
                try expectOK { ips_writer_abort(writer, $0) }
            } else {
                try expectOK { ips_writer_commit(writer, &result, $0) }
            }
            expectEnded(writer, end)
            // It does nothing a second time, and is no error.
            try expectOK { ips_writer_abort(writer, $0) }
            ips_writer_close(writer)
            expectEnded(writer, "close")
        }
    }

    @Test func aWriterOfABatchThatHasEndedSaysNoSize() throws {
        for end in ["abort", "commit", "free"] {
            var (batch, writer) = (OpaquePointer?.none, OpaquePointer?.none)
            try expectOK { ips_batch_begin(test.handle, &batch, $0) }
            try expectOK { ips_batch_open_writer(batch, nil, nil, nil, &writer, $0) }
            switch end {
            case "abort": try expectOK { ips_batch_abort(batch, $0) }
            case "commit": try expectOK { ips_batch_commit(batch, $0) }
            default: ips_batch_free(batch)
            }
            if end != "free" { expectEnded(writer, end) }
            ips_batch_free(batch)
            expectEnded(writer, end + " and free")
            ips_writer_close(writer)
        }
    }

    private func file(_ fs: OpaquePointer?, _ flags: Int) throws -> OpaquePointer? {
        var file: OpaquePointer?
        try Array("f".utf8).withUnsafeBytes { name in
            try expectOK { ips_fs_file_open(fs, ips_bytes(name), UInt32(flags), 0o644, nil, nil, &file, $0) }
        }
        return file
    }

    private func expectEnded(file: OpaquePointer?, _ how: String) {
        var (size, got, byte) = (UInt64(0), 0, UInt8(0))
        expect(IPS_INVALID, how) { ips_fs_file_size(file, &size, $0) }
        expect(IPS_INVALID, how) { ips_fs_file_read_at(file, 0, &byte, 1, &got, $0) }
        withUnsafeBytes(of: byte) { bytes in
            expect(IPS_INVALID, how) { ips_fs_file_write_at(file, 0, ips_bytes(bytes), $0) }
        }
        expect(IPS_INVALID, how) { ips_fs_file_truncate(file, 0, $0) }
        expect(IPS_INVALID, how) { ips_fs_file_commit(file, $0) }
    }

    @Test(arguments: [3, 100_000]) func filesThatHaveEndedSayNoSize(length: Int) throws {
        var fs: OpaquePointer?
        try expectOK { ips_fs_open_branch(test.handle, "main", &fs, $0) }
        let written = try file(fs, IPS_FS_WRITE | IPS_FS_CREATE)
        try randomBytes(length, seed: 2).withUnsafeBytes { bytes in
            try expectOK { ips_fs_file_write_at(written, 0, ips_bytes(bytes), $0) }
        }
        try expectOK { ips_fs_file_commit(written, $0) }
        expectEnded(file: written, "commit")
        ips_fs_file_close(written)
        // They end with their tree, those that are only read too.
        let (read, open) = (try file(fs, IPS_FS_READ), try file(fs, IPS_FS_WRITE))
        ips_fs_close(fs)
        expectEnded(file: read, "of a tree that was closed")
        expectEnded(file: open, "of a tree that was closed")
        ips_fs_file_close(read)
        ips_fs_file_close(open)
    }

    /// Named defect: what was read ahead was given out after the tree was closed.
    @Test func iteratorsEndWithTheirTree() throws {
        for isWalk in [false, true] {
            for isWaiting in [false, true] {
                var (fs, entries, length) = (OpaquePointer?.none, OpaquePointer?.none, 0)
                try expectOK { ips_fs_open_branch(test.handle, "main", &fs, $0) }
                for name in ["aa", "bb", "cc"] {
                    try Array(name.utf8).withUnsafeBytes { name in
                        try expectOK { ips_fs_make_directory(fs, ips_bytes(name), 0o755, false, $0) }
                    }
                }
                let (root, start) = (ips_bytes(), ips_bytes())
                try expectOK {
                    isWalk
                        ? ips_fs_walk(fs, root, 0, &entries, $0)
                        : ips_fs_list(fs, root, start, 0, &entries, $0)
                }
                var name = [UInt8](repeating: 0, count: 10)
                try expectOK { ips_iter_next_entry(entries, &name, 10, &length, nil, $0) }
                if isWaiting {
                    expect(IPS_BUFFER_TOO_SMALL) { ips_iter_next_entry(entries, nil, 0, &length, nil, $0) }
                }
                ips_fs_close(fs)
                for _ in 0..<2 {
                    expect(IPS_INVALID, "walk: \(isWalk), waiting: \(isWaiting)") {
                        ips_iter_next_entry(entries, &name, 10, &length, nil, $0)
                    }
                }
                ips_iter_close(entries)
            }
        }
    }
}
