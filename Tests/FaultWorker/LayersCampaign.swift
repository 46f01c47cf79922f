import Glibc
import IpldEngine

/// A base, stores over it and over these, and processes that use, copy, move and remove them all and die at
/// any moment: nothing that a store reads is ever lost, whatever is collected below it, and nothing is held
/// for ever.
struct LayersCampaign {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        defer { Files.removeTree(scratch) }
        let pool = try Pool(scratch: scratch)
        try pool.write(to: scratch + "/pool.cids")
        let rounds = arguments.number("points", 50)
        // A world lives for so many rounds, then all of it must come to nothing.
        let perWorld = arguments.number("points-per-world", 10)
        let tally = Tally("layers", seed: arguments.seed)
        for number in 0..<max(1, (rounds + perWorld - 1) / perWorld) {
            let seed = arguments.seed &+ UInt64(number)
            let count = min(perWorld, rounds - number * perWorld)
            let replay = "--seed \(seed) --points \(count) --points-per-world \(perWorld)"
            var world: LayersWorld?
            tally.point(replay) {
                Files.removeTree(scratch + "/world")
                world = try LayersWorld(scratch + "/world", pool, scratch + "/pool.cids", seed)
            }
            for round in 0..<count {
                guard let current = world else { break }
                tally.point(replay) {
                    world = nil
                    do { try current.round(tally) } catch let error as StoreError {
                        throw Violation("round \(round): \(error.code): \(error)")
                    } catch { throw Violation("round \(round): \(error)") }
                    world = current
                }
            }
            if let world { tally.point(replay) { try world.end() } }
        }
        return tally.finish()
    }

    static func child(_ arguments: Arguments) throws -> Int32 {
        let pool = try Pool(file: try arguments.required("pool"))
        let worker = LayersWorker(
            try arguments.required("path"), pool, arguments.number("number", 0), seed: arguments.seed)
        if let call = arguments.optional("die-at") { _ = CallFaults.arm(.die(at: call)) }
        for _ in 0..<arguments.number("steps", 24) { worker.step() }
        return 0
    }
}

/// What a worker says before it does it; `done` follows, or `failed` when an error said that it was not done.
enum LayersLine {
    /// No CID: the root goes.
    case set(store: String, name: String, CID?)
    case create(store: String)
    case remove(store: String)
    case rename(store: String, to: String)
    case copy(store: String, to: String)
    case done, failed
    case count(String)

    init(parsing line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("set", 4):
            self = .set(store: words[1], name: words[2], words[3] == "-" ? nil : try CID(parsing: words[3]))
        case ("create", 2): self = .create(store: words[1])
        case ("remove", 2): self = .remove(store: words[1])
        case ("rename", 3): self = .rename(store: words[1], to: words[2])
        case ("copy", 3): self = .copy(store: words[1], to: words[2])
        case ("done", 1): self = .done
        case ("failed", 1): self = .failed
        case ("count", 2): self = .count(words[1])
        default: throw Violation(line)
        }
    }

    var text: String {
        switch self {
        case .set(let store, let name, let cid): "set \(store) \(name) \(cid.map(\.description) ?? "-")"
        case .create(let store): "create \(store)"
        case .remove(let store): "remove \(store)"
        case .rename(let store, let to): "rename \(store) \(to)"
        case .copy(let store, let to): "copy \(store) \(to)"
        case .done: "done"
        case .failed: "failed"
        case .count(let what): "count \(what)"
        }
    }
}
