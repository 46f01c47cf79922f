import Glibc
import IpldEngine

/// A file that is to be written, and what came of it.
struct ExportFile {
    let directory: HostDirectory
    let name: FileName
    let entry: Entry
    /// Of the directory.
    let path: FilePath
    /// Why it is an empty file that stands for something else.
    var standIn: HostError?
    var refusals = Refusals()
    /// Why it is not there.
    var unmade: HostError?
    /// What the store has lost of it, which is why it is not there.
    var loss: StoreError?

    var content: FileContent {
        if case .file(let content) = entry.content { return content }
        return .empty
    }
}

/// Writes files: content, then metadata. For one thread.
final class ExportWriter {
    private let store: ContentStore
    private let metadata: ExportMetadata
    private let stores: HostStores
    /// Where trees are merged.
    private let stages: ExportStages?
    private let keepsGoing: Bool
    private var buffer: [UInt8] = []

    private static let bufferLength = 1 << 20

    init(
        _ store: ContentStore, _ metadata: ExportMetadata, _ stores: HostStores, _ stages: ExportStages?,
        keepsGoing: Bool
    ) {
        (self.store, self.metadata, self.stores, self.stages) = (store, metadata, stores, stages)
        self.keepsGoing = keepsGoing
    }

    /// Throws what is wrong with the store; what is wrong with the host, and where it keeps going what the
    /// store has lost, stands in the file.
    func write(_ file: inout ExportFile, progress: ((UInt64) throws(StoreError) -> Void)? = nil)
        throws(StoreError)
    {
        var storeError: StoreError?
        var refusals = Refusals()
        let (entry, content, standIn) = (file.entry, file.content, file.standIn)
        do throws(HostError) {
            try make(file.directory, file.name.bytes) { [self] (directory, name) throws(HostError) in
                let open = HostFile(
                    try Host.open(directory.descriptor, name, [.write, .create], mode: 0o600))
                do throws(HostError) {
                    let sink = FileSink(open.descriptor)
                    do throws(StoreError) {
                        try copy(content, to: sink, progress)
                        sink.finish(content.size)
                    } catch { storeError = error }
                    // What the host refuses ends the copy too; it is the reason, and not what ended.
                    if let failure = sink.failure {
                        storeError = nil
                        throw failure
                    }
                    if storeError != nil { throw HostError("write", ECANCELED) }
                    refusals = metadata.apply(entry, open: open.descriptor, standIn: standIn)
                } catch {
                    try? Host.remove(directory.descriptor, name)
                    throw error
                }
            }
        } catch { file.unmade = error }
        file.refusals = refusals
        guard let storeError else { return }
        let error = storeError.of("the file \(file.path.appending(file.name))")
        guard keepsGoing, error.isLoss else { throw error }
        (file.loss, file.unmade) = (error, nil)
    }

    private func copy(
        _ content: FileContent, to sink: FileSink, _ progress: ((UInt64) throws(StoreError) -> Void)?
    ) throws(StoreError) {
        guard case .stored(let cid, let size) = content else {
            if case .inline(let bytes) = content { bytes.withBytes { sink.write($0) } }
            return
        }
        if cid.codec == .raw {
            return try store.withBlock(cid) { (block) throws(StoreError) in
                try Self.check(cid, UInt64(block.count), size)
                sink.write(block)
            }
        }
        try Self.check(cid, try store.size(of: cid), size)
        guard size <= TreeExport.parcelSize else {
            return try store.copyBytes(of: cid, progress: progress, hole: { sink.skip($0) }) {
                (bytes) throws(StoreError) in
                sink.write(bytes)
                if sink.failure != nil { throw StoreError(.cancelled, "the target cannot be written") }
            }
        }
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.bufferLength) }
        var offset: UInt64 = 0
        while offset < size {
            let count = try buffer.withUnsafeMutableBufferPointer { (buffer) throws(StoreError) in
                let room = UnsafeMutableRawBufferPointer(buffer)
                let count = try store.read(cid, at: offset, into: room)
                sink.write(UnsafeRawBufferPointer(rebasing: room[..<count]))
                return count
            }
            guard count > 0 else { return try Self.check(cid, offset, size) }
            offset += UInt64(count)
        }
    }

    private static func check(_ cid: CID, _ size: UInt64, _ expected: UInt64) throws(StoreError) {
        guard size == expected else {
            throw StoreError(.corrupt, "the file \(cid) has \(size) bytes, its entry says \(expected)")
        }
    }

    /// Makes something under a name that is free, or, where trees are merged, in a stage, from where it then
    /// takes the place of what has the name.
    func make(
        _ directory: HostDirectory, _ name: [UInt8],
        _ body: (HostDirectory, [UInt8]) throws(HostError) -> Void
    ) throws(HostError) {
        do throws(HostError) { return try body(directory, name) } catch {
            guard stages != nil, error.code == EEXIST else { throw error }
        }
        guard let stage = stages?.directory(directory.identity.device) else {
            throw HostError("replace", EACCES)
        }
        let other = ExportStage.temporaryName()
        try body(stage, other)
        do throws(HostError) {
            do throws(HostError) {
                try Host.rename(stage.descriptor, other, to: directory.descriptor, name)
            } catch {
                guard error.code == EISDIR || error.code == ENOTEMPTY else { throw error }
                let old = try Host.status(directory.descriptor, name).identity
                guard !stores.areIn(old) else { throw HostError("replace the directory of the store", EBUSY) }
                let isGone = try? HostTree.remove(directory, name) { (_, _) throws(StoreError) in }
                guard isGone == true else { throw HostError("replace", ENOTEMPTY) }
                try Host.rename(stage.descriptor, other, to: directory.descriptor, name)
            }
        } catch {
            try? Host.remove(stage.descriptor, other)
            throw error
        }
    }
}

/// Some files that one thread writes.
final class ExportParcel: @unchecked Sendable {
    private(set) var files: [ExportFile] = []
    private(set) var failure: StoreError?
    private var bytes: UInt64 = 0
    private var directories = 0

    private static let maximumFiles = 256
    private static let maximumDirectories = 16

    /// False when there is no more room.
    func add(_ file: ExportFile) -> Bool {
        let isOther = files.last?.directory !== file.directory
        guard files.count < Self.maximumFiles, bytes < TreeExport.parcelSize,
            !isOther || directories < Self.maximumDirectories
        else { return false }
        if isOther { directories += 1 }
        bytes += file.entry.size
        files.append(file)
        return true
    }

    func write(_ writer: ExportWriter) {
        do throws(StoreError) {
            for position in files.indices { try writer.write(&files[position]) }
        } catch { failure = error }
    }
}
