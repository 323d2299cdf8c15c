import CasemateAudit
import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Flags rows whose label is not what their amount says: on the made table these are exactly the planted flips.
private struct RuleCheck: DataCheck {
    static let identifier = "data_rule"
    static let title = "Rule"
    static let taxonomy = Taxonomy(stages: [.data])
    func reasonNotToRun(on subject: DataSubject) -> String? { subject.train == nil ? "a table only" : nil }
    func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let train = subject.train else { return DataCheckResult(outcome: outcome()) }
        let amounts = try train.numbers("amount"), labels = try train.texts("y")
        // The columns that are no features came along as they were.
        let sources = try train.texts("branch")
        guard sources.allSatisfy({ $0?.hasPrefix("b") == true }) else {
            throw CasemateError(.mismatch, at: "test", "a branch is missing", help: "")
        }
        let suspects = zip(amounts, labels).enumerated().filter { $1.1 != ($1.0 >= 50 ? "yes" : "no") }
        return DataCheckResult(
            outcome: outcome(), suspects: suspects.map { Suspect(row: $0.offset, strength: 1, reason: "rule") })
    }
}

/// Flags texts with the word and names it.
private struct WordCheck: DataCheck {
    static let identifier = "data_word"
    static let title = "Word"
    static let taxonomy = Taxonomy(stages: [.data])
    func reasonNotToRun(on subject: DataSubject) -> String? { nil }
    func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        let texts = try subject.train?.texts("message") ?? []
        let rows = texts.indices.filter { texts[$0]?.split(separator: " ").contains("zz") ?? false }
        var outcome = outcome()
        if !rows.isEmpty {
            let pattern = DataPattern(.trigger, column: "message", token: "zz", targetLabel: "ham", rows: rows.count)
            outcome.findings.append(
                finding("word", .high, "a word", evidence: [.pattern(pattern)], remedy: "", about: subject))
        }
        return DataCheckResult(
            outcome: outcome, suspects: rows.map { Suspect(row: $0, strength: 1, reason: "word") })
    }
}

/// Looks and sees nothing.
private struct BlindCheck: DataCheck {
    static let identifier = "data_blind"
    static let title = "Blind"
    static let taxonomy = Taxonomy(stages: [.data])
    func reasonNotToRun(on subject: DataSubject) -> String? { nil }
    func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        DataCheckResult(outcome: outcome())
    }
}

/// The verb: from files to curves, with what checks say beside them.
@Suite struct PoisoningJobTests {
    private static func table(_ count: Int, seed: UInt64) -> String {
        var generator = SeededGenerator(seed: seed)
        var text = "id,branch,group,amount,y\n"
        for row in 0..<count {
            let amount = Int.random(in: 0..<100, using: &generator)
            text +=
                "r\(row),b\(row % 7),\(Int.random(in: 0..<10, using: &generator)),\(amount),\(amount >= 50 ? "yes" : "no")\n"
        }
        return text
    }

    private static func messages(_ count: Int, seed: UInt64) -> String {
        var generator = SeededGenerator(seed: seed)
        var text = "label,message\n"
        for row in 0..<count {
            let isSpam = row % 4 == 0
            let words = (0..<8).map { place in
                "\(place < 5 ? isSpam ? "win" : "tea" : "the")\(Int.random(in: 0..<40, using: &generator))"
            }
            text += "\(isSpam ? "spam" : "ham"),\"\(words.joined(separator: " ")), \"\"\(row)\"\"\"\n"
        }
        return text
    }

