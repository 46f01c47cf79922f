import CIpldStore
import IpldEngine
import Testing

/// Values changed in place, and gone through element by element, through the C interface.
@Suite struct NodeEditTests {
    /// Calls `body` with a change whose bytes are there meanwhile.
    private func with<T>(
        _ kind: Int, key: String = "", _ range: Range<UInt64> = 0..<0, _ values: [IPLDValue] = [],
        _ body: (UnsafePointer<ips_node_change>) throws -> T
    ) throws -> T {
        var encoded: [UInt8] = []
        for value in values { encoded += try DagCBOR.encode(value) }
        return try Array(key.utf8).withUnsafeBytes { key in
            try encoded.withUnsafeBytes { values in
                var change = ips_node_change(
                    kind: UInt32(kind), reserved: 0, key: ips_bytes(key), position: range.lowerBound,
                    count: UInt64(range.count), values: ips_bytes(values))
                return try body(&change)
            }
        }
    }

    private func put(_ test: CStore, _ value: IPLDValue) throws -> ips_cid {
        var cid = ips_cid()
        try DagCBOR.encode(value).withUnsafeBytes { bytes in
            try expectOK { ips_store_put_node(test.handle, ips_bytes(bytes), &cid, $0) }
        }
        return cid
    }

    private func large() -> IPLDMap {
        var map = IPLDMap()
        for number in 100_000..<160_000 { map["key \(number)"] = ["value", .integer(Int128(number))] }
        return map
    }

    @Test func aChangeGivesTheCIDOfTheChangedValue() throws {
        let test = try CStore()
        var map = large()
        var cid = try put(test, ["map": .map(map), "list": [1, 2, 3]])
        var edited = ips_cid()
        func check(_ list: IPLDValue) throws {
            var expected = try put(test, ["map": .map(map), "list": list])
            #expect(ips_cid_compare(&edited, &expected) == 0)
        }
        map["key 123456"] = "new"
        try with(IPS_NODE_SET, key: "key 123456", 0..<0, ["new"]) { change in
            try expectOK { ips_store_edit_node(test.handle, &cid, "map", change, 1, &edited, $0) }
        }
        try check([1, 2, 3])
        cid = edited
        map["key 100000"] = nil
        try with(IPS_NODE_REMOVE, key: "key 100000") { change in
            try expectOK { ips_store_edit_node(test.handle, &cid, "map", change, 1, &edited, $0) }
        }
        try check([1, 2, 3])
        cid = edited
        // Within a batch, on what it stored itself: insert, replace, remove.
        var batch: OpaquePointer?
        try expectOK { ips_batch_begin(test.handle, &batch, $0) }
        try with(IPS_NODE_REPLACE, 1..<1, ["inserted", .null]) { change in
            try expectOK { ips_batch_edit_node(batch, &cid, "list", change, 1, &edited, $0) }
        }
        cid = edited
        try with(IPS_NODE_REPLACE, 0..<1, [["one"]]) { change in
            try expectOK { ips_batch_edit_node(batch, &cid, "list", change, 1, &edited, $0) }
        }
        cid = edited
        try with(IPS_NODE_REPLACE, 4..<5) { change in
            try expectOK { ips_batch_edit_node(batch, &cid, "list", change, 1, &edited, $0) }
        }
        try expectOK { ips_batch_set_root(batch, "edited", &edited, $0) }
        try expectOK { ips_batch_commit(batch, $0) }
        ips_batch_free(batch)
        try check([["one"], "inserted", .null, 2])
        // Several changes at once, and none.
        try with(IPS_NODE_SET, key: "a", 0..<0, [1]) { first in
            try with(IPS_NODE_SET, key: "b", 0..<0, [2]) { second in
                let both = [first.pointee, second.pointee]
                var empty = try put(test, [:])
                try expectOK { ips_store_edit_node(test.handle, &empty, "", both, 2, &edited, $0) }
                var expected = try put(test, ["a": 1, "b": 2])
                #expect(ips_cid_compare(&edited, &expected) == 0)
            }
        }
        var same = ips_cid()
        try expectOK { ips_store_edit_node(test.handle, &edited, "", nil, 0, &same, $0) }
        #expect(ips_cid_compare(&edited, &same) == 0)
        try test.verify()
    }

