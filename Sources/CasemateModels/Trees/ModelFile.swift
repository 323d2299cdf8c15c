public import CasemateCore
package import Foundation

/// Opens a model by what its bytes are, not by its name: an ONNX file, or trees of XGBoost or LightGBM.
public enum ModelFile {
    /// Formats that are opened.
    public enum Format: Hashable, Sendable, CaseIterable {
        /// Run by ONNX Runtime.
        case onnx
        /// Scored here, without an engine.
        case tree(TreeFile.Format)

        /// All of them.
        public static let allCases = [Format.onnx] + TreeFile.Format.allCases.map { .tree($0) }
        /// Name in configurations: `onnx`, `xgboost_json`, `xgboost_ubjson`, `lightgbm_text`.
        public var name: String {
            switch self {
            case .onnx: "onnx"
            case .tree(.xgboostJSON): "xgboost_json"
            case .tree(.xgboostUBJSON): "xgboost_ubjson"
            case .tree(.lightGBM): "lightgbm_text"
            }
        }
    }

    /// What the first bytes show; `onnx` for all that shows nothing else.
    /// - Throws: `notFound`, `unreadable`.
    public static func format(path: String) throws(CasemateError) -> Format {
        format(of: try OnnxBytes.read(path, limits: OnnxLimits()))
    }

    /// Opens a file.
    /// - Parameters:
    ///   - path: The file; a gzip file is expanded.
    ///   - format: What it must be; `nil` takes what its bytes show.
    ///   - options: How it runs.
    ///   - overrides: What the caller knows better.
    ///   - runtime: Gives ONNX Runtime; asked for an ONNX file alone.
    /// - Throws: what `OnnxModel` and `TreeFileModel` throw; `unsupported` for XGBoost's old binary format.
    public static func open(
        path: String, format expected: Format? = nil, options: ExecutionOptions = .init(),
        overrides: ModelOverrides = .init(), runtime: () throws -> OnnxRuntime
    ) throws -> any RowModel {
        let data = try OnnxBytes.read(path, limits: OnnxLimits())
        let found = format(of: data)
        if let expected, expected != found {
            throw CasemateError(
                .mismatch, at: path, "the file is declared as \(expected.name) and looks like \(found.name)",
                help: "correct `model.format`, or leave it out")
        }
        switch found {
        case .tree: return try TreeFileModel(TreeFile(data, path: path), options: options, overrides: overrides)
        case .onnx:
            if isOldXGBoost(data) { throw unknown(data, path: path) }
            return try OnnxModel(path: path, runtime: runtime(), options: options, overrides: overrides)
        }
    }

    /// What the first bytes show.
    package static func format(of data: Data) -> Format {
        let head = Array(data.prefix(64))
        if head.starts(with: "tree\n".utf8) || head.starts(with: "tree\r\n".utf8) { return .tree(.lightGBM) }
        // why: a text may begin with a byte order mark.
        let text = head.starts(with: [0xEF, 0xBB, 0xBF]) ? head.dropFirst(3) : head[...]
        let signs = text.filter { ![32, 9, 10, 13].contains($0) }
        guard let first = signs.first, first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return .onnx }
        if let next = signs.dropFirst().first, "LlIiU#$".utf8.contains(next) { return .tree(.xgboostUBJSON) }
        return .tree(.xgboostJSON)
    }

    /// Whether a file is XGBoost's own binary format, which 3.1 gave up.
    private static func isOldXGBoost(_ data: Data) -> Bool {
        let head = data.prefix(1_024)
        if ["binf", "bs64", "CONFIG-offset:"].contains(where: { head.starts(with: $0.utf8) }) { return true }
        return head.range(of: Data("gbtree".utf8)) != nil || head.range(of: Data("gblinear".utf8)) != nil
            ? head.range(of: Data("ai.onnx".utf8)) == nil && head.first != 0x80 && head.first != 0x08 : false
    }

    /// The error for a file that is none of the formats.
    static func unknown(_ data: Data, path: String) -> CasemateError {
        if isOldXGBoost(data) {
            return CasemateError(
                .unsupported, at: path, "is a model in XGBoost's old binary format",
                help: "load it with XGBoost before 3.1 and save it with save_model(\"m.json\")")
        }
        return CasemateError(
            .malformed, at: path, "is no tree file, it is \(OnnxLook.guess(of: data))",
            help: "name an XGBoost file (JSON or UBJSON) or a LightGBM text")
    }
}
