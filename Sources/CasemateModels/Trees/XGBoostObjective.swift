import CasemateCore
import Foundation

/// What XGBoost's objectives make of margins.
enum XGBoostObjective {
    /// How the base score lies on the scale of margins.
    private enum Link { case identity, logit, log }
    private struct Entry {
        let task: ModelTask
        let kind: ScoreKind
        let transform: TreeEnsemble.Transform
        let link: Link
    }

    private static let known: [String: Entry] = {
        let plain = Entry(task: .regression, kind: .value, transform: .none, link: .identity)
        let positive = Entry(task: .regression, kind: .value, transform: .exponential, link: .log)
        let several = Entry(task: .multiclass, kind: .probabilities, transform: .softmax, link: .identity)
        var table: [String: Entry] = [
            "binary:logistic": Entry(task: .binary, kind: .probabilities, transform: .logistic, link: .logit),
            "binary:logitraw": Entry(task: .binary, kind: .logits, transform: .logistic, link: .identity),
            "binary:hinge": Entry(task: .binary, kind: .labels, transform: .step, link: .identity),
            "multi:softprob": several, "multi:softmax": several,
            "reg:logistic": Entry(task: .regression, kind: .value, transform: .logistic, link: .logit),
        ]
        for name in ["reg:gamma", "reg:tweedie", "count:poisson", "survival:cox", "survival:aft"] {
            table[name] = positive
        }
        for name in [
            "reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:absoluteerror", "reg:pseudohubererror",
            "reg:quantileerror", "reg:expectileerror", "rank:pairwise", "rank:ndcg", "rank:map",
        ] { table[name] = plain }
        return table
    }()

    /// What an objective answers.
    /// - Throws: `unsupported` for one that is not known, and for several targets that are classes.
    static func meaning(
        _ name: String, classes: Int, targets: Int, path: String
    ) throws(CasemateError) -> TreeMeaning {
        guard let entry = known[name] else {
            let nearest = Suggestion.clause(for: name, among: known.keys)
            throw CasemateError(
                .unsupported, at: path, "the objective '\(OnnxLook.printable(name))' is not known\(nearest)",
                help: "export the model to ONNX")
        }
        guard entry.task != .binary || (targets == 1 && classes == 1), entry.task != .multiclass || classes > 1
        else {
            throw CasemateError(
                .unsupported, at: path, "'\(name)' for \(classes) classes and \(targets) targets",
                help: "save one model a target")
        }
        return TreeMeaning(name: name, task: entry.task, kind: entry.kind, transform: entry.transform)
    }

    /// The base score on the scale of sums, in float32 as the library has it; `nil` where there is none.
    static func margin(of base: Float, _ meaning: TreeMeaning) -> Float? {
        let margin: Float =
            switch known[meaning.name]?.link ?? .identity {
            case .identity: base
            case .logit: -logf(1 / base - 1)
            case .log: logf(base)
            }
        return margin.isFinite ? margin : nil
    }
}
