extension MetricCatalogue {
    /// Metrics of the probe `training_data`; its checks have their own.
    static let trainingData: [Entry] = [
        Entry("training_data.suspects", .share, "share of the training rows that a check would put before a person"),
        Entry("training_data.likely", .share, "share of the training rows with a score of 0.5 or more"),
    ]
}
