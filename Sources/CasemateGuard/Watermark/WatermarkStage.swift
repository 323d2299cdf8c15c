public import CasemateCore
import CasemateData
import CasemateModels

/// Marks answers so that a model trained on them can be told from one that was not.
///
/// Sources: Szyller, Atli, Marchal, Asokan, "DAWN: Dynamic Adversarial Watermarking of Neural Networks", ACM MM 2021
/// (changed answers for a keyed share of inputs). Differences: besides labels, all scores move a little by keyed signs;
/// labels change only where the model is unsure; the test is over the key's coins, not over a model's usual accuracy.
public struct WatermarkStage: GuardStage {
    /// Stable name.
    public static let identifier = "watermark"
    /// Heading.
    public static let title = "Forensic watermark"
    /// What it does.
    public static let purpose = "marks answers by a key, so that a copy trained on them can be recognised"
    /// Threats: extraction and theft of the model.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.privacy], knowledge: [.labels, .scores],
        atlas: ["AML.T0024.002", "AML.T0005", "AML.T0048.004"], owasp: ["ML05"], nist: ["NISTAML.031"])
    /// What may stand under `stages.watermark`.
    public static let keys: [SettingKey] = [
        SettingKey(
            "share", .number(0...0.05),
            "most expected accuracy that changed labels may cost",
            fallback: .number(0.005)),
        SettingKey(
            "strength", .number(0...1),
            "size of the moves of scores where two classes are as likely, log-odds: 0.15 moves 0.5 to 0.537, 0.9 to "
                + "0.905", fallback: .number(0.15)),
        SettingKey(
            "record", .path, "SQLite file of the answered inputs, which the verification needs",
            fallback: .text(WatermarkRecord.name)),
        SettingKey(
            "record_rows", .integer(500...1_000_000), "most rows that are kept for a caller",
            fallback: .integer(20_000)),
        SettingKey(
            "record_values", .integer(1_000_000...1_000_000_000), "most values that are kept in all, four bytes each",
            fallback: .integer(64_000_000)),
    ]

    private let pen: WatermarkPen
    private let key: WatermarkKey
    private let writer: WatermarkWriter?
    private let moved: MetricsRegistry.Cell, changed: MetricsRegistry.Cell

    /// Opens the record.
    /// - Throws: `unsupported` for a model whose inputs are no rows; what opening the record throws.
    public init(_ settings: SettingNode?, setup: StageSetup) throws {
        let place = settings?.place ?? "stages.watermark"
        guard let model = setup.model, !model.features.isEmpty else {
            throw CasemateError(
                .unsupported, at: place, "only inputs that are rows of numbers and words can be marked",
                help: "turn `watermark` off for this model")
        }
        key = WatermarkKey(setup.secret)
        pen = WatermarkPen(
            strength: Float(settings?["strength"]?.number ?? 0.15), share: Float(settings?["share"]?.number ?? 0.005))
        let help = "Answers that were marked, by what was changed."
        func cell(_ what: String) -> MetricsRegistry.Cell {
            setup.metrics.counter("casemate_watermark_rows_total", help, [("model", model.name), ("change", what)])
        }
        (moved, changed) = (cell("scores"), cell("label"))
        guard settings?["mode"]?.text != StageMode.observe.rawValue else {
            writer = nil
            return
        }
        let path = setup.path(settings?["record"]?.text ?? WatermarkRecord.name)
        let fingerprint = key.fingerprint
        let record = try setup.memory.object("watermark.record \(path) \(fingerprint)") {
            setup.isCheck && FileFacts(path: path) == nil
                ? try WatermarkRecord(standingFor: path, fingerprint: fingerprint)
                : try WatermarkRecord(path, fingerprint: fingerprint, isMade: true)
        }
        let limits = WatermarkRecord.Limits(
            caller: settings?["record_rows"]?.integer ?? 20_000,
            values: settings?["record_values"]?.integer ?? 64_000_000)
        let dropped = setup.metrics.counter(
            "casemate_watermark_unrecorded_total", "Marked answers that could not be recorded.",
            [("model", model.name)])
        let number = try record.model(model)
        writer = setup.memory.object("watermark.writer \(path) \(fingerprint) \(number) \(limits)") {
            WatermarkWriter(
                record, model: number, width: model.features.count, limits: limits, dropped: dropped)
        }
    }

    /// Marks the answer, and keeps what was asked.
    /// - Throws: `GuardRefusal` with `failed` for a tensor of a form that cannot be changed.
    public func review(
        _ answer: inout InferenceAnswer, of request: InferenceRequest, _ exchange: inout Exchange
    ) async throws -> StageVerdict {
        guard let old = answer.predictions, let matrix = request.matrix, matrix.count == old.count else { return .pass }
        let isRegression = old.task == .regression
        let width = isRegression ? 1 : old.classes.count
        guard old.scores.count == old.count * width else { return .pass }
        var (scores, labels) = (old.scores, old.labels)
        var entries: [WatermarkRecord.Entry] = []
        var changes = 0
        var part: [Float] = []
        for row in 0..<old.count {
            let values = matrix[row: row]
            let mark = key.mark(values)
            part.removeAll(keepingCapacity: true)
            part.append(contentsOf: scores[row * width..<(row + 1) * width])
            var label = isRegression ? -1 : labels[row]
            let clean = pen.write(&part, &label, task: old.task, kind: old.kind, mark)
            for index in 0..<width { scores[row * width + index] = part[index] }
            if !isRegression, label != labels[row] { (labels[row], changes) = (label, changes + 1) }
            if let writer, writer.wants(mark.rank, of: exchange.client.id) {
                entries.append(
                    .init(caller: exchange.client.id, rank: mark.rank, clean: clean, input: Array(values)))
            }
        }
        guard answer.rewrite(scores: scores, labels: isRegression ? nil : labels) else {
            throw GuardRefusal(.failed, "the answer cannot be given out", reason: "answer_form")
        }
        writer?.add(entries)
        moved.add(Double(old.count - changes))
        guard changes > 0 else { return .pass }
        changed.add(Double(changes))
        return StageVerdict(.pass, reasons: ["label_changed"])
    }

    /// Waits until what was marked so far is recorded: for tests and for an orderly end.
    package func flush() { writer?.flush() }
}
