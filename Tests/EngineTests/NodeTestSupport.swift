import TestSupport
import Testing

@testable import IpldEngine

extension ProllyLimits {
    /// Small nodes, so that small values have high trees.
    static let small = ProllyLimits(
        blockBytes: 300, inlineBytes: 32, keyBytes: 64, minimumBytes: 70, expectedBytes: 220,
        maximumBytes: 600)
}

/// Values stored under given limits, in a batch that is never committed unless a test does.
final class NodeFixture {
    let test: TestStore
    let batch: Batch
    let limits: ProllyLimits

    init(_ limits: ProllyLimits = .small, profile: LayoutProfile? = nil) throws {
        self.limits = limits
        test = try TestStore(StoreConfiguration(profile: profile ?? LayoutFixture.smallProfile()))
        batch = try test.store.makeBatch()
    }

    func put(_ value: IPLDValue) throws -> CID { try NodeWriter(batch: batch, limits: limits).put(value) }

    func edit(_ cid: CID, _ path: [String], _ changes: [NodeChange]) throws -> CID {
        try NodeEditor(batch, changes, limits: limits).run(cid, at: path)
    }

    /// How many blocks `cid` is, each once, with what its links lead to.
    func blocks(_ cid: CID, _ seen: inout Set<CID>) throws {
        guard cid.hash != .identity, !seen.contains(cid) else { return }
        // A link of the value may lead to nothing.
        guard let block = try? block(cid) else { return }
        seen.insert(cid)
        guard cid.codec == .dagCBOR else { return }
        let links = try block.withUnsafeBytes { try DagCBOR.links(in: $0) }
        for link in links { try blocks(link, &seen) }
    }

    func block(_ cid: CID) throws -> [UInt8] {
        try batch.withBlock(cid) { (bytes) throws(StoreError) in [UInt8](bytes) }
    }

    /// Of the root, where it is a tree.
    func level(_ cid: CID) throws -> Int? {
        let form = try batch.withBlock(cid) { (block) throws(StoreError) in try SplitForm.decode(block) }
        if case .tree(let node)? = form { return node.level }
        return nil
    }
}

extension SplitMix {
    /// A value of any size up to some thousand elements, whose links lead nowhere but to identity blocks.
    mutating func largeValue(depth: Int = 2) -> IPLDValue {
        switch below(6) {
        case 0: return .bytes(LayoutFixture.randomBytes(below(3000), seed: next()))
        case 1: return .text(String(repeating: text() + "é", count: 1 + below(400)))
        case 2, 3:
            let same = below(4) == 0
            let element = value(depth: 1)
            let count = below(800)
            return .list(
                (0..<count).map { _ in
                    same
                        ? element
                        : below(40) == 0 && depth > 0 ? largeValue(depth: depth - 1) : value(depth: 1)
                })
        default:
            var map = IPLDMap()
            for _ in 0..<below(500) {
                map[key()] = below(40) == 0 && depth > 0 ? largeValue(depth: depth - 1) : value(depth: 1)
            }
            return .map(map)
        }
    }

    mutating func key() -> String { below(3) == 0 ? text() : "key \(below(2000))" }
}

/// The code of the error that `body` throws; nil when it does not.
func thrownCode(_ body: () throws -> Void) -> StoreError.Code? {
    do { try body() } catch { return (error as? StoreError)?.code ?? .internal }
    return nil
}
