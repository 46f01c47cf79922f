/// How a writer's files come to be blocks' files (BlockFiles.swift says what always holds).
import Glibc

/// A lane that is ours.
struct Lane {
    let number: UInt32
    let folder: String
    private let files: BlockFiles
    private let lock: LockingDescriptor

    private static let magic: UInt64 = 0x3145_4e41_4c53_5049  // "IPSLANE1"

    /// Nil when somebody has it, or its files are not what they must be.
    init?(_ files: BlockFiles, _ number: UInt32) throws(StoreError) {
        self.number = number
        self.files = files
        folder = files.lanes + "/" + BlockFiles.name(ofLane: number)
        for slot: UInt64 in 0...1 {
            if let status = try? System.status(ofPath: Self.list(folder, slot)), !status.isRegular {
                return nil
            }
        }
        do { lock = try LockingDescriptor(adopting: System.openOrMake(folder + ".lane")) } catch
            where error.code == .corrupt
        { return nil }
        do throws(StoreError) {
            guard try System.lock(lock.descriptor, .exclusive, at: 0) else {
                lock.close()
                return nil
            }
            do { try System.makeDirectory(folder) } catch  where error.code == .exists {}
            guard try System.status(ofPath: folder).isDirectory else {
                lock.close()
                return nil
            }
        } catch {
            lock.close()
            throw error
        }
    }

    var isOurs: Bool { lock.isOurs }

    func close() { lock.close() }

    func path(_ cid: CID) -> String { folder + "/" + cid.description }

    func write(_ cid: CID, _ payload: UnsafeRawBufferPointer) throws(StoreError) {
        let descriptor = try System.openOrMake(path(cid), O_TRUNC)
        defer { System.close(descriptor) }
        try System.write(descriptor, at: 0, payload)
    }

