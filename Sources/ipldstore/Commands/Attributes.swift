import ArgumentParser
import IpldEngine
import MonoFS

struct Attributes: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "xattr", abstract: "List, get, set or remove extended attributes of files in trees.",
        subcommands: [Show.self, Get.self, Set.self, Remove.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "List attributes: name and value, with a tab between.")

        @OptionGroup var tree: TreeOptions
        @Argument(help: ArgumentHelp(TreePlace.help, valueName: "branch:path"))
        var place: TreePlace

        func run() throws {
            let entry = try tree.open(place, in: try tree.open()).status(place.path, followingLinks: true)
            if tree.isJSON {
                return try StandardOutput.write(
                    .array(
                        entry.attributes.elements.map { (name, value) in
                            .object([("name", TreeText.json(name)), ("value", Attributes.json(value))])
                        }))
            }
            for (name, value) in entry.attributes.elements {
                let text = if case .bytes(let bytes) = value { bytes } else { Attributes.bytes(of: value) }
                try StandardOutput.write(line: "\(TreeText.quoted(name))\t\(TreeText.quoted(text))")
            }
        }
    }

    struct Get: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the bytes of an attribute to the standard output.")

        @OptionGroup var tree: TreeOptions
        @Argument(help: ArgumentHelp(TreePlace.help, valueName: "branch:path"))
        var place: TreePlace
        @Argument(help: "The attribute.")
        var name: String

        func run() throws {
            let workspace = try tree.open(place, in: try tree.open())
            let value = try workspace.attribute(place.path, Array(name.utf8))
            if tree.isJSON {
                return try StandardOutput.write(
                    .object([("name", .string(name)), ("value", Attributes.json(value))]))
            }
            try Attributes.bytes(of: value).withUnsafeBytes { try StandardOutput.write($0) }
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an attribute a value; prints the branch's new version.",
            discussion: CommitOptions.discussion)

        @OptionGroup var commit: CommitOptions
        @Argument(help: ArgumentHelp("Of what.", valueName: "branch:path"))
        var place: TreePlace
        @Argument(help: "The attribute.")
        var name: String
        @Argument(help: "The value, or - for the bytes of the standard input.")
        var value: String

        func run() throws {
            let bytes = try value == "-" ? InputFile("-").bytes(limit: 1 << 20) : Array(value.utf8)
            try commit.change([place]) { (workspace, _) in
                try workspace.setAttribute(place.path, Array(name.utf8), to: .bytes(bytes))
            }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm", abstract: "Remove an attribute; prints the branch's new version.",
            discussion: CommitOptions.discussion)

        @OptionGroup var commit: CommitOptions
        @Argument(help: ArgumentHelp("Of what.", valueName: "branch:path"))
        var place: TreePlace
        @Argument(help: "The attribute.")
        var name: String

        func run() throws {
            try commit.change([place]) { (workspace, _) in
                try workspace.removeAttribute(place.path, Array(name.utf8))
            }
        }
    }

    /// Bytes as they are, all else as DAG-JSON.
    private static func bytes(of value: IPLDValue) -> [UInt8] {
        if case .bytes(let bytes) = value { return bytes }
        return (try? DagJSON.encode(value)) ?? []
    }

    private static func json(_ value: IPLDValue) -> JSON {
        if case .bytes(let bytes) = value { return TreeText.json(bytes) }
        return .string(String(decoding: bytes(of: value), as: UTF8.self))
    }
}
