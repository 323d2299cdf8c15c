extension MetricCatalogue {
    /// Metrics of the probe `surrogate`.
    static let surrogate: [Entry] = []
}
