extension MetricCatalogue {
    /// Metrics of the check `data_spectral`.
    static let dataSpectral: [Entry] = [
        Entry(
            "data_spectral.poisoned_groups", .count,
            "groups of rows that networks recognise only where they saw others of the group"),
        Entry("data_spectral.rows", .share, "share of rows in such groups that look like another class"),
        Entry("data_spectral.groups", .count, "groups that activations set apart within classes, poisoned or not"),
        Entry("data_spectral.classes_left_out", .count, "classes that held-out networks hardly recognise"),
        Entry("data_spectral.held_out_accuracy", .share, "accuracy of the networks on rows that they did not see"),
    ]
}
