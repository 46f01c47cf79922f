/// Creating, opening, closing, and what a store is.
import CIpldStore
import IpldEngine

@c @implementation
public func ips_create_options_init(_ options: UnsafeMutablePointer<ips_create_options>?, _ structSize: Int) {
    setDefaults(options, structSize, ips_create_options.defaults)
}

@c @implementation
public func ips_open_options_init(_ options: UnsafeMutablePointer<ips_open_options>?, _ structSize: Int) {
    setDefaults(options, structSize, ips_open_options())
}

@c @implementation
public func ips_store_create(
    _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<ips_create_options>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let path = try CAPI.path(path)
        let options = try growingInput(options) ?? .defaults
        try ContentStore.create(at: path, configuration: try options.configuration())
    }
}

@c @implementation
public func ips_store_open(
    _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<ips_open_options>?,
    _ store: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(store, "store")
        result.pointee = nil
        let path = try CAPI.path(path)
        let options = try growingInput(options) ?? ips_open_options()
        guard options.flags & ~UInt32(IPS_OPEN_READ_ONLY) == 0 else {
            throw StoreError(.unsupported, "a flag for opening is not known to this version")
        }
        let opened = try ContentStore.open(
            at: path, owner: try owner(options.owner) ?? ContentStore.defaultOwner,
            readOnly: options.flags & UInt32(IPS_OPEN_READ_ONLY) != 0)
        result.pointee = try HandleTable.ofThisProcess().insert(.store(opened))
    }
}

@c @implementation
public func ips_store_close(_ store: OpaquePointer?) {
    _ = try? HandleTable.ofThisProcess().remove(store) { if case .store = $0 { true } else { false } }
}

@c @implementation
public func ips_store_get_information(
    _ store: OpaquePointer?, _ information: UnsafeMutablePointer<ips_store_information>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try GrowingOutput(information)
        let store = try CAPI.store(store)
        var value = ips_store_information()
        value.is_read_only = store.isReadOnly ? 1 : 0
        withUnsafeMutableBytes(of: &value.identity) { writeText(store.identity, to: $0) }
        let configuration = store.configuration
        withUnsafeMutableBytes(of: &value.layout) { writeText(configuration.profile.identifier, to: $0) }
        withUnsafeMutableBytes(of: &value.compression) { writeText(configuration.compression.text, to: $0) }
        withUnsafeMutableBytes(of: &value.warning) { writeText(store.warning ?? "", to: $0) }
        value.kind = store.kind
        value.is_sealed = store.isSealed ? 1 : 0
        value.bases = UInt32(store.bases.count)
        result.set(value)
    }
}

extension ContentStore {
    /// The number in C.
    fileprivate var kind: UInt32 {
        if isInMemory { return UInt32(IPS_KIND_MEMORY) }
        if case .files = configuration.payloads { return UInt32(IPS_KIND_FLATFS) }
        return UInt32(IPS_KIND_LMDB)
    }
}

@c @implementation
public func ips_store_get_configuration(
    _ store: OpaquePointer?, _ options: UnsafeMutablePointer<ips_create_options>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try GrowingOutput(options)
        result.set(ips_create_options(try CAPI.store(store).configuration))
    }
}

// MARK: - Options

extension ips_create_options {
    static var defaults: ips_create_options {
        var options = ips_create_options()
        options.struct_size = UInt32(MemoryLayout<ips_create_options>.size)
        options.chunk_normalization = 2
        options.flatfs_levels = 1
        return options
    }

