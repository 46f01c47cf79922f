import IpldEngine

/// What an import saw of each file, so that the next one need not read it.
///
///     {"monofs/seen": {"map": LINK, "tree": WEAK LINK, "options": UINT}}
///
/// The map's keys are paths, each name with a zero behind it, which is the order in which imports meet files;
/// a value is a byte string: inode, time of change. Size, time of modification and content are those of the
/// entry in the tree.
///
/// What always holds: a file is in the map only when its time of change was so far in the past before it was
/// read that whatever changes it afterwards by a call gives it another one. The kernel's clock for such times
/// goes in ticks, 10 ms at most; some file systems keep them in units of up to two seconds.
///
/// What is written through a shared memory mapping is no call: it changes the times at the first store into a
/// page since that was last written back, which the kernel does after up to about 35 s, and on tmpfs not at
/// all. What is stored into a page that is dirty already may so be missed until every file is read
/// (`ImportOptions.readsEverything`), or something else changes the file.
struct SeenFiles {
    let tree: CID
    let options: UInt64
    private var map: ByteMap<TreeSource>?
    /// All keys before this position come before the one that was asked for last.
    private var position: UInt64 = 0

    private static let marker: StaticString = "monofs/seen"

    /// Nil for what is none, or damaged, or not here: then every file is read.
    static func read(_ cid: CID, _ source: TreeSource) throws(StoreError) -> SeenFiles? {
        do { return try SeenFiles(cid, source) } catch  where error.isLoss { return nil }
    }

    private init?(_ cid: CID, _ source: TreeSource) throws(StoreError) {
        struct Node {
            let tree: CID
            let map: CID?
            let options: UInt64
        }
        let node = try source.withBlock(cid) { (block) throws(StoreError) -> Node? in
            var reader = DagCBORReader(block)
            do throws(CodecError) {
                guard try reader.readMapHeader() == 1 else { return nil }
                try reader.readKey("monofs/seen")
                let count = try reader.readMapHeader()
                var map: CID?
                if count == 3 {
                    try reader.readKey("map")
                    map = try reader.readLink()
                }
                try reader.readKey("tree")
                let tree = try reader.readWeakLink()
                try reader.readKey("options")
                let options = try reader.readUnsigned()
                try reader.finish()
                return Node(tree: tree, map: map, options: options)
            } catch { return nil }
        }
        guard let node else { return nil }
        (tree, options) = (node.tree, node.options)
        map = try node.map.map { (cid) throws(StoreError) in try ByteMap(cid, source: source) }
    }

    /// What is known of a path: nothing, where the map is lost. Paths are asked for in ascending order.
    mutating func record(_ key: [UInt8]) throws(StoreError) -> SeenFile? {
        do { return try find(key) } catch  where error.isLoss {
            map = nil
            return nil
        }
    }

    private mutating func find(_ key: [UInt8]) throws(StoreError) -> SeenFile? {
        guard let count = map?.count else { return nil }
        while position < count, let (found, value) = try map?.entry(at: position) {
            if key.precedes(found) { return nil }
            position += 1
            if found == key { return SeenFile(encoded: value) }
        }
        return nil
    }

    static func encode(tree: CID, map: CID?, options: UInt64) -> [UInt8] {
        var writer = DagCBORWriter(capacity: 160)
        writer.mapHeader(1)
        writer.text(marker)
        writer.mapHeader(map == nil ? 2 : 3)
        if let map {
            writer.text("map" as StaticString)
            writer.link(map)
        }
        writer.text("tree" as StaticString)
        writer.weakLink(tree)
        writer.text("options" as StaticString)
        writer.unsigned(options)
        return writer.output
    }
}

/// By what a file is known again.
struct SeenFile: Equatable {
    let inode: UInt64
    let changed: Timestamp

    init(_ status: HostStatus) {
        inode = status.identity.inode
        changed = status.changed
    }

    init?(encoded: [UInt8]) {
        let bytes = encoded.withBytes { (encoded) -> [UInt8]? in
            var reader = DagCBORReader(encoded)
            return (try? reader.readBytes()).map { [UInt8]($0) }
        }
        guard let bytes, bytes.count == 24 else { return nil }
        func word(_ offset: Int) -> UInt64 {
            bytes.withUnsafeBytes {
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
        }
        guard let nanoseconds = UInt32(exactly: word(16)),
            let time = Timestamp(seconds: Int64(bitPattern: word(8)), nanoseconds: nanoseconds)
        else { return nil }
        (inode, changed) = (word(0), time)
    }

    var encoded: [UInt8] {
        var writer = DagCBORWriter(capacity: 32)
        writer.bytes(
            bigEndianBytes(inode, UInt64(bitPattern: changed.seconds))
                + bigEndianBytes(UInt64(changed.nanoseconds), 0)[..<8])
        return writer.output
    }

    /// Whether a change at `now`, or later, gives the file another time than it has.
    static func isSettled(_ status: HostStatus, at now: Timestamp) -> Bool {
        // Times without a fraction come from file systems that keep no finer ones.
        let isCoarse = status.changed.nanoseconds == 0
        let (seconds, nanoseconds): (Int64, Int64) = isCoarse ? (2, 0) : (0, 50_000_000)
        let late = status.changed.adding(seconds: seconds, nanoseconds: nanoseconds)
        return late.map { $0 < now } ?? false
    }
}

extension Timestamp {
    /// Nil beyond the end of time. Up to a second of nanoseconds.
    func adding(seconds more: Int64, nanoseconds fraction: Int64) -> Timestamp? {
        let sum = Int64(nanoseconds) + fraction
        let (total, overflow) = seconds.addingReportingOverflow(more + sum / 1_000_000_000)
        return overflow ? nil : Timestamp(seconds: total, nanoseconds: UInt32(sum % 1_000_000_000))
    }
}
