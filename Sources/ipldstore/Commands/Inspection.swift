import ArgumentParser
import IpldEngine

struct Has: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether a block is here; exit code 3 when it is not.")

    @OptionGroup var options: StoreOptions
    @Argument(help: ArgumentHelp("The block, or a root.", valueName: "cid|root"))
    var reference: String

    func run() throws {
        let store = try options.open()
        let block = try options.resolve(reference, in: store)
        let has = try store.has(block)
        if options.isJSON {
            try StandardOutput.write(.object([("cid", .string("\(block)")), ("has", .bool(has))]))
        } else {
            try StandardOutput.write(line: "\(block) \(has ? "here" : "absent")")
        }
        try StandardOutput.flush()
        // An answer rather than an error: nothing is said on stderr.
        if !has { throw ExitCode(StoreError.Code.notFound.exitStatus) }
    }
}

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the index knows of a block.",
        discussion: """
            Its codec, its length in bytes raw and as stored, and its references: nodes that link to it, \
            roots and holders.
            """)

    @OptionGroup var options: StoreOptions
    @Argument(help: ArgumentHelp("The block, or a root.", valueName: "cid|root"))
    var reference: String

    func run() throws {
        let store = try options.open()
        let information = try store.inspect(try options.resolve(reference, in: store))
        let cid = information.cid
        if options.isJSON {
            try StandardOutput.write(
                .object([
                    ("cid", .string("\(cid)")), ("codec", .string(cid.codec.name)),
                    ("codec_number", .integer(cid.codec.rawValue)), ("hash", .string(cid.hash.name)),
                    ("raw_length", .integer(information.rawLength)),
                    ("stored_length", .integer(information.storedLength)),
                    ("references", .integer(information.references)),
                ]))
            return
        }
        try StandardOutput.write(line: "\(cid)")
        for (name, value) in [
            ("codec", cid.codec.name), ("hash", cid.hash.name), ("raw length", "\(information.rawLength)"),
            ("stored length", "\(information.storedLength)"), ("references", "\(information.references)"),
        ] {
            try StandardOutput.write(
                line: "  " + name + String(repeating: " ", count: 15 - name.count) + value)
        }
    }
}

struct Size: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the size in bytes of a file, of a node's DAG-CBOR, or of another block.")

    @OptionGroup var options: StoreOptions
    @Argument(help: ArgumentHelp("What to measure.", valueName: "cid|root"))
    var reference: String

    func run() throws {
        let store = try options.open()
        let cid = try options.resolve(reference, in: store)
        let size = try store.size(of: cid)
        if options.isJSON {
            try StandardOutput.write(.object([("cid", .string("\(cid)")), ("size", .integer(size))]))
        } else {
            try StandardOutput.write(line: "\(size)")
        }
    }
}

struct Links: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the CIDs that a block links to, each once.",
        discussion: """
            Of a node that is split over blocks, those are the next parts of it and the links that stand \
            in this part.
            """)

    @OptionGroup var options: StoreOptions
    @Argument(help: ArgumentHelp("The block, or a root.", valueName: "cid|root"))
    var reference: String

    func run() throws {
        let store = try options.open()
        let links = try store.links(of: try options.resolve(reference, in: store))
        if options.isJSON {
            try StandardOutput.write(.array(links.map { .string("\($0)") }))
        } else {
            for link in links { try StandardOutput.write(line: "\(link)") }
        }
    }
}
