import Foundation
import TestSupport

@testable import IpldEngine

/// A directory that goes with the test.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let base = FileManager.default.temporaryDirectory.appendingPathComponent(
            "ipldstore-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
        path = base.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A fresh store in a directory of its own.
final class TestStore {
    let directory: TemporaryDirectory
    private(set) var store: ContentStore
    var path: String { directory.path + "/store" }

    init(_ configuration: StoreConfiguration = StoreConfiguration()) throws {
        directory = try TemporaryDirectory()
        try ContentStore.create(at: directory.path + "/store", configuration: configuration)
        store = try ContentStore.open(at: directory.path + "/store")
    }

    /// Runs `body` while nobody has the store open.
    func closed(_ body: () throws -> Void) throws {
        let elsewhere = try TestStore()
        store = elsewhere.store
        defer { withExtendedLifetime(elsewhere) {} }
        try body()
        store = try ContentStore.open(at: path)
    }
}

/// Bytes that do not compress.
func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SplitMix(state: seed)
    var bytes = [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBytes { buffer in
        var offset = 0
        while offset + 8 <= count {
            buffer.storeBytes(of: generator.next(), toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < count {
            buffer[offset] = UInt8(truncatingIfNeeded: generator.next())
            offset += 1
        }
    }
    return bytes
}

extension ContentStore {
    func put(_ bytes: [UInt8]) throws -> CID { try bytes.withUnsafeBytes { try putBytes($0) } }

    func put(_ bytes: [UInt8], codec: CID.Codec) throws -> CID {
        try bytes.withUnsafeBytes { try putBlock($0, codec: codec) }
    }

    /// All data bytes under a root.
    func get(_ cid: CID) throws -> [UInt8] {
        let size = try size(of: cid)
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var reader = try TreeReader(root: cid, size: size, source: self)
        let count = try bytes.withUnsafeMutableBytes { try reader.read(at: 0, into: $0) }
        precondition(count == bytes.count)
        return bytes
    }
}

extension StoreCore {
    /// Of a store that has packs.
    var packs: PackFiles {
        guard case .packs(let files) = payloads else { fatalError("the store has no packs") }
        return files
    }
}
