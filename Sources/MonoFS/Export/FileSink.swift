import Glibc
import IpldEngine

/// The bytes of a new file, in order. Zeros that fill a page become a hole.
///
/// The first failure stays, and nothing is written after it: those who hand over bytes have errors of another
/// kind.
final class FileSink {
    private let descriptor: Int32
    private var length: UInt64 = 0
    private var written: UInt64 = 0
    private(set) var failure: HostError?

    private static let page = 4096

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    func write(_ bytes: UnsafeRawBufferPointer) {
        guard failure == nil else { return }
        var start = 0
        while start < bytes.count {
            // A run of pages that are all zeros, or none of them.
            var end = start
            var isHole = false
            while end < bytes.count {
                let next = min(
                    bytes.count, end + Self.page - Int((length + UInt64(end)) % UInt64(Self.page)))
                let isZero = next - end == Self.page && Self.isZero(bytes, end)
                if end == start { isHole = isZero }
                if isZero != isHole { break }
                end = next
            }
            if !isHole {
                do throws(HostError) {
                    try Host.write(
                        descriptor, at: length + UInt64(start),
                        UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                } catch {
                    failure = error
                    return
                }
                written = length + UInt64(end)
            }
            start = end
        }
        length += UInt64(bytes.count)
    }

    func skip(_ count: UInt64) { length = length.addingReportingOverflow(count).partialValue }

    private static func isZero(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Bool {
        guard bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self) == 0, let base = bytes.baseAddress
        else { return false }
        return memcmp(base + start, base + start + 8, page - 8) == 0
    }

    /// Ends the file, which has `size` bytes.
    func finish(_ size: UInt64) {
        guard failure == nil, written < size else { return }
        do throws(HostError) { try Host.setLength(descriptor, size) } catch { failure = error }
    }
}
