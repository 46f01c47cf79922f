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
        try commit.change(places, "mkdir " + places.map(\.text).joined(separator: " ")) { (workspace, _) in
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

struct CopyEntry: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cp", abstract: "Copy a file or tree into a branch; prints its new version.",
        discussion: """
            The source is a place in any tree of the store, with all that is below it, which costs nothing \
            whatever its size; or a file here, - for the standard input. Into a directory, it keeps its \
            name. \
            \(CommitOptions.discussion)

            Example: ipldstore cp main:/etc/passwd main:/etc/passwd.old
            """)

    @OptionGroup var commit: CommitOptions
    @Argument(help: ArgumentHelp("A place in a tree, or a file.", valueName: "branch:path|file"))
    var source: String
    @Argument(help: ArgumentHelp("Where to.", valueName: "branch:path"))
    var target: TreePlace

    func run() throws {
        try commit.change([target], "cp \(source) \(target.text)") { (workspace, files) in
            guard source.contains(":"), let place = TreePlace(argument: source) else {
                return try copyFile(to: workspace)
            }
            let path = try workspace.inside(target.path, place.path)
            if place.reference == target.reference {
                return try workspace.copy(place.path, to: path)
            }
            let tree = try commit.tree.resolve(place.reference, in: files)
            if let there = try workspace.lookup(path) {
                let isFile = try files.open(tree).status(place.path).kind != .directory
                guard isFile, !there.isDirectory else {
                    throw StoreError(.exists, "\(path) exists", systemError: EEXIST)
                }
            }
            try workspace.restore(path, from: place.path, of: tree)
        }
    }

    private func copyFile(to workspace: Workspace) throws {
        let input = try InputFile(source)
        defer { input.close() }
        Interruption.watch()
        let content = try workspace.batch().putFileContent(from: try input.source()) {
            (_) throws(StoreError) in try Interruption.check()
        }
        let name = try FilePath(source)
        let path = source == "-" ? target.path : try workspace.inside(target.path, name)
        if try workspace.lookup(path, followingLinks: true) == nil {
            try workspace.createFile(path)
        }
        try workspace.setContent(path, content)
    }
}

extension Workspace {
    /// A target, or the source's name in it where it is a directory.
    func inside(_ target: FilePath, _ source: FilePath) throws(StoreError) -> FilePath {
        guard try lookup(target, followingLinks: true)?.isDirectory == true, let name = source.lastName else {
            return target
        }
        return target.appending(name)
    }
}

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
        try commit.change([source, target], "mv \(source.text) \(target.text)") { (workspace, _) in
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
        try commit.change(places, "rm " + places.map(\.text).joined(separator: " ")) { (workspace, _) in
            for place in places {
                if isForced, try workspace.lookup(place.path) == nil { continue }
                if isRecursive {
                    try workspace.removeTree(place.path)
                } else {
                    try workspace.remove(place.path)
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
        try commit.change([place], "ln \(target) \(place.text)") { (workspace, files) in
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

struct ChangeMode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chmod", abstract: "Change the mode of files in a branch; prints its new version.",
        discussion: CommitOptions.discussion)

    @OptionGroup var commit: CommitOptions
    @Flag(name: [.customShort("R"), .customLong("recursive")], help: "And of all that is below.")
    var isRecursive = false
    @Argument(
        help: "In octal digits, 0 to 7777.",
        transform: { (text) in
            guard let mode = UInt16(text, radix: 8), mode <= 0o7777 else {
                throw ValidationError("a mode is 0 to 7777 in octal digits")
            }
            return mode
        })
    var mode: UInt16
    @Argument(help: ArgumentHelp("Of what.", valueName: "branch:path"))
    var places: [TreePlace]

    func run() throws {
        let names = places.map(\.text).joined(separator: " ")
        try commit.change(places, "chmod \(String(mode, radix: 8)) \(names)") { (workspace, _) in
            for place in places {
                if isRecursive {
                    try workspace.setModes(below: place.path, mode)
                } else {
                    try workspace.setMode(place.path, mode)
                }
            }
        }
    }
}

struct Restore: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a path of a branch what another tree has there; prints the branch's new version.",
        discussion: """
            With all that is below it, which costs nothing whatever its size. \(CommitOptions.discussion)

            Example: ipldstore restore main:/etc --from v1
            """)

    @OptionGroup var commit: CommitOptions
    @Option(help: ArgumentHelp("The branch, tag, root or CID that has it.", valueName: "reference"))
    var from: String
    @Argument(help: ArgumentHelp("Where.", valueName: "branch:path"))
    var place: TreePlace

    func run() throws {
        try commit.change([place], "restore \(place.text) from \(from)") { (workspace, files) in
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
