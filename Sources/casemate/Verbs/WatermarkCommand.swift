import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation

/// `casemate watermark`: recognises copies of a guarded model.
struct WatermarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watermark", abstract: "Recognise a copy that was trained on a guard's answers.",
        subcommands: [WatermarkVerifyCommand.self, WatermarkKeygenCommand.self])
}

/// `casemate watermark keygen`: a new secret of a guard.
struct WatermarkKeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen", abstract: "Make the secret of a guard.",
        discussion: """
            casemate watermark keygen --output guard.secret

            Writes 32 random bytes, mode 600. Nothing is ever replaced. Keep a copy elsewhere: marks can only be proved \
            with the secret that made them.
            """)

    @Option(name: .long, help: ArgumentHelp("File of the secret.", valueName: "file")) var output: String
    @Flag(name: .long, help: "Print one JSON document.") var json = false

    private struct Document: Encodable {
        let schema = "casemate.watermark-keygen/1"
        let version = Product.version
        let verdict = "pass", exitStatus: Int32 = 0
        let secret: String
    }

    func run() throws {
        try GuardSecret.create(at: output)
        guard json else { return Terminal.output("wrote \(output) (for its owner only)\n") }
        Terminal.output(try WatermarkVerifyCommand.encoded(Document(secret: output)))
    }
}

/// `casemate watermark verify`: is this model a copy?
struct WatermarkVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Look for a guard's mark in a suspect.",
        discussion: """
            casemate watermark verify --suspect copy.onnx --secret guard.secret --record watermark.sqlite
            casemate watermark verify --suspect http://127.0.0.1:9000 --secret guard.secret --record watermark.sqlite
            casemate watermark verify --suspect copy.onnx --secret guard.secret --inputs probes.csv --model own.onnx

            Asks the suspect about the rows that the guard recorded and holds its answers against the secret. Prints a \
            bound on the chance that a model made without the guard's answers looks as guilty. Exit status 1 means that \
            the mark is found (bound below 1e-6), 0 that it is not, which proves nothing.
            """)

    @Option(name: .long, help: ArgumentHelp("A model file, or the address of a served model.", valueName: "model"))
    var suspect: String
    @Option(name: .long, help: ArgumentHelp("The guard's secret.", valueName: "file")) var secret: String
    @Option(name: .long, help: ArgumentHelp("What the guard recorded: watermark.sqlite.", valueName: "file"))
    var record: String?
    @Option(name: .long, help: "Name of the guarded model, where several are recorded.") var name: String?
    @Option(name: .long, help: ArgumentHelp("Rows to ask about instead of a record.", valueName: "file"))
    var inputs: String?
    @Option(name: .long, help: ArgumentHelp("The guarded model, with --inputs.", valueName: "file")) var model: String?
    @Option(name: .customLong("suspect-model"), help: "Name of the suspect on its server (default: the only one).")
    var suspectModel: String?
    @Option(
        name: .customLong("bearer-variable"),
        help: ArgumentHelp("Environment variable that holds a bearer token.", valueName: "name"))
    var bearerVariable: String?
    @Option(
        name: .customLong("key-variable"),
        help: ArgumentHelp("Environment variable that holds an API key.", valueName: "name"))
    var keyVariable: String?
    @Flag(name: .long, help: "Print one JSON document.") var json = false
    @Flag(name: .long, help: "Say nothing on standard error but errors.") var quiet = false

    func validate() throws {
        if (record == nil) == (inputs == nil) { throw ValidationError("give --record or --inputs, one of them") }
        if (inputs == nil) != (model == nil) { throw ValidationError("--inputs and --model go together") }
        if bearerVariable != nil, keyVariable != nil { throw ValidationError("name one secret of the server") }
    }

    private struct Document: Encodable {
        let schema = "casemate.watermark/1"
        let version = Product.version
        let verdict: String, exitStatus: Int32
        let suspect: String, model: String, level: Double
        let result: WatermarkVerdict
    }

    func run() throws {
        let secret = try GuardSecret(contentsOf: self.secret)
        let (verdict, name) = try Watched.run(isQuiet: quiet) { context in
            let engine = try? LightGBM(Engines.search)
            if engine == nil, !quiet { Terminal.message("LightGBM is not installed: less is found without it") }
            let verifier = WatermarkVerifier(secret, engine: engine)
            return try record.map { try verify($0, verifier, context) } ?? verifyProbes(verifier, context)
        }
        let status: Int32 = verdict.isFound ? 1 : 0
        if json {
            let document = Document(
                verdict: verdict.isFound ? "fail" : "pass", exitStatus: status, suspect: suspect, model: name,
                level: WatermarkVerdict.level, result: verdict)
            Terminal.output(try Self.encoded(document))
        } else {
            Terminal.output(WatermarkText.of(verdict, suspect: suspect))
        }
        if status != 0 { throw ExitCode(status) }
    }

    private func verify(
        _ path: String, _ verifier: WatermarkVerifier, _ context: RunContext
    ) throws -> (WatermarkVerdict, String) {
        let reading = try WatermarkRecord(path, fingerprint: nil, isMade: false).reading(model: name)
        let suspect = try opened(reading.sample.features, reading.sample.classes, context)
        let verdict = try verifier.verify(reading, cancellation: context.cancellation) { rows, count in
            try suspect.predict(rows, count: count, cancellation: context.cancellation)
        }
        return (verdict, reading.model)
    }

    private func verifyProbes(
        _ verifier: WatermarkVerifier, _ context: RunContext
    ) throws -> (WatermarkVerdict, String) {
        let own = try ModelFile.open(path: model ?? "", options: ExecutionOptions(threads: context.threads)) {
            try OnnxRuntime(Engines.search)
        }
        let table = try DataEngine(Engines.search, threads: context.threads, cancellation: context.cancellation)
            .open(inputs ?? "", name: "inputs")
        let bound = try TableModel(
            model: own, columns: table.columns, declared: nil, excluded: [],
            levels: { try table.levels($0, limit: 100_000) })
        let matrix = try table.matrix(bound.features)
        let probes = WatermarkSample.probes(matrix, try bound.predict(matrix, cancellation: context.cancellation))
        let suspect = try opened(probes.features, probes.classes, context)
        let verdict = try verifier.verify(probes: probes, cancellation: context.cancellation) { rows, count in
            try suspect.predict(rows, count: count, cancellation: context.cancellation)
        }
        return (verdict, model ?? "")
    }

    /// The suspect, a file or a server.
    private func opened(_ features: [Feature], _ classes: [String], _ context: RunContext) throws -> WatermarkSuspect {
        guard suspect.hasPrefix("http://") || suspect.hasPrefix("https://") else {
            let file = try ModelFile.open(path: suspect, options: ExecutionOptions(threads: context.threads)) {
                try OnnxRuntime(Engines.search)
            }
            return try WatermarkSuspect(file, features: features)
        }
        var options = RemoteOptions(suspect)
        options.model = suspectModel
        options.seed = context.seed
        if let bearerVariable { options.credential = .bearer(try variable(bearerVariable)) }
        if let keyVariable { options.credential = .key(try variable(keyVariable)) }
        let endpoint = try RemoteEndpoint(options, cancellation: context.cancellation)
        let columns = features.map { RemoteDraft.Column($0.name, isText: $0.levels != nil) }
        let draft = try endpoint.draft(columns: columns, labels: classes.isEmpty ? nil : classes)
        return try WatermarkSuspect(draft, features: features)
    }

    private func variable(_ name: String) throws -> String {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else {
            throw CasemateError(
                .invalidSetting, at: name, "the environment variable is not set", help: "put the secret into it")
        }
        return value
    }

    static func encoded(_ document: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(document) + Data("\n".utf8)
    }
}

