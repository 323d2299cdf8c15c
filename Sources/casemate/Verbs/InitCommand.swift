import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation
import Logging

/// `casemate init`: a first configuration from a model and its data.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Write a commented casemate.yaml from a model and its data.",
        discussion: """
            casemate init model.onnx test.csv --train train.csv --target approve

            What can be seen in the files is written, what only people know is explained and left as a comment. \
            The file holds ranges and level names of the data.
            """)

    @Argument(help: "The model.")
    var model: String
    @Argument(help: "Test data, with the outcomes.")
    var data: String
    @Option(name: .long, help: ArgumentHelp("Training data.", valueName: "file"))
    var train: String?
    @Option(
        name: .long, help: ArgumentHelp("Column that the model predicts; found where left out.", valueName: "column"))
    var target: String?
    @Option(name: .long, help: ArgumentHelp("The file to be written.", valueName: "file"))
    var output = "casemate.yaml"
    @Flag(name: .long, help: "Replace a file that is already there.")
    var force = false
    @Flag(name: .long, help: "Print one JSON document.")
    var json = false
    @Flag(name: .long, help: "Say nothing on standard error but errors.")
    var quiet = false

    private struct Document: Encodable {
        let schema = "casemate.init/1"
        let version = Product.version
        let verdict = "pass", exitStatus: Int32 = 0
        let output: String, target: String, targetReason: String
        let features: [String], identifiers: [String], protected: [String], ignored: [String]
        let favourable: String?
        let notes: [String]
        let next: String
    }

    func run() throws {
        try refuseExisting()
        let starter = ConfigurationStarter(model: model, test: data, train: train, target: target, file: output)
        let draft = try Watched.run(isQuiet: quiet) { try starter.draft(search: Engines.search, context: $0) }
        let name = URL(fileURLWithPath: output).lastPathComponent
        let folder = OutputFolder(URL(fileURLWithPath: output).deletingLastPathComponent().path)
        try refuseExisting()
        try folder.write([(name: name, content: Data(draft.text.utf8))])
        let next = ShellWords.joined(["casemate", "audit", output])
        if json {
            let document = Document(
                output: output, target: draft.target, targetReason: draft.targetReason, features: draft.features,
                identifiers: draft.identifiers, protected: draft.protected, ignored: draft.ignored,
                favourable: draft.favourable, notes: draft.notes, next: next)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            Terminal.output(try encoder.encode(document))
            Terminal.output("\n")
        } else {
            Terminal.output(StarterSummary(draft: draft, output: output, next: next, width: Terminal.width).text)
        }
    }

    /// A file that somebody may have worked on is not replaced by accident.
    private func refuseExisting() throws {
        guard !force, FileFacts(path: output, followsLinks: false) != nil else { return }
        throw CasemateError(
            .unwritable, at: output, "is already there", help: "name another with --output, or replace it with --force")
    }
}
