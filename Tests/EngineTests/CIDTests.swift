import TestSupport
import Testing

@testable import IpldEngine

@Suite struct CIDTests {
    private struct Facts: Decodable {
        let valid: [Valid]
        let invalid: [Invalid]

        struct Valid: Decodable {
            let s: String
            let v1: String?
            let v1_base58: String?
            let codec: String?
            let digest: String?
        }

        struct Invalid: Decodable {
            let s: String
            let why: String
        }
    }

    private static func facts() throws -> Facts { try CodecFixture.own("cid/cid-facts.json", as: Facts.self) }

    @Test func acceptedTextsRoundTrip() throws {
        for fact in try Self.facts().valid {
            let cid = try CID(parsing: fact.s)
            let base = fact.s.utf8.first.flatMap { Multibase(prefix: $0) } ?? .base58btc
            #expect(try cid.formatted(in: base) == fact.s)
            #expect(try CID(parsing: cid.description) == cid)
            #expect(cid.version == (fact.s.hasPrefix("Qm") ? 0 : 1))
            if let codec = fact.codec { #expect(cid.codec == (codec == "raw" ? .raw : .dagPB)) }
            if let digest = fact.digest { #expect(cid.withDigest { CodecFixture.hex($0) } == digest) }
            if let text = fact.v1 {
                #expect(cid.inVersion1.description == text)
                #expect(try CID(parsing: text).inVersion0() == cid)
            }
            if let text = fact.v1_base58 { #expect(try cid.inVersion1.formatted(in: .base58btc) == text) }
        }
    }

    @Test func refusedTextsAreRefused() throws {
        for fact in try Self.facts().invalid {
            #expect(throws: CIDError.self, "\(fact.why)") { try CID(parsing: fact.s) }
        }
    }

    @Test func version0HasOneText() throws {
        let cid = try CID(parsing: "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n")
        #expect(cid.inVersion1.description == "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
        #expect(throws: CIDError.prefixedVersion0) { try cid.formatted(in: .base32) }
        #expect(throws: CIDError.prefixedVersion0) { try CID(parsing: "z" + cid.description) }
        let raw = try CID(parsing: "bafkqaaa")
        #expect(throws: CIDError.noVersion0Form) { try raw.inVersion0() }
        #expect(raw.inVersion1 == raw)
    }

    @Test func everyBaseReadsBack() throws {
        var random = SplitMix(state: 1)
        for _ in 0..<100 {
            let cid = random.cid().inVersion1
            for base in Multibase.allCases {
                #expect(try CID(parsing: cid.formatted(in: base)) == cid)
            }
        }
    }

    @Test func binaryRoundTrips() throws {
        var random = SplitMix(state: 2)
        for _ in 0..<1000 {
            let cid = random.cid()
            var bytes: [UInt8] = [7]
            cid.appendBinary(to: &bytes)
            bytes.removeFirst()
            #expect(bytes.count == cid.binaryLength && bytes.count <= CID.maximumBinaryLength)
            #expect(try bytes.cid() == cid)
            #expect(throws: CIDError.trailingBytes(offset: bytes.count)) { try (bytes + [0]).cid() }
            let (prefix, length) = try (bytes + [1, 2]).withUnsafeBytes { try CID.parsePrefix(of: $0) }
            #expect(prefix == cid && length == bytes.count)
            for end in 0..<bytes.count {
                #expect(throws: CIDError.self) { try Array(bytes[..<end]).cid() }
            }
            withUnsafeTemporaryAllocation(byteCount: bytes.count - 1, alignment: 1) {
                #expect(cid.writeBinary(to: $0) == 0)
            }
        }
    }

    @Test func longestFormFits() throws {
        let code = Varint.limit - 1
        let cid = try #require(
            LayoutFixture.randomBytes(64, seed: 1).withUnsafeBytes {
                CID(codec: .init(rawValue: code), hash: .init(rawValue: code), digest: $0)
            })
        #expect(cid.binaryLength == CID.maximumBinaryLength)
        #expect(try cid.withBinary { try CID(binary: $0) } == cid)
        #expect(try CID(parsing: cid.formatted(in: .base2)) == cid)
    }

    @Test func valuesWithoutABinaryFormDoNotExist() {
        let digest = [UInt8](repeating: 1, count: 65)
        func make(
            _ length: Int, version: UInt8 = 1, codec: UInt64 = 0x55, hash: CID.HashFunction = .blake3
        ) -> CID? {
            digest.prefix(length).withUnsafeBytes {
                CID(version: version, codec: .init(rawValue: codec), hash: hash, digest: $0)
            }
        }
        #expect(make(32) != nil && make(64) != nil && make(20) != nil)
        #expect(make(65) == nil && make(19) == nil && make(0) == nil)
        #expect(make(0, hash: .identity) != nil && make(64, hash: .identity) != nil)
        #expect(make(33, hash: .sha256) == nil && make(19, hash: .sha256) == nil)
        #expect(make(32, codec: 1 << 63) == nil && make(32, hash: .init(rawValue: 1 << 63)) == nil)
        #expect(make(32, version: 2) == nil && make(32, version: 0, hash: .sha256) == nil)
        #expect(make(32, version: 0, codec: 0x70, hash: .sha256) != nil)
        #expect(make(31, version: 0, codec: 0x70, hash: .sha256) == nil)
    }

    @Test func orderIsThatOfTheBinaryForms() {
        var random = SplitMix(state: 3)
        let cids = (0..<300).map { _ in random.cid() }
        let binary = cids.map { cid in cid.withBinary { Array($0) } }
        for _ in 0..<3000 {
            let (a, b) = (Int.random(in: 0..<300, using: &random), Int.random(in: 0..<300, using: &random))
            #expect((cids[a] < cids[b]) == binary[a].lexicographicallyPrecedes(binary[b]))
        }
    }

    /// Published values: SHA2-256 and BLAKE3 of "Hello, World!" (the second among the facts), and identities.
    @Test func hashing() throws {
        func cid(_ text: String, _ hash: CID.HashFunction, _ codec: CID.Codec = .raw) throws -> String {
            let bytes = Array(text.utf8)
            return try bytes.withUnsafeBytes { try CID(hashing: $0, codec: codec, hash: hash) }.description
        }
        #expect(
            try cid("Hello, World!", .blake3)
                == "bafkr4ibirkdkphzauplnztoko4j35lwrpb4yffv57j4rh6rkmlmxe67y7a")
        #expect(try cid("", .sha256) == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
        #expect(try cid("", .identity) == "bafkqaaa")
        #expect(try cid("\u{8}\u{1}", .identity, .dagPB) == "bafyaaaqiae")
        let sha512 = CID.HashFunction(rawValue: 0x13)
        #expect(throws: CIDError.unsupportedHash(sha512)) { try cid("", sha512) }
        #expect(throws: CIDError.digestTooLong(65)) { try cid(String(repeating: "a", count: 65), .identity) }
    }

    @Test func matching() throws {
        let bytes = LayoutFixture.randomBytes(1000, seed: 9)
        for hash in [CID.HashFunction.blake3, .sha256] {
            let cid = try bytes.withUnsafeBytes { try CID(hashing: $0, codec: .raw, hash: hash) }
            #expect(try bytes.withUnsafeBytes { try cid.matches($0) })
            #expect(try !bytes.dropLast().withUnsafeBytes { try cid.matches($0) })
            let truncated = try #require(
                cid.withDigest { digest in
                    CID(codec: .raw, hash: hash, digest: UnsafeRawBufferPointer(rebasing: digest[..<20]))
                })
            #expect(try bytes.withUnsafeBytes { try truncated.matches($0) })
            #expect(try !bytes.dropLast().withUnsafeBytes { try truncated.matches($0) })
        }
        let identity = try CID(parsing: "bafkqaaa")
        #expect(try [UInt8]().withUnsafeBytes { try identity.matches($0) })
        #expect(try ![UInt8](repeating: 0, count: 1).withUnsafeBytes { try identity.matches($0) })
        let keccak = try #require(
            bytes.prefix(32).withUnsafeBytes { CID(codec: .raw, hash: .init(rawValue: 0x1b), digest: $0) })
        #expect(throws: CIDError.unsupportedHash(.init(rawValue: 0x1b))) {
            try bytes.withUnsafeBytes { try keccak.matches($0) }
        }
    }

    static let hostileBinary: [(String, CIDError)] = [
        ("", CIDError.truncated(offset: 0)), ("01", .truncated(offset: 1)),
        ("0155", .truncated(offset: 2)), ("02", .unsupportedVersion(2)), ("1220", .truncated(offset: 2)),
        ("015500ffffffffffffffff7f", .digestTooLong(UInt64(Int64.max))), ("01550041", .digestTooLong(65)),
        ("0155000500", .truncated(offset: 5)), ("01551220", .truncated(offset: 4)),
        ("01551221", .wrongDigestLength(33)), ("01551e13", .wrongDigestLength(19)),
        ("01d500", .varintNotMinimal(offset: 1)), ("8100", .varintNotMinimal(offset: 0)),
        ("01ffffffffffffffffff01", .varintTooLong(offset: 1)),
    ]

    @Test(arguments: hostileBinary)
    func hostileBinaryIsRefused(hex: String, error: CIDError) throws {
        let bytes = try CodecFixture.bytes(hex: hex)
        #expect(throws: error) { try bytes.cid() }
    }

    @Test func mutatedBytesNeverTrap() throws {
        var random = SplitMix(state: 4)
        var accepted = 0
        for _ in 0..<50_000 {
            var bytes = random.cid().withBinary { Array($0) }
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<min(bytes.count, 8), using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            guard let cid = try? bytes.cid() else { continue }
            accepted += 1
            if cid.withBinary({ Array($0) }) != bytes { Issue.record("\(CodecFixture.hex(bytes))") }
        }
        #expect(accepted > 1000)
    }

    @Test func errorsBecomeStoreErrors() {
        #expect(StoreError(CIDError.truncated(offset: 3)).code == .invalid)
        #expect(StoreError(CIDError.unsupportedVersion(2)).code == .invalid)
        #expect(StoreError(CIDError.digestTooLong(65)).code == .unsupported)
        #expect(StoreError(CIDError.unsupportedBase).code == .unsupported)
    }
}
