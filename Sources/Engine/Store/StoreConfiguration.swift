/// What a store was made with, for ever.
public struct StoreConfiguration: Equatable, Sendable {
    /// Chunker, layout and hash: what decides the root that given bytes have.
    public var profile: LayoutProfile
    /// How payloads are compressed; blocks that do not shrink are stored as they are.
    public var compression: Compression

    /// FastCDC 16/64/256 KiB, balanced trees, BLAKE3, zstd level 1.
    public init(profile: LayoutProfile = .default, compression: Compression = .zstd(level: 1)) {
        self.profile = profile
        self.compression = compression
    }
}

/// The configuration as it is recorded: one `key value` a line, in index and journal.
struct RecordedConfiguration: Equatable {
    /// Newer stores are refused, older ones would be read.
    static let format = 1
    let identity: StoreIdentity
    let configuration: StoreConfiguration

    var text: String {
        """
        format \(Self.format)
        store \(identity.text)
        layout \(configuration.profile.identifier)
        compression \(configuration.compression.text)

        """
    }

    init(identity: StoreIdentity, configuration: StoreConfiguration) {
        self.identity = identity
        self.configuration = configuration
    }

    init(parsing text: String) throws(StoreError) {
        var fields: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        guard let format = fields["format"].flatMap({ Int($0) }) else {
            throw StoreError(.corrupt, "the store's configuration is damaged")
        }
        guard format <= Self.format else {
            throw StoreError(
                .unsupported, "the store has format \(format), and this version reads up to \(Self.format)")
        }
        guard let identity = fields["store"].flatMap({ StoreIdentity(text: String($0)) }),
            let layout = fields["layout"],
            let compression = fields["compression"].flatMap({ Compression(text: String($0)) })
        else { throw StoreError(.corrupt, "the store's configuration is damaged") }
        self.identity = identity
        configuration = StoreConfiguration(
            profile: try LayoutProfile(identifier: String(layout)), compression: compression)
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
            throw StoreError(.invalid, "a \(what) has 1 to \(StoreLimits.maximumNameLength) bytes")
        }
        for scalar in name.unicodeScalars where scalar.properties.generalCategory == .control {
            throw StoreError(.invalid, "a \(what) has no control characters")
        }
    }

    /// As `check`; and a root's name must not read as a CID, which commands take in the same place.
    static func checkRoot(_ name: String) throws(StoreError) {
        try check(name, "root name")
        if (try? CID(parsing: name)) != nil {
            throw StoreError(.invalid, "a root name must not be a CID")
        }
    }
}
