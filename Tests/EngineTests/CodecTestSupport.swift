import Foundation
import TestSupport
import Testing

@testable import IpldEngine

/// What the identity and codec tests share: fixtures, hex, and random values.
enum CodecFixture {
    /// A fixture that comes with the tests.
    static func own<Content: Decodable>(_ path: String, as type: Content.Type) throws -> Content {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let file = folder.appendingPathComponent("Fixtures").appendingPathComponent(path)
        return try JSONDecoder().decode(type, from: Data(contentsOf: file))
    }

    /// The folder of third-party fixtures, which are not part of the repository: beside it, or where the
    /// environment says.
    static let shared: URL? = {
        let environment = ProcessInfo.processInfo.environment["IPLDSTORE_FIXTURES"]
        let repository = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder =
            environment.map { URL(fileURLWithPath: $0) }
            ?? repository.deletingLastPathComponent().appendingPathComponent("shared/fixtures")
        return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
    }()

    static let skipReason: Comment = "no shared fixtures; set IPLDSTORE_FIXTURES to their folder"

    static func bytes(hex: String) throws -> [UInt8] {
        let digits = try hex.map { try #require($0.hexDigitValue) }
        try #require(digits.count % 2 == 0)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}

extension [UInt8] {
    /// The CID that is the whole of these bytes.
    func cid() throws -> CID { try withUnsafeBytes { try CID(binary: $0) } }
}

extension SplitMix {
    mutating func cid() -> CID {
        let hashes: [CID.HashFunction] = [.blake3, .sha256, .identity, .init(rawValue: 0x1b)]
        let hash = hashes.randomElement(using: &self)
        let codec = [CID.Codec.raw, .dagCBOR, .dagPB, .init(rawValue: 0x0129)].randomElement(using: &self)
        let length = hash == .identity ? Int.random(in: 0...64, using: &self) : 32
        let digest = LayoutFixture.randomBytes(length, seed: next())
        let cid = digest.withUnsafeBytes { CID(codec: codec ?? .raw, hash: hash ?? .blake3, digest: $0) }
        guard let cid else { fatalError("the parts of a random CID fit one another") }
        return hash == .sha256 && codec == .dagPB && Bool.random(using: &self)
            ? (try? cid.inVersion0()) ?? cid : cid
    }

    mutating func text() -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "b", "/", "\"", "\\", "\0", "\n", "\u{7f}", "é", "\u{301}", "漢", "😀",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0...12, using: &self) {
            text.unicodeScalars.append(scalars[Int.random(in: 0..<scalars.count, using: &self)])
        }
        return text
    }

    /// Any value of the data model, of up to `depth` levels.
    mutating func value(depth: Int = 5) -> IPLDValue {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 7), using: &self) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &self))
        case 2:
            let magnitude = Int128(next() >> UInt64.random(in: 0..<64, using: &self))
            return .integer(Bool.random(using: &self) ? magnitude : -1 - magnitude)
        case 3:
            let number = Double(bitPattern: next())
            return .float(number.isFinite ? number : -0.0)
        case 4: return .text(text())
        case 5: return .bytes(LayoutFixture.randomBytes(Int.random(in: 0...40, using: &self), seed: next()))
        case 6: return .link(cid())
        case 7: return .list((0..<Int.random(in: 0...6, using: &self)).map { _ in value(depth: depth - 1) })
        default:
            var map = IPLDMap()
            for _ in 0..<Int.random(in: 0...6, using: &self) { map[text()] = value(depth: depth - 1) }
            return .map(map)
        }
    }
}
