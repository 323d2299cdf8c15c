import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Copies of made models.
@Suite struct ExtractionStudentTests {
    private func engine() throws -> LightGBM { try LightGBM(Repository.engines) }
    private func extraction(_ budgets: [Int] = [400], students: [String]? = nil) -> ModelExtraction {
        var extraction = ModelExtraction()
        (extraction.budgets, extraction.uniformRows) = (budgets, 200)
        if let students { extraction.students = students }
        return extraction
    }
    /// Two classes by a slope and a step.
    private var mixed: ScoreOracle {
        ScoreOracle(4) { row in
            let row = row.map(Double.init)
            let z = 2 * row[0] - row[1] + (row[2] > 0.5 ? 1.5 : 0)
            return [1 / (1 + exp(z)), 1 / (1 + exp(-z))]
        }
    }

    /// Every learner that ships, on every form of answer, beats chance by far; nothing but the catalogue names them.
    @Test(arguments: studentLearners.map { $0.identifier }) func everyLearnerLearns(identifier: String) throws {
        let rows = normalMatrix(2_000, 4, seed: 2)
        let three = ScoreOracle(4, decisions: 3, outputs: 3) { row in
            let row = row.map(Double.init)
            let powers = [exp(2 * row[0]), exp(2 * row[1]), exp(-2 * row[0])]
            return powers.map { $0 / powers.reduce(0, +) }
        }
        let value = ScoreOracle(4, decisions: 0, scores: .values, outputs: 1) { row in
            [3 * Double(row[row.startIndex]) + Double(row[row.startIndex + 1]) + 100]
        }
        let limit = ScoreOracle(4, scores: .values, outputs: 1, threshold: 100.5) { row in
            [3 * Double(row[row.startIndex]) + Double(row[row.startIndex + 1]) + 100]
        }
        for (name, oracle) in [("two", mixed), ("three", three), ("value", value), ("limit", limit)] {
            let result = try extraction(students: [identifier]).run(
                ExtractionSupport.problem(rows), oracle: oracle, boosting: engine(), context: RunContext())
            // Scores and labels from three distributions, rounded scores from one; no labels without decisions.
            #expect(result.copies.count == (name == "value" ? 4 : 7), "\(name): \(result.copies.count)")
            for copy in result.copies where copy.distribution == .natural {
                #expect(copy.student == identifier)
                let kappa = copy.natural.decisions?.kappa ?? 1
                #expect(kappa > 0.65, "\(name), \(copy.access.name): kappa \(kappa)")
                #expect((copy.natural.scores?.r2 ?? 1) > 0.7, "\(name): R² \(copy.natural.scores?.r2 ?? 0)")
                #expect((copy.access == .labels) == (copy.natural.scores == nil))
            }
        }
    }

