import ArgumentParser
import IpldEngine
import MonoFS

struct Copy: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy roots, branches and tags of another store, as far as they are missing here.",
        discussion: """
            A root keeps its name, and replaces a root of that name here; a CID is held by the owner. A \
            branch comes with its history, as far as the other store has it (--depth: the newest versions of \
            it), to the branch of its name, which moves only forward: when it has versions here that the \
            other one has not, the exit code is 5 and nothing is changed, unless --force moves it all the \
            same; those versions stay here until prune drops them. A tag comes with its version, and is \
            moved with --force only. A name means a root, else a branch, else a tag; fs/branch/NAME and \
            fs/tag/NAME mean one of them in any case.

            A copy that is stopped goes on where it was when it is given again; until then, or until \
            another copy into the store is done, the owner copy:CID holds what there is of it.

            Example: ipldstore --store backup copy --from .ipldstore main
            """)

    @OptionGroup var options: StoreOptions
    @OptionGroup var owner: OwnerOption
    @Option(
        name: .customLong("from"), help: ArgumentHelp("The other store's directory.", valueName: "store"))
    var source: String
    @Option(
        help: ArgumentHelp("Name the copy of one root, CID or newest version so.", valueName: "root"),
        transform: RootName.changeable)
    var root: String?
    @Option(
        help: ArgumentHelp(
            "Copy one branch, tag or version with its history to this branch.", valueName: "name"),
        transform: TreeName.branch)
    var branch: String?
    @Option(help: ArgumentHelp("Of a branch, at most so many versions.", valueName: "n"))
    var depth: Int?
    @Flag(help: "Move branches also where that is not forward, and tags.")
    var force = false
    @Argument(help: ArgumentHelp("What to copy.", valueName: "root|branch|tag|cid"))
    var references: [String]

    func validate() throws {
        if root != nil || branch != nil, references.count != 1 {
            throw ValidationError("--root and --branch name one copy")
        }
        if root != nil, branch != nil {
            throw ValidationError("--root and --branch cannot be given together")
        }
        if let depth, depth < 1 { throw ValidationError("--depth is 1 or more") }
    }

    /// What is copied, and to what.
    private enum Target {
        case owner
        case root(String)
        case branch(String)
        case tag(String)
    }

    func run() throws {
        Interruption.watch()
        // The target first: what one writes to, the other may read through.
        let store = try options.open(owner: owner.name)
        let other = FileSystem(try ContentStore.open(at: source, readOnly: true))
        let progress = ProgressLine("looked at", unit: .blocks, isJSON: options.isJSON)
        defer { progress.finish() }
        // What is there of one that was stopped is kept while those before it are gone through.
        let copying = try store.beginCopying()
        var total = CopyReport()
        var versions: UInt64?
        var names: [(String, CID)] = []
        for reference in references {
            let (cid, target) = try self.target(reference, other)
            let before = total.visited
            let step: (UInt64) throws(StoreError) -> Void = { (done) throws(StoreError) in
                try progress.step(before + done)
            }
            let report: CopyReport
            switch target {
            case .owner: report = try store.copy(cid, from: other.store, progress: step)
            case .root(let name):
                report = try store.copy(cid, from: other.store, asRoot: name, progress: step)
            case .branch(let name):
                let copied = try copyBranch(cid, from: other, to: name, store, step)
                versions = (versions ?? 0) + copied.versions
                report = copied.blocks
            case .tag(let name):
                let copied = try copyTag(cid, from: other, to: name, store, step)
                versions = (versions ?? 0) + copied.versions
                report = copied.blocks
            }
            total.visited += report.visited
            total.blocks += report.blocks
            total.bytes += report.bytes
            names.append((root ?? branch ?? reference, cid))
        }
        try copying.finish(total)
        progress.finish()
        try options.write(copied: total, names: names, versions: versions)
    }

    private func target(_ reference: String, _ other: FileSystem) throws -> (CID, Target) {
        let branchName = try options.branch(reference, in: other)
        let cid: CID
        do {
            if let branchName {
                cid = try options.resolve(FileSystem.branchPrefix + branchName, in: other.store)
            } else {
                cid = try resolve(reference, other)
            }
        } catch let error as CommandExit {
            throw error.status == StoreError.Code.notFound.exitStatus
                ? CommandExit(
                    StoreError(
                        .notFound, "\(reference) is neither a CID, nor a root, branch or tag of \(source)"),
                    advice: "ipldstore ls --store \(source) lists its roots") : error
        }
        if let root { return (cid, .root(root)) }
        if let branch { return (cid, .branch(branch)) }
        if let branchName { return (cid, .branch(branchName)) }
        if (try? CID(parsing: reference)) != nil { return (cid, .owner) }
        if let tag = FileSystem.name(of: reference, behind: FileSystem.tagPrefix) { return (cid, .tag(tag)) }
        if try other.store.rootHereOrBelow(reference) != nil { return (cid, .root(reference)) }
        return (cid, (try? other.tag(reference)) ?? nil == cid ? .tag(reference) : .owner)
    }

    private func resolve(_ reference: String, _ other: FileSystem) throws -> CID {
        if let cid = try? CID(parsing: reference) { return cid }
        if let cid = try other.store.rootHereOrBelow(reference) { return cid }
        return try options.resolve(tree: reference, in: other)
    }

    private func copyBranch(
        _ cid: CID, from other: FileSystem, to name: String, _ store: ContentStore,
        _ progress: @escaping (UInt64) throws(StoreError) -> Void
    ) throws -> BranchCopyReport {
        do throws(StoreError) {
            return try FileSystem(store).copyVersion(
                cid, from: other, toBranch: name, limit: depth ?? .max, force: force, progress: progress)
        } catch {
            guard error.code == .conflict, error.message.contains("does not lead to") else { throw error }
            throw CommandExit(
                error,
                advice: "copy it to another branch with --branch NAME and merge that, or move it with --force"
            )
        }
    }

    private func copyTag(
        _ cid: CID, from other: FileSystem, to name: String, _ store: ContentStore,
        _ progress: @escaping (UInt64) throws(StoreError) -> Void
    ) throws -> BranchCopyReport {
        do throws(StoreError) {
            return try FileSystem(store).copyVersion(
                cid, from: other, toTag: name, moving: force, progress: progress)
        } catch {
            guard error.code == .exists, error.message.contains("the tag") else { throw error }
            throw CommandExit(error, advice: "it is at another version here; --force moves it")
        }
    }
}
