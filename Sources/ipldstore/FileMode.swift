import IpldEngine
import MonoFS

/// A change of modes, as chmod takes it: octal digits, or clauses as u+rwx,go-w. There is no umask: without
/// u, g, o or a, all of them are meant.
struct FileMode {
    private enum Change {
        case absolute(UInt16)
        case clauses([Clause])
    }

    private struct Clause {
        /// Bits that are spoken of: those of users, and the special ones that go with them.
        let who: UInt16
        let operation: Character
        let permissions: String
    }

    private let change: Change

    init?(_ text: String) {
        if let mode = UInt16(text, radix: 8), text.first?.isNumber == true {
            guard mode <= 0o7777 else { return nil }
            change = .absolute(mode)
            return
        }
        var clauses: [Clause] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            var rest = part[...]
            var who: UInt16 = 0
            while let letter = rest.first, let bits = Self.users[letter] {
                who |= bits
                rest = rest.dropFirst()
            }
            if who == 0 { who = 0o7777 }
            guard !rest.isEmpty else { return nil }
            while let operation = rest.popFirst() {
                guard "+-=".contains(operation) else { return nil }
                let permissions = rest.prefix { !"+-=".contains($0) }
                rest = rest.dropFirst(permissions.count)
                let isCopy = permissions.count == 1 && "ugo".contains(permissions.first ?? " ")
                guard isCopy || permissions.allSatisfy({ "rwxXst".contains($0) }) else { return nil }
                clauses.append(Clause(who: who, operation: operation, permissions: String(permissions)))
            }
        }
        change = .clauses(clauses)
    }

    private static let users: [Character: UInt16] = [
        "u": 0o4700, "g": 0o2070, "o": 0o1007, "a": 0o7777,
    ]

    /// The mode that an entry is to have.
    func applied(to entry: Entry) -> UInt16 {
        switch change {
        case .absolute(let mode): return mode
        case .clauses(let clauses):
            return clauses.reduce(entry.mode) { (mode, clause) in
                let bits = Self.bits(clause.permissions, mode, isDirectory: entry.isDirectory) & clause.who
                switch clause.operation {
                case "+": return mode | bits
                case "-": return mode & ~bits
                default:
                    // As chmod does, = leaves a directory's set-user-id and set-group-id unless named.
                    let kept: UInt16 = entry.isDirectory ? 0o6000 : 0
                    return mode & ~(clause.who & ~kept) | bits
                }
            }
        }
    }

    /// What letters stand for, for all users.
    private static func bits(_ permissions: String, _ mode: UInt16, isDirectory: Bool) -> UInt16 {
        var bits: UInt16 = 0
        for letter in permissions {
            switch letter {
            case "r": bits |= 0o444
            case "w": bits |= 0o222
            case "x": bits |= 0o111
            case "X": bits |= isDirectory || mode & 0o111 != 0 ? 0o111 : 0
            case "s": bits |= 0o6000
            case "t": bits |= 0o1000
            case "u": bits |= (mode >> 6 & 7) * 0o111
            case "g": bits |= (mode >> 3 & 7) * 0o111
            default: bits |= (mode & 7) * 0o111
            }
        }
        return bits
    }
}
