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
    let store: ContentStore
    let source: TreeSource
    let options: ExportOptions
    let stores: HostStores
    let progress: TransferProgressHandler?
    let problem: TransferProblemHandler?
    let metadata: ExportMetadata
    let writer: ExportWriter
    /// Where trees are merged.
    let stages: ExportStages?
    let queue = WorkQueue<ExportParcel>()
    let workers = min(8, WorkQueue<ExportParcel>.processorCount)
    var levels: [Level] = []
    var open: ExportParcel?
    var events: [Event] = []
    /// Events that are no parcels: directories that wait to be finished, and are open.
    var waitingDirectories = 0
    var links: ExportLinks
    var counted = TransferProgress()
    var report = ExportReport()

    /// Files of more bytes are written by all threads together.
    static let parcelSize: UInt64 = 2 << 20
    static let openLimit = 32
    private static let waitingLimit = 64

    final class Level {
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

    enum Event {
        case parcel(ExportParcel)
        case finish(HostDirectory, Entry, FilePath)
    }

    init(
        _ store: ContentStore, _ source: TreeSource, _ options: ExportOptions, _ stores: HostStores,
        _ place: ExportTarget, _ progress: TransferProgressHandler?, _ problem: TransferProblemHandler?
    ) {
        (self.store, self.source, self.options, self.stores) = (store, source, options, stores)
        (self.progress, self.problem) = (progress, problem)
        metadata = ExportMetadata(
            usesStatAttribute: options.usesStatAttribute, inheritsAccess: place.stages != nil)
        stages = place.stages
        writer = ExportWriter(store, metadata, stores, stages, keepsGoing: options.keepsGoing)
        let links = place.stages.map { $0.directory(place.directory.identity.device) } ?? place.directory
        self.links = ExportLinks(in: links)
    }

    /// Makes all that is in `root`.
    func run(_ root: Entry, into directory: HostDirectory) throws(StoreError) {
        defer { queue.stop() }
        guard case .directory(let content) = root.content else {
            throw StoreError(.internal, "what is to be exported is no directory")
        }
        (counted.totalEntries, counted.totalBytes) = (content.totals.entries, content.totals.bytes)
        try startWorkers()
        let map: DirectoryMap
        do throws(StoreError) { map = try DirectoryMap(content, source) } catch {
            throw error.of("the directory \(FilePath.root)")
        }
        levels = [Level(nil, root, .root, map, directory)]
        while let level = levels.last {
            if let (name, entry) = try next(in: level) {
                if !entry.isTombstone { try make(name, entry, in: level) }
            } else {
                try leave(level)
            }
            while waitingDirectories > Self.waitingLimit { try drain(waiting: true) }
            try drain(waiting: false)
        }
        while !events.isEmpty { try drain(waiting: true) }
        try links.remove()
        try progress?(counted)
    }

    private func startWorkers() throws(StoreError) {
        let (store, metadata, stores, stages) = (store, metadata, stores, stages)
        let keepsGoing = options.keepsGoing
        try queue.start(threads: workers) {
            let writer = ExportWriter(store, metadata, stores, stages, keepsGoing: keepsGoing)
            return { (parcel) in parcel.write(writer) }
        }
    }

    // MARK: What is done

    func drain(waiting: Bool) throws(StoreError) {
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

    func take(_ file: ExportFile) throws(StoreError) {
        counted.entries += 1
        counted.bytes += file.content.size
        report.bytes += file.content.size
        let path = file.path.appending(file.name)
        if let loss = file.loss { return try take(loss: loss, path) }
        if let unmade = file.unmade { return try takeUnmade(unmade, path) }
        try take(file.refusals, path)
    }

    func takeUnmade(_ error: HostError, _ path: FilePath) throws(StoreError) {
        if error.isGeneral { throw error.storeError(path.description) }
        report.unmade += 1
        try problem?(TransferProblem(path: path, kind: .unmade, error: error.storeError(path.description)))
    }

    func take(loss error: StoreError, _ path: FilePath) throws(StoreError) {
        report.unmade += 1
        report.damaged += 1
        try problem?(TransferProblem(path: path, kind: .unmade, error: error))
    }

    func take(_ refusals: Refusals, _ path: FilePath) throws(StoreError) {
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