    @Test func aChangeThatMakesNoSenseIsRefused() throws {
        let test = try CStore()
        let store = test.handle
        var cid = try put(test, ["map": ["a": 1], "list": [1, 2, 3]])
        var edited = ips_cid()
        let before = try test.stat().blocks
        func refused(
            _ code: Int, _ path: String, _ kind: Int, key: String = "", _ range: Range<UInt64> = 0..<0,
            _ values: [IPLDValue] = []
        ) throws {
            try with(kind, key: key, range, values) { change in
                expect(code, "\(path) \(key)") {
                    ips_store_edit_node(store, &cid, path, change, 1, &edited, $0)
                }
            }
        }
        try refused(IPS_NOT_FOUND, "map/b", IPS_NODE_SET, key: "x", 0..<0, [1])
        try refused(IPS_NOT_FOUND, "map", IPS_NODE_REMOVE, key: "b")
        try refused(IPS_NOT_FOUND, "list", IPS_NODE_REPLACE, 3..<4)
        try refused(IPS_NOT_FOUND, "list", IPS_NODE_REPLACE, (.max - 1)..<(.max))
        try refused(IPS_INVALID, "list", IPS_NODE_SET, key: "0", 0..<0, [1])
        try refused(IPS_INVALID, "map", IPS_NODE_REPLACE, 0..<1)
        try refused(IPS_INVALID, "map/a", IPS_NODE_SET, key: "x", 0..<0, [1])
        try refused(IPS_INVALID, "map", IPS_NODE_SET, key: "x")
        try refused(IPS_INVALID, "map", IPS_NODE_SET, key: "x", 0..<0, [1, 2])
        try refused(IPS_INVALID, "map", 0)
        try refused(IPS_INVALID, "map", 4)
        var change = ips_node_change()
        change.kind = UInt32(IPS_NODE_REMOVE)
        expect(IPS_INVALID) { ips_store_edit_node(nil, &cid, "", &change, 1, &edited, $0) }
        expect(IPS_INVALID) { ips_store_edit_node(store, nil, "", &change, 1, &edited, $0) }
        expect(IPS_INVALID) { ips_store_edit_node(store, &cid, nil, &change, 1, &edited, $0) }
        expect(IPS_INVALID) { ips_store_edit_node(store, &cid, "", nil, 1, &edited, $0) }
        expect(IPS_INVALID) { ips_store_edit_node(store, &cid, "", &change, -1, &edited, $0) }
        expect(IPS_INVALID) { ips_store_edit_node(store, &cid, "", &change, .max, &edited, $0) }
        expect(IPS_INVALID) { ips_store_edit_node(store, &cid, "", &change, 1, nil, $0) }
        expect(IPS_INVALID) { ips_batch_edit_node(nil, &cid, "", &change, 1, &edited, $0) }
        change.key = ips_bytes(data: nil, len: 1)
        expect(IPS_INVALID) { ips_store_edit_node(store, &cid, "", &change, 1, &edited, $0) }
        [UInt8]([0xff, 0x18, 0x01]).withUnsafeBytes { bytes in
            change.key = ips_bytes(data: bytes.baseAddress, len: 1)
            expect(IPS_INVALID) { ips_store_edit_node(store, &cid, "map", &change, 1, &edited, $0) }
            // An integer that has a shorter form, then an unfinished one.
            change.kind = UInt32(IPS_NODE_SET)
            change.key = ips_bytes(data: nil, len: 0)
            change.values = ips_bytes(data: bytes.baseAddress?.advanced(by: 1), len: 2)
            expect(IPS_INVALID) { ips_store_edit_node(store, &cid, "map", &change, 1, &edited, $0) }
            change.values.len = 1
            expect(IPS_INVALID) { ips_store_edit_node(store, &cid, "map", &change, 1, &edited, $0) }
        }
        #expect(try test.stat().blocks == before)
    }