/// The verdict for people.
enum WatermarkText {
    static func of(_ verdict: WatermarkVerdict, suspect: String) -> String {
        var text =
            verdict.isFound
            ? "MARK FOUND in \(suspect): it was made with the guard's answers\n"
            : "no mark found in \(suspect); that does not prove that it is no copy\n"
        text += "  p  below \(number(verdict.pValue))  (found below \(number(WatermarkVerdict.level)))\n"
        for look in verdict.looks {
            let who = look.caller.map { "caller \(printable($0))" } ?? "all callers"
            text += "\n  \(who), \(look.rows) rows: p below \(number(look.pValue))\n"
            for evidence in look.evidence {
                let lean = String(format: evidence.part == .labels ? "%+.3f share" : "%+.2f sd", evidence.lean)
                let name = evidence.part.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
                text += "    \(name) \(evidence.rows) rows  \(lean)  p below \(number(evidence.pValue))\n"
            }
        }
        if verdict.unreadable > 0 { text += "\n  \(verdict.unreadable) rows of the record make no sense\n" }
        return text
    }

    private static func number(_ value: Double) -> String { String(format: "%.2g", value) }

    /// A name from outside, without what could steer a terminal.
    private static func printable(_ name: String) -> String {
        let shown = name.unicodeScalars.prefix(80).map { scalar -> String in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                "\\u{\(String(scalar.value, radix: 16))}"
            default: String(scalar)
            }
        }
        return "'" + shown.joined() + "'"
    }
}
