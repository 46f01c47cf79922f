/// What is looked at before the parser is.
import ArgumentParser
import Glibc

enum ArgumentCheck {
    /// Throws a usage error for bytes that Swift's strings would change silently: another file or root
    /// than the one meant would be named.
    static func encoding() throws(CommandExit) {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[index] else { break }
            try check(argument, "an argument")
        }
        if let variable = getenv("IPLDSTORE") { try check(variable, "IPLDSTORE") }
    }

    private static func check(_ text: UnsafeMutablePointer<CChar>, _ what: String) throws(CommandExit) {
        guard String(validatingCString: text) == nil else { return }
        let bytes = UnsafeRawBufferPointer(start: text, count: strlen(text))
        let readable = bytes.map { byte in
            (0x20..<0x7F).contains(byte)
                ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        throw .usage("\(what) is not UTF-8: \(readable.joined())")
    }

    /// Whether a word is a number with a minus, which no command takes and the parser takes for an option.
    static func hasNegativeNumber(_ arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains { (word) in
            let isOption = word.hasPrefix("--") && word.contains("=")
            let value = isOption ? word.drop { $0 != "=" }.dropFirst() : word[...]
            return value.hasPrefix("-") && value.count > 1 && value.dropFirst().allSatisfy(\.isNumber)
        }
    }

    /// Throws a usage error that names the word which is no command; the parser calls it an argument. What
    /// `LeadingOptions` took is gone from them.
    static func command(in arguments: [String]) throws(CommandExit) {
        var parent: any ParsableCommand.Type = IpldStoreCommand.self
        var path = "ipldstore"
        if arguments.first == "--store" {
            throw .usage("--store takes a directory, and a command comes after it")
        }
        for word in arguments.first == "help" ? arguments.dropFirst() : arguments[...] {
            let commands = parent.configuration.subcommands
            if commands.isEmpty || word.hasPrefix("-") { return }
            guard let command = commands.first(where: { $0._commandName == word }) else {
                throw .usage("there is no command \(path) \(word): see \(path) --help")
            }
            parent = command
            path += " " + word
        }
    }
}
