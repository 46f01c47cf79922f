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

    /// A layer whose fork file a base does not know was copied, or forgotten, or the base was replaced by a
    /// copy or a backup: it takes a name of its own, and has its bases hold under that what it links to.
    /// Another store than these may have what is missing in them, and sees by the old file, which is kept,
    /// that the layer is there (`dropKeptForkFiles`).
    func renewForkIfCopied() throws(StoreError) {
        guard let files, let fork, bases.contains(where: \.isHolding) else { return }
        let holding = zip(bases, forkFiles).filter(\.0.isHolding)
        func isKnown(_ fork: StoreIdentity) -> Bool {
            holding.allSatisfy { (base, file) in
                base.knows(fork, file)
            }
        }
        if isKnown(fork) {
            for (base, file) in holding {
                base.notePath(fork, path)
                ForkFile.correct(file, fork)
            }
            return
        }
        // Deleting needs the store open, also on a full disk.
        try write(.releasing) { (transaction) throws(StoreError) in
            var recorded = try transaction.index.recorded()
            if let now = recorded.fork, now != fork, isKnown(now) { return }
            let renewed = try StoreIdentity.random()
            for (base, file) in holding {
                try ForkFile.create(file + ".new", renewed, flushing: true)
                try base.register(renewed, file + ".new", at: path)
            }
            for (number, base) in bases.enumerated() where base.isHolding {
                try holdAnew(number, base, renewed, transaction)
            }
            // They may have what others lacked, or did not have to hold.
            try transaction.index.setUnsettled(.known)
            for (_, file) in holding {
                // A base that did not hold at the last renewal knows it by another name.
                let kept = ForkFile.kept(file, ForkFile.fork(of: file) ?? recorded.fork ?? fork)
                do throws(StoreError) { try System.link(file, kept) } catch
                    where [.exists, .notFound, .unsupported].contains(error.code)
                {}
                files.noteKept(kept)
            }
            // Before the commit: whichever of the two names this store then has, its blocks are held under
            // one that is known to be alive.
            for (_, file) in holding { try System.rename(file + ".new", file) }
            try System.flushDirectory(files.path)
            recorded.fork = renewed
            try transaction.setConfiguration(try recorded.checkedText())
        }
    }

    enum Occasion { case opening, collection, healing }

    /// Borrows what was linked to while nobody could see which base has it: after a repair, which counts
    /// links without looking at bases, when a store is given one, while one may not be written to, and when
    /// what was lost below comes back.
    func settle(_ occasion: Occasion) throws(StoreError) {
        guard bases.contains(where: \.isHolding) else { return }
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

    /// Removes second names of fork files that no store needs to see any more: all when nothing is missing,
    /// one that nobody else has a name of, and one of a base that is back, and holds under the new name.
    func dropKeptForkFiles() throws(StoreError) {
        guard let files, files.hasKept else { return }
        let unsettled = try read { (snapshot) throws(StoreError) in try snapshot.unsettled() }
        files.removeKept { (file, fork) in
            if unsettled == nil { return true }
            if (try? System.status(ofPath: file))?.links ?? 1 == 1 { return true }
            return bases.contains { $0.isHolding && $0.knows(fork, file) }
        }
    }

    /// Has a base hold under a new name all that was borrowed there, also what it has damaged, until another
    /// one is found that has it. What is gone is no longer borrowed.
    private func holdAnew(
        _ number: Int, _ base: Base, _ fork: StoreIdentity, _ transaction: StoreTransaction
    ) throws(StoreError) {
        var borrowed: [(cid: CID, count: UInt32)] = []
        try transaction.index.scanAbsent { (cid, row) throws(StoreError) in
            if row.lender.map(Int.init) == number { borrowed.append((cid, row.count)) }
            return true
        }
        let loan = try Self.randomNumber()
        var rest = borrowed[...]
        while !rest.isEmpty {
            let slice = rest.prefix(4096)
            if try base.core.lend(slice.map(\.cid), to: fork, loan: nil, again: true) != nil {
                for (cid, count) in slice
                where try base.core.lend([cid], to: fork, loan: nil, again: true) != nil {
                    try transaction.index.setAbsent(AbsentRow(count: count, lender: nil), of: cid)
                }
            }
            rest = rest.dropFirst(4096)
        }
        _ = try base.core.lend([], to: fork, loan: loan)
        try transaction.index.setLoan(loan, fromBase: number)
    }
}
