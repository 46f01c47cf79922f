import ArgumentParser
import IpldEngine

struct SetNode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set-node",
        abstract: "Set a value inside a node; prints the changed node's CID.",
        discussion: """
            The path's last part is the key of a map, there or not, or the position of a list's element, \
            which is replaced. \(NodeEditOptions.manner)

            Example: ipldstore set-node config/server/port 8080 --root config
            """)

    @OptionGroup var edit: NodeEditOptions
    @Argument(help: NodeEditOptions.valueHelp)
    var value: NodeValueArgument

    func run() throws {
        let value = try value.read()
        try edit.run { (isMap, last, _) throws(StoreError) in
            if isMap { return .set(key: last, value) }
            let position = try NodeEditOptions.position(last)
            return .replace(position..<(position + 1), with: [value])
        }
    }
}

struct InsertNode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "insert-node",
        abstract: "Insert an element into a list inside a node; prints the changed node's CID.",
        discussion: """
            The path's last part is the position that the element will have, from 0, or - for the list's \
            end. \(NodeEditOptions.manner)

            Example: ipldstore insert-node config/layers/- '"new layer"' --root config
            """)

    @OptionGroup var edit: NodeEditOptions
    @Argument(help: NodeEditOptions.valueHelp)
    var value: NodeValueArgument

    func run() throws {
        let value = try value.read()
        try edit.run { (isMap, last, count) throws(StoreError) in
            guard !isMap else { throw StoreError(.invalid, "it is a map: set a key with ipldstore set-node") }
            let position = last == "-" ? Int(clamping: count) : try NodeEditOptions.position(last)
            return .replace(position..<position, with: [value])
        }
    }
}

struct RemoveNode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove-node",
        abstract: "Remove a key or an element inside a node; prints the changed node's CID.",
        discussion: """
            The path's last part is the key of a map, or the position of a list's element. \
            \(NodeEditOptions.manner)

            Example: ipldstore remove-node config/server/port --root config
            """)

    @OptionGroup var edit: NodeEditOptions

    func run() throws {
        try edit.run { (isMap, last, _) throws(StoreError) in
            if isMap { return .remove(key: last) }
            let position = try NodeEditOptions.position(last)
            return .replace(position..<(position + 1), with: [])
        }
    }
}

/// What the commands that change a node have in common.
struct NodeEditOptions: ParsableArguments {
    static let manner = """
        The path goes through links, which then name the changed nodes. The node itself stays as it is; the \
        changed one shares with it what did not change, and costs the path, not the value. \
        \(ChangeOptions.naming)
        """
    static let valueHelp: ArgumentHelp =
        "The value as DAG-JSON, or - for the standard input. (after -- where it begins with a -)"

    @OptionGroup var options: StoreOptions
    @OptionGroup var change: ChangeOptions
    @Argument(
        help: ArgumentHelp("The node's CID, or a root, and the path.", valueName: "cid|root/path"))
    var place: String

    /// Makes one change of the map or list around the place. `change` hears whether it is a map, what the
    /// place's last part is, and how many elements there are.
    func run(_ change: (Bool, String, UInt64) throws(StoreError) -> NodeChange) throws {
        try self.change.run(options) { (store) throws in
            let (cid, path) = try options.resolve(node: place, in: store)
            guard let last = path.last else {
                throw CommandExit.usage("\(place) has no path: name a key or a position behind a slash")
            }
            let parent = Array(path.dropLast())
            let elements = try store.makeNodeIterator(of: cid, at: parent)
            return (cid, parent, try change(elements.isMap, last, elements.count))
        } change: { (batch, base: (CID, [String], NodeChange), _) throws(StoreError) in
            try batch.editNode(base.0, at: base.1, [base.2])
        }
    }

    /// A list's position in decimal digits, without zeros before it.
    static func position(_ text: String) throws(StoreError) -> Int {
        guard let position = Int(text), position >= 0, position < .max, String(position) == text else {
            throw StoreError(.notFound, "a list's positions are decimal numbers, not \"\(text)\"")
        }
        return position
    }
}

/// A value as DAG-JSON: an argument, or the standard input.
struct NodeValueArgument: ExpressibleByArgument {
    private let text: String

    init(argument: String) { text = argument }

    func read() throws -> IPLDValue {
        let bytes = text == "-" ? try InputFile("-").bytes(limit: 256 << 20) : Array(text.utf8)
        do { return try bytes.withUnsafeBytes { try DagJSON.decode($0) } } catch let error as CodecError {
            throw StoreError(error)
        }
    }
}
