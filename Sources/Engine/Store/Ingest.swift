/// The pipeline from a stream of bytes to records: this thread reads and cuts; workers hash, look up
/// and compress; this thread appends, in order, and builds the tree.
///
/// What always holds:
/// - Memory is bounded by the number of segments, whatever the input's size, and segments are reused.
/// - Leaves reach the tree and the packs in the order of the input, so the same input gives the same
///   root and neighbours stay neighbours.
/// - The first error stops the pipeline; its threads are joined before `run` returns.
/// - A hole that the source tells of is not read: a segment ends in it, and the chunk of zeros that repeats
///   from there is one leaf, so that a hole costs two such chunks and its height.
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
        for leaf in segment.leaves {
            try builder.append(leaf: leaf.cid, size: UInt64(leaf.length), count: segment.repeats)
        }
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

    mutating func hole() throws(StoreError) -> UInt64 { hasEnded ? 0 : try source.hole() }
    mutating func skip(_ count: UInt64) throws(StoreError) { try source.skip(count) }
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
