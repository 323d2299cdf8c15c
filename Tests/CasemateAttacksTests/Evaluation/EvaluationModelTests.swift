import CasemateAttacks
import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// ONNX files: the three masked networks are noticed by name and broken, the plain ones raise no alarm.
@Suite struct EvaluationModelTests {
    /// The bundled digits, which need nothing but the checkout.
    @Test func bundledDigitsRaiseNoAlarm() throws {
        let text = try String(contentsOfFile: Repository.path("Examples/digits/test.csv"), encoding: .utf8)
        let rows = text.split(separator: "\n").dropFirst().prefix(25).map { line in
            line.split(separator: ",").compactMap { Float($0) }
        }
        let problem = try RobustnessProblem(
            rows: rows.flatMap { $0.prefix(64) }, shape: [1, 8, 8], labels: rows.map { Int32($0[64]) },
            set: PerturbationSet(norm: .linf, epsilon: 0.1, low: 0, high: 1))
        let result = try EvaluationSupport.evaluate(Repository.path("Examples/digits/cnn.onnx"), problem)
        #expect(result.failed.isEmpty, "\(result.story)")
        #expect(result.result.count(.broken) > 0)
        #expect(result.settings["model.sha256"]?.count == 64)
    }

    /// What each masked network must be flagged by, and what hides its gradients from attacks as they are.
    @Test(.enabled(if: EvaluationSupport.hasMnist), arguments: [("scaled", 6), ("rounded", 8), ("noisy", 9)])
    func maskedNetworksAreFlaggedAndBroken(mask: String, check: Int) throws {
        let problem = try EvaluationSupport.digits(20, epsilon: 0.15)
        let bare = try RobustnessRun(attack: AutoPGDCrossEntropy()).run(
            problem,
            oracle: DifferentiableModel(
                path: EvaluationSupport.network("mnist-cnn"), runtime: EvaluationSupport.runtime.get()),
            judge: ModelJudge(
                OnnxModel(path: EvaluationSupport.network("mnist-cnn"), runtime: EvaluationSupport.runtime.get())))
        let plan = RobustnessEvaluation(attacks: [AutoPGDCrossEntropy(), AutoPGDLogitsRatio()])
        let result = try EvaluationSupport.evaluate(EvaluationSupport.network("mnist-cnn-\(mask)"), problem, plan)
        #expect(result.failed.contains(check), "\(result.story)")
        // why: rounding and noise move the border a little, and noise differs from run to run.
        let (broken, wanted) = (result.result.count(.broken), bare.count(.broken))
        #expect(broken >= wanted - (mask == "scaled" ? 0 : 4), "\(broken) instead of \(wanted)")
        guard mask != "noisy" else { return }
        let blind = try #require(result.attacks.first { $0.identifier == "apgd-ce" && $0.role == .attack })
        #expect(blind.broken == 0)
        let adaptation = try #require(result.adaptations.first { $0.check == check })
        #expect(adaptation.withstoodBefore == 20 && adaptation.withstoodAfter <= 4)
    }

    @Test(.enabled(if: EvaluationSupport.hasMnist), arguments: [("mnist-cnn", 0.1), ("mnist-robust", 0.3)])
    func plainNetworksRaiseNoAlarm(network: String, epsilon: Double) throws {
        let plan = RobustnessEvaluation(
            attacks: [AutoPGDCrossEntropy(), AutoPGDTargeted()])
        let problem = try EvaluationSupport.digits(12, epsilon: epsilon)
        let result = try EvaluationSupport.evaluate(EvaluationSupport.network(network), problem, plan)
        #expect(result.failed.isEmpty, "\(result.story)")
        #expect(result.result.count(.notBroken) > 0)
    }
}
