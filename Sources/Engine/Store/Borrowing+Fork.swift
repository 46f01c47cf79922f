/// The name under which bases hold for a layer, and holding under another one, or again.
extension StoreCore {
    // MARK: A fork's name

    /// The files by which bases know this store, in their order.
    var forkFiles: [String] {
        guard let files else { return [] }
        return bases.indices.map { files.path + "/" + ForkFile.name(forBase: $0) }
    }

    /// Whether it is a copy that has not been opened for writing.
    var isUnknownToBases: Bool {
        guard isReadOnly, let fork else { return false }
        return zip(bases, forkFiles).contains { (base, file) in
            !base.core.keepsEverything && !base.knows(fork, file)
        }
    }

    /// Has the files say what the store is: those of bases that know them, and of such as need not.
    func noteInForkFiles(where isAmong: (Base) -> Bool) throws(StoreError) {
        let recorded = try read { (snapshot) throws(StoreError) in try snapshot.recorded() }
        for (base, file) in zip(bases, forkFiles) where isAmong(base) {
            // One that holds nothing may know it by the name that it had.
            let known = base.isHolding ? nil : ForkFile.fork(of: file)
            guard let fork = known ?? recorded.fork else { continue }
            if !base.isHolding, (try? System.status(ofPath: file)) == nil {
                try? ForkFile.create(file, fork, recorded)
            } else {
                ForkFile.correct(file, fork, recorded)
            }
        }
    }

    /// A layer whose fork file a base does not know was copied, or forgotten, or the base was replaced by a
    /// copy or a backup: it takes a name of its own, and has its bases hold under that what it links to.
    /// Another store than these may have what is missing in them, and sees by the old file, which is kept,
    /// that the layer is there (`dropKeptForkFiles`).
    func renewForkIfCopied() throws(StoreError) {
        guard let files, let fork else { return }
        try noteInForkFiles { !$0.isHolding }
        guard bases.contains(where: \.isHolding) else { return }
        let holding = zip(bases, forkFiles).filter(\.0.isHolding)
        func isKnown(_ fork: StoreIdentity) -> Bool {
            holding.allSatisfy { (base, file) in
                base.knows(fork, file)
            }
        }
        func isUnfinished(_ file: String) -> Bool {
            (try? System.status(ofPath: ForkFile.unfinished(file))) != nil
        }
        if isKnown(fork) {
            for (base, file) in holding {
                base.tie(fork, file)
                base.notePath(fork, path)
            }
            try noteInForkFiles(where: \.isHolding)
            guard holding.contains(where: { isUnfinished($0.1) }) else { return }
        }
        // Deleting needs the store open, also on a full disk.
        try write(.releasing) { (transaction) throws(StoreError) in
            var recorded = try transaction.index.recorded()
            // Of one that died: nobody else is at it.
            for (base, file) in holding {
                let file = ForkFile.unfinished(file)
                let left = ForkFile.fork(of: file)
                if let left, left != recorded.fork, base.knows(left, file) { try base.core.forget([left]) }
                StoreCreation.removeTree(file)
            }
            if let now = recorded.fork, isKnown(now) { return }
            let former = try formerForks(recorded).union([fork])
            let renewed = try StoreIdentity.random()
            recorded.fork = renewed
            for (base, file) in holding {
                try ForkFile.create(ForkFile.unfinished(file), renewed, recorded, flushing: true)
                try base.register(renewed, ForkFile.unfinished(file), at: path)
            }
            for (number, base) in bases.enumerated() where base.isHolding {
                try holdAnew(number, base, renewed, instead: former, transaction)
            }
            // They may have what others lacked, or did not have to hold.
            try transaction.index.setUnsettled(.known)
            for (_, file) in holding {
                // A base that did not hold at the last renewal knows it by another name.
                let name = ForkFile.fork(of: file) ?? fork
                let kept = ForkFile.kept(file, name)
                do throws(StoreError) { try System.link(file, kept) } catch
                    where [.exists, .notFound, .unsupported].contains(error.code)
                {}
                files.noteKept(kept, name)
            }
            // Before the commit: whichever of the two names this store then has, its blocks are held under
            // one that is known to be alive.
            for (_, file) in holding { try System.rename(ForkFile.unfinished(file), file) }
            try System.flushDirectory(files.path)
            try transaction.setConfiguration(try recorded.checkedText())
        }
    }

