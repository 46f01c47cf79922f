import ArgumentParser
import Glibc
import IpldEngine
import MonoFS

extension String {
    /// What is between separators, also before a name that begins with a mark which makes one character of
    /// itself and the separator.
    func parts(separator: Unicode.Scalar, maxSplits: Int = .max) -> [String] {
        unicodeScalars.split(separator: separator, maxSplits: maxSplits, omittingEmptySubsequences: false)
            .map { String($0) }
    }

    /// As `hasPrefix`, of the bytes.
    func begins(with prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }
}

/// A place in a tree: `BRANCH:PATH`, `TAG:PATH`, `ROOT:PATH` or `CID:PATH`. Without a colon, the tree's root.
struct TreePlace: ExpressibleByArgument {
    let reference: String
    let path: FilePath
    let text: String
    /// Whether a path was given.
    let hasPath: Bool

    init?(argument: String) {
        let parts = argument.parts(separator: ":", maxSplits: 1)
        guard let first = parts.first, !first.isEmpty else { return nil }
        reference = first
        hasPath = parts.count > 1
        guard let path = try? FilePath(hasPath ? parts[1] : "/") else { return nil }
        self.path = path
        text = argument
    }

    /// Looks for something at the path. Where nothing is, the error names the tree too; where the store has
    /// lost something on the way there, the place.
    func find<T>(_ look: (FilePath) throws -> T) throws -> T {
        do { return try look(path) } catch let error as StoreError {
            if let error = error.missing(in: reference) { throw error }
            throw error.systemError == 0 ? error.of(text) : error
        }
    }

    static let help = "BRANCH:PATH, or a tag, root, version or CID in the place of the branch."
}

extension StoreError {
    /// That nothing is at a path, with the tree's name; nil for other errors.
    func missing(in reference: String) -> StoreError? {
        guard code == .notFound, systemError == ENOENT, message.hasPrefix("there is no ") else { return nil }
        return StoreError(code, "\(message) in \(reference)", systemError: systemError)
    }
}

/// One end of a copy: a place in a tree, or a file or directory of the host.
enum CopyEnd {
    case tree(TreePlace)
    case host(String)

    static let rule = """
        What has a colon is a place in a tree, unless it begins with /, ./ or ../: that, and what has none, \
        is a path here (./a:b is a file, and so is dir/x; dir/x:y is not).
        """

    init(_ argument: String) throws {
        let isHost = argument == "-" || ["/", "./", "../"].contains { argument.begins(with: $0) }
        guard !isHost, argument.unicodeScalars.contains(":") else {
            self = .host(argument)
            return
        }
        guard let place = TreePlace(argument: argument) else {
            throw CommandExit.usage(
                "\(argument) is no place in a tree: write BRANCH:PATH, or ./ before a file")
        }
        self = .tree(place)
    }
}

/// Reading trees and changing branches.
struct TreeOptions: ParsableArguments {
    @OptionGroup var options: StoreOptions

    var isJSON: Bool { options.isJSON }

    func open() throws -> FileSystem { FileSystem(try options.open()) }

    /// The tree of a place, to be looked at.
    func open(_ place: TreePlace, in files: FileSystem) throws -> Workspace {
        try files.open(try resolve(place.reference, in: files))
    }

    func resolve(_ reference: String, in files: FileSystem) throws -> CID {
        try options.resolve(tree: reference, in: files)
    }
}

extension StoreOptions {
    /// What a branch, tag, root, version or CID names, in this order. A branch and a tag of one name are
    /// told apart by a warning: new ones are refused.
    func resolve(tree reference: String, in files: FileSystem) throws -> CID {
        let cid: CID
        do throws(StoreError) { cid = try ResolvedTrees.resolve(reference, in: files) } catch {
            if error.code == .invalid {
                throw CommandExit.usage("\(reference) names no tree: \(error.message)")
            }
            guard error.code == .notFound else { throw error }
            // Of NAME~N the name is there, and the history is too short.
            guard let mark = reference.lastIndex(of: "~"), error.message.hasPrefix("the history of") else {
                throw CommandExit(error, advice: "ipldstore ls, branch and tag list what there is")
            }
            throw CommandExit(error, advice: "ipldstore log \(reference[..<mark]) lists it")
        }
        if (try? CID(parsing: reference)) == nil, (try? files.branch(reference)) ?? nil == cid,
            (try? files.tag(reference)) ?? nil != nil
        {
            Diagnostics.warning(
                "\(reference) is a branch, which is meant, and a tag, which is fs/tag/\(reference)",
                isJSON: isJSON)
        }
        return cid
    }
}

