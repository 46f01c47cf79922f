import Glibc

/// Where bytes to store come from, in order.
public protocol ByteSource {
    /// Fills the buffer from its start; the number of bytes, 0 only at the end.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int
}

/// Bytes in memory, which must stay valid while they are read.
public struct MemorySource: ByteSource {
    private var rest: UnsafeRawBufferPointer

    public init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    public mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, rest.count)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        return count
    }
}

/// What a descriptor gives from its current position to its end; its offset moves.
///
/// A regular file must give all that it had when reading began: one that is cut meanwhile is an error,
/// never a shorter file.
public struct DescriptorSource: ByteSource {
    private let descriptor: Int32
    /// Bytes that a regular file still owes.
    private var owed: UInt64 = 0

    public init(_ descriptor: Int32) throws(StoreError) {
        self.descriptor = descriptor
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw System.error(errno, "the source") }
        guard information.st_mode & S_IFMT != S_IFDIR else {
            throw StoreError(.invalid, "the source is a directory", systemError: EISDIR)
        }
        if information.st_mode & S_IFMT == S_IFREG {
            let position = lseek(descriptor, 0, SEEK_CUR)
            if position >= 0 { owed = UInt64(max(0, information.st_size - position)) }
        }
    }

    public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = try System.readStream(
                descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
            if count == 0 { break }
            done += count
        }
        if done < buffer.count, UInt64(done) < owed {
            throw StoreError(
                .io, "the source ended \(owed - UInt64(done)) bytes early: it was cut while being read")
        }
        owed -= min(owed, UInt64(done))
        return done
    }
}

/// A caller's function.
public struct CallbackSource: ByteSource {
    private let body: (UnsafeMutableRawBufferPointer) throws(StoreError) -> Int

    /// `body` fills the buffer and returns how much, 0 at the end.
    public init(_ body: @escaping (UnsafeMutableRawBufferPointer) throws(StoreError) -> Int) {
        self.body = body
    }

    public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        let count = try body(buffer)
        guard (0...buffer.count).contains(count) else {
            throw StoreError(.callback, "a source gave \(count) bytes for a buffer of \(buffer.count)")
        }
        return count
    }
}

/// A descriptor that takes bytes where it stands; its offset moves.
public struct DescriptorSink {
    private let descriptor: Int32

    public init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Writes all of the bytes. A descriptor that would block is waited for.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        try System.writeStream(descriptor, bytes)
    }
}
