/// `bench` measures this engine, `bench peers` what others do with the same input (docs/BENCHMARKS.md).
import ArgumentParser
import Glibc

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures the store, and its peers.",
        subcommands: [Run.self, Peers.self, Child.self], defaultSubcommand: Run.self)
}

struct CommonOptions: ParsableArguments {
    @Option(help: "The file to store. Default: a tar of the Swift toolchain's lib folder, made first.")
    var input: String?
    @Option(help: "A directory on the disk to measure; a new one inside it is used and removed.")
    var work: String = "/var/tmp"
    @Option(help: "Write all samples to this file.")
    var json: String?
    @Option(help: "Write the rows to this file as a Markdown table.")
    var table: String?
    @Flag(help: "Repeat less: three times what takes seconds, once what takes longer.")
    var quick = false
}

/// Where a run works, on what, how often, and what it found.
final class Context {
    let report = Report()
    let input: InputFile
    /// On the disk.
    let directory: String
    /// In memory: there a flush costs nothing, so what remains is the engine's. Nil where there is none.
    let memoryDirectory: String?
    /// Repetitions of what takes seconds.
    let rounds: Int
    let isQuick: Bool

    init(_ options: CommonOptions) throws {
        isQuick = options.quick
        rounds = options.quick ? 3 : 5
        directory = "\(options.work)/ipldstore-bench-\(getpid())"
        try Subprocess.require(["mkdir", "-p", directory])
        let memory = "/dev/shm/ipldstore-bench-\(getpid())"
        memoryDirectory = (try? Subprocess.require(["mkdir", memory])) == nil ? nil : memory
        do { input = try InputFile(named: options.input, in: directory) } catch {
            Files.remove(directory)
            if let memoryDirectory { Files.remove(memoryDirectory) }
            throw error
        }
        report.input = (input.what, input.length)
        print(report.machine.summary)
        print("input: \(input.what), \(Row.format(Double(input.length), .bytes))")
    }

    func cleanUp() {
        Files.remove(directory)
        if let memoryDirectory { Files.remove(memoryDirectory) }
    }
}

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measures the store (the default).")

    enum Group: String, CaseIterable, ExpressibleByArgument {
        case kernels, storing, reading, interface, changing, trees, directories, names, layers, memory
    }

    @OptionGroup var options: CommonOptions
    @Option(help: "Draw plots into this directory.")
    var plots: String?
    @Option(help: "Measure only this, repeatable: \(Group.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: [Group] = []
    @Option(help: "A directory to import. Default: a copy of this machine's most important packages.")
    var directory: String?
    @Option(help: "Blocks of the large store.")
    var blocks: Int = 1_000_000

    func validate() throws {
        guard (20_000...100_000_000).contains(blocks) else {
            throw ValidationError("--blocks is 20,000 to 100,000,000")
        }
    }

    func run() throws {
        let context = try Context(options)
        defer { context.cleanUp() }
        let groups = only.isEmpty ? Group.allCases : only
        if groups.contains(.kernels) { try KernelRows(context).run() }
        if groups.contains(.storing) { try StoringRows(context).run() }
        if groups.contains(.reading) { try ReadingRows(context).run() }
        if groups.contains(.interface) { try InterfaceRows(context).run() }
        if groups.contains(.changing) {
            try EditRows(context).run()
            try NodeRows(context).run()
        }
        if groups.contains(.trees) { try TreeRows(context).run() }
        if groups.contains(.directories) { try TransferRows(context, directory: directory).run() }
        if groups.contains(.names) { try NameRows(context, blocks: blocks).run() }
        if groups.contains(.layers) { try LayerRows(context).run() }
        if groups.contains(.memory) { try MemoryRows(context, blocks: blocks).run() }
        try context.report.save(json: options.json, plots: plots, table: options.table)
    }
}

extension Report {
    func save(json path: String?, plots directory: String?, table: String?) throws {
        if let table { try Files.write(markdown, to: table) }
        if let path { try Files.write(json, to: path) }
        if let directory { try Plots.draw(self, into: directory) }
    }
}
