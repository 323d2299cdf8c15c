extension MetricCatalogue {
    /// Metrics of the check `data_fairness`.
    static let dataFairness: [Entry] = [
        Entry("data_fairness.base_rate", .share, "share of a group labelled favourably", grouped: true),
        Entry("data_fairness.air", .ratio, "share labelled favourably over the comparison group's", grouped: true),
        Entry(
            "data_fairness.adjusted_gap", .difference,
            "share labelled favourably minus the comparison group's, among comparable rows", grouped: true),
        Entry(
            "data_fairness.adjusted_air", .ratio,
            "share labelled favourably over the comparison group's, among comparable rows", grouped: true),
        Entry(
            "data_fairness.rate_change", .difference, "share labelled favourably minus the reference data's",
            grouped: true),
        Entry(
            "data_fairness.gap_change", .difference,
            "gap to the comparison group minus the same gap in the reference data", grouped: true),
    ]
}
