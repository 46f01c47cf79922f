import Foundation
import TestSupport
@testable import IpldEngine

/// How many random scripts run: a sample by default, IPLDSTORE_EDIT_SCRIPTS of them when that is set.
/// IPLDSTORE_EDIT_SEED is the first seed, IPLDSTORE_EDIT_BYTES the largest file.
enum EditScriptEnvironment {
    static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }
    static var scripts: Int { number("IPLDSTORE_EDIT_SCRIPTS") ?? 100 }
    static var firstSeed: Int { number("IPLDSTORE_EDIT_SEED") ?? 1 }
    static var isTorture: Bool { number("IPLDSTORE_EDIT_SCRIPTS") != nil }
    static var largestFile: Int { number("IPLDSTORE_EDIT_BYTES") ?? (isTorture ? 64 << 20 : 4 << 20) }
}

/// A profile, and how many bytes of it are worth a test.
struct EditProfile {
    let name: String
    let profile: LayoutProfile
    let largestFile: Int

    static func all() throws -> [EditProfile] {
        let leaves = EditScriptEnvironment.isTorture ? 20_000 : 3_000
        func balanced(_ minimum: Int, _ expected: Int, _ maximum: Int) throws -> LayoutProfile.Shape {
            .balanced(try NodeParameters(minimum: minimum, expected: expected, maximum: maximum))
        }
        return [
            EditProfile(
                name: "256 B", profile: try LayoutFixture.smallProfile(), largestFile: 256 * leaves),
            EditProfile(
                name: "fixed", largestFile: 64 * leaves,
                profile: try LayoutProfile(shape: balanced(2, 4, 8), chunker: .fixed(size: 64))),
            EditProfile(name: "default", profile: .default, largestFile: .max),
            // Odd numbers, soft masks, another hash.
            EditProfile(
                name: "odd", largestFile: 301 * leaves,
                profile: try LayoutProfile(
                    shape: balanced(2, 3, 5),
                    chunker: ChunkerParameters(
                        .fastCDC(minimum: 65, average: 301, maximum: 777, normalization: 1)),
                    hash: .sha256)),
            EditProfile(
                name: "1 KiB", largestFile: 1024 * leaves,
                profile: try LayoutProfile(shape: balanced(3, 8, 20), chunker: .fastCDC(average: 1024))),
            EditProfile(
                name: "flat", largestFile: min(256 * leaves, 2 << 20),
                profile: try LayoutProfile(shape: .flat, chunker: .fastCDC(average: 256))),
        ]
    }

    init(name: String, profile: LayoutProfile, largestFile: Int) {
        self.name = name
        self.profile = profile
        self.largestFile = largestFile
    }

    init(name: String, largestFile: Int, profile: LayoutProfile) {
        self.init(name: name, profile: profile, largestFile: largestFile)
    }

    /// The root of `bytes`, chunked at once and built in memory.
    func root(of bytes: [UInt8]) throws -> CID { try LayoutTestBlocks().store(bytes, profile: profile).root }

    /// Where the chunks of `bytes` end.
    func chunkEnds(of bytes: [UInt8]) -> [Int] {
        var end = 0
        return bytes.withUnsafeBytes {
            LayoutFixture.chunkLengths(of: $0, by: profile.chunker.makeChunker()).map {
                end += $0
                return end
            }
        }
    }
}

extension ByteWriter {
    func write(_ bytes: [UInt8], at offset: UInt64) throws {
        try bytes.withUnsafeBytes { try write($0, at: offset) }
    }
    func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try append($0) } }

    func read(_ range: Range<Int>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: range.count)
        let count = try bytes.withUnsafeMutableBytes { try read(at: UInt64(range.lowerBound), into: $0) }
        return Array(bytes[..<count])
    }
}

extension ByteReader {
    func read(_ range: Range<Int>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: range.count)
        let count = try bytes.withUnsafeMutableBytes { try read(at: UInt64(range.lowerBound), into: $0) }
        return Array(bytes[..<count])
    }

    func next(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: count)
        let got = try bytes.withUnsafeMutableBytes { try read(into: $0) }
        return Array(bytes[..<got])
    }
}

extension SplitMix {
    /// 0 to `bound`, small numbers as likely as large ones.
    mutating func logUniform(_ bound: Int) -> Int {
        guard bound > 0 else { return 0 }
        let bits = Int.bitWidth - bound.leadingZeroBitCount
        let limit = 1 << below(bits + 1)
        return min(bound, below(limit))
    }

    /// Bytes of some kind: ordinary, one value, periodic, or of pieces.
    mutating func bytes(_ count: Int) -> [UInt8] {
        switch below(6) {
        case 0: return [UInt8](repeating: 0, count: count)
        case 1:
            let period = randomBytes(1 + logUniform(400), seed: next())
            return (0..<count).map { period[$0 % period.count] }
        case 2:
            var bytes: [UInt8] = []
            while bytes.count < count {
                let length = min(count - bytes.count, 1 + logUniform(count))
                if below(2) == 0 {
                    bytes += [UInt8](repeating: UInt8(below(2)), count: length)
                } else {
                    bytes += randomBytes(length, seed: next())
                }
            }
            return bytes
        default: return randomBytes(count, seed: next())
        }
    }
}
