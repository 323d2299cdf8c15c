extension MetricCatalogue {
    /// Metrics of the probe `insiders`.
    static let insiders: [Entry] = [
        Entry("insiders.rows", .count, "insiders that are compared with their peers", grouped: true),
        Entry("insiders.unmatched", .count, "insiders unlike everybody else, without peers", grouped: true),
        Entry("insiders.missing", .count, "names in the file of insiders that no row of the data has"),
        Entry("insiders.label_rate", .share, "share of the insiders labelled with the good outcome", grouped: true),
        Entry(
            "insiders.label_residual", .difference, "how much oftener insiders are labelled good than their peers",
            grouped: true),
        Entry(
            "insiders.label_p", .none, "p-value, after Holm, that insiders are labelled good oftener than their peers",
            grouped: true),
        Entry(
            "insiders.score_residual", .none, "mean favourable score of insiders minus their peers'", grouped: true),
        Entry(
            "insiders.score_percentile", .share, "mean percentile of an insider's score among the peers; 0.5 is parity",
            grouped: true),
        Entry(
            "insiders.score_p", .none, "p-value, after Holm, that insiders score higher than their peers",
            grouped: true),
    ]
}
