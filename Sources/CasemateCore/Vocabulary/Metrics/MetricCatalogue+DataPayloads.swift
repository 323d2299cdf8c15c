extension MetricCatalogue {
    /// Metrics of the check `data_payloads`.
    static let dataPayloads: [Entry] = [
        Entry(
            "data_payloads.cells", .count, "text cells of the training data that hold something that can act",
            grouped: true),
        Entry("data_payloads.rows", .share, "share of the training rows with such a cell"),
        Entry("data_payloads.names", .count, "column names that hold something that can act"),
    ]
}
