/// The lease table: which batches and readers live, and since which epoch.
///
/// A slot holds 0 while its lease is being published, the lease's epoch while it lives, and `free`
/// otherwise; a byte lock on the slot proves that its owner lives. What always holds:
/// - A slot is zero before its owner's snapshot begins, and has that snapshot's epoch afterwards, so a
///   collector that reads the slots inside its write transaction either sees the lease, or commits
///   before the lease's snapshot.
/// - Only who holds a slot's lock writes it.
/// - When the table is not the one that the index knows, or cannot be read, nothing may be collected.
///
/// Slots are read and written with positioned calls, not mapped: a table that was cut short is then an
/// error and not a signal, and a lease costs microseconds either way.
import Glibc
import Synchronization

final class LeaseTable: Sendable {
    static let slotCount = 1024
    static let free = UInt64.max
    static let magic: UInt64 = 0x3145_5341_454c_5049  // "IPLEASE1"
    private static let headerLength = 64
    static let length = headerLength + slotCount * 8
    /// Byte locks stand beyond the table, one a slot.
    private static let lockBase: UInt64 = 1 << 40
    /// Behind them one that who copies into the store shares.
    private static let copyLock = lockBase + UInt64(slotCount)

    private let path: String
    private let file: LockingDescriptor
    /// The table's random name; the index holds the one it knows.
    let identity: UInt64
    /// Slots of this process; their locks belong to our descriptor and would not stop ourselves.
    private let ours: Lock<Set<Int>>
    /// Copies into the store in this process, which share its lock.
    private let copying = Lock(0)

    /// Makes a table of fresh slots in place of any other; its identity.
    static func create(_ path: String, flushing: Bool = true) throws(StoreError) -> UInt64 {
        let identity = max(1, try System.random(8).withBytes { $0.integer(at: 0, as: UInt64.self) })
        var bytes = [UInt8](repeating: 0xff, count: length)
        bytes.withUnsafeMutableBytes { buffer in
            for offset in 0..<headerLength { buffer[offset] = 0 }
            buffer.storeBytes(of: magic.littleEndian, as: UInt64.self)
            buffer.storeBytes(of: identity.littleEndian, toByteOffset: 8, as: UInt64.self)
        }
        try Journal.replace(path, flushing: flushing) { (file) in
            bytes.withUnsafeMutableBytes { buffer in
                buffer.storeBytes(of: file.inode.littleEndian, toByteOffset: 16, as: UInt64.self)
            }
            return bytes
        }
        return identity
    }

    init(path: String, readOnly: Bool) throws(StoreError) {
        self.path = path
        let file = try LockingDescriptor(adopting: System.open(path, readOnly ? O_RDONLY : O_RDWR))
        var header = [UInt8](repeating: 0, count: Self.headerLength)
        do throws(StoreError) {
            let count = try header.withMutableBytes { (buffer) throws(StoreError) in
                try System.read(file.descriptor, at: 0, into: buffer)
            }
            let status = try System.status(file.descriptor)
            // A copy says of itself that it is one: leases may live in the file that it was made from.
            guard count == Self.headerLength, status.length == UInt64(Self.length),
                header.withBytes({ $0.integer(at: 0, as: UInt64.self) }) == Self.magic,
                header.withBytes({ $0.integer(at: 16, as: UInt64.self) }) == status.identity.inode
            else { throw StoreError(.corrupt, "the lease table is damaged") }
        } catch {
            file.close()
            throw error
        }
        identity = header.withBytes { $0.integer(at: 8) }
        self.file = file
        ours = Lock([])
    }

    func close() { file.close() }

    // MARK: Leasing

    /// Publishes a lease: `snapshotEpoch` begins a snapshot and gives its epoch, after the slot is
    /// zero. What died up to that epoch may be collected at any time; what dies later may not.
    func acquire(_ snapshotEpoch: () throws(StoreError) -> UInt64) throws(StoreError) -> (
        slot: Int, epoch: UInt64
    ) {
        let slot = try lockSlot()
        do {
            try write(0, slot)
            atomicMemoryFence(ordering: .sequentiallyConsistent)
            let epoch = try snapshotEpoch()
            try write(epoch, slot)
            return (slot, epoch)
        } catch {
            release(slot)
            throw error
        }
    }

