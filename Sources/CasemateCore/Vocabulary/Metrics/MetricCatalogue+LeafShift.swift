extension MetricCatalogue {
    /// Metrics of the probe `leaf_shift`.
    static let leafShift: [Entry] = [
        Entry(
            "leaf_shift.p_value", .share,
            "share of random mixtures of training and test rows that fall into the leaves as differently"),
        Entry(
            "leaf_shift.excess", .ratio,
            "difference of training and test rows over all leaves, over its mean where they are mixed at random"),
        Entry(
            "leaf_shift.psi", .none,
            "population stability index over leaves, mean over trees, less its mean where rows are mixed at random"),
        Entry(
            "leaf_shift.js_divergence", .nats,
            "Jensen-Shannon divergence over leaves, mean over trees, less its mean where rows are mixed at random"),
        Entry("leaf_shift.shifted_segments", .count, "segments that the test rows hold more or less of"),
        Entry("leaf_shift.agreement", .share, "share of test rows that the earlier release decides alike"),
        Entry("leaf_shift.kappa", .none, "Cohen's kappa of the decisions of both releases"),
        Entry("leaf_shift.became_favourable", .share, "share of test rows whose decision became favourable"),
        Entry("leaf_shift.became_unfavourable", .share, "share of test rows whose decision became unfavourable"),
        Entry(
            "leaf_shift.accuracy_difference", .difference,
            "share of rightly decided test rows, minus the earlier release's"),
        Entry("leaf_shift.auc_difference", .difference, "ROC AUC minus the earlier release's"),
        Entry("leaf_shift.score_change", .none, "mean change of the score since the earlier release"),
        Entry(
            "leaf_shift.score_distance", .none,
            "Kolmogorov-Smirnov distance of the score distributions of both releases"),
        Entry("leaf_shift.moved_segments", .count, "segments whose scores moved far more than those of other rows"),
    ]
}
