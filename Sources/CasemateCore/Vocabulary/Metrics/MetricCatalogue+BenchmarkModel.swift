extension MetricCatalogue {
    /// Metrics of the probe `benchmark_model`.
    static let benchmarkModel: [Entry] = []
}
