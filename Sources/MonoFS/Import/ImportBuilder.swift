import Glibc
import IpldEngine

/// Builds the tree from what the walk met, in its order.
final class ImportBuilder {
    typealias Problem = (TransferProblem) throws(StoreError) -> Void

    private let batch: Batch
    private let source: TreeSource
    private let options: ImportOptions
    private let oldRoot: Entry?
    /// As a workspace's.
    var random: () -> UInt64 = { UInt64.random(in: .min ... .max) }
    private var levels: [Level]
    private let seen: ByteMapBuilder
    private let now = Timestamp.now()
    /// Those of files with several names, and of names that are alone and keep theirs.
    var numbers = HardLinkNumbers()
    /// Files with several names of which a name was met, as they were at the last that was.
    private var met: [HostIdentity: HostStatus] = [:]
    /// The entries of those of which a name was stored; nil where it could not be read.
    private var firstNames: [HostIdentity: Result<Entry, HostError>] = [:]

    private(set) var files: UInt64 = 0
    private(set) var filesRead: UInt64 = 0
    private(set) var bytesRead: UInt64 = 0
    private(set) var unread: UInt64 = 0

    /// Longer keys are not kept, and their files read again.
    private static let keyLimit = 32 << 10

    private struct Level {
        let builder: DirectoryBuilder
        let event: ImportEvent?
        /// How what is new in it is merged.
        let sync: SyncType
    }

    init(_ batch: Batch, _ source: TreeSource, _ options: ImportOptions, _ oldRoot: Entry?) {
        (self.batch, self.source, self.options, self.oldRoot) = (batch, source, options, oldRoot)
        seen = ByteMapBuilder(batch)
        levels = [
            Level(builder: DirectoryBuilder(batch), event: nil, sync: oldRoot?.sync ?? .default)
        ]
    }

    /// Whether another name of the file was met before, and nothing has changed since: what takes the place
    /// of a file that goes meanwhile may be given its inode. Asked once for each name.
    func isLaterName(_ status: HostStatus) -> Bool {
        guard numbers.isShared(status) else { return false }
        return met.updateValue(status, forKey: status.identity)?.isUnchanged(status) ?? false
    }

    func finishSeen() throws(StoreError) -> CID? { seen.count > 0 ? try seen.finish() : nil }

    func finishRoot(_ status: HostStatus, _ attributes: [(name: [UInt8], value: [UInt8])])
        throws(StoreError) -> Entry
    {
        guard let level = levels.popLast(), levels.isEmpty else {
            throw StoreError(.internal, "a directory was not left")
        }
        let directory = try level.builder.finish()
        return try entry(.directory(directory), status, attributes, oldRoot, level.sync)
    }

    // MARK: Events

    func take(_ event: ImportEvent, _ problem: Problem) throws(StoreError) {
        try reportUnsurveyed(event, problem)
        switch event.kind {
        case .enter:
            if let failure = event.failure { try report(event, failure, .metadata, problem) }
            let sync = event.old.flatMap { $0.isTombstone ? nil : $0.sync } ?? inherited
            levels.append(Level(builder: DirectoryBuilder(batch), event: event, sync: sync))
        case .leave: try leave()
        case .known: try takeKnown(event)
        case .laterName: try takeLaterName(event, problem)
        case .other: try takeOther(event)
        case .refused: try keep(event, problem)
        case .nameless(let bytes):
            unread += 1
            guard let failure = event.failure else { return }
            let path = FilePath(components: components)
            try problem(
                TransferProblem(
                    path: path, kind: .unread,
                    error: failure.storeError("\(path): an entry \(FileText.of(bytes))")))
        case .gone: try remove(event)
        case .parcel, .large: throw StoreError(.internal, "a file was not read")
        }
    }

    /// A file that was read.
    func take(_ event: ImportEvent, _ file: ImportedFile, _ problem: Problem) throws(StoreError) {
        try reportUnsurveyed(event, problem)
        if let failure = file.failure {
            // It went meanwhile.
            if failure.code == ENOENT, event.old == nil { return }
            if failure.code == ENOENT { return try remove(event) }
            var event = event
            event.failure = failure
            return try keep(event, problem)
        }
        (filesRead, bytesRead) = (filesRead + 1, bytesRead + file.content.size)
        if file.isChanging {
            try report(event, HostError("read", EBUSY), .changing, problem)
        }
        let new = try entry(.file(file.content), file.status, file.attributes, event.old, inherited)
        try append(event, new)
        if file.isSettled, !file.isChanging { try note(event.key, file.status) }
    }

    /// It is imported, but as a file of its own where it has other names.
    private func reportUnsurveyed(_ event: ImportEvent, _ problem: Problem) throws(StoreError) {
        if let failure = event.unsurveyed { try report(event, failure, .metadata, problem) }
    }

    private func takeKnown(_ event: ImportEvent) throws(StoreError) {
        guard let old = event.old, let status = event.status else { return }
        if options.usesStatAttribute {
            // Its metadata are those of the attribute, which nobody changed.
            var same = old
            same.hardLink = try numbers.number(of: old, status, old)
            try append(event, try settled(same, old))
            return try note(event.key, status)
        }
        let attributes = old.attributes.elements.compactMap { (name, value) in
            if case .bytes(let bytes) = value, Host.isKept(name) { (name: name, value: bytes) } else { nil }
        }
        try append(event, try entry(old.content, status, attributes, old, inherited))
        try note(event.key, status)
    }

    private func takeLaterName(_ event: ImportEvent, _ problem: Problem) throws(StoreError) {
        switch event.status.flatMap({ firstNames[$0.identity] }) ?? .failure(HostError("read", ESTALE)) {
        case .success(let first): try append(event, try entry(like: first, event.old))
        case .failure(let failure):
            var event = event
            event.failure = failure
            try keep(event, problem)
        }
    }

