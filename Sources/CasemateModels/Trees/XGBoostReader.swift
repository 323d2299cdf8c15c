import CasemateCore
import Foundation

/// Reads what XGBoost saves, JSON and UBJSON, of releases 1.0 to 3.x.
///
/// Source of the semantics: XGBoost's model schema and CPU predictor. A row goes left where `value < condition` in
/// float32, or, for a categorical split, where the category is not in the node's set; leaves are added in float32 to
/// the base margin, tree after tree.
struct XGBoostReader {
    private let learner: TreeField
    private let groups: Int
    private let width: Int
    private let meaning: TreeMeaning
    private let path: String

    /// Members that predictions do not need.
    private static let skipped: Set<String> = ["sum_hessian", "loss_changes", "parents", "sorted_idx"]

    /// Reads the content of a file.
    static func read(_ data: Data, path: String, format: TreeFile.Format) throws(CasemateError) -> TreeFile {
        let value =
            format == .xgboostJSON
            ? try TreeJSON.read(data, path: path, skipped: skipped)
            : try TreeUBJSON.read(data, path: path, skipped: skipped)
        let root = TreeField(value: value, place: path)
        let version = try root.optional("version")?.numbers().map { String(Int(clamping: Int64($0.clamped))) } ?? []
        let reader = try XGBoostReader(root, path: path)
        return try TreeFile(
            path: path, format: format, version: version.joined(separator: "."), meaning: reader.meaning,
            ensemble: try reader.ensemble(), columns: try reader.columns())
    }

    private init(_ root: TreeField, path: String) throws(CasemateError) {
        guard let learner = root.optional("learner") else { throw Self.other(root, path) }
        let parameters = try learner.member("learner_model_param")
        let classes = max(1, try parameters.member("num_class").count())
        let targets = max(1, try parameters.optional("num_target")?.count() ?? 1)
        guard classes == 1 || targets == 1, max(classes, targets) <= 1 << 16 else {
            throw CasemateError(
                .unsupported, at: path, "\(classes) classes for each of \(targets) targets",
                help: "save one model a target")
        }
        width = try parameters.member("num_feature").count()
        guard width <= TreeFile.mostColumns else { throw parameters.malformed("states \(width) columns") }
        (self.learner, self.path, groups) = (learner, path, max(classes, targets))
        meaning = try XGBoostObjective.meaning(
            try learner.member("objective", "name").text(), classes: classes, targets: targets, path: path)
    }

    /// Says what JSON without a learner is.
    private static func other(_ root: TreeField, _ path: String) -> CasemateError {
        let (what, help) =
            if root.optional("oblivious_trees") != nil || root.optional("features_info") != nil {
                ("is a CatBoost model", "export it to ONNX: save_model(\"m.onnx\", format=\"onnx\")")
            } else if root.optional("tree_info") != nil {
                ("is a LightGBM dump in JSON", "save the model as text: save_model(\"m.txt\")")
            } else if case .list = root.value {
                ("is a list: a dump of trees leaves out what is needed", "save the model with save_model(\"m.json\")")
            } else {
                ("is JSON without a 'learner', so no XGBoost model", "save the model with save_model(\"m.json\")")
            }
        return CasemateError(.unsupported, at: path, what, help: help)
    }

    // MARK: Columns

    private func columns() throws(CasemateError) -> TreeFileColumns {
        var names: [String] = []
        for name in try learner.optional("feature_names")?.list() ?? [] { names.append(try name.text()) }
        guard names.isEmpty || names.count == width else {
            throw learner.malformed("names \(names.count) columns of \(width)")
        }
        var columns = TreeFileColumns(names: names, width: width)
        let booster = try learner.member("gradient_booster")
        guard let model = (booster.optional("gbtree") ?? booster).optional("model"),
            let encoded = try model.optional("cats")?.optional("enc")?.list(), !encoded.isEmpty
        else { return columns }
        guard encoded.count == width else { throw model.malformed("'cats' is not for \(width) columns") }
        for (index, column) in encoded.enumerated() { columns.levels[index] = try Self.levels(column) }
        return columns
    }

