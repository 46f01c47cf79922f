import TestSupport
import Testing

@testable import IpldEngine

@Suite struct DagJSONTests {
    private func encode(_ value: IPLDValue) throws -> String {
        String(decoding: try DagJSON.encode(value), as: UTF8.self)
    }

    private static let raw = "bafkqaaa"
    private static let version0 = "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"

    static let forms: [(String, IPLDValue)] = [
        ("null", .null), ("true", true), ("false", false), ("0", 0), ("-1", -1),
        ("18446744073709551615", .integer((1 << 64) - 1)), ("-18446744073709551616", .integer(-(1 << 64))),
        ("0.0", .float(0)), ("-0.0", .float(-0.0)), ("1.0", 1.0), ("0.1", 0.1), ("1e+300", 1e300),
        ("5e-324", .float(.leastNonzeroMagnitude)),
        ("1.7976931348623157e+308", .float(.greatestFiniteMagnitude)),
        ("8.940696716308594e-08", 8.940696716308594e-8), ("123456789012345.6", 123_456_789_012_345.6),
        ("\"\"", ""),
        (
            "\"a\\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}é漢😀\"",
            "a\"\\/\u{8}\t\n\u{c}\r\0\u{1f}\u{7f}é漢😀"
        ),
        ("[]", []), ("{}", [:]), ("[1,[2.5,\"x\"],{\"a\":null}]", [1, [2.5, "x"], ["a": .null]]),
        ("{\"/\":{\"bytes\":\"\"}}", .bytes([])), ("{\"/\":{\"bytes\":\"AQID/w\"}}", .bytes([1, 2, 3, 255])),
        // Sorted bytewise, not shortest first.
        ("{\"\":0,\"aaa\":1,\"b\":2}", ["b": 2, "aaa": 1, "": 0]),
        // Near the reserved forms, and none of them.
        ("{\"/\":1}", ["/": 1]), ("{\"/\":true,\"bar\":\"baz\"}", ["/": true, "bar": "baz"]),
        ("{\"!\":0,\"/\":\"foo\"}", ["!": 0, "/": "foo"]), ("{\"/\":{}}", ["/": [:]]),
        ("{\"/\":{\"bytes\":true},\"bar\":\"baz\"}", ["/": ["bytes": true], "bar": "baz"]),
        ("{\"/\":{\"abar\":\"baz\",\"bytes\":\"foo\"}}", ["/": ["abar": "baz", "bytes": "foo"]]),
        ("{\"/\":{\"/\":{\"bytes\":\"AQ\"}}}", ["/": .bytes([1])]),
    ]

    @Test(arguments: forms)
    func canonicalForms(text: String, value: IPLDValue) throws {
        #expect(try encode(value) == text)
        #expect(try DagJSON.decode(text) == value)
    }

