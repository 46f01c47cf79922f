import Glibc
import IpldEngine

/// Names of a tree that are made in a directory.
extension TreeExport {
    func make(_ name: FileName, _ entry: Entry, in level: Level) throws(StoreError) {
        guard let directory = level.directory else {
            throw StoreError(.internal, "the directory \(level.path) is not open")
        }
        report.entries += 1
        var group: HardLinkGroup?
        if entry.hardLink != nil {
            group = try HardLinkGroup(hashing: try EntryEncoder.encode(entry.file))
            if try makeLink(name, entry, group, directory, level.path) { return }
        }
        let path = level.path
        switch entry.content {
        case .directory(let content): try enter(name, entry, content, in: level, directory)
        case .file(let content):
            report.files += 1
            var file = ExportFile(directory: directory, name: name, entry: entry, path: path)
            guard group != nil || content.size > Self.parcelSize else { return try schedule(file) }
            let before = counted.bytes
            try writer.write(&file) { [self] (done) throws(StoreError) in
                counted.bytes = before + done
                try progress?(counted)
            }
            counted.bytes = before
            try take(file)
            // What is not there can have no other names; each of them is tried by itself.
            if file.loss != nil || file.unmade != nil { return }
        default: try makeSpecial(name, entry, directory, path)
        }
        if let group { try keepLink(group, name, directory, path) }
    }

    private func schedule(_ file: ExportFile) throws(StoreError) {
        while true {
            if let open {
                if open.add(file) { return }
                self.open = nil
                queue.submit(open)
            }
            while queue.count > 2 * workers { try drain(waiting: true) }
            let parcel = ExportParcel()
            open = parcel
            events.append(.parcel(parcel))
        }
    }

    /// What is no file and no directory.
    private func makeSpecial(
        _ name: FileName, _ entry: Entry, _ directory: HostDirectory, _ path: FilePath
    ) throws(StoreError) {
        var refusals = Refusals()
        do throws(HostError) {
            try writer.make(directory, name.bytes) { (directory, name) throws(HostError) in
                switch entry.content {
                case .symlink(let target): try Host.makeLink(directory.descriptor, name, to: target)
                case .characterDevice(let device), .blockDevice(let device):
                    try node(entry, device, directory, name)
                case .fifo, .socket:
                    try node(entry, DeviceNumber(major: 0, minor: 0), directory, name)
                default: throw HostError("make a link to a CID of", EOPNOTSUPP)
                }
                refusals = metadata.apply(entry, directory, name)
            }
        } catch {
            let isDevice = entry.kind == .characterDevice || entry.kind == .blockDevice
            if isDevice, options.usesStatAttribute, error.code == EPERM || error.code == EOPNOTSUPP {
                return try schedule(
                    ExportFile(directory: directory, name: name, entry: entry, path: path, standIn: error))
            }
            return try takeUnmade(error, path.appending(name))
        }
        counted.entries += 1
        try take(refusals, path.appending(name))
    }

    private func node(_ entry: Entry, _ device: DeviceNumber, _ directory: HostDirectory, _ name: [UInt8])
        throws(HostError)
    {
        guard let kind = HostStatus.Kind(entry.kind) else { return }
        try Host.makeNode(directory.descriptor, name, kind, mode: 0o600, device)
    }

    // MARK: Several names of one file

    /// Gives a file that was made another name; false when there is none yet, or it can have no more.
    private func makeLink(
        _ name: FileName, _ entry: Entry, _ group: HardLinkGroup?, _ directory: HostDirectory,
        _ path: FilePath
    ) throws(StoreError) -> Bool {
        guard let group else { return false }
        guard let (from, first) = links.first(group) else {
            // The name is made, as a file of its own.
            if let refusal = links.refusal(group) {
                try take(Refusals(metadata: refusal), path.appending(name))
            }
            return false
        }
        do throws(HostError) {
            try writer.make(directory, name.bytes) { (directory, name) throws(HostError) in
                try Host.link(from, first, directory.descriptor, name)
            }
        } catch {
            guard error.code == EMLINK else {
                try takeUnmade(error, path.appending(name))
                return true
            }
            try take(Refusals(metadata: error), path.appending(name))
            return false
        }
        if entry.kind == .file { report.files += 1 }
        counted.entries += 1
        counted.bytes += entry.kind == .file ? entry.size : 0
        return true
    }

    private func keepLink(
        _ group: HardLinkGroup, _ name: FileName, _ directory: HostDirectory, _ path: FilePath
    ) throws(StoreError) {
        do throws(HostError) { try links.keep(group, name, directory) } catch {
            throw error.storeError(path.appending(name).description)
        }
    }
}
