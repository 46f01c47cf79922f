/// Which of the calls that are not durable reached the disk, call by call and sector by sector.
struct Choice {
    enum Kind: Int, CaseIterable {
        case none, all, last, allButOne, few, half, most, tornPages, tornSectors
        /// Names without data, with lengths; data without names.
        case namesOnly, dataOnly
    }

    let kind: Kind
    /// Names in the order in which they were changed, as journals of file systems do; or in any.
    let keepsNameOrder: Bool
    private var random: Random

    init(_ kind: Kind, keepsNameOrder: Bool = false, seed: UInt64 = 0) {
        self.kind = kind
        self.keepsNameOrder = keepsNameOrder
        random = Random(seed: seed)
    }

    init(seed: UInt64) {
        random = Random(seed: seed)
        kind = Kind.allCases[random.below(Kind.allCases.count)]
        keepsNameOrder = random.oneIn(2)
    }

    /// Another one for each file, whatever order they are asked in.
    func forFile(_ number: Int) -> Choice {
        var copy = self
        var mixed = random
        copy.random = Random(seed: mixed.next() &+ UInt64(number))
        return copy
    }

    /// Of `count` calls, those that reached the disk.
    mutating func calls(_ count: Int) -> [Bool] {
        switch kind {
        case .none, .namesOnly: return [Bool](repeating: false, count: count)
        case .all, .dataOnly, .tornPages, .tornSectors: return [Bool](repeating: true, count: count)
        case .last: return (0..<count).map { $0 == count - 1 }
        case .allButOne:
            let missing = random.below(count)
            return (0..<count).map { $0 != missing }
        case .few: return (0..<count).map { _ in random.oneIn(6) }
        case .half: return (0..<count).map { _ in random.oneIn(2) }
        case .most: return (0..<count).map { _ in !random.oneIn(6) }
        }
    }

    /// The part of a call that reaches the disk or does not by itself, sectors; nil: the whole call.
    var tornSectors: Int? {
        switch kind {
        case .tornPages: 8
        case .tornSectors: 1
        default: nil
        }
    }

    mutating func coin() -> Bool { random.oneIn(2) }

    /// How many of `count` calls a file's length has seen.
    mutating func lengthCalls(_ count: Int) -> Int {
        switch kind {
        case .none: 0
        case .all, .namesOnly, .dataOnly: count
        default: random.below(count + 1)
        }
    }

    /// Of `count` changes of names, those that reached the disk.
    mutating func names(_ count: Int) -> [Bool] {
        switch kind {
        case .namesOnly: return [Bool](repeating: true, count: count)
        case .dataOnly: return [Bool](repeating: false, count: count)
        case .tornPages, .tornSectors, .few, .half, .most, .allButOne, .last:
            if keepsNameOrder {
                let seen = random.below(count + 1)
                return (0..<count).map { $0 < seen }
            }
            if kind == .tornPages || kind == .tornSectors { return (0..<count).map { _ in random.oneIn(2) } }
            return calls(count)
        case .none, .all: return calls(count)
        }
    }
}
