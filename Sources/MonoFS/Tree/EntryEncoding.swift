import IpldEngine

/// Writes an entry in its only form: a DAG-CBOR map whose keys are in canonical order, without those that
/// have their default. Fields of versions to come stand among them where they belong.
struct EntryEncoder {
    private(set) var writer = DagCBORWriter(capacity: 160)
    private var unknown: [IPLDMap.Element]

    /// The encoding of an entry. INVALID when an attribute or unknown field has none; INTERNAL for a
    /// directory that says what is below it, and has no map: nobody could read it.
    static func encode(_ entry: Entry) throws(StoreError) -> [UInt8] {
        if let below = entry.below, below.map == nil, below.totals != Totals() {
            throw StoreError(.internal, "a directory was not stored before its entry")
        }
        var encoder = EntryEncoder(entry)
        do throws(CodecError) { try encoder.entry(entry) } catch { throw StoreError(error) }
        return encoder.writer.output
    }

    private init(_ entry: Entry) { unknown = Array(entry.unknown.reversed()) }

    private init(_ writer: DagCBORWriter, _ entry: Entry) {
        self.writer = writer
        unknown = Array(entry.unknown.reversed())
    }

    private mutating func entry(_ entry: Entry) throws(CodecError) {
        writer.mapHeader(entry.fieldCount)
        if entry.group != 0 { try unsigned("gid", UInt64(entry.group)) }
        if entry.owner != 0 { try unsigned("uid", UInt64(entry.owner)) }
        if let replica = entry.replica {
            try key("crdt")
            try self.replica(replica)
        }
        try data(entry.content)
        try text("kind", entry.kind.rawValue)
        if entry.mode != 0 { try unsigned("mode", UInt64(entry.mode)) }
        switch entry.content {
        case .characterDevice(let number), .blockDevice(let number):
            try key("rdev")
            writer.listHeader(2)
            writer.unsigned(UInt64(number.major))
            writer.unsigned(UInt64(number.minor))
        default: break
        }
        if let size = entry.recordedSize { try unsigned("size", size) }
        if entry.sync != .default { try text("sync", entry.sync.rawValue) }
        if entry.modified != .zero { try time("time", entry.modified) }
        if let created = entry.created { try time("birth", created) }
        let below = entry.below
        if let below, below.totals.entries > 0 { try unsigned("count", below.totals.entries) }
        if let group = entry.hardLink {
            try key("inode")
            writer.bytes(bigEndianBytes(group.high, group.low))
        }
        if let below, below.totals.hardLinks > 0 { try unsigned("links", below.totals.hardLinks) }
        if !entry.attributes.isEmpty {
            try key("xattr")
            writer.listHeader(entry.attributes.elements.count)
            for (name, value) in entry.attributes.elements {
                writer.listHeader(2)
                writer.bytes(name)
                try writer.value(value)
            }
        }
        if let below, below.totals.tombstones > 0 { try unsigned("graves", below.totals.tombstones) }
        if case .tombstone(let tombstone) = entry.content {
            try text("removed", tombstone.kind.rawValue)
        }
        if let below, below.totals.replicas > 0 { try unsigned("replicas", below.totals.replicas) }
        if let map = entry.graveyard?.map {
            try key("graveyard")
            writer.link(map)
        }
        while let (key, value) = unknown.popLast() { try field(key, value) }
    }

    private mutating func data(_ content: Entry.Content) throws(CodecError) {
        switch content {
        case .file(.inline(let bytes)), .symlink(let bytes):
            try key("data")
            writer.bytes(bytes)
        case .file(.stored(let cid, _)), .cidLink(let cid):
            try key("data")
            writer.link(cid)
        case .directory(let directory):
            guard let map = directory.map else { return }
            try key("data")
            writer.link(map)
        case .tombstone(let tombstone):
            guard let content = tombstone.content else { return }
            try key("data")
            writer.weakLink(content)
        case .fifo, .socket, .characterDevice, .blockDevice: return
        }
    }

