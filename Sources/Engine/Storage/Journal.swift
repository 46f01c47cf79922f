/// The log of names: roots, holds, configuration and epoch, which no block can say of itself. Read
/// only when the index is rebuilt, and by verify.
///
/// What always holds: it is written inside an index write transaction, flushed before that commits,
/// and its committed length is in the index; bytes beyond that length are a dead writer's and are cut
/// by the next; a rewrite says exactly what was committed and changes no name, so either file will do. Where
/// its writer died, and the index then lost the commit before as well, it says more than is committed: a
/// rewrite that the index does not know is made again before anything else is written.
import Glibc
import Kernels

final class Journal {
    enum Entry: Equatable {
        case configuration(String)
        case root(name: String, CID)
        case removedRoot(name: String)
        /// A count of zero is a released hold.
        case hold(Hold)
        /// No name changed, but the epoch stands here.
        case epoch
    }

    static let magic: UInt64 = 0x314c_4e52_4a53_5049  // "IPSJRNL1"
    static let version: UInt32 = 1
    static let headerLength = 64
    /// type, epoch, length, CRC.
    private static let entryHeadLength = 1 + 8 + 4 + 4
    /// More than any entry's payload has.
    private static let longestPayload = 64 << 10

    let path: String
    private var descriptor: Int32 = -1
    private(set) var generation: UInt64 = 0
    private var rewrittenLength: UInt64 = 0
    private var reservedEnd: UInt64 = 0

    /// Kept allocated ahead, so that names can be dropped on a full disk.
    private let reserveLength: UInt64

    init(path: String, reserve: UInt64) {
        self.path = path
        reserveLength = reserve
    }

    deinit { closeFile() }

    private func closeFile() {
        if descriptor >= 0 { System.close(descriptor) }
        descriptor = -1
    }

    // MARK: Writing, always under the index's write lock, but for what is allocated when a store is opened

    /// Appends after the committed bytes and flushes; the new length. `state` is the committed one.
    func append(_ entries: [Entry], epoch: UInt64, state: IndexState) throws(StoreError) -> (
        generation: UInt64, length: UInt64
    ) {
        let committed = try openForWriting(state)
        var bytes: [UInt8] = []
        for entry in entries { Self.encode(entry, epoch: epoch, into: &bytes) }
        let length = try System.status(descriptor).length
        // Written behind a gap, names would be lost to whoever reads the log.
        guard length >= committed else {
            throw StoreError(.corrupt, "the journal was cut short: run verify --repair")
        }
        if length > committed {
            // Cutting gives back what was allocated ahead, too.
            try System.truncate(descriptor, to: committed)
            reservedEnd = 0
            try? keepReserve(state)
        }
        try bytes.withBytes { (bytes) throws(StoreError) in try System.write(descriptor, at: committed, bytes)
        }
        if Defect.journalIsNotFlushed.isPresent { return (generation, committed + UInt64(bytes.count)) }
        do { try System.flush(descriptor) } catch {
            // The page cache may have dropped the bytes: read nothing back through this descriptor.
            closeFile()
            throw error
        }
        return (generation, committed + UInt64(bytes.count))
    }

    /// Opens the file that stands under the name now; its committed length.
    private func openForWriting(_ state: IndexState) throws(StoreError) -> UInt64 {
        let identity: FileIdentity
        do { identity = try System.status(ofPath: path).identity } catch  where error.code == .notFound {
            throw StoreError(
                .corrupt, "the journal is missing: run verify --repair", systemError: error.systemError)
        }
        if descriptor >= 0, try System.status(descriptor).identity != identity { closeFile() }
        if descriptor < 0 {
            let opened = try System.open(path, O_RDWR)
            let header: Header
            // Kept only with what it says of itself, which is not read again.
            do { header = try Self.readHeader(opened) } catch {
                System.close(opened)
                throw error
            }
            descriptor = opened
            generation = header.generation
            rewrittenLength = header.length
            reservedEnd = 0
        }
        if generation == state.journalGeneration { return state.journalLength }
        // A rewrite was renamed into place and its writer died before the commit that knows it.
        guard generation == state.journalGeneration &+ 1 else {
            throw StoreError(.corrupt, "the journal is not this index's: run verify --repair")
        }
        return rewrittenLength
    }

