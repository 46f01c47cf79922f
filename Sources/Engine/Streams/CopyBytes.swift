/// Reading a whole file, or a range of it, in order: leaves are read, unpacked and checked by workers,
/// and handed to the caller's sink on the caller's thread.
///
/// What always holds: the sink sees checked bytes only, in order, each once; memory is bounded by the
/// number of windows; the first error stops everything, and threads are joined before it is thrown.
extension ContentStore {
    /// Bytes of the file under `cid` from `offset` on into `buffer`; how many, fewer than it holds only at
    /// the end. INVALID when the offset is beyond the end.
    public func read(_ cid: CID, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(StoreError) -> Int
    {
        var reader = try TreeReader(root: cid, size: try size(of: cid), source: self)
        return try reader.read(at: offset, into: buffer)
    }

    /// Hands the bytes from `offset` on (all, or `length`) to `sink`, in order, in pieces of any size.
    /// `progress` hears of the bytes handed over so far and may throw to stop. INVALID when the offset is
    /// beyond the end.
    public func copyBytes(
        of cid: CID, from offset: UInt64 = 0, length: UInt64? = nil,
        progress: ((UInt64) throws(StoreError) -> Void)? = nil,
        to sink: (UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) {
        try copyBytes(of: cid, from: offset, length: length, progress: progress, hole: nil, to: sink)
    }

    /// As above; of a long run of zeros, `hole` hears how many there are, in the place of `sink`.
    public func copyBytes(
        of cid: CID, from offset: UInt64 = 0, length: UInt64? = nil,
        progress: ((UInt64) throws(StoreError) -> Void)? = nil,
        hole: ((UInt64) throws(StoreError) -> Void)?,
        to sink: (UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) {
        let size = try size(of: cid)
        guard offset <= size else {
            throw StoreError(.invalid, "offset \(offset) is beyond the end, \(size)")
        }
        let end = offset + min(length ?? .max, size - offset)
        var cursor = try TreeCursor(root: cid, size: size, source: self)
        try cursor.seek(to: offset)
        let lease = try core.lease()
        defer { lease?.release() }
        var done: UInt64 = 0
        let pipeline = CopyPipeline(core)
        defer { pipeline.stop() }
        if end - offset > CopyWindow.targetLength { try pipeline.start() }
        var isAtEnd = false
        while true {
            while !isAtEnd, let window = pipeline.idle() {
                isAtEnd = try !window.gather(&cursor, from: offset, to: end)
                pipeline.submit(window)
            }
            guard let window = pipeline.next() else { return }
            if let failure = window.failure { throw failure }
            if let hole, let length = window.zeros {
                try hole(length)
                done += length
            } else {
                for pass in 0..<window.repeats {
                    for piece in window.pieces {
                        try sink(piece)
                        done += UInt64(piece.count)
                    }
                    if pass % 16 == 15, let progress { try progress(done) }
                }
            }
            if let progress { try progress(done) }
            pipeline.recycle(window)
        }
    }
}

/// Some leaves that follow each other, read at once.
final class CopyWindow: @unchecked Sendable {
    static let targetLength: UInt64 = 2 << 20

    private struct Leaf {
        let cid: CID
        let size: UInt64
        /// Bytes of the leaf that are wanted, and how often the leaf is repeated.
        let range: Range<Int>
        let count: Int
    }

    private let buffer = ByteBuffer(capacity: Int(targetLength) + Block.maximumLength)
    private var leaves: [Leaf] = []
    private(set) var pieces: [UnsafeRawBufferPointer] = []
    /// How often the pieces are wanted: more than once only where the window is one leaf of a long run.
    private(set) var repeats: UInt64 = 1
    fileprivate(set) var failure: StoreError?
    fileprivate var isDone = false

    /// Takes leaves from the cursor until the window is full; false when the range has ended.
    func gather(_ cursor: inout TreeCursor<ContentStore>, from start: UInt64, to end: UInt64)
        throws(StoreError)
        -> Bool
    {
        leaves.removeAll(keepingCapacity: true)
        pieces.removeAll(keepingCapacity: true)
        failure = nil
        isDone = false
        repeats = 1
        if try gatherRun(&cursor, to: end) { return cursor.position < end }
        var length: UInt64 = 0
        while length < Self.targetLength {
            // A long run of equal leaves is taken a window at a time.
            let limit = min(end, cursor.position + max(1, Self.targetLength - length))
            guard let run = try cursor.next(before: limit) else { return cursor.position < end }
            var position = max(run.offset, start)
            while position < min(run.end, end) {
                let leafStart = run.offset + (position - run.offset) / run.size * run.size
                let from = position - leafStart
                let to = min(run.size, end - leafStart)
                let isWhole = from == 0 && to == run.size
                let count = isWhole ? min((run.end - leafStart) / run.size, (end - leafStart) / run.size) : 1
                leaves.append(
                    Leaf(cid: run.cid, size: run.size, range: Int(from)..<Int(to), count: Int(count)))
                position = leafStart + run.size * count
                length += (to - from) * count
            }
        }
        return cursor.position < end
    }

    /// Takes one leaf, as often as it follows itself from the cursor's place on, if that is long.
    private func gatherRun(_ cursor: inout TreeCursor<ContentStore>, to end: UInt64) throws(StoreError)
        -> Bool
    {
        let place = cursor.position
        guard let run = try cursor.next(before: end) else { return false }
        let count = (min(run.end, end) - run.offset) / run.size
        guard run.offset == place, count > 1, count * run.size >= Self.longRun else {
            try cursor.seek(to: place)
            return false
        }
        leaves.append(Leaf(cid: run.cid, size: run.size, range: 0..<Int(run.size), count: 1))
        repeats = count
        try cursor.seek(to: place + count * run.size)
        return true
    }

    private static let longRun = 4 * targetLength

    /// The window's length in bytes, if it is a long run of zeros.
    var zeros: UInt64? {
        guard repeats > 1, let piece = pieces.first, piece.first == 0 else { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: piece.dropFirst())
        return piece.compareBytes(rest, count: rest.count) == 0 ? repeats * UInt64(piece.count) : nil
    }

    /// Reads, unpacks and checks the leaves. Equal ones are read once and handed out as often.
    func fill(_ core: StoreCore, _ scratch: ReadScratch) {
        var used = 0
        // What is wanted of the leaves fits, bounded by the target: what a run repeats shares its bytes. What
        // the buffer has beyond that lets a leaf lie where it was read to, with its record's head before it.
        var spare = buffer.bytes.count - leaves.reduce(0) { $0 + $1.range.count }
        do throws(StoreError) {
            for leaf in leaves {
                let room = UnsafeMutableRawBufferPointer(
                    rebasing: buffer.bytes[used..<(used + leaf.range.count + spare)])
                let (piece, taken) = try Self.fill(leaf, room, core, scratch)
                for _ in 0..<leaf.count { pieces.append(piece) }
                used += taken
                spare -= taken - leaf.range.count
            }
        } catch {
            failure = error
        }
    }

    /// Gets what is wanted of a leaf into `room`; where it lies, and how much of the room it needs.
    private static func fill(
        _ leaf: Leaf, _ room: UnsafeMutableRawBufferPointer, _ core: StoreCore, _ scratch: ReadScratch
    ) throws(StoreError) -> (UnsafeRawBufferPointer, taken: Int) {
        func wanted(_ block: UnsafeRawBufferPointer) throws(StoreError) -> UnsafeRawBufferPointer {
            guard UInt64(block.count) == leaf.size else {
                throw StoreError(
                    .corrupt, "the leaf \(leaf.cid) has \(block.count) bytes, its parent says \(leaf.size)")
            }
            return UnsafeRawBufferPointer(rebasing: block[leaf.range])
        }
        func copied(_ bytes: UnsafeRawBufferPointer) -> (UnsafeRawBufferPointer, taken: Int) {
            room.copyMemory(from: bytes)
            return (UnsafeRawBufferPointer(rebasing: room[..<bytes.count]), bytes.count)
        }
        if leaf.cid.hash == .identity {
            return try leaf.cid.withDigest { (bytes) throws(StoreError) in copied(try wanted(bytes)) }
        }
        let block = try core.block(leaf.cid, scratch, room: room)
        let piece = try wanted(block)
        guard let start = room.baseAddress, let found = block.baseAddress,
            found >= UnsafeRawPointer(start), found < UnsafeRawPointer(start + room.count)
        else { return copied(piece) }
        return (piece, found - UnsafeRawPointer(start) + block.count)
    }
}

/// Windows in flight. Without threads (small reads) the caller's thread fills them.
final class CopyPipeline: @unchecked Sendable {
    private let core: StoreCore
    private let monitor = Monitor()
    private var workers: [WorkerThread] = []
    // Guarded by the monitor.
    private var waiting: [CopyWindow] = []
    private var isStopping = false
    // The caller's.
    private var inOrder: [CopyWindow] = []
    private var free: [CopyWindow] = []
    private var made = 0

    init(_ core: StoreCore) { self.core = core }

    func start() throws(StoreError) {
        for _ in 0..<WorkerThread.processorCount { workers.append(try WorkerThread { [self] in work() }) }
    }

    func stop() {
        monitor.locked {
            isStopping = true
            monitor.wakeAll()
        }
        for worker in workers { worker.join() }
        workers = []
    }

    /// A window to gather into; nil when enough are in flight.
    func idle() -> CopyWindow? {
        if let window = free.popLast() { return window }
        guard made < (workers.isEmpty ? 1 : 2 * workers.count + 2) else { return nil }
        made += 1
        return CopyWindow()
    }

    func recycle(_ window: CopyWindow) { free.append(window) }

    func submit(_ window: CopyWindow) {
        inOrder.append(window)
        guard !workers.isEmpty else {
            let scratch = ReadScratch()
            window.fill(core, scratch)
            window.isDone = true
            return
        }
        monitor.locked {
            waiting.append(window)
            monitor.wakeAll()
        }
    }

    /// The next window in order, filled; nil when none is in flight.
    func next() -> CopyWindow? {
        guard !inOrder.isEmpty else { return nil }
        let window = inOrder.removeFirst()
        monitor.locked { while !window.isDone { monitor.wait() } }
        return window
    }

    private func work() {
        let scratch = ReadScratch()
        while true {
            let next = monitor.locked { () -> CopyWindow? in
                while waiting.isEmpty, !isStopping { monitor.wait() }
                return isStopping ? nil : waiting.removeFirst()
            }
            guard let window = next else { return }
            window.fill(core, scratch)
            monitor.locked {
                window.isDone = true
                monitor.wakeAll()
            }
        }
    }
}
