import Foundation
import Kernels
import TestSupport
import Testing

/// The gear scan of every variant: the same cuts, whatever the bounds, the masks and the data.
@Suite struct KernelGearTests {
    @Test func noPublicMaskReachesAboveBit47() {
        #expect(GearProfile.publicMasks.count == 26)
        for (index, mask) in GearProfile.publicMasks.enumerated() {
            #expect(mask >> 48 == 0)
            #expect(index < 5 || mask.nonzeroBitCount == index)
        }
    }

    /// A short input is one chunk; an end is never beyond the maximum.
    @Test(arguments: KernelVariant.all)
    func boundsHold(variant: KernelVariant) {
        let masks = GearProfile.publicMasks
        var profile = GearProfile(
            minimum: 1024, average: 4096, maximum: 16384, maskSmall: masks[14], maskLarge: masks[10])
        let bytes = KernelBytes.make(1 << 19, seed: 5)
        #expect(variant.chunkLengths(of: [], profile) == [])
        #expect(variant.chunkLengths(of: Array(bytes[..<1]), profile) == [1])
        #expect(variant.chunkLengths(of: Array(bytes[..<1024]), profile) == [1024])
        let lengths = variant.chunkLengths(of: bytes, profile)
        #expect(lengths.reduce(0, +) == bytes.count)
        #expect(lengths.dropLast().allSatisfy { 1024...16384 ~= $0 })
        // What no mask can hit ends at the maximum; what any does, at the minimum.
        profile.maskSmall = masks[25]
        profile.maskLarge = masks[25]
        profile.gear = [UInt64](repeating: 0x0000_0001_0000_0000, count: 256)
        #expect(variant.chunkLengths(of: bytes, profile).allSatisfy { $0 == 16384 })
        profile.maskSmall = 0
        #expect(variant.chunkLengths(of: bytes, profile).dropLast().allSatisfy { $0 == 1024 })
    }

    /// The rule as it is written, one byte at a time.
    static func lengthsByTheRule(of bytes: [UInt8], _ profile: GearProfile) -> [Int] {
        var lengths: [Int] = []
        var begin = 0
        while begin < bytes.count {
            let rest = bytes[begin...]
            var length = min(rest.count, Int(profile.maximum))
            if rest.count <= Int(profile.minimum) {
                length = rest.count
            } else {
                let centre = min(Int(profile.average), length)
                var hash: UInt64 = 0
                var index = Int(profile.minimum) & ~1
                while index < length & ~1 {
                    hash = (hash << 1) &+ profile.gear[Int(rest[begin + index])]
                    let mask = index < centre & ~1 ? profile.maskSmall : profile.maskLarge
                    if hash & mask == 0 { break }
                    index += 1
                }
                if index < length & ~1 { length = index }
            }
            lengths.append(length)
            begin += length
        }
        return lengths
    }

    private static let inputs: [[UInt8]] = {
        let random = KernelBytes.make(300_000, seed: 6)
        return [
            random, random.map { 97 + ($0 & 3) }, [UInt8](repeating: 0, count: 100_000),
            (0..<100_001).map { UInt8($0 % 251) },
            (0..<100_001).map { $0 % 5000 < 2500 ? 0 : random[$0] },
        ]
    }()

    /// Odd bounds, bounds out of order, sizes too small for strips, masks of every density.
    @Test(arguments: KernelVariant.all)
    func cutsAreThoseOfTheRule(variant: KernelVariant) {
        let masks = GearProfile.publicMasks
        let bounds: [(UInt64, UInt64, UInt64)] = [
            (64, 256, 1024), (65, 257, 1023), (1000, 12345, 40001), (4097, 16385, 65537),
            (5000, 1000, 20000), (3000, 3000, 3001), (2000, 4000, 1000), (16384, 65536, 262_144),
        ]
        let densities = [(5, 5), (7, 6), (10, 8), (12, 9), (14, 10), (18, 14), (25, 20), (9, 25)]
        for (index, bytes) in Self.inputs.enumerated() {
            for (small, large) in densities {
                let (minimum, average, maximum) = bounds[(small + large + index) % bounds.count]
                let profile = GearProfile(
                    minimum: minimum, average: average, maximum: maximum, maskSmall: masks[small],
                    maskLarge: masks[large])
                let expected = Self.lengthsByTheRule(of: bytes, profile)
                #expect(variant.chunkLengths(of: bytes, profile) == expected, "\(profile), input \(index)")
            }
        }
    }

    /// Every remaining length, so that every strip width and every leftover occurs.
    @Test(arguments: KernelVariant.all.dropFirst())
    func cutsAreThePortableOnesAtEveryLength(variant: KernelVariant) {
        let masks = GearProfile.publicMasks
        let bytes = KernelBytes.make(9000 + 64, seed: 7)
        let profiles = [(7, 6), (11, 9), (13, 12), (25, 25)].map { (small, large) in
            GearProfile(
                minimum: 64, average: 2048, maximum: 8192, maskSmall: masks[small], maskLarge: masks[large])
        }
        bytes.withUnsafeBytes { (all) in
            for length in stride(from: 1, through: 9000, by: 13) {
                let offset = length % 64
                let part = UnsafeRawBufferPointer(rebasing: all[offset..<offset + length])
                for profile in profiles {
                    let expected = KernelVariant.portable.chunkLengths(of: part, profile)
                    guard variant.chunkLengths(of: part, profile) == expected else {
                        Issue.record("\(variant.name) differs at length \(length)")
                        return
                    }
                }
            }
        }
    }

    /// Masks that reach above bit 47, and gear tables other than the public one.
    @Test(arguments: KernelVariant.all.dropFirst())
    func foreignMasksAndTablesAreExactToo(variant: KernelVariant) {
        let bytes = KernelBytes.make(200_000, seed: 8)
        var random = SplitMix(state: 11)
        for round in 0..<20 {
            var profile = GearProfile(
                minimum: 100, average: 3000, maximum: 20_000, maskSmall: 0, maskLarge: 0)
            let top: UInt64 = round % 2 == 0 ? 64 : 48
            for _ in 0..<11 { profile.maskSmall |= 1 << UInt64.random(in: 0..<top, using: &random) }
            for _ in 0..<9 { profile.maskLarge |= 1 << UInt64.random(in: 0..<48, using: &random) }
            if round % 3 == 0 { swap(&profile.maskSmall, &profile.maskLarge) }
            if round % 4 >= 2 {
                let seed = random.next()
                profile.gear = profile.gear.map { $0 ^ seed }
            }
            let expected = KernelVariant.portable.chunkLengths(of: bytes, profile)
            #expect(variant.chunkLengths(of: bytes, profile) == expected, "round \(round)")
        }
    }
}
