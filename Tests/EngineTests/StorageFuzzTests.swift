import Foundation
import Glibc
import TestSupport
import Testing

@testable import IpldEngine

/// Seeded mutations of everything that the storage reads: whatever the bytes are, decoding ends in a value
/// or in an error. IPLDSTORE_FUZZ_ROUNDS asks for more rounds, IPLDSTORE_FUZZ_SEED for others.
@Suite struct StorageFuzzTests {
    private static func setting(_ name: String, _ usual: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? usual
    }
    private let rounds = Int(setting("IPLDSTORE_FUZZ_ROUNDS", 2000))
    private let seed = setting("IPLDSTORE_FUZZ_SEED", 1)

    /// Flips, fills, copies within, cuts.
    private func mutate(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<(1 + random.below(4)) where !bytes.isEmpty {
            let at = random.below(bytes.count)
            switch random.below(6) {
            case 0, 1: bytes[at] ^= 1 << UInt8(random.below(8))
            case 2: bytes[at] = [0, 0xff, 0x7f, 0x80][random.below(4)]
            case 3:
                let count = min(1 + random.below(64), bytes.count - at)
                let from = random.below(bytes.count - count + 1)
                bytes.replaceSubrange(at..<(at + count), with: bytes[from..<(from + count)])
            case 4:
                let count = min(8, bytes.count - at)
                for offset in 0..<count { bytes[at + offset] = UInt8(truncatingIfNeeded: random.next()) }
            default: if random.below(4) == 0 { bytes.removeSubrange(at...) }
            }
        }
        return bytes
    }

    private func withFile<T>(_ bytes: [UInt8], _ body: (String) throws -> T) throws -> T {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return try body(path)
    }

    @Test func aRecordHeaderIsBelievedOnlyAsItWasWritten() throws {
        var random = SplitMix(state: seed)
        let cid = try [1, 2, 3].withUnsafeBytes { try CID(hashing: $0, codec: .raw) }
        let header = RecordHeader(cid: cid, flags: .compressed, storedLength: 77, rawLength: 100)
        var bytes = [UInt8](repeating: 0, count: header.headerLength)
        bytes.withUnsafeMutableBytes { header.encode(to: $0) }
        for _ in 0..<rounds * 10 {
            let mutated = mutate(bytes, &random)
            guard let decoded = mutated.withUnsafeBytes({ RecordHeader(decoding: $0) }) else { continue }
            var again = [UInt8](repeating: 0, count: decoded.headerLength)
            again.withUnsafeMutableBytes { decoded.encode(to: $0) }
            #expect(again == Array(mutated.prefix(again.count)), "seed \(seed)")
        }
    }

