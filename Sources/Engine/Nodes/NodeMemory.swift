/// What a value that is read whole may take of memory, and has taken.
///
/// A limit on the encoding would not bound it: lists of one list each take over sixty times their bytes. Nor
/// would the blocks: a tree may name one child ten thousand times, truthfully.
final class NodeMemory {
    private var limit: UInt64
    private var left: UInt64

    init(limit: UInt64) {
        self.limit = limit
        left = limit
    }

    /// Begins another value.
    func begin(limit: UInt64) {
        self.limit = limit
        left = limit
    }

    func take(_ bytes: UInt64) throws(StoreError) {
        guard bytes <= left else { throw tooLarge }
        left -= bytes
    }

    var tooLarge: StoreError {
        StoreError(.tooLarge, "the value takes more than \(limit) bytes of memory: read it by path")
    }
}

extension IPLDValue {
    /// Bytes of memory that the value takes besides its own place, about: never less than its encoding has
    /// beyond the size of that place.
    var heapBytes: UInt64 {
        switch self {
        case .null, .bool, .integer, .float: 0
        case .text(let text): IPLDMap.heapBytes(ofKey: text)
        case .bytes(let bytes): bytes.isEmpty ? 0 : Self.header + UInt64(bytes.count)
        case .link: Self.header + UInt64(MemoryLayout<CID>.size)
        case .list(let list): Self.heapBytes(of: list)
        case .map(let map): Self.heapBytes(of: map)
        }
    }

    private static func heapBytes(of list: [IPLDValue]) -> UInt64 {
        guard list.capacity > 0 else { return 0 }
        var bytes = header + UInt64(list.capacity * MemoryLayout<IPLDValue>.stride)
        for value in list { bytes += value.heapBytes }
        return bytes
    }

    private static func heapBytes(of map: IPLDMap) -> UInt64 {
        guard map.capacity > 0 else { return 0 }
        var bytes = header + UInt64(map.capacity * MemoryLayout<IPLDMap.Element>.stride)
        for (key, value) in map { bytes += IPLDMap.heapBytes(ofKey: key) + value.heapBytes }
        return bytes
    }

    /// Before what an array or string keeps apart.
    fileprivate static let header: UInt64 = 32
}

extension IPLDMap {
    /// The same, of a key. Up to 15 bytes stand in its own place.
    static func heapBytes(ofKey key: String) -> UInt64 {
        key.utf8.count > 15 ? IPLDValue.header + UInt64(key.utf8.count) : 0
    }
}
