import ArgumentParser
import Glibc
import IpldEngine
import MonoFS

/// Options that stand before the command: `ipldstore --store PATH put FILE`. Those after the command,
/// which the parser reads, go before these.
enum LeadingOptions {
    nonisolated(unsafe) private(set) static var store: String?
    nonisolated(unsafe) private(set) static var isJSON = false

    /// The arguments without them.
    static func take(from arguments: [String]) -> [String] {
        var rest = arguments[...]
        while let first = rest.first {
            if first == "--json" {
                isJSON = true
                rest.removeFirst()
            } else if first.hasPrefix("--store=") {
                store = String(first.dropFirst("--store=".count))
                rest.removeFirst()
            } else if first == "--store", rest.count > 1 {
                store = rest[rest.startIndex + 1]
                rest.removeFirst(2)
            } else {
                break
            }
        }
        return Array(rest)
    }
}

struct JSONOption: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Report in JSON.")
    var flag = false

    var isOn: Bool { flag || LeadingOptions.isJSON }
}

/// Which store, and how it reports.
struct StoreOptions: ParsableArguments {
    @Option(name: .customLong("store"), help: "The store's directory. (default: $IPLDSTORE, or .ipldstore)")
    var givenPath: String?

    @OptionGroup var json: JSONOption

    var isJSON: Bool { json.isOn }

    var path: String {
        if let path = givenPath ?? LeadingOptions.store { return path }
        guard let variable = getenv("IPLDSTORE"), variable.pointee != 0 else { return ".ipldstore" }
        return String(cString: variable)
    }

    /// Opens the store. One whose files may not be written is opened for reading, and its warning said.
    func open(owner: String = ContentStore.defaultOwner) throws -> ContentStore {
        do {
            let store = try ContentStore.open(at: path, owner: owner)
            if let warning = store.warning {
                Diagnostics.warning(CommandExit.namingCommands(warning), isJSON: isJSON)
            }
            return store
        } catch {
            throw CommandExit(error, advice: Self.openingAdvice(error))
        }
    }

    private static func openingAdvice(_ error: StoreError) -> String? {
        switch error.code {
        case .notFound where !error.message.contains("base set says"):
            "make one with ipldstore init, or name another with --store"
        default: nil
        }
    }

    /// The CID that `text` is, or that the root of that name points to.
    func resolve(_ text: String, in store: ContentStore) throws -> CID {
        if let cid = try? CID(parsing: text) { return cid }
        do throws(StoreError) {
            if let cid = try store.rootHereOrBelow(text) { return cid }
            if let cid = try FileSystem(store).abbreviated(text) { return cid }
        } catch {
            guard error.code == .invalid else { throw error }
            throw CommandExit.usage("it is neither a CID nor a root's name: \(error.message)")
        }
        throw CommandExit(
            StoreError(.notFound, "\(text) is neither a CID nor a root here"),
            advice: treeAdvice(text, FileSystem(store)) ?? "ipldstore ls lists the roots")
    }

    /// What to do with a tree, or a place in one, where something else was asked for; nil for what is none.
    func treeAdvice(_ text: String, _ files: FileSystem) -> String? {
        guard let place = TreePlace(argument: text) else { return nil }
        let name = place.reference
        let kind: String
        if (try? files.branch(name)) ?? nil != nil {
            kind = "branch"
        } else if (try? files.tag(name)) ?? nil != nil {
            kind = "tag"
        } else if let cid = try? files.resolve(name), (try? files.isTree(cid)) == true {
            kind = "tree"
        } else {
            return nil
        }
        return place.hasPath
            ? "\(name) is a \(kind): ipldstore cat \(text) writes that file, ipldstore stat describes it"
            : "\(name) is a \(kind): ipldstore ls \(name): lists it, "
                + "ipldstore cat \(name):/FILE writes a file of it"
    }

    /// A file here; where there is none, and a place in a tree was meant, that is said.
    func input(_ file: String) throws -> InputFile {
        do { return try InputFile(file) } catch {
            guard error.systemError == ENOENT, file.unicodeScalars.contains(":"),
                let advice = (try? open()).flatMap({ treeAdvice(file, FileSystem($0)) })
            else { throw error }
            throw CommandExit(error, advice: advice)
        }
    }
}

/// Whose holds a command makes or gives back.
struct OwnerOption: ParsableArguments {
    @Option(
        name: .customLong("owner"),
        help: ArgumentHelp("Whose hold it is. (default: \"cli:\" and the user's name)", valueName: "name"))
    var given: String?

    var name: String { given ?? Self.ofUser }

    /// "cli:" and the name of the user the process runs as, or the number of one without a name.
    private static var ofUser: String {
        let user = geteuid()
        guard let entry = getpwuid(user), let name = entry.pointee.pw_name else { return "cli:\(user)" }
        return "cli:" + String(cString: name)
    }
}

/// A root's name on the command line, looked at before anything is read that is to have it.
enum RootName {
    /// The name. One against the rules is a usage error.
    static func checked(_ name: String) throws -> String {
        guard (1...StoreLimits.maximumNameLength).contains(name.utf8.count) else {
            throw ValidationError("a root's name has 1 to \(StoreLimits.maximumNameLength) bytes")
        }
        guard !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw ValidationError("a root's name has no control characters")
        }
        if (try? CID(parsing: name)) != nil { throw ValidationError("a root's name must not be a CID") }
        return name
    }
}

extension RootName {
    /// As `checked`, of a root that is to change: those of branches and tags have commands of their own.
    static func changeable(_ name: String) throws -> String {
        guard !name.begins(with: "fs/") else {
            throw ValidationError("roots under fs/ are branches and tags: see ipldstore branch and tag")
        }
        return try checked(name)
    }
}

/// Names of branches and tags on the command line: those against the rules are usage errors.
enum TreeName {
    static func branch(_ name: String) throws -> String { try checked(name, "branch") }
    static func tag(_ name: String) throws -> String { try checked(name, "tag") }

    private static func checked(_ name: String, _ what: String) throws -> String {
        do { return try FileSystem.checked(name, what) } catch { throw ValidationError(error.message) }
    }
}

extension CID {
    /// A CID on the command line. Text that is none is a usage error.
    init(argument: String) throws {
        do { try self.init(parsing: argument) } catch { throw ValidationError("it is no CID (\(error))") }
    }
}