    @Test func scanningAPackEndsAndYieldsOnlyWhatItsCidNames() throws {
        var random = SplitMix(state: seed)
        let test = try TestStore()
        for index in 0..<12 { _ = try test.store.put(randomBytes(200 + index * 300, seed: UInt64(index))) }
        let pack = test.store.core.packs.path(try #require(try test.store.core.packs.numbers().first))
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: pack)))
        let scratch = ReadScratch()
        for round in 0..<rounds / 10 {
            let mutated = round == 0 ? bytes : mutate(bytes, &random)
            try withFile(mutated) { path in
                let descriptor = try System.open(path, O_RDONLY)
                defer { System.close(descriptor) }
                var scanner = try PackScanner(descriptor)
                _ = try scanner.owner(number: 1)
                var whole = 0
                try scanner.forEach { (offset, header, payload) throws(StoreError) in
                    guard let payload,
                        let block = try? Payload.decode(
                            header, payload, into: scratch.block.bytes, scratch.decompressor)
                    else { return false }
                    #expect((try? header.cid.matches(block)) == true, "seed \(seed)")
                    whole += 1
                    return true
                }
                #expect(whole <= 24)
                if round == 0 { #expect(whole == 12) }
            }
        }
    }

    @Test func aJournalYieldsWhatItSaysAndNothingElse() throws {
        var random = SplitMix(state: seed)
        let cid = try [9].withUnsafeBytes { try CID(hashing: $0, codec: .raw) }
        var entries: [Journal.Entry] = [.configuration("format 1")]
        for index in 0..<20 {
            entries.append(.root(name: "root \(index)", cid))
            entries.append(.hold(Hold(owner: "owner \(index)", cid: cid, count: UInt64(index))))
            if index % 3 == 0 { entries.append(.removedRoot(name: "root \(index)")) }
            entries.append(.epoch)
        }
        let directory = try TemporaryDirectory()
        let path = directory.path + "/journal"
        let identity = StoreIdentity(high: 1, low: 2)
        try Journal.create(path, entries, store: identity, epoch: 5, generation: 1)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(try Journal.read(path: path, limit: UInt64(bytes.count)).entries.map(\.entry) == entries)
        for _ in 0..<rounds {
            let mutated = mutate(bytes, &random)
            try Data(mutated).write(to: URL(fileURLWithPath: path))
            guard let contents = try? Journal.read(path: path, limit: nil) else { continue }
            for (_, entry) in contents.entries { #expect(entries.contains(entry), "seed \(seed)") }
            if mutated != bytes, mutated.count == bytes.count {
                // A whole entry copied over another one of its length is all that can go unseen here.
                #expect(!contents.isWhole || contents.entries.count == entries.count, "seed \(seed)")
            }
        }
    }

    @Test func unpackingNeverYieldsAnotherLength() throws {
        var random = SplitMix(state: seed)
        let block = [UInt8](repeating: 7, count: 5000) + randomBytes(500, seed: 3)
        var frame = [UInt8](repeating: 0, count: 8192)
        let length = try #require(
            block.withUnsafeBytes { block in
                frame.withUnsafeMutableBytes { Compressor(.zstd(level: 1)).compress(block, into: $0) }
            })
        frame.removeSubrange(length...)
        let decompressor = Decompressor()
        var target = [UInt8](repeating: 0xAA, count: 8192)
        func unpack(_ frame: [UInt8], _ count: Int) -> Bool {
            frame.withUnsafeBytes { frame in
                target.withUnsafeMutableBytes {
                    decompressor.decompress(
                        frame, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]))
                }
            }
        }
        #expect(unpack(frame, block.count) && Array(target.prefix(block.count)) == block)
        // Lying lengths, trailing frames and bytes.
        #expect(!unpack(frame, block.count - 1) && !unpack(frame, block.count + 1))
        #expect(!unpack(frame + frame, block.count) && !unpack(frame + [0], block.count) && !unpack([], 0))
        for _ in 0..<rounds {
            _ = unpack(mutate(frame, &random), block.count)
            #expect(target[block.count...].allSatisfy { $0 == 0xAA }, "written beyond its end, seed \(seed)")
        }
    }

    @Test func aConfigurationIsReadWholeOrRefused() throws {
        var random = SplitMix(state: seed)
        let plain = RecordedConfiguration(
            identity: StoreIdentity(high: 1, low: 2), configuration: StoreConfiguration())
        #expect(plain.text.hasPrefix("format 1\n"))
        var recorded = RecordedConfiguration(
            identity: StoreIdentity(high: 1, low: 2),
            configuration: StoreConfiguration(payloads: .files(levels: 2)))
        recorded.isSealed = true
        recorded.fork = StoreIdentity(high: 3, low: 4)
        recorded.bases = [
            RecordedBase(identity: StoreIdentity(high: 5, low: 6), path: "/a b/c"),
            RecordedBase(identity: StoreIdentity(high: 7, low: 8), path: "/d"),
        ]
        #expect(try RecordedConfiguration(parsing: plain.text) == plain)
        #expect(try RecordedConfiguration(parsing: recorded.text) == recorded)
        for round in 0..<rounds {
            let whole = round % 2 == 0 ? plain : recorded
            let text = String(decoding: mutate(Array(whole.text.utf8), &random), as: UTF8.self)
            guard let parsed = try? RecordedConfiguration(parsing: text) else { continue }
            #expect(try RecordedConfiguration(parsing: parsed.text) == parsed, "seed \(seed): \(text)")
        }
        do {
            _ = try RecordedConfiguration(
                parsing: recorded.text.replacingOccurrences(of: "format 2", with: "format 3"))
            Issue.record("a newer format was read")
        } catch { #expect(error.code == .unsupported) }
    }

    @Test func checkingIndexPagesEnds() throws {
        var random = SplitMix(state: seed)
        let test = try TestStore()
        for index in 0..<300 {
            _ = try test.store.put(randomBytes(40, seed: UInt64(index)), codec: .raw)
            if index % 3 == 0 {
                try test.store.setRoot("root \(index)", to: try test.store.put([UInt8(index % 256)]))
            }
        }
        try test.store.gc()
        let path = test.path + "/index/data.mdb"
        try IndexPages.check(path: path)
        try test.store.core.index.checkPages()
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        var found = 0
        for _ in 0..<rounds / 10 {
            try withFile(mutate(bytes, &random)) { path in
                do { try IndexPages.check(path: path) } catch let error as StoreError {
                    #expect(error.code == .corrupt || error.code == .unsupported)
                    found += 1
                }
            }
        }
        #expect(found > 0)
    }

    @Test func verifyTellsTheVersionsOfACidApart() throws {
        let test = try TestStore()
        let one = try #require(
            randomBytes(32, seed: 1).withUnsafeBytes { CID(codec: .dagPB, hash: .sha256, digest: $0) })
        let zero = try one.inVersion0()
        #expect(zero != one)
        _ = try test.store.putNode(.list([.link(one), .link(zero)]))
        _ = try test.store.putNode(.list([.link(one)]))
        try LifetimeTests.expectSound(test.store)
    }
}
