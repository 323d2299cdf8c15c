import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation
import Testing

/// Closed forms and brute force.
@Suite struct SensitivityTests {
    private let weights = [2.0, -1.0, 0.5, 0]
    private var linear: ClosedForm {
        let weights = weights
        return ClosedForm(4) { row in ClosedForm.sigmoid(zip(weights, row).reduce(0.3) { $0 + $1.0 * Double($1.1) }) }
    }

    /// Partial dependence, ranges and swings of a logistic model are known.
    @Test func responsesOfALogisticModelAreExact() throws {
        let table = SweepTable(4, rows: 60, seed: 1)
        let result = try SensitivityAnalysis().run(table.problem(), function: linear)
        #expect(result.unfinished.isEmpty && result.responses.count == 4 && result.cliffs.isEmpty)
        for (index, response) in result.responses.enumerated() {
            func mean(at value: Float) -> Double {
                (0..<60).reduce(0.0) { sum, row in
                    var copy = Array(table.rows[row: row])
                    copy[index] = value
                    return sum + linear.value(copy)
                } / 60
            }
            for (column, dependence) in zip(response.columns, response.partialDependence) {
                #expect(abs(mean(at: column.position) - dependence) < 1e-6)
            }
            let swing = result.swings[index]
            #expect(abs(swing.value - abs(mean(at: 1) - mean(at: -1))) < 1e-6)
            let interval = try #require(swing.interval)
            #expect(interval.low <= swing.value + 1e-6 && swing.value <= interval.high + 1e-6)
            #expect(swing.medianRange <= swing.largestRange && swing.meanRange <= swing.largestRange)
            #expect(abs(swing.meanRange - swing.value) < 1e-6, "all rows move the same way")
        }
        #expect(result.ranking == [0, 1, 2, 3])
        #expect(result.swings[3].value == 0 && result.responses[3].columns.count < 40)
    }

    /// The smallest single change of a linear model is its margin over a weight.
    @Test func flipsOfALogisticModelAreExact() throws {
        let table = SweepTable(4, rows: 80, seed: 2)
        let result = try SensitivityAnalysis().run(table.problem(), function: linear)
        #expect(result.discarded == 0 && result.labels.count == 80)
        for sample in 0..<80 {
            let row = Array(table.rows[row: sample])
            let margin = zip(weights, row).reduce(0.3) { $0 + $1.0 * Double($1.1) }
            for feature in 0..<4 {
                let target = Double(row[feature]) - margin / weights[feature]
                let found = result.flips.first { $0.sample == sample && $0.response == feature }
                guard weights[feature] != 0, abs(target) <= 1 else {
                    #expect(found == nil || abs(abs(target) - 1) < 1e-5)
                    continue
                }
                let flip = try #require(found, "row \(sample), feature \(feature)")
                #expect(abs(flip.distance - abs(target - Double(row[feature])) / 2) < 1e-6)
                #expect(flip.label != result.labels[sample] && linear.label(flip.row) == flip.label)
            }
        }
        let best = try #require(result.smallestFlips.first)
        #expect(result.flips.filter { $0.sample == best.sample }.allSatisfy { $0.distance >= best.distance })
    }

    /// Numbers, whole numbers that only grow, immutable ones, categories with moves, groups: trying everything between
    /// the thresholds of the trees finds nothing that the analysis did not.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func flipsOfTreesAreTheSmallestThereAre(seed: UInt64) throws {
        let table = try MixedTable(count: 60, seed: seed)
        let ranges: [ClosedRange<Float>] = [0...10, 0...40, 18...90, 0...2, 0...1, 0...1, 0...1]
        let forest = SweepForest(ranges, trees: 6, depth: 3, seed: seed)
        let function = ClosedForm(7, threshold: 0) { forest.score($0) }
        var analysis = SensitivityAnalysis()
        analysis.tolerance = 0
        let problem = try SensitivityProblem(rows: table.rows, space: table.space, reference: table.rows)
        let result = try analysis.run(problem, function: function)
        #expect(result.discarded == 0)
        var total = 0
        for sample in 0..<60 {
            let row = Array(table.rows[row: sample])
            for (index, response) in result.responses.enumerated() {
                var best = Double.infinity
                for candidate in candidates(response.unit, row, forest) {
                    guard table.space.violations(of: candidate, from: row).isEmpty,
                        function.label(candidate) != function.label(row)
                    else { continue }
                    best = min(best, table.space.distance(.l1, from: row, to: candidate))
                }
                let found = result.flips.first { $0.sample == sample && $0.response == index }
                if best.isInfinite {
                    #expect(found == nil)
                } else {
                    total += 1
                    #expect(abs((found?.distance ?? .infinity) - best) < 2e-7, "row \(sample), \(response.unit.name)")
                }
            }
        }
        #expect(total > 20)
    }

    private func candidates(_ unit: SweepUnit, _ row: [Float], _ forest: SweepForest) -> [[Float]] {
        if unit.features.count > 1 {
            return unit.features.map { hot in
                var copy = row
                for member in unit.features { copy[member] = member == hot ? 1 : 0 }
                return copy
            }
        }
        let feature = unit.features[0]
        let around = forest.thresholds[feature].flatMap { [$0, $0.nextUp, $0.rounded(.down), $0.rounded(.up)] }
        return (around + [0, 1, 2, 10, 40]).map { value in
            var copy = row
            copy[feature] = value
            return copy
        }
    }

    /// Labels alone: the same flips, no figure that would need a score.
    @Test func labelsAloneGiveTheSameFlips() throws {
        let table = SweepTable(3, rows: 40, seed: 3)
        let scored = ClosedForm(3) { row in ClosedForm.sigmoid(row.reduce(0) { $0 + 2 * Double($1) }) }
        let blind = ClosedForm(3, tellsScores: false, scored.score)
        let one = try SensitivityAnalysis().run(table.problem(), function: scored)
        let other = try SensitivityAnalysis().run(table.problem(), function: blind)
        #expect(other.swings.isEmpty && other.cliffs.isEmpty && other.pairs.isEmpty && other.impossible.isEmpty)
        #expect(one.flips.count == other.flips.count)
        for (a, b) in zip(one.flips, other.flips) {
            #expect(a.sample == b.sample && a.response == b.response && abs(a.distance - b.distance) < 1e-6)
        }
    }

    /// A narrow band in the middle of the sweep flips although both ends do not.
    @Test func aBandBetweenEqualEndsIsFound() throws {
        let table = SweepTable(2, rows: 30, seed: 4)
        let function = ClosedForm(2) { row in row[row.startIndex] > 0.2 && row[row.startIndex] < 0.31 ? 0.9 : 0.1 }
        let result = try SensitivityAnalysis().run(table.problem(), function: function)
        for sample in 0..<30 where result.labels[sample] == 0 {
            let own = Double(table.rows.values[sample * 2])
            let exact = min(abs(own - 0.2), abs(own - 0.31)) / 2
            let flip = try #require(result.flips.first { $0.sample == sample })
            #expect(abs(flip.distance - exact) < 1e-6)
        }
    }

    /// Columns beyond the limit are screened: those that move nothing go.
    @Test func tooManyFeaturesAreScreened() throws {
        let table = SweepTable(30, rows: 20, seed: 5)
        let function = ClosedForm(30) { row in
            ClosedForm.sigmoid(3 * Double(row[row.startIndex + 7]) - Double(row[row.startIndex + 21]))
        }
        var analysis = SensitivityAnalysis()
        analysis.mostUnits = 3
        let result = try analysis.run(table.problem(), function: function, monotone: [12: .increasing])
        let names = Set(result.responses.map(\.unit.name))
        #expect(names.isSuperset(of: ["x7", "x21", "x12"]) && names.count == 4)
        #expect(result.leftOut.count == 26)
    }
}

