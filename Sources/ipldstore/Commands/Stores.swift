import ArgumentParser
import IpldEngine

struct Initialize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a store.",
        discussion: """
            Chunker and hash decide which CID a file has, and stay as they are. An existing store is left as \
            it is, and that is an error.
            """)

    enum Hash: String, ExpressibleByArgument, CaseIterable {
        case blake3
        case sha256 = "sha2-256"
    }

    @OptionGroup var options: StoreOptions
    @OptionGroup var chunks: ChunkerOptions
    @Option(help: "How files are cut: by content, or into equal pieces of --avg bytes.")
    var chunker: ChunkerOptions.Rule = .fastcdc
    @Option(help: "What names the blocks.")
    var hash: Hash = .blake3
    @Option(
        help: ArgumentHelp(
            "none, or zstd[:LEVEL] with a level of 1 to 19. (default: zstd:1)", valueName: "method"),
        transform: CompressionArgument.init(text:))
    var compression: CompressionArgument = .default

    struct CompressionArgument {
        let compression: Compression
        static let `default` = CompressionArgument(compression: .zstd(level: 1))

        private init(compression: Compression) { self.compression = compression }

        init(text: String) throws {
            guard let compression = Compression(text: text) else {
                throw ValidationError("it is none of none, zstd and zstd:LEVEL with a level of 1 to 19")
            }
            self.compression = compression
        }
    }

    func run() throws {
        let profile = try LayoutProfile(
            chunker: try chunks.parameters(chunker, normalization: nil),
            hash: hash == .blake3 ? .blake3 : .sha256)
        let configuration = StoreConfiguration(profile: profile, compression: compression.compression)
        do { try LmdbStore.create(at: options.path, configuration: configuration) } catch {
            let advice: String? =
                switch error.code {
                case .exists where error.message.contains("not an empty directory"):
                    "name an empty directory, or a new one, with --store"
                case .exists: "use it as it is, or name another directory with --store"
                case .notFound: "make the directory above it first"
                default: nil
                }
            throw CommandExit(error, advice: advice)
        }
        if options.isJSON {
            try StandardOutput.write(
                .object([("store", .string(options.path)), ("parameters", configuration.json)]))
        } else {
            try StandardOutput.write(
                line: "\(options.path) \(configuration.profile.identifier), \(configuration.compression.text)"
            )
        }
    }
}