    /// Allocates ahead. FULL when the disk has no room for it.
    func keepReserve(_ state: IndexState) throws(StoreError) {
        let committed = try openForWriting(state)
        guard committed + reserveLength / 2 > reservedEnd else { return }
        do { try System.reserve(descriptor, at: 0, length: committed + reserveLength) } catch
            where error.code == .unsupported
        {}
        reservedEnd = committed + reserveLength
    }

    /// Whether the file is a rewrite that the index does not know. One that is gone, or another's, is for who
    /// appends to it to tell.
    func isAhead(_ state: IndexState) throws(StoreError) -> Bool {
        do { _ = try openForWriting(state) } catch
            where [.corrupt, .notAStore, .unsupported].contains(error.code)
        { return false }
        return generation != state.journalGeneration
    }

    /// What stands behind the committed bytes: of a transaction whose commit did not happen, or was lost. In
    /// a rewrite that the index does not know all may be that.
    func uncommitted(_ state: IndexState) throws(StoreError) -> [Entry] {
        var committed: UInt64
        do { committed = try openForWriting(state) } catch
            where [.corrupt, .notAStore, .unsupported].contains(error.code)
        { return [] }
        if generation != state.journalGeneration { committed = UInt64(Self.headerLength) }
        let end = try System.status(descriptor).length
        guard end > committed else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(min(end - committed, 1 << 30)))
        let count = try bytes.withMutableBytes { (buffer) throws(StoreError) in
            try System.read(descriptor, at: committed, into: buffer)
        }
        return bytes.withBytes { bytes in
            var entries: [Entry] = []
            var offset = 0
            while let (_, entry, next) = Self.decode(bytes, at: offset, end: count) {
                entries.append(entry)
                offset = next
            }
            return entries
        }
    }

    func shouldRewrite(_ state: IndexState) -> Bool {
        state.journalLength > Bounds.journalBytes
            && state.journalLength > 4 * max(rewrittenLength, Bounds.journalBytes / 256)
    }

    /// Replaces the file by one that holds `entries` alone; to be called under the write lock with
    /// exactly what is committed.
    func rewrite(_ entries: [Entry], store: StoreIdentity, epoch: UInt64, generation next: UInt64)
        throws(StoreError) -> UInt64
    {
        let length = try Self.create(path, entries, store: store, epoch: epoch, generation: next)
        closeFile()
        return length
    }

    /// Writes a whole journal and moves it into place, durable where it is flushed; its length.
    @discardableResult
    static func create(
        _ path: String, _ entries: [Entry], store: StoreIdentity, epoch: UInt64, generation: UInt64,
        flushing: Bool = true
    ) throws(StoreError) -> UInt64 {
        var body: [UInt8] = []
        for entry in entries { encode(entry, epoch: epoch, into: &body) }
        let length = UInt64(headerLength + body.count)
        var bytes = [UInt8](repeating: 0, count: headerLength)
        bytes.withUnsafeMutableBytes { buffer in
            buffer.storeBytes(of: magic.littleEndian, as: UInt64.self)
            buffer.storeBytes(of: version.littleEndian, toByteOffset: 8, as: UInt32.self)
            buffer.storeBytes(of: store.high.littleEndian, toByteOffset: 16, as: UInt64.self)
            buffer.storeBytes(of: store.low.littleEndian, toByteOffset: 24, as: UInt64.self)
            buffer.storeBytes(of: generation.littleEndian, toByteOffset: 32, as: UInt64.self)
            buffer.storeBytes(of: length.littleEndian, toByteOffset: 40, as: UInt64.self)
            let crc = ipk_crc32c(0, buffer.baseAddress, 60)
            buffer.storeBytes(of: crc.littleEndian, toByteOffset: 60, as: UInt32.self)
        }
        bytes += body
        try replace(path, flushing: flushing) { (_) in bytes }
        return length
    }

    /// Puts a whole small file in place of any other, or changes nothing; durable, where it is flushed.
    /// `contents` hears which file it will be.
    static func replace(_ path: String, flushing: Bool = true, _ contents: (FileIdentity) -> [UInt8])
        throws(StoreError)
    {
        let temporary = path + ".new"
        do {
            let file = try System.openOrMake(temporary, O_TRUNC)
            defer { System.close(file) }
            let bytes = contents(try System.status(file).identity)
            try bytes.withBytes { (bytes) throws(StoreError) in try System.write(file, at: 0, bytes) }
            if flushing { try System.flush(file) }
            try System.rename(temporary, path)
        } catch {
            try? System.remove(temporary)
            throw error
        }
        if flushing { try System.flushDirectory(directory(of: path)) }
    }

    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    // MARK: Reading

    struct Header {
        let store: StoreIdentity
        let generation: UInt64
        /// Bytes that the rewrite that made this file wrote.
        let length: UInt64
    }

    private static func readHeader(_ descriptor: Int32) throws(StoreError) -> Header {
        var bytes = [UInt8](repeating: 0, count: headerLength)
        let count = try bytes.withMutableBytes { (buffer) throws(StoreError) in
            try System.read(descriptor, at: 0, into: buffer)
        }
        return try bytes.withBytes { (bytes) throws(StoreError) in
            guard count == headerLength, bytes.integer(at: 0, as: UInt64.self) == magic else {
                throw StoreError(.notAStore, "the journal is none")
            }
            guard bytes.integer(at: 8, as: UInt32.self) <= version else {
                throw StoreError(.unsupported, "the store was written by a newer version")
            }
            guard bytes.integer(at: 60, as: UInt32.self) == ipk_crc32c(0, bytes.baseAddress, 60) else {
                throw StoreError(.corrupt, "the journal's header is damaged: run verify --repair")
            }
            return Header(
                store: StoreIdentity(high: bytes.integer(at: 16), low: bytes.integer(at: 24)),
                generation: bytes.integer(at: 32), length: bytes.integer(at: 40))
        }
    }

    static func readHeader(path: String) throws(StoreError) -> Header {
        let file = try System.open(path, O_RDONLY)
        defer { System.close(file) }
        return try readHeader(file)
    }

    struct Contents {
        /// Nil when it is damaged: the entries may be sound all the same.
        var header: Header?
        /// In order, with their epochs; what follows a damaged entry included.
        var entries: [(epoch: UInt64, entry: Entry)] = []
        /// Bytes up to the end of the last entry.
        var length: UInt64 = UInt64(headerLength)
        /// False when an entry within the limit, or without a limit anything up to the end, is damaged.
        var isWhole = true
    }

    /// The entries of the first `limit` bytes; nil: of the file, whose last bytes may be a dead writer's.
    static func read(path: String, limit: UInt64?) throws(StoreError) -> Contents {
        let file = try System.open(path, O_RDONLY)
        defer { System.close(file) }
        var contents = Contents()
        do { contents.header = try readHeader(file) } catch
            where error.code == .corrupt || error.code == .notAStore
        {
            contents.isWhole = false
        }
        let length = min(try System.status(file).length, limit ?? .max)
        var bytes = [UInt8](repeating: 0, count: Int(min(length, 1 << 31)))
        let count = try bytes.withMutableBytes { (buffer) throws(StoreError) in
            try System.read(file, at: 0, into: buffer)
        }
        bytes.withBytes { bytes in
            var offset = headerLength
            while offset < count {
                guard let (epoch, entry, next) = decode(bytes, at: offset, end: count) else {
                    contents.isWhole = false
                    offset += 1
                    continue
                }
                contents.entries.append((epoch, entry))
                contents.length = UInt64(next)
                offset = next
            }
        }
        if let limit, contents.length != limit { contents.isWhole = false }
        return contents
    }

    // MARK: Entries

    private static func encode(_ entry: Entry, epoch: UInt64, into bytes: inout [UInt8]) {
        var payload: [UInt8] = []
        let type: UInt8
        switch entry {
        case .configuration(let text):
            type = 1
            payload = Array(text.utf8)
        case .root(let name, let cid):
            type = 2
            payload = [UInt8(truncatingIfNeeded: name.utf8.count)] + Array(name.utf8)
            cid.appendBinary(to: &payload)
        case .removedRoot(let name):
            type = 3
            payload = [UInt8(truncatingIfNeeded: name.utf8.count)] + Array(name.utf8)
        case .hold(let hold):
            type = 4
            payload = [UInt8(truncatingIfNeeded: hold.owner.utf8.count)] + Array(hold.owner.utf8)
            withUnsafeBytes(of: hold.count.littleEndian) { payload.append(contentsOf: $0) }
            hold.cid.appendBinary(to: &payload)
        case .epoch:
            type = 5
        }
        let start = bytes.count
        bytes.append(type)
        withUnsafeBytes(of: epoch.littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(payload.count).littleEndian) { bytes.append(contentsOf: $0) }
        let crc = bytes.withBytes { head in
            payload.withBytes { Checksum.of(UnsafeRawBufferPointer(rebasing: head[start...]), $0) }
        }
        withUnsafeBytes(of: crc.littleEndian) { bytes.append(contentsOf: $0) }
        bytes += payload
    }

    private static func decode(_ bytes: UnsafeRawBufferPointer, at offset: Int, end: Int)
        -> (UInt64, Entry, Int)?
    {
        guard end - offset >= entryHeadLength else { return nil }
        let length = Int(bytes.integer(at: offset + 9, as: UInt32.self))
        let start = offset + entryHeadLength
        guard length <= min(end - start, longestPayload) else { return nil }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)])
        let head = UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + 13)])
        guard bytes.integer(at: offset + 13, as: UInt32.self) == Checksum.of(head, payload),
            let entry = decode(type: bytes[offset], payload)
        else { return nil }
        return (bytes.integer(at: offset + 1), entry, start + length)
    }

    private static func decode(type: UInt8, _ payload: UnsafeRawBufferPointer) -> Entry? {
        if type == 1 { return .configuration(String(decoding: payload, as: UTF8.self)) }
        if type == 5 { return .epoch }
        guard let nameLength = payload.first.map(Int.init), payload.count > nameLength else { return nil }
        let name = String(decoding: payload[1..<(1 + nameLength)], as: UTF8.self)
        let rest = UnsafeRawBufferPointer(rebasing: payload[(1 + nameLength)...])
        switch type {
        case 2:
            guard let cid = try? CID(binary: rest) else { return nil }
            return .root(name: name, cid)
        case 3: return .removedRoot(name: name)
        case 4:
            guard rest.count > 8, let cid = try? CID(binary: UnsafeRawBufferPointer(rebasing: rest[8...]))
            else {
                return nil
            }
            return .hold(Hold(owner: name, cid: cid, count: rest.integer(at: 0)))
        default: return nil
        }
    }
}

