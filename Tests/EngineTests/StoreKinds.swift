import Foundation
import Testing

@testable import IpldEngine

/// Every way to put a store together.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case lmdb, flat0, flat1, flat2, memory
    case layerOverLmdb, layerOverFlat, flatLayerOverLmdb, layerOverLayer, layerOverTwo
    case memoryOverLmdb, memoryOverLayer, memoryOverMemory

    var testDescription: String { rawValue }

    /// Whether what is stored outlives its handles.
    var isOnDisk: Bool { ![.memory, .memoryOverLmdb, .memoryOverLayer, .memoryOverMemory].contains(self) }
    var hasBases: Bool { ![.lmdb, .flat0, .flat1, .flat2, .memory].contains(self) }
    var hasFiles: Bool { [.flat0, .flat1, .flat2, .flatLayerOverLmdb].contains(self) }

    static let onDisk = allCases.filter(\.isOnDisk)
    static let layered = allCases.filter(\.hasBases)
}

/// A store of a kind, over bases that have something, in a directory of its own.
final class KindStore {
    let kind: StoreKind
    let directory = try? TemporaryDirectory()
    private(set) var store: ContentStore
    /// The stores below it, from the nearest on.
    private(set) var bases: [ContentStore] = []
    var path: String { root + "/store" }
    private let root: String

    /// What the lowest base has, under the root `below`.
    static let below = randomBytes(700_000, seed: 4711)

    init(_ kind: StoreKind, _ configuration: StoreConfiguration = StoreConfiguration()) throws {
        self.kind = kind
        root = directory?.path ?? NSTemporaryDirectory()
        let place = root
        func make(_ name: String, over: [String] = [], flat: Bool = false) throws -> String {
            var configuration = configuration
            if flat {
                configuration = StoreConfiguration(
                    profile: configuration.profile, payloads: .files(levels: 1))
            }
            if over.isEmpty {
                try ContentStore.create(at: place + "/" + name, configuration: configuration)
            } else {
                try LayeredStore.create(at: place + "/" + name, over: over, configuration: configuration)
            }
            return place + "/" + name
        }
        var bases: [ContentStore] = []
        func basePath(_ name: String, over: [String] = [], flat: Bool = false) throws -> String {
            let path = try make(name, over: over, flat: flat)
            let opened = try ContentStore.open(at: path)
            if over.isEmpty, bases.isEmpty {
                let cid = try opened.put(Self.below)
                try opened.setRoot("below", to: cid)
                try opened.dereference(cid)
            }
            bases.insert(opened, at: 0)
            return path
        }
        switch kind {
        case .lmdb: _ = try make("store")
        case .flat0, .flat1, .flat2:
            let levels = kind == .flat0 ? 0 : kind == .flat1 ? 1 : 2
            try FlatFsStore.create(at: place + "/store", levels: levels, profile: configuration.profile)
        case .memory, .memoryOverMemory: break
        case .layerOverLmdb: _ = try make("store", over: [try basePath("base")])
        case .layerOverFlat: _ = try make("store", over: [try basePath("base", flat: true)])
        case .flatLayerOverLmdb: _ = try make("store", over: [try basePath("base")], flat: true)
        case .layerOverLayer:
            _ = try make("store", over: [try basePath("layer", over: [try basePath("base")])])
        case .layerOverTwo:
            let empty = try make("empty")
            _ = try make("store", over: [empty, try basePath("base")])
        case .memoryOverLmdb: _ = try basePath("base")
        case .memoryOverLayer: _ = try basePath("layer", over: [try basePath("base")])
        }
        if kind == .memoryOverMemory {
            let below = try MemoryStore(configuration: configuration)
            let cid = try below.put(Self.below)
            try below.setRoot("below", to: cid)
            try below.dereference(cid)
            bases.insert(below, at: 0)
        }
        self.bases = bases
        switch kind {
        case .memory: store = try MemoryStore(configuration: configuration)
        case .memoryOverLmdb, .memoryOverLayer, .memoryOverMemory:
            store = try MemoryStore(over: [bases[0]], configuration: configuration)
        default: store = try ContentStore.open(at: place + "/store")
        }
    }

    /// Opens it again; `body` runs while nobody has it open.
    func reopen(_ body: () throws -> Void = {}) throws {
        store = try MemoryStore()
        try body()
        store = try ContentStore.open(at: path)
    }

    /// All that must hold at rest, of the store and of what is below it.
    func problems() throws -> [VerifyReport.Problem] {
        var problems = try store.verify().problems
        for base in bases { problems += try base.verify().problems }
        return problems
    }

    /// Blocks that the stores have between them, once everything is collected.
    func collectAll() throws {
        for _ in 0..<3 {
            for store in [store] + bases where !store.isReadOnly { try store.gc() }
        }
    }
}
