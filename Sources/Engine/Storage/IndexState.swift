/// The one row that every write transaction reads first and writes last.
///
/// What always holds after a commit: `epoch` is one more than before; the counters equal what the
/// tables hold; `journalLength` bytes of the journal of `journalGeneration` say the same names as the
/// tables `roots` and `holds`.
struct IndexState: Equatable {
    /// Write transactions so far.
    var epoch: UInt64 = 0
    /// Blocks that have a row, those that wait for collection included.
    var blocks: UInt64 = 0
    /// Bytes of those blocks.
    var rawBytes: UInt64 = 0
    /// Bytes of their payloads as stored.
    var storedBytes: UInt64 = 0
    /// Blocks whose count is zero.
    var deadBlocks: UInt64 = 0
    /// Bytes of their payloads as stored.
    var deadBytes: UInt64 = 0
    var roots: UInt64 = 0
    /// (owner, CID) pairs.
    var holds: UInt64 = 0
    var journalGeneration: UInt64 = 0
    /// Committed bytes of the journal.
    var journalLength: UInt64 = 0
    /// The least pack number that never had a row.
    var nextPack: UInt64 = 1
    /// Which lease table proves that a batch lives; collection stops when it is another one.
    var leaseTable: UInt64 = 0
    /// Blocks in the dead queue that could not be read to release their children.
    var setAside: UInt64 = 0

    fileprivate static let fields: [WritableKeyPath<IndexState, UInt64> & Sendable] = [
        \.epoch, \.blocks, \.rawBytes, \.storedBytes, \.deadBlocks, \.deadBytes, \.roots, \.holds,
        \.journalGeneration, \.journalLength, \.nextPack, \.leaseTable, \.setAside,
    ]
}

extension IndexSnapshot {
    private static let stateKey: StaticString = "state"
    private static let configurationKey: StaticString = "configuration"

    func state() throws(StoreError) -> IndexState {
        let key = Self.stateKey.rawBytes
        guard let value = try get(.meta, key) else { throw StoreError(.corrupt, "the index has no state") }
        let fields = try value.sealed(key: key, length: IndexState.fields.count * 8, .meta)
        var state = IndexState()
        for (index, field) in IndexState.fields.enumerated() {
            state[keyPath: field] = fields.integer(at: index * 8)
        }
        return state
    }

    /// The epoch alone; what every lookup of a batch asks.
    func epoch() throws(StoreError) -> UInt64 { try state().epoch }

    func setState(_ state: IndexState) throws(StoreError) {
        var row = RowBuffer()
        for field in IndexState.fields { row.append(state[keyPath: field]) }
        let key = Self.stateKey.rawBytes
        row.seal(key: key)
        try row.withBytes { (value) throws(StoreError) in try put(.meta, key, value) }
    }

    /// The store's configuration as recorded text.
    func configurationText() throws(StoreError) -> String {
        let key = Self.configurationKey.rawBytes
        guard let value = try get(.meta, key) else {
            throw StoreError(.corrupt, "the index has no configuration")
        }
        return String(decoding: try value.sealed(key: key, length: nil, .meta), as: UTF8.self)
    }

    func setConfigurationText(_ text: String) throws(StoreError) {
        let key = Self.configurationKey.rawBytes
        var value = Array(text.utf8)
        let crc = value.withBytes { Checksum.of(key, $0) }
        withUnsafeBytes(of: crc.littleEndian) { value.append(contentsOf: $0) }
        try value.withBytes { (bytes) throws(StoreError) in try put(.meta, key, bytes) }
    }
}

extension IndexSnapshot {
    func recorded() throws(StoreError) -> RecordedConfiguration {
        try RecordedConfiguration(parsing: try configurationText())
    }

    private static let sealKey: StaticString = "sealed"

    /// Whether nothing of the store may change any more.
    func isSealed() throws(StoreError) -> Bool { try get(.meta, Self.sealKey.rawBytes) != nil }

    func seal() throws(StoreError) {
        try put(.meta, Self.sealKey.rawBytes, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private static let unsettledKey: StaticString = "unsettled"

    /// Whether links to what is not here may be to blocks of bases that do not hold it yet.
    enum Unsettled: UInt8 {
        /// They are looked for when the store is opened, and by collection.
        case known = 0
        /// By collection: what was lost below may come back.
        case possible = 1
    }

    func unsettled() throws(StoreError) -> Unsettled? {
        guard let value = try get(.meta, Self.unsettledKey.rawBytes) else { return nil }
        return Unsettled(rawValue: value.first ?? 0) ?? .known
    }

    func setUnsettled(_ unsettled: Unsettled?) throws(StoreError) {
        let key = Self.unsettledKey.rawBytes
        guard let unsettled else {
            try delete(.meta, key)
            return
        }
        // Nothing is less than what is known.
        if unsettled == .possible, try self.unsettled() == .known { return }
        let value = unsettled == .known ? [] : [unsettled.rawValue]
        try value.withBytes { (value) throws(StoreError) in try put(.meta, key, value) }
    }

    // MARK: Loans: numbers of the last one, in layer and base

    func loan(fromBase number: Int) throws(StoreError) -> UInt64 { try loan("loan from \(number)") }
    func setLoan(_ loan: UInt64, fromBase number: Int) throws(StoreError) {
        try setLoan(loan, "loan from \(number)")
    }
    func loan(toFork fork: StoreIdentity) throws(StoreError) -> UInt64 { try loan("loan to \(fork.text)") }
    func setLoan(_ loan: UInt64, toFork fork: StoreIdentity) throws(StoreError) {
        try setLoan(loan, "loan to \(fork.text)")
    }
    func removeLoan(toFork fork: StoreIdentity) throws(StoreError) {
        _ = try Array("loan to \(fork.text)".utf8).withBytes { (key) throws(StoreError) in
            try delete(.meta, key)
        }
    }

    /// There are no bases any more: nothing is lent, and nothing to be given back.
    func forgetLoans() throws(StoreError) {
        var returned: [PunchKey] = []
        try scanPunches { (key, freed) throws(StoreError) in
            if case .borrowed = freed { returned.append(key) }
            return true
        }
        for key in returned { try removePunch(key) }
        var lent: [(CID, UInt32)] = []
        try scanAbsent { (cid, row) throws(StoreError) in
            if row.lender != nil { lent.append((cid, row.count)) }
            return true
        }
        for (cid, count) in lent { try setAbsent(AbsentRow(count: count, lender: nil), of: cid) }
    }

    private func loan(_ name: String) throws(StoreError) -> UInt64 {
        try Array(name.utf8).withBytes { (key) throws(StoreError) -> UInt64 in
            guard let value = try get(.meta, key) else { return 0 }
            return try value.sealed(key: key, length: 8, .meta).integer(at: 0)
        }
    }

    private func setLoan(_ loan: UInt64, _ name: String) throws(StoreError) {
        try Array(name.utf8).withBytes { (key) throws(StoreError) in try putNumber(loan, .meta, key) }
    }
}

extension StaticString {
    var rawBytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
