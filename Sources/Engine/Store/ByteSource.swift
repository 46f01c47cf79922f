/// Where bytes to store come from, in order.
public protocol ByteSource {
    /// Fills the buffer from its start; the number of bytes, 0 only at the end.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int

    /// How many of the bytes that come next are zeros which need not be read, because nothing was ever
    /// written there; 0 where that is not known.
    mutating func hole() throws(StoreError) -> UInt64

    /// Passes over so many bytes of the hole.
    mutating func skip(_ count: UInt64) throws(StoreError)
}

extension ByteSource {
    public mutating func hole() throws(StoreError) -> UInt64 { 0 }
    public mutating func skip(_ count: UInt64) throws(StoreError) {}
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
