/// Trees that are open, and the sequences that they and their history give.
import CIpldStore
import IpldEngine
import MonoFS
import Synchronization

/// A tree that is open, and whether a call is using it, a file or an iterator of it.
final class FileSystemObject: @unchecked Sendable {
    private let workspace: Workspace
    private let use = Use()
    /// Files that were closed while another call used the tree: a tree with a file open for writing cannot be
    /// committed, so the next call gives them up before anything else.
    private let closed = Mutex<[ClosedWriter]>([])

    private struct ClosedWriter: @unchecked Sendable {
        let writer: FileWriter
    }

    init(_ workspace: Workspace) { self.workspace = workspace }

    /// Runs `body` on the tree, which nobody else uses meanwhile.
    func exclusively<T>(_ body: (Workspace) throws(StoreError) -> T) throws(StoreError) -> T {
        try use.exclusively("file system") { () throws(StoreError) in
            for file in takeClosed() { file.writer.abort() }
            return try body(workspace)
        }
    }

    /// Forgets what was written to a file: now, or once the call that is under way is over.
    func giveUp(_ writer: FileWriter) {
        let file = ClosedWriter(writer: writer)
        closed.withLock { $0.append(file) }
        try? exclusively { (_) in }
    }

    private func takeClosed() -> [ClosedWriter] {
        closed.withLock { (files) in
            defer { files = [] }
            return files
        }
    }
}

/// A file that is open.
final class FileObject: @unchecked Sendable {
    enum Access {
        case reader(FileReader)
        case writer(FileWriter)
    }

    private let access: Access
    private let owner: FileSystemObject
    /// Where the progress callback that it was opened with leaves its answer.
    private let outcome: CallbackOutcome

    init(_ access: Access, of owner: FileSystemObject, _ outcome: CallbackOutcome) {
        self.access = access
        self.owner = owner
        self.outcome = outcome
    }

    /// A file ends with its tree.
    func exclusively<T>(_ body: (Access) throws(StoreError) -> T) throws(StoreError) -> T {
        try owner.exclusively { (workspace) throws(StoreError) in
            try workspace.checkOpen()
            return try body(access)
        }
    }

    /// Gives back what the file has open.
    func close() {
        if case .writer(let writer) = access { owner.giveUp(writer) }
    }

    /// Runs `body` on what is written to. `answer` takes what the progress callback said.
    func writer<T>(_ answer: CallbackOutcome, _ body: (FileWriter) throws(StoreError) -> T)
        throws(StoreError) -> T
    {
        try exclusively { (access) throws(StoreError) in
            guard case .writer(let writer) = access else {
                throw StoreError(.invalid, "the file is open for reading only")
            }
            defer { answer.take(outcome) }
            return try body(writer)
        }
    }
}

/// Runs `body` on the tree behind a handle, which nobody else uses meanwhile.
func withFileSystem<T>(_ handle: OpaquePointer?, _ body: (Workspace) throws(StoreError) -> T)
    throws(StoreError) -> T
{
    try fileSystemObject(handle).exclusively(body)
}

func fileSystemObject(_ handle: OpaquePointer?) throws(StoreError) -> FileSystemObject {
    guard case .fileSystem(let object) = try HandleTable.ofThisProcess().object(handle, "file system") else {
        throw HandleTable.unknown("file system")
    }
    return object
}

func fileObject(_ handle: OpaquePointer?) throws(StoreError) -> FileObject {
    guard case .file(let object) = try HandleTable.ofThisProcess().object(handle, "file") else {
        throw HandleTable.unknown("file")
    }
    return object
}

/// A sequence of which an element that did not fit the caller's buffers stays the next one.
final class Peeking<Element> {
    private var waiting: Element?
    private let source: (StepHandler?) throws(StoreError) -> Element?
    /// Throws once that has ended which the sequence is of, whatever was read ahead.
    private var check: () throws(StoreError) -> Void = { () throws(StoreError) in }

    init(_ source: @escaping () throws(StoreError) -> Element?) {
        self.source = { (_) throws(StoreError) in try source() }
    }

    /// Of a tree that is open.
    init(of tree: FileSystemObject, _ source: @escaping (Workspace) throws(StoreError) -> Element?) {
        self.source = { (_) throws(StoreError) in try tree.exclusively(source) }
        check = { () throws(StoreError) in
            try tree.exclusively { (workspace) throws(StoreError) in try workspace.checkOpen() }
        }
    }

    /// Of a source that may take long to find the next one, and can be stopped and gone on with.
    init(stoppable source: @escaping (StepHandler?) throws(StoreError) -> Element?) { self.source = source }

    /// Hands the next element to `take`, and drops it when that returns; false at the end.
    func next(progress: StepHandler? = nil, _ take: (Element) throws(StoreError) -> Void) throws(StoreError)
        -> Bool
    {
        try check()
        if waiting == nil { waiting = try source(progress) }
        guard let element = waiting else { return false }
        try take(element)
        waiting = nil
        return true
    }
}

typealias EntrySequence = Peeking<(name: [UInt8], entry: Entry)>
typealias VersionSequence = Peeking<(cid: CID, version: Version)>
typealias DifferenceSequence = Peeking<TreeChange>
typealias ConflictSequence = Peeking<MergeConflict>

// MARK: - Values

