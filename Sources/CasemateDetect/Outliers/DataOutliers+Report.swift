import CasemateCore
import CasemateData

extension DataOutliers {
    /// Sentences, numbers, tables and findings.
    func outcome(
        _ review: OutlierReview, _ rows: DataRows, _ subject: DataSubject, _ suspects: Int
    ) -> ProbeOutcome {
        var result =
            review.isComplete
            ? outcome()
            : outcome(
                status: .partial,
                reason: "time ran out after \(review.scored) of \(rows.count) rows; set a larger budget")
        let beyond = Self.beyond(review)
        result.metrics =
            [
                Metric("data_outliers.rows", Double(review.scored), n: rows.total), beyond,
                Metric("data_outliers.suspects", Double(suspects), n: review.scored), review.telling,
            ] + [review.falseAlarms].compactMap(\.self)
            + zip(review.detectors, review.areas).map { name, area in
                Metric("data_outliers.telling_auc", area, n: review.telling.n, group: "detector=\(name)")
            }
        result.headlines = [beyond]
        result.summary = sentences(review, rows, subject, suspects)
        let table = table(review, rows)
        if let table { result.tables = [table] }
        if suspects > 0 { result.findings = [finding(review, beyond, table, subject, suspects)] }
        result.settings = [
            "rate": String(settings.rate), "trees": String(settings.trees), "neighbours": String(settings.neighbours),
            "autoencoder steps": subject.runtime == nil ? "0" : String(settings.steps),
        ]
        return result
    }

    private static func beyond(_ review: OutlierReview) -> Metric {
        let interval = Intervals.wilson(successes: review.odd.count, trials: review.scored)
        return Metric(
            "data_outliers.beyond", review.scored == 0 ? nil : Double(review.odd.count) / Double(review.scored),
            low: interval?.low, high: interval?.high, n: review.scored, note: "Wilson 95 %")
    }

    private func percent(_ share: Double) -> String {
        let tenths = (share * 1_000).rounded() / 10
        return "\(tenths == tenths.rounded() ? String(Int(tenths)) : String(tenths)) %"
    }

    private func sentences(
        _ review: OutlierReview, _ rows: DataRows, _ subject: DataSubject, _ suspects: Int
    ) -> [String] {
        let share = Double(review.odd.count) / Double(max(1, review.scored))
        let whom =
            review.hasReference
            ? "\(review.compared) rows of the reference" : "what the bulk of the rows suggests"
        var sentences = [
            "\(review.odd.count) of \(review.scored) rows (\(percent(share))) are as odd as "
                + "\(Self.oddness(settings.rate)) usual rows, judged by \(whom); \(percent(settings.rate)) are to be "
                + "expected.",
            suspects == 0
                ? "That is not clearly more than is to be expected, so that none is put forward."
                : "\(suspects) of them are put forward, as far as there are more than are to be expected.",
        ]
        if let area = review.telling.value {
            let three = String((area * 1_000).rounded() / 1_000)
            sentences.append(
                "Rows whose columns are shuffled among each other would be told from these rows with an area under the "
                    + "ROC curve of \(three): the nearer to 0.5, the less these columns say of each other.")
        }
        if !review.hasReference {
            let unusable = subject.reference != nil
            sentences.append(
                (unusable ? "The reference lacks columns or has too few rows. " : "")
                    + "Without a reference, bad rows that are like many others here pass for usual.")
        }
        if subject.runtime == nil {
            sentences.append("ONNX Runtime is not installed, so that no autoencoder took part.")
        }
        if review.leavesColumnsOut {
            sentences.append(
                "There are more columns than distances and the autoencoder take (\(settings.width) numbers a row); "
                    + "those they look at were drawn by the seed, the isolation forest looks at all.")
        }
        if rows.isSample { sentences.append("A sample of \(rows.count) of \(rows.total) rows was looked at.") }
        return sentences
    }

    private func table(_ review: OutlierReview, _ rows: DataRows) -> EvidenceTable? {
        guard !review.odd.isEmpty else { return nil }
        let columns = ["row (from 0)", "usual rows as odd", "columns"]
        return EvidenceTable(
            title: "The oddest rows", columns: columns,
            rows: review.odd.prefix(10).map { row in
                [String(rows.indices[row.place]), Self.oddness(row.probability), values(row, rows)]
            }, personal: columns)
    }

    private func finding(
        _ review: OutlierReview, _ beyond: Metric, _ table: EvidenceTable?, _ subject: DataSubject, _ suspects: Int
    ) -> Finding {
        // why half a point: what is rare comes in other shares by chance and from one period to the next.
        let isClear = review.hasReference && (beyond.low ?? 0) > settings.rate + 0.005
        let evidence: [Evidence] = [
            .metric(beyond),
            .text("An odd row is not a wrong one: rows that are rare and right come first in such a list."),
        ]
        return finding(
            "excess", isClear ? .medium : .low,
            "\(suspects) rows are odder than \(review.hasReference ? "the reference" : "the bulk of the data") explains",
            evidence: evidence + [table.map(Evidence.table)].compactMap(\.self),
            remedy:
                "Look at the rows in the list of suspects, where they came from first; keep what is rare and right.",
            about: subject)
    }
}
