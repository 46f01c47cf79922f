import CLMDB

/// One transaction's view of the tables: a snapshot, or the writer's own. In LMDB, or in memory.
struct IndexSnapshot {
    enum View {
        case lmdb(OpaquePointer, InlineArray<9, MDB_dbi>)
        /// Kept by who runs the transaction.
        case memory(Unmanaged<MemoryTransaction>)
    }

    let view: View

    init(lmdb transaction: OpaquePointer, _ tables: InlineArray<9, MDB_dbi>) {
        view = .lmdb(transaction, tables)
    }

    init(_ transaction: MemoryTransaction) { view = .memory(.passUnretained(transaction)) }

    /// The value of a key; valid until the transaction ends or writes.
    func get(_ table: IndexTable, _ key: UnsafeRawBufferPointer) throws(StoreError) -> UnsafeRawBufferPointer?
    {
        switch view {
        case .lmdb(let transaction, let tables):
            var key = MDB_val(key)
            var value = MDB_val()
            let code = mdb_get(transaction, tables[table.rawValue], &key, &value)
            if code == 0 { return UnsafeRawBufferPointer(value) }
            if code == MDB_NOTFOUND { return nil }
            throw IndexEnvironment.error(code, "read the index")
        case .memory(let transaction):
            return transaction.takeUnretainedValue().tables[table.rawValue].row(key)?.value
        }
    }

    func put(_ table: IndexTable, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer)
        throws(StoreError)
    {
        try put(table, key, value, flags: 0)
    }

    /// As `put`, where the key is likely to be the table's last: pages at the end are then left full
    /// instead of split in the middle.
    func append(_ table: IndexTable, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer)
        throws(StoreError)
    {
        try put(table, key, value, flags: UInt32(MDB_APPEND))
    }

    private func put(
        _ table: IndexTable, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, flags: UInt32
    ) throws(StoreError) {
        switch view {
        case .lmdb(let transaction, let tables):
            var keyValue = MDB_val(key)
            var dataValue = MDB_val(value)
            let code = mdb_put(transaction, tables[table.rawValue], &keyValue, &dataValue, flags)
            if code == 0 { return }
            guard code == MDB_KEYEXIST, flags != 0 else {
                throw IndexEnvironment.error(code, "write the index")
            }
            try put(table, key, value)
        case .memory(let transaction):
            transaction.takeUnretainedValue().tables[table.rawValue].put(key, value)
        }
    }

    /// False when the key was not there.
    @discardableResult
    func delete(_ table: IndexTable, _ key: UnsafeRawBufferPointer) throws(StoreError) -> Bool {
        switch view {
        case .lmdb(let transaction, let tables):
            var key = MDB_val(key)
            let code = mdb_del(transaction, tables[table.rawValue], &key, nil)
            if code == 0 { return true }
            if code == MDB_NOTFOUND { return false }
            throw IndexEnvironment.error(code, "write the index")
        case .memory(let transaction):
            return transaction.takeUnretainedValue().tables[table.rawValue].delete(key)
        }
    }

    /// Number of rows.
    func count(_ table: IndexTable) throws(StoreError) -> UInt64 {
        switch view {
        case .lmdb(let transaction, let tables):
            var statistics = MDB_stat()
            let code = mdb_stat(transaction, tables[table.rawValue], &statistics)
            guard code == 0 else { throw IndexEnvironment.error(code, "read the index") }
            return UInt64(statistics.ms_entries)
        case .memory(let transaction):
            return UInt64(transaction.takeUnretainedValue().tables[table.rawValue].count)
        }
    }

    /// Walks rows in key order from the first key at or after `start` (nil: the first), until `body`
    /// returns false. `body` must not write to the table.
    func scan(
        _ table: IndexTable, from start: UnsafeRawBufferPointer? = nil,
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(StoreError) -> Bool
    ) throws(StoreError) {
        let cursor = try IndexCursor(self, table)
        defer { cursor.close() }
        var row = if let start { try cursor.seek(start) } else { try cursor.first() }
        while let current = row {
            guard try body(current.key, current.value) else { return }
            row = try cursor.next()
        }
    }
}

/// A position in a table; closed by its user before the transaction ends.
struct IndexCursor {
    typealias Row = (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)
    private enum Position {
        case lmdb(OpaquePointer)
        case memory(MemoryCursor)
    }
    private let position: Position

    init(_ snapshot: IndexSnapshot, _ table: IndexTable) throws(StoreError) {
        switch snapshot.view {
        case .lmdb(let transaction, let tables):
            var cursor: OpaquePointer?
            let code = mdb_cursor_open(transaction, tables[table.rawValue], &cursor)
            guard code == 0, let cursor else { throw IndexEnvironment.error(code, "read the index") }
            position = .lmdb(cursor)
        case .memory(let transaction):
            position = .memory(MemoryCursor(transaction.takeUnretainedValue().tables[table.rawValue]))
        }
    }

    func close() { if case .lmdb(let cursor) = position { mdb_cursor_close(cursor) } }

    /// The first row at or after a key.
    func seek(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Row? {
        try move(MDB_SET_RANGE, MDB_val(key)) { $0.seek(key) }
    }
    func first() throws(StoreError) -> Row? { try move(MDB_FIRST) { $0.first() } }
    func last() throws(StoreError) -> Row? { try move(MDB_LAST) { $0.last() } }
    func next() throws(StoreError) -> Row? { try move(MDB_NEXT) { $0.next() } }
    func previous() throws(StoreError) -> Row? { try move(MDB_PREV) { $0.previous() } }

    @inline(__always)
    private func move(
        _ operation: MDB_cursor_op, _ start: MDB_val = MDB_val(), _ inMemory: (MemoryCursor) -> Row?
    ) throws(StoreError) -> Row? {
        switch position {
        case .memory(let cursor): return inMemory(cursor)
        case .lmdb(let cursor):
            var key = start
            var value = MDB_val()
            let code = mdb_cursor_get(cursor, &key, &value, operation)
            if code == 0 { return (UnsafeRawBufferPointer(key), UnsafeRawBufferPointer(value)) }
            if code == MDB_NOTFOUND { return nil }
            throw IndexEnvironment.error(code, "read the index")
        }
    }
}

extension MDB_val {
    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    init(_ value: MDB_val) {
        self.init(start: value.mv_data, count: value.mv_size)
    }
}
