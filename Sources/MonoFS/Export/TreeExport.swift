import Glibc
import IpldEngine

/// Writes a tree into an open directory of the host.
///
/// This thread walks the tree and makes directories and links; workers write files; a directory gets its
/// metadata once all that is in it was written.
///
/// What always holds:
/// - Everything is made in a directory that this made, or opened, and holds open: no path is resolved.
/// - Few directories are open at once, however deep the tree is; the others are reached again from below, and
///   have to be what they were.
/// - Whatever ends it, threads are joined before it returns.
final class TreeExport {
    private let store: ContentStore
    private let source: TreeSource
    private let options: ExportOptions
    private let progress: TransferProgressHandler?
    private let problem: TransferProblemHandler?
    private let metadata: ExportMetadata
    private let writer: ExportWriter
    private let queue = WorkQueue<ExportParcel>()
    private let workers = min(8, WorkQueue<ExportParcel>.processorCount)
    private var levels: [Level] = []
    private var open: ExportParcel?
    private var events: [Event] = []
    /// Events that are no parcels: directories that wait to be finished, and are open.
    private var waitingDirectories = 0
    private var links = ExportLinks()
    private var counted = TransferProgress()
    private var report = ExportReport()

    /// Files of more bytes are written by all threads together.
    static let parcelSize: UInt64 = 2 << 20
    private static let openLimit = 32
    private static let waitingLimit = 64

    private final class Level {
        let name: FileName?
        let entry: Entry
        let path: FilePath
        let identity: HostIdentity
        var map: DirectoryMap
        var position: UInt64 = 0
        var directory: HostDirectory?
        weak var lastDirectory: HostDirectory?

        init(
            _ name: FileName?, _ entry: Entry, _ path: FilePath, _ map: DirectoryMap,
            _ directory: HostDirectory
        ) {
            (self.name, self.entry, self.path, self.map) = (name, entry, path, map)
            (self.directory, lastDirectory) = (directory, directory)
            identity = directory.identity
        }
    }

    private enum Event {
        case parcel(ExportParcel)
        case finish(HostDirectory, Entry, FilePath)
    }

    init(
        _ store: ContentStore, _ source: TreeSource, _ options: ExportOptions, inheritsAccess: Bool,
        _ progress: TransferProgressHandler?, _ problem: TransferProblemHandler?
    ) {
        (self.store, self.source, self.options) = (store, source, options)
        (self.progress, self.problem) = (progress, problem)
        metadata = ExportMetadata(
            usesStatAttribute: options.usesStatAttribute, inheritsAccess: inheritsAccess)
        writer = ExportWriter(store, metadata, merges: options.existing == .merge)
    }

    func run(_ root: Entry, into directory: HostDirectory, isNew: Bool) throws(StoreError) -> ExportReport {
        defer { queue.stop() }
        guard case .directory(let content) = root.content else {
            throw StoreError(.internal, "what is to be exported is no directory")
        }
        (counted.totalEntries, counted.totalBytes) = (content.totals.entries, content.totals.bytes)
        try startWorkers(isNew)
        levels = [Level(nil, root, .root, try DirectoryMap(content, source), directory)]
        while let level = levels.last {
            if level.position < level.map.count {
                let (name, entry) = try level.map.entry(at: level.position)
                level.position += 1
                if !entry.isTombstone { try make(name, entry, in: level) }
            } else {
                try leave(level)
            }
            while waitingDirectories > Self.waitingLimit { try drain(waiting: true) }
            try drain(waiting: false)
        }
        while !events.isEmpty { try drain(waiting: true) }
        try links.remove(from: directory)
        directory.keepLent()
        try take(metadata.apply(root, open: directory.descriptor), .root)
        try progress?(counted)
        return report
    }

    private func startWorkers(_ isNew: Bool) throws(StoreError) {
        let (store, metadata, merges) = (store, metadata, !isNew)
        try queue.start(threads: workers) {
            let writer = ExportWriter(store, metadata, merges: merges)
            return { (parcel) in parcel.write(writer) }
        }
    }

    // MARK: Entries

