import Testing

@testable import IpldEngine

/// Holes cost their height, not their length.
@Suite struct EditHoleTests {
    private static let tebibyte: UInt64 = 1 << 40

    /// The tree over runs of chunks, built at once.
    private static func root(
        _ profile: LayoutProfile, _ runs: [(bytes: [UInt8], count: UInt64)]
    ) throws -> CID {
        let builder = profile.makeBuilder { (_, _, _) in }
        for run in runs {
            let cid = try run.bytes.withUnsafeBytes { try CID(hashing: $0, codec: .raw, hash: profile.hash) }
            try builder.append(leaf: cid, size: UInt64(run.bytes.count), count: run.count)
        }
        return try builder.finish().root
    }

    @Test func aTebibyteOfNothingIsWrittenWrittenIntoAndRead() throws {
        for profile in try EditProfile.all() where profile.name != "flat" {
            let test = try TestStore(StoreConfiguration(profile: profile.profile))
            let store = test.store
            let chunk = profile.chunkEnds(of: [UInt8](repeating: 0, count: 1 << 20))[0]
            let before = try store.stat()
            let writer = try store.makeWriter()
            try writer.truncate(to: Self.tebibyte)
            let hole = try writer.commit()
            let rest = Int(Self.tebibyte % UInt64(chunk))
            var runs: [(bytes: [UInt8], count: UInt64)] = [
                ([UInt8](repeating: 0, count: chunk), Self.tebibyte / UInt64(chunk))
            ]
            if rest > 0 { runs.append(([UInt8](repeating: 0, count: rest), 1)) }
            #expect(hole == (try Self.root(profile.profile, runs)), "\(profile.name)")
            #expect(try store.size(of: hole) == Self.tebibyte)

            // Data in the middle shifts all that follows, where content decides.
            let data = randomBytes(5000, seed: 1)
            let middle = Self.tebibyte / 3
            let again = try store.makeWriter(on: hole)
            try again.write(data, at: middle)
            let first = try again.flush()
            try again.write([1], at: Self.tebibyte - 1)
            try again.write([1], at: 0)
            let both = try again.commit()
            #expect(first != hole && both != first)
            // In one go, from nothing: the same.
            let direct = try store.makeWriter()
            try direct.truncate(to: Self.tebibyte)
            try direct.write([1], at: 0)
            try direct.write([1], at: Self.tebibyte - 1)
            try direct.write(data, at: middle)
            #expect(try direct.commit() == both, "\(profile.name)")
            // And back to where it was.
            let back = try store.makeWriter(on: both)
            try back.write([UInt8](repeating: 0, count: data.count), at: middle)
            try back.write([0], at: 0)
            try back.write([0], at: Self.tebibyte - 1)
            #expect(try back.commit() == hole, "\(profile.name)")

            let reader = try store.makeReader(of: both)
            #expect(reader.size == Self.tebibyte)
            let around = try reader.read(Int(middle) - 5..<Int(middle) + 5005)
            #expect(around == [0, 0, 0, 0, 0] + data + [0, 0, 0, 0, 0])
            #expect(try reader.read(Int(Self.tebibyte) - 3..<Int(Self.tebibyte) + 3) == [0, 0, 1])
            let after = try store.stat()
            #expect(after.rawBytes - before.rawBytes < 3 << 20, "\(profile.name)")
            #expect(try store.verify().isClean)
        }
    }

    @Test func aHoleIsTheZerosItReadsAs() throws {
        for profile in try EditProfile.all() {
            let test = try TestStore(StoreConfiguration(profile: profile.profile))
            let size = min(profile.largestFile, 5_000_000)
            var bytes = randomBytes(size / 10, seed: 3)
            let writer = try test.store.makeWriter()
            try writer.append(bytes)
            try writer.truncate(to: UInt64(size / 2))
            try writer.write([7, 7], at: UInt64(size))
            bytes += [UInt8](repeating: 0, count: size - bytes.count) + [7, 7]
            #expect(try writer.commit() == (try profile.root(of: bytes)), "\(profile.name)")
        }
    }
}
