import Glibc
import IpldEngine

/// Directories of a tree, which are entered, left, and reached again from below.
extension TreeExport {
    func enter(
        _ name: FileName, _ entry: Entry, _ content: Directory, in level: Level, _ directory: HostDirectory
    ) throws(StoreError) {
        let path = level.path.appending(name)
        let map: DirectoryMap
        do throws(StoreError) { map = try DirectoryMap(content, source) } catch {
            counted.entries += content.totals.entries
            counted.bytes += content.totals.bytes
            return try take(lossOfDirectory: error, path)
        }
        let child: HostDirectory
        do throws(HostError) {
            guard levels.count < Workspace.maximumDepth else { throw HostError("create", ENAMETOOLONG) }
            child = try makeDirectory(name.bytes, in: directory)
        } catch {
            counted.entries += content.totals.entries
            counted.bytes += content.totals.bytes
            return try takeUnmade(error, path)
        }
        counted.entries += 1
        levels.append(Level(name, entry, path, map, child))
        // The first stays open: it has the links.
        let closing = levels.count - 1 - Self.openLimit
        if closing > 0 { levels[closing].directory = nil }
    }

    private func makeDirectory(_ name: [UInt8], in directory: HostDirectory) throws(HostError)
        -> HostDirectory
    {
        var isNew = true
        do throws(HostError) { try Host.makeDirectory(directory.descriptor, name, mode: 0o700) } catch {
            guard options.existing == .merge, error.code == EEXIST else { throw error }
            if try Host.status(directory.descriptor, name).kind == .directory {
                isNew = false
            } else {
                try Host.remove(directory.descriptor, name)
                try Host.makeDirectory(directory.descriptor, name, mode: 0o700)
            }
        }
        let child = try directory.open(name, expecting: nil, need: HostDirectory.changing)
        guard !stores.places.contains(child.identity) else { throw HostError("write to the store", EBUSY) }
        if !isNew, child.identity.device != directory.identity.device { stages?.add(child) }
        if isNew {
            guard child.status.owner == Host.user, child.identity.device == directory.identity.device else {
                throw HostError("create", ESTALE)
            }
        }
        return child
    }

    /// The next entry of a directory; nil after the last, and where the rest of it is lost.
    func next(in level: Level) throws(StoreError) -> (name: FileName, entry: Entry)? {
        guard level.position < level.map.count else { return nil }
        do throws(StoreError) {
            let next = try level.map.entry(at: level.position)
            level.position += 1
            return next
        } catch {
            level.position = level.map.count
            try take(lossOfDirectory: error, level.path)
            return nil
        }
    }

    private func take(lossOfDirectory error: StoreError, _ path: FilePath) throws(StoreError) {
        let error = error.of("the directory \(path)")
        guard options.keepsGoing, error.isLoss else { throw error }
        try take(loss: error, path)
    }

    func leave(_ level: Level) throws(StoreError) {
        levels.removeLast()
        guard let parent = levels.last, let directory = level.directory else { return }
        if parent.directory == nil {
            if let open = parent.lastDirectory {
                parent.directory = open
            } else {
                do throws(HostError) {
                    parent.directory = try directory.open(
                        Array("..".utf8), expecting: parent.identity, need: HostDirectory.changing)
                } catch { throw error.storeError("the directory above \(level.path)") }
                parent.lastDirectory = parent.directory
            }
        }
        events.append(.finish(directory, level.entry, level.path))
        waitingDirectories += 1
    }
}
