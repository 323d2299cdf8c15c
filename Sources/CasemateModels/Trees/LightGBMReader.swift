import CasemateCore
import Foundation

/// Reads what LightGBM saves as text, versions v2 to v4.
///
/// Source of the semantics: LightGBM's `Tree::Predict`. A row goes left where `value <= threshold` in float64, or where
/// the category is in the node's set; leaves are added in float64.
struct LightGBMReader {
    private let text: LightGBMText
    private let path: String
    private let width: Int
    private let outputs: Int
    private let meaning: TreeMeaning

    /// Reads the content of a file.
    static func read(_ data: Data, path: String) throws(CasemateError) -> TreeFile {
        // why: an error thrown through Foundation's closure would lose its type.
        let result = data.withUnsafeBytes { raw -> Result<TreeFile, CasemateError> in
            Result { () throws(CasemateError) in
                try LightGBMReader(LightGBMText(raw.bindMemory(to: UInt8.self), path: path), path: path).file()
            }
        }
        return try result.get()
    }

    private init(_ text: LightGBMText, path: String) throws(CasemateError) {
        (self.text, self.path) = (text, path)
        let last = try text.count(text.head, "max_feature_idx")
        guard last < TreeFile.mostColumns else { throw text.malformed(text.head, "states \(last) columns") }
        width = last + 1
        let classes = try text.count(text.head, "num_class", fallback: 1)
        outputs = try text.count(text.head, "num_tree_per_iteration", fallback: max(1, classes))
        guard outputs > 0, outputs <= 1 << 16, text.trees.count.isMultiple(of: outputs) else {
            throw text.malformed(text.head, "\(text.trees.count) trees do not make rounds of \(outputs)")
        }
        meaning = try LightGBMObjective.meaning(
            text.text(text.head, "objective") ?? "", outputs: outputs, path: path)
    }

    private func file() throws(CasemateError) -> TreeFile {
        let version = text.text(text.head, "version") ?? ""
        guard ["v2", "v3", "v4"].contains(version) else {
            throw CasemateError(
                .unsupported, at: path, "version '\(OnnxLook.printable(version))' of LightGBM's format",
                help: "save the model with a release from 2.0 to 4.x")
        }
        var parts = TreeParts(place: path)
        let rounds = text.trees.count / outputs
        let factor = text.head.values["average_output"] == nil ? 1 : 1 / Double(max(1, rounds))
        for (index, tree) in text.trees.enumerated() {
            try LightGBMTree(text, tree, width: width).add(
                to: &parts, output: Int32(index % outputs), factor: factor)
        }
        return try TreeFile(
            path: path, format: .lightGBM, version: version, meaning: meaning,
            ensemble: try parts.ensemble(meaning.form(outputs: outputs, base: [], isDouble: true)),
            columns: try columns())
    }

    // MARK: Columns

    private func columns() throws(CasemateError) -> TreeFileColumns {
        let names = text.head.values["feature_names"].map { text.words($0) } ?? []
        guard names.isEmpty || names.count == width else {
            throw text.malformed(text.head, "names \(names.count) columns of \(width)")
        }
        var columns = TreeFileColumns(names: names, width: width)
        guard let range = text.categories else { return columns }
        let value = try TreeJSON.read(Data(text.string(range).utf8), path: path, skipped: [])
        guard case .list(let lists) = value else { return columns }
        let positions = categorical
        // why: pandas' ordered categories are encoded too and not named, so a list may belong to any column.
        guard positions.count == lists.count else { return columns }
        for (position, list) in zip(positions, lists) {
            let field = TreeField(value: list, place: "\(path): pandas_categorical")
            var levels: [String] = []
            for entry in try field.list() {
                if case .text(let text) = entry.value {
                    levels.append(text)
                } else {
                    levels.append(OnnxConstant.text(try entry.number()))
                }
            }
            columns.levels[position] = levels
        }
        return columns
    }

    /// Categorical columns, ascending: as the settings name them, else those whose values are listed.
    private var categorical: [Int] {
        if let range = text.parameters["categorical_feature"] {
            let stated = text.string(range).split(separator: ",").map { Int($0) ?? -1 }
            if !stated.isEmpty, stated.allSatisfy({ $0 >= 0 && $0 < width }) { return Set(stated).sorted() }
        }
        let infos = text.head.values["feature_infos"].map { text.words($0) } ?? []
        return infos.indices.filter { $0 < width && infos[$0].first != "[" && infos[$0].contains(":") }
    }
}

/// What LightGBM's objectives make of sums.
enum LightGBMObjective {
    private static let plain: Set<String> = [
        "regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg", "custom", "",
    ]

    /// What an objective line such as `binary sigmoid:1` answers.
    /// - Throws: `unsupported` for one that is not known, `malformed` for a slope that is no positive number.
    static func meaning(_ line: String, outputs: Int, path: String) throws(CasemateError) -> TreeMeaning {
        let words = line.split(separator: " ").map(String.init)
        let name = words.first ?? ""
        func made(
            _ task: ModelTask, _ kind: ScoreKind, _ transform: TreeEnsemble.Transform, slope: Double = 1
        ) -> TreeMeaning {
            TreeMeaning(name: line.isEmpty ? "none" : line, task: task, kind: kind, transform: transform, slope: slope)
        }
        var slope = 1.0
        if let word = words.first(where: { $0.hasPrefix("sigmoid:") }) {
            guard let value = Double(word.dropFirst(8)), value > 0, value.isFinite else {
                throw CasemateError(
                    .malformed, at: path, "'\(OnnxLook.printable(word))' is no slope", help: "save the model again")
            }
            slope = value
        }
        switch name {
        case "binary" where outputs == 1: return made(.binary, .probabilities, .logistic, slope: slope)
        case "multiclass" where outputs > 1: return made(.multiclass, .probabilities, .softmax)
        // why: each class has a probability of its own, and they do not sum to 1.
        case "multiclassova" where outputs > 1: return made(.multiclass, .decisionValues, .logistic, slope: slope)
        case "poisson", "gamma", "tweedie": return made(.regression, .value, .exponential)
        case "cross_entropy", "xentropy": return made(.regression, .value, .logistic)
        case "cross_entropy_lambda", "xentlambda": return made(.regression, .value, .softplus)
        case "regression" where words.contains("sqrt"): return made(.regression, .value, .signedSquare)
        // why: with an objective of the user's own, several trees a round mean classes.
        case "custom" where outputs > 1, "" where outputs > 1: return made(.multiclass, .decisionValues, .none)
        case let name where plain.contains(name): return made(.regression, .value, .none)
        default:
            throw CasemateError(
                .unsupported, at: path,
                "the objective '\(OnnxLook.printable(name))' with \(outputs) trees a round is not known",
                help: "export the model to ONNX")
        }
    }
}
