extension MetricCatalogue {
    /// Metrics of the probe `residuals`.
    static let residuals: [Entry] = [
        Entry(
            "residuals.out_of_fold_auc", .share,
            "area under the ROC curve of the cross-validated odds on the training rows"),
        Entry(
            "residuals.tail_ratio", .ratio,
            "rows with the poorest odds that got the outcome all the same, over their expected number", grouped: true),
        Entry(
            "residuals.cluster_ratio", .ratio,
            "rows of a source or time among those most against the odds, over their expected number", grouped: true),
    ]
}
