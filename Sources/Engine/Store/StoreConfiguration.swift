/// Where a store that is made in files keeps its payloads.
public enum PayloadKind: Equatable, Sendable {
    /// Appended to packs: the default, and the fastest.
    case packs
    /// A plain file each, named by its CID, below 0 to 2 levels of folders. Uncompressed.
    case files(levels: Int)
}

/// What a store was made with, for ever.
public struct StoreConfiguration: Equatable, Sendable {
    /// Chunker, layout and hash: what decides the root that given bytes have.
    public var profile: LayoutProfile
    /// How payloads are compressed; blocks that do not shrink are stored as they are.
    public var compression: Compression
    public var payloads: PayloadKind

    /// FastCDC 16/64/256 KiB, balanced trees, BLAKE3, zstd level 1, packs.
    public init(
        profile: LayoutProfile = .default, compression: Compression = .zstd(level: 1),
        payloads: PayloadKind = .packs
    ) {
        self.profile = profile
        self.payloads = payloads
        self.compression = if case .files = payloads { .none } else { compression }
    }
}

/// A base as its layer knows it.
struct RecordedBase: Equatable, Sendable {
    let identity: StoreIdentity
    /// Absolute.
    let path: String
}

/// The configuration as it is recorded: one `key value` a line, in index and journal.
struct RecordedConfiguration: Equatable {
    /// Newer stores are refused, older ones would be read. Format 2 has bases, seals and files; a store that
    /// has none of these says format 1.
    static let format = 2
    static let mostBases = 16
    /// Bytes of the text.
    static let longest = 48 << 10

    let identity: StoreIdentity
    var configuration: StoreConfiguration
    var isSealed = false
    /// The name under which bases hold what the store links to.
    var fork: StoreIdentity?
    var bases: [RecordedBase] = []
    /// Whether names were lost in a repair that bases may still hold something for.
    var lacksNames = false

    var text: String {
        var lines = [
            "store \(identity.text)", "layout \(configuration.profile.identifier)",
            "compression \(configuration.compression.text)",
        ]
        if case .files(let levels) = configuration.payloads { lines.append("payloads files:\(levels)") }
        if isSealed { lines.append("sealed yes") }
        if let fork { lines.append("fork \(fork.text)") }
        for base in bases { lines.append("base \(base.identity.text) \(base.path)") }
        if lacksNames { lines.append("names lost") }
        lines.insert("format \(lines.count == 3 ? 1 : Self.format)", at: 0)
        return lines.map { $0 + "\n" }.joined()
    }

    /// As `text`; INVALID when that could not be read again.
    func checkedText() throws(StoreError) -> String {
        guard bases.count <= Self.mostBases else {
            throw StoreError(.invalid, "a store has at most \(Self.mostBases) bases")
        }
        for base in bases where !Self.isPath(base.path) {
            throw StoreError(.invalid, "the path of a base has no control characters")
        }
        let text = text
        guard text.utf8.count < Self.longest else {
            throw StoreError(.invalid, "the paths of the bases are too long")
        }
        return text
    }

    private static func isPath(_ text: String) -> Bool {
        text.utf8.starts(with: "/".utf8) && text.utf8.allSatisfy { $0 >= 32 && $0 != 127 }
    }

    init(identity: StoreIdentity, configuration: StoreConfiguration) {
        self.identity = identity
        self.configuration = configuration
    }

    init(parsing text: String) throws(StoreError) {
        let damaged = StoreError(.corrupt, "the store's configuration is damaged")
        var fields: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2 else { continue }
            fields[parts[0]] = parts[1]
            if parts[0] == "base" {
                let words = parts[1].split(separator: " ", maxSplits: 1)
                guard words.count == 2, let identity = StoreIdentity(text: String(words[0])),
                    Self.isPath(String(words[1])), bases.count < Self.mostBases,
                    bases.allSatisfy({ $0.identity != identity })
                else { throw damaged }
                bases.append(RecordedBase(identity: identity, path: String(words[1])))
            }
        }
        guard let format = fields["format"].flatMap({ Int($0) }) else { throw damaged }
        guard format <= Self.format else {
            throw StoreError(
                .unsupported, "the store has format \(format), and this version reads up to \(Self.format)")
        }
        guard let identity = fields["store"].flatMap({ StoreIdentity(text: String($0)) }),
            let layout = fields["layout"],
            let compression = fields["compression"].flatMap({ Compression(text: String($0)) })
        else { throw damaged }
        self.identity = identity
        var payloads = PayloadKind.packs
        if let kind = fields["payloads"] {
            guard let levels = ["files:0", "files:1", "files:2"].firstIndex(of: kind) else {
                throw StoreError(.unsupported, "the store keeps payloads in \(kind)")
            }
            payloads = .files(levels: levels)
        }
        configuration = StoreConfiguration(
            profile: try LayoutProfile(identifier: String(layout)), compression: compression,
            payloads: payloads)
        isSealed = fields["sealed"] == "yes"
        lacksNames = fields["names"] == "lost"
        if let text = fields["fork"] {
            guard let fork = StoreIdentity(text: String(text)) else { throw damaged }
            self.fork = fork
        }
        guard bases.isEmpty || fork != nil else { throw damaged }
    }
}

extension Compression {
    /// `none` or `zstd:LEVEL`.
    public var text: String {
        switch self {
        case .none: "none"
        case .zstd(let level): "zstd:\(level)"
        }
    }

    /// Reads `none`, `zstd` (level 1) or `zstd:LEVEL` with a level of 1 to 19; nil for anything else.
    public init?(text: String) {
        if text == "none" {
            self = .none
            return
        }
        if text == "zstd" {
            self = .zstd(level: 1)
            return
        }
        guard text.hasPrefix("zstd:"), let level = Int32(text.dropFirst(5)), (1...19).contains(level) else {
            return nil
        }
        self = .zstd(level: level)
    }
}

/// One owner's hold on a block.
public struct Hold: Equatable, Sendable {
    public let owner: String
    public let cid: CID
    /// How often the owner retained it; the block counts them as one.
    public let count: UInt64
}

/// Names of roots and owners.
enum StoreName {
    /// Throws INVALID unless `name` is 1 to 255 bytes of UTF-8 without control characters.
    static func check(_ name: String, _ what: String) throws(StoreError) {
        let bytes = name.utf8
        guard (1...StoreLimits.maximumNameLength).contains(bytes.count) else {
            throw StoreError(.invalid, "\(what) has 1 to \(StoreLimits.maximumNameLength) bytes")
        }
        for scalar in name.unicodeScalars where scalar.properties.generalCategory == .control {
            throw StoreError(.invalid, "\(what) has no control characters")
        }
    }

    /// The names of layers, under which bases hold for them, are nobody else's to change.
    static func checkOwner(_ name: String) throws(StoreError) {
        try check(name, "an owner")
        guard !name.utf8.starts(with: Base.ownerPrefix.utf8) else {
            throw StoreError(.invalid, "owners of that name are forks: see forks ls and forks forget")
        }
    }

    /// As `check`; and a root's name must not read as a CID, which commands take in the same place.
    static func checkRoot(_ name: String) throws(StoreError) {
        try check(name, "root name")
        if (try? CID(parsing: name)) != nil {
            throw StoreError(.invalid, "a root's name must not be a CID")
        }
    }
}
