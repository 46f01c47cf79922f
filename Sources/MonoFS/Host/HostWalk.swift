/// A way through a tree of the host.
import Glibc
import IpldEngine

/// Goes through everything below a directory, depth first, in bytewise order of names.
///
/// What always holds: no link is followed; memory is the names of the directories that are open, and few of
/// these are open on the host, however deep the tree is: the rest is reached again from below, and has to be
/// what it was.
final class HostWalk {
    enum Step {
        /// Something that is no directory.
        case file(HostEntry)
        /// A directory that is entered; what is in it comes next, and then `leave`.
        case enter(HostEntry, HostDirectory)
        /// All of a directory was met; what has it, its name, and it.
        case leave(HostDirectory, FileName, HostDirectory)
        /// Something that cannot be looked at, or a directory that cannot be entered (then with its status).
        case refused(FileName, HostStatus?, HostError)
        /// What the kernel gives as a name and is none here.
        case nameless([UInt8])
    }

    struct Limits {
        /// A directory on another file system is passed over as if it were empty.
        var staysOnFileSystem = false
        /// Whose directories are passed over as if they were not there.
        var stores: HostStores?
        /// What is lent to the owners of directories.
        var need = HostDirectory.looking
    }

    private var levels: [Level]
    private let limits: Limits
    private let device: UInt64

    private final class Level {
        let name: FileName?
        let identity: HostIdentity
        /// Nil while it is not open for the sake of the walk; somebody else may have it open.
        var directory: HostDirectory?
        weak var lastDirectory: HostDirectory?
        let names: HostNames
        var next = 0

        init(_ name: FileName?, _ directory: HostDirectory, _ names: HostNames) {
            self.name = name
            self.directory = directory
            lastDirectory = directory
            self.names = names
            identity = directory.identity
        }
    }

    /// Directories that the walk keeps open at once.
    private static let openLimit = 32

    init(_ root: HostDirectory, _ limits: Limits) throws(HostError) {
        self.limits = limits
        device = root.identity.device
        levels = [Level(nil, root, try root.names())]
    }

    /// Names on the way to the directory that the walk is in.
    var components: [FileName] { levels.compactMap(\.name) }

    var directory: HostDirectory? { levels.last?.directory }

    /// The path of a name in that directory.
    func path(_ name: FileName) -> FilePath { FilePath(components: components + [name]) }

    func next() throws(HostError) -> Step? {
        while let level = levels.last {
            guard level.next < level.names.count else {
                levels.removeLast()
                guard !levels.isEmpty else { return nil }
                try reopen(below: level)
                guard let name = level.name, let directory = level.directory,
                    let parent = levels.last?.directory
                else { throw HostError("open", ESTALE) }
                return .leave(parent, name, directory)
            }
            guard let directory = level.directory else { throw HostError("open", ESTALE) }
            let bytes = level.names[level.next]
            level.next += 1
            guard let name = FileName(checking: bytes) else { return .nameless(bytes) }
            let status: HostStatus
            do throws(HostError) { status = try directory.status(of: bytes) } catch {
                // It went meanwhile.
                if error.code == ENOENT { continue }
                return .refused(name, nil, error)
            }
            if limits.stores?.places.contains(status.identity) == true { continue }
            let entry = HostEntry(name: name, status: status, directory: directory)
            guard status.kind == .directory else { return .file(entry) }
            do throws(HostError) {
                guard let entered = try enter(entry) else { continue }
                return .enter(HostEntry(name: name, status: entered.status, directory: directory), entered)
            } catch { return .refused(name, status, error) }
        }
        return nil
    }

    /// Passes over what is in the directory that was entered last.
    func skip() { levels.last.map { $0.next = $0.names.count } }

    /// Nil when it went meanwhile.
    private func enter(_ entry: HostEntry) throws(HostError) -> HostDirectory? {
        guard levels.count < Workspace.maximumDepth else { throw HostError("enter", ENAMETOOLONG) }
        let child: HostDirectory
        do throws(HostError) {
            child = try entry.directory.open(
                entry.name.bytes, expecting: entry.status.identity, need: limits.need)
        } catch {
            if error.code == ENOENT { return nil }
            throw error
        }
        let isElsewhere = limits.staysOnFileSystem && child.identity.device != device
        levels.append(Level(entry.name, child, isElsewhere ? HostNames() : try child.names()))
        if levels.count > Self.openLimit { levels[levels.count - 1 - Self.openLimit].directory = nil }
        return child
    }

    /// Opens the last level again, from the one below it.
    private func reopen(below child: Level) throws(HostError) {
        guard let level = levels.last, level.directory == nil else { return }
        if let open = level.lastDirectory {
            level.directory = open
        } else if let from = child.directory {
            level.directory = try from.open(
                [UInt8(ascii: "."), UInt8(ascii: ".")], expecting: level.identity, need: limits.need)
            level.lastDirectory = level.directory
        }
    }
}

/// Something in a directory of the host.
struct HostEntry {
    let name: FileName
    let status: HostStatus
    let directory: HostDirectory
}
