import Foundation
import TestSupport
import Testing

@testable import IpldEngine

/// Readers and writers, as their callers see them.
@Suite struct EditStreamTests {
    private func code(_ body: () throws -> Void) -> StoreError.Code? {
        do { try body() } catch let error as StoreError { return error.code } catch {}
        return nil
    }

    @Test func aReaderReadsInOrderAndAnywhere() throws {
        let test = try TestStore()
        let bytes = randomBytes(900_000, seed: 1)
        let reader = try test.store.makeReader(of: try test.store.put(bytes))
        #expect(reader.size == 900_000 && reader.position == 0)
        #expect(try reader.next(1000) == Array(bytes[..<1000]))
        #expect(try reader.next(70_000) == Array(bytes[1000..<71_000]))
        #expect(try reader.seek(to: -10, from: .end) == 899_990)
        #expect(try reader.next(100) == Array(bytes[899_990...]))
        #expect(try reader.next(100).isEmpty)
        #expect(try reader.seek(to: 0, from: .end) == 900_000)
        #expect(try reader.seek(to: -500_000, from: .current) == 400_000)
        #expect(try reader.next(5) == Array(bytes[400_000..<400_005]))
        #expect(try reader.read(123_456..<423_456) == Array(bytes[123_456..<423_456]))
        #expect(reader.position == 400_005)
        let beyond: [(Int64, SeekOrigin)] = [(1, .end), (-1, .start), (.max, .current), (.min, .end)]
        for (offset, origin) in beyond {
            #expect(code { try reader.seek(to: offset, from: origin) } == .invalid)
        }
        #expect(reader.position == 400_005)
        #expect(try reader.read(900_000..<900_010).isEmpty)
        #expect(code { _ = try reader.read(900_001..<900_010) } == .invalid)
        reader.close()
        #expect(code { _ = try reader.read(0..<1) } == .invalid)
    }

    @Test func aReaderIsForManyThreads() throws {
        let test = try TestStore()
        let bytes = randomBytes(3_000_000, seed: 2)
        let reader = try test.store.makeReader(of: try test.store.put(bytes))
        DispatchQueue.concurrentPerform(iterations: 8) { (thread) in
            var random = SplitMix(state: UInt64(thread))
            for _ in 0..<60 {
                let from = random.below(bytes.count - 5000)
                #expect((try? reader.read(from..<(from + 5000))) == Array(bytes[from..<(from + 5000)]))
            }
        }
    }

    @Test func whatAReaderReadsStaysUntilItIsClosed() throws {
        let test = try TestStore()
        let bytes = randomBytes(500_000, seed: 3)
        let root = try test.store.put(bytes)
        let reader = try test.store.makeReader(of: root)
        try test.store.dereference(root)
        try test.store.gc()
        #expect(try reader.read(0..<500_000) == bytes)
        reader.close()
        try test.store.gc()
        #expect(try test.store.stat().blocks == 0)
    }

    @Test func aNodeThatIsNoFileIsNotOpened() throws {
        let test = try TestStore()
        let node = try test.store.putNode(.integer(5))
        let absent = try LayoutFixture.leaf(9)
        #expect(code { _ = try test.store.makeReader(of: node) } == .invalid)
        #expect(code { _ = try test.store.makeWriter(on: node) } == .invalid)
        #expect(code { _ = try test.store.makeReader(of: absent) } == .notFound)
        #expect(code { _ = try test.store.makeWriter(on: absent) } == .notFound)
    }

    @Test func aWriterReadsWhatItWrote() throws {
        let test = try TestStore()
        let writer = try test.store.makeWriter()
        #expect(try writer.size == 0)
        #expect(try writer.read(0..<10).isEmpty)
        try writer.append([1, 2, 3])
        try writer.write([9], at: 6)
        #expect(try writer.read(0..<10) == [1, 2, 3, 0, 0, 0, 9])
        try writer.flush()
        try writer.write([8, 8, 8], at: 2)
        #expect(try writer.read(1..<10) == [2, 8, 8, 8, 0, 9])
        try writer.truncate(to: 4)
        try writer.truncate(to: 6)
        #expect(try writer.read(0..<10) == [1, 2, 8, 8, 0, 0])
        try writer.write([], at: 100)
        #expect(try writer.size == 6)
        #expect(code { _ = try writer.read(7..<8) } == .invalid)
        #expect(code { try writer.write([1], at: UInt64(Int64.max)) } == .tooLarge)
        #expect(code { try writer.write([1], at: .max) } == .tooLarge)
        #expect(code { try writer.truncate(to: 1 << 63) } == .tooLarge)
        let root = try writer.commit()
        #expect(root == (try test.store.put([1, 2, 8, 8, 0, 0])))
        #expect(code { try writer.append([1]) } == .invalid)
        #expect(code { _ = try writer.size } == .invalid)
        #expect(code { _ = try writer.commit() } == .invalid)
    }

