extension MetricCatalogue {
    /// Metrics of the probe `benchmark_model`.
    static let benchmarkModel: [Entry] =
        [
            ("q50", "half of the rows exceed"), ("q90", "one row in ten exceeds"),
            ("q99", "one row in a hundred exceeds"),
        ]
        .map { name, words in
            Entry(
                "benchmark_model.divergence_\(name)", .difference,
                "difference between the scores of model and logistic regression that \(words)")
        } + [
            Entry(
                "benchmark_model.share_beyond", .share,
                "share of test rows whose scores are further apart than the threshold"),
            Entry("benchmark_model.auc", .share, "area under the ROC curve of the logistic regression"),
            Entry(
                "benchmark_model.auc_difference", .difference,
                "area under the ROC curve of the model less that of the logistic regression"),
            Entry(
                "benchmark_model.accuracy", .share, "share of test rows that the logistic regression decides rightly"),
            Entry(
                "benchmark_model.disagreement", .share,
                "share of test rows that model and logistic regression decide differently"),
        ]
}
