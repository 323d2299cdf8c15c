import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation

/// Pictures and tables.
extension SensitivityAccount {
    private static let shown = 12

    func plots() -> [Plot] {
        guard !result.swings.isEmpty else { return [] }
        let top = result.ranking.filter { result.swings[$0].largestRange > 0 }
        guard !top.isEmpty else { return [] }
        return [swingPlot(Array(top.prefix(Self.shown)))] + top.prefix(3).map(responsePlot)
    }

    private func swingPlot(_ top: [Int]) -> Plot {
        let points = top.enumerated().map { place, index in
            let swing = result.swings[index]
            return Plot.Point(
                x: Double(place), y: swing.value, low: swing.interval?.low, high: swing.interval?.high,
                label: name(index))
        }
        let said = top.prefix(3).map { "`\(name($0))` \(Words.number(result.swings[$0].value))" }
        return Plot(
            id: "sensitivity.swings", title: "How far one feature alone moves the mean score",
            x: Plot.Axis("feature"), y: Plot.Axis("swing of the mean score", low: 0),
            series: [Plot.Series(name: "swing", style: .bars, points: points)],
            summary: "Largest swings: \(said.joined(separator: ", ")).")
    }

    /// Mean score and the spread of single rows while one feature is swept.
    private func responsePlot(_ index: Int) -> Plot {
        let response = result.responses[index]
        let columns = visibleColumns(of: response)
        let sorted = columns.map { response.sortedScores(at: $0) }
        let means = zip(columns, sorted).map { column, scores -> Plot.Point in
            let mean = scores.reduce(0, +) / Double(scores.count)
            let variance = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, scores.count - 1))
            let half = Distributions.normalQuantile(0.975) * (variance / Double(scores.count)).squareRoot()
            return Plot.Point(
                x: place(column, response, columns), y: mean, low: mean - half, high: mean + half,
                label: response.unit.isNumber ? nil : text(response.columns[column].position, index))
        }
        var series = [
            Plot.Series(name: "mean of all rows", style: response.unit.isNumber ? .line : .bars, points: means)
        ]
        if response.unit.isNumber {
            series += [(0.1, "lowest tenth of rows"), (0.5, "middle row"), (0.9, "highest tenth of rows")].map {
                share, name in
                Plot.Series(
                    name: name, style: .line,
                    points: zip(columns, sorted).map { column, scores in
                        Plot.Point(
                            x: place(column, response, columns), y: Bootstrap.quantile(scores, share))
                    })
            }
        }
        let swing = result.swings[index]
        return Plot(
            id: "sensitivity.response.\(index)", title: "Score while only '\(response.unit.name)' moves",
            x: Plot.Axis(response.unit.isNumber ? response.unit.name : "level of \(response.unit.name)"),
            y: Plot.Axis("score"), series: series,
            summary: "While `\(response.unit.name)` moves, the mean score moves by \(Words.number(swing.value)); the "
                + "score of the middle row by \(Words.number(swing.medianRange)), of the most sensitive row by "
                + "\(Words.number(swing.largestRange)).")
    }

    /// Columns between the 1 % and the 99 % quantile of the known values: single extreme values stay out of pictures.
    private func visibleColumns(of response: SweepResponse) -> [Int] {
        guard response.unit.isNumber, response.columns.contains(where: { $0.weight > 0 }) else {
            return Array(response.columns.indices)
        }
        var sum = 0.0
        var kept: [Int] = []
        for (index, column) in response.columns.enumerated() {
            let before = sum
            sum += column.weight
            if sum > 0.01, before < 0.99 { kept.append(index) }
        }
        return kept.isEmpty ? Array(response.columns.indices) : kept
    }

    private func place(_ column: Int, _ response: SweepResponse, _ columns: [Int]) -> Double {
        response.unit.isNumber ? Double(response.columns[column].position) : Double(columns.firstIndex(of: column) ?? 0)
    }

    func tables() -> [EvidenceTable] {
        [featureTable(), pairTable(), cliffTable(), directionTable(), impossibleTable()].compactMap { $0 }
    }

    private func featureTable() -> EvidenceTable? {
        let order = result.swings.isEmpty ? Array(result.responses.indices) : result.ranking
        let rows = order.prefix(Self.shown).map { index -> [String] in
            let swing = result.swings.isEmpty ? nil : result.swings[index]
            let flips = result.flips.filter { $0.response == index && $0.sample < result.profiled }
            let distances = flips.map(\.distance).sorted()
            return [
                name(index), Words.number(swing?.value, swing?.interval), Words.number(swing?.medianRange),
                Words.number(swing?.largestRange), "\(flips.count)",
                "\(flips.count { $0.distance <= probe.cheap })",
                Words.distance(distances.isEmpty ? nil : Bootstrap.quantile(distances, 0.5)),
            ]
        }
        return EvidenceTable(
            title: "Most influential features (\(Words.count(result.profiled, "row")))",
            columns: [
                "feature", "swing of the mean", "median range of a row", "largest range", "rows it flips",
                "within \(probe.cheap)", "median distance",
            ], rows: Array(rows))
    }

    private func pairTable() -> EvidenceTable? {
        guard !result.pairs.isEmpty else { return nil }
        let rows = result.pairs.sorted { $0.strength > $1.strength }.map { pair in
            [
                pairName(pair), Words.number(pair.interaction, pair.interval), Words.number(pair.strength),
                "\(result.jointFlips.count { $0.first == pair.first && $0.second == pair.second })",
            ]
        }
        return EvidenceTable(
            title: "Pairs of the most influential features",
            columns: ["pair", "interaction (share of variance)", "interaction (score)", "rows that only both flip"],
            rows: rows)
    }

    private func cliffTable() -> EvidenceTable? {
        guard !cliffs.isEmpty else { return nil }
        let rows = cliffs.sorted { $0.jumped > $1.jumped }.prefix(Self.shown).map { cliff in
            [
                name(cliff.response), text(cliff.low, cliff.response), text(cliff.high, cliff.response),
                "\(cliff.jumped) of \(cliff.rows)", Words.number(cliff.medianJump), Words.percent(cliff.medianPart),
                "\(cliff.flipped)",
            ]
        }
        return EvidenceTable(
            title: "Cliff edges",
            columns: [
                "feature", "below", "above", "rows that jump", "median jump", "share of the row's whole range",
                "decisions that change",
            ], rows: Array(rows))
    }

    private func directionTable() -> EvidenceTable? {
        guard !result.monotone.isEmpty else { return nil }
        return EvidenceTable(
            title: "Declared directions",
            columns: ["feature", "direction", "steps that break it", "share", "rows with such a step"],
            rows: result.monotone.map { check in
                [
                    name(check.response), check.direction.rawValue, "\(check.brokenSteps) of \(check.steps)",
                    Words.percent(check.steps > 0 ? Double(check.brokenSteps) / Double(check.steps) : nil),
                    "\(check.brokenRows) of \(check.rows)",
                ]
            })
    }

    private func impossibleTable() -> EvidenceTable? {
        guard !result.impossible.isEmpty else { return nil }
        return EvidenceTable(
            title:
                "Impossible combinations that score as \(result.impossible[0].goal.label == nil ? "extremely" : "favourably") as possible",
            columns: ["combination", "end", "rows lifted among the best 1 %", "best score", "best real score"],
            rows: result.impossible.map { made in
                [
                    kindName(made.kind), made.goal.isHighGood ? "highest" : "lowest",
                    made.made == 0 ? "none could be made" : "\(made.reached) of \(made.starts)",
                    Words.number(made.best.map { Double($0.score) }), Words.number(made.goal.bestReal),
                ]
            })
    }
}
