import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateReport
import Foundation

/// `casemate audit`: the main job.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Audit a model with its data against a policy: one report, one verdict.",
        discussion: """
            casemate audit casemate.yaml
            casemate audit --model m.onnx --train a.csv --test b.csv --target y --favourable 1 --protected sex
            """)

    @Argument(help: "The configuration; options win over it.")
    var file: String?
    @OptionGroup(title: "Subject") var subject: SubjectOptions
    @Option(name: .customLong("fail-on"), help: "Severity that fails: info, low, medium, high, critical, never.")
    var failOn: String?
    @Option(name: .customLong("rule"), parsing: .singleValue, help: "A rule of the policy; repeatable.")
    var rules: [String] = []
    @Option(
        name: .customLong("constraint"), parsing: .singleValue,
        help: ArgumentHelp("A CEL rule that every row keeps; repeatable.", valueName: "rule"))
    var constraints: [String] = []
    @Flag(name: .long, help: "Go on with an audit that was stopped: what it finished is taken from the cache.")
    var resume = false
    @Flag(name: .long, help: "Run every probe again, whatever the cache holds.")
    var fresh = false
    @OptionGroup(title: "Everywhere") var common: CommonOptions

    func run() throws {
        let configuration = try effectiveConfiguration()
        let output = OutputFolder(configuration.report.folder)
        try output.prepare()
        let result = try common.watched(configuration) { context in
            try Audit(configuration, search: Engines.search, cache: cache(configuration)).run(
                context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        if resume, !common.quiet { Terminal.message(resumed(result.report)) }
        for warning in result.warnings where !common.quiet { Terminal.message("warning: \(warning)") }
        try write(result.report, configuration, output)
        if result.report.exitStatus != 0 { throw ExitCode(result.report.exitStatus) }
    }

    func validate() throws {
        if resume && fresh { throw ValidationError("--resume and --fresh say different things") }
    }

    private func cache(_ configuration: AuditConfiguration) throws -> ProbeCache? {
        guard configuration.cache.isEnabled, let folder = configuration.cache.folder ?? ProbeCache.userFolder else {
            guard resume else { return nil }
            throw CasemateError(
                .invalidSetting, at: "--resume", "there is no cache to resume from",
                help: "set `cache: {enabled: true, folder: …}`")
        }
        return ProbeCache(folder: folder, program: ProbeCache.thisProgram, isReading: !fresh)
    }

    private func resumed(_ report: Report) -> String {
        let kept = report.coverage.count { $0.isCached }
        guard kept > 0 else { return "nothing to resume: no finished probe of this audit was kept, so all were run" }
        let rest = report.coverage.count { !$0.isCached && $0.status != .notTested }
        return "resumed: \(kept) probe\(kept == 1 ? "" : "s") from the cache, \(rest) run"
    }

    private func effectiveConfiguration() throws -> AuditConfiguration {
        var configuration = try file.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        try subject.apply(to: &configuration)
        try common.apply(to: &configuration)
        if let failOn { try configuration.set("policy.fail_on", failOn, origin: .option("--fail-on")) }
        configuration.constraints += constraints.map { AuditConfiguration.Constraint($0, at: "--constraint") }
        for rule in rules { configuration.policy.rules.append(try PolicyRule(rule, at: "--rule")) }
        try configuration.validate()
        if configuration.cache.folder == nil { configuration.cache.folder = ProbeCache.userFolder }
        return configuration
    }

    private func write(_ report: Report, _ configuration: AuditConfiguration, _ output: OutputFolder) throws {
        var options = ReportOptions(
            isColored: common.isColoured(STDOUT_FILENO), width: Terminal.width,
            workingFolder: FileManager.default.currentDirectoryPath, outputFolder: output.path,
            failSeverity: configuration.policy.failOn ?? .critical)
        let wanted = Set(configuration.report.formats)
        let files = try reportFormats.filter { wanted.contains($0.identifier) }.map { format in
            (name: format.fileName, content: try report.render(as: format.identifier, options: options))
        }
        try output.write(files)
        options.outputFolder = output.path
        Terminal.output(try report.render(as: common.standardOutput, options: options))
    }
}

/// Options that stand for keys of the configuration.
struct SubjectOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The model.", valueName: "file")) var model: String?
    @Option(name: .long, help: ArgumentHelp("Training data.", valueName: "file")) var train: String?
    @Option(name: .long, help: ArgumentHelp("Test data.", valueName: "file")) var test: String?
    @Option(name: .long, help: ArgumentHelp("Data known to be good, to compare with.", valueName: "file"))
    var reference: String?
    @Option(name: .long, help: ArgumentHelp("Column that the model predicts.", valueName: "column")) var target: String?
    @Option(name: .long, help: ArgumentHelp("The favourable outcome.", valueName: "value")) var favourable: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Protected columns, commas between them; repeatable.", valueName: "columns"))
    var protected: [String] = []
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Columns that are left out, commas between them; repeatable.", valueName: "columns"))
    var ignore: [String] = []
    @Option(name: .long, help: ArgumentHelp("Scores from here on decide positive.", valueName: "number"))
    var threshold: String?
    @Option(name: .long, help: ArgumentHelp("The release before this one, to compare with.", valueName: "file"))
    var previous: String?
    @Option(name: .long, help: ArgumentHelp("File that names insiders by an identifier.", valueName: "file"))
    var insiders: String?

    func apply(to configuration: inout AuditConfiguration) throws {
        let given = [
            ("model.path", model, "--model"), ("data.train", train, "--train"), ("data.test", test, "--test"),
            ("data.reference", reference, "--reference"), ("data.target", target, "--target"),
            ("data.favourable", favourable, "--favourable"),
            ("data.protected", protected.isEmpty ? nil : protected.joined(separator: ","), "--protected"),
            ("data.ignore", ignore.isEmpty ? nil : ignore.joined(separator: ","), "--ignore"),
            ("decision.threshold", threshold, "--threshold"), ("model.previous", previous, "--previous"),
            ("insiders.path", insiders, "--insiders"),
        ]
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
    }
}

/// Command lines as a shell would take them again.
enum ShellWords {
    /// Joins words, quoting those that need it; the program is named without its folder.
    static func joined(_ words: [String]) -> String {
        let program = words.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? "casemate"
        return ([program] + words.dropFirst().map(quoted)).joined(separator: " ")
    }
    private static func quoted(_ word: String) -> String {
        let plain =
            !word.isEmpty && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:=,@%+".contains($0)) }
        return plain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}

extension ProbeCache {
    /// The user's own folder for kept results: below `XDG_CACHE_HOME`, else the home folder; `nil` without either.
    static var userFolder: String? {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["XDG_CACHE_HOME"], folder.hasPrefix("/") { return folder + "/casemate/probes" }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return home + "/.cache/casemate/probes"
    }
    /// Version, size and time of change of the running program: another build may find other things.
    static var thisProgram: String {
        var facts = stat()
        guard stat("/proc/self/exe", &facts) == 0 else { return Product.version }
        return "\(Product.version) \(facts.st_size) \(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec)"
    }
}