    private func make(_ name: FileName, _ entry: Entry, in level: Level) throws(StoreError) {
        guard let directory = level.directory else {
            throw StoreError(.internal, "the directory \(level.path) is not open")
        }
        report.entries += 1
        var group: HardLinkGroup?
        if entry.hardLink != nil {
            group = try HardLinkGroup(hashing: try EntryEncoder.encode(entry.file))
            if try makeLink(name, entry, group, directory, level.path) { return }
        }
        let path = level.path
        switch entry.content {
        case .directory(let content): try enter(name, entry, content, in: level, directory)
        case .file(let content):
            report.files += 1
            var file = ExportFile(directory: directory, name: name, entry: entry, path: path)
            guard group != nil || content.size > Self.parcelSize else { return try schedule(file) }
            let before = counted.bytes
            try writer.write(&file) { [self] (done) throws(StoreError) in
                counted.bytes = before + done
                try progress?(counted)
            }
            counted.bytes = before
            try take(file)
        default: try makeSpecial(name, entry, directory, path)
        }
        if let group { keepLink(group, name, directory) }
    }

    private func schedule(_ file: ExportFile) throws(StoreError) {
        while true {
            if let open {
                if open.add(file) { return }
                self.open = nil
                queue.submit(open)
            }
            while queue.count > 2 * workers { try drain(waiting: true) }
            let parcel = ExportParcel()
            open = parcel
            events.append(.parcel(parcel))
        }
    }

    /// What is no file and no directory.
    private func makeSpecial(
        _ name: FileName, _ entry: Entry, _ directory: HostDirectory, _ path: FilePath
    ) throws(StoreError) {
        var refusals = Refusals()
        do throws(HostError) {
            try writer.make(directory, name.bytes) { (name) throws(HostError) in
                switch entry.content {
                case .symlink(let target): try Host.makeLink(directory.descriptor, name, to: target)
                case .characterDevice(let device), .blockDevice(let device):
                    try node(entry, device, directory, name)
                case .fifo, .socket:
                    try node(entry, DeviceNumber(major: 0, minor: 0), directory, name)
                default: throw HostError("make a link to a CID of", EOPNOTSUPP)
                }
                refusals = metadata.apply(entry, directory, name)
            }
        } catch {
            let isDevice = entry.kind == .characterDevice || entry.kind == .blockDevice
            if isDevice, options.usesStatAttribute, error.code == EPERM || error.code == EOPNOTSUPP {
                return try schedule(
                    ExportFile(directory: directory, name: name, entry: entry, path: path, standIn: error))
            }
            return try takeUnmade(error, path.appending(name))
        }
        counted.entries += 1
        try take(refusals, path.appending(name))
    }

    private func node(_ entry: Entry, _ device: DeviceNumber, _ directory: HostDirectory, _ name: [UInt8])
        throws(HostError)
    {
        guard let kind = HostStatus.Kind(entry.kind) else { return }
        try Host.makeNode(directory.descriptor, name, kind, mode: 0o600, device)
    }

    // MARK: Several names of one file

    /// Gives a file that was made another name; false when there is none yet, or it can have no more.
    private func makeLink(
        _ name: FileName, _ entry: Entry, _ group: HardLinkGroup?, _ directory: HostDirectory,
        _ path: FilePath
    ) throws(StoreError) -> Bool {
        guard let group, let (from, first) = links.first(group) else { return false }
        do throws(HostError) {
            try writer.make(directory, name.bytes) { (name) throws(HostError) in
                try Host.link(from, first, directory.descriptor, name)
            }
        } catch {
            guard error.code == EMLINK else {
                try takeUnmade(error, path.appending(name))
                return true
            }
            return false
        }
        if entry.kind == .file { report.files += 1 }
        counted.entries += 1
        counted.bytes += entry.kind == .file ? entry.size : 0
        return true
    }

    private func keepLink(_ group: HardLinkGroup, _ name: FileName, _ directory: HostDirectory) {
        guard let root = levels.first?.directory ?? levels.first?.lastDirectory else { return }
        links.keep(group, name, directory, root)
    }

    // MARK: Directories

