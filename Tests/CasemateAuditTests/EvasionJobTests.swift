import CasemateAttacks
import CasemateAudit
import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Attacks by name on the mortgage example, as `casemate attack --attack NAME --config casemate.yaml` runs them.
@Suite struct EvasionJobTests {
    private func configuration(
        _ attack: String, access: String? = nil, file: String = "casemate.yaml", samples: Int = 8
    ) throws -> AuditConfiguration {
        var configuration = try AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/\(file)"))
        try configuration.set("probes.evasion.attack", attack, origin: .option("--attack"))
        if let access { try configuration.set("probes.evasion.access", access, origin: .option("--access")) }
        let type = evasionAttacks.first { $0.identifier == attack }
        let norm = type?.norms[0] ?? .l2
        try configuration.set("probes.evasion.norm", norm.rawValue, origin: .option("--norm"))
        try configuration.set("probes.evasion.samples", "\(samples)", origin: .option("--samples"))
        try configuration.set("probes.evasion.queries", "500", origin: .option("--queries"))
        return configuration
    }
    private func run(_ configuration: AuditConfiguration) throws -> EvasionJob.Result {
        try EvasionJob(configuration, search: Repository.engines, isPublished: false, bounds: nil).run(
            context: RunContext(threads: 1), command: "casemate attack", started: Date(timeIntervalSince1970: 0))
    }

