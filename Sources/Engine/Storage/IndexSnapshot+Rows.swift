/// Typed access to the tables: the only code that turns rows into values and back.
extension IndexSnapshot {
    // MARK: cids

    func location(of cid: CID) throws(StoreError) -> BlockLocation? {
        try cid.withBinary { (key) throws(StoreError) -> BlockLocation? in
            guard let value = try get(.cids, key) else { return nil }
            return try Self.location(key, value)
        }
    }

    static func location(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(StoreError)
        -> BlockLocation
    {
        let fields = try value.sealed(key: key, length: 17, .cids)
        return BlockLocation(
            place: Place(rawValue: fields.integer(at: 0)), storedLength: fields.integer(at: 8),
            rawLength: fields.integer(at: 12), flags: .init(rawValue: fields[16]))
    }

    func setLocation(_ location: BlockLocation, of cid: CID) throws(StoreError) {
        try cid.withBinary { (key) throws(StoreError) in
            var row = RowBuffer()
            row.append(location.place.rawValue)
            row.append(location.storedLength)
            row.append(location.rawLength)
            row.append(location.flags.rawValue)
            row.seal(key: key)
            try row.withBytes { (value) throws(StoreError) in try put(.cids, key, value) }
        }
    }

    func removeLocation(of cid: CID) throws(StoreError) {
        try cid.withBinary { (key) throws(StoreError) in _ = try delete(.cids, key) }
    }

    // MARK: blocks

    static func place(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Place {
        guard key.count == MemoryLayout<UInt64>.size else { throw UnsafeRawBufferPointer.damaged(.blocks) }
        return Place(rawValue: key.integer(at: 0))
    }

    func block(at place: Place) throws(StoreError) -> BlockRow? {
        try withKey(place.rawValue) { (key) throws(StoreError) -> BlockRow? in
            guard let value = try get(.blocks, key) else { return nil }
            return try Self.block(key, value)
        }
    }

    static func block(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(StoreError)
        -> BlockRow
    {
        let fields = try value.sealed(key: key, length: nil, .blocks)
        guard fields.count > 12 else { throw UnsafeRawBufferPointer.damaged(.blocks) }
        let cid = try Self.cid(UnsafeRawBufferPointer(rebasing: fields[12...]), .blocks)
        return BlockRow(count: fields.integer(at: 0), date: fields.integer(at: 4), cid: cid)
    }

    /// `isNew`: no row stands there yet, and likely none behind it.
    func setBlock(_ block: BlockRow, at place: Place, isNew: Bool = false) throws(StoreError) {
        try withKey(place.rawValue) { (key) throws(StoreError) in
            var row = RowBuffer()
            row.append(block.count)
            row.append(block.date)
            row.append(block.cid)
            row.seal(key: key)
            try row.withBytes { (value) throws(StoreError) in
                if isNew { try append(.blocks, key, value) } else { try put(.blocks, key, value) }
            }
        }
    }

    func removeBlock(at place: Place) throws(StoreError) {
        try withKey(place.rawValue) { (key) throws(StoreError) in _ = try delete(.blocks, key) }
    }

    static func cid(_ bytes: UnsafeRawBufferPointer, _ table: IndexTable) throws(StoreError) -> CID {
        do { return try CID(binary: bytes) } catch { throw UnsafeRawBufferPointer.damaged(table) }
    }

    // MARK: absent: links to what is not here

    func absent(of cid: CID) throws(StoreError) -> AbsentRow {
        try cid.withBinary { (key) throws(StoreError) -> AbsentRow in
            guard let value = try get(.absent, key) else { return AbsentRow(count: 0, lender: nil) }
            return try Self.absent(key, value)
        }
    }

    private static func absent(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer)
        throws(StoreError) -> AbsentRow
    {
        let fields = try value.sealed(key: key, length: nil, .absent)
        guard fields.count == 4 || fields.count == 5 else { throw UnsafeRawBufferPointer.damaged(.absent) }
        return AbsentRow(count: fields.integer(at: 0), lender: fields.count == 5 ? fields[4] : nil)
    }

    /// A count of zero removes the row.
    func setAbsent(_ absent: AbsentRow, of cid: CID) throws(StoreError) {
        try cid.withBinary { (key) throws(StoreError) in
            guard absent.count > 0 else {
                try delete(.absent, key)
                return
            }
            var row = RowBuffer()
            row.append(absent.count)
            if let lender = absent.lender { row.append(lender) }
            row.seal(key: key)
            try row.withBytes { (value) throws(StoreError) in try put(.absent, key, value) }
        }
    }

    /// From `start` on, or where it would be.
    func scanAbsent(from start: CID? = nil, _ body: (CID, AbsentRow) throws(StoreError) -> Bool)
        throws(StoreError)
    {
        func scan(_ start: UnsafeRawBufferPointer?) throws(StoreError) {
            try self.scan(.absent, from: start) { (key, value) throws(StoreError) in
                try body(try Self.cid(key, .absent), try Self.absent(key, value))
            }
        }
        guard let start else { return try scan(nil) }
        try start.withBinary { (key) throws(StoreError) in try scan(key) }
    }

    func putNumber<N: FixedWidthInteger>(
        _ number: N, _ table: IndexTable, _ key: UnsafeRawBufferPointer
    )
        throws(StoreError)
    {
        var row = RowBuffer()
        row.append(number)
        row.seal(key: key)
        try row.withBytes { (value) throws(StoreError) in try put(table, key, value) }
    }

    // MARK: dead: blocks whose count is zero, by date

    private static func deadKey(_ date: UInt64, _ place: Place) -> (UInt64, UInt64) {
        (date.bigEndian, place.rawValue.bigEndian)
    }

    func insertDead(date: UInt64, place: Place) throws(StoreError) {
        try withKey(Self.deadKey(date, place)) { (key) throws(StoreError) in
            try put(.dead, key, UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    @discardableResult
    func removeDead(date: UInt64, place: Place) throws(StoreError) -> Bool {
        try withKey(Self.deadKey(date, place)) { (key) throws(StoreError) in try delete(.dead, key) }
    }

    /// Dead rows in order of date, from (date, place) on, until `body` returns false.
    func scanDead(
        from date: UInt64 = 0, place: Place = Place(rawValue: 0),
        _ body: (_ date: UInt64, _ place: Place) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try withKey(Self.deadKey(date, place)) { (start) throws(StoreError) in
            try scan(.dead, from: start) { (key, _) throws(StoreError) in
                guard key.count == 16 else { throw UnsafeRawBufferPointer.damaged(.dead) }
                return try body(
                    UInt64(bigEndian: key.loadUnaligned(as: UInt64.self)),
                    Place(rawValue: UInt64(bigEndian: key.loadUnaligned(fromByteOffset: 8, as: UInt64.self))))
            }
        }
    }

    // MARK: roots

    func root(_ name: String) throws(StoreError) -> CID? {
        try withName(name) { (key) throws(StoreError) -> CID? in
            guard let value = try get(.roots, key) else { return nil }
            return try Self.cid(try value.sealed(key: key, length: nil, .roots), .roots)
        }
    }

    /// Nil removes the name.
    func setRoot(_ name: String, _ cid: CID?) throws(StoreError) {
        try withName(name) { (key) throws(StoreError) in
            guard let cid else {
                try delete(.roots, key)
                return
            }
            var row = RowBuffer()
            row.append(cid)
            row.seal(key: key)
            try row.withBytes { (value) throws(StoreError) in try put(.roots, key, value) }
        }
    }

    /// Names in byte order from the first that is not less than `start`.
    func scanRoots(from start: String? = nil, _ body: (String, CID) throws(StoreError) -> Bool)
        throws(StoreError)
    {
        func visit(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(StoreError) -> Bool
        {
            let cid = try Self.cid(try value.sealed(key: key, length: nil, .roots), .roots)
            return try body(String(decoding: key, as: UTF8.self), cid)
        }
        guard let start, !start.isEmpty else { return try scan(.roots, visit) }
        try withName(start) { (key) throws(StoreError) in try scan(.roots, from: key, visit) }
    }

    private func withName<T>(_ name: String, _ body: (UnsafeRawBufferPointer) throws(StoreError) -> T)
        throws(StoreError) -> T
    {
        let bytes = Array(name.utf8)
        return try bytes.withBytes(body)
    }

    // MARK: holds

    private static func holdKey(_ owner: String, _ cid: CID?) -> [UInt8] {
        var key = Array(owner.utf8)
        key.append(0)
        cid?.appendBinary(to: &key)
        return key
    }

    func hold(_ owner: String, _ cid: CID) throws(StoreError) -> UInt64 {
        try Self.holdKey(owner, cid).withBytes { (key) throws(StoreError) -> UInt64 in
            guard let value = try get(.holds, key) else { return 0 }
            return try value.sealed(key: key, length: 8, .holds).integer(at: 0)
        }
    }

    /// Zero removes the row.
    func setHold(_ owner: String, _ cid: CID, _ count: UInt64) throws(StoreError) {
        try Self.holdKey(owner, cid).withBytes { (key) throws(StoreError) in
            guard count > 0 else {
                try delete(.holds, key)
                return
            }
            try putNumber(count, .holds, key)
        }
    }

    /// Holds by owner and CID; with `owner`, that owner's only.
    /// Holds of an owner, or of all; those after a given one, when there is one.
    func scanHolds(owner: String? = nil, after last: Hold? = nil, _ body: (Hold) throws(StoreError) -> Bool)
        throws(StoreError)
    {
        let wanted = owner.map { Array($0.utf8) }
        func visit(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(StoreError) -> Bool
        {
            guard let end = key.firstIndex(of: 0) else { throw UnsafeRawBufferPointer.damaged(.holds) }
            let name = UnsafeRawBufferPointer(rebasing: key[..<end])
            // Bytes, not text: two spellings of one text are two owners.
            if let wanted, !wanted.withBytes({ $0.equals(name) }) { return false }
            let cid = try Self.cid(UnsafeRawBufferPointer(rebasing: key[(end + 1)...]), .holds)
            let count: UInt64 = try value.sealed(key: key, length: 8, .holds).integer(at: 0)
            return try body(Hold(owner: String(decoding: name, as: UTF8.self), cid: cid, count: count))
        }
        var start: [UInt8]?
        if let last {
            // No key begins with another one's bytes, so this is just behind it.
            start = Self.holdKey(last.owner, last.cid) + [0]
        } else if let owner {
            start = Self.holdKey(owner, nil)
        }
        guard let start else { return try scan(.holds, visit) }
        try start.withBytes { (key) throws(StoreError) in try scan(.holds, from: key, visit) }
    }

    /// The next owner in byte order who holds anything, behind this one's name and all that begin so.
    func firstOwner(after owner: String) throws(StoreError) -> String? {
        // No owner's name has a byte of 1: it stands behind the holds of this one, and before all others.
        var found: String?
        try (Array(owner.utf8) + [1]).withBytes { (key) throws(StoreError) in
            try scan(.holds, from: key) { (key, _) throws(StoreError) in
                guard let end = key.firstIndex(of: 0) else { throw UnsafeRawBufferPointer.damaged(.holds) }
                found = String(decoding: key[..<end], as: UTF8.self)
                return false
            }
        }
        return found
    }

    // MARK: packs

    func pack(_ number: UInt32) throws(StoreError) -> PackRow? {
        try withKey(number) { (key) throws(StoreError) -> PackRow? in
            guard let value = try get(.packs, key) else { return nil }
            return try Self.pack(key, value)
        }
    }

    private static func pack(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer)
        throws(StoreError)
        -> PackRow
    {
        let fields = try value.sealed(key: key, length: 20, .packs)
        return PackRow(
            watermark: fields.integer(at: 0), liveBytes: fields.integer(at: 8),
            liveRecords: fields.integer(at: 16))
    }

    func setPack(_ number: UInt32, _ pack: PackRow?) throws(StoreError) {
        try withKey(number) { (key) throws(StoreError) in
            guard let pack else {
                try delete(.packs, key)
                return
            }
            var row = RowBuffer()
            row.append(pack.watermark)
            row.append(pack.liveBytes)
            row.append(pack.liveRecords)
            row.seal(key: key)
            try row.withBytes { (value) throws(StoreError) in try put(.packs, key, value) }
        }
    }

    func scanPacks(_ body: (UInt32, PackRow) throws(StoreError) -> Bool) throws(StoreError) {
        try scan(.packs) { (key, value) throws(StoreError) in
            guard key.count == 4 else { throw UnsafeRawBufferPointer.damaged(.packs) }
            return try body(key.loadUnaligned(as: UInt32.self), try Self.pack(key, value))
        }
    }

    // MARK: punch: extents to give back

    private static func punchKey(_ key: PunchKey) -> (UInt64, UInt64) {
        (key.epoch.bigEndian, key.place.rawValue.bigEndian)
    }

    func insertPunch(_ punch: PunchKey, _ freed: Freed) throws(StoreError) {
        try withKey(Self.punchKey(punch)) { (key) throws(StoreError) in
            var row = RowBuffer()
            switch freed {
            case .extent(let length): row.append(length)
            case .pack: row.append(UInt64.max)
            case .payload(let cid): row.append(cid)
            case .borrowed(let lender, let cid):
                row.append(lender)
                row.append(cid)
            }
            row.seal(key: key)
            try row.withBytes { (value) throws(StoreError) in try put(.punch, key, value) }
        }
    }

    func removePunch(_ punch: PunchKey) throws(StoreError) {
        try withKey(Self.punchKey(punch)) { (key) throws(StoreError) in _ = try delete(.punch, key) }
    }

    /// In order of epoch, from one on.
    func scanPunches(from epoch: UInt64 = 0, _ body: (PunchKey, Freed) throws(StoreError) -> Bool)
        throws(StoreError)
    {
        func visit(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(StoreError) -> Bool
        {
            guard key.count == 16 else { throw UnsafeRawBufferPointer.damaged(.punch) }
            let punch = PunchKey(
                epoch: UInt64(bigEndian: key.loadUnaligned(as: UInt64.self)),
                place: Place(
                    rawValue: UInt64(bigEndian: key.loadUnaligned(fromByteOffset: 8, as: UInt64.self))))
            return try body(punch, try Self.freed(punch, try value.sealed(key: key, length: nil, .punch)))
        }
        try withKey(Self.punchKey(PunchKey(epoch: epoch, place: Place(rawValue: 0)))) {
            (key) throws(StoreError) in
            try scan(.punch, from: key, visit)
        }
    }

    private static func freed(_ key: PunchKey, _ fields: UnsafeRawBufferPointer) throws(StoreError) -> Freed {
        if key.place.pack == 0 {
            guard let lender = fields.first else { throw UnsafeRawBufferPointer.damaged(.punch) }
            return .borrowed(
                lender: lender, try cid(UnsafeRawBufferPointer(rebasing: fields.dropFirst()), .punch))
        }
        // No CID of a stored block is so short.
        guard fields.count == 8 else { return .payload(try cid(fields, .punch)) }
        let length: UInt64 = fields.integer(at: 0)
        return length == .max ? .pack : .extent(length: length)
    }
}
