/// Files of trees that are open.
import CIpldStore
import IpldEngine
import MonoFS

@c @implementation
public func ips_fs_file_open(
    _ fs: OpaquePointer?, _ path: ips_bytes, _ flags: UInt32, _ mode: UInt32, _ progress: ips_progress?,
    _ context: UnsafeMutableRawPointer?, _ file: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(file, "file")
        result.pointee = nil
        let path = try treePath(path)
        let (write, create) = (UInt32(IPS_FS_WRITE), UInt32(IPS_FS_CREATE))
        let truncate = UInt32(IPS_FS_TRUNCATE)
        guard flags & ~(write | create | truncate) == 0 else {
            throw StoreError(.unsupported, "a flag that this version does not know")
        }
        guard flags & write != 0 || flags == 0 else {
            throw StoreError(.invalid, "a file is made and cut when it is opened for writing only")
        }
        let mode = flags & create == 0 ? nil : try fileMode(mode)
        let (object, outcome) = (try fileSystemObject(fs), CallbackOutcome())
        let access = try object.exclusively { (workspace) throws(StoreError) -> FileObject.Access in
            guard flags & write != 0 else { return .reader(try workspace.openForReading(path)) }
            return .writer(
                try workspace.openForWriting(
                    path, create: mode, truncate: flags & truncate != 0,
                    progress: progressClosure(progress, context, outcome)))
        }
        result.pointee = try HandleTable.ofThisProcess().insert(
            .file(FileObject(access, of: object, outcome)))
    }
}

@c @implementation
public func ips_fs_file_size(
    _ file: OpaquePointer?, _ size: UnsafeMutablePointer<UInt64>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(size, "size")
        result.pointee = try fileObject(file).exclusively { (access) throws(StoreError) in
            switch access {
            case .reader(let reader): reader.size
            case .writer(let writer): try writer.size
            }
        }
    }
}

@c @implementation
public func ips_fs_file_read_at(
    _ file: OpaquePointer?, _ offset: UInt64, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ got: UnsafeMutablePointer<Int>?, _ error: ErrorPointer?
) -> ips_status {
    call(error) { () throws(StoreError) in
        let result = try output(got, "got")
        let room = try CAPI.room(buffer, capacity)
        result.pointee = try fileObject(file).exclusively { (access) throws(StoreError) in
            switch access {
            case .reader(let reader): try reader.read(at: offset, into: room)
            case .writer(let writer): try writer.read(at: offset, into: room)
            }
        }
    }
}

@c @implementation
public func ips_fs_file_write_at(
    _ file: OpaquePointer?, _ offset: UInt64, _ data: ips_bytes, _ error: ErrorPointer?
) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        let bytes = try input(data)
        try fileObject(file).writer(outcome) { (writer) throws(StoreError) in
            try writer.write(bytes, at: offset)
        }
    }
}

@c @implementation
public func ips_fs_file_truncate(_ file: OpaquePointer?, _ size: UInt64, _ error: ErrorPointer?)
    -> ips_status
{
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        try fileObject(file).writer(outcome) { (writer) throws(StoreError) in
            try writer.truncate(to: size)
        }
    }
}

@c @implementation
public func ips_fs_file_commit(_ file: OpaquePointer?, _ error: ErrorPointer?) -> ips_status {
    callWithCallbacks(error) { (outcome) throws(StoreError) in
        try fileObject(file).writer(outcome) { (writer) throws(StoreError) in try writer.close() }
    }
}

@c @implementation
public func ips_fs_file_close(_ file: OpaquePointer?) {
    let removed = try? HandleTable.ofThisProcess().remove(file) {
        if case .file = $0 { true } else { false }
    }
    if case .file(let object) = removed { object.close() }
}
