import IpldEngine

public struct ImportOptions: Sendable {
    /// Reads every file, also those that did not change since the import before.
    public var readsEverything = false
    /// Directories on other file systems are imported empty, as mount points are.
    public var staysOnFileSystem = false
    /// Takes ownership, modes and kinds from `user.containers.override_stat`, where an export as an ordinary
    /// user put them.
    public var usesStatAttribute = false
    public var message = ""
    public var author = ""

    public init() {}
}

/// How far it is. A directory that changes meanwhile may have more, or less, than was counted.
public struct TransferProgress: Equatable, Sendable {
    public var entries: UInt64 = 0
    public var bytes: UInt64 = 0
    public var totalEntries: UInt64 = 0
    public var totalBytes: UInt64 = 0
}

/// Something that could not be read from, or written to, the host as it is.
public struct TransferProblem: Sendable {
    /// From the directory that is imported or exported.
    public let path: FilePath
    public let kind: Kind
    public let error: StoreError

    public enum Kind: String, Sendable {
        /// It could not be read. What the branch had of it before is kept; else it is left out (a directory:
        /// imported empty).
        case unread
        /// It changed while it was read, and is what was read.
        case changing
        /// The host refused to make it, or something of it is lost in the store, and it is missing in the
        /// directory, or a part of it is.
        case unmade
        /// The host refused its owner.
        case ownership
        /// The host refused an attribute, a mode or a time.
        case metadata
        /// It could not be removed.
        case unremoved
    }
}

public struct ImportReport: Equatable, Sendable {
    public var tree: CID
    /// Nil where the tree went to no branch.
    public var version: CID?
    /// Whether the branch has no new version, because the tree is that of the one before.
    public var isUnchanged = false
    /// Whether the branch was moved meanwhile: the version is kept for it, and has to be merged.
    public var isBesideBranch = false
    public var entries: UInt64 = 0
    public var files: UInt64 = 0
    public var bytes: UInt64 = 0
    /// Files whose content was read, and what they had.
    public var filesRead: UInt64 = 0
    public var bytesRead: UInt64 = 0
    /// Entries that could not be read.
    public var unread: UInt64 = 0
}

public typealias TransferProgressHandler = (TransferProgress) throws(StoreError) -> Void
public typealias TransferProblemHandler = (TransferProblem) throws(StoreError) -> Void

extension FileSystem {
    /// Makes a version of a directory of the host on a branch, which is made when it is not there. A name
    /// that the branch's newest version has and the directory has not is removed; a tree that is the one of
    /// before makes no new version. A branch that is moved meanwhile stays where it is, and keeps the version
    /// (`isBesideBranch`). Without a branch, the tree is held for `owner` (the store handle's, when
    /// nil).
    ///
    /// Files whose content is known from the last import to that branch are not read: those whose inode, size
    /// and times of modification and of change are what they were, when the latter was old enough that no
    /// later change can have the same (docs/FORMAT.md, MonoFS); what is written through a shared mapping may
    /// leave them as they are, and is only seen with `readsEverything`. With that, too, what the branch's
    /// newest version has lost is stored again. The store itself, should it be below
    /// the directory, is left out; its own directory cannot be imported, nor what is in that: INVALID.
    ///
    /// `progress` and `problem` are called on this thread, and end the import when they throw; nothing is
    /// named then. A problem of one file ends nothing by itself.
    public func importDirectory(
        _ path: String, to branch: String?, owner: String? = nil, _ options: ImportOptions = ImportOptions(),
        progress: TransferProgressHandler? = nil, problem: TransferProblemHandler? = nil
    ) throws(StoreError) -> ImportReport {
        let before = try branch.map { (branch) throws(StoreError) in try self.branch(branch) } ?? nil
        let seenRoot = try branch.map { (branch) throws(StoreError) in try Self.seenRoot(branch) }
        let stores = HostStores(store)
        let directory = try HostDirectory.open(
            path: path, need: HostDirectory.looking, loans: HostLoans(store))
        guard !stores.hold(directory) else {
            throw StoreError(.invalid, "\(path) is, or is in, the directory of a store that is open")
        }
        let batch = try store.makeBatch()
        do throws(StoreError) {
            let source = TreeSource(store, batch)
            var old: (tree: CID, entry: Entry)?
            if let before {
                let tree = try version(before).tree
                do { old = (tree, try Workspace.directory(tree, source)) } catch
                    where options.readsEverything && error.isLoss
                {}
            }
            let seen = try seenRoot.map { (name) throws(StoreError) in try store.root(name) } ?? nil
            let run = try TreeImport(
                batch, source, directory, old: old, seen: seen, options,
                excluding: stores, progress, problem)
            var report = try run.run()
            if let branch, let seenRoot {
                try batch.setRoot(seenRoot, to: try run.storeSeen(report.tree))
                if let before, report.tree == old?.tree {
                    report.version = before
                    report.isUnchanged = true
                    try keep(before, of: try Self.rootName(branch: branch), in: batch)
                    try batch.commit()
                } else {
                    let version = Version(
                        tree: report.tree, previous: before.map { [$0] } ?? [], time: .now(),
                        message: options.message, author: options.author)
                    let (cid, hasMoved) = try commit(version, in: batch, to: branch)
                    (report.version, report.isBesideBranch) = (cid, !hasMoved)
                }
            } else {
                try batch.hold(report.tree, owner: owner)
                try batch.commit()
            }
            return report
        } catch {
            batch.abort()
            throw error
        }
    }

    /// The root of what is known of the files that were last imported to a branch.
    static func seenRoot(_ branch: String) throws(StoreError) -> String {
        _ = try rootName(branch: branch)
        return "fs/seen/" + branch
    }
}
