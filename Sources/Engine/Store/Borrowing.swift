/// What a layer and its bases do for each other's blocks.
///
/// What always holds:
/// - Bases are changed inside the layer's write transaction, so in the order layer, base, base's base, and
///   with the layer's counts looked at again.
/// - A row of `absent` that names a lender has its hold there. A hold without such a row is surplus: a
///   layer that died between its base's commit and its own leaves one, and the next collection drops it.
/// - Base and layer keep the number of the last change of loans. Where the numbers are equal, the holds are
///   those of the rows; where they differ one of the two did not commit, or lost its last commit, and the
///   next collection compares. Whoever finds them different leaves them so.
/// - A hold that a base committed and lost again is in its journal behind what is committed, and comes back
///   before anything else is written there.
extension StoreCore {
    // MARK: Borrowing

    /// Has bases hold what a transaction has come to link to there.
    func borrow(_ transaction: StoreTransaction) throws(StoreError) {
        guard !Defect.nothingIsLent.isPresent else { return }
        for number in transaction.relied where number < bases.count && bases[number].isHolding {
            guard let fork = try transaction.index.recorded().fork else { continue }
            try checkKnown(number, fork)
        }
        guard !transaction.wanted.isEmpty else { return }
        if transaction.wanted.values.contains(where: { bases[$0].promisesNothing }) {
            try transaction.index.setUnsettled(.known)
        }
        for (number, base) in bases.enumerated() where base.core.keepsEverything {
            // It need not hold; a backup from before it was sealed would have to, and is compared.
            guard transaction.wanted.values.contains(number) else { continue }
            try transaction.index.setLoan(try Self.randomNumber(), fromBase: number)
        }
        guard bases.contains(where: \.isHolding), let fork = try transaction.index.recorded().fork else {
            return
        }
        for (number, base) in bases.enumerated() where base.isHolding {
            var loans: [(cid: CID, count: UInt32)] = []
            for (cid, lender) in transaction.wanted where lender == number {
                let row = try transaction.index.absent(of: cid)
                if row.count > 0, row.lender == nil { loans.append((cid, row.count)) }
            }
            guard !loans.isEmpty else { continue }
            try checkKnown(number, fork)
            let isSettled = try isSettled(number, base, fork, transaction.index)
            let loan = try Self.randomNumber()
            let gone: CID?
            do {
                gone = try base.core.lend(loans.map(\.cid), to: fork, loan: loan, .storing(blocks: 0))
            } catch
                where base.core.isSealed
            {
                // Sealed meanwhile: it keeps everything.
                continue
            }
            if let gone {
                throw StoreError(.conflict, "\(gone) was collected in \(base.recorded.path): try again")
            }
            for (cid, count) in loans {
                let row = AbsentRow(count: count, lender: UInt8(truncatingIfNeeded: number))
                try transaction.index.setAbsent(row, of: cid)
            }
            if isSettled { try transaction.index.setLoan(loan, fromBase: number) }
        }
    }

    private func checkKnown(_ number: Int, _ fork: StoreIdentity) throws(StoreError) {
        guard bases[number].knows(fork, forkFiles[number]) else {
            let path = bases[number].recorded.path
            throw StoreError(.conflict, "\(path) has forgotten this store: open it again")
        }
    }

    /// Whether a base and this store agree on what is lent. Both numbers change under this store's write lock
    /// only, or where the base finds that it has lost a commit.
    private func isSettled(_ number: Int, _ base: Base, _ fork: StoreIdentity, _ snapshot: IndexSnapshot)
        throws(StoreError) -> Bool
    {
        try snapshot.loan(fromBase: number)
            == base.core.readSettled { (there) throws(StoreError) in try there.loan(toFork: fork) }
    }

    static func randomNumber() throws(StoreError) -> UInt64 {
        try System.random(8).withBytes { $0.integer(at: 0, as: UInt64.self) }
    }

    /// Holds blocks for a fork, durably; one that is not here, if there is one, and then nothing is held.
    /// `again`: what was lent before is held, too, while it is damaged, here or below, and may come back.
    func lend(
        _ cids: [CID], to fork: StoreIdentity, loan: UInt64?, again: Bool = false,
        _ purpose: Purpose = .releasing
    ) throws(StoreError) -> CID? {
        var gone: CID?
        do throws(StoreError) {
            try write(purpose) { (transaction) throws(StoreError) in
                guard hasRegistered(fork) else {
                    throw StoreError(.conflict, "\(path) has forgotten the fork \(fork.text): open it again")
                }
                let owner = Base.owner(fork)
                for cid in cids where try transaction.index.hold(owner, cid) == 0 {
                    guard try again ? transaction.isKnown(cid) : transaction.isHere(cid) else {
                        gone = cid
                        throw StoreError(.notFound, "\(cid) is not in the store")
                    }
                    try transaction.retain(cid, owner: owner, mayBeAbsent: again)
                }
                if let loan { try transaction.index.setLoan(loan, toFork: fork) }
            }
        } catch {
            guard gone != nil else { throw error }
        }
        return gone
    }

