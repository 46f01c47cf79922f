import Glibc

/// What is done with raw bytes everywhere: compare them, and lend them out.
extension UnsafeRawBufferPointer {
    /// `memcmp` of the first `count` bytes, which both buffers must have.
    @inlinable
    package func compareBytes(_ other: UnsafeRawBufferPointer, count: Int) -> Int32 {
        guard count > 0, let left = baseAddress, let right = other.baseAddress else { return 0 }
        return memcmp(left, right, count)
    }

    /// Equal length and equal bytes.
    @inlinable
    package func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        count == other.count && compareBytes(other, count: count) == 0
    }

    /// Bytewise order; of two buffers of which one begins the other, the shorter is first.
    @inlinable
    package func precedes(_ other: UnsafeRawBufferPointer) -> Bool {
        let order = compareBytes(other, count: Swift.min(count, other.count))
        return order != 0 ? order < 0 : count < other.count
    }
}

extension Array where Element == UInt8 {
    /// The array's bytes, valid inside `body` only: `withUnsafeBytes` that keeps the type of what is thrown.
    @inlinable
    package func withBytes<T, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
        try withUnsafeBufferPointer { (buffer) throws(E) -> T in try body(UnsafeRawBufferPointer(buffer)) }
    }
}