    private func takeOther(_ event: ImportEvent) throws(StoreError) {
        guard let status = event.status else { return }
        let content: Entry.Content
        switch status.kind {
        case .symlink: content = .symlink(event.target)
        case .fifo: content = .fifo
        case .socket: content = .socket
        case .characterDevice: content = .characterDevice(status.device)
        case .blockDevice: content = .blockDevice(status.device)
        case .file, .directory: throw StoreError(.internal, "a file was not read")
        }
        try append(event, try entry(content, status, event.attributes, event.old, inherited))
    }

    private func leave() throws(StoreError) {
        guard let level = levels.popLast(), let event = level.event, let status = event.status else {
            throw StoreError(.internal, "a directory was left twice")
        }
        let directory = try level.builder.finish()
        try append(
            event, try entry(.directory(directory), status, event.attributes, event.old, inherited))
    }

    /// What could not be read stays what it was; a directory that never was here is empty.
    private func keep(_ event: ImportEvent, _ problem: Problem) throws(StoreError) {
        unread += 1
        if let failure = event.failure { try report(event, failure, .unread, problem) }
        guard let name = event.name else { return }
        if let status = event.status, numbers.isShared(status), firstNames[status.identity] == nil {
            firstNames[status.identity] = .failure(event.failure ?? HostError("read", ESTALE))
        }
        if let old = event.old {
            var kept = old
            kept.hardLink = try numbers.number(ofUnread: old, event.status)
            try current.append(name, try settled(kept, old))
        } else if let status = event.status, status.kind == .directory {
            try append(
                event, try entry(.directory(Directory()), status, [], nil, inherited))
        }
    }

    private func remove(_ event: ImportEvent) throws(StoreError) {
        guard let name = event.name, let old = event.old else { return }
        guard !old.isTombstone else { return try current.append(name, old) }
        let stone = try ReplicaChange.entry(
            old, try Entry(removing: old, at: now, source), source, { now }, random)
        try current.append(name, stone)
    }

    // MARK: Entries

    private var current: DirectoryBuilder {
        get throws(StoreError) {
            guard let level = levels.last else { throw StoreError(.internal, "there is no directory") }
            return level.builder
        }
    }

    /// The type of what is new in the directory.
    private var inherited: SyncType { levels.last?.sync ?? .default }

    private var components: [FileName] { levels.compactMap { $0.event?.name } }

    private func report(
        _ event: ImportEvent, _ failure: HostError, _ kind: TransferProblem.Kind, _ problem: Problem
    ) throws(StoreError) {
        let path = FilePath(components: components + (event.name.map { [$0] } ?? []))
        let error =
            kind == .changing
            ? StoreError(.busy, "\(path) changed while it was read") : failure.storeError("\(path)")
        // What is there is not what could not be read: an import of the rest would be another tree.
        if failure.isOfTheProcess { throw error }
        try problem(TransferProblem(path: path, kind: kind, error: error))
    }

    private func append(_ event: ImportEvent, _ new: Entry) throws(StoreError) {
        guard let name = event.name else { return }
        if !new.isDirectory {
            if case .file = new.content { files += 1 }
            if let status = event.status, numbers.isShared(status) {
                firstNames[status.identity] = .success(new)
            }
        }
        try current.append(name, new)
    }

    private func note(_ key: [UInt8], _ status: HostStatus) throws(StoreError) {
        guard key.count <= Self.keyLimit else { return }
        try seen.append(key, SeenFile(status).encoded)
    }

    private func entry(
        _ content: Entry.Content, _ status: HostStatus, _ attributes: [(name: [UInt8], value: [UInt8])],
        _ old: Entry?, _ sync: SyncType
    ) throws(StoreError) -> Entry {
        var new = Entry(content, mode: status.mode, modified: status.modified)
        // Linux gives every link the same.
        if status.kind == .symlink { new.mode = 0o777 }
        (new.owner, new.group, new.sync) = (status.owner, status.group, sync)
        for (name, value) in attributes { new.attributes[name] = .bytes(value) }
        if options.usesStatAttribute { StatAttribute.apply(to: &new) }
        // What is known of it besides what the host says stays.
        (numbers.known(status) ?? old.map(KnownFile.init))?.complete(&new)
        if !new.isDirectory { new.hardLink = try numbers.number(of: new, status, old) }
        return try settled(new, old)
    }

    /// Another name of a file, in the place of what the name had: what is known of the file is the same.
    private func entry(like first: Entry, _ old: Entry?) throws(StoreError) -> Entry {
        var new = first
        (new.replica, new.graveyard) = (nil, nil)
        new.sync = inherited
        return try settled(new, old)
    }

    /// An entry in the place of what the name had; one that did not change is the old one.
    private func settled(_ entry: Entry, _ old: Entry?) throws(StoreError) -> Entry {
        var new = entry
        guard let old else { return try ReplicaChange.entry(nil, new, source, { now }, random) }
        if !old.isTombstone { new.sync = old.sync }
        var same = new
        (same.replica, same.graveyard) = (old.replica, old.graveyard)
        if old.isDirectory, new.isDirectory {
            // Of this type its time goes forward only, and is no change where it is older on the host.
            if same.sync == .merkleCRDT { same.modified = max(old.modified, new.modified) }
            // What is below it was built with what was there, and comes from nowhere else.
            same.content = old.content
            if same != old {
                same = try ReplicaChange.entry(old, same, source, stays: true, { now }, random)
            }
            same.content = new.content
            return same
        }
        if same == old { return old }
        return try ReplicaChange.entry(old, new, source, { now }, random)
    }
}
