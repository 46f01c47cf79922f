/// Bases and forks, as users see them.
import Glibc

/// A store that this one reads through.
public struct BaseInformation: Equatable, Sendable {
    /// 32 hexadecimal digits.
    public let identity: String
    public let path: String
}

/// A layer that this store is a base of.
public struct ForkInformation: Equatable, Sendable {
    public enum State: String, Sendable, Equatable {
        /// It is there, wherever it has been moved to.
        case present
        /// Its directory was deleted; the next gc releases what is held for it.
        case gone
        /// On another file system: only `forgetFork` releases what is held for it.
        case external
        /// Nothing is known of it but what is held, as where the store was copied: again only `forgetFork`.
        case unknown
    }

    /// The name under which blocks are held for it: 32 hexadecimal digits.
    public let identity: String
    /// Where it was last opened for writing.
    public let path: String?
    public let state: State
    /// Blocks held for it.
    public let holds: UInt64
}

extension StoreCore {
    /// Forks that have a file here, or holds.
    fileprivate func forks() throws(StoreError) -> [StoreIdentity] {
        var found: [StoreIdentity] = []
        if let files, let names = try? System.list(files.path + "/forks") {
            found = names.compactMap(StoreIdentity.init(text:))
        }
        try read { (snapshot) throws(StoreError) in
            var last = Base.ownerPrefix
            while true {
                // One look for each owner, not one for each hold.
                guard let owner = try snapshot.firstOwner(after: last), owner.hasPrefix(Base.ownerPrefix)
                else {
                    return
                }
                last = owner
                let text = String(owner.dropFirst(Base.ownerPrefix.count))
                if let fork = StoreIdentity(text: text), !found.contains(fork) { found.append(fork) }
            }
        }
        return found.sorted { $0.text < $1.text }
    }

    fileprivate func rootHereOrBelow(_ name: String) throws(StoreError) -> CID? {
        if let cid = try read({ (snapshot) throws(StoreError) in try snapshot.root(name) }) { return cid }
        for base in bases {
            if let cid = try base.core.rootHereOrBelow(name) { return cid }
        }
        return nil
    }

    fileprivate func holdsHereAndBelow(prefix: String) throws(StoreError) -> [Hold] {
        var holds = try read { (snapshot) throws(StoreError) in
            var holds: [Hold] = []
            try snapshot.scanHolds { (hold) throws(StoreError) in
                if hold.owner.hasPrefix(prefix) { holds.append(hold) }
                return true
            }
            return holds
        }
        for base in bases { holds += try base.core.holdsHereAndBelow(prefix: prefix) }
        return holds
    }

    /// Roots that only bases have, in order of name, at most `limit` from the first that is not less than
    /// `start`. Of those of one name the one that `rootHereOrBelow` gives.
    fileprivate func rootsBelow(from start: String?, limit: Int) throws(StoreError) -> [BaseRoot] {
        guard !bases.isEmpty, limit > 0 else { return [] }
        var (start, kept): (String?, [BaseRoot]) = (start, [])
        while true {
            // Each part is whole up to its last name, so the first `limit` names of all are among these.
            var found: [[UInt8]: BaseRoot] = [:]
            for base in bases {
                let own = try base.core.roots(from: start, limit: limit)
                for root in own + (try base.core.rootsBelow(from: start, limit: limit))
                where found[Array(root.name.utf8)] == nil {
                    found[Array(root.name.utf8)] = root
                }
            }
            let part = found.sorted { $0.key.lexicographicallyPrecedes($1.key) }.prefix(limit)
            try read { (snapshot) throws(StoreError) in
                for (_, root) in part where try snapshot.root(root.name) == nil { kept.append(root) }
            }
            guard part.count == limit, kept.count < limit, let last = part.last else { break }
            // Just behind the last one, in the order of bytes.
            start = last.value.name + "\0"
        }
        return Array(kept.prefix(limit))
    }

    fileprivate typealias BaseRoot = (name: String, cid: CID)

    func roots(from start: String?, limit: Int) throws(StoreError) -> [(name: String, cid: CID)] {
        try read { (snapshot) throws(StoreError) in
            var roots: [(name: String, cid: CID)] = []
            try snapshot.scanRoots(from: start) { (name, cid) throws(StoreError) in
                guard roots.count < limit else { return false }
                roots.append((name, cid))
                return true
            }
            return roots
        }
    }

    fileprivate var allBases: [RecordedBase] { bases.flatMap { [$0.recorded] + $0.core.allBases } }

