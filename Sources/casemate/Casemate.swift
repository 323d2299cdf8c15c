import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// The command line: parses, calls, prints; no logic of its own.
@main
struct Casemate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "casemate",
        abstract: "Tests, hardens, guards and documents machine-learning models against attack.",
        discussion: """
            casemate audit casemate.yaml
            casemate audit --model m.onnx --train a.csv --test b.csv --target y --favourable 1

            Exit status: 0 passed, 1 a rule of the policy is broken (without a policy: a finding of severity high or \
            worse), 2 the work could not be done, 130 interrupted.
            """,
        version: Product.version,
        subcommands: [
            AuditCommand.self, InitCommand.self, AttackCommand.self, CertifyCommand.self, DataCommand.self,
            ReviewCommand.self, KeygenCommand.self, ServeCommand.self, KeysCommand.self, GuardCommand.self,
            MonitorCommand.self, LogCommand.self, WatermarkCommand.self, ConfigCommand.self, DoctorCommand.self,
        ])

    static func main() async {
        // why: a reader that closes the pipe early (`| head`) must not kill the process while files are written.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            Failure.end(with: error, message: fullMessage(for: error), code: exitCode(for: error))
        }
    }
}
