/// A store that another one, its layer, reads through.
///
/// What always holds:
/// - A layer never touches a base's payloads. What it links to there is held in the base under the layer's
///   name, from before the layer's commit until two commits after the layer dropped it.
/// - A layer in memory holds nothing: a lease that lives as long as it does keeps all that it may link to.
/// - A fork's file comes and goes under the base's write lock, and goes when nothing is held for it; nothing
///   is held for a fork without one, but what was copied, or written by what did not know of this.
/// - A sealed base keeps everything, when all that it reads through does. One that can neither be written to
///   nor keeps everything promises nothing.
import Glibc
import Kernels

struct Base: Sendable {
    let core: StoreCore
    let recorded: RecordedBase
    /// A layer's in memory.
    private let lease: Lease?
    private let isLeasing: Bool
    /// Stands for one that is not there.
    let isLost: Bool

    /// Whether the base is to hold what its layer links to.
    var isHolding: Bool { !isLeasing && !core.isReadOnly }

    /// Whether it may lose what its layer links to.
    var promisesNothing: Bool { !isLeasing && core.isReadOnly && !core.keepsEverything }

    /// Whether it has a block that the layer may come to rely on. A lease does not keep what was dead before
    /// it was taken.
    func canLend(_ cid: CID) throws(StoreError) -> Bool {
        guard let lease else { return try core.has(cid) }
        if cid.hash == .identity { return true }
        var missing = [true]
        try core.findReliable([cid], &missing, lease)
        return !missing[0]
    }

    /// What the owners' names begin with under which layers hold.
    static let ownerPrefix = "fork:"
    static func owner(_ fork: StoreIdentity) -> String { ownerPrefix + fork.text }
    static func fork(ofOwner owner: String) -> StoreIdentity? {
        guard owner.hasPrefix(ownerPrefix) else { return nil }
        return StoreIdentity(text: String(owner.dropFirst(ownerPrefix.count)))
    }

    /// An error that says which store's it is: this one's, or one's below it that is named already.
    func named(_ error: StoreError) -> StoreError {
        let place = ", in the base "
        // A string's `contains` of a string is in a library that static programs would need as well.
        let isNamed = error.message.indices.contains { error.message[$0...].hasPrefix(place) }
        guard !isNamed else { return error }
        return StoreError(error.code, error.message + place + recorded.path, systemError: error.systemError)
    }

    private init(_ core: StoreCore, _ path: String) {
        self.core = core
        recorded = RecordedBase(identity: core.identity, path: path)
        lease = nil
        isLeasing = false
        isLost = false
    }

    /// For a layer in memory. Another handle of the base, for `giveBack`.
    init(leasing core: StoreCore) throws(StoreError) {
        lease = try core.lease()
        isLost = false
        guard core.leases != nil || core.keepsEverything else {
            throw StoreError(
                .readOnly, "\(core.path) is open for reading only, and cannot be asked to keep what it has")
        }
        isLeasing = true
        core.retain()
        self.core = core
        recorded = RecordedBase(identity: core.identity, path: core.path)
    }

    /// In the place of one that is not there: it has nothing.
    private init(lost: RecordedBase) throws(StoreError) {
        core = try StoreCore(inMemory: StoreConfiguration(), over: [])
        recorded = lost
        lease = nil
        isLeasing = true
        isLost = true
    }

    /// The stores at these paths, to be given back.
    static func open(_ paths: [String], readOnly: Bool, above: [FileIdentity] = []) throws(StoreError)
        -> [Base]
    {
        var bases: [Base] = []
        do throws(StoreError) {
            for path in paths {
                let core = try StoreCore.open(path, readOnly: readOnly, above: above)
                do throws(StoreError) { bases.append(Base(core, try System.absolutePath(path))) } catch {
                    core.release()
                    throw error
                }
                guard bases.dropLast().allSatisfy({ $0.core.identity != core.identity }) else {
                    throw StoreError(.invalid, "\(path) is given twice, or is a copy of another base")
                }
            }
            return bases
        } catch {
            for base in bases { base.core.release() }
            throw error
        }
    }

