import Foundation
import TestSupport
import Testing

@testable import IpldEngine

/// Files with holes are stored as the bytes they read as, and their holes are not read.
@Suite struct SparseSourceTests {
    /// A file in memory's own file system, which keeps holes.
    private final class SparseFile {
        let descriptor: Int32

        init(size: UInt64) throws {
            var template = Array("/dev/shm/ipldstore-sparse-XXXXXX".utf8CString)
            descriptor = mkstemp(&template)
            try #require(descriptor >= 0)
            _ = unlink(template)
            try #require(ftruncate(descriptor, off_t(size)) == 0)
        }

        deinit { close(descriptor) }

        func write(_ bytes: [UInt8], at offset: UInt64) throws {
            let count = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
            try #require(count == bytes.count)
        }

        func source(from offset: UInt64 = 0) throws -> CountingSource {
            try #require(lseek(descriptor, off_t(offset), SEEK_SET) == off_t(offset))
            return CountingSource(try DescriptorSource(descriptor))
        }
    }

    /// Counts the bytes that are read and not passed over.
    private final class CountingSource: ByteSource {
        private var source: DescriptorSource
        private(set) var read = 0

        init(_ source: DescriptorSource) { self.source = source }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
            let count = try source.read(into: buffer)
            read += count
            return count
        }

        func hole() throws(StoreError) -> UInt64 { try source.hole() }
        func skip(_ count: UInt64) throws(StoreError) { try source.skip(count) }
    }

    @Test func aFileWithHolesHasTheRootOfItsBytes() throws {
        var random = SplitMix(state: 3)
        for profile in try EditProfile.all() {
            let test = try TestStore(StoreConfiguration(profile: profile.profile))
            let longest = min(profile.largestFile, 40 << 20)
            for round in 0..<12 {
                let size = random.logUniform(longest)
                let file = try SparseFile(size: UInt64(size))
                var bytes = [UInt8](repeating: 0, count: size)
                for _ in 0..<random.below(5) where size > 0 {
                    let offset = random.below(size)
                    let data = random.bytes(min(size - offset, random.logUniform(1 << 20)))
                    try file.write(data, at: UInt64(offset))
                    bytes.replaceSubrange(offset..<(offset + data.count), with: data)
                }
                let root = try profile.root(of: bytes)
                let what = "\(profile.name), round \(round), \(size) bytes"
                #expect(try test.store.putBytes(from: try file.source()) == root, "\(what)")
                // From somewhere inside, a hole perhaps.
                let start = random.below(size + 1)
                let rest = try profile.root(of: Array(bytes[start...]))
                #expect(
                    try test.store.putBytes(from: try file.source(from: UInt64(start))) == rest, "\(what)")
            }
            #expect(try test.store.verify().isClean)
        }
    }

    @Test func aQuarterOfAGibibyteIsTheSameThreeWays() throws {
        let test = try TestStore()
        let size = 256 << 20
        let file = try SparseFile(size: UInt64(size))
        var bytes = [UInt8](repeating: 0, count: size)
        let writer = try test.store.makeWriter()
        try writer.truncate(to: UInt64(size))
        var random = SplitMix(state: 9)
        for number in 0..<40 {
            let data = randomBytes(1 + random.below(100_000), seed: UInt64(number))
            let offset = random.below(size - data.count)
            try file.write(data, at: UInt64(offset))
            try writer.write(data, at: UInt64(offset))
            bytes.replaceSubrange(offset..<(offset + data.count), with: data)
        }
        let source = try file.source()
        let root = try test.store.putBytes(from: source)
        #expect(try writer.commit() == root)
        #expect(try test.store.put(bytes) == root)
        #expect(source.read < 8 << 20)
    }

    @Test func aTebibyteOfHolesCostsItsData() throws {
        let size: UInt64 = 1 << 40
        for profile in try EditProfile.all() where profile.name != "flat" {
            let test = try TestStore(StoreConfiguration(profile: profile.profile))
            let file = try SparseFile(size: size)
            let writer = try test.store.makeWriter()
            try writer.truncate(to: size)
            var random = SplitMix(state: 21)
            for number in 0..<30 {
                let data = randomBytes(1 + random.below(50_000), seed: UInt64(number))
                let offset = number == 0 ? 0 : random.next() % (size - UInt64(data.count))
                try file.write(data, at: offset)
                try writer.write(data, at: offset)
            }
            let source = try file.source()
            let root = try test.store.putBytes(from: source)
            #expect(try writer.commit() == root, "\(profile.name)")
            #expect(try test.store.size(of: root) == size)
            #expect(source.read < 4 << 20, "\(profile.name)")
        }
    }

    @Test func holesAreHandedOutAsHoles() throws {
        let test = try TestStore()
        let file = try SparseFile(size: 1 << 40)
        try file.write([1, 2, 3], at: 5 << 30)
        try file.write([4], at: (1 << 40) - 1)
        let root = try test.store.putBytes(from: try file.source())
        for (from, to) in [(UInt64(0), UInt64(1) << 40), ((5 << 30) + 1, 1 << 40), (17, (7 << 30) + 3)] {
            var position = from
            var found: [(UInt64, UInt8)] = []
            var handed = 0
            try test.store.copyBytes(
                of: root, from: from, length: to - from,
                hole: { (count) throws(StoreError) in position += count }
            ) { (bytes) throws(StoreError) in
                for (index, byte) in bytes.enumerated() where byte != 0 {
                    found.append((position + UInt64(index), byte))
                }
                position += UInt64(bytes.count)
                handed += bytes.count
            }
            #expect(position == to && handed < 64 << 20)
            let all: [(UInt64, UInt8)] = [
                (5 << 30, 1), ((5 << 30) + 1, 2), ((5 << 30) + 2, 3), ((1 << 40) - 1, 4),
            ]
            let wanted = all.filter { from <= $0.0 && $0.0 < to }
            #expect(found.map(\.0) == wanted.map(\.0) && found.map(\.1) == wanted.map(\.1))
        }
        // Who does not ask for holes gets their bytes, progress between them.
        var bytes = 0
        var steps = 0
        try test.store.copyBytes(
            of: root, length: 64 << 20, progress: { (_) throws(StoreError) in steps += 1 }
        ) { (piece) throws(StoreError) in bytes += piece.count }
        #expect(bytes == 64 << 20 && steps > 4)
    }

    @Test func aFileCutInAHoleIsAnError() throws {
        let test = try TestStore()
        for cut in [UInt64(0), 1 << 20, 900 << 20] {
            let file = try SparseFile(size: 1 << 30)
            let source = try file.source()
            try #require(try source.hole() == 1 << 30)
            try #require(ftruncate(file.descriptor, off_t(cut)) == 0)
            #expect(thrownCode { _ = try test.store.putBytes(from: source) } == .io)
        }
        #expect(try test.store.stat().blocks == 0)
    }
}
