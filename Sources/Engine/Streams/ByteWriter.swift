/// A file that is open for change: written and cut anywhere, read back, and stored as a tree when asked.
///
/// What always holds:
/// - The base is never changed: the result is another tree, which shares with it what did not change. So
///   several writers on one base do not disturb each other.
/// - The result depends on the bytes alone: it is the root that `putBytes` of them gives, however they were
///   written, in whatever order and with whatever flushes between (`TreeEdit`).
/// - Memory is bounded: what is written is kept until it is `bufferedBytes` or `bufferedExtents`, and stored
///   then; nothing else grows with the file.
/// - Nothing is reachable, and nobody else sees it, before the commit.
///
/// For one thread at a time, the one that uses its batch. An error while it stores ends the batch, and so
/// the writer; `progress`, when it throws to stop, does not.
public final class ByteWriter {
    private let batch: Batch
    private let ownsBatch: Bool
    private let progress: ((UInt64) throws(StoreError) -> Void)?
    private let window: ChunkWindow
    /// The tree that changes are made to; nil where there was none.
    private var root: CID?
    private var content: EditedContent
    /// Whether that tree is one of the store's profile.
    private var isOwn: Bool
    private var isOver = false
    /// What `progress` heard of in this call.
    private var heard: UInt64 = 0

    /// Written bytes that are stored at once.
    public static let bufferedBytes = 16 << 20
    /// Separate pieces of written bytes that are stored at once.
    public static let bufferedExtents = 16 << 10

    init(
        _ batch: Batch, ownsBatch: Bool, on root: CID?, progress: ((UInt64) throws(StoreError) -> Void)?
    ) throws(StoreError) {
        self.batch = batch
        self.ownsBatch = ownsBatch
        self.progress = progress
        self.root = root
        // The lease comes before anything that is looked up.
        try batch.checkOpen()
        let profile = batch.core.configuration.profile
        window = ChunkWindow(profile)
        isOwn = try Self.isTree(root, of: profile, in: batch)
        content = EditedContent(base: try Self.base(root, in: batch))
    }

    /// The file's size in bytes, with all that was written. INVALID when the writer has ended, as all else.
    public var size: UInt64 {
        get throws(StoreError) {
            try checkOpen()
            return content.size
        }
    }

