import CLMDB
import Glibc

@testable import IpldEngine

/// Changes to a sound index, four bytes each: a page, a place in it in steps of two bytes, and what becomes
/// of the two bytes there. What passes the check, LMDB walks from end to end, and opens and reads nothing
/// that is not there.
@Sendable func fuzzIndexPages(_ input: UnsafeRawBufferPointer) {
    guard let index = SoundIndex.shared else { return require(false, "no index could be made") }
    var changed: [Int] = []
    var offset = 0
    while offset + 5 <= input.count {
        let page = Int(input[offset]) % index.pageCount
        let place = Int(input.loadUnaligned(fromByteOffset: offset + 1, as: UInt16.self)) % 2048 * 2
        changed.append(page * 4096 + place)
        index.write([input[offset + 3], input[offset + 4]], at: page * 4096 + place)
        offset += 5
    }
    defer { for place in changed { index.restore(place, 2) } }
    do { try IndexPages.check(path: index.path) } catch {
        return require([.corrupt, .unsupported].contains(error.code), "\(error.code): \(error)")
    }
    index.walk()
}

/// An index with tables of several levels, free pages, and a value that has pages of its own.
private final class SoundIndex: Sendable {
    static let shared = try? SoundIndex()

    let path: String
    private let descriptor: Int32
    private let bytes: [UInt8]
    var pageCount: Int { bytes.count / 4096 }

    private init() throws {
        let folder = "/dev/shm/ipldstore-fuzz-index-\(getpid())"
        try LmdbStore.create(at: folder)
        try Self.fill(folder)
        path = folder + ".mdb"
        let isMoved = rename(folder + "/index/data.mdb", path) == 0
        Self.remove(folder)
        guard isMoved else { throw Failure() }
        atexit { unlink("/dev/shm/ipldstore-fuzz-index-\(getpid()).mdb") }
        descriptor = open(path, O_RDWR)
        guard descriptor >= 0 else { throw Failure() }
        let length = Int(lseek(descriptor, 0, SEEK_END))
        var bytes = [UInt8](repeating: 0, count: length)
        guard pread(descriptor, &bytes, length, 0) == length else { throw Failure() }
        self.bytes = bytes
    }

    private static func fill(_ folder: String) throws {
        let store = try ContentStore.open(at: folder)
        for round in 0..<4 {
            let batch = try store.makeBatch()
            for number in 0..<150 {
                let bytes = (0..<2).map { UInt8(truncatingIfNeeded: (round * 150 + number) >> (8 * $0)) }
                let block = try bytes.withUnsafeBytes { try batch.putBytes($0) }
                if number % 3 == 0 { try batch.setRoot("\(round)/\(number)", to: block) }
            }
            try batch.commit()
            for number in stride(from: 0, to: 60, by: 3) { try store.removeRoot("\(round)/\(number)") }
            try store.gc()
        }
    }

    private static func remove(_ path: String) {
        if unlink(path) == 0 { return }
        for name in (try? System.list(path)) ?? [] { remove(path + "/" + name) }
        rmdir(path)
    }

    private struct Failure: Error {}

    func write(_ new: [UInt8], at offset: Int) { _ = pwrite(descriptor, new, new.count, off_t(offset)) }

    func restore(_ offset: Int, _ count: Int) {
        write(Array(bytes[offset..<min(bytes.count, offset + count)]), at: offset)
    }

    /// All rows of all tables, each byte of keys and values.
    func walk() {
        var environment: OpaquePointer?
        guard mdb_env_create(&environment) == 0, let environment else { return }
        defer { mdb_env_close(environment) }
        mdb_env_set_maxdbs(environment, 16)
        let flags = UInt32(MDB_RDONLY | MDB_NOLOCK | MDB_NOSUBDIR)
        var transaction: OpaquePointer?
        guard mdb_env_open(environment, path, flags, 0o600) == 0,
            mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction) == 0, let transaction
        else { return }  // An error of LMDB's own: it has looked, too.
        defer { mdb_txn_abort(transaction) }
        // The table of free pages, and that of tables.
        var rows = walk(transaction, 0) + walk(transaction, 1)
        for table in IndexTable.allCases {
            var handle = MDB_dbi()
            require(
                mdb_dbi_open(transaction, table.name, table.flags, &handle) == 0,
                "LMDB does not find the table \(table.name)")
            rows += walk(transaction, handle)
        }
        require(rows > 0, "no rows")
    }

    private func walk(_ transaction: OpaquePointer, _ table: MDB_dbi) -> Int {
        var cursor: OpaquePointer?
        guard mdb_cursor_open(transaction, table, &cursor) == 0, let cursor else { return 0 }
        defer { mdb_cursor_close(cursor) }
        var (rows, sum): (Int, UInt8) = (0, 0)
        var (key, value) = (MDB_val(), MDB_val())
        var code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)
        while code == 0 {
            for part in [key, value] {
                for byte in UnsafeRawBufferPointer(start: part.mv_data, count: part.mv_size) { sum ^= byte }
            }
            rows += 1
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
        }
        require(code == MDB_NOTFOUND, "LMDB ends in \(code), after \(rows) rows and \(sum)")
        return rows
    }
}