    fileprivate func state(of fork: StoreIdentity) -> ForkInformation.State {
        guard let files else { return .unknown }
        let place = files.path + "/forks/" + fork.text
        guard let status = try? System.status(ofPath: place) else { return .unknown }
        if status.links > 1, !Defect.forksAreTakenForGone.isPresent { return .present }
        // Only a file that says so itself has had a name in the layer: a copy has not, nor is one that cannot
        // be read known to.
        guard let text = ForkFile.read(place) else { return .unknown }
        if ForkFile.isOriginal(text, fork, status.identity) { return .gone }
        return ForkFile.externalInode(place) != nil ? .external : .unknown
    }

    /// Forks whose directories were deleted, for which something may still be held.
    func goneForks() -> [StoreIdentity] {
        guard let files, let names = try? System.list(files.path + "/forks") else { return [] }
        return names.compactMap(StoreIdentity.init(text:)).filter { state(of: $0) == .gone }
    }

    /// Releases what is held for forks that are gone.
    func releaseGoneForks() throws(StoreError) { try forget(goneForks()) }

    /// Releases what is held for forks, of many in one transaction: programs that run each task in a layer
    /// leave thousands. `progress` hears of the holds that went, and may throw to stop between transactions:
    /// the forks are known until all that is held for them went.
    func forget(
        _ forks: [StoreIdentity], progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) {
        var released: UInt64 = 0
        var rest = forks[...]
        while !rest.isEmpty {
            let slice = rest.prefix(1024)
            var held = Array(slice)
            while !held.isEmpty {
                try releaseAll(
                    of: held.map(Base.owner),
                    released: { (count) throws(StoreError) in
                        released += UInt64(count)
                        try progress?(released)
                    })
                // In a commit of its own: were the one before lost, after the files are removed, nobody would
                // know whose the holds are.
                try write(.releasing) { (transaction) throws(StoreError) in
                    for fork in held { try transaction.index.removeLoan(toFork: fork) }
                }
                // One that borrows meanwhile is released again.
                held = try alone { (snapshot) throws(StoreError) in try removeFiles(of: held, snapshot) }
            }
            rest = rest.dropFirst(slice.count)
        }
    }

    /// Removes the files of forks for which nothing is held, and gives the others. Under the write lock.
    private func removeFiles(of forks: [StoreIdentity], _ snapshot: IndexSnapshot) throws(StoreError)
        -> [StoreIdentity]
    {
        var held: [StoreIdentity] = []
        for fork in forks {
            var isHeld = false
            try snapshot.scanHolds(owner: Base.owner(fork)) { (_) in
                isHeld = true
                return false
            }
            if isHeld {
                held.append(fork)
            } else if let files {
                ForkFile.remove(files.path + "/forks/" + fork.text)
            }
        }
        return held
    }

    /// Whether it was a layer, and a repair could not know over what: its fork files are damaged, too.
    func lostItsBases(_ snapshot: IndexSnapshot) throws(StoreError) -> Bool {
        let recorded = try snapshot.recorded()
        guard recorded.fork == nil || recorded.lacksNames, let files else { return false }
        // Some may be back.
        return files.hasOtherForkFiles(recorded, areUnknown: true)
    }

    /// Whether there is a file of the fork: nothing is held for one that was forgotten.
    func hasRegistered(_ fork: StoreIdentity) -> Bool {
        guard let files else { return false }
        return (try? System.status(ofPath: files.path + "/forks/" + fork.text)) != nil
    }

    /// Changes what the store is made of, while nobody else has it open.
    fileprivate func reconfigure(
        whenSealed: Bool = false, _ purpose: Purpose = .storing(blocks: 0),
        _ body: (inout RecordedConfiguration) throws(StoreError) -> Void
    ) throws(StoreError) {
        guard !isSealed || whenSealed else { throw Self.sealedError }
        guard index.access == .readWrite, let files else {
            throw StoreError(.readOnly, "the store may only be read")
        }
        guard becomeAlone() else { throw StoreError(.busy, "the store is open: close it first") }
        defer { stopBeingAlone() }
        guard try files.becomeAlone() else { throw StoreError(.busy, "the store is open: close it first") }
        defer { files.stopBeingAlone() }
        var recorded = try read { (snapshot) throws(StoreError) in try snapshot.recorded() }
        try body(&recorded)
        let text = try recorded.checkedText()
        try write(purpose, isMending: whenSealed) { (transaction) throws(StoreError) in
            try transaction.setConfiguration(text)
            try transaction.index.setUnsettled(recorded.bases.isEmpty ? nil : .known)
            if recorded.bases.isEmpty { try transaction.index.forgetLoans() }
        }
    }

