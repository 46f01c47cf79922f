import CIpldStore
import Foundation
import TestSupport
import Testing

/// Readers, writers and differences, through the C interface.
@Suite struct StreamTests {
    private func reader(_ test: CStore, _ cid: ips_cid) throws -> OpaquePointer? {
        var cid = cid
        var reader: OpaquePointer?
        try expectOK { ips_reader_open(test.handle, &cid, &reader, $0) }
        return reader
    }

    private func write(_ writer: OpaquePointer?, _ bytes: [UInt8], at offset: UInt64) throws {
        try bytes.withUnsafeBytes { bytes in
            try expectOK { ips_writer_write_at(writer, offset, ips_bytes(bytes), $0) }
        }
    }

    @Test func aReaderReadsAndSeeks() throws {
        let test = try CStore()
        let bytes = randomBytes(300_000, seed: 1)
        let reader = try reader(test, try test.put(bytes))
        var size: UInt64 = 0
        var position: UInt64 = 0
        var got = 0
        var buffer = [UInt8](repeating: 0, count: 100_000)
        try expectOK { ips_reader_size(reader, &size, $0) }
        #expect(size == 300_000)
        try expectOK { ips_reader_seek(reader, -5, Int32(IPS_SEEK_END), &position, $0) }
        #expect(position == 299_995)
        try expectOK { ips_reader_read(reader, &buffer, 100, &got, $0) }
        #expect(got == 5 && Array(buffer[..<5]) == Array(bytes[299_995...]))
        try expectOK { ips_reader_read(reader, &buffer, 100, &got, $0) }
        #expect(got == 0)
        try expectOK { ips_reader_seek(reader, 10, Int32(IPS_SEEK_START), nil, $0) }
        try expectOK { ips_reader_seek(reader, 90, Int32(IPS_SEEK_CURRENT), &position, $0) }
        #expect(position == 100)
        for (offset, origin) in [(-1, IPS_SEEK_START), (1, IPS_SEEK_END), (Int64.max, IPS_SEEK_CURRENT)] {
            expect(IPS_INVALID) { ips_reader_seek(reader, Int64(offset), Int32(origin), &position, $0) }
        }
        expect(IPS_INVALID) { ips_reader_seek(reader, 0, 3, &position, $0) }
        try expectOK { ips_reader_read_at(reader, 200_000, &buffer, 100_000, &got, $0) }
        #expect(got == 100_000 && buffer == Array(bytes[200_000...]))
        expect(IPS_INVALID) { ips_reader_read_at(reader, 300_001, &buffer, 1, &got, $0) }
        try expectOK { ips_reader_tell(reader, &position, $0) }
        #expect(position == 100)
        // It outlives its store, and keeps what is deleted meanwhile.
        var cid = try test.put(bytes)
        for _ in 0..<2 {
            try expectOK { ips_store_dereference(test.handle, &cid, nil, .max, nil, $0) }
        }
        test.close()
        try expectOK { ips_reader_read(reader, &buffer, 1000, &got, $0) }
        #expect(got == 1000 && Array(buffer[..<1000]) == Array(bytes[100..<1100]))
        ips_reader_close(reader)
        expect(IPS_INVALID) { ips_reader_tell(reader, &position, $0) }
        ips_reader_close(reader)
    }

