import ArgumentParser
import IpldEngine
import MonoFS

/// What is in a directory, for `ls`.
extension List {
    func list(_ place: TreePlace) throws {
        let files = FileSystem(try options.open())
        let workspace = try files.open(try options.resolve(tree: place.reference, in: files))
        let entry = try place.find { (path) in try workspace.status(path, followingLinks: true) }
        if options.isJSON { try StandardOutput.write("[") }
        if entry.isDirectory {
            try list(place.path, workspace)
        } else {
            try show(place.path.bytes, place.path, entry, isFirst: true)
        }
        if options.isJSON { try StandardOutput.write("]\n") }
    }

    /// A directory, and with --recursive those below it, each under its path.
    private func list(_ start: FilePath, _ workspace: Workspace) throws {
        var isFirst = true
        let listing = try workspace.listing(of: start, recursive: isRecursive, includingTombstones: isAll)
        while let path = listing.nextDirectory() {
            if isRecursive, !options.isJSON {
                let heading = path.bytes == [0x2f] ? path.bytes : [0x2f] + path.bytes
                try StandardOutput.write(line: (isFirst ? "" : "\n") + TreeText.quoted(heading) + ":")
                isFirst = false
            }
            while let part = try listing.nextEntries() {
                for (name, entry) in part {
                    try show(name.bytes, path.appending(name), entry, isFirst: isFirst)
                    isFirst = false
                }
            }
        }
    }

    private func show(_ name: [UInt8], _ path: FilePath, _ entry: Entry, isFirst: Bool) throws {
        if options.isJSON {
            var fields = [("name", TreeText.json(name))]
            if isRecursive { fields.append(("path", TreeText.json(path.bytes))) }
            let object = JSON.object(fields + TreeText.fields(entry))
            return try StandardOutput.write((isFirst ? "" : ",") + object.text)
        }
        let shown = isLong ? line(name, entry) : TreeText.quoted(name)
        try StandardOutput.write(line: shown + (entry.isTombstone ? " (removed)" : ""))
    }

    private func line(_ name: [UInt8], _ entry: Entry) -> String {
        let size = isHuman ? Quantity.bytes(entry.size) : "\(entry.size)"
        var line = "\(TreeText.mode(entry)) \(entry.owner)\t\(entry.group)\t\(size)\t"
        line += "\(TreeText.time(entry.modified)) \(TreeText.quoted(name))"
        switch entry.content {
        case .symlink(let target): line += " -> \(TreeText.quoted(target))"
        case .cidLink(let cid): line += " -> \(cid)"
        default: break
        }
        return line
    }
}

struct Tree: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print everything below a directory, one path a line, in order.",
        discussion: "Symbolic links are shown, not followed. The last line counts what was shown.")

    @OptionGroup var tree: TreeOptions
    @Flag(name: [.customShort("a"), .customLong("all")], help: "Show tombstones too.")
    var isAll = false
    @Argument(help: ArgumentHelp(TreePlace.help, valueName: "branch:path"))
    var place: TreePlace

    func run() throws {
        let workspace = try tree.open(place, in: try tree.open())
        let start = place.path.bytes == [0x2f] ? [] : place.path.bytes
        let walk = try place.find { (path) in try workspace.walk(path, includingTombstones: isAll) }
        var (directories, others, bytes) = (UInt64(0), UInt64(0), UInt64(0))
        if tree.isJSON { try StandardOutput.write("[") }
        while let (path, entry) = try walk.next() {
            var shown = path.bytes
            if shown.starts(with: start) {
                shown = Array(shown.dropFirst(start.isEmpty ? 0 : start.count + 1))
            }
            if tree.isJSON {
                let object = JSON.object([("path", TreeText.json(shown))] + TreeText.fields(entry))
                try StandardOutput.write((directories + others > 0 ? "," : "") + object.text)
            } else {
                let end = entry.isDirectory ? "/" : entry.isTombstone ? " (removed)" : ""
                try StandardOutput.write(line: TreeText.quoted(shown) + end)
            }
            if entry.isDirectory { directories += 1 } else { others += 1 }
            if entry.kind == .file { bytes += entry.size }
        }
        if tree.isJSON {
            try StandardOutput.write("]\n")
        } else {
            let word = directories == 1 ? "directory" : "directories"
            try StandardOutput.write(
                line: "\(directories) \(word), \(Quantity.count(others, "other")), \(Quantity.bytes(bytes))")
        }
    }
}

struct Cat: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write files of trees to the standard output, one after another.")

    @OptionGroup var tree: TreeOptions
    @Argument(help: ArgumentHelp(TreePlace.help, valueName: "branch:path"))
    var places: [TreePlace]

    func run() throws {
        let files = try tree.open()
        Interruption.watch()
        for place in places {
            let workspace = try tree.open(place, in: files)
            let content = try place.find(workspace.content)
            try copy(content, of: place, in: files.store) { (bytes) throws(StoreError) in
                try StandardOutput.write(bytes)
            }
        }
    }
}

/// The bytes of a file's content, piece by piece.
private func copy(
    _ content: FileContent, of place: TreePlace, in store: ContentStore, hole: ((UInt64) -> Void)? = nil,
    to sink: (UnsafeRawBufferPointer) throws(StoreError) -> Void
) throws(StoreError) {
    switch content {
    case .inline(let bytes):
        var failure: StoreError?
        bytes.withUnsafeBytes { (buffer) in
            do throws(StoreError) { try sink(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    case .stored(let cid, _):
        do throws(StoreError) {
            try store.copyBytes(
                of: cid, from: 0, length: nil,
                progress: { (_) throws(StoreError) in try Interruption.check() }, hole: hole, to: sink)
        } catch { throw error.of("the file \(place.text)") }
    }
}

struct CheckoutFile: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkout-file", abstract: "Write a file of a tree to a file here.",
        discussion: """
            A temporary file beside the target takes its place when it is whole. Runs of zeros become holes. \
            Symbolic links are followed within the tree.
            """)

    @OptionGroup var tree: TreeOptions
    @Argument(help: ArgumentHelp(TreePlace.help, valueName: "branch:path"))
    var place: TreePlace
    @Argument(help: "The file to write; - is the standard output.")
    var file: String

    func run() throws {
        let files = try tree.open()
        let workspace = try tree.open(place, in: files)
        let content = try place.find(workspace.content)
        let size = try Self.write(content, of: place, in: files, to: file)
        guard tree.isJSON, file != "-" else { return }
        try StandardOutput.write(.object([("file", .string(file)), ("size", .integer(size))]))
    }

    /// Writes content to a file of the host; how many bytes that are.
    static func write(
        _ content: FileContent, of place: TreePlace, in files: FileSystem, to file: String
    ) throws -> UInt64 {
        Interruption.watch()
        let target = try OutputFile(file, from: files.store)
        do throws(StoreError) {
            let hole: ((UInt64) -> Void)? = target.takesHoles ? target.skip : nil
            try copy(content, of: place, in: files.store, hole: hole) { (bytes) throws(StoreError) in
                try target.write(bytes)
            }
            try target.finish()
        } catch {
            target.discard()
            throw error
        }
        return content.size
    }
}
