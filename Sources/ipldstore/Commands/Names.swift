import ArgumentParser
import IpldEngine

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the roots, or a directory of a tree.",
        discussion: """
            Roots: name, a tab, CID; in order of name, and behind them, marked so, those that only a base \
            has. A directory: a name a line, in bytewise order; \
            with -l mode, owner, group, size and time before it, with -R each directory below it after it, \
            under its path. With --all what was removed from it too, and marked so.
            """,
        helpNames: .long)

    @OptionGroup var options: StoreOptions
    @Flag(name: [.customShort("l"), .customLong("long")], help: "Show mode, owner, group, size and time.")
    var isLong = false
    @Flag(
        name: [.customShort("h"), .customLong("human-readable")],
        help: "With -l: sizes with three digits and a unit.")
    var isHuman = false
    @Flag(name: [.customShort("a"), .customLong("all")], help: "Show tombstones too.")
    var isAll = false
    @Flag(name: [.customShort("R"), .customLong("recursive")], help: "List the directories below it too.")
    var isRecursive = false
    @Argument(help: ArgumentHelp("A directory of a tree. (default: the roots)", valueName: "branch:path"))
    var place: TreePlace?

    func run() throws {
        if let place { return try list(place) }
        let store = try options.open()
        let (roots, below) = (try store.roots(), try store.rootsBelow())
        if options.isJSON {
            let own = roots.map { Root.json($0.name, $0.cid, isOfBase: false) }
            try StandardOutput.write(.array(own + below.map { Root.json($0.name, $0.cid, isOfBase: true) }))
        } else {
            for (name, cid) in roots { try StandardOutput.write(line: "\(name)\t\(cid)") }
            for (name, cid) in below { try StandardOutput.write(line: "\(name)\t\(cid)\tbase") }
        }
    }
}

/// Names of 1 to 255 bytes of UTF-8 without control characters, none of which reads as a CID.
struct Root: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Set, compare and set, get, or remove a root.",
        subcommands: [Set.self, CompareAndSet.self, Get.self, Remove.self])

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Point a root at a block that is here, whatever it pointed to.")

        @OptionGroup var options: StoreOptions
        @Argument(help: "The root.", transform: RootName.changeable)
        var name: String
        @Argument(
            help: ArgumentHelp("What it is to point to, or a root that does.", valueName: "cid|root"))
        var target: String

        func run() throws {
            let store = try options.open()
            let cid = try options.resolve(target, in: store)
            try store.setRoot(name, to: cid)
            try options.write(root: name, cid)
        }
    }

    struct CompareAndSet: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "cas",
            abstract: "Point a root at a block if it points to another one now; exit code 5 when it does not."
        )

        @OptionGroup var options: StoreOptions
        @Argument(help: "The root.", transform: RootName.changeable)
        var name: String
        @Argument(
            help: ArgumentHelp("What it must point to now, or none for a new root.", valueName: "old|none"))
        var old: Expectation
        @Argument(
            help: ArgumentHelp("What it is to point to.", valueName: "new"), transform: CID.init(argument:))
        var new: CID

        struct Expectation: ExpressibleByArgument {
            let expectation: RootExpectation

            init?(argument: String) {
                if argument == "none" {
                    expectation = .absent
                } else if let cid = try? CID(parsing: argument) {
                    expectation = .cid(cid)
                } else {
                    return nil
                }
            }
        }

        func run() throws {
            try options.open().setRoot(name, to: new, expecting: old.expectation)
            try options.write(root: name, new)
        }
    }

    struct Get: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the CID that a root points to, here or in a base.")

        @OptionGroup var options: StoreOptions
        @Argument(help: "The root.", transform: RootName.checked)
        var name: String

        func run() throws {
            guard let cid = try options.open().rootHereOrBelow(name) else {
                throw CommandExit(
                    StoreError(.notFound, "there is no root \(name)"), advice: "ipldstore ls lists them")
            }
            if options.isJSON {
                try StandardOutput.write(Root.json(name, cid))
            } else {
                try StandardOutput.write(line: "\(cid)")
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm", abstract: "Remove a root and what only it kept.",
            discussion: "Space is given back for up to a second; gc does what remains.")

        @OptionGroup var options: StoreOptions
        @Argument(help: "The root.", transform: RootName.changeable)
        var name: String

        func run() throws {
            let report = try options.open().removeRoot(name)
            try options.write(name, "name", wasRemoved: report)
        }
    }

    static func json(_ name: String, _ cid: CID) -> JSON {
        .object([("name", .string(name)), ("cid", .string("\(cid)"))])
    }

    static func json(_ name: String, _ cid: CID, isOfBase: Bool) -> JSON {
        .object([("name", .string(name)), ("cid", .string("\(cid)")), ("base", .bool(isOfBase))])
    }
}

