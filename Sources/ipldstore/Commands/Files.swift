import ArgumentParser
import Glibc
import IpldEngine

struct Put: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Store a file; prints its CID.",
        discussion: """
            It is cut into chunks under a tree. With --root it is kept by that name, which is replaced where \
            it exists; without, it is held for the owner until dereference gives the hold back. Nothing is \
            named unless all of it was read. Holes of a file are not read. What an interrupted put stored \
            goes with the next gc.
            """)

    @OptionGroup var options: StoreOptions
    @OptionGroup var owner: OwnerOption
    @Option(
        name: .customLong("root"), help: ArgumentHelp("Name it, instead of holding it.", valueName: "name"),
        transform: RootName.changeable)
    var rootName: String?
    @Argument(help: "The file, or - for the standard input.")
    var file: String

    func run() throws {
        let input = try input(file)
        defer { input.close() }
        let store = try options.open(owner: owner.name)
        Interruption.watch()
        let progress = ProgressLine("stored", total: input.length, isJSON: options.isJSON)
        defer { progress.finish() }
        // Once it is committed, somebody else may take it.
        let (cid, size) = try store.withBatch { (batch) throws(StoreError) in
            let cid = try batch.putBytes(from: try input.source()) { (done) throws(StoreError) in
                try progress.step(done)
            }
            if let rootName { try batch.setRoot(rootName, to: cid) } else { try batch.hold(cid) }
            return (cid, try batch.size(of: cid))
        }
        progress.finish()
        try options.write(file: cid, size: size, root: rootName)
    }

    private func input(_ file: String) throws -> InputFile {
        do { return try options.input(file) } catch let error as StoreError {
            guard error.systemError == EISDIR, file != "-" else { throw error }
            throw CommandExit(
                StoreError(.invalid, "\(file) is a directory"),
                advice: "pack it, tar -c \(file) | ipldstore put -")
        }
    }
}

extension StoreOptions {
    /// A file that was stored: its CID, in JSON its size in bytes and the root that names it too.
    func write(file cid: CID, size: UInt64, root: String?) throws {
        if isJSON {
            try StandardOutput.write(
                .object([("cid", .string("\(cid)")), ("size", .integer(size)), ("root", JSON(root))]))
        } else {
            try StandardOutput.write(line: "\(cid)")
        }
    }
}

struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read a file back.",
        discussion: """
            Every block is checked before a byte of it is written. With -o a temporary file beside the \
            target takes its place when it is whole; a read that fails leaves none. Runs of zeros become \
            holes in it. --length may reach beyond the end, --offset may not.
            """)

    @OptionGroup var options: StoreOptions
    @Option(
        name: [.customShort("o", allowingJoined: true), .customLong("output")],
        help: ArgumentHelp("Write to a file. (default: the standard output)", valueName: "file"))
    var output: String?
    @Option(help: ArgumentHelp("The first byte wanted.", valueName: "n"))
    var offset: UInt64 = 0
    @Option(help: ArgumentHelp("How many bytes are wanted. (default: all that follow)", valueName: "n"))
    var length: UInt64?
    @Argument(help: ArgumentHelp("The file's CID, or a root.", valueName: "cid|root"))
    var reference: String

    func run() throws {
        let store = try options.open()
        let cid = try options.resolve(reference, in: store)
        let size = try store.size(of: cid)
        guard offset <= size else {
            throw CommandExit(
                StoreError(.invalid, "the offset \(offset) is beyond the end"),
                advice: "the size is \(size) bytes")
        }
        let wanted = min(length ?? .max, size - offset)
        Interruption.watch()
        let progress = ProgressLine("read", total: wanted, isJSON: options.isJSON)
        defer { progress.finish() }
        if let output, output != "-" {
            let target = try OutputFile(output, from: store)
            do throws(StoreError) {
                let hole: ((UInt64) -> Void)? = target.takesHoles ? target.skip : nil
                try copy(cid, of: store, progress, hole: hole) { (bytes) throws(StoreError) in
                    try target.write(bytes)
                }
                try target.finish()
            } catch {
                target.discard()
                throw error
            }
            progress.finish()
            guard options.isJSON else { return }
            try StandardOutput.write(
                .object([
                    ("cid", .string("\(cid)")), ("offset", .integer(offset)), ("length", .integer(wanted)),
                    ("file", .string(output)),
                ]))
        } else {
            try copy(cid, of: store, progress) { (bytes) throws(StoreError) in
                try StandardOutput.write(bytes)
            }
        }
    }

    private func copy(
        _ cid: CID, of store: ContentStore, _ progress: ProgressLine, hole: ((UInt64) -> Void)? = nil,
        to sink: (UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) {
        try store.copyBytes(
            of: cid, from: offset, length: length,
            progress: { (done) throws(StoreError) in try progress.step(done) }, hole: hole, to: sink)
    }
}

extension ContentStore {
    /// Runs `body` in a batch and commits it; a body that throws leaves nothing named.
    func withBatch<T>(_ body: (Batch) throws(StoreError) -> T) throws(StoreError) -> T {
        let batch = try makeBatch()
        do {
            let result = try body(batch)
            try batch.commit()
            return result
        } catch {
            batch.abort()
            throw error
        }
    }
}
