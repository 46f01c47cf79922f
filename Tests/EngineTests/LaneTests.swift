import Foundation
import Testing

@testable import IpldEngine

/// Lanes of stores that keep blocks in files.
@Suite struct LaneTests {
    /// A collector that held all idle lanes at once had every writer beside it make a new one.
    @Test func lanesAreAsManyAsWriters() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/store"
        var configuration = StoreConfiguration()
        configuration.payloads = .files(levels: 1)
        try ContentStore.create(at: path, configuration: configuration)
        let store = try ContentStore.open(at: path)
        let (writers, failures) = (4, Lock<[String]>([]))
        DispatchQueue.concurrentPerform(iterations: writers + 2) { (number) in
            do {
                for round in 0..<60 {
                    guard number < writers else {
                        try store.gc()
                        continue
                    }
                    let batch = try store.makeBatch()
                    let cid = try randomBytes(64, seed: UInt64(number * 1000 + round))
                        .withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
                    try batch.setRoot("root-\(number)", to: cid)
                    try batch.commit()
                }
            } catch { failures.withLock { $0.append("\(error)") } }
        }
        #expect(failures.withLock { $0 }.isEmpty)
        let lanes = try FileManager.default.contentsOfDirectory(atPath: path + "/lanes")
            .filter { $0.hasSuffix(".lane") }
        // Beside the writers' own, one for each collector that looks at one of them.
        #expect(lanes.count <= writers + 2)
    }
}
