extension MetricCatalogue {
    /// Metrics of the probe `poisoning`; the parameter is the share of poisoned rows.
    static let poisoning: [Entry] = [
        Entry(
            "poisoning.clean_accuracy", .share, "share of test rows that a victim of so much poison decides rightly",
            atDistance: true, grouped: true),
        Entry(
            "poisoning.attack_success_rate", .share, "share of attacked samples that are decided as the attacker wants",
            atDistance: true, grouped: true),
        Entry(
            "poisoning.false_positive_rate", .share,
            "share of unfavourable test rows decided favourably: bad let through",
            atDistance: true, grouped: true),
        Entry(
            "poisoning.false_negative_rate", .share,
            "share of favourable test rows decided unfavourably: good turned away", atDistance: true, grouped: true),
        Entry(
            "poisoning.detected_rate", .share, "share of planted rows among the suspects of the check that finds most",
            atDistance: true, grouped: true),
        Entry(
            "poisoning.false_alarm_rate", .share, "share of honest rows among the suspects of the same check",
            atDistance: true, grouped: true),
        Entry(
            "poisoning.working_share", .share, "smallest share of poisoned rows measured at which the attack works",
            grouped: true),
        Entry(
            "poisoning.unseen_share", .share,
            "largest share of poisoned rows measured at which the attack works and no check sees it", grouped: true),
    ]
}
