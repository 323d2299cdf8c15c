extension MetricCatalogue {
    /// Metrics of the probe `white_box`.
    static let whiteBox: [Entry] = [
        Entry(
            "white_box.robust_accuracy", .share,
            "share of attacked rows still decided rightly under every attack with gradients within the distance",
            atDistance: true, grouped: true),
        Entry(
            "white_box.clean_accuracy", .share, "share of attacked rows decided rightly before the attack",
            grouped: true),
        Entry(
            "white_box.attack_success_rate", .share, "share of rightly decided rows that an attack turned",
            grouped: true),
        Entry(
            "white_box.median_distance", .distance, "median distance of the changed rows that turned", grouped: true),
        Entry(
            "white_box.failed_checks", .count,
            "checks of the evaluation that failed: reasons not to trust its figures", grouped: true),
        Entry("white_box.gradient_passes", .count, "backward passes of all attacks", grouped: true),
    ]
}