    /// Writes the bytes at `offset`, which may be beyond the end: what is between reads as zeros, and costs
    /// nothing. Nothing to write changes nothing. TOO_LARGE beyond 2^63 - 1 bytes. When `progress` stops it,
    /// the first part of the bytes may be written, or all of them.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
        try checkOpen()
        let (end, overflowed) = offset.addingReportingOverflow(UInt64(bytes.count))
        guard !overflowed, end <= TreeNode.maximumSize else { throw Self.tooLarge }
        heard = 0
        var done = 0
        while done < bytes.count {
            // Where what was to be stored before was stopped.
            if isFull { try store() }
            let length = min(bytes.count - done, DirtyExtents.longestExtent)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<(done + length)])
            content.write(piece, at: offset + UInt64(done))
            done += length
            if isFull { try store() }
        }
    }

    private var isFull: Bool {
        content.written.byteCount >= Self.bufferedBytes
            || content.written.extents.count >= Self.bufferedExtents
    }

    /// Writes the bytes at the end. When `progress` stops it, none of them is there: what is appended again
    /// is there once.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        let end = content.size
        do throws(StoreError) { try write(bytes, at: end) } catch {
            if content.size > end { content.truncate(to: end) }
            throw error
        }
    }

    /// Makes the file `size` bytes long: cuts it, or lengthens it by zeros, which cost nothing. TOO_LARGE
    /// beyond 2^63 - 1 bytes.
    public func truncate(to size: UInt64) throws(StoreError) {
        try checkOpen()
        guard size <= TreeNode.maximumSize else { throw Self.tooLarge }
        content.truncate(to: size)
    }

    /// Fills `buffer` with the bytes from `offset` on, as they are now; how many, fewer than it holds only at
    /// the end. INVALID when `offset` is beyond the end.
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(StoreError) -> Int
    {
        try checkOpen()
        guard offset <= content.size else {
            throw StoreError(.invalid, "offset \(offset) is beyond the end, \(content.size)")
        }
        return try content.read(at: offset, into: buffer)
    }

    /// Stores what was written so far in the batch; the root of the file as it is now. Nothing is durable,
    /// nor kept, before the commit. A file that was opened and not changed keeps the root it had.
    @discardableResult
    public func flush() throws(StoreError) -> CID {
        try checkOpen()
        if let root, !content.isChanged { return root }
        heard = 0
        return try store()
    }

    /// The root of the file as it is now, and the end of the writer. With a batch of its own, the root is
    /// durable when this returns, and held by the store handle's owner. In another's batch, it is for that to
    /// name and commit.
    public func commit() throws(StoreError) -> CID {
        let root = try flush()
        isOver = true
        guard ownsBatch else { return root }
        try batch.hold(root)
        try batch.commit()
        return root
    }

    /// Ends the writer and forgets what was written. What a batch of its own had stored is dead and goes with
    /// the next collection.
    public func abort() {
        isOver = true
        content = EditedContent(base: nil)
        if ownsBatch { batch.abort() }
    }

    private func checkOpen() throws(StoreError) {
        guard !isOver else { throw StoreError(.invalid, "the writer has ended") }
        try batch.checkOpen()
    }

    /// Makes the tree of the bytes as they are now the one that changes are made to. What `progress` stops
    /// has changed nothing: chunks and nodes of it that the batch has are whole, and nothing names them.
    @discardableResult
    private func store() throws(StoreError) -> CID {
        var answer: StoreError?
        let stored = try batch.step { () throws(StoreError) -> CID? in
            var edit = try TreeEdit(batch, content, isOwn: isOwn, window: window)
            let new: CID
            do throws(StoreError) {
                new = try edit.run { [self] (done) throws(StoreError) in
                    // A call that writes much stores several times, each time from the file's start on.
                    heard = max(heard, done)
                    do throws(StoreError) { try progress?(heard) } catch {
                        answer = error
                        throw error
                    }
                }
            } catch {
                guard answer != nil else { throw error }
                return nil
            }
            root = new
            isOwn = new.codec == .dagCBOR
            content = EditedContent(base: try Self.base(new, in: batch))
            return new
        }
        if let answer { throw answer }
        guard let stored else { throw StoreError(.internal, "nothing was stored") }
        return stored
    }

    private static func base(_ root: CID?, in batch: Batch) throws(StoreError) -> LeafReader<Batch>? {
        guard let root else { return nil }
        return try LeafReader(root: root, size: try batch.size(of: root), source: batch)
    }

    /// Whether a root says it is a tree of the profile. INVALID when it is a node that is no tree.
    private static func isTree(_ root: CID?, of profile: LayoutProfile, in batch: Batch)
        throws(StoreError) -> Bool
    {
        guard let root, root.codec == .dagCBOR else { return false }
        let node = try batch.withBlock(root) { (block) throws(StoreError) in try TreeNode.decode(block) }
        guard let node else { throw TreeNode.notAFile(root) }
        return node.profile == profile.identifier && root.hash == profile.hash
    }

    private static var tooLarge: StoreError { StoreError(.tooLarge, "a file has at most 2^63 - 1 bytes") }
}

extension Batch {
    /// Opens a file for change within this batch: the file under `root`, or an empty one. A tree of another
    /// profile is rebuilt by its first change; `progress` hears of the bytes stored so far while much is
    /// stored, and may throw to stop. NOT_FOUND when the root is not here, INVALID when it is no file.
    public func makeWriter(
        on root: CID? = nil, progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> ByteWriter {
        try ByteWriter(self, ownsBatch: false, on: root, progress: progress)
    }
}

extension ContentStore {
    /// As `Batch.makeWriter`, with a batch of its own, which the writer's `commit` commits.
    public func makeWriter(
        on root: CID? = nil, progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> ByteWriter {
        try ByteWriter(try makeBatch(), ownsBatch: true, on: root, progress: progress)
    }
}
