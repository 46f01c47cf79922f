import Foundation
import Kernels
import TestSupport
import Testing

/// One variant of the kernels that this processor can run; number 0 is the portable one.
struct KernelVariant: CustomTestStringConvertible, Sendable {
    let number: Int

    static var all: [KernelVariant] { (0..<ipk_variant_count()).map(KernelVariant.init(number:)) }
    static let portable = KernelVariant(number: 0)

    var name: String { String(cString: ipk_variant_name(number)) }
    var testDescription: String { name }

    func blake3(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { (digest, initialized) in
            ipk_variant_blake3(number, bytes.baseAddress, bytes.count, digest.baseAddress)
            initialized = 32
        }
    }

    func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { (digest, initialized) in
            ipk_variant_sha256(number, bytes.baseAddress, bytes.count, digest.baseAddress)
            initialized = 32
        }
    }

    func crc32c(_ bytes: UnsafeRawBufferPointer, continuing crc: UInt32 = 0) -> UInt32 {
        ipk_variant_crc32c(number, crc, bytes.baseAddress, bytes.count)
    }

    func blake3(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { blake3($0) } }
    func sha256(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { sha256($0) } }
    func crc32c(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { crc32c($0) } }

    /// Lengths of all chunks of `bytes`.
    func chunkLengths(of bytes: UnsafeRawBufferPointer, _ profile: GearProfile) -> [Int] {
        profile.gear.withUnsafeBufferPointer { (gear) in
            var bounds = ipk_fastcdc(
                min_size: profile.minimum, avg_size: profile.average, max_size: profile.maximum,
                mask_small: profile.maskSmall, mask_large: profile.maskLarge, gear: gear.baseAddress)
            var lengths: [Int] = []
            var begin = 0
            let start = bytes.bindMemory(to: UInt8.self).baseAddress
            while begin < bytes.count, let start {
                let length = ipk_variant_fastcdc_cut(
                    number, &bounds, start + begin, bytes.count - begin)
                guard length > 0 else {
                    Issue.record("a chunk of no bytes")
                    break
                }
                lengths.append(length)
                begin += length
            }
            return lengths
        }
    }

    func chunkLengths(of bytes: [UInt8], _ profile: GearProfile) -> [Int] {
        bytes.withUnsafeBytes { chunkLengths(of: $0, profile) }
    }
}

struct GearProfile: Sendable {
    var minimum: UInt64
    var average: UInt64
    var maximum: UInt64
    var maskSmall: UInt64
    var maskLarge: UInt64
    var gear: [UInt64] = Self.publicGear

    static let publicGear = withUnsafeBytes(of: ipk_gear) { Array($0.bindMemory(to: UInt64.self)) }
    static let publicMasks = withUnsafeBytes(of: ipk_fastcdc_masks) { Array($0.bindMemory(to: UInt64.self)) }
}

/// Bytes that are the same in every run.
enum KernelBytes {
    static func make(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SplitMix(state: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            withUnsafeBytes(of: random.next().littleEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}