    /// Holds again what this store had lent in a commit that its index has lost, or never saw. Where that was
    /// for nothing, the fork finds a surplus.
    func recoverLoans(_ transaction: StoreTransaction) throws(StoreError) {
        var forks: Set<StoreIdentity> = []
        for hold in try lostLoans(transaction.committed) {
            guard let fork = Base.fork(ofOwner: hold.owner),
                try transaction.index.hold(hold.owner, hold.cid) == 0, try transaction.isKnown(hold.cid)
            else { continue }
            try transaction.retain(hold.cid, owner: hold.owner, mayBeAbsent: true)
            forks.insert(fork)
        }
        for fork in forks where hasRegistered(fork) {
            try transaction.index.setLoan(try Self.randomNumber(), toFork: fork)
        }
    }

    private func lostLoans(_ committed: IndexState) throws(StoreError) -> [Hold] {
        guard let journal = files?.journal else { return [] }
        return try journal.uncommitted(committed).compactMap { entry in
            guard case .hold(let hold) = entry, hold.count > 0, Base.fork(ofOwner: hold.owner) != nil else {
                return nil
            }
            return hold
        }
    }

    /// The same when the store is opened, and nobody else in this process has its journal.
    func recoverLoans() throws(StoreError) {
        guard let files, (try? System.status(ofPath: files.path + "/forks")) != nil else { return }
        let state = try read { (snapshot) throws(StoreError) in try snapshot.state() }
        if try !lostLoans(state).isEmpty { try write(.releasing) { (_) throws(StoreError) in } }
    }

    // MARK: Giving back

    /// Drops a fork's holds on blocks. None that it does not have.
    private func takeBack(_ cids: [CID], from fork: StoreIdentity, loan: UInt64) throws(StoreError) {
        try write(.releasing) { (transaction) throws(StoreError) in
            let owner = Base.owner(fork)
            for cid in cids where try transaction.index.hold(owner, cid) > 0 {
                try transaction.dereference(cid, owner: owner)
            }
            if hasRegistered(fork) { try transaction.index.setLoan(loan, toFork: fork) }
        }
    }

    /// Gives back what was dropped two commits ago, a bounded number; false when there was none.
    func returnBorrowed(_ limit: Int) throws(StoreError) -> Bool {
        guard !bases.isEmpty else { return false }
        func due(_ snapshot: IndexSnapshot) throws(StoreError) -> [(key: PunchKey, lender: UInt8, cid: CID)] {
            let epoch = try snapshot.epoch()
            var due: [(key: PunchKey, lender: UInt8, cid: CID)] = []
            try snapshot.scanPunches { (key, freed) throws(StoreError) in
                let isOld = key.epoch + 2 <= epoch || Defect.loansAreReturnedAtOnce.isPresent
                guard isOld, due.count < limit else { return false }
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
                guard !cids.isEmpty else { continue }
                let isSettled = try isSettled(number, base, fork, transaction.index)
                let loan = try Self.randomNumber()
                do throws(StoreError) { try base.core.takeBack(cids, from: fork, loan: loan) } catch
                    where base.core.isSealed
                {
                    continue
                }
                if isSettled { try transaction.index.setLoan(loan, fromBase: number) }
            }
            for (number, base) in bases.enumerated() where !base.isHolding {
                // It may not be written to now; when it, or a backup, may be again, this is to be found.
                guard due.contains(where: { Int($0.lender) == number }) else { continue }
                try transaction.index.setLoan(try Self.randomNumber(), fromBase: number)
            }
            for loan in due { try transaction.index.removePunch(loan.key) }
            return !due.isEmpty
        }
    }

    /// Where a change of loans was not committed by both: has bases hold again what rows say is lent, and
    /// drops what no row accounts for.
    func settleLoans() throws(StoreError) {
        for (number, base) in bases.enumerated() where base.isHolding {
            func fork(_ snapshot: IndexSnapshot) throws(StoreError) -> StoreIdentity? {
                guard let fork = try snapshot.recorded().fork,
                    try !isSettled(number, base, fork, snapshot)
                else { return nil }
                return fork
            }
            guard try read(fork) != nil else { continue }
            try write(.releasing) { (transaction) throws(StoreError) in
                guard let fork = try fork(transaction.index) else { return }
                try lendAgain(number, base, fork, transaction)
                let loan = try Self.randomNumber()
                var rest = try surplus(
                    number, base, fork, transaction.index, wanted: transaction.wanted)[...]
                while !rest.isEmpty {
                    try base.core.takeBack(Array(rest.prefix(4096)), from: fork, loan: loan)
                    rest = rest.dropFirst(4096)
                }
                _ = try base.core.lend([], to: fork, loan: loan)
                try transaction.index.setLoan(loan, fromBase: number)
            }
        }
    }

