public import CasemateCore
public import CasemateData
public import CasemateDetect
public import CasemateModels
public import Foundation

/// Learns a profile from rows that are taken to be usual, and from what a model answers to them.
public struct GuardFit: Sendable {
    /// What to learn from and how.
    public struct Plan: Sendable {
        /// The rows: any format that data may have.
        public var data: String
        /// The model: ONNX or tree file.
        public var model: String
        /// The features by name in the model's order; `nil` takes those that the model names, else all columns but
        /// `excluded`.
        public var features: [String]?
        /// Columns that are no features, the target among them.
        public var excluded: Set<String> = []
        /// Types that replace the inferred ones, by column.
        public var types: [String: ColumnType] = [:]
        /// Cells that stand for a missing value, besides empty ones.
        public var missing: [String] = []
        /// What the caller knows better than the graph.
        public var overrides = ModelOverrides()
        /// Share of usual rows that may lie beyond each threshold, above 0 and at most 0.5.
        public var rate = 0.001
        /// How the detector is made; its rate is the plan's.
        public var outliers = OutlierSettings()
        /// Makes a plan.
        public init(data: String, model: String) { (self.data, self.model) = (data, model) }
    }
    /// What was learnt, with the files as they are to be written.
    public struct Result: Sendable {
        /// The profile.
        public let profile: GuardProfile
        /// Contents of the folder by name.
        public let files: [(name: String, content: Data)]
        /// What makes the profile weaker than it looks, a sentence each.
        public let notes: [String]
        /// Columns that find most held-out rows beyond what is usual.
        public let worst: [(name: String, rows: Int)]
    }
    /// Fewest rows that anything is learnt from.
    static let fewest = 50
    private let plan: Plan
    private let search: EngineSearch

    /// Makes a fit; nothing is read.
    public init(_ plan: Plan, search: EngineSearch) { (self.plan, self.search) = (plan, search) }

    /// Learns. The same data, model and seed give the same bytes at any number of threads.
    /// - Throws: what reading data and model and binding them throw; `unusableData` for fewer than 50 rows and for rows that
    ///   the model cannot answer; `unsupported` for a model of texts; `invalidSetting`; `Cancelled`.
    public func run(context: RunContext) throws -> Result {
        guard plan.rate > 0, plan.rate <= 0.5 else {
            throw CasemateError(
                .invalidSetting, at: "--rate", "\(plan.rate) is no share above 0 and at most 0.5",
                help: "use a share such as 0.001")
        }
        context.progress("reading", 0, 4)
        let runtime = try? OnnxRuntime(search)
        let (table, matrix) = try rows(runtime, context)
        guard matrix.count >= Self.fewest else {
            throw CasemateError(
                .unusableData, at: plan.data,
                "\(matrix.count) row\(matrix.count == 1 ? " is" : "s are") too few to learn what is usual",
                help: "thresholds would mean nothing; give at least \(Self.fewest) trusted rows, better some thousand")
        }
        context.progress("asking the model", 1, 4)
        let predictions = try table.predict(matrix, cancellation: context.cancellation)
        guard predictions.scores.allSatisfy(\.isFinite) else {
            throw CasemateError(
                .unusableData, at: plan.data, "the model answers some rows with what is no number",
                help: "leave rows out that the model cannot take, often those with a missing value")
        }
        context.progress("looking at columns", 2, 4)
        let study = ColumnStudy(
            matrix: matrix, types: table.types, rate: plan.rate, sharesScale: table.sharesScale, context: context)
        let (columns, held) = (try study.columns(), try study.heldOut())
        context.progress("learning what is odd", 3, 4)
        var notes: [String] = []
        let detector = try detector(matrix, runtime, context, &notes)
        let reference = try ReferenceRows.file(matrix, predictions, seed: context.seed)
        var heldOut = [GuardProfile.HeldOut("ranges", rows: held.rows, beyond: held.beyond)]
        if let detector {
            let beyond = Int((detector.falseAlarms * Double(detector.heldOut)).rounded())
            heldOut.append(GuardProfile.HeldOut("anomaly", rows: detector.heldOut, beyond: beyond))
        }
        for entry in heldOut where Double(entry.rows) * plan.rate < 3 {
            notes.append(
                "\(entry.rows) held-out rows are too few to count a rate of \(plan.rate): the threshold of "
                    + "'\(entry.threshold)' is extrapolated")
        }
        let bytes = detector?.bytes
        let profile = GuardProfile(
            schema: GuardProfile.schema, model: try origin(predictions), rows: matrix.count, seed: context.seed,
            rate: plan.rate, features: columns, answers: GuardProfile.Answers(predictions), heldOut: heldOut,
            files: .init(outliers: bytes.map { FileDigest.sha256($0) }, reference: FileDigest.sha256(reference)))
        context.progress("learning what is odd", 4, 4)
        let files =
            [(GuardProfile.referenceFile, reference)] + (bytes.map { [(GuardProfile.outliersFile, $0)] } ?? [])
            + [(GuardProfile.profileFile, try profile.json())]
        return Result(
            profile: profile, files: files.map { (name: $0.0, content: $0.1) }, notes: notes, worst: held.worst)
    }

