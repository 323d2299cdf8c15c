public import CasemateCore
import CasemateData
public import CasemateModels

/// Looks for the guard's mark in a suspect.
public struct WatermarkVerifier: Sendable {
    /// Most rows that one look takes.
    public static let mostRows = 20_000
    /// Most callers that are looked at one by one: those with the most rows.
    public static let mostCallers = 8
    /// Fewest rows of a caller that is looked at.
    public static let fewestRows = 500
    private let key: WatermarkKey
    private let engine: LightGBM?

    /// Makes a verifier.
    /// - Parameters:
    ///   - secret: The guard's.
    ///   - engine: LightGBM; without it less is found.
    public init(_ secret: GuardSecret, engine: LightGBM?) { (key, self.engine) = (WatermarkKey(secret), engine) }

    /// Asks a suspect about recorded rows, all together and those of each caller, and holds its answers against the key.
    /// - Parameters:
    ///   - record: What was recorded.
    ///   - ask: Answers rows, `[count, features]`.
    /// - Throws: what `ask` throws; `mismatch` for answers that do not fit; `unusableData` for fewer than 50 rows;
    ///   `Cancelled`.
    public func verify(
        _ record: WatermarkRecord.Reading, cancellation: Cancellation,
        ask: (_ rows: [Float], _ count: Int) throws -> Predictions
    ) throws -> WatermarkVerdict {
        var samples: [(String?, WatermarkSample)] = [(nil, record.sample)]
        if record.byCaller.count > 1 { samples += record.byCaller.map { ($0.callers.first, $0) } }
        var looks: [WatermarkVerdict.Look] = []
        var hasTrees = false
        for (caller, sample) in samples {
            let (evidence, trees) = try look(sample, onlyShared: false, cancellation, ask)
            hasTrees = trees
            looks.append(Self.look(caller, sample, evidence))
        }
        return WatermarkVerdict(looks: looks, unreadable: record.unreadable, hasTrees: hasTrees)
    }

    /// Asks a suspect about rows of the owner's, which only show what rows share.
    /// - Throws: as `verify(_:cancellation:ask:)`.
    public func verify(
        probes: WatermarkSample, cancellation: Cancellation,
        ask: (_ rows: [Float], _ count: Int) throws -> Predictions
    ) throws -> WatermarkVerdict {
        let part = probes.count > Self.mostRows ? probes.part(Array(0..<Self.mostRows)) : probes
        let (evidence, hasTrees) = try look(part, onlyShared: true, cancellation, ask)
        return WatermarkVerdict(looks: [Self.look(nil, part, evidence)], unreadable: 0, hasTrees: hasTrees)
    }

    private func look(
        _ sample: WatermarkSample, onlyShared: Bool, _ cancellation: Cancellation,
        _ ask: ([Float], Int) throws -> Predictions
    ) throws -> ([WatermarkEvidence], Bool) {
        guard sample.count >= WatermarkTest.fewest else {
            throw CasemateError(
                .unusableData, at: onlyShared ? "inputs" : "record",
                "\(sample.count) rows are too few to say anything",
                help: onlyShared
                    ? "give at least \(WatermarkTest.fewest) rows, better some thousand"
                    : "let the guard record at least some hundred answers")
        }
        let test = try WatermarkTest(sample, key: key, engine: engine, cancellation: cancellation)
        let predictions = try ask(sample.rows, sample.count)
        guard let answers = SuspectAnswers(predictions, for: sample) else {
            throw CasemateError(
                .mismatch, at: "suspect",
                "answers something else than the guarded model: other classes or another task",
                help: "compare a model of the same task; a copy that renames its classes must have as many of them")
        }
        return (test.evidence(answers, onlyShared: onlyShared), test.hasTrees)
    }

    private static func look(
        _ caller: String?, _ sample: WatermarkSample, _ evidence: [WatermarkEvidence]
    ) -> WatermarkVerdict.Look {
        let lowest = evidence.map(\.pValue).min() ?? 1
        return .init(
            caller: caller, rows: sample.count, evidence: evidence,
            pValue: min(1, lowest * Double(max(1, evidence.count))))
    }
}
