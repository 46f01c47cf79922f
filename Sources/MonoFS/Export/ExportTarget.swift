import Glibc
import IpldEngine

/// Where a tree is written to, and how it gets to its place.
final class ExportTarget {
    /// What is written into.
    let directory: HostDirectory
    /// Where names take the place of others; nil where nobody else has anything in the directory.
    let stages: ExportStages?
    private let place: HostPlace
    private let way: Way
    /// Whether the tree is where it was to be, and only its staying there is not sure.
    private var isThere = false

    private enum Way {
        /// The directory is a stage, which gets the target's name at the end.
        case beside(ExportStage)
        /// It is a stage in the target, and what is in it is moved up.
        case inPlace(ExportStage, HostDirectory)
        case merge
    }

    init(
        _ path: String, _ existing: ExportOptions.Existing, _ stores: HostStores, _ loans: HostLoans
    ) throws(StoreError) {
        var place = try HostPlace(path, followingLink: true, loans)
        guard !stores.hold(place.parent), place.status.map({ !stores.places.contains($0.identity) }) ?? true
        else {
            throw StoreError(.invalid, "\(path) is, or is in, the directory of the store")
        }
        if ExportStage.clean(place.parent, stores) {
            do throws(HostError) { try place.look() } catch { throw error.storeError(path) }
        }
        guard existing != .replace || place.status.map({ !stores.areIn($0.identity) }) ?? true else {
            throw StoreError(.invalid, "the store is in \(path), and would be removed with it")
        }
        do throws(HostError) {
            guard place.status == nil || existing == .replace else {
                let target = try Self.open(place, stores)
                if try target.names().count == 0 {
                    let stage = try ExportStage(in: target)
                    (directory, stages, way) = (stage.directory, nil, .inPlace(stage, target))
                } else {
                    guard existing == .merge else { throw HostError("write to", ENOTEMPTY) }
                    let stages = ExportStages(stores)
                    stages.add(target)
                    (directory, self.stages, way) = (target, stages, .merge)
                }
                self.place = place
                return
            }
            if let status = place.status, status.kind != .directory { throw HostError("write to", ENOTDIR) }
            let stage = try ExportStage(in: place.parent)
            (directory, stages, way) = (stage.directory, nil, .beside(stage))
            self.place = place
        } catch {
            throw error.code == ENOTEMPTY
                ? StoreError(.exists, "\(path) is not empty", systemError: ENOTEMPTY) : error.storeError(path)
        }
    }

    /// Opens the target, without what an export left there that was killed.
    private static func open(_ place: HostPlace, _ stores: HostStores) throws(HostError) -> HostDirectory {
        while true {
            let status = try Host.status(place.parent.descriptor, place.name)
            guard status.kind == .directory else { throw HostError("write to", ENOTDIR) }
            let target = try place.parent.open(
                place.name, expecting: status.identity, need: HostDirectory.changing)
            // What was brought to its end has another mode now.
            guard ExportStage.clean(target, stores) else { return target }
        }
    }

    /// Gives it the metadata of the tree's root, makes it durable, and puts it in its place.
    func finish(_ root: Entry, _ run: TreeExport) throws(StoreError) {
        stages?.remove()
        switch way {
        case .merge:
            directory.keepLent()
            try run.take(run.metadata.apply(root, open: directory.descriptor), .root)
            do throws(HostError) { try Host.flushFileSystem(directory.descriptor) } catch {
                throw error.storeError(FileText.of(place.name))
            }
            try flushParent()
        case .inPlace(let stage, let target): try moveUp(stage, to: target, root, run)
        case .beside(let stage):
            directory.keepLent()
            try run.take(run.metadata.apply(root, open: directory.descriptor), .root)
            try rename(stage)
        }
    }

    /// Who wants it to stay there through a power loss has to know: it is where it was to be, whole.
    private func flushParent() throws(StoreError) {
        do throws(HostError) { try Host.flush(place.parent.descriptor) } catch {
            throw error.storeError("the directory of \(FileText.of(place.name)), which is there")
        }
    }

    private func moveUp(_ stage: ExportStage, to target: HostDirectory, _ root: Entry, _ run: TreeExport)
        throws(StoreError)
    {
        let tree = try StagedTree(root, usesStatAttribute: run.options.usesStatAttribute)
        var moved: [(name: [UInt8], HostIdentity)] = []
        do throws(HostError) {
            try Host.flushFileSystem(target.descriptor)
            try stage.complete(tree)
            try StagedTree.move(directory, to: target, &moved)
            try Host.remove(target.descriptor, stage.name, isDirectory: true)
        } catch {
            for (name, identity) in moved {
                guard (try? Host.status(target.descriptor, name).identity) == identity else { continue }
                _ = try? HostTree.remove(target, name) { (_, _) throws(StoreError) in }
            }
            throw error.storeError(FileText.of(place.name))
        }
        isThere = true
        let refusals = tree.apply(to: target) { stage.release() }
        try run.take(refusals, .root)
        do throws(HostError) { try Host.flushFileSystem(target.descriptor) } catch {
            throw error.storeError("\(FileText.of(place.name)), which is there")
        }
        try flushParent()
    }

    private func rename(_ stage: ExportStage) throws(StoreError) {
        do throws(HostError) {
            try Host.flushFileSystem(directory.descriptor)
            guard try Host.status(place.parent.descriptor, stage.name).identity == directory.identity else {
                throw HostError("rename", ESTALE)
            }
            let parent = place.parent.descriptor
            if let old = place.status {
                // What is removed below is what was there, and nothing that took its place.
                let named = HostFile(try Host.open(parent, place.name, [.none, .directory]))
                guard try Host.status(named.descriptor).identity == old.identity else {
                    throw HostError("replace", ESTALE)
                }
                try stage.add(named)
                try Host.swap(parent, stage.name, place.name)
            } else {
                try Host.renameNew(parent, stage.name, to: parent, place.name)
            }
        } catch { throw error.storeError(FileText.of(place.name)) }
        guard place.status != nil else {
            isThere = true
            stage.release()
            return try flushParent()
        }
        try flushParent()
        // What was there before; what cannot be removed stays under the other name.
        try stage.remove { (path, error) throws(StoreError) in
            throw error.storeError("\(FileText.of(stage.name))/\(path), which was replaced")
        }
    }

    /// Takes away what was written.
    func discard() {
        guard !isThere else { return }
        stages?.remove()
        switch way {
        case .beside(let stage): try? stage.remove { (_, _) throws(StoreError) in }
        case .inPlace(let stage, let target):
            try? stage.remove { (_, _) throws(StoreError) in }
            // Its time is that of its becoming empty again.
            try? Host.setTime(target.descriptor, [], target.status.modified)
        case .merge: break
        }
    }
}
