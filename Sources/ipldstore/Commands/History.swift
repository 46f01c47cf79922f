import ArgumentParser
import IpldEngine
import MonoFS

struct Log: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the versions that lead to one, newest first.",
        discussion: """
            With a path, those in which it became what it is there; exit code 3 when none of them ever had \
            it. A line each: CID, time, author and message, with tabs between. History ends where a version \
            is no longer in the store.
            """)

    @OptionGroup var tree: TreeOptions
    @Option(
        name: [.customShort("n", allowingJoined: true), .customLong("limit")],
        help: "At most so many. (default: all)")
    var givenLimit: Int?
    @Argument(help: ArgumentHelp("A branch, tag or version, and a path in it.", valueName: "branch[:path]"))
    var place: TreePlace

    func validate() throws {
        if let givenLimit, givenLimit < 0 { throw ValidationError("--limit must not be negative") }
    }

    func run() throws {
        let files = try tree.open()
        let start = try tree.resolve(place.reference, in: files)
        if place.hasPath { try checkPath(files, start) }
        let limit = givenLimit ?? .max
        var shown = 0
        if tree.isJSON { try StandardOutput.write("[") }
        func show(_ cid: CID, _ version: Version, _ entry: Entry?) throws {
            if tree.isJSON {
                var fields: [(String, JSON)] = [
                    ("version", .string("\(cid)")), ("tree", .string("\(version.tree)")),
                    ("previous", .array(version.previous.map { .string("\($0)") })),
                    ("time", TreeText.time(json: version.time)), ("author", .string(version.author)),
                    ("message", .string(version.message)),
                ]
                if place.hasPath {
                    fields.append(("entry", entry.map { .object(TreeText.fields($0)) } ?? .null))
                }
                try StandardOutput.write((shown > 0 ? "," : "") + JSON.object(fields).text)
            } else {
                let message = version.message.split(whereSeparator: \.isNewline).first ?? ""
                let facts = [
                    "\(cid)", TreeText.time(version.time), TreeText.quoted(Array(version.author.utf8)),
                    TreeText.quoted(Array(message.utf8)),
                ]
                try StandardOutput.write(line: facts.joined(separator: "\t"))
            }
            shown += 1
        }
        let outcome = Result {
            if place.hasPath {
                let history = try files.history(of: place.path, from: start)
                while shown < limit, let next = try history.next() {
                    try show(next.cid, next.version, next.entry)
                }
            } else {
                let history = try files.history(from: start)
                while shown < limit, let next = try history.next() { try show(next.cid, next.version, nil) }
            }
        }
        // Also where it ends with an error: what was shown can be read.
        if tree.isJSON { try StandardOutput.write("]\n") }
        try outcome.get()
    }

    /// A path that no version had is a mistake, before anything is printed.
    private func checkPath(_ files: FileSystem, _ start: CID) throws {
        let history = try files.history(of: place.path, from: start)
        guard try history.next() == nil else { return }
        throw CommandExit(
            StoreError(.notFound, "no version that leads to \(place.reference) has \(place.path)"),
            advice: "ipldstore tree lists what there is")
    }
}

struct Branch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the branches, make an empty one, or remove one.",
        discussion: """
            ipldstore fork makes a branch of what there is. A branch and a tag do not share a name. A branch \
            keeps the versions that were made in \
            it, and the one that it began at: with it go those that no other branch or tag keeps, also from \
            the history of its forks. Space is given back for up to a second, and what that was is printed; \
            gc does what remains.
            """)

    @OptionGroup var tree: TreeOptions
    @Flag(
        name: [.customShort("d"), .customLong("delete")], help: "Remove it, with the history only it keeps.")
    var isRemoval = false
    @Argument(help: "The branch. (default: list all)", transform: TreeName.branch)
    var name: String?

    func run() throws {
        let files = try tree.open()
        guard let name else {
            guard !isRemoval else { throw CommandExit.usage("which branch is to be removed?") }
            return try tree.write(try files.branches())
        }
        if isRemoval {
            return try tree.options.write(name, "name", wasRemoved: try files.removeBranch(name))
        }
        try tree.write([FileSystem.Reference(name: name, version: try files.createBranch(name))])
    }
}