    @Test func nothingWrittenIsTheEmptyFileAndNothingChangedIsTheBase() throws {
        let test = try TestStore()
        #expect(try test.store.makeWriter().commit() == (try test.store.put([])))
        let base = try test.store.put(randomBytes(300_000, seed: 4))
        let writer = try test.store.makeWriter(on: base)
        try writer.truncate(to: 300_000)
        #expect(try writer.commit() == base)
        let emptied = try test.store.makeWriter(on: base)
        try emptied.truncate(to: 0)
        #expect(try emptied.commit() == (try test.store.put([])))
        #expect(try test.store.verify().isClean)
    }

    @Test func writersOnOneBaseDoNotDisturbEachOther() throws {
        let test = try TestStore()
        let bytes = randomBytes(700_000, seed: 5)
        let base = try test.store.put(bytes)
        let first = try test.store.makeWriter(on: base)
        let second = try test.store.makeWriter(on: base)
        let batch = try test.store.makeBatch()
        let third = try batch.makeWriter(on: base)
        let fourth = try batch.makeWriter(on: base)
        try first.write([1], at: 0)
        try second.write([2], at: 0)
        try third.write([3], at: 0)
        try fourth.write([4], at: 0)
        try third.flush()
        try first.flush()
        for (value, writer) in [(2, second), (3, third), (1, first), (4, fourth)] as [(UInt8, ByteWriter)] {
            #expect(try writer.commit() == (try test.store.put([value] + bytes[1...])))
        }
        try batch.commit()
        #expect(try test.store.get(base) == bytes)
        #expect(try test.store.verify().isClean)
    }

    @Test func anAbortedWriterLeavesOnlyWhatCollectionTakes() throws {
        let test = try TestStore()
        let base = try test.store.put(randomBytes(700_000, seed: 6))
        let before = try test.store.stat()
        let writer = try test.store.makeWriter(on: base)
        try writer.write(randomBytes(300_000, seed: 7), at: 100_000)
        try writer.flush()
        try writer.write([5], at: 3)
        writer.abort()
        #expect(code { try writer.append([1]) } == .invalid)
        try test.store.gc()
        #expect(try test.store.stat().blocks == before.blocks)
        #expect(try test.store.verify().isClean)
    }

    @Test func manySmallWritesAreStoredOnce() throws {
        let test = try TestStore()
        let bytes = randomBytes(400_000, seed: 8)
        let writer = try test.store.makeWriter()
        for start in stride(from: 0, to: bytes.count, by: 100) {
            try writer.append(Array(bytes[start..<(start + 100)]))
        }
        let root = try writer.commit()
        #expect(try test.store.stat().rawBytes < 410_000)
        #expect(root == (try test.store.put(bytes)))
    }

    @Test func whatIsBufferedIsBounded() throws {
        let test = try TestStore()
        let piece = randomBytes(3 << 20, seed: 9)
        let writer = try test.store.makeWriter()
        var bytes: [UInt8] = []
        for number in 0..<12 {
            var next = piece
            next[0] = UInt8(number)
            try writer.append(next)
            bytes += next
        }
        // Backwards, in pieces that do not touch.
        for offset in stride(from: bytes.count - 1, to: 0, by: -1500) {
            try writer.write([1], at: UInt64(offset))
            bytes[offset] = 1
        }
        #expect(try writer.read(0..<bytes.count) == bytes)
        let root = try writer.commit()
        #expect(root == (try EditProfile(name: "", profile: .default, largestFile: 0).root(of: bytes)))
        #expect(try test.store.verify().isClean)
    }

