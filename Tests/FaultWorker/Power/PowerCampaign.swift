import Glibc
import IpldEngine

/// Power loss: a store works under the recorder, and after any call the disk is made that a power loss might
/// have left. What was acknowledged is there, nothing is half there, nothing leaks, and the store can be
/// used; then all of it again for a power loss during that.
struct PowerCampaign {
    static let steps = 22

    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        defer { Files.removeTree(scratch) }
        let pool = try Pool(scratch: scratch)
        let budget = Budget(arguments, points: 2000)
        let ignores = try arguments.text("ignore").map { word in
            guard let ignored = Disk.Ignored(rawValue: word) else { throw Violation("cannot ignore \(word)") }
            return ignored
        }
        let tally = Tally("power", seed: arguments.seed)
        // What is at work, in turns; nil: branches of files.
        var kinds: [StoreKind?] = []
        if arguments.text("kind") != "files" { kinds = try StoreKind.asked(arguments, of: StoreKind.inFiles) }
        if ["files", "all"].contains(arguments.text("kind")) { kinds.append(nil) }
        var seed = arguments.seed
        while budget.goesOn(tally.points) {
            let kind = kinds[Int((seed &- arguments.seed) % UInt64(kinds.count))]
            let round = PowerCampaign(
                scratch: scratch, pool: pool, kind: kind, seed: seed, ignores: ignores ?? .nothing,
                budget: budget, tally: tally)
            let replay = round.replay
            tally.unit(replay) { try round.run(only: arguments.text("only")) }
            if arguments.text("only") != nil { break }
            seed += 1
        }
        return tally.finish()
    }

    private let scratch: String
    private let pool: Pool
    private let kind: StoreKind?
    private let seed: UInt64
    private let ignores: Disk.Ignored
    private let budget: Budget
    private let tally: Tally

    private static let imagesPerLog = 96
    private static let imagesPerRecovery = 8

    private var path: String { scratch + "/world" }
    private var replay: String {
        let ignore = ignores == .nothing ? "" : " --ignore \(ignores.rawValue)"
        return "--kind \(kind?.rawValue ?? "files") --seed \(seed)\(ignore)"
    }

    /// A place in a log, and what of it reached the disk.
    private struct Point {
        let position: Int
        let choice: UInt64
    }

    private func run(only: String?) throws {
        Files.removeTree(path)
        mkdir(path, 0o777)
        let world: any PowerWork =
            if let kind { PowerWorld(path, kind, pool, seed: seed) } else {
                PowerFiles(path, pool, seed: seed)
            }
        try world.prepare()
        let before = try Disk.Contents(scanning: path)
        let log = try world.record(steps: Self.steps)
        tally.count("calls", log.calls.count)
        let disk = Disk(before: log, initially: before, ignores: ignores)
        try expectComplete(log, before)
        let wanted = try only.map { text in
            let numbers = text.split(separator: ":").compactMap { UInt64($0) }
            guard numbers.count == 2 || numbers.count == 4 else { throw Violation("cannot read \(text)") }
            return numbers
        }
        var random = Random(seed: seed &* 31)
        var points = (0..<Self.imagesPerLog).map { _ in
            Point(position: 1 + random.below(log.calls.count), choice: random.next() >> 32)
        }
        points.sort { $0.position < $1.position }
        if let wanted { points = [Point(position: Int(wanted[0]), choice: wanted[1])] }
        var seen: Set<UInt64> = []
        for (number, point) in points.enumerated() where budget.goesOn(tally.points) {
            disk.advance(to: point.position)
            let image = disk.image(Choice(seed: point.choice))
            // What was acknowledged since makes the same disk another case.
            guard seen.insert(image.digest &+ UInt64(disk.mark + 1)).inserted else { continue }
            let label = "\(point.position):\(point.choice)"
            tally.point("\(replay) --only \(label)") {
                try image.write(to: path)
                try explain(world, disk) {
                    try world.inspect(after: disk.mark, empties: point.choice % 3 == 0)
                }
            }
            guard number % 12 == 5 || wanted?.count == 4 else { continue }
            tally.unit("\(replay) --only \(label)") {
                let next = wanted.flatMap { $0.count == 4 ? Point(position: Int($0[2]), choice: $0[3]) : nil }
                try recover(image, world, disk, point, label, next)
            }
        }
        tally.count("distinct", seen.count)
    }

    /// The recorder has seen everything: all calls made give what is there.
    private func expectComplete(_ log: FlightLog, _ before: Disk.Contents) throws {
        let copy = Disk(before: log, initially: before, ignores: .nothing)
        copy.advance(to: log.calls.count)
        if let difference = try copy.image(Choice(.all)).difference(from: path) {
            throw Violation("the log does not give what is there: \(difference)")
        }
    }

    private func explain<T>(_ world: any PowerWork, _ disk: Disk, _ body: () throws -> T) throws -> T {
        do { return try body() } catch {
            let next = disk.mark + 1
            let step = next < world.steps.count ? world.steps[next] : "the end"
            let code = (error as? StoreError).map { "\($0.code): " } ?? ""
            throw Violation("in step \(next) (\(step)): \(code)\(error)")
        }
    }

    /// Opens an image under the recorder, works on it, and loses power on the way.
    private func recover(
        _ image: Disk.Image, _ world: any PowerWork, _ disk: Disk, _ point: Point, _ label: String,
        _ only: Point?
    ) throws {
        try image.write(to: path)
        let before = try Disk.Contents(scanning: path)
        let second = world.afterPowerLoss(seed: point.choice)
        let log = try explain(world, disk) { try second.record(steps: 3) }
        tally.count("recoveries")
        let next = Disk(before: log, initially: before, ignores: ignores)
        var random = Random(seed: point.choice)
        var points = (0..<Self.imagesPerRecovery).map { _ in
            Point(position: 1 + random.below(log.calls.count), choice: random.next() >> 32)
        }
        points.sort { $0.position < $1.position }
        if let only { points = [only] }
        var seen: Set<UInt64> = []
        for point in points where budget.goesOn(tally.points) {
            next.advance(to: point.position)
            let image = next.image(Choice(seed: point.choice))
            guard seen.insert(image.digest &+ UInt64(next.mark + 1)).inserted else { continue }
            tally.point("\(replay) --only \(label):\(point.position):\(point.choice)") {
                try image.write(to: path)
                try explain(second, next) {
                    try second.inspect(after: next.mark, empties: point.choice % 3 == 0)
                }
            }
        }
        tally.count("distinct", seen.count)
    }
}
