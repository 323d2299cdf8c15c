extension MetricCatalogue {
    /// Metrics of the probe `membership`.
    static let membership: [Entry] = [
        Entry(
            "membership.auc", .share, "area under the ROC curve of telling training rows from test rows", grouped: true),
        Entry(
            "membership.balanced_accuracy", .share,
            "mean of true positive and true negative rate at a threshold chosen on other rows", grouped: true),
        Entry(
            "membership.tpr_at_1_in_100", .share,
            "share of training rows recognised while at most 1 in 100 others is taken for one", grouped: true),
        Entry(
            "membership.tpr_at_1_in_1000", .share,
            "share of training rows recognised while at most 1 in 1,000 others is taken for one", grouped: true),
        Entry("membership.accuracy_gap", .difference, "accuracy on training rows minus accuracy on test rows"),
        Entry(
            "membership.shift_auc", .share,
            "area under the ROC curve of telling training rows from test rows without the model"),
        Entry("membership.shared_rows", .count, "test rows that also stand, label and all, in the training data"),
    ]
}
