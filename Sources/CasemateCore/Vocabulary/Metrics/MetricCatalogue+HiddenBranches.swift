extension MetricCatalogue {
    /// Metrics of the probe `hidden_branches`.
    static let hiddenBranches: [Entry] = [
        Entry("hidden_branches.count", .count, "regions with another answer that training does not explain"),
        Entry(
            "hidden_branches.certain", .count, "those of them that no training row or no exporter can have left behind"),
        Entry(
            "hidden_branches.largest_jump", .none,
            "largest mean change of the score of training rows that are moved into a branch; 0 without one"),
        Entry("hidden_branches.rows", .count, "training rows that were searched"),
        Entry("hidden_branches.queries", .count, "rows that the model was asked about"),
        Entry("hidden_branches.regions", .count, "regions that were measured"),
        Entry(
            "hidden_branches.empty_leaves", .share,
            "share of the leaves of the model's trees that no training row reaches; absent without trees"),
        Entry(
            "hidden_branches.graph_comparisons", .count,
            "comparisons of few columns in the graph outside of its trees and layers"),
    ]
}
