extension MetricCatalogue {
    /// Metrics of the probe `random_testing`.
    static let randomTesting: [Entry] = []
}
