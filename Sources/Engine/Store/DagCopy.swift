/// Copies what a CID reaches from one store into another, children before their parents.
///
/// What always holds:
/// - A node is put only after everything below it is there, so what a copy leaves behind when it dies is
///   whole DAGs, and no count ever waits for a block.
/// - Blocks that the target has are not read from the source, but for nodes: below them something may be
///   missing.
/// - Memory is that of the way down, and of the set of nodes that are done.
struct DagCopy {
    /// Where blocks come from.
    typealias Source = (CID, ReadScratch) throws(StoreError) -> UnsafeRawBufferPointer

    private let source: Source
    /// Whether blocks of the target's bases are as good as its own.
    private let countsBases: Bool
    /// Whether what the source has not either stays a link to what is nowhere.
    private let leavesMissing: Bool
    private var done: Set<CID> = []
    private var stack: [Frame] = []
    private(set) var report = CopyReport()
    private let scratch = ReadScratch()

    private struct Frame {
        let cid: CID
        let bytes: [UInt8]
        let links: [CID]
        var next = 0
    }

    init(countsBases: Bool, leavesMissing: Bool = false, _ source: @escaping Source) {
        self.source = source
        self.leavesMissing = leavesMissing
        self.countsBases = countsBases
    }

    /// Whether all that was begun is whole.
    var isBetween: Bool { stack.isEmpty }

    /// Roots of what is whole and has no parent yet.
    var loose: [CID] { stack.flatMap { $0.links[..<$0.next].filter { $0.hash != .identity } } }

    /// Copies into `batch` until all is there, or `pause` says so between two blocks; whether all is there.
    /// Called again, perhaps with another batch, it goes on.
    mutating func run(
        _ root: CID, into batch: Batch, pause: (CopyReport) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool {
        // What is only looked at is relied upon, too.
        try batch.checkOpen()
        if stack.isEmpty { try enter(root, batch) }
        while !stack.isEmpty {
            let top = stack.count - 1
            if stack[top].next < stack[top].links.count {
                let link = stack[top].links[stack[top].next]
                // A node that has children to be copied comes back here when they are done.
                if try enter(link, batch) { stack[top].next += 1 }
            } else {
                let frame = stack.removeLast()
                try frame.bytes.withBytes { (bytes) throws(StoreError) in
                    try put(frame.cid, bytes, links: frame.links, batch)
                }
                done.insert(frame.cid)
            }
            if try pause(report) { return false }
        }
        return true
    }

    /// Begins with a block; true when nothing of it is left to do.
    @discardableResult
    private mutating func enter(_ cid: CID, _ batch: Batch) throws(StoreError) -> Bool {
        if cid.hash == .identity || done.contains(cid) { return true }
        report.visited += 1
        var missing = [true]
        try batch.claim([cid], &missing, inBases: countsBases, claiming: false)
        var known: UnsafeRawBufferPointer?
        if !missing[0] {
            guard cid.codec == .dagCBOR else { return true }
            // Damaged, as is known from now on: it comes anew.
            do { known = try batch.block(cid, scratch) } catch  where error.code == .corrupt {}
        }
        missing[0] = known == nil
        let block: UnsafeRawBufferPointer
        if let known {
            block = known
        } else {
            do { block = try source(cid, scratch) } catch  where error.code == .notFound && leavesMissing {
                return true
            }
        }
        guard cid.codec == .dagCBOR else {
            try put(cid, block, links: [], batch)
            return true
        }
        let links = try StoreCore.links(of: cid, in: block)
        stack.append(Frame(cid: cid, bytes: missing[0] ? [UInt8](block) : [], links: links))
        return false
    }

    /// Stores a block unless it is there.
    private mutating func put(
        _ cid: CID, _ bytes: UnsafeRawBufferPointer, links: [CID], _ batch: Batch
    ) throws(StoreError) {
        var missing = [true]
        try batch.claim([cid], &missing, inBases: countsBases, claiming: false)
        var bytes = bytes
        if !missing[0] {
            guard countsBases, try batch.isTorn(cid, links) else { return }
        }
        // A node that was there, and is not, or not to be relied upon, now that what is below it is.
        if bytes.isEmpty, cid.codec == .dagCBOR { bytes = try source(cid, scratch) }
        if try batch.put(cid, bytes, links: links, isTree: !leavesMissing, inBases: countsBases) {
            report.blocks += 1
            report.bytes += UInt64(bytes.count)
        }
    }
}

/// What a copy did.
public struct CopyReport: Equatable, Sendable {
    /// Blocks that were looked at.
    public var visited: UInt64 = 0
    /// Blocks that were missing, and are there now.
    public var blocks: UInt64 = 0
    /// Bytes of those blocks.
    public var bytes: UInt64 = 0

