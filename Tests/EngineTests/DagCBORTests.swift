import Foundation
import TestSupport
import Testing

@testable import IpldEngine

@Suite struct DagCBORTests {
    private struct StrictCase: Decodable {
        let id: String
        let hex: String
        let strict: String
    }

    private func decode(hex: String) throws -> IPLDValue {
        try DagCBOR.decode(CodecFixture.bytes(hex: hex))
    }

    private func validate(_ bytes: [UInt8]) throws(CodecError) {
        try bytes.withBytes { (bytes) throws(CodecError) in try DagCBOR.validate(bytes) }
    }

    private func links(_ bytes: [UInt8]) throws -> [CID] {
        try bytes.withUnsafeBytes { try DagCBOR.links(in: $0) }
    }

    @Test func strictCases() throws {
        let cases = try CodecFixture.own("dag-cbor/strict_cases.json", as: [StrictCase].self)
        for fixture in cases {
            let bytes = try CodecFixture.bytes(hex: fixture.hex)
            if fixture.strict == "accept" {
                #expect(try DagCBOR.encode(DagCBOR.decode(bytes)) == bytes, "\(fixture.id)")
                #expect(throws: Never.self, "\(fixture.id)") { try validate(bytes) }
            } else {
                #expect(throws: CodecError.self, "\(fixture.id)") { try DagCBOR.decode(bytes) }
                #expect(throws: CodecError.self, "\(fixture.id)") { try validate(bytes) }
                #expect(throws: CodecError.self, "\(fixture.id)") { try links(bytes) }
            }
        }
        #expect(cases.count == 73)
    }

