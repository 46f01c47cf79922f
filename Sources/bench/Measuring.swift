/// Clocks, medians, memory.
import Glibc
import Synchronization

/// Seconds of a clock that never goes back.
func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Seconds that `body` takes.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = now()
    try body()
    return now() - start
}

/// Seconds of this thread's processor time that `body` takes: what one thread that never waits would take
/// on a machine of its own, also while others use this one.
func processorSeconds(_ body: () throws -> Void) rethrows -> Double {
    func spent() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    let start = spent()
    try body()
    return spent() - start
}

/// Seconds of processor time that this process has spent so far, all threads, user and system.
func processSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// What something took: by the clock, and of the processors, all threads and children.
struct Cost {
    var seconds: Double
    var processorSeconds: Double

    static func + (a: Cost, b: Cost) -> Cost {
        Cost(seconds: a.seconds + b.seconds, processorSeconds: a.processorSeconds + b.processorSeconds)
    }

    /// What `body` takes in this process.
    static func of(_ body: () throws -> Void) rethrows -> Cost {
        let spent = processSeconds()
        let start = now()
        try body()
        return Cost(seconds: now() - start, processorSeconds: processSeconds() - spent)
    }
}

/// What was measured several times.
struct Samples {
    private(set) var values: [Double] = []

    mutating func add(_ value: Double) { values.append(value) }

    var median: Double { percentile(50) }
    var smallest: Double { values.min() ?? .nan }
    var largest: Double { values.max() ?? .nan }

    /// By linear interpolation between the closest ranks.
    func percentile(_ percent: Double) -> Double {
        let sorted = values.sorted()
        guard let last = sorted.last else { return .nan }
        let position = percent / 100 * Double(sorted.count - 1)
        let index = Int(position)
        guard index + 1 < sorted.count else { return last }
        return sorted[index] + (sorted[index + 1] - sorted[index]) * (position - Double(index))
    }
}

/// Samples this process's anonymous memory while something runs. The high-water mark that the kernel
/// keeps (VmHWM) counts mapped file pages too, so it would say how large the index is, not the engine.
final class MemorySampler: @unchecked Sendable {
    private let isOver = Atomic<Bool>(false)
    private let peak = Atomic<Int>(0)
    private var thread = pthread_t()

    /// Bytes of anonymous memory in use now.
    static func anonymousBytes() -> Int {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix("RssAnon:") else { continue }
            return (Int(text.split { !$0.isNumber }.first ?? "0") ?? 0) << 10
        }
        return 0
    }

    /// The largest value seen while `body` ran, looked at each half millisecond.
    static func peakBytes(_ body: () throws -> Void) throws -> Int {
        let sampler = MemorySampler()
        let code = pthread_create(
            &sampler.thread, nil,
            { argument in
                if let argument {
                    Unmanaged<MemorySampler>.fromOpaque(argument).takeUnretainedValue().sample()
                }
                return nil
            }, Unmanaged.passUnretained(sampler).toOpaque())
        guard code == 0 else { throw BenchError("no thread to watch memory with") }
        defer {
            sampler.isOver.store(true, ordering: .releasing)
            pthread_join(sampler.thread, nil)
        }
        try body()
        return max(sampler.peak.load(ordering: .acquiring), anonymousBytes())
    }

    private func sample() {
        while !isOver.load(ordering: .acquiring) {
            let bytes = Self.anonymousBytes()
            if bytes > peak.load(ordering: .relaxed) { peak.store(bytes, ordering: .releasing) }
            usleep(500)
        }
    }
}

/// Pseudo-random numbers, the same in every run (SplitMix64).
struct RepeatableRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for offset in stride(from: 0, to: bytes.count & ~7, by: 8) {
            bytes.storeBytes(of: next(), toByteOffset: offset, as: UInt64.self)
        }
        for index in (bytes.count & ~7)..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: next()) }
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