    public init() {}
}

extension ContentStore {
    /// Copies what a CID of another store reaches, as far as it is missing here, and names it: a root, or,
    /// where none is given, a hold of the owner. NOT_FOUND when the other store does not have all of it.
    ///
    /// What a copy that dies has copied is held by the owner `copy:CID`, and used by the next one, until any
    /// copy into the store is whole and no other one is under way. `progress` hears of the blocks looked at,
    /// and may throw to stop.
    @discardableResult
    public final func copy(
        _ cid: CID, from other: ContentStore, asRoot name: String? = nil,
        expecting expected: RootExpectation = .anything,
        progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> CopyReport {
        try copy([cid], from: other, progress: progress) { (batch) throws(StoreError) in
            if let name {
                try batch.setRoot(name, to: cid, expecting: expected)
            } else {
                try batch.hold(cid)
            }
        }
    }

    /// As `copy(_:from:)`, of what several CIDs reach, none of it twice; `naming` gives the batch that ends
    /// the copy the names of what was copied. What is there of one that dies is held by the first CID's
    /// `copy:CID`.
    @discardableResult
    public final func copy(
        _ cids: [CID], from other: ContentStore, progress: ((UInt64) throws(StoreError) -> Void)? = nil,
        naming: (Batch) throws(StoreError) -> Void
    ) throws(StoreError) -> CopyReport {
        let lease = try other.core.lease()
        defer { lease?.release() }
        let copying = try Copying(into: self, first: cids.first)
        defer { copying.end() }
        var copy = DagCopy(countsBases: true) { (cid, scratch) throws(StoreError) in
            try other.core.content(cid, scratch)
        }
        /// So many of them are there.
        var done = 0
        while true {
            let batch = try makeBatch()
            let before = copy.report.bytes
            let first = done
            var stopped: StoreError?
            do throws(StoreError) {
                var isPaused = false
                while done < cids.count, !isPaused {
                    isPaused = try !copy.run(cids[done], into: batch) { (report) throws(StoreError) in
                        do throws(StoreError) { if let progress { try progress(report.visited) } } catch {
                            stopped = error
                            return true
                        }
                        return report.bytes - before >= copyStep
                    }
                    if copy.isBetween { done += 1 }
                }
                let isWhole = done == cids.count && stopped == nil
                if isWhole {
                    try naming(batch)
                } else {
                    try copying.hold(cids[first..<done] + copy.loose, in: batch)
                }
                try batch.commit()
                if isWhole { break }
            } catch {
                batch.abort()
                throw stopped ?? error
            }
            if let stopped { throw stopped }
        }
        try copying.finish(copy.report)
        return copy.report
    }

    /// Puts back, from other stores, blocks of this one that are damaged, and such that are linked to and not
    /// here. `progress` hears of the blocks looked at, and may throw to stop.
    @discardableResult
    public final func heal(
        from donors: [ContentStore], progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> HealReport {
        try checkMendable()
        var report = HealReport()
        var looked: UInt64 = 0
        var lost = try core.damagedBlocks { (count) throws(StoreError) in
            looked = count
            if let progress { try progress(count) }
        }
        while true {
            var healed: UInt64 = 0
            var remaining: [CID] = []
            let batch = try Batch(self, isMending: true)
            let scratch = ReadScratch()
            do throws(StoreError) {
                for cid in lost {
                    guard let bytes = try Self.find(cid, in: donors, scratch) else {
                        remaining.append(cid)
                        continue
                    }
                    let links = cid.codec == .dagCBOR ? try StoreCore.links(of: cid, in: bytes) : []
                    if try batch.put(cid, bytes, links: links, isTree: false) { healed += 1 }
                    looked += 1
                    if let progress { try progress(looked) }
                }
                try batch.commit()
            } catch {
                batch.abort()
                throw error
            }
            report.healed += healed
            // What was put back may link to more.
            lost = remaining + (try core.absentBlocks().filter { !remaining.contains($0) })
            guard healed > 0 || report.rounds == 0, !lost.isEmpty else {
                // What a base has by now, and nothing here was lent.
                if !core.isReadOnly { try core.settle(.healing) }
                report.missing = UInt64(lost.count)
                return report
            }
            report.rounds += 1
        }
    }

    private static func find(_ cid: CID, in donors: [ContentStore], _ scratch: ReadScratch)
        throws(StoreError) -> UnsafeRawBufferPointer?
    {
        for donor in donors {
            do { return try donor.core.block(cid, scratch) } catch
                where [.notFound, .corrupt].contains(error.code)
            {}
        }
        return nil
    }
}

/// What healing did.
public struct HealReport: Equatable, Sendable {
    /// Blocks that are whole again.
    public var healed: UInt64 = 0
    /// Blocks that are damaged, or linked to and not here, and that no donor has.
    public var missing: UInt64 = 0
    var rounds = 0
}

extension StoreCore {
    /// As `block`, of any CID.
    func content(_ cid: CID, _ scratch: ReadScratch) throws(StoreError) -> UnsafeRawBufferPointer {
        guard cid.hash == .identity else { return try block(cid, scratch) }
        let room = scratch.block.mutablePrefix(Int(cid.digestLength))
        cid.withDigest { room.copyMemory(from: $0) }
        return UnsafeRawBufferPointer(room)
    }

    /// Reads all blocks; those that are damaged, which are then known to be. `progress` hears of the blocks
    /// read.
    fileprivate func damagedBlocks(_ progress: (UInt64) throws(StoreError) -> Void)
        throws(StoreError) -> [CID]
    {
        var damaged: [CID] = []
        var looked: UInt64 = 0
        var start: UInt64? = 0
        while let from = start {
            var cids: [CID] = []
            start = nil
            try read { (snapshot) throws(StoreError) in
                try withKey(from) { (key) throws(StoreError) in
                    try snapshot.scan(.blocks, from: key) { (key, value) throws(StoreError) in
                        guard cids.count < 1024 else {
                            start = try IndexSnapshot.place(key).rawValue
                            return false
                        }
                        if let block = try? IndexSnapshot.block(key, value) { cids.append(block.cid) }
                        return true
                    }
                }
            }
            let found = Lock<[CID]>([])
            let batch = cids
            Parallel.forEach(batch.count) { [self] (position) in
                do throws(StoreError) {
                    try withOwnBlock(batch[position]) { (_) throws(StoreError) in }
                } catch {
                    if error.code == .corrupt { found.withLock { $0.append(batch[position]) } }
                }
            }
            damaged += found.withLock { $0 }
            looked += UInt64(cids.count)
            try progress(looked)
        }
        return damaged
    }

    /// What is linked to, and neither here nor in a base.
    fileprivate func absentBlocks() throws(StoreError) -> [CID] {
        let absent = try read { (snapshot) throws(StoreError) in
            var absent: [CID] = []
            try snapshot.scanAbsent { (cid, _) throws(StoreError) in
                absent.append(cid)
                return true
            }
            return absent
        }
        var missing: [CID] = []
        for cid in absent where try !has(cid) { missing.append(cid) }
        return missing
    }
}
