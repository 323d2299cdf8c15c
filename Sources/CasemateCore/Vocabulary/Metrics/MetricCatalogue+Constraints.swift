extension MetricCatalogue {
    /// Metrics of the probe `constraints`.
    static let constraints: [Entry] = []
}