    @Test func aTreeOfAnotherProfileIsRebuiltByItsFirstChange() throws {
        let test = try TestStore()
        let store = test.store
        let bytes = randomBytes(6_000_000, seed: 10)
        let other = try LayoutProfile(chunker: .fixed(size: 1 << 16), hash: .sha256)
        let blocks = LayoutTestBlocks()
        let foreign = try blocks.store(bytes, profile: other).root
        // As another store's blocks come in.
        let batch = try store.makeBatch()
        try batch.checkOpen()
        for (cid, block) in blocks.blocks {
            let links = cid.codec == .dagCBOR ? try block.withUnsafeBytes { try DagCBOR.links(in: $0) } : []
            _ = try block.withUnsafeBytes { try batch.put(cid, $0, links: links, isTree: false) }
        }
        try batch.hold(foreign)
        try batch.commit()
        #expect(try store.makeWriter(on: foreign).commit() == foreign)
        var seen: [UInt64] = []
        let writer = try store.makeWriter(on: foreign) { (done) throws(StoreError) in seen.append(done) }
        try writer.write([1, 2, 3], at: 3_000_000)
        var changed = bytes
        changed.replaceSubrange(3_000_000..<3_000_003, with: [1, 2, 3])
        #expect(try writer.commit() == (try store.put(changed)))
        #expect(!seen.isEmpty && seen == seen.sorted())
        #expect(try store.get(foreign) == bytes)
        #expect(try store.verify().isClean)

        // What is stopped has changed nothing: the writer goes on.
        var isEnough = true
        let stopped = try store.makeWriter(on: foreign) { (_) throws(StoreError) in
            if isEnough { throw StoreError(.cancelled, "enough") }
        }
        try stopped.append([1])
        #expect(code { _ = try stopped.commit() } == .cancelled)
        #expect(code { _ = try stopped.flush() } == .cancelled)
        #expect(try stopped.size == UInt64(bytes.count) + 1)
        try stopped.append([2])
        // More than is kept, appended: none of it is there.
        let much = randomBytes(18 << 20, seed: 12)
        #expect(code { try stopped.append(much) } == .cancelled)
        var size = try stopped.size
        #expect(size == UInt64(bytes.count) + 2)
        // Written: nothing of it is lost, and it does not grow without end.
        #expect(code { try stopped.write(much, at: size) } == .cancelled)
        size = try stopped.size
        #expect(size > bytes.count + 2 && size < bytes.count + much.count)
        #expect(code { try stopped.append([3]) } == .cancelled)
        #expect(try stopped.size == size)
        isEnough = false
        try stopped.truncate(to: UInt64(bytes.count) + 2)
        #expect(try stopped.commit() == (try store.put(bytes + [1, 2])))
        #expect(try store.verify().isClean)
    }

    /// A node that says it is of the profile, and lies.
    @Test func aForgedTreeIsAnErrorOrItsBytes() throws {
        let test = try TestStore()
        let store = test.store
        let leaf = try store.put(randomBytes(1000, seed: 11), codec: .raw)
        func node(_ children: [(CID, UInt64)]) throws -> CID {
            var encoder = TreeNodeEncoder(profile: .default)
            var bytes: [UInt8] = []
            let runs = children.map { ChildRun(cid: $0.0, size: $0.1, count: 1) }
            let size = runs.reduce(0) { $0 + $1.size }
            _ = try encoder.emit(size: size, children: runs) { (_, node, _) in bytes = Array(node) }
            return try store.put(bytes, codec: .dagCBOR)
        }
        // One child, sizes that are not the leaf's, levels that differ, a chain.
        let single = try node([(leaf, 1000)])
        let chain = try node([(try node([(single, 1000)]), 1000)])
        for root in [single, chain] {
            let writer = try store.makeWriter(on: root)
            try writer.append([1])
            let edited = try writer.commit()
            #expect(try store.get(edited) == randomBytes(1000, seed: 11) + [1])
        }
        let wrongLeaf = try node([(leaf, 900), (leaf, 1 << 20)])
        let wrongNode = try node([(single, 1000), (single, 1 << 62), (chain, 1000)])
        for root in [wrongLeaf, wrongNode] {
            for offset in [0, 899, 950, 1001, 1 << 20] as [UInt64] {
                let writer = try store.makeWriter(on: root)
                #expect(
                    code {
                        try writer.write([1], at: offset)
                        var buffer = [UInt8](repeating: 0, count: 2000)
                        _ = try buffer.withUnsafeMutableBytes { try writer.read(at: 0, into: $0) }
                    } == .corrupt)
            }
        }
        #expect(try store.verify().problems.allSatisfy { $0.cid != leaf })
    }
}
