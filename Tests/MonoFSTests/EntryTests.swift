import TestSupport
import Testing

@testable import IpldEngine
@testable import MonoFS

/// Entries: one encoding each, and nothing else is read.
@Suite struct EntryTests {
    static let node = cid(.dagCBOR)
    static let leaf = cid(.raw)

    private static func cid(_ codec: CID.Codec) -> CID {
        let digest = [UInt8](repeating: 7, count: 32)
        let cid = digest.withBytes { CID(codec: codec, hash: .blake3, digest: $0) }
        precondition(cid != nil)
        return cid ?? leaf
    }

    static func random(_ random: inout SplitMix, nested: Bool = false) -> Entry {
        let contents: [Entry.Content] = [
            .file(.inline(random.bytes(random.below(513)))), .file(.empty),
            .file(.stored(leaf, size: 513 + random.next() % 1_000_000_000)),
            .file(.stored(node, size: UInt64(Int64.max))), .directory(Directory()),
            .directory(directory(&random)), .symlink(bytes("../somewhere/\u{e9}")), .cidLink(node),
            .cidLink(leaf),
            .fifo, .socket, .characterDevice(DeviceNumber(major: 1, minor: 3)),
            .blockDevice(DeviceNumber(major: .max, minor: .max)), .tombstone(tombstone(&random)),
        ]
        var entry = Entry(contents[random.below(contents.count)])
        entry.mode = UInt16(random.below(4) == 0 ? 0 : random.below(0o10000))
        if random.below(2) == 0 { entry.owner = UInt32(truncatingIfNeeded: random.next()) }
        if random.below(2) == 0 { entry.group = UInt32(random.below(70000)) }
        if random.below(3) > 0 {
            entry.modified =
                Timestamp(
                    seconds: Int64(truncatingIfNeeded: random.next()),
                    nanoseconds: UInt32(random.below(1_000_000_000)))
                ?? .zero
        }
        if random.below(3) == 0 { entry.created = Timestamp(seconds: Int64(random.below(9))) }
        for _ in 0..<random.below(3) {
            entry.attributes[bytes("user.\(random.below(9))")] =
                random.below(2) == 0 ? .bytes(random.bytes(random.below(40))) : ["list": [1, .link(leaf)]]
        }
        entry.sync = SyncType.allCases[random.below(3)]
        if random.below(4) == 0 { entry.hardLink = HardLinkGroup(high: random.next(), low: random.next()) }
        for _ in 0..<random.below(3) {
            entry.unknown["\(["a", "zz", "later", "kinds", "removee", "in the future"][random.below(6)])"] =
                .integer(
                    Int128(random.below(9)))
        }
        if !entry.isDirectory, random.below(5) == 0 {
            entry.graveyard = Directory(map: node, totals: Totals())
            entry.graveyard?.totals.tombstones = 7
        }
        if !nested, random.below(3) == 0 {
            var state = ReplicaState(tags: tags(&random))
            for _ in 0..<random.below(3) {
                state.others.append(
                    .init(
                        tags: tags(&random) + [.init(high: .max, low: .max)],
                        entry: Self.random(&random, nested: true)))
            }
            state.seen = tags(&random)
            if random.below(2) == 0 {
                state.removal = Entry(.tombstone(tombstone(&random)), modified: entry.modified)
            }
            state.touched = entry.modified
            entry.replica = state
        }
        return entry
    }

    private static func tags(_ random: inout SplitMix) -> [ReplicaState.Tag] {
        Set((0..<random.below(4)).map { _ in ReplicaState.Tag(high: random.next() >> 1, low: random.next()) })
            .sorted()
    }

    private static func directory(_ random: inout SplitMix) -> Directory {
        var directory = Directory(map: node, totals: Totals())
        directory.totals.entries = 1 + random.next() % 1000
        directory.totals.bytes = random.below(2) == 0 ? 0 : random.next() >> 1
        directory.totals.tombstones = UInt64(random.below(3))
        directory.totals.hardLinks = UInt64(random.below(3))
        return directory
    }