    @Test(.enabled(if: CodecFixture.shared != nil, CodecFixture.skipReason))
    func blocksOfOtherImplementations() throws {
        let folder = try #require(CodecFixture.shared).appendingPathComponent("dag-cbor/codec-fixtures")
        var count = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let fixture = folder.appendingPathComponent(name)
            for file in try FileManager.default.contentsOfDirectory(atPath: fixture.path) {
                let bytes = [UInt8](try Data(contentsOf: fixture.appendingPathComponent(file)))
                let value = try DagCBOR.decode(bytes)
                #expect(try DagCBOR.encode(value) == bytes, "\(name)")
                #expect(try DagJSON.decode(string(DagJSON.encode(value))) == value, "\(name)")
                let cid = try bytes.withUnsafeBytes { try CID(hashing: $0, codec: .dagCBOR, hash: .sha256) }
                #expect("\(cid).dag-cbor" == file)
                #expect(throws: Never.self) { try links(bytes) }
                count += 1
            }
        }
        #expect(count >= 40)
    }

    private func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Examples of RFC 8949, appendix A, in both directions.
    static let publishedExamples: [(String, IPLDValue)] = [
        ("00", 0), ("17", 23), ("1818", 24), ("18ff", 255), ("190100", 256),
        ("1903e8", 1000), ("1a000f4240", 1_000_000), ("1b000000e8d4a51000", 1_000_000_000_000),
        ("1bffffffffffffffff", .integer(18_446_744_073_709_551_615)),
        ("3bffffffffffffffff", .integer(-18_446_744_073_709_551_616)),
        ("20", -1), ("29", -10), ("3863", -100), ("3903e7", -1000),
        ("fb3ff199999999999a", 1.1), ("fb7e37e43c8800759c", 1.0e+300), ("fb8000000000000000", .float(-0.0)),
        ("fb0000000000000000", .float(0.0)), ("fbc010666666666666", -4.1),
        ("f4", false), ("f5", true), ("f6", .null), ("40", .bytes([])), ("4401020304", .bytes([1, 2, 3, 4])),
        ("60", ""), ("6161", "a"), ("6449455446", "IETF"), ("62225c", "\"\\"), ("62c3bc", "\u{fc}"),
        ("63e6b0b4", "\u{6c34}"), ("64f0908591", "\u{10151}"),
        ("80", []), ("83010203", [1, 2, 3]), ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("a0", [:]), ("a26161016162820203", ["a": 1, "b": [2, 3]]), ("826161a161626163", ["a", ["b": "c"]]),
    ]

    @Test(arguments: publishedExamples)
    func examples(hex: String, value: IPLDValue) throws {
        #expect(try DagCBOR.encode(value) == CodecFixture.bytes(hex: hex))
        #expect(try decode(hex: hex) == value)
    }

    static let hostileInput: [(String, CodecError.Kind, Int)] = [
        ("9b8000000000000000010203", CodecError.Kind.truncated, 0), ("9bffffffffffffffff", .truncated, 0),
        ("bb800000000000000001", .truncated, 0), ("bbffffffffffffffff", .truncated, 0),
        ("5b8000000000000000", .truncated, 0), ("7bffffffffffffffff", .truncated, 0),
        ("a2616100", .truncated, 0), ("8200", .truncated, 0), ("", .truncated, 0), ("820083", .truncated, 2),
        ("0000", .trailingBytes, 1), ("1817", .notMinimal, 0), ("811900ff", .notMinimal, 1),
        ("9f", .indefiniteLength, 0), ("81ff", .indefiniteLength, 1), ("1c", .reservedHeader, 0),
        ("c000", .unsupportedTag, 0), ("d82b00", .unsupportedTag, 0), ("f7", .unsupportedSimple, 0),
        ("f93c00", .unsupportedFloat, 0), ("fa3f800000", .unsupportedFloat, 0),
        ("fb7ff8000000000000", .notFinite, 0), ("fb7ff0000000000000", .notFinite, 0),
        ("8162c328", .notUTF8, 1), ("64f4908080", .notUTF8, 0), ("64f0808080", .notUTF8, 0),
        ("61c3", .notUTF8, 0), ("6161ff", .trailingBytes, 2), ("a10000", .keyNotText, 1),
        ("a2616200616100", .keyOrder, 4), ("a26261610061620000", .keyOrder, 5),
        ("a2616100616100", .duplicateKey, 4), ("d82a00", .invalidLink(nil), 0),
        ("d82a40", .invalidLink(nil), 0), ("d82a450155000100", .invalidLink(nil), 0),
        ("d82a4500015500", .truncated, 2),
        ("d82a44000155ff", .invalidLink(.truncated(offset: 3)), 0),
        ("d82a460001550001aabb", .trailingBytes, 9),
    ]

    @Test(arguments: hostileInput)
    func hostileInputIsRefused(hex: String, kind: CodecError.Kind, offset: Int) throws {
        let bytes = try CodecFixture.bytes(hex: hex)
        let error = CodecError(kind, at: offset)
        #expect(throws: error) { try DagCBOR.decode(bytes) }
        #expect(throws: error) { try validate(bytes) }
    }

    @Test func valuesWithoutAFormAreRefused() throws {
        for value in [IPLDValue.integer(1 << 64), .integer(-(1 << 64) - 1), .integer(.max), .integer(.min)] {
            #expect(throws: CodecError(.integerRange, at: 1)) { try DagCBOR.encode([value]) }
        }
        for number in [Double.nan, .infinity, -.infinity, .signalingNaN] {
            #expect(throws: CodecError(.notFinite, at: 0)) { try DagCBOR.encode(.float(number)) }
        }
    }

    @Test func keysAreSortedAndUnique() throws {
        let map: IPLDValue = ["bb": 1, "a": 2, "": 3, "ab": 4, "é": 5, "aaa": 6]
        #expect(try CodecFixture.hex(DagCBOR.encode(map)) == "a66003616102626162046262620162c3a9056361616106")
        #expect(throws: CodecError(.duplicateKey, at: 2)) {
            try IPLDMap([("b", .null), ("a", .null), ("b", .null)])
        }
        // Equal to Swift's String, and yet two keys.
        let twins: IPLDValue = ["\u{e9}": 1, "e\u{301}": 2]
        #expect(try CodecFixture.hex(DagCBOR.encode(twins)) == "a262c3a9016365cc8102")
        #expect(IPLDValue.text("\u{e9}") != .text("e\u{301}"))
    }

    @Test func mapsAreCollections() throws {
        var map: IPLDMap = ["b": 1, "a": 2]
        map["c"] = 3
        map["b"] = nil
        map["zz"] = nil
        #expect(map.map(\.key) == ["a", "c"] && map["a"] == 2 && map["b"] == nil)
        #expect(try map == IPLDMap([("c", 3), ("a", 2)]))
    }

    @Test func linksAreDistinctAndInOrder() throws {
        var random = SplitMix(state: 5)
        let cids = (0..<600).map { _ in random.cid() }
        for count in [0, 1, 7, 8, 9, 600] {
            let all = cids.prefix(count)
            let value: IPLDValue = [
                .list(all.map { .link($0) }), ["a": .list(all.reversed().map { ["b": .link($0)] })],
                .bytes(cids[0].withBinary { Array($0) }),
            ]
            var expected: [CID] = []
            for cid in all where !expected.contains(cid) { expected.append(cid) }
            #expect(try links(DagCBOR.encode(value)) == expected)
        }
    }

    @Test func equalBeginningsCostNoMore() throws {
        var writer = DagCBORWriter()
        writer.listHeader(20_000)
        var digest = [UInt8](repeating: 7, count: 32)
        for index in 0..<20_000 {
            (digest[30], digest[31]) = (UInt8(index >> 8), UInt8(index & 255))
            writer.link(try #require(digest.withUnsafeBytes { CID(codec: .raw, hash: .blake3, digest: $0) }))
        }
        let clock = ContinuousClock()
        let start = clock.now
        #expect(try links(writer.output).count == 20_000)
        #expect(clock.now - start < .seconds(1))
    }

    @Test func nestingIsBounded() throws {
        func nested(_ levels: Int) -> [UInt8] { [UInt8](repeating: 0x81, count: levels) + [0x80] }
        let deepest = nested(IPLDValue.maximumDepth - 1)
        #expect(throws: Never.self) { try validate(deepest) }
        let value = try DagCBOR.decode(deepest)
        #expect(try DagCBOR.encode(value) == deepest)
        for levels in [IPLDValue.maximumDepth, 1_000_000] {
            let error = CodecError(.tooDeep, at: IPLDValue.maximumDepth)
            #expect(throws: error) { try DagCBOR.decode(nested(levels)) }
            #expect(throws: error) { try validate(nested(levels)) }
            #expect(throws: error) { try links(nested(levels)) }
        }
        #expect(throws: CodecError.self) { try DagCBOR.encode([value]) }
        let maps = [UInt8](Array(repeating: [0xa1, 0x60], count: 1_000_000).joined())
        #expect(throws: CodecError(.tooDeep, at: 2 * IPLDValue.maximumDepth)) { try DagCBOR.decode(maps) }
    }

    /// A host may call from a thread with a small stack: 320 KiB are enough for the deepest value.
    @Test func theDeepestValueFitsASmallStack() throws {
        let levels = IPLDValue.maximumDepth
        let maps = [UInt8](Array(repeating: [0xa1, 0x60], count: levels - 1).joined()) + [0x80]
        let lists = [UInt8](repeating: 0x81, count: levels - 1) + [0x80]
        let done = DispatchSemaphore(value: 0)
        let agrees = Agreement()
        let thread = Thread {
            agrees.value = [maps, lists].allSatisfy { bytes in
                guard let value = try? DagCBOR.decode(bytes), let again = try? DagCBOR.decode(bytes),
                    let text = try? DagJSON.encode(value),
                    let read = try? DagJSON.decode(String(decoding: text, as: UTF8.self))
                else { return false }
                return value == again && read == value && (try? DagCBOR.encode(value)) == bytes
                    && (try? self.validate(bytes)) != nil
            }
            done.signal()
        }
        #if DEBUG
            thread.stackSize = 8 << 20  // frames of a build that is not optimized
        #else
            thread.stackSize = 320 << 10
        #endif
        thread.start()
        done.wait()
        #expect(agrees.value)
    }

    private final class Agreement: @unchecked Sendable { var value = false }

    /// Each level claims all that is left: room must come with the items, not with the claim.
    @Test func nestedClaimsReserveNothing() throws {
        var bytes: [UInt8] = []
        for _ in 0..<1000 { bytes += [0x9a, 0x00, 0x0f, 0x00, 0x00] }
        bytes += [UInt8](repeating: 0xf6, count: 1 << 20)
        #expect(throws: CodecError.self) { try DagCBOR.decode(bytes) }
    }

    @Test func randomValuesRoundTrip() throws {
        var random = SplitMix(state: 6)
        for _ in 0..<5000 {
            let value = random.value()
            let bytes = try DagCBOR.encode(value)
            #expect(try DagCBOR.decode(bytes) == value)
            #expect(throws: Never.self) { try validate(bytes) }
        }
    }

    @Test func mutatedBytesNeverTrap() throws {
        var random = SplitMix(state: 7)
        let seeds = try (0..<200).map { _ in try DagCBOR.encode(random.value()) }
        var accepted = 0
        for round in 0..<200_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch random.next() % 4 {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes[index] ^= 1 << UInt8(random.next() % 8)
                case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: index)
                default: if bytes.count > 1 { bytes.remove(at: index) }
                }
            }
            let value = try? DagCBOR.decode(bytes)
            let isValid = (try? validate(bytes)) != nil
            if isValid != (value != nil) { Issue.record("\(CodecFixture.hex(bytes))") }
            guard let value else { continue }
            accepted += 1
            if try DagCBOR.encode(value) != bytes { Issue.record("\(CodecFixture.hex(bytes))") }
        }
        #expect(accepted > 1000)
    }

    @Test func cursorReadsWhatTheWriterWrote() throws {
        let cid = try CID(parsing: "bafkqaaa")
        var writer = DagCBORWriter(capacity: 64)
        writer.mapHeader(2)
        writer.text("size")
        writer.unsigned(300)
        writer.text("children")
        writer.listHeader(2)
        writer.link(cid)
        writer.weakLink(cid)
        try writer.output.withUnsafeBytes { bytes in
            var reader = DagCBORReader(bytes)
            #expect(try reader.readMapHeader() == 2)
            try reader.readKey("size")
            #expect(try reader.readUnsigned() == 300)
            try reader.readKey("children")
            let start = reader
            try reader.readListHeader(count: 2)
            #expect(try reader.peekKind() == .link)
            #expect(try reader.readLink() == cid)
            #expect(try reader.readWeakLink() == cid)
            #expect(reader.isAtEnd && reader.remaining == 0)
            reader = start
            #expect(throws: CodecError(.unexpectedKind, at: reader.offset)) { try reader.readUnsigned() }
            try reader.skipValue()
            try reader.finish()
        }
    }

    @Test func errorsBecomeStoreErrors() {
        #expect(StoreError(CodecError(.keyOrder, at: 1)).code == .invalid)
        #expect(StoreError(CodecError(.invalidLink(.truncated(offset: 1)), at: 1)).code == .invalid)
        #expect(StoreError(CodecError(.invalidLink(.digestTooLong(99)), at: 1)).code == .unsupported)
    }
}