/// A path of the caller's.
func treePath(_ bytes: ips_bytes) throws(StoreError) -> FilePath {
    try FilePath([UInt8](try input(bytes)))
}

/// The caller's places for a path and another one that need not be there, or be wanted.
struct PathPair {
    private let room: UnsafeMutableRawBufferPointer
    private let length: UnsafeMutablePointer<Int>
    private let otherRoom: UnsafeMutableRawBufferPointer
    private let otherLength: UnsafeMutablePointer<Int>?

    init(
        _ path: UnsafeMutableRawPointer?, _ capacity: Int, _ length: UnsafeMutablePointer<Int>?,
        _ other: UnsafeMutableRawPointer?, _ otherCapacity: Int, _ otherLength: UnsafeMutablePointer<Int>?
    ) throws(StoreError) {
        room = try CAPI.room(path, capacity)
        self.length = try output(length, "length")
        otherRoom = try CAPI.room(other, otherCapacity)
        self.otherLength = try optionalOutput(otherLength, "the other path's length")
    }

    /// Both lengths are reported before either is found not to fit.
    func deliver(_ path: FilePath, _ other: FilePath?) throws(StoreError) {
        let otherBytes = other?.bytes ?? []
        length.pointee = path.bytes.count
        otherLength?.pointee = otherBytes.count
        if otherLength != nil, otherRoom.count < otherBytes.count {
            throw StoreError(.bufferTooSmall, "the other path has \(otherBytes.count) bytes")
        }
        try CAPI.deliver(path.bytes, to: room, length)
        if otherLength != nil { try CAPI.deliver(otherBytes, to: otherRoom, otherLength) }
    }
}

/// Text of any length that a version or attribute may have; empty for NULL.
func optionalText(_ pointer: UnsafePointer<CChar>?, _ what: String) throws(StoreError) -> String {
    guard let pointer else { return "" }
    return try text(pointer, what, limit: Version.maximumText)
}

func syncType(_ number: Int32) throws(StoreError) -> SyncType {
    switch Int(number) {
    case Int(IPS_FS_SYNC_DEFAULT): return .default
    case Int(IPS_FS_SYNC_RAFT): return .raft
    case Int(IPS_FS_SYNC_MERKLE_CRDT): return .merkleCRDT
    default: throw StoreError(.unsupported, "there is no sync type \(number)")
    }
}

func fileMode(_ mode: UInt32) throws(StoreError) -> UInt16 {
    guard mode <= 0o7777 else { throw StoreError(.invalid, "a mode is 0 to 07777") }
    return UInt16(mode)
}

extension ips_fs_entry {
    /// Kind 0 for nothing.
    init(_ entry: Entry?) {
        self = entry.map { (entry: Entry) in ips_fs_entry(entry) } ?? ips_fs_entry()
    }

    init(_ entry: Entry) {
        self.init()
        struct_size = UInt32(MemoryLayout<ips_fs_entry>.size)
        kind = Self.kind(entry.kind)
        mode = UInt32(entry.mode)
        (uid, gid) = (entry.owner, entry.group)
        switch entry.sync {
        case .default: sync = Int32(IPS_FS_SYNC_DEFAULT)
        case .raft: sync = Int32(IPS_FS_SYNC_RAFT)
        case .merkleCRDT: sync = Int32(IPS_FS_SYNC_MERKLE_CRDT)
        }
        size = entry.size
        mtime_seconds = entry.modified.seconds
        mtime_nanoseconds = entry.modified.nanoseconds
        hard_link = entry.hardLink?.number ?? 0
        switch entry.content {
        case .characterDevice(let number), .blockDevice(let number):
            (device_major, device_minor) = (number.major, number.minor)
        case .file(.stored(let cid, _)), .cidLink(let cid): set(cid)
        case .directory(let directory):
            (entries, tombstones) = (directory.totals.entries, directory.totals.tombstones)
            if let map = directory.map { set(map) }
        case .tombstone(let tombstone): if let content = tombstone.content { set(content) }
        default: break
        }
    }

    private mutating func set(_ cid: CID) {
        (has_cid, self.cid) = (1, ips_cid(cid))
    }

    private static func kind(_ kind: Entry.Kind) -> Int32 {
        switch kind {
        case .file: Int32(IPS_FS_FILE)
        case .directory: Int32(IPS_FS_DIRECTORY)
        case .symlink: Int32(IPS_FS_SYMLINK)
        case .cidLink: Int32(IPS_FS_CID_LINK)
        case .fifo: Int32(IPS_FS_FIFO)
        case .socket: Int32(IPS_FS_SOCKET)
        case .characterDevice: Int32(IPS_FS_CHARACTER_DEVICE)
        case .blockDevice: Int32(IPS_FS_BLOCK_DEVICE)
        case .tombstone: Int32(IPS_FS_TOMBSTONE)
        }
    }
}

extension ips_fs_version {
    init(_ version: Version) {
        self.init()
        previous_count = UInt32(version.previous.count)
        if let first = version.previous.first { previous = ips_cid(first) }
        tree = ips_cid(version.tree)
        time_seconds = version.time.seconds
        time_nanoseconds = version.time.nanoseconds
        generation = version.generation
        withUnsafeMutableBytes(of: &author) { writeText(version.author, to: $0) }
        withUnsafeMutableBytes(of: &message) { writeText(version.message, to: $0) }
    }
}
