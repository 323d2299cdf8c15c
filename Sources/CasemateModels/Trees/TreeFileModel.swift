public import CasemateCore
import Foundation

/// A file of XGBoost or LightGBM that answers rows; no engine is needed.
///
/// Scores are what the library's own `predict` gives: probabilities of a classifier, the value of a regression. The
/// class is the one with the largest margin, of two the second where its margin is above 0. Any number of threads may
/// call `predict` at a time; answers are the same bytes for every number of `options.threads`.
public final class TreeFileModel: RowModel {
    /// What goes in and what comes out.
    public let signature: ModelSignature
    /// What the file holds; with overrides its form is the one that answers.
    public let file: TreeFile
    /// The trees as they answer.
    public let ensemble: TreeEnsemble
    /// How it runs.
    public let options: ExecutionOptions
    private let scorer: TreeScorer
    private let includesRawScores: Bool
    /// Columns whose values are changed before the trees see them.
    private let prepared: [Preparation]

    /// How a categorical column is brought into the form that its library tests.
    private struct Preparation {
        let column: Int
        /// Number of levels that the file knows; `nil` where values are codes.
        let levels: Int?
        /// Whether -0.5 is category 0, as truncation has it.
        let cutsBelowZero: Bool
    }

    /// Opens a file.
    public convenience init(
        path: String, options: ExecutionOptions = .init(), overrides: ModelOverrides = .init()
    ) throws {
        try self.init(TreeFile(path: path), options: options, overrides: overrides)
    }

    /// Makes a model of what was read.
    /// - Throws: `unsupported` for a regression of several targets; `invalidSetting` for overrides that do not fit.
    public init(_ file: TreeFile, options: ExecutionOptions = .init(), overrides: ModelOverrides = .init()) throws {
        let reading = try TreeFileReading(file, overrides)
        (self.file, self.options, includesRawScores) = (file, options, overrides.includesRawScores)
        ensemble = reading.ensemble
        scorer = TreeScorer(reading.ensemble)
        signature = ModelSignature(
            inputs: [.init(name: "rows", type: .float, shape: [nil, file.width])], layout: .matrix,
            task: reading.task, kind: reading.kind, classes: reading.ensemble.form.classes, fixedBatch: nil)
        prepared = (0..<file.width).compactMap { column in
            let cuts = file.format == .lightGBM && file.isCategorical[column]
            guard cuts || file.levels[column] != nil else { return nil }
            return Preparation(column: column, levels: file.levels[column]?.count, cutsBelowZero: cuts)
        }
    }

    /// Path of the file.
    public var place: String { file.path }
    /// Values of a row.
    public var rowSize: Int? { file.width }
    /// What the file calls its columns; `nil` where it only counts them.
    public var featureNames: [String]? { file.featureNames }

    /// Answers one tensor `[count, features]`; see `Model`.
    public func predict(_ inputs: [NamedTensor], cancellation: Cancellation) throws -> Predictions {
        guard inputs.count == 1, case .float(let rows) = inputs[0].tensor.storage,
            rows.count.isMultiple(of: max(1, file.width))
        else {
            throw CasemateError(
                .mismatch, at: place, "takes one tensor of float32 with \(file.width) values a row",
                help: "give the rows as one matrix")
        }
        return try predict(rows: rows, count: rows.count / max(1, file.width), cancellation: cancellation)
    }

    /// Answers rows, `[count, rowSize]` row-major, NaN for missing.
    ///
    /// A categorical column holds codes: positions in `file.levels` where the file has them. A position beyond them is
    /// a category that the model never saw, and counts as missing.
    public func predict(rows: [Float], count: Int, cancellation: Cancellation) throws -> Predictions {
        guard count >= 0, rows.count == count * file.width else {
            throw CasemateError(
                .mismatch, at: place, "\(rows.count) values do not make \(count) rows of \(file.width)",
                help: "give every row \(file.width) values")
        }
        try cancellation.check()
        let outputs = ensemble.form.outputs
        var scores = [Float](repeating: 0, count: count * TreeFinisher(ensemble.form).scores)
        var labels = [Int32](repeating: 0, count: ensemble.form.classes.isEmpty ? 0 : count)
        var raw = [Float](repeating: 0, count: includesRawScores ? count * outputs : 0)
        try scores.withUnsafeMutableBufferPointer { scores in
            try labels.withUnsafeMutableBufferPointer { labels in
                try raw.withUnsafeMutableBufferPointer { raw in
                    try answer(prepare(rows), scores, labels, raw, cancellation)
                }
            }
        }
        let shape = outputs == 1 ? [count] : [count, outputs]
        return Predictions(
            task: signature.task, classes: signature.classes, kind: signature.kind, scores: scores, labels: labels,
            outputs: raw.isEmpty ? [] : [NamedTensor("margins", Tensor(shape: shape, .float(raw)))])
    }

