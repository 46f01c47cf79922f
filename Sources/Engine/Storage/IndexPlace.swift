/// Where an index lives: in LMDB, or in memory. What holds of one holds of the other (IndexEnvironment.swift,
/// MemoryIndex.swift); an index in memory has no disk to fail it.
enum IndexPlace: Sendable {
    case lmdb(IndexEnvironment)
    case memory(MemoryIndex)

    var access: IndexEnvironment.Access {
        if case .lmdb(let environment) = self { environment.access } else { .readWrite }
    }

    /// Whether a commit failed so that nobody knows what it left.
    var isPoisoned: Bool { if case .lmdb(let environment) = self { environment.isPoisoned } else { false } }

    /// Bytes in use.
    var usedBytes: UInt64 {
        switch self {
        case .lmdb(let environment): environment.usedBytes
        case .memory(let index): index.usedBytes
        }
    }

    @inline(__always)
    func read<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        switch self {
        case .lmdb(let environment): try environment.read(body)
        case .memory(let index): try index.read(body)
        }
    }

    /// As `read`, after everything that a writer that died has committed.
    func readSettled<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        switch self {
        case .lmdb(let environment): try environment.readSettled(body)
        case .memory(let index): try index.read(body)
        }
    }

    func write<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        switch self {
        case .lmdb(let environment): try environment.write(body)
        case .memory(let index): try index.write(body)
        }
    }

    func alone<T>(_ body: (IndexSnapshot) throws(StoreError) -> T) throws(StoreError) -> T {
        switch self {
        case .lmdb(let environment): try environment.alone(body)
        case .memory(let index): try index.alone(body)
        }
    }

    func clearStaleReaders() { if case .lmdb(let environment) = self { environment.clearStaleReaders() } }

    func checkPages() throws(StoreError) {
        if case .lmdb(let environment) = self { try environment.checkPages() }
    }

    func close() { if case .lmdb(let environment) = self { environment.close() } }
}
