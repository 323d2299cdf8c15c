import CasemateAttacks
import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Counterexamples to specifications of the verification competition.
@Suite struct SpecificationAttackTests {
    static let folder = Repository.shared.map { $0 + "/data/vnn" } ?? ""
    struct Instance: Sendable, CustomTestStringConvertible {
        let network: String, property: String, expected: String
        var testDescription: String { "\(network) \(property)" }
    }
    static let instances: [Instance] = {
        let text = (try? String(contentsOfFile: folder + "/index.csv", encoding: .utf8)) ?? ""
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        guard let header = lines.first, let network = header.firstIndex(of: "onnx"),
            let property = header.firstIndex(of: "vnnlib"), let expected = header.firstIndex(of: "expected")
        else { return [] }
        return lines.dropFirst().map {
            Instance(network: $0[network], property: $0[property], expected: $0[expected])
        }
    }()

    @Test(.enabled(if: Repository.shared != nil), arguments: instances)
    func findsWhatIsThereAndNothingElse(_ instance: Instance) throws {
        let runtime = try OnnxRuntime(Repository.engines)
        let property = try VnnProperty(path: Self.folder + "/" + instance.property)
        var context = RunContext(threads: 2)
        context.deadline = ContinuousClock.now + .seconds(60)
        var attack = SpecificationAttack()
        if instance.expected != "sat" { attack.rounds = 3 }
        let result = try attack.search(
            network: Self.folder + "/" + instance.network, property: property, runtime: runtime, context: context)
        // why: two properties fix inputs at decimals that no float32 is.
        #expect(result.usedGradients || property.cases.allSatisfy { $0.floatBox == nil })
        #expect((result.witness != nil) == (instance.expected == "sat"))
        guard let witness = result.witness else { return }
        let network = try VnnNetwork(path: Self.folder + "/" + instance.network, runtime: runtime)
        #expect(try network.answer(witness.input) == witness.output)
        #expect(property.isMet(input: witness.input, output: witness.output))
    }
}