    /// Says which files the stage has. That of the stage before stays.
    func announce(_ cids: [CID], sequence: UInt64) throws(StoreError) {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: Self.magic.littleEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: sequence.littleEndian) { bytes.append(contentsOf: $0) }
        for cid in cids {
            bytes.append(UInt8(cid.binaryLength))
            cid.appendBinary(to: &bytes)
        }
        let descriptor = try System.openOrMake(Self.list(folder, sequence), O_TRUNC)
        defer { System.close(descriptor) }
        try bytes.withBytes { (bytes) throws(StoreError) in try System.write(descriptor, at: 0, bytes) }
    }

    private static func list(_ folder: String, _ sequence: UInt64) -> String {
        folder + ".list" + String(sequence % 2)
    }

    /// Another commit has followed those that entered what is listed.
    func retract() { for sequence: UInt64 in 0...1 { try? System.remove(Self.list(folder, sequence)) } }

    /// Goes on where another writer ended: unlinks what it moved in without entering it. The number of the
    /// last list.
    func takeOver(_ index: IndexPlace) throws(StoreError) -> UInt64 {
        let (listed, sequence) = try announced()
        let strays = try index.readSettled { (snapshot) throws(StoreError) in
            try files.strays(listed, snapshot)
        }
        if !strays.isEmpty {
            try index.write { (snapshot) throws(StoreError) in
                try files.removeStrays(strays, snapshot)
            }
        }
        try clear()
        return sequence
    }

    /// Removes what was written and never moved.
    func clear() throws(StoreError) {
        for name in try System.list(folder) { try? System.remove(folder + "/" + name) }
    }

    func announced() throws(StoreError) -> (cids: [CID], sequence: UInt64) { try Self.announced(folder) }

    static func announced(_ folder: String) throws(StoreError) -> (cids: [CID], sequence: UInt64) {
        var listed: (cids: [CID], sequence: UInt64) = ([], 0)
        for slot: UInt64 in 0...1 {
            let descriptor: Int32
            do { descriptor = try System.open(list(folder, slot), O_RDONLY) } catch
                where error.code == .notFound || error.code == .corrupt
            { continue }
            defer { System.close(descriptor) }
            let length = min(try System.status(descriptor).length, 1 << 30)
            var bytes = [UInt8](repeating: 0, count: Int(length))
            let count = try bytes.withMutableBytes { (buffer) throws(StoreError) in
                try System.read(descriptor, at: 0, into: buffer)
            }
            let (cids, sequence) = bytes.withBytes { decode(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            listed = (listed.cids + cids, max(listed.sequence, sequence))
        }
        return listed
    }

    /// A list that was cut short announced nothing that was begun.
    private static func decode(_ bytes: UnsafeRawBufferPointer) -> (cids: [CID], sequence: UInt64) {
        guard bytes.count >= 16, bytes.integer(at: 0, as: UInt64.self) == magic else { return ([], 0) }
        var cids: [CID] = []
        var offset = 16
        while offset < bytes.count {
            let end = offset + 1 + Int(bytes[offset])
            guard end <= bytes.count,
                let cid = try? CID(binary: UnsafeRawBufferPointer(rebasing: bytes[(offset + 1)..<end]))
            else { break }
            cids.append(cid)
            offset = end
        }
        // The next ones stay countable, whatever a damaged list says.
        return (cids, min(bytes.integer(at: 8, as: UInt64.self), 1 << 62))
    }
}

/// Writes blocks' files in a lane of its own, and moves them in.
final class FileAppender: PayloadAppender {
    private let files: BlockFiles
    private let index: IndexPlace
    private var lane: Lane?
    private var tail: UInt64 = 0
    private var staged: [CID] = []
    /// Of the last list.
    private var sequence: UInt64 = 0

    init(files: BlockFiles, index: IndexPlace) {
        self.files = files
        self.index = index
    }

    deinit { release() }

    func append(_ records: RecordBuffer) throws(StoreError) -> Place {
        let lane = try openLane()
        let place = Place(pack: lane.number, offset: tail)
        for entry in records.entries {
            try lane.write(entry.cid, records.payload(of: entry))
            staged.append(entry.cid)
        }
        tail += UInt64(records.length)
        return place
    }

    private func openLane() throws(StoreError) -> Lane {
        if let lane { return lane }
        for number in 1...Place.maximumPack {
            guard let lane = try Lane(files, number) else { continue }
            do throws(StoreError) {
                sequence = try lane.takeOver(index)
                let row = try index.readSettled { (snapshot) throws(StoreError) in
                    try snapshot.pack(number)
                }
                tail = row?.watermark ?? UInt64(PackFormat.headerLength)
            } catch {
                lane.close()
                throw error
            }
            // As of a pack, there are places up to an end.
            guard tail < 1 << (Place.offsetBits - 1) else {
                lane.close()
                continue
            }
            self.lane = lane
            return lane
        }
        throw StoreError(.full, "the store has used all its lanes")
    }

    func block(_ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch) throws(StoreError)
        -> UnsafeRawBufferPointer
    {
        guard let lane else { throw StoreError(.internal, "nothing was appended") }
        return try BlockFiles.block(at: lane.path(cid), cid, location, scratch, room: nil)
    }

    func flush() throws(StoreError) {
        guard let lane, !staged.isEmpty else { return }
        sequence += 1
        try lane.announce(staged, sequence: sequence)
        // Without the index's lock: most of the work. The names follow under it.
        try files.flush()
    }

    func enter(_ transaction: StoreTransaction) throws(StoreError) {
        guard let lane, !staged.isEmpty else { return }
        for cid in staged {
            if let location = try transaction.index.location(of: cid), !location.flags.contains(.damaged) {
                try? System.remove(lane.path(cid))
            } else {
                try files.moveIn(lane.path(cid), cid)
            }
        }
        try files.flush()
        try transaction.setWatermark(tail, pack: lane.number)
    }

    func didCommit() { staged = [] }

    /// What may have been moved in is for who takes the lane, or collects, to find by the list.
    func release() {
        guard let lane else { return }
        if lane.isOurs { for cid in staged { try? System.remove(lane.path(cid)) } }
        lane.close()
        self.lane = nil
        staged = []
    }

    func abandon() {
        lane?.close()
        lane = nil
        staged = []
    }
}
