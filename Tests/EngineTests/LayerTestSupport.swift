import Foundation
import Testing

@testable import IpldEngine

/// Tests of stores that read through each other, by their names in one directory.
protocol LayerSuite {
    var directory: TemporaryDirectory { get }
}

extension LayerSuite {
    func path(_ name: String) -> String { directory.path + "/" + name }
    func open(_ name: String) throws -> ContentStore { try ContentStore.open(at: path(name)) }

    func make(_ name: String, over bases: String...) throws -> ContentStore {
        if bases.isEmpty {
            try ContentStore.create(at: path(name))
        } else {
            try LayeredStore.create(at: path(name), over: bases.map(path))
        }
        return try open(name)
    }

    /// Stores bytes as one block, under a root alone.
    func put(_ bytes: [UInt8], _ store: ContentStore, _ root: String) throws {
        let batch = try store.makeBatch()
        let cid = try bytes.withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
        try batch.setRoot(root, to: cid)
        try batch.commit()
    }

    /// Changes a byte of a block in a pack.
    func spoil(_ name: String, _ bytes: [UInt8]) throws {
        for pack in try FileManager.default.contentsOfDirectory(atPath: path(name) + "/packs") {
            let file = URL(filePath: path(name) + "/packs/" + pack)
            var data = try Data(contentsOf: file)
            guard let place = data.range(of: Data(bytes.prefix(64))) else { continue }
            data[place.lowerBound + 9] ^= 1
            let handle = try FileHandle(forUpdating: file)
            try handle.write(contentsOf: data)
            try handle.close()
            return
        }
        Issue.record("there is no such block in \(name)")
    }

    func code(_ body: () throws -> Void) -> StoreError.Code? {
        do { try body() } catch { return (error as? StoreError)?.code }
        return nil
    }

    func move(_ old: String, _ new: String) throws { try System.rename(path(old), path(new)) }
    func copy(_ old: String, _ new: String) throws {
        try FileManager.default.copyItem(atPath: path(old), toPath: path(new))
    }

    func giveUp(_ store: ContentStore, _ root: String) throws {
        try store.removeRoot(root)
        try store.gc()
    }

    func holds(_ store: ContentStore) throws -> [CID] {
        try store.holds(owner: nil).filter { $0.owner.hasPrefix(Base.ownerPrefix) }.map(\.cid)
    }

    /// Files by which bases know a layer that are elsewhere.
    func keptFiles(_ name: String) throws -> Int {
        try System.list(path(name)).count { ForkFile.kept($0) != nil }
    }

    func recorded(_ name: String) throws -> RecordedConfiguration {
        let store = try open(name)
        defer { withExtendedLifetime(store) {} }
        return try store.core.read { (snapshot) throws(StoreError) in try snapshot.recorded() }
    }
}

/// Two blocks that stores have.
struct LayerBlocks {
    let bytes = randomBytes(5000, seed: 21)
    let other = randomBytes(5000, seed: 22)
    let cid: CID
    let otherCID: CID

    init() throws {
        cid = try bytes.withUnsafeBytes { try CID(hashing: $0, codec: .raw) }
        otherCID = try other.withUnsafeBytes { try CID(hashing: $0, codec: .raw) }
    }
}

protocol LayerBlockSuite: LayerSuite {
    var blocks: LayerBlocks { get }
}

extension LayerBlockSuite {
    var bytes: [UInt8] { blocks.bytes }
    var other: [UInt8] { blocks.other }
    var cid: CID { blocks.cid }
    var otherCID: CID { blocks.otherCID }
}
