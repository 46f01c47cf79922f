import IpldEngine

/// Reads an entry, and nothing that is not one.
///
/// What always holds of what comes out: it encodes to the bytes that it was read from; sizes and counts are
/// below 2^63; a directory without a map has nothing below it. Whether sizes and counts are true is another
/// matter: they are what whoever wrote the entry said.
struct EntryDecoder {
    private var reader: DagCBORReader
    /// A word that stands where this version knows only some.
    private var unknownWord: String?

    /// CORRUPT for what is no entry; UNSUPPORTED for one of a kind that this version does not know.
    static func decode(_ encoded: [UInt8]) throws(StoreError) -> Entry {
        try encoded.withBytes { (bytes) throws(StoreError) in try decode(bytes) }
    }

    static func decode(_ encoded: UnsafeRawBufferPointer) throws(StoreError) -> Entry {
        var decoder = EntryDecoder(DagCBORReader(encoded))
        do throws(CodecError) {
            let entry = try decoder.entry(mayHaveReplica: true)
            try decoder.reader.finish()
            return entry
        } catch {
            if let word = decoder.unknownWord {
                throw StoreError(.unsupported, "an entry of a directory is \"\(word)\", of a later version")
            }
            let error = StoreError(error)
            if error.code == .unsupported { throw error }
            throw StoreError(.corrupt, "an entry of a directory is damaged or forged: \(error.message)")
        }
    }

    private init(_ reader: DagCBORReader) { self.reader = reader }

    /// An entry that stands where `reader` is.
    static func read(_ reader: inout DagCBORReader) throws(CodecError) -> Entry {
        var decoder = EntryDecoder(reader)
        let entry = try decoder.entry(mayHaveReplica: true)
        reader = decoder.reader
        return entry
    }

    private enum Data {
        case bytes([UInt8])
        case link(CID)
    }

    /// The fields, as they are met.
    private struct Fields {
        var data: Data?
        var kind: Entry.Kind?
        var device: DeviceNumber?
        var size: UInt64?
        var totals = Totals()
        var removed: Entry.Kind?
        var graveyard: CID?
    }

    private mutating func entry(mayHaveReplica: Bool) throws(CodecError) -> Entry {
        let start = reader.offset
        var entry = Entry(.fifo)
        var fields = Fields()
        var previous: UnsafeRawBufferPointer?
        for _ in 0..<(try reader.readMapHeader()) {
            let key = try reader.readKey(after: previous)
            previous = key
            guard let name = Key(key) else {
                let text = String(decoding: key, as: UTF8.self)
                guard entry.unknown.appendLast(text, try reader.readValue()) else {
                    throw CodecError(.keyOrder, at: start)
                }
                continue
            }
            guard name != .crdt || mayHaveReplica else { throw CodecError(.unexpectedKey, at: start) }
            try field(name, &entry, &fields)
        }
        guard let kind = fields.kind else { throw CodecError(.unexpectedKey, at: start) }
        do throws(CodecError) {
            if kind != .directory { entry.graveyard = try Self.graveyard(&fields) }
            entry.content = try Self.content(kind, fields)
        } catch {
            throw CodecError(error.kind, at: start)
        }
        return entry
    }

    private mutating func field(_ name: Key, _ entry: inout Entry, _ fields: inout Fields)
        throws(CodecError)
    {
        switch name {
        case .gid: entry.group = UInt32(try positive(UInt64(UInt32.max)))
        case .uid: entry.owner = UInt32(try positive(UInt64(UInt32.max)))
        case .crdt: entry.replica = try replica()
        case .data:
            fields.data =
                try reader.peekKind() == .link
                ? .link(try reader.readLink()) : .bytes([UInt8](try reader.readBytes()))
        case .kind: fields.kind = try kind()
        case .mode: entry.mode = UInt16(try positive(0o7777))
        case .rdev:
            try reader.readListHeader(count: 2)
            fields.device = DeviceNumber(major: try word(), minor: try word())
        case .size: fields.size = try positive(Totals.maximum)
        case .sync:
            let start = reader.offset
            let text = String(decoding: try reader.readText(), as: UTF8.self)
            guard let sync = SyncType(rawValue: text) else {
                unknownWord = text
                throw CodecError(.unexpectedKind, at: start)
            }
            guard sync != .default else { throw CodecError(.notMinimal, at: start) }
            entry.sync = sync
        case .time:
            let start = reader.offset
            entry.modified = try reader.readTimestamp()
            guard entry.modified != .zero else { throw CodecError(.notMinimal, at: start) }
        case .birth: entry.created = try reader.readTimestamp()
        case .count: fields.totals.entries = try positive(Totals.maximum)
        case .inode:
            let (high, low) = try pair()
            entry.hardLink = HardLinkGroup(high: high, low: low)
        case .links: fields.totals.hardLinks = try positive(Totals.maximum)
        case .xattr: entry.attributes = try attributes()
        case .graves: fields.totals.tombstones = try positive(Totals.maximum)
        case .removed: fields.removed = try kind()
        case .graveyard: fields.graveyard = try reader.readLink()
        }
    }