struct Tag: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the tags, set one, or remove one.",
        discussion: """
            A tag keeps one version, and not what came before it; with its last tag, a version goes that \
            nothing else keeps. It cannot have the name of a branch; where both are there, from an older \
            version, the name means the branch, and fs/tag/NAME the tag.
            """)

    @OptionGroup var tree: TreeOptions
    @Flag(name: [.customShort("d"), .customLong("delete")], help: "Remove it.")
    var isRemoval = false
    @Flag(name: [.customShort("f"), .customLong("force")], help: "Move it where it is there already.")
    var isMove = false
    @Argument(help: "The tag. (default: list all)", transform: TreeName.tag)
    var name: String?
    @Argument(help: ArgumentHelp("A branch, tag or version.", valueName: "reference"))
    var reference: String?

    func run() throws {
        let files = try tree.open()
        guard let name else {
            guard !isRemoval else { throw CommandExit.usage("which tag is to be removed?") }
            return try tree.write(try files.tags())
        }
        if isRemoval {
            return try tree.options.write(name, "name", wasRemoved: try files.removeTag(name))
        }
        guard let reference else {
            throw CommandExit.usage("what is the tag to name? give a branch or version")
        }
        let version = try tree.resolve(reference, in: files)
        try files.setTag(name, to: version, moving: isMove)
        try tree.write([FileSystem.Reference(name: name, version: version)])
    }
}

extension TreeOptions {
    /// Names and versions, a tab between, and behind another one "base" where it is a base's.
    func write(_ references: [FileSystem.Reference]) throws {
        guard isJSON else {
            for reference in references {
                let base = reference.isOfBase ? "\tbase" : ""
                try StandardOutput.write(line: "\(reference.name)\t\(reference.version)\(base)")
            }
            return
        }
        try StandardOutput.write(
            .array(
                references.map {
                    .object([
                        ("name", .string($0.name)), ("version", .string("\($0.version)")),
                        ("base", .bool($0.isOfBase)),
                    ])
                }))
    }
}

struct Fork: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a branch at a version, old or new; nothing is copied.",
        discussion: """
            The new branch keeps that version and what it adds. What came before is seen in it as long as \
            another branch or a tag keeps it.
            """)

    @OptionGroup var tree: TreeOptions
    @Argument(help: ArgumentHelp("A branch, tag or version.", valueName: "reference"))
    var reference: String
    @Argument(help: "The new branch.", transform: TreeName.branch)
    var name: String

    func run() throws {
        let files = try tree.open()
        let version = try tree.resolve(reference, in: files)
        try files.fork(name, at: version)
        try tree.write([FileSystem.Reference(name: name, version: version)])
    }
}

struct Prune: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Drop old versions of a branch; prints them.",
        discussion: """
            The newest stays, and what any option keeps; nothing newer is rewritten. Versions that another \
            branch or a tag keeps stay in the store as long as it does. With --tombstones-before, \
            tombstones older than a time go from the branch first, in a new version. Times are YYYY-MM-DD, \
            YYYY-MM-DDThh:mm:ssZ or @SECONDS.
            """)

    @OptionGroup var commit: CommitOptions
    @Option(help: ArgumentHelp("Keep so many of the newest.", valueName: "n"))
    var keepLast: Int?
    @Option(
        help: ArgumentHelp("Keep those made at this time or later.", valueName: "time"),
        transform: TreeText.time(parsing:))
    var keepSince: Timestamp?
    @Option(
        help: ArgumentHelp("Drop tombstones that are older.", valueName: "time"),
        transform: TreeText.time(parsing:))
    var tombstonesBefore: Timestamp?
    @Flag(name: [.customShort("n"), .customLong("dry-run")], help: "Only print what would go.")
    var isDryRun = false
    @Argument(help: "The branch.", transform: TreeName.branch)
    var branch: String

    func run() throws {
        guard keepLast != nil || keepSince != nil || tombstonesBefore != nil else {
            throw CommandExit.usage("say what is to stay: --keep-last, --keep-since or --tombstones-before")
        }
        let files = try commit.tree.open()
        var tombstones: UInt64 = 0
        if let tombstonesBefore, !isDryRun {
            tombstones =
                try files.compactTombstones(
                    branch, before: tombstonesBefore, message: commit.message ?? "drop old tombstones",
                    author: commit.authorName
                ).dropped
        }
        var report = RetentionReport()
        if keepLast != nil || keepSince != nil {
            let rules = RetentionRules(last: keepLast, since: keepSince)
            report = try files.prune(branch, rules, dryRun: isDryRun)
        }
        if commit.tree.isJSON {
            try StandardOutput.write(
                .object([
                    ("kept", .integer(UInt64(report.kept))),
                    ("kept_by_tags", .integer(UInt64(report.tagged))),
                    ("dropped", .array(report.dropped.map { .string("\($0)") })),
                    ("tombstones", .integer(tombstones)),
                ]))
        } else {
            for version in report.dropped { try StandardOutput.write(line: "\(version)") }
            guard report.tagged > 0 else { return }
            let count = Quantity.count(UInt64(report.tagged), "version stays", "versions stay")
            Diagnostics.note("\(count) as long as tagged")
        }
    }
}
