/// The command line. This file decides how it ends: which exit code, and what is said on stderr.
///
/// What always holds: results go to stdout and nothing else does; a failure is one sentence on stderr
/// (with `--json` one object) and an exit code; nothing is half written when it ends early.
import ArgumentParser
import Glibc
import IpldEngine

StandardStreams.prepare()
let arguments = LeadingOptions.take(from: Array(CommandLine.arguments.dropFirst()))
exit(CommandRun.run(arguments))

enum CommandRun {
    static func run(_ arguments: [String]) -> Int32 {
        let isJSON = LeadingOptions.isJSON || arguments.prefix { $0 != "--" }.contains("--json")
        defer { ResolvedTrees.forget() }
        do {
            try ArgumentCheck.encoding()
            try ArgumentCheck.command(in: arguments)
            var command = try IpldStoreCommand.parseAsRoot(arguments)
            try command.run()
            try StandardOutput.flush()
            return 0
        } catch let exit as CommandExit {
            return finish(exit, isJSON)
        } catch let error as StoreError {
            return finish(CommandExit(error), isJSON)
        } catch {
            return finish(parserError: error, arguments, isJSON)
        }
    }

    private static func finish(_ exit: CommandExit, _ isJSON: Bool) -> Int32 {
        // A signal may end it here.
        ResolvedTrees.forget()
        // What was reported before it failed belongs on stdout all the same.
        try? StandardOutput.flush()
        if let signal = exit.signal { Interruption.end(by: signal, saying: exit.message, isJSON: isJSON) }
        Diagnostics.error(exit.name, exit.message, isJSON: isJSON)
        return exit.status
    }

    /// Help and version, which the parser throws too, or a usage error.
    private static func finish(parserError error: any Error, _ arguments: [String], _ isJSON: Bool) -> Int32 {
        if let code = error as? ExitCode { return code.rawValue }
        let isFailure = IpldStoreCommand.exitCode(for: error) != .success
        guard isFailure else {
            do {
                try StandardOutput.write(line: IpldStoreCommand.fullMessage(for: error))
                try StandardOutput.flush()
                return 0
            } catch {
                return finish((error as? StoreError).map { CommandExit($0) } ?? .usage("\(error)"), isJSON)
            }
        }
        let usage = CommandExit.usage(
            withoutFullStop(IpldStoreCommand.message(for: error))
                + (ArgumentCheck.hasNegativeNumber(arguments) ? ", a number must not be negative" : "")
                + ": see " + helpCommand(for: error))
        Diagnostics.error(usage.name, usage.message, isJSON: isJSON)
        return usage.status
    }

    private static func withoutFullStop(_ sentence: String) -> String {
        sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
    }

    /// The command whose help the parser recommends, at the end of its long message.
    private static func helpCommand(for error: any Error) -> String {
        let words = IpldStoreCommand.fullMessage(for: error).split(
            separator: "'", omittingEmptySubsequences: false)
        return words.last { $0.hasSuffix("--help") }.map(String.init) ?? "ipldstore --help"
    }
}
