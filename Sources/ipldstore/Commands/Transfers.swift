import ArgumentParser
import Glibc
import IpldEngine
import MonoFS

struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Store a directory with all that is in it; prints the CID of its version or tree.",
        discussion: """
            With --branch it becomes the newest version of that branch, which is made where there is none; a \
            directory that is what the branch has already makes no new version. With BRANCH:PATH it becomes \
            that directory of a branch that is there, and all else stays. Without, the tree is held for the \
            owner until dereference gives the hold back. Nothing is named unless all of it was read.

            Modes, ownership, times, extended attributes, links, devices, holes and names of any bytes are \
            kept; links are not followed. Of files that the branch knows, those whose inode, size and times \
            (of modification and of change) are what they were are not read again, unless --full is given: \
            what programs write through a shared memory mapping (databases, virtual disks) may leave the \
            times as they are for half a minute, and on tmpfs for good. The store itself is left out when \
            it is in the directory.

            What may not be read is reported, and the rest goes on, unless --stop is given; the exit code is \
            1 then. What the branch had of it before stays in the branch. Directories and files that their \
            owner closed to himself are opened for as long as they are read.
            """)

    @OptionGroup var options: StoreOptions
    @OptionGroup var owner: OwnerOption
    @Option(
        name: .customLong("branch"),
        help: ArgumentHelp("The branch whose newest version it becomes.", valueName: "name"),
        transform: TreeName.branch)
    var branch: String?
    @Option(
        name: [.customShort("m", allowingJoined: true), .customLong("message")],
        help: ArgumentHelp("What the version says of itself. (default: the command)", valueName: "text"))
    var message: String?
    @Option(help: ArgumentHelp("Who made it. (default: the user's name)", valueName: "name"))
    var author: String?
    @Flag(help: "Read every file, whatever is known of it: also what was written through memory mappings.")
    var full = false
    @Flag(
        name: [.customShort("x"), .customLong("one-file-system")],
        help: "Leave out what is on other file systems; where they are mounted are empty directories.")
    var staysOnFileSystem = false
    @Flag(
        name: .customLong("stat-xattr"),
        help: "Take ownership, modes and kinds from user.containers.override_stat, where it is there.")
    var usesStatAttribute = false
    @Flag(help: "Stop at the first entry that cannot be read, and store nothing.")
    var stop = false
    @Argument(help: ArgumentHelp("The directory.", valueName: "dir"))
    var directory: String
    @Argument(help: ArgumentHelp("The directory of a branch that it becomes.", valueName: "branch:path"))
    var place: TreePlace?

    func validate() throws {
        guard let place else { return }
        if branch != nil { throw ValidationError("--branch and BRANCH:PATH cannot be given together") }
        if !place.hasPath {
            throw ValidationError("\(place.text) has no colon: write BRANCH:PATH, or --branch")
        }
        _ = try TreeName.branch(place.reference)
    }

    func run() throws {
        let files = FileSystem(try options.open(owner: owner.name))
        if let place, try files.branch(place.reference) == nil {
            throw CommandExit(
                StoreError(.notFound, "there is no branch \(place.reference)"),
                advice: "ipldstore branch lists them, import --branch makes one")
        }
        var importOptions = ImportOptions()
        importOptions.readsEverything = full
        importOptions.staysOnFileSystem = staysOnFileSystem
        importOptions.usesStatAttribute = usesStatAttribute
        importOptions.message = message ?? CommandWords.message
        importOptions.author = author ?? CommitOptions.userName
        try Self.run(
            files, directory, branch ?? place?.reference, place?.path ?? .root, importOptions,
            owner: owner.name, isJSON: options.isJSON, stops: stop)
    }

    /// Imports a directory, says what could not be read, and reports.
    static func run(
        _ files: FileSystem, _ directory: String, _ branch: String?, _ path: FilePath,
        _ importOptions: ImportOptions, owner: String? = nil, isJSON: Bool, stops: Bool
    ) throws {
        Interruption.watch()
        let problems = ProblemReport("imported", isJSON: isJSON, stops: stops)
        defer { problems.progress.finish() }
        let progress: TransferProgressHandler = { (done) throws(StoreError) in try problems.step(done) }
        let problem: TransferProblemHandler = { (problem) throws(StoreError) in try problems.take(problem) }
        func run() throws -> ImportReport {
            if let branch, path != .root {
                return try files.importDirectory(
                    directory, to: branch, at: path, importOptions, progress: progress, problem: problem)
            }
            return try files.importDirectory(
                directory, to: branch, owner: owner, importOptions, progress: progress, problem: problem)
        }
        let report: ImportReport
        do { report = try run() } catch let error as StoreError {
            // A block's, not a file's of the host, nor that of a branch that is not there.
            let isOfBlock = error.code == .corrupt || error.message.hasSuffix(" is not in the store")
            guard isOfBlock, branch != nil, !importOptions.readsEverything else { throw error }
            throw CommandExit(error, advice: "import --full stores again what the branch has lost")
        }
        problems.progress.finish()
        if isJSON {
            try StandardOutput.write(
                .object([
                    ("tree", .string("\(report.tree)")), ("version", JSON(report.version?.description)),
                    ("branch", JSON(branch)), ("unchanged", .bool(report.isUnchanged)),
                    ("branch_moved_meanwhile", .bool(report.isBesideBranch)),
                    ("entries", .integer(report.entries)), ("files", .integer(report.files)),
                    ("bytes", .integer(report.bytes)), ("files_read", .integer(report.filesRead)),
                    ("bytes_read", .integer(report.bytesRead)), ("unread", .integer(report.unread)),
                ]))
        } else {
            try StandardOutput.write(line: "\(report.version ?? report.tree)")
        }
        if report.isBesideBranch, let branch, let version = report.version {
            throw CommandExit(
                StoreError(.conflict, "the branch \(branch) was moved while the directory was read"),
                advice: "the version is there: ipldstore merge \(branch) \(version)")
        }
        guard report.unread == 0 else {
            throw CommandExit(
                StoreError(
                    .permission, "\(Quantity.count(report.unread, "entry", "entries")) could not be read"),
                advice: "all else is stored; import it as a user who may read it")
        }
    }
}

