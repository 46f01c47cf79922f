import Glibc
import IpldEngine

/// Some files that are read, and made ready for the store, together, by one thread.
///
/// What always holds: each file is what it was at one point in time, or is said to have changed; memory is
/// that of one parcel, whatever the files; it holds no directory open once it is cleared.
final class ImportParcel: @unchecked Sendable {
    private(set) var files: [ImportedFile] = []
    /// What fails here ends the import.
    private(set) var failure: StoreError?
    private var bytes: UInt64 = 0
    private var directories = 0
    private let contents: PreparedContents
    private let batch: Batch
    /// Entries that still have to be taken from it.
    var remaining = 0
    private(set) var isStored = false

    static let capacity = 4 << 20
    static let maximumFiles = 512
    private static let maximumDirectories = 16
    init(_ batch: Batch) {
        self.batch = batch
        contents = PreparedContents(capacity: Self.capacity, contents: Self.maximumFiles, for: batch)
    }

    func clear() {
        files.removeAll(keepingCapacity: true)
        failure = nil
        (bytes, directories, remaining, isStored) = (0, 0, 0, false)
    }

    var isEmpty: Bool { files.isEmpty }

    /// Adds a file and gives its place; nil when there is no more room.
    func add(_ entry: HostEntry) -> Int? {
        let isOther = files.last?.entry.directory !== entry.directory
        guard files.count < Self.maximumFiles, bytes + entry.status.size <= UInt64(Self.capacity),
            !isOther || directories < Self.maximumDirectories
        else { return nil }
        if isOther { directories += 1 }
        bytes += entry.status.size
        remaining += 1
        files.append(ImportedFile(entry))
        return files.count - 1
    }

    // MARK: By a worker

    func read() {
        var lengths: [Int] = []
        var used = 0
        for position in files.indices {
            let room = UnsafeMutableRawBufferPointer(rebasing: contents.room[used...])
            var file = files[position]
            do throws(HostError) {
                let count = try Self.read(&file, into: room)
                if count > FileContent.inlineLimit {
                    file.prepared = lengths.count
                    lengths.append(count)
                    used += count
                } else {
                    file.content = .inline([UInt8](room[..<count]))
                }
            } catch { file.failure = error }
            files[position] = file
        }
        do throws(StoreError) { try contents.prepare(lengths, for: batch) } catch { failure = error }
    }

    private static func read(_ file: inout ImportedFile, into room: UnsafeMutableRawBufferPointer)
        throws(HostError)
        -> Int
    {
        for attempt in 1...ImportedFile.attempts {
            let opened = try OpenedFile(file.entry)
            guard opened.status.size <= UInt64(room.count) else {
                file.isOutgrown = true
                return 0
            }
            let count = try Host.read(
                opened.file.descriptor, at: 0,
                into: UnsafeMutableRawBufferPointer(rebasing: room[..<Int(opened.status.size)]))
            file.attributes = try opened.file.attributes()
            file.status = opened.status
            file.isSettled = opened.isSettled
            file.isChanging = UInt64(count) != opened.status.size || !opened.isUnchanged
            // Another attempt may find it at rest.
            if !file.isChanging || attempt == ImportedFile.attempts { return count }
        }
        return 0
    }

    // MARK: By the batch's thread

    /// Stores what was read.
    func store() throws(StoreError) {
        if let failure { throw failure }
        let stored = try contents.store(in: batch)
        for position in files.indices {
            guard let prepared = files[position].prepared else { continue }
            files[position].content = .stored(stored[prepared].root, size: stored[prepared].size)
        }
        isStored = true
    }
}
