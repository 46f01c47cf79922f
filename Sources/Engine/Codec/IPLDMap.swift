/// The map of the IPLD data model: text keys, each once, always in the canonical order of DAG-CBOR
/// (shorter keys first, equal lengths bytewise). Keys are compared as UTF-8, not by Unicode equivalence.
public struct IPLDMap: Sendable {
    public typealias Element = (key: String, value: IPLDValue)
    private var pairs: [Element]

    public init() { pairs = [] }

    /// Pairs in any order.
    /// - Throws: `duplicateKey`, whose offset is the position in canonical order.
    public init(_ pairs: some Sequence<(String, IPLDValue)>) throws(CodecError) {
        var sorted = pairs.map { (key: $0.0, value: $0.1) }
        sorted.sort { Self.compareKeys($0.key, $1.key) < 0 }
        for index in sorted.indices.dropFirst()
        where Self.compareKeys(sorted[index - 1].key, sorted[index].key) == 0 {
            throw CodecError(.duplicateKey, at: index)
        }
        self.pairs = sorted
    }

    /// Pairs in any order, of which the last with a key is the one that counts.
    init(lastWins pairs: [(String, IPLDValue)]) {
        self.pairs = []
        for (key, value) in pairs { self[key] = value }
    }

    /// Pairs that there is room for.
    var capacity: Int { pairs.capacity }
    mutating func reserveCapacity(_ count: Int) { pairs.reserveCapacity(count) }

    /// Adds a pair behind all others.
    /// - Returns: False, with nothing added, unless the key sorts after the last.
    mutating func append(_ key: String, _ value: IPLDValue) -> Bool {
        if let last = pairs.last, Self.compareKeys(last.key, key) >= 0 { return false }
        pairs.append((key: key, value: value))
        return true
    }

    /// The value under `key`. Setting nil removes it; a new key costs moving what sorts after it.
    public subscript(key: String) -> IPLDValue? {
        get {
            let (index, isThere) = find(key)
            return isThere ? pairs[index].value : nil
        }
        set {
            let (index, isThere) = find(key)
            switch (isThere, newValue) {
            case (true, let value?): pairs[index].value = value
            case (false, let value?): pairs.insert((key: key, value: value), at: index)
            case (true, nil): pairs.remove(at: index)
            case (false, nil): break
            }
        }
    }

    /// Where the key is, or would be.
    private func find(_ key: String) -> (index: Int, isThere: Bool) {
        var low = 0
        var high = pairs.count
        while low < high {
            let middle = low + (high - low) / 2
            let order = Self.compareKeys(pairs[middle].key, key)
            if order == 0 { return (middle, true) }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return (low, false)
    }

    /// Canonical order: below, at or above zero, as `a` is before, equal to or after `b`.
    static func compareKeys(_ a: String, _ b: String) -> Int {
        let (length, other) = (a.utf8.count, b.utf8.count)
        if length != other { return length - other }
        return compareBytewise(a, b)
    }

    /// The order of the UTF-8 bytes, as below.
    static func compareBytewise(_ a: String, _ b: String) -> Int {
        var (a, b) = (a, b)
        return a.withUTF8 { left in
            b.withUTF8 { right in
                let (left, right) = (UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
                let order = left.compareBytes(right, count: Swift.min(left.count, right.count))
                return order != 0 ? Int(order) : left.count - right.count
            }
        }
    }
}

extension IPLDMap: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { pairs.count }
    public subscript(position: Int) -> Element { pairs[position] }
}

extension IPLDMap: Equatable {
    public static func == (a: IPLDMap, b: IPLDMap) -> Bool {
        guard a.pairs.count == b.pairs.count else { return false }
        for index in a.pairs.indices {
            guard compareKeys(a.pairs[index].key, b.pairs[index].key) == 0,
                a.pairs[index].value == b.pairs[index].value
            else { return false }
        }
        return true
    }
}

extension IPLDMap: ExpressibleByDictionaryLiteral {
    /// Of pairs with the same key, the last counts.
    public init(dictionaryLiteral elements: (String, IPLDValue)...) { self.init(lastWins: elements) }
}
