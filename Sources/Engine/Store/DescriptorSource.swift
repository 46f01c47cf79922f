import CSystem
import Glibc

/// What a descriptor gives from its current position to its end; its offset moves.
///
/// What always holds: a regular file gives all that it had when reading began; one that is cut meanwhile is
/// an error, never a shorter file. Its holes are told of, and the offset is where reading goes on, whatever
/// was looked for. A hole that somebody writes into after it was looked for reads as it was then.
public struct DescriptorSource: ByteSource {
    private let descriptor: Int32
    /// Where the next byte is; nil in what is no regular file.
    private var position: UInt64?
    /// Bytes that a regular file still owes.
    private var owed: UInt64 = 0
    /// The next hole worth passing over; before it there is none. Empty: none up to there.
    private var nextHole: Range<UInt64> = 0..<0

    /// Holes of fewer bytes are read.
    private static let shortestHole: UInt64 = 1 << 20
    /// Bytes that are looked through for a hole at once.
    private static let searchLength: UInt64 = 64 << 20

    public init(_ descriptor: Int32) throws(StoreError) {
        self.descriptor = descriptor
        let information = try Self.status(descriptor)
        guard information.st_mode & S_IFMT != S_IFDIR else {
            throw StoreError(.invalid, "the source is a directory", systemError: EISDIR)
        }
        if information.st_mode & S_IFMT == S_IFREG {
            let offset = lseek(descriptor, 0, SEEK_CUR)
            if offset >= 0 {
                position = UInt64(offset)
                owed = UInt64(max(0, information.st_size - offset))
            }
        }
    }

    private static func status(_ descriptor: Int32) throws(StoreError) -> stat {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw System.error(errno, "the source") }
        return information
    }

    public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        var wanted = buffer.count
        if let position, position < nextHole.lowerBound, !nextHole.isEmpty {
            wanted = Int(min(UInt64(wanted), nextHole.lowerBound - position))
        }
        var done = 0
        while done < wanted {
            let count = try System.readStream(
                descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<wanted]))
            if count == 0 { break }
            done += count
        }
        if done < wanted, UInt64(done) < owed { throw Self.wasCut(owed - UInt64(done)) }
        pass(UInt64(done))
        return done
    }

    private mutating func pass(_ count: UInt64) {
        if let position { self.position = position + count }
        owed -= min(owed, count)
    }

    private static func wasCut(_ missing: UInt64) -> StoreError {
        StoreError(.io, "the source ended \(missing) bytes early: it was cut while being read")
    }

    // MARK: Holes

    public mutating func hole() throws(StoreError) -> UInt64 {
        guard let position, owed >= Self.shortestHole else { return 0 }
        if position >= nextHole.upperBound {
            nextHole = findHole(from: position, end: position + owed)
            guard lseek(descriptor, off_t(position), SEEK_SET) >= 0 else {
                throw System.error(errno, "the source")
            }
        }
        return nextHole.contains(position) ? nextHole.upperBound - position : 0
    }

    /// The next hole worth passing over, or an empty range where looking goes on. A file system that knows of
    /// no holes has none.
    private func findHole(from start: UInt64, end: UInt64) -> Range<UInt64> {
        var data = start
        while data < end, data - start < Self.searchLength {
            let hole = ipsys_next_hole(descriptor, Int64(data))
            guard hole >= 0, UInt64(hole) < end else { return end..<end }
            let next = ipsys_next_data(descriptor, hole)
            guard next >= 0 || errno == ENXIO else { return end..<end }
            // Without more data the hole reaches to the end.
            data = next >= 0 ? min(UInt64(next), end) : end
            if data - UInt64(hole) >= Self.shortestHole { return UInt64(hole)..<data }
        }
        return data..<data
    }

    public mutating func skip(_ count: UInt64) throws(StoreError) {
        guard let position, count <= owed else {
            throw StoreError(.internal, "more was to be passed over than there is")
        }
        guard lseek(descriptor, off_t(position + count), SEEK_SET) >= 0 else {
            throw System.error(errno, "the source")
        }
        pass(count)
        let size = UInt64(max(0, try Self.status(descriptor).st_size))
        if size < position + count { throw Self.wasCut(position + count + owed - size) }
    }
}