/// Says what goes wrong with single entries, and how far it is.
final class ProblemReport {
    let progress: ProgressLine
    private let isJSON: Bool
    private let stops: Bool
    private let quiet: Set<TransferProblem.Kind>
    private(set) var counts: [TransferProblem.Kind: UInt64] = [:]

    /// Of problems that are `quiet` only their number is kept.
    init(_ verb: String, isJSON: Bool, stops: Bool, quiet: Set<TransferProblem.Kind> = []) {
        progress = ProgressLine(verb, isJSON: isJSON)
        (self.isJSON, self.stops, self.quiet) = (isJSON, stops, quiet)
    }

    func step(_ done: TransferProgress) throws(StoreError) {
        progress.total = done.totalBytes
        try progress.step(done.bytes)
    }

    func take(_ problem: TransferProblem) throws(StoreError) {
        counts[problem.kind, default: 0] += 1
        if stops { throw problem.error }
        guard !quiet.contains(problem.kind) else { return }
        progress.finish()
        Diagnostics.warning(
            problem.error.message,
            [
                ("kind", .string(problem.kind.rawValue)), ("path", TreeText.json(problem.path.bytes)),
                ("code", .string(problem.error.code.name)),
            ], isJSON: isJSON)
    }
}

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a tree, or a directory of one, to a directory.",
        discussion: """
            A directory that is not there appears when it is whole and durable; into an empty one is written \
            in place. One that holds something is refused, unless --overwrite has the tree take its place in \
            one step (what was there is removed then), or --into writes into it: names of the tree take the \
            place of what has them, and other names stay.

            The second argument is always a path here, also with a colon. Nothing is written outside the \
            directory, whatever the tree says. What the host refuses to this \
            user does not stop it: owners and attributes are counted, devices and names that it does not \
            take are missing and reported, and the exit code is 1 then. With --stat-xattr they are kept in \
            user.containers.override_stat, devices as empty files.

            A file or directory of which the store has lost something ends it, and nothing comes of it, so \
            that what appears, or takes a place, is whole. With --keep-going it is left out and reported, \
            all else is exported, and the exit code is 4.
            """)

    @OptionGroup var tree: TreeOptions
    @Flag(help: "Take the place of a directory that is there.")
    var overwrite = false
    @Flag(help: "Write into a directory that is there.")
    var into = false
    @Flag(
        name: .customLong("stat-xattr"),
        help: "Keep what the host refuses in user.containers.override_stat.")
    var usesStatAttribute = false
    @Flag(help: "Leave out what is damaged or missing in the store, and export the rest.")
    var keepGoing = false
    @Argument(help: ArgumentHelp(TreePlace.help, valueName: "branch[:path]"))
    var place: TreePlace
    @Argument(help: ArgumentHelp("The directory.", valueName: "dir"))
    var directory: String

    func validate() throws {
        if overwrite, into { throw ValidationError("--overwrite and --into cannot be given together") }
    }

    func run() throws {
        let files = try tree.open()
        let cid = try tree.resolve(place.reference, in: files)
        var exportOptions = ExportOptions()
        exportOptions.existing = overwrite ? .replace : into ? .merge : .refuse
        exportOptions.usesStatAttribute = usesStatAttribute
        exportOptions.keepsGoing = keepGoing
        try Self.run(files, place.path, cid, directory, exportOptions, isJSON: tree.isJSON)
    }

    /// Exports a directory of a tree, says what the host refused, and reports.
    static func run(
        _ files: FileSystem, _ path: FilePath, _ cid: CID, _ directory: String,
        _ exportOptions: ExportOptions, isJSON: Bool
    ) throws {
        Interruption.watch()
        let problems = ProblemReport(
            "exported", isJSON: isJSON, stops: false, quiet: [.ownership, .metadata])
        defer { problems.progress.finish() }
        let report = try run(files, path, cid, directory, exportOptions, problems)
        problems.progress.finish()
        if isJSON {
            try StandardOutput.write(
                .object([
                    ("cid", .string("\(cid)")), ("directory", .string(directory)),
                    ("entries", .integer(report.entries)), ("files", .integer(report.files)),
                    ("bytes", .integer(report.bytes)), ("unmade", .integer(report.unmade)),
                    ("damaged", .integer(report.damaged)),
                    ("without_owner", .integer(report.withoutOwner)),
                    ("without_metadata", .integer(report.withoutMetadata)),
                ]))
        } else {
            sayRefused(report)
        }
        guard report.damaged == 0 else {
            throw CommandExit(
                StoreError(
                    .corrupt,
                    "\(Quantity.count(report.damaged, "entry is", "entries are")) damaged in the store"),
                advice: report.unmade > report.damaged
                    ? "what could be made of the rest is there" : "all else is there")
        }
        guard report.unmade == 0 else {
            throw CommandExit(
                StoreError(
                    .permission, "\(Quantity.count(report.unmade, "entry", "entries")) could not be made"),
                advice: "all else is there")
        }
    }

    private static func run(
        _ files: FileSystem, _ path: FilePath, _ cid: CID, _ directory: String, _ options: ExportOptions,
        _ problems: ProblemReport
    ) throws -> ExportReport {
        do {
            return try files.exportDirectory(
                path, of: cid, to: directory, options,
                progress: { (done) throws(StoreError) in try problems.step(done) },
                problem: { (problem) throws(StoreError) in try problems.take(problem) })
        } catch {
            if error.code == .exists {
                throw CommandExit(
                    error, advice: "give --overwrite to replace it, or --into to write into it")
            }
            if error.systemError == ENOENT, error.message.hasPrefix("cannot open \(directory):") {
                throw CommandExit(error, advice: "make the directory above it first")
            }
            let isOfTree = ["the file ", "the directory "].contains { error.message.hasPrefix($0) }
            guard error.isLoss, isOfTree, !options.keepsGoing else { throw error }
            throw CommandExit(
                error,
                advice: "ipldstore export --keep-going leaves such out, ipldstore verify says what is lost")
        }
    }

    private static func sayRefused(_ report: ExportReport) {
        if report.withoutOwner > 0 {
            let count = Quantity.count(report.withoutOwner, "entry belongs", "entries belong")
            Diagnostics.warning("\(count) to you and not to the owner in the tree", isJSON: false)
        }
        if report.withoutMetadata > 0 {
            let count = Quantity.count(report.withoutMetadata, "entry is", "entries are")
            Diagnostics.warning("\(count) without an attribute, mode or time of the tree", isJSON: false)
        }
    }
}