    /// The bases that a layer has recorded, in `bases` as far as they could be opened. `lostAreEmpty`: one
    /// that is not there has nothing.
    static func open(
        _ recorded: [RecordedBase], of layer: String, readOnly: Bool, _ registry: inout StoreCore.Registry,
        above: [FileIdentity], lostAreEmpty: Bool, into bases: inout [Base]
    ) throws(StoreError) {
        for base in recorded {
            let core: StoreCore
            do {
                core = try StoreCore.open(base.path, readOnly: readOnly, &registry, above: above)
            } catch  where [.notFound, .notAStore].contains(error.code) {
                // Otherwise one that it reads through itself is not there, and is named.
                let isThere = (try? Journal.readHeader(path: base.path + "/journal")) != nil
                guard !isThere else { throw error }
                if lostAreEmpty {
                    bases.append(try Base(lost: base))
                    continue
                }
                throw StoreError(
                    error.code,
                    "\(base.path), a base of \(layer), is not there: ipldstore base set says where it is "
                        + "now, flatten --keep-going does without it",
                    systemError: error.systemError)
            } catch  where error.code == .corrupt {
                throw StoreError(.corrupt, "\(base.path), a base of \(layer): \(error.message)")
            }
            bases.append(Base(core, base.path))
            guard core.identity == base.identity else {
                throw StoreError(
                    .invalid, "the store at \(base.path) is not the base that \(layer) was made over")
            }
        }
    }

    /// The layer is done with it.
    func giveBack(_ registry: inout StoreCore.Registry) {
        lease?.release()
        core.release(&registry)
    }

    // MARK: The layers that a base knows

    private var forks: String? { core.files.map { $0.path + "/forks" } }

    /// Makes a layer known by its fork file.
    func register(_ fork: StoreIdentity, _ file: String, at layer: String) throws(StoreError) {
        guard isHolding, let files = core.files, let forks else { return }
        try core.alone { (_) throws(StoreError) in
            try register(fork, file, at: layer, files, forks)
        }
    }

    private func register(
        _ fork: StoreIdentity, _ file: String, at layer: String, _ files: StoreFiles, _ forks: String
    ) throws(StoreError) {
        do throws(StoreError) {
            try System.makeDirectory(forks)
            // Or a power loss takes it, with all that it says, and what is held for the layers is nobody's.
            try System.flushDirectory(files.path)
        } catch  where error.code == .exists {}
        let place = forks + "/" + fork.text
        // Never in the place of another one: that is alive.
        guard !core.hasRegistered(fork) else {
            throw StoreError(.conflict, "\(core.path) knows a fork \(fork.text) already: try again")
        }
        do { try System.link(file, place) } catch  where error.code == .unsupported {
            try ForkFile.write(place, ForkFile.external(file), flushing: true)
        }
        try ForkFile.write(place + ForkFile.pathSuffix, try System.absolutePath(layer, mayBeMissing: true))
        try System.flushDirectory(forks)
    }

    func unregister(_ fork: StoreIdentity) {
        guard let forks else { return }
        ForkFile.remove(forks + "/" + fork.text)
    }

    /// The fork whose file this is, whatever it says. It is looked for.
    func fork(of file: String) -> StoreIdentity? {
        guard let forks else { return nil }
        return (try? System.list(forks))?.lazy.compactMap(StoreIdentity.init(text:)).first {
            knows($0, file)
        }
    }

    /// Whether a layer's fork file is the one that the base knows.
    func knows(_ fork: StoreIdentity, _ file: String) -> Bool {
        guard let forks, let identity = (try? System.status(ofPath: file))?.identity else { return false }
        let place = forks + "/" + fork.text
        guard let there = try? System.status(ofPath: place) else { return false }
        return there.identity == identity || ForkFile.read(place) == (try? ForkFile.external(file))
    }

