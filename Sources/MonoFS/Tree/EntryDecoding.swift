import IpldEngine

/// Reads an entry, and nothing that is not one.
///
/// What always holds of what comes out: it encodes to the bytes that it was read from; sizes and counts are
/// below 2^63; a directory without a map has nothing below it. Whether sizes and counts are true is another
/// matter: they are what whoever wrote the entry said.
struct EntryDecoder {
    var reader: DagCBORReader
    /// A word that stands where this version knows only some.
    var unknownWord: String?

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

    mutating func entry(mayHaveReplica: Bool) throws(CodecError) -> Entry {
        let start = reader.offset
        var entry = Entry(.fifo)
        var fields = Fields()
        var previous: UnsafeRawBufferPointer?
        for _ in 0..<(try reader.readMapHeader()) {
            let key = try reader.readKey(after: previous)
            previous = key
            guard let name = EntryKey(key) else {
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

    private mutating func field(_ name: EntryKey, _ entry: inout Entry, _ fields: inout Fields)
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
        case .replicas: fields.totals.replicas = try positive(Totals.maximum)
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
