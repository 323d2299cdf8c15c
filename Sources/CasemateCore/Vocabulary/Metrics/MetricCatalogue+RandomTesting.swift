extension MetricCatalogue {
    /// Metrics of the probe `random_testing`.
    static let randomTesting: [Entry] = [
        Entry("random_testing.rows", .count, "made-up rows that the model was asked about", grouped: true),
        Entry("random_testing.refused", .share, "share of the rows that the engine refused", grouped: true),
        Entry(
            "random_testing.non_finite_answers", .share, "share of the rows answered with NaN or infinity",
            grouped: true),
        Entry(
            "random_testing.malformed_answers", .share,
            "share of the rows answered with an unknown class or with another number of rows", grouped: true),
        Entry(
            "random_testing.out_of_range", .share,
            "share of the answered rows whose probabilities leave 0…1 or do not sum to 1"),
        Entry(
            "random_testing.label_disagreements", .share,
            "share of the answered rows whose label does not have the highest score"),
        Entry(
            "random_testing.inconsistent", .share,
            "share of the rows whose answer changes with the order, the neighbours or the call"),
        Entry(
            "random_testing.favourable_share", .share, "share of the answered rows decided favourably", grouped: true),
        Entry(
            "random_testing.violating_favourable_share", .share,
            "share of the rows that break a declared constraint and are decided favourably all the same",
            grouped: true),
    ]
}