    /// All names under which bases may hold for this store: those that its files say, and where names were
    /// lost also those that only bases know of them.
    private func formerForks(_ recorded: RecordedConfiguration) throws(StoreError) -> Set<StoreIdentity> {
        var forks = Set([recorded.fork].compactMap(\.self))
        for (file, fork) in try files?.forkFiles() ?? [] {
            if let fork { forks.insert(fork) }
            guard recorded.lacksNames else { continue }
            for base in bases { if let fork = base.fork(of: file) { forks.insert(fork) } }
        }
        return forks
    }

    enum Occasion { case opening, collection, healing }

    /// Borrows what was linked to while nobody could see which base has it: after a repair, which counts
    /// links without looking at bases, when a store is given one, while one may not be written to, and when
    /// what was lost below comes back.
    func settle(_ occasion: Occasion) throws(StoreError) {
        guard bases.contains(where: \.isHolding) || files?.hasKept ?? false else { return }
        // There may be very many that are nowhere, and opening is quick: it looks at some.
        let isBrief = occasion == .opening && !(files?.hasKept ?? false)
        let (unsettled, linked) = try read { (snapshot) throws(StoreError) in
            let unsettled = try snapshot.unsettled()
            guard occasion == .healing || unsettled != nil else { return (unsettled, [CID]?.none) }
            let isAll = !isBrief || unsettled == .known
            return (unsettled, try linkedWithoutLender(snapshot, limit: isAll ? .max : 1024))
        }
        guard let linked, !(isBrief && unsettled == .possible && linked.isEmpty) else { return }
        // Looked for first without a commit: what is nowhere may stay so for long.
        var isDue = unsettled == .known || linked.isEmpty && unsettled != nil
        for cid in linked where !isDue { isDue = try has(cid) }
        guard isDue else { return }
        try write(.releasing) { (transaction) throws(StoreError) in
            let linked = try linkedWithoutLender(transaction.index)
            var isLeft = false
            for cid in linked {
                try transaction.adopt(cid)
                if !isLeft { isLeft = try !transaction.isHere(cid) }
            }
            try transaction.index.setUnsettled(nil)
            if isLeft { try transaction.index.setUnsettled(.possible) }
        }
    }

    /// What is linked to, and lent by nobody, or by one that has lost it. With a `limit` the first such by
    /// nobody, among the first rows.
    private func linkedWithoutLender(_ snapshot: IndexSnapshot, limit: Int = .max) throws(StoreError)
        -> [CID]
    {
        var linked: [CID] = []
        var rows = 0
        try snapshot.scanAbsent { (cid, row) throws(StoreError) in
            let lender = row.lender.map(Int.init)
            if limit < .max {
                rows += 1
                if lender == nil { linked.append(cid) }
                return linked.count < limit && rows < 16 * limit
            }
            if let lender, lender < bases.count, try bases[lender].canLend(cid) { return true }
            linked.append(cid)
            return true
        }
        return linked
    }

    /// Removes second names of fork files that no store needs to see any more: one of a base that is back,
    /// and holds under the new name, one that nobody else has a name of, and all when nothing is missing.
    func dropKeptForkFiles() throws(StoreError) {
        guard let files, files.hasKept else { return }
        let (recorded, unsettled) = try read { (snapshot) throws(StoreError) in
            (try snapshot.recorded(), try snapshot.unsettled())
        }
        // What has lost its name is not known to be missing.
        var isWhole = unsettled == nil && !recorded.lacksNames
        for base in bases where isWhole { isWhole = try !base.core.hasGaps() }
        for (file, fork) in files.kept {
            var isLast = (try? System.status(ofPath: file))?.links ?? 1 == 1
            if recorded.lacksNames, isLast { isLast = ForkFile.isBesideItsBase(file) }
            var isBack = false
            for base in bases where base.isHolding || base.core.keepsEverything {
                var known = base.knows(fork, file) ? fork : nil
                if known == nil, recorded.lacksNames { known = base.fork(of: file) }
                guard let known else { continue }
                isBack = true
                // On another file system nobody sees that the file goes.
                if base.isHolding, known != recorded.fork { try base.core.forget([known]) }
            }
            if isWhole || isLast || isBack { files.removeKept(file) }
        }
    }

