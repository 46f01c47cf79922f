import Glibc
import IpldEngine

/// Imports a directory of the host into a batch.
///
/// This thread walks, decides which files have to be read, and puts these into parcels; workers read the
/// parcels; this thread stores what they read and builds the directories, all in the order of the walk.
///
/// What always holds:
/// - The tree depends on what is on the host, and on the tree before, not on what was read or on threads.
/// - Memory is bounded by the parcels, the names of the directories that the walk is in, and the files that
///   have several names.
/// - Whatever ends it, threads are joined and permissions are as they were before it returns.
final class TreeImport {
    let batch: Batch
    let source: TreeSource
    private let root: HostDirectory
    private let oldRoot: Entry?
    let options: ImportOptions
    private let limits: HostWalk.Limits
    private let progress: TransferProgressHandler?
    private let problem: TransferProblemHandler?
    let queue = WorkQueue<ImportParcel>()
    let workers = min(8, WorkQueue<ImportParcel>.processorCount)

    // What is scheduled.
    var oldLevels: [OldLevel] = []
    var seen: SeenFiles?
    var open: ImportParcel?
    var idle: [ImportParcel] = []
    var parcels = 0
    var events: [ImportEvent] = []
    private var firstEvent = 0
    /// Events that keep a directory of the host open.
    var heldDirectories = 0

    /// What the survey could not look at.
    var unsurveyed: [[UInt8]: HostError] = [:]

    // What is built.
    let builder: ImportBuilder
    private var counted = TransferProgress()

    private static let eventLimit = 16 << 10
    private static let heldLimit = 32
    /// Sparse files of this size on are not read where nothing is.
    static let sparseSize: UInt64 = 1 << 20

    /// A directory of the tree before, in which names are asked for in ascending order.
    struct OldLevel {
        private var map: DirectoryMap?
        private var position: UInt64 = 0
        private let mayBeLost: Bool
        /// Of the directory's path, with a zero behind each name.
        let key: [UInt8]

        /// `mayBeLost`: what is damaged or missing of the directory is as if it had never been.
        init(_ directory: Directory?, _ source: TreeSource, key: [UInt8], mayBeLost: Bool) throws(StoreError)
        {
            (self.key, self.mayBeLost) = (key, mayBeLost)
            guard let directory else { return }
            do { map = try DirectoryMap(directory, source) } catch  where mayBeLost && error.isLoss {}
        }

        /// The next one that was not passed.
        mutating func next() throws(StoreError) -> (name: FileName, entry: Entry)? {
            guard let map, position < map.count else { return nil }
            do { return try self.map?.entry(at: position) } catch  where mayBeLost && error.isLoss {
                self.map = nil
                return nil
            }
        }

        mutating func pass() { position += 1 }
    }

    init(
        _ batch: Batch, _ source: TreeSource, _ root: HostDirectory, old: (tree: CID, entry: Entry)?,
        seen seenRoot: CID?, _ options: ImportOptions, excluding stores: HostStores,
        _ progress: TransferProgressHandler?, _ problem: TransferProblemHandler?
    ) throws(StoreError) {
        (self.batch, self.source, self.root, self.options) = (batch, source, root, options)
        (self.progress, self.problem, oldRoot) = (progress, problem, old?.entry)
        limits = HostWalk.Limits(staysOnFileSystem: options.staysOnFileSystem, stores: stores)
        builder = ImportBuilder(batch, source, options, old?.entry)
        if !options.readsEverything, let old, let seenRoot,
            let seen = try SeenFiles.read(seenRoot, source), seen.tree == old.tree,
            seen.options == Self.seenOptions(options)
        {
            self.seen = seen
        }
        oldLevels = [
            try OldLevel(old?.entry.below, source, key: [], mayBeLost: options.readsEverything)
        ]
    }

    /// What has to be the same for a file to be known again.
    private static func seenOptions(_ options: ImportOptions) -> UInt64 { options.usesStatAttribute ? 1 : 0 }

