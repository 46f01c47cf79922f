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
        // A child that another test has just forked has what was open until it runs its program: a lock may
        // last a moment longer than who had it.
        func wait(until isDone: () throws(StoreError) -> Bool) throws(StoreError) -> Bool {
            for _ in 0..<2000 {
                if try isDone() { return true }
                System.sleep(milliseconds: 1)
            }
            return false
        }
        var (free, isHeld): ([UInt32], Bool?) = ([], nil)
        let isRecovered = try wait { () throws(StoreError) in
            try files.recoverLanes { (body) throws(StoreError) in
                for number in UInt32(1)...3 {
                    let isFree = try wait { () throws(StoreError) in
                        guard let lane = try Lane(files, number) else { return false }
                        lane.close()
                        return true
                    }
                    if isFree { free.append(number) }
                }
                let lane = try Lane(files, 4)
                isHeld = lane == nil
                lane?.close()
                try store.core.read { (snapshot) throws(StoreError) in try body(snapshot) }
            }
            return isHeld != nil
        }
        #expect(isRecovered && isHeld == true && free == [1, 2, 3])
        #expect(try files.announced().isEmpty)
    }
}
