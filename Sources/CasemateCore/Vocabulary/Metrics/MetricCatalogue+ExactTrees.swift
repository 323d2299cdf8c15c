extension MetricCatalogue {
    /// Metrics of the probe `exact_trees`.
    static let exactTrees: [Entry] = [
        Entry(
            "exact_trees.robust_accuracy", .share,
            "share of rows decided rightly that provably no change below the distance turns", atDistance: true,
            grouped: true),
        Entry(
            "exact_trees.median_distance", .distance, "median of the smallest changes that turn a decision",
            grouped: true),
        Entry("exact_trees.unproved", .count, "rows whose bounds do not meet", grouped: true),
    ]
}
