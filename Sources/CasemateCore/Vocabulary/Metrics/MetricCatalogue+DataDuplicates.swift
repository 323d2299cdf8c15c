extension MetricCatalogue {
    /// Metrics of the check `data_duplicates`.
    static let dataDuplicates: [Entry] = [
        Entry("data_duplicates.copies", .share, "share of the training rows that repeat an earlier one, labels apart"),
        Entry("data_duplicates.groups", .count, "rows that occur several times"),
        Entry("data_duplicates.largest", .count, "times that the most repeated row occurs"),
        Entry("data_duplicates.conflicts", .share, "share of the repeated rows whose copies have different labels"),
        Entry(
            "data_duplicates.chance_conflicts", .share,
            "share of the repeated rows that would have different labels if labels fell by chance"),
        Entry("data_duplicates.near_rows", .share, "share of the rows looked at that nearly repeat another one"),
        Entry("data_duplicates.test_overlap", .share, "share of the test rows that are also training rows"),
        Entry(
            "data_duplicates.source_copies", .share, "share of the rows of a source or time that occur several times",
            grouped: true),
    ]
}