    /// What the fields make together; those that a kind does not have make nothing.
    private static func content(_ kind: Entry.Kind, _ fields: Fields) throws(CodecError) -> Entry.Content {
        var rest = fields
        rest.kind = nil
        func take<T>(_ value: inout T?) throws(CodecError) -> T {
            guard let taken = value else { throw CodecError(.unexpectedKey, at: 0) }
            value = nil
            return taken
        }
        let content: Entry.Content
        switch kind {
        case .file:
            switch try take(&rest.data) {
            case .bytes(let bytes):
                guard bytes.count <= FileContent.inlineLimit else { throw CodecError(.notMinimal, at: 0) }
                content = .file(.inline(bytes))
            case .link(let cid):
                let size = try take(&rest.size)
                guard size > UInt64(FileContent.inlineLimit), cid.codec == .raw || cid.codec == .dagCBOR
                else { throw CodecError(.notMinimal, at: 0) }
                content = .file(.stored(cid, size: size))
            }
        case .directory: content = .directory(try directory(&rest))
        case .symlink:
            guard case .bytes(let target) = try take(&rest.data), !target.isEmpty, !target.contains(0),
                target.count <= Entry.maximumTarget
            else { throw CodecError(.unexpectedKind, at: 0) }
            content = .symlink(target)
        case .cidLink:
            guard case .link(let cid) = try take(&rest.data) else {
                throw CodecError(.unexpectedKind, at: 0)
            }
            content = .cidLink(cid)
        case .fifo: content = .fifo
        case .socket: content = .socket
        case .characterDevice: content = .characterDevice(try take(&rest.device))
        case .blockDevice: content = .blockDevice(try take(&rest.device))
        case .tombstone: content = .tombstone(try tombstone(&rest))
        }
        guard rest.data == nil, rest.device == nil, rest.size == nil, rest.removed == nil,
            rest.graveyard == nil, rest.totals == Totals()
        else { throw CodecError(.unexpectedKey, at: 0) }
        return content
    }

    private static func directory(_ fields: inout Fields) throws(CodecError) -> Directory {
        var directory = Directory()
        if let data = fields.data {
            guard case .link(let cid) = data, cid.codec == .dagCBOR else {
                throw CodecError(.unexpectedKind, at: 0)
            }
            directory.map = cid
            directory.totals = fields.totals
            directory.totals.bytes = fields.size ?? 0
            guard directory.totals.entries > 0 || directory.totals.tombstones > 0 else {
                throw CodecError(.notMinimal, at: 0)
            }
            (fields.data, fields.size, fields.totals) = (nil, nil, Totals())
        }
        return directory
    }

    private static func tombstone(_ fields: inout Fields) throws(CodecError) -> Tombstone {
        guard let removed = fields.removed, removed != .tombstone else {
            throw CodecError(.unexpectedKey, at: 0)
        }
        var tombstone = Tombstone(kind: removed, size: fields.size ?? 0)
        switch fields.data {
        case nil: break
        case .bytes(let bytes):
            let cid: CID
            do throws(CIDError) {
                cid = try bytes.withBytes { (bytes) throws(CIDError) in try CID(binary: bytes) }
            } catch { throw CodecError(.invalidLink(error), at: 0) }
            tombstone.content = cid
        case .link: throw CodecError(.unexpectedKind, at: 0)
        }
        (fields.removed, fields.data, fields.size) = (nil, nil, nil)
        return tombstone
    }

    /// The tombstones below what is no directory.
    private static func graveyard(_ fields: inout Fields) throws(CodecError) -> Directory? {
        guard let map = fields.graveyard else { return nil }
        guard map.codec == .dagCBOR, fields.totals.tombstones > 0, fields.totals.entries == 0,
            fields.totals.hardLinks == 0
        else { throw CodecError(.unexpectedKind, at: 0) }
        defer { (fields.graveyard, fields.totals) = (nil, Totals()) }
        return Directory(map: map, totals: fields.totals)
    }
}

/// Parts of an entry.
extension EntryDecoder {
    private mutating func kind() throws(CodecError) -> Entry.Kind {
        let start = reader.offset
        let text = String(decoding: try reader.readText(), as: UTF8.self)
        guard let kind = Entry.Kind(rawValue: text) else {
            unknownWord = text
            throw CodecError(.unexpectedKind, at: start)
        }
        return kind
    }

    /// A number from 1: 0 is what is not written.
    private mutating func positive(_ maximum: UInt64) throws(CodecError) -> UInt64 {
        let start = reader.offset
        let value = try reader.readUnsigned()
        guard value > 0, value <= maximum else { throw CodecError(.integerRange, at: start) }
        return value
    }

