import IpldEngine

/// What a campaign's store is made of. Stores that others are read through stand beside it, at PATH.base and
/// PATH.base.base.
enum StoreKind: String, CaseIterable {
    case lmdb, flatfs0, flatfs1, flatfs2
    case layerOverLmdb = "layer-over-lmdb"
    case layerOverFlatfs = "layer-over-flatfs"
    case flatfsLayerOverLmdb = "flatfs-layer-over-lmdb"
    case layerOverLayer = "layer-over-layer"
    case memory
    case memoryOverLmdb = "memory-over-lmdb"

    var isInMemory: Bool { self == .memory || self == .memoryOverLmdb }

    /// What is below it; nil when nothing is.
    var base: StoreKind? {
        switch self {
        case .layerOverLmdb, .flatfsLayerOverLmdb, .memoryOverLmdb: .lmdb
        case .layerOverFlatfs: .flatfs1
        case .layerOverLayer: .layerOverLmdb
        default: nil
        }
    }

    /// Whether it has itself a base to be held in.
    var isLayer: Bool { base != nil && !isInMemory }

    /// Folders above a block's file; nil when payloads are in packs.
    private var levels: Int? {
        switch self {
        case .flatfs0: 0
        case .flatfs1: 1
        case .flatfs2, .flatfsLayerOverLmdb: 2
        default: nil
        }
    }

    /// Whether its payloads are in files of their own.
    var hasFiles: Bool { levels != nil }

    func configuration() throws -> StoreConfiguration {
        let plain = try Pool.configuration()
        guard let levels else { return plain }
        return StoreConfiguration(profile: plain.profile, payloads: .files(levels: levels))
    }

    static func basePath(_ path: String) -> String { path + ".base" }

    /// Removes a store and all below it, and what dead creations left.
    static func remove(_ path: String) {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let directory = String(path.dropLast(name.count))
        for found in Files.names(directory) where found == name || found.hasPrefix(name + ".") {
            Files.removeTree(directory + found)
        }
    }

    /// Makes what is below, with some of the contents under roots of their numbers: that of a layer's base in
    /// turns with the layer itself.
    func prepare(_ path: String, _ contents: [Int] = Array(stride(from: 0, to: Pool.count, by: 3))) throws {
        guard let base else { return }
        let below = Self.basePath(path)
        var own = contents
        if base.base != nil {
            let halves = (0...1).map { half in
                contents.indices.filter { $0 % 2 == half }.map { contents[$0] }
            }
            try base.prepare(below, halves[0])
            own = halves[1]
        }
        try base.create(below)
        let store = try ContentStore.open(at: below)
        for content in own {
            let batch = try store.makeBatch()
            try batch.setRoot("base-\(content)", to: try batch.put(Pool.bytes(content)))
            try batch.commit()
        }
    }

    /// Makes the store in files, over what `prepare` has made.
    func create(_ path: String) throws {
        if isLayer {
            try LayeredStore.create(
                at: path, over: [Self.basePath(path)], configuration: try configuration())
        } else {
            try ContentStore.create(at: path, configuration: try configuration())
        }
    }

    /// Opens what was created, or makes what is in memory.
    func open(_ path: String) throws -> ContentStore {
        switch self {
        case .memory: try MemoryStore(configuration: try configuration())
        case .memoryOverLmdb:
            try MemoryStore(
                over: [try ContentStore.open(at: Self.basePath(path))], configuration: try configuration())
        default: try ContentStore.open(at: path)
        }
    }

    /// Those that `--kind` asks for: one, several with commas between, `all` in files, or the default.
    static func asked(_ arguments: Arguments, of allowed: [StoreKind]) throws -> [StoreKind] {
        let text = arguments.text("kind") ?? "lmdb"
        if text == "all" { return allowed }
        return try text.split(separator: ",").map { word in
            guard let kind = StoreKind(rawValue: String(word)), allowed.contains(kind) else {
                throw Violation("no kind \(word) here: \(allowed.map(\.rawValue))")
            }
            return kind
        }
    }

    static let inFiles = allCases.filter { !$0.isInMemory }
}
