public import CasemateCore
package import Foundation

/// What a file of XGBoost or LightGBM holds: trees, and what their sums, columns and categories mean.
public struct TreeFile: Sendable {
    /// Formats that are read.
    public enum Format: String, Hashable, Sendable, CaseIterable {
        /// `save_model("m.json")`, releases 1.0 to 3.x.
        case xgboostJSON = "XGBoost JSON"
        /// `save_model("m.ubj")`, the default since 2.1.
        case xgboostUBJSON = "XGBoost UBJSON"
        /// `save_model("m.txt")`, versions v2 to v4.
        case lightGBM = "LightGBM text"
    }
    /// Most columns that a file may state.
    static let mostColumns = 1 << 20

    /// Path of the file.
    public let path: String
    /// Its format.
    public let format: Format
    /// The release or format version that the file states.
    public let version: String
    /// The objective as the file names it, such as `binary:logistic`.
    public let objective: String
    /// The trees; their convention is `boosting`.
    public let ensemble: TreeEnsemble
    /// What is predicted.
    public let task: ModelTask
    /// What the scores are.
    public let kind: ScoreKind
    /// Values of a row.
    public let width: Int
    /// Names of the columns, where the file gives them; `nil` for names that only count (`f0`, `Column_0`).
    public let featureNames: [String]?
    /// The levels of each column that the file encodes itself: a value is the position of its level.
    public let levels: [[String]?]
    /// Whether each column is split by sets of categories.
    public let isCategorical: [Bool]

    init(
        path: String, format: Format, version: String, meaning: TreeMeaning, ensemble: TreeEnsemble,
        columns: TreeFileColumns
    ) throws(CasemateError) {
        (self.path, self.format, self.version, self.ensemble) = (path, format, version, ensemble)
        (objective, task, kind) = (meaning.name, meaning.task, meaning.kind)
        width = columns.names.count
        guard ensemble.width <= width else {
            throw CasemateError(
                .malformed, at: path, "a tree tests column \(ensemble.width - 1) of \(width)",
                help: "save the model again")
        }
        featureNames = columns.own
        levels = columns.levels
        var isCategorical = [Bool](repeating: false, count: width)
        for node in ensemble.nodes where node.mode == .member { isCategorical[Int(node.column)] = true }
        self.isCategorical = isCategorical
    }

    /// Reads a file.
    /// - Throws: `unsupported` with what the file is, where it is another format or a form that is not served (linear
    ///   models and leaves); `malformed` with the place; `limitExceeded`; `notFound`, `unreadable`.
    public init(path: String) throws(CasemateError) {
        try self.init(OnnxBytes.read(path, limits: OnnxLimits()), path: path)
    }

    /// Reads the content of a file.
    package init(_ data: Data, path: String) throws(CasemateError) {
        switch ModelFile.format(of: data) {
        case .tree(.lightGBM): self = try LightGBMReader.read(data, path: path)
        case .tree(let format): self = try XGBoostReader.read(data, path: path, format: format)
        case .onnx: throw ModelFile.unknown(data, path: path)
        }
    }
}

/// What an objective makes of sums.
struct TreeMeaning {
    let name: String
    let task: ModelTask
    let kind: ScoreKind
    let transform: TreeEnsemble.Transform
    var slope = 1.0

    /// Form of an ensemble of this objective.
    func form(outputs: Int, base: [Double], isDouble: Bool) -> TreeEnsemble.Form {
        var form = TreeEnsemble.Form(outputs: outputs)
        form.convention = .boosting
        switch task {
        case .binary: form.classes = ["0", "1"]
        case .multiclass: form.classes = (0..<outputs).map { String($0) }
        case .regression: break
        }
        (form.transform, form.slope, form.base, form.isDouble) = (transform, slope, base, isDouble)
        return form
    }
}

/// The columns that a file states.
struct TreeFileColumns {
    let names: [String]
    var levels: [[String]?]

    /// Columns of these names, or of counted ones where there are none.
    init(names: [String], width: Int) {
        self.names = names.isEmpty ? [String](repeating: "", count: width) : names
        levels = [[String]?](repeating: nil, count: self.names.count)
    }

    /// The names, where they say more than a position and each stands once.
    var own: [String]? {
        let isCounted = names.enumerated().allSatisfy {
            $1.isEmpty || $1 == "f\($0)" || $1 == "Column_\($0)" || $1 == String($0)
        }
        return isCounted || Set(names).count < names.count ? nil : names
    }
}
