/// SplitMix64: the same numbers on every machine, from the state that it begins with.
public struct SplitMix: RandomNumberGenerator, Sendable {
    @usableFromInline var state: UInt64

    @inlinable public init(state: UInt64) { self.state = state }

    @inlinable public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// Uniform enough in 0..<bound; 0 where there is nothing to choose from.
    @inlinable public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(1, bound))) }
}
