import Glibc
import IpldEngine

/// One line on the terminal that says how far a long command is; nothing elsewhere. Every step also asks
/// whether a signal has come.
final class ProgressLine {
    private let verb: String
    /// May become known on the way.
    var total: UInt64?
    private let unit: Unit
    private let isShown: Bool
    private let start = ProgressLine.now()
    private var lastShown: UInt64 = 0
    private var isDrawn = false

    enum Unit { case bytes, blocks }

    private static let interval: UInt64 = 100_000_000

    init(_ verb: String, total: UInt64? = nil, unit: Unit = .bytes, isJSON: Bool) {
        self.verb = verb
        self.total = total
        self.unit = unit
        isShown = StandardError.isTerminal && !isJSON
        lastShown = start
    }

    func step(_ done: UInt64) throws(StoreError) {
        try Interruption.check()
        guard isShown else { return }
        let now = Self.now()
        guard now - lastShown >= Self.interval else { return }
        lastShown = now
        var text = "\(verb) \(quantity(done))"
        if let total, total > 0 {
            text += " of \(quantity(total)), \(min(100, UInt64(Double(done) / Double(total) * 100))) %"
        }
        let seconds = Double(now - start) / 1e9
        if unit == .bytes, seconds > 0 { text += ", \(Quantity.bytes(UInt64(Double(done) / seconds)))/s" }
        StandardError.write("\r\(text)\u{1b}[K")
        isDrawn = true
    }

    /// Takes the line away.
    func finish() {
        if isDrawn { StandardError.write("\r\u{1b}[K") }
        isDrawn = false
    }

    private func quantity(_ value: UInt64) -> String {
        switch unit {
        case .bytes: Quantity.bytes(value)
        case .blocks: Quantity.count(value, "block")
        }
    }

    /// Nanoseconds of a clock that never goes back.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
