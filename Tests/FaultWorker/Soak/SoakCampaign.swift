import Glibc
import IpldEngine

/// Many processes on one store, its layers and its branches for hours, on a small disk that is filled and
/// freed again; readers are stopped and go on, writers are killed, clocks are wrong. Nothing is lost, and
/// neither space nor memory grows.
final class SoakCampaign {
    /// What a reader's snapshot keeps is not used again: an index grows by what is written while one is
    /// stopped within it, once, and then has the pages for the next time. There is room for that, and little
    /// more.
    private static let diskBytes = 192 << 20
    private static let mostIndexGrowthOtherwise = 16 << 20

    static func run(_ arguments: Arguments) throws -> Int32 {
        let scratch = try Files.makeScratch()
        let tally = Tally("soak", seed: arguments.seed)
        // With `--keep 1` the disk of a run that failed stays, mounted, to be looked at.
        var isKept: Bool { tally.failures > 0 && arguments.optional("keep") != nil }
        defer { if isKept { say("soak: kept in \(scratch)") } else { Files.removeTree(scratch) } }
        let seconds = arguments.number("seconds", 60)
        let disk = scratch + "/disk"
        mkdir(disk, 0o777)
        let isMounted = mount("tmpfs", disk, "tmpfs", 0, "size=\(diskBytes)") == 0
        defer { if isMounted, !isKept { umount2(disk, Int32(MNT_DETACH)) } }
        if !isMounted { say("soak: no permission to mount: the disk is never full") }
        tally.point("--seconds \(seconds) --seed \(arguments.seed)") {
            let soak = try SoakCampaign(
                scratch, disk, isMounted: isMounted, seconds: seconds, arguments.seed, tally)
            defer { soak.killAll() }
            try soak.run()
            if let folder = arguments.text("out") { try soak.samples.write(to: folder) }
            try soak.finish()
        }
        return tally.finish()
    }

    private struct Member {
        let role: SoakRole.Name
        let child: Processes.Child
    }

    private let disk: String
    private let isMounted: Bool
    private let poolFile: String
    private let pool: Pool
    private let seed: UInt64
    private let tally: Tally
    private let seconds: Int
    private let start = Clock.now()
    private let end: UInt64
    private var random: Random
    private var members: [Member] = []
    private var starts: UInt64 = 0
    private var samples = SoakSamples()
    private var ballast: Int?
    /// What the index file of the base had the last time, and by how much it grew while a reader was stopped
    /// and while none was.
    private var indexBytes = 0
    private var indexGrowth = (stopped: 0, running: 0)

    private init(
        _ scratch: String, _ disk: String, isMounted: Bool, seconds: Int, _ seed: UInt64, _ tally: Tally
    ) throws {
        (self.disk, self.isMounted, self.seconds, self.seed, self.tally) = (
            disk, isMounted, seconds, seed, tally
        )
        pool = try Pool(scratch: scratch)
        poolFile = scratch + "/pool.cids"
        try pool.write(to: poolFile)
        end = start + UInt64(seconds) * 1_000_000_000
        random = Random(seed: seed)
        try LmdbStore.create(at: SoakRole.basePath(disk), configuration: try Pool.configuration())
    }

    private func begin(_ role: SoakRole.Name) throws {
        starts += 1
        let left = end > Clock.now() ? (end - Clock.now()) / 1_000_000 : 0
        let child = try Processes.spawn([
            "soak-child", "--role", role.rawValue, "--disk", disk, "--pool", poolFile, "--milliseconds",
            "\(left)", "--seed", "\(seed &* 1000 &+ starts)",
        ])
        members.append(Member(role: role, child: child))
    }

    private func killAll() {
        for member in members {
            kill(member.child.pid, SIGKILL)
            kill(member.child.pid, SIGCONT)
            _ = Processes.wait(member.child)
        }
        members = []
    }

    // MARK: The time between

    private func run() throws {
        for role in SoakRole.Name.allCases { try begin(role) }
        var stopped: (pid: pid_t, until: UInt64)?
        var nextStop = start + 1_000_000_000
        var nextKill = start + 3_000_000_000
        var nextFill = start + 5_000_000_000
        var fullUntil: UInt64?
        // A few hundred samples, whatever the time.
        let interval = max(250_000_000, UInt64(seconds) * 1_000_000_000 / 800)
        var nextSample = start
        while Clock.now() + 500_000_000 < end {
            Processes.sleep(microseconds: 50_000)
            let now = Clock.now()
            try expectAlive()
            noteIndex(isStopped: stopped != nil)
            if let (pid, until) = stopped, now >= until {
                kill(pid, SIGCONT)
                stopped = nil
            }
            if stopped == nil, now >= nextStop, let reader = members.first(where: { $0.role == .read }) {
                kill(reader.child.pid, SIGSTOP)
                tally.count("stopped")
                stopped = (reader.child.pid, now + UInt64(100 + random.below(700)) * 1_000_000)
                nextStop = now + UInt64(2000 + random.below(6000)) * 1_000_000
            }
            if now >= nextKill {
                try killOne()
                nextKill = now + UInt64(3000 + random.below(8000)) * 1_000_000
            }
            if isMounted, fullUntil == nil, now >= nextFill {
                try fill()
                fullUntil = now + UInt64(300 + random.below(1500)) * 1_000_000
            }
            if let until = fullUntil, now >= until {
                unlink(disk + "/ballast")
                ballast = nil
                fullUntil = nil
                nextFill = now + UInt64(4000 + random.below(10_000)) * 1_000_000
            }
            if now >= nextSample {
                // What fills the disk is not the store's, and what is on its way is not counted then.
                if ballast == nil { sample(now) }
                nextSample = now + interval
            }
        }
        unlink(disk + "/ballast")
        if let (pid, _) = stopped { kill(pid, SIGCONT) }
        for member in members { try note(member, Processes.wait(member.child), mayBeKilled: false) }
        members = []
    }