    private static func tombstone(_ random: inout SplitMix) -> Tombstone {
        let kinds = Entry.Kind.allCases.filter { $0 != .tombstone }
        var tombstone = Tombstone(
            kind: kinds[random.below(kinds.count)], content: random.below(2) == 0 ? leaf : nil)
        tombstone.size = UInt64(random.below(3))
        return tombstone
    }

    @Test func everyEntryComesBackFromItsOnlyEncoding() throws {
        var random = SplitMix(state: 1)
        for _ in 0..<20_000 {
            let entry = Self.random(&random)
            let encoded = try EntryEncoder.encode(entry)
            try encoded.withBytes { (bytes) throws in try DagCBOR.validate(bytes) }
            #expect(try EntryDecoder.decode(encoded) == entry)
        }
    }

    /// Whatever is read encodes to what it was read from.
    @Test func damagedEntriesAreRefusedOrAreOtherEntries() throws {
        var random = SplitMix(state: 2)
        for _ in 0..<100_000 {
            var encoded = try EntryEncoder.encode(Self.random(&random))
            for _ in 0...random.below(2) {
                switch random.below(3) {
                case 0: encoded[random.below(encoded.count)] = UInt8(truncatingIfNeeded: random.next())
                case 1: encoded.remove(at: random.below(encoded.count))
                default: encoded.insert(UInt8(random.below(256)), at: random.below(encoded.count))
                }
                if encoded.isEmpty { break }
            }
            do {
                let entry = try EntryDecoder.decode(encoded)
                #expect(try EntryEncoder.encode(entry) == encoded)
            } catch {
                #expect(error.code == .corrupt || error.code == .unsupported, "\(error)")
            }
        }
    }

