import ArgumentParser
import IpldEngine

/// The numbers of a chunker, in bytes.
struct ChunkerOptions: ParsableArguments {
    enum Rule: String, ExpressibleByArgument, CaseIterable {
        case fastcdc, fixed
    }

    @Option(
        name: .customLong("avg"),
        help: ArgumentHelp("Average length of a chunk in bytes. (default: 65536)", valueName: "n"))
    var average: Int?
    @Option(
        name: .customLong("min"),
        help: ArgumentHelp("Smallest length in bytes. (default: a quarter of the average)", valueName: "n"))
    var minimum: Int?
    @Option(
        name: .customLong("max"),
        help: ArgumentHelp("Largest length in bytes. (default: four times the average)", valueName: "n"))
    var maximum: Int?

    var isGiven: Bool { average != nil || minimum != nil || maximum != nil }

    /// Throws a usage error when a number is out of its limits.
    func parameters(_ rule: Rule, normalization: Int?) throws -> ChunkerParameters {
        let average = average ?? 65536
        do throws(StoreError) {
            switch rule {
            case .fixed:
                guard minimum == nil, maximum == nil else {
                    throw StoreError(.invalid, "fixed chunks have no --min and no --max, only --avg")
                }
                return try .fixed(size: average)
            case .fastcdc:
                // What the default maximum makes of the limits is not what the engine's message says.
                let averages = ChunkerParameters.smallestAverage...Block.maximumLength / 4
                guard maximum != nil || averages.contains(average) else {
                    throw StoreError(
                        .invalid,
                        "--avg must be between \(averages.lowerBound) and \(averages.upperBound) bytes: "
                            + "the default maximum is four times it, and at most "
                            + "\(Block.maximumLength); give --max for a larger average")
                }
                return try ChunkerParameters(
                    .fastCDC(
                        minimum: minimum ?? average / 4, average: average,
                        maximum: maximum ?? 4 * average, normalization: normalization ?? 2))
            }
        } catch {
            throw CommandExit.usage(error.message)
        }
    }
}

struct Chunk: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how a file would be cut: offset, length and CID of each chunk. Needs no store.",
        discussion: "FastCDC-2020; the CIDs are raw blocks under BLAKE3, as a store has them by default.")

    @OptionGroup var json: JSONOption
    @OptionGroup var chunks: ChunkerOptions
    @Option(
        name: .customLong("nc"),
        help: ArgumentHelp(
            "Normalization: 0 to 3; how strongly lengths gather at the average.", valueName: "n"))
    var normalization = 2
    @Argument(help: "The file, or - for the standard input.")
    var file: String

    func run() throws {
        let parameters = try chunks.parameters(.fastcdc, normalization: normalization)
        let input = try InputFile(file)
        defer { input.close() }
        var isFirst = true
        if json.isOn { try StandardOutput.write("[") }
        try Self.cut(try input.source(), parameters) { offset, bytes in
            let cid = try CID(hashing: bytes, codec: .raw)
            if json.isOn {
                let chunk = JSON.object([
                    ("offset", .integer(offset)), ("length", .integer(UInt64(bytes.count))),
                    ("cid", .string("\(cid)")),
                ])
                try StandardOutput.write((isFirst ? "" : ",") + chunk.text)
            } else {
                try StandardOutput.write(line: "\(offset) \(bytes.count) \(cid)")
            }
            isFirst = false
        }
        if json.isOn { try StandardOutput.write("]\n") }
    }

    /// Hands each chunk's offset and bytes to `body`, in order, at bounded memory.
    private static func cut(
        _ input: any ByteSource, _ parameters: ChunkerParameters,
        _ body: (UInt64, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var input = input
        let chunker = parameters.makeChunker()
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: (4 << 20) + chunker.maximumChunkLength, alignment: 64)
        defer { buffer.deallocate() }
        var (held, offset, hasEnded) = (0, UInt64(0), false)
        while true {
            while !hasEnded, held < buffer.count {
                let count = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[held...]))
                hasEnded = count == 0
                held += count
            }
            var start = 0
            // A chunk's end is known once all it may look at is here.
            while start < held, hasEnded || held - start >= chunker.maximumChunkLength {
                let rest = UnsafeRawBufferPointer(rebasing: buffer[start..<held])
                let length = chunker.firstChunkLength(of: rest)
                try body(offset, UnsafeRawBufferPointer(rebasing: rest[..<length]))
                start += length
                offset += UInt64(length)
            }
            if hasEnded, start == held { return }
            let rest = UnsafeRawBufferPointer(rebasing: buffer[start..<held])
            buffer.copyMemory(from: rest)
            held -= start
        }
    }
}
