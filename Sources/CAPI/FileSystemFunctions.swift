/// Trees that are open: looking at them and changing them.
import CIpldStore
import IpldEngine
import MonoFS

private func open(
    _ fs: UnsafeMutablePointer<OpaquePointer?>?, _ make: () throws(StoreError) -> Workspace
) throws(StoreError) {
    let result = try output(fs, "fs")
    result.pointee = nil
    result.pointee = try HandleTable.ofThisProcess().insert(.fileSystem(FileSystemObject(try make())))
}

@c @implementation
public func ips_fs_open(
    _ store: OpaquePointer?, _ cid: UnsafePointer<ips_cid>?, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ fs: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        try open(fs) { () throws(StoreError) in
            let store = try CAPI.store(store)
            guard cid != nil else { return try Workspace(store) }
            let hear = progressClosure(progress, context, outcome)
            return try Workspace(store, on: try CAPI.cid(cid), progress: hear)
        }
    }
}

@c @implementation
public func ips_fs_open_branch(
    _ store: OpaquePointer?, _ branch: UnsafePointer<CChar>?, _ fs: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        try open(fs) { () throws(StoreError) in
            try FileSystem(try CAPI.store(store)).open(branch: try name(branch, "branch"))
        }
    }
}

@c @implementation
public func ips_fs_close(_ fs: OpaquePointer?) {
    let removed = try? HandleTable.ofThisProcess().remove(fs) {
        if case .fileSystem = $0 { true } else { false }
    }
    // A call that is under way keeps the tree, and what was changed goes with it.
    if case .fileSystem(let object) = removed {
        try? object.exclusively { (workspace) throws(StoreError) in workspace.abort() }
    }
}

@c @implementation
public func ips_fs_overlay(
    _ store: OpaquePointer?, _ layer: UnsafePointer<ips_cid>?, _ base: UnsafePointer<ips_cid>?,
    _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ fs: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        try open(fs) { () throws(StoreError) in
            try fileSystem(store).overlay(
                try cid(layer), over: try cid(base), progress: progressClosure(progress, context, outcome))
        }
    }
}

@c @implementation
public func ips_fs_commit(
    _ fs: OpaquePointer?, _ branch: UnsafePointer<CChar>?, _ message: UnsafePointer<CChar>?,
    _ author: UnsafePointer<CChar>?, _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ version: UnsafeMutablePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let result = try optionalOutput(version, "version")
        result?.pointee = ips_cid()
        let (branch, message) = (try name(branch, "branch"), try optionalText(message, "message"))
        let author = try optionalText(author, "author")
        try withFileSystem(fs) { (workspace) throws(StoreError) in
            do throws(StoreError) {
                let cid = try FileSystem(workspace.store).commit(
                    workspace, to: branch, message: message, author: author,
                    progress: progressClosure(progress, context, outcome))
                result?.pointee = ips_cid(cid)
            } catch {
                if error.code == .conflict, let cid = workspace.refusedVersion {
                    result?.pointee = ips_cid(cid)
                }
                throw error
            }
        }
    }
}

@c @implementation
public func ips_fs_stat(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ follow: Bool, _ entry: UnsafeMutablePointer<ips_fs_entry>?,
    _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try GrowingOutput(entry)
        let path = try treePath(path)
        try withFileSystem(fs) { (workspace) throws(StoreError) in
            result.set(ips_fs_entry(try workspace.status(path, followingLinks: follow)))
        }
    }
}

/// One page of a listing after another.
private struct ListPages {
    let path: FilePath
    let includesTombstones: Bool
    var next: FileName?
    var page: ArraySlice<(name: FileName, entry: Entry)> = []
    var isAtEnd = false

    mutating func next(_ workspace: Workspace) throws(StoreError) -> (name: [UInt8], entry: Entry)? {
        if page.isEmpty, !isAtEnd {
            let part = try workspace.list(
                path, from: next, limit: 256, includingTombstones: includesTombstones)
            isAtEnd = part.count < 256
            next = part.last?.name.next
            page = part[...]
        }
        return page.popFirst().map { ($0.name.bytes, $0.entry) }
    }
}

@c @implementation
public func ips_fs_list(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ from: ips_bytes, _ flags: UInt32,
    _ entries: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(entries, "entries")
        result.pointee = nil
        let start = [UInt8](try input(from))
        var pages = ListPages(path: try treePath(path), includesTombstones: try isAll(flags))
        if !start.isEmpty { pages.next = try FileName(start) }
        let object = try fileSystemObject(fs)
        try object.exclusively { (workspace) throws(StoreError) in
            guard try workspace.status(pages.path, followingLinks: true).isDirectory else {
                throw StoreError(.invalid, "\(pages.path) is not a directory", systemError: 20)
            }
        }
        let sequence = EntrySequence(of: object) { (workspace) throws(StoreError) in
            try pages.next(workspace)
        }
        result.pointee = try HandleTable.ofThisProcess().insert(
            .iterator(IteratorObject(.entries(sequence))))
    }
}

@c @implementation
public func ips_fs_walk(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ flags: UInt32,
    _ entries: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(entries, "entries")
        result.pointee = nil
        let path = try treePath(path)
        let includesTombstones = try isAll(flags)
        let object = try fileSystemObject(fs)
        let walk = try object.exclusively { (workspace) throws(StoreError) in
            try workspace.walk(path, includingTombstones: includesTombstones)
        }
        let sequence = EntrySequence(of: object) { (_) throws(StoreError) in
            guard let (path, entry) = try walk.next() else { return nil }
            return (path.bytes, entry)
        }
        result.pointee = try HandleTable.ofThisProcess().insert(
            .iterator(IteratorObject(.entries(sequence))))
    }
}

