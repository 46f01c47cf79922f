import TestSupport
import Testing

@testable import IpldEngine

/// What changed between two files.
@Suite struct DiffTests {
    /// All changes; checks that they are in order, apart, not empty, and end and begin with what differs.
    static func changes(
        _ store: ContentStore, _ old: CID, _ new: CID, _ oldBytes: [UInt8], _ newBytes: [UInt8],
        _ what: @autoclosure () -> String = ""
    ) throws -> [FileChange] {
        let diff = try store.diff(from: old, to: new)
        var changes: [FileChange] = []
        var result: [UInt8] = []
        var place = 0
        while let change = try diff.next() {
            let (left, right) = (change.old.integers, change.new.integers)
            #expect(!left.isEmpty || !right.isEmpty, "\(what())")
            guard left.lowerBound >= place, left.upperBound <= oldBytes.count,
                right.upperBound <= newBytes.count
            else {
                Issue.record("\(change) is out of order: \(what())")
                break
            }
            if !changes.isEmpty {
                #expect(left.lowerBound - place >= Int(FileDiff.joinedBytes), "\(what())")
            }
            result += oldBytes[place..<left.lowerBound]
            #expect(result.count == right.lowerBound, "\(what())")
            result += newBytes[right]
            place = left.upperBound
            if !left.isEmpty, !right.isEmpty {
                #expect(oldBytes[left.lowerBound] != newBytes[right.lowerBound], "\(what())")
                #expect(oldBytes[left.upperBound - 1] != newBytes[right.upperBound - 1], "\(what())")
            }
            changes.append(change)
        }
        result += oldBytes[place...]
        #expect(result == newBytes, "the changes do not make the new file: \(what())")
        #expect(try diff.next() == nil)
        return changes
    }

    /// The changes of files that keep their bytes' places, found by looking at all of them.
    static func positional(_ old: [UInt8], _ new: [UInt8]) -> [FileChange] {
        var changes: [FileChange] = []
        for place in 0..<min(old.count, new.count) where old[place] != new[place] {
            let offset = UInt64(place)
            var start = offset
            if let last = changes.last, offset - last.new.upperBound < FileDiff.joinedBytes {
                start = changes.removeLast().new.lowerBound
            }
            changes.append(FileChange(old: start..<offset + 1, new: start..<offset + 1))
        }
        return changes
    }

