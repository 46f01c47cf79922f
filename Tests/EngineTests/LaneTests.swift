import Testing

@testable import IpldEngine

/// Lanes of stores that keep blocks in files.
@Suite struct LaneTests {
    /// A named defect: a collector that held all idle lanes at once had every writer make a new one.
    @Test func aCollectorKeepsNoLaneFromWritersThatListsNothing() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/store"
        var configuration = StoreConfiguration()
        configuration.payloads = .files(levels: 1)
        try ContentStore.create(at: path, configuration: configuration)
        let store = try ContentStore.open(at: path)
        guard case .files(let files) = store.core.payloads else {
            Issue.record("the store has no files")
            return
        }
        for number in UInt32(1)...3 { try #require(try Lane(files, number)).close() }
        // One whose writer died.
        let listing = try #require(try Lane(files, 4))
        let cid = try [1, 2, 3].withBytes { try CID(hashing: $0, codec: .raw) }
        try listing.announce([cid], sequence: 1)
        listing.close()
        var free: [UInt32] = []
        try files.recoverLanes { (body) throws(StoreError) in
            for number in UInt32(1)...4 {
                guard let lane = try Lane(files, number) else { continue }
                free.append(number)
                lane.close()
            }
            try store.core.read { (snapshot) throws(StoreError) in try body(snapshot) }
        }
        #expect(free == [1, 2, 3])
        #expect(try files.announced().isEmpty)
    }
}
