import Glibc

/// One thing that is done for a time.
struct TortureRun {
    private let attempt: Torture.Try
    private var seed: UInt64
    private let end: UInt64
    private var left: Double { end > Clock.now() ? Double(end - Clock.now()) / 1e9 : 0 }

    init(_ attempt: Torture.Try, seed: UInt64, seconds: Double) {
        self.attempt = attempt
        self.seed = seed
        end = Clock.now() + UInt64(seconds * 1e9)
    }

    mutating func all(_ total: inout Torture.Total) throws {
        switch attempt {
        case .campaign(let words):
            note(
                try Self.output(words + ["--seconds", "\(max(1, Int(left)))", "--seed", "\(seed)"]), words[0],
                &total)
        case .points(let name, let points):
            repeat {
                let words = [name, "--points", "\(points)", "--seed", "\(seed)"]
                note(try Self.output(words), name, &total)
                seed += UInt64(max(1, points))
            } while left > 1
        case .command(let text, let usual): try runCommand(text, usual, &total)
        }
    }

    /// Lines of output and the end of this program with other arguments.
    private static func output(_ words: [String]) throws -> (lines: [String], end: Processes.End) {
        Processes.wait(try Processes.spawn(words))
    }

    /// A campaign ends with a line of counts.
    private func note(
        _ output: (lines: [String], end: Processes.End), _ campaign: String, _ total: inout Torture.Total
    ) {
        for line in output.lines where line.hasPrefix("FAILED") || line.hasPrefix("  replay:") { say(line) }
        let counts = output.lines.last { $0.hasPrefix("\(campaign): points=") } ?? ""
        func count(_ name: String) -> Int? {
            counts.split(separator: " ").first { $0.hasPrefix("\(name)=") }.flatMap {
                Int($0.dropFirst(name.utf8.count + 1))
            }
        }
        // A model's points are what it did.
        total.points += count("operations") ?? count("points") ?? 0
        if let distinct = count("distinct") { total.distinct = (total.distinct ?? 0) + distinct }
        let failures = count("failures") ?? 0
        total.failures += failures
        if failures == 0, output.end != .exited(0) {
            total.failures += 1
            say("FAILED \(campaign): it ended with \(output.end): \(output.lines.suffix(2))")
            say("  replay: fault-worker \(campaign) --seed \(seed)")
        }
    }

    // MARK: Commands

    private mutating func runCommand(_ text: String, _ usual: Int, _ total: inout Torture.Total) throws {
        var count = usual
        repeat {
            let seconds = max(1, Int(left))
            // One that takes counts is given what fits into the rest of the time, and not too few.
            if usual > 0 { count = max(usual, min(count, Int(Double(usual) * left / 10))) }
            let command = Self.replace(
                text, ["SEED": "\(seed)", "SECONDS": "\(seconds)", "COUNT": "\(count)"])
            let start = Clock.now()
            let (lines, end) = try Self.shell(command)
            if lines.contains(where: { $0.hasPrefix("skipped") }) {
                for line in lines where line.hasPrefix("skipped") { say(line) }
                return
            }
            total.points += Self.points(lines) ?? count
            if end != .exited(0) {
                total.failures += 1
                say("FAILED: \(end)")
                for line in lines.suffix(12) { say("  \(line)") }
                let words = command.split(separator: " ").map { word in
                    word.hasPrefix("$BESIDE") ? Self.beside + word.dropFirst(7) : String(word)
                }
                say("  replay: \(words.joined(separator: " "))")
            }
            seed += UInt64(max(1, count))
            // More at a time, while that is a tenth of what is left.
            if Double(Clock.now() - start) / 1e9 < left / 10 { count *= 2 }
        } while left > 2 && usual > 0
    }

    /// Of a command that says how many it tried.
    private static func points(_ lines: [String]) -> Int? {
        let said = lines.flatMap { $0.split(separator: " ") }.filter { $0.hasPrefix("points=") }
        return said.isEmpty ? nil : said.reduce(0) { $0 + (Int($1.dropFirst(7)) ?? 0) }
    }

    static func replace(_ text: String, _ words: [String: String]) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).map { word in
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let last = parts.last.map(String.init), let value = words[last] else { return String(word) }
            return parts.count == 2 ? "\(parts[0])=\(value)" : value
        }.joined(separator: " ")
    }

    /// Where this program is, and the tests are.
    private static var beside: String {
        guard let own = try? Processes.ownPath(), let end = own.lastIndex(of: "/") else { return "." }
        return String(own[..<end])
    }

    /// What a line for the shell prints, on both outputs, and how it ends; not later than in `seconds`.
    static func shell(_ command: String, seconds: Int? = nil) throws -> (
        lines: [String], end: Processes.End
    ) {
        setenv("BESIDE", beside, 1)
        return Processes.wait(
            try Processes.spawn(
                ["-c", command + " 2>&1"],
                through: seconds.map { ["timeout", "--kill-after=10", "\($0)"] } ?? [], program: "/bin/sh"))
    }
}
