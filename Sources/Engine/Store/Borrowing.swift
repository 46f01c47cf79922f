/// What a layer and its bases do for each other's blocks.
///
/// What always holds:
/// - Bases are changed inside the layer's write transaction, so in the order layer, base, base's base, and
///   with the layer's counts looked at again.
/// - A row of `absent` that names a lender has its hold there. A hold without such a row is surplus: a layer
///   that died between its base's commit and its own leaves one, and the next collection drops it.
/// - Base and layer keep the number of the last loan that the layer committed; where they differ there may
///   be surplus, and nowhere else.
extension StoreCore {
    // MARK: Borrowing

    /// Has bases hold what a transaction has come to link to there.
    func borrow(_ transaction: StoreTransaction) throws(StoreError) {
        guard !transaction.wanted.isEmpty, bases.contains(where: \.isHolding),
            let fork = try transaction.index.recorded().fork
        else { return }
        for (number, base) in bases.enumerated() where base.isHolding {
            var loans: [(cid: CID, count: UInt32)] = []
            for (cid, lender) in transaction.wanted where lender == number {
                let row = try transaction.index.absent(of: cid)
                if row.count > 0, row.lender == nil { loans.append((cid, row.count)) }
            }
            guard !loans.isEmpty else { continue }
            let loan = try Self.randomNumber()
            let gone: CID?
            do { gone = try base.core.lend(loans.map(\.cid), to: fork, loan: loan) } catch
                where base.core.isSealed
            {
                // Sealed meanwhile: it keeps everything.
                continue
            }
            if let gone {
                throw StoreError(.conflict, "\(gone) was collected in \(base.recorded.path): try again")
            }
            for (cid, count) in loans {
                try transaction.index.setAbsent(AbsentRow(count: count, lender: UInt8(number)), of: cid)
            }
            try transaction.index.setLoan(loan, fromBase: number)
        }
    }

    static func randomNumber() throws(StoreError) -> UInt64 {
        try System.random(8).withBytes { $0.integer(at: 0, as: UInt64.self) }
    }

    /// Holds blocks for a fork, durably; one that is not here, when there is one, and then nothing is held.
    private func lend(_ cids: [CID], to fork: StoreIdentity, loan: UInt64?) throws(StoreError) -> CID? {
        var gone: CID?
        do throws(StoreError) {
            try write(.storing(blocks: 0)) { (transaction) throws(StoreError) in
                let owner = Base.owner(fork)
                for cid in cids where try transaction.index.hold(owner, cid) == 0 {
                    guard try transaction.isHere(cid) else {
                        gone = cid
                        throw StoreError(.notFound, "\(cid) is not in the store")
                    }
                    try transaction.retain(cid, owner: owner)
                }
                if let loan { try transaction.index.setLoan(loan, toFork: fork) }
            }
        } catch {
            guard gone != nil else { throw error }
        }
        return gone
    }

    // MARK: Giving back

    /// Drops a fork's holds on blocks. None that it does not have.
    private func takeBack(_ cids: [CID], from fork: StoreIdentity) throws(StoreError) {
        guard !cids.isEmpty else { return }
        try write(.releasing) { (transaction) throws(StoreError) in
            let owner = Base.owner(fork)
            for cid in cids where try transaction.index.hold(owner, cid) > 0 {
                try transaction.dereference(cid, owner: owner)
            }
        }
    }

    /// Gives back what was dropped two commits ago, a bounded number; false when there was none.
    func returnBorrowed(_ limit: Int) throws(StoreError) -> Bool {
        guard !bases.isEmpty else { return false }
        func due(_ snapshot: IndexSnapshot) throws(StoreError) -> [(key: PunchKey, lender: UInt8, cid: CID)] {
            let epoch = try snapshot.epoch()
            var due: [(key: PunchKey, lender: UInt8, cid: CID)] = []
            try snapshot.scanPunches { (key, freed) throws(StoreError) in
                guard key.epoch + 2 <= epoch, due.count < limit else { return false }
                if case .borrowed(let lender, let cid) = freed { due.append((key, lender, cid)) }
                return true
            }
            return due
        }
        guard try !read(due).isEmpty else { return false }
        return try write(.releasing) { (transaction) throws(StoreError) in
            // Again, here: the counts are this transaction's.
            let due = try due(transaction.index)
            guard let fork = try transaction.index.recorded().fork else { return false }
            for (number, base) in bases.enumerated() where base.isHolding {
                var cids: [CID] = []
                for loan in due where Int(loan.lender) == number {
                    if try transaction.index.absent(of: loan.cid).lender != loan.lender {
                        cids.append(loan.cid)
                    }
                }
                try base.core.takeBack(cids, from: fork)
            }
            for loan in due { try transaction.index.removePunch(loan.key) }
            return !due.isEmpty
        }
    }

