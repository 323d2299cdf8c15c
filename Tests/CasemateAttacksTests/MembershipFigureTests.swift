import CasemateAttacks
import CasemateCore
import Foundation
import TestSupport
import Testing

/// Attacks, confidences and evaluation against scipy and scikit-learn (`Tests/Reference/make_membership_figures.py`).
@Suite struct MembershipFigureTests {
    private func figures() throws -> Figures { try Figures("figures/membership.json") }

    private func same(_ ours: [Double]?, _ theirs: [Double], tolerance: Double = 1e-9) -> Bool {
        ours?.count == theirs.count && !theirs.isEmpty
            && zip(ours ?? [], theirs).allSatisfy { agree($0, $1, tolerance: tolerance) }
    }

    @Test func likelihoodRatiosAgree() throws {
        let figures = try figures()["lira"]
        let inside = figures["inside"].list.map { $0.ints.map { $0 == 1 } }
        let design = ShadowDesign(isMember: inside.flatMap { $0 }, shadows: inside.count)
        let target = figures["target"].doubles
        let evidence = MembershipEvidence(
            isRight: target.map { $0 > 0 }, confidences: target,
            shadows: try ShadowConfidences(design: design, values: figures["values"].list.flatMap(\.doubles)))
        func offline(_ variance: ShadowVariance) -> [Double]? {
            OfflineLikelihoodRatio(variance: variance).scores(evidence)?.map(Distributions.normalCDF)
        }
        #expect(same(OnlineLikelihoodRatio(variance: .global).scores(evidence), figures["onlineGlobal"].doubles))
        #expect(same(OnlineLikelihoodRatio(variance: .perRow).scores(evidence), figures["onlinePerRow"].doubles))
        #expect(same(offline(.global), figures["offlineGlobal"].doubles))
        #expect(same(offline(.perRow), figures["offlinePerRow"].doubles))
        // Twelve shadows are fewer than 64.
        #expect(same(OnlineLikelihoodRatio().scores(evidence), figures["onlineGlobal"].doubles))
    }

    @Test func confidencesAndLossesAgree() throws {
        let figures = try figures()["confidence"]
        let (rows, labels) = (figures["probabilities"].list.map(\.doubles), figures["labels"].ints)
        let (flat, floor) = (rows.flatMap { $0.map(Float.init) }, try #require(figures["floor"].double))
        for (scale, name) in [(LabelConfidence.Scale.logit, "logit"), (.margin, "margin")] {
            let ours = LabelConfidence(scale, floor: floor).values(probabilities: flat, classes: 3, labels: labels)
            #expect(same(ours, figures[name].doubles, tolerance: 1e-6))
        }
        // A loss of infinity stays finite here; the others are the cross-entropy.
        let losses = LabelConfidence.losses(probabilities: flat, classes: 3, labels: labels)
        for (ours, theirs) in zip(losses, figures["loss"].list.map(\.double)) {
            let theirs = try #require(theirs)
            if theirs.isFinite { #expect(agree(ours, theirs, tolerance: 2e-5)) } else { #expect(ours > 11) }
        }
    }

    /// Logits and the probabilities that they make give the same confidence; nothing is lost near 1.
    @Test func logitsGiveTheSameConfidence() {
        let measure = LabelConfidence(.logit, floor: 1e-6)
        let binary = measure.values(logits: [2.5, -3], outputs: 1, labels: [1, 1])
        #expect(binary == [2.5, -3] && measure.values(logits: [2.5], outputs: 1, labels: [0]) == [-2.5])
        let logits = [1.0, 0.5, -2, 3, 3, 3]
        let total = logits.prefix(3).reduce(0) { $0 + exp($1) }
        let p: [Float] = logits.prefix(3).map { Float(exp($0) / total) } + [Float](repeating: 1.0 / 3, count: 3)
        let (one, other) = (
            measure.values(logits: logits, outputs: 3, labels: [1, 2]),
            measure.values(probabilities: p, classes: 3, labels: [1, 2])
        )
        #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(measure.values(logits: [1e3], outputs: 1, labels: [1]) == [measure.limit])
        #expect(measure.values(probabilities: [0, 0], classes: 2, labels: [1]) == [0])
    }

    @Test(arguments: ["evaluation", "ties"]) func evaluationAgrees(name: String) throws {
        let figures = try figures()[name]
        let (members, others) = (figures["members"].doubles, figures["nonMembers"].doubles)
        let evaluation = MembershipEvaluation(
            scores: members + others, isMember: members.map { _ in true } + others.map { _ in false })
        #expect(agree(evaluation.area, figures["area"].double))
        for expected in figures["points"].list {
            let point = evaluation.point(atFalsePositiveRate: try #require(expected["rate"].double))
            #expect(point.truePositives == expected["truePositives"].int)
            #expect(point.falsePositives == expected["falsePositives"].int)
            #expect(agree(point.interval?.low, expected["low"].double))
            #expect(agree(point.interval?.high, expected["high"].double))
            if let pValue = expected["pValue"].double { #expect(agree(point.pValue, pValue, tolerance: 1e-8)) }
        }
    }
}
