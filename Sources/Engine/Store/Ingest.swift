/// The pipeline from a stream of bytes to records: this thread reads and cuts; workers hash, look up
/// and compress; this thread appends, in order, and builds the tree.
///
/// What always holds:
/// - Memory is bounded by the number of segments, whatever the input's size, and segments are reused.
/// - Leaves reach the tree and the packs in the order of the input, so the same input gives the same
///   root and neighbours stay neighbours.
/// - The first error stops the pipeline; its threads are joined before `run` returns.
struct Ingest {
    private let batch: Batch
    private let profile: LayoutProfile
    private let chunker: any Chunker

    /// Bytes of input in a segment, apart from what is carried over.
    private static let segmentLength = 4 << 20

    init(_ batch: Batch, _ profile: LayoutProfile) {
        self.batch = batch
        self.profile = profile
        chunker = profile.chunker.makeChunker()
    }

    /// Stores the input; its root.
    func run(_ source: any ByteSource, progress: ((UInt64) throws(StoreError) -> Void)?) throws(StoreError)
        -> CID
    {
        var source: any ByteSource = OnceEnding(source)
        let builder = profile.makeBuilder { (cid, node, children) throws(StoreError) in
            try batch.put(treeNode: node, cid, children: children)
        }
        let maximum = chunker.maximumChunkLength
        let first = IngestSegment(inputLength: Self.segmentLength + maximum)
        var carry = try first.fill(&source, carrying: UnsafeRawBufferPointer(start: nil, count: 0), chunker)
        if first.isLast {
            // Small enough for one thread.
            if let progress { try progress(first.newLength) }
            try first.process(batch, profile.hash, Compressor(batch.core.configuration.compression))
            try drain(first, builder)
        } else {
            let pipeline = IngestPipeline(batch, profile.hash)
            defer { pipeline.stop() }
            try pipeline.start()
            var total = first.newLength
            if let progress { try progress(total) }
            pipeline.submit(first)
            var isLast = false
            while !isLast {
                let segment = try pipeline.free(
                    orMake: { IngestSegment(inputLength: Self.segmentLength + maximum) },
                    drain: { (done) throws(StoreError) in try drain(done, builder) })
                carry = try segment.fill(&source, carrying: carry, chunker)
                isLast = segment.isLast
                total += segment.newLength
                if let progress { try progress(total) }
                pipeline.submit(segment)
            }
            while let done = pipeline.next() { try drain(done, builder) }
        }
        let (root, size) = try builder.finish()
        if size == 0 {
            try batch.put(root, UnsafeRawBufferPointer(start: nil, count: 0), links: [], isTree: false)
        }
        return root
    }

    private func drain(_ segment: IngestSegment, _ builder: any LayoutBuilder) throws(StoreError) {
        if let failure = segment.failure { throw failure }
        try batch.append(segment.records)
        for leaf in segment.leaves { try builder.append(leaf: leaf.cid, size: UInt64(leaf.length)) }
    }
}

/// A source that is not asked again once it has ended.
private struct OnceEnding: ByteSource {
    private var source: any ByteSource
    private var hasEnded = false

    init(_ source: any ByteSource) { self.source = source }

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        if hasEnded { return 0 }
        let count = try source.read(into: buffer)
        hasEnded = count == 0
        return count
    }
}

/// A piece of the input on its way through the pipeline. One thread has it at a time.
final class IngestSegment: @unchecked Sendable {
    private let input: ByteBuffer
    let records: RecordBuffer
    private(set) var leaves: [(cid: CID, length: Int)] = []
    private var ends: [Int] = []
    /// Bytes read into this segment, the carried ones not counted.
    private(set) var newLength: UInt64 = 0
    private(set) var isLast = false
    fileprivate(set) var failure: StoreError?

    /// So that the heads of records fit, however small the chunks.
    private static let maximumChunks = 16 << 10
    private static let roomPerHead =
        RecordHeader.recordLength(cidLength: CID.maximumBinaryLength, payload: 0) + 8

    init(inputLength: Int) {
        input = ByteBuffer(capacity: inputLength)
        records = RecordBuffer(capacity: inputLength + Self.maximumChunks * Self.roomPerHead)
    }

