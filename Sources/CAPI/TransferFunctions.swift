/// Directories of the host that come in and go out.
import CIpldStore
import IpldEngine
import MonoFS

@c @implementation
public func ips_fs_import_options_init(
    _ options: UnsafeMutablePointer<ips_fs_import_options>?, _ structSize: Int
) {
    setDefaults(options, structSize, ips_fs_import_options())
}

@c @implementation
public func ips_fs_export_options_init(
    _ options: UnsafeMutablePointer<ips_fs_export_options>?, _ structSize: Int
) {
    setDefaults(options, structSize, ips_fs_export_options())
}

@c @implementation
public func ips_fs_import(
    _ store: OpaquePointer?, _ directory: UnsafePointer<CChar>?, _ branch: UnsafePointer<CChar>?,
    _ options: UnsafePointer<ips_fs_import_options>?, _ progress: ips_fs_progress?,
    _ onTrouble: ips_fs_on_trouble?, _ context: UnsafeMutableRawPointer?,
    _ report: UnsafeMutablePointer<ips_fs_import_report>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (answers) throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let directory = try path(directory)
        let branch = branch == nil ? nil : try name(branch, "branch")
        let given = try growingInput(options) ?? ips_fs_import_options()
        let known = UInt32(IPS_FS_FULL | IPS_FS_ONE_FILE_SYSTEM | IPS_FS_STAT_ATTRIBUTE)
        guard given.flags & ~known == 0 else {
            throw StoreError(.unsupported, "a flag that this version does not know")
        }
        var options = ImportOptions()
        options.readsEverything = given.flags & UInt32(IPS_FS_FULL) != 0
        options.staysOnFileSystem = given.flags & UInt32(IPS_FS_ONE_FILE_SYSTEM) != 0
        options.usesStatAttribute = given.flags & UInt32(IPS_FS_STAT_ATTRIBUTE) != 0
        options.message = try optionalText(given.message, "message")
        options.author = try optionalText(given.author, "author")
        let place = try treePath(given.path)
        let files = try fileSystem(store)
        let progress = handler(progress, context, answers)
        let problem = handler(onTrouble, context, answers)
        let done: ImportReport
        if place == .root {
            done = try files.importDirectory(
                directory, to: branch, options, progress: progress, problem: problem)
        } else {
            guard let branch else {
                throw StoreError(.invalid, "a path is one of a branch, and there is none")
            }
            done = try files.importDirectory(
                directory, to: branch, at: place, options, progress: progress, problem: problem)
        }
        result.set(ips_fs_import_report(done))
        if done.isBesideBranch, let branch, let version = done.version {
            throw FileSystem.moved(branch, version)
        }
    }
}

@c @implementation
public func ips_fs_export(
    _ store: OpaquePointer?, _ tree: UnsafePointer<ips_cid>?, _ path: ips_bytes,
    _ directory: UnsafePointer<CChar>?, _ options: UnsafePointer<ips_fs_export_options>?,
    _ progress: ips_fs_progress?, _ onTrouble: ips_fs_on_trouble?, _ context: UnsafeMutableRawPointer?,
    _ report: UnsafeMutablePointer<ips_fs_export_report>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (answers) throws(StoreError) in
        let result = try GrowingOutput(report, nullAllowed: true)
        let (place, directory) = (try treePath(path), try CAPI.path(directory))
        let given = try growingInput(options) ?? ips_fs_export_options()
        guard given.flags & ~UInt32(IPS_FS_STAT_ATTRIBUTE | IPS_FS_KEEP_GOING) == 0 else {
            throw StoreError(.unsupported, "a flag that this version does not know")
        }
        var options = ExportOptions()
        options.keepsGoing = given.flags & UInt32(IPS_FS_KEEP_GOING) != 0
        options.usesStatAttribute = given.flags & UInt32(IPS_FS_STAT_ATTRIBUTE) != 0
        switch Int(given.existing) {
        case Int(IPS_FS_REFUSE): options.existing = .refuse
        case Int(IPS_FS_REPLACE): options.existing = .replace
        case Int(IPS_FS_INTO): options.existing = .merge
        default:
            throw StoreError(
                .unsupported, "nothing is known of \(given.existing) for a directory that is there")
        }
        let done = try fileSystem(store).exportDirectory(
            place, of: try cid(tree), to: directory, options, progress: handler(progress, context, answers),
            problem: handler(onTrouble, context, answers))
        result.set(ips_fs_export_report(done))
    }
}

private func handler(
    _ progress: ips_fs_progress?, _ context: UnsafeMutableRawPointer?, _ answers: CallbackOutcome
) -> TransferProgressHandler? {
    guard let progress else { return nil }
    return { (done) throws(StoreError) in
        var shown = ips_fs_transfer(
            entries: done.entries, bytes: done.bytes, total_entries: done.totalEntries,
            total_bytes: done.totalBytes)
        try answers.checkProgress(progress(context, &shown))
    }
}

private func handler(
    _ onTrouble: ips_fs_on_trouble?, _ context: UnsafeMutableRawPointer?, _ answers: CallbackOutcome
) -> TransferProblemHandler? {
    guard let onTrouble else { return nil }
    return { (problem) throws(StoreError) in
        let answer = problem.path.bytes.withUnsafeBytes { path in
            // Text that has a NUL, from names on the host it cannot be, ends there.
            problem.error.message.withCString { message in
                var shown = ips_fs_trouble()
                shown.kind = number(of: problem.kind)
                (shown.status, shown.os_errno) = (problem.error.code.status, problem.error.systemError)
                shown.path = ips_bytes(data: path.baseAddress, len: path.count)
                shown.message = message
                return onTrouble(context, &shown)
            }
        }
        guard answer != ips_status(IPS_CANCELLED) else {
            throw StoreError(.cancelled, "the callback for what goes wrong asked to stop")
        }
        try answers.check(answer, "on_trouble")
    }
}

private func number(of kind: TransferProblem.Kind) -> Int32 {
    switch kind {
    case .unread: Int32(IPS_FS_UNREAD)
    case .changing: Int32(IPS_FS_CHANGING)
    case .unmade: Int32(IPS_FS_UNMADE)
    case .ownership: Int32(IPS_FS_OWNER_REFUSED)
    case .metadata: Int32(IPS_FS_METADATA_REFUSED)
    case .unremoved: Int32(IPS_FS_UNREMOVED)
    }
}

extension ips_fs_import_report {
    fileprivate init(_ report: ImportReport) {
        self.init()
        is_unchanged = report.isUnchanged ? 1 : 0
        tree = ips_cid(report.tree)
        if let cid = report.version { version = ips_cid(cid) }
        (entries, files, bytes) = (report.entries, report.files, report.bytes)
        (files_read, bytes_read, unread) = (report.filesRead, report.bytesRead, report.unread)
    }
}

extension ips_fs_export_report {
    fileprivate init(_ report: ExportReport) {
        self.init()
        (entries, files, bytes) = (report.entries, report.files, report.bytes)
        (unmade, without_owner) = (report.unmade, report.withoutOwner)
        (without_metadata, damaged) = (report.withoutMetadata, report.damaged)
    }
}

@c @implementation
public func ips_fs_remove_directory(
    _ directory: UnsafePointer<CChar>?, _ progress: ips_progress?, _ onTrouble: ips_fs_on_trouble?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (answers) throws(StoreError) in
        let all = try HostTree.remove(
            try path(directory), progress: progressClosure(progress, context, answers),
            problem: handler(onTrouble, context, answers))
        guard all else { throw StoreError(.permission, "not all of the directory could be removed") }
    }
}