    /// The rows as the model takes them, and the model bound to their columns.
    private func rows(_ runtime: OnnxRuntime?, _ context: RunContext) throws -> (BoundTable, FeatureMatrix) {
        let engine = try DataEngine(search, threads: context.threads, cancellation: context.cancellation)
        let data = try engine.open(plan.data, name: "train", types: plan.types, missing: plan.missing)
        for column in plan.excluded.sorted() { _ = try data.column(column) }
        let model = try ModelFile.open(
            path: plan.model, options: ExecutionOptions(threads: context.threads), overrides: plan.overrides
        ) { try runtime ?? OnnxRuntime(search) }
        guard model.signature.layout != .text else {
            throw CasemateError(
                .unsupported, at: plan.model, "a model of texts has no columns to learn from",
                help: "bound texts with `stages: {validation: {max_text: …}}` instead")
        }
        let bound = try TableModel(
            model: model, columns: data.columns, declared: plan.features, excluded: plan.excluded,
            levels: { try data.levels($0, limit: 100_000) })
        try data.rejectNonFinite(bound.features.map(\.name))
        let matrix = try data.matrix(bound.features)
        let types = try bound.features.map { try data.column($0.name).type }
        return (BoundTable(model: bound, types: types), matrix)
    }

    private func detector(
        _ matrix: FeatureMatrix, _ runtime: OnnxRuntime?, _ context: RunContext, _ notes: inout [String]
    ) throws -> OutlierDetector? {
        var settings = plan.outliers
        settings.rate = plan.rate
        if runtime == nil { notes.append("ONNX Runtime is not installed: there is no autoencoder") }
        do {
            return try OutlierDetector(fitting: matrix, settings: settings, runtime: runtime, context: context)
        } catch let error as CasemateError where error.code == .unusableData {
            notes.append("there is no detector of odd rows: \(error.what)")
            return nil
        }
    }

    private func origin(_ predictions: Predictions) throws -> GuardProfile.Origin {
        GuardProfile.Origin(
            name: URL(fileURLWithPath: plan.model).lastPathComponent, sha256: try FileDigest(of: plan.model).sha256,
            task: predictions.task, kind: predictions.kind, classes: predictions.classes)
    }
}

/// A model bound to the columns of a table, with what these hold.
private struct BoundTable {
    let model: TableModel
    let types: [ColumnType]
    var sharesScale: Bool { model.model.signature.layout == .image }

    func predict(_ matrix: FeatureMatrix, cancellation: Cancellation) throws -> Predictions {
        try model.predict(matrix, cancellation: cancellation)
    }
}
