import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateReport
import Foundation
import Logging

/// Options that every verb takes.
struct CommonOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("What standard output carries: text, json, html, sarif, junit.", valueName: "format"))
    var format: String?
    @Flag(name: .long, help: "Short for --format json.")
    var json = false
    @Option(name: .long, help: ArgumentHelp("Folder that all files are written to.", valueName: "dir"))
    var output: String?
    @Option(name: .long, help: "Seed of all randomness (default 0).")
    var seed: String?
    @Option(name: .long, help: "Threads that the work may use (default: every core).")
    var threads: String?
    @Option(name: .long, help: ArgumentHelp("Most time that the work may take, such as 30s or 2m.", valueName: "time"))
    var budget: String?
    @Flag(name: .long, help: "Mask row numbers and values of data rows in every format.")
    var redact = false
    @Option(name: .long, help: "Colour on the terminal: auto, always, never.")
    var color: String = "auto"
    @Flag(name: .long, help: "Say nothing on standard error but errors.")
    var quiet = false
    @Flag(name: .long, help: "Say more on standard error.")
    var verbose = false

    func validate() throws {
        if json, let format, format != "json" {
            throw ValidationError("--json and --format \(format) say different things")
        }
        let known = reportFormats.map { $0.identifier }
        if let format, !known.contains(format) {
            throw ValidationError(
                "unknown format '\(format)'\(Suggestion.clause(for: format, among: known)); known are "
                    + known.joined(separator: ", "))
        }
        if Terminal.Colour(rawValue: color) == nil {
            throw ValidationError("--color takes auto, always or never, not '\(color)'")
        }
        if quiet && verbose { throw ValidationError("--quiet and --verbose say different things") }
    }

    /// The format of standard output.
    var standardOutput: String { json ? "json" : format ?? "text" }

    /// Colour of a stream.
    func isColoured(_ descriptor: Int32) -> Bool {
        let environment = ProcessInfo.processInfo.environment
        return Terminal.isColored(descriptor, Terminal.Colour(rawValue: color) ?? .auto, environment: environment)
    }

    /// Puts the options that were given into a configuration.
    func apply(to configuration: inout AuditConfiguration) throws {
        let given = [
            ("seed", seed, "--seed"), ("threads", threads, "--threads"), ("budget", budget, "--budget"),
            ("report.output", output, "--output"), ("report.redact", redact ? "true" : nil, "--redact"),
        ]
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
    }

    /// Runs work that shows progress and can be interrupted.
    /// - Throws: what the work throws; `Cancelled` when it was interrupted, also when it came to an end nevertheless.
    func watched<Result>(_ configuration: AuditConfiguration, _ work: (RunContext) throws -> Result) throws -> Result {
        try Watched.run(
            seed: configuration.seed, threads: configuration.threads, isQuiet: quiet, logger: logger, work)
    }

    /// Writes a report to standard output, and all its files where a folder is named, with `others` beside them; `json`
    /// stands for the report's own.
    func write(
        _ report: Report, json: Data, _ output: OutputFolder?, others: [(name: String, content: Data)] = []
    ) throws {
        let options = ReportOptions(
            isColored: isColoured(STDOUT_FILENO), width: Terminal.width,
            workingFolder: FileManager.default.currentDirectoryPath, outputFolder: output?.path)
        if let output {
            let files = try report.renderFiles(options: options).map { name, content in
                (name: name, content: name == "report.json" ? json : content)
            }
            try output.write(files + others)
        }
        let isJSON = standardOutput == "json"
        Terminal.output(isJSON ? json : try report.render(as: standardOutput, options: options))
    }

    /// The folder for files, ready before any work is done; `nil` where none is named.
    func preparedOutput() throws -> OutputFolder? {
        let folder = output.map { OutputFolder($0) }
        try folder?.prepare()
        return folder
    }

    /// A logger on standard error.
    var logger: Logger {
        var logger = Logger(label: "casemate") { _ in StandardErrorLog() }
        logger.logLevel = quiet ? .error : verbose ? .debug : .warning
        return logger
    }
}

/// Where the command line looks for engines: variables, system folders, the folders that `make setup` fills.
enum Engines {
    /// The search of this process.
    static var search: EngineSearch {
        let environment = ProcessInfo.processInfo.environment
        var folders: [String] = []
        if let named = environment["CASEMATE_ENGINES"], !named.isEmpty { folders.append(named) }
        let program = URL(fileURLWithPath: executablePath).resolvingSymlinksInPath().deletingLastPathComponent()
        // An installation keeps engines beside the program; a checkout has them at its root, three or four levels up.
        folders.append(program.appendingPathComponent("../lib/casemate/engines").standardized.path)
        var folder = program
        for _ in 0..<4 {
            // why: a folder above the program counts only where it is a checkout that this user or root owns, so that
            // nobody can plant a library in a shared folder.
            if isOwnCheckout(folder.path) { folders.append(folder.appendingPathComponent(".engines").path) }
            folder = folder.deletingLastPathComponent()
        }
        return EngineSearch(environment: environment, enginesFolders: folders)
    }

    private static func isOwnCheckout(_ folder: String) -> Bool {
        var facts = stat()
        guard FileManager.default.fileExists(atPath: folder + "/Package.swift"),
            stat(folder + "/.engines", &facts) == 0
        else { return false }
        return facts.st_uid == 0 || facts.st_uid == geteuid()
    }

    private static var executablePath: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }
}

/// Lines of a log on standard error: level and message.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .warning
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
        Terminal.message("\(event.level): \(event.message)")
    }
}

/// Work that shows its progress and can be interrupted.
enum Watched {
    /// Runs it; every core where no number of threads is given.
    /// - Throws: what the work throws; `Cancelled` when it was interrupted, also when it came to an end nevertheless.
    static func run<Result>(
        seed: UInt64 = 0, threads: Int? = nil, isQuiet: Bool, logger: Logger? = nil,
        _ work: (RunContext) throws -> Result
    ) throws -> Result {
        let cancellation = Cancellation()
        let interrupt = Interrupt(cancellation)
        defer { withExtendedLifetime(interrupt) {} }
        let line = ProgressLine(isQuiet: isQuiet)
        defer { line.clear() }
        var context = RunContext(
            seed: seed, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount, cancellation: cancellation,
            progress: { line.update($0, $1, $2) })
        if let logger { context.logger = logger }
        let result = try work(context)
        try cancellation.check(onlyInterruption: true)
        return result
    }
}