    /// The categories of a column: texts in one run of bytes, or numbers; `nil` when it has none.
    private static func levels(_ field: TreeField) throws(CasemateError) -> [String]? {
        let values = try field.member("values").numbers()
        guard let offsets = try field.optional("offsets")?.integers() else {
            return values.isEmpty ? nil : values.map { OnnxConstant.text($0) }
        }
        guard offsets.count > 1 else { return nil }
        var levels: [String] = []
        for (start, end) in zip(offsets, offsets.dropFirst()) {
            guard start >= 0, start <= end, end <= values.count else {
                throw field.malformed("has offsets beyond its bytes")
            }
            let bytes = values[Int(start)..<Int(end)].map { UInt8(truncatingIfNeeded: Int($0.clamped)) }
            levels.append(String(decoding: bytes, as: UTF8.self))
        }
        return levels
    }

    // MARK: Trees

    private func ensemble() throws(CasemateError) -> TreeEnsemble {
        let booster = try learner.member("gradient_booster")
        let name = try booster.member("name").text()
        guard name == "gbtree" || name == "dart" else {
            throw CasemateError(
                .unsupported, at: path, "its booster is '\(OnnxLook.printable(name))', which has no trees",
                help: "train with booster 'gbtree' or 'dart', or export the model to ONNX")
        }
        let model = try (name == "dart" ? booster.member("gbtree") : booster).member("model")
        let trees = try model.member("trees").list()
        let groups = try model.member("tree_info").integers(count: trees.count)
        let factors = name == "dart" ? try booster.member("weight_drop").numbers(count: trees.count) : []
        guard groups.allSatisfy({ (0..<Int32(self.groups)).contains($0) }), factors.allSatisfy(\.isFinite) else {
            throw model.malformed("a tree belongs to no output, or has a weight that is no number")
        }
        var parts = TreeParts(place: path)
        for index in 0..<(try used(model, trees: trees.count)) {
            let tree = TreeField(value: trees[index].value, place: "\(path): tree \(index)")
            try XGBoostTree(tree, output: groups[index], outputs: self.groups, width: width).add(
                to: &parts, factor: factors.isEmpty ? 1 : Float(factors[index]))
        }
        return try parts.ensemble(meaning.form(outputs: self.groups, base: try base(), isDouble: false))
    }

    /// How many trees predict: all, or those up to the best round of a model that scikit-learn's interface saved.
    private func used(_ model: TreeField, trees: Int) throws(CasemateError) -> Int {
        guard let attributes = learner.optional("attributes"), attributes.optional("scikit_learn") != nil,
            let best = try attributes.optional("best_iteration")?.count()
        else { return trees }
        if let rounds = try model.optional("iteration_indptr")?.integers(), best + 1 < rounds.count {
            return min(trees, max(0, Int(rounds[best + 1])))
        }
        let parallel = try model.optional("gbtree_model_param")?.optional("num_parallel_tree")?.count() ?? 1
        let (product, isLarge) = (best + 1).multipliedReportingOverflow(by: max(1, parallel) * groups)
        return isLarge ? trees : min(trees, product)
    }

    /// The base score as margins, one an output.
    private func base() throws(CasemateError) -> [Double] {
        let field = try learner.member("learner_model_param", "base_score")
        var values: [Double]
        if case .text(let text) = field.value, text.first == "[" {
            let inner = TreeField(
                value: try TreeJSON.read(Data(text.utf8), path: field.place, skipped: []), place: field.place)
            values = try inner.numbers()
        } else {
            values = [try field.number()]
        }
        if values.count == 1 { values = [Double](repeating: values[0], count: groups) }
        guard values.count == groups else { throw field.malformed("has \(values.count) values for \(groups) outputs") }
        var margins: [Double] = []
        for value in values {
            guard let margin = XGBoostObjective.margin(of: Float(value), meaning) else {
                throw field.malformed("is \(value), which '\(meaning.name)' cannot start from")
            }
            margins.append(Double(margin))
        }
        return margins
    }
}

extension Double {
    /// The same within what 32-bit integers hold; 0 for NaN.
    fileprivate var clamped: Double { isNaN ? 0 : Swift.min(Swift.max(self, -2_147_483_648), 2_147_483_647) }
}
