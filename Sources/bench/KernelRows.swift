/// The byte loops, one core, every variant that this processor can run; in processor time.
import Glibc
import IpldEngine
import Kernels

struct KernelRows {
    private let context: Context
    private let length: Int

    init(_ context: Context) {
        self.context = context
        length = min(context.input.length, 256 << 20)
    }

    func run() throws {
        try context.input.mapped(length) { data in
            // Touch each page once, so that no variant pays for the first visit.
            var sum: UInt8 = 0
            for offset in stride(from: 0, to: data.count, by: 4096) { sum &+= data[offset] }
            guard sum != 0 || data.count > 0 else { return }
            scans(data)
            hashes(data)
        }
    }

    private func scans(_ data: UnsafeRawBufferPointer) {
        let count = ipk_variant_count()
        guard let base = data.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        // Average 64 KiB: 2 bits harder before it, 2 easier after it.
        let masks = withUnsafeBytes(of: ipk_fastcdc_masks) { bytes in
            (
                bytes.load(fromByteOffset: 18 * 8, as: UInt64.self),
                bytes.load(fromByteOffset: 14 * 8, as: UInt64.self)
            )
        }
        let gear = withUnsafeBytes(of: ipk_gear) { Array($0.bindMemory(to: UInt64.self)) }
        gear.withUnsafeBufferPointer { gear in
            var profile = ipk_fastcdc(
                min_size: 16 << 10, avg_size: 64 << 10, max_size: 256 << 10, mask_small: masks.0,
                mask_large: masks.1, gear: gear.baseAddress)
            // Several variants share one scan.
            for (variant, name) in [
                (0, "portable"), (count - 1, "\(String(cString: ipk_variant_name(count - 1)))"),
            ] {
                let samples = rates(data.count) {
                    var start = 0
                    while start < data.count {
                        start += ipk_variant_fastcdc_cut(variant, &profile, base + start, data.count - start)
                    }
                }
                context.report.add(
                    "FastCDC-2020, average 64 KiB", "FastCDC scan, \(name)", samples, .gigabytesPerSecond)
            }
        }
    }

    private func hashes(_ data: UnsafeRawBufferPointer) {
        for variant in 0..<ipk_variant_count() {
            let name = String(cString: ipk_variant_name(variant))
            if !name.hasSuffix("-sha") {
                let samples = pieces(data) { ipk_variant_blake3(variant, $0, $1, $2) }
                context.report.add("BLAKE3, 64 KiB inputs", "BLAKE3, \(name)", samples, .gigabytesPerSecond)
            }
        }
        for variant in [0, ipk_variant_count() - 1] {
            let name = String(cString: ipk_variant_name(variant))
            let samples = pieces(data) { ipk_variant_sha256(variant, $0, $1, $2) }
            context.report.add("SHA-256, 64 KiB inputs", "SHA-256, \(name)", samples, .gigabytesPerSecond)
        }
    }

    /// Hashes in 64 KiB pieces.
    private func pieces(
        _ data: UnsafeRawBufferPointer,
        _ hash: (UnsafeRawPointer?, Int, UnsafeMutablePointer<UInt8>) -> Void
    ) -> Samples {
        var digest = [UInt8](repeating: 0, count: 32)
        return rates(data.count) {
            for start in stride(from: 0, to: data.count, by: 64 << 10) {
                hash(data.baseAddress.map { $0 + start }, min(64 << 10, data.count - start), &digest)
            }
        }
    }

    private func rates(_ bytes: Int, _ body: () -> Void) -> Samples {
        var samples = Samples()
        for _ in 0..<5 { samples.add(Double(bytes) / processorSeconds(body) / 1e9) }
        return samples
    }
}
