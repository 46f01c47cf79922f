import Glibc
import IpldEngine
import MonoFS

/// A store, a directory that its owner closed to himself in parts, and a place to export it to.
struct TransferWorld {
    private let path: String
    private let user: UInt32
    private var tree: String
    private let source: [String: String]

    init(_ scratch: String, _ user: UInt32) throws {
        path = scratch + "/world"
        self.user = user
        for name in ["", "/source", "/beside"] { mkdir(path + name, 0o755) }
        try ContentStore.create(at: path + "/store")
        let source = path + "/source"
        for directory in ["a", "a/b", "closed", "closed/inner", "list", "list/read"] {
            mkdir(source + "/" + directory, 0o755)
            try Files.write(source + "/\(directory)/small", Array(directory.utf8))
            try Files.write(source + "/\(directory)/secret", [UInt8](repeating: 7, count: 20_000))
            chmod(source + "/\(directory)/secret", directory.utf8.count % 2 == 0 ? 0 : 0o200)
        }
        try Files.write(source + "/top", Array("top".utf8))
        link(source + "/top", source + "/a/linked")
        symlink("../top", source + "/a/symlink")
        mkfifo(source + "/fifo", 0o600)
        // The innermost first: who is no root cannot reach them later.
        let modes: [(String, mode_t)] = [
            ("closed/inner", 0o311), ("closed", 0), ("list/read", 0o555), ("list", 0o311), ("a/b", 0o500),
            ("", 0o555),
        ]
        for (name, mode) in modes { chmod(source + "/" + name, mode) }
        Self.giveAway(path, to: user)
        self.source = try Self.facts(source)
        tree = ""
        tree = try run(.importing).outcome
    }

    /// The calls on the host that a transfer makes.
    func count(_ way: TransferCampaign.Way) throws -> Int {
        try prepare(way)
        return try run(way).calls
    }

    func check(_ way: TransferCampaign.Way, killedAt call: Int, _ tally: Tally) throws {
        try prepare(way)
        let before = try Self.facts(path + "/beside")
        let child = try start(way, call)
        switch Processes.wait(child).end {
        case .killed(SIGKILL): tally.count("killed")
        case .exited(0): tally.count("survived")
        case let end: throw Violation("the transfer ended as \(end)")
        }
        if try Self.facts(path + "/source") != source { tally.count("lent") }
        if try leftovers() { tally.count("left") }
        let second = try run(way)
        if way == .importing {
            guard second.outcome == tree else { throw Violation("imported \(second.outcome), not \(tree)") }
        } else {
            // The one that was killed may have come to its end, and the other, too, when it looked.
            guard second.outcome == "done" || second.outcome == "exists", second.problems == 0 else {
                throw Violation("the second export: \(second.outcome), \(second.problems) problems")
            }
            try compare(way, before)
        }
        let now = try Self.facts(path + "/source")
        guard now == source else { throw Violation("the source: \(Self.difference(now, source))") }
        guard try !leftovers() else { throw Violation("something is left: \(Files.names(path + "/beside"))") }
        let notes = Files.names(path + "/store").filter { $0.hasPrefix("lent") }
        guard notes.isEmpty else { throw Violation("notes are left: \(notes)") }
    }

    /// What is at the target is what was imported, and, merged, what was there.
    private func compare(_ way: TransferCampaign.Way, _ before: [String: String]) throws {
        var expected: [String: String] = [:]
        for (name, fact) in before where !name.hasPrefix("/out") { expected[name] = fact }
        for (name, fact) in source { expected["/out" + name] = fact }
        if way == .merge {
            for (name, fact) in before where expected[name] == nil { expected[name] = fact }
        }
        // The time of the directory that has the target is nobody's; that of a target in place changes for
        // one call when the proof goes.
        var now = try Self.facts(path + "/beside")
        for name in ["", "/mine"] { (now[name], expected[name]) = (nil, nil) }
        if way == .empty {
            for facts in [now, expected] where facts["/out"]?.hasPrefix("40000 555 ") != true {
                throw Violation("the target is \(facts["/out"] ?? "gone")")
            }
            expected["/out"] = now["/out"]
        }
        guard now == expected else { throw Violation("exported: \(Self.difference(now, expected))") }
    }

