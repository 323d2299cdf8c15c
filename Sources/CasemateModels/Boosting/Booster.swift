import CLightGBM
public import CasemateCore

/// LightGBM, opened at run time.
public final class LightGBM: Sendable {
    /// Path of the library.
    public let path: String
    // why: the table of functions is made once and never changed.
    nonisolated(unsafe) let library: OpaquePointer

    /// Opens the library that `search` finds.
    /// - Throws: `CasemateError.engineMissing` when there is none or it does not open.
    public init(_ search: EngineSearch) throws(CasemateError) {
        let found = try search.locate(.lightGBM)
        let (library, complaint) = EngineMessage.capture { clgb_open(found.path, $0, $1) }
        guard let library else {
            throw CasemateError(
                .engineMissing, at: found.path, "LightGBM does not open: \(complaint)",
                help: "run 'make setup', or set \(EngineLibrary.lightGBM.variable) to another library")
        }
        (path, self.library) = (found.path, library)
    }

    deinit { clgb_close(library) }
}

/// A model of gradient-boosted trees, trained by LightGBM.
///
/// Source: Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017. Training is
/// deterministic for one machine and library: the seed, row-wise histograms and the number of threads are fixed.
public final class Booster: Sendable {
    /// A trained model as text; made only by this process, because LightGBM's loader trusts what it reads.
    public struct Saved: Hashable, Sendable {
        /// LightGBM's text form.
        public let text: String
        fileprivate init(text: String) { self.text = text }
    }

    /// Number of features of a row.
    public let features: Int
    /// Numbers that a prediction gives for a row: the classes of a multiclass model, else 1.
    public let outputs: Int
    private let engine: LightGBM
    // why: LightGBM predicts on several threads at a time; training ends before the booster is given out.
    nonisolated(unsafe) private let booster: OpaquePointer

    /// Settings that a caller leaves out: those that make training repeatable and silent.
    private static let fixed = [
        ("verbosity", "-1"), ("deterministic", "true"), ("force_row_wise", "true"), ("num_threads", "1"), ("seed", "0"),
    ]

    /// Trains on a row-major matrix of float32, NaN for missing.
    /// - Parameters:
    ///   - rows: `[labels.count, features]` values.
    ///   - labels: One number a row: the class, or the value of a regression.
    ///   - weights: One weight a row; `nil` weighs all the same.
    ///   - parameters: LightGBM's, such as `["objective": "binary", "num_leaves": "31"]`.
    ///   - rounds: Most trees a class; training stops earlier when no split is left.
    ///   - cancellation: Looked at between rounds.
    /// - Throws: `invalidSetting` or `mismatch` for what does not fit, `engineFailed` with LightGBM's message,
    ///   `Cancelled`.
    public init(
        training engine: LightGBM, rows: [Float], features: Int, labels: [Float], weights: [Float]? = nil,
        parameters: [String: String], rounds: Int, cancellation: Cancellation
    ) throws {
        let (training, data) = try Self.trained(
            engine, rows, features, labels, weights, try Self.settings(parameters), rounds, cancellation)
        defer {
            clgb_booster_free(engine.library, training)
            clgb_dataset_free(engine.library, data)
        }
        // why: the data set goes away with this call, so the model is moved off it through its text.
        let text = try Self.text(engine, training)
        outputs = try Self.classes(engine, training)
        (self.engine, self.features) = (engine, features)
        booster = try Self.made { made, room, capacity in
            text.withCString { clgb_booster_load(engine.library, $0, &made, room, capacity) }
        }
    }

    /// Makes the model of a text that `saved()` gave.
    public init(_ engine: LightGBM, _ saved: Saved) throws {
        self.engine = engine
        let loaded = try Self.made { made, room, capacity in
            saved.text.withCString { clgb_booster_load(engine.library, $0, &made, room, capacity) }
        }
        booster = loaded
        outputs = try Self.classes(engine, loaded)
        var count: Int32 = 0
        try Self.checked { clgb_booster_features(engine.library, loaded, &count, $0, $1) }
        features = Int(count)
    }

    deinit { clgb_booster_free(engine.library, booster) }

    /// Predicts: `[count, outputs]` probabilities or values, or sums of leaves before the objective when `isRaw`.
    public func predict(_ rows: [Float], count: Int, isRaw: Bool = false) throws -> [Double] {
        guard count >= 0, count <= Int(Int32.max), rows.count == count * features else {
            throw CasemateError(
                .mismatch, at: "booster", "\(rows.count) values do not make \(count) rows of \(features)",
                help: "give every row \(features) values")
        }
        return try Self.predictions(engine, booster, rows, count, features, outputs, isRaw)
    }

    /// Trains on `rows` and answers `asked`, without keeping a model: what `predict` would give, sooner.
    ///
    /// Parameters and errors as in `init(training:)` and `predict`; gives the number of `outputs` too.
    package static func answers(
        training engine: LightGBM, rows: [Float], features: Int, labels: [Float], asked: [Float],
        parameters: [String: String], rounds: Int, isRaw: Bool = false, cancellation: Cancellation
    ) throws -> (values: [Double], outputs: Int) {
        guard features > 0, asked.count.isMultiple(of: features), asked.count / features <= Int(Int32.max) else {
            throw CasemateError(
                .mismatch, at: "booster", "\(asked.count) values do not make rows of \(features)",
                help: "give every row \(features) values")
        }
        let (training, data) = try trained(
            engine, rows, features, labels, nil, try settings(parameters), rounds, cancellation)
        defer {
            clgb_booster_free(engine.library, training)
            clgb_dataset_free(engine.library, data)
        }
        let outputs = try classes(engine, training)
        let values = try predictions(engine, training, asked, asked.count / features, features, outputs, isRaw)
        return (values, outputs)
    }