/// Bad input and running out of time.
@Suite struct SensitivityRunTests {
    @Test func theSameSeedGivesTheSameBytes() throws {
        let table = SweepTable(3, rows: 30, seed: 6)
        let function = ClosedForm(3) { row in ClosedForm.sigmoid(row.reduce(0) { $0 + Double($1 * $1) } - 1) }
        let goal = ImpossibleGoal(isHighGood: true, label: 1, real: [0.3, 0.6])
        let runs = try (0..<2).map { _ in
            try SensitivityAnalysis().run(
                table.problem(), function: function, goals: [goal], context: RunContext(seed: 9, threads: 2))
        }
        #expect(runs[0].flips == runs[1].flips && runs[0].swings == runs[1].swings)
        #expect(runs[0].impossible == runs[1].impossible && runs[0].queries == runs[1].queries)
    }

    @Test func outOfTimeKeepsWhatIsDone() throws {
        let table = SweepTable(3, rows: 30, seed: 7)
        let function = ClosedForm(3) { row in ClosedForm.sigmoid(Double(row[row.startIndex])) }
        let late = RunContext(deadline: .now - .seconds(1))
        let result = try SensitivityAnalysis().run(table.problem(), function: function, context: late)
        #expect(result.unfinished == SensitivityResult.Part.allCases && result.flips.isEmpty)
        let token = Cancellation()
        token.cancel(.outOfTime)
        let cut = try SensitivityAnalysis().run(
            table.problem(), function: function, context: RunContext(cancellation: token))
        #expect(cut.unfinished.count == 4)
        let interrupted = Cancellation()
        interrupted.cancel(.interrupted)
        #expect(throws: Cancelled.self) {
            try SensitivityAnalysis().run(
                table.problem(), function: function, context: RunContext(cancellation: interrupted))
        }
    }

    @Test func answersThatAreNoNumbersAreRefused() throws {
        let table = SweepTable(2, rows: 10, seed: 8)
        let function = ClosedForm(2) { row in row[row.startIndex] > 0.99 ? .nan : 0.5 }
        #expect(throws: CasemateError.self) { try SensitivityAnalysis().run(table.problem(), function: function) }
        #expect(throws: CasemateError.self) {
            try SensitivityAnalysis().run(table.problem(), function: ClosedForm(3) { _ in 0 })
        }
        #expect(throws: CasemateError.self) {
            try SensitivityProblem(rows: table.rows, profiled: 11, space: table.space, reference: table.reference)
        }
    }

    /// A constant model, one row, no reference rows, unbounded features: no trap, nothing found.
    @Test func emptyAndConstantInputs() throws {
        let features = [Feature("a"), Feature("b", .categorical(levels: ["only"]))]
        let space = FeatureSpace.unconstrained(features: features)
        let none = FeatureMatrix(features: features, values: [])
        let one = FeatureMatrix(features: features, values: [.nan, 0])
        let function = ClosedForm(2) { _ in 0.7 }
        for rows in [none, one] {
            let problem = try SensitivityProblem(rows: rows, space: space, reference: none)
            let result = try SensitivityAnalysis().run(
                problem, function: function, goals: [ImpossibleGoal(isHighGood: true, label: 1, real: [])])
            #expect(result.flips.isEmpty && result.cliffs.isEmpty && result.pairs.isEmpty && result.unfinished.isEmpty)
        }
    }
}
