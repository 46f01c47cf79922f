import ArgumentParser
import Glibc
import IpldEngine
import MonoFS

struct MakeDirectory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mkdir", abstract: "Make directories in a branch; prints its new version.",
        discussion: CommitOptions.discussion)

    @OptionGroup var commit: CommitOptions
    @Flag(
        name: [.customShort("p"), .customLong("parents")], help: "Make missing parents; take what is there.")
    var parents = false
    @Option(help: ArgumentHelp("Merge what is in it this way: raft, merkle-crdt.", valueName: "type"))
    var sync: SyncType?
    @Argument(help: ArgumentHelp("Where.", valueName: "branch:path"))
    var places: [TreePlace]

    func run() throws {
        try commit.change(places) { (workspace, _) in
            for place in places {
                if parents {
                    try workspace.createDirectories(place.path)
                    if let sync { try workspace.setSync(place.path, sync) }
                } else {
                    try workspace.createDirectory(place.path, sync: sync)
                }
            }
        }
    }
}

extension SyncType: ExpressibleByArgument {}

struct MoveEntry: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mv", abstract: "Rename or move within a branch; prints its new version.",
        discussion: "Into a directory, it keeps its name. \(CommitOptions.discussion)")

    @OptionGroup var commit: CommitOptions
    @Argument(help: ArgumentHelp("What.", valueName: "branch:path"))
    var source: TreePlace
    @Argument(help: ArgumentHelp("Where to.", valueName: "branch:path"))
    var target: TreePlace

    func run() throws {
        try commit.change([source, target]) { (workspace, _) in
            try workspace.rename(source.path, to: try workspace.inside(target.path, source.path))
        }
    }
}

struct RemoveEntry: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove files or trees from a branch; prints its new version.",
        discussion: "What is removed leaves a tombstone (ls --all). \(CommitOptions.discussion)")

    @OptionGroup var commit: CommitOptions
    @Flag(
        name: [.customShort("r"), .customLong("recursive")], help: "Remove directories with what is in them.")
    var isRecursive = false
    @Flag(name: [.customShort("f"), .customLong("force")], help: "What is not there is no error.")
    var isForced = false
    @Argument(help: ArgumentHelp("What.", valueName: "branch:path"))
    var places: [TreePlace]

    func run() throws {
        try commit.change(places) { (workspace, _) in
            for place in places {
                if isForced, try workspace.lookup(place.path) == nil { continue }
                guard !isRecursive else {
                    try workspace.removeTree(place.path)
                    continue
                }
                do { try workspace.remove(place.path) } catch let error as StoreError
                    where error.systemError == ENOTEMPTY
                {
                    throw CommandExit(error, advice: "give -r to remove it with what is in it")
                }
            }
        }
    }
}

struct Link: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ln", abstract: "Make a link in a branch; prints its new version.",
        discussion: """
            A hard link to a file of the branch; with -s a symbolic link to any path; with --cid one to a \
            tree, \
            version, directory or file of the store, which it keeps. \(CommitOptions.discussion)
            """)

    @OptionGroup var commit: CommitOptions
    @Flag(name: [.customShort("s"), .customLong("symbolic")], help: "Make a symbolic link.")
    var isSymbolic = false
    @Flag(name: .customLong("cid"), help: "Make a symbolic link to a CID.")
    var isCID = false
    @Argument(help: ArgumentHelp("What it leads to.", valueName: "target"))
    var target: String
    @Argument(help: ArgumentHelp("Where.", valueName: "branch:path"))
    var place: TreePlace

    func run() throws {
        try commit.change([place]) { (workspace, files) in
            if isCID {
                try workspace.createSymlink(place.path, to: try commit.tree.resolve(target, in: files))
            } else if isSymbolic {
                try workspace.createSymlink(place.path, to: Array(target.utf8))
            } else {
                guard let existing = TreePlace(argument: target), existing.reference == place.reference else {
                    throw CommandExit.usage("a hard link's target is a file of the same branch")
                }
                try workspace.link(existing.path, at: place.path)
            }
        }
    }
}

struct Restore: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a path of a branch, or all of it, what another tree has; prints its new version.",
        discussion: """
            With all that is below it, which costs nothing whatever its size; of a branch without a path, \
            its whole tree, and what the other tree has not is removed. \(CommitOptions.discussion)

            Example: ipldstore restore main:/etc --from v1
            """)

    @OptionGroup var commit: CommitOptions
    @Option(help: ArgumentHelp("The branch, tag, root, version or CID that has it.", valueName: "reference"))
    var from: String
    @Argument(help: ArgumentHelp("Where.", valueName: "branch[:path]"))
    var place: TreePlace

    func run() throws {
        try commit.change([place]) { (workspace, files) in
            if from.contains(":"), (try? files.resolve(from)) == nil {
                throw CommandExit.usage(
                    "--from names a tree, and no path in it: the path there is that of \(place.text)")
            }
            let tree = try commit.tree.resolve(from, in: files)
            guard try files.open(tree).lookup(place.path) != nil else {
                throw CommandExit(
                    StoreError(.notFound, "there is no \(place.path) in \(from)"),
                    advice: "ipldstore log shows the versions that have it; rm removes it")
            }
            try workspace.restore(place.path, from: place.path, of: tree)
        }
    }
}