    /// The model as text, to be loaded again in this process.
    public func saved() throws -> Saved { Saved(text: try Self.text(engine, booster)) }

    /// A booster that has done its rounds, and the data set that it stands on; both are the caller's to free.
    private static func trained(
        _ engine: LightGBM, _ rows: [Float], _ features: Int, _ labels: [Float], _ weights: [Float]?,
        _ settings: String, _ rounds: Int, _ cancellation: Cancellation
    ) throws -> (booster: OpaquePointer, data: OpaquePointer) {
        let data = try dataset(engine, rows, features, labels, weights, settings)
        var training: OpaquePointer?
        do {
            guard (1...100_000).contains(rounds) else {
                throw CasemateError(.invalidSetting, at: "rounds", "\(rounds) is not possible", help: "use 1 to 100000")
            }
            let booster = try made { clgb_booster_create(engine.library, data, settings, &$0, $1, $2) }
            training = booster
            for _ in 0..<rounds {
                try cancellation.check()
                var isFinished = false
                try checked { clgb_booster_update(engine.library, booster, &isFinished, $0, $1) }
                if isFinished { break }
            }
            return (booster, data)
        } catch {
            clgb_booster_free(engine.library, training)
            clgb_dataset_free(engine.library, data)
            throw error
        }
    }

    private static func predictions(
        _ engine: LightGBM, _ booster: OpaquePointer, _ rows: [Float], _ count: Int, _ features: Int, _ outputs: Int,
        _ isRaw: Bool
    ) throws -> [Double] {
        if count == 0 { return [] }
        var result = [Double](repeating: 0, count: count * outputs)
        let kind = Int32((isRaw ? CLGB_PREDICT_RAW : CLGB_PREDICT_NORMAL).rawValue)
        try checked {
            clgb_booster_predict_f32(
                engine.library, booster, rows, Int32(count), Int32(features), kind, "num_threads=1", &result,
                Int64(result.count), $0, $1)
        }
        return result
    }

    private static func settings(_ parameters: [String: String]) throws(CasemateError) -> String {
        var all = Dictionary(uniqueKeysWithValues: fixed)
        for (key, value) in parameters {
            let allowed = (key + value).utf8.allSatisfy { ($0 > 32 && $0 < 127) && $0 != UInt8(ascii: "=") }
            guard allowed, !key.isEmpty, !value.isEmpty else {
                throw CasemateError(
                    .invalidSetting, at: "LightGBM parameters",
                    "'\(OnnxLook.printable(key))' or its value holds blanks, '=' or nothing",
                    help: "write names and values as LightGBM's documentation does")
            }
            all[key] = value
        }
        return all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    private static func dataset(
        _ engine: LightGBM, _ rows: [Float], _ features: Int, _ labels: [Float], _ weights: [Float]?, _ settings: String
    ) throws -> OpaquePointer {
        let count = labels.count
        guard features > 0, features <= 1 << 20, count > 0, count <= Int(Int32.max), rows.count == count * features,
            weights == nil || weights?.count == count
        else {
            throw CasemateError(
                .mismatch, at: "training data",
                "\(rows.count) values, \(count) labels and \(features) features do not fit",
                help: "give every row one label, one weight and \(features) values")
        }
        guard labels.allSatisfy(\.isFinite), weights?.allSatisfy({ $0.isFinite && $0 >= 0 }) ?? true else {
            throw CasemateError(
                .unusableData, at: "training data", "a label or weight is missing, infinite or negative",
                help: "leave such rows out")
        }
        let data = try made {
            clgb_dataset_create_f32(engine.library, rows, Int32(count), Int32(features), settings, nil, &$0, $1, $2)
        }
        do {
            try checked { clgb_dataset_set_f32(engine.library, data, "label", labels, Int32(count), $0, $1) }
            if let weights {
                try checked { clgb_dataset_set_f32(engine.library, data, "weight", weights, Int32(count), $0, $1) }
            }
        } catch {
            clgb_dataset_free(engine.library, data)
            throw error
        }
        return data
    }

    private static func text(_ engine: LightGBM, _ booster: OpaquePointer) throws -> String {
        var text: UnsafeMutablePointer<CChar>?
        try checked { clgb_booster_save(engine.library, booster, &text, $0, $1) }
        defer { clgb_text_free(text) }
        return text.map { String(cString: $0) } ?? ""
    }

    private static func classes(_ engine: LightGBM, _ booster: OpaquePointer) throws -> Int {
        var count: Int32 = 0
        try checked { clgb_booster_classes(engine.library, booster, &count, $0, $1) }
        return max(1, Int(count))
    }

    private static func made(
        _ body: (inout OpaquePointer?, UnsafeMutablePointer<CChar>, Int) -> Int32
    ) throws -> OpaquePointer {
        var made: OpaquePointer?
        let (code, message) = EngineMessage.capture { body(&made, $0, $1) }
        guard code == 0, let made else { throw failure(message) }
        return made
    }

    private static func checked(_ body: (UnsafeMutablePointer<CChar>, Int) -> Int32) throws {
        let (code, message) = EngineMessage.capture(body)
        guard code == 0 else { throw failure(message) }
    }

    private static func failure(_ message: String) -> CasemateError {
        CasemateError(.engineFailed, at: "LightGBM", message, help: "check the parameters and the data")
    }
}