    @Test func elementsComeOneByOneIntoTheCallersBuffers() throws {
        let test = try CStore()
        let map = large()
        var cid = try put(test, ["map": .map(map), "list": [1, "two"]])
        var iterator: OpaquePointer?
        try expectOK { ips_store_elements(test.handle, &cid, "map", &iterator, $0) }
        var (position, count, isMap) = (UInt64(9), UInt64(9), false)
        try expectOK { ips_iter_tell_element(iterator, &position, &count, &isMap, $0) }
        #expect(position == 0 && count == UInt64(map.count) && isMap)
        var key = [UInt8](repeating: 0xee, count: 64)
        var value = [UInt8](repeating: 0xee, count: 64)
        var (keyLength, valueLength) = (0, 0)
        // What does not fit is told and not lost.
        for (keyRoom, valueRoom) in [(0, 64), (64, 0), (9, 64), (64, 11)] {
            expect(IPS_BUFFER_TOO_SMALL) {
                ips_iter_next_element(
                    iterator, &key, keyRoom, &keyLength, &value, valueRoom, &valueLength, $0)
            }
            #expect(keyLength == 10 && valueLength == 12)
            #expect(key.allSatisfy { $0 == 0xee } && value.allSatisfy { $0 == 0xee })
        }
        for element in map.prefix(5000) {
            try expectOK {
                ips_iter_next_element(iterator, &key, 64, &keyLength, &value, 64, &valueLength, $0)
            }
            #expect(String(decoding: key[..<keyLength], as: UTF8.self) == element.key)
            #expect(try Array(value[..<valueLength]) == DagCBOR.encode(element.value))
        }
        // Keys alone; values alone.
        try expectOK { ips_iter_next_element(iterator, &key, 64, &keyLength, nil, 0, nil, $0) }
        #expect(String(decoding: key[..<keyLength], as: UTF8.self) == "key 105000")
        try expectOK { ips_iter_next_element(iterator, nil, 0, nil, &value, 64, &valueLength, $0) }
        #expect(try Array(value[..<valueLength]) == DagCBOR.encode(["value", 105_001]))
        try expectOK { ips_iter_tell_element(iterator, &position, nil, nil, $0) }
        #expect(position == 5002)
        // From a key, there or not, and from a position.
        try Array("key 159999".utf8).withUnsafeBytes { bytes in
            try expectOK { ips_iter_seek_key(iterator, ips_bytes(bytes), $0) }
        }
        try expectOK { ips_iter_next_element(iterator, nil, 0, nil, nil, 0, nil, $0) }
        #expect(ips_iter_next_element(iterator, &key, 64, &keyLength, nil, 0, nil, nil) == IPS_END)
        try expectOK { ips_iter_seek_element(iterator, count - 1, $0) }
        try expectOK { ips_iter_next_element(iterator, &key, 64, &keyLength, nil, 0, nil, $0) }
        #expect(String(decoding: key[..<keyLength], as: UTF8.self) == "key 159999")
        try expectOK { ips_iter_seek_element(iterator, count, $0) }
        #expect(ips_iter_next_element(iterator, nil, 0, nil, nil, 0, nil, nil) == IPS_END)
        expect(IPS_INVALID) { ips_iter_seek_element(iterator, count + 1, $0) }
        // What is deleted meanwhile stays until the iterator goes.
        try expectOK { ips_iter_seek_element(iterator, 30_000, $0) }
        try expectOK { ips_store_dereference(test.handle, &cid, nil, .max, nil, $0) }
        try expectOK { ips_iter_next_element(iterator, &key, 64, &keyLength, nil, 0, nil, $0) }
        #expect(String(decoding: key[..<keyLength], as: UTF8.self) == "key 130000")
        ips_iter_close(iterator)
        try expectOK { ips_store_gc(test.handle, .max, nil, nil, nil, $0) }
        #expect(try test.stat().blocks == 0)
    }