    func release(_ slot: Int) {
        guard file.isOurs else { return }
        // If this write fails the slot keeps an old epoch without a lock: whoever collects clears it.
        try? write(Self.free, slot)
        _ = try? System.lock(file.descriptor, .unlocked, at: Self.lockBase + UInt64(slot))
        ours.withLock { _ = $0.remove(slot) }
    }

    private func lockSlot() throws(StoreError) -> Int {
        try ours.withLock { (taken) throws(StoreError) in
            for slot in 0..<Self.slotCount where !taken.contains(slot) {
                if try System.lock(file.descriptor, .exclusive, at: Self.lockBase + UInt64(slot)) {
                    taken.insert(slot)
                    return slot
                }
            }
            throw StoreError(.busy, "all \(Self.slotCount) leases of the store are taken")
        }
    }

    private func write(_ value: UInt64, _ slot: Int) throws(StoreError) {
        try withKey(value.littleEndian) { (bytes) throws(StoreError) in
            try System.write(file.descriptor, at: UInt64(Self.headerLength + slot * 8), bytes)
        }
    }

    // MARK: Collecting

    /// What collection must spare: what died after the oldest lease. Called inside a write
    /// transaction. Nil: nothing may be collected, because the table is not the index's.
    func horizon(known: UInt64) throws(StoreError) -> UInt64? {
        guard identity == known, let there = try? System.status(ofPath: path),
            there.identity == (try System.status(file.descriptor)).identity
        else { return nil }
        var oldest = UInt64.max
        if Defect.leasesAreIgnored.isPresent { return oldest }
        for (slot, value) in try slots().enumerated() where value != Self.free {
            if try isAlive(slot) { oldest = min(oldest, value) }
        }
        return oldest
    }

    /// Leases that live now.
    func count() throws(StoreError) -> Int {
        var count = 0
        for (slot, value) in try slots().enumerated() where value != Self.free {
            if try isAlive(slot) { count += 1 }
        }
        return count
    }

    private func slots() throws(StoreError) -> [UInt64] {
        var bytes = [UInt8](repeating: 0, count: Self.slotCount * 8)
        let count = try bytes.withMutableBytes { (buffer) throws(StoreError) in
            try System.read(file.descriptor, at: UInt64(Self.headerLength), into: buffer)
        }
        guard count == Self.slotCount * 8 else { throw StoreError(.corrupt, "the lease table was cut short") }
        return bytes.withBytes { bytes in (0..<Self.slotCount).map { bytes.integer(at: $0 * 8) } }
    }

    /// A slot whose owner is dead is set free on the way, under its lock.
    private func isAlive(_ slot: Int) throws(StoreError) -> Bool {
        try ours.withLock { (taken) throws(StoreError) in
            if taken.contains(slot) || Defect.deadLeasesStay.isPresent { return true }
            let place = Self.lockBase + UInt64(slot)
            guard try System.lock(file.descriptor, .exclusive, at: place) else { return true }
            try? write(Self.free, slot)
            _ = try System.lock(file.descriptor, .unlocked, at: place)
            return false
        }
    }

    // MARK: Copying

    func beginCopying() throws(StoreError) {
        try copying.withLock { (count) throws(StoreError) in
            // Who has it alone has it for two calls.
            for _ in 0..<1000 where count == 0 {
                if try System.lock(file.descriptor, .shared, at: Self.copyLock) {
                    count = 1
                    return
                }
                System.sleep(milliseconds: 1)
            }
            guard count > 0 else { throw StoreError(.busy, "the lease table is locked by somebody else") }
            count += 1
        }
    }

    func endCopying() {
        guard file.isOurs else { return }
        copying.withLock { count in
            count -= 1
            if count == 0 { _ = try? System.lock(file.descriptor, .unlocked, at: Self.copyLock) }
        }
    }

    func isOnlyCopying() throws(StoreError) -> Bool {
        try copying.withLock { (count) throws(StoreError) in
            guard count == 1, try System.lock(file.descriptor, .exclusive, at: Self.copyLock) else {
                return false
            }
            return try System.lock(file.descriptor, .shared, at: Self.copyLock)
        }
    }
}
