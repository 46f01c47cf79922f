/// A directory of the host into a store and out of it, durable; against `cp -a` and a flush of the same.
import Glibc
import IpldEngine
import MonoFS

struct TransferRows {
    private let context: Context
    private let input: String
    private static let group = "Directories of the host"

    /// `directory` is what is imported; nil for a root file system of this machine's most important packages.
    init(_ context: Context, directory: String?) throws {
        self.context = context
        if let directory {
            input = directory
        } else {
            input = context.directory + "/root"
            try Self.makeRoot(input)
        }
    }

    /// What a Debian system has at least, from what is installed here.
    private static func makeRoot(_ path: String) throws {
        try Subprocess.require(["mkdir", "-p", path])
        try Subprocess.require([
            "sh", "-c",
            """
            dpkg-query -W -f='${Package} ${Priority}\\n' |
            awk '$2 == "required" || $2 == "important" { print $1 }' | xargs dpkg-query -L |
            sed -nE 's#^/(bin|sbin|lib|lib32|lib64)/#/usr/\\1/#; /^[/]./p' | sort -u |
            tar -C / --no-recursion --ignore-failed-read -T - -cf - | tar -C "$1" -xpf -
            """, "sh", path,
        ])
    }

    func run() throws {
        var (copies, imports, again, exports) = (Samples(), Samples(), Samples(), Samples())
        var (importRatios, exportRatios) = (Samples(), Samples())
        var report: ImportReport?
        // What is new is not trusted: let it settle, and be in the page cache.
        try Subprocess.require(["sh", "-c", "tar -C \"$1\" -cf - . | cat > /dev/null", "sh", input])
        for _ in 0..<context.rounds {
            let (store, copy, out) = (path("store"), path("copy"), path("out"))
            defer { for path in [store, copy, out] { Files.remove(path) } }
            try flushed()
            let copied = try Subprocess.require([
                "sh", "-c", "cp -a \"$1\" \"$2\" && sync -f \"$2\"", "sh", input, copy,
            ]).cost.seconds
            copies.add(copied)
            try LmdbStore.create(at: store)
            try flushed()
            imports.add(
                try seconds {
                    report = try FileSystem(try ContentStore.open(at: store)).importDirectory(
                        input, to: "main")
                })
            try flushed()
            again.add(
                try seconds {
                    let files = FileSystem(try ContentStore.open(at: store))
                    guard try files.importDirectory(input, to: "main").isUnchanged else {
                        throw BenchError("\(input) changes while it is measured")
                    }
                })
            exports.add(
                try seconds {
                    let files = FileSystem(try ContentStore.open(at: store))
                    _ = try files.exportDirectory(of: try files.resolve("main"), to: out)
                })
            if let last = imports.values.last { importRatios.add(last / copied) }
            if let last = exports.values.last { exportRatios.add(last / copied) }
        }
        context.report.add(Self.group, "entries", Double(report?.entries ?? 0), .count)
        context.report.add(Self.group, "bytes of files", Double(report?.bytes ?? 0), .bytes)
        context.report.add(Self.group, "cp -a and flush", copies, .seconds)
        context.report.add(Self.group, "import", imports, .seconds)
        context.report.add(Self.group, "import again, nothing changed", again, .seconds)
        context.report.add(Self.group, "export", exports, .seconds)
        context.report.add(
            Self.group, "import to cp -a and flush", importRatios, .ratio,
            goal: ("< 1 × cp -a", importRatios.median < 1))
        context.report.add(
            Self.group, "export to cp -a and flush", exportRatios, .ratio,
            goal: ("≤ 1.2 × cp -a", exportRatios.median <= 1.2))
    }

    private func path(_ name: String) -> String { "\(context.directory)/transfer-\(name)" }

    /// So that nobody flushes what somebody else wrote.
    private func flushed() throws { try Subprocess.require(["sync", "-f", context.directory]) }
}
