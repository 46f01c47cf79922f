/// The packs directory: paths, descriptors for reading, and giving space back.
import Glibc

final class PackFiles: Sendable {
    let directory: String
    let store: StoreIdentity
    private let readers = Lock<Readers>(Readers())

    /// Most packs kept open for reading.
    private static let openLimit = 128

    private struct Readers {
        var open: [UInt32: (file: ReadFile, used: UInt64)] = [:]
        var clock: UInt64 = 0
        /// Packs whose flush failed: what their pages hold is unknown, so nobody here adds to them.
        var poisoned: Set<UInt32> = []
    }

    /// Closed when the last reader is done with it.
    private final class ReadFile: Sendable {
        let descriptor: Int32
        init(_ descriptor: Int32) { self.descriptor = descriptor }
        deinit { System.close(descriptor) }
    }

    init(directory: String, store: StoreIdentity) {
        self.directory = directory
        self.store = store
    }

    func path(_ number: UInt32) -> String {
        let digits = String(number)
        return directory + "/" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".pack"
    }

    /// The pack number in a file name, nil for files that are none.
    static func number(inName name: String) -> UInt32? {
        guard name.hasSuffix(".pack") else { return nil }
        let digits = name.dropLast(5)
        guard digits.utf8.count == 8, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        // A larger number would be another pack's in every place.
        return UInt32(digits).flatMap { $0 <= Place.maximumPack ? $0 : nil }
    }

    /// Numbers of all pack files, in order.
    func numbers() throws(StoreError) -> [UInt32] {
        try System.list(directory).compactMap(Self.number(inName:)).sorted()
    }

    // MARK: Reading

    /// Fills `buffer` from the pack; the number of bytes read. NOT_FOUND when there is no such file.
    func read(_ number: UInt32, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(StoreError) -> Int
    {
        let file = try reader(number)
        // Another thread may `forget` it meanwhile.
        defer { withExtendedLifetime(file) {} }
        return try System.read(file.descriptor, at: offset, into: buffer)
    }

    private func reader(_ number: UInt32) throws(StoreError) -> ReadFile {
        let cached = readers.withLock { readers -> ReadFile? in
            readers.clock += 1
            guard let file = readers.open[number]?.file else { return nil }
            readers.open[number]?.used = readers.clock
            return file
        }
        if let cached { return cached }
        let file = ReadFile(try System.open(path(number), O_RDONLY))
        readers.withLock { readers in
            if readers.open.count >= Self.openLimit,
                let oldest = readers.open.min(by: { $0.value.used < $1.value.used })?.key
            {
                readers.open[oldest] = nil
            }
            readers.open[number] = (file, readers.clock)
        }
        return file
    }

    /// Lets go of a descriptor, so that a replaced or removed file is looked at afresh.
    func forget(_ number: UInt32) { readers.withLock { $0.open[number] = nil } }

    func poison(_ number: UInt32) { readers.withLock { _ = $0.poisoned.insert(number) } }
    func isPoisoned(_ number: UInt32) -> Bool { readers.withLock { $0.poisoned.contains(number) } }

    // MARK: Giving space back

    /// Punches [offset, offset+length). A file system that cannot leaves it to compaction.
    func punch(_ number: UInt32, at offset: UInt64, length: UInt64) throws(StoreError) {
        do {
            let descriptor = try System.open(path(number), O_RDWR)
            defer { System.close(descriptor) }
            try System.punch(descriptor, at: offset, length: length)
        } catch where error.code == .unsupported || error.code == .notFound || error.code == .corrupt {
            return
        }
    }

    /// Removes a pack that no row points into. The space comes back at once, whoever has it open.
    func remove(_ number: UInt32) throws(StoreError) {
        forget(number)
        do {
            let descriptor = try System.open(path(number), O_RDWR)
            defer { System.close(descriptor) }
            let status = try System.status(descriptor)
            // A hint for those who have it open: removing it gives the space back in the end.
            if status.length > 0 { try? System.punch(descriptor, at: 0, length: status.length) }
            try System.remove(path(number))
        } catch where error.code == .notFound || error.code == .corrupt {
            return
        }
    }
}
