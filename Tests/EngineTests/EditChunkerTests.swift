import Testing

@testable import IpldEngine

/// What editing relies on: how far past its end a chunk looks, and that a short answer stands.
@Suite struct EditChunkerTests {
    private func length(_ chunker: any Chunker, _ bytes: ArraySlice<UInt8>) -> Int {
        bytes.withUnsafeBytes { chunker.firstChunkLength(of: $0) }
    }

    @Test func anEndLooksAtItsLookaheadAndNothingElse() throws {
        for profile in try EditProfile.all() where profile.name != "default" {
            let chunker = profile.profile.chunker.makeChunker()
            for seed in 0..<300 as Range<UInt64> {
                let bytes = randomBytes(chunker.maximumChunkLength + 10, seed: seed)
                let whole = length(chunker, bytes[...])
                // Whatever follows, and however much.
                let seen = min(whole + chunker.lookaheadLength, bytes.count)
                #expect(length(chunker, bytes[..<seen]) == whole, "\(profile.name), seed \(seed)")
                var other = bytes[..<seen]
                other.append(contentsOf: randomBytes(chunker.maximumChunkLength, seed: ~seed))
                #expect(length(chunker, other) == whole, "\(profile.name), seed \(seed)")
                // A length that is shorter than what there is stands.
                for count in stride(from: 1, to: bytes.count, by: 13) {
                    let tried = length(chunker, bytes[..<count])
                    #expect(tried == count || tried == whole, "\(profile.name), seed \(seed), \(count)")
                }
            }
        }
    }

    /// A cut at an even place, followed by one byte: the public rule does not test it.
    @Test func fastCDCLooksWhetherASecondByteFollows() throws {
        let chunker = try ChunkerParameters.fastCDC(average: 256).makeChunker()
        var found = 0
        for seed in 0..<100 as Range<UInt64> {
            let bytes = randomBytes(2000, seed: seed)
            let whole = length(chunker, bytes[...])
            guard whole % 2 == 0, whole < chunker.maximumChunkLength else { continue }
            if length(chunker, bytes[...whole]) == whole + 1 { found += 1 }
        }
        #expect(found > 10)
    }
}
