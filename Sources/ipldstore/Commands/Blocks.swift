import ArgumentParser
import IpldEngine

struct PutNode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put-node",
        abstract: "Store an IPLD node, held for the owner or named by a root; prints its CID.",
        discussion: """
            DAG-CBOR must be strict; DAG-JSON is translated. A value larger than a block (1 MiB) is split \
            over a tree of blocks under one CID. What it links to is kept as long as the node is. The \
            value is put together in memory, so input is limited: DAG-CBOR, which is taken as it is, to \
            1 GiB; DAG-JSON, whose values take several times their text, to 256 MiB. Larger bytes are \
            for ipldstore put.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case dagCBOR = "dag-cbor"
        case dagJSON = "dag-json"
    }

    @OptionGroup var options: StoreOptions
    @OptionGroup var owner: OwnerOption
    @Option(help: "How the node is written.")
    var format: Format = .dagCBOR
    @Option(
        name: .customLong("root"),
        help: ArgumentHelp("Name it so, instead of holding it for the owner.", valueName: "name"),
        transform: RootName.changeable)
    var rootName: String?
    @Argument(help: "The file, or - for the standard input.")
    var file: String

    private static func maximumLength(_ format: Format) -> Int { format == .dagCBOR ? 1 << 30 : 256 << 20 }

    func run() throws {
        let input = try options.input(file)
        defer { input.close() }
        let bytes = try input.bytes(limit: Self.maximumLength(format))
        let store = try options.open(owner: owner.name)
        let value: IPLDValue? = format == .dagJSON ? try Self.value(json: bytes) : nil
        let cid = try store.withBatch { (batch) throws(StoreError) in
            let cid =
                if let value {
                    try batch.putNode(value)
                } else {
                    try bytes.withBytes { (bytes) throws(StoreError) in try batch.putNode(dagCBOR: bytes) }
                }
            if let rootName { try batch.setRoot(rootName, to: cid) } else { try batch.hold(cid) }
            return cid
        }
        try options.write(stored: cid)
    }

    private static func value(json bytes: [UInt8]) throws -> IPLDValue {
        do { return try bytes.withUnsafeBytes { try DagJSON.decode($0) } } catch let error as CodecError {
            throw StoreError(error)
        }
    }
}

struct CatNode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat-node", abstract: "Print a node, or what is at a path in it, as DAG-JSON.",
        discussion: """
            A raw block is printed as the bytes it is. The path's parts are map keys, and list positions \
            from 0; it goes through links, and only what it leads to is loaded. A key with a slash in it \
            cannot be named so.
            """)

    @OptionGroup var options: StoreOptions
    @Argument(
        help: ArgumentHelp("The node's CID, or a root, and a path into it.", valueName: "cid|root[/path]"))
    var node: String

    func run() throws {
        let store = try options.open()
        let node = try options.resolve(node: node, in: store)
        let value = try store.value(node.cid, at: node.path)
        let text: [UInt8]
        do { text = try DagJSON.encode(value) } catch {
            throw StoreError(
                .unsupported, "the node has no DAG-JSON form (\(error)): read it with ipldstore get-block")
        }
        try text.withUnsafeBytes { try StandardOutput.write($0) }
        try StandardOutput.write("\n")
    }
}

extension StoreOptions {
    /// The CID that `text` begins with, or that the root which it begins with points to, and the path behind.
    /// A root's name may have slashes in it: the longest one that there is counts.
    func resolve(node text: String, in store: ContentStore) throws -> (cid: CID, path: [String]) {
        let parts = text.parts(separator: "/")
        if let cid = try? CID(parsing: parts[0]) { return (cid, Array(parts.dropFirst())) }
        for count in stride(from: parts.count, to: 1, by: -1) {
            let name = parts[..<count].joined(separator: "/")
            if let cid = try? store.root(name) { return (cid, Array(parts[count...])) }
        }
        return (try resolve(parts[0], in: store), Array(parts.dropFirst()))
    }
}

struct PutBlock: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put-block",
        abstract: "Store a block of at most 1 MiB, held for the owner; prints its CID.")

    @OptionGroup var options: StoreOptions
    @OptionGroup var owner: OwnerOption
    @Option(
        help: ArgumentHelp(
            "raw, dag-cbor (strictly checked), or a multicodec number. (default: raw)", valueName: "codec"),
        transform: CodecArgument.init(text:))
    var codec: CodecArgument = .raw
    @Argument(help: "The file, or - for the standard input.")
    var file: String

    func run() throws {
        let input = try options.input(file)
        defer { input.close() }
        let bytes = try input.bytes(limit: Block.maximumLength)
        let store = try options.open(owner: owner.name)
        try options.write(
            stored: try bytes.withUnsafeBytes { try store.putBlock($0, codec: codec.codec) })
    }
}

struct GetBlock: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get-block", abstract: "Write a block's bytes, checked, to the standard output.")

    @OptionGroup var options: StoreOptions
    @Argument(help: ArgumentHelp("The block, or a root.", valueName: "cid|root"))
    var reference: String

    func run() throws {
        let store = try options.open()
        let block = try options.resolve(reference, in: store)
        try store.withBlock(block) { (bytes) throws(StoreError) in try StandardOutput.write(bytes) }
    }
}

/// A codec by name or number.
struct CodecArgument {
    let codec: CID.Codec
    static let raw = CodecArgument(codec: .raw)

    private init(codec: CID.Codec) { self.codec = codec }

    init(text argument: String) throws {
        switch argument {
        case "raw": codec = .raw
        case "dag-cbor": codec = .dagCBOR
        case "dag-pb": codec = .dagPB
        default:
            let number =
                argument.hasPrefix("0x") ? UInt64(argument.dropFirst(2), radix: 16) : UInt64(argument)
            // What a CID can carry.
            guard let number, number < 1 << 63 else {
                throw ValidationError("it is none of raw, dag-cbor, dag-pb and the numbers of multicodecs")
            }
            codec = CID.Codec(rawValue: number)
        }
    }
}

extension StoreOptions {
    func write(stored cid: CID) throws {
        if isJSON {
            try StandardOutput.write(.object([("cid", .string("\(cid)"))]))
        } else {
            try StandardOutput.write(line: "\(cid)")
        }
    }
}
