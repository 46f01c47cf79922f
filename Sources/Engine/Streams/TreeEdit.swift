/// Builds the tree of a changed file out of the tree it had, at the cost of the change.
///
/// The result is the tree that storing the new bytes at once gives. Two facts make that true, and each step
/// of `run` is one of them:
///
/// 1. **Chunks.** Where a chunk ends depends on the bytes from its start to `lookaheadLength` bytes after its
///    end, and on their being there; on nothing before its start (`Chunker`). Bytes keep their offsets. So
///    when the new chunks so far end at x, and an old chunk begins at x, and nothing changed from x to
///    `lookaheadLength` bytes after that chunk's end, then it is the next new chunk as well. In every other
///    case the next chunk is cut from the new bytes at x. Nobody has to know where an edit "has
///    resynchronized": an old chunk start met at x, beyond the changes, is that.
/// 2. **Nodes.** Where a node ends depends on its children since its start alone (`NodeParameters`). So when
///    nothing is pending in the builder below level k, and an old node of level k begins at x, and all its
///    chunks are unchanged by 1, then building over its chunks would give this very node and leave nothing
///    pending again: it is appended as it is, unread. One thing is asked besides: that it was ended by its
///    content, not by the end of the file. The last node of a level may not have been, so it is never taken
///    whole; its children are.
///
/// All steps are on runs: equal neighbours among old items are one step; and where the bytes have a period
/// that divides the length of the chunk just cut, that chunk repeats as long as the chunker cannot look
/// beyond the stretch. So a hole costs its height, wherever the edit shifts it.
///
/// A tree of another profile, or one leaf, offers nothing to take: all of it is cut anew. What says it is of
/// this profile is believed, because telling would cost reading all of it; a tree made by hand to lie there
/// gives a readable tree of the right bytes, whose shape is its own.
struct TreeEdit {
    private let batch: Batch
    private let content: EditedContent
    private let chunker: any Chunker
    private let profile: LayoutProfile
    private let builder: any LayoutBuilder
    private let window: ChunkWindow
    /// The base's height, when its nodes may be taken.
    private let height: Int?
    /// New bytes before here are in the builder, in whole chunks.
    private var position: UInt64 = 0

    /// `isOwn`: the base is a tree of the store's profile.
    init(
        _ batch: Batch, _ content: EditedContent, isOwn: Bool, window: ChunkWindow
    ) throws(StoreError) {
        self.batch = batch
        self.content = content
        self.window = window
        profile = batch.core.configuration.profile
        chunker = profile.chunker.makeChunker()
        builder = profile.makeBuilder { (cid, node, children) throws(StoreError) in
            try batch.put(treeNode: node, cid, children: children)
        }
        guard isOwn, let base = content.base else {
            height = nil
            return
        }
        // The first place that will be read anyway.
        height = try base.height(foundAt: content.firstChange(from: 0) ?? 0)
    }

    /// Stores what is new; the root. `progress` hears of the bytes dealt with, every few MiB of new chunks,
    /// and may throw to stop.
    mutating func run(progress: ((UInt64) throws(StoreError) -> Void)?) throws(StoreError) -> CID {
        window.clear()
        var cutBytes = 0
        while position < content.size {
            if try takeOld() { continue }
            cutBytes += try cutNew()
            if cutBytes >= Self.progressLength {
                cutBytes = 0
                if let progress { try progress(position) }
            }
        }
        let (root, size) = try builder.finish()
        if size == 0 {
            try batch.put(root, UnsafeRawBufferPointer(start: nil, count: 0), links: [], isTree: false)
        }
        return root
    }

    private static let progressLength = 4 << 20

    /// Appends the highest unchanged items of the old tree that begin at the position; false when there are
    /// none.
    private mutating func takeOld() throws(StoreError) -> Bool {
        guard let height, height > 0, let base = content.base, position < content.baseEnd else {
            return false
        }
        // Items that end up to here are unchanged.
        var limit = base.size
        if let change = content.firstChange(from: position) {
            let lookahead = Defect.lookaheadIsForgotten.isPresent ? 0 : UInt64(chunker.lookaheadLength)
            guard change - position > lookahead else { return false }
            limit = change - lookahead
        }
        let highest = min(height - 1, builder.alignedLevel)
        for level in stride(from: highest, through: 0, by: -1) {
            let (run, offset) = try base.run(atDepth: height - level, around: position)
            guard (position - offset) % run.size == 0 else { continue }
            let end = offset + run.size * run.count
            // The last node of its level may be short. It is taken only where nothing follows it here either:
            // what is appended is a change, and the lookahead keeps away.
            let count = (min(end, limit) - position) / run.size
            guard count > 0 else { continue }
            if level == 0 {
                try builder.append(leaf: run.cid, size: run.size, count: count)
            } else {
                try builder.append(nodes: ChildRun(cid: run.cid, size: run.size, count: count), level: level)
            }
            position += run.size * count
            return true
        }
        return false
    }

    /// Cuts and stores the chunk at the position, and appends it as often as it is known to repeat; the
    /// length of one in bytes.
    private mutating func cutNew() throws(StoreError) -> Int {
        let most = Int(min(UInt64(chunker.maximumChunkLength), content.size - position))
        var tried = min(most, max(window.move(to: position), chunker.maximumChunkLength / 4, 1))
        var length = chunker.firstChunkLength(of: try window.fill(tried, from: content))
        while length == tried, tried < most {
            tried = min(most, tried * 2)
            length = chunker.firstChunkLength(of: try window.fill(tried, from: content))
        }
        let chunk = UnsafeRawBufferPointer(rebasing: try window.fill(tried, from: content)[..<length])
        let cid: CID
        do { cid = try CID(hashing: chunk, codec: .raw, hash: profile.hash) } catch {
            throw StoreError(error)
        }
        try batch.put(cid, chunk, links: [], isTree: false)
        let size = UInt64(length)
        var count: UInt64 = 1
        if let period = try content.period(at: position), size % period.length == 0 {
            // The chunk at x is the one at the position if all that the chunker may look at lies inside.
            let span = period.end - position
            let looked = UInt64(chunker.maximumChunkLength)
            if span >= looked { count += (span - looked) / size }
        }
        try builder.append(leaf: cid, size: size, count: count)
        position += size * count
        return length
    }
}

/// The bytes from the place where the next chunk begins on, as many as were asked for so far.
final class ChunkWindow {
    private let buffer: ByteBuffer
    private var start: UInt64 = 0
    private var length = 0

    init(_ profile: LayoutProfile) { buffer = ByteBuffer(capacity: profile.chunker.maximumChunkLength) }

    /// Forgets all bytes: the content is another.
    func clear() {
        start = 0
        length = 0
    }

    /// Begins at `offset` from now on; how many bytes of it are here already.
    func move(to offset: UInt64) -> Int {
        if offset >= start, offset - start < UInt64(length) {
            let passed = Int(offset - start)
            if passed > 0 {
                UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<(length - passed)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer.bytes[passed..<length]))
                length -= passed
            }
        } else {
            length = 0
        }
        start = offset
        return length
    }

    /// The first `count` bytes, at most as many as the content has from here on.
    func fill(_ count: Int, from content: EditedContent) throws(StoreError) -> UnsafeRawBufferPointer {
        if count > length {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[length..<count])
            length += try content.read(at: start + UInt64(length), into: room)
        }
        guard count <= length else { throw StoreError(.internal, "the content ended before its size") }
        return buffer.prefix(count)
    }
}