    @Test func elementsOfOtherThings() throws {
        let test = try CStore()
        var cid = try put(test, ["list": [1, "two"], "empty": [:], "one": 1])
        var iterator: OpaquePointer?
        var value = [UInt8](repeating: 0, count: 64)
        var (length, isMap) = (0, true)
        try expectOK { ips_store_elements(test.handle, &cid, "list", &iterator, $0) }
        try expectOK { ips_iter_tell_element(iterator, nil, nil, &isMap, $0) }
        var keyLength = 7
        try expectOK { ips_iter_next_element(iterator, nil, 0, &keyLength, &value, 64, &length, $0) }
        #expect(!isMap && keyLength == 0 && value[..<length] == [1])
        expect(IPS_INVALID) { ips_iter_seek_key(iterator, ips_bytes(data: nil, len: 0), $0) }
        var root = ips_root()
        expect(IPS_INVALID) { ips_iter_next_root(iterator, &root, $0) }
        expect(IPS_INVALID) { ips_iter_next_element(iterator, nil, 1, nil, nil, 0, nil, $0) }
        ips_iter_close(iterator)
        expect(IPS_INVALID) { ips_iter_next_element(iterator, nil, 0, nil, nil, 0, nil, $0) }
        try expectOK { ips_store_elements(test.handle, &cid, "empty", &iterator, $0) }
        #expect(ips_iter_next_element(iterator, nil, 0, nil, nil, 0, nil, nil) == IPS_END)
        ips_iter_close(iterator)
        iterator = nil
        expect(IPS_INVALID) { ips_store_elements(test.handle, &cid, "one", &iterator, $0) }
        expect(IPS_NOT_FOUND) { ips_store_elements(test.handle, &cid, "none", &iterator, $0) }
        expect(IPS_INVALID) { ips_store_elements(test.handle, &cid, nil, &iterator, $0) }
        expect(IPS_INVALID) { ips_store_elements(test.handle, &cid, "", nil, $0) }
        #expect(iterator == nil)
        var roots: OpaquePointer?
        try expectOK { ips_root_list(test.handle, nil, &roots, $0) }
        expect(IPS_INVALID) { ips_iter_next_element(roots, nil, 0, nil, nil, 0, nil, $0) }
        expect(IPS_INVALID) { ips_iter_tell_element(roots, nil, nil, nil, $0) }
        ips_iter_close(roots)
    }

    /// A value that claims to be huge costs what the caller has room for.
    @Test func aHugeClaimIsToldAndNotRead() throws {
        let test = try CStore()
        let size: IPLDValue = .integer(1 << 40)
        let absent: IPLDValue = .link(
            try [UInt8]([9]).withUnsafeBytes { try CID(hashing: $0, codec: .dagCBOR, hash: .blake3) })
        var cid = try put(test, 1)
        try DagCBOR.encode(["ipldstore/node": ["list", 1, [[absent, size, size]]]]).withUnsafeBytes { bytes in
            try expectOK {
                ips_store_put_block(test.handle, ips_bytes(bytes), 0x71, &cid, $0)
            }
        }
        var length = 0
        expect(IPS_BUFFER_TOO_SMALL) { ips_store_get_node(test.handle, &cid, nil, 0, &length, $0) }
        #expect(length == (1 << 40) + 9)
        var iterator: OpaquePointer?
        try expectOK { ips_store_elements(test.handle, &cid, "", &iterator, $0) }
        expect(IPS_NOT_FOUND) { ips_iter_next_element(iterator, nil, 0, nil, nil, 0, nil, $0) }
        ips_iter_close(iterator)
    }
}