/// Names as a journal's entries leave them.
struct Names: Equatable {
    var configuration: String?
    var roots: [Name: CID] = [:]
    var holds: [HoldKey: UInt64] = [:]
    var epoch: UInt64 = 0

    /// A name by its bytes: Swift's strings take two spellings of one text for equal.
    struct Name: Hashable {
        private let bytes: [UInt8]
        init(_ text: String) { bytes = Array(text.utf8) }
        var text: String { String(decoding: bytes, as: UTF8.self) }
        static func precedes(_ a: Name, _ b: Name) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
    }

    struct HoldKey: Hashable {
        let owner: Name
        let cid: CID
    }

    mutating func setRoot(_ name: String, _ cid: CID?) { roots[Name(name)] = cid }

    mutating func setHold(_ hold: Hold) {
        holds[HoldKey(owner: Name(hold.owner), cid: hold.cid)] = hold.count == 0 ? nil : hold.count
    }

    mutating func apply(_ entry: Journal.Entry, epoch: UInt64) {
        self.epoch = max(self.epoch, epoch)
        switch entry {
        case .configuration(let text): configuration = text
        case .root(let name, let cid): setRoot(name, cid)
        case .removedRoot(let name): setRoot(name, nil)
        case .hold(let hold): setHold(hold)
        case .epoch: break
        }
    }
}

extension Array where Element == UInt8 {
    /// As `withUnsafeMutableBytes`, with typed throws.
    mutating func withMutableBytes<T>(_ body: (UnsafeMutableRawBufferPointer) throws(StoreError) -> T)
        throws(StoreError) -> T
    {
        let result: Result<T, StoreError> = withUnsafeMutableBytes { buffer in
            do throws(StoreError) { return .success(try body(buffer)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
