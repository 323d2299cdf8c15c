extension MetricCatalogue {
    /// Metrics of the probe `sensitivity`.
    static let sensitivity: [Entry] = [
        Entry(
            "sensitivity.swing", .none,
            "largest minus smallest mean score while one feature is swept, in units of the score", grouped: true),
        Entry(
            "sensitivity.score_range", .none,
            "mean over rows of largest minus smallest score while one feature is swept", grouped: true),
        Entry(
            "sensitivity.flip_rate", .share, "share of rows whose decision a change of this feature alone flips",
            grouped: true),
        Entry(
            "sensitivity.cheap_flip_rate", .share,
            "share of rows whose decision a cheap change of this feature alone flips", grouped: true),
        Entry("sensitivity.single_flip_rate", .share, "share of rows whose decision some single feature flips"),
        Entry(
            "sensitivity.single_cheap_flip_rate", .share,
            "share of rows whose decision a cheap change of some single feature flips"),
        Entry(
            "sensitivity.favourable_flip_rate", .share,
            "share of unfavourable decisions that some single feature turns favourable"),
        Entry("sensitivity.median_single_change", .distance, "median of the smallest single changes that flip"),
        Entry(
            "sensitivity.joint_flip_rate", .share,
            "share of rows that no single feature flips and a pair of influential ones does"),
        Entry(
            "sensitivity.interaction", .share,
            "share of the variance of a joint partial dependence that no sum of single ones explains", grouped: true),
        Entry("sensitivity.cliffs", .count, "places where a tiny change makes the score jump for many rows"),
        Entry(
            "sensitivity.cliff_share", .share, "share of rows whose score jumps at the feature's worst cliff",
            grouped: true),
        Entry(
            "sensitivity.broken_steps", .share, "share of steps that break the declared direction", grouped: true),
        Entry(
            "sensitivity.broken_rows", .share, "share of rows with a step that breaks the declared direction",
            grouped: true),
        Entry(
            "sensitivity.impossible_rate", .share,
            "share of rows that an impossible combination lifts among the best scores", grouped: true),
    ]
}
