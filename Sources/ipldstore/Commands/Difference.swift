import ArgumentParser
import IpldEngine
import MonoFS

struct Difference: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show which bytes differ between two files, or what between two trees.",
        discussion: """
            Trees are given as branches, tags or versions, with a path where a directory or file in one is \
            meant. A line for each difference: A, D, M, R (added, removed, modified, renamed), and the path, \
            with tabs between; of what is modified, what of it. With --all tombstones (T) too, and \
            directories whose time alone differs; with --unified the lines of text files after it, with \
            --bytes the bytes.

            Files, which are roots or CIDs, one of them perhaps in a tree: a line for each change: offset \
            and length of the bytes of the old file that are replaced, offset and length of those of the new \
            file that replace them; nothing when the files are equal. Costs what the change costs. Equal or \
            not, the exit code is 0.

            Example: ipldstore diff disk-yesterday disk; ipldstore diff -u main~ main
            """)

    @OptionGroup var options: StoreOptions
    @Flag(
        name: [.customShort("a"), .customLong("all")], help: "Trees: show all that differs, tombstones too.")
    var isAll = false
    @Flag(
        name: [.customShort("u"), .customLong("unified")],
        help: "Show lines that differ, of text files of at most 1 MiB.")
    var isUnified = false
    @Flag(name: [.customShort("b"), .customLong("bytes")], help: "Trees: show which bytes of files differ.")
    var showsBytes = false
    @Argument(help: ArgumentHelp("The old file's CID, or a root; or a tree.", valueName: "old"))
    var old: String
    @Argument(help: ArgumentHelp("The new file's CID, or a root; or a tree.", valueName: "new"))
    var new: String

    /// What an argument names.
    enum Subject {
        case entry(Place)
        case file(FileContent)
    }

    /// A tree, or a place in one, and what is there.
    struct Place {
        let name: TreePlace
        let tree: CID
        let entry: Entry
    }

    func run() throws {
        let files = FileSystem(try options.open())
        Interruption.watch()
        switch (try subject(old, files), try subject(new, files)) {
        case (.entry(let old), .entry(let new)): try compareTrees(files, old, new)
        case (let left, let right):
            let contents = (try content(left, old), try content(right, new))
            if isUnified {
                try compareText(files, contents.0, contents.1)
            } else {
                try compareFiles(files, contents.0, contents.1)
            }
        }
    }

    private func subject(_ text: String, _ files: FileSystem) throws -> Subject {
        let place = TreePlace(argument: text)
        let cid = try options.resolve(tree: place?.reference ?? text, in: files)
        guard let place, try place.hasPath || files.isTree(cid) else {
            return .file(.stored(cid, size: try files.store.size(of: cid)))
        }
        do throws(StoreError) {
            let entry = try files.open(cid).status(place.path, followingLinks: true)
            return .entry(Place(name: place, tree: cid, entry: entry))
        } catch {
            guard error.code == .notFound, place.path != .root else { throw error }
            throw CommandExit(
                StoreError(.notFound, "there is no \(place.path) in \(place.reference)"),
                advice: "ipldstore ls lists what there is")
        }
    }

    private func content(_ subject: Subject, _ text: String) throws -> FileContent {
        switch subject {
        case .file(let content): return content
        case .entry(let place):
            guard case .file(let content) = place.entry.content else {
                throw CommandExit.usage("\(text) is a \(place.entry.kind.rawValue), and the other one a file")
            }
            return content
        }
    }

    private func compareFiles(_ files: FileSystem, _ old: FileContent, _ new: FileContent) throws {
        let progress = ProgressLine("compared", total: new.size, isJSON: options.isJSON)
        defer { progress.finish() }
        var isFirst = true
        if options.isJSON { try StandardOutput.write("[") }
        try ContentDifference.forEach(
            files.store, old, new, progress: { (done) throws(StoreError) in try progress.step(done) }
        ) { (change) in
            if options.isJSON {
                let object = ContentDifference.json(change)
                try StandardOutput.write((isFirst ? "" : ",") + object.text)
            } else {
                try StandardOutput.write(line: ContentDifference.line(change))
            }
            isFirst = false
        }
        if options.isJSON { try StandardOutput.write("]\n") }
    }

    private func compareText(_ files: FileSystem, _ old: FileContent, _ new: FileContent) throws {
        guard let before = try ContentDifference.text(files.store, old),
            let after = try ContentDifference.text(files.store, new)
        else { throw CommandExit.usage("--unified is for text of at most 1 MiB") }
        let lines = ContentDifference.unified(before, after, from: "a/\(self.old)", to: "b/\(self.new)")
        if options.isJSON {
            return try StandardOutput.write(
                .object([("unified", .string(lines.map { $0 + "\n" }.joined()))]))
        }
        for line in lines { try StandardOutput.write(line: line) }
    }
}

