import IpldEngine

/// A file that a workspace has open for writing: where its content goes.
final class OpenFile {
    /// Its name, which follows when it, or a directory above it, is renamed; another when that is removed.
    var path: [FileName]
    /// It was removed or replaced, and has no other name: what is written goes nowhere.
    var isDetached = false

    init(_ path: [FileName]) { self.path = path }
}

/// A file of a workspace that is open for change: written and cut anywhere, and read back.
///
/// What always holds: the tree has what was written only when `close` returns, and has it then under the
/// names that the file has by then; when all of them were removed meanwhile, nowhere. Content of up to
/// `FileContent.inlineLimit` bytes is in memory, more is in a `ByteWriter` of the workspace's batch. What
/// `progress` stops has changed nothing in the tree, and the file is open still.
public final class FileWriter {
    private let workspace: Workspace
    private let file: OpenFile
    private var content: Content
    private let progress: Hearing?
    private var isChanged = false
    private var isOver = false

    private enum Content {
        case small([UInt8])
        /// Stored in a batch, with which it ends.
        case large(ByteWriter, Batch)
    }

    /// Who hears how far a call is.
    private final class Hearing {
        private let handler: StepHandler
        /// Bytes that the call has dealt with.
        private var bytes: UInt64 = 0

        init?(_ handler: StepHandler?) {
            guard let handler else { return nil }
            self.handler = handler
        }

        func begin() { bytes = 0 }

        func hear(_ done: UInt64) throws(StoreError) {
            bytes = done
            try handler(done)
        }

        /// For what counts from 0 itself.
        var onward: StepHandler {
            { [handler, bytes] (steps) throws(StoreError) in try handler(bytes &+ steps) }
        }
    }

    init(
        _ workspace: Workspace, _ file: OpenFile, _ old: FileContent, progress: StepHandler? = nil
    ) throws(StoreError) {
        self.workspace = workspace
        self.file = file
        let hearing = Hearing(progress)
        self.progress = hearing
        switch old {
        case .inline(let bytes): content = .small(bytes)
        case .stored(let cid, let size):
            let batch = try workspace.source.changing()
            let writer = try batch.makeWriter(on: cid, progress: hearing?.hear)
            let found = try writer.size
            guard found == size else {
                throw StoreError(.corrupt, "\(cid) has \(found) bytes, its directory says \(size)")
            }
            content = .large(writer, batch)
        }
    }

    /// In bytes, with all that was written. INVALID when the writer has ended, as all else.
    public var size: UInt64 {
        get throws(StoreError) {
            try checkContent()
            switch content {
            case .small(let bytes): return UInt64(bytes.count)
            case .large(let writer, _): return try writer.size
            }
        }
    }

    /// Writes the bytes at `offset`, which may be beyond the end: what is between reads as zeros. TOO_LARGE
    /// beyond 2^63 - 1 bytes.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StoreError) {
        try checkContent()
        guard bytes.count > 0 else { return }
        progress?.begin()
        // Some of it may be written when it is stopped.
        isChanged = true
        let (end, overflowed) = offset.addingReportingOverflow(UInt64(bytes.count))
        if case .small(var small) = content, !overflowed, end <= UInt64(FileContent.inlineLimit) {
            content = .small([])
            if small.count < Int(end) {
                small.append(contentsOf: repeatElement(0, count: Int(end) - small.count))
            }
            small.replaceSubrange(Int(offset)..<Int(end), with: bytes)
            content = .small(small)
        } else {
            try large().write(bytes, at: offset)
        }
    }

    /// Writes the bytes at the end. When `progress` stops it, none of them is there.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        let end = try size
        do throws(StoreError) { try write(bytes, at: end) } catch {
            if let now = try? size, now > end { try? truncate(to: end) }
            throw error
        }
    }

    /// Makes the file `size` bytes long: cuts it, or lengthens it by zeros.
    public func truncate(to size: UInt64) throws(StoreError) {
        try checkContent()
        if case .small(var small) = content, size <= UInt64(FileContent.inlineLimit) {
            let length = Int(size)
            if length < small.count {
                small.removeSubrange(length...)
            } else {
                small.append(contentsOf: repeatElement(0, count: length - small.count))
            }
            content = .small(small)
        } else {
            try large().truncate(to: size)
        }
        isChanged = true
    }

    /// Fills `buffer` with the bytes from `offset` on, as they are now; how many, fewer than it holds only at
    /// the end. INVALID when `offset` is beyond the end.
    public func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(StoreError)
        -> Int
    {
        try checkContent()
        switch content {
        case .large(let writer, _): return try writer.read(at: offset, into: buffer)
        case .small(let bytes):
            return try FileReader(.inline(bytes), workspace.source).read(at: offset, into: buffer)
        }
    }

    /// Gives the tree what was written, and ends the writer. When it throws, neither has happened: it can be
    /// closed again, or given up with `abort`.
    public func close() throws(StoreError) {
        try checkOpen()
        if isChanged, !file.isDetached {
            progress?.begin()
            let stored = try store()
            try workspace.reporting(to: progress?.onward) { () throws(StoreError) in
                try workspace.setContent(FilePath(components: file.path), stored)
            }
        }
        abort()
    }

    /// Ends the writer and forgets what was written.
    public func abort() {
        isOver = true
        workspace.writers.removeAll { $0 === file }
        if case .large(let writer, _) = content { writer.abort() }
        content = .small([])
    }

    private func checkOpen() throws(StoreError) {
        guard !isOver else { throw StoreError(.invalid, "the file is closed") }
        try workspace.checkOpen()
    }

    /// As `checkOpen`, and that what was written is there. A tree is committed with files open only when they
    /// were removed; then content that is stored goes with the batch.
    private func checkContent() throws(StoreError) {
        try checkOpen()
        guard case .large(_, let batch) = content, batch !== workspace.source.batch else { return }
        throw StoreError(
            .invalid, "the file was removed, and then its tree was committed: its content is no longer there")
    }

    private func large() throws(StoreError) -> ByteWriter {
        switch content {
        case .large(let writer, _): return writer
        case .small(let bytes):
            let batch = try workspace.source.changing()
            let writer = try batch.makeWriter(progress: progress?.hear)
            try bytes.withBytes { (bytes) throws(StoreError) in try writer.append(bytes) }
            content = .large(writer, batch)
            return writer
        }
    }

    private func store() throws(StoreError) -> FileContent {
        switch content {
        case .small(let bytes): return .inline(bytes)
        case .large(let writer, _):
            let size = try writer.size
            guard size <= UInt64(FileContent.inlineLimit) else {
                return .stored(try writer.flush(), size: size)
            }
            var bytes = [UInt8](repeating: 0, count: Int(size))
            let count = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(StoreError) in
                try writer.read(at: 0, into: UnsafeMutableRawBufferPointer(buffer))
            }
            return .inline(Array(bytes.prefix(count)))
        }
    }
}

