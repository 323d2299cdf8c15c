extension MetricCatalogue {
    /// Metrics of the probe `insiders`.
    static let insiders: [Entry] = []
}
