public import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels

/// Asks whether the test rows look like the training rows in the model's own eyes, and in which segments this release
/// answers otherwise than the one before although no row changed.
///
/// Definitions, sources and blind spots: `docs/probes/leaf_shift.md`.
public struct LeafShiftProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "leaf_shift"
    /// Heading in reports.
    public static let title = "Leaf shift and change of release"
    /// What it examines.
    public static let purpose = "test rows that fall into other leaves than training rows, and what a release changed"
    /// Changed data, and a branch that somebody put into a model.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training, .artefact, .deployment], influence: .causative, violations: [.integrity],
        specificity: .targeted, knowledge: [.trainingData], atlas: ["AML.T0018.000", "AML.T0020"],
        owasp: ["ML02", "ML10"],
        nist: ["NISTAML.023", "NISTAML.024"])

    /// Its settings.
    public static let settings: [Setting<LeafShiftProbe>] = [
        .integer("permutations", \.permutations, 99...100_000, "random mixtures of training and test rows"),
        .integer("max_rows", \.mostRows, 100...10_000_000, "rows of each sample; more are sampled with the seed"),
        .integer("min_segment", \.minimumSegment, 6...1_000_000_000, "fewest test rows of a segment between releases"),
        .integer("conditions", \.conditions, 1...8, "most features that describe a segment"),
        .number(
            "min_change", \.minimumChange, .share,
            "change of the mean score, beside that of other rows, from which a segment is reported"),
        .number("alpha", \.alpha, .share, "level of significance after Holm's adjustment"),
    ]
    /// Random mixtures of the samples.
    public var permutations = 499
    /// Rows of each sample in the test of leaves.
    public var mostRows = 5_000
    /// Fewest test rows of a segment between releases.
    public var minimumSegment = 30
    /// Most features that describe a segment.
    public var conditions = 3
    /// Change of the mean score from which a segment is reported.
    public var minimumChange = 0.1
    /// Level of significance after Holm's adjustment.
    public var alpha = 0.01

    /// Test rows from which shares can be compared.
    static let fewestRows = 50
    /// Stability index from which a shift counts as large, and ratio of shares of a segment that does.
    static let largeIndex = 0.1, largeRatio = 1.5

    /// Creates the probe.
    public init() {}

    /// Needs trees with training data, or an earlier release.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        if subject.previous != nil { return nil }
        let release = "add `previous: old.onnx` under `model:` to compare with an earlier release"
        guard subject.hasTrees else {
            return "the model has no trees whose leaves could be compared, and no earlier release is named: \(release)"
        }
        guard let train = subject.train else {
            return "there are no training data to compare leaves with: add `train: …` under `data:`, or \(release)"
        }
        guard min(train.count, subject.test.count) >= Self.fewestRows else {
            return "fewer than \(Self.fewestRows) training or test rows: give more, or \(release)"
        }
        return nil
    }

    /// Does both parts, as far as they apply.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        var outcome = outcome()
        outcome.settings = [
            "permutations": "\(permutations)", "rows of each sample": "\(mostRows)",
            "smallest segment":
                "\(minimumSegment)", "smallest change": "\(minimumChange)", "alpha": "\(alpha)",
        ]
        let trees: TreeModel?
        do {
            trees = try TreeModel(subject.model)
            if trees == nil { outcome.summary.append("The model has no trees: leaves were not compared.") }
        } catch let error as CasemateError where error.code == .unsupported || error.code == .mismatch {
            trees = nil
            outcome.summary.append("Leaves were not compared: \(error.what).")
        }
        if let trees { try compareLeaves(trees, subject, context, &outcome) }
        if let previous = subject.previous {
            try compareReleases(previous, trees, subject, context, &outcome)
        } else {
            outcome.summary.append(
                "No earlier release is named: add `previous: old.onnx` under `model:` to see what this one changed.")
        }
        return outcome
    }

    // MARK: Leaves

    private func compareLeaves(
        _ trees: TreeModel, _ subject: AuditSubject, _ context: RunContext, _ outcome: inout ProbeOutcome
    ) throws {
        guard let train = subject.train, min(train.count, subject.test.count) >= Self.fewestRows else {
            outcome.summary.append(
                "Leaves were not compared: \(Self.fewestRows) training rows and as many test rows are needed "
                    + "(`train: …` under `data:`).")
            return
        }
        var settings = LeafShift.Settings()
        (settings.permutations, settings.alpha, settings.conditions) = (permutations, alpha, conditions)
        let (reference, current) = (
            sample(train, context.seed, stream: 0x7EA1), sample(subject.test, context.seed, stream: 0x7E57)
        )
        let shift = try LeafShift(
            trees, reference: reference, current: current, settings: settings, seed: context.seed,
            cancellation: context.cancellation)
        append(metricsOf: shift, to: &outcome)
        outcome.summary.append(sentence(shift, of: subject))
        if !shift.segments.isEmpty {
            outcome.tables.append(table(shift, over: subject.test.features))
            outcome.plots.append(plot(shift, over: subject.test.features))
        }
        if isSignificant(shift) { outcome.findings.append(finding(shift, subject)) }
    }

    private func sample(_ matrix: FeatureMatrix, _ seed: UInt64, stream: UInt64) -> FeatureMatrix {
        guard matrix.count > mostRows else { return matrix }
        var generator = SeededGenerator(seed: seed, stream: stream)
        return matrix.rows(Array(0..<matrix.count).shuffled(using: &generator).prefix(mostRows).sorted())
    }

    private func isSignificant(_ shift: LeafShift) -> Bool { shift.pValue <= alpha || !shift.segments.isEmpty }

    private func append(metricsOf shift: LeafShift, to outcome: inout ProbeOutcome) {
        let n = shift.reference + shift.current
        let rows = "\(shift.reference) training and \(shift.current) test rows, \(shift.trees) trees"
        let mixed = "\(rows), \(permutations) permutations"
        let value = Metric("leaf_shift.p_value", shift.pValue, n: n, note: mixed)
        outcome.headlines.append(value)
        outcome.metrics += [
            value,
            Metric("leaf_shift.excess", shift.statistic / shift.expected, n: n, note: "1 is no shift; \(mixed)"),
            Metric("leaf_shift.psi", shift.stability, n: n, note: "0 is no shift, 0.1 and more is large; \(rows)"),
            Metric("leaf_shift.js_divergence", shift.divergence, n: n, note: "0 is no shift; \(rows)"),
            Metric(
                "leaf_shift.shifted_segments", Double(shift.segments.count), n: n,
                note: "significant ones among \(shift.segmentsTested) that trees name, \(5) at most"),
        ]
    }

    private func sentence(_ shift: LeafShift, of subject: AuditSubject) -> String {
        guard isSignificant(shift) else {
            return "In the model's own eyes training and test rows are alike: they fall into the leaves of its "
                + "\(Words.count(shift.trees, "tree")) no more differently than chance lets them "
                + "(p \(Words.pValue(shift.pValue)))."
        }
        let first = shift.segments.first.map { shifted in
            " Most changed: \(shifted.segment.described(over: subject.test.features)), "
                + "\(Words.percent(shifted.share(of: shift).reference)) of the training rows and "
                + "\(Words.percent(shifted.share(of: shift).current)) of the test rows."
        }
        return
            "In the model's own eyes the test rows are not from where the training rows are from: they fall into its "
            + "leaves more differently than chance lets them (p \(Words.pValue(shift.pValue)))." + (first ?? "")
    }

    private func table(_ shift: LeafShift, over features: [Feature]) -> EvidenceTable {
        EvidenceTable(
            title: "Segments that the test rows hold more or less of",
            columns: ["segment", "training rows", "test rows", "difference", "p (Holm)"],
            rows: shift.segments.map { shifted in
                let share = shifted.share(of: shift)
                let gap = shifted.difference.map {
                    "\(Words.fixed(100 * (share.current - share.reference), digits: 1)) "
                        + "[\(Words.fixed(100 * $0.low, digits: 1)), \(Words.fixed(100 * $0.high, digits: 1))] points"
                }
                return [
                    shifted.segment.described(over: features),
                    "\(shifted.reference) (\(Words.percent(share.reference)))",
                    "\(shifted.current) (\(Words.percent(share.current)))", gap ?? "–", Words.pValue(shifted.pValue),
                ]
            })
    }

    private func plot(_ shift: LeafShift, over features: [Feature]) -> Plot {
        let points = shift.segments.enumerated().map { index, shifted in
            let share = shifted.share(of: shift)
            return Plot.Point(
                x: Double(index), y: share.current - share.reference, low: shifted.difference?.low,
                high: shifted.difference?.high, label: shifted.segment.described(over: features))
        }
        return Plot(
            id: "leaf_shift.segments", title: "What the test rows hold more of than the training rows",
            x: Plot.Axis("segment"), y: Plot.Axis("share of test rows minus share of training rows", isPercent: true),
            series: [Plot.Series(name: "difference of shares", style: .bars, points: points)],
            references: [Plot.Reference(.horizontal, at: 0, label: "no shift")],
            summary: "The largest difference is \(Words.percent(points.map { abs($0.y) }.max())), in "
                + "\(points.first?.label ?? "no segment").")
    }

    private func finding(_ shift: LeafShift, _ subject: AuditSubject) -> Finding {
        let ratios = shift.segments.map { shifted -> Double in
            let share = shifted.share(of: shift)
            let (low, high) = (min(share.reference, share.current), max(share.reference, share.current))
            return low > 0 ? high / low : .infinity
        }
        let isLarge = shift.stability >= Self.largeIndex || ratios.contains { $0 >= Self.largeRatio }
        var evidence: [Evidence] = [
            .metric(Metric("leaf_shift.p_value", shift.pValue, n: shift.reference + shift.current))
        ]
        if !shift.segments.isEmpty { evidence.append(.table(table(shift, over: subject.test.features))) }
        return finding(
            "sample_shift", isLarge ? .medium : .low,
            "The test rows fall into other leaves of the model than the training rows do", evidence: evidence,
            remedy:
                "Find out where the extra rows come from: another source, another time, or rows that somebody added. "
                + "Until then figures on the test data say little about other data.", about: subject)
    }
}

extension LeafShift.Shifted {
    /// Shares of the segment in both samples.
    func share(of shift: LeafShift) -> (reference: Double, current: Double) {
        (Double(reference) / Double(shift.reference), Double(current) / Double(shift.current))
    }
}
