extension MetricCatalogue {
    /// Metrics of the probe `surrogate`.
    static let surrogate: [Entry] = [
        Entry(
            "surrogate.agreement", .share, "share of held-out rows that the copy decides as the model does",
            grouped: true),
        Entry(
            "surrogate.kappa", .none, "Cohen's kappa of copy and model on held-out rows: agreement beyond chance",
            grouped: true),
        Entry(
            "surrogate.uniform_agreement", .share, "share of uniform rows that the copy decides as the model does",
            grouped: true),
        Entry("surrogate.uniform_kappa", .none, "Cohen's kappa of copy and model on uniform rows", grouped: true),
        Entry(
            "surrogate.score_r2", .none, "share of the variance of the model's scores that the copy explains",
            grouped: true),
        Entry(
            "surrogate.score_error", .none,
            "mean absolute difference of the scores of copy and model on held-out rows", grouped: true),
        Entry(
            "surrogate.majority_rate", .share,
            "share of the model's most frequent decision on held-out rows: what a constant agrees on"),
        Entry("surrogate.uniform_majority_rate", .share, "the same on uniform rows"),
        Entry(
            "surrogate.equations_solved", .count,
            "1 when the model is linear in its inputs and was copied exactly by solving equations, else 0"),
    ]
}
