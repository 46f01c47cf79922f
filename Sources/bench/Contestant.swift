/// Those who can store a file: this engine in its variants, and the peers.
import Glibc
import IpldEngine

struct Contestant {
    let name: String
    /// What must be installed; nil for ourselves.
    let program: String?
    /// Makes an empty store in a directory.
    let prepare: (_ place: String) throws -> Void
    /// Stores the input, flushed.
    let store: (_ place: String) throws -> Cost
    let canStoreAgain: Bool
    /// Gives the input back into a directory. Nil when there is nothing to compare.
    let restore: ((_ place: String, _ target: String) throws -> Cost)?

    static func all(_ context: Context) -> [Contestant] {
        let input = context.input.path
        let own = [Compression.zstd(level: 1), .zstd(level: 3), .none].map { ipldstore($0, input) }
        return own + [
            copy(input),
            restic("restic", input, repository: "2", compression: "auto"),
            restic("restic uncompressed", input, repository: "2", compression: "off"),
            borg("borg zstd,1", input, "zstd,1"),
            borg("borg uncompressed", input, "none"),
            casync(input),
        ]
    }

    private static func ipldstore(_ compression: Compression, _ input: String) -> Contestant {
        Contestant(
            name: "ipldstore \(compression.text)", program: nil,
            prepare: { place in
                try LmdbStore.create(
                    at: place + "/store", configuration: StoreConfiguration(compression: compression))
            },
            store: { place in
                try Cost.of {
                    let cid = try StoringRows.storeFile(input, in: place + "/store")
                    try ContentStore.open(at: place + "/store").setRoot("input", to: cid)
                }
            },
            canStoreAgain: true,
            restore: { place, target in
                try Cost.of {
                    let store = try ContentStore.open(at: place + "/store")
                    guard let cid = try store.root("input") else { throw BenchError("the root is gone") }
                    try ReadingRows.copy(store, cid, to: target + "/input")
                }
            })
    }

    /// Runs a command, then flushes the file system it wrote to; both together.
    private static func flushed(_ arguments: [String], _ place: String, _ environment: [String: String] = [:])
        throws
        -> Cost
    {
        let cost = try Subprocess.require(arguments, environment: environment, directory: place).cost
        return cost + (try Subprocess.require(["sync", "-f", place]).cost)
    }

    private static func copy(_ input: String) -> Contestant {
        Contestant(
            name: "cp and flush", program: "cp", prepare: { _ in },
            store: { place in
                let cost = try Subprocess.require(["cp", input, place + "/copy"]).cost
                return cost + (try Subprocess.require(["sync", place + "/copy"]).cost)
            },
            canStoreAgain: false,
            restore: { place, target in try Subprocess.require(["cp", place + "/copy", target]).cost })
    }

    private static func restic(_ name: String, _ input: String, repository: String, compression: String)
        -> Contestant
    {
        func environment(_ place: String) -> [String: String] {
            [
                "RESTIC_REPOSITORY": place + "/repository", "RESTIC_PASSWORD": "bench",
                "RESTIC_CACHE_DIR": place + "/cache", "RESTIC_COMPRESSION": compression,
            ]
        }
        return Contestant(
            name: name, program: "restic",
            prepare: { place in
                try Subprocess.require(
                    ["restic", "init", "--repository-version", repository], environment: environment(place))
            },
            store: { place in
                // --force: look at the bytes again rather than trust the file's time.
                try flushed(
                    ["restic", "backup", "--force", "--quiet", "--compression", compression, input], place,
                    environment(place))
            },
            canStoreAgain: true,
            restore: { place, target in
                try Subprocess.require(
                    ["restic", "restore", "latest", "--quiet", "--target", target],
                    environment: environment(place)
                ).cost
            })
    }

    private static func borg(_ name: String, _ input: String, _ compression: String) -> Contestant {
        func environment(_ place: String) -> [String: String] {
            [
                "BORG_REPO": place + "/repository", "BORG_BASE_DIR": place + "/base",
                "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            ]
        }
        return Contestant(
            name: name, program: "borg",
            prepare: { place in
                try Subprocess.require(
                    ["borg", "init", "--encryption", "none"], environment: environment(place))
            },
            store: { place in
                let archive = "::archive-\(getpid())-\(Int(now() * 1000))"
                // --files-cache disabled: look at the bytes again rather than trust the file's time.
                return try flushed(
                    [
                        "borg", "create", "--files-cache", "disabled", "--compression", compression, archive,
                        input,
                    ],
                    place, environment(place))
            },
            canStoreAgain: true,
            restore: { place, target in
                let variables = environment(place)
                let list = try Subprocess.require(["borg", "list", "--short"], environment: variables).output
                guard let last = list.split(separator: "\n").last else {
                    throw BenchError("borg has no archive")
                }
                return try Subprocess.require(
                    ["borg", "extract", "::\(last)"], environment: variables, directory: target
                ).cost
            })
    }

    private static func casync(_ input: String) -> Contestant {
        func make(_ place: String) throws -> Cost {
            try flushed(["casync", "make", "--store=\(place)/chunks", place + "/index.caibx", input], place)
        }
        return Contestant(
            name: "casync", program: "casync", prepare: { _ in }, store: make, canStoreAgain: true,
            restore: { place, target in
                try Subprocess.require(
                    [
                        "casync", "extract", "--store=\(place)/chunks", place + "/index.caibx",
                        target + "/input",
                    ]
                ).cost
            })
    }
}

/// Our kernels under the conditions of the peers' measurements.
enum KernelComparison {
    /// Maps the input and hashes it in 64 KiB pieces, page faults included; seconds.
    static func hash(_ input: InputFile) throws -> Double {
        try processorSeconds {
            try input.mapped(input.length) { data in
                for start in stride(from: 0, to: data.count, by: 64 << 10) {
                    let piece = UnsafeRawBufferPointer(
                        rebasing: data[start..<min(start + 64 << 10, data.count)])
                    _ = try CID(hashing: piece, codec: .raw)
                }
            }
        }
    }

    /// Hashes the first bytes in 64 KiB pieces, five times, read beforehand; rates.
    static func hashPieces(_ input: InputFile, _ length: Int) throws -> Samples {
        var samples = Samples()
        try input.mapped(length) { data in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 64)
            defer { copy.deallocate() }
            copy.copyMemory(from: data)
            for _ in 0..<5 {
                let seconds = try processorSeconds {
                    for start in stride(from: 0, to: length, by: 64 << 10) {
                        let piece = UnsafeRawBufferPointer(
                            rebasing: copy[start..<min(start + 64 << 10, length)])
                        _ = try CID(hashing: piece, codec: .raw)
                    }
                }
                samples.add(Double(length) / seconds / 1e9)
            }
        }
        return samples
    }

    /// Cuts the first bytes of the input, mapped, five times; rates, and the number of chunks.
    static func scan(_ input: InputFile, _ length: Int) throws -> (Samples, count: Int) {
        let chunker = ChunkerParameters.default.makeChunker()
        var samples = Samples()
        var count = 0
        try input.mapped(length) { data in
            for _ in 0..<5 {
                count = 0
                let seconds = processorSeconds {
                    var start = 0
                    while start < data.count {
                        start += chunker.firstChunkLength(
                            of: UnsafeRawBufferPointer(rebasing: data[start...]))
                        count += 1
                    }
                }
                samples.add(Double(length) / seconds / 1e9)
            }
        }
        return (samples, count)
    }
}
