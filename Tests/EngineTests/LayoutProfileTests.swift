import Testing

@testable import IpldEngine

@Suite struct LayoutProfileTests {
    @Test func theIdentifierSaysAllThatDecidesATree() throws {
        #expect(
            LayoutProfile.default.identifier
                == "balanced:32:128:512/fastcdc2020:16384:65536:262144:2/blake3")
        let flat = try LayoutProfile(shape: .flat, chunker: .fixed(size: 65536), hash: .sha256)
        #expect(flat.identifier == "flat/fixed:65536/sha2-256")
        for profile in [.default, flat, try LayoutFixture.smallProfile()] {
            #expect(try LayoutProfile(identifier: profile.identifier) == profile)
        }
    }

    @Test(arguments: [
        "", "/", "//", "flat", "flat/fixed:64", "flat/fixed:64/blake3/", "flat:1/fixed:64/blake3",
        "flat/fixed:064/blake3", "flat/fixed:64/identity", "flat/fixed:64/BLAKE3", "balanced/fixed:64/blake3",
        "balanced:32:128/fixed:64/blake3", "balanced:1:128:512/fixed:64/blake3",
        "balanced:32:32:512/fixed:64/blake3", "balanced:32:128:128/fixed:64/blake3",
        "balanced:32:128:8193/fixed:64/blake3", "balanced:-32:128:512/fixed:64/blake3",
        "balanced:+32:128:512/fixed:64/blake3", "balanced:032:128:512/fixed:64/blake3",
        "balanced:32:128:9223372036854775808/fixed:64/blake3", " flat/fixed:64/blake3",
    ])
    func whatIsNoProfileIsInvalid(_ text: String) {
        let error = #expect(throws: StoreError.self) { try LayoutProfile(identifier: text) }
        #expect(error?.code == .invalid)
    }

    @Test func treesAreNotHashedWithIdentity() {
        let error = #expect(throws: StoreError.self) { try LayoutProfile(hash: .identity) }
        #expect(error?.code == .unsupported)
    }
}

@Suite struct LayoutNodeEndTests {
    /// The expected number is kept: 126.4 at 32, 128, 512.
    @Test func nodesHaveAbout128Children() throws {
        let nodes = NodeParameters.default
        var counts: [Int] = []
        var count = 0
        for number in 0..<400_000 as Range<UInt64> {
            if nodes.nodeEnd(after: count, children: try LayoutFixture.leaf(number)) == count + 1 {
                counts.append(count + 1)
                count = 0
            } else {
                count += 1
            }
        }
        let mean = Double(counts.reduce(0, +)) / Double(counts.count)
        #expect(abs(mean - 126.4) < 6)
        #expect(counts.allSatisfy { $0 >= 32 && $0 <= 512 })
        #expect(counts.count { $0 == 512 } < counts.count / 50)
    }

    @Test func theMinimumAndTheMaximumBindWhateverTheDigest() throws {
        let nodes = NodeParameters.default
        for number in 0..<1000 as Range<UInt64> {
            let child = try LayoutFixture.leaf(number)
            for count in [0, 1, 30, 31, 32, 510, 511] {
                let end = nodes.nodeEnd(after: count, children: child)
                #expect(end > count && end >= 32 && end <= 512)
            }
            #expect(nodes.nodeEnd(after: 511, children: child) == 512)
        }
    }

    /// Short and identity digests are poor in bits; the decision must not be.
    @Test func identityAndShortDigestsEndNodesToo() throws {
        let nodes = NodeParameters.default
        for length in [2, 3, 8, 9, 64] {
            var ends = 0
            for number in 0..<10_000 as Range<UInt64> {
                var digest = [UInt8](repeating: 0, count: length)
                digest[length - 1] = UInt8(number & 0xff)
                digest[length - 2] = UInt8(number >> 8)
                let child = try #require(
                    digest.withUnsafeBytes { CID(codec: .raw, hash: .identity, digest: $0) })
                if nodes.nodeEnd(after: 100, children: child) == 101 { ends += 1 }
            }
            // 10,000 / 96, give or take five standard deviations.
            #expect(ends > 54 && ends < 154, "\(length): \(ends)")
        }
        let empty = try #require(
            CID(codec: .raw, hash: .identity, digest: UnsafeRawBufferPointer(start: nil, count: 0)))
        #expect(nodes.nodeEnd(after: 0, children: empty) >= 32)
    }

    /// The decision is part of the format: these words never change.
    @Test func theMixedWordIsPinned() throws {
        for (length, word) in [(32, 0xBBAD_739C_8F65_4510), (9, 0xF647_001A_0F30_D524)] as [(UInt8, UInt64)] {
            let digest = Array(0..<length)
            let cid = try #require(digest.withUnsafeBytes { CID(codec: .raw, hash: .identity, digest: $0) })
            #expect(NodeParameters.mixedWord(of: cid) == word)
        }
    }
}
