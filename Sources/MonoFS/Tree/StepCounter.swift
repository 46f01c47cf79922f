import IpldEngine

/// Hears how far a long operation is, and may throw to stop it: with CANCELLED, say. The number never goes
/// back, and what it counts is said where it is taken.
public typealias StepHandler = (UInt64) throws(StoreError) -> Void

/// One count that all parts of an operation share.
final class StepCounter {
    private let handler: StepHandler
    private var done: UInt64 = 0

    /// Nil where nobody hears.
    init?(_ handler: StepHandler?) {
        guard let handler else { return nil }
        self.handler = handler
    }

    func step(_ count: Int = 1) throws(StoreError) {
        done &+= UInt64(count)
        try handler(done)
    }

    /// A handler for a part that counts from 0 itself.
    var onward: StepHandler {
        let before = done
        return { [self] (count) throws(StoreError) in
            done = max(done, before &+ count)
            try handler(done)
        }
    }
}