/// What commands that change a branch have in common: each makes one version.
struct CommitOptions: ParsableArguments {
    @OptionGroup var tree: TreeOptions
    @Option(
        name: [.customShort("m", allowingJoined: true), .customLong("message")],
        help: ArgumentHelp("What the version says of itself. (default: the command)", valueName: "text"))
    var message: String?
    @Option(help: ArgumentHelp("Who made it. (default: the user's name)", valueName: "name"))
    var author: String?

    static let discussion = """
        The branch gets a new version, or none when nothing changes. When somebody else moves it meanwhile, \
        the change is made anew on what is there then (exit code 5 when that happens too often).
        """

    /// How often a change is made anew.
    private static let attempts = 16

    var authorName: String { author ?? Self.userName }

    /// The user's name, or number where there is none.
    static var userName: String {
        guard let entry = getpwuid(geteuid()), let name = entry.pointee.pw_name else { return "\(geteuid())" }
        return String(cString: name)
    }

    /// The branch that all places name, which is there.
    func branch(of places: [TreePlace], in files: FileSystem) throws -> String {
        guard let branch = places.first?.reference, places.allSatisfy({ $0.reference == branch }) else {
            throw CommandExit.usage("all paths that are changed must be of one branch")
        }
        guard try files.branch(branch) != nil else {
            // A tag's, a root's or a base's tree is changed in a branch of it.
            let isThere = (try? files.resolve(branch)) != nil
            throw CommandExit(
                StoreError(.notFound, "there is no branch \(branch) here"),
                advice: isThere
                    ? "only branches are changed; ipldstore fork \(branch) NAME makes one of it"
                    : "only branches are changed; ipldstore branch lists them and makes new ones")
        }
        return branch
    }

    /// Changes the branch that all places name, and reports its new version.
    func change(_ places: [TreePlace], _ body: (Workspace, FileSystem) throws -> Void) throws {
        let files = try tree.open()
        try change(try branch(of: places, in: files), files, body)
    }

    /// As `change(_:_:)`, of a branch that is there. `body` may be run several times.
    func change(_ branch: String, _ files: FileSystem, _ body: (Workspace, FileSystem) throws -> Void) throws
    {
        for attempt in 1...Self.attempts {
            let workspace = try files.open(branch: branch)
            let before = workspace.version
            do {
                guard before != nil else { throw StoreError(.notFound, "there is no branch \(branch)") }
                do { try body(workspace, files) } catch let error as StoreError {
                    throw error.missing(in: branch) ?? error
                }
                let version = try files.commit(
                    workspace, to: branch, message: message ?? CommandWords.message, author: authorName,
                    keepingRefused: false)
                return try write(branch, version, isUnchanged: version == before)
            } catch let error as StoreError where error.code == .conflict && attempt < Self.attempts {
                workspace.abort()
                usleep(UInt32.random(in: 0..<2000) * UInt32(attempt))
            } catch {
                workspace.abort()
                throw error
            }
        }
    }

    func write(_ branch: String, _ version: CID, isUnchanged: Bool = false) throws {
        if tree.isJSON {
            try StandardOutput.write(
                .object([
                    ("branch", .string(branch)), ("version", .string("\(version)")),
                    ("unchanged", .bool(isUnchanged)),
                ]))
        } else {
            try StandardOutput.write(line: "\(version)")
            if isUnchanged { Diagnostics.note("nothing changed, \(branch) has no new version") }
        }
    }
}

