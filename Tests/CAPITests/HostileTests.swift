import CIpldStore
import Foundation
import TestSupport
import Testing

/// Random calls with random arguments: whatever comes, a status and never a trap; and the store is well
/// afterwards. Also damage on disk, and many threads.
@Suite struct HostileTests {
    @Test(arguments: 0..<4)
    func randomCalls(_ seed: Int) throws {
        let test = try CStore()
        var generator = SplitMix(state: UInt64(seed))
        var handles: [OpaquePointer?] = [nil, test.handle, OpaquePointer(bitPattern: 8)]
        var cids = [ips_cid(), try test.put([1, 2, 3]), try test.put(randomBytes(300_000, seed: 3))]
        cids.append(try test.put(dagCBOR: [0x82, 0x01, 0xa1, 0x61, 0x61, 0x02]))
        var bytes = randomBytes(4096, seed: UInt64(seed))
        let names: [String?] = [
            nil, "", "a", "b/c", "e\u{301}", "x\u{1}", String(repeating: "n", count: 300),
        ]
        let numbers: [UInt64] = [0, 1, 5, 300_000, 1 << 40, .max - 1, .max]

        func any<T>(_ list: [T]) -> T { list[Int(generator.next() % UInt64(list.count))] }
        func anyCID() -> ips_cid {
            var cid = any(cids)
            switch generator.next() % 6 {
            case 0: cid.digest_length = UInt8(truncatingIfNeeded: generator.next())
            case 1: cid.codec = generator.next()
            case 2: cid.hash = any([UInt64(0), 0x12, 0x1e, generator.next()])
            case 3: cid.digest.3 ^= 1
            case 4: cid.version = UInt8(truncatingIfNeeded: generator.next() % 3)
            default: break
            }
            return cid
        }
        for _ in 0..<1500 {
            var error = ips_error()
            var cid = anyCID()
            var expected = anyCID()
            var result = ips_cid()
            var out: OpaquePointer?
            var got = 0
            var size: UInt64 = 0
            var change = ips_change()
            var isHere = false
            let handle = any(handles)
            let name = any(names)
            let capacity = any([0, 1, 4096])
            let pointsAtCID = generator.next() % 8 != 0
            let length = any([0, 1, 77, 4096])
            let offset = any(numbers)
            let budget = any([0, 1, UInt64.max - 1])
            let choice = generator.next() % 42
            let codec = any([0x55, 0x71, 0x70, UInt64.max])
            let base = CChar(truncatingIfNeeded: generator.next())
            withUnsafeMutablePointer(to: &cid) { pointer in
                let cid: UnsafeMutablePointer<ips_cid>? = pointsAtCID ? pointer : nil
                bytes.withUnsafeMutableBytes { buffer in
                    let input = ips_bytes(data: buffer.baseAddress, len: length)
                    let room = buffer.baseAddress
                    var status: ips_status = 0
                    switch choice {
                    case 0: status = ips_store_put_buffer(handle, input, &result, &error)
                    case 1: status = ips_store_put_block(handle, input, codec, &result, &error)
                    case 2: status = ips_store_put_node(handle, input, &result, &error)
                    case 3: status = ips_batch_begin(handle, &out, &error)
                    case 4: status = ips_batch_put_buffer(handle, input, &result, &error)
                    case 5: status = ips_batch_put_node(handle, input, &result, &error)
                    case 6: status = ips_batch_set_root(handle, name, cid, &error)
                    case 7: status = ips_batch_swap_root(handle, name, &expected, cid, &error)
                    case 8: status = ips_batch_hold(handle, cid, name, &error)
                    case 9: status = ips_batch_commit(handle, &error)
                    case 10: status = ips_root_set(handle, name, cid, &error)
                    case 11: status = ips_root_swap(handle, name, nil, cid, &error)
                    case 12: status = ips_root_delete(handle, name, nil, budget, nil, &error)
                    case 13: status = ips_store_retain(handle, cid, name, &error)
                    case 14: status = ips_store_dereference(handle, cid, name, budget, nil, &error)
                    case 15: status = ips_store_get_buffer(handle, cid, room, capacity, &got, &error)
                    case 16: status = ips_store_read_at(handle, cid, offset, room, capacity, &got, &error)
                    case 17: status = ips_store_get_node(handle, cid, room, capacity, &got, &error)
                    case 18: status = ips_store_size(handle, cid, &size, &error)
                    case 19: status = ips_store_has(handle, cid, &isHere, &error)
                    case 20: status = ips_store_links(handle, cid, &out, &error)
                    case 21: status = ips_store_view(handle, cid, &out, &error)
                    case 22: status = ips_store_gc(handle, budget, nil, nil, nil, &error)
                    case 23: status = ips_iter_next_cid(handle, &result, &error)
                    case 24:
                        status = ips_cid_format(
                            cid, base, room?.assumingMemoryBound(to: CChar.self), capacity, &got, &error)
                    case 25: status = ips_reader_open(handle, cid, &out, &error)
                    case 26: status = ips_reader_read_at(handle, offset, room, capacity, &got, &error)
                    case 27: status = ips_reader_read(handle, room, capacity, &got, &error)
                    case 28:
                        status = ips_reader_seek(
                            handle, Int64(truncatingIfNeeded: offset), Int32(length % 4), &size, &error)
                    case 29: status = ips_writer_open(handle, cid, nil, nil, &out, &error)
                    case 30: status = ips_batch_open_writer(handle, cid, nil, nil, &out, &error)
                    case 31: status = ips_writer_write_at(handle, offset, input, &error)
                    case 32: status = ips_writer_truncate(handle, offset, &error)
                    case 33: status = ips_writer_read_at(handle, offset, room, capacity, &got, &error)
                    case 34:
                        status =
                            generator.next() % 4 != 0
                            ? ips_writer_flush(handle, &result, &error)
                            : ips_writer_commit(handle, &result, &error)
                    case 35: status = ips_store_diff(handle, cid, &expected, &out, &error)
                    case 36: status = ips_iter_next_change(handle, &change, nil, nil, &error)
                    case 37: status = ips_store_elements(handle, cid, name, &out, &error)
                    case 38:
                        var keyLength = 0
                        status = ips_iter_next_element(
                            handle, room, capacity, &keyLength, room, capacity, &got, &error)
                    case 39: status = ips_iter_seek_element(handle, offset % 4, &error)
                    case 40:
                        var change = ips_node_change()
                        change.kind = UInt32(length % 5)
                        change.key = ips_bytes(data: room, len: length % 3)
                        change.position = offset
                        change.count = UInt64(capacity % 3)
                        change.values = input
                        status =
                            generator.next() % 2 == 0
                            ? ips_store_edit_node(handle, cid, name, &change, 1, &result, &error)
                            : ips_batch_edit_node(handle, cid, "", &change, 1, &result, &error)
                    default:
                        ips_batch_free(handle)
                        ips_view_close(handle)
                        ips_reader_close(handle)
                        ips_writer_close(handle)
                        ips_iter_close(handle)
                    }
                    // The bytes of an identity CID are the caller's, and need not be what its codec says.
                    let isExpected =
                        (IPS_FORKED + 1...IPS_END).contains(Int(status))
                        && (status != IPS_CORRUPT || pointer.pointee.hash == 0)
                    #expect(isExpected, "call \(choice): \(error.text)")
                }
            }
            if let out { handles.append(out) }
            if result.version == 1, cids.count < 40 { cids.append(result) }
        }
        for handle in handles where handle != test.handle {
            ips_batch_free(handle)
            ips_view_close(handle)
            ips_reader_close(handle)
            ips_writer_close(handle)
            ips_iter_close(handle)
        }
        try expectOK { ips_store_gc(test.handle, .max, nil, nil, nil, $0) }
        #expect(try test.stat().leases == 0)
        try test.verify()
    }

