/// What is linked to and not here. That is no problem by itself: a link may come before what it names, or
/// name what is kept elsewhere. After a loss it is what was lost, so verification counts and names it.
extension Verification {
    private static let namedBlocks = 1000
    private static let pageRows = 4096

    /// Counts the links of live nodes to blocks that are neither here nor in a base. In pages: a snapshot
    /// does not live for as long as there are rows.
    mutating func countMissing() throws(StoreError) {
        var last: CID?
        while true {
            let page = try absentRows(after: last)
            for (cid, row) in page where try !core.has(cid) {
                let links = try links(of: row.count, to: cid)
                guard links > 0 else { continue }
                report.missingLinks += UInt64(links)
                report.missingBlockCount += 1
                if report.missingBlocks.count < Self.namedBlocks { report.missingBlocks.append(cid) }
            }
            guard page.count == Self.pageRows else { return }
            last = page.last?.cid
        }
    }

    /// Of `count` references to a block, those of nodes that something keeps.
    private mutating func links(of count: UInt32, to cid: CID) throws(StoreError) -> UInt32 {
        let others = (names[cid] ?? 0) + (try garbage().links[cid] ?? 0)
        return count - min(count, others)
    }

    private func absentRows(after last: CID?) throws(StoreError) -> [(cid: CID, row: AbsentRow)] {
        try core.read { (snapshot) throws(StoreError) in
            var rows: [(cid: CID, row: AbsentRow)] = []
            try snapshot.scanAbsent(from: last) { (cid, row) throws(StoreError) in
                if cid != last { rows.append((cid, row)) }
                return rows.count < Self.pageRows
            }
            return rows
        }
    }
}
