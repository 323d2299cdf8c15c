import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateGuard
import Foundation

/// `casemate guard`: what the guard needs besides its configuration.
struct GuardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guard", abstract: "Learn what is usual, for the stages of a guard that compare with it.",
        discussion: """
            casemate guard fit train.csv --model model.onnx --target y --output profile
            """,
        subcommands: [GuardFitCommand.self])
}

/// `casemate guard fit`: a profile of usual rows.
struct GuardFitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit", abstract: "Learn usual ranges, odd rows and usual answers from rows that are trusted.",
        discussion: """
            casemate guard fit train.csv --model model.onnx --target y --output profile
            casemate guard fit --config casemate.yaml --output profile --rate 0.001

            Writes a folder: profile.json (ranges, levels, what the model answers), outliers.bin (the detector of odd \
            rows), reference.csv.gz (at most 5,000 rows with the model's answers). The last two hold values of rows: keep \
            them as confidential as the data. Prints how many held-out rows lie beyond each threshold: the false alarms \
            to be expected.
            """)

    @Argument(help: "Rows that are trusted: .csv, .tsv, .parquet, .jsonl, either with .gz.") var data: String?
    @Option(name: .long, help: ArgumentHelp("The model that is served.", valueName: "file")) var model: String?
    @Option(name: [.short, .long], help: ArgumentHelp("The folder to write.", valueName: "dir")) var output: String
    @Option(
        name: .long,
        help: ArgumentHelp("Configuration of an audit that names model, data and columns.", valueName: "file"))
    var config: String?
    @Option(name: .long, help: ArgumentHelp("Column that the model predicts; left out.", valueName: "column"))
    var target: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("The model's features in its order, commas between them; repeatable.", valueName: "columns"))
    var features: [String] = []
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Columns that are left out, commas between them; repeatable.", valueName: "columns"))
    var ignore: [String] = []
    @Option(
        name: .long,
        help: ArgumentHelp("Share of usual rows that may lie beyond a threshold (default 0.001).", valueName: "share"))
    var rate: Double = 0.001
    @Option(name: .long, help: "Seed of all randomness.") var seed: UInt64 = 0
    @Option(name: .long, help: "Threads that the work may use (default: every core).") var threads: Int?
    @Flag(name: .long, help: "Print one JSON document.") var json = false
    @Flag(name: .long, help: "Say nothing on standard error but errors.") var quiet = false

    func validate() throws {
        if config == nil, data == nil { throw ValidationError("name the rows: casemate guard fit DATA") }
        if config == nil, model == nil { throw ValidationError("name the model: --model FILE") }
        if !(rate > 0 && rate <= 0.5) { throw ValidationError("--rate takes a share above 0 and at most 0.5") }
        if let threads, threads < 1 { throw ValidationError("--threads takes a number from 1 on") }
    }

    func run() throws {
        var configuration = try config.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
        let given: [(String, String?, String)] = [
            ("data.train", data, "DATA"), ("model.path", model, "--model"), ("data.target", target, "--target"),
            ("data.ignore", ignore.isEmpty ? nil : ignore.joined(separator: ","), "--ignore"),
            ("model.features", features.isEmpty ? nil : features.joined(separator: ","), "--features"),
        ]
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
        guard let rows = configuration.data.train else {
            throw Self.missing("data.train", config, help: "add it there, or name the rows: casemate guard fit DATA")
        }
        guard let file = configuration.model.path else {
            throw Self.missing("model.path", config, help: "add it there, or name the model: --model FILE")
        }
        var plan = GuardFit.Plan(data: rows, model: file)
        (plan.features, plan.excluded) = (configuration.model.features, configuration.data.excluded)
        (plan.types, plan.missing) = (configuration.data.types, configuration.data.missing)
        (plan.overrides, plan.rate) = (configuration.model.overrides, rate)
        let result = try Watched.run(seed: seed, threads: threads, isQuiet: quiet) { [plan] context in
            try GuardFit(plan, search: Engines.search).run(context: context)
        }
        try result.write(to: output)
        let report = GuardFitReport(result, folder: output, data: rows)
        if json { Terminal.output(try report.json(version: Product.version)) } else { Terminal.output(report.text) }
    }

    private static func missing(_ key: String, _ config: String?, help: String) -> CasemateError {
        CasemateError(.invalidSetting, at: config ?? "", "lacks '\(key)'", help: help)
    }
}
