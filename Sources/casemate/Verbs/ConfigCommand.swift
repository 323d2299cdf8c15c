import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// `casemate config`: what holds, and why.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show effective settings.", subcommands: [Show.self])

    /// `casemate config show`.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Print every setting and where it came from.",
            discussion: "casemate config show casemate.yaml")

        @Argument(help: "The configuration.")
        var file: String?
        @Flag(name: .long, help: "Print one JSON document.")
        var json = false

        private struct Entry: Encodable { let key: String, value: String, origin: String }
        private struct Document: Encodable {
            let schema = "casemate.settings/1"
            let version = Product.version
            let settings: [Entry]
        }

        func run() throws {
            var configuration = try file.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
            try configuration.takeVariables(ProcessInfo.processInfo.environment)
            let settings = configuration.effective
            if json {
                let entries = settings.map { Entry(key: $0.key, value: $0.value, origin: "\($0.origin)") }
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                Terminal.output(try encoder.encode(Document(settings: entries)))
                Terminal.output("\n")
                return
            }
            let width = settings.map(\.key.count).max() ?? 0
            for setting in settings {
                let key = setting.key.padding(toLength: width, withPad: " ", startingAt: 0)
                let value = setting.value.isEmpty ? "–" : setting.value
                Terminal.output("\(key)  \(value)  (\(setting.origin))\n")
            }
        }
    }
}
