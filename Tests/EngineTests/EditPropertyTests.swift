import Foundation
import TestSupport
import Testing

@testable import IpldEngine

/// Whatever was done to a file, its root is the one of its bytes.
@Suite struct EditPropertyTests {
    /// One file and its model, changed step by step.
    private struct Script {
        let profile: EditProfile
        let store: ContentStore
        var random: SplitMix
        var bytes: [UInt8]
        let limit: Int
        var log: [String] = []

        init(seed: UInt64, _ profile: EditProfile, _ store: ContentStore) {
            self.profile = profile
            self.store = store
            random = SplitMix(state: seed)
            limit = min(profile.largestFile, EditScriptEnvironment.largestFile)
            let size = random.logUniform(limit)
            bytes = random.bytes(size)
        }

        /// Somewhere, often at the edge of a chunk, at an end, or beyond.
        private mutating func place() -> Int {
            let ends = bytes.count < 4 << 20 || random.below(4) == 0 ? profile.chunkEnds(of: bytes) : []
            switch random.below(8) {
            case 0: return 0
            case 1: return bytes.count
            case 2: return min(limit, bytes.count + random.logUniform(limit))
            case 3, 4, 5:
                guard !ends.isEmpty else { return bytes.count }
                return max(0, ends[random.below(ends.count)] - 3 + random.below(7))
            default: return random.below(bytes.count + 1)
            }
        }

        private mutating func write(_ writer: ByteWriter, at offset: Int) throws {
            let new = random.bytes(random.logUniform(max(1, min(limit, bytes.count / 2))))
            try writer.write(new, at: UInt64(offset))
            log.append("write \(new.count) at \(offset)")
            guard !new.isEmpty else { return }
            if offset + new.count > bytes.count {
                bytes += [UInt8](repeating: 0, count: offset + new.count - bytes.count)
            }
            bytes.replaceSubrange(offset..<(offset + new.count), with: new)
        }

        private mutating func truncate(_ writer: ByteWriter, to size: Int) throws {
            try writer.truncate(to: UInt64(size))
            log.append("truncate \(size)")
            if size < bytes.count {
                bytes.removeSubrange(size...)
            } else {
                bytes += [UInt8](repeating: 0, count: size - bytes.count)
            }
        }

        mutating func run(seed: UInt64) throws {
            let base = try store.put(bytes)
            let original = bytes
            log.append("\(profile.name), seed \(seed), \(bytes.count) bytes")
            #expect(base == (try profile.root(of: bytes)), "put itself: \(log)")
            var writer = try store.makeWriter(on: base)
            for _ in 0..<(1 + random.below(10)) {
                switch random.below(12) {
                case 0...4: try write(writer, at: place())
                case 5, 6: try write(writer, at: bytes.count)
                case 7, 8: try truncate(writer, to: place())
                case 9:
                    log.append("flush")
                    #expect(try writer.flush() == (try profile.root(of: bytes)), "\(log)")
                case 10:
                    log.append("commit")
                    let root = try writer.commit()
                    #expect(root == (try profile.root(of: bytes)), "\(log)")
                    writer = try store.makeWriter(on: root)
                default:
                    let from = random.below(bytes.count + 1)
                    let length = min(random.logUniform(1 << 20), bytes.count - from)
                    log.append("read \(length) at \(from)")
                    let range = from..<(from + length)
                    #expect(try writer.read(range) == Array(bytes[range]), "\(log)")
                }
                #expect(try writer.size == UInt64(bytes.count))
            }
            let root = try writer.commit()
            #expect(root == (try profile.root(of: bytes)), "\(log)")
            #expect(try store.get(root) == bytes, "\(log)")
            #expect(try store.get(base) == original, "\(log)")
            #expect(try store.size(of: root) == UInt64(bytes.count))
        }
    }

    @Test func anySequenceOfEditsGivesTheRootOfTheBytes() throws {
        let profiles = try EditProfile.all()
        let first = EditScriptEnvironment.firstSeed
        let last = first + EditScriptEnvironment.scripts - 1
        // A store for some scripts, so that it is looked at while it is small.
        for start in stride(from: first, through: last, by: profiles.count * 4) {
            let some = start...min(start + profiles.count * 4 - 1, last)
            for (number, profile) in profiles.enumerated() {
                let test = try TestStore(StoreConfiguration(profile: profile.profile))
                for seed in some where seed % profiles.count == number {
                    var script = Script(seed: UInt64(seed), profile, test.store)
                    try script.run(seed: UInt64(seed))
                }
                #expect(try test.store.verify().isClean)
            }
        }
    }

    @Test func theOrderOfWritesDoesNotMatter() throws {
        for profile in try EditProfile.all() {
            let test = try TestStore(StoreConfiguration(profile: profile.profile))
            var random = SplitMix(state: 77)
            let size = min(profile.largestFile, 300_000)
            let bytes = random.bytes(size)
            let base = try test.store.put(bytes)
            let pieces = (0..<20).map { (piece) in
                (offset: piece * size / 20, bytes: random.bytes(random.below(size / 20)))
            }
            var expected = bytes
            for piece in pieces {
                expected.replaceSubrange(piece.offset..<(piece.offset + piece.bytes.count), with: piece.bytes)
            }
            let root = try profile.root(of: expected)
            for round in 0..<4 {
                let writer = try test.store.makeWriter(on: base)
                var left = pieces
                while !left.isEmpty {
                    let piece = left.remove(at: random.below(left.count))
                    try writer.write(piece.bytes, at: UInt64(piece.offset))
                    if round > 1, random.below(3) == 0 { try writer.flush() }
                }
                #expect(try writer.commit() == root, "\(profile.name)")
            }
        }
    }

    /// An end of a chunk looks at two bytes after it.
    @Test func everyEdgeOfEveryChunk() throws {
        for profile in try EditProfile.all() where profile.name != "default" {
            let test = try TestStore(StoreConfiguration(profile: profile.profile))
            var bytes = randomBytes(12_000, seed: 5)
            // A stretch of periods of a chunk's length, too.
            bytes += (0..<40).flatMap { (_) in randomBytes(64, seed: 6) }
            let base = try test.store.put(bytes)
            let batch = try test.store.makeBatch()
            for (number, end) in profile.chunkEnds(of: bytes).enumerated() {
                let places = (end - 3...end + 3).filter { $0 >= 0 && $0 <= bytes.count }
                let place = places[number % places.count]
                for size in places where size == place || number < 24 {
                    let writer = try batch.makeWriter(on: base)
                    try writer.truncate(to: UInt64(size))
                    let shorter = Array(bytes[..<size])
                    #expect(try writer.flush() == (try profile.root(of: shorter)), "\(profile.name) \(size)")
                    try writer.append([bytes[size % bytes.count]])
                    let longer = shorter + [bytes[size % bytes.count]]
                    let root = try writer.commit()
                    #expect(root == (try profile.root(of: longer)), "\(profile.name) \(size) + 1")
                }
                for place in places where place < bytes.count {
                    let writer = try batch.makeWriter(on: base)
                    var changed = bytes
                    changed[place] ^= 0x55
                    try writer.write([changed[place]], at: UInt64(place))
                    let root = try writer.commit()
                    #expect(root == (try profile.root(of: changed)), "\(profile.name) at \(place)")
                }
            }
            try batch.commit()
            #expect(try test.store.verify().isClean)
        }
    }
}