    /// Pieces of ordinary data and of zeros.
    private static func image(_ count: Int, _ random: inout SplitMix) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let length = min(count - bytes.count, 1 + random.logUniform(count))
            bytes +=
                random.below(3) == 0
                ? [UInt8](repeating: 0, count: length) : randomBytes(length, seed: random.next())
        }
        return bytes
    }

    @Test func whatWasOverwrittenIsFoundByteForByte() throws {
        for profile in try EditProfile.all() {
            let test = try TestStore(StoreConfiguration(profile: profile.profile))
            for seed in 1...UInt64(12) {
                var random = SplitMix(state: seed)
                let size = 1 + random.logUniform(min(profile.largestFile, 2 << 20))
                let old = Self.image(size, &random)
                var new = old
                for _ in 0..<(1 + random.below(6)) {
                    let start = random.below(size)
                    let length = min(size - start, 1 + random.logUniform(max(1, size / 20)))
                    let fill =
                        random.below(3) == 0
                        ? [UInt8](repeating: 0, count: length) : randomBytes(length, seed: random.next())
                    new.replaceSubrange(start..<start + length, with: fill)
                }
                let what = "\(profile.name), seed \(seed), \(size) bytes"
                let found = try Self.changes(
                    test.store, try test.store.put(old), try test.store.put(new), old, new, what)
                #expect(found == Self.positional(old, new), "\(what)")
            }
        }
    }

    @Test func anythingDoneToAFileIsFound() throws {
        for profile in try EditProfile.all() {
            let test = try TestStore(StoreConfiguration(profile: profile.profile))
            for seed in 1...UInt64(EditScriptEnvironment.isTorture ? 400 : 25) {
                var random = SplitMix(state: seed &* 977)
                let limit = min(profile.largestFile, 1 << 20)
                let size = random.logUniform(limit)
                let old = random.bytes(size)
                var new = old
                for _ in 0..<random.below(6) {
                    let start = random.below(new.count + 1)
                    let end = min(new.count, start + random.logUniform(max(1, size / 4)))
                    switch random.below(3) {
                    case 0: new.removeSubrange(start..<end)
                    case 1:
                        let count = random.logUniform(max(1, limit - new.count) / 8)
                        new.insert(contentsOf: random.bytes(count), at: start)
                    default: new.replaceSubrange(start..<end, with: random.bytes(end - start))
                    }
                }
                let (left, right) = (try test.store.put(old), try test.store.put(new))
                let what = "\(profile.name), seed \(seed), \(old.count) and \(new.count) bytes"
                _ = try Self.changes(test.store, left, right, old, new, what)
                _ = try Self.changes(test.store, right, left, new, old, what)
                #expect(try test.store.diff(from: left, to: left).next() == nil)
            }
        }
    }

    /// More leaves than are remembered: the nodes above them are found.
    @Test func aLargeInsertionIsOneChange() throws {
        let profile = try LayoutFixture.smallProfile()
        let test = try TestStore(StoreConfiguration(profile: profile))
        let old = randomBytes(1 << 20, seed: 1)
        for (place, count) in [(400_000, 5 << 20), (0, 3 << 20), (1 << 20, 3 << 20), (777_777, 1)] {
            let inserted = randomBytes(count, seed: 2)
            let new = Array(old[..<place] + inserted + old[place...])
            let (left, right) = (try test.store.put(old), try test.store.put(new))
            let found = try Self.changes(test.store, left, right, old, new, "\(count) at \(place)")
            #expect(found.count == 1)
            // Bytes around it that are equal by chance may be counted on either side.
            #expect(found.first.map { $0.new.count - $0.old.count } == count)
            #expect(found.first.map { $0.old.count < 3 } == true)
            #expect(try Self.changes(test.store, right, left, new, old).count == 1)
        }
    }

    @Test func aTebibyteOfNothingIsComparedAtOnce() throws {
        let tebibyte: UInt64 = 1 << 40
        for profile in try EditProfile.all() where profile.name != "flat" {
            let test = try TestStore(StoreConfiguration(profile: profile.profile))
            let writer = try test.store.makeWriter()
            try writer.truncate(to: tebibyte)
            let hole = try writer.commit()
            let again = try test.store.makeWriter(on: hole)
            try again.write([1], at: 0)
            try again.write(randomBytes(5000, seed: 1).map { $0 | 1 }, at: tebibyte / 3)
            try again.write([1, 1], at: tebibyte - 2)
            let changed = try again.commit()
            let places = [0..<1, tebibyte / 3..<tebibyte / 3 + 5000, tebibyte - 2..<tebibyte]
            let diff = try test.store.diff(from: hole, to: changed)
            for place in places {
                #expect(try diff.next() == FileChange(old: place, new: place), "\(profile.name)")
            }
            #expect(try diff.next() == nil)
            // Longer by a little, and shorter by much.
            for size in [tebibyte + 5, tebibyte / 2 + 1] {
                let other = try test.store.makeWriter()
                try other.truncate(to: size)
                let diff = try test.store.diff(from: hole, to: try other.commit())
                let change = try #require(try diff.next())
                #expect(change.new.count - change.old.count == Int(size) - Int(tebibyte), "\(profile.name)")
                #expect(change.new.isEmpty || change.old.isEmpty)
                #expect(try diff.next() == nil)
            }
        }
    }

    @Test func treesOfOtherProfilesAreComparedByTheirBytes() throws {
        let profiles = try EditProfile.all()
        let test = try TestStore()
        var random = SplitMix(state: 9)
        let old = Self.image(300_000, &random)
        var new = old
        new.replaceSubrange(100_000..<100_010, with: randomBytes(10, seed: 7))
        new.replaceSubrange(299_990..<300_000, with: randomBytes(10, seed: 8))
        for left in profiles {
            for right in profiles {
                let what = "\(left.name), \(right.name)"
                let same = try test.store.put(old, profile: left.profile)
                let other = try test.store.put(old, profile: right.profile)
                #expect(try test.store.diff(from: same, to: other).next() == nil, "\(what)")
                let changed = try test.store.put(new, profile: right.profile)
                let found = try Self.changes(test.store, same, changed, old, new, what)
                #expect(found == Self.positional(old, new), "\(what)")
                // Longer: what follows the old end is one change.
                let longer = new + randomBytes(1000, seed: 9)
                let appended = try test.store.put(longer, profile: right.profile)
                _ = try Self.changes(test.store, same, appended, old, longer, what)
            }
        }
        // A hole in chunks of other sizes.
        var holes: [CID] = []
        for profile in profiles where profile.name == "default" || profile.name == "fixed" {
            let batch = try test.store.makeBatch()
            let builder = profile.profile.makeBuilder { (cid, node, children) throws(StoreError) in
                try batch.put(treeNode: node, cid, children: children)
            }
            let size = profile.chunkEnds(of: [UInt8](repeating: 0, count: 1 << 20))[0]
            let leaf = try [UInt8](repeating: 0, count: size).withBytes { (bytes) in
                try batch.putBlock(bytes, codec: .raw)
            }
            try builder.append(leaf: leaf, size: UInt64(size), count: (1 << 40) / UInt64(size))
            holes.append(try builder.finish().root)
            try batch.commit()
        }
        #expect(holes.count == 2 && holes[0] != holes[1])
        #expect(try test.store.diff(from: holes[0], to: holes[1]).next() == nil)
    }

    /// Leaves that both have are not even here.
    @Test func whatIsSharedIsNotRead() throws {
        let test = try TestStore()
        let batch = try test.store.makeBatch()
        let leaves = try (0..<20_000).map { (number) in try LayoutFixture.leaf(UInt64(number)) }
        func tree(_ changed: Int, _ bytes: [UInt8]) throws -> CID {
            let builder = LayoutProfile.default.makeBuilder { (cid, node, _) throws(StoreError) in
                _ = try batch.putBlock(node, codec: .dagCBOR)
            }
            let own = try bytes.withBytes { (bytes) in try batch.putBlock(bytes, codec: .raw) }
            for (number, leaf) in leaves.enumerated() {
                try builder.append(leaf: number == changed ? own : leaf, size: 8)
            }
            return try builder.finish().root
        }
        let old = try tree(12_345, [0, 1, 2, 3, 4, 5, 6, 7])
        let new = try tree(12_345, [0, 1, 2, 9, 4, 5, 6, 7])
        try batch.hold(old)
        try batch.hold(new)
        try batch.commit()
        let diff = try test.store.diff(from: old, to: new)
        let place = UInt64(12_345 * 8 + 3)
        #expect(try diff.next() == FileChange(old: place..<place + 1, new: place..<place + 1))
        #expect(try diff.next() == nil)
    }

    @Test func whatIsNoFileIsRefusedAndWhatIsDeletedIsStillCompared() throws {
        let test = try TestStore()
        func code(_ body: () throws -> Void) -> StoreError.Code? {
            do { try body() } catch let error as StoreError { return error.code } catch {}
            return nil
        }
        let file = try test.store.put(randomBytes(300_000, seed: 1))
        let node = try test.store.putNode(.list([.link(file)]))
        let absent = try LayoutFixture.leaf(4711)
        let empty = try test.store.put([])
        #expect(code { _ = try test.store.diff(from: file, to: node) } == .invalid)
        #expect(code { _ = try test.store.diff(from: node, to: node) } == .invalid)
        #expect(code { _ = try test.store.diff(from: absent, to: file) } == .notFound)
        #expect(try test.store.diff(from: empty, to: empty).next() == nil)
        let all = FileChange(old: 0..<0, new: 0..<300_000)
        #expect(try test.store.diff(from: empty, to: file).next() == all)

        let other = try test.store.put(randomBytes(300_000, seed: 2))
        let diff = try test.store.diff(from: file, to: other)
        // Stopped, it goes on with the next call.
        #expect(
            code {
                _ = try diff.next { (_) throws(StoreError) in throw StoreError(.cancelled, "enough") }
            } == .cancelled)
        try test.store.dereference(file)
        try test.store.dereference(node)
        try test.store.dereference(other)
        try test.store.gc()
        var seen: [UInt64] = []
        let change = try #require(try diff.next { (done) throws(StoreError) in seen.append(done) })
        #expect(change.old == 0..<300_000 && change.new == 0..<300_000)
        #expect(seen == seen.sorted() && seen.last == 300_000)
    }
}

extension Range<UInt64> {
    fileprivate var integers: Range<Int> { Int(lowerBound)..<Int(upperBound) }
}

extension ContentStore {
    /// Stores bytes as a tree of any profile.
    fileprivate func put(_ bytes: [UInt8], profile: LayoutProfile) throws -> CID {
        let batch = try makeBatch()
        let builder = profile.makeBuilder { (cid, node, children) throws(StoreError) in
            try batch.put(treeNode: node, cid, children: children)
        }
        let chunker = profile.chunker.makeChunker()
        try bytes.withBytes { (all) in
            var offset = 0
            for length in LayoutFixture.chunkLengths(of: all, by: chunker) {
                let chunk = UnsafeRawBufferPointer(rebasing: all[offset..<offset + length])
                let cid = try CID(hashing: chunk, codec: .raw, hash: profile.hash)
                try batch.put(cid, chunk, links: [], isTree: false)
                try builder.append(leaf: cid, size: UInt64(length))
                offset += length
            }
        }
        let root = try builder.finish().root
        try batch.hold(root)
        try batch.commit()
        return root
    }
}