    private mutating func replica(_ state: ReplicaState) throws(CodecError) {
        writer.listHeader(5)
        tags(state.tags)
        writer.listHeader(state.others.count)
        for other in state.others {
            writer.listHeader(2)
            tags(other.tags)
            try nested(other.entry)
        }
        tags(state.seen)
        if let removal = state.removal { try nested(removal) } else { writer.null() }
        writer.timestamp(state.touched)
    }

    private mutating func nested(_ entry: Entry) throws(CodecError) {
        var inner = EntryEncoder(writer, entry)
        try inner.entry(entry)
        writer = inner.writer
    }

    private mutating func tags(_ tags: [ReplicaState.Tag]) {
        writer.listHeader(tags.count)
        for tag in tags { writer.bytes(bigEndianBytes(tag.high, tag.low)) }
    }

    /// Writes a key, and before it the unknown fields that come before it.
    private mutating func key(_ name: StaticString) throws(CodecError) {
        while let (key, value) = unknown.last, Self.precedes(key, name) {
            unknown.removeLast()
            try field(key, value)
        }
        writer.text(name)
    }

    private mutating func field(_ key: String, _ value: IPLDValue) throws(CodecError) {
        writer.text(key)
        try writer.value(value)
    }

    private mutating func unsigned(_ name: StaticString, _ value: UInt64) throws(CodecError) {
        try key(name)
        writer.unsigned(value)
    }

    private mutating func text(_ name: StaticString, _ value: String) throws(CodecError) {
        try key(name)
        writer.text(value)
    }

    private mutating func time(_ name: StaticString, _ time: Timestamp) throws(CodecError) {
        try key(name)
        writer.timestamp(time)
    }

    private static func precedes(_ key: String, _ name: StaticString) -> Bool {
        let length = key.utf8.count
        if length != name.utf8CodeUnitCount { return length < name.utf8CodeUnitCount }
        return Array(key.utf8).withBytes { (left) in
            name.withUTF8Buffer { (right) in left.precedes(UnsafeRawBufferPointer(right)) }
        }
    }
}

extension DagCBORWriter {
    mutating func timestamp(_ time: Timestamp) {
        listHeader(2)
        // 64 bits always fit.
        try? integer(Int128(time.seconds))
        unsigned(UInt64(time.nanoseconds))
    }
}

func bigEndianBytes(_ high: UInt64, _ low: UInt64) -> [UInt8] {
    withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { [UInt8]($0) }
}

extension Entry {
    /// What is below it: of a directory its entries, of anything else the tombstones of what was.
    var below: Directory? {
        if case .directory(let directory) = content { return directory }
        return graveyard
    }

    /// The size field, where there is one.
    fileprivate var recordedSize: UInt64? {
        switch content {
        case .file(.stored(_, let size)): size
        case .directory(let directory): directory.totals.bytes > 0 ? directory.totals.bytes : nil
        case .tombstone(let tombstone): tombstone.size > 0 ? tombstone.size : nil
        default: nil
        }
    }

    fileprivate var fieldCount: Int {
        var count = 1 + unknown.count
        func add(_ isThere: Bool) { if isThere { count += 1 } }
        add(group != 0)
        add(owner != 0)
        add(replica != nil)
        add(mode != 0)
        add(sync != .default)
        add(modified != .zero)
        add(created != nil)
        add(hardLink != nil)
        add(!attributes.isEmpty)
        add(recordedSize != nil)
        add(graveyard?.map != nil)
        if let below {
            add(below.totals.entries > 0)
            add(below.totals.hardLinks > 0)
            add(below.totals.tombstones > 0)
            add(below.totals.replicas > 0)
        }
        switch content {
        case .file, .symlink, .cidLink: add(true)
        case .directory(let directory): add(directory.map != nil)
        case .characterDevice, .blockDevice: add(true)
        case .tombstone(let tombstone):
            add(tombstone.content != nil)
            add(true)
        case .fifo, .socket: break
        }
        return count
    }
}
