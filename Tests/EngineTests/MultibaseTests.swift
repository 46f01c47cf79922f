import Foundation
import Testing

@testable import IpldEngine

@Suite struct MultibaseTests {
    /// Rows of a file of the specification's tests: base and text, below the bytes that they stand for.
    private func rows(_ name: String) throws -> [(base: String, text: String)] {
        let folder = try #require(CodecFixture.shared).appendingPathComponent("cid/multibase/tests")
        let file = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        return try file.split(separator: "\n").dropFirst().map { line in
            let comma = try #require(line.firstIndex(of: ","))
            let text = line[line.index(after: comma)...].trimmingCharacters(in: .whitespaces)
            return (String(line[..<comma]), String(text.dropFirst().dropLast()))
        }
    }

    private static let unsupported: Set<String> = ["base256emoji", "base45", "proquint"]

    @Test(
        .enabled(if: CodecFixture.shared != nil, CodecFixture.skipReason),
        arguments: [
            ("basic.csv", "yes mani !"), ("leading_zero.csv", "\0yes mani !"),
            ("two_leading_zeros.csv", "\0\0yes mani !"),
        ])
    func specificationVectors(file: String, content: String) throws {
        for row in try rows(file) {
            guard let base = Multibase(rawValue: row.base) else {
                #expect(Self.unsupported.contains(row.base))
                #expect(throws: CIDError.unsupportedBase) { try Multibase.decode(row.text) }
                continue
            }
            #expect(Array(content.utf8).withUnsafeBytes { base.encode($0) } == row.text)
            let decoded = try Multibase.decode(row.text)
            #expect(decoded.base == base && decoded.bytes == Array(content.utf8), "\(row)")
        }
    }

    @Test(.enabled(if: CodecFixture.shared != nil, CodecFixture.skipReason))
    func otherCaseIsReadWhereTheCallerAllowsIt() throws {
        for row in try rows("case_insensitivity.csv") {
            #expect(try Multibase.decode(row.text, ignoringCase: true).bytes == Array("hello world".utf8))
            #expect(throws: CIDError.self) { try Multibase.decode(row.text) }
        }
    }

    @Test func everyBaseRoundTrips() throws {
        for base in Multibase.allCases {
            #expect(Multibase(prefix: base.prefix) == base)
            for length in 0..<70 {
                let bytes = LayoutFixture.randomBytes(length, seed: UInt64(length))
                let text = bytes.withUnsafeBytes { base.encode($0) }
                let decoded = try Multibase.decode(text)
                #expect(decoded.base == base && decoded.bytes == bytes, "\(base) \(length)")
                // Bases with both cases have no other reading either.
                #expect(try Multibase.decode(text, ignoringCase: true).bytes == bytes)
            }
        }
    }

    /// The vectors of RFC 4648, section 10.
    @Test func rfc4648() throws {
        let content = Array("foobar".utf8)
        let expected: [(Multibase, [String])] = [
            (.base64pad, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]),
            (
                .base32padupper,
                ["", "MY======", "MZXQ====", "MZXW6===", "MZXW6YQ=", "MZXW6YTB", "MZXW6YTBOI======"]
            ),
            (
                .base32hexpadupper,
                ["", "CO======", "CPNG====", "CPNMU===", "CPNMUOG=", "CPNMUOJ1", "CPNMUOJ1E8======"]
            ),
            (.base16upper, ["", "66", "666F", "666F6F", "666F6F62", "666F6F6261", "666F6F626172"]),
        ]
        for (base, texts) in expected {
            for (length, text) in texts.enumerated() {
                #expect(content.prefix(length).withUnsafeBytes { base.encode($0) }.dropFirst() == text)
            }
        }
    }

    static let hostileText: [(String, CIDError)] = [
        ("", CIDError.truncated(offset: 0)),
        ("1z", .invalidCharacter(offset: 0)), ("\0", .invalidCharacter(offset: 0)),
        ("Rabc", .unsupportedBase), ("pabc", .unsupportedBase), ("🚀🚀", .unsupportedBase),
        ("f0g", .invalidCharacter(offset: 2)), ("f0", .invalidPadding),
        ("f0A", .invalidCharacter(offset: 2)),
        ("ba", .invalidPadding), ("bmz", .invalidPadding), ("bmy=", .invalidCharacter(offset: 3)),
        ("cmy", .invalidPadding), ("cmy=====", .invalidPadding), ("cmy==============", .invalidPadding),
        ("c========", .invalidPadding), ("cm=y=====", .invalidCharacter(offset: 2)),
        ("mZh", .invalidPadding), ("mZg-_", .invalidCharacter(offset: 3)),
        ("uZg+/", .invalidCharacter(offset: 3)),
        ("MZg=", .invalidPadding), ("00000000", .invalidPadding), ("71", .invalidPadding),
        ("z0", .invalidCharacter(offset: 1)), ("zé", .invalidCharacter(offset: 1)),
    ]

    @Test(arguments: hostileText)
    func strictness(text: String, error: CIDError) {
        #expect(throws: error) { try Multibase.decode(text) }
    }

    @Test func longRadixTextIsRefused() throws {
        let longest = "z" + String(repeating: "2", count: Multibase.maximumRadixDigits)
        #expect(try Multibase.decode(longest).bytes.count > 2900)
        #expect(throws: CIDError.textTooLong) { try Multibase.decode(longest + "2") }
    }
}