    /// Drops holds in bases that no row of this store accounts for, where a loan was not committed.
    func dropSurplus() throws(StoreError) {
        for (number, base) in bases.enumerated() where base.isHolding {
            guard let fork = try read({ (snapshot) throws(StoreError) in try snapshot.recorded().fork })
            else {
                return
            }
            func isSettled(_ snapshot: IndexSnapshot) throws(StoreError) -> Bool {
                try snapshot.loan(fromBase: number)
                    == base.core.read { (there) throws(StoreError) in try there.loan(toFork: fork) }
            }
            if try read(isSettled) { continue }
            try write(.releasing) { (transaction) throws(StoreError) in
                if try isSettled(transaction.index) { return }
                let surplus = try surplus(number, base, fork, transaction.index)
                var rest = surplus[...]
                while !rest.isEmpty {
                    try base.core.takeBack(Array(rest.prefix(4096)), from: fork)
                    rest = rest.dropFirst(4096)
                }
                let loan = try Self.randomNumber()
                _ = try base.core.lend([], to: fork, loan: loan)
                try transaction.index.setLoan(loan, fromBase: number)
            }
        }
    }

    /// What a base holds for this store without need. What waits to be given back is not meant.
    func surplus(_ number: Int, _ base: Base, _ fork: StoreIdentity, _ snapshot: IndexSnapshot)
        throws(StoreError) -> [CID]
    {
        var pending: Set<CID> = []
        try snapshot.scanPunches { (_, freed) throws(StoreError) in
            if case .borrowed(let lender, let cid) = freed, Int(lender) == number { pending.insert(cid) }
            return true
        }
        return try base.core.read { (there) throws(StoreError) in
            var surplus: [CID] = []
            try there.scanHolds(owner: Base.owner(fork)) { (hold) throws(StoreError) in
                if try snapshot.absent(of: hold.cid).lender.map(Int.init) != number,
                    !pending.contains(hold.cid)
                {
                    surplus.append(hold.cid)
                }
                return true
            }
            return surplus
        }
    }

    // MARK: A fork's name

    /// A layer whose fork file a base does not know was copied, or forgotten: it takes a name of its own, and
    /// has its bases hold under that what it links to.
    func renewForkIfCopied() throws(StoreError) {
        guard let files, let fork, bases.contains(where: \.isHolding) else { return }
        let file = files.path + "/" + ForkFile.name
        let holding = bases.filter(\.isHolding)
        func isKnown(_ fork: StoreIdentity) -> Bool {
            let identity = (try? System.status(ofPath: file))?.identity
            return holding.allSatisfy { $0.knows(fork, identity) }
        }
        if isKnown(fork) {
            for base in holding { base.notePath(fork, path) }
            return
        }
        try write(.storing(blocks: 0)) { (transaction) throws(StoreError) in
            var recorded = try transaction.index.recorded()
            if let now = recorded.fork, now != fork, isKnown(now) { return }
            let renewed = try StoreIdentity.random()
            try ForkFile.create(file + ".new", renewed)
            for base in holding { try base.register(renewed, file + ".new", at: path) }
            for (number, base) in bases.enumerated() where base.isHolding {
                try holdAnew(number, base, renewed, transaction)
            }
            // Before the commit: whichever of the two names this store then has, its blocks are held under
            // one that is known to be alive.
            try System.rename(file + ".new", file)
            try System.flushDirectory(files.path)
            recorded.fork = renewed
            try transaction.setConfiguration(try recorded.checkedText())
        }
    }

    /// Borrows what was linked to while nobody could see which base has it: after a repair, which counts
    /// links without looking at bases, and when a store is given one.
    func settle() throws(StoreError) {
        guard try read({ (snapshot) throws(StoreError) in try snapshot.isUnsettled() }) else { return }
        try write(.storing(blocks: 0)) { (transaction) throws(StoreError) in
            var linked: [CID] = []
            try transaction.index.scanAbsent { (cid, row) throws(StoreError) in
                if row.lender == nil { linked.append(cid) }
                return true
            }
            for cid in linked { try transaction.adopt(cid) }
            try transaction.index.setUnsettled(false)
        }
    }

    /// Has a base hold under a new name all that was borrowed there. What is gone is no longer borrowed.
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
            if try base.core.lend(slice.map(\.cid), to: fork, loan: nil) != nil {
                for (cid, count) in slice where try base.core.lend([cid], to: fork, loan: nil) != nil {
                    try transaction.index.setAbsent(AbsentRow(count: count, lender: nil), of: cid)
                }
            }
            rest = rest.dropFirst(4096)
        }
        _ = try base.core.lend([], to: fork, loan: loan)
        try transaction.index.setLoan(loan, fromBase: number)
    }
}
