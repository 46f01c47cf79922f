import ArgumentParser
import IpldEngine
import MonoFS

struct CollectGarbage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Remove what nothing keeps, and give its space back.",
        discussion: """
            It may be stopped at any time and continues where it stopped. What running batches and readers \
            rely on stays until they end.
            """)

    @OptionGroup var options: StoreOptions
    @Option(
        name: .customLong("budget-ms"),
        help: ArgumentHelp("Stop after so many milliseconds. (default: when done)", valueName: "n"))
    var budgetMilliseconds: UInt64?
    @Flag(
        name: [.customShort("n"), .customLong("dry-run")], help: "Say what would go, and remove nothing.")
    var dryRun = false

    func run() throws {
        let store = try options.open()
        Interruption.watch()
        if dryRun {
            let progress = ProgressLine("found", unit: .blocks, isJSON: options.isJSON)
            defer { progress.finish() }
            let usage = try store.gcDryRun { (done) throws(StoreError) in try progress.step(done) }
            progress.finish()
            if options.isJSON {
                try StandardOutput.write(
                    .object([
                        ("dry_run", .bool(true)), ("blocks", .integer(usage.exclusiveBlocks)),
                        ("stored_bytes", .integer(usage.exclusiveBytes)),
                    ]))
            } else {
                try Report.write([
                    Report.number(usage.exclusiveBlocks, "blocks would go"),
                    Report.bytes(usage.exclusiveBytes, "stored bytes would go"),
                ])
            }
            return
        }
        let progress = ProgressLine("collected", unit: .blocks, isJSON: options.isJSON)
        defer { progress.finish() }
        let budget = budgetMilliseconds.map {
            let (nanoseconds, overflow) = $0.multipliedReportingOverflow(by: 1_000_000)
            return overflow ? UInt64.max : nanoseconds
        }
        let report = try store.gc(budget: budget) { (done) throws(StoreError) in try progress.step(done) }
        progress.finish()
        if options.isJSON {
            try StandardOutput.write(.object(report.json))
            return
        }
        try Report.write([
            Report.number(report.blocks, "blocks collected"),
            Report.bytes(report.storedBytes, "stored bytes of them"),
            Report.bytes(report.reclaimedBytes, "bytes given back to the file system"),
            Report.number(report.packs, "packs removed"),
            Report.number(
                report.remaining,
                report.isComplete ? "dead blocks remain" : "dead blocks remain: run ipldstore gc again"),
        ])
    }
}

extension CollectionReport {
    var json: [(String, JSON)] {
        [
            ("blocks", .integer(blocks)), ("stored_bytes", .integer(storedBytes)),
            ("reclaimed_bytes", .integer(reclaimedBytes)), ("packs", .integer(packs)),
            ("remaining", .integer(remaining)), ("complete", .bool(isComplete)),
        ]
    }
}

struct SpaceUsage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Say what deleting roots, or a branch, would free.",
        discussion: """
            Logical bytes are those of the roots' data; exclusive ones, as stored, would be freed if these \
            roots were removed together; shared ones are data in blocks that something else keeps. Of a \
            branch, one at a time, logical and shared bytes are those of its newest tree, and what would be \
            freed is with the history that it keeps. A name means a root, else a branch, else a tag; \
            fs/branch/NAME is the branch.
            """)

    @OptionGroup var options: StoreOptions
    @Argument(
        help: ArgumentHelp("The roots and tags, or a branch.", valueName: "root|branch|tag"),
        transform: RootName.checked)
    var roots: [String]

    func run() throws {
        let store = try options.open()
        let files = FileSystem(store)
        let branches = try roots.filter { try options.branch($0, in: files) != nil }
        guard branches.isEmpty || roots.count == 1 else {
            throw CommandExit.usage("\(branches[0]) is a branch: ask for each branch alone")
        }
        Interruption.watch()
        let progress = ProgressLine("counted", unit: .blocks, isJSON: options.isJSON)
        defer { progress.finish() }
        let step: StepHandler = { (done) throws(StoreError) in try progress.step(done) }
        let usage =
            if let branch = try branches.first.flatMap({ try options.branch($0, in: files) }) {
                try files.usage(ofBranch: branch, progress: step)
            } else {
                try store.usage(of: try roots.map { try Self.root($0, in: store) }, progress: step)
            }
        progress.finish()
        if options.isJSON {
            try StandardOutput.write(
                .object([
                    ("roots", .array(roots.map { .string($0) })),
                    ("logical_bytes", .integer(usage.logicalBytes)),
                    ("exclusive_bytes", .integer(usage.exclusiveBytes)),
                    ("exclusive_blocks", .integer(usage.exclusiveBlocks)),
                    ("shared_bytes", .integer(usage.sharedBytes)),
                ]))
            return
        }
        try Report.write([
            Report.bytes(usage.logicalBytes, "logical bytes"),
            Report.bytes(usage.exclusiveBytes, "exclusive bytes, as stored"),
            Report.bytes(usage.sharedBytes, "shared bytes"),
        ])
    }
}

extension SpaceUsage {
    /// A root, or where none is called so the root that a tag is.
    private static func root(_ name: String, in store: ContentStore) throws -> String {
        let tag = FileSystem.tagPrefix + name
        return try store.root(name) == nil && (try? store.root(tag)) ?? nil != nil ? tag : name
    }
}

extension StoreOptions {
    /// The branch that a name means where roots are spoken of: fs/branch/NAME, or a branch of that name where
    /// no root has it. Nil for all else.
    func branch(_ name: String, in files: FileSystem) throws -> String? {
        if let branch = FileSystem.name(of: name, behind: FileSystem.branchPrefix) { return branch }
        guard try files.store.rootHereOrBelow(name) == nil else {
            if (try? files.branch(name)) ?? nil != nil {
                Diagnostics.warning(
                    "\(name) is a root, which is meant, and a branch, which is fs/branch/\(name)",
                    isJSON: isJSON)
            }
            return nil
        }
        return (try? files.store.rootHereOrBelow(FileSystem.branchPrefix + name)) ?? nil == nil ? nil : name
    }
}
