/// Signals that ask a command to stop: long commands end at their next step, clear away what they made,
/// and only then die of the signal, so that a shell sees what happened.
import Glibc
import IpldEngine
import Synchronization

enum Interruption {
    private static let signalNumber = Atomic<Int32>(0)
    /// Written to by the handler, so that a wait for input ends.
    private static let wakeDescriptor = Atomic<Int32>(-1)
    nonisolated(unsafe) private static var readDescriptor: Int32 = -1

    /// The signal that came, if any.
    static var received: Int32? {
        let number = signalNumber.load(ordering: .acquiring)
        return number == 0 ? nil : number
    }

    /// From here on SIGINT, SIGTERM and SIGHUP are answered by `check`. A second one ends the process.
    static func watch() {
        guard readDescriptor < 0 else { return }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        readDescriptor = ends[0]
        wakeDescriptor.store(ends[1], ordering: .releasing)
        // A parent may have started this process from a thread that blocks signals.
        var watched = sigset_t()
        sigemptyset(&watched)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            sigaddset(&watched, number)
            var previous = sigaction()
            sigaction(number, nil, &previous)
            // Started in the background, or under nohup: it stays ignored.
            if previous.__sigaction_handler.sa_handler.map({ unsafeBitCast($0, to: Int.self) }) == 1 {
                continue
            }
            var action = sigaction()
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
            action.__sigaction_handler.sa_handler = { number in
                Interruption.signalNumber.store(number, ordering: .releasing)
                var byte: UInt8 = 0
                _ = write(Interruption.wakeDescriptor.load(ordering: .acquiring), &byte, 1)
            }
            sigaction(number, &action, nil)
        }
        pthread_sigmask(SIG_UNBLOCK, &watched, nil)
    }

    /// Throws CANCELLED once a signal has come.
    static func check() throws(StoreError) {
        guard received != nil else { return }
        throw StoreError(.cancelled, "interrupted")
    }

    /// Waits until `descriptor` has something to read, or throws when a signal comes.
    static func wait(toRead descriptor: Int32) throws(StoreError) {
        while true {
            try check()
            var waits = (
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: readDescriptor, events: Int16(POLLIN), revents: 0)
            )
            let ready = withUnsafeMutableBytes(of: &waits) {
                poll($0.assumingMemoryBound(to: pollfd.self).baseAddress, 2, -1)
            }
            if ready > 0, waits.0.revents != 0 { return }
            // A descriptor that cannot be waited for is read, and says why.
            if ready < 0, errno != EINTR { return }
        }
    }

    static func readerHasGone() { signalNumber.store(SIGPIPE, ordering: .releasing) }

    /// Dies of the signal, as if it had not been caught. SIGPIPE is silent.
    static func end(by number: Int32, saying message: String, isJSON: Bool) -> Never {
        if number != SIGPIPE {
            Diagnostics.error(StoreError.Code.cancelled.name, message, isJSON: isJSON)
        }
        signal(number, SIG_DFL)
        raise(number)
        exit(128 + number)
    }
}
