/// Work that several threads do at once, given out and taken back in one order by the thread that owns the
/// queue.
///
/// What always holds: an item belongs to one thread at a time; items come back in the order in which they
/// were submitted; `stop`, which the owner calls whatever happens, joins all threads.
package final class WorkQueue<Item: AnyObject & Sendable>: @unchecked Sendable {
    private let monitor = Monitor()
    private var threads: [WorkerThread] = []
    // Guarded by the monitor.
    private var waiting: [Item] = []
    private var done: Set<ObjectIdentifier> = []
    private var isStopping = false
    // The owner's.
    private var inOrder: [Item] = []

    package init() {}

    package static var processorCount: Int { WorkerThread.processorCount }

    /// Items that are on their way.
    package var count: Int { inOrder.count }

    /// Starts as many threads as there can be, up to `count`; `makeWorker` is called in each, for what it
    /// does with an item. Throws when there can be none.
    package func start(
        threads count: Int, _ makeWorker: @escaping @Sendable () -> (Item) -> Void
    ) throws(StoreError) {
        while threads.count < count {
            do throws(StoreError) {
                threads.append(try WorkerThread { [self] in work(makeWorker()) })
            } catch {
                guard threads.isEmpty else { return }
                throw error
            }
        }
    }

    package func submit(_ item: Item) {
        inOrder.append(item)
        monitor.locked {
            waiting.append(item)
            monitor.wakeAll()
        }
    }

    /// The first item that is on its way, once it is done; nil when there is none, or, without `waiting`,
    /// when it is not done yet.
    package func next(waiting mayWait: Bool) -> Item? {
        guard let first = inOrder.first else { return nil }
        let isDone = monitor.locked {
            while done.remove(ObjectIdentifier(first)) == nil {
                guard mayWait, !threads.isEmpty else { return false }
                monitor.wait()
            }
            return true
        }
        return isDone ? inOrder.removeFirst() : nil
    }

    /// Ends the threads after the items that they have in hand.
    package func stop() {
        monitor.locked {
            isStopping = true
            monitor.wakeAll()
        }
        for thread in threads { thread.join() }
        threads = []
        waiting = []
        inOrder = []
    }

    private func work(_ body: (Item) -> Void) {
        while true {
            let next = monitor.locked { () -> Item? in
                while waiting.isEmpty, !isStopping { monitor.wait() }
                return isStopping ? nil : waiting.removeFirst()
            }
            guard let item = next else { return }
            body(item)
            monitor.locked {
                done.insert(ObjectIdentifier(item))
                monitor.wakeAll()
            }
        }
    }
}
