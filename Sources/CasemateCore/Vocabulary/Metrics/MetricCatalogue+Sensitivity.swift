extension MetricCatalogue {
    /// Metrics of the probe `sensitivity`.
    static let sensitivity: [Entry] = []
}
