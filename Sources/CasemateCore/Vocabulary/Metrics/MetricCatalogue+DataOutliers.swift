extension MetricCatalogue {
    /// Metrics of the data check `data_outliers`.
    static let dataOutliers: [Entry] = [
        Entry("data_outliers.rows", .count, "rows that were scored"),
        Entry(
            "data_outliers.beyond", .share,
            "share of the rows at least as odd as the set share of usual rows; without bad rows it is about that share"),
        Entry("data_outliers.suspects", .count, "odd rows put forward, since there are more than are to be expected"),
        Entry(
            "data_outliers.telling_auc", .share,
            "area under the ROC curve of telling rows with shuffled columns from held-out rows; by detector in groups",
            grouped: true),
        Entry(
            "data_outliers.false_alarms", .share,
            "share of held-out reference rows called odd by a threshold from other ones; absent without a reference"),
    ]
}