    @Test func aReaderIsForManyThreads() throws {
        let test = try CStore()
        let bytes = randomBytes(2_000_000, seed: 2)
        let handle = UInt(bitPattern: try reader(test, try test.put(bytes)))
        let failures = UnsafeMutablePointer<Int>.allocate(capacity: 8)
        failures.initialize(repeating: 0, count: 8)
        defer { failures.deallocate() }
        let counts = UInt(bitPattern: failures)
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            let reader = OpaquePointer(bitPattern: handle)
            let count = UnsafeMutablePointer<Int>(bitPattern: counts)
            var random = SplitMix(state: UInt64(thread))
            var buffer = [UInt8](repeating: 0, count: 3000)
            var got = 0
            for _ in 0..<100 {
                let offset = Int(random.next() % 1_997_000)
                let status = ips_reader_read_at(reader, UInt64(offset), &buffer, 3000, &got, nil)
                if status != IPS_OK || got != 3000 || buffer != Array(bytes[offset..<offset + 3000]) {
                    count?[thread] += 1
                }
                // The one position moves on, whoever reads.
                if ips_reader_read(reader, &buffer, 1, &got, nil) != IPS_OK { count?[thread] += 1 }
            }
        }
        var position: UInt64 = 0
        #expect((0..<8).allSatisfy { failures[$0] == 0 })
        try expectOK { ips_reader_tell(OpaquePointer(bitPattern: handle), &position, $0) }
        #expect(position == 800)
        ips_reader_close(OpaquePointer(bitPattern: handle))
        #expect(try test.stat().leases == 0)
    }

    @Test func whatAWriterGivesIsWhatStoringTheBytesGives() throws {
        let test = try CStore()
        var bytes = randomBytes(1_000_000, seed: 3)
        var base = try test.put(bytes)
        let original = bytes
        var writer: OpaquePointer?
        try expectOK { ips_writer_open(test.handle, &base, nil, nil, &writer, $0) }
        try write(writer, [1, 2, 3], at: 500_000)
        bytes.replaceSubrange(500_000..<500_003, with: [1, 2, 3])
        try expectOK { ips_writer_truncate(writer, 900_000, $0) }
        bytes.removeSubrange(900_000...)
        var flushed = ips_cid()
        try expectOK { ips_writer_flush(writer, &flushed, $0) }
        var again = try test.put(bytes)
        #expect(ips_cid_compare(&flushed, &again) == 0)
        try [UInt8]([7, 8]).withUnsafeBytes { data in
            try expectOK { ips_writer_append(writer, ips_bytes(data), $0) }
        }
        try write(writer, [9], at: 1_000_000)
        bytes += [7, 8] + [UInt8](repeating: 0, count: 99_998) + [9]
        var size: UInt64 = 0
        var got = 0
        var buffer = [UInt8](repeating: 0xff, count: 5)
        try expectOK { ips_writer_size(writer, &size, $0) }
        try expectOK { ips_writer_read_at(writer, 899_999, &buffer, 5, &got, $0) }
        #expect(size == 1_000_001 && got == 5 && buffer == Array(bytes[899_999..<900_004]))
        try expectOK { ips_writer_read_at(writer, 1_000_000, &buffer, 5, &got, $0) }
        #expect(got == 1)
        var changed = ips_cid()
        try expectOK { ips_writer_commit(writer, &changed, $0) }
        again = try test.put(bytes)
        #expect(ips_cid_compare(&changed, &again) == 0)
        #expect(try test.get(changed) == bytes && test.get(base) == original)
        // Ended, but still to be closed.
        expect(IPS_INVALID) { ips_writer_commit(writer, &changed, $0) }
        expect(IPS_INVALID) { ips_writer_read_at(writer, 0, &buffer, 1, &got, $0) }
        ips_writer_close(writer)
        expect(IPS_INVALID) { ips_writer_commit(writer, &changed, $0) }
        #expect(try test.stat().leases == 0)
        try test.verify()
    }

    @Test func aWriterOnNothingAndWritersThatAreGivenUp() throws {
        let test = try CStore()
        var writer: OpaquePointer?
        var cid = ips_cid()
        try expectOK { ips_writer_open(test.handle, nil, nil, nil, &writer, $0) }
        try expectOK { ips_writer_truncate(writer, 1 << 40, $0) }
        try expectOK { ips_writer_commit(writer, &cid, $0) }
        ips_writer_close(writer)
        var size: UInt64 = 0
        try expectOK { ips_store_size(test.handle, &cid, &size, $0) }
        #expect(size == 1 << 40)
        let before = try test.stat()
        for isAborted in [true, false] {
            try expectOK { ips_writer_open(test.handle, &cid, nil, nil, &writer, $0) }
            try write(writer, randomBytes(100_000, seed: 4), at: 1 << 39)
            var changed = ips_cid()
            try expectOK { ips_writer_flush(writer, &changed, $0) }
            if isAborted {
                try expectOK { ips_writer_abort(writer, $0) }
                expect(IPS_INVALID) { ips_writer_truncate(writer, 0, $0) }
            }
            ips_writer_close(writer)
        }
        try expectOK { ips_store_gc(test.handle, .max, nil, nil, nil, $0) }
        let after = try test.stat()
        #expect(after.leases == 0 && after.blocks == before.blocks)
        try test.verify()
    }

    @Test func writersWithinABatchShareItsFate() throws {
        let test = try CStore()
        var base = try test.put(randomBytes(200_000, seed: 5))
        try expectOK { ips_root_set(test.handle, "disk", &base, $0) }
        var batch: OpaquePointer?
        var first: OpaquePointer?
        var second: OpaquePointer?
        var changed = ips_cid()
        var twice = ips_cid()
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        try expectOK { ips_batch_open_writer(batch, &base, nil, nil, &first, $0) }
        try write(first, [1], at: 0)
        try expectOK { ips_writer_commit(first, &changed, $0) }
        // On what the batch stored, and what nobody else sees.
        try expectOK { ips_batch_open_writer(batch, &changed, nil, nil, &second, $0) }
        var out: OpaquePointer?
        expect(IPS_NOT_FOUND) { ips_reader_open(test.handle, &changed, &out, $0) }
        try write(second, [2], at: 1)
        try expectOK { ips_writer_commit(second, &twice, $0) }
        try expectOK { ips_batch_swap_root(batch, "disk", &base, &twice, $0) }
        try expectOK { ips_batch_commit(batch, $0) }
        ips_writer_close(first)
        ips_writer_close(second)
        ips_batch_free(batch)
        #expect(try Array(test.get(twice)[..<2]) == [1, 2])

        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        try expectOK { ips_batch_open_writer(batch, nil, nil, nil, &first, $0) }
        try expectOK { ips_batch_open_writer(batch, nil, nil, nil, &second, $0) }
        // One that is given up leaves the batch to the others.
        try expectOK { ips_writer_abort(first, $0) }
        ips_writer_close(first)
        try write(second, [3], at: 0)
        ips_batch_free(batch)
        expect(IPS_INVALID) { ips_writer_flush(second, &changed, $0) }
        ips_writer_close(second)
        #expect(try test.stat().leases == 0)
        try test.verify()
    }

    private struct Reentrance {
        var writer: OpaquePointer?
        var batch: OpaquePointer?
        var statuses: [ips_status] = []
        var answer: ips_status = 0
    }

    /// A tree of another store's options is stored anew, and tells how far it is.
    @Test func progressHearsStopsAndMayNotUseTheWriter() throws {
        let test = try CStore()
        var options = ips_create_options()
        ips_create_options_init(&options, MemoryLayout<ips_create_options>.size)
        options.chunker = UInt32(IPS_CHUNKER_FIXED)
        options.chunk_average = 1 << 16
        let path = test.directory + "/other"
        try expectOK { ips_store_create(path, &options, $0) }
        var store: OpaquePointer?
        try expectOK { ips_store_open(path, nil, &store, $0) }
        defer { ips_store_close(store) }
        // Written in one batch: what is flushed after 16 MiB, and all of the rest.
        let bytes = randomBytes(20 << 20, seed: 6)
        for (answer, wanted) in [(0, IPS_OK), (42, 42), (-5, IPS_CALLBACK), (IPS_CANCELLED, IPS_CANCELLED)] {
            var state = Reentrance(answer: ips_status(answer))
            try withUnsafeMutablePointer(to: &state) { state in
                try expectOK { ips_batch_begin(store, &state.pointee.batch, $0) }
                let batch = state.pointee.batch
                var writer: OpaquePointer?
                let progress: ips_progress = { context, _ in
                    guard let state = context?.assumingMemoryBound(to: Reentrance.self) else { return 1 }
                    var cid = ips_cid()
                    state.pointee.statuses.append(ips_writer_flush(state.pointee.writer, &cid, nil))
                    state.pointee.statuses.append(ips_batch_commit(state.pointee.batch, nil))
                    return state.pointee.answer
                }
                try expectOK { ips_batch_open_writer(batch, nil, progress, state, &writer, $0) }
                state.pointee.writer = writer
                let status = bytes.withUnsafeBytes { ips_writer_write_at(writer, 0, ips_bytes($0), nil) }
                #expect(status == ips_status(wanted))
                var cid = ips_cid()
                let end = ips_writer_commit(writer, &cid, nil)
                // What was stopped has ended neither the writer nor its batch.
                #expect(end == ips_status(wanted))
                ips_writer_close(writer)
                try expectOK { ips_batch_put_buffer(batch, ips_bytes(), &cid, $0) }
                try expectOK { ips_batch_commit(batch, $0) }
                ips_batch_free(batch)
            }
            #expect(!state.statuses.isEmpty && state.statuses.allSatisfy { $0 == IPS_BUSY })
        }
    }

    @Test func differencesAreListedInOrder() throws {
        let test = try CStore()
        let old = randomBytes(2_000_000, seed: 7)
        var new = old
        new[5] ^= 1
        new.insert(contentsOf: randomBytes(1000, seed: 8), at: 1_000_000)
        new.removeLast(10)
        var (from, to) = (try test.put(old), try test.put(new))
        var changes: OpaquePointer?
        try expectOK { ips_store_diff(test.handle, &from, &to, &changes, $0) }
        var change = ips_change()
        var found: [ips_change] = []
        while ips_iter_next_change(changes, &change, nil, nil, nil) == IPS_OK { found.append(change) }
        #expect(found.count == 3)
        #expect(found[0].old_offset == 5 && found[0].old_length == 1)
        #expect(found[0].new_offset == 5 && found[0].new_length == 1)
        #expect(found[1].new_length == found[1].old_length + 1000)
        #expect(found[2].old_offset == 1_999_990 && found[2].old_length == 10)
        #expect(found[2].new_offset == 2_000_990 && found[2].new_length == 0)
        #expect(ips_iter_next_change(changes, &change, nil, nil, nil) == IPS_END)
        var cid = ips_cid()
        expect(IPS_INVALID) { ips_iter_next_cid(changes, &cid, $0) }
        ips_iter_close(changes)
        // Stopped, and gone on with.
        try expectOK { ips_store_diff(test.handle, &from, &to, &changes, $0) }
        expect(42) { ips_iter_next_change(changes, &change, { _, _ in 42 }, nil, $0) }
        try expectOK { ips_iter_next_change(changes, &change, { _, _ in 0 }, nil, $0) }
        #expect(change.old_offset == 5)
        ips_iter_close(changes)
        var roots: OpaquePointer?
        try expectOK { ips_root_list(test.handle, nil, &roots, $0) }
        expect(IPS_INVALID) { ips_iter_next_change(roots, &change, nil, nil, $0) }
        ips_iter_close(roots)
        #expect(try test.stat().leases == 0)
    }

    @Test func whatMakesNoSenseIsRefusedAndEndsNothing() throws {
        let test = try CStore()
        var cid = try test.put([1, 2, 3])
        var node = ips_cid()
        // A list of nothing: a node that is no file.
        try [UInt8]([0x80]).withUnsafeBytes { bytes in
            try expectOK { ips_store_put_node(test.handle, ips_bytes(bytes), &node, $0) }
        }
        var absent = cid
        absent.digest.0 ^= 1
        var out: OpaquePointer?
        var got = 0
        var number: UInt64 = 0
        var byte: UInt8 = 0
        var change = ips_change()
        let store = test.handle
        for (wanted, bad) in [(IPS_INVALID, node), (IPS_NOT_FOUND, absent), (IPS_INVALID, ips_cid())] {
            var bad = bad
            expect(wanted) { ips_reader_open(store, &bad, &out, $0) }
            expect(wanted) { ips_writer_open(store, &bad, nil, nil, &out, $0) }
            expect(wanted) { ips_store_diff(store, &bad, &cid, &out, $0) }
            expect(wanted) { ips_store_diff(store, &cid, &bad, &out, $0) }
            #expect(out == nil)
        }
        expect(IPS_INVALID) { ips_reader_open(store, nil, &out, $0) }
        expect(IPS_INVALID) { ips_reader_open(store, &cid, nil, $0) }
        expect(IPS_INVALID) { ips_writer_open(store, &cid, nil, nil, nil, $0) }
        expect(IPS_INVALID) { ips_writer_open(nil, &cid, nil, nil, &out, $0) }
        expect(IPS_INVALID) { ips_batch_open_writer(nil, &cid, nil, nil, &out, $0) }
        expect(IPS_INVALID) { ips_store_diff(store, nil, &cid, &out, $0) }
        expect(IPS_INVALID) { ips_store_diff(store, &cid, &cid, nil, $0) }

        var reader: OpaquePointer?
        var writer: OpaquePointer?
        try expectOK { ips_reader_open(store, &cid, &reader, $0) }
        try expectOK { ips_writer_open(store, &cid, nil, nil, &writer, $0) }
        // Of another kind.
        expect(IPS_INVALID) { ips_reader_read(writer, &byte, 1, &got, $0) }
        expect(IPS_INVALID) { ips_writer_truncate(reader, 0, $0) }
        expect(IPS_INVALID) { ips_iter_next_change(reader, &change, nil, nil, $0) }
        ips_reader_close(writer)
        ips_writer_close(reader)
        ips_reader_close(nil)
        ips_writer_close(nil)
        for length in [-1, Int.max] {
            expect(IPS_INVALID) { ips_reader_read_at(reader, 0, &byte, length, &got, $0) }
            expect(IPS_INVALID) { ips_reader_read(reader, &byte, length, &got, $0) }
            expect(IPS_INVALID) { ips_writer_read_at(writer, 0, &byte, length, &got, $0) }
        }
        expect(IPS_INVALID) { ips_writer_append(writer, ips_bytes(data: nil, len: 1), $0) }
        expect(IPS_INVALID) { ips_reader_read_at(reader, 0, nil, 1, &got, $0) }
        expect(IPS_INVALID) { ips_reader_read_at(reader, 0, &byte, 1, nil, $0) }
        expect(IPS_INVALID) { ips_reader_tell(reader, nil, $0) }
        expect(IPS_INVALID) { ips_reader_size(reader, nil, $0) }
        expect(IPS_INVALID) { ips_writer_size(writer, nil, $0) }
        expect(IPS_INVALID) { ips_writer_flush(writer, nil, $0) }
        expect(IPS_INVALID) { ips_writer_commit(writer, nil, $0) }
        expect(IPS_INVALID) { ips_writer_read_at(writer, 4, &byte, 1, &got, $0) }
        expect(IPS_TOO_LARGE) { ips_writer_truncate(writer, 1 << 63, $0) }
        [UInt8]([1]).withUnsafeBytes { bytes in
            for offset in [.max, 1 << 63, (1 << 63) - 1] as [UInt64] {
                expect(IPS_TOO_LARGE) { ips_writer_write_at(writer, offset, ips_bytes(bytes), $0) }
            }
        }
        // All of which ended nothing.
        try write(writer, [9], at: 3)
        var changed = ips_cid()
        try expectOK { ips_writer_size(writer, &number, $0) }
        #expect(number == 4)
        try expectOK { ips_writer_commit(writer, &changed, $0) }
        #expect(try test.get(changed) == [1, 2, 3, 9])
        try expectOK { ips_reader_read(reader, &byte, 1, &got, $0) }
        #expect(byte == 1)
        ips_writer_close(writer)
        ips_reader_close(reader)

        test.close()
        var readOnly = ips_open_options(struct_size: 16, flags: UInt32(IPS_OPEN_READ_ONLY), owner: nil)
        try expectOK { ips_store_open(test.path, &readOnly, &out, $0) }
        expect(IPS_READ_ONLY) { ips_writer_open(out, nil, nil, nil, &writer, $0) }
        try expectOK { ips_reader_open(out, &changed, &reader, $0) }
        ips_store_close(out)
        ips_reader_close(reader)
    }
}
