extension MetricCatalogue {
    /// Metrics of the probe `leaf_shift`.
    static let leafShift: [Entry] = []
}
