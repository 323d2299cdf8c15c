extension MetricCatalogue {
    /// Metrics of the probe `text`.
    static let text: [Entry] = [
        Entry("text.clean_accuracy", .share, "share of the test texts decided rightly as they are"),
        Entry("text.normalised_accuracy", .share, "share of the test texts decided rightly after normalisation"),
        Entry(
            "text.attack_success_rate", .share, "share of the rightly decided texts whose decision was changed",
            grouped: true),
        Entry(
            "text.let_through_rate", .share, "the same, of texts decided unfavourably: bad let through", grouped: true),
        Entry("text.blocked_rate", .share, "the same, of texts decided favourably: good turned away", grouped: true),
        Entry(
            "text.success_after_normalisation", .share,
            "share of the rightly decided texts whose change still works once the text is normalised", grouped: true),
        Entry("text.median_edits", .count, "median edits of the changed texts that succeed", grouped: true),
        Entry("text.median_words", .count, "median words touched in the changed texts that succeed", grouped: true),
        Entry("text.median_queries", .count, "median queries a text attacked", grouped: true),
        Entry("text.discarded", .count, "changed texts that the re-check refused", grouped: true),
        Entry(
            "text.universal_success_rate", .share,
            "share of held-out texts changed by appending one fixed list of good words to all of them", grouped: true),
    ]
}
