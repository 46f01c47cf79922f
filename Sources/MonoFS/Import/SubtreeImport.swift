import IpldEngine

extension FileSystem {
    /// Makes a directory of a branch what a directory of the host is, in a new version; all else of the
    /// branch stays. As `importDirectory(_:to:)`, but that every file is read. NOT_FOUND when there is no
    /// such branch, or nothing that the directory would be in; EXISTS when the path is something else than a
    /// directory.
    public func importDirectory(
        _ path: String, to branch: String, at place: FilePath, _ options: ImportOptions = ImportOptions(),
        progress: TransferProgressHandler? = nil, problem: TransferProblemHandler? = nil
    ) throws(StoreError) -> ImportReport {
        let workspace = try open(branch: branch)
        guard let before = workspace.version else {
            throw StoreError(.notFound, "there is no branch \(branch)")
        }
        let directory = try HostDirectory.open(
            path: path, need: HostDirectory.looking, loans: HostLoans(store))
        let stores = HostStores(store)
        guard !stores.hold(directory) else {
            throw StoreError(.invalid, "\(path) is, or is in, the directory of a store that is open")
        }
        do throws(StoreError) {
            let old = try workspace.previousEntry(at: place)
            let batch = try workspace.batch()
            let run = try TreeImport(
                batch, workspace.source, directory, old: old.map { (before, $0) }, seen: nil, options,
                excluding: stores, progress, problem)
            var report = try run.run()
            try workspace.setDirectory(place, try Workspace.directory(report.tree, workspace.source), old)
            do throws(StoreError) {
                report.version = try commit(
                    workspace, to: branch, message: options.message, author: options.author)
                report.isUnchanged = report.version == before
            } catch {
                guard error.code == .conflict, let refused = workspace.refusedVersion else { throw error }
                (report.version, report.isBesideBranch) = (refused, true)
            }
            return report
        } catch {
            workspace.abort()
            throw error
        }
    }
}

extension Workspace {
    /// What a name has or had, a tombstone included, where a directory is to be. EXISTS when it is something
    /// else than a directory.
    fileprivate func previousEntry(at path: FilePath) throws(StoreError) -> Entry? {
        try storeDirectory(path)
        let (location, name) = try place(path)
        let old = try location.directories.last?.entry(name)
        guard old.map({ $0.isDirectory || $0.isTombstone }) ?? true else { throw Self.exists(path) }
        return old
    }

    /// Gives a path a directory that was built with what it had.
    fileprivate func setDirectory(_ path: FilePath, _ entry: Entry, _ old: Entry?) throws(StoreError) {
        let (location, name) = try place(path)
        guard entry != old else { return }
        let inherited = try holder(location).sync
        try put(
            entry, name, at: location, isSameValue: old != nil, touches: !(old?.isDirectory ?? false))
        if Totals(of: entry).hardLinks > 0 {
            hardLinksChange()
            // Their numbers are those of a tree of its own.
            try regroupHardLinks(below: location.path, instead: old)
        }
        if old == nil, inherited != entry.sync { try setSync(path, inherited, recursively: true) }
    }
}
