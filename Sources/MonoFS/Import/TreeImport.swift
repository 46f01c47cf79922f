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
    private let batch: Batch
    private let source: TreeSource
    private let root: HostDirectory
    private let options: ImportOptions
    private let limits: HostWalk.Limits
    private let progress: TransferProgressHandler?
    private let problem: TransferProblemHandler?
    private let queue = WorkQueue<ImportParcel>()
    private let workers = min(8, WorkQueue<ImportParcel>.processorCount)

    // What is scheduled.
    private var oldLevels: [OldLevel] = []
    private var seen: SeenFiles?
    private var open: ImportParcel?
    private var idle: [ImportParcel] = []
    private var parcels = 0
    private var events: [ImportEvent] = []
    private var firstEvent = 0
    /// Events that keep a directory of the host open.
    private var heldDirectories = 0

    // What is built.
    private let builder: ImportBuilder
    private var counted = TransferProgress()

    private static let eventLimit = 16 << 10
    private static let heldLimit = 32
    /// Sparse files of this size on are not read where nothing is.
    private static let sparseSize: UInt64 = 1 << 20

    /// A directory of the tree before, in which names are asked for in ascending order.
    private struct OldLevel {
        var map: DirectoryMap
        var position: UInt64 = 0
        /// Of the directory's path, with a zero behind each name.
        let key: [UInt8]
    }

    init(
        _ batch: Batch, _ source: TreeSource, _ root: HostDirectory, old: (tree: CID, entry: Entry)?,
        seen seenRoot: CID?, _ options: ImportOptions, excluded: HostIdentity?,
        _ progress: TransferProgressHandler?, _ problem: TransferProblemHandler?
    ) throws(StoreError) {
        (self.batch, self.source, self.root, self.options) = (batch, source, root, options)
        (self.progress, self.problem) = (progress, problem)
        limits = HostWalk.Limits(staysOnFileSystem: options.staysOnFileSystem, excluded: excluded)
        builder = ImportBuilder(batch, source, options, old?.entry)
        if !options.readsEverything, let old, let seenRoot,
            let seen = try SeenFiles(seenRoot, source), seen.tree == old.tree,
            seen.options == Self.seenOptions(options)
        {
            self.seen = seen
        }
        let directory = old?.entry.below ?? Directory()
        oldLevels = [OldLevel(map: try DirectoryMap(directory, source), key: [])]
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
        let survey = try ImportSurvey(root, limits) { (_) throws(StoreError) in try progress?(counted) }
        builder.groups = survey.groups
        (counted.totalEntries, counted.totalBytes) = (survey.entries, survey.bytes)
        let rootAttributes: [(name: [UInt8], value: [UInt8])]
        let walk: HostWalk
        do throws(HostError) {
            rootAttributes = try Host.attributes(.descriptor(root.descriptor))
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
        var report = ImportReport(tree: try batch.putTree(entry))
        if case .directory(let directory) = entry.content {
            (report.entries, report.bytes) = (directory.totals.entries, directory.totals.bytes)
        }
        report.files = builder.files
        (report.filesRead, report.bytesRead) = (builder.filesRead, builder.bytesRead)
        report.unread = builder.unread
        return report
    }

    // MARK: Scheduling

    private func schedule(_ step: HostWalk.Step) throws(StoreError) {
        switch step {
        case .leave:
            try scheduleRemoved(before: nil)
            oldLevels.removeLast()
            events.append(ImportEvent(.leave))
        case .enter(let entry, let directory):
            let old = try old(entry.name)
            var event = ImportEvent(.enter, entry.name, entry.status, old)
            do throws(HostError) {
                event.attributes = try Host.attributes(.descriptor(directory.descriptor))
            } catch { event.failure = error }
            events.append(event)
            let below = old?.isTombstone == false ? old?.below : nil
            let key = (oldLevels.last?.key ?? []) + entry.name.bytes + [0]
            oldLevels.append(OldLevel(map: try DirectoryMap(below ?? Directory(), source), key: key))
        case .refused(let name, let status, let error):
            var event = ImportEvent(.refused, name, status, try old(name))
            event.failure = error
            events.append(event)
        case .nameless(let bytes):
            var event = ImportEvent(.nameless(bytes))
            event.failure = HostError("name", EINVAL)
            events.append(event)
        case .file(let entry): try schedule(entry)
        }
    }

    private func schedule(_ entry: HostEntry) throws(StoreError) {
        let old = try old(entry.name)
        var event = ImportEvent(.other, entry.name, entry.status, old)
        event.key = (oldLevels.last?.key ?? []) + entry.name.bytes + [0]
        if builder.isLaterName(entry.status) {
            // All that is to know of the file is known from its first name.
            event.kind = .laterName
            events.append(event)
            return
        }
        guard entry.status.kind == .file else {
            do throws(HostError) {
                let (directory, name) = (entry.directory.descriptor, entry.name.bytes)
                if entry.status.kind == .symlink { event.target = try Host.target(directory, name) }
                event.attributes = try Host.attributes(.name(directory: directory, name))
            } catch {
                if error.code == ENOENT { return try scheduleGone(event) }
                event.failure = error
                event.kind = .refused
            }
            events.append(event)
            return
        }
        if let old, try isKnown(entry.status, old, event.key) {
            event.kind = .known
            events.append(event)
            return
        }
        if entry.status.size > UInt64(ImportParcel.capacity)
            || entry.status.isSparse && entry.status.size >= Self.sparseSize
        {
            event.kind = .large(entry)
            heldDirectories += 1
            events.append(event)
            return
        }
        event.kind = try schedule(parcel: entry)
        events.append(event)
    }

    /// What is not there any more is removed, if it ever was here.
    private func scheduleGone(_ event: ImportEvent) throws(StoreError) {
        guard event.old != nil else { return }
        var event = event
        event.kind = .gone
        events.append(event)
    }

    private func schedule(parcel entry: HostEntry) throws(StoreError) -> ImportEvent.Kind {
        while true {
            let parcel = try openParcel()
            if let position = parcel.add(entry) { return .parcel(parcel, position) }
            submit()
        }
    }

    private func openParcel() throws(StoreError) -> ImportParcel {
        if let open { return open }
        if parcels == 0 {
            try queue.start(threads: workers) { { (parcel) in parcel.read() } }
        }
        // One being filled, one in each worker's hands and one waiting for each.
        while idle.isEmpty, parcels >= 2 * workers + 1 { try drain(waiting: true) }
        if idle.isEmpty { parcels += 1 }
        let parcel = idle.popLast() ?? ImportParcel(batch)
        open = parcel
        return parcel
    }

    private func submit() {
        guard let parcel = open else { return }
        open = nil
        queue.submit(parcel)
    }

    /// What the tree before has of a name; names before it that are not on the host are removed.
    private func old(_ name: FileName) throws(StoreError) -> Entry? {
        try scheduleRemoved(before: name)
        guard var level = oldLevels.popLast() else { return nil }
        defer { oldLevels.append(level) }
        guard level.position < level.map.count else { return nil }
        let (found, entry) = try level.map.entry(at: level.position)
        guard found == name else { return nil }
        level.position += 1
        return entry
    }

    private func scheduleRemoved(before name: FileName?) throws(StoreError) {
        guard var level = oldLevels.popLast() else { return }
        defer { oldLevels.append(level) }
        while level.position < level.map.count {
            let (found, entry) = try level.map.entry(at: level.position)
            if let name, found >= name { return }
            level.position += 1
            events.append(ImportEvent(.gone, found, nil, entry))
        }
    }

    /// Whether a file is what it was when it was last imported.
    private func isKnown(_ status: HostStatus, _ old: Entry, _ key: [UInt8]) throws(StoreError) -> Bool {
        guard case .file(let content) = old.content, let record = try seen?.record(key),
            record == SeenFile(status), options.usesStatAttribute || old.modified == status.modified,
            content.size == status.size
        else { return false }
        guard case .stored(let cid, _) = content else { return true }
        return try batch.mayRely(on: [cid])[0]
    }

    // MARK: Draining

    /// Takes what is done from the front of the events; with `waiting`, at least one parcel or event.
    private func drain(waiting: Bool) throws(StoreError) {
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
