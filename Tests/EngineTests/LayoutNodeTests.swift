import TestSupport
import Testing

@testable import IpldEngine

/// Nodes written by hand, lies included.
struct LayoutNodeForm {
    var keys = ["size", "profile", "children"]
    var size: UInt64 = 0
    var profile = "test"
    var children: [(CID, UInt64)] = []

    init(size: UInt64, children: [(CID, UInt64)]) {
        self.size = size
        self.children = children
    }

    /// Says the sum of its children.
    init(_ children: [(CID, UInt64)]) {
        self.init(size: children.reduce(0) { $0 &+ $1.1 }, children: children)
    }

    var bytes: [UInt8] {
        var writer = DagCBORWriter()
        writer.mapHeader(keys.count)
        for key in keys {
            writer.text(key)
            switch key {
            case "size": writer.unsigned(size)
            case "profile": writer.text(profile)
            case "children":
                writer.listHeader(children.count)
                for (cid, size) in children {
                    writer.listHeader(2)
                    writer.link(cid)
                    writer.unsigned(size)
                }
            default: writer.null()
            }
        }
        return writer.output
    }
}

@Suite struct LayoutNodeTests {
    private static func decode(_ bytes: [UInt8]) throws -> TreeNode? {
        try bytes.withUnsafeBytes { (block) throws(StoreError) -> TreeNode? in
            let node = try TreeNode.decode(block)
            let size = try TreeNode.size(ofBlock: block)
            guard size == node?.size else { throw StoreError(.internal, "Two answers about one block") }
            return node
        }
    }

    private static func code(_ bytes: [UInt8]) -> StoreError.Code? {
        do { _ = try decode(bytes) } catch { return (error as? StoreError)?.code }
        return nil
    }

    private static func someChildren() throws -> [(CID, UInt64)] {
        let identity = try [UInt8]([1, 2, 3]).withUnsafeBytes {
            try CID(hashing: $0, codec: .raw, hash: .identity)
        }
        let a = try LayoutFixture.leaf(1)
        return [(a, 8), (a, 8), (try LayoutFixture.leaf(2), 1 << 20), (identity, 3), (a, 8)]
    }

    @Test func aNodeIsReadBack() throws {
        let children = try Self.someChildren()
        let node = try #require(try Self.decode(LayoutNodeForm(children).bytes))
        #expect(node.size == 1 << 20 + 27)
        #expect(node.profile == "test")
        #expect(node.isAboveLeaves)
        #expect(node.children.map(\.count) == [2, 1, 1, 1])
        let singles = node.children.flatMap { (run) in (0..<run.count).map { (_) in run.cid } }
        #expect(singles == children.map(\.0))
    }

    /// The format, byte by byte.
    @Test func aNodesBytesArePinned() throws {
        let leaf = try LayoutFixture.leaf(1)
        var encoder = TreeNodeEncoder(profile: try LayoutProfile(shape: .flat, chunker: .fixed(size: 64)))
        var bytes: [UInt8] = []
        let run = ChildRun(cid: leaf, size: 300, count: 2)
        _ = try encoder.emit(size: 600, children: [run]) { (_, node, _) in bytes = Array(node) }
        var child: [UInt8] = [0x82, 0xd8, 0x2a, 0x58, 0x25, 0x00, 0x01, 0x55, 0x1e, 0x20]
        leaf.withDigest { child += $0 }
        child += [0x19, 0x01, 0x2c]
        #expect(TreeNodeEncoder.encodedLength(of: run) == child.count)
        let size: [UInt8] = [0xa3, 0x64] + Array("size".utf8) + [0x19, 0x02, 0x58]
        let key: [UInt8] = [0x67] + Array("profile".utf8)
        let profile: [UInt8] = [0x74] + Array("flat/fixed:64/blake3".utf8)
        let list: [UInt8] = [0x68] + Array("children".utf8) + [0x82] + child + child
        #expect(bytes == size + key + profile + list)
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let profile = try LayoutFixture.smallProfile()
        var random = SplitMix(state: 5)
        for _ in 0..<300 {
            let runs = try (0..<Int.random(in: 1...12, using: &random)).map { (index) in
                ChildRun(
                    cid: try LayoutFixture.leaf(UInt64(index)),
                    size: UInt64.random(in: 1...1 << 20, using: &random),
                    count: UInt64.random(in: 1...20, using: &random))
            }
            let size = runs.reduce(0) { $0 + $1.size * $1.count }
            var encoder = TreeNodeEncoder(profile: profile)
            let expected = runs.reduce(0) { $0 + TreeNodeEncoder.encodedLength(of: $1) * Int($1.count) }
            let cid = try encoder.emit(size: size, children: runs) { (_, block, _) throws(StoreError) in
                let node = try TreeNode.decode(block)
                #expect(node == TreeNode(size: size, profile: profile.identifier, children: runs))
                #expect(try TreeNode.size(ofBlock: block) == size)
                #expect(block.count > expected && block.count < expected + 128)
            }
            #expect(cid.codec == .dagCBOR && cid.hash == .blake3)
        }
    }

