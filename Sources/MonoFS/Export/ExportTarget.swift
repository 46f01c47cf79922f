import Glibc
import IpldEngine

/// Where a tree is written to, and how it gets to its place.
final class ExportTarget {
    /// What is written into.
    let directory: HostDirectory
    /// Whether nobody else can have anything in it.
    let isNew: Bool
    /// Whether what is made in it may get access lists from it.
    var inheritsAccess: Bool { if case .beside = way { false } else { true } }
    private let place: HostPlace
    private let way: Way

    private enum Way {
        /// Made under this name, renamed at the end.
        case beside([UInt8])
        case inPlace
        case merge
    }

    init(_ path: String, _ existing: ExportOptions.Existing, _ stores: HostStores) throws(StoreError) {
        place = try HostPlace(path, followingLink: true)
        let old = place.status?.identity
        guard !stores.hold(place.parent), old.map({ !stores.places.contains($0) }) ?? true else {
            throw StoreError(.invalid, "\(path) is, or is in, the directory of the store")
        }
        guard existing != .replace || old.map({ !stores.areIn($0) }) ?? true else {
            throw StoreError(.invalid, "the store is in \(path), and would be removed with it")
        }
        do throws(HostError) {
            if let status = place.status {
                guard status.kind == .directory else { throw HostError("write to", ENOTDIR) }
                if existing != .replace {
                    directory = try place.parent.open(
                        place.name, expecting: status.identity, need: HostDirectory.changing)
                    if try directory.names().count == 0 {
                        (way, isNew) = (.inPlace, true)
                        try directory.closeToOthers()
                        return
                    }
                    guard existing == .merge else { throw HostError("write to", ENOTEMPTY) }
                    (way, isNew) = (.merge, false)
                    return
                }
            }
            let name = Self.temporaryName()
            try Host.makeDirectory(place.parent.descriptor, name, mode: 0o700)
            (way, isNew) = (.beside(name), true)
            do throws(HostError) {
                directory = try place.parent.open(name, expecting: nil, need: HostDirectory.changing)
                guard directory.status.owner == Host.user else { throw HostError("create", ESTALE) }
                try Host.removeAccessLists(.descriptor(directory.descriptor))
            } catch {
                try? Host.remove(place.parent.descriptor, name, isDirectory: true)
                throw error
            }
        } catch {
            throw error.code == ENOTEMPTY
                ? StoreError(.exists, "\(path) is not empty", systemError: ENOTEMPTY) : error.storeError(path)
        }
    }

    static func temporaryName() -> [UInt8] {
        Array((".ipldstore-" + String(UInt64.random(in: .min ... .max), radix: 36)).utf8)
    }

    /// Makes it durable, and puts it in its place.
    func finish() throws(StoreError) {
        do throws(HostError) {
            directory.keepLent()
            try Host.flushFileSystem(directory.descriptor)
            guard case .beside(let name) = way else { return }
            guard try Host.status(place.parent.descriptor, name).identity == directory.identity else {
                throw HostError("rename", ESTALE)
            }
            if place.status == nil {
                try Host.renameNew(place.parent.descriptor, name, place.name)
            } else {
                // What is removed below is what was there, and nothing that took its place.
                guard try Host.status(place.parent.descriptor, place.name).identity == place.status?.identity
                else { throw HostError("replace", ESTALE) }
                try Host.swap(place.parent.descriptor, name, place.name)
            }
        } catch { throw error.storeError(FileText.of(place.name)) }
        do throws(HostError) { try Host.flush(place.parent.descriptor) } catch {
            // It is where it was to be, whole; who wants it to stay there through a power loss has to know.
            throw error.storeError("the directory of \(FileText.of(place.name)), which is there")
        }
        guard case .beside(let name) = way, place.status != nil else { return }
        // What was there before; what cannot be removed stays under the other name.
        _ = try HostTree.remove(place.parent, name) { (path, error) throws(StoreError) in
            throw error.storeError("\(FileText.of(name))/\(path), which was replaced")
        }
    }

    /// Takes away what was written.
    func discard() {
        switch way {
        case .beside(let name):
            guard let status = try? Host.status(place.parent.descriptor, name),
                status.identity == directory.identity
            else { return }
            _ = try? HostTree.remove(place.parent, name) { (_, _) throws(StoreError) in }
        case .inPlace:
            _ = try? HostTree.empty(directory) { (_, _) throws(StoreError) in }
            // It may have the tree's metadata already.
            let (status, descriptor) = (directory.status, directory.descriptor)
            try? Host.setOwner(descriptor, status.owner, status.group)
            try? Host.setMode(descriptor, status.mode)
            try? Host.setTime(descriptor, [], status.modified)
        case .merge: break
        }
    }
}
