import Synchronization

/// The same work on many items, on all cores.
enum Parallel {
    /// Calls `body` once for each position, from several threads at once; returns when all are done.
    static func forEach(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let next = Atomic<Int>(0)
        let threads = min(WorkerThread.processorCount, count / 32)
        let cursor = Cursor(next)
        var workers: [WorkerThread] = []
        for _ in 0..<max(0, threads - 1) {
            // Fewer threads than wished for do the same work.
            guard let worker = try? WorkerThread({ cursor.run(count, body) }) else { break }
            workers.append(worker)
        }
        cursor.run(count, body)
        for worker in workers { worker.join() }
    }

    private final class Cursor: Sendable {
        private let next: Atomic<Int>
        init(_ next: consuming Atomic<Int>) { self.next = next }

        func run(_ count: Int, _ body: (Int) -> Void) {
            while true {
                let position = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard position < count else { return }
                body(position)
            }
        }
    }
}
