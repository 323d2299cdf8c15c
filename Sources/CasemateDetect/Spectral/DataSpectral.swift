public import CasemateCore
import CasemateData
import CasemateModels

/// Groups of rows that a network files under their label for another reason than the rest of the class: spectral
/// signatures and activation clustering, each with a second witness.
///
/// Sources: Tran, Li, Madry, "Spectral signatures in backdoor attacks", NeurIPS 2018; Chen et al., "Detecting backdoor
/// attacks on deep neural networks by activation clustering", 2018, with its exclusionary retraining. Deviations and
/// limits: `docs/data/data_spectral.md`.
public struct DataSpectral: DataCheck {
    /// Stable name.
    public static let identifier = "data_spectral"
    /// Heading.
    public static let title = "Spectral signatures and activation clusters"
    /// Where the threat stands.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .targeted, knowledge: [.trainingData], atlas: ["AML.T0020", "AML.T0018.000"],
        owasp: ["ML02", "ML10"], nist: ["NISTAML.023", "NISTAML.024"])
    /// How groups are looked for.
    public var settings = SpectralSettings()

    /// Makes the check with its default settings.
    public init() {}

    /// Why the check does not apply, with what to add.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        guard let labels = subject.labels else { return "there are no labels: name the target (--target)" }
        if labels.classes.count < 2 { return "all rows have the same label" }
        if subject.features.isEmpty { return "there is no column of numbers or categories for a network to see" }
        if subject.features.count > SpectralData.widthLimit {
            return
                "rows have \(subject.features.count) values, \(SpectralData.widthLimit) are the limit: make them smaller"
        }
        if subject.runtime == nil { return "ONNX Runtime is not installed: run 'make setup'" }
        if subject.count < 2 * settings.classRows { return "there are \(subject.count) rows only" }
        return nil
    }

    /// Does the work.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let labels = subject.labels, let runtime = subject.runtime else {
            return DataCheckResult(
                outcome: outcome(status: .notTested, reason: reasonNotToRun(on: subject) ?? "no labels"))
        }
        let rows = try subject.rows(context: context)
        let data = SpectralData(
            rows, classes: labels.classes.count, grid: PictureGrid.of(subject, rows), settings: settings,
            seed: context.seed)
        guard data.width > 0, Set(data.labels).count == data.classes else {
            return DataCheckResult(
                outcome: outcome(status: .notTested, reason: "a class has no row among those looked at"))
        }
        context.progress(Self.identifier, 0, 2)
        var notes = data.notes
        let given = try activations(subject, data, runtime, context, &notes)
        var hunt = try SpectralHunt(data, given: given, settings: settings, runtime: runtime, context: context)
        context.progress(Self.identifier, 1, 2)
        var trials = try hunt.run()
        // why: in a table a natural kind of customer may look like the other class and pass for a planted group.
        if subject.samples == nil, PictureGrid.of(subject, rows) == nil {
            for index in trials.indices { trials[index].isMixed = false }
        }
        context.progress(Self.identifier, 2, 2)
        return report(trials, hunt, labels, subject, notes)
    }

    /// Activations of the given model; `nil`, with a note, where it has none that serve.
    private func activations(
        _ subject: DataSubject, _ data: SpectralData, _ runtime: OnnxRuntime, _ context: RunContext,
        _ notes: inout [String]
    ) throws -> ClassNetwork.Answer? {
        guard let model = subject.model else {
            notes.append("The activations are those of a small network that was trained here on these rows.")
            return nil
        }
        do {
            guard let onnx = model.model as? OnnxModel else {
                throw CasemateError(.unsupported, at: "model", "is no network", help: "give an ONNX network")
            }
            let values: [Float]
            if let samples = subject.samples {
                let layout = try SampleLayout(of: samples.shape, for: onnx.rowShape, place: samples.source)
                values = layout.apply(to: samples.samples(data.indices).values, count: data.count)
            } else {
                values =
                    try subject.train?.matrix(model.features, rows: data.indices, isLenient: true).values
                    .map { $0.isFinite ? $0 : 0 } ?? []
            }
            let network = try ClassNetwork(
                OnnxFile(path: onnx.file.path), rowShape: onnx.rowShape, runtime: runtime)
            let answer = try network.answer(values, count: data.count, cancellation: context.cancellation)
            notes.append("The activations are those of the given model (\(answer.width) values a row).")
            return answer
        } catch let error as CasemateError {
            notes.append(
                "The given model has no hidden layer to look at (\(error.what)), so a small network was trained here.")
            return nil
        }
    }
}
