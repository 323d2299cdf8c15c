extension MetricCatalogue {
    /// Metrics of the probe `membership`.
    static let membership: [Entry] = []
}
