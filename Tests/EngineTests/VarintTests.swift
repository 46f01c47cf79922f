import Testing

@testable import IpldEngine

@Suite struct VarintTests {
    private struct Facts: Decodable {
        let valid: [Valid]
        let invalid: [[String]]

        struct Valid: Decodable {
            let hex: String
            let value: UInt64

            init(from decoder: any Decoder) throws {
                var fields = try decoder.unkeyedContainer()
                hex = try fields.decode(String.self)
                value = try fields.decode(UInt64.self)
            }
        }
    }

    private func read(_ bytes: [UInt8]) throws -> (value: UInt64, length: Int) {
        try bytes.withUnsafeBytes { bytes in
            var offset = 0
            return (try Varint.read(bytes, at: &offset), offset)
        }
    }

    @Test func factsHold() throws {
        let facts = try CodecFixture.own("cid/varint.json", as: Facts.self)
        for fact in facts.valid {
            let bytes = try CodecFixture.bytes(hex: fact.hex)
            #expect(try read(bytes) == (fact.value, bytes.count))
            var written: [UInt8] = []
            try Varint.append(fact.value, to: &written)
            #expect(written == bytes)
            #expect(Varint.length(of: fact.value) == bytes.count)
        }
        for fact in facts.invalid {
            #expect(throws: CIDError.self, "\(fact)") { try read(CodecFixture.bytes(hex: fact[0])) }
        }
        #expect(!facts.valid.isEmpty && !facts.invalid.isEmpty)
    }

    @Test func everyLengthRoundTrips() throws {
        for bit in 0..<63 {
            let power = UInt64(1) << UInt64(bit)
            for value in [power - 1, power, power + 1] {
                var bytes: [UInt8] = []
                try Varint.append(value, to: &bytes)
                #expect(bytes.count == Varint.length(of: value) && bytes.count <= Varint.maximumLength)
                #expect(try read(bytes + [0x80]) == (value, bytes.count))
            }
        }
    }

    @Test func valuesWithoutAFormAreRefused() {
        var bytes: [UInt8] = []
        #expect(throws: CIDError.varintTooLong(offset: 0)) { try Varint.append(1 << 63, to: &bytes) }
        #expect(bytes.isEmpty)
    }

    @Test func errorsSayWhere() {
        #expect(throws: CIDError.truncated(offset: 0)) { try read([]) }
        #expect(throws: CIDError.truncated(offset: 2)) { try read([0x80, 0x80]) }
        #expect(throws: CIDError.varintNotMinimal(offset: 0)) { try read([0x80, 0x00]) }
        #expect(throws: CIDError.varintTooLong(offset: 0)) { try read([UInt8](repeating: 0xff, count: 20)) }
    }
}