    /// Where names were lost, gives one to what bases hold for the store and nothing here accounts for: as in
    /// a store by itself, nothing is known to be garbage then.
    func nameWhatBasesHold() throws(StoreError) {
        guard let files, !bases.isEmpty else { return }
        let recorded = try read { (snapshot) throws(StoreError) in try snapshot.recorded() }
        guard recorded.lacksNames else { return }
        let forks = try formerForks(recorded)
        try write(.releasing) { (transaction) throws(StoreError) in
            var recorded = try transaction.index.recorded()
            guard recorded.lacksNames else { return }
            for base in bases where base.isHolding || base.core.keepsEverything {
                try nameOrphans(base, forks, transaction)
            }
            // One that may not be asked now, or is elsewhere, may be later.
            recorded.lacksNames =
                files.hasOtherForkFiles(recorded, areUnknown: false)
                || !bases.allSatisfy { $0.isHolding || $0.core.keepsEverything }
            if !recorded.lacksNames { try transaction.setConfiguration(try recorded.checkedText()) }
        }
    }

    /// Whether it, or a store below, is known to have damaged what it keeps, or links to what is nowhere.
    private func hasGaps() throws(StoreError) -> Bool {
        let unlent = try read { (snapshot) throws(StoreError) in
            var unlent: [CID] = []
            try snapshot.scanAbsent { (cid, row) throws(StoreError) in
                if row.lender == nil { unlent.append(cid) }
                return true
            }
            return unlent
        }
        for cid in unlent where try !has(cid) { return true }
        if try !damagedHere(limit: 1).isEmpty { return true }
        for base in bases where try base.core.hasGaps() { return true }
        return false
    }

    /// Has a base hold under a new name all that was borrowed there, and what it holds under `former` names
    /// and nobody lends, also what it has damaged, until another one is found that has it. What is gone is
    /// no longer borrowed.
    private func holdAnew(
        _ number: Int, _ base: Base, _ fork: StoreIdentity, instead former: Set<StoreIdentity>,
        _ transaction: StoreTransaction
    ) throws(StoreError) {
        try nameOrphans(base, former, transaction)
        var borrowed: [(cid: CID, count: UInt32)] = []
        try base.core.readSettled { (there) throws(StoreError) in
            try transaction.index.scanAbsent { (cid, row) throws(StoreError) in
                var isHeld = row.lender.map(Int.init) == number
                for fork in former where row.lender == nil && !isHeld {
                    isHeld = try there.hold(Base.owner(fork), cid) > 0
                }
                if isHeld { borrowed.append((cid, row.count)) }
                return true
            }
        }
        let loan = try Self.randomNumber()
        var rest = borrowed[...]
        while !rest.isEmpty {
            let slice = rest.prefix(4096)
            let areAllThere = try base.core.lend(slice.map(\.cid), to: fork, loan: nil, again: true) == nil
            for (cid, count) in slice {
                var isLent = areAllThere
                if !isLent { isLent = try base.core.lend([cid], to: fork, loan: nil, again: true) == nil }
                let lender = isLent ? UInt8(truncatingIfNeeded: number) : nil
                try transaction.index.setAbsent(AbsentRow(count: count, lender: lender), of: cid)
            }
            rest = rest.dropFirst(4096)
        }
        _ = try base.core.lend([], to: fork, loan: loan)
        try transaction.index.setLoan(loan, fromBase: number)
    }
}
