/// Payloads in files of their own: plain bytes, named by the block's full CID.
///
///     STORE/blocks/[XY/[VW/]]CID     XY: the last two characters of the CID, VW: the two before them
///     STORE/lanes/NNNNNNNN.lane      a writer's lock
///     STORE/lanes/NNNNNNNN.list0, 1  what its last two stages consist of, in turns
///     STORE/lanes/NNNNNNNN/CID       what it has written and not entered yet
///
/// What always holds:
/// - A file in `blocks` comes by rename and goes by unlink, both under the index's write lock: the rename in
///   the transaction that enters its row, before that commits; the unlink two commits after the row's end,
///   when no row names it again.
/// - The list of a stage is durable before its first rename, and stays until another commit has followed its
///   own: files of a writer that died between the two, or whose commit was lost, are found through it, and
///   unlinked where no row names them, and none that waits to give them back.
/// - An unlink is durable before what says of the file, a row of `punch` or a list, is gone.
import Glibc

final class BlockFiles: Sendable {
    /// Folders between `blocks` and a file: 0, 1 or 2.
    let levels: Int
    let directory: String
    let lanes: String

    init(path: String, levels: Int) {
        directory = path + "/blocks"
        lanes = path + "/lanes"
        self.levels = levels
    }

    static func make(in path: String) throws(StoreError) {
        for name in ["/blocks", "/lanes"] {
            do { try System.makeDirectory(path + name) } catch  where error.code == .exists {}
        }
    }

    /// How many folders files are below, as far as they show; nil where there are none.
    static func levels(in path: String) -> Int? { levels(in: path + "/blocks", depth: 0) }

    /// Folders may be empty: blocks that are gone leave theirs.
    private static func levels(in folder: String, depth: Int) -> Int? {
        guard depth <= 2, let names = try? System.list(folder) else { return nil }
        if names.contains(where: { (try? CID(parsing: $0)) != nil }) { return depth }
        for name in names where name.utf8.count == 2 {
            if let found = levels(in: folder + "/" + name, depth: depth + 1) { return found }
        }
        return nil
    }

    // MARK: Names

    /// The folder and the name of a block's file. The first characters of CIDs are alike, the last ones not.
    private func place(_ cid: CID) -> (folders: [String], name: String) {
        let name = cid.description
        var folders: [String] = []
        var rest = Substring(name)
        for _ in 0..<levels {
            folders.append(String(rest.suffix(2)))
            rest = rest.dropLast(2)
        }
        return (folders, name)
    }

    func path(_ cid: CID) -> String {
        let (folders, name) = place(cid)
        return ([directory] + folders + [name]).joined(separator: "/")
    }

    private func makeFolders(_ cid: CID) throws(StoreError) {
        var path = directory
        for folder in place(cid).folders {
            path += "/" + folder
            do { try System.makeDirectory(path) } catch  where error.code == .exists {}
        }
    }

    /// Moves a file that is durable to its block's place. Under the index's write lock.
    func moveIn(_ temporary: String, _ cid: CID) throws(StoreError) {
        do { try System.rename(temporary, path(cid)) } catch  where error.code == .notFound {
            try makeFolders(cid)
            try System.rename(temporary, path(cid))
        } catch  where error.systemError == EISDIR {
            // A folder in its place is no block, and is put aside for verify to name.
            try System.rename(
                path(cid), path(cid) + ".stray-" + String(try StoreCore.randomNumber(), radix: 36))
            try System.rename(temporary, path(cid))
        }
    }

    /// Removes a block's file, if it is there; the bytes that come back. Under the index's write lock.
    func remove(_ cid: CID) throws(StoreError) -> UInt64 {
        let path = path(cid)
        do {
            let bytes = try System.status(ofPath: path).allocated
            try System.remove(path)
            return bytes
        } catch  where error.code == .notFound || error.systemError == EISDIR { return 0 }
    }

    /// Makes everything that was written to the file system, names included, durable.
    func flush() throws(StoreError) { try System.flushFileSystem(directory) }

    // MARK: Reading

    func block(
        _ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch,
        room: UnsafeMutableRawBufferPointer? = nil
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        try Self.block(at: path(cid), cid, location, scratch, room: room)
    }