    /// The same, of a store that is opened without looking for its bases.
    fileprivate static func reconfigure(
        _ path: String, whenSealed: Bool = false, _ purpose: Purpose = .storing(blocks: 0),
        _ body: (StoreCore, inout RecordedConfiguration) throws(StoreError) -> Void
    ) throws(StoreError) {
        let core = try open(path, readOnly: false, withBases: false)
        defer { core.release() }
        try core.reconfigure(whenSealed: whenSealed, purpose) { (recorded) throws(StoreError) in
            try body(core, &recorded)
        }
    }
}

extension ContentStore {
    /// The stores that this one reads through, in order.
    public final var bases: [BaseInformation] {
        core.bases.map { BaseInformation(identity: $0.recorded.identity.text, path: $0.recorded.path) }
    }

    /// As `root(_:)`, and where there is none, the first base's that has one.
    public final func rootHereOrBelow(_ name: String) throws(StoreError) -> CID? {
        try StoreName.check(name, "a root's name")
        return try core.rootHereOrBelow(name)
    }

    /// Roots that only bases have, as `roots(from:limit:)`: names that the store has itself are not among
    /// them.
    public final func rootsBelow(from start: String? = nil, limit: Int = .max) throws(StoreError) -> [(
        name: String, cid: CID
    )] {
        try core.rootsBelow(from: start, limit: limit)
    }

    /// As `holds(owner:)`, of owners whose names begin with `prefix`, here and in all bases.
    package final func holdsHereAndBelow(prefix: String) throws(StoreError) -> [Hold] {
        try core.holdsHereAndBelow(prefix: prefix)
    }

    /// The stores that this one reads through, and those that they read through, as far as there are any.
    public final var allBases: [BaseInformation] {
        core.allBases.map { BaseInformation(identity: $0.identity.text, path: $0.path) }
    }

    /// Layers that this store is a base of.
    public final func forks() throws(StoreError) -> [ForkInformation] {
        var forks: [ForkInformation] = []
        for fork in try core.forks() {
            let holds = try core.read { (snapshot) throws(StoreError) in
                var holds: UInt64 = 0
                try snapshot.scanHolds(owner: Base.owner(fork)) { (_) in
                    holds += 1
                    return true
                }
                return holds
            }
            let path = core.files.flatMap {
                ForkFile.read("\($0.path)/forks/\(fork.text)\(ForkFile.pathSuffix)")
            }
            forks.append(
                ForkInformation(identity: fork.text, path: path, state: core.state(of: fork), holds: holds))
        }
        return forks
    }

    /// Releases all that is held for a fork, which loses what it has here once that is collected. NOT_FOUND
    /// when there is no such fork. `progress` hears of the holds that went, and may throw to stop: those are
    /// gone, the fork is there still, and the next call goes on.
    public final func forgetFork(
        _ identity: String, progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) {
        try checkWritable()
        guard let fork = StoreIdentity(text: identity), try core.forks().contains(fork) else {
            throw StoreError(.notFound, "there is no fork \(identity)")
        }
        try core.forget([fork], progress: progress)
    }

    /// Ends all change of the store, for ever, in every process: what it has now it will always have, so that
    /// layers need not be known to it. To get rid of it, delete its directory.
    /// INVALID when it reads through stores that are not sealed, and could lose what only they have; or does
    /// not know all of its bases after a repair.
    public final func seal() throws(StoreError) {
        try checkWritable()
        try core.noteSealed()
        try core.settle(.collection)
        try core.dropKeptForkFiles()
        guard try !core.read(core.lostItsBases) else {
            throw StoreError(.invalid, "its bases are not known: ipldstore base add says them")
        }
        guard core.bases.allSatisfy({ $0.core.keepsEverything }) else {
            throw StoreError(.invalid, "its bases are not sealed: seal them first, or flatten the store")
        }
        try core.write(.releasing) { (transaction) throws(StoreError) in
            var recorded = try transaction.index.recorded()
            recorded.isSealed = true
            try transaction.setConfiguration(try recorded.checkedText())
            try transaction.index.seal()
        }
        try core.noteInForkFiles { _ in true }
        try core.noteSealed()
    }

    /// The bases that are recorded in the store at a path, whether or not they are there.
    public static func recordedBases(at path: String) throws(StoreError) -> [BaseInformation] {
        let core = try StoreCore.open(path, readOnly: true, withBases: false)
        defer { core.release() }
        let recorded = try core.read { (snapshot) throws(StoreError) in try snapshot.recorded() }
        return recorded.bases.map { BaseInformation(identity: $0.identity.text, path: $0.path) }
    }

