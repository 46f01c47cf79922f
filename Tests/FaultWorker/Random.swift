import TestSupport

/// The same numbers on every machine, from a seed that is printed with every failure.
struct Random {
    private var generator: SplitMix

    init(seed: UInt64) { generator = SplitMix(state: seed &* 0x9E37_79B9_7F4A_7C15 ^ 0x1234_5678_9ABC_DEF1) }

    mutating func next() -> UInt64 { generator.next() }

    /// Uniform enough in 0..<bound.
    mutating func below(_ bound: Int) -> Int { bound > 0 ? Int(next() % UInt64(bound)) : 0 }

    mutating func oneIn(_ bound: Int) -> Bool { below(bound) == 0 }

    mutating func element<T>(of array: [T]) -> T? { array.isEmpty ? nil : array[below(array.count)] }

    /// Half random, half zeros in words, so that it compresses a little.
    mutating func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var offset = 0
            while offset < count {
                var word = next()
                if word & 3 == 0 { word = 0 }
                for shift in stride(from: 0, to: 64, by: 8) where offset < count {
                    buffer[offset] = UInt8(truncatingIfNeeded: word >> UInt64(shift))
                    offset += 1
                }
            }
            initialized = count
        }
    }
}