    static func block(
        at path: String, _ cid: CID, _ location: BlockLocation, _ scratch: ReadScratch,
        room: UnsafeMutableRawBufferPointer?
    ) throws(StoreError) -> UnsafeRawBufferPointer {
        let length = Int(location.rawLength)
        guard length <= Block.maximumLength else {
            throw Payload.damaged(cid, "its row has an impossible length")
        }
        var target = scratch.block.mutablePrefix(length)
        if let room, room.count >= length {
            target = UnsafeMutableRawBufferPointer(rebasing: room[..<length])
        }
        let descriptor: Int32
        do { descriptor = try System.open(path, O_RDONLY) } catch  where error.code == .notFound {
            throw Payload.damaged(cid, "its file is missing")
        }
        defer { System.close(descriptor) }
        guard try System.status(descriptor).length == UInt64(length),
            try System.read(descriptor, at: 0, into: target) == length
        else { throw Payload.damaged(cid, "its file has another length") }
        try Payload.check(cid, UnsafeRawBufferPointer(target))
        return UnsafeRawBufferPointer(target)
    }

    /// Calls `body` with every file under `blocks`: the CID that it is named by, nil for other names.
    func forEachFile(_ body: (_ path: String, CID?) throws(StoreError) -> Void) throws(StoreError) {
        func visit(_ folder: String, _ depth: Int) throws(StoreError) {
            for name in try System.list(folder) {
                let path = folder + "/" + name
                if depth < levels, (try? System.status(ofPath: path))?.isDirectory == true {
                    try visit(path, depth + 1)
                    continue
                }
                let cid = try? CID(parsing: name)
                try body(path, cid.flatMap { self.path($0) == path ? $0 : nil })
            }
        }
        try visit(directory, 0)
    }

    // MARK: Lanes

    static func name(ofLane number: UInt32) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// Lanes of which anything is there: a power loss may have left a folder without its lock.
    func laneNumbers() throws(StoreError) -> [UInt32] {
        Set(
            try System.list(lanes).compactMap { (name) -> UInt32? in
                guard let number = UInt32(name.prefix(8)), number > 0, number <= Place.maximumPack else {
                    return nil
                }
                let rest = name.dropFirst(Self.name(ofLane: number).utf8.count)
                return name == Self.name(ofLane: number) + rest
                    && ["", ".lane", ".list0", ".list1"].contains(rest)
                    ? number : nil
            }
        ).sorted()
    }

    /// Takes back what dead writers left. Lanes that are in use are left alone, and none is kept from writers
    /// for longer than it is looked at, unless it lists something: a writer that finds all of them taken
    /// makes another one. `write` runs its argument in an index transaction of its own, which commits.
    func recoverLanes(_ write: ((IndexSnapshot) throws(StoreError) -> Void) throws(StoreError) -> Void)
        throws(StoreError)
    {
        var lanes: [(lane: Lane, listed: [CID])] = []
        defer { for (lane, _) in lanes { lane.close() } }
        for number in try laneNumbers() {
            guard let lane = try Lane(self, number) else { continue }
            let listed: [CID]
            do throws(StoreError) {
                try lane.clear()
                listed = try lane.announced().cids
            } catch {
                lane.close()
                throw error
            }
            if listed.isEmpty { lane.close() } else { lanes.append((lane, listed)) }
        }
        guard !lanes.isEmpty else { return }
        let listed = lanes.flatMap(\.listed)
        // After this commit, those that entered what is listed are not the last any more.
        try write { (snapshot) throws(StoreError) in try removeStrays(listed, snapshot) }
        for (lane, _) in lanes { lane.retract() }
    }

    /// Unlinks files that no row names, and none that is about to be given back, for good: the list that says
    /// of them may go afterwards. Under the index's write lock.
    func removeStrays(_ listed: [CID], _ snapshot: IndexSnapshot) throws(StoreError) {
        let strays = try strays(listed, snapshot)
        guard !strays.isEmpty else { return }
        var leaving: Set<CID> = []
        try snapshot.scanPunches { (_, freed) throws(StoreError) in
            if case .payload(let cid) = freed { leaving.insert(cid) }
            return true
        }
        for cid in strays where !leaving.contains(cid) { _ = try remove(cid) }
        try flush()
    }

    func strays(_ listed: [CID], _ snapshot: IndexSnapshot) throws(StoreError) -> [CID] {
        var strays: [CID] = []
        for cid in listed where try snapshot.location(of: cid) == nil { strays.append(cid) }
        return strays
    }

    /// What all lanes list.
    func announced() throws(StoreError) -> Set<CID> {
        var listed: Set<CID> = []
        for number in try laneNumbers() {
            listed.formUnion(try Lane.announced(lanes + "/" + Self.name(ofLane: number)).cids)
        }
        return listed
    }
}