    /// A layer that is on one file system with the base, and was not, is seen by it from now on.
    func tie(_ fork: StoreIdentity, _ file: String) {
        guard let forks, let identity = (try? System.status(ofPath: file))?.identity else { return }
        let place = forks + "/" + fork.text
        guard let there = (try? System.status(ofPath: place))?.identity, there != identity,
            there.device == identity.device
        else { return }
        // One file system may be two, for links, where it is mounted twice.
        do { try System.link(file, place + ".new") } catch {
            try? System.remove(place + ".new")
            return
        }
        try? core.alone { (_) throws(StoreError) in
            guard core.hasRegistered(fork) else { return }
            try System.rename(place + ".new", place)
            try System.flushDirectory(forks)
        }
    }

    /// Notes where a layer is now.
    func notePath(_ fork: StoreIdentity, _ layer: String) {
        guard let forks, let path = try? System.absolutePath(layer) else { return }
        let place = forks + "/" + fork.text + ForkFile.pathSuffix
        guard ForkFile.read(place) != path else { return }
        try? core.alone { (_) throws(StoreError) in
            if core.hasRegistered(fork) { try ForkFile.write(place, path) }
        }
    }
}

extension [Base] {
    /// The base that is to lend a block to a layer: the first that has it, but for one that holds it for the
    /// layer already.
    func lender(of cid: CID, _ fork: () throws(StoreError) -> StoreIdentity?) throws(StoreError) -> Int? {
        var first: Int?
        for (number, base) in enumerated() where try base.canLend(cid) {
            if count == 1 { return number }
            if first == nil { first = number }
            guard base.isHolding, let owner = try fork().map(Base.owner) else { continue }
            let holds = try base.core.read { (there) throws(StoreError) in try there.hold(owner, cid) }
            if holds > 0 { return number }
        }
        return first
    }
}

/// The file by which a base knows whether a layer is still there: it has two names, one in the layer and one
/// in the base, where both are on one file system. With one left, the layer is gone; but in a base that was
/// copied nothing has two names, so the file says which inode it is. Behind that it says what the layer is:
/// one that has lost its index and its journal knows by it over which bases it is.
enum ForkFile {
    /// In the layer; each base has one of its own, so that one that forgets tells nobody else anything.
    static func name(forBase number: Int) -> String { number == 0 ? "fork" : "fork.\(number)" }
    static let pathSuffix = ".path"

    /// What takes the place of a file once bases know it.
    static func unfinished(_ file: String) -> String { file + ".new" }
    static func isUnfinished(_ name: String) -> Bool {
        isOne(name) && name.hasSuffix(".new") && !name.hasSuffix(".new.new")
    }

    /// A second name in the layer of a file that another one takes the place of.
    static func kept(_ file: String, _ fork: StoreIdentity) -> String { file + "." + fork.text }

    /// The fork, if a file in a layer is such.
    static func kept(_ name: String) -> StoreIdentity? {
        isOne(name) ? name.split(separator: ".").last.flatMap { StoreIdentity(text: String($0)) } : nil
    }

    /// Whether a layer's file and the base that it is for are on one file system, as far as the file says:
    /// then one that has one name is known to nobody any more.
    static func isBesideItsBase(_ file: String) -> Bool {
        let name = file.split(separator: "/").last.map(String.init) ?? file
        guard let number = base(name), let bases = configuration(of: file)?.bases, number < bases.count,
            let place = try? System.status(ofPath: bases[number].path),
            let own = try? System.status(ofPath: file)
        else { return false }
        return place.identity.device == own.identity.device
    }

    /// The number of the base whose file has this name, or this second one.
    static func base(_ name: String) -> Int? {
        let words = name.split(separator: ".").dropLast(kept(name) == nil ? 0 : 1)
        if words == ["fork"] { return 0 }
        return words.count == 2 ? Int(words[1]) : nil
    }

    /// The fork that a layer's file says that it is.
    static func fork(of file: String) -> StoreIdentity? {
        guard let words = read(file)?.split(separator: "\n").first?.split(separator: " "), words.count == 3,
            words[0] == "fork"
        else { return nil }
        return StoreIdentity(text: String(words[1]))
    }

