import Testing

@testable import IpldEngine

/// What is kept of copies that were stopped, and for how long.
@Suite struct CopyTests {
    /// A source with files, and a store that they are copied to in small steps.
    private struct Fixture {
        let source: ContentStore
        let target: ContentStore
        private let kept: [AnyObject]
        static let fileBytes: UInt64 = 2_500_000

        init(_ kind: StoreKind = .lmdb) throws {
            let from = try TestStore()
            let to = try KindStore(kind)
            (source, target, kept) = (from.store, to.store, [from, to])
            target.copyStep = 200_000
        }

        /// A file of bytes of its own.
        func file(_ seed: UInt64) throws -> CID {
            try source.put(randomBytes(Int(Self.fileBytes), seed: seed))
        }

        @discardableResult
        func copy(_ cid: CID, asRoot name: String = "copy") throws -> CopyReport {
            try target.copy(cid, from: source, asRoot: name)
        }

        /// A copy that is stopped half way.
        func begin(_ cids: CID...) throws {
            let code = thrownCode {
                try target.copy(
                    cids, from: source,
                    progress: { (visited) throws(StoreError) in
                        if visited > 20 { throw StoreError(.cancelled, "half way") }
                    }, naming: { (_) in })
            }
            #expect(try code == .cancelled && !parts(cids[0]).isEmpty)
        }

        /// What is kept of copies of that CID; of all.
        func parts(_ cid: CID? = nil) throws -> [Hold] {
            let owner = "copy:\(cid?.description ?? "")"
            return try target.holds().filter { cid == nil ? $0.owner.hasPrefix(owner) : $0.owner == owner }
        }

        /// Nothing is left when the roots are gone.
        func expectEmptyWithoutRoots() throws {
            for root in try target.roots() { try target.removeRoot(root.name) }
            try target.gc()
            #expect(try target.stat().blocks == 0 && target.holds().isEmpty)
            #expect(try target.verify().problems == [])
        }
    }

    @Test(arguments: [StoreKind.lmdb, .flat1, .memory, .layerOverLmdb, .memoryOverLmdb])
    func whatAStoppedCopyLeftGoesWithTheNextWholeOne(_ kind: StoreKind) throws {
        let fixture = try Fixture(kind)
        let file = try fixture.file(1)
        let before = try fixture.source.putNode(["file": .link(file), "n": 1])
        let moved = try fixture.source.putNode(["file": .link(file), "n": 2])
        try fixture.begin(before)
        // What the other had copied is used, although that is gone.
        let report = try fixture.copy(moved)
        #expect(report.blocks > 2 && report.bytes < Fixture.fileBytes * 3 / 4)
        #expect(try fixture.target.holds().isEmpty && !fixture.target.has(before))
        #expect(try fixture.target.get(file) == randomBytes(Int(Fixture.fileBytes), seed: 1))
        try fixture.expectEmptyWithoutRoots()
    }

    @Test func whatWillNeverComeIsReleasedToo() throws {
        let fixture = try Fixture()
        try fixture.begin(try fixture.file(1), try fixture.file(2))
        try fixture.begin(try fixture.file(3))
        let own = try fixture.target.put([1], codec: .raw)
        try fixture.target.retain(own, owner: "copy:mine")
        try fixture.target.dereference(own)
        try fixture.copy(try fixture.file(4))
        #expect(try fixture.target.holds().map(\.owner) == ["copy:mine"])
        try fixture.target.dereference(own, owner: "copy:mine")
        try fixture.expectEmptyWithoutRoots()
    }

    @Test func copiesAtOnceLeaveEachOtherTheirParts() throws {
        let fixture = try Fixture()
        let (first, tail) = (try fixture.file(1), try fixture.file(2))
        let (other, more) = (try fixture.file(3), try fixture.file(4))
        try fixture.begin(first)
        let left = try fixture.parts(first)
        var inner: CopyReport?
        try fixture.target.copy(
            [first, tail], from: fixture.source,
            progress: { (visited) throws(StoreError) in
                guard visited > 60, inner == nil else { return }
                inner = CopyReport()
                let before = try fixture.target.holds(owner: "copy:\(first)")
                // One that has an owner of its own, and one of the same.
                inner = try fixture.target.copy(other, from: fixture.source, asRoot: "other")
                try fixture.target.copy([first, more], from: fixture.source) { (batch) throws(StoreError) in
                    try batch.setRoot("more", to: more)
                }
                let after = try fixture.target.holds(owner: "copy:\(first)")
                #expect(after == before && after.count > left.count)
                #expect(Set(left.map(\.cid)).isSubset(of: after.map(\.cid)))
            },
            naming: { (batch) throws(StoreError) in
                for (name, cid) in [("first", first), ("tail", tail)] { try batch.setRoot(name, to: cid) }
            })
        #expect(inner?.blocks ?? 0 > 20)
        #expect(try fixture.parts().isEmpty)
        try fixture.expectEmptyWithoutRoots()
    }

    @Test func anotherProcessThatCopiesIsSeenUntilItDies() throws {
        let fixture = try Fixture()
        let abandoned = try fixture.file(1)
        try fixture.begin(abandoned)
        let other = try LeaseTable(path: fixture.target.path + "/leases", readOnly: false)
        try other.beginCopying()
        let copied = try fixture.file(2)
        try fixture.copy(copied)
        #expect(try !fixture.parts(abandoned).isEmpty && fixture.parts(copied).isEmpty)
        other.close()
        // One that finds all of it there does not know better.
        try fixture.copy(copied)
        #expect(try !fixture.parts(abandoned).isEmpty)
        try fixture.copy(try fixture.file(3), asRoot: "more")
        #expect(try fixture.parts().isEmpty)
        try fixture.expectEmptyWithoutRoots()
    }

    @Test func aListThatIsGoneThroughAgainFindsWhatItHad() throws {
        let fixture = try Fixture()
        let (first, second) = (try fixture.file(1), try fixture.file(2))
        try fixture.copy(first, asRoot: "first")
        try fixture.begin(second)
        #expect(try fixture.copy(first, asRoot: "first").blocks == 0)
        #expect(try !fixture.parts(second).isEmpty)
        #expect(try fixture.copy(second, asRoot: "second").bytes < Fixture.fileBytes * 3 / 4)
        #expect(try fixture.parts().isEmpty)
        // One that died when all was there and named.
        try fixture.target.retain(second, owner: "copy:\(first)")
        try fixture.copy(second, asRoot: "second")
        #expect(try fixture.parts().isEmpty)
        try fixture.expectEmptyWithoutRoots()
    }

    @Test func copiesThatBelongTogetherReleaseAtTheirEnd() throws {
        let fixture = try Fixture()
        let (first, second) = (try fixture.file(1), try fixture.file(2))
        try fixture.begin(second)
        let copying = try fixture.target.beginCopying()
        var total = try fixture.copy(first, asRoot: "first")
        #expect(try !fixture.parts(second).isEmpty)
        total.blocks += try fixture.copy(second, asRoot: "second").blocks
        #expect(total.bytes >= Fixture.fileBytes)
        try copying.finish(total)
        #expect(try fixture.parts().isEmpty)
        try fixture.expectEmptyWithoutRoots()
    }
}