    @Test func otherNodesAreNoTreeNodes() throws {
        let children = try Self.someChildren()
        var form = LayoutNodeForm(children)
        for keys in [
            [], ["size"], ["size", "profile"], ["size", "profile", "children", "childrens"],
            ["size", "profile", "childrem"], ["sizf", "profile", "children"], ["size", "profilf", "children"],
        ] {
            form.keys = keys
            #expect(try Self.decode(form.bytes) == nil, "\(keys)")
        }
        let plain: [[UInt8]] = [
            [0xf6], [0x80], [0xa0], [0x01], [0x60],
            // A size of -1; a profile of 1.
            Self.node(size: 0x20, children: [0x80]), Self.node(profile: 0x01, children: [0x80]),
            // children is 1; [1]; [[]]; [[1, 1]]; [[null]]
            Self.node(children: [0x01]), Self.node(children: [0x81, 0x01]), Self.node(children: [0x81, 0x80]),
            Self.node(children: [0x81, 0x82, 0x01, 0x01]), Self.node(children: [0x81, 0x81, 0xf6]),
        ]
        for bytes in plain { #expect(try Self.decode(bytes) == nil, "\(bytes)") }
    }

    /// {"size": 1, "profile": "", "children": …}
    private static func node(size: UInt8 = 0x01, profile: UInt8 = 0x60, children: [UInt8]) -> [UInt8] {
        [0xa3, 0x64] + "size".utf8 + [size, 0x67] + "profile".utf8 + [profile, 0x68] + "children".utf8
            + children
    }

    @Test func nodesThatContradictThemselvesAreCorrupt() throws {
        let leaf = try LayoutFixture.leaf(1)
        let subtree = try LayoutFixture.cid(of: [0xa0], codec: .dagCBOR)
        let foreign = try LayoutFixture.cid(of: [0xa0], codec: .dagPB)
        let half = UInt64(1) << 62
        let lies: [(String, LayoutNodeForm)] = [
            ("no children", LayoutNodeForm([])),
            ("sum too small", LayoutNodeForm(size: 17, children: [(leaf, 8), (leaf, 8)])),
            ("sum too large", LayoutNodeForm(size: 15, children: [(leaf, 8), (leaf, 8)])),
            ("an empty leaf", LayoutNodeForm([(leaf, 8), (leaf, 0)])),
            ("an empty subtree", LayoutNodeForm([(subtree, 0)])),
            ("a leaf above a block's size", LayoutNodeForm([(leaf, 1 << 20 + 1)])),
            ("leaves and subtrees", LayoutNodeForm([(leaf, 8), (subtree, 8)])),
            ("subtrees and leaves", LayoutNodeForm([(subtree, 8), (leaf, 8)])),
            ("a foreign codec", LayoutNodeForm([(foreign, 8)])),
            ("2^63 bytes", LayoutNodeForm([(subtree, half), (subtree, half)])),
            ("2^64 bytes, overflowing to 0", LayoutNodeForm([(subtree, 1 << 63), (subtree, 1 << 63)])),
            ("2^64 - 1 bytes", LayoutNodeForm([(subtree, .max)])),
            ("overflowing to what it says", LayoutNodeForm([(subtree, .max), (subtree, 9)])),
        ]
        for (what, form) in lies { #expect(Self.code(form.bytes) == .corrupt, "\(what)") }
    }

    @Test func whatIsNoDagCBORIsCorrupt() throws {
        let bytes = LayoutNodeForm(try Self.someChildren()).bytes
        #expect(Self.code([]) == .corrupt)
        #expect(Self.code(bytes + [0]) == .corrupt)
        for length in 1..<bytes.count { #expect(Self.code(Array(bytes[..<length])) == .corrupt) }
        // A list of 2^63 children in three bytes.
        #expect(
            Self.code(Self.node(children: [0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x80, 0x80])) == .corrupt)
    }

    @Test func mutatedNodesNeverTrap() throws {
        let original = LayoutNodeForm(try Self.someChildren()).bytes
        var random = SplitMix(state: 99)
        var accepted = 0
        for _ in 0..<100_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 2: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
                }
            }
            do {
                if let node = try Self.decode(bytes) {
                    accepted += 1
                    #expect(node.children.reduce(0) { $0 + $1.size * $1.count } == node.size)
                }
            } catch {
                // A longer digest than a CID can have may be well-formed.
                #expect([.corrupt, .unsupported].contains((error as? StoreError)?.code))
            }
        }
        #expect(accepted > 0)
    }
}
