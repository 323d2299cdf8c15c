import CasemateCore
import CasemateModels
import TestSupport
import Testing

/// Against scikit-learn, SciPy and pandas: `Tests/Reference/make_figures.py`.
@Suite struct MetricsPerformanceTests {
    @Test func binaryFiguresAgree() throws {
        let cases = try Figures("figures/performance.json")["binary"].list
        #expect(cases.count >= 15)
        for figure in cases {
            let name = figure["name"].text ?? ""
            let (labels, scores) = (figure["y"].ints.map { $0 == 1 }, figure["scores"].doubles)
            let weights = figure["weights"].isNull ? nil : figure["weights"].doubles
            let ours = BinaryPerformance(labels: labels, scores: scores, weights: weights)
            #expect(agree(ours.ranks.area, figure["rocAuc"].double), "\(name): AUC")
            #expect(agree(ours.logLoss, figure["logLoss"].double), "\(name): log loss")
            #expect(agree(ours.brier, figure["brier"].double), "\(name): Brier")
            #expect(agree(ours.calibration.error, figure["ece10"].double), "\(name): ECE 10")
            let fine = Calibration(outcomes: labels, confidences: scores, weights: weights, bins: 15)
            #expect(agree(fine.error, figure["ece15"].double), "\(name): ECE 15")
            if weights == nil, let variance = figure["delong"]["variance"].double {
                #expect(agree(ours.ranks.standardError.map { $0 * $0 }, variance), "\(name): DeLong")
            }
            expectCurve(ours.ranks, figure["roc"], name)
            for cut in figure["thresholds"].list { try expectCut(cut, labels, scores, weights, name) }
        }
    }

    private func expectCurve(_ ranks: RankStatistics, _ figure: Figures, _ name: String) {
        guard !figure.isNull, ranks.area != nil else { return }
        #expect(ranks.curve.count == figure["fpr"].list.count, "\(name): ROC points")
        for (point, (x, y)) in zip(ranks.curve, zip(figure["fpr"].doubles, figure["tpr"].doubles)) {
            #expect(agree(point.falsePositiveRate, x) && agree(point.truePositiveRate, y), "\(name): ROC")
        }
    }

    private func expectCut(
        _ cut: Figures, _ labels: [Bool], _ scores: [Double], _ weights: [Double]?, _ name: String
    ) throws {
        let threshold = try #require(cut["threshold"].double)
        let ours = BinaryPerformance(labels: labels, scores: scores, weights: weights, threshold: threshold)
        if weights == nil {
            let counts = ours.confusion
            #expect(
                [counts.truePositives, counts.falsePositives, counts.trueNegatives, counts.falseNegatives]
                    == ["tp", "fp", "tn", "fn"].map { cut[$0].int ?? -1 }, "\(name) at \(threshold)")
        }
        #expect(agree(ours.accuracy, cut["accuracy"].double), "\(name) at \(threshold): accuracy")
    }

    @Test func multiclassFiguresAgree() throws {
        for figure in try Figures("figures/performance.json")["multiclass"].list {
            let name = figure["name"].text ?? ""
            let rows = figure["probabilities"].list.map(\.doubles)
            let decisions = rows.map { row in row.firstIndex(of: row.max() ?? 0) ?? 0 }
            let classes = rows.first?.count ?? 0
            let ours = MulticlassPerformance(
                labels: figure["y"].ints, decisions: decisions, scores: Array(rows.joined()), classes: classes)
            #expect(agree(ours.accuracy, figure["accuracy"].double), "\(name)")
            #expect(agree(ours.logLoss, figure["logLoss"].double), "\(name): log loss")
            #expect(agree(ours.macroArea, figure["macroOvrAuc"].double), "\(name): AUC")
            #expect(ours.confusion == figure["confusion"].list.map(\.ints), "\(name): confusion")
            #expect(agree(ours.calibration.error, figure["ece10"].double), "\(name): ECE")
        }
    }

    @Test func regressionFiguresAgree() throws {
        for figure in try Figures("figures/performance.json")["regression"].list {
            let name = figure["name"].text ?? ""
            let weights = figure["weights"].isNull ? nil : figure["weights"].doubles
            let ours = RegressionPerformance(
                targets: figure["y"].doubles, values: figure["predicted"].doubles, weights: weights)
            #expect(agree(ours.rootMeanSquaredError, figure["rmse"].double), "\(name)")
            #expect(agree(ours.meanAbsoluteError, figure["mae"].double), "\(name)")
            #expect(agree(ours.determination, figure["r2"].double, tolerance: 1e-8), "\(name)")
        }
    }
}