    private mutating func word() throws(CodecError) -> UInt32 {
        let start = reader.offset
        guard let word = UInt32(exactly: try reader.readUnsigned()) else {
            throw CodecError(.integerRange, at: start)
        }
        return word
    }

    private mutating func pair() throws(CodecError) -> (high: UInt64, low: UInt64) {
        let start = reader.offset
        let bytes = try reader.readBytes()
        guard bytes.count == 16 else { throw CodecError(.unexpectedKind, at: start) }
        return (
            UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        )
    }

    private mutating func attributes() throws(CodecError) -> ExtendedAttributes {
        let start = reader.offset
        var attributes = ExtendedAttributes()
        for _ in 0..<(try reader.readListHeader()) {
            try reader.readListHeader(count: 2)
            let name = [UInt8](try reader.readBytes())
            guard ExtendedAttributes.isName(name), attributes.append(name, try reader.readValue()) else {
                throw CodecError(.keyOrder, at: start)
            }
        }
        guard !attributes.isEmpty else { throw CodecError(.notMinimal, at: start) }
        return attributes
    }

    private mutating func replica() throws(CodecError) -> ReplicaState {
        let start = reader.offset
        try reader.readListHeader(count: 5)
        var state = ReplicaState(tags: try tags())
        for _ in 0..<(try reader.readListHeader()) {
            try reader.readListHeader(count: 2)
            let tags = try tags()
            guard !tags.isEmpty else { throw CodecError(.notMinimal, at: start) }
            state.others.append(ReplicaState.Value(tags: tags, entry: try entry(mayHaveReplica: false)))
        }
        state.seen = try tags()
        if try !reader.skipNull() {
            let removal = try entry(mayHaveReplica: false)
            guard removal.isTombstone else { throw CodecError(.unexpectedKind, at: start) }
            state.removal = removal
        }
        state.touched = try reader.readTimestamp()
        return state
    }

    private mutating func tags() throws(CodecError) -> [ReplicaState.Tag] {
        let start = reader.offset
        var tags: [ReplicaState.Tag] = []
        for _ in 0..<(try reader.readListHeader()) {
            let (high, low) = try pair()
            let tag = ReplicaState.Tag(high: high, low: low)
            if let last = tags.last, last >= tag { throw CodecError(.keyOrder, at: start) }
            tags.append(tag)
        }
        return tags
    }
}

extension DagCBORReader {
    mutating func readTimestamp() throws(CodecError) -> Timestamp {
        let start = offset
        try readListHeader(count: 2)
        let seconds = try readInt64()
        guard let nanoseconds = UInt32(exactly: try readUnsigned()),
            let time = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
        else { throw CodecError(.integerRange, at: start) }
        return time
    }
}

extension IPLDMap {
    /// Adds a pair whose key follows all others; false otherwise.
    fileprivate mutating func appendLast(_ key: String, _ value: IPLDValue) -> Bool {
        guard self[key] == nil else { return false }
        self[key] = value
        return true
    }
}

/// The fields of an entry.
private enum Key {
    case gid, uid, crdt, data, kind, mode, rdev, size, sync, time, birth, count, inode, links, xattr, graves
    case removed, graveyard

    init?(_ key: UnsafeRawBufferPointer) {
        func equals(_ name: StaticString) -> Bool {
            name.withUTF8Buffer { UnsafeRawBufferPointer($0).equals(key) }
        }
        let found: Key?
        switch (key.count, key.first) {
        case (3, UInt8(ascii: "g")): found = equals("gid") ? .gid : nil
        case (3, UInt8(ascii: "u")): found = equals("uid") ? .uid : nil
        case (4, UInt8(ascii: "c")): found = equals("crdt") ? .crdt : nil
        case (4, UInt8(ascii: "d")): found = equals("data") ? .data : nil
        case (4, UInt8(ascii: "k")): found = equals("kind") ? .kind : nil
        case (4, UInt8(ascii: "m")): found = equals("mode") ? .mode : nil
        case (4, UInt8(ascii: "r")): found = equals("rdev") ? .rdev : nil
        case (4, UInt8(ascii: "s")): found = equals("size") ? .size : equals("sync") ? .sync : nil
        case (4, UInt8(ascii: "t")): found = equals("time") ? .time : nil
        case (5, UInt8(ascii: "b")): found = equals("birth") ? .birth : nil
        case (5, UInt8(ascii: "c")): found = equals("count") ? .count : nil
        case (5, UInt8(ascii: "i")): found = equals("inode") ? .inode : nil
        case (5, UInt8(ascii: "l")): found = equals("links") ? .links : nil
        case (5, UInt8(ascii: "x")): found = equals("xattr") ? .xattr : nil
        case (6, _): found = equals("graves") ? .graves : nil
        case (7, _): found = equals("removed") ? .removed : nil
        case (9, _): found = equals("graveyard") ? .graveyard : nil
        default: found = nil
        }
        guard let found else { return nil }
        self = found
    }
}