/// Two contents of files, compared.
enum ContentDifference {
    /// The changes that make `new` out of `old`, in order.
    static func forEach(
        _ store: ContentStore, _ old: FileContent, _ new: FileContent,
        progress: ((UInt64) throws(StoreError) -> Void)? = nil, _ body: (FileChange) throws -> Void
    ) throws {
        if case .stored(let before, _) = old, case .stored(let after, _) = new {
            let diff = try store.diff(from: before, to: after)
            while let change = try diff.next(progress: progress) { try body(change) }
            return
        }
        // One of them is so short that it stands in its entry: what they begin and end with alike is left.
        let limit = UInt64(FileContent.inlineLimit)
        let shorter = min(old.size, new.size)
        let (oldStart, newStart) = (try bytes(store, old, 0, limit), try bytes(store, new, 0, limit))
        let start = UInt64(zip(oldStart, newStart).prefix { $0 == $1 }.count)
        guard start < max(old.size, new.size) else { return }
        let oldEnd = try bytes(store, old, old.size - min(old.size, limit), limit)
        let newEnd = try bytes(store, new, new.size - min(new.size, limit), limit)
        let alike = UInt64(zip(oldEnd.reversed(), newEnd.reversed()).prefix { $0 == $1 }.count)
        let end = min(alike, shorter - start)
        try body(FileChange(old: start..<old.size - end, new: start..<new.size - end))
    }

    private static func bytes(
        _ store: ContentStore, _ content: FileContent, _ offset: UInt64, _ length: UInt64
    )
        throws -> [UInt8]
    {
        switch content {
        case .inline(let bytes): return Array(bytes.dropFirst(Int(offset)).prefix(Int(length)))
        case .stored(let cid, _):
            var bytes: [UInt8] = []
            try store.copyBytes(of: cid, from: offset, length: length, progress: nil) {
                (piece) throws(StoreError) in bytes.append(contentsOf: piece)
            }
            return bytes
        }
    }

    static func line(_ change: FileChange) -> String {
        "\(change.old.lowerBound) \(change.old.count) \(change.new.lowerBound) \(change.new.count)"
    }

    static func json(_ change: FileChange) -> JSON {
        .object([
            ("old_offset", .integer(change.old.lowerBound)),
            ("old_length", .integer(UInt64(change.old.count))),
            ("new_offset", .integer(change.new.lowerBound)),
            ("new_length", .integer(UInt64(change.new.count))),
        ])
    }

    /// A file's text; nil for what is no small text.
    static func text(_ store: ContentStore, _ content: FileContent) throws -> String? {
        guard content.size <= LineDiff.largestFile else { return nil }
        let bytes = try bytes(store, content, 0, content.size)
        guard !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Heads, hunks and lines; none where the texts are equal.
    static func unified(_ old: String, _ new: String, from oldName: String, to newName: String) -> [String] {
        let hunks = LineDiff.hunks(old, new)
        return hunks.isEmpty ? [] : ["--- " + oldName, "+++ " + newName] + hunks
    }
}
