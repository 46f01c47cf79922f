import ArgumentParser
import IpldEngine
import MonoFS

struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Merge a branch or version into a branch; exit code 5 when there are conflicts.",
        discussion: """
            Conflicts are printed a line each: what it is, a tab, the path; and nothing is changed while one \
            of them is not decided. --policy decides all of them: ours, theirs, newest (by the entries' \
            times), or both (theirs under its name, a dot and --suffix); --ours, --theirs and --both decide \
            that of one path. Text files that both sides changed are a conflict: nothing is merged line by \
            line. To merge by hand, change the branch to what it is to be, then take ours. A \
            line that begins with a CID is the branch's new version.

            Example: ipldstore merge main dev --theirs etc/hosts --policy newest
            """)

    enum Policy: String, ExpressibleByArgument, CaseIterable {
        case report, ours, theirs, newest, both
    }

    @OptionGroup var commit: CommitOptions
    @Option(help: "What becomes of conflicts: \(Policy.allCases.map(\.rawValue).joined(separator: ", ")).")
    var policy = Policy.report
    @Option(help: ArgumentHelp("What the second of two kept files ends in.", valueName: "text"))
    var suffix = "theirs"
    @Option(help: ArgumentHelp("Take ours of this path; may be given often.", valueName: "path"))
    var ours: [String] = []
    @Option(help: ArgumentHelp("Take theirs of this path.", valueName: "path"))
    var theirs: [String] = []
    @Option(help: ArgumentHelp("Keep both of this path.", valueName: "path"))
    var both: [String] = []
    @Flag(name: .customLong("no-ff"), help: "Make a version even where the branch could just move.")
    var alwaysMakesVersion = false
    @Argument(help: "The branch that changes.", transform: TreeName.branch)
    var branch: String
    @Argument(help: ArgumentHelp("The branch, tag or version to merge.", valueName: "reference"))
    var reference: String

    func run() throws {
        let files = try commit.tree.open()
        let theirs = try commit.tree.resolve(reference, in: files)
        let decisions = try Decisions(self)
        let chosen: MergePolicy =
            decisions.isEmpty
            ? usualPolicy
            : .ask(suffix: suffix) { (conflict) throws(StoreError) in
                decisions.resolution(of: conflict) ?? Self.resolution(policy, conflict)
            }
        let outcome = try files.merge(
            theirs, into: branch, policy: chosen, fastForward: !alwaysMakesVersion,
            message: commit.message ?? "merge \(reference)", author: commit.authorName)
        switch outcome {
        case .upToDate(let version): try write("up to date", version, [])
        case .fastForward(let version): try write("fast-forward", version, [])
        case .merged(let version, let conflicts): try write("merged", version, conflicts)
        case .conflicts(let conflicts):
            try write("conflicts", nil, conflicts)
            try StandardOutput.flush()
            throw CommandExit(
                StoreError(
                    .conflict, "\(Quantity.count(UInt64(conflicts.count), "conflict")), nothing was changed"),
                advice: conflicts.allSatisfy { $0.kind == .raft }
                    ? "of type raft only one side may have changed: no policy decides that"
                    : "decide all with --policy, or each with --ours, --theirs or --both PATH")
        }
        for path in decisions.unused {
            Diagnostics.warning("there was no conflict about \(path)", isJSON: commit.tree.isJSON)
        }
    }

    private var usualPolicy: MergePolicy {
        switch policy {
        case .report: .report
        case .ours: .ours
        case .theirs: .theirs
        case .newest: .newest
        case .both: .both(suffix: suffix)
        }
    }

    /// What a policy says of a conflict that nobody named.
    private static func resolution(_ policy: Policy, _ conflict: MergeConflict) -> MergeConflict.Resolution {
        switch policy {
        case .report: .unresolved
        case .ours: .ours
        case .theirs: .theirs
        case .newest: conflict.newest
        case .both: .both
        }
    }

    /// What is decided of single paths.
    private final class Decisions {
        private var byPath: [FilePath: MergeConflict.Resolution] = [:]
        private var used: Set<FilePath> = []

        init(_ command: Merge) throws {
            for (paths, resolution) in [
                (command.ours, MergeConflict.Resolution.ours), (command.theirs, .theirs),
                (command.both, .both),
            ] {
                for text in paths {
                    guard byPath.updateValue(resolution, forKey: try FilePath(text)) == nil else {
                        throw CommandExit.usage("\(text) is decided twice")
                    }
                }
            }
        }

        var isEmpty: Bool { byPath.isEmpty }
        var unused: [FilePath] { byPath.keys.filter { !used.contains($0) } }

        func resolution(of conflict: MergeConflict) -> MergeConflict.Resolution? {
            guard let resolution = byPath[conflict.path] else { return nil }
            used.insert(conflict.path)
            return resolution
        }
    }

    private func write(_ outcome: String, _ version: CID?, _ conflicts: [MergeConflict]) throws {
        if commit.tree.isJSON {
            try StandardOutput.write(
                .object([
                    ("outcome", .string(outcome)), ("version", JSON(version.map { "\($0)" })),
                    ("conflicts", .array(conflicts.map(Self.json))),
                ]))
            return
        }
        for conflict in conflicts {
            let decided = conflict.resolution == .unresolved ? "" : " (\(conflict.resolution.rawValue))"
            try StandardOutput.write(
                line: "\(conflict.kind.rawValue)\t\(TreeText.quoted(conflict.path.bytes))\(decided)")
        }
        if let version { try StandardOutput.write(line: "\(version)\t\(outcome)") }
    }

    private static func json(_ conflict: MergeConflict) -> JSON {
        func entry(_ entry: Entry?) -> JSON { entry.map { .object(TreeText.fields($0)) } ?? .null }
        return .object([
            ("kind", .string(conflict.kind.rawValue)), ("path", TreeText.json(conflict.path.bytes)),
            ("other_path", conflict.otherPath.map { TreeText.json($0.bytes) } ?? .null),
            ("resolution", .string(conflict.resolution.rawValue)), ("base", entry(conflict.base)),
            ("ours", entry(conflict.ours)), ("theirs", entry(conflict.theirs)),
        ])
    }
}
