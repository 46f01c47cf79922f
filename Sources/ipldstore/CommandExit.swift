import Glibc
import IpldEngine

/// How a command fails: a name for programs, a sentence for people, and an exit status.
struct CommandExit: Error {
    /// The error's name in `--json`, in snake case: that of a store error's code, or `usage`.
    let name: String
    /// One sentence that says what to do, without a final full stop.
    let message: String
    let status: Int32
    /// The signal that asked the command to stop, if one did.
    var signal: Int32?

    static let usageStatus: Int32 = 2

    /// An argument that makes no sense.
    static func usage(_ message: String) -> CommandExit {
        CommandExit(name: "usage", message: message, status: usageStatus)
    }

    private init(name: String, message: String, status: Int32, signal: Int32? = nil) {
        self.name = name
        self.message = message
        self.status = status
        self.signal = signal
    }

    /// A store's error; `advice` says what to do in place of what its code says.
    init(_ error: StoreError, advice: String? = nil) {
        let error = Self.lossOfOther(error) ?? error
        let advice = advice ?? Self.advice(error)
        let message = Self.namingCommands(error.message)
        self.init(
            name: error.code.name, message: advice.isEmpty ? message : message + ": " + advice,
            status: error.code.exitStatus, signal: error.code == .cancelled ? Interruption.received : nil)
    }

    /// A block that is not here and that nobody named is one that something needs.
    private static func lossOfOther(_ error: StoreError) -> StoreError? {
        let absent = " is not in the store"
        guard error.code == .notFound, error.message.hasSuffix(absent),
            let text = error.message.dropLast(absent.count).split(separator: " ").last,
            let cid = try? CID(parsing: String(text))
        else { return nil }
        for argument in CommandLine.arguments {
            // As it is, or before a path, or behind an option's name.
            for part in argument.split(whereSeparator: { $0 == ":" || $0 == "=" })
            where (try? CID(parsing: String(part))) == cid {
                return nil
            }
        }
        if let reference = ResolvedTrees.removed {
            return StoreError(.notFound, "\(reference) was removed, or pruned, meanwhile")
        }
        return StoreError(.corrupt, error.message + ", and is needed")
    }

    /// What the engine says, with the command it advises as one types it here.
    static func namingCommands(_ message: String) -> String {
        message.replacing("run verify", with: "run ipldstore verify")
    }

    /// How the engine says that something is damaged in a store which this one reads through.
    private static let inBase = ", in the base "

    /// What a user can do, where the message does not say it already.
    private static func advice(_ error: StoreError) -> String {
        // Messages that end in advice of their own have it after a colon.
        let message = error.message
        for known in [
            "verify --repair", "try again", "try later", "close them", "close it first",
            "free space", "base set says", "sealed",
        ]
        where message.contains(known) {
            return ""
        }
        switch error.systemError {
        case EMFILE: return "raise the limit on open files (ulimit -n)"
        case ENOMEM: return "free memory, or raise the limit on it (ulimit -v)"
        case EFBIG: return "raise the limit on file sizes (ulimit -f)"
        case EROFS: return "name a place on a file system that is mounted for writing, or mount this one so"
        default: break
        }
        return switch error.code {
        case .notFound where message.hasSuffix("is not in the store"):
            "check it, or name another store with --store"
        case .corrupt where message.contains(Self.inBase): "run ipldstore verify on that base"
        case .corrupt: "run ipldstore verify to see what is damaged"
        case .invalid where message.contains("is not the base that"):
            "say where that is now with ipldstore base set"
        case .conflict: "look at what is there now and try again"
        case .busy where message.contains("in this process"): "name each store once"
        case .busy: "try again when it is free"
        case .full: "free space, or delete roots and run ipldstore gc"
        case .readOnly: "run it as a user who may write to the store, where it can be written to"
        case .permission: "run it as a user who may do that, or change the permissions"
        case .notAStore: "name another directory with --store, or make a store with ipldstore init"
        case .unsupported where message.contains("has format") || message.contains("newer version"):
            "use the version that wrote it, or a newer one"
        case .io: "check the device and the system's log"
        default: ""
        }
    }
}

extension StoreError.Code {
    /// The code's name in `--json`.
    var name: String {
        switch self {
        case .notFound: "not_found"
        case .corrupt: "corrupt"
        case .invalid: "invalid"
        case .exists: "exists"
        case .conflict: "conflict"
        case .busy: "busy"
        case .full: "full"
        case .tooLarge: "too_large"
        case .bufferTooSmall: "buffer_too_small"
        case .readOnly: "read_only"
        case .permission: "permission"
        case .notAStore: "not_a_store"
        case .unsupported: "unsupported"
        case .io: "io"
        case .cancelled: "cancelled"
        case .callback: "callback"
        case .forked: "forked"
        case .internal: "internal"
        }
    }

    var exitStatus: Int32 {
        switch self {
        case .notFound: 3
        case .corrupt: 4
        case .conflict: 5
        default: 1
        }
    }
}
