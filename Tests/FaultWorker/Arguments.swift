import Glibc

/// `fault-worker COMMAND --name value …`: every count and every seed is a parameter, so that a quick run
/// and one of days are the same code.
struct Arguments {
    let command: String
    private var values: [String: String] = [:]

    init(_ words: [String]) throws {
        command = words.count > 1 ? words[1] : "help"
        var position = 2
        while position < words.count {
            guard words[position].hasPrefix("--"), position + 1 < words.count else {
                throw Violation("cannot read the argument \(words[position])")
            }
            values[String(words[position].dropFirst(2))] = words[position + 1]
            position += 2
        }
    }

    func text(_ name: String) -> String? { values[name] }
    func required(_ name: String) throws -> String {
        guard let value = values[name] else { throw Violation("--\(name) is missing") }
        return value
    }
    func number(_ name: String, _ otherwise: Int) -> Int { values[name].flatMap { Int($0) } ?? otherwise }
    func optional(_ name: String) -> Int? { values[name].flatMap { Int($0) } }
    var seed: UInt64 { values["seed"].flatMap { UInt64($0) } ?? 1 }
}

/// A promise that the store has broken.
struct Violation: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// How much a campaign does: so many points, or all that fit into a time.
struct Budget {
    private let points: Int
    private let end: UInt64?

    init(_ arguments: Arguments, points usual: Int) {
        points = arguments.number("points", usual)
        end = arguments.optional("seconds").map { Clock.now() + UInt64($0) * 1_000_000_000 }
    }

    /// Whether there is more to do after so many points.
    func goesOn(_ done: Int) -> Bool { end.map { Clock.now() < $0 } ?? (done < points) }
}

/// What a campaign tried, and what came of it. `finish` prints one line, and the way to replay for
/// each failure.
final class Tally {
    let campaign: String
    let seed: UInt64
    private(set) var points = 0
    private(set) var failures = 0
    private var notes: [(name: String, value: Int)] = []
    private let start = Clock.now()

    init(_ campaign: String, seed: UInt64) {
        self.campaign = campaign
        self.seed = seed
    }

    /// One point; `replay` are the arguments that lead to it again.
    func point(_ replay: @autoclosure () -> String, _ body: () throws -> Void) {
        points += 1
        let replay = replay()
        CrashNote.set("FAILED \(campaign): died\n  replay: fault-worker \(campaign) \(replay)\n")
        defer { CrashNote.set("") }
        do { try body() } catch {
            failures += 1
            say("FAILED \(campaign): \(error)\n  replay: fault-worker \(campaign) \(replay)")
        }
    }

    /// Something to do that is no point by itself.
    func unit(_ replay: @autoclosure () -> String, _ body: () throws -> Void) {
        points -= 1
        point(replay(), body)
    }

    func count(_ name: String, _ amount: Int = 1) {
        if let position = notes.firstIndex(where: { $0.name == name }) {
            notes[position].value += amount
        } else {
            notes.append((name, amount))
        }
    }

    func finish() -> Int32 {
        let seconds = Double(Clock.now() - start) / 1e9
        let rest = notes.map { " \($0.name)=\($0.value)" }.joined()
        say(
            "\(campaign): points=\(points) failures=\(failures)\(rest) seed=\(seed)"
                + " seconds=\((seconds * 10).rounded() / 10)")
        return failures == 0 ? 0 : 1
    }
}

/// What is said when this process dies of a signal that it gave itself: how to get there again.
enum CrashNote {
    nonisolated(unsafe) private static let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 2048)
    nonisolated(unsafe) private static var count = 0
    private static let isArmed: Void = {
        for number in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT] {
            signal(number) { _ in
                if CrashNote.count > 0 { _ = write(1, CrashNote.bytes.baseAddress, CrashNote.count) }
                _exit(CrashNote.count > 0 ? 1 : 2)
            }
        }
    }()

    static func set(_ text: String) {
        _ = isArmed
        count = 0
        let utf8 = text.utf8.prefix(bytes.count)
        _ = bytes.update(fromContentsOf: utf8)
        count = utf8.count
    }
}

enum Clock {
    /// Nanoseconds that never go back.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
