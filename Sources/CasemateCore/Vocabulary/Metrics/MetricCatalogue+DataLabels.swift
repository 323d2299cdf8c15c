extension MetricCatalogue {
    /// Metrics of the check `data_labels`.
    static let dataLabels: [Entry] = [
        Entry(
            "data_labels.noise", .share,
            "estimated share of wrong labels; an upper bound where overlap of classes cannot be told from them"),
        Entry(
            "data_labels.confident_joint_noise", .share,
            "share of wrong labels by confident learning, which counts overlap of classes too"),
        Entry("data_labels.flagged", .count, "rows flagged by confident learning, pruning by noise rate"),
        Entry("data_labels.suspects", .count, "rows listed for a person", grouped: true),
    ]
}