    /// What a store was made with.
    init(_ configuration: StoreConfiguration) {
        self = .defaults
        switch configuration.profile.chunker.rule {
        case .fastCDC(let minimum, let average, let maximum, let normalization):
            chunker = UInt32(IPS_CHUNKER_FASTCDC)
            chunk_minimum = UInt32(clamping: minimum)
            chunk_average = UInt32(clamping: average)
            chunk_maximum = UInt32(clamping: maximum)
            chunk_normalization = UInt32(clamping: normalization)
        case .fixed(let size):
            chunker = UInt32(IPS_CHUNKER_FIXED)
            chunk_average = UInt32(clamping: size)
        }
        switch configuration.profile.shape {
        case .balanced(let nodes):
            layout = UInt32(IPS_LAYOUT_BALANCED)
            node_minimum = UInt32(clamping: nodes.minimum)
            node_expected = UInt32(clamping: nodes.expected)
            node_maximum = UInt32(clamping: nodes.maximum)
        case .flat:
            layout = UInt32(IPS_LAYOUT_FLAT)
        }
        if case .files(let levels) = configuration.payloads {
            kind = UInt32(IPS_KIND_FLATFS)
            flatfs_levels = UInt32(levels)
        }
        hash = configuration.profile.hash.rawValue
        switch configuration.compression {
        case .none: compression = UInt32(IPS_COMPRESSION_NONE)
        case .zstd(let level):
            compression = UInt32(IPS_COMPRESSION_ZSTD)
            compression_level = UInt32(clamping: level)
        }
    }

    /// Throws INVALID for what is out of range, UNSUPPORTED for a choice that is not known here.
    func configuration() throws(StoreError) -> StoreConfiguration {
        let profile = try LayoutProfile(
            shape: try shape(), chunker: try chunkerParameters(),
            hash: hash == 0 ? .blake3 : CID.HashFunction(rawValue: hash))
        return StoreConfiguration(
            profile: profile, compression: try compressionChoice(), payloads: try payloadKind())
    }

    private func payloadKind() throws(StoreError) -> PayloadKind {
        switch kind {
        case UInt32(IPS_KIND_LMDB): return .packs
        case UInt32(IPS_KIND_FLATFS):
            guard flatfs_levels <= 2 else { throw StoreError(.invalid, "flatfs_levels is 0 to 2") }
            return .files(levels: Int(flatfs_levels))
        case UInt32(IPS_KIND_MEMORY):
            throw StoreError(.invalid, "ips_store_create_memory makes stores in memory")
        default: throw StoreError(.unsupported, "there is no kind \(kind)")
        }
    }

    private func chunkerParameters() throws(StoreError) -> ChunkerParameters {
        let average = chunk_average == 0 ? 64 << 10 : Int(chunk_average)
        switch chunker {
        case UInt32(IPS_CHUNKER_FIXED): return try .fixed(size: average)
        case UInt32(IPS_CHUNKER_FASTCDC):
            // Numbers of 32 bits: four times one of them is no trouble.
            return try ChunkerParameters(
                .fastCDC(
                    minimum: chunk_minimum == 0 ? average / 4 : Int(chunk_minimum), average: average,
                    maximum: chunk_maximum == 0 ? average * 4 : Int(chunk_maximum),
                    normalization: Int(chunk_normalization)))
        default: throw StoreError(.unsupported, "there is no chunker \(chunker)")
        }
    }

    private func shape() throws(StoreError) -> LayoutProfile.Shape {
        switch layout {
        case UInt32(IPS_LAYOUT_FLAT): return .flat
        case UInt32(IPS_LAYOUT_BALANCED):
            if node_minimum == 0, node_expected == 0, node_maximum == 0 { return .balanced(.default) }
            return .balanced(
                try NodeParameters(
                    minimum: Int(node_minimum), expected: Int(node_expected), maximum: Int(node_maximum)))
        default: throw StoreError(.unsupported, "there is no layout \(layout)")
        }
    }

    private func compressionChoice() throws(StoreError) -> Compression {
        switch compression {
        case UInt32(IPS_COMPRESSION_NONE): return .none
        case UInt32(IPS_COMPRESSION_ZSTD):
            guard compression_level <= 19 else {
                throw StoreError(.invalid, "a compression level is 1 to 19, not \(compression_level)")
            }
            return .zstd(level: compression_level == 0 ? 1 : Int32(compression_level))
        default: throw StoreError(.unsupported, "there is no compression \(compression)")
        }
    }
}
