import IpldEngine

/// Parts of an entry.
extension EntryDecoder {
    mutating func kind() throws(CodecError) -> Entry.Kind {
        let start = reader.offset
        let text = String(decoding: try reader.readText(), as: UTF8.self)
        guard let kind = Entry.Kind(rawValue: text) else {
            unknownWord = text
            throw CodecError(.unexpectedKind, at: start)
        }
        return kind
    }

    /// A number from 1: 0 is what is not written.
    mutating func positive(_ maximum: UInt64) throws(CodecError) -> UInt64 {
        let start = reader.offset
        let value = try reader.readUnsigned()
        guard value > 0, value <= maximum else { throw CodecError(.integerRange, at: start) }
        return value
    }

    mutating func word() throws(CodecError) -> UInt32 {
        let start = reader.offset
        guard let word = UInt32(exactly: try reader.readUnsigned()) else {
            throw CodecError(.integerRange, at: start)
        }
        return word
    }

    mutating func pair() throws(CodecError) -> (high: UInt64, low: UInt64) {
        let start = reader.offset
        let bytes = try reader.readBytes()
        guard bytes.count == 16 else { throw CodecError(.unexpectedKind, at: start) }
        return (
            UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        )
    }

    mutating func attributes() throws(CodecError) -> ExtendedAttributes {
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

    mutating func replica() throws(CodecError) -> ReplicaState {
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

    mutating func tags() throws(CodecError) -> [ReplicaState.Tag] {
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
    mutating func appendLast(_ key: String, _ value: IPLDValue) -> Bool {
        guard self[key] == nil else { return false }
        self[key] = value
        return true
    }
}

/// The fields of an entry.
enum EntryKey {
    case gid, uid, crdt, data, kind, mode, rdev, size, sync, time, birth, count, inode, links, xattr, graves
    case removed, replicas, graveyard

    init?(_ key: UnsafeRawBufferPointer) {
        func equals(_ name: StaticString) -> Bool {
            name.withUTF8Buffer { UnsafeRawBufferPointer($0).equals(key) }
        }
        let found: EntryKey?
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
        case (8, _): found = equals("replicas") ? .replicas : nil
        case (9, _): found = equals("graveyard") ? .graveyard : nil
        default: found = nil
        }
        guard let found else { return nil }
        self = found
    }
}
