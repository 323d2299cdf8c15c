extension MetricCatalogue {
    /// Metrics of the check `data_roni`.
    static let dataRoni: [Entry] = [
        Entry("data_roni.tested", .count, "rows whose effect on trusted rows was measured"),
        Entry("data_roni.flagged", .share, "share of them that do more harm than known-good rows, beyond chance"),
        Entry(
            "data_roni.false_alarms", .share,
            "share of held-out known-good rows below the thresholds of the other known-good rows"),
        Entry(
            "data_roni.source_effect", .difference,
            "change of the share of trusted rows judged right by a batch of a source, beside known-good batches",
            grouped: true),
    ]
}
