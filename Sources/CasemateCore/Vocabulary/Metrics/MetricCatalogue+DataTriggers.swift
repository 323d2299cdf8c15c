extension MetricCatalogue {
    /// Metrics of the check `data_triggers`.
    static let dataTriggers: [Entry] = [
        Entry("data_triggers.triggers", .count, "rare values, tokens and patches that fix the label"),
        Entry("data_triggers.rows", .share, "share of rows that hold a trigger and carry the label that it brings"),
        Entry(
            "data_triggers.least_rows", .count,
            "rows that a trigger for this label must have to be told from chance, where nothing else speaks for it",
            grouped: true),
    ]
}