    /// Reads until the segment is full or the source ends, and cuts. What follows the last cut is for the
    /// next segment; it is valid until this one is filled again.
    func fill(_ source: inout any ByteSource, carrying carry: UnsafeRawBufferPointer, _ chunker: any Chunker)
        throws(StoreError) -> UnsafeRawBufferPointer
    {
        leaves.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        records.clear()
        failure = nil
        input.mutablePrefix(carry.count).copyMemory(from: carry)
        var length = carry.count
        isLast = false
        while length < input.bytes.count {
            let room = UnsafeMutableRawBufferPointer(rebasing: input.bytes[length...])
            let count = try source.read(into: room)
            if count == 0 {
                isLast = true
                break
            }
            length += count
        }
        newLength = UInt64(length - carry.count)
        var start = 0
        while start < length, isLast || length - start >= chunker.maximumChunkLength,
            ends.count < Self.maximumChunks
        {
            start += chunker.firstChunkLength(
                of: UnsafeRawBufferPointer(rebasing: input.bytes[start..<length]))
            ends.append(start)
        }
        // Many tiny chunks: the rest is cut in the next segment.
        if start < length { isLast = false }
        return UnsafeRawBufferPointer(rebasing: input.bytes[start..<length])
    }

    /// Hashes, looks up and compresses.
    func process(_ batch: Batch, _ hash: CID.HashFunction, _ compressor: Compressor) throws(StoreError) {
        var start = 0
        for end in ends {
            let chunk = UnsafeRawBufferPointer(rebasing: input.bytes[start..<end])
            do { leaves.append((try CID(hashing: chunk, codec: .raw, hash: hash), end - start)) } catch {
                throw StoreError(error)
            }
            start = end
        }
        var missing = [Bool](repeating: true, count: leaves.count)
        try batch.claim(leaves.map(\.cid), &missing)
        start = 0
        for (position, end) in ends.enumerated() {
            if missing[position] {
                let chunk = UnsafeRawBufferPointer(rebasing: input.bytes[start..<end])
                records.add(leaves[position].cid, chunk, links: [], isTree: false, compressor)
            }
            start = end
        }
    }
}

/// Segments in flight: filled in order, processed by any worker, drained in order.
final class IngestPipeline: @unchecked Sendable {
    private let batch: Batch
    private let hash: CID.HashFunction
    private let monitor = Monitor()
    private var workers: [WorkerThread] = []
    // Guarded by the monitor.
    private var waiting: [IngestSegment] = []
    private var inOrder: [(segment: IngestSegment, isDone: Bool)] = []
    private var isStopping = false
    // The filling thread's.
    private var idle: [IngestSegment] = []
    private var made = 1

    private let workerCount = WorkerThread.processorCount
    /// One being filled, two for each worker, and some slack for the order.
    private var limit: Int { 2 * workerCount + 3 }

    init(_ batch: Batch, _ hash: CID.HashFunction) {
        self.batch = batch
        self.hash = hash
    }

    func start() throws(StoreError) {
        for _ in 0..<workerCount {
            workers.append(try WorkerThread { [self] in work() })
        }
    }

    func stop() {
        monitor.locked {
            isStopping = true
            monitor.wakeAll()
        }
        for worker in workers { worker.join() }
        workers = []
    }

    func submit(_ segment: IngestSegment) {
        monitor.locked {
            waiting.append(segment)
            inOrder.append((segment, false))
            monitor.wakeAll()
        }
    }

    /// A segment to fill: drains what is done on the way, and waits only when all are in flight.
    func free(orMake make: () -> IngestSegment, drain: (IngestSegment) throws(StoreError) -> Void)
        throws(StoreError) -> IngestSegment
    {
        while let done = takeDone(waiting: false) {
            try drain(done)
            idle.append(done)
        }
        if let segment = idle.popLast() { return segment }
        if made < limit {
            made += 1
            return make()
        }
        guard let done = takeDone(waiting: true) else { return make() }
        try drain(done)
        return done
    }

    /// The next segment in order, waited for; nil when none is in flight.
    func next() -> IngestSegment? { takeDone(waiting: true) }

    private func takeDone(waiting mayWait: Bool) -> IngestSegment? {
        monitor.locked {
            while let head = inOrder.first {
                if head.isDone { return inOrder.removeFirst().segment }
                guard mayWait else { return nil }
                monitor.wait()
            }
            return nil
        }
    }

    private func work() {
        let compressor = Compressor(batch.core.configuration.compression)
        while true {
            let next = monitor.locked { () -> IngestSegment? in
                while waiting.isEmpty, !isStopping { monitor.wait() }
                return isStopping ? nil : waiting.removeFirst()
            }
            guard let segment = next else { return }
            do { try segment.process(batch, hash, compressor) } catch { segment.failure = error }
            monitor.locked {
                for position in inOrder.indices where inOrder[position].segment === segment {
                    inOrder[position].isDone = true
                }
                monitor.wakeAll()
            }
        }
    }
}
