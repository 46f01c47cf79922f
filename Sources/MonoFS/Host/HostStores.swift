/// Where the store is, on the host.
import Glibc
import IpldEngine

/// The directories of a store, of all that it reads through, and of all others that are open in this process,
/// and the ones above them: what a transfer must not take for a directory like any other, by whatever path or
/// link it comes there. LMDB's locks are the process's, and the system drops them when any descriptor of the
/// lock file is closed: who reads the files of a store that his own process has open ruins it.
struct HostStores {
    /// Of all of them.
    let places: Set<HostIdentity>
    /// Of directories above any of them.
    let above: Set<HostIdentity>
    /// The places, open, so that no other directory gets the identity of one that goes meanwhile.
    private let held: [HostFile]

    init(_ store: ContentStore) {
        var (places, above): (Set<HostIdentity>, Set<HostIdentity>) = ([], [])
        var held: [HostFile] = []
        for path in [store.path] + store.allBases.map(\.path) + ContentStore.openPaths {
            guard let descriptor = try? Host.locate(path: path) else { continue }
            let directory = HostFile(descriptor)
            guard let identity = try? Host.status(descriptor).identity else { continue }
            places.insert(identity)
            held.append(directory)
            above.formUnion(Host.directories(above: directory.descriptor, identity))
        }
        (self.places, self.above, self.held) = (places, above, held)
    }

    /// Whether a directory is one of the stores', or in one.
    func hold(_ directory: HostDirectory) -> Bool { hold(directory.descriptor, directory.identity) }

    fileprivate func hold(_ directory: Int32, _ identity: HostIdentity) -> Bool {
        places.contains(identity) || !places.isDisjoint(with: Host.directories(above: directory, identity))
    }

    /// Whether a directory is one of the stores', or has one in it.
    func areIn(_ directory: HostIdentity) -> Bool {
        places.contains(directory) || above.contains(directory)
    }
}

extension ContentStore {
    /// Whether a directory of the host is that of the store, or of one that it reads through or that is open
    /// in this process, or is in one: nobody else writes files there. False for what cannot be looked at.
    package func isAround(directory path: String) -> Bool {
        guard let descriptor = try? Host.locate(path: path) else { return false }
        let directory = HostFile(descriptor)
        guard let identity = try? Host.status(directory.descriptor).identity else { return false }
        return HostStores(self).hold(directory.descriptor, identity)
    }
}

extension Host {
    /// The directories above one, nearest first, as far as they may be entered.
    static func directories(above directory: Int32, _ identity: HostIdentity) -> [HostIdentity] {
        var found: [HostIdentity] = []
        var (file, last) = (HostFile?.none, identity)
        // Above the root is the root; somebody may be moving what this goes up from deeper and deeper.
        while found.count < 1 << 16 {
            let from = file?.descriptor ?? directory
            guard let above = try? open(from, Array("..".utf8), [.none, .directory]) else { break }
            file = HostFile(above)
            guard let identity = try? status(above).identity, identity != last else { break }
            found.append(identity)
            last = identity
        }
        return found
    }
}