    private func enter(
        _ name: FileName, _ entry: Entry, _ content: Directory, in level: Level, _ directory: HostDirectory
    ) throws(StoreError) {
        let path = level.path.appending(name)
        let child: HostDirectory
        do throws(HostError) {
            guard levels.count < Workspace.maximumDepth else { throw HostError("create", ENAMETOOLONG) }
            child = try makeDirectory(name.bytes, in: directory)
        } catch {
            counted.entries += content.totals.entries
            counted.bytes += content.totals.bytes
            return try takeUnmade(error, path)
        }
        counted.entries += 1
        levels.append(Level(name, entry, path, try DirectoryMap(content, source), child))
        // The first stays open: it has the links.
        let closing = levels.count - 1 - Self.openLimit
        if closing > 0 { levels[closing].directory = nil }
    }

    private func makeDirectory(_ name: [UInt8], in directory: HostDirectory) throws(HostError)
        -> HostDirectory
    {
        var isNew = true
        do throws(HostError) { try Host.makeDirectory(directory.descriptor, name, mode: 0o700) } catch {
            guard options.existing == .merge, error.code == EEXIST else { throw error }
            if try Host.status(directory.descriptor, name).kind == .directory {
                isNew = false
            } else {
                try Host.remove(directory.descriptor, name)
                try Host.makeDirectory(directory.descriptor, name, mode: 0o700)
            }
        }
        let child = try directory.open(name, expecting: nil, need: HostDirectory.changing)
        if isNew {
            guard child.status.owner == Host.user, child.identity.device == directory.identity.device else {
                throw HostError("create", ESTALE)
            }
        }
        return child
    }

    private func leave(_ level: Level) throws(StoreError) {
        levels.removeLast()
        guard let parent = levels.last, let directory = level.directory else { return }
        if parent.directory == nil {
            if let open = parent.lastDirectory {
                parent.directory = open
            } else {
                do throws(HostError) {
                    parent.directory = try directory.open(
                        Array("..".utf8), expecting: parent.identity, need: HostDirectory.changing)
                } catch { throw error.storeError("the directory above \(level.path)") }
                parent.lastDirectory = parent.directory
            }
        }
        events.append(.finish(directory, level.entry, level.path))
        waitingDirectories += 1
    }

    // MARK: What is done

    private func drain(waiting: Bool) throws(StoreError) {
        var mayWait = waiting
        var taken = 0
        defer { events.removeFirst(taken) }
        while taken < events.count {
            switch events[taken] {
            case .parcel(let parcel):
                if parcel === open {
                    guard mayWait else { return }
                    open = nil
                    queue.submit(parcel)
                }
                guard queue.next(waiting: mayWait) != nil else { return }
                mayWait = false
                taken += 1
                if let failure = parcel.failure { throw failure }
                for file in parcel.files { try take(file) }
                try progress?(counted)
            case .finish(let directory, let entry, let path):
                taken += 1
                waitingDirectories -= 1
                directory.keepLent()
                try take(metadata.apply(entry, open: directory.descriptor), path)
            }
        }
    }

    private func take(_ file: ExportFile) throws(StoreError) {
        counted.entries += 1
        counted.bytes += file.content.size
        report.bytes += file.content.size
        let path = file.path.appending(file.name)
        if let unmade = file.unmade { return try takeUnmade(unmade, path) }
        try take(file.refusals, path)
    }

    private func takeUnmade(_ error: HostError, _ path: FilePath) throws(StoreError) {
        if error.isGeneral { throw error.storeError(path.description) }
        report.unmade += 1
        try problem?(TransferProblem(path: path, kind: .unmade, error: error.storeError(path.description)))
    }

    private func take(_ refusals: Refusals, _ path: FilePath) throws(StoreError) {
        if let error = refusals.owner {
            report.withoutOwner += 1
            try problem?(
                TransferProblem(path: path, kind: .ownership, error: error.storeError(path.description)))
        }
        if let error = refusals.metadata {
            report.withoutMetadata += 1
            try problem?(
                TransferProblem(path: path, kind: .metadata, error: error.storeError(path.description)))
        }
    }
}