    private func answer(
        _ rows: [Float], _ scores: UnsafeMutableBufferPointer<Float>, _ labels: UnsafeMutableBufferPointer<Int32>,
        _ raw: UnsafeMutableBufferPointer<Float>, _ cancellation: Cancellation
    ) throws {
        // why: every tile writes the rows that it is given, so no two threads meet.
        nonisolated(unsafe) let (scores, labels, raw) = (scores, labels, raw)
        let (finisher, outputs) = (TreeFinisher(ensemble.form), ensemble.form.outputs)
        try scorer.forEachTile(rows, width: file.width, threads: options.threads, cancellation) {
            [scorer] start, size, scratch in
            scorer.add(size, scratch)
            for row in 0..<size {
                let at = start + row
                let label = finisher.finish(scratch.sums + row, step: scorer.tileRows) {
                    scores[at * finisher.scores + $0] = Float($1)
                }
                if !labels.isEmpty { labels[at] = label }
                if raw.isEmpty { continue }
                for output in 0..<outputs {
                    raw[at * outputs + output] = Float(scratch.sums[output * scorer.tileRows + row])
                }
            }
        }
    }

    /// The rows as the trees take them: categories that the file does not know become missing.
    func prepare(_ rows: [Float]) -> [Float] {
        if prepared.isEmpty { return rows }
        var changed = rows
        changed.withUnsafeMutableBufferPointer { rows in
            for preparation in prepared {
                for cell in stride(from: preparation.column, to: rows.count, by: file.width) {
                    let value = rows[cell]
                    if preparation.cutsBelowZero, value < 0, value > -1 { rows[cell] = 0 }
                    if let levels = preparation.levels, value >= Float(levels) || value <= -1 { rows[cell] = .nan }
                }
            }
        }
        return changed
    }
}

/// What a tree file's sums mean once the caller's overrides are heard.
struct TreeFileReading {
    let ensemble: TreeEnsemble
    let task: ModelTask
    let kind: ScoreKind

    init(_ file: TreeFile, _ overrides: ModelOverrides) throws(CasemateError) {
        var form = file.ensemble.form
        var (task, kind) = (file.task, file.kind)
        func refused(_ what: String) -> CasemateError {
            CasemateError(.invalidSetting, at: file.path, what, help: "leave the setting out for this file")
        }
        guard task != .regression || form.outputs == 1 else {
            throw CasemateError(
                .unsupported, at: file.path, "answers \(form.outputs) targets", help: "save one model a target")
        }
        if overrides.scoreOutputs != nil || overrides.labelOutput != nil || overrides.rowShape != nil {
            throw refused("a tree file has no named outputs and no axes")
        }
        if let layout = overrides.layout, layout != .matrix {
            throw refused("a tree file takes one matrix, not '\(layout.rawValue)'")
        }
        let wanted = overrides.task ?? (overrides.kind.map { [.value].contains($0) ? task : .binary } ?? task)
        if task == .regression, wanted == .binary {
            guard [.none, .logits].contains(overrides.kind) || form.transform == .logistic else {
                throw refused("its one value can be read as a logit alone")
            }
            // why: one raw value of two classes is a margin.
            (task, kind) = (.binary, form.transform == .logistic ? .probabilities : .logits)
            form.transform = .logistic
            form.classes = ["0", "1"]
        }
        guard overrides.task == nil || overrides.task == task else {
            throw refused("its objective '\(OnnxLook.printable(file.objective))' is for \(task.rawValue)")
        }
        if let classes = overrides.classes {
            guard classes.count == form.classes.count else {
                throw refused("\(classes.count) class names for \(form.classes.count) classes")
            }
            form.classes = classes
        }
        ensemble = try file.ensemble.with(form, at: file.path)
        (self.task, self.kind) = (task, kind)
    }
}
