extension MetricCatalogue {
    /// Metrics of the check `data_profile`.
    static let dataProfile: [Entry] = [
        Entry("data_profile.missing_share", .share, "share of the cells of the training data that hold no value"),
        Entry("data_profile.broken_rows", .share, "share of the training rows that break a declared rule"),
        Entry(
            "data_profile.violation_share", .share,
            "share of the training rows to which a declared rule applies that break it", grouped: true),
        Entry(
            "data_profile.shifted_columns", .count,
            "columns that differ from the reference by more than chance and by enough to matter"),
        Entry("data_profile.largest_psi", .none, "largest population stability index of a column"),
        Entry("data_profile.label_shift", .share, "total variation between the labels and those of the reference"),
        Entry(
            "data_profile.ks", .share, "Kolmogorov-Smirnov statistic of a column against the reference", grouped: true),
        Entry("data_profile.cramers_v", .share, "Cramér's V of a column against the reference", grouped: true),
        Entry("data_profile.psi", .none, "population stability index of a column", grouped: true),
        Entry(
            "data_profile.jensen_shannon", .share, "Jensen-Shannon distance of a column to the reference", grouped: true
        ),
        Entry(
            "data_profile.wasserstein", .none,
            "Wasserstein distance of a column to the reference, in standard deviations of the reference", grouped: true),
        Entry(
            "data_profile.out_of_range", .share, "share of the values of a column outside the range of the reference",
            grouped: true),
    ]
}
