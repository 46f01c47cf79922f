/// What a handle of the C interface stands for.
///
/// What always holds:
/// - A handle is a number, never the address of anything: one that was given back, was never given out or
///   is of another kind is told from a good one without touching memory that a caller names. Numbers are
///   not used twice.
/// - The table keeps an object alive until its handle is given back; a call that has looked it up keeps
///   it for as long as it runs.
/// - A forked child has a table of its own, so that a lock which some thread of the parent held, and
///   objects that must not be closed twice, are left behind. Numbers below its first one are the parent's.
import CSystem
import IpldEngine
import Synchronization

enum HandleObject {
    case store(ContentStore)
    case batch(BatchObject)
    case view(PinnedBlock)
    case reader(ByteReader)
    case writer(WriterObject)
    case iterator(IteratorObject)
    case fileSystem(FileSystemObject)
    case file(FileObject)
}

final class HandleTable: Sendable {
    private let generation: UInt32
    private let firstNumber: UInt64
    private let shards: [Shard]

    /// Many, so that threads with handles of their own do not meet.
    private static let shardCount: UInt64 = 32

    private final class Shard: Sendable {
        let objects = Lock<[UInt64: HandleObject]>([:])
    }

    private init(generation: UInt32, firstNumber: UInt64) {
        self.generation = generation
        self.firstNumber = firstNumber
        shards = (0..<Int(Self.shardCount)).map { _ in Shard() }
    }

    private func shard(_ number: UInt64) -> Shard { shards[Int(number % Self.shardCount)] }

    // MARK: The table of this process

    private static let nextNumber = Atomic<UInt64>(1)
    /// An unbalanced retain of the table, as an address: read without a lock, also just after fork.
    private static let current = Atomic<UInt>(0)

    /// Made when the process first asks; a parent's is kept, untouched, for the sake of what it holds.
    static func ofThisProcess() throws(StoreError) -> HandleTable {
        var generation: UInt32 = 0
        guard ipsys_fork_guard_start(&generation) == 0 else {
            throw StoreError(.unsupported, "the kernel offers no pages that are wiped on fork (Linux 4.14)")
        }
        while true {
            let address = current.load(ordering: .acquiring)
            if let pointer = UnsafeRawPointer(bitPattern: address) {
                let table = Unmanaged<HandleTable>.fromOpaque(pointer).takeUnretainedValue()
                if table.generation == generation { return table }
            }
            let made = HandleTable(
                generation: generation, firstNumber: nextNumber.load(ordering: .relaxed))
            let retained = Unmanaged.passRetained(made)
            let (exchanged, _) = current.compareExchange(
                expected: address, desired: UInt(bitPattern: retained.toOpaque()),
                ordering: .acquiringAndReleasing)
            if exchanged { return made }
            retained.release()
        }
    }

    // MARK: Handles

    /// Handles look like addresses of something aligned.
    private static let stride: UInt64 = 16

    static func number(of handle: OpaquePointer) -> UInt64? {
        let value = UInt64(UInt(bitPattern: handle))
        return value % stride == 0 ? value / stride : nil
    }

    func insert(_ object: HandleObject) throws(StoreError) -> OpaquePointer {
        let number = Self.nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < UInt64(Int64.max) / Self.stride,
            let handle = OpaquePointer(bitPattern: UInt(number * Self.stride))
        else { throw StoreError(.internal, "no handles are left") }
        shard(number).objects.withLock { $0[number] = object }
        return handle
    }

    func object(_ handle: OpaquePointer?, _ kind: String) throws(StoreError) -> HandleObject {
        guard let handle else { throw StoreError(.invalid, "the \(kind) is NULL") }
        guard let number = Self.number(of: handle) else { throw Self.unknown(kind) }
        guard number >= firstNumber else {
            throw StoreError(.forked, "this handle was inherited through fork: open the store again")
        }
        guard let object = shard(number).objects.withLock({ $0[number] }) else { throw Self.unknown(kind) }
        return object
    }

