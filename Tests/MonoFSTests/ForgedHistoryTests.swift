import Testing

@testable import IpldEngine
@testable import MonoFS

/// Versions that nobody made with a commit.
@Suite struct ForgedHistoryTests {
    private let test: TestStore
    private let files: FileSystem
    private let tree: CID

    init() throws {
        test = try TestStore()
        files = FileSystem(test.store)
        let batch = try test.store.makeBatch()
        tree = try batch.putTree(Entry(.directory(Directory()), mode: 0o755))
        try batch.hold(tree)
        try batch.commit()
    }

    private func forge(_ message: String, _ previous: [CID], generation: UInt64) throws -> CID {
        let batch = try test.store.makeBatch()
        let cid = try batch.putVersion(
            Version(tree: tree, previous: previous, time: .zero, message: message, generation: generation))
        try batch.hold(cid)
        try batch.commit()
        return cid
    }

    private func expectCorrupt(_ cid: CID, _ body: () throws -> Void) {
        let error = thrownError(body)
        #expect(
            error?.code == .corrupt && error?.message.contains(cid.description) == true,
            "\(error?.message ?? "")")
    }

    private func walk(_ cid: CID) throws -> Int {
        let history = try files.history(from: cid)
        var count = 0
        while try history.next() != nil { count += 1 }
        return count
    }

    @Test func aGenerationThatIsNotOneMoreIsCorruptWhereItIsSeen() throws {
        let first = try forge("first", [], generation: 1)
        let second = try forge("second", [first], generation: 2)
        for (previous, generation) in [([second], 2), ([second], 4), ([first, second], 2), ([], 2)] {
            let forged = try forge("forged", previous, generation: UInt64(generation))
            let child = try forge("child", [forged], generation: UInt64(generation) + 1)
            expectCorrupt(forged) { _ = try walk(child) }
            expectCorrupt(forged) { _ = try files.commonAncestors(child, second) }
            expectCorrupt(forged) { _ = try files.newHistory([child], behind: first) }
            try files.fork("b\(previous.count)\(generation)", at: second)
            expectCorrupt(forged) { _ = try files.merge(child, into: "b\(previous.count)\(generation)") }
        }
        #expect(try walk(second) == 2)
    }

    /// Where what was before is gone, nobody knows how much it was.
    @Test func aGenerationIsGreaterThanWhatIsThere() throws {
        let gone = try [UInt8]([7]).withUnsafeBytes { try CID(hashing: $0, codec: .dagCBOR) }
        let first = try forge("first", [gone], generation: 900)
        #expect(try walk(forge("second", [first, gone], generation: 1000)) == 2)
        let forged = try forge("forged", [first, gone], generation: 900)
        expectCorrupt(forged) { _ = try walk(forged) }
    }

    @Test func nothingComesAfterTheGreatestGeneration() throws {
        let gone = try [UInt8]([7]).withUnsafeBytes { try CID(hashing: $0, codec: .dagCBOR) }
        let last = try forge("last", [gone], generation: UInt64(Int64.max))
        try files.fork("main", at: last)
        let workspace = try files.open(branch: "main")
        try workspace.write("file", [1])
        #expect(thrownCode { try files.commit(workspace, to: "main") } == .corrupt)
        #expect(try files.branch("main") == last)
    }

    /// Each version comes after all of those before: eight ancestors in common, again and again.
    @Test func aHistoryThatCrossesWithoutEndCostsFewMerges() throws {
        var level = try (0..<8).map { try forge("first \($0)", [], generation: 1) }
        for generation in 2...7 {
            level = try (0..<8).map {
                try forge("\(generation) \($0)", level, generation: UInt64(generation))
            }
        }
        #expect(try files.commonAncestors(level[0], level[1]).count == 8)
        var merges = 0
        let source = try TreeSource(test.store)
        let base = try files.commonBase(level[0], level[1], source, depth: 0, &merges)
        #expect(merges <= FileSystem.maximumAncestorMerges && !base.isWhole)
        source.batch?.abort()
        try files.fork("main", at: level[0])
        guard case .merged(_, let conflicts) = try files.merge(level[1], into: "main") else {
            Issue.record("no merge")
            return
        }
        #expect(conflicts.isEmpty)
    }
}
