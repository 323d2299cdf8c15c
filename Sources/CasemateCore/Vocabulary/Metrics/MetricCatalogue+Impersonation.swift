extension MetricCatalogue {
    /// Metrics of the probe `impersonation`.
    static let impersonation: [Entry] = [
        Entry(
            "impersonation.rate", .share,
            "share of rejected rows that pass with attributes copied from one accepted identity"),
        Entry("impersonation.cheap_rate", .share, "the same for at most the cost `cheap`"),
        Entry("impersonation.few_rate", .share, "the same for at most the cost `cheap` and two attributes"),
        Entry("impersonation.median_cost", .none, "median cost of the cheapest imitation found, of the rows that pass"),
        Entry(
            "impersonation.median_attributes", .count,
            "median number of attributes copied in the cheapest imitation, of the rows that pass"),
        Entry(
            "impersonation.top_identity_rate", .share,
            "share of rejected rows that can imitate the most imitated identity for at most the cost `cheap`"),
        Entry("impersonation.mean_queries", .none, "mean number of queries spent on a rejected row"),
        Entry("impersonation.discarded", .count, "imitations that the re-check refused"),
    ]
}