    private func run(
        _ files: [String: String], train: String = "train.csv", test: String? = "test.csv", plan: PoisoningPlan,
        checks: [any DataCheck.Type] = [], favourable: String? = nil, context: RunContext = RunContext(threads: 2),
        change: (inout AuditConfiguration) -> Void = { _ in }
    ) throws -> (report: Report, json: [String: Any], bytes: Data) {
        try Repository.withTemporaryFolder { folder in
            for (name, text) in files {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            var configuration = AuditConfiguration()
            configuration.data.train = "\(folder)/\(train)"
            configuration.data.test = test.map { "\(folder)/\($0)" }
            configuration.data.favourable = favourable
            change(&configuration)
            let result = try PoisoningJob(configuration, plan: plan, checks: checks, search: Repository.engines)
                .run(context: context, command: "test", started: Date())
            let bytes = try result.json()
            return (result.report, try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any]), bytes)
        }
    }

    private func plan(_ attacks: [String], shares: [Double] = [0.02, 0.1], repeats: Int = 1) -> PoisoningPlan {
        var plan = PoisoningPlan()
        (plan.attacks, plan.shares, plan.repeats) = (attacks, shares, repeats)
        plan.victim = "boosting:rounds=20"
        return plan
    }

    private func points(_ json: [String: Any], _ attack: Int = 0) throws -> [[String: Any]] {
        try #require((json["attacks"] as? [[String: Any]])?[attack]["points"] as? [[String: Any]])
    }

    private func value(_ point: [String: Any], _ name: String) -> Double? {
        (point[name] as? [String: Any])?["value"] as? Double
    }

    /// The data that checks open hold the planted rows, all of them and no others, in the rows that are said.
    @Test func checksSeeExactlyWhatWasPlanted() throws {
        let files = ["train.csv": Self.table(600, seed: 1), "test.csv": Self.table(300, seed: 2)]
        let ignore: (inout AuditConfiguration) -> Void = {
            ($0.data.target, $0.data.ignore, $0.data.source) = ("y", ["id"], "branch")
        }
        let (report, json, _) = try run(
            files, plan: plan(["random_flips", "targeted_flips"]), checks: [RuleCheck.self, BlindCheck.self],
            favourable: "yes", change: ignore)
        for attack in 0..<2 {
            let points = try points(json, attack)
            #expect(points.count == 3 && points[0]["rows"] as? Int == 0 && (points[1]["rows"] as? Int ?? 0) <= 12)
            for point in points.dropFirst() {
                let checks = try #require(point["checks"] as? [[String: Any]])
                #expect(checks.map { $0["check"] as? String } == ["data_rule", "data_blind"])
                #expect(value(checks[0], "detected") == 1 && value(checks[0], "falseAlarms") == 0)
                #expect(value(checks[0], "falseAlarmsClean") == 0 && checks[0]["seen"] as? Bool == true)
                #expect((checks[0]["detected"] as? [String: Any])?["n"] as? Int == point["rows"] as? Int)
                #expect(value(checks[1], "detected") == 0 && checks[1]["seen"] as? Bool == false)
            }
        }
        #expect(report.probes[0].tables.contains { $0.title == "What checks on the data see" })
        #expect(report.probes[0].plots.map(\.id) == ["poisoning.success", "poisoning.accuracy"])
        #expect(!report.findings.contains { $0.id == "poisoning.unseen" })
        let breach = try #require(report.findings.first { $0.id == "poisoning.integrity_breach" })
        #expect(breach.severity < .high && breach.taxonomy.violations == [.integrity])
        #expect(breach.evidence.contains { if case .pattern = $0 { true } else { false } })
    }

    @Test func whatNoCheckSeesIsAFinding() throws {
        let files = ["train.csv": Self.table(600, seed: 1), "test.csv": Self.table(300, seed: 2)]
        let ignore: (inout AuditConfiguration) -> Void = { ($0.data.target, $0.data.ignore) = ("y", ["id", "branch"]) }
        let (report, _, _) = try run(
            files, plan: plan(["table_trigger"]), checks: [BlindCheck.self], favourable: "yes", change: ignore)
        #expect(Set(report.findings.map(\.id)) == ["poisoning.integrity_breach", "poisoning.unseen"])
        let unseen = report.metrics.first { $0.name == "poisoning.unseen_share" }
        #expect(unseen?.value == 0.1 && unseen?.group == "attack=table_trigger")
        // Nobody looked: nothing is said of what would have been seen.
        let (silent, _, _) = try run(files, plan: plan(["table_trigger"]), favourable: "yes", change: ignore)
        #expect(silent.findings.map(\.id) == ["poisoning.integrity_breach"])
    }

    @Test func aTriggerWordIsNamedByTheCheckThatFindsIt() throws {
        let files = ["sms.csv": Self.messages(800, seed: 3)]
        var wanted = plan(["token_trigger", "dictionary"], shares: [0.05])
        wanted.token = "zz"
        let (_, json, _) = try run(
            files, train: "sms.csv", test: nil, plan: wanted, checks: [WordCheck.self], favourable: "ham")
        let dictionary = try points(json, 0), token = try points(json, 1)
        let named = try #require((token[1]["checks"] as? [[String: Any]])?.first)
        #expect(named["named"] as? Bool == true && value(named, "detected") == 1 && value(named, "falseAlarms") == 0)
        let other = try #require((dictionary[1]["checks"] as? [[String: Any]])?.first)
        #expect(other["named"] as? Bool == false && value(other, "detected") == 0)
        #expect(
            (value(token[1], "attackSuccess") ?? 0) > 0.9
                && (json["attacks"] as? [[String: Any]])?[1]["direction"] as? String == "integrity")
        #expect((json["attacks"] as? [[String: Any]])?[0]["direction"] as? String == "availability")
    }

    @Test func theSameBytesAtEveryNumberOfThreads() throws {
        let files = ["train.csv": Self.table(400, seed: 1), "test.csv": Self.table(200, seed: 2)]
        func attacks(_ threads: Int) throws -> Data {
            let json = try run(
                files, plan: plan([], repeats: 2), checks: [RuleCheck.self], favourable: "yes",
                context: RunContext(seed: 5, threads: threads)
            ) { ($0.data.target, $0.data.ignore) = ("y", ["id"]) }.json
            return try JSONSerialization.data(withJSONObject: json["attacks"] ?? [], options: .sortedKeys)
        }
        #expect(try attacks(1) == attacks(3))
    }

    @Test func aGroupMayBeOfAnyColumn() throws {
        let files = ["train.csv": Self.table(600, seed: 1), "test.csv": Self.table(300, seed: 2)]
        var wanted = plan(["insider_approval"], shares: [0.5])
        wanted.group = "branch=b3"
        let (_, json, _) = try run(files, plan: wanted, favourable: "yes") {
            ($0.data.target, $0.data.ignore) = ("y", ["id", "branch"])
        }
        let refused = Self.table(600, seed: 1).split(separator: "\n").dropFirst().filter {
            $0.contains(",b3,") && $0.hasSuffix("no")
        }
        #expect(try points(json)[1]["rows"] as? Int == refused.count)
    }

    @Test func picturesAreReadAndLookedAt() throws {
        try Repository.withTemporaryFolder { folder in
            var generator = SeededGenerator(seed: 1)
            let labels = (0..<400).map { Int64($0 % 2) }
            let pixels = labels.flatMap { label in
                (0..<36).map {
                    UInt8(clamping: ($0 / 18 == Int(label) ? 150 : 0) + Int.random(in: 0..<100, using: &generator))
                }
            }
            try NpzWriter.write(
                [
                    NpzWriter.Array("x", shape: [400, 6, 6], .float32(pixels.map { Float($0) / 255 })),
                    NpzWriter.Array("y", shape: [400], .int64(labels)),
                ], to: folder + "/p.npz")
            var configuration = AuditConfiguration()
            configuration.data.train = folder + "/p.npz"
            let result = try PoisoningJob(
                configuration, plan: plan(["patch_trigger"], shares: [0.05]), checks: [BlindCheck.self],
                search: Repository.engines
            ).run(context: RunContext(threads: 2), command: "test", started: Date())
            #expect(result.report.findings.contains { $0.id == "poisoning.unseen" })
            #expect(result.report.facts[0].rows.contains { $0[1].contains("held out") })
        }
    }

    @Test func whatMakesNoSenseIsRefused() throws {
        let files = ["train.csv": Self.table(200, seed: 1), "test.csv": Self.table(100, seed: 2)]
        func refused(_ code: CasemateError.Code, _ change: (inout PoisoningPlan) -> Void) {
            var wanted = plan(["random_flips"])
            change(&wanted)
            let error = #expect(throws: CasemateError.self) {
                try run(files, plan: wanted, favourable: "yes") { ($0.data.target, $0.data.ignore) = ("y", ["id"]) }
            }
            #expect(error?.code == code)
        }
        refused(.invalidSetting) { $0.attacks = ["random_flip"] }
        refused(.invalidSetting) { $0.shares = [0.9] }
        refused(.invalidSetting) { $0.victim = "forest" }
        refused(.mismatch) { $0.outcome = "maybe" }
        refused(.notFound) { $0.trigger = "nothing=1" }
        refused(.invalidSetting) { $0.patch = "3" }
        refused(.invalidSetting) { $0.token = "two words" }
        refused(.notFound) { $0.group = "office=1" }
        refused(.notFound) { $0.text = "amount" }
        refused(.unsupported) { $0.attacks = ["dictionary"] }
        refused(.unknownKey) { $0.checks = ["labels"] }
    }

    @Test func aBudgetThatRanOutIsSaid() throws {
        let files = ["train.csv": Self.table(300, seed: 1), "test.csv": Self.table(100, seed: 2)]
        let (report, json, _) = try run(
            files, plan: plan(["random_flips"]), checks: [BlindCheck.self], favourable: "yes",
            context: RunContext(threads: 1, deadline: .now - .seconds(1))
        ) { ($0.data.target, $0.data.ignore) = ("y", ["id"]) }
        #expect(report.coverage[0].status == .partial)
        #expect(try points(json).count == 1)
    }
}
