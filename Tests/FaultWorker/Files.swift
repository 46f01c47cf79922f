import Glibc

/// Plain file work of the harness, apart from the engine's.
enum Files {
    /// A directory of this process's own: in memory where there is such a file system, so that flushes
    /// cost nothing and thousands of points are minutes. IPLDSTORE_FAULT_DIR says another place.
    static func makeScratch() throws -> String {
        let wished = getenv("IPLDSTORE_FAULT_DIR").map { String(cString: $0) }
        let base = wished ?? (access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")
        var template = Array("\(base)/ipldstore-faults-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Violation("cannot make a directory in \(base)") }
        return template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }

    static func names(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Files in a directory and below it.
    static func count(_ path: String) -> Int {
        isDirectory(path) ? names(path).reduce(0) { $0 + count(path + "/" + $1) } : 1
    }

    /// Of all files in a directory and below it, as far as they are still there.
    static func allocatedBytes(_ path: String) -> Int {
        if isDirectory(path) { return names(path).reduce(0) { $0 + allocatedBytes(path + "/" + $1) } }
        var information = stat()
        return lstat(path, &information) == 0 ? Int(information.st_blocks) * 512 : 0
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isDirectory(_ path: String) -> Bool {
        var information = stat()
        return lstat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
    }

    private static func isLink(_ path: String) -> Bool {
        var information = stat()
        return lstat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFLNK
    }

    private static func linkTarget(_ path: String) throws -> String {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &bytes, bytes.count)
        guard count >= 0, count < bytes.count else { throw Violation("cannot read the link \(path)") }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    static func removeTree(_ path: String) {
        if isDirectory(path) {
            for name in names(path) { removeTree(path + "/" + name) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    /// Bytes, not holes, are copied, and links as links: one may lead to itself.
    static func copyTree(_ from: String, _ to: String) throws {
        if isLink(from) {
            let target = try linkTarget(from)
            guard symlink(target, to) == 0 else { throw Violation("cannot link \(to)") }
            return
        }
        guard isDirectory(from) else { return try write(to, try read(from)) }
        mkdir(to, 0o777)
        for name in names(from) { try copyTree(from + "/" + name, to + "/" + name) }
    }

    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw Violation("cannot read \(path)") }
        defer { close(descriptor) }
        var information = stat()
        fstat(descriptor, &information)
        let length = Int(information.st_size)
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
            initialized = max(0, Glibc.read(descriptor, buffer.baseAddress, length))
        }
    }

    /// Of a file that does not say how long it is.
    static func readAll(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw Violation("cannot read \(path)") }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return Array(bytes[..<max(0, count)])
    }

    static func write(_ path: String, _ bytes: [UInt8]) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
        guard descriptor >= 0 else { throw Violation("cannot write \(path)") }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw Violation("cannot write \(path)")
        }
    }
}
