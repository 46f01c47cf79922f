import Glibc
import IpldEngine

/// Trees of the host, without a store.
public enum HostTree {
    /// Removes a directory with all that is in it, or a file. Directories that their owner closed to himself
    /// are opened first. What cannot be removed is reported, and the rest goes on; the directories that keep
    /// it get their permissions back. Links are not followed, other file systems not entered. NOT_FOUND when
    /// there is nothing; INVALID for a path that ends in "." or "..". Whether all of it went. `progress`
    /// hears of the entries that went; what is left when it stops this goes with the next call.
    @discardableResult
    public static func remove(
        _ path: String, progress: StepHandler? = nil, problem: TransferProblemHandler? = nil
    ) throws(StoreError) -> Bool {
        let last = path.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
        guard last != Array(".".utf8), last != Array("..".utf8) else {
            throw StoreError(
                .invalid, "\(path) ends in \".\" or \"..\", which is not removed",
                systemError: SystemErrors.invalid)
        }
        let place = try HostPlace(path, followingLink: false)
        return try remove(place.parent, place.name, StepCounter(progress)) {
            (path, error) throws(StoreError) in
            try problem?(
                TransferProblem(path: path, kind: .unremoved, error: error.storeError(path.description)))
        }
    }

    typealias Problem = (FilePath, HostError) throws(StoreError) -> Void

    /// Removes what a name of an open directory names.
    static func remove(
        _ parent: HostDirectory, _ name: [UInt8], _ steps: StepCounter? = nil, problem: Problem
    ) throws(StoreError) -> Bool {
        let directory: HostDirectory
        do throws(HostError) {
            let status = try Host.status(parent.descriptor, name)
            guard status.kind == .directory else {
                try Host.remove(parent.descriptor, name)
                return true
            }
            do throws(HostError) {
                directory = try parent.open(name, expecting: status.identity, need: HostDirectory.changing)
            } catch {
                // Empty ones of others can be removed all the same.
                guard (try? Host.remove(parent.descriptor, name, isDirectory: true)) == nil else {
                    return true
                }
                throw error
            }
        } catch { throw error.storeError(FileText.of(name)) }
        guard try empty(directory, steps, problem: problem) else { return false }
        do throws(HostError) {
            try Host.remove(parent.descriptor, name, isDirectory: true)
            directory.keepLent()
            return true
        } catch { throw error.storeError(FileText.of(name)) }
    }

    /// Removes what is in an open directory; whether all of it went.
    static func empty(_ directory: HostDirectory, _ steps: StepCounter? = nil, problem: Problem)
        throws(StoreError) -> Bool
    {
        var limits = HostWalk.Limits()
        (limits.staysOnFileSystem, limits.need) = (true, HostDirectory.changing)
        let walk: HostWalk
        do throws(HostError) { walk = try HostWalk(directory, limits) } catch { throw error.storeError(".") }
        /// Of each directory that the walk is in: whether something stays in it.
        var keeps = [false]
        while true {
            let step: HostWalk.Step?
            do throws(HostError) { step = try walk.next() } catch {
                throw error.storeError(FilePath(components: walk.components).description)
            }
            guard let step else { return keeps == [false] }
            let failure: (name: FileName, error: HostError)?
            switch step {
            case .enter:
                keeps.append(false)
                continue
            case .leave(let parent, let name, let directory):
                if keeps.popLast() == true {
                    keeps[keeps.count - 1] = true
                    continue
                } else {
                    failure = removing(name, in: parent, isDirectory: true)
                    if failure == nil { directory.keepLent() }
                }
            case .file(let entry): failure = removing(entry.name, in: entry.directory)
            case .refused(let name, let status, let error):
                let isGone =
                    status?.kind == .directory
                    && walk.directory.map { removing(name, in: $0, isDirectory: true) == nil } ?? false
                failure = isGone ? nil : (name, error)
            case .nameless(let bytes):
                let isGone = walk.directory.map { (try? Host.remove($0.descriptor, bytes)) != nil } ?? false
                if !isGone { keeps[keeps.count - 1] = true }
                failure = nil
            }
            guard let failure else {
                try steps?.step()
                continue
            }
            keeps[keeps.count - 1] = true
            try problem(walk.path(failure.name), failure.error)
        }
    }

    private static func removing(_ name: FileName, in directory: HostDirectory, isDirectory: Bool = false)
        -> (name: FileName, error: HostError)?
    {
        do throws(HostError) {
            try Host.remove(directory.descriptor, name.bytes, isDirectory: isDirectory)
            return nil
        } catch { return error.code == ENOENT ? nil : (name, error) }
    }
}

/// A path that a user gave: a name in a directory that is open.
struct HostPlace {
    let parent: HostDirectory
    let name: [UInt8]
    /// What is there; nil when nothing is.
    private(set) var status: HostStatus?

    /// With `followingLink`, a symbolic link at its end stands for what it leads to. NOT_FOUND when there is
    /// no such directory.
    init(_ path: String, followingLink: Bool, _ loans: HostLoans = .unnoted) throws(StoreError) {
        var path = path
        while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
        let last = path.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
        let isStep = last.isEmpty || last.allSatisfy { $0 == UInt8(ascii: ".") } && last.count <= 2
        if followingLink || isStep, let real = realpath(path, nil) {
            path = String(cString: real)
            free(real)
        }
        let bytes = Array(path.utf8)
        let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { $0 == 0 ? "/" : FileText.of(Array(bytes[..<$0])) } ?? "."
        name = slash.map { Array(bytes[($0 + 1)...]) } ?? bytes
        guard !name.isEmpty, name.count <= 255 else {
            throw StoreError(.invalid, "\(path) is no directory that can be made or removed")
        }
        do throws(HostError) {
            parent = try HostDirectory(try Host.open(path: directory), loans)
            try look()
        } catch { throw error.storeError(path) }
    }

    /// Sees what is there now.
    mutating func look() throws(HostError) {
        do throws(HostError) { status = try Host.status(parent.descriptor, name) } catch {
            guard error.code == ENOENT else { throw error }
            status = nil
        }
    }
}

extension HostDirectory {
    /// Opens a directory that a user named; its owner is lent what he needs, when the process is he.
    static func open(path: String, need: UInt16, loans: HostLoans) throws(StoreError) -> HostDirectory {
        do throws(HostError) {
            let directory = try HostDirectory(try Host.open(path: path), loans)
            try directory.lendToOwner(need)
            return directory
        } catch {
            guard error.code == EACCES, let place = try? HostPlace(path, followingLink: true),
                let status = place.status,
                let directory = try? place.parent.open(
                    place.name, expecting: status.identity, need: need, loans: loans)
            else { throw error.storeError(path) }
            return directory
        }
    }
}