    /// The configuration of the layer, as it was when the file was last written.
    static func configuration(of file: String) -> RecordedConfiguration? {
        guard let lines = read(file)?.split(separator: "\n"), lines.first?.hasPrefix("fork ") ?? false,
            let end = lines.firstIndex(where: { $0.hasPrefix(checkWord) })
        else { return nil }
        func text(_ lines: ArraySlice<Substring>) -> String { lines.map { $0 + "\n" }.joined() }
        guard check(text(lines[..<end])) == lines[end] + "\n" else { return nil }
        return try? RecordedConfiguration(parsing: text(lines[1..<end]))
    }

    private static let checkWord = "check "

    /// The last line: half of a file says as little as nothing.
    private static func check(_ text: String) -> String {
        var text = text
        let crc = text.withUTF8 { ipk_crc32c(0, $0.baseAddress, $0.count) }
        return checkWord + String(crc, radix: 16) + "\n"
    }

    private static func text(_ fork: StoreIdentity, _ file: FileIdentity, _ recorded: RecordedConfiguration)
        -> String
    {
        let text = line(fork, file) + recorded.text
        return text + check(text)
    }

    /// Which of the files in a store are these, whatever it is now.
    static func isOne(_ name: String) -> Bool { name == "fork" || name.hasPrefix("fork.") }

    /// `flushing`: when nobody flushes it later.
    static func create(
        _ path: String, _ fork: StoreIdentity, _ recorded: RecordedConfiguration, flushing: Bool = false
    ) throws(StoreError) {
        try Journal.replace(path, flushing: flushing) { (file) in
            Array(text(fork, file, recorded).utf8)
        }
    }

    private static func line(_ fork: StoreIdentity, _ file: FileIdentity) -> String {
        "fork \(fork.text) \(file.inode)\n"
    }

    /// Whether a file says that it is this one, of this fork.
    static func isOriginal(_ text: String, _ fork: StoreIdentity, _ file: FileIdentity) -> Bool {
        text.hasPrefix(line(fork, file))
    }

    /// A layer's file that was copied, or restored, together with its name in the base: it is known there,
    /// and says so of itself again, so that the base sees when the layer is gone; and what the layer is. In
    /// place, which keeps both names.
    static func correct(_ path: String, _ fork: StoreIdentity, _ recorded: RecordedConfiguration) {
        guard let file = (try? System.status(ofPath: path))?.identity else { return }
        let (text, old) = (text(fork, file, recorded), read(path))
        guard old != text, let descriptor = try? System.open(path, O_WRONLY) else { return }
        defer { System.close(descriptor) }
        // What is cut off here is behind the end of what is said.
        try? Array(text.utf8).withBytes { (bytes) throws(StoreError) in
            try System.write(descriptor, at: 0, bytes)
            if old?.utf8.count ?? 0 > bytes.count { try System.truncate(descriptor, to: UInt64(bytes.count)) }
        }
    }

    /// Durable when it is flushed, here or by the caller; an empty file says as little as none.
    static func write(_ path: String, _ text: String, flushing: Bool = false) throws(StoreError) {
        try Journal.replace(path, flushing: flushing) { (_) in Array(text.utf8) }
    }

    /// Removes a base's files of a fork: last the one that says that there are others.
    static func remove(_ place: String) {
        for name in [place + pathSuffix + ".new", place + pathSuffix, place] { try? System.remove(name) }
    }

    static func read(_ path: String) -> String? {
        guard let descriptor = try? System.open(path, O_RDONLY) else { return nil }
        defer { System.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: RecordedConfiguration.longest + 128)
        let count = try? bytes.withMutableBytes { (buffer) throws(StoreError) in
            try System.read(descriptor, at: 0, into: buffer)
        }
        return count.map { String(decoding: bytes[..<$0], as: UTF8.self) }
    }

    /// What a base says of a fork file of another file system: its inode number, and when it was made, since
    /// copies on a fresh file system get the same numbers.
    static func external(_ file: String) throws(StoreError) -> String {
        "external \(try System.status(ofPath: file).identity.inode) \(System.birthTime(ofPath: file))\n"
    }

    /// The inode of a fork file of another file system.
    static func externalInode(_ path: String) -> UInt64? {
        guard let text = read(path), text.hasPrefix("external ") else { return nil }
        return UInt64(text.dropFirst(9).prefix { $0.isNumber })
    }
}
