import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// `casemate keygen`: a pair of keys for signing.
struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen", abstract: "Make a pair of keys that sign ledgers and models.",
        discussion: """
            casemate keygen --output me.pem
            casemate keygen --type p256 --output release

            Writes the private key (PKCS#8, PEM, mode 600) and, with .pub behind its name, the public one. Nothing is \
            ever replaced. Keep the private key out of the repository; give the public one to whoever verifies.
            """)

    @Option(name: .long, help: ArgumentHelp("Kind of key: ed25519 or p256.", valueName: "type"))
    var type = "ed25519"
    @Option(name: .long, help: ArgumentHelp("File of the private key.", valueName: "file"))
    var output: String
    @Flag(name: .long, help: "Print one JSON document.")
    var json = false

    private struct Document: Encodable {
        let schema = "casemate.keygen/1"
        let version = Product.version
        let verdict = "pass", exitStatus: Int32 = 0
        let type: String, key: String, privateKey: String, publicKey: String
    }

    func run() throws {
        guard let algorithm = KeyAlgorithm(rawValue: type) else {
            let known = KeyAlgorithm.allCases.map(\.rawValue)
            throw CasemateError(
                .invalidSetting, at: "--type", "'\(type)' is not served\(Suggestion.clause(for: type, among: known))",
                help: "use \(known.joined(separator: " or "))")
        }
        let key = SigningKey(algorithm)
        try key.write(to: output)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let document = Document(
                type: type, key: key.verifying.identifier, privateKey: output, publicKey: output + ".pub")
            Terminal.output(try encoder.encode(document))
            Terminal.output("\n")
        } else {
            Terminal.output(
                """
                wrote \(output) (private, for its owner only) and \(output).pub (public)
                  type  \(type)
                  key   \(key.verifying.identifier)
                next: \(ShellWords.joined(["casemate", "data", "register", "train.csv", "--key", output]))

                """)
        }
    }
}
