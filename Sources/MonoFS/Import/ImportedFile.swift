import Glibc
import IpldEngine

/// What came of reading a file.
struct ImportedFile {
    let entry: HostEntry
    /// As it was when it was read.
    var status: HostStatus
    var content: FileContent = .empty
    var attributes: [(name: [UInt8], value: [UInt8])] = []
    /// Whether a later change gives it another time of change.
    var isSettled = false
    /// It changed whenever it was read.
    var isChanging = false
    /// It is larger than it was, and has to be read by itself.
    var isOutgrown = false
    var failure: HostError?
    /// Where its content stands in its parcel.
    var prepared: Int?

    init(_ entry: HostEntry) {
        self.entry = entry
        status = entry.status
    }

    /// How often a file is read that changes meanwhile.
    static let attempts = 3

    /// Reads a file of any size through the batch's own pipeline; its holes are passed over.
    init(
        large entry: HostEntry, _ batch: Batch, progress: @escaping (UInt64) throws(StoreError) -> Void
    ) throws(StoreError) {
        self.init(entry)
        for attempt in 1...Self.attempts {
            let opened: OpenedFile
            do throws(HostError) {
                opened = try OpenedFile(entry)
                attributes = try opened.file.attributes()
            } catch {
                failure = error
                return
            }
            (status, isSettled) = (opened.status, opened.isSettled)
            let source = WholeFile(opened)
            content = try source.store(in: batch, progress)
            if let unread = source.failure {
                if attempt == Self.attempts { failure = unread }
                continue
            }
            isChanging = !opened.isUnchanged
            if !isChanging { return }
        }
    }
}

/// A regular file that is open for reading.
struct OpenedFile {
    let file: HostFile
    /// As it was when it was opened, which is when its owner's permissions are his own again.
    let status: HostStatus
    let isSettled: Bool

    /// ESTALE for what is no regular file, or, where others are names of the same file, is not that one.
    init(_ entry: HostEntry) throws(HostError) {
        let now = Timestamp.now()
        file = try HostFile.open(entry.directory, entry.name.bytes, entry.status)
        status = try Host.status(file.descriptor)
        guard status.kind == .file, entry.status.links == 1 || status.identity == entry.status.identity else {
            throw HostError("read", ESTALE)
        }
        isSettled = SeenFile.isSettled(status, at: now)
    }

    var isUnchanged: Bool {
        guard let now = try? Host.status(file.descriptor) else { return false }
        return status.isUnchanged(now)
    }
}

/// The bytes that a file had when it was opened. Where they cannot be read, the source ends, and says so
/// afterwards: an error would end the batch, and with it all other files.
private final class WholeFile: ByteSource {
    private let opened: OpenedFile
    private var inner: DescriptorSource?
    private var rest: UInt64
    private(set) var failure: HostError?

    init(_ opened: OpenedFile) {
        self.opened = opened
        rest = opened.status.size
    }

    func store(in batch: Batch, _ progress: @escaping (UInt64) throws(StoreError) -> Void)
        throws(StoreError) -> FileContent
    {
        if rest <= UInt64(FileContent.inlineLimit) {
            var bytes = [UInt8](repeating: 0, count: Int(rest))
            var count = 0
            do throws(HostError) {
                count = try Host.read(opened.file.descriptor, into: &bytes)
                if count < bytes.count { failure = HostError("read", EIO) }
            } catch { failure = error }
            return .inline(Array(bytes[..<count]))
        }
        attempt { () throws(StoreError) in inner = try DescriptorSource(opened.file.descriptor) }
        let size = rest
        let root = try batch.putBytes(from: self, progress: progress)
        return .stored(root, size: size)
    }

    private func attempt(_ body: () throws(StoreError) -> Void) {
        guard failure == nil else { return }
        do throws(StoreError) { try body() } catch {
            failure = HostError("read", error.systemError == 0 ? EIO : error.systemError)
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var count = 0
        let wanted = Int(min(UInt64(buffer.count), rest))
        attempt { () throws(StoreError) in
            count =
                try inner?.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])) ?? 0
            if count == 0, rest > 0 { failure = HostError("read", EIO) }
        }
        rest -= UInt64(count)
        return count
    }

    func hole() -> UInt64 {
        var hole: UInt64 = 0
        attempt { () throws(StoreError) in hole = try inner?.hole() ?? 0 }
        return min(hole, rest)
    }

    func skip(_ count: UInt64) {
        attempt { () throws(StoreError) in try inner?.skip(count) }
        rest -= min(rest, count)
    }
}