struct Statistics: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat", abstract: "Show the store's counters and parameters.",
        discussion: "Counters are kept as the store changes: asking costs the same whatever its size.")

    @OptionGroup var options: StoreOptions

    func run() throws {
        let store = try options.open()
        let counters = try store.stat()
        if options.isJSON {
            try StandardOutput.write(
                .object([
                    ("blocks", .integer(counters.blocks)), ("raw_bytes", .integer(counters.rawBytes)),
                    ("stored_bytes", .integer(counters.storedBytes)),
                    ("dead_blocks", .integer(counters.deadBlocks)),
                    ("dead_bytes", .integer(counters.deadBytes)),
                    ("set_aside_blocks", .integer(counters.setAsideBlocks)),
                    ("roots", .integer(counters.roots)),
                    ("holds", .integer(counters.holds)), ("leases", .integer(counters.leases)),
                    ("packs", .integer(counters.packs)), ("index_bytes", .integer(counters.indexBytes)),
                    ("epoch", .integer(counters.epoch)), ("store", .string(store.path)),
                    ("identity", .string(store.identity)), ("read_only", .bool(store.isReadOnly)),
                    ("parameters", store.configuration.json),
                ]))
            return
        }
        var rows = [
            Report.number(counters.blocks, "blocks"), Report.bytes(counters.rawBytes, "raw bytes"),
            Report.bytes(counters.storedBytes, "stored bytes"),
            Report.number(counters.deadBlocks, "dead blocks"),
            Report.bytes(counters.deadBytes, "dead bytes"), Report.number(counters.roots, "roots"),
            Report.number(counters.holds, "holds"), Report.number(counters.leases, "leases"),
            Report.number(counters.packs, "packs"), Report.bytes(counters.indexBytes, "index bytes"),
        ]
        if counters.setAsideBlocks > 0 {
            rows.append(
                Report.number(counters.setAsideBlocks, "blocks set aside: run ipldstore verify --repair"))
        }
        try Report.write(rows)
        try StandardOutput.write(
            line: "\(store.configuration.profile.identifier), \(store.configuration.compression.text)")
    }
}

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check every block, count and name; exit code 4 when something is wrong.",
        discussion: """
            Problems are listed one a line. With --repair the index is first rebuilt from packs and journal; \
            nobody else may have the store open then.
            """)

    @OptionGroup var options: StoreOptions
    @Flag(help: "Rebuild the index first.")
    var repair = false

    func run() throws {
        Interruption.watch()
        let repaired = try repair ? rebuild() : nil
        let store = try options.open()
        let progress = ProgressLine(
            "checked", total: try store.stat().blocks, unit: .blocks, isJSON: options.isJSON)
        defer { progress.finish() }
        let report = try store.verify { (done) throws(StoreError) in try progress.step(done) }
        progress.finish()
        if options.isJSON {
            try StandardOutput.write(json(report, repaired))
        } else {
            try write(report, repaired)
        }
        guard report.isClean else {
            let advice =
                if repair {
                    "store what is damaged or missing again"
                } else if report.problems.allSatisfy({ $0.kind == .missingBlock }) {
                    "store the data that is missing again, or give up what names it"
                } else {
                    "run ipldstore verify --repair, or store it again"
                }
            throw CommandExit(
                StoreError(.corrupt, "the store has \(Quantity.count(report.problemCount, "problem"))"),
                advice: advice)
        }
    }

    private func rebuild() throws -> RepairReport {
        let progress = ProgressLine("found", unit: .blocks, isJSON: options.isJSON)
        defer { progress.finish() }
        do {
            return try ContentStore.repair(at: options.path) { (done) throws(StoreError) in
                try progress.step(done)
            }
        } catch  where error.code == .notFound {
            throw CommandExit(error, advice: "name a store with --store")
        }
    }

    private func write(_ report: VerifyReport, _ repaired: RepairReport?) throws {
        if let repaired {
            try StandardOutput.write(
                line: [
                    Quantity.count(repaired.blocks, "block"), Quantity.count(repaired.roots, "root"),
                    Quantity.count(repaired.holds, "hold"),
                ].joined(separator: ", ") + " brought back")
            for (count, what) in [
                (repaired.damagedRecords, "damaged records left out"),
                (repaired.lostNames, "roots and holds lost: what they named is not here"),
                (repaired.missingBlocks, "blocks missing that others link to"),
                (repaired.recoveredRoots, "roots made: recovered/..."),
            ] where count > 0 {
                try StandardOutput.write(line: "\(count) \(what)")
            }
        }
        for problem in report.problems {
            try StandardOutput.write(
                line: problem.kind.rawValue + ": " + CommandExit.namingCommands(problem.message))
        }
        if report.problemCount > UInt64(report.problems.count) {
            try StandardOutput.write(line: "and \(report.problemCount - UInt64(report.problems.count)) more")
        }
        try StandardOutput.write(
            line: "\(Quantity.count(report.blocks, "block")) of \(Quantity.bytes(report.rawBytes)) checked, "
                + (report.isClean ? "no problems" : Quantity.count(report.problemCount, "problem")))
    }

    private func json(_ report: VerifyReport, _ repaired: RepairReport?) -> JSON {
        var fields: [(String, JSON)] = [
            ("clean", .bool(report.isClean)), ("blocks", .integer(report.blocks)),
            ("raw_bytes", .integer(report.rawBytes)), ("problem_count", .integer(report.problemCount)),
            (
                "problems",
                .array(
                    report.problems.map {
                        .object([
                            ("kind", .string($0.kind.rawValue)), ("message", .string($0.message)),
                            ("cid", JSON($0.cid.map { "\($0)" })),
                        ])
                    })
            ),
        ]
        if let repaired {
            fields.append(
                (
                    "repair",
                    .object([
                        ("blocks", .integer(repaired.blocks)), ("roots", .integer(repaired.roots)),
                        ("holds", .integer(repaired.holds)),
                        ("damaged_records", .integer(repaired.damagedRecords)),
                        ("lost_names", .integer(repaired.lostNames)),
                        ("missing_blocks", .integer(repaired.missingBlocks)),
                        ("recovered_roots", .integer(repaired.recoveredRoots)),
                    ])
                ))
        }
        return .object(fields)
    }
}
