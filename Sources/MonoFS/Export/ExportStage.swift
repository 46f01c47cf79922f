import Glibc
import IpldEngine

/// A directory in which an export makes what is not to be seen yet, and the file beside it that proves whose
/// it is.
///
/// What always holds: the file is there before the directory and goes after it; it is locked as long as its
/// process lives; it says which directories under the stage's name are the export's, by inode and time of
/// birth, and only such a one is ever removed. Nobody else can write that file. So what a process leaves that
/// was killed can be told from what one needs that lives, and from what was never an export's, whatever was
/// renamed meanwhile.
final class ExportStage {
    let directory: HostDirectory
    let name: [UInt8]
    private let parent: HostDirectory
    private let lock: HostFile
    /// Of what may have the name.
    private var identities: [HostIdentity]

    static let prefix = Array(".ipldstore-".utf8)
    fileprivate static let suffix = Array(".lock".utf8)

    static func temporaryName() -> [UInt8] {
        prefix + Array(String(UInt64.random(in: .min ... .max), radix: 36).utf8)
    }

    init(in parent: HostDirectory) throws(HostError) {
        self.parent = parent
        (name, lock) = try Self.makeLock(parent)
        do throws(HostError) {
            try Host.makeDirectory(parent.descriptor, name, mode: 0o700)
            do throws(HostError) {
                // What is lent in it needs no note: it goes, or it becomes the tree, with its modes.
                directory = try parent.open(
                    name, expecting: nil, need: HostDirectory.changing, loans: .unnoted)
                guard directory.status.owner == Host.user else { throw HostError("create", ESTALE) }
                identities = [directory.identity]
                try StageRecord([StageRecord.Mark(directory.descriptor)]).write(lock.descriptor)
                try Host.removeAccessLists(.descriptor(directory.descriptor))
            } catch {
                try? Host.remove(parent.descriptor, name, isDirectory: true)
                throw error
            }
        } catch {
            try? Host.remove(parent.descriptor, name + Self.suffix)
            throw error
        }
    }

    private static func makeLock(_ parent: HostDirectory) throws(HostError) -> (name: [UInt8], HostFile) {
        while true {
            let name = temporaryName()
            let file = name + suffix
            let lock = HostFile(try Host.open(parent.descriptor, file, [.write, .create], mode: 0o600))
            do throws(HostError) {
                // Whoever looks for files that nobody locks may have found it before it was locked.
                guard try Host.lock(lock.descriptor), try Host.status(lock.descriptor).links == 1 else {
                    continue
                }
                return (name, lock)
            } catch {
                try? Host.remove(parent.descriptor, file)
                throw error
            }
        }
    }

    /// From now on, another directory may have the stage's name, and is to be removed as the stage would be.
    func add(_ other: HostFile) throws(HostError) {
        identities.append(try Host.status(other.descriptor).identity)
        let marks = [try StageRecord.Mark(directory.descriptor), try StageRecord.Mark(other.descriptor)]
        try StageRecord(marks).write(lock.descriptor)
    }

    /// From now on, what is in the stage belongs into the directory that the stage is in.
    func complete(_ tree: StagedTree) throws(HostError) {
        var record = StageRecord([try StageRecord.Mark(directory.descriptor)])
        record.tree = tree
        try record.write(lock.descriptor)
    }

    /// Removes what has the name now, the stage or what took its place, and then the proof.
    func remove(problem: HostTree.Problem) throws(StoreError) {
        if let status = try? Host.status(parent.descriptor, name), identities.contains(status.identity) {
            guard try HostTree.remove(parent, name, problem: problem) else { return }
        }
        release()
    }

    /// Removes the proof: what had the name is where it belongs.
    func release() { try? Host.remove(parent.descriptor, name + Self.suffix) }

    // MARK: Those of others

    /// Takes away what is in a directory of exports that were killed, or, where one had come to moving its
    /// tree up, brings that to its end: true then. What cannot be removed stays, and is no reason not to go
    /// on.
    static func clean(_ parent: HostDirectory, _ stores: HostStores) -> Bool {
        guard let names = try? parent.names(prefix: prefix) else { return false }
        var moved = false
        for position in 0..<names.count {
            let file = names[position]
            guard file.count > suffix.count + prefix.count, file.suffix(suffix.count).elementsEqual(suffix),
                let lock = try? HostFile(Host.open(parent.descriptor, file, .read)),
                let status = try? Host.status(lock.descriptor), status.kind == .file, status.links == 1,
                status.owner == Host.user, status.mode & 0o022 == 0,
                (try? Host.lock(lock.descriptor)) == true,
                (try? Host.status(parent.descriptor, file).identity) == status.identity
            else { continue }
            let name = Array(file.dropLast(suffix.count))
            let record = StageRecord(reading: lock.descriptor)
            let removeProof = { () -> Void in try? Host.remove(parent.descriptor, file) }
            if let tree = record.tree, let mark = record.marks.first {
                if (try? tree.finish(parent, name, mark, removeProof)) == true { moved = true }
            } else if removeLeft(parent, name, record, stores) {
                removeProof()
            }
        }
        return moved
    }

    /// Whether nothing is left of it.
    private static func removeLeft(
        _ parent: HostDirectory, _ name: [UInt8], _ record: StageRecord, _ stores: HostStores
    ) -> Bool {
        let named: HostFile
        do throws(HostError) {
            named = HostFile(try Host.open(parent.descriptor, name, [.none, .directory]))
        } catch { return error.code == ENOENT }
        guard let mark = try? StageRecord.Mark(named.descriptor) else { return false }
        guard record.marks.contains(mark) else {
            // Killed before it could say what it had made, which is empty then.
            guard record.marks.isEmpty else { return false }
            return (try? Host.remove(parent.descriptor, name, isDirectory: true)) != nil
        }
        guard let status = try? Host.status(named.descriptor), !stores.areIn(status.identity) else {
            return false
        }
        return (try? HostTree.remove(parent, name, problem: { (_, _) throws(StoreError) in })) == true
    }
}

/// The stages of an export into a directory that has something: one on each file system, made when the export
/// gets there, because files are renamed from them. For several threads.
final class ExportStages: Sendable {
    private let stores: HostStores
    private let stages = Lock<[UInt64: ExportStage]>([:])

    init(_ stores: HostStores) { self.stores = stores }

    /// Nil where none could be made: whose directory it is lets nothing be replaced in it.
    func directory(_ device: UInt64) -> HostDirectory? { stages.withLock { $0[device]?.directory } }

    func add(_ directory: HostDirectory) {
        _ = ExportStage.clean(directory, stores)
        let device = directory.identity.device
        guard self.directory(device) == nil, let stage = try? ExportStage(in: directory) else { return }
        stages.withLock { $0[device] = stage }
    }

    func remove() {
        let all = stages.withLock { (stages) in
            defer { stages = [:] }
            return stages
        }
        for stage in all.values { try? stage.remove { (_, _) throws(StoreError) in } }
    }
}
