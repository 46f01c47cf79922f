import Glibc

/// Space and memory over time: kept, drawn, and whether they grow.
struct SoakSamples {
    private struct Sample {
        let seconds: Double
        let diskBytes: Int
        /// Of these, the base's index file.
        let indexBytes: Int
        let memoryBytes: Int
    }

    private var samples: [Sample] = []
    var count: Int { samples.count }
    var mostDiskBytes: Int { samples.map(\.diskBytes).max() ?? 0 }

    mutating func add(seconds: Double, diskBytes: Int, indexBytes: Int, memoryBytes: Int) {
        samples.append(
            Sample(
                seconds: seconds, diskBytes: diskBytes, indexBytes: indexBytes, memoryBytes: memoryBytes))
    }

    /// Memory of a process that is its own.
    static func anonymousBytes(_ pid: pid_t) -> Int {
        guard let bytes = try? Files.readAll("/proc/\(pid)/status") else { return 0 }
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first {
            $0.hasPrefix("RssAnon:")
        }
        // A number of eight digits has no blank before it.
        return (line?.split(whereSeparator: { " \t".contains($0) }).compactMap { Int($0) }.first ?? 0) << 10
    }

    /// Over the second half, of a run that is long enough to tell: by how much the straight line through the
    /// samples rises, against what is allowed. An index file that readers are stopped beside has grown as far
    /// as they make it only after a while.
    func expectSteady() throws {
        guard let last = samples.last, last.seconds >= 120, samples.count >= 100 else { return }
        let half = samples.filter { $0.seconds >= last.seconds / 2 }
        var watched: [(String, (Sample) -> Double, Double)] = [
            ("space", { Double($0.diskBytes - $0.indexBytes) }, 6e6),
            ("memory", { Double($0.memoryBytes) }, 16e6),
        ]
        if last.seconds >= 1200 { watched.append(("the index", { Double($0.indexBytes) }, 16e6)) }
        for (what, value, floor) in watched {
            let (rise, mean) = Self.rise(half.map { ($0.seconds, value($0)) })
            guard rise <= max(floor, mean / 5) else {
                throw Violation(
                    "\(what) grew by \(Int(rise / 1e3)) kB in \(Int(last.seconds / 2)) s, to "
                        + "\(Int(mean / 1e3)) kB")
            }
        }
    }

    /// Least squares.
    private static func rise(_ points: [(x: Double, y: Double)]) -> (rise: Double, mean: Double) {
        let count = Double(points.count)
        let x = points.reduce(0) { $0 + $1.x } / count
        let y = points.reduce(0) { $0 + $1.y } / count
        let across = points.reduce(0) { $0 + ($1.x - x) * ($1.y - y) }
        let along = points.reduce(0) { $0 + ($1.x - x) * ($1.x - x) }
        guard let first = points.first, let last = points.last, along > 0 else { return (0, y) }
        return (across / along * (last.x - first.x), y)
    }

    // MARK: Files

    func write(to folder: String) throws {
        mkdir(folder, 0o777)
        var table = "seconds,disk_bytes,index_bytes,anonymous_bytes\n"
        for sample in samples {
            let row = [Int(sample.seconds), sample.diskBytes, sample.indexBytes, sample.memoryBytes]
            table += row.map(String.init).joined(separator: ",") + "\n"
        }
        try Files.write(folder + "/soak.csv", Array(table.utf8))
        try Files.write(folder + "/soak.svg", Array(drawing.utf8))
    }

    /// Two lines over time, each against its own greatest value.
    private var drawing: String {
        let (width, height, left, top) = (760, 300, 60, 40)
        let end = max(1, samples.last?.seconds ?? 1)
        func line(_ value: (Sample) -> Int) -> (points: String, most: Int) {
            let most = max(1, samples.map(value).max() ?? 1)
            let points = samples.map { sample in
                let x = Double(left) + sample.seconds / end * Double(width - left - 20)
                let y = Double(height - 30) - Double(value(sample)) / Double(most) * Double(height - 30 - top)
                return "\(Int(x)),\(Int(y))"
            }
            return (points.joined(separator: " "), most)
        }
        let (disk, mostDisk) = line(\.diskBytes)
        let (memory, mostMemory) = line(\.memoryBytes)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" \
            height="\(height)" font-family="sans-serif" font-size="12">
            <style>text{fill:#222}polyline{fill:none;stroke-width:1.5}.d{stroke:#2b7a78}.m{stroke:#b5651d}
            .t{fill:#2b7a78}.u{fill:#b5651d}
            @media(prefers-color-scheme:dark){text{fill:#ddd}}</style>
            <text x="8" y="22" font-size="15">Soak: space and memory, \(Int(end)) s</text>
            <polyline class="d" points="\(disk)"/>
            <polyline class="m" points="\(memory)"/>
            <text class="t" x="\(left)" y="\(height - 8)">disk, at most \(mostDisk >> 20) MiB</text>
            <text class="u" x="\(left + 220)" y="\(height - 8)">anonymous memory, at most \
            \(mostMemory >> 20) MiB</text>
            </svg>

            """
    }
}
