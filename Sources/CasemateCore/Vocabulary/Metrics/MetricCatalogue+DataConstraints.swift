extension MetricCatalogue {
    /// Metrics of the check `data_constraints`.
    static let dataConstraints: [Entry] = [
        Entry("data_constraints.mined", .count, "rules that nearly every row keeps and chance would break"),
        Entry("data_constraints.broken", .count, "mined rules that at least one training row breaks"),
        Entry("data_constraints.breaking_rows", .share, "share of the training rows that break a mined rule"),
        Entry(
            "data_constraints.violation_share", .share,
            "share of the training rows to which a mined rule applies that break it", grouped: true),
    ]
}