extension Workspace {
    /// Opens a file for change. `create`: it is made when it is not there, with this mode. `truncate`: what
    /// it has is dropped. `progress` hears, in calls on the file, of the bytes that are dealt with while much
    /// is stored, and of the blocks that are read for its names; it may throw to stop. NOT_FOUND and INVALID
    /// as the path is.
    public func openForWriting(
        _ path: FilePath, create mode: UInt16? = nil, truncate: Bool = false, progress: StepHandler? = nil
    ) throws(StoreError) -> FileWriter {
        try begin()
        if let mode, try resolve(path, follow: true).entry == nil {
            try createFile(try finalPath(path), mode: mode)
        }
        let (location, _, content) = try requireFile(path)
        guard !location.isForeign else { throw Self.foreign }
        let file = OpenFile(location.path)
        let writer = try FileWriter(self, file, truncate ? .empty : content, progress: progress)
        if truncate { try writer.truncate(to: 0) }
        writers.append(file)
        return writer
    }

    /// Where a path leads when the links at its end are followed, be something there or not.
    private func finalPath(_ path: FilePath) throws(StoreError) -> FilePath {
        let location = try resolve(path, follow: true)
        guard !location.isForeign else { throw Self.foreign }
        return FilePath(components: location.path)
    }

    /// Gives a file all of its bytes at once, and makes it when it is not there.
    public func write(_ path: FilePath, _ bytes: [UInt8], mode: UInt16 = 0o644) throws(StoreError) {
        try begin()
        let content = try bytes.withBytes { (bytes) throws(StoreError) in
            guard bytes.count > FileContent.inlineLimit else { return FileContent.inline([UInt8](bytes)) }
            return try source.changing().putFileContent(bytes)
        }
        try setContent(path, content, making: mode)
    }

    /// Gives a file the content that a CID names, which is a file that the store has or that is in the
    /// workspace's batch, and makes it, with this mode, when it is not there. Costs nothing whatever the
    /// size: up to `FileContent.inlineLimit` bytes are read. NOT_FOUND where the store has no such block, or
    /// is about to take it away; INVALID where it is something else than a file.
    public func putFile(_ path: FilePath, _ cid: CID, mode: UInt16 = 0o644) throws(StoreError) {
        try begin()
        let batch = try source.changing()
        guard try batch.mayRely(on: cid) else {
            throw StoreError(.notFound, "\(cid) is not in the store, or nothing keeps it any more")
        }
        guard case .file(let size) = try TreeNodes.open(cid, source) else {
            throw StoreError(.invalid, "\(cid) is no file")
        }
        try setContent(path, try batch.fileContent(cid, size: size), making: mode)
    }

    private func setContent(_ path: FilePath, _ content: FileContent, making mode: UInt16)
        throws(StoreError)
    {
        if try resolve(path, follow: true).entry == nil {
            try add(try finalPath(path), made(.file(content), mode))
        } else {
            try setContent(path, content)
        }
    }

    /// Gives a file another content, which is in the store or in the workspace's batch.
    public func setContent(_ path: FilePath, _ content: FileContent) throws(StoreError) {
        try begin()
        _ = try requireFile(path)
        let now = clock()
        try update(path, follow: true) { (entry) in
            if case .file(content) = entry.content { return }
            entry.content = .file(content)
            entry.modified = now
        }
    }

    /// Makes a file `size` bytes long: cuts it, or lengthens it by zeros.
    public func truncate(_ path: FilePath, to size: UInt64) throws(StoreError) {
        let writer = try openForWriting(path)
        do throws(StoreError) {
            try writer.truncate(to: size)
            try writer.close()
        } catch {
            writer.abort()
            throw error
        }
    }
}
