/// Bar charts in SVG, drawn so that they read on light and dark pages.
enum Plots {
    /// One bar for each of some rows.
    struct Chart {
        let file: String
        let title: String
        let bars: [(label: String, value: Double, text: String, isOurs: Bool)]
    }

    static func draw(_ report: Report, into directory: String) throws {
        try Subprocess.require(["mkdir", "-p", directory])
        for chart in charts(report) where !chart.bars.isEmpty {
            try Files.write(svg(chart), to: "\(directory)/\(chart.file).svg")
        }
    }

    private static func charts(_ report: Report) -> [Chart] {
        func bars(_ group: String, _ unit: Row.Unit, ours: (Row) -> Bool = { _ in true }) -> [(
            String, Double, String, Bool
        )] {
            report.rows.filter { $0.group == group && $0.unit == unit }
                .map { ($0.name, $0.value, $0.valueText, ours($0)) }
        }
        func isOurs(_ row: Row) -> Bool { row.name.hasPrefix("ipldstore") }
        let kernels = ["FastCDC-2020, average 64 KiB", "BLAKE3, 64 KiB inputs", "SHA-256, 64 KiB inputs"]
            .flatMap { bars($0, .gigabytesPerSecond) }
        return [
            Chart(file: "kernels", title: "One core, gigabytes a second: more is better", bars: kernels),
            Chart(
                file: "storing", title: "Storing a file durably, seconds: less is better",
                bars: bars("Storing", .seconds) { !$0.name.hasPrefix("cp") }),
            Chart(
                file: "reading", title: "Reading back, checked, gigabytes a second: more is better",
                bars: bars("Reading", .gigabytesPerSecond)),
            Chart(
                file: "peers-new", title: "Store a new file, seconds",
                bars: bars(Peers.new, .seconds, ours: isOurs)),
            Chart(
                file: "peers-again", title: "Store it again, seconds",
                bars: bars(Peers.again, .seconds, ours: isOurs)),
            Chart(
                file: "peers-back", title: "Read it back to a file, seconds",
                bars: bars(Peers.back, .seconds, ours: isOurs)),
            Chart(file: "peers-bytes", title: "Bytes on disk", bars: bars(Peers.bytes, .bytes, ours: isOurs)),
        ]
    }

    private static func svg(_ chart: Chart) -> String {
        let left = 300
        let width = 760
        let line = 24
        let top = 40
        let height = top + chart.bars.count * line + 10
        let longest = chart.bars.map(\.value).max() ?? 1
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" \
            height="\(height)" font-family="sans-serif" font-size="12">
            <style>text{fill:#222}.o{fill:#2b7a78}.p{fill:#9aa5b1}
            @media(prefers-color-scheme:dark){text{fill:#ddd}.o{fill:#4db6ac}.p{fill:#5c6773}}</style>
            <text x="8" y="22" font-size="15">\(escaped(chart.title))</text>

            """
        for (position, bar) in chart.bars.enumerated() {
            let y = top + position * line
            let length = Row.fixed(max(1, bar.value / longest * Double(width - left - 90)), 1)
            text +=
                "<text x=\"\(left - 8)\" y=\"\(y + 14)\" text-anchor=\"end\">\(escaped(bar.label))</text>\n"
            text +=
                "<rect class=\"\(bar.isOurs ? "o" : "p")\" x=\"\(left)\" y=\"\(y + 2)\" width=\"\(length)\" "
            text += "height=\"\(line - 8)\"/>\n"
            let end = Row.fixed(Double(left) + max(1, bar.value / longest * Double(width - left - 90)) + 6, 1)
            text += "<text x=\"\(end)\" y=\"\(y + 14)\">\(escaped(bar.text))</text>\n"
        }
        return text + "</svg>\n"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
        return result
    }
}
