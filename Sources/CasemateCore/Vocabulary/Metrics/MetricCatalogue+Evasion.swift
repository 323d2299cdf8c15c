extension MetricCatalogue {
    /// Metrics of the probe `evasion` about what its changes cost and what they had to keep.
    static let evasionActions: [Entry] = [
        Entry(
            "evasion.median_cost", .none, "median cost of the flips found, by the costs of the feature space",
            grouped: true),
        Entry(
            "evasion.unrepairable", .count, "proposals of the search that no repair made lawful, which were not asked",
            grouped: true),
    ]
}
