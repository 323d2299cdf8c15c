import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateDetect
import Foundation

/// `casemate data profile`: what data look like, without their rows.
struct DataProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Write a profile of data without rows, against which later data are checked.",
        discussion: """
            casemate data profile train.csv --target default --output profile.json
            casemate data audit next.csv --target default --profile profile.json

            Without --output the profile goes to standard output.
            """)

    @Argument(help: "The data: .csv, .tsv, .parquet, .jsonl, either with .gz.") var data: String?
    @Option(name: .long, help: ArgumentHelp("Configuration that names the data.", valueName: "file")) var config:
        String?
    @Option(name: .long, help: ArgumentHelp("Column of labels.", valueName: "column")) var target: String?
    @Option(name: .long, help: ArgumentHelp("Column that says where a row came from.", valueName: "column"))
    var source: String?
    @Option(name: .long, help: ArgumentHelp("Column that says when a row came to be.", valueName: "column"))
    var time: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Columns that are left out, commas between them; repeatable.", valueName: "columns"))
    var ignore: [String] = []
    @Option(name: .long, help: ArgumentHelp("The file to write.", valueName: "file")) var output: String?
    @Option(name: .long, help: "Threads that the work may use (default: every core).") var threads: Int?
    @Flag(name: .long, help: "Say nothing on standard error but errors.") var quiet = false

    func run() throws {
        var configuration = try config.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
        let given: [(String, String?, String)] = [
            ("data.train", data, "DATA"), ("data.target", target, "--target"), ("data.source", source, "--source"),
            ("data.time", time, "--time"),
            ("data.ignore", ignore.isEmpty ? nil : ignore.joined(separator: ","), "--ignore"),
        ]
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
        let fixed = configuration
        let json = try Watched.run(threads: threads, isQuiet: quiet) { context in
            try DataAuditLoader(fixed, search: Engines.search, context: context).profile().json()
        }
        guard let output else { return Terminal.output(json) }
        let url = URL(fileURLWithPath: output)
        try OutputFolder(url.deletingLastPathComponent().path).write([(name: url.lastPathComponent, content: json)])
    }
}