    /// Whether there is anything of an export that was killed.
    private func leftovers() throws -> Bool {
        try Self.facts(path + "/beside").keys.contains {
            let name = $0.split(separator: "/").last ?? ""
            return name.hasPrefix(".ipldstore-") && !name.hasSuffix("mine")
        }
    }

    // MARK: Making it

    private func prepare(_ way: TransferCampaign.Way) throws {
        // A point that failed is one point.
        for (name, fact) in source {
            let words = fact.split(separator: " ")
            if words[0] != "120000", let mode = mode_t(words[1], radix: 8) {
                chmod(path + "/source" + name, mode)
            }
        }
        let beside = path + "/beside"
        // Whoever is no root cannot remove what is in closed directories by other means.
        if Files.exists(beside) { _ = try HostTree.remove(beside) }
        for name in ["", "/.ipldstore-mine", "/mine"] { mkdir(beside + name, 0o755) }
        try Files.write(beside + "/.ipldstore-mine/file", [1])
        try Files.write(beside + "/.ipldstore-0123456789mine", [1])
        let out = beside + "/out"
        switch way {
        case .importing, .new: break
        case .empty:
            mkdir(out, 0o755)
            chmod(out, 0o551)
        case .replace, .merge:
            for name in ["", "/a", "/closed", "/kept"] { mkdir(out + name, 0o755) }
            for name in ["/a/small", "/a/symlink", "/fifo", "/kept/file"] { try Files.write(out + name, [3]) }
            try Files.write(out + "/closed/other", [4])
            for (name, mode) in [("/a", 0o555), ("/closed", 0), ("/kept", 0o311), ("", 0o555)] {
                chmod(out + name, mode_t(mode))
            }
        }
        Self.giveAway(beside, to: user)
    }

    private static func giveAway(_ path: String, to user: UInt32) {
        guard getuid() == 0 else { return }
        lchown(path, user, user)
        if Files.isDirectory(path) {
            for name in Files.names(path) { giveAway(path + "/" + name, to: user) }
        }
    }

    // MARK: Children

    private func start(_ way: TransferCampaign.Way, _ call: Int) throws -> Processes.Child {
        try Processes.spawn(["transfer", "--world", path, "--way", way.rawValue, "--call", "\(call)"])
    }

    private func run(_ way: TransferCampaign.Way) throws -> (calls: Int, problems: Int, outcome: String) {
        let (lines, end) = Processes.wait(try start(way, 0))
        let words = lines.last?.split(separator: " ").map(String.init) ?? []
        guard end == .exited(0), words.count == 3, let calls = Int(words[0]), let problems = Int(words[1])
        else { throw Violation("a transfer ended as \(end): \(lines)") }
        guard problems == 0 else { throw Violation("a transfer had problems: \(lines)") }
        return (calls, problems, words[2])
    }

    // MARK: Looking

    /// What everything below a directory is, by path. Whoever is no root opens what is closed, and closes it
    /// again.
    private static func facts(_ path: String) throws -> [String: String] {
        var facts: [String: String] = [:]
        func look(_ name: String) throws {
            var information = stat()
            guard lstat(path + name, &information) == 0 else { throw Violation("\(name) went") }
            let kind = information.st_mode & S_IFMT
            let (mode, time) = (information.st_mode & 0o7777, information.st_mtim)
            var fact = "\(String(kind, radix: 8)) \(String(mode, radix: 8)) \(time.tv_sec).\(time.tv_nsec)"
            let isClosed = getuid() != 0 && mode & 0o700 != 0o700 && (kind == S_IFDIR || kind == S_IFREG)
            if isClosed { chmod(path + name, mode | 0o700) }
            defer { if isClosed { chmod(path + name, mode) } }
            if kind == S_IFREG {
                let bytes = try Files.read(path + name)
                let sum = bytes.reduce(UInt64(17)) { ($0 &* 31) &+ UInt64($1) }
                fact += " \(bytes.count) \(sum) \(information.st_nlink)"
            }
            facts[name] = fact
            guard kind == S_IFDIR else { return }
            for below in Files.names(path + name) { try look(name + "/" + below) }
        }
        try look("")
        return facts
    }

    private static func difference(_ now: [String: String], _ expected: [String: String]) -> String {
        Set(now.keys).union(expected.keys).sorted().filter { now[$0] != expected[$0] }
            .map { "\($0): \(now[$0] ?? "gone") instead of \(expected[$0] ?? "nothing")" }
            .joined(separator: "; ")
    }
}