    /// A learner without a word in the page of the probe fails here.
    @Test func thePageNamesEveryLearner() throws {
        let page = try String(contentsOfFile: Repository.path("docs/probes/surrogate.md"), encoding: .utf8)
        for learner in studentLearners { #expect(page.contains("`\(learner.identifier)`")) }
        for distribution in QueryDistribution.allCases { #expect(page.contains("`\(distribution.rawValue)`")) }
    }

    @Test func queriesAreCountedAndSmallBudgetsArePartsOfLargeOnes() throws {
        let rows = normalMatrix(400, 4, seed: 2)
        let oracle = mixed
        let result = try extraction([50, 200, 5_000], students: ["linear"]).run(
            ExtractionSupport.problem(rows), oracle: oracle, boosting: nil, context: RunContext())
        #expect(result.asked == [.natural: 300, .shuffled: 5_000, .uniform: 5_000])
        #expect(result.naturalRows == 300 && result.repeated == 0 && result.naturalEvaluation == 100)
        #expect(oracle.asked == 10_300 + result.evaluationQueries && result.evaluationQueries == 300)
        // Real rows end at 300: what asks for more becomes one copy of all.
        let natural = result.copies.filter { $0.distribution == .natural && $0.access == .scores }
        #expect(natural.map(\.queries) == [50, 200, 300])
        #expect(result.copies.filter { $0.distribution == .uniform }.map(\.queries).contains(5_000))
        let one = try extraction([50], students: ["linear"]).run(
            ExtractionSupport.problem(rows), oracle: mixed, boosting: nil, context: RunContext())
        #expect(one.copies.first == result.copies.first && one.asked[.natural] == 50)
        let small = result.strongest(.scores, .natural, queries: 50)
        #expect(small?.student == "linear" && result.strongest(.scores, .natural, queries: 51) == nil)
    }

    /// Shuffled columns keep each column's values and lose what they have in common; uniform rows are lawful.
    @Test func queriesFollowTheirDistribution() throws {
        let table = try MixedTable(count: 240, seed: 4)
        let oracle = ScoreOracle(7) { _ in [0.4, 0.6] }
        var extraction = extraction([180], students: ["linear"])
        extraction.uniformRows = 1
        _ = try extraction.run(
            ExtractionSupport.problem(table.rows, space: table.space), oracle: oracle, boosting: nil,
            context: RunContext())
        let calls = oracle.calls
        func columns(_ call: [Float], _ feature: Int) -> [UInt32] {
            (0..<call.count / 7).map { call[$0 * 7 + feature].isNaN ? .max : call[$0 * 7 + feature].bitPattern }
                .sorted()
        }
        for feature in 0..<7 { #expect(columns(calls[0], feature) == columns(calls[1], feature)) }
        #expect(calls[0] != calls[1])
        for call in calls.prefix(3) {
            for row in 0..<call.count / 7 {
                #expect(call[row * 7 + 4] + call[row * 7 + 5] + call[row * 7 + 6] == 1)
                #expect([0, 1, 2].contains(call[row * 7 + 3]) && call[row * 7 + 1] == call[row * 7 + 1].rounded())
                #expect((18...90).contains(call[row * 7 + 2]) && (0...40).contains(call[row * 7 + 1]))
            }
        }
        let years = Set((0..<180).map { calls[2][$0 * 7 + 1] })
        #expect(years.count > 35 && years.contains { $0 > 35 } && years.contains { $0 < 5 })
    }

    /// A constant agrees on 99 rows of 100 and is no copy: kappa says so.
    @Test func aMajorityIsNoCopy() throws {
        let rows = normalMatrix(4_000, 3, seed: 7)
        let rare = ScoreOracle(3, scores: .none, outputs: 0) { row in
            [0, row[row.startIndex] > 2.4 ? 1 : 0]
        }
        let result = try extraction([40]).run(
            ExtractionSupport.problem(rows), oracle: rare, boosting: engine(), context: RunContext(seed: 1))
        let copy = try #require(result.strongest(.labels, .natural, queries: 40))
        let decisions = try #require(copy.natural.decisions)
        #expect((decisions.share ?? 0) > 0.98 && decisions.majority > 0.98)
        #expect(abs(decisions.kappa ?? 1) < 0.2 && (decisions.kappaInterval()?.low ?? 1) < 0)
        #expect(result.copies.allSatisfy { $0.access == .labels })
    }

    @Test func theSameAtAnyThreadCount() throws {
        let rows = normalMatrix(600, 4, seed: 2)
        func run(_ threads: Int, _ seed: UInt64) throws -> ExtractionResult {
            try extraction([60, 300]).run(
                ExtractionSupport.problem(rows, seed: seed), oracle: mixed, boosting: engine(),
                context: RunContext(seed: seed, threads: threads))
        }
        let one = try run(1, 5)
        #expect(try one == run(3, 5))
        #expect(try one != run(1, 6))
    }

    @Test func whatIsMissingIsSaid() throws {
        let rows = normalMatrix(100, 4, seed: 2)
        let problem = try ExtractionSupport.problem(rows)
        let error = #expect(throws: CasemateError.self) {
            try extraction().run(problem, oracle: mixed, boosting: nil, context: RunContext())
        }
        #expect(error?.code == .engineMissing && error?.help.contains("make setup") == true)
        let late = try extraction().run(
            problem, oracle: mixed, boosting: engine(), context: RunContext(deadline: .now))
        #expect(late.copies.isEmpty && late.unfinished == 21)
        let stop = Cancellation()
        stop.cancel(.interrupted)
        #expect(throws: Cancelled(reason: .interrupted)) {
            try extraction().run(
                problem, oracle: mixed, boosting: engine(), context: RunContext(cancellation: stop))
        }
        let empty = FeatureMatrix(features: rows.features, values: [])
        let none = #expect(throws: CasemateError.self) {
            try ExtractionProblem(space: problem.space, pool: empty, evaluation: rows, most: (10, 10), seed: 0)
        }
        #expect(none?.code == .unusableData)
    }

