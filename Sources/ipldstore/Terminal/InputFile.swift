/// A file that a user names, or the standard input.
import Glibc
import IpldEngine

struct InputFile {
    private let name: String
    private let descriptor: Int32
    private let isRegular: Bool
    /// Bytes, where that is known ahead.
    let length: UInt64?

    /// "-" is the standard input.
    init(_ path: String) throws(StoreError) {
        name = path == "-" ? "the standard input" : path
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemFailure.error(errno, "read \(path)") }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw SystemFailure.error(errno, "read \(name)") }
        isRegular = information.st_mode & S_IFMT == S_IFREG
        if information.st_mode & S_IFMT == S_IFDIR {
            throw StoreError(.invalid, "\(name) is a directory: name a file", systemError: EISDIR)
        }
        let position = isRegular ? lseek(descriptor, 0, SEEK_CUR) : 0
        length = isRegular ? UInt64(max(0, information.st_size - max(0, position))) : nil
    }

    func close() { if descriptor != STDIN_FILENO { _ = Glibc.close(descriptor) } }

    /// What it holds, in order. A regular file must give all that it has now; waiting for another's bytes
    /// ends when a signal comes.
    func source() throws(StoreError) -> any ByteSource {
        if isRegular { return try DescriptorSource(descriptor) }
        return CallbackSource { (buffer) throws(StoreError) in try read(into: buffer) }
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        while true {
            try Interruption.wait(toRead: descriptor)
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR || errno == EAGAIN else { throw SystemFailure.error(errno, "read \(name)") }
        }
    }

    /// All of it, at most `limit` bytes; TOO_LARGE when there are more.
    func bytes(limit: Int) throws(StoreError) -> [UInt8] {
        var source = try source()
        var bytes: [UInt8] = []
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { piece.deallocate() }
        while true {
            let count = try source.read(into: piece)
            if count == 0 { return bytes }
            guard bytes.count + count <= limit else {
                throw StoreError(
                    .tooLarge, "\(name) is larger than \(limit) bytes: store it with ipldstore put")
            }
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[..<count]))
        }
    }
}
