import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels

/// Proves or refutes statements about a tree ensemble, for all rows that the feature space allows.
struct CertifyFacts {
    /// A statement with what was found.
    struct Answer {
        let statement: String
        let status: String
        let detail: String
        let counterexample: [[Float]]
        let features: [Feature]

        func shown(isRedacted: Bool) -> CertifyJob.Fact {
            CertifyJob.Fact(
                statement: statement, status: status, detail: detail,
                counterexample: isRedacted ? [] : counterexample.map { RowValue.row($0, features) })
        }
    }
    private let subject: CertifySubject
    private let mostNodes: Int

    init(_ subject: CertifySubject, mostNodes: Int?) {
        (self.subject, self.mostNodes) = (subject, mostNodes ?? 1_000_000)
    }

    /// Answers in order.
    func prove(_ statements: [CertifyPlan.Fact], context: RunContext) throws -> [Answer] {
        guard !statements.isEmpty else { return [] }
        let facts = try TreeFacts(subject.trees.ensemble, columns: subject.trees.columns, space: subject.space)
        return try statements.map { statement in
            switch statement {
            case .monotone(let feature, let isIncreasing):
                try monotone(feature, isIncreasing: isIncreasing, facts, context)
            case .output(let range): try bounded(range, facts, context)
            }
        }
    }

    private func monotone(
        _ name: String, isIncreasing: Bool, _ facts: TreeFacts, _ context: RunContext
    ) throws -> Answer {
        let features = subject.model.features
        guard let feature = features.firstIndex(where: { $0.name == name }) else {
            throw CasemateError(
                .invalidSetting, at: "--monotone",
                "the model has no feature '\(name)'\(Suggestion.clause(for: name, among: features.map(\.name)))",
                help: "its features are " + features.prefix(20).map { "'\($0.name)'" }.joined(separator: ", "))
        }
        let fact = try facts.isMonotone(
            in: feature, output: marginOutput, isIncreasing: isIncreasing, mostNodes: mostNodes, context: context)
        let way = isIncreasing ? "falls" : "rises"
        return answer(
            fact, "the output never \(way) when `\(name)` rises",
            broken:
                "the output \(way) from \(number(fact.values, 0)) to \(number(fact.values, 1)) (before the transform) "
                + "between two rows that differ in `\(name)` alone")
    }

    private func bounded(
        _ range: ClosedRange<Double>, _ facts: TreeFacts, _ context: RunContext
    ) throws -> Answer {
        let isTwo = subject.model.model.signature.task == .binary
        let fact = try facts.isBounded(output: isTwo ? 1 : 0, to: range, mostNodes: mostNodes, context: context)
        return answer(
            fact, "the score stays between \(range.lowerBound) and \(range.upperBound)",
            broken: "the score reaches \(number(fact.values, 0))")
    }

    /// The output whose margin grows with the score of the positive class.
    private var marginOutput: Int {
        let ensemble = subject.trees.ensemble
        // why: ONNX keeps two classes in one column of weights, whichever number it has.
        if let only = ensemble.weights.first?.output, ensemble.weights.allSatisfy({ $0.output == only }) {
            return Int(only)
        }
        return min(1, ensemble.form.outputs - 1)
    }

    private func answer(_ fact: TreeFact, _ statement: String, broken: String) -> Answer {
        let steps = Words.grouped(fact.nodes)
        let (status, detail) =
            switch fact.verdict {
            case .holds: ("proved", "for every row of the feature space, in \(steps) steps")
            case .broken: ("refuted", broken)
            case .open: ("unknown", "neither a proof nor a counterexample in \(steps) steps")
            }
        return Answer(
            statement: statement, status: status, detail: detail, counterexample: fact.counterexample,
            features: subject.model.features)
    }

    private func number(_ values: [Double], _ index: Int) -> String {
        values.indices.contains(index) ? Words.distance(values[index]) : "–"
    }

    /// All answers.
    static func table(_ answers: [Answer]) -> EvidenceTable {
        EvidenceTable(
            title: "Statements", columns: ["statement", "answer", "what was found"],
            rows: answers.map { [$0.statement, $0.status, $0.detail] })
    }
}
