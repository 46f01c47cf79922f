/// Totals of torture, by commit and row, in a table of a page of documentation.
enum TortureRecord {
    private static let begin = "| commit | date | row | points | distinct | failures | seconds |"
    private static let rule = "|---|---|---|---|---|---|---|"

    private struct Line {
        let commit: String
        var date: String
        let row: String
        var total: Torture.Total

        init(commit: String, date: String, row: String, total: Torture.Total) {
            self.commit = commit
            self.date = date
            self.row = row
            self.total = total
        }

        init?(_ text: String) {
            let cells = text.split(separator: "|").map { cell in
                cell.split(separator: " ").joined(separator: " ")
            }
            guard cells.count == 7, let points = Int(cells[3]), let failures = Int(cells[5]),
                let seconds = Double(cells[6])
            else { return nil }
            (commit, date, row) = (cells[0], cells[1], cells[2])
            total = Torture.Total(
                points: points, distinct: Int(cells[4]), failures: failures, seconds: seconds)
        }

        var text: String {
            let distinct = total.distinct.map(String.init) ?? "-"
            return "| \(commit) | \(date) | \(row) | \(total.points) | \(distinct) | \(total.failures) | "
                + "\(Int(total.seconds.rounded())) |"
        }
    }

    /// Adds to what the table says of the same commit.
    static func add(
        _ totals: [(row: String, total: Torture.Total)], commit: String, date: String, to file: String
    ) throws {
        let page = String(decoding: try Files.read(file), as: UTF8.self)
        var lines = page.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let head = lines.firstIndex(of: begin), head + 1 < lines.count, lines[head + 1] == rule else {
            throw Violation("\(file) has no table that begins with \(begin)")
        }
        let end = lines[(head + 2)...].firstIndex { !$0.hasPrefix("|") } ?? lines.endIndex
        var table = lines[(head + 2)..<end].compactMap(Line.init)
        for (row, total) in totals {
            if let known = table.firstIndex(where: { $0.commit == commit && $0.row == row }) {
                table[known].date = date
                table[known].total.points += total.points
                table[known].total.failures += total.failures
                table[known].total.seconds += total.seconds
                if let distinct = total.distinct {
                    table[known].total.distinct = (table[known].total.distinct ?? 0) + distinct
                }
            } else {
                table.append(Line(commit: commit, date: date, row: row, total: total))
            }
        }
        lines.replaceSubrange((head + 2)..<end, with: table.map(\.text))
        try Files.write(file, Array(lines.joined(separator: "\n").utf8))
    }
}
