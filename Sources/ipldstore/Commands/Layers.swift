import ArgumentParser
import IpldEngine

struct BaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "base", abstract: "The stores that this one reads through.",
        discussion: """
            A layer (init --base) writes to itself and reads through its bases. They hold what it needs of \
            them, for as long as its directory is there, wherever that is moved to on the same file system.
            """,
        subcommands: [Show.self, Add.self, Set.self], defaultSubcommand: Show.self)

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "List the bases: identity and path, with a tab between.")

        @OptionGroup var options: StoreOptions

        func run() throws {
            let bases = try ContentStore.recordedBases(at: options.path)
            if options.isJSON {
                try StandardOutput.write(
                    .array(
                        bases.map {
                            .object([("identity", .string($0.identity)), ("path", .string($0.path))])
                        }))
            } else {
                for base in bases { try StandardOutput.write(line: "\(base.identity)\t\(base.path)") }
            }
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read through another store, too, after the bases that there are.",
            discussion: "Nobody else may have the store open meanwhile.")

        @OptionGroup var options: StoreOptions
        @Argument(help: ArgumentHelp("The base.", valueName: "path"))
        var base: String

        func run() throws {
            try ContentStore.addBase(at: options.path, base)
            try options.report([("base", base)], "\(options.path) reads through \(base)")
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say where a base is, after it was moved.",
            discussion: "Nobody else may have the store open meanwhile.")

        @OptionGroup var options: StoreOptions
        @Argument(help: ArgumentHelp("The path that base ls shows, or the identity.", valueName: "old"))
        var old: String
        @Argument(help: ArgumentHelp("Where the same store is now.", valueName: "new"))
        var new: String

        func run() throws {
            try ContentStore.setBase(at: options.path, old, to: new)
            try options.report([("old", old), ("base", new)], "\(options.path) finds its base at \(new)")
        }
    }
}

struct Forks: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The layers that this store is a base of.",
        subcommands: [Show.self, Forget.self], defaultSubcommand: Show.self)

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the forks: identity, state, blocks held, path, with tabs between.",
            discussion: """
                present: its directory is there, wherever it was moved to. gone: it was deleted, and the \
                next gc releases what is held for it. external: it is on another file system, from where \
                nobody can tell, so that only forks forget releases what is held for it. unknown: its file \
                here is lost. The path is where it was last opened for writing.
                """)

        @OptionGroup var options: StoreOptions

        func run() throws {
            let forks = try options.open().forks()
            if options.isJSON {
                try StandardOutput.write(
                    .array(
                        forks.map {
                            .object([
                                ("identity", .string($0.identity)), ("state", .string($0.state.rawValue)),
                                ("holds", .integer($0.holds)),
                                ("path", $0.path.map { .string($0) } ?? .null),
                            ])
                        }))
            } else {
                for fork in forks {
                    try StandardOutput.write(
                        line:
                            "\(fork.identity)\t\(fork.state.rawValue)\t\(fork.holds)\t"
                            + Forks.printable(fork.path)
                    )
                }
            }
        }
    }

    /// A path for a terminal: control characters come from whoever made the file.
    static func printable(_ path: String?) -> String {
        String(
            String.UnicodeScalarView(
                (path ?? "").unicodeScalars.map {
                    $0.properties.generalCategory == .control ? "\u{FFFD}" : $0
                }))
    }

    struct Forget: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Release what is held for a fork.",
            discussion: """
                What the fork needs here, and nothing else does, is lost with the next gc. One whose \
                directory is there is forgotten with --force only, and so is one that is unknown and holds \
                something: a layer that was copied or restored may still need it.
                """)

        @OptionGroup var options: StoreOptions
        @Flag(help: "Also one whose directory is there, or that is unknown and holds something.")
        var force = false
        @Argument(help: ArgumentHelp("The identity that forks ls shows.", valueName: "identity"))
        var identity: String

        func run() throws {
            let store = try options.open()
            if !force, let fork = try store.forks().first(where: { $0.identity == identity }) {
                try Self.check(fork)
            }
            try store.forgetFork(identity)
            try options.report([("identity", identity)], "\(identity) forgotten")
        }

        /// Refuses a fork that is there, or may be.
        private static func check(_ fork: ForkInformation) throws(CommandExit) {
            switch fork.state {
            case .present:
                throw CommandExit(
                    StoreError(.busy, "the fork is there, at \(Forks.printable(fork.path))"),
                    advice: "flatten it or delete it, or say --force and lose what it reads here")
            case .unknown where fork.holds > 0:
                throw CommandExit(
                    StoreError(
                        .busy, "the fork is unknown, and holds \(Quantity.count(fork.holds, "block")) here"),
                    advice: "have its layer read through this store first (ipldstore base set, ipldstore "
                        + "stat), or say --force and lose what only it holds")
            default: break
            }
        }
    }
}

struct Seal: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End all change of the store, for ever.",
        discussion: """
            What a sealed store has now it will always have: layers over it need not be known to it, so that \
            it can serve those who may not write to it. It is deleted with its directory.
            """)

    @OptionGroup var options: StoreOptions

    func run() throws {
        try options.open().seal()
        try options.report([("store", options.path)], "\(options.path) sealed")
    }
}

struct Flatten: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy what the store needs of its bases, and have it stand alone.",
        discussion: "Nobody else may have the store open meanwhile.")

    @OptionGroup var options: StoreOptions

    @Flag(
        help: """
            Leave out what a base has lost, and what only a base has that is not there any more; verify \
            tells of it afterwards.
            """)
    var keepGoing = false

    func run() throws {
        Interruption.watch()
        let progress = ProgressLine("looked at", unit: .blocks, isJSON: options.isJSON)
        defer { progress.finish() }
        let report = try ContentStore.flatten(at: options.path, keepingGoing: keepGoing) {
            (done) throws(StoreError) in try progress.step(done)
        }
        progress.finish()
        try options.write(copied: report, names: [])
    }
}

extension StoreOptions {
    /// What was done: fields of an object, or a sentence.
    func report(_ fields: [(String, String)], _ sentence: String) throws {
        if isJSON {
            try StandardOutput.write(.object(fields.map { ($0.0, .string($0.1)) }))
        } else {
            try StandardOutput.write(line: sentence)
        }
    }

    func write(copied report: CopyReport, names: [(String, CID)], versions: UInt64? = nil) throws {
        if isJSON {
            try StandardOutput.write(
                .object(
                    [
                        ("looked_at", .integer(report.visited)), ("blocks", .integer(report.blocks)),
                        ("bytes", .integer(report.bytes)),
                    ] + (versions.map { [("versions", .integer($0))] } ?? []) + [
                        ("copied", .array(names.map { Root.json($0.0, $0.1) }))
                    ]))
            return
        }
        for (name, cid) in names { try StandardOutput.write(line: "\(name)\t\(cid)") }
        let count = versions.map { $0 > 0 ? "\(Quantity.count($0, "version")), " : "" } ?? ""
        try StandardOutput.write(
            line: count
                + "\(Quantity.count(report.blocks, "block")) of \(Quantity.bytes(report.bytes)) copied")
    }
}