    /// Where names were lost, gives some to what a base holds for this store and nothing here accounts for:
    /// as in a store by itself, nothing is known to be garbage then.
    func nameOrphans(_ base: Base, _ forks: Set<StoreIdentity>, _ transaction: StoreTransaction)
        throws(StoreError)
    {
        guard try transaction.index.recorded().lacksNames else { return }
        var orphans: [CID] = []
        let pending = try pendingReturns(transaction.index)
        try base.core.readSettled { (there) throws(StoreError) in
            for fork in forks {
                try there.scanHolds(owner: Base.owner(fork)) { (hold) throws(StoreError) in
                    guard try transaction.index.absent(of: hold.cid).count == 0 else { return true }
                    // Somebody gave it up.
                    if pending[hold.cid] != nil { return true }
                    if try transaction.index.location(of: hold.cid) == nil { orphans.append(hold.cid) }
                    return true
                }
            }
        }
        for cid in orphans { try transaction.setRoot("recovered/\(cid)", cid, mayBeAbsent: true) }
    }

    /// Has a base hold what rows say it lends and it does not hold, and what it has and nobody lends. What it
    /// holds and has, and a row says that nobody lends, is lent by it; what it holds and has lost is, until
    /// another one has it.
    private func lendAgain(
        _ number: Int, _ base: Base, _ fork: StoreIdentity, _ transaction: StoreTransaction
    ) throws(StoreError) {
        let snapshot = transaction.index
        var (lost, unlent): ([CID], [CID]) = ([], [])
        var held: [(cid: CID, row: AbsentRow)] = []
        try base.core.readSettled { (there) throws(StoreError) in
            let owner = Base.owner(fork)
            try snapshot.scanAbsent { (cid, row) throws(StoreError) in
                guard row.lender == nil || row.lender.map(Int.init) == number else { return true }
                if try there.hold(owner, cid) > 0 {
                    held.append((cid, row))
                } else if row.lender != nil {
                    lost.append(cid)
                } else {
                    unlent.append(cid)
                }
                return true
            }
        }
        for cid in unlent { try transaction.adopt(cid) }
        var rest = lost[...]
        while !rest.isEmpty {
            let slice = rest.prefix(4096)
            if try base.core.lend(Array(slice), to: fork, loan: nil, again: true) != nil {
                for cid in slice where try base.core.lend([cid], to: fork, loan: nil, again: true) != nil {
                    // Gone there, as verify tells. Another one may have it, now or at the next opening.
                    let count = try snapshot.absent(of: cid).count
                    try snapshot.setAbsent(AbsentRow(count: count, lender: nil), of: cid)
                    try transaction.adopt(cid)
                    try snapshot.setUnsettled(.possible)
                }
            }
            rest = rest.dropFirst(4096)
        }
        for (cid, row) in held {
            // Where it is lost, another one may have it.
            if try !base.canLend(cid) { try transaction.adopt(cid) }
            if row.lender == nil, transaction.wanted[cid] == nil {
                let lent = AbsentRow(count: row.count, lender: UInt8(truncatingIfNeeded: number))
                try snapshot.setAbsent(lent, of: cid)
            }
        }
    }

    /// What a base holds for this store without need. What waits to be given back is not meant. `wanted`:
    /// what the transaction under way is about to borrow, and of which base.
    func surplus(
        _ number: Int, _ base: Base, _ fork: StoreIdentity, _ snapshot: IndexSnapshot,
        wanted: [CID: Int] = [:]
    ) throws(StoreError) -> [CID] {
        let pending = try pendingReturns(snapshot)
        return try base.core.readSettled { (there) throws(StoreError) in
            var surplus: [CID] = []
            try there.scanHolds(owner: Base.owner(fork)) { (hold) throws(StoreError) in
                // A link whose row says of no lender yet needs it, too.
                let row = try snapshot.absent(of: hold.cid)
                let lender = row.lender.map(Int.init) ?? wanted[hold.cid] ?? number
                let isNeeded = row.count > 0 && lender == number
                if !isNeeded, pending[hold.cid]?.contains(number) != true { surplus.append(hold.cid) }
                return true
            }
            return surplus
        }
    }

    /// What waits to be given back, and to which bases.
    private func pendingReturns(_ snapshot: IndexSnapshot) throws(StoreError) -> [CID: Set<Int>] {
        var pending: [CID: Set<Int>] = [:]
        try snapshot.scanPunches { (_, freed) throws(StoreError) in
            if case .borrowed(let lender, let cid) = freed { pending[cid, default: []].insert(Int(lender)) }
            return true
        }
        return pending
    }
}