    private func expectAlive() throws {
        for (position, member) in members.enumerated() {
            var information = siginfo_t()
            guard waitid(P_PID, id_t(member.child.pid), &information, WEXITED | WNOHANG | WNOWAIT) == 0,
                information.si_signo == SIGCHLD, Clock.now() + 1_000_000_000 < end
            else { continue }
            members.remove(at: position)
            let (lines, ending) = Processes.wait(member.child)
            throw Violation("\(member.role.rawValue) ended: \(ending) \(lines.suffix(3))")
        }
    }

    private func note(
        _ member: Member, _ result: (lines: [String], end: Processes.End), mayBeKilled: Bool
    ) throws {
        for line in result.lines {
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count == 3, fields[0] == "count", let amount = Int(fields[2]) else {
                throw Violation(line)
            }
            tally.count(fields[1], amount)
        }
        guard result.end == .exited(0) || mayBeKilled && result.end == .killed(SIGKILL) else {
            throw Violation("\(member.role.rawValue) ended: \(result.end)")
        }
    }

    /// Writers and those who fork; the others' memory is watched.
    private func killOne() throws {
        let roles: [SoakRole.Name] = [.churnInThePast, .share, .fork]
        guard let role = random.element(of: roles),
            let position = members.firstIndex(where: { $0.role == role })
        else { return }
        let member = members.remove(at: position)
        kill(member.child.pid, SIGKILL)
        try note(member, Processes.wait(member.child), mayBeKilled: true)
        tally.count("killed")
        try begin(role)
    }

    private func fill() throws {
        let leaving = [0, 16, 64, 256, 1024][random.below(5)] << 10
        let descriptor = open(disk + "/ballast", O_WRONLY | O_CREAT, 0o666)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        ballast = 0
        // Others take some meanwhile, and it is all or nothing.
        for attempt in 0..<8 {
            let bytes = try space().free - leaving - attempt << 17
            guard bytes > 0 else { return }
            if posix_fallocate(descriptor, 0, off_t(bytes)) == 0 {
                ballast = bytes
                return tally.count("filled")
            }
        }
    }

    private func space() throws -> (used: Int, free: Int) {
        var information = statvfs()
        guard statvfs(disk, &information) == 0 else { throw Violation("cannot look at \(disk)") }
        let block = Int(information.f_frsize)
        return (
            (Int(information.f_blocks) - Int(information.f_bfree)) * block, Int(information.f_bfree) * block
        )
    }

    private func noteIndex(isStopped: Bool) {
        var status = stat()
        guard stat(SoakRole.basePath(disk) + "/index/data.mdb", &status) == 0 else { return }
        let growth = max(0, Int(status.st_size) - indexBytes)
        if isStopped { indexGrowth.stopped += growth } else { indexGrowth.running += growth }
        indexBytes = Int(status.st_size)
    }

    private func sample(_ now: UInt64) {
        guard let used = try? isMounted ? space().used : Files.allocatedBytes(disk) else { return }
        let watched = members.filter { [.churn, .move, .read, .collect, .merge].contains($0.role) }
        let memory = watched.reduce(0) { $0 + SoakSamples.anonymousBytes($1.child.pid) }
        samples.add(
            seconds: Double(now - start) / 1e9, diskBytes: used, indexBytes: indexBytes, memoryBytes: memory)
    }

    // MARK: The end

    private func finish() throws {
        let path = SoakRole.basePath(disk)
        let inspection = Inspection(pool: pool)
        // Layers first: what they hold is needed.
        for name in Files.names(disk) where name.hasPrefix("gone-") || name.contains(".new-") {
            Files.removeTree(disk + "/" + name)
        }
        for name in Files.names(disk) where name.hasPrefix("layer-") {
            let layer = try ContentStore.open(at: disk + "/" + name)
            try inspection.readAll(layer, try NameState(of: layer))
            try layer.gc()
            try Inspection.expectClean(layer)
        }
        for name in Files.names(disk) where name.hasPrefix("layer-") { Files.removeTree(disk + "/" + name) }
        let store = try ContentStore.open(at: path)
        // What it held for layers goes.
        try store.gc()
        try inspection.inspect(store, allowed: [try NameState(of: store)], empties: true)
        tally.count("samples", samples.count)
        tally.count("index-MiB", indexBytes >> 20)
        tally.count("index-MiB-grown-while-stopped", indexGrowth.stopped >> 20)
        tally.count("index-MiB-grown-otherwise", indexGrowth.running >> 20)
        tally.count("most-MiB", samples.mostDiskBytes >> 20)
        guard indexGrowth.running <= Self.mostIndexGrowthOtherwise else {
            throw Violation("the index grew by \(indexGrowth.running) bytes while no reader was stopped")
        }
        try samples.expectSteady()
    }
}
