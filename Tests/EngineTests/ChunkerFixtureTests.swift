import Foundation
import TestSupport
import Testing

@testable import IpldEngine

/// FastCDCChunker against the cut points of a public implementation; the fixture's note says how its inputs
/// are made.
@Suite struct ChunkerFixtureTests {
    private struct Collection: Decodable {
        let cases: [Case]
    }

    private struct Case: Decodable {
        let data: String
        let size: Int
        let min: Int
        let avg: Int
        let max: Int
        let nc: Int
        let seed: String
        let count: Int
        let lengths_sha256: String

        func makeChunker() throws -> FastCDCChunker {
            FastCDCChunker(
                minimum: min, average: avg, maximum: max, normalization: nc,
                seed: try #require(UInt64(seed)))
        }

        func agrees(with lengths: [Int]) throws -> Bool {
            let bytes = lengths.flatMap { (length) in (0..<4).map { UInt8(length >> (8 * $0) & 0xff) } }
            let digest = try bytes.withUnsafeBytes {
                try CID(hashing: $0, codec: .raw, hash: .sha256).withDigest { Array($0) }
            }
            let text = digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            return lengths.count == count && text == lengths_sha256
        }
    }

    private static func cases() throws -> [Case] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let file = folder.appendingPathComponent("Fixtures/fastcdc/fastcdc2020_cases.json")
        return try JSONDecoder().decode(Collection.self, from: Data(contentsOf: file)).cases
    }

    /// The longest input of each generator; every other is its beginning.
    private static func inputs(for cases: [Case]) throws -> [String: [UInt8]] {
        var sizes: [String: Int] = [:]
        for fixture in cases { sizes[fixture.data] = max(sizes[fixture.data] ?? 0, fixture.size) }
        var inputs: [String: [UInt8]] = [:]
        for (name, size) in sizes {
            switch name {
            case "zeros": inputs[name] = [UInt8](repeating: 0, count: size)
            case "ff": inputs[name] = [UInt8](repeating: 0xff, count: size)
            case "period251": inputs[name] = (0..<size).map { UInt8($0 % 251) }
            case "lowent": inputs[name] = LayoutFixture.randomBytes(size, seed: 3).map { 97 + ($0 & 3) }
            default:
                let seed = try #require(UInt64(name.dropFirst("splitmix".count)), "unknown input \(name)")
                inputs[name] = LayoutFixture.randomBytes(size, seed: seed)
            }
        }
        return inputs
    }

    @Test func cutPointsAreThoseOfThePublicImplementations() throws {
        let cases = try Self.cases()
        let inputs = try Self.inputs(for: cases)
        #expect(cases.count > 1000)
        for fixture in cases {
            let input = try #require(inputs[fixture.data])
            let chunker = try fixture.makeChunker()
            let lengths = input.withUnsafeBytes { (all) in
                LayoutFixture.chunkLengths(
                    of: UnsafeRawBufferPointer(rebasing: all[..<fixture.size]), by: chunker)
            }
            #expect(try fixture.agrees(with: lengths), "\(fixture)")
        }
    }

    /// A stream arrives in pieces: what remains of one is carried before the next.
    @Test func aStreamWithCarriedTailsHasTheSameCuts() throws {
        let cases = try Self.cases()
        let inputs = try Self.inputs(for: cases)
        var random = SplitMix(state: 20)
        for fixture in cases {
            let input = try #require(inputs[fixture.data])
            let chunker = try fixture.makeChunker()
            var lengths: [Int] = []
            var window: [UInt8] = []
            var arrived = 0
            var begin = 0
            while begin < window.count || arrived < fixture.size {
                if window.count - begin < chunker.maximumChunkLength, arrived < fixture.size {
                    window.removeFirst(begin)
                    begin = 0
                    let piece = Int.random(in: 1...2 * chunker.maximumChunkLength, using: &random)
                    let end = min(arrived + piece, fixture.size)
                    window += input[arrived..<end]
                    arrived = end
                    continue
                }
                let length = window.withUnsafeBytes {
                    chunker.firstChunkLength(of: UnsafeRawBufferPointer(rebasing: $0[begin...]))
                }
                lengths.append(length)
                begin += length
            }
            #expect(try fixture.agrees(with: lengths), "\(fixture)")
        }
    }
}
