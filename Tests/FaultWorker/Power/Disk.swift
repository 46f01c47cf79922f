import Glibc

/// A disk below a page cache: what is durable, and what a power loss may take or leave.
///
/// What always holds:
/// - What was flushed is there: a file's bytes and length by flushing it, names by flushing their directory,
///   everything by flushing the file system; a write through a descriptor with O_DSYNC by itself.
/// - Of what was not, each sector of a file has what it had after some of the calls on it; its length is that
///   after some of the calls on the file; each name is what it was after some of the calls on it. A rename
///   happened with both of its names or not at all. Nothing else is ordered: that is what POSIX leaves open,
///   and more than ext4, XFS and btrfs do.
final class Disk {
    static let sectorBytes = 512

    struct FileCall {
        enum Effect {
            case write(offset: Int, bytes: Range<Int>)
            case zero(Range<Int>)
            /// The bytes from the new length to the old one become zeros.
            case truncate(from: Int, to: Int)
        }
        let effect: Effect
        /// Of the file, after the call.
        let length: Int
        var isDurable: Bool

        /// The bytes that it changes.
        var range: Range<Int> {
            switch effect {
            case .write(let offset, let bytes): offset..<(offset + bytes.count)
            case .zero(let range): range
            case .truncate(let from, let to): min(from, to)..<from
            }
        }
    }

    final class Node {
        let isDirectory: Bool
        /// Of a file, what is durable.
        var bytes: [UInt8] = []
        /// Since then, in order.
        var calls: [FileCall] = []
        /// Of a file, with all calls.
        var length = 0
        /// Of a directory, what is durable.
        var names: [String: UInt64] = [:]

        init(isDirectory: Bool) { self.isDirectory = isDirectory }
    }

    struct NameCall {
        /// What each name is afterwards; nil: nothing.
        var changes: [(name: FlightLog.Name, file: UInt64?)]
        var isDurable = false
    }

    let root: UInt64
    private(set) var nodes: [UInt64: Node] = [:]
    /// Names that are not all durable, in order.
    private(set) var nameCalls: [NameCall] = []
    /// Names with all calls, to know what a rename moves.
    private var names: [FlightLog.Name: UInt64] = [:]
    let log: FlightLog
    /// Calls that have been made.
    private(set) var position = 0
    /// The last mark that was passed.
    private(set) var mark = -1
    /// A class of flushes that this disk takes for none, to see what misses them.
    private let ignores: Ignored

    enum Ignored: String {
        case nothing, packs, journal, index, directories, blocks
    }

    /// What there was, all of it durable, before the calls of `log`.
    init(before log: FlightLog, initially contents: Contents, ignores: Ignored) {
        let contents = contents.copied()
        self.log = log
        self.ignores = ignores
        root = contents.root
        nodes = contents.nodes
        names = contents.names
    }

    /// What is under a directory.
    struct Contents {
        var root: UInt64 = 0
        var nodes: [UInt64: Node] = [:]
        var names: [FlightLog.Name: UInt64] = [:]

        init(scanning path: String) throws { root = try add(path) }

        /// Another one, to be changed by itself.
        func copied() -> Contents {
            var copy = self
            copy.nodes = nodes.mapValues { node in
                let other = Node(isDirectory: node.isDirectory)
                (other.bytes, other.length, other.names) = (node.bytes, node.length, node.names)
                return other
            }
            return copy
        }

        private mutating func add(_ path: String) throws -> UInt64 {
            var information = stat()
            guard lstat(path, &information) == 0 else { throw Violation("cannot look at \(path)") }
            let number = UInt64(information.st_ino)
            if nodes[number] != nil { return number }
            let node = Node(isDirectory: information.st_mode & S_IFMT == S_IFDIR)
            nodes[number] = node
            if node.isDirectory {
                for name in Files.names(path) {
                    let file = try add(path + "/" + name)
                    node.names[name] = file
                    names[.init(directory: number, name: name)] = file
                }
            } else {
                node.bytes = try Files.read(path)
                node.length = node.bytes.count
            }
            return number
        }
    }

    // MARK: Calls

    func advance(to end: Int) {
        while position < end {
            make(log.calls[position])
            position += 1
        }
    }

    private func make(_ call: FlightLog.Call) {
        switch call {
        case .makeFile(let file, let name):
            nodes[file] = Node(isDirectory: false)
            change([(name, file)])
        case .makeDirectory(let file, let name):
            nodes[file] = Node(isDirectory: true)
            change([(name, file)])
        case .write(let file, let offset, let bytes, let isDurable):
            guard let node = nodes[file] else { return }
            node.length = max(node.length, offset + bytes.count)
            node.calls.append(
                FileCall(
                    effect: .write(offset: offset, bytes: bytes), length: node.length, isDurable: isDurable))
        case .truncate(let file, let length):
            guard let node = nodes[file] else { return }
            let from = node.length
            node.length = length
            node.calls.append(
                FileCall(effect: .truncate(from: from, to: length), length: length, isDurable: false))
        case .punch(let file, let range):
            guard let node = nodes[file] else { return }
            let inside = min(range.lowerBound, node.length)..<min(range.upperBound, node.length)
            node.calls.append(FileCall(effect: .zero(inside), length: node.length, isDurable: false))
        case .flush(let file): if !ignoresFlush(of: file) { flush(file) }
        case .flushAll:
            guard ignores != .blocks else { return }
            for (number, node) in nodes where !node.isDirectory { flush(number) }
            for position in nameCalls.indices { nameCalls[position].isDurable = true }
            settleNames()
        case .link(let file, let name): change([(name, file)])
        case .remove(let name): change([(name, nil)])
        case .rename(let from, let to): change([(from, nil), (to, names[from])])
        case .exchange(let a, let b): change([(a, names[b]), (b, names[a])])
        case .mark(let number): mark = number
        }
    }

    private func change(_ changes: [(FlightLog.Name, UInt64?)]) {
        // What is outside is nobody's business.
        let known = changes.filter { nodes[$0.0.directory] != nil }
        guard !known.isEmpty else { return }
        for (name, file) in known { names[name] = file }
        nameCalls.append(NameCall(changes: known))
    }

    private func flush(_ file: UInt64) {
        guard let node = nodes[file] else { return }
        guard node.isDirectory else {
            node.bytes = content(of: node, Choice(.all))
            node.calls = []
            return
        }
        for position in nameCalls.indices
        where nameCalls[position].changes.contains(where: { $0.name.directory == file }) {
            nameCalls[position].isDurable = true
        }
        settleNames()
    }

    /// Enters durable calls with nothing before them that is not.
    private func settleNames() {
        let settled = nameCalls.prefix { $0.isDurable }
        for call in settled {
            for (name, file) in call.changes { nodes[name.directory]?.names[name.name] = file }
        }
        nameCalls.removeFirst(settled.count)
    }

    private func ignoresFlush(of file: UInt64) -> Bool {
        guard let node = nodes[file] else { return false }
        if node.isDirectory { return ignores == .directories }
        guard ignores != .nothing, let name = names.first(where: { $0.value == file })?.key.name else {
            return false
        }
        return switch ignores {
        case .packs: name.hasSuffix(".pack")
        case .journal: name.hasPrefix("journal")
        case .index: name == "data.mdb"
        case .nothing, .directories, .blocks: false
        }
    }

    /// Whether a power loss now has more than one outcome.
    var hasPending: Bool { !nameCalls.isEmpty || nodes.values.contains { !$0.calls.isEmpty } }
}
