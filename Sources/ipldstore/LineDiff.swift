/// The lines in which two texts differ, as `diff -u` shows them: what ends at a line feed, compared byte by
/// byte.
/// Source: E. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986.
enum LineDiff {
    /// Larger files are not compared line by line.
    static let largestFile: UInt64 = 1 << 20
    private static let context = 3
    /// Beyond so many differences, all lines between the first and the last one are one change: the search
    /// takes memory in proportion to the square of them.
    private static let mostDifferences = 1000

    /// Not a `String`: that has CR LF as one character, and is equal to what is written with other accents.
    private typealias Text = ArraySlice<UInt8>

    private enum Line {
        case same(Text), removed(Text), added(Text)
    }

    /// Heads and lines of all hunks.
    static func hunks(_ old: String, _ new: String) -> [String] {
        let lines = compare(split(old), split(new))
        var output: [String] = []
        var index = 0
        var (oldLine, newLine) = (1, 1)
        while index < lines.count {
            guard
                let start = lines[index...].firstIndex(where: { if case .same = $0 { false } else { true } })
            else { break }
            let first = max(index, start - context)
            (oldLine, newLine) = (oldLine + first - index, newLine + first - index)
            // Changes with few equal lines between them are one hunk.
            var end = start
            var quiet = 0
            var next = start
            while next < lines.count, quiet <= 2 * context {
                if case .same = lines[next] { quiet += 1 } else { (quiet, end) = (0, next) }
                next += 1
            }
            let last = min(lines.count, end + 1 + context)
            output += hunk(lines[first..<last], &oldLine, &newLine)
            index = last
        }
        return output
    }

    private static func hunk(_ lines: ArraySlice<Line>, _ oldLine: inout Int, _ newLine: inout Int)
        -> [String]
    {
        let (oldStart, newStart) = (oldLine, newLine)
        var body: [String] = []
        for line in lines {
            switch line {
            case .same(let text):
                body.append(" " + string(text))
                oldLine += 1
                newLine += 1
            case .removed(let text):
                body.append("-" + string(text))
                oldLine += 1
            case .added(let text):
                body.append("+" + string(text))
                newLine += 1
            }
        }
        func range(_ start: Int, _ count: Int) -> String {
            count == 1 ? "\(start)" : "\(count == 0 ? start - 1 : start),\(count)"
        }
        let head =
            "@@ -\(range(oldStart, oldLine - oldStart)) +\(range(newStart, newLine - newStart)) @@"
        return [head] + body
    }

    /// Lines, the last with a mark when no line feed follows it.
    private static func split(_ text: String) -> [Text] {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { return [] }
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true {
            lines.removeLast()
        } else {
            lines[lines.count - 1] += "\n\\ No newline at end of file".utf8
        }
        return lines
    }

    private static func string(_ text: Text) -> String { String(decoding: text, as: UTF8.self) }

    private static func compare(_ old: [Text], _ new: [Text]) -> [Line] {
        var start = 0
        while start < old.count, start < new.count, old[start] == new[start] { start += 1 }
        var (oldEnd, newEnd) = (old.count, new.count)
        while oldEnd > start, newEnd > start, old[oldEnd - 1] == new[newEnd - 1] {
            oldEnd -= 1
            newEnd -= 1
        }
        let middle = search(Array(old[start..<oldEnd]), Array(new[start..<newEnd]))
        return old[..<start].map { .same($0) } + middle + old[oldEnd...].map { .same($0) }
    }

    private static func search(_ old: [Text], _ new: [Text]) -> [Line] {
        let all = old.map { Line.removed($0) } + new.map { Line.added($0) }
        let most = min(old.count + new.count, mostDifferences)
        var ends = [1: 0]
        var trace: [[Int: Int]] = []
        for differences in 0...most {
            trace.append(ends)
            for diagonal in stride(from: -differences, through: differences, by: 2) {
                let down = ends[diagonal + 1] ?? -1
                let right = (ends[diagonal - 1] ?? -2) + 1
                var x = diagonal == -differences || diagonal != differences && right <= down ? down : right
                var y = x - diagonal
                while x < old.count, y < new.count, x >= 0, y >= 0, old[x] == new[y] {
                    x += 1
                    y += 1
                }
                ends[diagonal] = x
                if x >= old.count, y >= new.count { return path(old, new, trace) }
            }
        }
        return all
    }

    /// The way back from the end.
    private static func path(_ old: [Text], _ new: [Text], _ trace: [[Int: Int]]) -> [Line] {
        var lines: [Line] = []
        var (x, y) = (old.count, new.count)
        for differences in stride(from: trace.count - 1, through: 0, by: -1) {
            let ends = trace[differences]
            let diagonal = x - y
            let down = ends[diagonal + 1] ?? -1
            let right = (ends[diagonal - 1] ?? -2) + 1
            let isDown = diagonal == -differences || diagonal != differences && right <= down
            let beforeX = isDown ? down : right - 1
            let beforeY = beforeX - (isDown ? diagonal + 1 : diagonal - 1)
            while x > max(0, isDown ? beforeX : beforeX + 1), y > max(0, isDown ? beforeY + 1 : beforeY),
                x > 0, y > 0
            {
                x -= 1
                y -= 1
                lines.append(.same(old[x]))
            }
            guard differences > 0 else { break }
            if isDown, y > 0 {
                y -= 1
                lines.append(.added(new[y]))
            } else if x > 0 {
                x -= 1
                lines.append(.removed(old[x]))
            }
        }
        return lines.reversed()
    }
}