    /// Damage is told, listed, and repaired from C.
    @Test func damageIsFoundAndRepaired() throws {
        let test = try CStore()
        let bytes = randomBytes(200_000, seed: 5)
        var cid = try test.put(bytes)
        try expectOK { ips_root_set(test.handle, "kept", &cid, $0) }
        var out: OpaquePointer?
        expect(IPS_BUSY) { ips_store_repair(test.path, nil, nil, nil, $0) }
        test.close()
        let packs = test.path + "/packs"
        let pack = packs + "/" + (try #require(FileManager.default.contentsOfDirectory(atPath: packs).first))
        var content = try Data(contentsOf: URL(fileURLWithPath: pack))
        content[100_000] ^= 0x40
        try content.write(to: URL(fileURLWithPath: pack))
        try expectOK { ips_store_open(test.path, nil, &out, $0) }
        var buffer = [UInt8](repeating: 0, count: bytes.count)
        expect(IPS_CORRUPT) { ips_store_get_buffer(out, &cid, &buffer, buffer.count, nil, $0) }
        var report = ips_verify_report()
        report.struct_size = 32
        var problems: OpaquePointer?
        try expectOK { ips_store_verify(out, nil, nil, &report, &problems, nil, $0) }
        #expect(report.problems > 0)
        var problem = ips_problem()
        try expectOK { ips_iter_next_problem(problems, &problem, $0) }
        #expect(problem.kind == IPS_PROBLEM_DAMAGED_BLOCK && problem.has_cid == 1)
        ips_iter_close(problems)
        // Storing the same bytes again heals it.
        bytes.withUnsafeBytes { bytes in
            var again = ips_cid()
            #expect(ips_store_put_buffer(out, ips_bytes(bytes), &again, nil) == IPS_OK)
        }
        try expectOK { ips_store_get_buffer(out, &cid, &buffer, buffer.count, nil, $0) }
        #expect(buffer == bytes)
        ips_store_close(out)

        try FileManager.default.removeItem(atPath: test.path + "/index/data.mdb")
        expect(IPS_CORRUPT) { ips_store_open(test.path, nil, &out, $0) }
        var repaired = ips_repair_report()
        repaired.struct_size = 64
        try expectOK { ips_store_repair(test.path, nil, nil, &repaired, $0) }
        #expect(repaired.roots == 1 && repaired.blocks > 0)
        try expectOK { ips_store_open(test.path, nil, &out, $0) }
        try expectOK { ips_store_get_buffer(out, &cid, &buffer, buffer.count, nil, $0) }
        #expect(buffer == bytes)
        ips_store_close(out)
    }

    @Test func manyThreads() throws {
        let test = try CStore()
        let store = UInt(bitPattern: test.handle)
        let failures = UnsafeMutablePointer<Int>.allocate(capacity: 16)
        failures.initialize(repeating: 0, count: 16)
        defer { failures.deallocate() }
        let counts = UInt(bitPattern: failures)
        DispatchQueue.concurrentPerform(iterations: 16) { thread in
            let store = OpaquePointer(bitPattern: store)
            let count = UnsafeMutablePointer<Int>(bitPattern: counts)
            var bytes = randomBytes(50_000, seed: UInt64(thread % 4))
            for _ in 0..<5 {
                var cid = ips_cid()
                let status = bytes.withUnsafeBytes { ips_store_put_buffer(store, ips_bytes($0), &cid, nil) }
                let owner = "thread/\(thread)"
                var back = [UInt8](repeating: 0, count: bytes.count)
                let statuses = [
                    status, ips_store_retain(store, &cid, owner, nil),
                    ips_store_get_buffer(store, &cid, &back, back.count, nil, nil),
                    ips_store_dereference(store, &cid, nil, 0, nil, nil),
                    ips_store_dereference(store, &cid, owner, .max - 1, nil, nil),
                ]
                if statuses.contains(where: { $0 != IPS_OK }) || back != bytes { count?[thread] += 1 }
                bytes[0] &+= 1
            }
        }
        #expect((0..<16).allSatisfy { failures[$0] == 0 })
        try expectOK { ips_store_gc(test.handle, .max, nil, nil, nil, $0) }
        let stat = try test.stat()
        #expect(stat.blocks == 0 && stat.holds == 0 && stat.leases == 0)
        try test.verify()
    }
}
