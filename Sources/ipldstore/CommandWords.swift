import Glibc

/// The command as it was typed, which is what a version says of itself by default.
enum CommandWords {
    /// Options that say nothing of the change; those with true take the next word too.
    private static let left: [String: Bool] = [
        "--json": false, "--store": true, "--author": true, "--message": true, "-m": true,
    ]
    /// Of a longer one, the beginning is kept.
    private static let limit = 2000

    static var message: String {
        message(of: LeadingOptions.take(from: Array(CommandLine.arguments.dropFirst())))
    }

    static func message(of arguments: [String]) -> String {
        var words: [String] = []
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if word == "--" {
                words += rest
                break
            }
            if let takesNext = left[word] {
                if takesNext { rest = rest.dropFirst() }
                continue
            }
            if left.contains(where: { $0.value && $0.key.hasPrefix("--") && word.hasPrefix($0.key + "=") }) {
                continue
            }
            words.append(word)
        }
        let text = words.map(quoted).joined(separator: " ")
        guard text.utf8.count > limit else { return text }
        return String(decoding: text.utf8.prefix(limit), as: UTF8.self) + " …"
    }

    /// So that a shell would take it for one word, where it otherwise would not.
    private static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.unicodeScalars.allSatisfy { scalar in
                scalar.value > 0x7F || scalar.properties.isAlphabetic
                    || "0123456789/.:_-+=,@%^~".unicodeScalars.contains(scalar)
            }
        return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
