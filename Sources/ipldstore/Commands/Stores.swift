import ArgumentParser
import Glibc
import IpldEngine
import MonoFS

struct Initialize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a store.",
        discussion: """
            Chunker and hash decide which CID a file has, and stay as they are. An existing store is left as \
            it is, and that is an error.

            With --base the store is a layer: it reads through the bases and never changes them, and a fork \
            of what they have costs next to nothing. Chunks, hash and compression are then those of the \
            first base where none are given.

            Stores that share data, as layers or by copy, should have the same chunks and hash. Where these \
            differ, equal files have other CIDs: they are stored once more, diff lists them, and merge takes \
            them for changed.

            --kind flatfs keeps each block in a plain file of its own, named by its CID, for other programs \
            to read; lmdb, the default, keeps blocks in packs, which is faster and smaller.
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case lmdb, flatfs
    }

    enum Hash: String, ExpressibleByArgument, CaseIterable {
        case blake3
        case sha256 = "sha2-256"
    }

    @OptionGroup var options: StoreOptions
    @OptionGroup var chunks: ChunkerOptions
    @Option(help: "Where blocks are kept.")
    var kind: Kind = .lmdb
    @Option(
        help: ArgumentHelp("Folders above each file of a flatfs store, 0 to 2. (default: 1)", valueName: "n"))
    var levels: Int?
    @Option(
        name: .customLong("base"),
        help: ArgumentHelp("Read through this store; may be given several times.", valueName: "path"))
    var bases: [String] = []
    @Option(help: "How files are cut: by content, or into equal pieces of --avg bytes. (default: fastcdc)")
    var chunker: ChunkerOptions.Rule?
    @Option(help: "What names the blocks. (default: blake3)")
    var hash: Hash?
    @Option(
        help: ArgumentHelp(
            "none, or zstd[:LEVEL] with a level of 1 to 19. (default: zstd:1)", valueName: "method"),
        transform: CompressionArgument.init(text:))
    var compression: CompressionArgument?
    /// The directory, where somebody gives it without --store, as other programs take it.
    @Argument(help: .hidden)
    var misplaced: [String] = []

    struct CompressionArgument {
        let compression: Compression

        init(text: String) throws {
            guard let compression = Compression(text: text) else {
                throw ValidationError("it is none of none, zstd and zstd:LEVEL with a level of 1 to 19")
            }
            self.compression = compression
        }
    }

    func run() throws {
        let configuration: StoreConfiguration
        do {
            configuration = try chosen
            if bases.isEmpty {
                try ContentStore.create(at: options.path, configuration: configuration)
            } else {
                try LayeredStore.create(at: options.path, over: bases, configuration: configuration)
            }
        } catch let error as StoreError {
            let advice: String? =
                switch error.code {
                case .exists where error.message.contains("not an empty directory"):
                    "name an empty directory, or a new one, with --store"
                case .exists: "use it as it is, or name another directory with --store"
                case .notFound where bases.isEmpty: "make the directory above it first"
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

    /// What was asked for, or else the first base's, or else the default.
    private var chosen: StoreConfiguration {
        get throws {
            let base = try bases.first.map { (path) in try ContentStore.open(at: path, readOnly: true) }
            var configuration = base?.configuration ?? StoreConfiguration()
            if base == nil || chunker != nil || hash != nil || chunks.isGiven {
                configuration.profile = try LayoutProfile(
                    chunker: try chunks.parameters(chunker ?? .fastcdc, normalization: nil),
                    hash: hash == .sha256 ? .sha256 : .blake3)
            }
            if let compression { configuration.compression = compression.compression }
            let kept: PayloadKind = kind == .flatfs ? .files(levels: levels ?? 1) : .packs
            return StoreConfiguration(
                profile: configuration.profile, compression: configuration.compression, payloads: kept)
        }
    }

    func validate() throws {
        if let directory = misplaced.first {
            throw ValidationError("the directory comes after --store: ipldstore init --store \(directory)")
        }
        if levels != nil, kind != .flatfs { throw ValidationError("--levels is for --kind flatfs") }
        if let levels, !(0...2).contains(levels) { throw ValidationError("--levels is 0, 1 or 2") }
        if kind == .flatfs, let compression, compression.compression != .none {
            throw ValidationError("a flatfs store does not compress")
        }
    }
}

struct Statistics: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stat",
        abstract: "Show the store's counters and parameters, or what files of trees are.",
        discussion: """
            Counters are kept as the store changes: asking costs the same whatever its size. Of a place in a \
            tree, kind, mode, owner, size, time and content; links are not followed.
            """)

    @OptionGroup var options: StoreOptions
    @Argument(help: ArgumentHelp("Places in trees. (default: the store)", valueName: "branch:path"))
    var places: [TreePlace] = []

    func run() throws {
        guard places.isEmpty else { return try EntryReport.write(places, options) }
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
                    ("sealed", .bool(store.isSealed)),
                    ("bases", .array(store.bases.map { .string($0.path) })),
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
        for base in store.bases { try StandardOutput.write(line: "reads through \(base.path)") }
        if store.isSealed { try StandardOutput.write(line: "sealed") }
    }
}

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check every block, count and name; exit code 4 when something is wrong.",
        discussion: """
            Problems are listed one a line. With --repair the index is first rebuilt from payloads and \
            journal; nobody else may have the store open then. With --from, too, blocks that are damaged or \
            missing are taken from stores that still have them. The bases of a layer are checked, and \
            repaired, each by itself.
            """)

    @OptionGroup var options: StoreOptions
    @Flag(help: "Rebuild the index first.")
    var repair = false
    @Option(
        name: .customLong("from"),
        help: ArgumentHelp(
            "Take what is damaged or missing from this store; may be repeated.", valueName: "store"))
    var donors: [String] = []

    func validate() throws {
        if !donors.isEmpty, !repair { throw ValidationError("--from goes with --repair") }
    }

    func run() throws {
        Interruption.watch()
        // Whether they are there is known before anything is done.
        for path in donors where try !readsThrough(path) {
            _ = try ContentStore.open(at: path, readOnly: true)
        }
        var repaired = try repair ? rebuild() : nil
        let store = try options.open()
        if let roots = repaired?.roots {
            // Opening has named what bases hold and nothing here names any more.
            let now = try store.stat().roots
            repaired?.recoveredRoots += now > roots ? now - roots : 0
        }
        let others = try donors.map { (path) in try ContentStore.open(at: path, readOnly: true) }
        let healed = try others.isEmpty ? nil : heal(store, others)
        let progress = ProgressLine(
            "checked", total: try store.stat().blocks, unit: .blocks, isJSON: options.isJSON)
        defer { progress.finish() }
        let report = try FileSystem(store).verify { (done) throws(StoreError) in try progress.step(done) }
        progress.finish()
        if options.isJSON {
            try StandardOutput.write(json(report, repaired, healed, store.bases))
        } else {
            try write(report, repaired, healed)
        }
        let bases = store.bases.map(\.path)
        if !bases.isEmpty, !options.isJSON {
            Diagnostics.note("what only a base has was not checked: \(bases.joined(separator: ", "))")
        }
        for left in FileSystem(store).leftPermissions() {
            Diagnostics.warning(
                "a transfer that was killed left \(left.path) with more permissions than its mode, "
                    + "\(String(left.mode, radix: 8)): the next import of it takes them back",
                isJSON: options.isJSON)
        }
        guard report.isClean else {
            let advice =
                if !donors.isEmpty {
                    "store what is damaged or missing again"
                } else if repair {
                    "store what is damaged or missing again, or add --from STORE where another one has it"
                } else if report.problems.allSatisfy({ $0.kind == .missingBlock }) {
                    "store the data that is missing again, or give up what names it, or take it from another "
                        + "store that has it: ipldstore verify --repair --from STORE"
                } else {
                    "run ipldstore verify --repair, with --from STORE where another one has what is lost, or "
                        + "store it again"
                }
            throw CommandExit(
                StoreError(.corrupt, "the store has \(Quantity.count(report.problemCount, "problem"))"),
                advice: advice)
        }
        // Links may come before what they name; these may have lost it just now.
        guard let repaired, repaired.damagedRecords > 0, report.missingLinks > 0 else { return }
        throw CommandExit(
            StoreError(
                .corrupt,
                "damaged records were left out, and "
                    + Quantity.count(report.missingLinks, "link leads", "links lead")
                    + " to what is not here"),
            advice: "store that again, or add --from STORE where another one has it")
    }

    /// Whether a donor is a layer of the store that is to be repaired: it can be opened after that only.
    private func readsThrough(_ donor: String) throws -> Bool {
        guard let store = realpath(options.path, nil) else { return false }
        defer { free(store) }
        let bases = (try? ContentStore.recordedBases(at: donor)) ?? []
        return bases.contains { $0.path == String(cString: store) }
    }

    private func heal(_ store: ContentStore, _ others: [ContentStore]) throws -> HealReport {
        let progress = ProgressLine("looked at", unit: .blocks, isJSON: options.isJSON)
        defer { progress.finish() }
        return try store.heal(from: others) { (done) throws(StoreError) in try progress.step(done) }
    }

    private func rebuild() throws -> RepairReport {
        let progress = ProgressLine("found", unit: .blocks, isJSON: options.isJSON)
        defer { progress.finish() }
        do {
            return try ContentStore.repair(at: options.path, keepingNames: !donors.isEmpty) {
                (done) throws(StoreError) in
                try progress.step(done)
            }
        } catch  where error.code == .notFound {
            throw CommandExit(error, advice: "name a store with --store")
        }
    }

    private func write(_ report: VerifyReport, _ repaired: RepairReport?, _ healed: HealReport?) throws {
        if let repaired {
            try StandardOutput.write(
                line: [
                    Quantity.count(repaired.blocks, "block"), Quantity.count(repaired.roots, "root"),
                    Quantity.count(repaired.holds, "hold"),
                ].joined(separator: ", ") + " brought back")
            for (count, one, many, what) in [
                (repaired.damagedRecords, "damaged record", "damaged records", "left out"),
                (repaired.lostNames, "root or hold", "roots and holds", "lost: what was named is not here"),
                (repaired.missingBlocks, "block", "blocks", "missing that others link to"),
                (repaired.recoveredRoots, "root", "roots", "made: recovered/..."),
            ] where count > 0 {
                try StandardOutput.write(line: "\(Quantity.count(count, one, many)) \(what)")
            }
        }
        if let healed {
            try StandardOutput.write(
                line: "\(Quantity.count(healed.healed, "block")) taken from elsewhere"
                    + (healed.missing > 0 ? ", \(healed.missing) not found there" : ""))
        }
        for problem in report.problems {
            try StandardOutput.write(
                line: problem.kind.rawValue + ": " + CommandExit.namingCommands(problem.message))
        }
        if report.problemCount > UInt64(report.problems.count) {
            try StandardOutput.write(line: "and \(report.problemCount - UInt64(report.problems.count)) more")
        }
        try writeMissing(report)
        try StandardOutput.write(
            line: "\(Quantity.count(report.blocks, "block")) of \(Quantity.bytes(report.rawBytes)) checked, "
                + (report.isClean ? "no problems" : Quantity.count(report.problemCount, "problem")))
    }

    private static let namedBlocks = 10

    /// Links may lead to what was never here; after a loss they are what tells of it.
    private func writeMissing(_ report: VerifyReport) throws {
        guard report.missingLinks > 0 else { return }
        for cid in report.missingBlocks.prefix(Self.namedBlocks) {
            try StandardOutput.write(line: "not here: \(cid)")
        }
        let rest = report.missingBlockCount - UInt64(min(report.missingBlocks.count, Self.namedBlocks))
        if rest > 0 { try StandardOutput.write(line: "and \(rest) more") }
        let blocks = Quantity.count(report.missingBlockCount, "block")
        try StandardOutput.write(
            line:
                "\(Quantity.count(report.missingLinks, "link")) to \(blocks) not here: lost, or never stored")
    }

    private func json(
        _ report: VerifyReport, _ repaired: RepairReport?, _ healed: HealReport?, _ bases: [BaseInformation]
    ) -> JSON {
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
            ("bases_not_checked", .array(bases.map { .string($0.path) })),
            ("missing_links", .integer(report.missingLinks)),
            ("missing_block_count", .integer(report.missingBlockCount)),
            ("missing_blocks", .array(report.missingBlocks.map { .string("\($0)") })),
        ]
        if let healed {
            fields.append(
                (
                    "healing",
                    .object([("blocks", .integer(healed.healed)), ("missing", .integer(healed.missing))])
                ))
        }
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