    /// Records where a base is now: `old` is its recorded path or its identity. NOT_FOUND when it is none;
    /// INVALID when another store is at the new path; BUSY while anybody has the store open.
    public static func setBase(at path: String, _ old: String, to new: String) throws(StoreError) {
        // Of a sealed store, too: what it has is the same wherever its base is.
        try StoreCore.reconfigure(path, whenSealed: true) { (_, recorded) throws(StoreError) in
            let whole = try? System.absolutePath(old, mayBeMissing: true)
            let place = recorded.bases.firstIndex {
                $0.path == old || $0.path == whole || $0.identity.text == old
            }
            guard let place else {
                let known = recorded.bases.map(\.path).joined(separator: ", ")
                throw StoreError(.notFound, "\(old) is no base of \(path), which has \(known)")
            }
            let base = try Base.open([new], readOnly: true)
            defer { for base in base { base.core.release() } }
            guard let opened = base.first, opened.recorded.identity == recorded.bases[place].identity else {
                throw StoreError(.invalid, "the store at \(new) is not the one that was at \(old)")
            }
            try opened.core.noteSealed()
            guard !recorded.isSealed || opened.core.keepsEverything else {
                throw StoreError(.invalid, "the store is sealed, and the base at \(new) is not")
            }
            recorded.bases[place] = opened.recorded
        }
        // A base that was copied does not know the store yet.
        try openWhereAllAreThere(path)
    }

    /// Where a base is missing, what opening does comes when that is there again.
    private static func openWhereAllAreThere(_ path: String) throws(StoreError) {
        do { try StoreCore.open(path, readOnly: false).release() } catch
            where [.notFound, .notAStore].contains(error.code)
        {}
    }

    /// Has a store read through another one, too, after the bases that it has. BUSY while anybody has the
    /// store open; INVALID when the base reads through the store itself.
    public static func addBase(at path: String, _ base: String) throws(StoreError) {
        var before: RecordedConfiguration?
        try StoreCore.reconfigure(path) { (core, recorded) throws(StoreError) in
            before = recorded
            guard let files = core.files else { return }
            let opened = try Base.open([base], readOnly: false, above: [files.directory.identity])
            defer { for base in opened { base.core.release() } }
            guard let added = opened.first else { return }
            guard !recorded.bases.contains(where: { $0.identity == added.recorded.identity }) else {
                throw StoreError(.exists, "\(base) is a base of \(path) already")
            }
            recorded.bases.append(added.recorded)
            // Not a name that a copy of the store may have, too.
            recorded.fork = try .random()
        }
        // Which makes it known to the base, and borrows what it links to already.
        do { try openWhereAllAreThere(path) } catch  where error.code == .full {
            // One that its bases cannot be told of would not open, not even to delete something.
            try? StoreCore.reconfigure(path, .releasing) { (_, recorded) in
                if let before { recorded = before }
            }
            throw error
        }
    }

    /// Copies what the store needs of its bases, and has it stand alone. BUSY while anybody has it open.
    /// CORRUPT when a base has lost something that is needed; with `keepingGoing` that stays a link to what
    /// is nowhere, and so does all that only a base has which is not there any more: `verify` tells of it. A
    /// sealed store is flattened only so, over a base that is not there; and so is one that does not know all
    /// of its bases after a repair, which is CORRUPT otherwise, or INVALID when it knows none.
    /// `progress` hears of the blocks looked at, and may throw to stop: then the store is what it was.
    @discardableResult
    public static func flatten(
        at path: String, keepingGoing: Bool = false, progress: ((UInt64) throws(StoreError) -> Void)? = nil
    ) throws(StoreError) -> CopyReport {
        var report = CopyReport()
        var left: (bases: [Base], fork: StoreIdentity)?
        let core = try StoreCore.open(path, readOnly: false, lostAreEmpty: keepingGoing)
        let store = LayeredStore(core, owner: defaultOwner, readOnly: false)
        defer { withExtendedLifetime(store) {} }
        guard !core.bases.isEmpty else {
            guard keepingGoing, try core.read(core.lostItsBases) else {
                throw StoreError(.invalid, "\(path) has no bases")
            }
            core.files?.removeForkFiles()
            return report
        }
        let isComplete = try !core.read(core.lostItsBases)
        guard keepingGoing || isComplete else {
            throw StoreError(
                .corrupt,
                "not all of its bases are known: ipldstore base add says them, flatten --keep-going does "
                    + "without")
        }
        let lacksNames = try core.read { (snapshot) throws(StoreError) in try snapshot.recorded().lacksNames }
        guard keepingGoing || !lacksNames else {
            throw StoreError(
                .corrupt,
                "names were lost, and a base that is elsewhere, or may not be written to, may hold what they "
                    + "named: open the store over it, or flatten --keep-going does without")
        }
        let isBereft = core.bases.contains(where: \.isLost)
        try core.reconfigure(whenSealed: isBereft) { (recorded) throws(StoreError) in
            report = try core.copyBorrowed(store, keepingGoing: keepingGoing, progress)
            if let fork = recorded.fork { left = (core.bases, fork) }
            // That it has a fork's name says what files of forks are, if it dies before they are gone.
            recorded.bases = []
        }
        if let left {
            // Where it dies before that, whoever opens it next removes the files, and bases see it.
            for base in left.bases where base.isHolding { try base.core.forget([left.fork]) }
            core.files?.removeForkFiles()
        }
        return report
    }
}

