import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// `casemate doctor`: engines, versions, and what each missing one costs.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "List native engines, their versions, and what each missing one costs.",
        discussion: "casemate doctor --json")

    @Flag(name: .long, help: "Print one JSON document.")
    var json = false

    private struct Document: Encodable {
        let schema = "casemate.doctor/1"
        let version = Product.version
        let platform = Product.platform
        let verdict: String
        let exitStatus: Int32
        let engines: [EngineReport]
    }

    func run() throws {
        let engines = EngineReport.all(Engines.search)
        let isComplete = engines.allSatisfy(\.isFound)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let document = Document(
                verdict: isComplete ? "pass" : "undecided", exitStatus: isComplete ? 0 : 2, engines: engines)
            Terminal.output(try encoder.encode(document))
            Terminal.output("\n")
        } else {
            Terminal.output("casemate \(Product.version) on \(Product.platform)\n")
            for engine in engines {
                let name = engine.name.padding(toLength: 12, withPad: " ", startingAt: 0)
                if engine.isFound {
                    Terminal.output("✓ \(name) \(engine.version ?? "unknown version")  \(engine.path ?? "")\n")
                } else {
                    Terminal.output("✗ \(name) missing: \(engine.cost)\n")
                    Terminal.output("  \(engine.problem?.replacing("\n", with: "\n  ") ?? "")\n")
                }
            }
        }
        if !isComplete { throw ExitCode(2) }
    }
}
