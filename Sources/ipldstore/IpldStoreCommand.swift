import ArgumentParser

/// The root of the command tree.
struct IpldStoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ipldstore",
        abstract: "A content-addressed store: files, nodes and blocks by what they contain.",
        discussion: """
            The store is the directory given by --store, or by IPLDSTORE in the environment, or .ipldstore \
            here. Where a command takes CID|ROOT, a root's name stands for the CID it points to; in a layer, \
            a base's root that has no namesake in the layer does so, too. A place in a tree is BRANCH:PATH, \
            or TAG:PATH, ROOT:PATH, CID:PATH; a name means a branch, else a tag, else a root (fs/tag/NAME is \
            the tag in any case). NAME~N is the Nth version before, and the beginning of a CID, b and at \
            least 8 more characters, means it where no other root, hold or version in a branch begins so. \
            What is stored is kept by roots (root set, put --root) and by holds, which belong to an owner: \
            on the command line "cli:" and the user's name, unless --owner names another. dereference gives \
            a hold back.

            Results are on stdout, diagnostics on stderr; with --json both are JSON, sizes in bytes.

            Exit codes: 0 fine, 1 failed (also: it exists already), 2 usage, 3 not found, 4 corrupt, \
            5 conflict.
            """,
        version: IpldStoreVersion.text,
        subcommands: [],
        groupedSubcommands: [
            CommandGroup(name: "Store", subcommands: [Initialize.self, Statistics.self, Verify.self]),
            CommandGroup(
                name: "Files",
                subcommands: [
                    Put.self, Get.self, Write.self, Append.self, Truncate.self, Difference.self, Chunk.self,
                ]),
            CommandGroup(
                name: "Trees",
                subcommands: [
                    Import.self, Export.self, Tree.self, Cat.self, CopyEntry.self, MoveEntry.self,
                    RemoveEntry.self,
                    MakeDirectory.self, Link.self, ChangeMode.self, ChangeOwner.self, Touch.self,
                    Attributes.self,
                    CheckoutFile.self, Restore.self,
                ]),
            CommandGroup(
                name: "History",
                subcommands: [
                    Log.self, Branch.self, Tag.self, Fork.self, Merge.self, Prune.self,
                ]),
            CommandGroup(
                name: "Nodes and blocks",
                subcommands: [
                    PutNode.self, CatNode.self, SetNode.self, InsertNode.self, RemoveNode.self,
                    PutBlock.self, GetBlock.self, Has.self, Inspect.self, Size.self, Links.self,
                ]),
            CommandGroup(
                name: "What keeps them",
                subcommands: [List.self, Root.self, Retain.self, Dereference.self, Holds.self]),
            CommandGroup(
                name: "Layers",
                subcommands: [BaseCommand.self, Forks.self, Seal.self, Flatten.self, Copy.self]),
            CommandGroup(name: "Space", subcommands: [CollectGarbage.self, SpaceUsage.self]),
        ])
}

enum IpldStoreVersion {
    static let text = "0.1.0"
}
