import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateReport
import Foundation

/// Ends the process after something went wrong, in the form that the caller asked for.
enum Failure {
    /// Prints the error and exits: 2 for everything that could not be done, 130 when interrupted.
    static func end(with error: any Error, message: String, code: ExitCode) -> Never {
        if code == .success {
            // Help and version arrive as errors.
            Terminal.output(message + "\n")
            exit(0)
        }
        if let code = error as? ExitCode { exit(code.rawValue) }
        let isJSON = wantsJSON(CommandLine.arguments)
        switch error {
        case let cancelled as Cancelled where cancelled.reason == .interrupted:
            if isJSON { Terminal.output(document(code: "interrupted", message: "interrupted", status: 130)) }
            Terminal.message("interrupted")
            exit(130)
        case is Cancelled:
            end(code: "limit-exceeded", "the time budget ran out before the work began\n  help: raise --budget", isJSON)
        case let error as CasemateError:
            end(code: error.code.rawValue, error.description, isJSON)
        default:
            let isUsage = code == .validationFailure
            end(code: isUsage ? "usage" : "failed", isUsage ? stripped(message) : "\(error)", isJSON)
        }
    }

    private static func end(code: String, _ message: String, _ isJSON: Bool) -> Never {
        if isJSON { Terminal.output(document(code: code, message: message, status: 2)) }
        // why line by line: a message may quote a file, and its line ends are ours.
        let lines = message.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).inert }
        Terminal.message("error: \(lines.joined(separator: "\n"))")
        exit(2)
    }

    /// ArgumentParser begins usage errors with its own "Error: ".
    private static func stripped(_ message: String) -> String {
        message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message
    }

    /// Whether standard output is to be one JSON document; looked up by hand because parsing may be what failed.
    static func wantsJSON(_ arguments: [String]) -> Bool {
        arguments.contains("--json") || arguments.contains("--format=json")
            || zip(arguments, arguments.dropFirst()).contains { $0 == "--format" && $1 == "json" }
    }

    private struct Document: Encodable {
        struct Problem: Encodable { let code: String, message: String }
        let schema = "casemate.error/1"
        let version = Product.version
        let verdict = "undecided"
        let exitStatus: Int32
        let error: Problem
        let findings: [String] = [], metrics: [String] = [], coverage: [String] = [], inputs: [String] = []
    }

    /// The envelope of a failure.
    static func document(code: String, message: String, status: Int32) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let document = Document(exitStatus: status, error: .init(code: code, message: message))
        return (try? encoder.encode(document)).map { String(decoding: $0, as: UTF8.self) + "\n" } ?? "{}\n"
    }
}