    @Test(arguments: evasionAttacks.map { $0.identifier }.filter { $0 != "constrained_pgd" })
    func everyAttackReportsActionsWithinItsQueries(name: String) throws {
        let result = try run(configuration(name))
        let summary = try #require(result.attacks.first)
        #expect(summary.attack == name && summary.samples == 8 && summary.discarded == 0)
        #expect(result.rows.count == 8 && result.rows.allSatisfy { $0.queries <= 500 })
        for row in result.rows where row.outcome == "found" {
            let (action, cost, changed) = (try #require(row.action), try #require(row.cost), try #require(row.changed))
            #expect(cost > 0 && row.steps.count == changed)
            #expect(row.steps.allSatisfy { action.contains("`\($0.feature)` from \($0.before) to \($0.after)") })
            #expect(action.contains("→") && action.contains("cost "))
        }
        let json = try JSONSerialization.jsonObject(with: result.json()) as? [String: Any]
        let rows = try #require(json?["rows"] as? [[String: Any]])
        #expect(rows.count == 8 && rows.allSatisfy { $0["queries"] is Int && $0["steps"] is [Any] })
        let outcome = try #require(result.report.probes.first)
        for name in ["evasion.median_cost", "evasion.unrepairable", "evasion.median_distance"] {
            #expect(outcome.metrics.contains { $0.name == name })
        }
    }

    /// The report says what was seen; a declared access that does not suffice is refused before anything is loaded.
    @Test func accessIsDeclaredAndSaid() throws {
        let seen = try run(configuration("greedy", access: "scores"))
        #expect(seen.attacks[0].access == "scores")
        #expect(seen.report.probes[0].taxonomy.knowledge == [.scores])
        #expect(seen.report.probes[0].title.contains("scores"))
        let blind = try run(configuration("greedy", access: "labels"))
        #expect(blind.attacks[0].access == "labels" && blind.report.probes[0].taxonomy.knowledge == [.labels])
        let error = #expect(throws: CasemateError.self) { try run(configuration("zoo", access: "labels")) }
        #expect(error?.description.contains("'zoo' needs scores") == true)
        var wrong = try configuration("boundary")
        try wrong.set("probes.evasion.norm", "linf", origin: .option("--norm"))
        #expect(throws: CasemateError.self) { try run(wrong) }
    }

    /// A logistic curve through ONNX, with and without a threshold: the exact distance is known.
    @Test(arguments: ["zoo", "nes", "constrained_pgd", "boundary", "beam"], [0.5, 0.7])
    func reachesTheExactDistanceOfALogisticModel(name: String, threshold: Double) throws {
        let (weights, bias) = ([0.375, -1.046875], 0.34375)
        let cut = log(threshold / (1 - threshold))
        var generator = SeededGenerator(seed: 5)
        let points = (0..<12).map { _ in (0..<2).map { _ in Double(Int(generator.next() % 257)) / 64 - 2 } }
        func margin(_ point: [Double]) -> Double { zip(weights, point).reduce(bias - cut) { $0 + $1.0 * $1.1 } }
        try Repository.withTemporaryFolder { folder in
            let rows = points.map { "\($0[0]),\($0[1]),a,\(margin($0) >= 0 ? 1 : 0)" }
            var configuration = try SubjectSupport.configuration(
                ["x0,x1,group,y"] + rows, in: folder,
                extra: """
                    decision: {threshold: \(threshold)}
                    feature_space: {defaults: {scale: raw, bounds: none, integer: never}}
                    probes: {evasion: {attack: \(name), norm: \(name == "beam" ? "l1" : "l2"), polish: false}}
                    """)
            configuration.report.isRedacted = false
            let result = try run(configuration)
            #expect(result.attacks[0].succeeded == 12)
            for row in result.rows {
                let size = name == "beam" ? 1.046875 : hypot(weights[0], weights[1])
                let exact = abs(margin(points[row.row - 1])) / size
                let distance = try #require(row.distance)
                #expect(distance > exact * (1 - 1e-4) - 1e-5 && distance < exact * 1.05 + 1e-3, "row \(row.row)")
            }
        }
    }

    /// Scores of every kind lead to the goal: values against a threshold, margins, probabilities of several classes. They
    /// bring an attacker at least as near as labels do.
    @Test(arguments: [
        ("sk_linear_regression", ["0.5"]), ("sk_linear_svc_scores", ["0", "1"]),
        ("sk_logistic_multiclass", ["0", "1", "2"]), ("torch_logits_4", ["0", "1", "2"]),
    ])
    func scoresOfEveryKindLeadToTheGoal(model: String, labels: [String]) throws {
        try Repository.withTemporaryFolder { folder in
            var generator = SeededGenerator(seed: 3)
            let rows = (0..<24).map { row in
                (0..<4).map { _ in "\(4 * generator.uniform() - 2)" }.joined(separator: ",")
                    + ",\(row % 2 == 0 ? "a" : "b"),\(labels.count == 1 ? "\(row)" : labels[row % labels.count])"
            }
            var configuration = try SubjectSupport.configuration(
                ["f0,f1,f2,f3,group,y"] + rows, model: "models/\(model).onnx", in: folder)
            configuration.data.favourable = nil
            if labels.count == 1 { configuration.decision.threshold = 0.5 }
            func median(_ attack: String, _ access: String) throws -> Double {
                var copy = configuration
                try copy.set("probes.evasion.attack", attack, origin: .option("--attack"))
                try copy.set("probes.evasion.access", access, origin: .option("--access"))
                try copy.set("probes.evasion.norm", "l2", origin: .option("--norm"))
                let result = try run(copy)
                #expect(result.attacks[0].access == access && result.attacks[0].discarded == 0)
                #expect(result.rows.allSatisfy { $0.success }, "\(attack): \(result.rows.count { !$0.success })")
                return try #require(result.attacks[0].medianDistance)
            }
            let blind = try median("hop_skip_jump", "labels")
            for attack in ["zoo", "nes"] { #expect(try median(attack, "scores") <= 1.05 * blind, "\(attack)") }
        }
    }

    /// A model that answers labels only has no scores to see.
    @Test func labelsAloneAreNoScores() throws {
        try Repository.withTemporaryFolder { folder in
            let rows = (0..<12).map { "\($0),\($0 % 5),\($0 % 3),1,a,\($0 % 2)" }
            var configuration = try SubjectSupport.configuration(
                ["f0,f1,f2,f3,group,y"] + rows, model: "models/sk_label_only.onnx", in: folder)
            try configuration.set("probes.evasion.attack", "zoo", origin: .option("--attack"))
            let error = #expect(throws: CasemateError.self) { try run(configuration) }
            #expect(error?.description.contains("decisions only") == true)
            try configuration.set("probes.evasion.attack", "greedy", origin: .option("--attack"))
            #expect(try run(configuration).attacks[0].access == "labels")
        }
    }

    /// No gradient goes through trees, and the message says so.
    @Test func gradientsOfTreesAreRefused() throws {
        let error = #expect(throws: CasemateError.self) { try run(configuration("constrained_pgd")) }
        #expect(error?.description.contains("trees") == true)
    }

    @Test func costIsMadeSmall() throws {
        var costly = try configuration("greedy", samples: 20)
        try costly.set("probes.evasion.queries", "5000", origin: .option("--queries"))
        let near = try run(costly)
        try costly.set("probes.evasion.objective", "cost", origin: .option("--objective"))
        let cheap = try run(costly)
        #expect(cheap.attacks[0].objective == "cost")
        let (one, other) = (try #require(near.attacks[0].medianCost), try #require(cheap.attacks[0].medianCost))
        #expect(other <= one * 1.02, "\(other) against \(one)")
    }

    @Test func valuesAreMaskedWhereAsked() throws {
        var masked = try configuration("greedy")
        try masked.set("report.redact", "true", origin: .option("--redact"))
        let result = try run(masked)
        #expect(result.rows.contains { $0.outcome == "found" })
        for row in result.rows {
            #expect(row.row == 0 && row.steps.allSatisfy { $0.before == "▒▒▒" && $0.after == "▒▒▒" })
            if let action = row.action { #expect(!action.contains(" to ") && action.contains("masked")) }
        }
    }

    @Test func namesLeadToTheAttackThatServesThem() throws {
        func route(
            _ attack: String?, _ access: String? = nil, radius: Bool = false, table: Bool = true
        ) throws -> EvasionRoute {
            try EvasionRoute(attack: attack, access: access, hasRadius: radius, isTable: table)
        }
        #expect(try route(nil) == .space)
        #expect(try route(nil, radius: true) == .ball)
        #expect(try route(nil, table: false) == .ball)
        #expect(try route(nil, "labels", radius: true) == .space)
        #expect(try route(nil, "scores") == .space)
        #expect(try route(nil, "scores", radius: true) == .ball)
        #expect(try route(nil, "gradients") == .ball)
        #expect(try route("square") == .space)
        #expect(try route("square", radius: true) == .ball)
        #expect(try route("square", table: false) == .ball)
        #expect(try route("greedy", "scores", radius: true) == .space)
        #expect(try route("pgd", "gradients", radius: true) == .ball)
        #expect(try route("constrained_pgd", "gradients") == .space)
        let unknown = #expect(throws: CasemateError.self) { try route("gredy") }
        #expect(unknown?.description.contains("did you mean 'greedy'") == true)
        let access = #expect(throws: CasemateError.self) { try route("greedy", "score") }
        #expect(access?.description.contains("did you mean 'scores'") == true)
    }
}
