import Glibc
import TestSupport
import Testing

@testable import IpldEngine

/// What every store promises, whatever it is put together from.
@Suite struct ConformanceTests {
    @Test(arguments: StoreKind.allCases)
    func bytesComeBackAndGo(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        for count in [0, 1, 1000, 70_000, 5_000_000] {
            let bytes = randomBytes(count, seed: UInt64(count) + 1)
            let cid = try test.store.put(bytes)
            #expect(try test.store.size(of: cid) == UInt64(count))
            #expect(try test.store.get(cid) == bytes)
            var copied: [UInt8] = []
            try test.store.copyBytes(of: cid) { copied += $0 }
            #expect(copied == bytes)
            let before = try test.store.stat()
            #expect(try test.store.put(bytes) == cid)
            #expect(try test.store.stat().blocks == before.blocks)
            try test.store.dereference(cid)
            #expect(try test.store.stat().blocks == before.blocks)
            #expect(try test.store.dereference(cid).blocks == before.blocks)
            let after = try test.store.stat()
            #expect(after.blocks == 0 && after.leases == 0 && after.storedBytes == 0)
            #expect(try !test.store.has(cid))
            do {
                _ = try test.store.block(cid)
                Issue.record("it is still here")
            } catch { #expect(error.code == .notFound) }
        }
        #expect(try test.problems() == [])
    }

    @Test(arguments: StoreKind.allCases)
    func aBlockGoesWithItsLastReference(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let store = test.store
        let first = randomBytes(3_000_000, seed: 1)
        var second = first
        second[1_000_000] ^= 1
        let batch = try store.makeBatch()
        let one = try first.withUnsafeBytes { try batch.putBytes($0) }
        let two = try second.withUnsafeBytes { try batch.putBytes($0) }
        try batch.setRoot("one", to: one)
        try batch.setRoot("two", to: two)
        try batch.commit()
        let usage = try store.usage(of: ["one"])
        let blocks = try store.stat().blocks
        let freed = try store.removeRoot("one")
        #expect(freed.blocks == usage.exclusiveBlocks && freed.storedBytes == usage.exclusiveBytes)
        #expect(usage.logicalBytes == 3_000_000 && usage.sharedBytes > 2_000_000 && freed.blocks > 0)
        #expect(try store.stat().blocks == blocks - freed.blocks)
        #expect(try store.get(two) == second)
        #expect(try test.problems() == [])
        try store.removeRoot("two")
        #expect(try store.stat().blocks == 0)
        #expect(try test.problems() == [])
    }

    @Test(arguments: StoreKind.allCases)
    func aLinkCountsBeforeItsBlockIsHere(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let store = test.store
        let child = Array("child".utf8)
        let cid = try child.withUnsafeBytes { try CID(hashing: $0, codec: .raw) }
        let parent = try store.putNode(.list([.link(cid), .link(cid)]))
        #expect(try !store.has(cid))
        #expect(try test.problems() == [])
        #expect(try store.put(child, codec: .raw) == cid)
        #expect(try store.inspect(cid).references == 2)
        try store.dereference(cid)
        #expect(try store.inspect(cid).references == 1)
        do {
            try store.dereference(cid)
            Issue.record("a link's count was dropped")
        } catch { #expect(error.code == .notFound) }
        #expect(try test.problems() == [])
        try store.dereference(parent)
        #expect(try store.stat().blocks == 0)
    }

    @Test(arguments: StoreKind.allCases)
    func namesAppearTogetherOrNotAtAll(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let store = test.store
        let cid = try store.put([1, 2, 3], codec: .raw)
        try store.setRoot("a", to: cid, expecting: .absent)
        let batch = try store.makeBatch()
        let other = try randomBytes(200_000, seed: 5).withUnsafeBytes { try batch.putBytes($0) }
        try batch.setRoot("b", to: other)
        try batch.setRoot("a", to: other, expecting: .absent)
        do {
            try batch.commit()
            Issue.record("a root moved that was not what was expected")
        } catch { #expect(error.code == .conflict) }
        #expect(try store.roots().map(\.name) == ["a"] && store.root("a") == cid)
        do {
            try store.setRoot("c", to: other)
            Issue.record("a root points to what nobody keeps")
        } catch { #expect(error.code == .notFound) }
        try store.gc()
        #expect(try store.stat().blocks == 1)
        #expect(try test.problems() == [])
    }

    @Test(arguments: StoreKind.allCases)
    func whatDidNotCommitIsCollected(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let batch = try test.store.makeBatch()
        _ = try randomBytes(9_000_000, seed: 3).withUnsafeBytes { try batch.putBytes($0) }
        #expect(try test.store.stat().leases == 1)
        batch.abort()
        try test.store.gc()
        let after = try test.store.stat()
        #expect(after.blocks == 0 && after.leases == 0)
        #expect(try test.problems() == [])
    }

    @Test(arguments: StoreKind.allCases)
    func aReaderKeepsWhatItReads(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let bytes = randomBytes(2_000_000, seed: 8)
        let cid = try test.store.put(bytes)
        let reader = try test.store.makeReader(of: cid)
        let report = try test.store.dereference(cid)
        #expect(report.remaining > 0)
        try test.store.gc()
        #expect(try reader.read(0..<bytes.count) == bytes)
        reader.close()
        #expect(try test.store.gc().remaining == 0)
        #expect(try test.store.stat().blocks == 0)
    }

    @Test(arguments: StoreKind.allCases)
    func collectionStopsAndGoesOn(_ kind: StoreKind) throws {
        let test = try KindStore(kind, StoreConfiguration(profile: try LayoutFixture.smallProfile()))
        let cid = try test.store.put(randomBytes(600_000, seed: 2))
        let blocks = try test.store.stat().blocks
        try test.store.dereference(cid, budget: 0)
        var rounds = 0
        while try !test.store.gc(budget: 0).isComplete, rounds < 100 { rounds += 1 }
        #expect(blocks > 1000 && rounds < 100)
        #expect(try test.store.stat().blocks == 0)
        #expect(try test.problems() == [])
    }

    @Test(arguments: StoreKind.allCases)
    func editsAreCanonical(_ kind: StoreKind) throws {
        let profile = try LayoutFixture.smallProfile()
        let test = try KindStore(kind, StoreConfiguration(profile: profile))
        var random = SplitMix(state: 21)
        // What the base has is the file that is edited, where there is one.
        var bytes = Array(KindStore.below.prefix(200_000))
        var root = try test.store.put(bytes)
        for _ in 0..<40 {
            let writer = try test.store.makeWriter(on: root)
            for _ in 0..<(1 + random.below(3)) {
                let offset = random.below(bytes.count + 1)
                let new = random.bytes(1 + random.below(3000))
                try writer.write(new, at: UInt64(offset))
                let end = min(bytes.count, offset + new.count)
                bytes.replaceSubrange(offset..<end, with: new)
            }
            let next = try writer.commit()
            #expect(next == (try LayoutTestBlocks().store(bytes, profile: profile).root))
            try test.store.dereference(root)
            root = next
        }
        #expect(try test.store.get(root) == bytes)
        let diff = try test.store.diff(from: root, to: try test.store.put(bytes + [1]))
        let change = try diff.next()
        #expect(change?.new == UInt64(bytes.count)..<UInt64(bytes.count + 1))
        #expect(try test.problems() == [])
    }

    @Test(arguments: StoreKind.allCases)
    func nodesOfAnySizeAreReadAndChanged(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let large: IPLDValue = .list((0..<200_000).map { .integer(Int128($0)) })
        let cid = try test.store.putNode(large)
        #expect(try test.store.node(cid) == large)
        #expect(try test.store.value(cid, at: ["199999"]) == .integer(199_999))
        let changed = try test.store.editNode(cid, at: [], [.replace(5..<6, with: [.text("five")])])
        #expect(try test.store.value(changed, at: ["5"]) == .text("five"))
        #expect(try test.store.value(cid, at: ["5"]) == .integer(5))
        try test.store.dereference(cid)
        #expect(try test.problems() == [])
        try test.store.dereference(changed)
        #expect(try test.store.stat().blocks == 0)
    }

    @Test(arguments: StoreKind.allCases)
    func manyThreadsAtOnce(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let store = test.store
        let failures = Lock<[String]>([])
        Parallel.forEachThread(4) { thread in
            do {
                var random = SplitMix(state: UInt64(thread))
                for round in 0..<25 {
                    // Half of what they store is the same.
                    let seed = random.below(2) == 0 ? UInt64(round) : UInt64(thread * 1000 + round)
                    let bytes = randomBytes(1 + random.below(300_000), seed: seed)
                    let batch = try store.makeBatch()
                    let cid = try bytes.withUnsafeBytes { try batch.putBytes($0) }
                    try batch.setRoot("\(thread)", to: cid)
                    do { try batch.commit() } catch let error as StoreError {
                        guard error.code == .conflict else { throw error }
                        continue
                    }
                    if try store.get(cid) != bytes { failures.withLock { $0.append("\(thread)/\(round)") } }
                    if round % 5 == 4 { try store.gc(budget: 1_000_000) }
                }
                try store.removeRoot("\(thread)")
            } catch { failures.withLock { $0.append("\(error)") } }
        }
        #expect(failures.withLock { $0 } == [])
        try store.gc()
        #expect(try store.stat().blocks == 0)
        #expect(try test.problems() == [])
    }

    /// Random operations; every count is the model's, and collection leaves what is reachable.
    @Test(arguments: StoreKind.allCases)
    func countsAreThoseOfAModel(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let store = test.store
        var random = SplitMix(state: 99)
        var roots: [String: CID] = [:]
        var links: [CID: [CID]] = [:]
        var known: [CID] = []
        var stored: Set<CID> = []
        for step in 0..<150 {
            switch random.below(6) {
            case 0, 1:
                let bytes = randomBytes(1 + random.below(50), seed: UInt64(random.below(200)))
                let batch = try store.makeBatch()
                let cid = try bytes.withUnsafeBytes { try batch.putBlock($0, codec: .raw) }
                try batch.setRoot("r\(step % 20)", to: cid)
                try batch.commit()
                roots["r\(step % 20)"] = cid
                links[cid] = []
                known.append(cid)
                stored.insert(cid)
            case 2, 3:
                let targets = (0..<(1 + random.below(4))).compactMap { _ in
                    known.isEmpty ? nil : known[random.below(known.count)]
                }
                let batch = try store.makeBatch()
                let cid = try batch.putNode(.list(targets.map { .link($0) } + [.integer(Int128(step))]))
                try batch.setRoot("r\(step % 20)", to: cid)
                try batch.commit()
                roots["r\(step % 20)"] = cid
                links[cid] = Array(Set(targets))
                known.append(cid)
                stored.insert(cid)
            case 4:
                if let name = roots.keys.sorted().first {
                    try store.removeRoot(name)
                    roots[name] = nil
                }
            default: break
            }
            // What is gone is gone, unless it is stored again.
            var live: Set<CID> = []
            var work = Array(roots.values)
            while let cid = work.popLast() {
                // What a dangling link names is not here, and neither is what it linked to.
                if stored.contains(cid), live.insert(cid).inserted { work += links[cid] ?? [] }
            }
            try store.gc()
            stored = live
            if random.below(10) == 0 {
                #expect(try store.stat().blocks == UInt64(live.count), "step \(step)")
                for cid in live { #expect(try store.has(cid)) }
            }
        }
        #expect(try test.problems() == [])
        for name in roots.keys { try store.removeRoot(name) }
        try store.gc()
        #expect(try store.stat().blocks == 0)
        #expect(try test.problems() == [])
    }

    @Test(arguments: StoreKind.onDisk)
    func whatIsStoredIsThereAfterOpeningAgain(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let bytes = randomBytes(1_000_000, seed: 12)
        let cid = try test.store.put(bytes)
        try test.store.setRoot("root", to: cid)
        let identity = test.store.identity
        try test.reopen()
        #expect(test.store.identity == identity)
        #expect(try test.store.root("root") == cid && test.store.get(cid) == bytes)
        #expect(try test.problems() == [])
    }

    @Test(arguments: StoreKind.onDisk)
    func aLostIndexIsRebuilt(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let bytes = randomBytes(1_000_000, seed: 12) + KindStore.below
        let cid = try test.store.put(bytes)
        try test.store.setRoot("root", to: cid)
        if let below = try test.bases.last?.root("below") { try test.store.setRoot("lent", to: below) }
        let before = try test.store.stat()
        try test.reopen {
            StoreCreation.removeTree(test.path + "/index")
            try ContentStore.repair(at: test.path)
        }
        let after = try test.store.stat()
        #expect(after.blocks == before.blocks && after.roots == before.roots && after.holds == before.holds)
        #expect(try test.store.get(cid) == bytes)
        #expect(try test.problems() == [])
        for root in try test.store.roots() { try test.store.removeRoot(root.name) }
        try test.store.dereference(cid)
        try test.collectAll()
        #expect(try test.store.stat().blocks == 0)
        #expect(try test.problems() == [])
        for base in test.bases { #expect(try base.stat().holds == 0) }
    }

    @Test(arguments: StoreKind.allCases, [StoreKind.lmdb, .flat1, .memory, .layerOverLmdb])
    func whatACidReachesIsCopied(_ from: StoreKind, _ to: StoreKind) throws {
        let source = try KindStore(from)
        let target = try KindStore(to)
        let bytes = KindStore.below + randomBytes(500_000, seed: 6)
        let file = try source.store.put(bytes)
        let node = try source.store.putNode(["file": .link(file), "name": "n"])
        let report = try target.store.copy(node, from: source.store, asRoot: "copy")
        let copied = try target.store.stat().blocks
        #expect(report.blocks > 0 && report.blocks == copied)
        #expect(try target.store.get(file) == bytes && target.store.root("copy") == node)
        #expect(try target.store.copy(node, from: source.store, asRoot: "again").blocks == 0)
        #expect(try target.problems() == [] && source.problems() == [])
    }

    @Test(arguments: StoreKind.onDisk)
    func damageIsFoundAndHealed(_ kind: StoreKind) throws {
        let test = try KindStore(kind)
        let donor = try KindStore(.lmdb)
        let bytes = randomBytes(400_000, seed: 31)
        let cid = try test.store.put(bytes)
        _ = try donor.store.put(bytes)
        // The third leaf.
        let leaf = try test.store.links(of: cid)[2]
        let location = try #require(
            try test.store.core.read { (index) throws(StoreError) in try index.location(of: leaf) })
        let (file, offset) =
            switch test.store.core.payloads {
            case .packs(let files): (files.path(location.place.pack), location.place.offset + 80)
            case .files(let files): (files.path(leaf), 10)
            case .memory: ("", 0)
            }
        let descriptor = try System.open(file, O_RDWR)
        try [UInt8](repeating: 0xA5, count: 9).withUnsafeBytes {
            try System.write(descriptor, at: offset, $0)
        }
        System.close(descriptor)
        do {
            _ = try test.store.get(cid)
            Issue.record("damaged bytes were returned")
        } catch let error as StoreError { #expect(error.code == .corrupt) }
        #expect(try test.store.verify().problems.map(\.kind).contains(.damagedBlock))
        let report = try test.store.heal(from: [donor.store])
        #expect(report.healed == 1 && report.missing == 0)
        #expect(try test.store.get(cid) == bytes)
        #expect(try test.problems() == [])
        try test.store.dereference(cid)
        #expect(try test.store.stat().blocks == 0)
        #expect(try test.problems() == [])
    }
}

extension Parallel {
    /// Runs `body` on so many threads at once, and waits for them.
    static func forEachThread(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let threads = (0..<count).compactMap { number in try? WorkerThread { body(number) } }
        for thread in threads { thread.join() }
    }
}