    @Test func links() throws {
        for text in [Self.raw, Self.version0] {
            let json = "{\"/\":\"\(text)\"}"
            let link = IPLDValue.link(try CID(parsing: text))
            #expect(try DagJSON.decode(json) == link)
            #expect(try encode(link) == json)
            #expect(try DagJSON.decode(encode(["/": link])) == ["/": link])
            #expect(try DagJSON.decode(encode(["/": ["bytes": link]])) == ["/": ["bytes": link]])
        }
        // One text for each CID.
        let other = try CID(parsing: Self.raw).formatted(in: .base58btc)
        #expect(throws: CodecError(.invalidLink(.unsupportedBase), at: 0)) {
            try DagJSON.decode("{\"/\":\"\(other)\"}")
        }
    }

    @Test func otherFormsAreRead() throws {
        #expect(try DagJSON.decode(" {\"b\" : 1 ,\r\n\t\"a\":[ ] } ") == ["a": [], "b": 1])
        #expect(try DagJSON.decode("\"\\u0041\\ud83d\\ude00\\/\"") == "A😀/")
        #expect(try DagJSON.decode("[1E2,1e+2,1.5e-1,-0]") == [100.0, 100.0, 0.15, 0])
    }

    static let hostileText: [(String, CodecError.Kind, Int)] = [
        ("", CodecError.Kind.truncated, 0), (" ", .truncated, 1), ("[1", .truncated, 2),
        ("\"a", .truncated, 2),
        ("{\"a\"", .truncated, 4), ("nul", .truncated, 3), ("-", .truncated, 1), ("1.", .truncated, 2),
        ("\"\\u12", .truncated, 5), ("\"\\", .truncated, 2),
        ("nulL", .syntax, 0), ("[1,]", .syntax, 3), ("[,1]", .syntax, 1), ("{,}", .syntax, 1),
        ("{\"a\":1,}", .syntax, 7), ("{a:1}", .syntax, 1), ("{\"a\" 1}", .syntax, 5), ("[1 2]", .syntax, 3),
        ("01", .syntax, 0), ("-01", .syntax, 0), ("+1", .syntax, 0), (".5", .syntax, 0), ("1.e5", .syntax, 2),
        ("1e", .truncated, 2), ("1ex", .syntax, 2), ("NaN", .syntax, 0), ("Infinity", .syntax, 0),
        ("'a'", .syntax, 0), ("\"\t\"", .syntax, 1), ("\"\\x\"", .syntax, 2), ("\"\\u12g4\"", .syntax, 5),
        ("\u{feff}1", .syntax, 0), ("// x\n1", .syntax, 0), ("1 2", .trailingBytes, 2),
        ("{}]", .trailingBytes, 2),
        ("\"\\ud800\"", .notUTF8, 3), ("\"\\udc00\"", .notUTF8, 3), ("\"\\ud800\\u0041\"", .notUTF8, 3),
        ("18446744073709551616", .integerRange, 0), ("-18446744073709551617", .integerRange, 0),
        ("100000000000000000000000000000000000000000000", .integerRange, 0), ("1e400", .notFinite, 0),
        ("{\"a\":1,\"a\":2}", .duplicateKey, 0), ("{\"a\":1,\"\\u0061\":2}", .duplicateKey, 0),
        ("{\"/\":\"foo\",\"bar\":\"baz\"}", .reservedForm, 0),
        ("{\"bar\":\"baz\",\"/\":\"foo\"}", .reservedForm, 0),
        ("{\"/\":{\"bytes\":\"AQ\",\"c\":1}}", .reservedForm, 0),
        ("[{\"/\":{\"bytes\":\"AQ\"},\"bar\":1}]", .reservedForm, 1),
        ("{\"/\":{\"bytes\":\"A\"}}", .reservedForm, 0), ("{\"/\":{\"bytes\":\"AR\"}}", .reservedForm, 0),
        ("{\"/\":{\"bytes\":\"AQ==\"}}", .reservedForm, 0),
        ("{\"/\":\"\"}", .invalidLink(.truncated(offset: 0)), 0),
        ("{\"/\":\"f0\"}", .invalidLink(.invalidPadding), 0),
    ]

    @Test(arguments: hostileText)
    func hostileTextIsRefused(text: String, kind: CodecError.Kind, offset: Int) {
        #expect(throws: CodecError(kind, at: offset)) { try DagJSON.decode(text) }
    }

    @Test func textThatIsNotUTF8IsRefused() {
        let texts: [[UInt8]] = [
            [0x22, 0xff, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0x5c, 0x6e, 0xc3, 0x22],
        ]
        for bytes in texts {
            #expect(throws: CodecError(.notUTF8, at: 0)) {
                try bytes.withUnsafeBytes { try DagJSON.decode($0) }
            }
        }
    }

    static let reserved: [IPLDValue] = [
        ["/": "foo"], ["/": "bafkqaaa"], ["/": ["bytes": "AQ"]], ["/": "a", "b": 1],
        ["/": ["bytes": "AQ", "c": 1]], ["/": ["bytes": "AQ"], "x": 1],
    ]

    @Test(arguments: reserved)
    func valuesThatWouldReadAsOthersAreRefused(value: IPLDValue) {
        #expect(throws: CodecError(.reservedForm, at: 1)) { try DagJSON.encode([value]) }
    }

    @Test func nestingIsBounded() throws {
        let most = IPLDValue.maximumDepth
        func lists(_ levels: Int, around content: String) -> String {
            String(repeating: "[", count: levels) + content + String(repeating: "]", count: levels)
        }
        // Links and bytes are no levels of the value, though they are of the text.
        for content in ["1", "{\"/\":\"bafkqaaa\"}", "{\"/\":{\"bytes\":\"AQ\"}}"] {
            let text = lists(most, around: content)
            let value = try DagJSON.decode(text)
            #expect(try encode(value) == text)
            #expect(try DagCBOR.decode(DagCBOR.encode(value)) == value)
        }
        for content in ["[]", "{}", "{\"/\":{}}", "{\"bytes\":\"AQ\"}", "{\"a\":{\"bytes\":\"AQ\"}}"] {
            #expect(throws: CodecError.self) { try DagJSON.decode(lists(most, around: content)) }
        }
        #expect(throws: CodecError(.tooDeep, at: most)) { try DagJSON.decode(lists(1_000_000, around: "")) }
        let maps = String(repeating: "{\"/\":", count: 1_000_000)
        #expect(throws: CodecError(.tooDeep, at: 5 * (most + 2))) { try DagJSON.decode(maps) }
    }

    @Test func randomValuesRoundTrip() throws {
        var random = SplitMix(state: 8)
        var written = 0
        for _ in 0..<5000 {
            let value = random.value()
            guard let text = try? encode(value) else { continue }
            written += 1
            #expect(try DagJSON.decode(text) == value, "\(text)")
        }
        #expect(written > 4900)
    }

    @Test func mutatedBytesNeverTrap() throws {
        var random = SplitMix(state: 9)
        let seeds = (0..<200).compactMap { _ in try? DagJSON.encode(random.value()) }
        for round in 0..<50_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch random.next() % 3 {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes[index] = bytes[Int.random(in: 0..<bytes.count, using: &random)]
                default: if bytes.count > 1 { bytes.remove(at: index) }
                }
            }
            guard let value = try? bytes.withUnsafeBytes({ try DagJSON.decode($0) }) else { continue }
            let again = try encode(value)
            if try DagJSON.decode(again) != value { Issue.record("\(again)") }
        }
    }
}
