/// What can be known of a store without believing its index: by its journal, its old index as far as that
/// can be read, and its packs.
import Glibc

extension Repair {
    func readKnown() throws(StoreError) -> Known {
        var names = Names()
        var generation: UInt64 = 0
        var journalLength: UInt64?
        let old = try readOldIndex()
        do {
            let limit = try old?.state.flatMap { (state) throws(StoreError) in try committedLength(state) }
            let journal = try Journal.read(path: path + "/journal", limit: limit)
            generation = journal.header?.generation ?? 0
            if journal.isWhole { journalLength = journal.length }
            for (epoch, entry) in journal.entries { names.apply(entry, epoch: epoch) }
        } catch  where Self.isDamage(error) {}
        let isWhole = journalLength != nil && names.configuration != nil
        let recorded: RecordedConfiguration
        if let known = try readConfiguration(isWhole ? names.configuration : nil, old, names) {
            recorded = known
        } else if let identity = try packIdentity() {
            recorded = RecordedConfiguration(identity: identity, configuration: StoreConfiguration())
        } else if let levels = BlockFiles.levels(in: path) {
            // Files do not say whose they are.
            recorded = RecordedConfiguration(
                identity: try .random(), configuration: StoreConfiguration(payloads: .files(levels: levels)))
        } else {
            // A layer may have nothing but links, and these in its journal.
            let header = try? Journal.readHeader(path: path + "/journal")
            let files = try System.list(path)
            guard header != nil || files.contains(where: ForkFile.isOne) else {
                throw StoreError(
                    .notAStore,
                    "\(System.readable(path)) holds no store: neither journal, index nor packs are readable")
            }
            var identity = try StoreIdentity.random()
            if let header { identity = header.store }
            recorded = RecordedConfiguration(identity: identity, configuration: StoreConfiguration())
        }
        // What a damaged journal still says may be long superseded; the old index, where it has all its
        // names, knows better. Where neither does, nothing is lost by keeping what either says.
        if !isWhole, let old {
            names.epoch = max(names.epoch, old.names.epoch)
            if old.isComplete {
                names.roots = old.names.roots
                names.holds = old.names.holds
            } else {
                names.roots.merge(old.names.roots) { _, indexed in indexed }
                names.holds.merge(old.names.holds) { _, indexed in indexed }
            }
        }
        return Known(
            recorded: recorded, names: names, hasAllNames: isWhole || old?.isComplete == true,
            generation: generation, journalLength: isWhole ? journalLength : nil)
    }

    /// How much of the journal the old index has committed; nil when it is another's.
    private func committedLength(_ state: IndexState) throws(StoreError) -> UInt64? {
        let header = try Journal.readHeader(path: path + "/journal")
        if header.generation == state.journalGeneration { return state.journalLength }
        // Rewritten by a writer that died before its commit: it says what was committed before.
        return header.generation == state.journalGeneration &+ 1 ? header.length : nil
    }

    /// What can still be read of the index.
    private struct OldIndex {
        var names = Names()
        var state: IndexState?
        /// Whether it has as many names as it says.
        var isComplete = false
    }

    /// What a damaged journal still says may be long superseded; the other places know the last one.
    /// `journal`: of one that is whole.
    private func readConfiguration(_ journal: String?, _ old: OldIndex?, _ names: Names) throws(StoreError)
        -> RecordedConfiguration?
    {
        for text in [journal, old?.names.configuration] {
            if let text, let recorded = try? RecordedConfiguration(parsing: text) { return recorded }
        }
        // Files of another layer, or of a backup, may have come here.
        var store = (try? Journal.readHeader(path: path + "/journal"))?.store
        if store == nil { store = try packIdentity() }
        var said: RecordedConfiguration?
        for number in 0..<RecordedConfiguration.mostBases {
            let file = path + "/" + ForkFile.name(forBase: number)
            guard let recorded = ForkFile.configuration(of: file) else { continue }
            // There come more bases with time.
            guard recorded.bases.count > said?.bases.count ?? 0 else { continue }
            if store == nil || recorded.identity == store { said = recorded }
        }
        if let said { return said }
        return names.configuration.flatMap { try? RecordedConfiguration(parsing: $0) }
    }

    /// Whether a file is damaged or gone. One that could not be read now may be read the next time, and is
    /// not to be given up for lost.
    static func isDamage(_ error: StoreError) -> Bool {
        [.corrupt, .notAStore, .notFound].contains(error.code)
    }

    private func readOldIndex() throws(StoreError) -> OldIndex? {
        // LMDB believes its pages: one that is damaged is not shown to it.
        do { try IndexPages.check(path: path + "/index/data.mdb") } catch
            where Self.isDamage(error) || error.code == .unsupported
        { return nil }
        guard let index = try? IndexEnvironment(path: path + "/index", create: false, readOnly: true) else {
            return nil
        }
        defer { index.close() }
        return try? index.read { (snapshot) throws(StoreError) in
            var old = OldIndex()
            old.names.configuration = try? snapshot.configurationText()
            old.state = try? snapshot.state()
            old.names.epoch = old.state?.epoch ?? 0
            do throws(StoreError) {
                try snapshot.scanRoots { (name, cid) throws(StoreError) in
                    old.names.setRoot(name, cid)
                    return true
                }
                try snapshot.scanHolds { (hold) throws(StoreError) in
                    old.names.setHold(hold)
                    return true
                }
            } catch { return old }
            old.isComplete =
                old.state?.roots == UInt64(old.names.roots.count)
                && old.state?.holds == UInt64(old.names.holds.count)
            return old
        }
    }

    /// The store's name in the first pack that says one.
    private func packIdentity() throws(StoreError) -> StoreIdentity? {
        let files = PackFiles(directory: path + "/packs", store: StoreIdentity(high: 0, low: 0))
        guard (try? System.status(ofPath: files.directory)) != nil else { return nil }
        for number in try files.numbers() {
            var header = [UInt8](repeating: 0, count: PackFormat.headerLength)
            var count = 0
            do {
                count = try header.withMutableBytes { (buffer) throws(StoreError) in
                    try files.read(number, at: 0, into: buffer)
                }
            } catch  where Self.isDamage(error) {}
            guard count == header.count else { continue }
            let identity = header.withBytes {
                StoreIdentity(high: $0.integer(at: 16), low: $0.integer(at: 24))
            }
            if header.withBytes({ PackFormat.isHeader($0, store: identity, number: number) }) {
                return identity
            }
        }
        return nil
    }
}
