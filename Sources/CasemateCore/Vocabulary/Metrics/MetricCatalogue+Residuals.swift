extension MetricCatalogue {
    /// Metrics of the probe `residuals`.
    static let residuals: [Entry] = []
}
