import ArgumentParser
import IpldEngine

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
        let (cid, size) = try store.withBatch { (batch) throws(StoreError) in
            let cid = try change(batch, base, progress)
            if let rootName, let expected {
                try batch.setRoot(rootName, to: cid, expecting: expected)
            } else {
                try batch.hold(cid)
            }
            return (cid, try batch.size(of: cid))
        }
        progress.finish()
        try options.write(file: cid, size: size, root: rootName)
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
