import IpldEngine

/// The contents that workloads store: few, so that they share chunks and meet again.
struct Pool {
    /// Content number i is version i % 3 of file i / 3; versions differ in one byte.
    static let count = 24
    private static let lengths = [0, 1, 700, 5_000, 40_000, 90_000, 150_000, 300_000]

    /// Where the content is known, its CID.
    private(set) var cids: [CID] = []

    static func bytes(_ content: Int) -> [UInt8] {
        let length = lengths[content / 3 % lengths.count]
        var random = Random(seed: UInt64(content / 3) + 1000)
        var bytes = random.bytes(length)
        if content % 3 > 0, length > 0 { bytes[length / 3 * (content % 3)] ^= 0x55 }
        return bytes
    }

    /// Small chunks and narrow nodes, so that a little data makes a tree.
    static func configuration() throws -> StoreConfiguration {
        StoreConfiguration(
            profile: try LayoutProfile(
                shape: .balanced(try NodeParameters(minimum: 4, expected: 8, maximum: 32)),
                chunker: try .fastCDC(average: 2048)))
    }

    /// Stores all in a scratch store to learn the CIDs.
    init(scratch: String) throws {
        let path = scratch + "/pool"
        try LmdbStore.create(at: path, configuration: try Self.configuration())
        let store = try ContentStore.open(at: path)
        for content in 0..<Self.count { cids.append(try store.put(Self.bytes(content))) }
        for content in 0..<Self.count where try store.contents(of: cids[content]) != Self.bytes(content) {
            throw Violation("content \(content) does not come back")
        }
    }

    /// As a child gets it from its parent.
    init(file: String) throws {
        cids = try String(decoding: try Files.read(file), as: UTF8.self).split(separator: "\n").map {
            try CID(parsing: String($0))
        }
    }

    func write(to file: String) throws {
        try Files.write(file, Array(cids.map(\.description).joined(separator: "\n").utf8))
    }

    func content(of cid: CID) -> Int? { cids.firstIndex(of: cid) }
}

extension ContentStore {
    func put(_ bytes: [UInt8]) throws -> CID { try bytes.withUnsafeBytes { try putBytes($0) } }

    /// All data bytes under a CID.
    func contents(of cid: CID) throws -> [UInt8] {
        let size = Int(try size(of: cid))
        var bytes = [UInt8](repeating: 0, count: size)
        let count = try bytes.withUnsafeMutableBytes { try read(cid, at: 0, into: $0) }
        guard count == size else { throw Violation("\(cid) gave \(count) of its \(size) bytes") }
        return bytes
    }
}

extension Batch {
    func put(_ bytes: [UInt8]) throws -> CID { try bytes.withUnsafeBytes { try putBytes($0) } }
}
