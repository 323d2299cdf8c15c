extension MetricCatalogue {
    /// Metrics of the check `data_flips`.
    static let dataFlips: [Entry] = [
        Entry("data_flips.segments", .count, "segments whose labels were changed together", grouped: true),
        Entry("data_flips.sources", .count, "sources whose labels were changed together", grouped: true),
        Entry("data_flips.moved", .share, "estimated share of the rows whose label was moved with others"),
    ]
}
