import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// `casemate attack poisoning`: what planted training data would do to a model that is trained on them.
struct AttackPoisoningCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "poisoning",
        abstract: "Plant poison in training data, train anew, measure, and ask the checks what they would have seen.",
        discussion: """
            casemate attack poisoning train.csv --test test.csv --target approve --favourable 1
            casemate attack poisoning sms.csv --target label --favourable ham --attack dictionary --shares 0.001,0.01
            casemate attack poisoning train-images-idx3-ubyte.gz --test t10k-images-idx3-ubyte.gz --attack patch_trigger

            Tables are attacked by random_flips, targeted_flips, insider_approval and table_trigger; texts by random_flips, \
            targeted_flips, dictionary, focused, good_words and token_trigger; pictures by random_flips, targeted_flips, \
            patch_trigger and blended_trigger. The victim is trained here: boosting, logistic, tokens or network, with \
            settings as in boosting:rounds=50,leaves=15. Without --test a part is held out. Status 0 whatever is found: \
            nothing is judged here; `audit` judges.
            """)

    @Argument(help: "Training data: a table, or pictures (.npz, idx, a folder); left out where --config names them.")
    var train: String?
    @Option(name: .long, help: ArgumentHelp("Test data that victims are judged by.", valueName: "file"))
    var test: String?
    @Option(name: .long, help: ArgumentHelp("Data known to be good, for the checks.", valueName: "file"))
    var reference: String?
    @Option(name: .long, help: ArgumentHelp("Data, roles, feature space, decision of an audit.", valueName: "file"))
    var config: String?
    @Option(
        name: .long, help: ArgumentHelp("Column of labels (default: label, target, class or y).", valueName: "column"))
    var target: String?
    @Option(name: .long, help: ArgumentHelp("The outcome that people want.", valueName: "label")) var favourable:
        String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Columns that are left out, commas between them; repeatable.", valueName: "columns"))
    var ignore: [String] = []
    @Option(name: .long, help: ArgumentHelp("Column of texts, beside other features.", valueName: "column"))
    var text: String?
    @Option(name: .long, help: ArgumentHelp("Labels of pictures.", valueName: "file")) var labels: String?
    @Option(name: .long, help: "Training samples used at most, drawn by the seed (default 50000, pictures 10000).")
    var samples: String?
    @OptionGroup(title: "Attacks") var attack: PoisoningOptions
    @OptionGroup(title: "Everywhere") var common: CommonOptions

    func run() throws {
        var configuration = try config.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        let given: [(String, String?, String)] = [
            ("data.train", train, "TRAIN"), ("data.test", test, "--test"), ("data.reference", reference, "--reference"),
            ("data.target", target, "--target"), ("data.favourable", favourable, "--favourable"),
            ("data.ignore", ignore.isEmpty ? nil : ignore.joined(separator: ","), "--ignore"),
        ]
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
        try common.apply(to: &configuration)
        let output = try common.preparedOutput()
        var plan = try attack.plan()
        (plan.text, plan.labels) = (text, labels)
        plan.samples = try samples.map { try WholeNumber.read($0, "--samples", 20...100_000_000) }
        let (settled, job) = (plan, configuration)
        let result = try common.watched(configuration) { context in
            try PoisoningJob(job, plan: settled, search: Engines.search).run(
                context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        try common.write(result.report, json: result.json(), output)
    }
}

/// What is planted, and into whom.
struct PoisoningOptions: ParsableArguments {
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Attacks, commas between them; repeatable (default: all that apply).", valueName: "names"))
    var attack: [String] = []
    @Option(
        name: .long, help: ArgumentHelp("Shares of the training data (0.001,0.005,0.01,0.03,0.1).", valueName: "list"))
    var shares: String?
    @Option(name: .long, help: "Times that each share is measured (default 3).") var repeats: String?
    @Option(
        name: .long, help: ArgumentHelp("auto, boosting, logistic, tokens, network, with settings.", valueName: "name"))
    var victim: String?
    @Option(
        name: .long,
        help: ArgumentHelp("Outcome that attacks bring about (default: the favourable).", valueName: "label"))
    var outcome: String?
    @Option(name: .long, help: ArgumentHelp("Class whose labels targeted_flips flips.", valueName: "label"))
    var flip: String?
    @Option(
        name: .long,
        help: ArgumentHelp("Segment that targeted_flips flips: age=20..25,region=north.", valueName: "conditions"))
    var segment: String?
    @Option(name: .long, help: ArgumentHelp("Group that insider_approval relabels.", valueName: "column=value"))
    var group: String?
    @Option(name: .long, help: ArgumentHelp("Values of table_trigger: age=61,purpose=car.", valueName: "conditions"))
    var trigger: String?
    @Option(name: .long, help: ArgumentHelp("Word of token_trigger (default: cf).", valueName: "word")) var token:
        String?
    @Option(
        name: .long, help: ArgumentHelp("Patch of patch_trigger: its side, or x,y,width,height.", valueName: "pixels"))
    var patch: String?
    @Option(
        name: .long, help: ArgumentHelp("Share of the pattern in blended_trigger (default 0.2).", valueName: "share"))
    var blend: String?
    @Option(name: .long, help: "Rounds of retraining of good_words (default 5).") var rounds: String?
    @Option(name: .long, help: "Messages that focused and good_words are aimed at (default 20).") var messages: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Checks that look, commas between them; none leaves them out (default: all).", valueName: "names"))
    var checks: [String] = []

    /// What these options ask for.
    func plan() throws -> PoisoningPlan {
        func list(_ values: [String]) -> [String] {
            values.flatMap { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
        }
        var plan = PoisoningPlan()
        plan.attacks = list(attack)
        if let shares { plan.shares = try list([shares]).map { try Quotient.number($0, option: "--shares") } }
        if let repeats { plan.repeats = try WholeNumber.read(repeats, "--repeats", 1...1_000) }
        if let victim { plan.victim = victim }
        (plan.outcome, plan.source, plan.segment, plan.group) = (outcome, flip, segment, group)
        (plan.trigger, plan.token, plan.patch) = (trigger, token, patch)
        plan.blend = try blend.map { try Quotient.number($0, option: "--blend") }
        plan.rounds = try rounds.map { try WholeNumber.read($0, "--rounds", 1...1_000) }
        plan.messages = try messages.map { try WholeNumber.read($0, "--messages", 1...10_000) }
        plan.checks = list(checks)
        if plan.checks == ["none"] { (plan.checks, plan.looking) = ([], .none) }
        return plan
    }
}
