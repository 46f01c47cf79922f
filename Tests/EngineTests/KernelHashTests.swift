import Foundation
import Kernels
import Testing

/// The digests and checksums of every variant: known answers, and equality with the portable form.
@Suite struct KernelHashTests {
    @Test func thePortableVariantIsFirst() {
        #expect(KernelVariant.portable.name == "portable")
        #expect(ipk_variant_count() >= 1)
        #expect(KernelVariant(number: 1000).name == KernelVariant.all.last?.name)
    }

    /// BLAKE3 of i mod 251 for i from 0; lengths on both sides of block, chunk and subtree ends.
    @Test(arguments: [
        (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        (1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
        (1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"),
        (16385, "1dabe216be2578830263b049de1639f39f05a4da616b9b78c7a5e4e41662fd1f"),
        (102_400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"),
        (1_048_577, "2f053cd7472cf0cd2f9adaf45c1180255b91b9a865404a63671a0ee5f792ed33"),
    ])
    func blake3KnownAnswers(length: Int, digest: String) {
        let bytes = (0..<length).map { UInt8($0 % 251) }
        for variant in KernelVariant.all {
            #expect(hexadecimal(variant.blake3(bytes)) == digest, "\(variant.name)")
        }
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func sha256KnownAnswers(text: String, digest: String) {
        for variant in KernelVariant.all {
            #expect(hexadecimal(variant.sha256(Array(text.utf8))) == digest, "\(variant.name)")
        }
    }

    @Test func sha256OfAMillionLetters() {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        for variant in KernelVariant.all {
            let digest = hexadecimal(variant.sha256(bytes))
            #expect(digest == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
        }
    }

    /// The check value of the polynomial, and the examples of RFC 3720, B.4.
    @Test func crc32cKnownAnswers() {
        for variant in KernelVariant.all {
            #expect(variant.crc32c(Array("123456789".utf8)) == 0xE306_9283)
            #expect(variant.crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
            #expect(variant.crc32c([UInt8](repeating: 0xff, count: 32)) == 0x62A8_AB43)
            #expect(variant.crc32c((0..<32).map { UInt8($0) }) == 0x46DD_794E)
            #expect(variant.crc32c((0..<32).map { UInt8(31 - $0) }) == 0x113F_DB5C)
        }
    }

    /// One bit at a time, as the polynomial is defined.
    @Test func crc32cIsTheRemainderByThePolynomial() {
        for length in [1, 7, 8, 9, 767, 768, 769, 2000] {
            let bytes = KernelBytes.make(length, seed: 9)
            var remainder: UInt32 = ~0
            for byte in bytes {
                remainder ^= UInt32(byte)
                for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0x82F6_3B78 : 0) }
            }
            for variant in KernelVariant.all { #expect(variant.crc32c(bytes) == ~remainder) }
        }
    }

    @Test func crc32cContinues() {
        let bytes = KernelBytes.make(3000, seed: 4)
        bytes.withUnsafeBytes { (all) in
            for variant in KernelVariant.all {
                for cut in [0, 1, 8, 767, 800, 2999, 3000] {
                    let first = variant.crc32c(UnsafeRawBufferPointer(rebasing: all[..<cut]))
                    let second = UnsafeRawBufferPointer(rebasing: all[cut...])
                    #expect(variant.crc32c(second, continuing: first) == variant.crc32c(all))
                }
            }
        }
    }

    /// Every length over several blocks and chunks, at every alignment in turn.
    @Test(arguments: KernelVariant.all.dropFirst())
    func equalsThePortableFormAtEveryLength(variant: KernelVariant) {
        let bytes = KernelBytes.make(5000 + 64, seed: 1)
        bytes.withUnsafeBytes { (all) in
            for length in 0...5000 {
                let offset = length * 7 % 64
                let part = UnsafeRawBufferPointer(rebasing: all[offset..<offset + length])
                let (expected, portable) = (variant.blake3(part), KernelVariant.portable)
                guard expected == portable.blake3(part), variant.crc32c(part) == portable.crc32c(part),
                    length > 700 || variant.sha256(part) == portable.sha256(part)
                else {
                    Issue.record("\(variant.name) differs at length \(length)")
                    return
                }
            }
        }
    }

    /// Trees of every shape: around multiples of a chunk, of a batch and of a group of chunks.
    @Test(arguments: KernelVariant.all.dropFirst())
    func equalsThePortableFormOnLargeInputs(variant: KernelVariant) {
        let bytes = KernelBytes.make(1 << 20 + 1 << 18, seed: 2)
        var lengths = (5...40).flatMap { [1024 * $0 - 1, 1024 * $0, 1024 * $0 + 65] }
        for groups in [1, 2, 3, 4] {
            for difference in [-1025, -1, 0, 1, 1024, 9000] { lengths.append(groups << 18 + difference) }
        }
        bytes.withUnsafeBytes { (all) in
            for length in lengths {
                let offset = length % 61
                let part = UnsafeRawBufferPointer(rebasing: all[offset..<offset + length])
                let portable = KernelVariant.portable
                #expect(variant.blake3(part) == portable.blake3(part), "\(length)")
                #expect(variant.crc32c(part) == portable.crc32c(part), "\(length)")
            }
            let part = UnsafeRawBufferPointer(rebasing: all[3..<100_003])
            #expect(variant.sha256(part) == KernelVariant.portable.sha256(part))
        }
    }

    /// The functions that callers use, from many threads at once, the first choice included.
    @Test func theChosenVariantServesManyThreads() async {
        let bytes = KernelBytes.make(70_000, seed: 3)
        let expected = KernelVariant.portable.blake3(bytes)
        await withTaskGroup(of: Bool.self) { (group) in
            for _ in 0..<8 {
                group.addTask {
                    var digest = [UInt8](repeating: 0, count: 32)
                    ipk_blake3(bytes, bytes.count, &digest)
                    return digest == expected
                }
            }
            for await isEqual in group { #expect(isEqual) }
        }
    }
}