    /// Stores what is known of the files now; its node.
    func storeSeen(_ tree: CID) throws(StoreError) -> CID {
        let map = try builder.finishSeen()
        let node = SeenFiles.encode(tree: tree, map: map, options: Self.seenOptions(options))
        return try node.withBytes { (node) throws(StoreError) in try batch.putNode(dagCBOR: node) }
    }

    func run() throws(StoreError) -> ImportReport {
        defer { queue.stop() }
        let places = try OldPlaces(oldRoot, source, mayBeLost: options.readsEverything)
        let survey = try ImportSurvey(root, limits, places) { (_) throws(StoreError) in
            try progress?(counted)
        }
        builder.numbers = survey.numbers
        unsurveyed = survey.refused
        (counted.totalEntries, counted.totalBytes) = (survey.entries, survey.bytes)
        let rootAttributes: [(name: [UInt8], value: [UInt8])]
        let walk: HostWalk
        do throws(HostError) {
            rootAttributes = try root.attributes()
            walk = try HostWalk(root, limits)
        } catch { throw error.storeError(".") }
        while true {
            let step: HostWalk.Step?
            do throws(HostError) { step = try walk.next() } catch {
                throw error.storeError(FilePath(components: walk.components).description)
            }
            guard let step else { break }
            try schedule(step)
            try drain(waiting: false)
            while events.count - firstEvent > Self.eventLimit || heldDirectories > Self.heldLimit {
                try drain(waiting: true)
            }
        }
        try scheduleRemoved(before: nil)
        while firstEvent < events.count { try drain(waiting: true) }
        let entry = try builder.finishRoot(root.status, rootAttributes)
        try progress?(counted)
        var report = ImportReport(tree: try batch.putTree(entry))
        if case .directory(let directory) = entry.content {
            (report.entries, report.bytes) = (directory.totals.entries, directory.totals.bytes)
        }
        report.files = builder.files
        (report.filesRead, report.bytesRead) = (builder.filesRead, builder.bytesRead)
        report.unread = builder.unread
        return report
    }

    // MARK: Draining

    /// Takes what is done from the front of the events; with `waiting`, at least one parcel or event.
    func drain(waiting: Bool) throws(StoreError) {
        var mayWait = waiting
        while firstEvent < events.count {
            let event = events[firstEvent]
            if case .parcel(let parcel, let position) = event.kind {
                if !parcel.isStored {
                    if parcel === open {
                        guard mayWait else { break }
                        submit()
                    }
                    guard let done = queue.next(waiting: mayWait) else { break }
                    mayWait = false
                    try done.store()
                    guard done === parcel else {
                        throw StoreError(.internal, "files were read in another order")
                    }
                }
                try take(event, parcel.files[position])
                parcel.remaining -= 1
                if parcel.remaining == 0 {
                    parcel.clear()
                    idle.append(parcel)
                }
            } else if case .large(let entry) = event.kind {
                heldDirectories -= 1
                try takeLarge(event, entry)
            } else {
                try builder.take(event) { (problem) throws(StoreError) in try self.problem?(problem) }
            }
            firstEvent += 1
            if event.isProgress { counted.entries += 1 }
            if counted.entries % 64 == 0 { try progress?(counted) }
        }
        if firstEvent == events.count || firstEvent > Self.eventLimit {
            events.removeFirst(firstEvent)
            firstEvent = 0
        }
        if waiting { try progress?(counted) }
    }

    private func take(_ event: ImportEvent, _ file: ImportedFile) throws(StoreError) {
        guard let entry = file.isOutgrown ? file.entry : nil else {
            counted.bytes += file.content.size
            return try builder.take(event, file) { (problem) throws(StoreError) in
                try self.problem?(problem)
            }
        }
        try takeLarge(event, entry)
    }

    private func takeLarge(_ event: ImportEvent, _ entry: HostEntry) throws(StoreError) {
        let before = counted.bytes
        let file = try ImportedFile(large: entry, batch) { [self] (done) throws(StoreError) in
            counted.bytes = before + done
            try progress?(counted)
        }
        counted.bytes = before + file.content.size
        try builder.take(event, file) { (problem) throws(StoreError) in try self.problem?(problem) }
    }
}