/// Names and entries as they are shown.
enum TreeText {
    /// A name or path on one line: control characters, and bytes that are no UTF-8, as `\xNN`.
    static func quoted(_ bytes: [UInt8]) -> String {
        let text = String(validating: bytes, as: UTF8.self)
        if let text, text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) {
            return text
        }
        return bytes.map { byte in
            (0x20..<0x7F).contains(byte)
                ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    /// A name or path in JSON: a string, or where it is no UTF-8 the bytes, as DAG-JSON has them.
    static func json(_ bytes: [UInt8]) -> JSON {
        if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
        let digits = bytes.withUnsafeBytes { Multibase.base64.encode($0) }.dropFirst()
        return .object([("/", .object([("bytes", .string(String(digits)))]))])
    }

    /// As `ls -l` shows it.
    static func mode(_ entry: Entry) -> String {
        let kind: String =
            switch entry.kind {
            case .file: "-"
            case .directory: "d"
            case .symlink, .cidLink: "l"
            case .fifo: "p"
            case .socket: "s"
            case .characterDevice: "c"
            case .blockDevice: "b"
            case .tombstone: "x"
            }
        var text = ""
        for (shift, special, letter) in [(6, 0o4000, "s"), (3, 0o2000, "s"), (0, 0o1000, "t")] {
            let bits = Int(entry.mode) >> shift
            text += (bits & 4 != 0 ? "r" : "-") + (bits & 2 != 0 ? "w" : "-")
            let isSpecial = Int(entry.mode) & special != 0
            text += isSpecial ? (bits & 1 != 0 ? letter : letter.uppercased()) : bits & 1 != 0 ? "x" : "-"
        }
        return kind + text
    }

    /// UTC, as RFC 3339 has it.
    static func time(_ time: Timestamp, withFraction: Bool = false) -> String {
        var seconds = time_t(time.seconds)
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return "@\(time.seconds)" }
        var buffer = [CChar](repeating: 0, count: 64)
        let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S", &parts)
        let text = String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard withFraction, time.nanoseconds > 0 else { return text + "Z" }
        let digits = String(time.nanoseconds)
        return text + "." + String(repeating: "0", count: 9 - digits.count) + digits + "Z"
    }

    /// Reads `@SECONDS`, `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ssZ`, in UTC; the last also with nine digits of a
    /// second, as JSON has them.
    static func time(parsing text: String) throws -> Timestamp {
        if let dot = text.firstIndex(of: "."), text.hasSuffix("Z") {
            let digits = text[text.index(after: dot)...].dropLast()
            if digits.count == 9, let fraction = UInt32(digits) {
                let whole = try time(parsing: text[..<dot] + "Z")
                if let time = Timestamp(seconds: whole.seconds, nanoseconds: fraction) { return time }
            }
        }
        if text.hasPrefix("@"), let seconds = Int64(text.dropFirst()), let time = Timestamp(seconds: seconds)
        {
            return time
        }
        let fields = text.split(whereSeparator: { "-T:Z".contains($0) }).compactMap { Int32($0) }
        var parts = tm()
        if fields.count == 3 || fields.count == 6 {
            (parts.tm_year, parts.tm_mon, parts.tm_mday) = (fields[0] - 1900, fields[1] - 1, fields[2])
            if fields.count == 6 {
                (parts.tm_hour, parts.tm_min, parts.tm_sec) = (fields[3], fields[4], fields[5])
            }
            // What it is written as is what was meant, and not a 13th month.
            if let time = Timestamp(seconds: Int64(timegm(&parts))) {
                let written = TreeText.time(time)
                if written == text || fields.count == 3 && written == text + "T00:00:00Z" { return time }
            }
        }
        throw ValidationError("a time is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ or @SECONDS since 1970")
    }

    static func time(json time: Timestamp) -> JSON { .string(TreeText.time(time, withFraction: true)) }

    /// The facts of an entry.
    static func fields(_ entry: Entry) -> [(String, JSON)] {
        var fields: [(String, JSON)] = [
            ("kind", .string(entry.kind.rawValue)), ("mode", .string(octal(entry.mode))),
            ("uid", .integer(UInt64(entry.owner))), ("gid", .integer(UInt64(entry.group))),
            ("size", .integer(entry.size)), ("modified", time(json: entry.modified)),
        ]
        if entry.sync != .default { fields.append(("sync", .string(entry.sync.rawValue))) }
        if let group = entry.hardLink {
            fields.append(("hard_link", .string(String(group.number, radix: 16))))
        }
        let attributes = entry.attributes.elements.compactMap { (name, value) -> JSON? in
            guard case .bytes(let bytes) = value else { return nil }
            return .object([("name", json(name)), ("value", json(bytes))])
        }
        if !attributes.isEmpty { fields.append(("attributes", .array(attributes))) }
        switch entry.content {
        case .file(.stored(let cid, _)), .cidLink(let cid): fields.append(("cid", .string("\(cid)")))
        case .directory(let directory):
            fields.append(("entries", .integer(directory.totals.entries)))
            if let map = directory.map { fields.append(("cid", .string("\(map)"))) }
        case .symlink(let target): fields.append(("target", json(target)))
        case .characterDevice(let number), .blockDevice(let number):
            fields.append(("major", .integer(UInt64(number.major))))
            fields.append(("minor", .integer(UInt64(number.minor))))
        case .tombstone(let tombstone):
            fields.append(("removed", .string(tombstone.kind.rawValue)))
            fields.append(("cid", JSON(tombstone.content.map { "\($0)" })))
        default: break
        }
        return fields
    }

    private static func octal(_ mode: UInt16) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
