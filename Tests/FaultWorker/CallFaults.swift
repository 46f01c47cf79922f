import Glibc
import IpldEngine
import Synchronization

/// A plan for the n-th system call of this process, counted from `arm`.
final class CallFaults: Sendable {
    enum Plan: Sendable {
        case count
        /// SIGKILL instead of call n.
        case die(at: Int)
        /// Call n, if it reads or writes, transfers a few bytes; call n + 1 is death.
        case dieShort(at: Int)
        /// Call n fails with an errno; with `forEver`, all later ones do.
        case fail(at: Int, code: Int32, forEver: Bool)
        /// Call n transfers a few bytes only; with `forEver`, all later ones do.
        case short(at: Int, forEver: Bool)
        /// The first flush at or after call n fails, and the file loses what was written since its last.
        case loseFlush(at: Int)
    }

    private let plan: Plan
    private let calls = Atomic<Int>(0)
    private let hits = Atomic<Int>(0)
    private let unflushed = Mutex<[UInt64: Written]>([:])

    /// What a file has been given since its last flush, and a way to it when the writer has closed it.
    private struct Written {
        let descriptor: Int32
        var ranges: [(offset: UInt64, length: Int)] = []

        func lose() {
            for (offset, length) in ranges {
                let zeros = [UInt8](repeating: 0, count: length)
                pwrite(descriptor, zeros, length, off_t(offset))
            }
        }
    }

    /// Calls seen.
    var count: Int { calls.load(ordering: .relaxed) }
    /// Calls interfered with.
    var hitCount: Int { hits.load(ordering: .relaxed) }

    private init(_ plan: Plan) { self.plan = plan }

    static func arm(_ plan: Plan) -> CallFaults {
        let faults = CallFaults(plan)
        System.faultHook = { call in faults.decide(call) }
        return faults
    }

    static func disarm() { System.faultHook = nil }

    private func decide(_ call: SystemCall) -> Fault {
        let number = calls.wrappingAdd(1, ordering: .relaxed).newValue
        let fault = decide(call, number)
        if case .none = fault {} else { hits.wrappingAdd(1, ordering: .relaxed) }
        return fault
    }

    private func decide(_ call: SystemCall, _ number: Int) -> Fault {
        switch plan {
        case .count: return .none
        case .die(let at):
            if number == at { kill(getpid(), SIGKILL) }
            return .none
        case .dieShort(let at):
            if number > at { kill(getpid(), SIGKILL) }
            return number == at ? .short(shortLength(call)) : .none
        case .fail(let at, let code, let forEver):
            return number == at || forEver && number > at ? .fail(code) : .none
        case .short(let at, let forEver):
            return number == at || forEver && number > at ? .short(shortLength(call)) : .none
        case .loseFlush(let at): return loseFlush(call, number >= at)
        }
    }

    /// A third of what was asked for, so that a long transfer ends in the middle of something.
    private func shortLength(_ call: SystemCall) -> Int {
        switch call {
        case .read(_, _, let length), .readStream(_, let length): length / 3
        case .write(_, _, let bytes): bytes.count / 3
        default: 0
        }
    }

    private func loseFlush(_ call: SystemCall, _ isTime: Bool) -> Fault {
        unflushed.withLock { unflushed in
            switch call {
            case .write(let descriptor, let offset, let bytes):
                let file = Self.identity(descriptor)
                if unflushed[file] == nil {
                    // A description of its own: the writer's carries locks.
                    unflushed[file] = Written(descriptor: open("/proc/self/fd/\(descriptor)", O_WRONLY))
                }
                unflushed[file]?.ranges.append((offset, bytes.count))
                return .none
            case .flush(let descriptor):
                guard let lost = unflushed.removeValue(forKey: Self.identity(descriptor)) else {
                    return .none
                }
                return lose([lost], isTime)
            case .flushFileSystem:
                defer { unflushed = [:] }
                return lose(Array(unflushed.values), isTime)
            default: return .none
            }
        }
    }

    private func lose(_ files: [Written], _ isTime: Bool) -> Fault {
        defer { for file in files { close(file.descriptor) } }
        guard isTime, hitCount == 0 else { return .none }
        for file in files { file.lose() }
        return .fail(EIO)
    }

    private static func identity(_ descriptor: Int32) -> UInt64 {
        var information = stat()
        return fstat(descriptor, &information) == 0 ? UInt64(information.st_ino) : 0
    }
}
