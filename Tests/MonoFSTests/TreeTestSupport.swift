import Foundation
import TestSupport
import Testing

@testable import IpldEngine
@testable import MonoFS

/// A fresh store in a directory that goes with the test.
final class TestStore {
    let directory: String
    private(set) var store: ContentStore

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/monofs-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try ContentStore.create(at: directory + "/store")
        store = try ContentStore.open(at: directory + "/store")
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }
}

extension SplitMix {
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

/// A clock that ticks, and numbers that come again: two runs make the same trees.
final class Ticking: @unchecked Sendable {
    private var seconds: Int64
    private var generator: SplitMix
    init(_ seconds: Int64 = 1000, seed: UInt64 = 1) {
        self.seconds = seconds
        generator = SplitMix(state: seed)
    }
    func now() -> Timestamp {
        seconds += 1
        return Timestamp(seconds: seconds, nanoseconds: 5) ?? .zero
    }
    func number() -> UInt64 { generator.next() }
}

extension Workspace {
    func tick(_ ticking: Ticking) -> Workspace {
        clock = ticking.now
        random = ticking.number
        return self
    }
}

extension FilePath: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) {
        // A path that is none leads nowhere, which a test sees.
        self = (try? FilePath(value)) ?? FilePath(components: [.parent])
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The code of the error that `body` throws; nil when it does not.
func thrownCode(_ body: () throws -> Void) -> StoreError.Code? {
    do { try body() } catch { return (error as? StoreError)?.code ?? .internal }
    return nil
}

func thrownError(_ body: () throws -> Void) -> StoreError? {
    do { try body() } catch { return error as? StoreError }
    return nil
}

/// Stores a tree again, in bulk, from what its directories list: the CID must be the same.
func rebuilt(_ cid: CID, _ store: ContentStore) throws -> CID {
    let source = try TreeSource(store)
    let batch = try store.makeBatch()
    func build(_ directory: Directory) throws -> Directory {
        let builder = DirectoryBuilder(batch)
        var map = try DirectoryMap(directory, source)
        for position in 0..<map.count {
            var (name, entry) = try map.entry(at: position)
            if case .directory(let below) = entry.content {
                let again = try build(below)
                #expect(again == below, "totals or map of \(name)")
                entry.content = .directory(again)
            }
            try builder.append(name, entry)
        }
        return try builder.finish()
    }
    guard case .tree(var entry) = try TreeNodes.open(cid, source), case .directory(let root) = entry.content
    else { throw StoreError(.invalid, "no tree") }
    entry.content = .directory(try build(root))
    return try batch.putTree(entry)
}
