import Glibc
import IpldEngine

/// Damage: bytes of packs, journal, lease table and index flipped, zeroed, filled, sectors zeroed or stale,
/// files cut. Each read gives right bytes or says that they are damaged; verification finds what matters;
/// repair brings back all whose bytes are intact.
struct DamageCampaign {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        defer { Files.removeTree(scratch) }
        let pool = try Pool(scratch: scratch)
        let tally = Tally("damage", seed: arguments.seed)
        let kinds = try StoreKind.asked(arguments, of: [.lmdb, .flatfs0, .flatfs1, .flatfs2])
        let points = arguments.number("points", 20_000) / kinds.count
        let indexPoints = arguments.number("index-points", arguments.number("points", 20_000) / 20)
        // With seconds, so many points again and again, in other places.
        let budget = arguments.optional("seconds").map { _ in Budget(arguments, points: 0) }
        var seed = arguments.seed
        repeat {
            for kind in kinds {
                let place = scratch + "/" + kind.rawValue
                Files.removeTree(place)
                mkdir(place, 0o777)
                let campaign = DamageCampaign(
                    scratch: place,
                    store: try DamagedStore(making: place + "/store", kind: kind, pool: pool, seed: seed),
                    kind: kind, tally: tally, seed: seed, only: arguments.text("only"), budget: budget,
                    replay: "--kind \(kind.rawValue) --seed \(seed) --points \(points)"
                        + " --index-points \(indexPoints / kinds.count)")
                if kind.hasFiles {
                    try campaign.damageFiles(points: points)
                } else {
                    try campaign.damagePacks(points: points)
                }
                try campaign.damageJournal(points: points / 40)
                try campaign.damageLeases(points: points / 100)
                try campaign.damageIndex(points: indexPoints / kinds.count)
            }
            seed += 1
        } while budget?.goesOn(0) == true
        return tally.finish()
    }

    let scratch: String
    let store: DamagedStore
    let kind: StoreKind
    let tally: Tally
    let seed: UInt64
    /// The one point to replay, FILE:OFFSET:KIND.
    let only: String?
    /// Nil: all points.
    let budget: Budget?
    let replay: String

    var goesOn: Bool { budget?.goesOn(0) ?? true }

    /// Spreads points over a file's bytes and over the kinds of damage: mostly single bytes.
    private func forEachPoint(
        in file: String, _ whole: [UInt8], _ points: Int, _ body: (Spoiling, Int) throws -> Void
    ) throws {
        let kinds: [Spoiling.Kind] = [
            .flip, .zero, .flip, .fill, .flip, .zero, .flip, .zeroSector, .flip, .zero, .flip, .staleSector,
            .flip, .zero, .flip, .cut,
        ]
        for index in 0..<points where goesOn {
            let offset = (index * whole.count + Int(seed) * 7919 % max(1, whole.count)) / points % whole.count
            let kind = kinds[(index + Int(seed)) % kinds.count]
            let label = "\(file):\(offset):\(kind)"
            if let only, only != label { continue }
            tally.point("\(replay) --only \(label)") {
                let spoiling = Spoiling(store.path + "/" + file, whole, at: offset, kind)
                guard try spoiling.apply(whole) else { return tally.count("unchanged") }
                defer { do { try spoiling.undo() } catch { say("cannot undo: \(error)") } }
                do { try body(spoiling, index) } catch { throw Violation("\(label): \(error)") }
            }
        }
    }

    // MARK: Packs

    private func damagePacks(points: Int) throws {
        let packs = Files.names(store.path + "/packs").map { "packs/" + $0 }
        let contents = try packs.map { try Files.read(store.path + "/" + $0) }
        let total = contents.reduce(0) { $0 + $1.count }
        let opened = try ContentStore.open(at: store.path, readOnly: true)
        for (file, whole) in zip(packs, contents) {
            try forEachPoint(in: file, whole, points * whole.count / total) { spoiling, index in
                let outcome = try store.readAll(opened)
                guard outcome.absent == 0 else { throw Violation("damage was reported as absence") }
                if !outcome.damaged.isEmpty { tally.count("damaging") }
                if index % 25 == 0 {
                    tally.count("verified")
                    let isFound = try DamagedStore.isFound(opened)
                    // What is behind the last record may go, what is in a record may not.
                    if isFound == outcome.damaged.isEmpty, spoiling.kind != .cut {
                        throw Violation("verify says \(isFound), \(outcome.damaged.count) blocks are damaged")
                    }
                    if !isFound, !outcome.damaged.isEmpty { throw Violation("verify does not find it") }
                }
                if index % 100 == 0 { try repair(without: outcome.damaged, losing: nil) }
            }
        }
    }

    /// Repairs a copy: all blocks but the damaged ones are there, and all names of those. `losing`: what is
    /// removed from the copy first.
    func repair(without damaged: Set<CID>, losing: String?, mayLoseNames: Bool = false) throws {
        let copy = scratch + "/copy"
        Files.removeTree(copy)
        try Files.copyTree(store.path, copy)
        if let losing { Files.removeTree(copy + "/" + losing) }
        tally.count("repaired")
        let report = try ContentStore.repair(at: copy)
        let repaired = try ContentStore.open(at: copy)
        try repaired.gc()
        for (cid, bytes) in store.blocks where !damaged.contains(cid) {
            // What only a damaged node linked to may be garbage now.
            if damaged.isEmpty || store.names.named.contains(cid) {
                guard try repaired.block(cid) == bytes else { throw Violation("repair changed \(cid)") }
            }
        }
        for cid in damaged where try repaired.has(cid) { throw Violation("repair kept the damaged \(cid)") }
        if !mayLoseNames {
            let names = try NameState(of: repaired)
            for (name, cid) in store.names.roots where !damaged.contains(cid) && names.roots[name] != cid {
                throw Violation("repair lost the root \(name): \(report)")
            }
            for (hold, count) in store.names.holds
            where !damaged.contains(hold.cid) && names.holds[hold] != count {
                throw Violation("repair lost a hold of \(hold.owner): \(report)")
            }
        }
        if damaged.isEmpty {
            let verified = try repaired.verify()
            guard verified.isClean else {
                throw Violation("after repair: \(verified.problems.map(\.message))")
            }
        }
    }

    // MARK: Journal

    private func damageJournal(points: Int) throws {
        let whole = try Files.read(store.path + "/journal")
        try forEachPoint(in: "journal", whole, points) { spoiling, index in
            let opened: ContentStore
            do { opened = try ContentStore.open(at: store.path, readOnly: true) } catch let error
                as StoreError
            {
                // The header.
                guard error.code == .corrupt || error.code == .notAStore || error.code == .unsupported else {
                    throw Violation("opening ended in \(error.code): \(error)")
                }
                tally.count("refused")
                if error.code != .unsupported, index % 4 == 0 { try repair(without: [], losing: nil) }
                return
            }
            let outcome = try store.readAll(opened)
            guard outcome.damaged.isEmpty, outcome.absent == 0, try NameState(of: opened) == store.names
            else {
                throw Violation("a damaged journal changed what is read")
            }
            guard try DamagedStore.isFound(opened) else { throw Violation("verify does not find it") }
            // With an index all names come back; without one, all blocks.
            if index % 8 == 0 { try repair(without: [], losing: nil) }
            guard index % 8 == 4 else { return }
            // Cut at the end of an entry it looks older, and what was named since is garbage.
            if spoiling.kind == .cut, try Self.isWhole(Files.read(store.path + "/journal")) { return }
            try repair(without: [], losing: "index", mayLoseNames: true)
        }
    }

    /// Whether a journal ends with an entry: behind a head of 64 bytes each has 17, whose last eight are the
    /// length of the rest and a checksum.
    private static func isWhole(_ journal: [UInt8]) -> Bool {
        var offset = 64
        while offset + 17 <= journal.count {
            let length = journal[(offset + 9)..<(offset + 13)].reversed().reduce(0) { $0 << 8 | Int($1) }
            offset += 17 + length
        }
        return offset == journal.count
    }

    // MARK: Leases

    private func damageLeases(points: Int) throws {
        let whole = try Files.read(store.path + "/leases")
        try forEachPoint(in: "leases", whole, points) { _, _ in
            let copy = scratch + "/copy"
            Files.removeTree(copy)
            try Files.copyTree(store.path, copy)
            let opened = try ContentStore.open(at: copy)
            try opened.gc()
            guard try NameState(of: opened) == store.names, try opened.verify().isClean else {
                throw Violation("a damaged lease table changed the store")
            }
            let outcome = try store.readAll(opened)
            guard outcome.damaged.isEmpty, outcome.absent == 0 else { throw Violation("blocks were lost") }
            // Collection still works: nobody else has the store open.
            _ = try opened.put([1, 2, 3])
            let held = try opened.holds(owner: ContentStore.defaultOwner)
            for hold in held { try opened.dereference(hold.cid) }
            guard try opened.stat().deadBlocks == 0 else { throw Violation("collection has stopped") }
        }
    }

    // MARK: Index

    /// In children, which LMDB may take down: it believes its own pages.
    private func damageIndex(points: Int) throws {
        let file = "index/data.mdb"
        let whole = try Files.read(store.path + "/" + file)
        var index = 0
        while index < points {
            var words = [
                "damage-index", "--path", store.path, "--points", "\(points)", "--from", "\(index)", "--seed",
                "\(seed)",
                "--bytes", "\(whole.count)",
            ]
            if let only { words += ["--only", only] }
            let child = try Processes.spawn(words)
            let (lines, end) = Processes.wait(child)
            var reached = index
            var during = "nothing"
            var label = ""
            for line in lines {
                let fields = line.split(separator: " ", maxSplits: 2).map(String.init)
                if fields.count >= 2, fields[0] == "at", let at = Int(fields[1]) {
                    reached = at
                    label = fields.last ?? ""
                } else if fields.first == "during" {
                    during = fields[1]
                } else if fields.first == "count", fields.count >= 2 {
                    tally.count(fields[1])
                } else {
                    tally.point("\(replay) --only \(line.split(separator: " ").first ?? "")") {
                        throw Violation(line)
                    }
                }
            }
            // Whatever the child left spoiled.
            try Files.write(store.path + "/" + file, whole)
            switch end {
            case .exited(0): index = points
            case .killed(let signal):
                // LMDB believes its pages, so reading may end so; verification and repair look at them first.
                let ending = "\(signal == SIGALRM ? "hang" : "crash") during \(during)"
                tally.count("index-" + ending.split(separator: " ").joined(separator: "-"))
                if during != "reading" {
                    tally.point("\(replay) --only \(label)") {
                        throw Violation("\(label): a \(ending)")
                    }
                }
                index = reached + 1
            default: throw Violation("the child ended: \(end) \(lines.suffix(1))")
            }
        }
        tally.count("index-points", points)
    }

    /// The child: one point after the other until one kills it.
    static func indexChild(_ arguments: Arguments) throws -> Int32 {
        let path = try arguments.required("path")
        let store = try DamagedStore(learning: path)
        let file = path + "/index/data.mdb"
        let whole = try Files.read(file)
        let points = arguments.number("points", 0)
        for index in arguments.number("from", 0)..<points {
            let kinds: [Spoiling.Kind] = [
                .flip, .zero, .flip, .fill, .flip, .zeroSector, .flip, .staleSector,
            ]
            var random = Random(seed: arguments.seed &* 31 &+ UInt64(index))
            let offset = random.below(whole.count)
            let kind = kinds[index % kinds.count]
            let label = "index:\(offset):\(kind)"
            if let only = arguments.text("only"), only != label { continue }
            let spoiling = Spoiling(file, whole, at: offset, kind)
            guard try spoiling.apply(whole) else { continue }
            say("at \(index) \(label)")
            alarm(20)
            do { try indexPoint(store, path, index) } catch { say("\(label) \(error)") }
            alarm(0)
            try Files.write(file, whole)
        }
        return 0
    }

    private static func indexPoint(_ store: DamagedStore, _ path: String, _ index: Int) throws {
        // Repair first: it must survive any index, and brings everything back.
        if index % 4 == 0 {
            say("during repair")
            let copy = path + "-index-copy"
            Files.removeTree(copy)
            try Files.copyTree(path, copy)
            try ContentStore.repair(at: copy)
            let repaired = try ContentStore.open(at: copy)
            let names = try NameState(of: repaired)
            guard names == store.names else {
                throw Violation("repair: \(names.difference(from: store.names))")
            }
            let outcome = try store.readAll(repaired)
            guard outcome.damaged.isEmpty, outcome.absent == 0 else { throw Violation("repair lost blocks") }
            guard try repaired.verify().isClean else { throw Violation("repair left problems") }
            say("count index-repaired")
        }
        say("during opening")
        let opened: ContentStore
        do { opened = try ContentStore.open(at: path, readOnly: true) } catch {
            guard [.corrupt, .unsupported, .notAStore].contains(error.code) else {
                throw Violation("opening ended in \(error.code): \(error)")
            }
            return say("count index-refused")
        }
        say("during verification")
        let isFound = try DamagedStore.isFound(opened)
        say("during reading")
        let outcome = try store.readAll(opened)
        let names = try? NameState(of: opened)
        let isWrong = !outcome.damaged.isEmpty || outcome.absent > 0 || names != store.names
        if isWrong, !isFound { throw Violation("verify does not find it: \(outcome.absent) absent") }
        if outcome.absent > 0 { say("count index-absent") }
        if isFound { say("count index-found") } else { say("count index-harmless") }
    }
}