extension StoreCore {
    /// Copies what is linked to here and in a base, until there is no such thing, and what is known to be
    /// damaged here. A link of a base's node to what was never anywhere stays that.
    fileprivate func copyBorrowed(
        _ store: ContentStore, keepingGoing: Bool, _ progress: ((UInt64) throws(StoreError) -> Void)?
    ) throws(StoreError) -> CopyReport {
        var copy = DagCopy(countsBases: false, leavesMissing: true) {
            [self] (cid, scratch) throws(StoreError) in
            do throws(StoreError) { return try content(cid, scratch) } catch {
                throw keepingGoing && error.code == .corrupt ? StoreError(.notFound, error.message) : error
            }
        }
        // What is still not here then cannot be read.
        var tried: Set<CID> = []
        var replaced = CopyReport()
        func report() -> CopyReport {
            var report = copy.report
            report.blocks += replaced.blocks
            report.bytes += replaced.bytes
            return report
        }
        while true {
            var linked: [(cid: CID, isLent: Bool)] = []
            try read { (snapshot) throws(StoreError) in
                try snapshot.scanAbsent { (cid, row) throws(StoreError) in
                    linked.append((cid, row.lender != nil))
                    return true
                }
            }
            var borrowed: [CID] = []
            for (cid, isLent) in linked {
                if try has(cid), tried.insert(cid).inserted {
                    borrowed.append(cid)
                    continue
                }
                if keepingGoing { continue }
                // With a fork file kept, a base may be elsewhere that has it.
                guard !isLent, files?.hasKept != true, try !hasDamaged(cid) else {
                    throw Self.lostBelow(cid)
                }
            }
            let damaged = try damagedHere()
            guard !borrowed.isEmpty || !damaged.isEmpty else { return report() }
            let batch = try Batch(store, isMending: isSealed)
            do throws(StoreError) {
                for cid in damaged { try replace(cid, batch, &replaced, keepingGoing: keepingGoing) }
                for cid in borrowed {
                    _ = try copy.run(cid, into: batch) { (report) throws(StoreError) in
                        if let progress { try progress(report.visited) }
                        return false
                    }
                }
                try batch.commit()
            } catch {
                batch.abort()
                throw error
            }
            guard !borrowed.isEmpty else { return report() }
        }
    }

    /// What is kept here and known to be damaged, at most `limit`.
    func damagedHere(limit: Int = .max) throws(StoreError) -> [CID] {
        try read { (snapshot) throws(StoreError) in
            var damaged: [CID] = []
            try snapshot.scan(.cids) { (key, value) throws(StoreError) in
                let location = try IndexSnapshot.location(key, value)
                guard location.flags.contains(.damaged) else { return true }
                let block = try snapshot.block(at: location.place)
                if let block, block.count > 0 { damaged.append(block.cid) }
                return damaged.count < limit
            }
            return damaged
        }
    }

    /// Stores what is damaged here anew where a base has it sound. What none of them ever had stays as it is.
    private func replace(
        _ cid: CID, _ batch: Batch, _ report: inout CopyReport, keepingGoing: Bool
    ) throws(StoreError) {
        do throws(StoreError) {
            try withBlock(cid) { (bytes) throws(StoreError) in
                let links = cid.codec == .dagCBOR ? try StoreCore.links(of: cid, in: bytes) : []
                try batch.put(cid, bytes, links: links, isTree: false, inBases: false)
                report.blocks += 1
                report.bytes += UInt64(bytes.count)
            }
        } catch  where error.code == .corrupt {
            if keepingGoing { return }
            for base in bases where try base.core.hasDamaged(cid) { throw Self.lostBelow(cid) }
        }
    }

    private static func lostBelow(_ cid: CID) -> StoreError {
        StoreError(.corrupt, "\(cid) is lost in a base: heal the base or the store first")
    }
}