func isAll(_ flags: UInt32) throws(StoreError) -> Bool {
    guard flags & ~UInt32(IPS_FS_ALL) == 0 else {
        throw StoreError(.unsupported, "a flag that this version does not know")
    }
    return flags & UInt32(IPS_FS_ALL) != 0
}

@c @implementation
public func ips_iter_next_entry(
    _ iterator: OpaquePointer?, _ name: UnsafeMutableRawPointer?, _ capacity: Int,
    _ length: UnsafeMutablePointer<Int>?, _ entry: UnsafeMutablePointer<ips_fs_entry>?,
    _ error: ErrorPointer?
) -> ips_status {
    callForNext(error) { () throws(StoreError) in
        let result = try GrowingOutput(entry, nullAllowed: true)
        let room = try CAPI.room(name, capacity)
        let length = try optionalOutput(length, "length")
        return try withIterator(iterator) { (object) throws(StoreError) in
            guard case .entries(let entries) = object.sequence else {
                throw StoreError(.invalid, "the iterator is not over entries")
            }
            return try entries.next { (next) throws(StoreError) in
                try deliver(next.name, to: room, length)
                result.set(ips_fs_entry(next.entry))
            }
        }
    }
}

/// As `deliver`, of an array.
func deliver(
    _ bytes: [UInt8], to room: UnsafeMutableRawBufferPointer, _ length: UnsafeMutablePointer<Int>?
) throws(StoreError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(StoreError) in
        try deliver(UnsafeRawBufferPointer(bytes), to: room, length)
    }
}

@c @implementation
public func ips_fs_read_link(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ length: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let room = try CAPI.room(buffer, capacity)
        let length = try optionalOutput(length, "length")
        let path = try treePath(path)
        try withFileSystem(fs) { (workspace) throws(StoreError) in
            try deliver(try workspace.target(path), to: room, length)
        }
    }
}

/// A call that changes what is at a path.
func changeTree(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ error: ErrorPointer?,
    _ body: (Workspace, FilePath) throws(StoreError) -> Void
) -> ips_status {
    changeTree(fs, path, nil, nil, error, body)
}

/// As `changeTree`, of what may take long.
func changeTree(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?,
    _ error: ErrorPointer?, _ body: (Workspace, FilePath) throws(StoreError) -> Void
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let path = try treePath(path)
        try withFileSystem(fs) { (workspace) throws(StoreError) in
            try workspace.reporting(to: progressClosure(progress, context, outcome)) {
                () throws(StoreError) in
                try body(workspace, path)
            }
        }
    }
}

@c @implementation
public func ips_fs_make_directory(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ mode: UInt32, _ parents: Bool, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, error) { (workspace, path) throws(StoreError) in
        let mode = try fileMode(mode)
        if parents {
            try workspace.createDirectories(path, mode: mode)
        } else {
            try workspace.createDirectory(path, mode: mode)
        }
    }
}

@c @implementation
public func ips_fs_make_node(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ kind: Int32, _ mode: UInt32, _ major: UInt32,
    _ minor: UInt32, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, error) { (workspace, path) throws(StoreError) in
        let number = DeviceNumber(major: major, minor: minor)
        let content: Entry.Content
        switch Int(kind) {
        case Int(IPS_FS_FILE): content = .file(.empty)
        case Int(IPS_FS_FIFO): content = .fifo
        case Int(IPS_FS_SOCKET): content = .socket
        case Int(IPS_FS_CHARACTER_DEVICE): content = .characterDevice(number)
        case Int(IPS_FS_BLOCK_DEVICE): content = .blockDevice(number)
        default: throw StoreError(.invalid, "no entry of kind \(kind) is made so")
        }
        try workspace.createNode(path, content, mode: try fileMode(mode))
    }
}

@c @implementation
public func ips_fs_put_file(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ cid: UnsafePointer<ips_cid>?, _ mode: UInt32,
    _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        try workspace.putFile(path, try CAPI.cid(cid), mode: try fileMode(mode))
    }
}

@c @implementation
public func ips_fs_make_symlink(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ target: ips_bytes, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, error) { (workspace, path) throws(StoreError) in
        try workspace.createSymlink(path, to: [UInt8](try input(target)))
    }
}

@c @implementation
public func ips_fs_make_cid_link(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ target: UnsafePointer<ips_cid>?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, error) { (workspace, path) throws(StoreError) in
        try workspace.createSymlink(path, to: try CAPI.cid(target))
    }
}

@c @implementation
public func ips_fs_link(
    _ fs: OpaquePointer?, _ existing: ips_bytes, _ path: ips_bytes, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, error) { (workspace, path) throws(StoreError) in
        try workspace.link(try treePath(existing), at: path)
    }
}

@c @implementation
public func ips_fs_rename(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ target: ips_bytes, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        try workspace.rename(path, to: try treePath(target))
    }
}

@c @implementation
public func ips_fs_copy(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ target: ips_bytes, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        try workspace.copy(path, to: try treePath(target))
    }
}

@c @implementation
public func ips_fs_restore(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ tree: UnsafePointer<ips_cid>?, _ from: ips_bytes,
    _ progress: ips_progress?, _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        try workspace.restore(path, from: try treePath(from), of: try cid(tree))
    }
}

@c @implementation
public func ips_fs_remove(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ tree: Bool, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ error: ErrorPointer?
) -> ips_status {
    changeTree(fs, path, progress, context, error) { (workspace, path) throws(StoreError) in
        if tree { try workspace.removeTree(path) } else { try workspace.remove(path) }
    }
}