    /// Takes a handle out if it is of the wanted kind; nil when there is no such handle.
    func remove(_ handle: OpaquePointer?, where isWanted: (HandleObject) -> Bool) -> HandleObject? {
        guard let handle, let number = Self.number(of: handle), number >= firstNumber else { return nil }
        return shard(number).objects.withLock { (objects) -> HandleObject? in
            guard let object = objects[number], isWanted(object) else { return nil }
            if !Defect.handlesAreKept.isPresent { objects[number] = nil }
            return object
        }
    }

    static func unknown(_ kind: String) -> StoreError {
        StoreError(.invalid, "this is no \(kind), or one that was given back")
    }
}

// MARK: - By kind

/// The store behind a handle.
func store(_ handle: OpaquePointer?) throws(StoreError) -> ContentStore {
    guard case .store(let store) = try HandleTable.ofThisProcess().object(handle, "store") else {
        throw HandleTable.unknown("store")
    }
    return store
}

func view(_ handle: OpaquePointer?) throws(StoreError) -> PinnedBlock {
    guard case .view(let view) = try HandleTable.ofThisProcess().object(handle, "view") else {
        throw HandleTable.unknown("view")
    }
    return view
}

func reader(_ handle: OpaquePointer?) throws(StoreError) -> ByteReader {
    guard case .reader(let reader) = try HandleTable.ofThisProcess().object(handle, "reader") else {
        throw HandleTable.unknown("reader")
    }
    return reader
}

/// The writer behind a handle; for `WriterObject.exclusively`.
func writer(_ handle: OpaquePointer?) throws(StoreError) -> WriterObject {
    guard case .writer(let object) = try HandleTable.ofThisProcess().object(handle, "writer") else {
        throw HandleTable.unknown("writer")
    }
    return object
}

/// Runs `body` on the batch behind a handle, which nobody else uses meanwhile.
func withBatch<T>(_ handle: OpaquePointer?, _ body: (Batch) throws(StoreError) -> T) throws(StoreError) -> T {
    let object = try batchObject(handle)
    return try object.use.exclusively("batch") { () throws(StoreError) in try body(object.batch) }
}

func batchObject(_ handle: OpaquePointer?) throws(StoreError) -> BatchObject {
    guard case .batch(let object) = try HandleTable.ofThisProcess().object(handle, "batch") else {
        throw HandleTable.unknown("batch")
    }
    return object
}

/// Runs `body` on the iterator behind a handle, which nobody else uses meanwhile.
func withIterator<T>(_ handle: OpaquePointer?, _ body: (IteratorObject) throws(StoreError) -> T)
    throws(StoreError) -> T
{
    guard case .iterator(let object) = try HandleTable.ofThisProcess().object(handle, "iterator") else {
        throw HandleTable.unknown("iterator")
    }
    return try object.use.exclusively("iterator") { () throws(StoreError) in try body(object) }
}

/// A batch, and whether a call is using it.
final class BatchObject: Sendable {
    let batch: Batch
    let use = Use()

    init(_ batch: Batch) { self.batch = batch }
}

/// A writer, and whether a call is using it or the batch it belongs to.
final class WriterObject: @unchecked Sendable {
    private let writer: ByteWriter
    private let use: Use
    /// Where the progress callback that it was opened with leaves its answer.
    private let outcome: CallbackOutcome

    init(_ writer: ByteWriter, _ use: Use, _ outcome: CallbackOutcome) {
        self.writer = writer
        self.use = use
        self.outcome = outcome
    }

    /// Runs `body` on the writer, which nobody else uses meanwhile. `answer` takes what the progress
    /// callback said.
    func exclusively<T>(
        _ answer: CallbackOutcome? = nil, _ body: (ByteWriter) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        try use.exclusively("writer") { () throws(StoreError) in
            defer { answer?.take(outcome) }
            return try body(writer)
        }
    }
}

/// One call at a time: a second one, from another thread or from a callback of the first, is refused.
final class Use: Sendable {
    private let isUsed = Atomic<Bool>(false)

    func exclusively<T>(_ what: String, _ body: () throws(StoreError) -> T) throws(StoreError) -> T {
        guard !isUsed.exchange(true, ordering: .acquiring) || Defect.callsAreNotAlone.isPresent else {
            throw StoreError(.busy, "the \(what) is in use by another call")
        }
        defer { isUsed.store(false, ordering: .releasing) }
        return try body()
    }
}
