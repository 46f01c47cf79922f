import Glibc
import IpldEngine

/// What the file of a stage says (docs/FORMAT.md).
struct StageRecord {
    /// A directory, by what no other has.
    struct Mark: Equatable {
        let inode: UInt64
        /// When it was made, in nanoseconds; 0 where that is not known.
        let birth: Int64

        init(_ descriptor: Int32) throws(HostError) {
            inode = try Host.status(descriptor).identity.inode
            birth = try Host.birth(descriptor)
        }

        fileprivate init?(_ text: ArraySlice<UInt8>) {
            let fields = text.split(separator: UInt8(ascii: "."))
            guard fields.count == 2, let inode = UInt64(FileText.of(Array(fields[0]))),
                let birth = Int64(FileText.of(Array(fields[1])))
            else { return nil }
            (self.inode, self.birth) = (inode, birth)
        }

        fileprivate var text: String { "\(inode).\(birth)" }
    }

    /// The directories that are the export's.
    private(set) var marks: [Mark] = []
    /// What is moved up from there now.
    var tree: StagedTree?

    /// The line stands in a page of its own, so that nobody is killed in the middle of it.
    private static let lineLength = 4096
    private static let maximumLength: UInt64 = 32 << 20

    init(_ marks: [Mark]) { self.marks = marks }

    /// Nothing, where it makes no sense.
    init(reading descriptor: Int32) {
        guard let status = try? Host.status(descriptor), status.size > 0, status.size < Self.maximumLength
        else { return }
        var bytes = [UInt8](repeating: 0, count: Int(status.size))
        guard (try? Host.read(descriptor, into: &bytes)) == bytes.count,
            let end = bytes.firstIndex(of: UInt8(ascii: "\n")), end < Self.lineLength
        else { return }
        for word in bytes[..<end].split(separator: UInt8(ascii: " ")) {
            if let mark = Mark(word) {
                marks.append(mark)
            } else if word.elementsEqual("tree".utf8), bytes.count > Self.lineLength {
                tree = StagedTree(bytes[Self.lineLength...])
            }
        }
    }

    func write(_ descriptor: Int32) throws(HostError) {
        var line = marks.map(\.text).joined(separator: " ")
        if let tree {
            try tree.encoded.withBytes { (bytes) throws(HostError) in
                try Host.write(descriptor, at: UInt64(Self.lineLength), bytes)
            }
            line += " tree"
        }
        try Array((line + "\n").utf8).withBytes { (bytes) throws(HostError) in
            try Host.write(descriptor, at: 0, bytes)
        }
    }
}

/// A tree that is whole in a stage, and is moved up into the directory that the stage is in.
struct StagedTree {
    private let root: Entry
    private let usesStatAttribute: Bool
    fileprivate let encoded: [UInt8]

    init(_ root: Entry, usesStatAttribute: Bool) throws(StoreError) {
        (self.root, self.usesStatAttribute) = (root, usesStatAttribute)
        encoded = [usesStatAttribute ? 1 : 0] + (try EntryEncoder.encode(root))
    }

    fileprivate init?(_ bytes: ArraySlice<UInt8>) {
        guard let first = bytes.first, let root = try? EntryDecoder.decode(Array(bytes.dropFirst())) else {
            return nil
        }
        (self.root, usesStatAttribute, encoded) = (root, first == 1, Array(bytes))
    }

    /// Gives the directory its metadata, once all is in it, and then `removeProof`s. That changes its time
    /// again: who is killed right there leaves another one.
    func apply(to target: HostDirectory, _ removeProof: () -> Void) -> Refusals {
        target.keepLent()
        let metadata = ExportMetadata(usesStatAttribute: usesStatAttribute, inheritsAccess: true)
        var refusals = metadata.apply(root, open: target.descriptor)
        do throws(HostError) {
            try target.withPermissions(0o300) { () throws(HostError) in
                removeProof()
                try Host.setTime(target.descriptor, [], root.modified)
            }
        } catch { refusals.note(error) }
        return refusals
    }

    /// Moves what is in one directory into another. `moved` gets what was: when it fails, that is there.
    static func move(
        _ stage: HostDirectory, to target: HostDirectory, _ moved: inout [(name: [UInt8], HostIdentity)]
    ) throws(HostError) {
        let names = try stage.names()
        for position in 0..<names.count {
            let name = names[position]
            let status = try Host.status(stage.descriptor, name)
            // A directory that gets another one above it is written to. Here it keeps its mode.
            let lent =
                status.kind == .directory
                ? try stage.open(
                    name, expecting: status.identity, need: HostDirectory.changing, loans: target.loans) : nil
            try Host.renameNew(stage.descriptor, name, to: target.descriptor, name)
            withExtendedLifetime(lent) {}
            moved.append((name, status.identity))
        }
    }

    /// Goes on where an export was killed; whether that was the stage.
    func finish(
        _ target: HostDirectory, _ name: [UInt8], _ mark: StageRecord.Mark, _ removeProof: () -> Void
    ) throws(HostError) -> Bool {
        let stage: HostDirectory?
        do throws(HostError) {
            stage = try target.open(name, expecting: nil, need: HostDirectory.changing, loans: .unnoted)
        } catch {
            // It was killed after that.
            guard error.code == ENOENT else { throw error }
            stage = nil
        }
        if let stage {
            guard try StageRecord.Mark(stage.descriptor) == mark else { return false }
            var moved: [(name: [UInt8], HostIdentity)] = []
            try Self.move(stage, to: target, &moved)
            try Host.remove(target.descriptor, name, isDirectory: true)
        }
        // It may have been killed while it had something lent to what it moved.
        let names = try target.names()
        for position in 0..<names.count { _ = try? target.status(of: names[position]) }
        _ = apply(to: target, removeProof)
        return true
    }
}
