import ArgumentParser
import Glibc
import IpldEngine
import MonoFS

struct CopyEntry: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cp", abstract: "Copy files and trees within a store, into it, and out of it.",
        discussion: """
            From a place in any tree of the store into a branch, with all that is below it, or from a file \
            that is stored under a root or CID (NAME:/), which costs nothing whatever its size (below a \
            directory of type merkle-crdt, something for each name); from a file here, or - for the standard \
            input, into a branch; or from a tree to a file here. With -r a directory here comes in with all \
            that is in it, as by import, and one of a tree goes out, as by export, to where nothing is. Into \
            a directory that is there, the copy keeps its name; DIR/. of a directory here has none, and goes \
            only to where nothing is. Into a branch prints its new version. \(CopyEnd.rule) \
            \(CommitOptions.discussion)

            Example: ipldstore cp main:/etc/passwd main:/etc/passwd.old; ipldstore cp -r ./src main:/work
            """)

    @OptionGroup var commit: CommitOptions
    @Flag(
        name: [.customShort("r"), .customShort("R"), .customLong("recursive")],
        help: "Copy directories from here or to here, with all that is in them.")
    var isRecursive = false
    @Argument(help: ArgumentHelp("A place in a tree, or a file.", valueName: "branch:path|file"))
    var source: String
    @Argument(help: ArgumentHelp("Where to.", valueName: "branch:path|file"))
    var target: String

    func run() throws {
        switch (try CopyEnd(source), try CopyEnd(target)) {
        case (.tree(let from), .tree(let to)): try copy(from, to)
        case (.host(let file), .tree(let to)):
            if isRecursive, Self.isDirectory(file) {
                try importDirectory(file, to)
            } else {
                try copyFile(file, to)
            }
        case (.tree(let from), .host(let file)): try copyOut(from, file)
        case (.host, .host):
            throw CommandExit.usage("neither \(source) nor \(target) is in a tree: write BRANCH:PATH")
        }
    }

    // MARK: Within the store

    private func copy(_ source: TreePlace, _ target: TreePlace) throws {
        try commit.change([target]) { (workspace, files) in
            let path = try workspace.inside(target.path, source.path)
            if source.reference == target.reference { return try workspace.copy(source.path, to: path) }
            let tree = try commit.tree.resolve(source.reference, in: files)
            if source.path == .root, (try? files.isFile(tree)) == true {
                return try workspace.putFile(path, tree)
            }
            if let there = try workspace.lookup(path) {
                let isFile = try files.open(tree).status(source.path).kind != .directory
                guard isFile, !there.isDirectory else {
                    throw StoreError(.exists, "\(path) exists", systemError: EEXIST)
                }
            }
            try workspace.restore(path, from: source.path, of: tree)
        }
    }

    // MARK: In

    private func copyFile(_ file: String, _ target: TreePlace) throws {
        let files = try commit.tree.open()
        let branch = try commit.branch(of: [target], in: files)
        let input = try Self.input(file, files)
        defer { input.close() }
        Interruption.watch()
        // Stored once, however often the change is made anew: what is open keeps it meanwhile.
        let keeper = try files.open(branch: branch)
        defer { withExtendedLifetime(keeper) {} }
        let content = try files.store.withBatch { (batch) throws(StoreError) in
            try batch.putFileContent(from: try input.source()) {
                (_) throws(StoreError) in try Interruption.check()
            }
        }
        let name = try FilePath(file)
        try commit.change(branch, files) { (workspace, _) in
            let path = file == "-" ? target.path : try workspace.inside(target.path, name)
            if try workspace.lookup(path, followingLinks: true) == nil {
                do { try workspace.createFile(path) } catch let error as StoreError
                    where error.code == .exists
                {
                    throw CommandExit(
                        error, advice: "it is a symbolic link that leads to nothing: remove it first")
                }
            }
            try workspace.setContent(path, content)
        }
    }

    private static func input(_ file: String, _ files: FileSystem) throws -> InputFile {
        do throws(StoreError) { return try InputFile(file) } catch {
            guard error.systemError == EISDIR || error.systemError == ENOENT else { throw error }
            if error.systemError == EISDIR {
                throw CommandExit(
                    StoreError(.invalid, "\(file) is a directory"), advice: "give -r to copy what is in it")
            }
            guard (try? files.resolve(file)) != nil else { throw error }
            throw CommandExit(error, advice: "for the root of a tree write \(file):/")
        }
    }

    private func importDirectory(_ directory: String, _ target: TreePlace) throws {
        let files = try commit.tree.open()
        let branch = try commit.branch(of: [target], in: files)
        let workspace = try files.open(branch: branch)
        // What is in it has no name to keep, as for other programs that copy.
        let last = directory.split(separator: "/").last
        let path =
            last == "." && directory != "."
            ? target.path : try workspace.inside(target.path, try FilePath(directory))
        if try workspace.lookup(path) != nil {
            throw CommandExit(
                StoreError(.exists, "\(path) exists in \(branch)", systemError: EEXIST),
                advice: "ipldstore import \(directory) \(branch):\(path == .root ? "/" : "/\(path)") makes "
                    + "it what the directory is")
        }
        workspace.abort()
        var options = ImportOptions()
        options.message = commit.message ?? CommandWords.message
        options.author = commit.authorName
        try Import.run(files, directory, branch, path, options, isJSON: commit.tree.isJSON, stops: false)
    }

    private static func isDirectory(_ path: String) -> Bool {
        var information = stat()
        return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
    }

    // MARK: Out

    private func copyOut(_ place: TreePlace, _ file: String) throws {
        let files = try commit.tree.open()
        if !file.unicodeScalars.contains("/"), (try? files.branch(file)) ?? nil != nil {
            throw CommandExit.usage(
                "\(file) is a branch: write \(file):/ for it, or ./\(file) for a file here")
        }
        let cid = try commit.tree.resolve(place.reference, in: files)
        let workspace = try files.open(cid)
        let entry = try place.find { (path) in try workspace.status(path, followingLinks: true) }
        let name = place.path.lastName.flatMap { String(validating: $0.bytes, as: UTF8.self) }
        var target = file == "-" ? "/dev/stdout" : file
        if Self.isDirectory(target) {
            guard let name else {
                throw CommandExit.usage("\(file) is a directory: name what is to be made in it")
            }
            target += (target.hasSuffix("/") ? "" : "/") + name
        }
        if entry.isDirectory {
            guard isRecursive else {
                throw CommandExit(
                    StoreError(.invalid, "\(place.text) is a directory"), advice: "give -r to copy all of it")
            }
            try Export.run(files, place.path, cid, target, ExportOptions(), isJSON: commit.tree.isJSON)
            return
        }
        let content = try place.find(workspace.content)
        let size = try CheckoutFile.write(content, of: place, in: files, to: target)
        guard commit.tree.isJSON else { return }
        try StandardOutput.write(.object([("file", .string(target)), ("size", .integer(size))]))
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