    /// Rows that judge are no queries.
    @Test func rowsThatJudgeAreNotAskedAbout() throws {
        let rows = normalMatrix(100, 3, seed: 2)
        let space = FeatureSpace.unconstrained(features: rows.features)
        let some = try ExtractionProblem(
            space: space, pool: rows, evaluation: rows.rows(0..<30), most: (1_000, 1_000), seed: 0)
        let result = try extraction([1_000], students: ["linear"]).run(
            some, oracle: ScoreOracle.logistic([1, 2, 3], 0), boosting: nil, context: RunContext())
        #expect(result.naturalRows == 70 && result.repeated == 30)
        #expect(!result.isShared)
        // One file for both: half judges, half is asked about.
        let same = try ExtractionProblem(space: space, pool: rows, evaluation: rows, most: (1_000, 1_000), seed: 0)
        #expect(same.evaluation.count == 50 && same.repeated == 50 && !same.isShared)
        var few = rows.rows(Array(repeating: 3, count: 40) + Array(repeating: 4, count: 40))
        let tiny = try ExtractionProblem(space: space, pool: few, evaluation: few, most: (1_000, 50), seed: 0)
        #expect(!tiny.isShared && tiny.repeated == 40)
        few = rows.rows(Array(repeating: 3, count: 40))
        let one = try ExtractionProblem(space: space, pool: few, evaluation: few, most: (1_000, 50), seed: 0)
        #expect(one.isShared && one.repeated == 0 && one.evaluation.count == 40)
    }
}

/// The measures by themselves.
@Suite struct ExtractionQualityTests {
    /// Kappa as scikit-learn and statsmodels have it.
    @Test func kappaIsThatOfPeers() throws {
        let cases = try Figures("figures/extraction.json")["kappa"].members
        #expect(cases.count == 6)
        for (name, one) in cases {
            let table = one["table"].list.map(\.ints)
            var (model, copy) = ([Int32](), [Int32]())
            for (row, counts) in table.enumerated() {
                for (column, count) in counts.enumerated() {
                    model += [Int32](repeating: Int32(row), count: count)
                    copy += [Int32](repeating: Int32(column), count: count)
                }
            }
            let agreement = DecisionAgreement(model: model, copy: copy, classes: table.count)
            #expect(agree(agreement.kappa, one["kappa"].double, tolerance: 1e-12), "\(name)")
            #expect(agree(agreement.chance, one["chance"].double, tolerance: 1e-12), "\(name)")
            #expect(agree(agreement.majority, one["majority"].double, tolerance: 1e-12), "\(name)")
            let interval = try #require(agreement.kappaInterval())
            #expect(agree(interval.low, one["interval"].doubles[0], tolerance: 1e-9), "\(name)")
            #expect(agree(interval.high, one["interval"].doubles[1], tolerance: 1e-9), "\(name)")
        }
    }

    @Test func nothingLeftByChanceHasNoKappa() {
        let same = DecisionAgreement(model: [1, 1, 1], copy: [1, 1, 1], classes: 2)
        #expect(same.share == 1 && same.kappa == nil && same.kappaInterval() == nil && same.majority == 1)
        let none = DecisionAgreement(model: [], copy: [], classes: 2)
        #expect(none.share == nil && none.kappa == nil && none.interval() == nil)
    }

    @Test func scoresAgainstAClosedForm() throws {
        let agreement = ScoreAgreement(model: [1, 2, 3, 4], copy: [1, 2, 3, 2], outputs: 1, seed: 1)
        #expect(agree(agreement.r2, 1 - 4.0 / 5) && agreement.meanError == 0.5 && agreement.largestError == 2)
        #expect(agreement.r2Interval != nil)
        // Of two probabilities only one counts.
        let pair = ScoreAgreement(model: [0.75, 0.25, 0.25, 0.75], copy: [0.5, 0.5, 0.25, 0.75], outputs: 2)
        #expect(agree(pair.meanError, 0.125) && agree(pair.r2, 1 - 0.0625 / 0.125) && pair.r2Interval == nil)
        #expect(ScoreAgreement(model: [2, 2], copy: [2, 2], outputs: 1).r2 == nil)
    }
}