struct Retain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hold a block that is here for the owner, once more.")

    @OptionGroup var options: StoreOptions
    @OptionGroup var owner: OwnerOption
    @Argument(help: ArgumentHelp("The block, or a root.", valueName: "cid|root"))
    var reference: String

    func run() throws {
        let store = try options.open(owner: owner.name)
        let block = try options.resolve(reference, in: store)
        try store.retain(block)
        if options.isJSON {
            try StandardOutput.write(
                .object([("cid", .string("\(block)")), ("owner", .string(owner.name))]))
        } else {
            try StandardOutput.write(line: "\(block) held by \(owner.name)")
        }
    }
}

struct Dereference: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give back a hold of the owner, or all of them, and remove what only they kept.",
        discussion: """
            Exit code 3, and nothing changes, when the owner has no hold on it: links, roots and others' \
            holds are not touched. With --all, every hold that --owner has goes, however often it holds a \
            block; those of branches (fs/...) and of layers (fork:...) go with these. Space is given back \
            for up to a second; gc does what remains.
            """)

    @OptionGroup var options: StoreOptions
    @OptionGroup var owner: OwnerOption
    @Flag(help: "Give back all holds of --owner.")
    var all = false
    @Argument(help: ArgumentHelp("The block, or a root.", valueName: "cid|root"))
    var reference: String?

    /// So many holds go in one transaction.
    private static let holdsAtOnce = 4096

    func validate() throws {
        guard all else {
            if reference == nil { throw ValidationError("name a block, or give --all with --owner") }
            return
        }
        if reference != nil { throw ValidationError("--all and a block cannot be given together") }
        guard let name = owner.given else { throw ValidationError("--all goes with --owner NAME") }
        if name.begins(with: "fs/") {
            throw ValidationError("\(name) holds a branch, whose versions branch -d and prune drop")
        }
        if name.hasPrefix("fork:") {
            throw ValidationError("\(name) is a layer over this store, which forks forget is for")
        }
    }

    func run() throws {
        let store = try options.open(owner: owner.name)
        guard let reference else { return try dereferenceAll(store) }
        let block = try options.resolve(reference, in: store)
        try options.write("\(block)", "cid", wasRemoved: try store.dereference(block))
    }

    private func dereferenceAll(_ store: ContentStore) throws {
        var holds = try store.holds(owner: owner.name)[...]
        let count = UInt64(holds.count)
        guard count > 0 else {
            throw CommandExit(
                StoreError(.notFound, "\(owner.name) holds nothing"),
                advice: "ipldstore holds lists the holds")
        }
        while !holds.isEmpty {
            try store.remove(roots: [], holds: Array(holds.prefix(Self.holdsAtOnce)))
            holds = holds.dropFirst(Self.holdsAtOnce)
        }
        let report = try store.gc(budget: ContentStore.defaultReclaimBudget)
        try options.write(owner.name, "owner", wasRemoved: report, holds: count)
    }
}

struct Holds: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the holds: CID, count, owner, with tabs between; of all owners unless one is named.")

    @OptionGroup var options: StoreOptions
    @Option(help: ArgumentHelp("List the holds of this owner only.", valueName: "name"))
    var owner: String?

    func run() throws {
        let store = try options.open()
        let holds = try store.holds(owner: owner)
        if options.isJSON {
            try StandardOutput.write(
                .array(
                    holds.map {
                        .object([
                            ("owner", .string($0.owner)), ("cid", .string("\($0.cid)")),
                            ("count", .integer($0.count)),
                        ])
                    }))
        } else {
            for hold in holds { try StandardOutput.write(line: "\(hold.cid)\t\(hold.count)\t\(hold.owner)") }
        }
    }
}

extension StoreOptions {
    func write(root name: String, _ cid: CID) throws {
        if isJSON {
            try StandardOutput.write(Root.json(name, cid))
        } else {
            try StandardOutput.write(line: "\(name)\t\(cid)")
        }
    }

    /// What a deletion gave back before it returned; with `holds`, of so many blocks that were held.
    func write(
        _ name: String, _ key: String, wasRemoved report: CollectionReport, holds: UInt64? = nil
    ) throws {
        if isJSON {
            let count = holds.map { [("holds", JSON.integer($0))] } ?? []
            try StandardOutput.write(.object([(key, .string(name))] + count + report.json))
            return
        }
        let what = holds.map { "\(Quantity.count($0, "block")) held by \(name)" } ?? name
        var text =
            "\(what) \(key == "name" ? "removed" : "released"), \(Quantity.count(report.blocks, "block")) of "
            + "\(Quantity.bytes(report.storedBytes)) collected"
        if report.remaining > 0 { text += ", \(report.remaining) left for ipldstore gc" }
        try StandardOutput.write(line: text)
    }
}
