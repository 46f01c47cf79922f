/// The input, and a place to work in.
import Glibc

enum Files {
    static func length(_ path: String) throws -> Int {
        var information = stat()
        guard stat(path, &information) == 0 else {
            throw BenchError("\(path): \(String(cString: strerror(errno)))")
        }
        return Int(information.st_size)
    }

    /// Bytes of the files under a path, as their lengths say.
    static func bytes(under path: String) throws -> Int {
        let output = try Subprocess.require(["du", "-s", "--apparent-size", "-B1", path]).output
        return Int(output.split { !$0.isNumber }.first ?? "") ?? 0
    }

    /// Bytes that the file system has allocated for the files under a path.
    static func allocated(under path: String) throws -> Int {
        let output = try Subprocess.require(["du", "-s", "-B1", path]).output
        return Int(output.split { !$0.isNumber }.first ?? "") ?? 0
    }

    static func remove(_ path: String) { _ = try? Subprocess.run(["rm", "-rf", path]) }

    static func open(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw BenchError("\(path): \(String(cString: strerror(errno)))") }
        return descriptor
    }

    /// Reads a file once, so that what follows finds it in the page cache.
    static func warm(_ path: String) throws {
        let descriptor = try open(path, O_RDONLY)
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while Glibc.read(descriptor, &buffer, buffer.count) > 0 {}
    }

    static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while let base = rest.baseAddress, rest.count > 0 {
            let count = Glibc.write(descriptor, base, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }

    static func write(_ text: String, to path: String) throws {
        let descriptor = try open(path, O_WRONLY | O_CREAT | O_TRUNC)
        defer { close(descriptor) }
        let isWritten = Array(text.utf8).withUnsafeBytes { writeAll(descriptor, $0) }
        guard isWritten else { throw BenchError("\(path): \(String(cString: strerror(errno)))") }
    }
}

/// A file of real data: the one that was named, or a tar of the Swift toolchain's libraries (of /usr/lib
/// where there is no toolchain), at most 2 GiB of it.
struct InputFile {
    let path: String
    let length: Int
    /// What it is, in words that fit any machine.
    let what: String

    static let longest = 2 << 30

    init(named path: String?, in directory: String) throws {
        if let path {
            self.path = path
            what = "a file given by the user"
        } else {
            var source = "/usr/lib"
            if let swift = Subprocess.find("swift"), let real = Self.realPath(swift) {
                let library = real.split(separator: "/").dropLast(2).map { "/\($0)" }.joined() + "/lib"
                if access(library, R_OK) == 0 { source = library }
            }
            what = source == "/usr/lib" ? "a tar of /usr/lib" : "a tar of the Swift toolchain's lib folder"
            self.path = directory + "/input.tar"
            // A source that changes while it is packed, or unreadable files, make a tar all the same.
            try Subprocess.require([
                "sh", "-c",
                "tar -C \"$1\" --sort=name -cf - . 2>/dev/null | head -c \(Self.longest) > \"$2\"", "sh",
                source, self.path,
            ])
        }
        length = try Files.length(self.path)
        guard length >= 1 << 20 else { throw BenchError("the input is too small to measure anything with") }
        try Files.warm(self.path)
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The first `length` bytes, mapped, during `body`.
    func mapped<T>(_ length: Int, _ body: (UnsafeRawBufferPointer) throws -> T) throws -> T {
        let descriptor = try Files.open(path, O_RDONLY)
        defer { close(descriptor) }
        guard let base = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            throw BenchError("the input cannot be mapped")
        }
        defer { munmap(base, length) }
        return try body(UnsafeRawBufferPointer(start: base, count: length))
    }
}