    @Test func eachLieIsFound() throws {
        func code(_ value: IPLDValue) -> StoreError.Code? {
            thrownCode { _ = try EntryDecoder.decode(try DagCBOR.encode(value)) }
        }
        let node = IPLDValue.link(Self.node)
        let most = IPLDValue.integer(Int128(UInt64.max))
        #expect(code(["kind": "file", "data": .bytes([1])]) == nil)
        let cases: [(String, IPLDValue)] = [
            ("no map", [1, 2]), ("no kind", ["data": .bytes([1])]),
            ("a file without content", ["kind": "file"]),
            (
                "long content in the entry",
                ["kind": "file", "data": .bytes([UInt8](repeating: 0, count: 513))]
            ),
            ("short content out of the entry", ["kind": "file", "data": .link(Self.leaf), "size": 512]),
            ("a file without a size", ["kind": "file", "data": .link(Self.leaf)]),
            ("a size twice", ["kind": "file", "data": .bytes([1]), "size": 1]),
            ("a size beyond all", ["kind": "file", "data": .link(Self.leaf), "size": most]),
            ("a mode that is none", ["kind": "file", "data": .bytes([]), "mode": 0o10000]),
            ("a default that is written", ["kind": "file", "data": .bytes([]), "mode": 0]),
            ("a sync type that is the default", ["kind": "file", "data": .bytes([]), "sync": "default"]),
            ("a time that is the default", ["kind": "file", "data": .bytes([]), "time": [0, 0]]),
            (
                "a second of too many parts",
                ["kind": "file", "data": .bytes([]), "time": [0, 1_000_000_000]]
            ),
            ("a directory of bytes", ["kind": "directory", "data": .bytes([1])]),
            ("a directory of a leaf", ["kind": "directory", "data": .link(Self.leaf), "count": 1]),
            ("a directory with a map of nothing", ["kind": "directory", "data": node]),
            ("a directory with something but no map", ["kind": "directory", "count": 1]),
            ("counts beyond 2^63", ["kind": "directory", "data": node, "count": most]),
            ("a device without a number", ["kind": "char"]),
            ("a device number of three", ["kind": "char", "rdev": [1, 2, 3]]),
            ("a device number that is none", ["kind": "block", "rdev": [1, .integer(1 << 32)]]),
            ("a file that is a device", ["kind": "file", "data": .bytes([]), "rdev": [1, 2]]),
            ("a link to nothing", ["kind": "symlink", "data": .bytes([])]),
            ("a link with NUL", ["kind": "symlink", "data": .bytes([1, 0])]),
            ("a link to a CID that is bytes", ["kind": "cidlink", "data": .bytes([1])]),
            ("a FIFO with content", ["kind": "fifo", "data": .bytes([1])]),
            ("a tombstone of nothing", ["kind": "tombstone"]),
            ("a tombstone of a tombstone", ["kind": "tombstone", "removed": "tombstone"]),
            ("a tombstone that keeps its content", ["kind": "tombstone", "removed": "file", "data": node]),
            (
                "a tombstone's CID that is none",
                ["kind": "tombstone", "removed": "file", "data": .bytes([1])]
            ),
            ("a group of another length", ["kind": "file", "data": .bytes([]), "inode": .bytes([1])]),
            ("attributes of none", ["kind": "file", "data": .bytes([]), "xattr": []]),
            (
                "an attribute without a name",
                ["kind": "file", "data": .bytes([]), "xattr": [[.bytes([]), 1]]]
            ),
            (
                "attributes out of order",
                ["kind": "file", "data": .bytes([]), "xattr": [[.bytes([2]), 1], [.bytes([1]), 1]]]
            ),
            (
                "an attribute twice",
                ["kind": "file", "data": .bytes([]), "xattr": [[.bytes([2]), 1], [.bytes([2]), 1]]]
            ),
            ("a state of two parts", ["kind": "file", "data": .bytes([]), "crdt": [[], []]]),
            (
                "a state in a state",
                [
                    "kind": "file", "data": .bytes([]),
                    "crdt": [
                        [],
                        [
                            [
                                [.bytes([UInt8](repeating: 1, count: 16))],
                                ["kind": "file", "data": .bytes([]), "crdt": [[], [], [], .null, [0, 0]]],
                            ]
                        ], [], .null, [0, 0],
                    ],
                ]
            ),
        ]
        for (what, value) in cases { #expect(code(value) == .corrupt, "\(what)") }
        #expect(code(["kind": "hologram"]) == .unsupported)
        #expect(code(["kind": "file", "data": .bytes([]), "sync": "telepathy"]) == .unsupported)
    }

    @Test func namesAreBytesThatNoPathConfuses() throws {
        for name in [
            [0xff, 0xfe], bytes("a b"), bytes("..."), bytes("\n"), [UInt8](repeating: 1, count: 1024),
        ] {
            #expect(try FileName(name).bytes == name)
        }
        for name in [
            [], bytes("."), bytes(".."), bytes("a/b"), bytes("/"), [1, 0], [UInt8](repeating: 1, count: 1025),
        ] {
            #expect(thrownCode { _ = try FileName(name) } == .invalid)
        }
    }

    /// A directory that names what leads elsewhere is refused when it is read.
    @Test func forgedNamesNeverComeOut() throws {
        let test = try TestStore()
        for name in [bytes(".."), bytes("a/../../b"), [0x61, 0]] {
            let batch = try test.store.makeBatch()
            let builder = ByteMapBuilder(batch)
            try builder.append(name, try EntryEncoder.encode(Entry(.file(.empty))))
            var directory = Directory(map: try builder.finish(), totals: Totals())
            directory.totals.entries = 1
            let tree = try batch.putTree(Entry(.directory(directory)))
            try batch.hold(tree)
            try batch.commit()
            let workspace = try Workspace(test.store, on: tree)
            #expect(thrownCode { _ = try workspace.list("/") } == .corrupt)
        }
    }

    @Test func aDirectoryThatIsNoneIsCorrupt() throws {
        let test = try TestStore()
        let batch = try test.store.makeBatch()
        let node = try batch.putNode(["a": 1])
        var directory = Directory(map: node, totals: Totals())
        directory.totals.entries = 1
        let tree = try batch.putTree(Entry(.directory(directory)))
        try batch.hold(tree)
        try batch.commit()
        let workspace = try Workspace(test.store, on: tree)
        #expect(thrownCode { _ = try workspace.list("/") } == .corrupt)
        #expect(thrownCode { _ = try workspace.lookup("/x") } == .corrupt)
        #expect(thrownCode { _ = try Workspace(test.store, on: node) } == .invalid)
    }
}
