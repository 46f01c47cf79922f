import IpldEngine

public struct ExportOptions: Sendable {
    /// What to do with a target that is there.
    public enum Existing: Sendable {
        /// EXISTS, unless it is an empty directory.
        case refuse
        /// The tree takes its place as a whole, in one step, and what was there is removed.
        case replace
        /// Names of the tree take the place of what has them there, directories are merged, and other names
        /// stay.
        case merge
    }

    public var existing = Existing.refuse
    /// Puts ownership, modes and kinds that the host refuses into `user.containers.override_stat`; devices
    /// are empty files then.
    public var usesStatAttribute = false
    /// Leaves out files and directories of which the store has lost something, reports them, and goes on;
    /// else that ends the export, and nothing comes of it. With `replace`, what was there goes all the same.
    public var keepsGoing = false

    public init() {}
}

public struct ExportReport: Equatable, Sendable {
    /// What was to be made; what is missing of it is counted below.
    public var entries: UInt64 = 0
    public var files: UInt64 = 0
    public var bytes: UInt64 = 0
    /// Entries that are missing, or are not all that they should be, because the host refused, or because
    /// something of them is damaged or missing in the store.
    public var unmade: UInt64 = 0
    /// Those of them of which the store has lost something.
    public var damaged: UInt64 = 0
    public var withoutOwner: UInt64 = 0
    public var withoutMetadata: UInt64 = 0
}

extension FileSystem {
    /// Writes a tree, or a directory of one, to a directory of the host.
    ///
    /// A target that is not there appears as a whole: the tree is made beside it, under a name that begins
    /// with ".ipldstore-", flushed, and renamed; the same is done to replace one. In an empty directory it is
    /// made under such a name, too, and then moved up; when that fails, what was moved is removed. Merging is
    /// not undone. What an export leaves that was killed, the next one to that place removes; one that was
    /// killed while it moved all up is brought to its end.
    ///
    /// Nothing is written outside the target, whatever names and links are in the tree, or are put there by
    /// somebody else meanwhile. Until its end nobody but the user who makes it can enter a new tree.
    ///
    /// Nor is anything written into the store, or a store that it reads through: INVALID when the target is
    /// one or in one, or would be replaced with one in it. Merging goes around one: what would take its
    /// place, or that of a directory it is in, is reported as not made.
    ///
    /// Permissions to own, to make devices and to set attributes are the host's to give: what it refuses is
    /// reported, once for each entry, and ends nothing. A file that is not its owner's does not get the
    /// set-user-id and set-group-id bits. `progress` and `problem` are called on this thread, and end the
    /// export when they throw.
    public func exportDirectory(
        _ path: FilePath = .root, of tree: CID, to target: String, _ options: ExportOptions = ExportOptions(),
        progress: TransferProgressHandler? = nil, problem: TransferProblemHandler? = nil
    ) throws(StoreError) -> ExportReport {
        let workspace = try open(tree)
        let entry = try workspace.status(path, followingLinks: true)
        guard entry.isDirectory else {
            throw StoreError(.invalid, "\(path) is no directory", systemError: SystemErrors.notADirectory)
        }
        let stores = HostStores(store)
        let place = try ExportTarget(target, options.existing, stores, HostLoans(store))
        let run = TreeExport(store, workspace.source, options, stores, place, progress, problem)
        do throws(StoreError) {
            try run.run(entry, into: place.directory)
            try place.finish(entry, run)
            return run.report
        } catch {
            place.discard()
            throw error
        }
    }
}
