import ArgumentParser
import IpldEngine
import MonoFS

struct Write: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Overwrite bytes of a file from the standard input; prints the changed file's CID.",
        discussion: """
            The file itself stays as it is; the changed one shares with it what did not change. An offset \
            beyond the end leaves a hole, which reads as zeros and costs nothing. \(ChangeOptions.naming)

            Example: printf hello | ipldstore write disk --offset 4096 --root disk
            """)

    @OptionGroup var options: StoreOptions
    @OptionGroup var change: ChangeOptions
    @Option(help: ArgumentHelp("Where the first byte goes.", valueName: "n"))
    var offset: UInt64
    @Argument(help: ArgumentHelp("The file's CID, or a root.", valueName: "cid|root"))
    var reference: String

    func run() throws {
        try change.run(options, reference) { (writer, step) throws(StoreError) in
            try ChangeOptions.writeInput(to: writer, at: offset, step)
        }
    }
}

struct Append: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Add the standard input at the end of a file; prints the longer file's CID.",
        discussion: """
            The file itself stays as it is; the longer one shares its blocks. \(ChangeOptions.naming)

            Example: date | ipldstore append log --root log
            """)

    @OptionGroup var options: StoreOptions
    @OptionGroup var change: ChangeOptions
    @Argument(help: ArgumentHelp("The file's CID, or a root.", valueName: "cid|root"))
    var reference: String

    func run() throws {
        try change.run(options, reference) { (writer, step) throws(StoreError) in
            try ChangeOptions.writeInput(to: writer, at: try writer.size, step)
        }
    }
}

struct Truncate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Cut a file, or lengthen it by zeros; prints the CID of what comes out.",
        discussion: """
            The file itself stays as it is. Zeros cost nothing. \(ChangeOptions.naming)

            Example: ipldstore truncate disk 1099511627776 --root disk
            """)

    @OptionGroup var options: StoreOptions
    @OptionGroup var change: ChangeOptions
    @Argument(help: ArgumentHelp("The file's CID, or a root.", valueName: "cid|root"))
    var reference: String
    @Argument(help: "The size it is to have, in bytes.")
    var size: UInt64

    func run() throws {
        try change.run(options, reference) { (writer, _) throws(StoreError) in try writer.truncate(to: size) }
    }
}

struct Difference: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show which bytes differ between two files, or what between two trees.",
        discussion: """
            Trees are given as branches, tags or versions, with a path where a directory is meant. A line \
            for \
            each difference: A, D, M, R (added, removed, modified, renamed), and the path, with tabs \
            between; \
            of what is modified, what of it. With --all tombstones (T) too, and directories whose time alone \
            differs; with --unified the lines of text files.

            Files: a line for each change: offset and length of the bytes of the old file that are \
            replaced, offset \
            and length of those of the new file that replace them; nothing when the files are equal. Costs \
            what the change costs. Equal or not, the exit code is 0.

            Example: ipldstore diff disk-yesterday disk
            """)

    @OptionGroup var options: StoreOptions
    @Flag(
        name: [.customShort("a"), .customLong("all")], help: "Trees: show all that differs, tombstones too.")
    var isAll = false
    @Flag(name: [.customShort("u"), .customLong("unified")], help: "Trees: show lines of text that differ.")
    var isUnified = false
    @Argument(help: ArgumentHelp("The old file's CID, or a root; or a tree.", valueName: "old"))
    var old: String
    @Argument(help: ArgumentHelp("The new file's CID, or a root; or a tree.", valueName: "new"))
    var new: String

    func run() throws {
        let store = try options.open()
        let files = FileSystem(store)
        if let (left, right) = try trees(files) { return try compareTrees(files, left, right) }
        let (old, new) = (try options.resolve(old, in: store), try options.resolve(new, in: store))
        Interruption.watch()
        let progress = ProgressLine("compared", total: try store.size(of: new), isJSON: options.isJSON)
        defer { progress.finish() }
        let diff = try store.diff(from: old, to: new)
        var isFirst = true
        if options.isJSON { try StandardOutput.write("[") }
        while let change = try diff.next(progress: { (done) throws(StoreError) in try progress.step(done) }) {
            let numbers = [
                change.old.lowerBound, UInt64(change.old.count), change.new.lowerBound,
                UInt64(change.new.count),
            ]
            if options.isJSON {
                let names = ["old_offset", "old_length", "new_offset", "new_length"]
                let object = JSON.object(zip(names, numbers).map { ($0, .integer($1)) })
                try StandardOutput.write((isFirst ? "" : ",") + object.text)
            } else {
                try StandardOutput.write(line: numbers.map(String.init).joined(separator: " "))
            }
            isFirst = false
        }
        if options.isJSON { try StandardOutput.write("]\n") }
    }
}

/// What commands that change a file have in common: where the result goes.
struct ChangeOptions: ParsableArguments {
    static let naming = """
        With --root the result is kept by that name, if nobody else moved it meanwhile (exit code 5 when \
        somebody did); without, it is held for the owner until dereference gives the hold back, and no root \
        moves.
        """

    @OptionGroup var owner: OwnerOption
    @Option(
        name: .customLong("root"),
        help: ArgumentHelp("Move this root to the result, instead of holding it.", valueName: "name"),
        transform: RootName.changeable)
    var rootName: String?

    /// Changes a file in one batch, and reports what came out. `change` calls its second argument now and
    /// then, which throws when it is to stop.
    func run(
        _ options: StoreOptions, _ reference: String,
        _ change: (ByteWriter, () throws(StoreError) -> Void) throws(StoreError) -> Void
    ) throws {
        try run(options) { (store) throws in
            try options.resolve(reference, in: store)
        } change: { (batch, base, progress) throws(StoreError) in
            let writer = try batch.makeWriter(on: base) { (done) throws(StoreError) in
                try progress.step(done)
            }
            try change(writer) { () throws(StoreError) in try Interruption.check() }
            return try writer.commit()
        }
    }

    /// Finds what is to be changed and makes what comes out of it, in one batch, which names that.
    func run<Base>(
        _ options: StoreOptions, find: (ContentStore) throws -> Base,
        change: (Batch, Base, ProgressLine) throws(StoreError) -> CID
    ) throws {
        let store = try options.open(owner: owner.name)
        // Looked at before the base is, so that a root that both name moves only from what was changed.
        let expected: RootExpectation? = try rootName.map { try store.root($0).map { .cid($0) } ?? .absent }
        let base = try find(store)
        Interruption.watch()
        let progress = ProgressLine("stored", isJSON: options.isJSON)
        defer { progress.finish() }
        let cid = try store.withBatch { (batch) throws(StoreError) in
            let cid = try change(batch, base, progress)
            if let rootName, let expected {
                try batch.setRoot(rootName, to: cid, expecting: expected)
            } else {
                try batch.hold(cid)
            }
            return cid
        }
        progress.finish()
        try options.write(file: cid, size: try store.size(of: cid), root: rootName)
    }

    /// Writes all of the standard input from an offset on.
    static func writeInput(
        to writer: ByteWriter, at offset: UInt64, _ step: () throws(StoreError) -> Void
    ) throws(StoreError) {
        var source = try InputFile("-").source()
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { piece.deallocate() }
        var position = offset
        while true {
            try step()
            let count = try source.read(into: piece)
            if count == 0 { return }
            try writer.write(UnsafeRawBufferPointer(rebasing: piece[..<count]), at: position)
            position += UInt64(count)
        }
    }
}
