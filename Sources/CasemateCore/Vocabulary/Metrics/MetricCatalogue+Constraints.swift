extension MetricCatalogue {
    /// Metrics of the probe `constraints`.
    static let constraints: [Entry] = [
        Entry("constraints.violations", .count, "test rows that break a rule", grouped: true),
        Entry(
            "constraints.violation_share", .share, "share of the test rows to which a rule applies that break it",
            grouped: true),
        Entry("constraints.not_applicable", .count, "test rows of which a rule says nothing", grouped: true),
        Entry("constraints.train_violations", .count, "training rows that break a rule", grouped: true),
        Entry(
            "constraints.train_violation_share", .share,
            "share of the training rows to which a rule applies that break it", grouped: true),
        Entry("constraints.train_not_applicable", .count, "training rows of which a rule says nothing", grouped: true),
        Entry("constraints.broken_rows", .share, "share of the test rows that break at least one rule"),
        Entry("constraints.train_broken_rows", .share, "share of the training rows that break at least one rule"),
        Entry(
            "constraints.favoured_broken_rows", .share,
            "share decided favourably among the test rows that break at least one rule"),
    ]
}
