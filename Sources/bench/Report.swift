/// What a run found: rows with their goals, the machine, a table, JSON.
import Glibc

/// One measured thing.
struct Row {
    enum Unit: String {
        case seconds, bytes
        case gigabytesPerSecond = "GB/s"
        case ratio, count
    }

    let group: String
    let name: String
    let value: Double
    let unit: Unit
    /// All samples, in the unit.
    let samples: [Double]
    /// What PERFORMANCE says it should be, and whether it is; nil where it says nothing.
    let goal: (text: String, isMet: Bool)?

    var valueText: String { Self.format(value, unit) }
    var smallestText: String { Self.format(samples.min() ?? .nan, unit) }
    var largestText: String { Self.format(samples.max() ?? .nan, unit) }

    static func format(_ value: Double, _ unit: Unit) -> String {
        switch unit {
        case .gigabytesPerSecond: return fixed(value, 2) + " GB/s"
        case .ratio: return fixed(value, 2) + " ×"
        case .count: return fixed(value, 0)
        case .bytes:
            if value >= 10e6 { return fixed(value / 1e6, 1) + " MB" }
            if value >= 10e3 { return fixed(value / 1e3, 1) + " kB" }
            return fixed(value, 1) + " B"
        case .seconds:
            if value >= 1 { return fixed(value, 2) + " s" }
            if value >= 1e-3 { return fixed(value * 1e3, 2) + " ms" }
            return fixed(value * 1e6, 1) + " µs"
        }
    }

    static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        guard scaled < 9e15 else { return "\(value)" }
        let whole = Int(scaled)
        let fraction = String(whole % Int(scale))
        let sign = value < 0 ? "-" : ""
        guard digits > 0 else { return sign + String(whole) }
        return sign + "\(whole / Int(scale))." + String(repeating: "0", count: digits - fraction.count)
            + fraction
    }
}

final class Report {
    private(set) var rows: [Row] = []
    let machine = Machine()
    var input: (what: String, bytes: Int)?
    /// Peers that are not installed.
    var absent: [String] = []

    func add(
        _ group: String, _ name: String, _ samples: Samples, _ unit: Row.Unit,
        goal: (text: String, isMet: Bool)? = nil
    ) {
        add(
            Row(
                group: group, name: name, value: samples.median, unit: unit, samples: samples.values,
                goal: goal))
    }

    func add(
        _ group: String, _ name: String, _ value: Double, _ unit: Row.Unit,
        goal: (text: String, isMet: Bool)? = nil
    ) {
        add(Row(group: group, name: name, value: value, unit: unit, samples: [value], goal: goal))
    }

    private func add(_ row: Row) {
        if rows.last?.group != row.group { print("\n\(row.group)") }
        rows.append(row)
        let goal = row.goal.map { "  \($0.isMet ? "met" : "NOT MET"): \($0.text)" } ?? ""
        let spread =
            row.samples.count > 1
            ? "  [\(row.smallestText) … \(row.largestText)]"
            : ""
        print("  \(Self.padded(row.name, 58)) \(Self.padded(row.valueText, 12))\(spread)\(goal)")
        fflush(nil)
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    func row(_ name: String) -> Row? { rows.last { $0.name == name } }

    var json: String {
        var text =
            "{\n  \"machine\": {\"processor\": \(quoted(machine.processor)), \"cores\": \(machine.cores), "
        text +=
            "\"memory_bytes\": \(machine.memoryBytes), \"kernel\": \(quoted(machine.kernel)), "
        text += "\"load_at_start\": \(number(machine.load))},\n"
        if let input {
            text += "  \"input\": {\"what\": \(quoted(input.what)), \"bytes\": \(input.bytes)},\n"
        }
        text += "  \"absent\": [\(absent.map(quoted).joined(separator: ", "))],\n  \"rows\": [\n"
        text += rows.map { row in
            var fields = "    {\"group\": \(quoted(row.group)), \"name\": \(quoted(row.name)), "
            fields += "\"value\": \(number(row.value)), \"unit\": \(quoted(row.unit.rawValue)), "
            fields += "\"samples\": [\(row.samples.prefix(25).map(number).joined(separator: ", "))]"
            if let goal = row.goal { fields += ", \"goal\": \(quoted(goal.text)), \"met\": \(goal.isMet)" }
            return fields + "}"
        }.joined(separator: ",\n")
        return text + "\n  ]\n}\n"
    }

    /// The rows as a Markdown table.
    var markdown: String {
        var text = "| what | measured | smallest … largest | goal | |\n|---|---|---|---|---|\n"
        for row in rows {
            let spread = row.samples.count > 1 ? "\(row.smallestText) … \(row.largestText)" : ""
            let goal = row.goal?.text ?? ""
            let verdict = row.goal.map { $0.isMet ? "met" : "**not met**" } ?? ""
            text += "| \(row.name) | \(row.valueText) | \(spread) | \(goal) | \(verdict) |\n"
        }
        return text
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }
}

/// What the numbers depend on.
struct Machine {
    let processor: String
    let cores = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let memoryBytes = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
    let kernel: String
    /// Processes that ran or waited to, over the last minute: what the machine did beside the bench.
    let load: Double

    var summary: String { "\(processor), \(cores) cores, \(kernel), load \(Row.fixed(load, 1))" }

    init() {
        var averages = [0.0]
        load = getloadavg(&averages, 1) == 1 ? averages[0] : .nan
        let fields = (try? Subprocess.require(["grep", "-m1", "model name", "/proc/cpuinfo"]).output) ?? ""
        processor =
            fields.split(separator: ":").last.map { text in
                String(text.drop { $0 == " " }.prefix { $0 != "\n" })
            } ?? "unknown"
        kernel =
            (try? Subprocess.require(["uname", "-sr"]).output.split(separator: "\n").first.map(String.init))
            ?? "unknown"
    }
}
