import ArgumentParser
import Glibc
import IpldEngine
import MonoFS

struct ChangeMode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chmod", abstract: "Change the mode of files in a branch; prints its new version.",
        discussion: """
            Links are followed, but not below a directory. A mode that begins with a dash stands behind --. \
            \(CommitOptions.discussion)

            Example: ipldstore chmod -R u+rwX,go-w main:/srv
            """)

    @OptionGroup var commit: CommitOptions
    @Flag(name: [.customShort("R"), .customLong("recursive")], help: "And of all that is below.")
    var isRecursive = false
    @Argument(
        help: "In octal digits, 0 to 7777, or as u+rwx,go-w,a=rX.",
        transform: { (text) in
            guard let mode = FileMode(text) else {
                throw ValidationError("a mode is 0 to 7777 in octal digits, or letters as in u+rwx,go-w")
            }
            return mode
        })
    var mode: FileMode
    @Argument(help: ArgumentHelp("Of what.", valueName: "branch:path"))
    var places: [TreePlace]

    func run() throws {
        try commit.change(places) { (workspace, _) in
            for place in places {
                try workspace.changeMode(place.path, recursively: isRecursive, mode.applied(to:))
            }
        }
    }
}

struct ChangeOwner: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chown", abstract: "Change the owner of files in a branch; prints its new version.",
        discussion: """
            Owners are data and ask nothing of this machine; names are those that it knows. \
            \(CommitOptions.discussion)

            Example: ipldstore chown -R 1000:1000 main:/home/ann
            """)

    @OptionGroup var commit: CommitOptions
    @Flag(name: [.customShort("R"), .customLong("recursive")], help: "And of all that is below.")
    var isRecursive = false
    @Flag(
        name: [.customShort("h"), .customLong("no-dereference")],
        help: "Change a symbolic link, not its target.")
    var changesLinks = false
    @Argument(
        help: ArgumentHelp("Numbers or names; one of them may be left out.", valueName: "owner[:group]"))
    var owner: String
    @Argument(help: ArgumentHelp("Of what.", valueName: "branch:path"))
    var places: [TreePlace]

    func run() throws {
        let parts = owner.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        let user = try parts[0].isEmpty ? nil : Self.number(parts[0], "user") { getpwnam($0)?.pointee.pw_uid }
        let group =
            try parts.count < 2 || parts[1].isEmpty
            ? nil : Self.number(parts[1], "group") { getgrnam($0)?.pointee.gr_gid }
        guard user != nil || group != nil else {
            throw CommandExit.usage("\(owner) names no owner and no group")
        }
        try commit.change(places) { (workspace, _) in
            for place in places {
                if isRecursive {
                    try workspace.setOwners(below: place.path, owner: user, group: group)
                } else {
                    try workspace.setOwner(
                        place.path, owner: user, group: group, followingLinks: !changesLinks)
                }
            }
        }
    }

    private static func number(_ text: String, _ what: String, _ named: (String) -> UInt32?) throws -> UInt32
    {
        if let number = UInt32(text) { return number }
        guard let number = named(text) else {
            throw CommandExit.usage("this machine knows no \(what) \(text): give a number")
        }
        return number
    }
}

struct Touch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Set the time of files in a branch, and make those that are missing; prints its new version.",
        discussion: "Times are YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ or @SECONDS. \(CommitOptions.discussion)")

    @OptionGroup var commit: CommitOptions
    @Option(
        name: [.customShort("d", allowingJoined: true), .customLong("date")],
        help: ArgumentHelp("This time. (default: now)", valueName: "time"), transform: TreeText.time(parsing:)
    )
    var date: Timestamp?
    @Flag(name: [.customShort("c"), .customLong("no-create")], help: "Make no files.")
    var makesNone = false
    @Argument(help: ArgumentHelp("What.", valueName: "branch:path"))
    var places: [TreePlace]

    func run() throws {
        try commit.change(places) { (workspace, _) in
            let time = date ?? .now()
            for place in places {
                if try workspace.lookup(place.path, followingLinks: true) == nil {
                    if makesNone { continue }
                    try workspace.createFile(place.path)
                }
                try workspace.setModified(place.path, time)
            }
        }
    }
}

/// What an entry is, for `stat`.
enum EntryReport {
    static func write(_ places: [TreePlace], _ options: StoreOptions) throws {
        let files = FileSystem(try options.open())
        var objects: [JSON] = []
        for place in places {
            let workspace = try files.open(try options.resolve(tree: place.reference, in: files))
            let entry = try place.find { (path) in try workspace.status(path) }
            if options.isJSON {
                objects.append(.object([("path", TreeText.json(place.path.bytes))] + TreeText.fields(entry)))
                continue
            }
            try StandardOutput.write(line: TreeText.quoted(Array(place.text.utf8)))
            for (name, value) in rows(entry) {
                try StandardOutput.write(line: "  " + name + ": " + value)
            }
        }
        if options.isJSON { try StandardOutput.write(objects.count == 1 ? objects[0] : .array(objects)) }
    }

    private static func rows(_ entry: Entry) -> [(String, String)] {
        TreeText.fields(entry).flatMap { (name, value) -> [(String, String)] in
            switch value {
            case .string(let text) where name == "mode":
                return [(name, "\(text) \(TreeText.mode(entry))")]
            case .string(let text): return [(name, TreeText.quoted(Array(text.utf8)))]
            case .array(let items):
                return items.map { ("attribute", $0.text) }
            default: return [(name, value.text)]
            }
        }
    }
}
